"""Schedules beside groups that are added later, after a restart in any order, and at the ends of their options."""

import copy
import itertools
import math

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import optim
from tinygrad_ml.optim import lr_scheduler


def leaf():
    return tg.ones(1, requires_grad=True)


def warm_up_then_cosine(library, optimizer):
    parts = [library.LinearLR(optimizer, 0.1, total_iters=6), library.CosineAnnealingLR(optimizer, T_max=10)]
    return library.SequentialLR(optimizer, parts, [6])


def of(name, **options):
    return pytest.param(lambda library, optimizer: getattr(library, name)(optimizer, **options), id=name)


FORMULAS = [  # the rate in an epoch depends on the initial one
    of("LinearLR", start_factor=0.1, end_factor=0.7, total_iters=6),
    of("ConstantLR", factor=0.2, total_iters=6),
    of("CosineAnnealingLR", T_max=8, eta_min=0.001),
    of("LambdaLR", lr_lambda=lambda epoch: min(1.0, epoch / 5)),
    pytest.param(warm_up_then_cosine, id="SequentialLR"),
]
FACTORS = [
    of("StepLR", step_size=3, gamma=0.5),
    of("MultiStepLR", milestones=[3, 7, 7]),
    of("ExponentialLR", gamma=0.9),
]
OTHERS = [of("OneCycleLR", max_lr=0.5, total_steps=40), of("ReduceLROnPlateau", patience=2, factor=0.5)]


def step(scheduler, measure=1.0):
    scheduler.step(measure) if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau) else scheduler.step()


def rates(optimizer, scheduler, epochs):
    rows = []
    for _ in range(epochs):
        step(scheduler)
        rows.append([group["lr"] for group in optimizer.param_groups])
        assert rows[-1] == scheduler.get_last_lr()
    return np.array(rows)


# ---------------------------------------------------------------------- groups that are added later


@pytest.mark.parametrize("make", FORMULAS)
@pytest.mark.parametrize("epoch", [0, 1, 5, 8, 13])
def test_a_group_that_is_added_gets_the_rates_of_one_that_was_there(make, epoch):
    early = optim.SGD([{"params": [leaf()]}, {"params": [leaf()], "lr": 0.3}], lr=0.1)
    whole = rates(early, make(lr_scheduler, early), 40)
    late = optim.SGD([leaf()], lr=0.1)
    scheduler = make(lr_scheduler, late)
    rates(late, scheduler, epoch)
    late.add_param_group({"params": [leaf()], "lr": 0.3})
    assert late.param_groups[1]["lr"] == 0.3
    np.testing.assert_allclose(rates(late, scheduler, 40 - epoch), whole[epoch:], rtol=1e-12, atol=1e-15)


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize("make", FACTORS)
@pytest.mark.parametrize("epoch", [0, 1, 5])
def test_a_group_that_is_added_gets_the_same_factors_as_in_pytorch(make, epoch, torch):
    found = []
    for library in (tg, torch):
        optimizer = library.optim.SGD([library.ones(1, requires_grad=True)], lr=0.1)
        scheduler = make(library.optim.lr_scheduler, optimizer)
        for _ in range(epoch):
            scheduler.step()
        optimizer.add_param_group({"params": [library.ones(1, requires_grad=True)], "lr": 0.3})
        found.append(rates(optimizer, scheduler, 12))
    np.testing.assert_allclose(*found, rtol=1e-12)


def test_a_group_that_is_added_is_reduced_on_a_plateau():
    optimizer = optim.SGD([leaf()], lr=0.1)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5, min_lr=0.04)
    scheduler.step(1.0)
    optimizer.add_param_group({"params": [leaf()], "lr": 0.3})
    scheduler.step(1.0)
    scheduler.step(1.0)
    np.testing.assert_allclose(scheduler.get_last_lr(), [0.04, 0.075])


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda o: lr_scheduler.OneCycleLR(o, 1.0, 10), "max_lr"),
        (lambda o: lr_scheduler.OneCycleLR(o, [1.0], 10), "max_lr"),
        (lambda o: lr_scheduler.LambdaLR(o, [lambda epoch: 1.0]), "function in the list lr_lambda"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, min_lr=[0.1]), "value in the list min_lr"),
    ],
)
def test_where_a_group_would_need_a_value_of_its_own_the_order_is_named(make, what):
    optimizer = optim.SGD([leaf()], lr=0.1, momentum=0.9)
    scheduler = make(optimizer)
    optimizer.add_param_group({"params": [leaf()]})
    for _ in range(2):
        with pytest.raises(ValueError, match=f"there is no {what}: call add_param_group first, and make the scheduler"):
            step(scheduler)
    assert optimizer.param_groups[1]["lr"] == 0.1


