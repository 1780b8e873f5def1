"""NumPy functions on Tensors: plain NumPy code works on them, or says which function does not."""

import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.tensors import close

random = np.random.default_rng(0)
A, B, V = random.normal(size=(3, 4)), random.normal(size=(3, 4)), random.normal(size=4)


@pytest.fixture
def t():
    return tg.tensor(A, requires_grad=True)


# ---------------------------------------------------------------------- whole functions in plain NumPy


def softmax_regression(w, x, y):
    logits = x @ w
    logits = logits - np.max(logits, axis=1, keepdims=True)
    log_p = logits - np.log(np.sum(np.exp(logits), axis=1, keepdims=True))
    return -np.mean(log_p[np.arange(len(y)), y])


def gaussian_log_likelihood(k, x):
    covariance = k @ k.T + np.eye(3)
    solved = np.linalg.solve(covariance, x)
    return -0.5 * np.einsum("i,i", x, solved) - 0.5 * np.linalg.slogdet(covariance)[1]


def everything_else(x):
    rows = np.concatenate([x, np.flip(x, axis=0)], axis=0)
    left, right = np.split(rows, 2, axis=1)
    inner = np.where(left > 0, left**2, np.sin(left)) * np.clip(right, -1, 1)
    padded = np.pad(inner, ((1, 0), (0, 1)), mode="reflect")
    return (
        np.sum(np.sqrt(np.abs(np.tril(padded)) + 1)) + np.trace(np.roll(padded, 1)) + np.std(np.sort(rows, axis=None))
    )


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (softmax_regression, (random.normal(size=(4, 3)), A, np.array([0, 2, 1]))),
        (gaussian_log_likelihood, (A, V[:3])),
        (everything_else, (A,)),
    ],
)
def test_a_function_written_in_plain_numpy_works_unchanged_and_differentiates(function, arguments):
    first, *rest = arguments
    x = tg.tensor(first, requires_grad=True)
    value = function(x, *rest)
    assert isinstance(value, tg.Tensor)
    close(value.detach(), function(*arguments))
    (gradient,) = tg.autograd.grad(value, x)
    direction, h = random.normal(size=first.shape), 1e-6
    slope = (function(first + h * direction, *rest) - function(first - h * direction, *rest)) / (2 * h)
    np.testing.assert_allclose(np.sum(gradient.numpy() * direction), slope, rtol=1e-7)


