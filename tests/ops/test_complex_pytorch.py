"""What PyTorch tests its own functions with, in complex128: values, gradients and gradients of gradients."""

import itertools
import sys
import types
import unittest
import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.nn import functional as F

torch = pytest.importorskip("torch")


def samples_by_name():
    """Return PyTorch's descriptions of its functions; importing them asks for a package of which they use one name."""
    stand_in = types.ModuleType("expecttest")
    stand_in.TestCase = unittest.TestCase
    added = "expecttest" not in sys.modules
    sys.modules.setdefault("expecttest", stand_in)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from torch.testing._internal.common_methods_invocations import op_db
    except Exception as error:  # it is not a public module
        pytest.skip(f"PyTorch's samples cannot be loaded: {error}", allow_module_level=True)
    finally:
        if added:
            del sys.modules["expecttest"]
    return {(op.name, op.variant_test_name): op for op in op_db}


DESCRIBED = samples_by_name()


class Different(Exception):
    """Arguments that mean something else in PyTorch, or nothing in NumPy."""


# ---------------------------------------------------------------------- our function for PyTorch's arguments


def over_axes(function, default=0):
    """Return a reduction that takes PyTorch's dim and keepdim; `default` is the correction of a variance."""

    def reduce(x, dim=None, keepdim=False, *, correction=None, unbiased=None, **more):
        if more or (x.ndim == 0 and dim not in (None, ())):
            raise Different
        if isinstance(dim, bool):  # std(x, unbiased)
            dim, unbiased = None, dim
        ddof = correction if correction is not None else default if unbiased is None else int(unbiased)
        axis = tuple(dim) if isinstance(dim, (list, tuple)) else dim
        given = {"axis": axis if axis != () else None, "keepdims": keepdim}
        return function(x, **given, **({"ddof": ddof} if default else {}))

    return reduce


def running(function):
    def run(x, dim, **more):
        if more or x.ndim == 0:
            raise Different
        return function(x, axis=dim)

    return run


def transform(function):
    return lambda x, n=None, dim=-1, norm=None: function(x, n=n, axis=dim, norm=norm)


def transform_n(function, axes=None):
    return lambda x, s=None, dim=axes, norm=None: function(x, s=s, axes=dim, norm=norm)


def concatenate(arrays, dim=0):
    if len({x.ndim for x in arrays}) > 1:  # PyTorch leaves empty vectors out
        raise Different
    return tg.concatenate(arrays, axis=dim)


def tensordot(x, y, dims=2):
    pairs = zip(*dims) if isinstance(dims, (list, tuple)) else ()
    if any(x.shape[i] != y.shape[j] for i, j in pairs):  # PyTorch broadcasts summed axes of length 1
        raise Different
    return tg.tensordot(x, y, axes=dims)


def solve(a, b, *, left=True):
    if b.ndim != a.ndim or b.shape[:-2] != a.shape[:-2]:  # NumPy and PyTorch see vectors in other places
        raise Different
    return tg.linalg.solve(a, b) if left else tg.linalg.solve(a.mT, b.mT).mT


def pinv(a, *, rtol=None, **more):
    if more or not (rtol is None or isinstance(rtol, float)):
        raise Different
    return tg.linalg.pinv(a, rcond=rtol)


def vector_norm(x, ord=2, dim=None, keepdim=False, **more):
    if more or (x.ndim == 0 and dim is not None) or not x.size:
        raise Different
    return tg.linalg.vector_norm(x, ord=ord, axis=tuple(dim) if isinstance(dim, list) else dim, keepdims=keepdim)


def norm(x, ord=None, dim=None, keepdim=False):
    if not x.size:
        raise Different
    return tg.linalg.norm(x, ord, dim, keepdim)


