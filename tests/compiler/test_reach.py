"""Whatever a compiled function reads of Python is seen when it changes; what it changes itself is told."""

import collections
import contextlib
import dataclasses
import functools
import random
import types
import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn

SCALE, LATER = [1.0], np.ones(3)


class Config:
    scale, shift = 1.0, 0.0
    weights = (2.0, [1.0])

    def __init__(self):
        self.scale, self.list, self.dict, self.array = 1.0, [1.0, [2.0]], {"a": 1.0, "b": {"c": 2.0}}, np.ones(3)
        self.tensor, self.inner = tg.ones(3), types.SimpleNamespace(scale=1.0)

    @property
    def doubled(self):
        return 2 * self.scale

    def times(self, x):
        return x * self.inner.scale


@dataclasses.dataclass
class Fields:
    x: tg.Tensor
    scale: float = 1.0


class Slotted:
    __slots__ = ("scale",)

    def __init__(self):
        self.scale = 1.0


class Scaled(nn.Module):
    def __init__(self):
        self.factor, self.mask, self.list, self.dict = 1, np.ones(3), [1.0], {"a": 1.0}

    def forward(self, x):
        return x * self.factor * self.mask * self.list[0] * self.dict["a"] * SCALE[0]


def put(holder, key, value):
    if isinstance(holder, (list, dict, np.ndarray, collections.deque)):
        holder[key] = value
    else:
        setattr(holder, key, value)


def configured(read, *change):
    return lambda: (lambda config: (lambda x: read(config, x), lambda k: put(*change[0](config), change[1] * k)))(
        Config()
    )


def of_list():
    held = [1.0, np.ones(3)]

    def change(k):
        held[0] = k
        held[1][1] = k

    return lambda x: x * held[0] * held[1], change


def of_long_list():
    held = [1.0] * 1000
    return lambda x: x * held[777], lambda k: put(held, 777, float(k))


def of_deque():
    held = collections.deque([1.0, 2.0])
    return lambda x: x * held[0], held.appendleft


def of_dict_of_tensors():
    held = {"a": tg.ones(3)}
    return lambda x: x * held["a"], lambda k: put(held, "a", tg.ones(3) * k)


def of_a_default():
    def f(x, held=[1.0], array=np.ones(3)):  # noqa: B006, B008
        return x * held[0] * array

    def change(k):
        f.__defaults__[0][0] = k
        f.__defaults__[1][0] = k

    return f, change


def of_partial():
    held, array = {"a": 1.0}, np.ones(3)

    def change(k):
        held["a"] = k
        array[2] = k

    return functools.partial(lambda held, array, x: x * held["a"] * array, held, array), change


def of_a_global():
    return lambda x: x * SCALE[0], lambda k: put(SCALE, 0, k)


def of_a_called_function():
    def inner(x):
        return x * LATER

    return lambda x: inner(x) + 1, lambda k: put(LATER, 0, k)


def of_an_array_that_numpy_reads():
    array = types.SimpleNamespace(values=np.ones(3))
    return lambda x: x * float(np.exp(array.values).sum()), lambda k: put(array.values, 1, k)


def of_a_view():
    held = Config()
    held.array = np.ones((4, 3))
    return lambda x: x * held.array[1], lambda k: put(held.array, (1, 2), k)


def of_slots():
    held = Slotted()
    return lambda x: x * held.scale, lambda k: put(held, "scale", k)


def of_a_class():
    class Local:
        scale = 1.0

        @classmethod
        def times(cls, x):
            return x * cls.scale

    return lambda x: Local.times(x), lambda k: setattr(Local, "scale", k)


def of_a_callable():
    class Times:
        def __init__(self):
            self.scale = 1.0

        def __call__(self, x):
            return x * self.scale

    times = Times()
    return times, lambda k: put(times, "scale", k)


def of_a_module():
    module = Scaled()
    changes = [("factor", 2), ("mask", np.arange(3.0)), ("list", [3.0]), ("dict", {"a": 4.0})]

    def change(k):
        if k <= len(changes):
            setattr(module, *changes[k - 1])
        module.mask[0] = module.list[0] = module.dict["a"] = SCALE[0] = k

    return module, change


def of_a_transform():
    held = [1.0]
    return tg.grad(lambda x: (x**2).sum() * held[0]), lambda k: put(held, 0, k)


def of_a_compiled_function():
    held = [1.0]
    inner = tg.compile(lambda x: x * held[0], backend="numpy")
    return lambda x: inner(x) + 1, lambda k: put(held, 0, k)


def of_forward():
    module = nn.Sequential(nn.Tanh())
    return module, lambda k: setattr(module[0], "forward", lambda x: x * k)


