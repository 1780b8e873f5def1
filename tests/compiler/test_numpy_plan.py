"""The NumPy plan of a compiled function is equal to the function as it is, bit for bit."""

import pytest

import tinygrad_ml as tg
from tests.compiler.workloads import WORKLOADS, history, same_bits

SLOW = ("wide mlp", "cnn", "chain", "scalars")
EAGER = ("embedding",)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in WORKLOADS if n not in EAGER]
)
def test_training_steps_are_equal_bit_for_bit(name):
    made = []

    def compiled(step):
        made.append(tg.compile(step, backend="numpy"))
        return made[-1]

    expected, found = history(WORKLOADS[name]), history(WORKLOADS[name], compiled)
    assert all(len(x) == len(y) for x, y in zip(expected, found))
    assert all(same_bits(x, y) for before, after in zip(expected, found) for x, y in zip(before, after))
    assert not made[0].eager
    assert len(made[0].plans) == 1
