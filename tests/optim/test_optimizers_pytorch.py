"""Optimizers and schedulers beside PyTorch's: the same numbers for 200 steps, also after a restart in either."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import optim

torch = pytest.importorskip("torch")

SETTINGS = [
    ("SGD", {"lr": 0.01}),
    ("SGD", {"lr": 0.01, "momentum": 0.9}),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "maximize": True, "weight_decay": 5.0}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.01, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-6}),
    ("Adam", {"lr": 0.02}),
    ("Adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.02, "amsgrad": True}),
    ("AdamW", {"lr": 0.02}),
    ("AdamW", {"lr": 0.02, "amsgrad": True, "weight_decay": 0.3, "betas": (0.5, 0.9)}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.5, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.01, "centered": True, "eps": 1e-3}),
    ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-4, "weight_decay": 0.1}),
]
START = np.array([-1.2, 1.0]), np.array([[0.5], [-0.3]]), np.array(0.7), np.linspace(-1, 1, 5)

each_setting = pytest.mark.parametrize(("name", "options"), SETTINGS)


def loss_of(lib, params, step):
    """A curved loss that moves, so that no gradient vanishes; in every third step the last parameter has none."""
    a, b, c, d = params
    target = np.cos(2.0 * step)
    total = (lib.exp(-(b * b)) * a[0]).sum() + ((a - target) ** 2).sum() + lib.tanh(c * b).sum() * a[1]
    total = total + ((b + target) ** 2).sum() + (c - target) ** 2
    return total if step % 3 == 0 else total + (lib.tanh(d) + (d - target) ** 2).sum()


def pair(name, options):
    """Return parameters and an optimizer with two groups, ours and PyTorch's."""
    made = []
    for lib, optimizers, parameter in (
        (tg, optim, lambda v: tg.tensor(v, requires_grad=True)),
        (torch, torch.optim, lambda v: torch.tensor(v, requires_grad=True)),
    ):
        params = [parameter(value) for value in START]
        groups = [{"params": params[:2]}, {"params": params[2:], "lr": options.get("lr", 1.0) / 2}]
        made.append((lib, params, getattr(optimizers, name)(groups, **options)))
    return made


def run(lib, params, optimizer, steps):
    for step in steps:
        optimizer.zero_grad()
        loss_of(lib, params, step).backward()
        optimizer.step()


def values(params):
    return [p.detach().numpy().copy() for p in params]


def assert_close(ours, theirs, tolerance=1e-12):
    for p, q in zip(values(ours), values(theirs)):
        np.testing.assert_allclose(p, q, rtol=tolerance, atol=tolerance)


def to_torch(state):
    """Make tensors of the arrays in a state, at any depth."""
    if isinstance(state, dict):
        return {key: to_torch(value) for key, value in state.items()}
    if isinstance(state, list):
        return [to_torch(value) for value in state]
    return torch.as_tensor(state) if isinstance(state, (np.ndarray, np.generic)) else state


@each_setting
def test_200_steps_with_groups_and_missing_gradients_equal_pytorch(name, options):
    mine, peer = pair(name, options)
    for step in range(200):
        run(*mine, [step])
        run(*peer, [step])
        assert_close(mine[1], peer[1])


@each_setting
def test_frozen_parameters_wait_until_they_are_unfrozen_as_in_pytorch(name, options):
    mine, peer = pair(name, options)
    made = []
    for lib, params, _ in (mine, peer):  # frozen before the optimizer is made, as in transfer learning
        for p in params[1:3]:
            p.requires_grad_(False)
        groups = [{"params": params[:2]}, {"params": params[2:]}]
        made.append((lib, params, getattr(torch.optim if lib is torch else optim, name)(groups, **options)))
    for step in range(60):
        for _, params, _ in made:
            params[1].requires_grad_(20 <= step < 40)
            params[2].requires_grad_(step >= 30)
        run(*made[0], [step])
        run(*made[1], [step])
        assert_close(made[0][1], made[1][1])
        if step < 20:
            np.testing.assert_array_equal(made[0][1][1].numpy(), START[1])
    states = [optimizer.state_dict()["state"] for _, _, optimizer in made]
    assert list(states[0]) == sorted(i for i, entry in states[1].items() if any(v is not None for v in entry.values()))
    optimizer = copy.deepcopy(made[0][2])
    optimizer.load_state_dict(made[0][2].state_dict())