def of_a_forward_hook():
    module, held = nn.Sequential(nn.Tanh()), [1.0]
    module[0].register_forward_hook(lambda module, inputs, output: output * held[0])
    return module, lambda k: put(held, 0, k)


def of_a_removed_hook():
    module = nn.Sequential(nn.Tanh())
    handles = [module[0].register_forward_hook(lambda *told: told[-1] * 2) for _ in range(6)]
    return module, lambda k: handles.pop().remove()


CASES = [
    configured(lambda c, x: x * c.scale, lambda c: (c, "scale"), 2.0),
    configured(lambda c, x: x * c.doubled, lambda c: (c, "scale"), 2.0),
    configured(lambda c, x: c.times(x), lambda c: (c.inner, "scale"), 2.0),
    configured(lambda c, x: x * c.list[1][0], lambda c: (c.list[1], 0), 2.0),
    configured(lambda c, x: x * c.dict["b"]["c"], lambda c: (c.dict["b"], "c"), 2.0),
    configured(lambda c, x: x * len(c.dict), lambda c: (c.dict, "new"), 2.0),
    configured(lambda c, x: x * c.array, lambda c: (c, "array"), np.arange(3.0)),
    configured(lambda c, x: x * c.array, lambda c: (c.array, 1), 2.0),
    configured(lambda c, x: x * c.tensor, lambda c: (c, "tensor"), tg.ones(3)),
    configured(lambda c, x: x * c.tensor, lambda c: (c.tensor, "data"), np.ones(3, np.float32)),
    configured(lambda c, x: x * c.weights[1][0], lambda c: (c.weights[1], 0), 2.0),
    *(of_list, of_long_list, of_deque, of_dict_of_tensors, of_a_default, of_partial, of_a_global),
    *(of_a_called_function, of_an_array_that_numpy_reads, of_a_view, of_slots, of_a_class, of_a_callable, of_a_module),
    *(of_a_transform, of_a_compiled_function, of_forward, of_a_forward_hook, of_a_removed_hook),
]


@pytest.mark.parametrize("backend", ["numpy", "c"])
@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_what_is_read_of_python_is_seen_when_it_changes(make, backend):
    function, change = make()
    compiled = tg.compile(function, backend=backend)
    x = tg.tensor(np.arange(1.0, 4.0), dtype=np.float64)
    for k in range(5):
        if k:
            change(k)
        for _ in range(4):
            np.testing.assert_allclose(compiled(x).numpy(), function(x).numpy(), rtol=1e-15)
    assert compiled.plans


def counted_attribute():
    held = types.SimpleNamespace(n=0)

    def f(x):
        held.n += 1
        return x * 2

    return f, lambda: held.n


def counted_item():
    held = {"n": 0}

    def f(x):
        held["n"] += 1
        return x * 2

    return f, lambda: held["n"]


def appended():
    held = []

    def f(x):
        held.append("call")
        return x * 2

    return f, lambda: held


def counted_name():
    n = 0

    def f(x):
        nonlocal n
        n += 1
        return x * 2

    return f, lambda: n


def written_array():
    held = np.zeros(3)

    def f(x):
        held[1] += 1
        return x * 2

    return f, lambda: held


def hooked():
    held, module = [], nn.Sequential(nn.Tanh())
    module[0].register_forward_hook(lambda module, inputs, output: held.append(output.shape))
    return module, lambda: held


def scheduled():
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=1.0)
    schedule = tg.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)

    def f(x):
        optimizer.zero_grad()
        (w * x).sum().backward()
        optimizer.step()
        schedule.step()
        return w.detach()

    return f, lambda: optimizer.param_groups[0]["lr"]


def lowered():
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=1.0)

    def f(x):
        optimizer.zero_grad()
        (w * x).sum().backward()
        optimizer.step()
        optimizer.param_groups[0]["lr"] *= 0.5
        return w.detach()

    return f, lambda: optimizer.param_groups[0]["lr"]


@pytest.mark.parametrize(
    "make", [counted_attribute, counted_item, appended, counted_name, written_array, hooked, scheduled, lowered]
)
def test_what_a_call_changes_of_python_is_told_and_changes_in_every_call(make):
    (plain, expected), (function, found) = make(), make()
    compiled = tg.compile(function, backend="numpy")
    x = tg.ones(3)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(6):
            assert np.array_equal(compiled(x).numpy(), plain(x).numpy())
            assert np.array_equal(found(), expected())
    assert len(said) == 1
    assert "stays as it is" in str(said[0].message)


def numpys():
    return np.random.rand()  # noqa: NPY002


