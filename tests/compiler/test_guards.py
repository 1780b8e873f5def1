"""What changes between two calls of a compiled function is seen; what goes wrong in one leaves nothing half-done."""

import copy
import linecache
import queue
import threading
import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn

F = nn.functional


class Classifier:
    """A small classifier in training, with a compiled step and one that is not."""

    def __init__(self, dropout=0.0, clip=0.0, optimizer=None):
        tg.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 3))
        self.optimizer = (optimizer or tg.optim.Adam)(self.model.parameters(), lr=0.05)
        self.clip = clip
        self.step = tg.compile(self.as_it_is, backend="numpy")

    def as_it_is(self, x, y):
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(x), y)
        loss.backward()
        if self.clip:
            tg.optim.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step()
        return loss

    def state(self):
        """Everything that a step changes, but gradients."""
        found = list(self.model.state_dict().values())
        for entry in self.optimizer.state_dict()["state"].values():
            found += entry.values()
        found.append(tg.get_rng_state()["state"]["state"] % 2**63)
        return [np.array(x) for x in found]


def batch(n=6, seed=0):
    rng = np.random.default_rng(seed)
    return tg.tensor(rng.normal(size=(n, 4)).astype(np.float32)), tg.tensor(rng.integers(0, 3, n))


def same(first, second):
    return len(first) == len(second) and all(np.array_equal(x, y, equal_nan=True) for x, y in zip(first, second))


def learned(**how):
    """Return a classifier whose step is compiled, and its like whose step is not, after the same steps."""
    one, other = Classifier(**how), Classifier(**how)
    for run in (one.step, other.as_it_is):
        tg.manual_seed(1)
        for k in range(4):
            run(*batch(seed=k))
    assert len(one.step.plans) == 1
    assert same(one.state(), other.state())
    return one, other


def continued(one, other, *args):
    """Take one more step of both, and compare."""
    state = tg.get_rng_state()
    found = one.step(*args)
    after = one.state()
    tg.set_rng_state(state)
    expected = other.as_it_is(*args)
    assert np.array_equal(found.numpy(), expected.numpy(), equal_nan=True)
    assert same(after, other.state())


def test_a_label_out_of_range_raises_as_ever_and_nothing_is_written():
    one, other = learned(dropout=0.5)
    before, gradients = one.state(), [p.grad.numpy().copy() for p in one.model.parameters()]
    x, y = batch()
    y[2] = 7
    with pytest.raises(IndexError, match=r"cross_entropy: target holds class 7, but input has the classes 0 to 2"):
        one.step(x, y)
    assert same(before[:-1], one.state()[:-1])
    with pytest.raises(IndexError):
        other.as_it_is(x, y)
    assert same([p.grad is None for p in one.model.parameters()], [p.grad is None for p in other.model.parameters()])
    assert gradients
    continued(one, other, *batch())


@pytest.mark.parametrize("clip", [1e-3, 1e6])
def test_clipping_acts_or_does_not_in_one_plan(clip):
    one, other = learned(clip=clip)
    continued(one, other, *batch(seed=9))
    assert len(one.step.plans) == 1


