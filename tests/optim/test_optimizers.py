"""Optimizers: PyTorch's trajectories, and the bookkeeping around them."""

import copy
import math
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.tensors import with_gradients
from tinygrad_ml import nn, optim

SETTINGS = [
    ("SGD", {"lr": 1e-3}),
    ("SGD", {"lr": 1e-3, "momentum": 0.9}),
    ("SGD", {"lr": 1e-3, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 1e-3, "momentum": 0.9, "nesterov": True}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.01, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-6}),
    ("Adam", {"lr": 0.02}),
    ("Adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1}),
]
START = np.array([-1.2, 1.0]), np.array([[0.5], [-0.3]]), np.array(0.7)


def rosenbrock(lib, a, b, c):
    """A curved valley, with sines that make more than one minimum; non-convex in all its arguments."""
    valley = (1 - a[0]) ** 2 + 100 * (a[1] - a[0] ** 2) ** 2
    return valley + (lib.exp(-(b * b)) * a[0]).sum() + lib.tanh(c * b).sum() * a[1] + (c - 0.1) ** 4


@pytest.mark.parametrize(("name", "options"), SETTINGS)
def test_trajectories_equal_pytorch(name, options, torch):
    ours = [tg.tensor(value, requires_grad=True) for value in START]
    theirs = [torch.tensor(value, requires_grad=True) for value in START]
    mine, peer = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    for _ in range(100):
        for lib, optimizer, params in ((tg, mine, ours), (torch, peer, theirs)):
            optimizer.zero_grad()
            rosenbrock(lib, *params).backward()
            optimizer.step()
        for p, q in zip(ours, theirs):
            np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "options"), SETTINGS)
def test_groups_and_missing_gradients_equal_pytorch(name, options, torch):
    ours = [tg.tensor(value, requires_grad=True) for value in (*START, np.ones(3))]
    theirs = [torch.tensor(value, requires_grad=True) for value in (*START, np.ones(3))]
    slow = {"lr": options["lr"] / 10}
    mine = getattr(optim, name)([{"params": ours[:2]}, {"params": ours[2:], **slow}], **options)
    peer = getattr(torch.optim, name)([{"params": theirs[:2]}, {"params": theirs[2:], **slow}], **options)
    for step in range(30):
        for lib, optimizer, params in ((tg, mine, ours), (torch, peer, theirs)):
            optimizer.zero_grad()
            loss = rosenbrock(lib, *params[:3])
            if step % 3 == 0:  # the others have no gradient in this step
                loss = (params[1] ** 2).sum() + (params[3] ** 2).sum()
            loss.backward()
            optimizer.step()
        for p, q in zip(ours, theirs):
            np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "Adam"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_stay_also_side_by_side(name, dtype):
    w, v = tg.tensor(np.ones(2, dtype), requires_grad=True), tg.tensor(np.ones(2), requires_grad=True)
    optimizer = getattr(optim, name)([w, v])
    (w.sum() ** 2 + (v * v).sum()).backward()
    optimizer.step()
    assert w.dtype == w.grad.dtype == dtype
    assert v.dtype == np.float64
    assert (w.numpy() < 1).all()
    assert (v.numpy() < 1).all()


def test_a_value_assigned_between_steps_is_the_one_that_is_changed():
    w = tg.tensor([1.0, 1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0)
    w.data = [5.0, 6.0]
    w.grad = [1.0, 1.0]
    optimizer.step()
    np.testing.assert_array_equal(w.numpy(), [4, 5])
    w.requires_grad = False
    w.requires_grad = True  # gives it memory of its own
    w.grad = [1.0, 1.0]
    optimizer.step()
    np.testing.assert_array_equal(w.numpy(), [3, 4])


def test_a_lent_array_sees_the_steps():
    w = tg.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0)
    alias = w.data
    w.grad = [1.0]
    optimizer.step()
    assert alias[0] == 0


def test_step_calls_the_closure_with_recording_on():
    w = tg.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with tg.no_grad():
        assert optimizer.step(closure).item() == 1.0
    assert w.item() == 0.0


