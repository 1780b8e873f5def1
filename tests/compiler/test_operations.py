"""Every operation of the table, compiled: outputs and gradients are equal bit for bit at all samples."""

import functools
import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.compiler.workloads import same_bits
from tests.samples import SAMPLES, label
from tinygrad_ml.compiler.entry import Compiled

OPERATIONS = {**tg.autograd.OPERATIONS}
CASES = [
    pytest.param(name, sample, id=label(name, sample), marks=[pytest.mark.slow] * (k > 0))
    for name, rows in SAMPLES.items()
    for k, sample in enumerate(rows)
]


def function_of(name):
    operation = OPERATIONS.get(name)
    return operation.operation if operation is not None else getattr(tg, name, None) or getattr(tg.linalg, name)


def outputs_and_gradients(name, sample, leaves, *inputs):
    """Return all that an operation gives: its outputs, and the gradients of its floating inputs."""
    for leaf in leaves:
        leaf.grad = None
    outs = function_of(name)(*inputs, **sample.parameters)
    outs = outs if isinstance(outs, tuple) else (outs,)
    parts = [out for out in outs if out.requires_grad]
    if parts:
        total = sum((part * tg.cos(tg.arange(float(part.size)).reshape(part.shape))).sum() for part in parts)
        (total.real if total.dtype.kind == "c" else total).backward()
    return [out.detach() for out in outs]


def run(name, sample, calls, compiled):
    """Return the outputs and gradients of each call, with the inputs turned round in every second."""
    arrays = [np.asarray(a) for a in sample.inputs]
    inputs = [tg.tensor(a, requires_grad=a.dtype.kind in "fc") for a in arrays]
    leaves = [x for x in inputs if x.requires_grad]
    step = functools.partial(outputs_and_gradients, name, sample, leaves)
    if compiled:
        step = Compiled(step, "numpy")
    found = []
    for k in range(calls):
        for x, a in zip(inputs, arrays):
            if x.requires_grad:
                x.data = np.flip(a).copy() if k % 2 else a
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outs = step(*inputs)
        found.append(
            [np.array(x.numpy()) for x in outs] + [np.array(x.grad.numpy()) for x in leaves if x.grad is not None]
        )
    return found, step


@pytest.mark.parametrize(("name", "sample"), CASES)
def test_an_operation_is_equal_bit_for_bit(name, sample):
    expected, _ = run(name, sample, 5, compiled=False)
    found, step = run(name, sample, 5, compiled=True)
    for before, after in zip(expected, found):
        assert len(before) == len(after)
        assert all(same_bits(x, y) for x, y in zip(before, after))
    assert step.plans
