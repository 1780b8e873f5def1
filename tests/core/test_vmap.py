"""vmap against the loop over the elements: every operation at its samples, forward and back, once and twice."""

from contextlib import suppress
from functools import partial

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.samples import SAMPLES, label
from tests.tensors import close
from tinygrad_ml import autograd, batched, batching, nn, transforms, vectorize

random = np.random.default_rng(0)
FEW = [  # three samples of each operation, and all of them when there is time
    pytest.param(name, sample, id=label(name, sample), marks=pytest.mark.slow if i % max(1, len(samples) // 3) else [])
    for name, samples in SAMPLES.items()
    for i, sample in enumerate(samples)
]
OPERATIONS = autograd.OPERATIONS


def function_of(name):
    if name in OPERATIONS:
        return OPERATIONS[name].operation
    return next(
        (getattr(place, name) for place in (tg, tg.linalg, tg.fft, nn.functional) if hasattr(place, name)), None
    )


def several(x, n=3):
    """Return n arrays like x: floating ones a little different, all else the same."""
    x = np.asarray(x)
    if x.dtype.kind not in "fc":
        return np.stack([x] * n)
    return np.stack([x * (1 + 0.01 * i) for i in range(n)])


def leaves(result):
    return [leaf for part in result for leaf in leaves(part)] if isinstance(result, (tuple, list)) else [result]


def differentiable(name, sample):
    """Whether there is something to differentiate for."""
    return function_of(name) is not None and any(np.asarray(x).dtype.kind == "f" and np.size(x) for x in sample.inputs)


SMOOTH = [param for param in FEW if differentiable(*param.values)]


@pytest.mark.parametrize(("name", "sample"), FEW)
def test_an_operation_gives_what_the_loop_gives(name, sample):
    function = function_of(name)
    if function is None:
        pytest.skip("not a function of that name")
    batches = [several(x) for x in sample.inputs]

    def f(*inputs):
        return function(*inputs, **sample.parameters)

    try:
        expected = [leaves(f(*[tg.tensor(b[i]) for b in batches])) for i in range(3)]
    except Exception as error:  # not at these inputs
        pytest.skip(str(error))
    found = leaves(tg.vmap(f)(*[tg.tensor(b) for b in batches]))
    for k, part in enumerate(found):
        close(part, np.stack([np.asarray(e[k].numpy()) for e in expected]))
        assert part.dtype == expected[0][k].dtype


@pytest.mark.parametrize(("name", "sample"), SMOOTH)
def test_the_derivatives_of_an_operation_are_those_of_the_loop(name, sample):
    """The gradients at the first and second order, through the batch, of all inputs mapped and of the first alone."""
    function = function_of(name)
    inputs = [np.asarray(x) for x in sample.inputs]
    floating = [k for k, x in enumerate(inputs) if x.dtype.kind in "fc" and x.size]

    def f(*inputs):
        return function(*inputs, **sample.parameters)

    for mapped in (set(range(len(inputs))), {0}):
        values = [several(x) if k in mapped else x for k, x in enumerate(inputs)]
        axes = tuple(0 if k in mapped else None for k in range(len(inputs)))
        try:
            expected = gradients(loop(f, mapped), values, floating)
        except Exception as error:  # no second derivative, or none at all
            pytest.skip(str(error))
        for found, other in zip(gradients(tg.vmap(f, axes), values, floating), expected, strict=True):
            close(found, other)


def gradients(function, values, floating):
    """Return the gradients of the first order, plain and recorded, and of the second, zeros where there are none."""
    xs = [tg.tensor(v, requires_grad=k in floating) for k, v in enumerate(values)]
    at = [xs[k] for k in floating]
    outs = [y for y in leaves(function(*xs)) if y.requires_grad]
    weights = [tg.tensor(np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype)) for y in outs]
    first = autograd.grad(outs, at, weights, create_graph=True, allow_unused=True)
    twice = [g for g in first if g is not None and g.requires_grad]
    second = autograd.grad(twice, at, [tg.cos(g.detach()) for g in twice], retain_graph=True, allow_unused=True)
    plain = autograd.grad(outs, at, weights, allow_unused=True)
    return [
        np.zeros(at[k % len(at)].shape) if g is None else g.numpy() for k, g in enumerate([*first, *second, *plain])
    ]


def loop(f, mapped):
    """Return the function that maps f by calling it for each element."""

    def run(*xs):
        results = [leaves(f(*[x[i] if k in mapped else x for k, x in enumerate(xs)])) for i in range(3)]
        return [tg.stack(parts) for parts in zip(*results)]

    return run


@pytest.mark.parametrize(("name", "sample"), SMOOTH)
def test_the_rows_of_a_jacobian_are_those_that_are_computed_one_by_one(name, sample, monkeypatch):
    function = function_of(name)
    inputs = [np.asarray(x) for x in sample.inputs]
    floating = [k for k, x in enumerate(inputs) if x.dtype.kind == "f"]

    def f(*inputs):
        result = leaves(function(*inputs, **sample.parameters))[0]
        return result.sum(axis=0) * result if result.ndim else result * result  # not linear

    found = []
    for largest in (2**22, 0):
        monkeypatch.setattr(transforms, "ELEMENTS_AT_ONCE", largest)
        xs = [tg.tensor(x, requires_grad=k in floating) for k, x in enumerate(inputs)]
        try:
            y = f(*xs)
            found.append([block.numpy() for block in transforms._rows(y, [xs[k] for k in floating], False)])
        except Exception as error:
            if largest == 0:
                raise
            with pytest.raises(type(error)):
                transforms._rows(f(*xs), [xs[k] for k in floating], False)
            pytest.skip(str(error))
    for one, other in zip(*found, strict=True):
        close(one, other)


AT_ONCE = {  # operations that need no loop over the elements, and the inputs for which some do
    name: [sample for sample in samples if sample.inputs]
    for name, samples in SAMPLES.items()
    if function_of(name) is not None and name not in ("nonzero", "searchsorted")
}


@pytest.mark.parametrize("name", AT_ONCE)
def test_an_operation_is_computed_once_for_all_elements_forward_and_back(name, monkeypatch):
    calls = []

    def count(*args, **kwargs):
        calls.append(args)
        raise AssertionError

    monkeypatch.setattr(batched, "each", count)
    monkeypatch.setattr(batching, "each", count)
    monkeypatch.setattr(vectorize._Call, "_one_by_one", count)
    for sample in AT_ONCE[name]:
        f = partial(function_of(name), **sample.parameters)
        inputs = [np.asarray(x) for x in sample.inputs]
        if name in ("tril", "triu") and inputs[0].ndim < 2:
            continue
        try:
            f(*map(tg.tensor, inputs))
        except Exception:  # not at these inputs
            continue
        floating = [k for k, x in enumerate(inputs) if x.dtype.kind in "fc" and x.size]
        xs = [tg.tensor(several(x), requires_grad=k in floating) for k, x in enumerate(inputs)]
        outs = [y for y in leaves(tg.vmap(f)(*xs)) if y.requires_grad]
        if outs:
            with suppress(tg.linalg.LinAlgError):  # there is no derivative
                autograd.grad(outs, [xs[k] for k in floating], [tg.ones_like(y) for y in outs], allow_unused=True)
    assert not calls


IMAGES, FILTERS = random.normal(size=(3, 2, 4, 6, 5)), random.normal(size=(3, 6, 2, 3, 2))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("mapped", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("operation", ["conv2d", "conv_transpose2d"])
def test_convolutions_with_filters_of_their_own_or_shared_by_all(operation, mapped, stride):
    filters = FILTERS if operation == "conv2d" else np.swapaxes(FILTERS[:, :4], 2, 1).reshape(3, 4, 2, 3, 2)
    channels = 6 if operation == "conv2d" else 4
    values = [IMAGES, filters, random.normal(size=(3, channels))]
    f = partial(getattr(tg, operation), stride=stride, padding=1, groups=2)
    values = [v if k in mapped else v[0] for k, v in enumerate(values)]
    axes = tuple(0 if k in mapped else None for k in range(3))
    for found, other in zip(
        gradients(tg.vmap(f, axes), values, [0, 1, 2]), gradients(loop(f, mapped), values, [0, 1, 2]), strict=True
    ):
        close(found, other)


@pytest.mark.parametrize(
    "pool",
    [
        lambda x: tg.max_pool2d(x, 2),
        lambda x: tg.max_pool2d(x, 3, stride=2, padding=1),
        lambda x: tg.avg_pool2d(x, 2, padding=1, count_include_pad=False),
        lambda x: tg.max_pool1d(x[0], 2, ceil_mode=True),
    ],
)
def test_pooling_and_its_gradients_in_nested_batches(pool):
    x = random.normal(size=(3, 2, 1, 6, 5)).round(1)  # with ties
    one, other = (tg.tensor(x, requires_grad=True) for _ in range(2))
    found = tg.vmap(tg.vmap(pool))(one)
    expected = tg.stack([tg.stack([pool(other[i, j]) for j in range(2)]) for i in range(3)])
    close(found.detach(), expected.numpy())
    for y in (found, expected):
        (y * np.cos(np.arange(y.size)).reshape(y.shape)).sum().backward()
    close(one.grad, other.grad.numpy())


@pytest.mark.parametrize(
    "pick",
    [
        lambda x, i: x[i],
        lambda x, i: x[i, i],
        lambda x, i: x[:, i],
        lambda x, i: x[..., i],
        lambda x, i: x[i[0], 1],
        lambda x, i: x[i[:, None], i],
        lambda x, i: tg.ops.setitem(x, 7.0, i),
        lambda x, i: tg.ops.setitem(x, x[0, 1:3] * 2, (i, slice(1, 3))),
        lambda x, i: tg.ops.setitem(x, x[i] * 2, i),
        lambda x, i: tg.add_at(x, i, x[i] * 3),
        lambda x, i: tg.add_at(x, (slice(None), i), 2.0),
        lambda x, i: tg.nn.functional.cross_entropy(x, i),
        lambda x, i: tg.nn.functional.embedding(i, x),
    ],
)
@pytest.mark.parametrize("mapped", [(0, 1), (1,), (0,)])
def test_indices_that_differ_from_element_to_element(pick, mapped):
    """With an index that names an element twice, where the last value that is written stays."""
    x, i = random.normal(size=(3, 4, 4)), np.array([[0, 1, 1, 3], [2, 2, 0, 1], [3, 0, 2, 0]])
    values = [v if k in mapped else v[0] for k, v in enumerate((x, i))]
    axes = tuple(0 if k in mapped else None for k in range(2))
    for found, other in zip(
        gradients(tg.vmap(pick, axes), values, [0]), gradients(loop(pick, mapped), values, [0]), strict=True
    ):
        close(found, other)


def test_gradients_of_each_example_of_a_convolutional_network():
    net = nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 4, 3, groups=2), nn.LayerNorm(2), nn.Flatten(), nn.Linear(16, 3)),
    ).to(np.float64)
    x, y = random.normal(size=(5, 1, 8, 8)), np.array([0, 1, 2, 1, 0])
    state = {name: p.detach() for name, p in net.named_parameters()}

    def loss(state, image, label):
        logits = tg.func.functional_call(net, state, (image[None],))
        return nn.functional.cross_entropy(logits, label[None])

    found = tg.vmap(tg.func.grad(loss), in_axes=(None, 0, 0))(state, x, y)
    for i in range(5):
        net.zero_grad()
        nn.functional.cross_entropy(net(tg.tensor(x[i : i + 1])), y[i : i + 1]).backward()
        for name, p in net.named_parameters():
            close(found[name][i], p.grad.numpy())