@pytest.mark.parametrize("line_search", [None, "strong_wolfe"])
def test_lbfgs_leaves_frozen_parameters_alone_as_pytorchs(line_search):
    results = []
    for lib, optimizers in ((tg, optim), (torch, torch.optim)):
        params = [lib.tensor(value, requires_grad=i != 1) for i, value in enumerate(START)]
        optimizer = optimizers.LBFGS(params, lr=0.1, line_search_fn=line_search)

        def closure(lib=lib, params=params, optimizer=optimizer):
            optimizer.zero_grad()
            loss = loss_of(lib, params, 1)
            loss.backward()
            return loss

        for _ in range(3):
            optimizer.step(closure)
        results.append(params)
    assert_close(*results, tolerance=1e-9)
    np.testing.assert_array_equal(results[0][1].numpy(), START[1])


@each_setting
def test_states_have_pytorchs_layout_and_numbers(name, options):
    mine, peer = pair(name, options)
    run(*mine, range(20))
    run(*peer, range(20))
    ours, theirs = mine[2].state_dict(), peer[2].state_dict()
    expected = {i: {k: v for k, v in entry.items() if v is not None} for i, entry in theirs["state"].items()}
    assert list(ours["state"]) == [i for i, entry in expected.items() if entry]
    for i, entry in ours["state"].items():
        assert set(entry) == set(expected[i])
        for key, value in entry.items():
            np.testing.assert_allclose(value, expected[i][key], rtol=1e-12, atol=1e-15)
    for group, other in zip(ours["param_groups"], theirs["param_groups"]):
        for key, value in group.items():
            assert key == "l1" or other[key] == value


@each_setting
def test_a_state_goes_over_half_way_in_both_directions(name, options):
    mine = pair(name, options)[0]
    run(*mine, range(200))
    for first, second in itertools.product((tg, torch), (tg, torch)):
        begin = pair(name, options)[first is torch]
        run(*begin, range(101))
        end = pair(name, options)[second is torch]
        for p, value in zip(end[1], values(begin[1])):
            p.data = torch.tensor(value) if second is torch else value
        state = begin[2].state_dict()
        end[2].load_state_dict(to_torch(state) if second is torch else state)
        run(*end, range(101, 200))
        assert_close(mine[1], end[1])
        if first is second is tg:
            assert all((p == q).all() for p, q in zip(values(mine[1]), values(end[1]))), "not bit for bit"


@each_setting
@pytest.mark.parametrize("how", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))], ids=["copy", "pickle"])
def test_a_copy_with_its_parameters_goes_on_alone(name, options, how):
    (lib, params, optimizer), _ = pair(name, options)
    run(lib, params, optimizer, range(10))
    before = values(params)
    other_params, other = how((params, optimizer))
    run(lib, other_params, other, range(10, 30))
    assert all((p == q).all() for p, q in zip(before, values(params)))
    run(lib, params, optimizer, range(10, 30))
    assert all((p == q).all() for p, q in zip(values(params), values(other_params)))


COMPLEX = [row for row in SETTINGS if not row[1].get("maximize")]


@pytest.mark.parametrize(("name", "options"), COMPLEX)
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_parameters_move_as_in_pytorch(name, options, dtype):
    """Their real and imaginary parts are parameters of their own."""
    random = np.random.default_rng(0)
    start, target = (random.normal(size=(2, 3, 2)).view(np.complex128)[..., 0].astype(dtype) for _ in range(2))
    ours = tg.tensor(start, requires_grad=True)
    theirs = torch.tensor(start, requires_grad=True)
    mine, peer = getattr(optim, name)([ours], **options), getattr(torch.optim, name)([theirs], **options)
    for step in range(30):
        for p, gradient, optimizer in (
            (ours, 2 * (ours.numpy() - target * np.cos(step)), mine),
            (theirs, torch.tensor(2 * (theirs.detach().numpy() - target * np.cos(step))), peer),
        ):
            p.grad = gradient.astype(dtype) if p is ours else gradient.to(theirs.dtype)
            optimizer.step()
        precision = 1e-12 if dtype == np.complex128 else 1e-4
        np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=precision, atol=precision)
    other = getattr(optim, name)([tg.tensor(ours.numpy(), requires_grad=True)], **options)
    other.load_state_dict(peer.state_dict())
    for key, value in other.state_dict()["state"].get(0, {}).items():
        np.testing.assert_allclose(value, mine.state_dict()["state"][0][key], rtol=1e-3, atol=1e-3)


