"""Products of many elements, and running sums and products.

They are right with zeros at every order of derivative, and do not divide. Where a product overflows or underflows on
the way, it is computed again with scaled numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import like
from ..autograd import dispatch, primitive
from ..batched import every, some
from ..tensor import Tensor
from .reduce import in_rows, restore_axes
from .scaled import Scaled, plus, scaled, times, unscaled

__all__ = ["cumprod", "cumprod_gradient", "cumprod_tangent", "cumsum", "prod"]


def _doubtful(products: np.ndarray) -> np.ndarray:
    """Return where a product may have overflowed or underflowed."""
    size = np.abs(products)
    return ~(np.isfinite(size) & (size >= np.finfo(size.dtype).tiny))


def _exactly(x: np.ndarray, products: np.ndarray, again: Callable[[np.ndarray], np.ndarray]) -> Any:
    """Return floating products of x, those that are doubtful computed again."""
    if x.dtype.kind not in "fc":
        return products
    doubtful = _doubtful(products)
    return np.where(doubtful, again(x), products)[()] if some(doubtful) else products


# ---------------------------------------------------------------------- products


def product_of_others(rows: np.ndarray) -> np.ndarray:
    """Return for each element of the rows (..., n) the product of the others in its row.

    >>> from tinygrad_ml.ops.cumulative import product_of_others
    >>> with np.errstate(over="ignore"):  # as rules are called
    ...     product_of_others(np.array([1e200, 1e200, 0.0, 0.0])), product_of_others(np.array([2.0, 3.0, 0.0]))
    (array([0., 0., 0., 0.]), array([0., 0., 6.]))
    """
    if not rows.shape[-1]:
        return np.ones_like(rows)
    plain = rows if every(rows) else np.where(rows == 0, 1, rows)
    if not any(some(_doubtful(product)) for product in _before_and_after(plain)):
        before, after = _before_and_after(rows)
        return before * after
    return dispatch(cumprod_gradient, _last(rows), rows)


def _before_and_after(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each element the product of those before it and of those after it."""
    one = np.ones_like(rows[..., :1])
    before = np.concatenate([one, np.cumprod(rows[..., :-1], axis=-1)], axis=-1)
    after = np.concatenate([one, np.cumprod(rows[..., :0:-1], axis=-1)], axis=-1)[..., ::-1]
    return before, after


def _last(rows: Any) -> np.ndarray:
    """Return 1 at the end of each row and 0 elsewhere: the product of a row is the last of its running products."""
    unit = like(rows).zeros(rows.shape, rows.dtype)
    unit[..., -1:] = 1
    return unit


