"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent: w -= lr · g, where momentum replaces g by a running sum of the gradients.

    With momentum, velocity = momentum · velocity + (1 - dampening) · g (the first one is g itself), and the step is
    lr · velocity, or with `nesterov` lr · (g + momentum · velocity); Sutskever et al., "On the importance of
    initialization and momentum in deep learning" (2013), in PyTorch's form.

    Parameters
    ----------
    params : iterable of Tensors or of groups
    lr : float
        The learning rate.
    momentum, dampening : float
    weight_decay : float
        Adds weight_decay · w to the gradient: an L2 penalty.
    nesterov : bool

    Examples
    --------
    >>> w = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8], requires_grad=True)
    """

    buffers = ("velocity",)

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ):
        defaults = {"lr": lr, "momentum": momentum, "dampening": dampening}
        super().__init__(params, defaults | {"weight_decay": weight_decay, "nesterov": nesterov})

    def check(self, options: dict[str, Any]) -> None:
        super().check(options)
        if options["nesterov"] and (not options["momentum"] or options["dampening"]):
            raise ValueError("SGD: nesterov needs a momentum and no dampening")

    def update(
        self,
        value: np.ndarray,
        gradient: np.ndarray,
        state: dict[str, np.ndarray],
        step: int,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        if weight_decay:
            gradient = gradient + weight_decay * value
        if momentum:
            velocity = state["velocity"]
            if step == 1:
                velocity[...] = gradient
            else:
                velocity *= momentum
                velocity += (1 - dampening) * gradient
            gradient = gradient + momentum * velocity if nesterov else velocity
        scratch = state["scratch"]
        np.multiply(gradient, lr, out=scratch)
        value -= scratch