def test_lbfgs_moves_complex_parameters_as_pytorch_does():
    target = np.array([1 + 2j, -0.5j])
    found = []
    for library in (tg, torch):
        w = library.tensor(np.zeros(2, np.complex128), requires_grad=True)
        optimizer = library.optim.LBFGS([w], lr=0.3, max_iter=3)

        def closure(w=w, library=library):
            difference = w.detach().numpy() - target
            w.grad = library.tensor(4 * difference * np.abs(difference) ** 2 + difference)
            return library.tensor((np.abs(difference) ** 4 + np.abs(difference) ** 2 / 2).sum())

        for _ in range(4):
            optimizer.step(closure)
        found.append(np.asarray(w.detach().numpy()))
    np.testing.assert_allclose(*found, rtol=1e-10)


CHANGES = [
    ("SGD", {"lr": 0.01, "dampening": 0.3}, {"momentum": 0.9}),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "dampening": 0.3}, {"momentum": 0.0}),
    ("SGD", {"lr": 0.01}, {"momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.01, "momentum": 0.9}, {"weight_decay": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.02}, {"betas": (0.5, 0.9), "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.02}, {"eps": 1e-3, "weight_decay": 0.5}),
    ("Adagrad", {"lr": 0.1}, {"lr_decay": 0.1}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.5}, {"momentum": 0.0, "alpha": 0.5}),
    ("Adadelta", {}, {"rho": 0.5}),
]


@pytest.mark.parametrize(("name", "options", "later"), CHANGES)
def test_options_that_change_on_the_way_count_as_in_pytorch(name, options, later):
    """Also back again: the first velocity is the first gradient with momentum, undampened, whenever that is."""
    mine, peer = pair(name, options)
    for begin, change in ((0, {}), (10, later), (20, options), (30, later)):
        for _, _, optimizer in (mine, peer):
            for group in optimizer.param_groups:
                group.update(change)
        run(*mine, range(begin, begin + 10))
        run(*peer, range(begin, begin + 10))
        assert_close(mine[1], peer[1])


def test_momentum_that_is_switched_on_after_loading_begins_undampened():
    mine, peer = pair("SGD", {"lr": 0.01, "dampening": 0.3})
    for run_ in (mine, peer):
        run(*run_, range(5))
        run_[2].load_state_dict(run_[2].state_dict())
        for group in run_[2].param_groups:
            group["momentum"] = 0.9
        run(*run_, range(5, 10))
    assert_close(mine[1], peer[1])


# ---------------------------------------------------------------------- L-BFGS


def rosenbrock(lib, a, b):
    return ((1 - a) ** 2).sum() + 100 * ((b - a * a) ** 2).sum() + lib.exp(a * b * 0.1).sum()


def lbfgs(options):
    made = []
    for lib, optimizers in ((tg, optim), (torch, torch.optim)):
        params = [lib.tensor(np.array(v), requires_grad=True) for v in ([-1.2, 0.3, 2.0], [1.0, -0.5, 1.5])]
        made.append((lib, params, optimizers.LBFGS(params, **options)))
    return made


def lbfgs_step(lib, params, optimizer):
    def closure():
        optimizer.zero_grad()
        loss = rosenbrock(lib, *params)
        loss.backward()
        return loss

    return optimizer.step(closure).item()


LBFGS = [
    {"line_search_fn": "strong_wolfe", "max_iter": 4},
    {"line_search_fn": "strong_wolfe", "max_iter": 5, "history_size": 3, "lr": 0.5},
    {"line_search_fn": "strong_wolfe", "max_iter": 30, "max_eval": 7},
    {"lr": 0.001, "max_iter": 3},
]


def counts(optimizer):
    return {key: optimizer.state_dict()["state"][0][key] for key in ("n_iter", "func_evals")}


@pytest.mark.parametrize("options", LBFGS)
def test_lbfgs_equals_pytorch(options):
    """As exactly as the problem allows: L-BFGS enlarges every rounding error, so the bound is what it makes of one.

    The same run from starting points that differ in the last bit shows how far apart rounding errors lead.
    """
    mine, peer = lbfgs(options)
    shaken = [lbfgs(options)[0] for _ in range(8)]
    random = np.random.default_rng(0)
    for _, params, _ in shaken:
        for p in params:
            p.data = p.numpy() * (1 + np.finfo(np.float64).eps * random.choice([-1, 1], p.shape))
    for step in range(8):
        loss, expected, *others = [lbfgs_step(*run) for run in (mine, peer, *shaken)]
        assert abs(loss - expected) <= 1e-14 + 20 * max(abs(loss - other) for other in others), f"step {step}"
        ours, theirs, *near = [np.concatenate(values(run[1])) for run in (mine, peer, *shaken)]
        bound = 20 * max(np.abs(ours - other).max() for other in near)
        assert bound < 1e-5, "the bound has become too weak to tell anything"
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-14 + bound, err_msg=f"step {step}")
        assert counts(mine[2]) == counts(peer[2])