# ---------------------------------------------------------------------- what vmap is used for

W, X, Y = random.normal(size=(3, 2)), random.normal(size=(5, 3)), random.normal(size=(5, 2))


def loss(w, x, y):
    return (((np.tanh(x @ w)) - y) ** 2).sum()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_gradients_of_each_example_are_those_of_pytorch(torch):
    def in_torch(w, x, y):
        return ((torch.tanh(x @ w) - y) ** 2).sum()

    w, x, y = (torch.tensor(v) for v in (W, X, Y))
    found = tg.vmap(tg.grad(loss), in_axes=(None, 0, 0))(W, X, Y)
    close(found, torch.func.vmap(torch.func.grad(in_torch), in_dims=(None, 0, 0))(w, x, y))
    found = tg.vmap(tg.hessian(loss), in_axes=(None, 0, 0))(W, X, Y)
    close(found, torch.func.vmap(torch.func.hessian(in_torch), in_dims=(None, 0, 0))(w, x, y))
    found = tg.vmap(tg.jacobian(lambda x: np.tanh(x @ W)))(X)
    close(found, torch.func.vmap(torch.func.jacrev(lambda x: torch.tanh(x @ w)))(x))


def test_what_the_function_uses_from_outside_gets_the_sum_of_the_gradients():
    w = tg.tensor(W, requires_grad=True)
    scaled = 2 * w  # a result from outside, too
    tg.vmap(lambda x, y: loss(scaled, x, y))(X, Y).sum().backward()
    found, w.grad = w.grad, None
    sum(loss(2 * w, tg.tensor(x), tg.tensor(y)) for x, y in zip(X, Y)).backward()
    close(found, w.grad)