def test_a_norm_that_overflows_is_left_to_the_function():
    one, other = learned(clip=1.0)
    for each in (one, other):
        each.model[0].weight.data *= 1e30
        each.model[3].weight.data *= 1e15
    x, y = batch()
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        continued(one, other, x * 1e10, y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_gradients_that_are_not_finite_are_as_ever(value):
    one, other = learned()
    x, y = batch()
    x[0, 0] = value
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        continued(one, other, x, y)


def test_other_shapes_and_dtypes_make_other_plans():
    one, other = learned()
    for _ in range(3):
        continued(one, other, *batch(n=2))
    assert len(one.step.plans) == 2
    x, y = batch()
    for _ in range(3):
        continued(one, other, x.astype(np.float64), y)
    continued(one, other, x, y)
    assert len(one.step.plans) == 3


def test_a_new_learning_rate_is_seen_in_the_same_plan():
    one, other = learned()
    for each in (one, other):
        each.optimizer.param_groups[0]["lr"] = 0.5
    continued(one, other, *batch())
    assert len(one.step.plans) == 1


@pytest.mark.parametrize(
    "option", [{"amsgrad": True}, {"weight_decay": 0.5}, {"betas": (0.5, 0.9)}, {"maximize": True}]
)
def test_other_options_are_seen(option):
    one, other = learned()
    for each in (one, other):
        each.optimizer.param_groups[0].update(option)
    for k in range(4):
        continued(one, other, *batch(seed=k))


def test_a_value_that_is_written_by_hand_is_seen():
    one, other = learned()
    for each in (one, other):
        each.model[0].weight.data *= 0.5
    continued(one, other, *batch())
    for each in (one, other):
        each.model[0].weight.data = np.ones((8, 4))
    continued(one, other, *batch())


def test_a_loaded_state_is_seen():
    one, other = learned()
    fresh = Classifier()
    for each in (one, other):
        each.model.load_state_dict(fresh.model.state_dict())
        each.optimizer.load_state_dict(fresh.optimizer.state_dict())
    continued(one, other, *batch())
    assert one.optimizer.state_dict()["state"][0]["step"] == 1


def test_training_and_evaluation_mode_have_a_plan_each():
    one, other = learned(dropout=0.5)
    for mode in (False, True, False, False, False, True):
        for each in (one, other):
            each.model.train(mode)
        continued(one, other, *batch())
    assert len(one.step.plans) == 2


def test_random_numbers_are_given_back_when_a_guard_fails():
    one, other = learned(dropout=0.5)
    x, y = batch()
    x[0, 0] = np.nan
    tg.manual_seed(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one.step(x, y)
        after = tg.get_rng_state()
        tg.manual_seed(5)
        other.as_it_is(x, y)
    assert tg.get_rng_state() == after


def test_a_parameter_that_stops_requiring_a_gradient_is_seen():
    one, other = learned()
    for wanted in (False, True):
        for each in (one, other):
            each.model[0].requires_grad_(wanted)
        for k in range(4):
            continued(one, other, *batch(seed=k))


def test_a_second_optimizer_goes_on_from_there():
    one, other = learned()
    for each in (one, other):
        each.optimizer = tg.optim.SGD(each.model.parameters(), lr=0.1)
    for k in range(4):
        continued(one, other, *batch(seed=k))


def test_a_layer_that_is_replaced_is_seen():
    one, other = learned()
    for each in (one, other):
        tg.manual_seed(3)
        each.model[0].weight = nn.Parameter(np.zeros((8, 4), np.float32))
    for k in range(4):
        continued(one, other, *batch(seed=k))


def test_a_hook_that_is_registered_later_is_called():
    one, _ = learned()
    handle = one.model[0].weight.register_hook(lambda g: 0 * g)
    for _ in range(3):
        one.step(*batch())
        assert not one.model[0].weight.grad.numpy().any()
    handle.remove()
    one.step(*batch())
    assert one.model[0].weight.grad.numpy().any()
    handle = one.model.register_forward_hook(lambda module, inputs, output: 0 * output)
    for _ in range(3):
        assert one.step(*batch()).item() == pytest.approx(np.log(3))
    handle.remove()
    assert one.step(*batch()).item() != pytest.approx(np.log(3))


def test_gradients_add_up_without_zero_grad():
    def made():
        tg.manual_seed(0)
        model = nn.Linear(3, 1)
        return model, lambda x: (model(x) ** 2).mean().backward()

    (one, step), (other, plain) = made(), made()
    step = tg.compile(step, backend="numpy")
    for k in range(6):
        x = tg.tensor(np.random.default_rng(k).normal(size=(4, 3)))
        step(x)
        plain(x)
        assert np.array_equal(one.weight.grad.numpy(), other.weight.grad.numpy())
        if k == 3:
            one.zero_grad()
            other.zero_grad()


def test_results_and_gradients_that_are_kept_never_change():
    one, _ = learned()
    kept = []
    for k in range(4):
        loss = one.step(*batch(seed=k))
        kept += [(x, x.numpy().copy()) for x in (loss, *[p.grad for p in one.model.parameters()])]
    assert all(np.array_equal(x.numpy(), before) for x, before in kept)


def test_results_have_no_history_and_say_so():
    one, _ = learned()
    loss = one.step(*batch())
    with pytest.raises(RuntimeError, match=r"tg\.compile"):
        loss.backward()
    forward = tg.compile(one.model)
    for _ in range(4):
        y = forward(batch()[0])
        with pytest.raises(RuntimeError, match=r"tg\.compile"):
            y.sum().backward()
        with pytest.raises(RuntimeError, match=r"tg\.compile"):
            tg.autograd.grad((y.sum() + one.model[0].weight.sum()), one.model[0].weight)
    with tg.no_grad():
        for _ in range(4):
            assert not forward(batch()[0]).requires_grad


@pytest.mark.parametrize("take", [lambda x: x.item(), float, str, lambda x: x.numpy(), lambda x: f"{x:.3f}"])
def test_a_number_that_is_taken_inside_is_said_once_and_the_function_stays_as_it_is(take):
    w = tg.tensor([1.0, 2.0], requires_grad=True)

    def step(x):
        with tg.no_grad():
            take((w * x).sum())
        return (w * x).sum()

    compiled = tg.compile(step)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for k in range(5):
            assert compiled(tg.tensor([1.0, k])).item() == 1 + 2 * k
    assert len(said) == 1
    assert "stays as it is" in str(said[0].message)
    assert said[0].filename == __file__
    line = linecache.getline(__file__, said[0].lineno)
    assert "take(" in line or "parametrize" in line


def test_a_tensor_that_is_kept_elsewhere_is_noticed():
    kept = []
    w = tg.tensor([1.0, 2.0], requires_grad=True)

    @tg.compile
    def step(x):
        loss = (w * x).sum()
        kept.append(loss.detach())
        return loss

    step(tg.tensor([1.0, 0.0]))
    with pytest.warns(UserWarning, match="keeps a Tensor that it does not return"):
        step(tg.tensor([1.0, 1.0]))
    for k in (2, 3):
        step(tg.tensor([1.0, k]))
    assert [x.item() for x in kept] == [1.0, 3.0, 5.0, 7.0]


def test_a_counter_inside_of_the_function_is_noticed():
    calls = queue.SimpleQueue()
    for k in range(1, 6):
        calls.put(k)
    w = tg.tensor(2.0, requires_grad=True)

    @tg.compile
    def step(x):
        return w * x * calls.get()

    with pytest.warns(UserWarning, match="other things in each call"):
        assert [step(tg.tensor(1.0)).item() for _ in range(5)] == [2.0, 4.0, 6.0, 8.0, 10.0]


class Told:
    """What compares in no usual way, as a table does."""

    def __init__(self, call):
        self.call = call

    def __repr__(self):
        return f"call {self.call}"

    def __eq__(self, other):
        raise ValueError("neither true nor false")


@pytest.mark.parametrize("make", [np.float32, str, lambda k: {"call": k}, lambda k: [np.int64(k)], Told])
def test_what_is_returned_beside_tensors_is_never_old(make):
    calls = queue.SimpleQueue()
    for k in range(1, 6):
        calls.put(k)

    def step(x):
        return x * 2, make(calls.get())

    compiled = tg.compile(step)
    with pytest.warns(UserWarning, match="what is returned"):
        told = [compiled(tg.ones(2))[1] for _ in range(5)]
    assert list(map(repr, told)) == [repr(make(k)) for k in range(1, 6)]


def test_noise_of_a_generator_of_ones_own_is_noticed():
    rng = np.random.default_rng(0)

    @tg.compile
    def noisy(x):
        return x + rng.normal(size=3)

    with pytest.warns(UserWarning, match="other things in each call"):
        found = [noisy(tg.zeros(3)).numpy() for _ in range(5)]
    assert len({x.tobytes() for x in found}) == 5


SCALE, DATA = 2.0, np.array([1.0, 2.0])


def test_global_and_free_names_are_read_in_each_call():
    global SCALE, DATA
    offset, more = 1.0, np.array([10.0, 20.0])

    @tg.compile
    def f(x):
        return x * DATA * SCALE + offset + more

    def expected(x):
        return x.numpy() * DATA * SCALE + offset + more

    x = tg.tensor(np.array([1.0, 3.0]))
    for _ in range(4):
        assert np.array_equal(f(x).numpy(), expected(x))
    for change in ("SCALE", "DATA", "in place", "offset", "more"):
        if change == "SCALE":
            SCALE = 3.0
        elif change == "DATA":
            DATA = np.array([5.0, 6.0])
        elif change == "in place":
            DATA[0] = 100.0
        elif change == "offset":
            offset = -1.0
        else:
            more = more + 1
        for _ in range(3):
            assert np.array_equal(f(x).numpy(), expected(x)), change


def test_a_branch_on_a_value_goes_both_ways():
    @tg.compile
    def f(x):
        return x * 2 if x.sum() > 0 else -x

    for k in (1, 2, 3, -1, 4, -5, -6, 7, -8):
        x = tg.tensor([float(k), k])
        assert np.array_equal(f(x).numpy(), (x * 2 if k > 0 else -x).numpy())


def test_python_values_make_plans_and_do_not_grow_without_end():
    f = tg.compile(lambda x, n: x * n)
    for n in range(32):
        assert [f(tg.tensor(2.0), n).item() for _ in range(3)] == [2 * n] * 3
    assert len(f.plans) == 32
    with pytest.warns(UserWarning, match="plans"):
        assert f(tg.tensor(2.0), 100).item() == 200
    assert [f(tg.tensor(2.0), n).item() for n in (101, 3, 102)] == [202, 6, 204]
    assert len(f.plans) == 32


def test_updates_by_hand_are_compiled():
    def made():
        w = tg.tensor([1.0, -2.0, 3.0], requires_grad=True)

        def step(x, y):
            loss = ((x @ w - y) ** 2).mean()
            loss.backward()
            w.data -= 0.1 * w.grad.data
            w.grad = None
            return loss

        return w, step

    (one, step), (other, plain) = made(), made()
    step = tg.compile(step, backend="numpy")
    for k in range(6):
        rng = np.random.default_rng(k)
        args = tg.tensor(rng.normal(size=(5, 3)).astype(np.float32)), tg.tensor(rng.normal(size=5).astype(np.float32))
        assert step(*args).item() == plain(*args).item()
        assert np.array_equal(one.numpy(), other.numpy())
    assert len(step.plans) == 1


def test_methods_have_plans_for_each_object():
    class Scaled:
        def __init__(self, factor):
            self.factor = tg.tensor(factor)

        @tg.compile
        def times(self, x):
            return x * self.factor

    one, other = Scaled(2.0), Scaled(3.0)
    for _ in range(4):
        assert (one.times(tg.tensor(1.0)).item(), other.times(tg.tensor(1.0)).item()) == (2.0, 3.0)
    copied = copy.deepcopy(one)
    copied.factor = tg.tensor(7.0)
    assert [copied.times(tg.tensor(1.0)).item() for _ in range(4)] == [7.0] * 4


def test_transforms_are_compiled():
    def f(w):
        return (tg.tanh(w) ** 3).sum()

    for transform in (tg.hessian, tg.grad, tg.jacobian):
        plain, compiled = transform(f), tg.compile(transform(f))
        for k in range(5):
            x = tg.tensor(np.random.default_rng(k).normal(size=4))
            assert np.array_equal(plain(x).numpy(), compiled(x).numpy())
        assert len(compiled.plans) == 1


def test_threads_may_call_one_compiled_function():
    one, _ = learned()
    forward = tg.compile(one.model, backend="numpy")
    inputs = [batch(seed=k)[0] for k in range(8)]
    with tg.no_grad():
        expected = [one.model(x).numpy() for x in inputs]
        for x in inputs[:4]:
            forward(x)
    wrong = []

    def work(k):
        with tg.no_grad():
            for _ in range(50):
                if not np.array_equal(forward(inputs[k]).numpy(), expected[k]):
                    wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_other_threads_may_use_the_same_tensors_while_a_function_is_traced(backend):
    w = tg.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    other = tg.compile(lambda: (tg.tanh(w) * 2).sum(axis=0), backend=backend)
    with tg.no_grad():
        expected = [x.numpy() for x in (w * 2, w.T @ w, w[0], w.detach(), other(), other(), other())][:5]
    found = queue.SimpleQueue()

    def look():
        with tg.no_grad():
            results = [w * 2, w.T @ w, w[0], w.detach(), other()]
            v = w.data.copy()
            v += w.data
            found.put(([x.numpy().copy() for x in results], type(v), float(w.max()), repr(w)))

    @tg.compile(backend=backend)
    def f(x):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        return (w * x).sum()

    for k in range(5):
        assert f(tg.tensor(float(k))).item() == 15 * k
    for _ in range(3):
        results, kind, largest, text = found.get()
        np.testing.assert_allclose(np.concatenate(results, axis=None), np.concatenate(expected, axis=None), rtol=1e-14)
        assert (kind, largest, text) == (np.ndarray, 5.0, repr(w))
    assert found.empty()
    assert type(w.data) is np.ndarray
    assert f.plans


def test_anomaly_mode_and_observers_see_the_operations():
    one, _ = learned()
    x, y = batch()
    x[0, 0] = np.inf
    with tg.detect_anomaly(), pytest.raises(FloatingPointError):
        one.step(x, y)


def test_a_step_alone_is_compiled_though_no_operation_uses_the_parameters():
    tg.manual_seed(0)
    models = [nn.Linear(3, 2), nn.Linear(3, 2)]
    models[1].load_state_dict(models[0].state_dict())
    x = tg.randn(5, 3)
    for model, wrap in zip(models, (lambda f: f, tg.compile(backend="numpy"))):
        optimizer = tg.optim.Adam(model.parameters(), lr=0.1)
        step = wrap(optimizer.step)
        for _ in range(6):
            optimizer.zero_grad()
            (model(x) ** 2).sum().backward()
            step()
    assert "plan 1" in step.report()
    for p, q in zip(*(model.parameters() for model in models), strict=True):
        assert np.array_equal(p.numpy(), q.numpy())


def test_a_rate_of_numpy_rounds_as_it_does_in_the_function():
    """A float64 of NumPy computes in double precision where a float of Python would not."""

    def weights(wrap):
        w = tg.tensor(np.linspace(0.1, 1, 7).astype(np.float32), requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.1, momentum=0.9)

        def step():
            optimizer.zero_grad()
            (w**3).sum().backward()
            optimizer.step()

        run = wrap(step)
        for k in range(16):
            optimizer.param_groups[0]["lr"] = 0.1 if k < 6 else np.float64(0.1) / (k + 1)
            run()
        return w.numpy()

    np.testing.assert_array_equal(weights(lambda step: tg.compile(step, backend="numpy")), weights(lambda step: step))


@pytest.mark.parametrize("frozen", [True, False])
def test_a_parameter_that_was_left_out_comes_back(frozen):
    def weights(wrap):
        w, v = tg.ones(3, requires_grad=True), tg.ones(2, requires_grad=True)
        optimizer = tg.optim.Adam([w, v], lr=0.1)
        run = wrap(optimizer.step)
        for k in range(12):
            v.requires_grad_(k > 6 or not frozen)
            w.grad = np.full(3, k, np.float32)
            v.grad = np.full(2, k, np.float32) if k > 6 or frozen else None
            run()
        return np.concatenate([w.numpy(), v.numpy()])

    np.testing.assert_array_equal(weights(lambda step: tg.compile(step, backend="numpy")), weights(lambda step: step))


def test_numbers_that_are_new_in_each_call():
    """Tracing costs far more than the function: it is given up, but not for ever."""
    traced = queue.SimpleQueue()

    @tg.compile(backend="numpy")
    def f(x, k):
        traced.put(type(x._data) is not np.ndarray)
        return x * k

    x = tg.ones(3)
    with pytest.warns(UserWarning, match="let a number that changes be an array") as found:
        results = [f(x, k).tolist() for k in range(400)]
    assert len(found) == 1
    assert results == [[k] * 3 for k in range(400)]
    assert sum(traced.get() for _ in range(traced.qsize())) < 70
    for _ in range(200):
        f(x, 1)
    assert len(f.plans) == 1


@pytest.mark.parametrize("norm", [1, 3.0, np.inf])
@pytest.mark.parametrize("limit", [0.1, 100.0])
@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_clipping_by_other_norms(norm, limit, backend):
    def history(wrap):
        tg.manual_seed(0)
        model = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 1))
        optimizer = tg.optim.Adam(model.parameters(), lr=0.01)

        def step(x):
            optimizer.zero_grad()
            (model(x) ** 2).mean().backward()
            found = tg.optim.clip_grad_norm_(model.parameters(), limit, norm)
            optimizer.step()
            return found

        run = wrap(step)
        rng = np.random.default_rng(0)
        norms = [run(rng.normal(size=(6, 5)).astype(np.float32)).item() for _ in range(9)]
        return run, [*norms, *np.concatenate([p.numpy().reshape(-1) for p in model.parameters()])]

    compiled, found = history(lambda step: tg.compile(step, backend=backend))
    assert compiled.plans
    expected = history(lambda step: step)[1]
    if backend == "numpy":
        assert found == expected
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("hold", ["an attribute", "a list", "a Sequential"])
def test_a_compiled_module_within_another_keeps_its_parameters(hold):
    """Without them an optimizer would leave them as they are, without a word."""

    class Net(nn.Module):
        def __init__(self, wrap):
            tg.manual_seed(0)
            self.body = [wrap(nn.Linear(2, 3))] if hold == "a list" else wrap(nn.Linear(2, 3))
            self.head = nn.Linear(3, 1)

        def forward(self, x):
            body = self.body[0] if hold == "a list" else self.body
            return self.head(body(x))

    def made(wrap):
        if hold == "a Sequential":
            tg.manual_seed(0)
            return nn.Sequential(wrap(nn.Linear(2, 3)), nn.BatchNorm1d(3), nn.Linear(3, 1))
        return Net(wrap)

    plain, compiled = made(lambda module: module), made(tg.compile(backend="numpy"))
    assert [*compiled.state_dict()] == [*plain.state_dict()]
    assert [name for name, _ in compiled.named_parameters()] == [name for name, _ in plain.named_parameters()]
    results = []
    for net in (plain, compiled):
        optimizer = tg.optim.Adam(net.parameters(), lr=0.1)

        @tg.compile(backend="numpy")
        def step(x, net=net, optimizer=optimizer):
            optimizer.zero_grad()
            (net(x) ** 2).mean().backward()
            optimizer.step()

        for k in range(6):
            step(tg.tensor(np.random.default_rng(k).normal(size=(4, 2)).astype(np.float32)))
        net.eval()
        with tg.no_grad():
            results.append([net(tg.ones(1, 2)).item(), *(p.numpy() for p in net.parameters())])
    for x, y in zip(*results, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("name", ["fullgraph", "dynamic", "static_argnums", "static_argnames", "donate_argnums"])
def test_arguments_of_other_compilers_are_refused_with_a_hint(name):
    with pytest.raises(TypeError, match=rf"compile\(\).*{name}.*leave it out"):
        tg.compile(nn.Linear(2, 1), **{name: True})
