"""Gradient clipping: keeping one bad batch from throwing the parameters far away."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..modes import modes, modes_set
from ..sparse import SparseRows
from ..tensor import Tensor, as_array, from_owned

__all__ = ["clip_grad_norm_", "clip_grad_value_"]

FAITHFUL = float(np.finfo(np.float32).tiny / np.finfo(np.float32).eps)  # a larger sum of squares has all its digits


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale all gradients by one factor so that their norm together is at most `max_norm`.

    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013).
    To clip each group by itself, call it for each: `clip_grad_norm_(optimizer.param_groups[0]["params"], 1.0)`.
    Sparse gradients stay sparse.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensors
        Those without a gradient are left out.
    max_norm : float
    norm_type : float
        The p of the norm: `math.inf` for the largest absolute value, `-math.inf` for the smallest, 0 for the number
        of gradients with an element that is not zero.
    error_if_nonfinite : bool
        Whether to raise RuntimeError if the norm is NaN or infinite, instead of scaling by it.

    Returns
    -------
    Tensor
        The norm before clipping: watch it to choose `max_norm`.

    Examples
    --------
    >>> w = tg.tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> tg.optim.clip_grad_norm_([w], max_norm=1.0)
    tensor(10.)
    >>> w.grad
    tensor([0.6, 0.8])
    """
    gradients = _gradients(parameters)
    if not gradients:
        return from_owned(np.float32(0))
    if modes_set and modes.tracer is not None:
        traced = modes.tracer.clip_norm(gradients, max_norm, norm_type)
        if traced is not None:
            return traced
    elements = [_elements(g) for g in gradients]
    if norm_type < 0 and any(type(g) is SparseRows and len(g.rows) < g.shape[0] for g in gradients):
        elements.append(np.zeros(1))  # the other rows, which matter where the smallest element does
    scale, ratio = _norm(elements, float(norm_type))
    total = scale * ratio
    with np.errstate(over="ignore"):
        rounded = np.finfo(gradients[0].dtype).dtype.type(total)
    if error_if_nonfinite and not math.isfinite(scale):
        raise RuntimeError(
            f"the norm of the gradients is {rounded}, so they cannot be clipped; tg.detect_anomaly() finds the cause"
        )
    factor = max_norm / (total + 1e-6)
    if not factor >= 1:  # NaN too
        for g in gradients:
            if 0 <= factor < np.finfo(g.dtype).tiny and 0 < scale < math.inf:  # their dtype may have no such factor
                root = math.sqrt(max_norm) / math.sqrt(scale) / math.sqrt(ratio)
                _replace(g, _elements(g) * root * root)
            else:
                with np.errstate(invalid="ignore"):  # inf * 0
                    _replace(g, _elements(g) * factor)
    return from_owned(rounded)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit every entry of every gradient, which must be real, to the interval from -clip_value to clip_value.

    Examples
    --------
    >>> w = tg.tensor([3.0, 0.1], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> tg.optim.clip_grad_value_([w], 1.0)
    >>> w.grad
    tensor([1. , 0.2])
    """
    for g in _gradients(parameters):
        if g.dtype.kind == "c":
            raise TypeError("clip_grad_value_ is not defined for complex gradients; use clip_grad_norm_")
        _replace(g, np.clip(_elements(g), -clip_value, clip_value))


def _gradients(parameters: Any) -> list[Any]:
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    if hasattr(parameters, "parameters") or callable(parameters):
        raise TypeError("gradients are clipped of parameters: write model.parameters()")
    found = []
    for p in parameters:
        g = p.grad
        if type(g) is SparseRows:
            g = p.grad = g.coalesce()  # a row that is listed twice is one row
        if g is not None:
            found.append(g)
    return found


def _elements(g: Any) -> Any:
    return g.values if type(g) is SparseRows else g._data


def _replace(g: Any, elements: Any) -> None:
    if type(g) is SparseRows:
        g.values = elements
    else:
        g._replace(as_array(elements))


def _norm(gradients: list[Any], p: float) -> tuple[float, float]:
    """Return two numbers whose product is the norm of all elements, which itself may be outside the range of a float.

    As in PyTorch it is the norm of the norms of the arrays, which is different only for p = 0.
    """
    arrays = [_flat(g) for g in gradients if g.size]
    if not arrays:
        return 0.0, 1.0
    if p == 0:
        return 1.0, float(sum([bool(a.any()) for a in arrays]))
    if p == 2:
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            square = sum([float(a.dot(a)) for a in arrays])
        # squares leave the range of a dtype, or lose digits at its lower end, long before the norm does
        if FAITHFUL < square < math.inf:
            return 1.0, math.sqrt(square)
    extreme = np.max if p > 0 else np.min
    arrays = [np.abs(a) for a in arrays]
    scale = float(extreme([float(extreme(a)) for a in arrays]))
    if math.isinf(p) or not 0 < scale < math.inf:
        return scale, 1.0
    with np.errstate(under="ignore"):
        return scale, sum([float(((a / scale) ** p).sum()) for a in arrays]) ** (1 / p)


def _flat(gradient: Any) -> Any:
    """Return the elements, or their absolute values, in one row and in a dtype whose squares have some room."""
    if gradient.dtype.kind == "c":
        gradient = np.abs(gradient)
    return gradient.reshape(-1) if gradient.dtype.itemsize >= 4 else gradient.reshape(-1).astype(np.float32)
