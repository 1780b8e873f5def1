"""Gradient clipping: keeping one bad batch from throwing the parameters far away."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..sparse import SparseRows
from ..tensor import Tensor, from_owned


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
        The p of the norm; `math.inf` for the largest absolute value.
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
    with np.errstate(over="ignore", invalid="ignore"):
        norms = [_norm(_numbers(g), norm_type) for g in gradients]
        total = _norm(np.array(norms), norm_type) if len(norms) > 1 else norms[0]
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(
            f"the norm of the gradients is {total}, so they cannot be clipped; tg.detect_anomaly() finds the cause"
        )
    factor = float(max_norm / (total + 1e-6))
    if not factor >= 1:  # NaN too
        with np.errstate(invalid="ignore"):  # inf * 0
            for g in gradients:
                _replace(g, _numbers(g) * factor)
    return from_owned(gradients[0].dtype.type(total))


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit every entry of every gradient to the interval from -clip_value to clip_value.

    Examples
    --------
    >>> w = tg.tensor([3.0, 0.1], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> tg.optim.clip_grad_value_([w], 1.0)
    >>> w.grad
    tensor([1. , 0.2])
    """
    for g in _gradients(parameters):
        _replace(g, np.clip(_numbers(g), -clip_value, clip_value))


def _gradients(parameters: Any) -> list[Any]:
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    found = []
    for p in parameters:
        g = p.grad
        if type(g) is SparseRows:
            g = p.grad = g.coalesce()  # a row that is listed twice is one row
        if g is not None:
            found.append(g)
    return found


def _numbers(g: Any) -> Any:
    return g.values if type(g) is SparseRows else g._data


def _replace(g: Any, numbers: Any) -> None:
    if type(g) is SparseRows:
        g.values = numbers
    else:
        g._data = numbers


def _norm(g: Any, p: float) -> Any:
    flat = g.reshape(-1)
    if p == 2:
        square = flat.dot(flat)
        # the square of a large or small norm leaves the range of the dtype long before the norm does
        if square == 0 or not math.isfinite(square):
            scale = np.abs(flat).max(initial=0)
            return scale * np.sqrt(np.square(flat / scale).sum()) if 0 < scale < math.inf else scale
        return np.sqrt(square)
    if p == math.inf:
        return np.abs(flat).max(initial=0)
    return (np.abs(flat) ** p).sum() ** (1 / p)
