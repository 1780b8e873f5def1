"""The Fourier transforms: values of NumPy and PyTorch, derivatives to second order, arguments, dtypes."""

import itertools

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.samples import plane, real
from tinygrad_ml.testing import gradcheck

ONE = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
SEVERAL = [a + b for b in ("2", "n") for a in ("fft", "ifft", "rfft", "irfft")]
NORMS = (None, "backward", "ortho", "forward")
DOMAINS = {name: (real,) if name in ("rfft", "ihfft", "rfft2", "rfftn") else (real, plane) for name in (*ONE, *SEVERAL)}


def both_orders(function, theirs, a, torch):
    """Compare value, gradient and second derivative with PyTorch's, for random gradients that arrive."""
    x, y = tg.tensor(a, requires_grad=True), torch.tensor(np.array(a), requires_grad=True)
    out, their_out = function(x), theirs(y)
    random = np.random.default_rng(0)

    def near(ours, expected):
        array = expected.detach().resolve_conj().numpy()
        np.testing.assert_allclose(ours.numpy(), array, rtol=1e-10, atol=1e-12)
        assert ours.dtype == array.dtype

    def drawn(t):
        imaginary = 1j * random.normal(size=t.shape) if t.dtype.kind == "c" else 0
        return np.asarray(random.normal(size=t.shape) + imaginary, t.dtype)

    near(out, their_out)
    w, v = drawn(out), drawn(x)
    arriving, their_arriving = tg.tensor(w, requires_grad=True), torch.tensor(w, requires_grad=True)
    (g,) = tg.autograd.grad(out, x, arriving, create_graph=True)
    (their_g,) = torch.autograd.grad(their_out, y, their_arriving, create_graph=True)
    near(g, their_g)
    near(
        tg.autograd.grad(g, arriving, tg.tensor(v))[0],
        torch.autograd.grad(their_g, their_arriving, torch.tensor(v))[0],
    )


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ONE)
def test_along_one_axis_they_are_those_of_numpy_and_pytorch(name, norm, torch):
    function, of_numpy = getattr(tg.fft, name), getattr(np.fft, name)
    for domain, n, axis in itertools.product(DOMAINS[name], (None, 1, 2, 3, 5, 8), (0, 1, -1)):
        a = domain((3, 4))
        for found in (function(a, n, axis, norm), of_numpy(tg.tensor(a), n=n, axis=axis, norm=norm)):
            np.testing.assert_allclose(found.numpy(), of_numpy(a, n, axis, norm), rtol=1e-12, atol=1e-14)
        both_orders(
            lambda x, n=n, axis=axis: function(x, n=n, axis=axis, norm=norm),
            lambda y, n=n, axis=axis: getattr(torch.fft, name)(y, n=n, dim=axis, norm=norm),
            a,
            torch,
        )


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", SEVERAL)
def test_along_several_axes_they_are_those_of_numpy_and_pytorch(name, norm, torch):
    function, of_numpy = getattr(tg.fft, name), getattr(np.fft, name)
    for domain, (s, axes) in itertools.product(
        DOMAINS[name], ((None, (0, 1)), (None, (2, 0)), ((3, 5), (0, 1)), ((2, 2), (-1, 0)), ((-1, 3), (1, 2)))
    ):
        a = domain((3, 2, 4))
        for found in (function(a, s, axes, norm), of_numpy(tg.tensor(a), s=s, axes=axes, norm=norm)):
            np.testing.assert_allclose(found.numpy(), of_numpy(a, s, axes, norm), rtol=1e-12, atol=1e-14)
        both_orders(
            lambda x, s=s, axes=axes: function(x, s=s, axes=axes, norm=norm),
            lambda y, s=s, axes=axes: getattr(torch.fft, name)(y, s=s, dim=axes, norm=norm),
            a,
            torch,
        )


