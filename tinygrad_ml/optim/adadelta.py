"""Adadelta: steps in the units of the parameter, without a learning rate to choose."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    """Adadelta: w -= lr · g · rms(past steps) / rms(g), with running root mean squares.

    Zeiler, "ADADELTA: an adaptive learning rate method" (2012), where lr is 1. A sparse gradient is made dense.

    Parameters
    ----------
    params : iterable of Tensors or of groups
    lr : float
        Multiplies the steps of the paper.
    rho : float
        How much of the running means is kept in each step.
    eps : float
        Is added to both means; the first steps are of the size of its root.
    weight_decay : float
        Adds weight_decay · w to the gradient: an L2 penalty.
    maximize : bool
        Whether to maximize the objective instead of minimizing it.

    Examples
    --------
    >>> w = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.Adadelta([w], eps=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.687652], requires_grad=True)
    """

    buffers = ("square_avg", "acc_delta")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ):
        defaults = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def check(self, options: dict[str, Any]) -> None:
        super().check(options)
        if not 0 <= options["rho"] <= 1:
            raise ValueError(f"Adadelta: rho must be between 0 and 1, not {options['rho']}")

    def update(  # type: ignore[override]
        self,
        value: np.ndarray,
        gradient: np.ndarray,
        state: dict[str, np.ndarray],
        step: int,
        lr: float,
        rho: float,
        eps: float,
        weight_decay: float,
    ) -> None:
        square, travelled, scratch = state["square_avg"], state["acc_delta"], state["scratch"]
        if weight_decay:
            gradient = gradient + weight_decay * value
        square *= rho
        np.square(gradient, out=scratch)
        scratch *= 1 - rho
        square += scratch
        delta = travelled + eps
        delta /= np.add(square, eps, out=scratch)
        np.sqrt(delta, out=delta)
        delta *= gradient
        travelled *= rho
        np.square(delta, out=scratch)
        scratch *= 1 - rho
        travelled += scratch
        delta *= lr
        value -= delta
