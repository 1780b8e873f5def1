"""Products of matrices in C: written out if they are small, else of our own (`gemm.c`) or NumPy's.

NumPy's loop calls its BLAS. An OpenBLAS that does not know the processor, or is told to take another one's kernels
(OPENBLAS_CORETYPE), uses half of what AVX-512 can do; then our own product is up to twice as fast. On AMD's processors
with AVX-512, large products are ours in any case, and with several threads all: it is as fast, and its threads sleep
while they wait. The choice depends on the processor, the threads and the shapes only, so that a program computes the
same in every run on one machine.
"""

from __future__ import annotations

import ctypes
import importlib
import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..native.build import VECTORS, processor
from ..tape.traced import Value
from .kernels import include
from .text import c_type, loops, place

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["blas_core", "fewest", "share", "write"]

GEMM = Path(__file__).with_name("gemm.c")
SMALL = 20_000  # multiplications, up to which a product is written out
MANY = 40_000  # multiplications, from which on our own product is faster than OpenBLAS's without AVX-512
LARGE = 4_000_000  # and from which on it is as fast as OpenBLAS's with AVX-512, on AMD's processors
LEAST = 8  # rows, columns and terms that it needs
FEW = 30_000_000  # multiplications, a quarter of a millisecond, that are not worth a second thread
TALLEST = 14  # rows of a block: with two vectors in each, they and what is multiplied fill 32 registers
DEPTH, STEP, HEIGHT, WIDE = 256, 272, 512, 128  # as in gemm.c; the last in bytes


@cache
def blas_core() -> str:
    """Return the processor for which NumPy's OpenBLAS computes, as it calls it; "" if NumPy has another BLAS.

    >>> isinstance(blas_core(), str)
    True
    """
    library = ctypes.CDLL(importlib.import_module("numpy._core._multiarray_umath").__file__)
    for name in ("scipy_openblas_get_corename64_", "openblas_get_corename64_", "openblas_get_corename"):
        function = getattr(library, name, None)
        if function is not None:
            function.restype = ctypes.c_char_p
            return function().decode()
    return ""


def fewest(threads: int) -> float:
    """Return the multiplications from which on our own product is as fast as NumPy's; infinity if it never is."""
    if "avx512f" not in processor() or not blas_core():
        return math.inf
    if blas_core() in ("Haswell", "Zen"):
        return MANY
    return math.inf if "AMD" not in processor() else MANY if threads > 1 else LARGE


def write(plan: Plan, value: Value) -> list[str]:
    """Return C for a product of matrices or vectors, or of stacks of them."""
    a, b, out = (plan.frame(x) for x in (*value.args, value))
    if a.ndim == 1:
        a, out = a[None], out[..., None, :] if b.ndim > 1 else out[None]
    if b.ndim == 1:
        b, out = b[:, None], out[..., None]
    outer = out.shape[:-2]
    a, b = (np.broadcast_to(x, outer + x.shape[-2:]) for x in (a, b))
    names = [f"i{d}" for d in range(len(outer))]
    x, y, z = (
        f"(char *)({plan.address(v)}) + {place(names, frame.strides[:-2], 1)}"
        for v, frame in zip((*value.args, value), (a, b, out))
    )
    (m, k), n = a.shape[-2:], b.shape[-1]
    if m * k * n <= SMALL:
        return ["{", *loops(names, outer, _written_out((x, y, z), (a, b, out))), "}"]
    if m * k * n > fewest(plan.threads) and min(m, k, n) >= LEAST:
        return loops(names, outer, _ours(plan, (x, y, z), (a, b, out)))
    loop = plan.loop(np.matmul, [value.dtype] * 3)
    steps = [step for frame in (a, b, out) for step in frame.strides[-2:]]
    sizes = f"(npy_intp[]){{1, {m}, {k}, {n}}}, (npy_intp[]){{0, 0, 0, {', '.join(map(str, steps))}}}"
    return loops(names, outer, [f"((inner_loop)p[{loop}])((char *[]){{{x}, {y}, {z}}}, {sizes}, p[{loop + 1}]);"])


