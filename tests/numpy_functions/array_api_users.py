"""Functions of SciPy and scikit-learn that dispatch by the array API, on Tensors: values, and derivatives.

A program of its own, since SciPy asks for the setting when it is imported. It prints what it found, as JSON.
"""

import importlib
import json
import os
import warnings

import numpy as np

import tinygrad_ml as tg

random = np.random.default_rng(1)


def check(function, at):
    """Return how far the value is from that for an array, and the derivative in a direction from differences."""
    x = tg.tensor(at, requires_grad=True)
    out = function(x)
    wanted = np.asarray(function(at))
    weights, direction, step = random.normal(size=out.shape), random.normal(size=at.shape), 1e-5
    (out * weights).sum().backward()
    found = (x.grad.numpy() * direction).sum()
    ends = [(np.asarray(function(at + sign * step * direction)) * weights).sum() for sign in (1, -1)]
    return {
        "value": float(np.abs(out.detach().numpy() - wanted).max() / max(1, np.abs(wanted).max())),
        "derivative": [float(found), float((ends[0] - ends[1]) / (2 * step))],
    }


def main():
    """Check each call, and print what was found."""
    os.environ["SCIPY_ARRAY_API"] = "1"
    import sklearn

    sklearn.set_config(array_api_dispatch=True)
    tg.set_default_dtype("float64")  # of the numbers that SciPy makes into arrays
    warnings.simplefilter("error", tg.LostGradientWarning)
    results = {}
    calls = importlib.import_module("tests.numpy_functions.array_api_calls")  # it imports SciPy
    for name, function, at in (
        *((name, function, calls.REAL) for name, function in calls.OF_REAL.items()),
        *((name, function, calls.POSITIVE) for name, function in calls.OF_POSITIVE.items()),
    ):
        try:
            with np.errstate(all="ignore"):
                results[name] = check(function, at)
        except Exception as error:
            results[name] = {"error": repr(error)}
    print(json.dumps(results))


if __name__ == "__main__":
    main()