@pytest.mark.parametrize("draw", [numpys, random.random, lambda: tg.rand(1).item()])
def test_a_call_that_is_made_again_finds_everything_as_it_was(draw):
    def made():
        held = types.SimpleNamespace(n=0, list=[], dict={}, array=np.zeros(2))

        def f(x):
            held.n += 1
            held.list.append(draw())
            held.dict[held.n] = held.n
            held.array += 1
            return (x * 2).sum().item()

        return f, held

    (plain, expected), (function, found) = made(), made()
    compiled = tg.compile(function)
    for run, seed in ((plain, 0), (compiled, 0)):
        tg.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(5):
                run(tg.ones(2))
    assert found.list == expected.list
    assert (found.n, found.dict) == (expected.n, expected.dict)
    assert np.array_equal(found.array, expected.array)


def writes_to_tensor(x):
    with tg.no_grad():
        x *= 2
    return x + 1


def writes_to_data(x):
    x.data[0] = 5
    return x * 2


def writes_to_dict(x):
    x["y"] = x["x"] * 2
    return x["y"].sum()


def writes_to_list(x):
    x[0].append(x[0][0] * 2)
    return x[0][1].sum()


def writes_to_fields(x):
    x.scale = x.scale + 1
    return x.x * x.scale


def writes_to_array(x):
    x += 1
    return tg.tensor(x) * 2


@pytest.mark.parametrize(
    ("write", "make"),
    [
        *((writes_to_tensor, tg.ones), (writes_to_data, tg.ones), (writes_to_array, lambda n: np.ones(n))),
        *((writes_to_dict, lambda n: {"x": tg.ones(n)}), (writes_to_list, lambda n: [[tg.ones(n)]])),
        (writes_to_fields, lambda n: Fields(tg.ones(n))),
    ],
)
def test_what_a_call_writes_to_its_arguments_is_there_afterwards(write, make):
    compiled = tg.compile(write)
    for k in range(5):
        x, y = make(3), make(3)
        with warnings.catch_warnings():
            warnings.simplefilter("error" if k != 1 else "ignore")
            assert np.array_equal(compiled(x).numpy(), write(y).numpy())
        assert repr(x) == repr(y)


def test_an_argument_or_a_parameter_that_is_returned_is_the_same_object():
    w = tg.ones(3, requires_grad=True)
    compiled = tg.compile(lambda x: (x, w, {"x": x}), backend="numpy")
    for k in range(5):
        x = tg.ones(3) * k
        first, second, third = compiled(x)
        assert (first is x, second is w, third["x"] is x) == (True, True, True)


def test_an_iterator_gives_its_next_in_each_call():
    batches = [tg.ones(2) * k for k in range(8)]
    order, unused = iter(batches), iter(range(100))
    compiled = tg.compile(lambda: next(order) * 2 + 0 * next(unused))
    with pytest.warns(UserWarning, match="order, which gives something else each time"):
        assert [compiled().numpy()[0] for _ in batches] == [2 * k for k in range(8)]
    assert next(unused) == 8


def test_an_error_in_a_call_without_a_plan_is_that_of_the_function():
    table = nn.Embedding(4, 2)
    compiled = tg.compile(table)
    compiled(tg.tensor([1, 2]))
    for _ in range(3):
        with pytest.raises(IndexError):
            compiled(tg.tensor([1, 9]))
    for _ in range(3):
        assert np.array_equal(compiled(tg.tensor([1, 2])).numpy(), table(tg.tensor([1, 2])).numpy())
    assert compiled.plans


def test_noise_of_the_library_is_drawn_anew():
    for draw in (tg.randn, tg.rand):
        compiled = tg.compile(lambda x, draw=draw: x + draw(3))
        found = []
        for run in (compiled, compiled.function):
            tg.manual_seed(3)
            found.append([run(tg.ones(3)).numpy().copy() for _ in range(6)])
        assert compiled.plans
        assert np.array_equal(*found)


def test_another_seed_or_state_of_the_generator_inside_is_as_in_the_function():
    def seeded(x):
        tg.manual_seed(5)
        return x + tg.rand(3)

    def restored(x):
        state = tg.get_rng_state()
        found = x + tg.rand(3)
        tg.set_rng_state(state)
        return found

    for function in (seeded, restored):
        compiled, found = tg.compile(function), []
        for run in (compiled, function):
            tg.manual_seed(3)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found.append([y for _ in range(6) for y in (run(tg.ones(3)).numpy(), tg.rand(2).tolist())])
        assert all(map(np.array_equal, *found))


def test_vmap_is_compiled():
    f = tg.vmap(lambda x: (tg.tanh(x) * x).sum())
    compiled = tg.compile(f, backend="numpy")
    for k in range(5):
        x = tg.tensor(np.random.default_rng(k).normal(size=(4, 3)))
        assert np.array_equal(compiled(x).numpy(), f(x).numpy())
    assert compiled.plans