Addresses = tuple[str, str, str]
Frames = tuple[np.ndarray, np.ndarray, np.ndarray]


def _written_out(addresses: Addresses, frames: Frames) -> list[str]:
    """Return C for a product in three loops, whose sizes the compiler sees."""
    (x, y, z), t, size = addresses, c_type(frames[0].dtype), frames[0].itemsize
    (m, k), n = frames[0].shape[-2:], frames[1].shape[-1]
    row, inner, down, across, out_row, out_column = (step // size for frame in frames for step in frame.strides[-2:])
    head = [
        f"const {t} *restrict x = ({t} *)({x}), *restrict y = ({t} *)({y}); {t} *restrict z = ({t} *)({z});",
        f"for (npy_intp r = 0; r < {m}; r++) {{",
    ]
    if n == 1:
        return [
            *head,
            f"{t} s = 0;",
            "#pragma omp simd reduction(+ : s)",
            f"for (npy_intp l = 0; l < {k}; l++) s += x[r * {row} + l * {inner}] * y[l * {down}];",
            f"z[r * {out_row}] = s; }}",
        ]
    return [
        *head,
        f"{t} s[{n}] = {{0}};",
        f"for (npy_intp l = 0; l < {k}; l++) {{ const {t} w = x[r * {row} + l * {inner}];",
        "#pragma omp simd",
        f"for (npy_intp c = 0; c < {n}; c++) s[c] += w * y[l * {down} + c * {across}]; }}",
        f"for (npy_intp c = 0; c < {n}; c++) z[r * {out_row} + c * {out_column}] = s[c]; }}",
    ]


def _ours(plan: Plan, addresses: Addresses, frames: Frames) -> list[str]:
    """Return the call of `gemm.c`, for the product or for its transpose, what takes less time."""
    (x, y, z), (a, b, out), t = addresses, frames, c_type(frames[0].dtype)
    a, b, out = (frame[(0,) * (frame.ndim - 2)] for frame in frames)
    if _cycles(b.T, a.T, out.T) < _cycles(a, b, out):
        (x, y), (a, b, out) = (y, x), (b.T, a.T, out.T)
    (m, k), n, size = a.shape, b.shape[1], out.itemsize
    rows = _rows(m)
    include(plan, VECTORS, real=t)
    include(plan, GEMM, real=t, ROWS=str(rows))
    many = plan.threads > 1 and m * k * n > FEW
    memory = plan.scratch((plan.threads if many else 1) * share(m, rows, size) * size)
    arrays = ", ".join(
        f"({t} *)({where}), {frame.strides[0] // size}, {frame.strides[1] // size}"
        for where, frame in zip((x, y, z), (a, b, out))
    )
    threads = f"p[1] ? {plan.threads} : 1" if many else "1"
    return [f"product_{t}_{rows}({m}, {k}, {n}, {arrays}, ({t} *){memory}, {share(m, rows, size)}, {threads});"]


def share(m: int, rows: int, size: int) -> int:
    """Return the elements of `size` bytes that a thread copies to: columns, a block of results, and rows."""
    elements = (DEPTH + rows) * WIDE // size + -(-min(m, HEIGHT) // rows) * rows * STEP
    return -(-elements // 64) * 64


def _rows(m: int) -> int:
    """Return the rows of a block, such that few are computed for nothing."""
    return m if m <= TALLEST else min(range(TALLEST, TALLEST // 2, -1), key=lambda rows: -(-m // rows) * rows)


def _cycles(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> float:
    """Return about how long a product takes, with what must be copied in another order."""
    (m, k), n, size = a.shape, b.shape[1], out.itemsize
    rows = _rows(m)
    lanes = WIDE // size
    products = -(-m // rows) * rows * -(-n // lanes) * k
    copies = 0.0 if b.strides[1] == size else 0.2 if b.strides[0] == size else 1.0
    return products + copies * k * n + (0 if out.strides[1] == size else 2 * -(-k // DEPTH) * m * n)
