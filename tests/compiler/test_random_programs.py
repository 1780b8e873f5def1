"""Random programs with their gradients: as they are, as a NumPy plan (bit for bit), and as a C plan."""

import warnings

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
from tests.compiler.workloads import same_bits

UNARY = (tg.tanh, tg.exp, tg.sin, tg.square, tg.relu, tg.sigmoid, tg.sqrt, tg.log, tg.abs, lambda x: x.T, lambda x: -x)
BINARY = (
    *(tg.add, tg.subtract, tg.multiply, tg.divide, tg.maximum, tg.minimum),
    *(lambda x, y: x @ y, lambda x, y: tg.where(x > y, x, y * 2), lambda x, y: tg.concatenate([x, y])[1:4, :3]),
    *(lambda x, y: x * y.sum(axis=0), lambda x, y: x - y.mean(axis=1, keepdims=True), lambda x, y: x[::-1] + y[1]),
)
STEPS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=15)


def program(steps, weights):
    """Return a function of an input: each step is an operation, and from which results it takes its arguments."""

    def run(x):
        for w in weights:
            w.grad = None
        values = [x, *weights]
        for operation, first, second in steps:
            chosen = (*UNARY, *BINARY)[operation % (len(UNARY) + len(BINARY))]
            args = values[first % len(values)], values[second % len(values)]
            values.append(chosen(*args[: 1 if chosen in UNARY else 2]))
        loss = values[-1].sum()
        if loss.requires_grad:
            loss.backward()
        return loss, values[-2].detach()

    return run


def outcome(steps, dtype, backend):
    """Return what six calls give: results and gradients, of which the last input has a NaN."""
    rng = np.random.default_rng(0)
    weights = [tg.tensor(rng.normal(size=(3, 3)).astype(dtype), requires_grad=True) for _ in range(2)]
    run = program(steps, weights)
    run = run if backend is None else tg.compile(run, backend=backend)
    found = []
    for k in range(6):
        x = rng.normal(size=(3, 3)).astype(dtype)
        x[0, k % 3] = np.nan if k == 5 else x[0, 0]
        results = run(tg.tensor(x))
        found += [np.array(part.numpy()) for part in results]
        found += [np.array(w.grad.numpy()) for w in weights if w.grad is not None]
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(STEPS, st.sampled_from([np.float32, np.float64]))
def test_a_random_program_gives_the_same_three_ways(steps, dtype):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, as_numpy, as_c = (outcome(steps, dtype, backend) for backend in (None, "numpy", "auto"))
    assert len(expected) == len(as_numpy) == len(as_c)
    assert all(same_bits(x, y) for x, y in zip(expected, as_numpy))
    tolerance = 1e-4 if dtype is np.float32 else 1e-10  # sums in another order, magnified by later operations
    for x, y in zip(expected, as_c):
        assert x.dtype == y.dtype
        scale = np.max(np.abs(x[np.isfinite(x)]), initial=1e-30)
        np.testing.assert_allclose(y, x, rtol=tolerance, atol=tolerance * scale)