def _prod_x(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """g * out / x"""
    rows, back = in_rows(x, axis)
    others = cumprod_gradient(_last(rows), rows) if isinstance(x, Tensor) else product_of_others(rows)
    return restore_axes(g, axis, keepdims) * back(others)


@primitive(np.prod, accumulates=True, cost="reduction", x=_prod_x)
def prod(x, *, axis=None, keepdims=False):
    """Return the product over `axis`. The derivative is the product of the other elements, right also with zeros.

    An overflow on the way to a finite product does no harm.

    >>> tg.prod(tg.tensor([2.0, 3.0, 4.0])), tg.prod(tg.tensor([1e30, 1e30, 1e-30]))
    (tensor(24.), tensor(1.e+30))
    """

    def again(x: np.ndarray) -> np.ndarray:
        rows, _ = in_rows(x, axis)
        product = dispatch(cumprod_tangent, rows)[..., -1]
        return product.reshape(np.shape(out))

    with np.errstate(over="ignore", invalid="ignore"):
        out = x.prod(axis=axis, keepdims=keepdims)
    return _exactly(x, out, again)


# ---------------------------------------------------------------------- running sums


def _reversed(x: Any, axis: int) -> Any:
    return x[(slice(None),) * axis + (slice(None, None, -1),)]


def _sum_of_later(g: Any, axis: int) -> Any:
    """Return for each place the sum of g there and at all later places."""
    return _reversed(np.cumsum(_reversed(g, axis), axis=axis), axis)


def _cumsum_x(g: Any, x_shape: tuple, axis: int | None) -> Any:
    """the sum of g from here to the end"""
    return np.reshape(_sum_of_later(g, 0 if axis is None else axis % g.ndim), x_shape)


@primitive(np.cumsum, accumulates=True, cost="reduction", x=_cumsum_x)
def cumsum(x, *, axis=None):
    """Return the running sums along `axis`, or of all elements in one row.

    >>> tg.cumsum(tg.tensor([1.0, 2.0, 3.0]))
    tensor([1., 3., 6.])
    """
    return np.cumsum(x, axis=axis)


# ---------------------------------------------------------------------- running products


def _in_last(x: Any, axis: int | None) -> Any:
    """Return x with `axis` as the last; of None, all elements in one row."""
    return np.reshape(x, (-1,)) if axis is None or not x.ndim else np.swapaxes(x, axis, -1)


def _cumprod_x(g: Any, x: Any, out: Any, axis: int | None) -> Any:
    """the sum of g * out / x from here to the end"""
    if not isinstance(x, Tensor) and not some(_doubtful(out)):  # so x has no zeros
        return np.reshape(_sum_of_later(g * out, 0 if axis is None else axis % g.ndim), x.shape) / x
    d = dispatch(cumprod_gradient, _in_last(g, axis), _in_last(x, axis))
    return np.reshape(d, x.shape) if axis is None else np.swapaxes(d, axis, -1)


@primitive(np.cumprod, accumulates=True, cost="reduction", x=_cumprod_x)
def cumprod(x, *, axis=None):
    """Return the running products along `axis`, or of all elements in one row. The derivative is right with zeros.

    >>> tg.cumprod(tg.tensor([1.0, 2.0, 3.0]))
    tensor([1., 2., 6.])
    """

    def again(x: np.ndarray) -> np.ndarray:
        d = dispatch(cumprod_tangent, _in_last(x, axis))
        return d if axis is None else np.swapaxes(d, axis, -1)

    with np.errstate(over="ignore", invalid="ignore"):
        out = np.cumprod(x, axis=axis)
    return _exactly(x, out, again)


# ---------------------------------------------------------------------- their derivatives of every order
# To differentiate along directions v1, ..., vm, every element is extended to x + v1 d1 + ... + vm dm, where the square
# of each d is 0: what stands at d1 d2 ... dm in the product is the derivative. Such an element is a list of its
# coefficients: position 0b101 is that of d1 d3.

Extended = list[Scaled]


def _extended(x: np.ndarray, directions: tuple[np.ndarray, ...]) -> Extended:
    zero = scaled(like(x).zeros(x.shape, x.dtype))
    at = {0: scaled(x)} | {1 << k: scaled(v) for k, v in enumerate(directions)}
    return [at.get(k, zero) for k in range(1 << len(directions))]


def _multiplied(x: Extended, y: Extended) -> Extended:
    return [
        functools.reduce(plus, [times(x[part], y[k ^ part]) for part in range(k + 1) if part & k == part])
        for k in range(len(x))
    ]


def _cut(x: Extended, where: slice) -> Extended:
    return [(m[..., where], e[..., where]) for m, e in x]


def _joined(x: Extended, y: Extended) -> Extended:
    return [tuple([np.concatenate(parts, axis=-1) for parts in zip(a, b)]) for a, b in zip(x, y)]  # type: ignore[misc]


def _running(x: Extended, n: int) -> Extended:
    """Return the running products, by doubling: of 1, 2, 4, 8 ... neighbours."""
    width = 1
    while width < n:
        x = _joined(_cut(x, slice(width)), _multiplied(_cut(x, slice(width, None)), _cut(x, slice(-width))))
        width *= 2
    return x


def _from_the_end(g: Extended, x: Extended, n: int) -> Extended:
    """Return s with s[i] = g[i] + x[i + 1] * s[i + 1], by doubling: s[i] = a sum + a product * s[i + width]."""
    s, factor, width = g, _joined(_cut(x, slice(1, None)), _cut(x, slice(1))), 1
    while width < n:
        head = _cut(factor, slice(-width))
        more = _multiplied(head, _cut(s, slice(width, None)))
        s = _joined([plus(a, b) for a, b in zip(_cut(s, slice(-width)), more)], _cut(s, slice(-width, None)))
        factor = _joined(_multiplied(head, _cut(factor, slice(width, None))), _cut(factor, slice(-width, None)))
        width *= 2
    return s


def _tangent_rule(g: Any, i: int, arrays: tuple) -> Any:
    """the derivative of running products, backwards"""
    x, *directions = arrays
    others = [v for k, v in enumerate(directions) if k != i - 1]
    return dispatch(cumprod_gradient, g, x, *others)


@primitive(accumulates=True, cost="reduction", arrays=_tangent_rule)
def cumprod_tangent(*arrays):
    """Return the derivative of the running products of x (..., n) along directions: arrays is (x, v1, v2, ...).

    Without a direction these are the running products; along two, it is a second derivative.

    >>> tg.ops.cumprod_tangent(tg.tensor([2.0, 0.0, 5.0]), tg.tensor([0.0, 1.0, 0.0]))
    tensor([ 0.,  2., 10.])
    """
    x, *directions = arrays
    with np.errstate(all="ignore"):
        out = unscaled(_running(_extended(x, tuple(directions)), x.shape[-1])[-1])
        return out.astype(np.result_type(*arrays))


def _gradient_rule(g: Any, i: int, arrays: tuple) -> Any:
    """the derivative of the gradient of running products"""
    weights, x, *directions = arrays
    if i == 0:
        return dispatch(cumprod_tangent, x, *directions, g)
    others = [v for k, v in enumerate(directions) if k != i - 2]
    return dispatch(cumprod_gradient, weights, x, *others, g)


@primitive(accumulates=True, cost="reduction", arrays=_gradient_rule)
def cumprod_gradient(*arrays):
    """Return the gradient of sum(g * cumprod(x)) for x (..., n), differentiated along directions.

    `arrays` is (g, x, v1, v2, ...). No order of derivative divides, so that all are right with zeros.

    >>> tg.ops.cumprod_gradient(tg.tensor([0.0, 0.0, 1.0]), tg.tensor([2.0, 0.0, 5.0]))
    tensor([ 0., 10.,  0.])
    """
    g, x, *directions = arrays
    n = x.shape[-1]
    if not n:
        return like(x).zeros(x.shape, np.result_type(*arrays))
    with np.errstate(all="ignore"):
        elements = _extended(x, tuple(directions))
        one = _extended(np.ones_like(x[..., :1]), tuple(np.zeros_like(v[..., :1]) for v in directions))
        before = _joined(one, _cut(_running(elements, n), slice(-1)))
        later = _from_the_end(_extended(g, tuple(np.zeros_like(v) for v in directions)), elements, n)
        out = unscaled(_multiplied(before, later)[-1])
        return out.astype(np.result_type(*arrays))