SAME = """abs angle conj cos cosh exp exp2 expm1 imag log log10 log1p log2 positive real reciprocal sin sinc sinh sqrt
square tan tanh ravel trace matmul dot vdot inner outer kron"""
RENAMED = {"acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan"}
RENAMED |= {"atanh": "arctanh", "neg": "negative", "sgn": "sign", "conj_physical": "conj", "clone": "copy"}
RENAMED |= {"mul": "multiply", "div": "divide", "pow": "power", "mm": "matmul", "mv": "matmul", "bmm": "matmul"}
LINALG = ("inv", "det", "slogdet", "svdvals", "multi_dot", "matrix_power", "qr")

FUNCTIONS = {
    **{name: getattr(tg, name) for name in SAME.split()},
    **{name: getattr(tg, ours) for name, ours in RENAMED.items()},
    "add": lambda x, y, *, alpha=1: x + alpha * y,
    "sub": lambda x, y, *, alpha=1: x - alpha * y,
    "rsub": lambda x, y, *, alpha=1: y - alpha * x,
    "__radd__": lambda x, y: y + x,
    "__rmul__": lambda x, y: y * x,
    "__rpow__": lambda x, y: y**x,
    "__rsub__": lambda x, y: y - x,
    "__rdiv__": lambda x, y: y / x,
    "sum": over_axes(tg.sum),
    "mean": over_axes(tg.mean),
    "prod": over_axes(tg.prod),
    "var": over_axes(tg.var, 1),
    "std": over_axes(tg.std, 1),
    "cumsum": running(tg.cumsum),
    "cumprod": running(tg.cumprod),
    "where": lambda x, condition, y: tg.where(condition, x, y),
    "cat": concatenate,
    "stack": lambda arrays, dim=0: tg.stack(arrays, axis=dim),
    "flip": lambda x, dims: tg.flip(x, axis=tuple(dims)),
    "roll": lambda x, shifts, dims=None: tg.roll(x, shift=shifts, axis=dims),
    "diagonal": lambda x, offset=0, dim1=0, dim2=1: tg.diagonal(x, offset=offset, axis1=dim1, axis2=dim2),
    "tril": lambda x, diagonal=0: tg.tril(x, k=diagonal),
    "triu": lambda x, diagonal=0: tg.triu(x, k=diagonal),
    "tensordot": tensordot,
    "einsum": lambda arrays, subscripts: tg.einsum(subscripts, *arrays),
    "nn.functional.conv1d": F.conv1d,
    "nn.functional.conv2d": F.conv2d,
    "nn.functional.linear": F.linear,
    "nn.functional.l1_loss": F.l1_loss,
    **{f"fft.{name}": transform(getattr(tg.fft, name)) for name in ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]},
    **{f"fft.{name}2": transform_n(getattr(tg.fft, name + "2"), (-2, -1)) for name in ["fft", "ifft", "rfft", "irfft"]},
    **{f"fft.{name}n": transform_n(getattr(tg.fft, name + "n")) for name in ["fft", "ifft", "rfft", "irfft"]},
    "fft.fftshift": lambda x, dim=None: tg.fft.fftshift(x, dim),
    "fft.ifftshift": lambda x, dim=None: tg.fft.ifftshift(x, dim),
    **{f"linalg.{name}": getattr(tg.linalg, name) for name in LINALG},
    "linalg.solve": solve,
    "linalg.pinv": pinv,
    "linalg.norm": norm,
    "linalg.vector_norm": vector_norm,
}
HERMITIAN = {  # what they do with other matrices differs, so both get the Hermitian part
    "linalg.cholesky": (tg.linalg.cholesky, torch.linalg.cholesky),
    "linalg.eigvalsh": (tg.linalg.eigvalsh, torch.linalg.eigvalsh),
}


# ---------------------------------------------------------------------- the comparison


def numbers(t):
    return t.detach().resolve_conj().resolve_neg().numpy()


def as_ours(value):
    """Return PyTorch's tensors as ours, inside of lists too, and everything else as it is."""
    if isinstance(value, (list, tuple)) and any(isinstance(part, torch.Tensor) for part in value):
        return [as_ours(part) for part in value]
    if not isinstance(value, torch.Tensor):
        return value
    return tg.tensor(numbers(value).copy(), requires_grad=value.requires_grad)


