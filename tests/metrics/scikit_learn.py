"""The same call to our metrics and to scikit-learn's: value, warnings and refusals must be equal."""

import warnings

import numpy as np
import pytest

from tinygrad_ml import metrics

pytest.importorskip("sklearn", minversion="1.9")  # whose numbers and arguments these are
peer = pytest.importorskip("sklearn.metrics")
pd = pytest.importorskip("pandas")
hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

NUMERIC = {"list": list, "array": np.array, "series": pd.Series, "column": lambda y: np.array(y)[:, None]}
many = hypothesis.settings(max_examples=150, deadline=None, derandomize=True)


def outcome(function, *arguments, **named):
    """Return the result (or the kind of refusal) and the warnings of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(*arguments, **named)
        except (ValueError, TypeError, NotImplementedError) as error:
            result = "refused", isinstance(error, ValueError)
    return result, sorted({w.category.__name__ for w in caught} - {"RuntimeWarning"})


def assert_same(ours, theirs):
    """Compare results to 1e-12, in the same structure."""
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key in theirs:
            assert_same(ours[key], theirs[key])
    elif isinstance(theirs, tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs):
            assert_same(one, other)
    elif theirs is None or isinstance(theirs, str):
        assert ours == theirs
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def compare(name, *arguments, **named):
    ours, theirs = (outcome(getattr(library, name), *arguments, **named) for library in (metrics, peer))
    assert ours[1] == theirs[1]
    assert_same(ours[0], theirs[0])