# ---------------------------------------------------------------------- NumPy's spellings


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.sum(x, axis=1, keepdims=True),
        lambda x: np.sum(a=x, axis=0),
        lambda x: np.sum(x, 0),
        lambda x: np.sum(x, axis=None, dtype=None, out=None),
        lambda x: np.mean(x, axis=(0, 1)),
        lambda x: np.max(x, axis=-1),
        lambda x: np.amin(x, axis=0),
        lambda x: np.std(x, axis=0, ddof=1),
        lambda x: np.cumsum(x, axis=1),
        lambda x: np.clip(x, -0.5, 0.5),
        lambda x: np.clip(x, a_min=-0.5, a_max=0.5),
        lambda x: np.clip(x, a_min=None, a_max=0.5),
        lambda x: np.reshape(x, (4, -1)),
        lambda x: np.reshape(x, (2, 6)),
        lambda x: np.transpose(x),
        lambda x: np.transpose(x, axes=(1, 0)),
        lambda x: np.permute_dims(x, (1, 0)),
        lambda x: np.expand_dims(x, axis=(0, -1)),
        lambda x: np.squeeze(x[:1]),
        lambda x: np.moveaxis(x, 0, -1),
        lambda x: np.swapaxes(x, axis1=0, axis2=1),
        lambda x: np.broadcast_to(x, (2, 3, 4)),
        lambda x: np.broadcast_arrays(x, np.ones(4))[0],
        lambda x: np.concatenate([x, B], axis=-1),
        lambda x: np.concatenate((x, B), axis=None),
        lambda x: np.concat([B, x]),
        lambda x: np.concatenate(x),
        lambda x: np.stack([x, B], axis=1),
        lambda x: np.hstack([x, B]),
        lambda x: np.hstack([x[0], V]),
        lambda x: np.vstack([x[0], B]),
        lambda x: np.dstack([x, B]),
        lambda x: np.split(x, [1, 3], axis=1)[1],
        lambda x: np.array_split(x, 3, axis=1)[0],
        lambda x: np.flip(x),
        lambda x: np.roll(x, (1, 2), axis=(0, 1)),
        lambda x: np.rot90(x, k=-1),
        lambda x: np.pad(x, 1, mode="edge"),
        lambda x: np.pad(x, ((0, 1), (2, 0)), constant_values=3.0),
        lambda x: np.tile(x, (2, 2)),
        lambda x: np.repeat(x, 2, axis=0),
        lambda x: np.repeat(x, repeats=[1, 0, 2], axis=0),
        lambda x: np.tril(x, k=-1),
        lambda x: np.triu(x),
        lambda x: np.diag(x),
        lambda x: np.diagonal(x, offset=1),
        lambda x: np.trace(x, offset=-1),
        lambda x: np.meshgrid(x[0], V, indexing="ij")[0],
        lambda x: np.atleast_2d(x[0]),
        lambda x: np.atleast_1d(x[0, 0], V)[0],
        lambda x: np.take(x, [0, 0, 2], axis=1),
        lambda x: np.take(x, [[5, 1]]),
        lambda x: np.take_along_axis(x, np.array([[1], [0], [3]]), axis=1),
        lambda x: np.sort(x, axis=0),
        lambda x: np.sort(x, kind="stable"),
        lambda x: np.copy(x),
        lambda x: np.where(B > 0, x, 0),
        lambda x: np.matmul(B, np.transpose(x)),
        lambda x: np.add.reduce(x),
        lambda x: np.maximum.reduce(x, axis=1),
        lambda x: B.T @ x,
        lambda x: V - x,
        lambda x: np.float64(2) * x,
        lambda x: np.float64(2) ** x,
        lambda x: np.array(3.0) / x,
    ],
)
def test_numpys_spelling_gives_numpys_value_and_is_recorded(call, t):
    out = call(t)
    assert isinstance(out, tg.Tensor)
    assert out.requires_grad
    close(out.detach(), call(A))
    assert out.dtype == np.float64
    assert tg.autograd.grad(out.sum(), t)[0].shape == A.shape


@pytest.mark.parametrize(
    "call",
    [
        np.shape,
        np.ndim,
        np.size,
        lambda x: np.array_equal(x, A),
        lambda x: np.array_equal(B, x),
        lambda x: np.allclose(x, A + 1e-12),
        np.iscomplexobj,
        lambda x: np.result_type(x, np.float32),
    ],
)
def test_what_is_not_a_tensor_in_nature_is_numpys(call, t):
    assert call(t) == call(A)
    assert not isinstance(call(t), tg.Tensor)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.argsort(x, axis=0),
        lambda x: np.argmax(x, axis=1),
        lambda x: np.searchsorted(np.array([-1.0, 0.0, 1.0]), x),
        lambda x: np.nonzero(x > 0)[1],
        lambda x: np.where(x > 0)[0],
        lambda x: np.isfinite(x),
        lambda x: np.isclose(x, A),
        lambda x: x > 0,
        lambda x: np.less_equal(B, x),
        lambda x: np.zeros_like(x),
        lambda x: np.ones_like(x, dtype=np.float32),
        lambda x: np.full_like(x, 2.5),
    ],
)
def test_constants_are_tensors_without_a_gradient(call, t):
    out = call(t)
    assert isinstance(out, tg.Tensor)
    assert not out.requires_grad
    assert out.dtype == call(A).dtype
    close(out, call(A))