def test_the_parameters_of_a_module_get_the_sum_of_the_gradients():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    tg.vmap(lambda x, y: ((model(x) - y) ** 2).sum())(X, Y).sum().backward()
    found = [p.grad for p in model.parameters()]
    model.zero_grad()
    ((model(tg.tensor(X)) - Y) ** 2).sum().backward()
    for one, p in zip(found, model.parameters(), strict=True):
        close(one, p.grad)


def test_it_nests_and_transforms_nest_around_it():
    close(tg.vmap(tg.vmap(lambda a, b: a * b, in_axes=(None, 0)), in_axes=(0, None))(X[0], Y[0]), np.outer(X[0], Y[0]))

    def f(x):
        return tg.vmap(tg.grad(lambda row: (row**3).sum() * w[0]))(x).sum()

    w = tg.tensor([2.0], dtype="float64", requires_grad=True)
    close(tg.hessian(f)(X[0, None]).detach().reshape(3, 3), np.diag([12.0] * 3))
    f(tg.tensor(X)).backward()
    close(w.grad, [(3 * X**2).sum()])

    def g(x):
        return (tg.vmap(lambda a: tg.vmap(lambda b: np.sin(a * b).sum())(x))(x) ** 2).sum()

    def in_loops(x):
        return sum(np.sin(x[i] * x[j]).sum() ** 2 for i in range(5) for j in range(5))

    close(tg.grad(g)(X), tg.grad(in_loops)(X))
    close(tg.hessian(g)(X[:, :1]), tg.hessian(in_loops)(X[:, :1]), 1e-10)