def test_a_part_of_a_sequence_that_begins_later_knows_the_groups_that_were_added():
    optimizer = optim.SGD([leaf()], lr=0.1)
    parts = [
        lr_scheduler.ConstantLR(optimizer, 1.0, 3),
        lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch)),
    ]
    scheduler = lr_scheduler.SequentialLR(optimizer, parts, [3])
    optimizer.add_param_group({"params": [leaf()], "lr": 0.6})
    found = rates(optimizer, scheduler, 6)
    np.testing.assert_allclose(found[:, 1], [0.6, 0.6, 0.6, 0.3, 0.2, 0.15])
    np.testing.assert_allclose(found[:, 0] * 6, found[:, 1])


# ---------------------------------------------------------------------- going on after an interruption


MAKE, LOAD_OPTIMIZER, LOAD_SCHEDULER = "make the scheduler", "load the optimizer", "load the scheduler"
ORDERS = [
    order
    for order in itertools.permutations((MAKE, LOAD_OPTIMIZER, LOAD_SCHEDULER))
    if order.index(MAKE) < order.index(LOAD_SCHEDULER)
]


def made(name="SGD"):
    options = {"momentum": 0.9} if name == "SGD" else {}
    return getattr(optim, name)([{"params": [leaf()]}, {"params": [leaf()], "lr": 0.05}], lr=0.2, **options)


def trace(optimizer, schedulers, epochs):
    rows = []
    for epoch in range(epochs):
        for scheduler in schedulers:
            step(scheduler, math.cos(epoch))
        groups = optimizer.param_groups
        rows.append([group["lr"] for group in groups] + [group.get("momentum", group.get("betas")) for group in groups])
    return rows


@pytest.mark.parametrize("order", ORDERS, ids=" | ".join)
@pytest.mark.parametrize("make", FORMULAS + FACTORS + OTHERS)
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_a_schedule_goes_on_whatever_is_loaded_first(make, order, name):
    whole = made(name)
    scheduler = make(lr_scheduler, whole)
    trace(whole, [scheduler], 9)
    saved = copy.deepcopy((whole.state_dict(), scheduler.state_dict()))
    optimizer = made(name)
    for what in order:
        if what == MAKE:
            resumed = make(lr_scheduler, optimizer)
        elif what == LOAD_OPTIMIZER:
            optimizer.load_state_dict(saved[0])
        else:
            resumed.load_state_dict(saved[1])
    assert [group["lr"] for group in optimizer.param_groups] == [group["lr"] for group in whole.param_groups]
    assert trace(optimizer, [resumed], 20) == trace(whole, [scheduler], 20)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_several_schedules_of_one_optimizer_go_on_whatever_is_loaded_first(order):
    def make(optimizer):
        return [lr_scheduler.LinearLR(optimizer, 0.1, total_iters=6), lr_scheduler.ExponentialLR(optimizer, 0.9)]

    whole = made()
    schedulers = make(whole)
    trace(whole, schedulers, 4)
    saved = copy.deepcopy([part.state_dict() for part in (whole, *schedulers)])
    optimizer = made()
    resumed = [optimizer, *make(optimizer)]
    for i in order:
        resumed[i].load_state_dict(saved[i])
    assert trace(optimizer, resumed[1:], 20) == trace(whole, schedulers, 20)


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize("make", FACTORS + FORMULAS + OTHERS)
def test_a_state_of_pytorch_goes_on_after_the_optimizers(make, torch):
    """In the order in which PyTorch itself would begin with a rate that is too low."""
    peer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.2, momentum=0.9)
    theirs = make(torch.optim.lr_scheduler, peer)
    for _ in range(7):
        theirs.step(1.0) if type(theirs).__name__ == "ReduceLROnPlateau" else theirs.step()
    optimizer = optim.SGD([leaf()], lr=0.2, momentum=0.9)
    optimizer.load_state_dict(peer.state_dict())
    ours = make(lr_scheduler, optimizer)
    ours.load_state_dict(copy.deepcopy(theirs.state_dict()))
    for _ in range(20):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(peer.param_groups[0]["lr"], rel=1e-12, abs=1e-15)
        assert optimizer.param_groups[0]["momentum"] == pytest.approx(peer.param_groups[0]["momentum"], rel=1e-12)
        step(ours)
        theirs.step(1.0) if type(theirs).__name__ == "ReduceLROnPlateau" else theirs.step()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: [1, 2], "it is a list, must be a dict"),
        (lambda state: {}, "missing last_epoch, _last_lr"),
        (lambda state: state | {"last_epoch": "3"}, "its last_epoch is '3'"),
        (lambda state: state | {"_last_lr": 0.1}, "its _last_lr is 0.1"),
        (lambda state: state | {"_last_lr": ["a"]}, r"its _last_lr is \['a'\]"),
        (lambda state: state | {"gamma": None}, "its gamma is None"),
        (
            lambda state: state | {"_last_lr": [0.1, 0.2, 0.3]},
            "it is of an optimizer with 3 groups of parameters, and this has 2",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_explained_and_changes_nothing(change, message):
    optimizer = made()
    scheduler = lr_scheduler.StepLR(optimizer, 3)
    before = copy.deepcopy((scheduler.state_dict(), optimizer.state_dict()))
    with pytest.raises(ValueError, match="the state does not fit this StepLR: " + message):
        scheduler.load_state_dict(change(scheduler.state_dict()))
    assert str((scheduler.state_dict(), optimizer.state_dict())) == str(before)


def test_a_state_of_a_sequence_that_does_not_fit_is_explained():
    optimizer = made()
    scheduler = warm_up_then_cosine(lr_scheduler, optimizer)
    for change in (lambda s: 3, lambda s: s | {"_schedulers": s["_schedulers"][:1]}, lambda s: s | {"_schedulers": 3}):
        with pytest.raises(ValueError, match="does not fit this SequentialLR"):
            scheduler.load_state_dict(change(scheduler.state_dict()))


# ---------------------------------------------------------------------- at the ends of the options


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
@pytest.mark.parametrize("measure", [-1.0, -1e-3, 0.0, 1e-3, 5.0, math.inf, -math.inf, math.nan])
def test_a_measure_that_stays_the_same_is_a_plateau(mode, threshold_mode, measure):
    optimizer = optim.SGD([leaf()], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, mode, 0.5, 2, 1e-4, threshold_mode)
    found = []
    for _ in range(8):
        scheduler.step(measure)
        found.append(optimizer.param_groups[0]["lr"])
    first = 3 if not (math.isnan(measure) or measure == (math.inf if mode == "min" else -math.inf)) else 2
    assert found == [1.0] * first + [0.5] * 3 + [0.25] * (5 - first)


@pytest.mark.parametrize("shift", [0.0, -10.0, -1000.0])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_progress_beyond_a_relative_threshold_is_none_on_either_side_of_zero(mode, shift):
    """A measure that gets better by more than the share of its size never reduces the rate; by less, always does."""
    sign = 1 if mode == "max" else -1
    for share, reduced in ((0.02, False), (0.005, True)):
        optimizer = optim.SGD([leaf()], lr=1.0)
        scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, mode, 0.5, patience=0, threshold=0.01)
        value = shift - 1
        for _ in range(3):
            scheduler.step(value)
            value += sign * share * abs(value)
        assert (optimizer.param_groups[0]["lr"] < 1) is reduced


