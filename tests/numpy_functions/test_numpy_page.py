"""The page of NumPy's functions tells the truth, and what works goes on working."""

import io

import numpy as np
import pytest

import tinygrad_ml as tg
from docs.make_numpy_page import PAGE, functions, page, state
from tests.numpy_functions.samples import CALLS

FUNCTIONS = functions()
A = np.random.default_rng(0).normal(size=(3, 3)) + 3 * np.eye(3)
WAYS = [  # in which a function may be called, given what makes a Tensor
    lambda f, t: f(t(A)),
    lambda f, t: f(t(A @ A.T)),
    lambda f, t: f(t(A), t(A)),
    lambda f, t: f(t(A), 1),
    lambda f, t: f([t(A), t(A)]),
    lambda f, t: f(t(A[0])),
    lambda f, t: f(t(A), (3, 3)),
    lambda f, t: f(t(A), 0, 1),
    lambda f, t: f(t(A), [0, 1]),
    lambda f, t: f(t(A), 1, 1),
    lambda f, t: f("ij->i", t(A)),
    lambda f, t: f(t(A), np.array([[0], [1], [2]]), 1),
    lambda f, t: f(A > 0, t(A), 0.0),
    lambda f, t: f(t(np.abs(A) + 0.1)),
    lambda f, t: f(t(A[0]), t(A[1])),
    lambda f, t: f(t(A + 0j)),
    lambda f, t: f(t(A), np.linspace(-1, 1, 3)),
    lambda f, t: f(t(A[0]), [0.0, 5.0]),
    lambda f, t: f(np.arange(3), t(A[0])),
    lambda f, t: f(io.BytesIO(), t(A)),
    lambda f, t: f(t(A), np.float64),
    lambda f, t: f((t(A[0]), t(A[1]))),
    lambda f, t: f("i,i", t(A[0]), t(A[0])),
    lambda f, t: f(t(np.arange(4)), 2),
    lambda f, t: f([np.arange(2), np.arange(2)], (3, 3)),
    lambda f, t: f(t(np.arange(4, dtype=np.uint8))),
    lambda f, t: f(t(np.array([True, False]))),
    lambda f, t: f(np.eye(2, dtype=int), t(A[0, :2])),
]
DATES = {"np.busday_count", "np.busday_offset", "np.is_busday", "np.datetime_as_string", "np.isnat"}  # of no Tensor


def results(f, make):
    """Return what a function gives in all ways that it can be called."""
    found = []
    for way in WAYS:
        try:
            found.append(way(f, make))
        except Exception as error:
            found.append(error)
    return found


def with_gradient(result):
    return (
        any(map(with_gradient, result))
        if isinstance(result, (tuple, list))
        else getattr(result, "requires_grad", False)
    )


def leaf(array):
    return tg.tensor(array, requires_grad=array.dtype.kind in "fc")


def of_state(which):
    return [name for name, function in FUNCTIONS.items() if state(function) == which and name not in DATES]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", of_state("gradient"))
def test_it_has_a_gradient(name):
    if name.removeprefix("np.") not in CALLS:  # which are checked one by one
        assert any(map(with_gradient, results(FUNCTIONS[name], leaf)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", of_state("value"))
def test_it_has_a_value_only(name):
    found = results(FUNCTIONS[name], leaf)
    assert not any(map(with_gradient, found))
    assert not all(isinstance(result, Exception) for result in found)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", of_state("constants"))
def test_it_is_for_constants(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # np.save takes any text for a file
    for result in results(FUNCTIONS[name], leaf):
        assert isinstance(result, Exception) or not with_gradient(result)
    assert not all(isinstance(result, Exception) for result in results(FUNCTIONS[name], tg.tensor))


def test_the_numbers_do_not_fall():
    assert len(of_state("gradient")) >= 245
    assert len(of_state("constants")) <= 35


def test_the_page_is_up_to_date():
    text = PAGE.read_text(encoding="utf-8")
    if f"NumPy {'.'.join(np.__version__.split('.')[:2])} " in text:
        assert text == page(), "run python docs/make_numpy_page.py"
    else:  # of another NumPy: what that one has too is in the same state
        heads = dict(zip(["gradient", "writing", "value", "constants"], text.split("\n## ")[1:]))
        for name, function in FUNCTIONS.items():
            assert f"`{name}`" not in text or f"`{name}`" in heads[state(function)]


def test_writing_into_tensors_has_gradients():
    v = tg.tensor([5.0, 6.0], requires_grad=True)
    for write, places in [
        (lambda x: np.put(x, [0, 3], v), [(0, 0), (1, 1)]),
        (lambda x: np.place(x, np.array([[1, 0], [0, 1]]), v), [(0, 0), (1, 1)]),
        (lambda x: np.fill_diagonal(x, v), [(0, 0), (1, 1)]),
        (lambda x: np.copyto(x, v, where=np.array([[True], [False]])), [(0, 0), (0, 1)]),
        (lambda x: np.putmask(x, np.array([[1, 1], [0, 0]]), v), [(0, 0), (0, 1)]),
        (lambda x: np.put_along_axis(x, np.array([[0, 1]]), v[None], axis=0), [(0, 0), (1, 1)]),
    ]:
        x, array = tg.zeros((2, 2)), np.zeros((2, 2), np.float32)
        assert write(x) is None
        v.grad = None
        (x * np.arange(1.0, 5).reshape(2, 2)).sum().backward()
        (i, j), (k, m) = places
        array[i, j], array[k, m] = 5, 6
        np.testing.assert_array_equal(x.detach(), array)
        np.testing.assert_array_equal(v.grad, [2 * i + j + 1, 2 * k + m + 1])


def test_writing_into_an_array_is_refused():
    with pytest.raises(TypeError, match=r"np\.put cannot write a Tensor's values into an array"):
        np.put(np.zeros(3), [0], tg.ones(1, requires_grad=True))


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.arctan2, np.subtract])
def test_outer_of_any_operation(ufunc):
    x, y = np.array([1.0, 2.0]), np.array([[3.0], [0.5]])
    t = tg.tensor(x, requires_grad=True)
    found = ufunc.outer(t, y)
    np.testing.assert_allclose(found.detach(), ufunc.outer(x, y), rtol=1e-6)
    assert found.requires_grad
    assert np.add.accumulate(t).tolist() == [1.0, 3.0]