@pytest.mark.parametrize("options", LBFGS)
def test_the_state_of_lbfgs_goes_over_in_both_directions(options):
    for first, second in itertools.product((0, 1), (0, 1)):
        whole, begin, end = lbfgs(options)[0], lbfgs(options)[first], lbfgs(options)[second]
        for _ in range(2):
            lbfgs_step(*whole)
            lbfgs_step(*begin)
        for p, value in zip(end[1], values(begin[1])):
            p.data = torch.tensor(value) if second else value
        state = copy.deepcopy(begin[2].state_dict())
        end[2].load_state_dict(to_torch(state) if second else state)
        for _ in range(2):
            lbfgs_step(*whole)
            lbfgs_step(*end)
        assert_close(whole[1], end[1], 1e-9 if first or second else 0)


@pytest.mark.parametrize("lr", [1.0, 10.0, 1e6])
@pytest.mark.parametrize("start", [[0.5, 3.0], [0.1, 20.0]])
@pytest.mark.parametrize(
    ("loss", "minimum"),
    [
        (lambda x: (x - tg.log(x)).sum(), 1.0),
        (lambda x: (tg.sqrt(x) - tg.log(x)).sum(), 4.0),
        (lambda x: (1 / x + tg.where(x > 0, x, np.inf)).sum(), 1.0),
        (lambda x: (tg.exp(-x) + 5 * x).sum(), -np.log(5)),
    ],
    ids=["log", "sqrt", "barrier", "overflow"],
)
def test_the_line_search_never_leaves_what_is_finite(loss, minimum, start, lr):
    """Beyond x = 0 the loss is NaN or infinite, or its gradient is; a long first step leads there."""
    x = tg.tensor(np.array(start), requires_grad=True)
    optimizer = optim.LBFGS([x], lr=lr, max_iter=60, max_eval=1000, line_search_fn="strong_wolfe")
    seen = []

    def closure():
        optimizer.zero_grad()
        with np.errstate(all="ignore"):
            value = loss(x)
            value.backward()
        seen.append(value.item())
        return value

    for _ in range(4):
        before = closure().item()
        optimizer.step(closure)
        assert closure().item() <= before
    assert lr < 1e6 or not np.isfinite(seen).all(), "this test should meet what is not finite"
    np.testing.assert_allclose(x.numpy(), minimum, rtol=1e-3)


