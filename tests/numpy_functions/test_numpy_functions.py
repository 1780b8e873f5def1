"""NumPy's functions on Tensors: NumPy's values, and derivatives to second order."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.numpy_functions.samples import CALLS


def widens(function, arrays):
    """Whether NumPy itself gives float64 for float32."""
    with np.errstate(all="ignore"):
        out = function(*(x.astype(np.float32) for x in arrays))
    return np.asarray(out).dtype != np.float32


ELEMENTS = {
    "poly",
    "roots",
}  # NumPy asks the elements of a Tensor who computes them, so it computes those of none itself


@pytest.mark.parametrize("name", CALLS)
def test_a_function_has_numpys_values_and_right_derivatives(name):
    for function, *arrays in CALLS[name]:
        if np.isnan(arrays[0]).any():  # where a numerical derivative is NaN
            check_with_nan(function, *arrays)
        elif name in ELEMENTS or widens(function, arrays):
            found = function(*map(tg.tensor, arrays))
            np.testing.assert_allclose(found, function(*arrays), rtol=1e-12, atol=1e-14)
            assert tg.testing.gradcheck(function, tuple(arrays), order=2)
        else:
            tg.testing.check_operation(function, [tg.testing.Sample(tuple(arrays), reference=function)])


def check_with_nan(function, x):
    t, places = tg.tensor(x, requires_grad=True), ~np.isnan(x)
    found = function(t)
    np.testing.assert_allclose(found.numpy(), function(x), rtol=1e-12)
    assert tg.testing.gradcheck(lambda v: function(tg.ops.setitem(tg.tensor(x), v, index=places)), x[places], order=2)
    np.sum(found).backward()
    assert (t.grad.numpy()[~places] == 0).all()
    assert function(tg.tensor(x.astype(np.float32))).dtype == np.float32
