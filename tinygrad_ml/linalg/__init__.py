"""Linear algebra under NumPy's names, differentiable: `tg.linalg.inv` is what `np.linalg.inv` is for arrays."""

from typing import TYPE_CHECKING

from numpy.linalg import LinAlgError

from ..foreign_names import module_getattr, take_foreign_names
from ..ops.products import matmul, outer, tensordot
from .decompositions import cholesky, qr
from .matrices import (
    det,
    diagonal,
    inv,
    lstsq,
    matrix_power,
    matrix_transpose,
    multi_dot,
    pinv,
    slogdet,
    solve,
    solve_triangular,
    trace,
)
from .norms import matrix_norm, norm, vector_norm
from .spectral import eigh, eigvalsh, svd, svdvals

__all__ = [
    "matmul",
    "multi_dot",
    "matrix_power",
    "outer",
    "tensordot",
    "cholesky",
    "qr",
    "svd",
    "svdvals",
    "eigh",
    "eigvalsh",
    "norm",
    "vector_norm",
    "matrix_norm",
    "det",
    "slogdet",
    "trace",
    "diagonal",
    "matrix_transpose",
    "inv",
    "pinv",
    "solve",
    "solve_triangular",
    "lstsq",
    "LinAlgError",
]

if not TYPE_CHECKING:  # which knows what there is
    take_foreign_names(globals(), __all__)
    __getattr__ = module_getattr("tg.linalg")