@pytest.mark.parametrize("name", SEVERAL)
def test_the_axes_that_are_taken_without_being_named(name):
    function, of_numpy = getattr(tg.fft, name), getattr(np.fft, name)
    a = DOMAINS[name][-1]((3, 2, 4))
    np.testing.assert_allclose(function(tg.tensor(a)).numpy(), of_numpy(a), rtol=1e-12, atol=1e-14)
    last = function(tg.tensor(a), s=(4, 2))
    np.testing.assert_allclose(last.numpy(), of_numpy(a, s=(4, 2), axes=(-2, -1)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("axes", [None, 0, -1, (0, 1), [1]])
@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
def test_shifts_are_those_of_numpy(name, axes):
    function, of_numpy = getattr(tg.fft, name), getattr(np.fft, name)
    for a in (plane((3, 4)), real((5, 2)), real((0, 3))):
        for found in (function(a, axes), of_numpy(tg.tensor(a), axes=axes)):
            np.testing.assert_array_equal(found.numpy(), of_numpy(a, axes))
    assert gradcheck(lambda x: function(x, axes), plane((3, 4)), order=2)
    x = tg.tensor(plane((3, 4)))
    np.testing.assert_array_equal(tg.fft.ifftshift(tg.fft.fftshift(x, axes), axes).numpy(), x.numpy())


def test_frequencies_are_those_of_numpy():
    for n, d in ((1, 1.0), (4, 0.25), (5, 2.0)):
        for name in ("fftfreq", "rfftfreq"):
            found = getattr(tg.fft, name)(n, d)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found.numpy(), getattr(np.fft, name)(n, d), rtol=1e-6)


@pytest.mark.parametrize("name", [*ONE, *SEVERAL])
def test_derivatives_are_those_of_differences_in_every_layout(name):
    function = getattr(tg.fft, name)
    for domain in DOMAINS[name]:
        for a in (domain((3, 4)).T, domain((4, 6))[::-2, ::3], domain((2, 1, 2))):
            if a.shape[-1] > 1:
                assert gradcheck(function, a, order=2)
    empty = tg.tensor(DOMAINS[name][0]((0, 2, 4)), requires_grad=True)
    out = function(empty) if name in ONE else function(empty, axes=(1, 2))
    (g,) = tg.autograd.grad(out, empty, tg.zeros_like(out))
    assert g.shape == empty.shape


def test_parseval():
    x = tg.tensor(real((7,)), requires_grad=True)
    energy = (tg.abs(tg.fft.fft(x, norm="ortho")) ** 2).sum()
    np.testing.assert_allclose(energy.item(), np.sum(x.numpy() ** 2))
    energy.backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * x.numpy())


def test_a_convolution_through_the_spectrum_has_the_gradients_of_a_convolution():
    a, k, w = real((8,), 1), real((3,), 2), real((8,), 3)
    x, kernel = tg.tensor(a, requires_grad=True), tg.tensor(k, requires_grad=True)
    y = tg.fft.irfft(tg.fft.rfft(x) * tg.fft.rfft(kernel, 8), 8)
    circular = np.array([[k[(i - j) % 8] if (i - j) % 8 < 3 else 0 for j in range(8)] for i in range(8)])
    np.testing.assert_allclose(y.numpy(), circular @ a, rtol=1e-12)
    (y * w).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), circular.T @ w, rtol=1e-12)
    np.testing.assert_allclose(kernel.grad.numpy(), [np.roll(a, m) @ w for m in range(3)], rtol=1e-12)


def test_the_hessian_of_a_spectrum():
    x = tg.tensor(real((4,)))
    matrix = np.fft.fft(np.eye(4))
    found = tg.hessian(lambda x: (tg.abs(tg.fft.fft(x)) ** 2 * np.arange(4)).sum())(x)
    np.testing.assert_allclose(found.numpy(), 2 * (matrix.conj().T @ np.diag(np.arange(4)) @ matrix).real, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64, bool])
def test_precision(dtype):
    a = np.array([1, 0, 1, 1], dtype)
    assert tg.fft.fft(tg.tensor(a)).dtype == tg.fft.rfft(a).dtype == np.complex64
    x = tg.tensor(np.asarray(a, np.float32), requires_grad=True)
    assert tg.fft.irfft(tg.fft.rfft(x)).dtype == np.float32
    (tg.abs(tg.fft.fft2(tg.fft.hfft(x)[None] * 1j)) ** 2).sum().backward()
    assert x.grad.dtype == np.float32


WRONG = [
    (lambda x: tg.fft.rfft(x * 1j), TypeError, "rfft is not defined for complex numbers"),
    (lambda x: tg.fft.ihfft(x * 1j), TypeError, "rfft is not defined for complex numbers"),
    (lambda x: tg.fft.rfftn(x * 1j), TypeError, "rfft is not defined for complex numbers"),
    (lambda x: tg.fft.fft(x[0, 0]), np.exceptions.AxisError, "axis -1 is out of bounds for array of dimension 0"),
    (lambda x: tg.fft.ifft(x, axis=2), np.exceptions.AxisError, "axis 2 is out of bounds for array of dimension 2"),
    (lambda x: tg.fft.fft(x, n=0), ValueError, r"fft: Invalid number of FFT data points \(0\)"),
    (lambda x: tg.fft.fft(x, norm="none"), ValueError, "Invalid norm value none"),
    (lambda x: tg.fft.hfft(x, norm="none"), ValueError, "norm must be 'backward', 'ortho' or 'forward', not 'none'"),
    (lambda x: tg.fft.fftn(x, s=(2,), axes=(0, 1)), ValueError, "s has 1 lengths for 2 axes"),
    (lambda x: tg.fft.fftn(x, axes=()), ValueError, "no axis to transform"),
    (lambda x: tg.fft.fft(x, along=0), TypeError, r"does not know the argument 'along'; it takes x, n, axis, norm"),
    (lambda x: np.fft.fft(x, out=np.empty((2, 3), complex)), TypeError, r"np.fft.fft does not take out="),
]


@pytest.mark.parametrize(("call", "error", "text"), WRONG)
def test_wrong_arguments_are_named(call, error, text):
    with pytest.raises(error, match=text):
        call(tg.tensor(real((2, 3))))


def test_the_face_has_the_names_of_numpy():
    assert set(tg.fft.__all__) == {name for name in np.fft.__all__ if name not in ("helper", "test")}