# ---------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: np.histogram(x), r"np\.histogram"),
        (lambda x: np.union1d(x, [1.0]), r"np\.union1d"),
        (lambda x: np.linalg.eig(x), r"np\.linalg\.eig"),
        (lambda x: np.copyto(np.ones((3, 4)), x), r"np\.copyto"),
        (lambda x: np.gcd(x, 2), r"np\.gcd"),
        (lambda x: np.multiply.at(x, [0], 2.0), r"np\.multiply\.at"),
        (lambda x: np.frompyfunc(lambda v: v + 1, 1, 1)(x), "is not supported on Tensors"),
        (lambda x: np.sum(x, out=np.zeros(())), r"np\.sum does not take out="),
        (lambda x: np.exp(x, where=A > 0), r"np\.exp does not take where= on Tensors: use np\.where"),
        (lambda x: np.exp(x, out=np.zeros((3, 4))), r"np\.exp cannot write a Tensor's result into an array"),
        (lambda x: np.concatenate([x, x], dtype=np.float32), "concatenate.*'dtype'"),
        (lambda x: np.array([object()] * 4, dtype=object) + x, "add: cannot compute with ndarray data .dtype object"),
        (lambda x: np.array(["a"] * 4) + x, "add: cannot compute with ndarray data"),
    ],
)
def test_what_is_missing_raises_typeerror_and_names_itself(call, name, t):
    with pytest.raises(TypeError, match=name):
        call(t)


def test_adding_a_tensor_to_an_array_in_place_is_refused_and_the_array_unchanged(t):
    array = np.ones((3, 4))
    with pytest.raises(TypeError, match="write `a = a \\+ x` instead of `a \\+= x`"):
        array += t
    np.testing.assert_array_equal(array, np.ones((3, 4)))


def test_adding_an_array_to_a_result_in_place_rebinds(t):
    before = t = t * 1
    t += B
    close(t.detach(), A + B)
    assert t is not before
    close(before.detach(), A)


def test_a_list_of_tensors_is_not_an_array(t):
    with pytest.raises(TypeError, match="does not become an array silently"):
        np.array([t, t])
    with pytest.raises(TypeError, match=r"use tg\.stack or tg\.concatenate"):
        tg.tensor([t[0], t[1]])


# ---------------------------------------------------------------------- arrays out of Tensors


def test_a_tensor_without_gradient_becomes_an_array_of_its_own():
    x = tg.tensor(A)
    array = np.asarray(x)
    array[0, 0] = 100.0
    close(x, A)
    assert np.asarray(x, dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(x, copy=False)[0, 0] = 1.0


@pytest.mark.parametrize("convert", [np.asarray, np.array, np.asanyarray, np.ascontiguousarray])
def test_a_tensor_that_requires_a_gradient_becomes_an_array_only_when_asked(convert, t):
    with pytest.raises(TypeError, match=r"use x\.detach\(\) or x\.numpy\(\)"):
        convert(t)
    with pytest.raises(TypeError, match=r"use x\.detach\(\) or x\.numpy\(\)"):
        convert(t * 2)
    close(convert(t.detach()), A)
    close(t.numpy(), A)


def test_arrays_are_not_written_to_by_tensors_silently(t):
    array = np.zeros((3, 4))
    with pytest.raises(TypeError, match="does not become an array silently"):
        array[:] = t


def test_np_add_at_works_on_a_result_as_on_an_array(t):
    def histogram(weights, zeros):
        np.add.at(zeros, [0, 2, 0, 2], weights)
        return zeros

    weights = tg.tensor(V, requires_grad=True)
    found = histogram(weights, tg.zeros(3, dtype=np.float64))
    close(found.detach(), histogram(V, np.zeros(3)))
    (gradient,) = tg.autograd.grad((found * tg.tensor([1.0, 2.0, 3.0])).sum(), weights)
    close(gradient, [1.0, 3.0, 1.0, 3.0])
    with pytest.raises(RuntimeError, match="a leaf that requires a gradient cannot be written to in part"):
        np.add.at(t, 0, 1.0)


# ---------------------------------------------------------------------- methods of arrays


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.take([1, 1], axis=0),
        lambda x: x.sort(axis=0) if isinstance(x, tg.Tensor) else np.sort(x, axis=0),
        lambda x: x.repeat(2),
        lambda x: x.repeat([1, 2, 0], axis=0),
        lambda x: x.diagonal(),
        lambda x: x.trace(),
        lambda x: x.copy(),
        lambda x: x.flatten(),
        lambda x: x.ravel(),
        lambda x: x.swapaxes(0, 1),
        lambda x: x[:1].squeeze(),
        lambda x: x[:1].squeeze(axis=0),
        lambda x: x.transpose(1, 0),
        lambda x: x.T,
        lambda x: x.reshape(2, 6),
        lambda x: x.clip(-0.5, 0.5),
        lambda x: x.cumsum(1),
        lambda x: x.prod(axis=0),
    ],
)
def test_methods_of_arrays_are_methods_of_tensors(call, t):
    out = call(t)
    assert out.requires_grad
    close(out.detach(), call(A))


