"""Reductions and statistics: what the samples of the table do not say."""

import numpy as np
import pytest

import tinygrad_ml as tg

METHODS = ["sum", "mean", "var", "std", "prod", "max", "min", "argmax", "argmin", "any", "all", "cumsum", "cumprod"]
X = np.random.default_rng(0).normal(size=(2, 3, 4))


@pytest.mark.parametrize("name", METHODS)
def test_methods_and_functions_are_those_of_numpy(name):
    expected = getattr(np, name)(X, axis=1)
    for found in (
        getattr(tg.tensor(X), name)(axis=1),
        getattr(tg.tensor(X), name)(1),
        getattr(tg, name)(tg.tensor(X), 1),
        getattr(np, name)(tg.tensor(X), axis=1),
    ):
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14)


def test_rounding_operators_are_those_of_numpy():
    x = tg.tensor(X)
    np.testing.assert_array_equal((x // 0.3).numpy(), X // 0.3)
    np.testing.assert_array_equal((x % 0.3).numpy(), X % 0.3)
    np.testing.assert_array_equal((5 % x).numpy(), 5 % X)
    np.testing.assert_array_equal(x.round(2).numpy(), X.round(2))


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "prod", "max", "min", "any", "all", "logsumexp"])
def test_no_axis_is_reduced_over_an_empty_tuple(name):
    x = tg.tensor(X, requires_grad=True)
    y = getattr(tg, name)(x, axis=())
    assert y.shape == X.shape
    if y.requires_grad:
        y.sum().backward()
        assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize("name", ["sum", "prod", "any", "all", "logsumexp"])
def test_reductions_of_nothing_have_their_neutral_value(name):
    x = tg.tensor(np.zeros((2, 0)), requires_grad=True)
    y = getattr(tg, name)(x, axis=1)
    neutral = {"sum": 0, "prod": 1, "any": False, "all": True, "logsumexp": -np.inf}[name]
    assert y.tolist() == [neutral, neutral]
    if y.requires_grad:
        y.sum().backward()
        assert x.grad.shape == (2, 0)


@pytest.mark.parametrize("name", ["var", "std", "median", "quantile", "ptp", "prod", "max", "min"])
def test_nothing_is_reduced_over_another_axis_of_an_empty_array(name):
    x = tg.tensor(np.zeros((2, 0)), requires_grad=True)
    parameters = {"q": 0.5} if name == "quantile" else {}
    y = getattr(tg, name)(x, axis=0, **parameters)
    assert y.shape == (0,)
    y.sum().backward()
    assert x.grad.shape == (2, 0)


def test_a_variance_without_degrees_of_freedom_is_nan():
    assert np.isnan(tg.tensor([1.0]).var(ddof=1).item())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_integers_have_statistics_in_the_default_float(dtype):
    before = tg.get_default_dtype()
    tg.set_default_dtype(dtype)
    try:
        whole = np.arange(6).reshape(2, 3)
        for function in (np.mean, np.var, np.std, np.median):
            found = function(tg.tensor(whole), axis=1)
            np.testing.assert_allclose(found.numpy(), function(whole, axis=1), rtol=2 * np.finfo(dtype).eps)
            assert found.dtype == dtype
    finally:
        tg.set_default_dtype(before)


def test_the_weights_of_an_average_have_a_gradient():
    x, w = np.array([1.0, 5.0, 3.0]), np.array([3.0, 1.0, 2.0])
    mean = (x * w).sum() / w.sum()
    a, b = tg.tensor(x, requires_grad=True), tg.tensor(w, requires_grad=True)
    average = np.average(a, weights=b)
    assert average.item() == mean
    average.backward()
    np.testing.assert_allclose(a.grad.numpy(), w / w.sum())
    np.testing.assert_allclose(b.grad.numpy(), (x - mean) / w.sum())


def test_the_weights_of_an_average_may_go_along_one_axis():
    for axis, weights in ((0, [1.0, 3.0]), (1, [1.0, 3.0, 2.0]), (-1, [1.0, 2.0, 3.0, 4.0])):
        found = np.average(tg.tensor(X), axis=axis, weights=np.array(weights))
        np.testing.assert_allclose(found.numpy(), np.average(X, axis=axis, weights=weights))


def test_an_unknown_argument_is_named():
    with pytest.raises(TypeError, match=r"did you mean axis\?"):
        tg.tensor(X).std(axs=1)


@pytest.mark.parametrize("axis", [0, -1, (0,), (), None])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "ptp", "mean", "var", "std"])
def test_an_axis_of_a_number_is_taken_or_refused_as_in_numpy(name, axis):
    x = tg.tensor(3.0, requires_grad=True)
    try:
        expected = getattr(np, name)(np.array(3.0), axis=axis)
    except np.exceptions.AxisError:
        with pytest.raises(np.exceptions.AxisError):
            getattr(tg, name)(x, axis=axis)
    else:
        y = getattr(tg, name)(x, axis=axis)
        assert y.item() == expected
        y.backward()
        assert x.grad.shape == ()
