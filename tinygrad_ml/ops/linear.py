"""Affine maps: the matrix product and the bias of a linear layer in one operation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd import primitive

__all__ = ["affine", "project"]


def _affine_weight(g: Any, x: Any) -> Any:
    """g.T @ x"""
    if g.ndim == 2:
        return g.T @ x
    rows = math.prod(g.shape[:-1])
    return np.reshape(g, (rows, g.shape[-1])).T @ np.reshape(x, (rows, x.shape[-1]))


@primitive(
    floating=True,
    cost=lambda size, shapes, parameters: size * (2 * shapes[1][1] + 1),
    x=lambda g, weight: g @ weight,
    weight=_affine_weight,
    bias=lambda g: g,
)
def affine(x, weight, bias):
    """Return x @ weight.T + bias for x (..., in), weight (out, in) and bias (out,).

    >>> tg.ops.affine(tg.ones((1, 2)), tg.tensor([[1.0, 2.0]]), tg.tensor([10.0]))
    tensor([[13.]])
    """
    out = x @ weight.T
    if out.dtype == bias.dtype:
        out += bias
        return out
    return out + bias


@primitive(
    floating=True,
    cost=lambda size, shapes, parameters: 2 * size * shapes[1][1],
    x=lambda g, weight: g @ weight,
    weight=_affine_weight,
)
def project(x, weight):
    """Return x @ weight.T for x (..., in) and weight (out, in): `affine` without a bias.

    >>> tg.ops.project(tg.ones((1, 2)), tg.tensor([[1.0, 2.0]]))
    tensor([[3.]])
    """
    return x @ weight.T
