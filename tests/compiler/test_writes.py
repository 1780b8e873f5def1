"""What a compiled step writes by hand, beside its optimizer, is written; what it returned before stays what it was."""

import copy

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn

BACKENDS = pytest.mark.parametrize("backend", ["numpy", "c"])


def inputs(k, *shape):
    return tg.tensor(np.random.default_rng(k).normal(size=shape), dtype=np.float64)


def found_by(make, backend, calls=7):
    """Return all that the calls of a function return and leave in Tensors: of itself, and compiled."""
    found = []
    for compiled in (False, True):
        tg.manual_seed(0)
        function, tensors, *between = make()
        run = tg.compile(function, backend=backend) if compiled else function
        kept, left = [], []
        for k in range(calls):
            for change in between:
                change(k)
            kept.append(run(inputs(k, 4, 3)))
            left += [np.array(x.numpy()) for x in tensors]
            left += [np.array(x.grad) for x in tensors if type(x.grad) is tg.Tensor]
        returned = [np.array(x.numpy()) for result in kept for x in (result if type(result) is tuple else (result,))]
        found.append([*returned, *left])
        if compiled:
            assert run.plans, run.report()
    return found


def assert_same(make, backend):
    expected, found = found_by(make, backend)
    assert len(expected) == len(found)
    for x, y in zip(expected, found):
        if backend == "numpy":
            assert np.array_equal(x, y)
        else:
            np.testing.assert_allclose(y, x, rtol=1e-10, atol=1e-12)


def decay(model):
    for p in model.parameters():
        p.data *= 0.9


def replace(model):
    model[0].weight.data = model[0].weight.data * 0.9


def clamp(model):
    for p in model.parameters():
        p.data = np.clip(p.data, -0.1, 0.1)


def write_part(model):
    model[0].weight.data[1, 2] = 0.5
    with tg.no_grad():
        model[0].weight[0] = 0.25


def write_all(model):
    with tg.no_grad():
        model[2].bias[...] = model[2].bias * 0.5 + 1


def reverse(model):
    model[0].weight.data = model[0].weight.data[::-1]


def shrink(model):
    with tg.no_grad():
        norm = (model[0].weight ** 2).sum(axis=1, keepdims=True) ** 0.5
        model[0].weight *= tg.minimum(1.0, 0.5 / norm)


@pytest.mark.parametrize(
    ("when", "backend"), [("before", "numpy"), ("after", "numpy"), ("both", "numpy"), ("both", "c")]
)
@pytest.mark.parametrize("write", [decay, replace, clamp, write_part, write_all, reverse, shrink])
@pytest.mark.parametrize("optimizer", [tg.optim.SGD, tg.optim.Adam])
def test_parameters_are_written_by_hand_beside_a_step(optimizer, write, when, backend):
    def make():
        model = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 2)).double()
        chosen = optimizer(model.parameters(), lr=0.1)

        def step(x):
            for _ in range(2 if when == "both" else 1):
                chosen.zero_grad()
                loss = (model(x) ** 2).mean()
                loss.backward()
                if when != "after":
                    write(model)
                chosen.step()
                if when != "before":
                    write(model)
            return loss, model[0].weight.detach(), model[2].bias * 1

        return step, [*model.parameters()]

    assert_same(make, backend)


@BACKENDS
def test_what_was_read_before_a_write_stays_what_it_was(backend):
    def make():
        w = tg.ones(3, dtype=np.float64, requires_grad=True)
        b = tg.zeros(3, dtype=np.float64)

        def step(x):
            old = w * 1, w.detach(), tg.tensor(w.data.copy()), b * 1, b.detach(), b.clone(), b.reshape(3, 1)
            (w * x).sum().backward()
            w.data -= 0.1 * w.grad.data
            w.grad = None
            with tg.no_grad():
                b[...] = b + x[0]
            return (*old, w.detach(), w * 1, b * 1)

        return step, [w, b]

    assert_same(make, backend)


@BACKENDS
def test_two_values_change_places(backend):
    def make():
        a, b = (tg.tensor(np.full(3, k), requires_grad=True) for k in (0.0, 1.0))

        def step(x):
            old = a.data.copy()
            a.data[...] = b.data
            b.data[...] = old
            return a + b * x

        return step, [a, b]

    assert_same(make, backend)


@BACKENDS
def test_sharpness_aware_steps_are_compiled(backend):
    def make():
        model = nn.Linear(3, 2).double()
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        def step(x):
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            away = [0.05 * p.grad for p in model.parameters()]
            with tg.no_grad():
                for p, e in zip(model.parameters(), away):
                    p += e
            optimizer.zero_grad()
            (model(x) ** 2).mean().backward()
            with tg.no_grad():
                for p, e in zip(model.parameters(), away):
                    p -= e
            optimizer.step()
            return loss

        return step, [*model.parameters()]

    assert_same(make, backend)