def test_what_the_criterion_of_a_fit_reads_is_seen():
    weight = [1.0]

    class Double(tg.train.Callback):
        def on_epoch_end(self, run):
            weight[0] *= 2

    X = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    learned = []
    for how in (False, True):
        weight[0] = 1.0
        tg.manual_seed(0)
        model = nn.Linear(3, 1)
        optimizer = tg.optim.SGD(model.parameters(), lr=1e-3)
        data = X, X.sum(axis=1, keepdims=True)
        criterion = lambda p, y: ((p - y) ** 2).mean() * weight[0]
        tg.train.fit(model, criterion, optimizer, data, epochs=5, batch_size=16, callbacks=[Double()], compile=how)
        learned.append(model.weight.numpy())
    np.testing.assert_allclose(*learned, rtol=1e-5)


def test_a_masked_array_is_refused_as_ever():
    compiled = tg.compile(lambda x: tg.tensor(x) * 2)
    for _ in range(4):
        with pytest.raises(TypeError, match="mask"):
            compiled(np.ma.masked_array([1.0, 2.0], [True, False]))


def test_keys_zeros_and_nan_among_arguments_are_told_apart():
    compiled = tg.compile(lambda x, table, number: x * table[next(iter(table))] / x * number)
    key = object()
    x = tg.tensor([1.0, 2.0], dtype=np.float64)
    for number in (0.0, -0.0, float("nan"), float("inf"), 0, False, np.float32(0.0)):
        for _ in range(4):
            found = compiled(x, {key: tg.ones(2)}, number).numpy()
            expected = compiled.function(x, {key: tg.ones(2)}, number).numpy()
            assert found.dtype == expected.dtype
            assert np.array_equal(found, expected, equal_nan=True)
            assert np.array_equal(np.signbit(found), np.signbit(expected))


def test_fields_of_a_dataclass_are_arguments():
    compiled = tg.compile(lambda b: (b.x * b.scale).sum())
    for k in range(8):
        assert compiled(Fields(tg.ones(3) * k, k // 4)).item() == 3 * k * (k // 4)
    assert len(compiled.plans) == 2


@pytest.mark.parametrize("as_array", [False, True])
def test_what_a_call_keeps_of_what_it_computes_has_values_and_is_told(as_array):
    held = types.SimpleNamespace(list=[None], dict={})

    def f(x):
        y = x * 2
        held.out = y if as_array else (w * y)
        held.list[0] = held.dict["a"] = held.out
        return y.sum()

    w = tg.ones(3, requires_grad=True)
    compiled = tg.compile(f, backend="numpy")
    for k in range(5):
        x = np.full(3, k, np.float32)
        with pytest.warns(UserWarning, match="keeps a Tensor") if k == 1 else contextlib.nullcontext():
            assert compiled(x if as_array else tg.tensor(x)).item() == 6 * k
        for kept in (held.out, held.list[0], held.dict["a"]):
            assert type(kept) is (np.ndarray if as_array else tg.Tensor)
            assert np.array_equal(kept if as_array else kept.detach().numpy(), 2 * x)


def test_a_named_tuple_of_arrays_is_an_argument_like_a_tuple():
    pair = collections.namedtuple("pair", "x y")
    compiled = tg.compile(lambda p: pair(p.x * p.y, p.x))
    for k in range(5):
        found = compiled(pair(tg.ones(2) * k, tg.ones(2)))
        assert (type(found), found.x.numpy()[0]) == (pair, k)
    assert len(compiled.plans) == 1


def test_methods_of_classes_and_of_objects_with_slots_are_compiled():
    class Point:
        __slots__ = ("scale",)
        factor = 3.0

        def __init__(self, scale):
            self.scale = scale

        @tg.compile
        def times(self, x):
            return x * self.scale

        @classmethod
        @tg.compile
        def of_class(cls, x):
            return x * cls.factor

    points = [Point(2.0), Point(3.0)]
    for _ in range(5):
        assert [p.times(tg.tensor(1.0)).item() for p in points] == [2.0, 3.0]
        assert Point.of_class(tg.tensor(1.0)).item() == points[0].of_class(tg.tensor(1.0)).item() == 3.0
    points[0].scale = 7.0
    assert points[0].times(tg.tensor(1.0)).item() == 7.0


@pytest.mark.parametrize(
    "many",
    [
        [(np.ones(3), k) for k in range(3000)],
        {f"word {k}": k for k in range(3000)},
        [[[k] for k in range(1500)] for _ in range(12)],
    ],
    ids=["list", "dict", "nested"],
)
def test_what_would_cost_more_to_compare_than_to_compute_stays_as_it_is(many):
    @tg.compile(backend="numpy")
    def f(x):
        return x * len(many)

    with pytest.warns(UserWarning, match="compared in each call: give it what it needs of them as an argument"):
        results = [f(tg.ones(2)).tolist() for _ in range(5)]
    assert results == [[len(many)] * 2] * 5