def leaves(*values):
    """Return the tensors in nested lists that require a gradient."""
    found = []
    for value in values:
        if isinstance(value, (list, tuple)):
            found += leaves(*value)
        elif getattr(value, "requires_grad", False):
            found.append(value)
    return found


def drawn(like, seed):
    random = np.random.default_rng(seed)
    imaginary = 1j * random.normal(size=like.shape) if like.dtype.kind == "c" else 0
    return np.asarray(random.normal(size=like.shape) + imaginary, like.dtype)


def known(g, x):
    """Return a gradient as an array, zeros if there is none."""
    return np.zeros(x.shape) if g is None else g.numpy() if isinstance(g, tg.Tensor) else numbers(g)


def near(a, b, what):
    np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9, err_msg=what)


def compare(ours, theirs, sample, what):
    """Compare values, gradients and gradients of gradients; return whether there was a gradient to compare."""
    given = (sample.input, *sample.args)
    mine = [as_ours(value) for value in given]
    keywords = {key: as_ours(value) for key, value in sample.kwargs.items()}
    out, their_out = ours(*mine, **keywords), theirs(sample.input, *sample.args, **sample.kwargs)
    outs = list(out) if isinstance(out, (tuple, list)) else [out]
    their_outs = list(their_out) if isinstance(their_out, (tuple, list)) else [their_out]
    assert len(outs) == len(their_outs), what
    for a, b in zip(outs, their_outs):
        near(a.numpy(), numbers(b), what)
    inputs, their_inputs = leaves(mine, *keywords.values()), leaves(given, *sample.kwargs.values())
    pairs = [(a, b) for a, b in zip(outs, their_outs) if a.requires_grad and b.requires_grad]
    if not pairs or not inputs:
        return False
    weights = [drawn(a.numpy(), 1) for a, _ in pairs]
    arriving = [tg.tensor(w, requires_grad=True) for w in weights]
    their_arriving = [torch.tensor(w, requires_grad=True) for w in weights]
    found = tg.autograd.grad([a for a, _ in pairs], inputs, arriving, create_graph=True, allow_unused=True)
    expected = torch.autograd.grad(
        [b for _, b in pairs], their_inputs, their_arriving, create_graph=True, allow_unused=True
    )
    both = []
    for g, their_g, x in zip(found, expected, inputs):
        near(known(g, x), known(their_g, x), f"the gradient of {what}")
        if g is not None and their_g is not None:
            assert g.dtype == x.dtype
            both += [(g, their_g)] if g.requires_grad and their_g.requires_grad else []
    if not both:
        return True
    turned = [drawn(g.numpy(), 2) for g, _ in both]
    second = tg.autograd.grad(
        [g for g, _ in both], [*inputs, *arriving], [tg.tensor(v) for v in turned], allow_unused=True
    )
    their_second = torch.autograd.grad(
        [g for _, g in both], [*their_inputs, *their_arriving], [torch.tensor(v) for v in turned], allow_unused=True
    )
    for g, their_g, x in zip(second, their_second, [*inputs, *arriving]):
        near(known(g, x), known(their_g, x), f"the second derivative of {what}")
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*FUNCTIONS, *HERMITIAN])
def test_the_samples_of_pytorch_give_the_same_to_second_order(name):
    torch.manual_seed(0)
    described = next(op for (of, _), op in DESCRIBED.items() if of == name)
    dtype = torch.complex128 if torch.complex128 in described.supported_dtypes("cpu") else torch.float64
    ours, theirs, compared = FUNCTIONS.get(name), described.op, 0
    if name in HERMITIAN:
        ours, theirs = (lambda a, f=f, **_: f((a + a.mT.conj()) / 2) for f in HERMITIAN[name])
    for sample in itertools.islice(described.sample_inputs("cpu", dtype, requires_grad=True), 40):
        try:
            compared += compare(ours, theirs, sample, f"{name} of {sample}")
        except Different:
            continue
    assert compared