def test_the_line_search_goes_on_where_the_loss_is_a_straight_line():
    x = tg.tensor(np.array([1.0]), requires_grad=True)
    optimizer = optim.LBFGS([x], max_eval=5, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = (3 * x).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert x.item() < -100


def test_lbfgs_leaves_parameters_alone_where_nothing_is_finite():
    for line_search_fn in (None, "strong_wolfe"):
        x = tg.tensor(np.array([-1.0]), requires_grad=True)
        optimizer = optim.LBFGS([x], line_search_fn=line_search_fn)

        def closure(x=x, optimizer=optimizer):
            optimizer.zero_grad()
            with np.errstate(invalid="ignore"):
                value = (x - tg.log(x)).sum()
                value.backward()
            return value

        assert np.isnan(optimizer.step(closure).item())
        assert x.item() == -1


def test_a_step_that_finds_nothing_finite_stays_where_it_is():
    x = tg.tensor(np.array([1.0]), requires_grad=True)
    optimizer = optim.LBFGS([x], lr=1e30, max_eval=5, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        with np.errstate(over="ignore"):
            value = tg.exp(-x).sum() if x.item() <= 1 else tg.exp(x * 1e6).sum()
            value.backward()
        return value

    optimizer.step(closure)
    assert x.item() == 1


def test_lbfgs_finds_the_minimum_that_scipy_finds():
    optimize = pytest.importorskip("scipy.optimize")
    lib, params, optimizer = lbfgs({"line_search_fn": "strong_wolfe", "max_iter": 200})[0]
    lbfgs_step(lib, params, optimizer)
    found = optimize.minimize(
        lambda x: rosenbrock(np, x[:3], x[3:]), np.concatenate([[-1.2, 0.3, 2.0], [1.0, -0.5, 1.5]]), tol=1e-10
    )
    np.testing.assert_allclose(np.concatenate(values(params)), found.x, rtol=1e-4, atol=1e-4)


# ---------------------------------------------------------------------- schedulers

SCHEDULES = [
    ("StepLR", {"step_size": 7, "gamma": 0.7}),
    ("MultiStepLR", {"milestones": [3, 20, 20, 90], "gamma": 0.5}),
    ("ConstantLR", {"factor": 0.3, "total_iters": 11}),
    ("LinearLR", {"start_factor": 0.1, "end_factor": 0.8, "total_iters": 50}),
    ("ExponentialLR", {"gamma": 0.98}),
    ("CosineAnnealingLR", {"T_max": 60, "eta_min": 0.001}),
    ("LambdaLR", {"lr_lambda": lambda epoch: 0.95**epoch + 0.1}),
    ("OneCycleLR", {"max_lr": 0.4, "total_steps": 200}),
    ("OneCycleLR", {"max_lr": [0.4, 0.2], "epochs": 20, "steps_per_epoch": 10, "three_phase": True}),
    ("OneCycleLR", {"max_lr": 0.4, "total_steps": 200, "anneal_strategy": "linear", "pct_start": 0.4}),
    ("ReduceLROnPlateau", {"patience": 3, "factor": 0.5}),
    ("ReduceLROnPlateau", {"mode": "max", "threshold_mode": "abs", "threshold": 0.05, "patience": 2, "cooldown": 4}),
    ("ReduceLROnPlateau", {"threshold": 0.1, "patience": 1, "min_lr": [0.01, 0.05], "factor": 0.6, "eps": 1e-3}),
]
MEASURES = np.abs(np.sin(np.arange(200) / 9)) + 5 / (1 + np.arange(200)) + np.arange(200) / 150


def scheduled(library, make, optimizer="SGD", **options):
    params = [library.tensor([1.0], requires_grad=True), library.tensor([1.0], requires_grad=True)]
    groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.05}]
    optimizer = getattr(library.optim, optimizer)(groups, lr=0.2, **options)
    optimizer.step()  # PyTorch warns when there was none before the scheduler's
    return optimizer, make(library.optim.lr_scheduler, optimizer)


def trace(optimizer, scheduler, epochs):
    """Step, and return all learning rates and momenta."""
    rows = []
    for epoch in epochs:
        rows.append([group["lr"] for group in optimizer.param_groups] + list(scheduler.get_last_lr()))
        rows[-1] += [group.get("momentum", 0) for group in optimizer.param_groups]
        rows[-1] += [group.get("betas", (0, 0))[0] for group in optimizer.param_groups]
        if type(scheduler).__name__ == "ReduceLROnPlateau":
            scheduler.step(MEASURES[epoch])
        else:
            scheduler.step()
    return np.array(rows)


def by_name(name, options):
    return lambda library, optimizer: getattr(library, name)(optimizer, **options)


def warm_up_then(library, optimizer):
    parts = [
        library.LinearLR(optimizer, start_factor=0.05, total_iters=10),
        library.CosineAnnealingLR(optimizer, T_max=70, eta_min=1e-4),
        library.StepLR(optimizer, step_size=9, gamma=0.5),
        library.ConstantLR(optimizer, factor=0.25, total_iters=4),
    ]
    return library.SequentialLR(optimizer, parts, milestones=[10, 80, 130])


ALL = [pytest.param(by_name(*row), id=f"{i}-{row[0]}") for i, row in enumerate(SCHEDULES)]
ALL.append(pytest.param(warm_up_then, id="SequentialLR"))


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_schedules_equal_pytorch_for_200_epochs(make, optimizer):
    options = {"momentum": 0.9} if optimizer == "SGD" else {}
    ours = trace(*scheduled(tg, make, optimizer, **options), range(200))
    theirs = trace(*scheduled(torch, make, optimizer, **options), range(200))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("source", [tg, torch], ids=["ours", "pytorch"])