def test_a_measure_may_be_a_tensor_that_was_recorded():
    optimizer = optim.SGD([leaf()], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer)
    scheduler.step((tg.ones(1, requires_grad=True) * 2).sum())
    assert scheduler.best == 2


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize("total", [1, 2, 3, 4, 6, 10])
@pytest.mark.parametrize("part", range(11))
def test_one_cycle_reaches_its_rates_with_every_share_of_steps(total, part, three_phase, strategy):
    """Every phase ends with its rate, also one that is a single point in time."""
    optimizer = optim.SGD([leaf()], lr=0.1, momentum=0.9)
    options = {"anneal_strategy": strategy, "three_phase": three_phase}
    scheduler = lr_scheduler.OneCycleLR(optimizer, 1.0, total, pct_start=part / 10, **options)
    found = [scheduler.get_last_lr()[0]] + [rates(optimizer, scheduler, 1)[0, 0] for _ in range(total - 1)]
    assert np.isfinite(found).all()
    assert max(found) <= 1 + 1e-12
    assert min(found) >= 1 / 25 / 1e4 * (1 - 1e-9)
    if part < 5:
        assert found[-1] == pytest.approx(1 / 25 / 1e4)


def test_one_cycle_whose_first_phase_is_a_single_step_begins_at_the_top():
    optimizer = optim.SGD([leaf()], lr=0.1, momentum=0.9)
    scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=3, pct_start=1 / 3)
    assert scheduler.get_last_lr() == [1.0]
    assert optimizer.param_groups[0]["momentum"] == 0.85
    np.testing.assert_allclose(rates(optimizer, scheduler, 2)[-1], 1 / 25 / 1e4)


def test_a_schedule_that_was_written_for_an_earlier_version_works():
    class Halve(lr_scheduler.LRScheduler):
        def change(self, epoch):
            return 0.5 if epoch else 1.0

    optimizer = optim.SGD([leaf()], lr=0.8)
    np.testing.assert_allclose(rates(optimizer, Halve(optimizer), 2)[:, 0], [0.4, 0.2])
