"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer

__all__ = ["SGD", "soft_threshold"]


class SGD(Optimizer):
    """Stochastic gradient descent: w -= lr · g, where momentum replaces g by a running sum of the gradients.

    With momentum, velocity = momentum · velocity + (1 - dampening) · g (the first one is g itself), and the step is
    lr · velocity, or with `nesterov` lr · (g + momentum · velocity); Sutskever et al., "On the importance of
    initialization and momentum in deep learning" (2013), in PyTorch's form.

    A sparse gradient changes only its rows; with momentum or weight decay, where every row changes, it is made dense.

    Parameters
    ----------
    params : iterable of Tensors or of groups
    lr : float
        The learning rate.
    momentum, dampening : float
    weight_decay : float
        Adds weight_decay · w to the gradient: an L2 penalty.
    nesterov : bool
    maximize : bool
        Whether to maximize the objective instead of minimizing it.
    l1 : float
        The weight of an L1 penalty l1 · Σ|w|, taken by soft thresholding after the step (proximal gradient; Daubechies,
        Defrise and De Mol 2004): weights become exactly zero, as in the lasso, and stay there while they are of no use.
        With momentum the threshold is that of the step which a constant gradient leads to,
        lr · l1 · (1 - dampening) / (1 - momentum).

    Examples
    --------
    >>> w = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.8], requires_grad=True)

    The smallest sum of (w - [2, 0.1])² / 2 and of |w|: the second weight is not worth its penalty.

    >>> w = tg.tensor([1.0, 1.0], requires_grad=True)
    >>> optimizer = tg.optim.SGD([w], lr=0.5, l1=1.0)
    >>> for step in range(40):
    ...     w.grad = w.detach() - tg.tensor([2.0, 0.1])
    ...     optimizer.step()
    >>> w
    tensor([1., 0.], requires_grad=True)
    """

    buffers = ("momentum_buffer",)
    counts_steps = False

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        l1: float = 0.0,
    ):
        defaults = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, defaults | {"nesterov": nesterov, "maximize": maximize, "l1": l1})

    def check(self, options: dict[str, Any]) -> None:
        super().check(options)
        if options["nesterov"] and (not options["momentum"] or options["dampening"]):
            raise ValueError("SGD: nesterov needs a momentum and no dampening")
        if options["l1"] and options["momentum"] >= 1:
            raise ValueError(f"SGD: l1 needs a momentum below 1, not {options['momentum']}")

    def used(self, options: dict[str, Any]) -> tuple[str, ...]:
        return self.buffers if options["momentum"] else ()

    def supports_sparse(self, options: dict[str, Any]) -> bool:
        return not options["momentum"] and not options["weight_decay"]

    def update(  # type: ignore[override]
        self,
        value: np.ndarray,
        gradient: np.ndarray,
        state: dict[str, np.ndarray],
        step: int,
        lr: float,
        momentum: float,
        dampening: float,
        weight_decay: float,
        nesterov: bool,
        l1: float,
    ) -> None:
        scratch = state["scratch"]
        if weight_decay:
            gradient = gradient + weight_decay * value
        if momentum:
            velocity = state["momentum_buffer"]
            if step == 1:
                velocity[...] = gradient
            else:
                velocity *= momentum
                if dampening:
                    velocity += np.multiply(gradient, 1 - dampening, out=scratch)
                else:
                    velocity += gradient
            if nesterov:
                np.multiply(velocity, momentum, out=scratch)
                scratch += gradient
                gradient = scratch
            else:
                gradient = velocity
        np.multiply(gradient, lr, out=scratch)
        value -= scratch
        if l1:
            soft_threshold(value, lr * l1 * ((1 - dampening) / (1 - momentum) if momentum else 1.0), scratch)


def soft_threshold(value: np.ndarray, threshold: Any, scratch: np.ndarray) -> None:
    """Move every element towards zero by its threshold, and no further: v - clip(v, -threshold, threshold).

    Examples
    --------
    >>> v = np.array([3.0, -0.5, -2.0])
    >>> tg.optim.sgd.soft_threshold(v, 1.0, np.empty(3))
    >>> v
    array([ 2.,  0., -1.])
    """
    np.clip(value, -threshold, threshold, out=scratch)
    value -= scratch
