"""RMSprop: steps divided by the running root mean square of the gradient."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """RMSprop: w -= lr · g / (sqrt(v) + eps), with v the running mean of g².

    Tieleman and Hinton, "Lecture 6.5 - rmsprop" (2012), in PyTorch's form; `centered` is that of Graves, "Generating
    sequences with recurrent neural networks" (2013). A sparse gradient is made dense.

    Parameters
    ----------
    params : iterable of Tensors or of groups
    lr : float
        The learning rate.
    alpha : float
        How much of the running mean is kept in each step.
    eps : float
        Keeps the division finite.
    weight_decay : float
        Adds weight_decay · w to the gradient: an L2 penalty.
    momentum : float
        The step is lr times a running sum of the quotients, of which this share is kept.
    centered : bool
        Whether to divide by the running standard deviation of g instead: v minus the square of the running mean of g.
    maximize : bool
        Whether to maximize the objective instead of minimizing it.

    Examples
    --------
    >>> w = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.RMSprop([w], lr=0.01)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9], requires_grad=True)
    """

    buffers = ("square_avg", "momentum_buffer", "grad_avg")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ):
        defaults = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults | {"momentum": momentum, "centered": centered, "maximize": maximize})

    def used(self, options: dict[str, Any]) -> tuple[str, ...]:
        names = ["square_avg"]
        if options["momentum"]:
            names.append("momentum_buffer")
        if options["centered"]:
            names.append("grad_avg")
        return tuple(names)

    def update(  # type: ignore[override]
        self,
        value: np.ndarray,
        gradient: np.ndarray,
        state: dict[str, np.ndarray],
        step: int,
        lr: float,
        alpha: float,
        eps: float,
        weight_decay: float,
        momentum: float,
        centered: bool,
    ) -> None:
        square, scratch = state["square_avg"], state["scratch"]
        if weight_decay:
            gradient = gradient + weight_decay * value
        square *= alpha
        np.square(gradient, out=scratch)
        scratch *= 1 - alpha
        square += scratch
        if centered:
            mean = state["grad_avg"]
            mean *= alpha
            mean += np.multiply(gradient, 1 - alpha, out=scratch)
            np.square(mean, out=scratch)
            np.subtract(square, scratch, out=scratch)
            np.maximum(scratch, 0, out=scratch)  # a variance, but for rounding
            np.sqrt(scratch, out=scratch)
        else:
            np.sqrt(square, out=scratch)
        scratch += eps
        np.divide(gradient, scratch, out=scratch)
        if momentum:
            velocity = state["momentum_buffer"]
            velocity *= momentum
            velocity += scratch
            np.multiply(velocity, lr, out=scratch)
        else:
            scratch *= lr
        value -= scratch