def test_methods_of_arrays_without_a_derivative():
    x = tg.tensor(A)
    close(x.argsort(1), A.argsort(1))
    close(x.nonzero()[0], A.nonzero()[0])
    close(tg.tensor(np.sort(V)).searchsorted(0.0), np.sort(V).searchsorted(0.0))
    assert x.tolist() == A.tolist()
    assert x[0, 0].item() == A[0, 0]


def test_sort_leaves_the_tensor_itself_alone():
    x = tg.tensor(V)
    x.sort()
    close(x, V)


def test_a_copy_is_not_the_original():
    x = tg.tensor(V) * 1
    y = x.copy()
    y[0] = 100.0
    close(x, V)


# ---------------------------------------------------------------------- PyTorch and DLPack


def test_a_tensor_of_pytorch_becomes_ours_with_its_dtype(torch):
    source = torch.tensor([1.0, 2.0])
    x = tg.tensor(source)
    source[0] = 100.0
    assert x.tolist() == [1.0, 2.0]
    assert x.dtype == np.float32
    assert tg.tensor(torch.arange(3)).dtype == np.int64
    assert tg.tensor(torch.tensor(2.5, dtype=torch.float64)).dtype == np.float64


def test_a_tensor_of_pytorch_that_requires_a_gradient_has_to_be_detached(torch):
    source = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="detach"):
        tg.tensor(source)
    assert tg.tensor(source.detach(), requires_grad=True).tolist() == [1.0, 1.0]


def test_pytorch_takes_a_copy_by_dlpack(torch):
    x = tg.tensor(A)
    theirs = torch.from_dlpack(x)
    theirs[0, 0] = 100.0
    close(x, A)
    close(torch.from_dlpack(x), A)


def test_dlpack_of_numpy_and_back():
    x = tg.tensor(A.T)
    close(np.from_dlpack(x), A.T)
    close(tg.from_dlpack(np.from_dlpack(x)), A.T)
    source = A.copy()
    copied = tg.from_dlpack(source)
    source[:] = 0
    close(copied, A)
    assert x.__dlpack_device__() == (1, 0)  # the CPU
    close(np.from_dlpack(tg.tensor(3.0)), 3.0)
    with pytest.raises(BufferError, match="shares its memory with nobody"):
        x.__dlpack__(copy=False)


def test_dlpack_of_a_tensor_that_requires_a_gradient_is_refused(t):
    for x in (t, t * 2):
        with pytest.raises(TypeError, match=r"not given away silently.*use x\.detach"):
            np.from_dlpack(x)
    close(np.from_dlpack(t.detach()), A)


def test_nothing_warns_on_the_way(t):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.mean(np.float32(1) * t + np.ones(4))
