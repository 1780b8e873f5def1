"""Tensors that tests differentiate, and how arrays are compared."""

import numpy as np

import tinygrad_ml as tg


def leaf(*values, **options):
    """Return a Tensor that requires a gradient: of one array as it is, or of Python numbers as a vector in float64."""
    array = values[0] if len(values) == 1 and isinstance(values[0], np.ndarray) else np.array(values, np.float64)
    return tg.tensor(array, requires_grad=True, **options)


def close(found, expected, tolerance=1e-12):
    """Assert that two Tensors or arrays have the same shape and, up to rounding, the same values."""
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=tolerance, atol=tolerance)


def with_gradients(values, dtype=np.float64):
    """Return parameters that have these gradients."""
    params = []
    for value in values:
        p = tg.tensor(np.zeros(np.shape(value), dtype), requires_grad=True)
        p.grad = np.asarray(value, dtype)
        params.append(p)
    return params