def test_gradients_inside_stay_with_their_element_and_outside_reach_all():
    def f(w, x):
        gradient = tg.grad(lambda w: (w * x).sum() ** 2)(w)  # w is the same for all, its gradient is not
        return (gradient**2).sum()

    def whole(w):
        return tg.vmap(f, in_axes=(None, 0))(w, X).sum()

    close(tg.grad(whole)(W[:, 0]), tg.grad(lambda w: sum(f(w, x) for x in X))(W[:, 0]))


def test_forms_and_axes():
    def f(pair, named):
        a, b = pair
        return {"sum": a + b, "both": (a * named["c"], b)}

    result = tg.vmap(f, in_axes=((0, 1), {"c": None}), out_axes={"sum": 0, "both": (1, 0)})((X, X.T), {"c": Y[:3, 0]})
    close(result["sum"], 2 * X)
    close(result["both"][0], (X * Y[:3, 0]).T)
    close(result["both"][1], X)
    close(tg.vmap(lambda x: x, in_axes=1, out_axes=-1)(X), X)
    close(tg.vmap(lambda x: x.sum(), in_dims=1)(X), X.sum(axis=0))
    close(tg.vmap(lambda x: x, out_dims=1)(X), X.T)
    close(tg.vmap(lambda x: 3.0)(X), np.full(5, 3.0))  # the same for all
    close(tg.vmap(lambda x, scale=1: x * scale)(X, scale=2), 2 * X)
    assert tg.vmap(lambda x: x.sum())(np.zeros((0, 3))).shape == (0,)
    assert tg.vmap(lambda x: tg.median(x))(np.zeros((0, 3))).shape == (0,)


@pytest.mark.parametrize("chunk_size", [1, 2, 5, 100])
def test_chunks(chunk_size):
    close(tg.vmap(lambda x: np.tanh(x).sum(), chunk_size=chunk_size)(X), np.tanh(X).sum(axis=1))


def test_what_depends_on_the_values_runs_for_each_element():
    x = tg.tensor(X, requires_grad=True)
    y = tg.vmap(lambda x: x**2 if x[0] > 0 else -x)(x)
    close(y.detach(), np.where(X[:, :1] > 0, X**2, -X))
    y.sum().backward()
    close(x.grad, np.where(X[:, :1] > 0, 2 * X, -1))
    close(tg.vmap(lambda x: x[x > 0].sum())(X), np.where(X > 0, X, 0).sum(axis=1))
    close(tg.vmap(lambda x: x * float(x.sum().item()))(X), X * X.sum(axis=1, keepdims=True))
    inner = tg.vmap(lambda a: tg.vmap(lambda b: b if a[0] > 0 else -b)(X))(X)
    close(inner, np.where(X[:, None, :1] > 0, X, -X))