def test_the_learning_rate_can_be_changed_between_steps():
    w = tg.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0)
    optimizer.param_groups[0]["lr"] = 0.25
    w.grad = [1.0]
    optimizer.step()
    assert w.item() == 0.75


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda w: optim.SGD(w), TypeError, r"\[w\] instead of w"),
        (lambda w: optim.SGD([]), ValueError, "no parameters"),
        (lambda w: optim.SGD([w, w]), ValueError, "given twice"),
        (lambda w: optim.SGD([w * 2]), ValueError, "result, not a leaf"),
        (lambda w: optim.SGD([w.detach()]), ValueError, r"no parameter requires a gradient.*p.requires_grad_\(\)"),
        (lambda w: optim.Adam(nn.Linear(1, 1).requires_grad_(False).parameters()), ValueError, "no parameter requires"),
        (lambda w: optim.SGD([w, tg.arange(2)]), ValueError, r"parameter 1 \(shape \(2,\)\) has dtype int64"),
        (lambda w: optim.SGD([np.ones(2)]), TypeError, "ndarray"),
        (lambda w: optim.SGD({w}), TypeError, "must not be a set, whose order changes from run to run.*use a list"),
        (lambda w: optim.Adam(frozenset([w])), TypeError, "must not be a set"),
        (lambda w: optim.Adam([{"params": {w}}]), TypeError, "must not be a set"),
        (lambda w: optim.LBFGS({w}), TypeError, "must not be a set"),
        (lambda w: optim.SGD([w]).add_param_group({"params": {w}}), TypeError, "must not be a set"),
        (lambda w: optim.SGD(nn.Linear(1, 1).named_parameters()), TypeError, r"is a tuple.*write model.parameters\(\)"),
        (lambda w: optim.SGD(dict(nn.Linear(1, 1).named_parameters())), TypeError, r"str.*model.parameters\(\)"),
        (lambda w: optim.SGD([w], lr=-1), ValueError, "lr must be at least 0"),
        (lambda w: optim.SGD([w], lr=math.nan), ValueError, "lr must be at least 0"),
        (lambda w: optim.SGD([w], nesterov=True), ValueError, "nesterov"),
        (lambda w: optim.Adam([w], betas=(0.9, 1.0)), ValueError, "betas"),
        (lambda w: optim.Adam([{"params": [w], "rate": 1}]), ValueError, "option rate; valid options are lr, betas"),
    ],
)
def test_wrong_arguments_are_explained(make, error, message):
    with pytest.raises(error, match=message):
        make(tg.ones(2, requires_grad=True))


def test_repr_shows_the_options():
    assert "lr=0.5" in repr(optim.Adam([tg.ones(2, requires_grad=True)], lr=0.5))


# ---------------------------------------------------------------------- memory, state, L1


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "Adam", "AdamW", "RMSprop", "Adadelta"])
def test_large_parameters_are_changed_in_pieces_as_small_ones_are(name):
    sizes = [300_001, 7, 70_000, 70_000, 1, 150_000]
    random = np.random.default_rng(0)
    whole = random.normal(size=sum(sizes))
    large = [tg.tensor(part, requires_grad=True) for part in np.split(whole, np.cumsum(sizes)[:-1])]
    small = [tg.tensor(part, requires_grad=True) for part in np.array_split(whole, 100)]
    optimizers = [getattr(optim, name)(params, lr=0.1) for params in (large, small)]
    for _ in range(3):
        gradient = random.normal(size=whole.size)
        for params, optimizer in zip((large, small), optimizers):
            ends = np.cumsum([p.size for p in params])[:-1]
            for p, g in zip(params, np.split(gradient, ends)):
                p.grad = g
            optimizer.step()
    np.testing.assert_array_equal(*[np.concatenate([p.numpy() for p in params]) for params in (large, small)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state["param_groups"].pop(), r"groups with \[2\] parameters; .* \[2, 1\]"),
        (lambda state: state["param_groups"][0]["params"].pop(), r"\[1, 1\] parameters"),
        (lambda state: state["state"][0].pop("exp_avg"), "missing: exp_avg of parameter 0"),
        (
            lambda state: state["state"][2].update(exp_avg=np.ones(5)),
            r"exp_avg of parameter 2 is \(5,\), must be \(3,\)",
        ),
        (lambda state: state["state"][1].update(momentum=np.ones(2)), "unexpected: momentum of parameter 1"),
        (lambda state: state["param_groups"][1].update(lr=-1), "lr must be at least 0"),
        (lambda state: state["param_groups"][0].update(lr="0.1"), "its option lr is '0.1'"),
        (lambda state: state["param_groups"][0].update(lr=None), "its option lr is None"),
        (lambda state: state["param_groups"][0].update(betas=0.9), "its option betas is 0.9"),
        (lambda state: state["param_groups"][0].update(betas=[0.9, None]), r"its option betas is \(0.9, None\)"),
        (lambda state: state.pop("state"), "must be a dict with 'param_groups', a list, and 'state', a dict"),
        (lambda state: state.pop("param_groups"), "must be a dict with 'param_groups'"),
        (lambda state: state.update(state=[1]), "must be a dict with 'param_groups'"),
        (lambda state: state.update(param_groups=[None, None]), "its group 0 must be a dict with 'params'"),
        (lambda state: state["param_groups"][1].pop("params"), "its group 1 must be a dict with 'params'"),
        (lambda state: state["state"].update({1: 3}), "the state of parameter 1 is a int, must be a dict"),
        (lambda state: state["state"][0].update(step="x"), "the step of parameter 0 is 'x', must be an integer"),
        (lambda state: state["state"][0].update(step=1.5), "the step of parameter 0 is 1.5, must be an integer"),
        (lambda state: state["state"][0].update(exp_avg=None), "missing: exp_avg of parameter 0"),
        (
            lambda state: state["state"][0].update(exp_avg=np.array(["a", "b"])),
            "wrong dtype: exp_avg of parameter 0 is <U1, must be a number's",
        ),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, message):
    def made():
        params = with_gradients([[1.0, 2.0], [3.0, 4.0], [1.0, 1.0, 1.0]])
        return optim.Adam([{"params": params[:2]}, {"params": params[2:]}], lr=0.5)

    other = made()
    other.step()
    state = other.state_dict()
    change(state)
    optimizer = made()
    before = str(optimizer.state_dict())
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(state)
    assert str(optimizer.state_dict()) == before