@BACKENDS
def test_an_average_of_weights_that_no_operation_has_used_is_compiled(backend):
    def make():
        model = nn.Linear(3, 2).double()
        average = copy.deepcopy(model)
        optimizer = tg.optim.Adam(model.parameters(), lr=0.1)

        def step(x):
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            for mean, p in zip(average.parameters(), model.parameters()):
                mean.data[...] = 0.9 * mean.data + 0.1 * p.data
            return loss

        return step, [*model.parameters(), *average.parameters()]

    assert_same(make, backend)


@BACKENDS
@pytest.mark.parametrize("optimizer", [tg.optim.SGD, tg.optim.Adam, tg.optim.Adagrad])
def test_a_new_rate_is_seen_where_rows_of_a_table_are_updated(optimizer, backend):
    def make():
        table = nn.Embedding(9, 4, sparse=True).double()
        chosen = optimizer(table.parameters(), lr=0.1)

        def step(x):
            chosen.zero_grad()
            rows = tg.argsort(x, axis=1)
            loss = (table(rows) ** 2).mean()
            loss.backward()
            chosen.step()
            return loss

        def change(k):
            chosen.param_groups[0]["lr"] = 0.1 / (1 + k)

        return step, [table.weight], change

    assert_same(make, backend)


def test_gradients_are_cleared_though_nothing_else_is_done_with_the_parameters():
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)

    def step(x):
        optimizer.zero_grad()
        if x.sum() < 0:
            return x
        loss = (w * x).sum()
        loss.backward()
        return loss

    step, clear = tg.compile(step, backend="numpy"), tg.compile(optimizer.zero_grad, backend="numpy")
    for sign in (-1, -1, -1, -1, 1, -1, -1, 1, 1, 1, -1, 1, -1):
        step(tg.ones(3) * sign)
        assert (w.grad is None) == (sign < 0)
    for k in range(8):
        w.grad = None if k % 3 == 0 else tg.ones(3)
        clear()
        assert w.grad is None


def test_two_optimizers_of_one_parameter_are_as_they_are():
    found = []
    for compiled in (False, True):
        w = tg.ones(3, requires_grad=True)
        optimizers = [tg.optim.SGD([w], lr=0.1), tg.optim.Adam([w], lr=0.1)]

        def step(x, w=w, optimizers=optimizers):
            w.grad = None
            (w**2 * x).sum().backward()
            for optimizer in optimizers:
                optimizer.step()
            return w.detach()

        run = tg.compile(step, backend="numpy") if compiled else step
        if compiled:
            with pytest.warns(UserWarning, match="two optimizers of one parameter"):
                found.append([run(tg.ones(3) * k).numpy() for k in range(6)])
        else:
            found.append([run(tg.ones(3) * k).numpy() for k in range(6)])
    assert np.array_equal(*found)


def test_gradients_and_values_that_are_returned_are_those_of_the_parameter():
    w = tg.ones(3, requires_grad=True)
    data = np.ones(3, np.float32)

    @tg.compile(backend="numpy")
    def step(x):
        w.grad = None
        (w * x * data).sum().backward()
        return w.grad, w.data, x, data

    for k in range(5):
        x = np.full(3, k, np.float32)
        gradient, value, given, array = step(x)
        assert gradient is w.grad
        assert given is x
        assert array is data
        value[0] = k
        assert w.numpy()[0] == k


def test_a_copy_in_another_dtype_keeps_the_order_of_axes():
    f = tg.compile(lambda x: (x.astype(np.float32) ** 2).mean(), backend="numpy")
    for k in range(6):
        x = tg.tensor(np.asfortranarray(np.random.default_rng(k).normal(size=(7, 9)).astype(np.float32)))
        assert f(x).item() == f.function(x).item()


def test_gradients_that_a_name_in_a_string_clears():
    def history(wrap):
        w, v = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)

        def step(x, both):
            for p in (w, v):
                setattr(p, "gr" + "ad", None)
            ((w * x).sum() + (v.sum() if both else 0)).backward()

        run, found = wrap(step), []
        for k in range(24):
            run(tg.ones(2), k % 6 == 0)
            found += [w.grad.tolist(), v.grad if v.grad is None else v.grad.tolist()]
        return found

    assert history(lambda f: tg.compile(f, backend="numpy")) == history(lambda f: f)