def test_an_operation_of_a_user_that_knows_no_batches():
    @autograd.primitive(x=lambda g, x: np.array([2 * a * b for a, b in zip(g, x)]))
    def squares(x):
        out = np.empty(len(x))
        for i in range(len(x)):
            out[i] = x[i] ** 2
        return out

    x = tg.tensor(X, requires_grad=True)
    y = tg.vmap(squares)(x)
    close(y.detach(), X**2)
    y.sum().backward()
    close(x.grad, 2 * X)
    close(tg.jacobian(squares)(X[0]), np.diag(2 * X[0]))


def test_a_hook_sees_one_gradient_for_each_row_of_a_jacobian():
    seen = []

    def f(x):
        y = np.tanh(x)
        y.register_hook(lambda g: seen.append(float(g.sum())))
        return y * 2

    close(tg.jacobian(f)(X[0]), np.diag(2 * (1 - np.tanh(X[0]) ** 2)))
    assert seen == [2.0] * 3


def test_random_numbers():
    x = tg.ones((4, 50))
    with pytest.raises(RuntimeError, match="randomness"):
        tg.vmap(lambda x: nn.functional.dropout(x, 0.5))(x)
    same = tg.vmap(lambda x: nn.functional.dropout(x, 0.5), randomness="same")(x).numpy()
    assert (same == same[0]).all()
    different = tg.vmap(lambda x: nn.functional.dropout(x, 0.5), randomness="different")(x).numpy()
    assert not (different == different[0]).all()
    branch = tg.vmap(lambda x: tg.randn(3) if x[0] > 0 else x[:3], randomness="same")(x).numpy()
    assert (branch == branch[0]).all()


def test_a_zero_gradient_stays_zero_in_a_batch():
    x = tg.tensor([[0.0, 4.0], [9.0, 0.0]], requires_grad=True)
    tg.vmap(lambda x: np.where(x > 0, np.sqrt(x), 0).sum())(x).sum().backward()
    close(x.grad, [[0, 0.25], [1 / 6, 0]], 1e-6)


def test_the_array_of_a_caller_stays_as_it_is():
    w = tg.tensor(X, requires_grad=True)
    y = tg.vmap(lambda x: x * x)(w)
    w.data *= 2  # after the batch was made of it
    y.sum().backward()
    close(w.grad, 2 * X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tg.vmap(3), "takes a function"),
        (lambda: tg.vmap(np.tanh)(X, Y[:4]), "argument 1"),
        (lambda: tg.vmap(lambda a, b: a)(X, Y[:4]), "same length, but it is 5 in argument 0, 4 in argument 1"),
        (lambda: tg.vmap(lambda a: a, in_axes=None)(X), "no argument is mapped"),
        (lambda: tg.vmap(lambda a: a, in_axes=(0, 0))(X), "in_axes has 2 entries"),
        (lambda: tg.vmap(lambda a: a, in_axes=2)(X), "no axis 2"),
        (lambda: tg.vmap(lambda a: a)(2.0), "type float, which has no axis"),
        (lambda: tg.vmap(lambda m, a: a)(nn.Linear(2, 2), X), "type Linear.*give None"),
        (lambda: tg.vmap(lambda a: a, in_axes="0")(X), "int or None"),
        (lambda: tg.vmap(lambda a: "text")(X), "must return a Tensor"),
        (lambda: tg.vmap(lambda a: a, out_axes=5)(X), "out_axes is 5"),
        (lambda: tg.vmap(lambda a: a, out_axes=(0, 1))(X), "out_axes must be"),
        (lambda: tg.vmap(lambda a: (a, a), out_axes=(0,))(X), "one for each of 2"),
        (lambda: tg.vmap(lambda a: {"b": a}, out_axes={"c": 0})(X), r"keys \['c'\]"),
        (lambda: tg.vmap(lambda a: a, randomness="maybe")(X), "randomness"),
        (lambda: tg.vmap(lambda a: a, chunk_size=0)(X), "chunk_size"),
    ],
)
def test_messages(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_backward_inside_is_refused_where_its_result_would_be_of_one_element():
    w = tg.tensor(W, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"tg\.grad"):
        tg.vmap(lambda x: (x @ w).sum().backward() or x)(X)


def test_a_tensor_that_leaves_the_function_by_a_side_door_says_so():
    kept = []
    tg.vmap(lambda x: kept.append(x) or x)(X)
    with pytest.raises(Exception, match="return it from the function"):
        kept[0].numpy()
    assert "5 arrays of shape (3,)" in repr(kept[0])