def test_an_optimizer_that_was_written_for_an_earlier_version_works():
    class Counted(optim.Optimizer):
        buffers = ("total",)

        def __init__(self, params, lr=0.5):
            super().__init__(params, {"lr": lr})

        def start(self, state, options):
            state["total"][...] = 1

        def rows_only(self, options):
            return True

        def update(self, value, gradient, state, step, lr):
            state["total"] += gradient
            value -= lr * state["total"]

    table = tg.tensor(np.zeros((3, 2)), requires_grad=True)
    optimizer = Counted([table])
    np.testing.assert_array_equal(optimizer.state_dict()["state"][0]["total"], np.ones((3, 2)))
    table.grad = tg.sparse.SparseRows(np.array([1]), np.array([[1.0, 3.0]]), (3, 2))
    optimizer.step()
    np.testing.assert_array_equal(table.numpy(), [[0, 0], [-1, -2], [0, 0]])


HALF = [
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("Adagrad", {"lr": 0.1}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "l1": 0.01}),
    ("AdamW", {"lr": 0.1}),
    ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.9}),
    ("Adadelta", {"lr": 1.0}),
]
GRADIENTS = np.array(
    [1e-7, 2e-4, -1e-3, 0.0, 600.0, -3e4, 5.0], np.float16
)  # their squares leave float16 on both sides


@pytest.mark.parametrize("size", [1, 100_000])
@pytest.mark.parametrize(("name", "options"), HALF)
def test_float16_is_computed_in_float32_and_rounded_once(name, options, size):
    start = np.tile(np.array([1, -2, 0.5, 3, 300, -4, 0.1], np.float16), size)
    (half,) = with_gradients([np.zeros(len(start))], np.float16)
    (single,) = with_gradients([np.zeros(len(start))], np.float32)
    half.data, single.data = start, start
    optimizers = [getattr(optim, name)([p], **options) for p in (half, single)]
    for step in range(6):
        for p, optimizer in zip((half, single), optimizers):
            p.grad = np.tile(np.roll(GRADIENTS, step), size)
            optimizer.step()
        single.data = single.numpy().astype(np.float16)  # what float16 keeps between the steps
        assert half.dtype == np.float16
        np.testing.assert_array_equal(half.numpy(), single.numpy())
    state = optimizers[0].state_dict()
    other = getattr(optim, name)([half], **options)
    other.load_state_dict(state)
    assert str(other.state_dict()) == str(state)


def test_float16_rows_of_a_table_are_computed_in_float32():
    tables = [tg.tensor(np.ones((5, 3), dtype), requires_grad=True) for dtype in (np.float16, np.float32)]
    for table in tables:
        optimizer = optim.Adam([table], lr=0.1)
        table.grad = tg.sparse.SparseRows(np.array([3, 1]), np.full((2, 3), 2e-4, table.dtype), table.shape)
        optimizer.step()
    assert tables[0].dtype == np.float16
    np.testing.assert_array_equal(tables[0].numpy(), tables[1].numpy().astype(np.float16))
    np.testing.assert_allclose(tables[0].numpy()[[1, 3]], 0.9, rtol=1e-3)


