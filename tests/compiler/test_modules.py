"""Every module and every optimizer, compiled: a training step is equal bit for bit over six batches."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.compiler.workloads import same_bits
from tests.testing.test_gradcheck_library import MODULES
from tinygrad_ml import nn
from tinygrad_ml.compiler.entry import Compiled

OPTIMIZERS = {
    "sgd": lambda p: tg.optim.SGD(p, lr=0.05),
    "momentum": lambda p: tg.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "dampened": lambda p: tg.optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.5, maximize=True, l1=0.01),
    "adam": lambda p: tg.optim.Adam(p, lr=0.01),
    "amsgrad": lambda p: tg.optim.Adam(p, lr=0.01, amsgrad=True, weight_decay=0.1, l1=0.01),
    "adamw": lambda p: tg.optim.AdamW(p, lr=0.01),
    "adagrad": lambda p: tg.optim.Adagrad(p, lr=0.05, lr_decay=0.1, initial_accumulator_value=0.1),
    "rmsprop": lambda p: tg.optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "adadelta": lambda p: tg.optim.Adadelta(p),
}


def as_single(x, turn):
    array = np.roll(np.asarray(x), turn)
    return tg.tensor(array.astype(np.float32) if array.dtype.kind == "f" else array)


def training(make, inputs, optimizer, backend=None, schedule=False):
    """Return the losses, weights and gradients of six steps, and the step."""
    tg.manual_seed(0)
    model = make()
    parameters = [*model.parameters()] or [nn.Parameter(np.ones(1))]
    chosen = OPTIMIZERS[optimizer](parameters)
    scheduler = tg.optim.lr_scheduler.StepLR(chosen, 2, 0.5) if schedule else None

    def step(*given):
        chosen.zero_grad()
        out = model(*given)
        out = out[0] if isinstance(out, tuple) else out
        loss = (tg.sin(out) * out).mean() * parameters[0].sum()
        loss.backward()
        tg.optim.clip_grad_norm_(parameters, 0.5)
        chosen.step()
        return loss, out.detach()

    if backend:
        step = Compiled(step, backend)
    found = []
    for turn in range(6):
        loss, out = step(*[as_single(x, turn) for x in (inputs if isinstance(inputs, tuple) else (inputs,))])
        state = [*parameters, *model.buffers(), *[p.grad for p in parameters if p.grad is not None]]
        found.append([np.array(x.numpy()) for x in (loss, out, *state)])
        if scheduler is not None:
            scheduler.step()
    return found, step


def assert_equal(make, inputs, optimizer, **how):
    expected, _ = training(make, inputs, optimizer, **how)
    for backend in ("numpy", "exact"):
        found, step = training(make, inputs, optimizer, backend, **how)
        assert step.plans, step.eager
        assert bool(step.plans[0].capture.code.c) == (backend == "exact")
        for before, after in zip(expected, found):
            assert len(before) == len(after)
            assert all(same_bits(x, y) for x, y in zip(before, after)), backend


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_trained_alike(name):
    make, inputs = MODULES[name]
    assert_equal(make, inputs, "adam")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_optimizer_with_a_schedule_moves_alike(optimizer):
    model, inputs = MODULES["Sequential"]
    assert_equal(model, inputs, optimizer, schedule=True)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_trained_alike_by_every_optimizer(name, optimizer):
    make, inputs = MODULES[name]
    assert_equal(make, inputs, optimizer, schedule=True)
