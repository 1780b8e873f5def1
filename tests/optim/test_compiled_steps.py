"""Steps of an optimizer in C: they begin when they will have paid, and are equal bit for bit."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.native import build

EAGER = 10**9
EVERY = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "nesterov": True}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.01}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "l1": 0.01}),
    ("AdamW", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.5}),
    ("Adadelta", {"lr": 0.5}),
]


def begun(countdown, name="Adam", **options):
    """Return a model and an optimizer whose step is compiled after `countdown` steps."""
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    optimizer = getattr(optim, name)(model.parameters(), **options)
    optimizer._countdown = countdown
    return model, optimizer


def trained(model, optimizer, steps=12, before=lambda k: None):
    rng = np.random.default_rng(3)
    for k in range(steps):
        before(k)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(rng.normal(size=(8, 6)).astype(np.float32)), np.arange(8) % 3).backward()
        optimizer.step()
    return model, optimizer


def assert_same(one, other):
    """Compare the parameters and the states of two optimizers."""
    groups, groups_2 = (optimizer.param_groups for _, optimizer in (one, other))
    state, state_2 = (optimizer.state_dict()["state"] for _, optimizer in (one, other))
    for group, group_2 in zip(groups, groups_2):
        for p, q in zip(group["params"], group_2["params"]):
            np.testing.assert_array_equal(p.numpy(), q.numpy())
    assert state.keys() == state_2.keys()
    for key, entry in state.items():
        for name, value in entry.items():
            np.testing.assert_array_equal(value, state_2[key][name])


@pytest.mark.parametrize(("name", "options"), EVERY)
def test_compiled_steps_are_equal_bit_for_bit(name, options):
    compiled = trained(*begun(2, name, **options))
    assert compiled[1]._compiled.plans
    assert_same(compiled, trained(*begun(EAGER, name, **options)))


def test_what_changes_between_steps_is_seen():
    """Rates, also those that NumPy computed, frozen parameters, loaded states, new groups, weights written by hand."""

    def results(countdown):
        model, optimizer = begun(countdown, lr=0.01)
        first, *_, last = model.parameters()
        schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        saved = copy.deepcopy(optimizer.state_dict())
        extra = tg.ones(2, requires_grad=True)

        def change(k):
            if k == 6:
                schedule.step()
            if k == 7:
                optimizer.param_groups[0]["lr"] = np.float64(0.02)
            if k in (8, 14):
                first.requires_grad_(k == 14)
            if k == 10:
                optimizer.load_state_dict(saved)
            if k == 12:
                last.data = np.zeros(3, np.float32)
            if k == 16:
                extra.grad = [1.0, 2.0]
                optimizer.add_param_group({"params": [extra], "lr": 0.5})

        return trained(model, optimizer, 24, change)

    assert_same(results(2), results(EAGER))


def test_sparse_gradients():
    def results(countdown):
        tg.manual_seed(0)
        table = nn.Embedding(20, 4, sparse=True)
        optimizer = optim.Adam(table.parameters(), lr=0.1)
        optimizer._countdown = countdown
        rng = np.random.default_rng(0)
        for _ in range(10):
            optimizer.zero_grad()
            (table(rng.integers(0, 20, 7)) ** 2).sum().backward()
            optimizer.step()
        return table, optimizer

    assert_same(results(2), results(EAGER))


def test_copies_count_anew():
    model, optimizer = trained(*begun(2))
    for other in (copy.deepcopy((model, optimizer)), pickle.loads(pickle.dumps((model, optimizer)))):
        assert other[1]._compiled is None
        assert_same(trained(*other), trained(*copy.deepcopy((model, optimizer))))


def test_when_it_pays():
    small, large = (optim.SGD([tg.zeros(n, requires_grad=True)], lr=0.1) for n in (100, 1_000_000))
    assert 100 < large._countdown < 10_000 < small._countdown

    class Own(optim.SGD):
        def update(self, value, gradient, state, step, **options):
            super().update(value, gradient, state, step, **options)
            self.calls = getattr(self, "calls", 0) + 1  # an effect that a compiled step would not have

    assert Own([tg.zeros(2, requires_grad=True)], lr=0.1)._countdown == float("inf")


def test_without_a_compiler_nothing_is_said(monkeypatch):
    build.version.cache_clear()
    monkeypatch.setenv("CC", "no-such-compiler")
    assert_same(trained(*begun(2)), trained(*begun(EAGER)))


def test_with_other_gradients_in_each_step_it_stays_as_it_is():
    def results(countdown):
        params = [tg.full((k + 1,), 1.0, requires_grad=True) for k in range(6)]
        optimizer = optim.Adam(params, lr=0.1)
        optimizer._countdown = countdown
        for number in range(64):
            for k, p in enumerate(params):
                p.grad = np.full(k + 1, 0.5, np.float32) if number >> k & 1 else None
            optimizer.step()
        return params, optimizer

    compiled = results(2)
    assert_same(compiled, results(EAGER))
    assert len(compiled[1]._compiled.plans) <= 4
