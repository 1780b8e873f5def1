"""Adam and AdamW: running means of the gradient and of its square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .optimizer import Optimizer
from .sgd import soft_threshold

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Adam: w -= lr · m / (sqrt(v) + eps), with m and v the bias-corrected running means of g and g².

    Kingma and Ba, "Adam: a method for stochastic optimization" (2015).

    A sparse gradient changes only its rows of the parameter and of both means ("lazy" Adam): the means of a row that
    no batch names stay as they are instead of fading, and the row does not move. That is PyTorch's SparseAdam, but
    for eps, which is here what it is for dense gradients.

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
    amsgrad : bool
        Whether to divide by the largest v so far instead of the current one; Reddi, Kale and Kumar, "On the
        convergence of Adam and beyond" (2018).
    maximize : bool
        Whether to maximize the objective instead of minimizing it.
    l1 : float
        The weight of an L1 penalty l1 · Σ|w|, taken by soft thresholding after the step, with the step's own scale
        lr / (sqrt(v) + eps) for each weight: weights become exactly zero, as in the lasso.

    Examples
    --------
    >>> w = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.9], requires_grad=True)
    """

    buffers = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    decoupled = False  # AdamW's weight decay

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        l1: float = 0.0,
    ):
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults | {"amsgrad": amsgrad, "maximize": maximize, "l1": l1})

    def check(self, options: dict[str, Any]) -> None:
        super().check(options)
        if not isinstance(options["betas"], (tuple, list)) or len(options["betas"]) != 2:
            raise TypeError(f"{type(self).__name__}: betas must be two numbers, (0.9, 0.999), not {options['betas']!r}")
        if not all(0 <= beta < 1 for beta in options["betas"]):
            raise ValueError(f"{type(self).__name__}: betas must be at least 0 and below 1, not {options['betas']}")

    def used(self, options: dict[str, Any]) -> tuple[str, ...]:
        return self.buffers if options["amsgrad"] else self.buffers[:2]

    def supports_sparse(self, options: dict[str, Any]) -> bool:
        if options["weight_decay"]:
            raise ValueError(
                f"{type(self).__name__}: weight_decay={options['weight_decay']} changes every row of a parameter, but "
                "a sparse gradient only some: put this parameter into a group with weight_decay=0, or look it up with "
                "sparse=False"
            )
        return True

    def update(  # type: ignore[override]
        self,
        value: np.ndarray,
        gradient: np.ndarray,
        state: dict[str, np.ndarray],
        step: int,
        lr: float,
        betas: tuple[float, float],
        eps: float,
        weight_decay: float,
        amsgrad: bool,
        l1: float,
    ) -> None:
        beta1, beta2 = betas
        mean, square, scratch = state["exp_avg"], state["exp_avg_sq"], state["scratch"]
        if weight_decay:
            if self.decoupled:
                value *= 1 - lr * weight_decay
            else:
                gradient = gradient + weight_decay * value
        mean *= beta1
        np.multiply(gradient, 1 - beta1, out=scratch)
        mean += scratch
        square *= beta2
        np.square(gradient, out=scratch)
        scratch *= 1 - beta2
        square += scratch
        if amsgrad:
            largest = state["max_exp_avg_sq"]
            np.maximum(largest, square, out=largest)
            square = largest
        size = (1 - beta2**step) ** 0.5  # sqrt(v), corrected, is sqrt(square) / size
        np.sqrt(square, out=scratch)
        scratch += eps * size
        threshold = lr * size * l1 / scratch if l1 else None
        np.divide(mean, scratch, out=scratch)
        scratch *= lr * size / (1 - beta1**step)
        value -= scratch
        if threshold is not None:
            soft_threshold(value, threshold, scratch)


class AdamW(Adam):
    """AdamW: Adam with a weight decay of its own, w -= lr · weight_decay · w, instead of an L2 penalty.

    Loshchilov and Hutter, "Decoupled weight decay regularization" (2019). The options are those of `Adam`.

    Examples
    --------
    >>> w = tg.tensor([1.0], requires_grad=True)
    >>> optimizer = tg.optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.85], requires_grad=True)
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        l1: float = 0.0,
    ):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, l1=l1)
