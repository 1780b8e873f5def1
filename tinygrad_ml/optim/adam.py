"""Adam: running means of the gradient and of its square."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer


class Adam(Optimizer):
    """Adam: w -= lr · m / (sqrt(v) + eps), with m and v the bias-corrected running means of g and g².

    Kingma and Ba, "Adam: a method for stochastic optimization" (2015).

    Parameters
    ----------
    params : iterable of Tensors or of groups
    lr : float
        The learning rate.
    betas : pair of floats
        How much of the running means of g and of g² is kept in each step.
    eps : float
        Keeps the division finite.
    weight_decay : float
        Adds weight_decay · w to the gradient: an L2 penalty.

    Examples
    --------
    >>> w = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9], requires_grad=True)
    """

    buffers = ("first", "second")

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def check(self, options: dict[str, Any]) -> None:
        super().check(options)
        if not all(0 <= beta < 1 for beta in options["betas"]):
            raise ValueError(f"Adam: betas must be at least 0 and below 1, not {options['betas']}")

    def update(
        self,
        value: np.ndarray,
        gradient: np.ndarray,
        state: dict[str, np.ndarray],
        step: int,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        # The buffers hold m / (1 - beta1) and v / (1 - beta2): that saves two of the twelve passes over memory.
        beta1, beta2 = betas
        first, second, scratch = state["first"], state["second"], state["scratch"]
        if weight_decay:
            gradient = gradient + weight_decay * value
        first *= beta1
        first += gradient
        np.multiply(gradient, gradient, out=scratch)
        second *= beta2
        second += scratch
        size = math.sqrt((1 - beta2) / (1 - beta2**step))  # sqrt(v), corrected, is size * sqrt(second)
        np.sqrt(second, out=scratch)
        scratch += eps / size
        np.divide(first, scratch, out=scratch)
        scratch *= lr * (1 - beta1) / (1 - beta1**step) / size
        value -= scratch