def test_lbfgs_computes_float16_in_float32():
    (w,) = with_gradients([[0.0]], np.float16)
    w.data = np.array([20.0])
    optimizer = optim.LBFGS([w], max_iter=50, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = ((w.astype(np.float32) * 30) ** 2).mean()  # its gradient squared leaves float16
        loss.backward()
        return loss

    optimizer.step(closure)
    assert abs(w.item()) < 1e-2


def test_zero_grad_can_leave_zeros():
    (w,) = with_gradients([[1.0]])
    optimizer = optim.SGD([w])
    optimizer.zero_grad(set_to_none=False)
    assert w.grad.item() == 0
    optimizer.zero_grad()
    assert w.grad is None


LASSO = [
    ("SGD", {"lr": 0.1}, 3000),
    ("SGD", {"lr": 0.02, "momentum": 0.9}, 3000),
    ("SGD", {"lr": 0.02, "momentum": 0.9, "nesterov": True}, 3000),
    ("SGD", {"lr": 0.05, "momentum": 0.5, "dampening": 0.5}, 3000),
    ("Adagrad", {"lr": 0.5}, 20000),
    ("Adam", {"lr": 0.003}, 6000),
    ("Adam", {"lr": 0.003, "amsgrad": True}, 6000),
    ("AdamW", {"lr": 0.003, "weight_decay": 0.0}, 6000),
]


@pytest.mark.parametrize(("name", "options", "steps"), LASSO)
def test_l1_finds_the_lasso_with_exact_zeros(name, options, steps):
    linear_model = pytest.importorskip("sklearn.linear_model")
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 12))
    y = x @ np.where(np.arange(12) < 4, random.normal(size=12), 0) + 0.1 * random.normal(size=80)
    alpha = 0.1
    lasso = linear_model.Lasso(alpha=alpha, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(x, y)
    w = tg.zeros(12, dtype=float, requires_grad=True)
    optimizer = getattr(optim, name)([w], l1=alpha, **options)
    for _ in range(steps):
        w.grad = x.T @ (x @ w.numpy() - y) / len(y)  # of half the mean squared error
        optimizer.step()
    assert 0 < (lasso.coef_ == 0).sum() < 12
    np.testing.assert_array_equal(w.numpy() == 0, lasso.coef_ == 0)
    np.testing.assert_allclose(w.numpy(), lasso.coef_, rtol=1e-6, atol=1e-8)


def test_l1_needs_a_momentum_below_1():
    with pytest.raises(ValueError, match="momentum below 1"):
        optim.SGD([tg.ones(1, requires_grad=True)], momentum=1.0, l1=0.1)


def test_lbfgs_explains_what_it_needs():
    w, v = tg.ones(1, requires_grad=True), tg.ones(1, dtype=np.float16, requires_grad=True)
    with pytest.raises(ValueError, match="one group"):
        optim.LBFGS([{"params": [w]}, {"params": [tg.ones(1, requires_grad=True)]}])
    with pytest.raises(ValueError, match="one dtype"):
        optim.LBFGS([w, v])
    with pytest.raises(ValueError, match="closure"):
        optim.LBFGS([w]).step()
    with pytest.raises(ValueError, match="strong_wolfe"):
        optim.LBFGS([w], line_search_fn="wolfe")


# ---------------------------------------------------------------------- one's own, written as in PyTorch


class Momentum(optim.Optimizer):
    def __init__(self, params, lr=0.1):
        super().__init__(params, {"lr": lr})

    @tg.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["step"], state["velocity"] = 0, tg.zeros_like(p)
                state["step"] += 1
                state["velocity"] = state["velocity"] * 0.9 + p.grad
                p -= state["velocity"] * group["lr"]


def descend(w, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        (w**4).sum().backward()
        optimizer.step()
    return w.tolist()


def test_an_optimizer_that_keeps_its_state_as_in_pytorch_computes_momentum():
    w, v = tg.tensor([1.0, -0.5], requires_grad=True), tg.tensor([1.0, -0.5], requires_grad=True)
    expected = descend(v, optim.SGD([v], lr=0.1, momentum=0.9), 7)
    np.testing.assert_allclose(descend(w, Momentum([w]), 7), expected, rtol=1e-6)


@pytest.mark.parametrize("how", ["state_dict", "pickle", "deepcopy"])
def test_its_state_is_saved_and_copied(how):
    w = tg.tensor([1.0, -0.5], requires_grad=True)
    optimizer = Momentum([w])
    descend(w, optimizer, 3)
    if how == "state_dict":
        v = w.detach().clone().requires_grad_()
        other = Momentum([v], lr=0.7)
        other.load_state_dict(optimizer.state_dict())
    else:
        copied = copy.deepcopy if how == "deepcopy" else lambda pair: pickle.loads(pickle.dumps(pair))
        v, other = copied((w, optimizer))
    assert descend(v, other, 4) == descend(w, optimizer, 4)
    assert other.state[v]["step"] == 7