def test_a_schedule_goes_on_from_its_state(make, source):
    whole = trace(*scheduled(tg, make, momentum=0.9), range(200))
    first = scheduled(source, make, momentum=0.9)
    trace(*first, range(100))
    second = scheduled(tg, make, momentum=0.9)
    second[0].load_state_dict(first[0].state_dict())
    second[1].load_state_dict(copy.deepcopy(first[1].state_dict()))
    rest = trace(*second, range(100, 200))
    np.testing.assert_allclose(rest, whole[100:], rtol=1e-12, atol=1e-15)
    if source is tg:
        np.testing.assert_array_equal(rest, whole[100:])


def steps(schedulers, epochs):
    for epoch in epochs:
        for scheduler in schedulers:
            scheduler.step(*([MEASURES[epoch]] if type(scheduler).__name__ == "ReduceLROnPlateau" else []))


def rates(optimizer):
    return [(group["lr"], group["momentum"]) for group in optimizer.param_groups]


def resumed(makes, optimizer_state, states, order):
    """Do what the order says: load the optimizer; make a scheduler (its first number) or load it (its second)."""
    optimizer, _ = scheduled(tg, lambda library, optimizer: None, momentum=0.9)
    schedulers = {}
    for event in order:
        if event == "optimizer":
            optimizer.load_state_dict(copy.deepcopy(optimizer_state))
        elif event in schedulers:
            schedulers[event].load_state_dict(copy.deepcopy(states[event]))
        else:
            schedulers[event] = makes[event](tg.optim.lr_scheduler, optimizer)
    return optimizer, [schedulers[i] for i in range(len(makes))]


PAIR = [by_name("ExponentialLR", {"gamma": 0.97}), by_name("MultiStepLR", {"milestones": [4, 30], "gamma": 0.5})]
ONE = [("optimizer", 0, 0), (0, "optimizer", 0), (0, 0, "optimizer")]
TWO = [
    order
    for order in sorted({*itertools.permutations(["optimizer", 0, 0, 1, 1])}, key=str)
    if order.index(0) < order.index(1)  # which are made in their order
]


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize("source", [tg, torch], ids=["ours", "pytorch"])
@pytest.mark.parametrize("makes", [*(pytest.param([p.values[0]], id=p.id) for p in ALL), pytest.param(PAIR, id="pair")])
def test_the_states_can_be_loaded_in_any_order(makes, source):
    first, _ = scheduled(source, lambda library, optimizer: None, momentum=0.9)
    whole = [make(source.optim.lr_scheduler, first) for make in makes]
    steps(whole, range(35))
    optimizer_state, states = copy.deepcopy(first.state_dict()), [copy.deepcopy(s.state_dict()) for s in whole]
    then = rates(first)
    steps(whole, range(35, 45))
    for order in ONE if len(makes) == 1 else TWO:
        if source is torch and len(makes) == 2 and order[-1] != "optimizer":
            continue  # its states do not say to which rates the two had come together
        optimizer, schedulers = resumed(makes, optimizer_state, states, order)
        np.testing.assert_allclose(rates(optimizer), then, rtol=1e-12, err_msg=str(order))
        steps(schedulers, range(35, 45))
        np.testing.assert_allclose(rates(optimizer), rates(first), rtol=1e-12, err_msg=str(order))


def test_a_state_of_another_kind_is_refused_and_changes_nothing():
    for make in [p.values[0] for p in ALL]:
        optimizer, scheduler = scheduled(tg, make, momentum=0.9)
        before = copy.deepcopy(scheduler.state_dict())
        for key in ("last_epoch", "_last_lr"):
            for state in (
                {k: v for k, v in before.items() if k != key},
                before | {key: "text"},
                before | {key: {}},
                before | {key: [0.1, 0.2, 0.3]},
                [1, 2],
                None,
            ):
                with pytest.raises(ValueError, match=f"the state does not fit this {type(scheduler).__name__}: .*"):
                    scheduler.load_state_dict(state)
                assert scheduler.state_dict() == before
        assert rates(optimizer) == rates(scheduled(tg, make, momentum=0.9)[0])


@pytest.mark.filterwarnings("ignore:Detected call of")
def test_two_schedules_on_one_optimizer_multiply_as_in_pytorch():
    rows = []
    for library in (tg, torch):
        optimizer, first = scheduled(library, by_name("ExponentialLR", {"gamma": 0.9}))
        second = library.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)
        rows.append([])
        for _ in range(20):
            first.step()
            second.step()
            rows[-1].append(second.get_last_lr())
    np.testing.assert_allclose(rows[0], rows[1], rtol=1e-12)
