"""More of NumPy's functions on Tensors: what is composed of operations, and what has a value but no gradient.

The room is loaded when NumPy calls a function on a Tensor that is not in the table of operations: `np.gradient(x)`,
`np.interp(x, xp, fp)`, `np.nanmean(x)`, `np.insert(x, 0, 1.0)`. Each has NumPy's arguments, and gradients of every
order. `docs/numpy.md` lists all functions of NumPy with their state.
"""

from . import (  # each tells NumPy of its functions
    arrays,
    counts,
    elementwise,
    folds,
    polynomials,
    products,
    statistics,
    values,
    wider,
)

__all__ = ["arrays", "counts", "elementwise", "folds", "polynomials", "products", "statistics", "values", "wider"]
