"""Linear support vector machines by Newton's method: only the samples near the margin bend the loss.

At the minimum w is the sum of the samples, each times its weight and a multiplier, which says how hard it pulls. With a
loss of straight lines and parabolas the multiplier of a sample that is `short` of the margin is
clip(centre + short / width, 0, top). Newton's method looks at those between 0 and top alone, and is at the minimum when
they stay the same (Keerthi and DeCoste, "A modified finite Newton method for fast solution of large scale linear SVMs",
2005; Chapelle, "Training a support vector machine in the primal", 2007). The squared hinge is such a loss. The hinge
has a corner, which a parabola rounds off; when the multipliers at one minimum become the centres for the next, they
become those of the corner itself (Rockafellar, "Augmented Lagrangians and applications of the proximal point algorithm
in convex programming", 1976).

For the hinge there is a quicker way to the neighbourhood of the minimum, if there is a C compiler: to change one
multiplier after the other (`multipliers.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.terminal import DeferredInterrupt

from .design import Design, SparseDesign, gram
from .hinge import prepared
from .linear import EVERYTHING, relies_on, set_coefficients
from .loops import loops_of
from .multipliers import one_by_one
from .warnings import stop_by_interrupt, warn_not_converged
from .weights import Weights, normalized_weights

EXACT = 1e-9  # how small the gradient must be beside the penalty's
ROUNDING = 1e-15  # what is left of it when the pulls of the samples cancel, relative to their sum
CLOSE = 1e-6  # how small it must be where rounding allows no less
PATIENCE = 10  # the full steps, with every sample on the piece of the loss where it was, that show that
CORNER = 1e-9  # how far a sample with a multiplier between 0 and 1 may be from the margin
NEAR = 0.1  # the width of the parabola where multipliers are known, but not well enough
NARROWER = 0.3  # the width of each parabola, relative to the last
FREE = 1e-11  # what a step takes for the ridge where there is none, relative to the weights of the samples


@relies_on(*EVERYTHING)
def fit_margin(model: Any, X: Any, target: np.ndarray, weight: Weights) -> None:
    """Fit the layer `linear_` of a `LinearSVM`, one class after the other."""
    layer = model.linear_
    n_outputs, has_bias = layer.out_features, layer.bias is not None
    design, limit, ridge, mean, scale = prepared(model, X, weight)
    fits = []
    with DeferredInterrupt() as interrupt:
        for k in range(n_outputs):
            sign = np.where(target == (k if n_outputs > 1 else 1), 1.0, -1.0)
            fits.append(
                minimise_margin(
                    design,
                    sign,
                    limit,
                    ridge,
                    model.loss == "squared_hinge",
                    lambda steps: steps >= model.max_iter or interrupt.count > 0,
                )
            )
    theta, steps, converged = (np.array(part) for part in zip(*fits))
    w = theta[:, : len(scale)] / scale
    set_coefficients(layer, w, theta[:, -1] - w @ mean if has_bias else None)
    model.n_iter_ = max(1, int(steps.max()))
    with tg.no_grad():
        loss = model.criterion(tg.tensor(design @ theta.T), target, normalized_weights(weight))
    model.history_.append(loss=loss.item())
    if interrupt.count:
        model.history_.stopped = f"Interrupted after {model.n_iter_} iterations."
        stop_by_interrupt(model, model.history_.stopped)
    elif converged.all():
        model.history_.stopped = "Newton's method has converged."
    else:
        reason = f" in {model.n_iter_} iterations; raise max_iter, lower C, or scale the features"
        model.history_.stopped = f"Newton's method has not converged{reason}."
        warn_not_converged(model, "Newton's method", reason)


def minimise_margin(
    design: Design,
    sign: np.ndarray,
    limit: np.ndarray,
    ridge: np.ndarray,
    squared: bool,
    is_over: Callable[[int], bool],
) -> tuple[np.ndarray, int, bool]:
    """Return the t that minimises Σ limit · loss(1 - sign · design·t) + Σ ridge/2 · t², the steps, and whether it did.

    Parameters
    ----------
    design : (samples, columns)
    sign : (samples,)
        1 or -1 by the class.
    limit : (samples,)
        The weights of the samples, times C.
    ridge : (columns,)
    squared : bool
        Whether the loss is the squared hinge.
    is_over : callable
        Whether something else ends it after a number of steps.
    """
    descent = Descent(design, sign, limit, ridge, is_over)
    if squared:
        descent.go(np.zeros(len(sign)), 0.5, np.inf)
        return descent.t, descent.steps, descent.is_there
    centre, width, last = np.full(len(sign), 0.5), 0.5, np.inf
    loops = loops_of(design)
    if loops is not None and isinstance(design, np.ndarray) and ridge.all() and limit.all():
        multipliers, t, rounds = one_by_one(loops, design, sign, limit, ridge, is_over)
        if rounds:
            return t, rounds, True
        descent.begin_at(t)
        centre, width = multipliers, NEAR
    while True:
        multipliers = descent.go(centre, width, 1.0)
        off = float(abs(multipliers - np.clip(multipliers + descent.short, 0, 1)).max())
        if off <= CORNER or not descent.is_there:
            return descent.t, descent.steps, descent.is_there
        if off > last / 10:
            width *= NARROWER
        centre, last = multipliers, off


class Descent:
    """Newton's method for any width of the parabola, each time from where it is.

    Attributes
    ----------
    t : (columns,)
    short : (samples,)
        1 - sign · design·t.
    steps : int
    is_there : bool
        Whether the last minimum was found.
    """

    def __init__(
        self,
        design: Design,
        sign: np.ndarray,
        limit: np.ndarray,
        ridge: np.ndarray,
        is_over: Callable[[int], bool],
    ):
        self.design, self.sign, self.limit, self.ridge, self.is_over = design, sign, limit, ridge, is_over
        self.t, self.short, self.steps, self.is_there = np.zeros(len(ridge)), np.ones(len(sign)), 0, False
        self.size = float(limit.sum())
        self.products = Products(design)

    def begin_at(self, t: np.ndarray) -> None:
        """Take other coefficients for those of now."""
        self.t, self.short = t, 1 - self.sign * (self.design @ t)

    def go(self, centre: np.ndarray, width: float, top: float) -> np.ndarray:
        """Go to the minimum; return the multipliers there."""
        sign, limit, ridge = self.sign, self.limit, self.ridge
        pieces, length, settled = np.empty(0), 0.0, 0
        while True:
            multipliers = np.clip(curved := centre + self.short / width, 0, top)
            gradient = ridge * self.t - (sign * limit * multipliers) @ self.design
            rounding = ROUNDING * float(limit @ multipliers)
            gradient[abs(gradient) <= rounding] = 0  # along a bias that any of some values suits
            off, force = float(abs(gradient).max()), float(abs(ridge * self.t).max())
            before, pieces = pieces, np.sign(curved) + (curved < top)  # 2 is the parabola
            settled = settled + 1 if length == 1 and np.array_equal(before, pieces) else 0
            self.is_there = off <= (EXACT if settled < PATIENCE else CLOSE) * force
            if self.is_there or settled == PATIENCE or self.is_over(self.steps):
                return multipliers
            inside = np.where(pieces == 2, limit / width, 0.0)
            step = newton_step(self.products, inside, ridge, FREE * self.size, gradient)
            change = sign * (self.design @ step)
            slope, bend = float(ridge * self.t @ step), float(ridge * step @ step)

            def along(length: float) -> float:
                """Return the slope of the loss along the step."""
                pull = np.clip(centre + (self.short - length * change) / width, 0, top)  # noqa: B023
                return slope + length * bend - float((limit * pull) @ change)  # noqa: B023

            length = lowest(along, float(gradient @ step))
            self.t, self.short = self.t + length * step, self.short - length * change
            self.steps += 1


class Products:
    """The sum of weight · x xᵀ over the rows x of a design, which is kept for the next weights: few of them change."""

    def __init__(self, design: Design):
        self.design, self.weight, self.matrix = design, np.zeros(len(design)), np.empty(0)

    def of(self, weight: np.ndarray) -> np.ndarray:
        """Return the sum for weights `(samples,)`, `(columns, columns)`, a copy."""
        change = weight - self.weight
        if np.count_nonzero(change) >= np.count_nonzero(weight) or not self.matrix.size:
            self.matrix = self._part(weight)
        else:
            self.matrix += self._part(np.maximum(change, 0)) - self._part(np.maximum(-change, 0))
        self.weight = weight
        return self.matrix.copy()

    def _part(self, weight: np.ndarray) -> np.ndarray:
        rows = np.flatnonzero(weight)
        design = self.design if len(rows) == len(weight) else self.design[rows]
        chosen = weight[rows]
        if len(rows) and (chosen == chosen[0]).all():
            return gram(design) * chosen[0]
        return gram(design, chosen)


def newton_step(
    products: Products, weight: np.ndarray, ridge: np.ndarray, free: float, gradient: np.ndarray
) -> np.ndarray:
    """Return the solution of (Σ weight · x xᵀ + ridge) · step = -gradient, where `free` stands for a ridge of 0.

    If there are fewer rows with a weight than columns, the unknowns of the equations are what the step changes in the
    rows, and the columns without a ridge.
    """
    inside = np.flatnonzero(weight)
    if len(inside) >= len(ridge):
        matrix = products.of(weight)
        matrix.flat[:: len(ridge) + 1] += np.where(ridge > 0, ridge, free)
        return -np.linalg.solve(matrix, gradient)
    rows, weight = products.design[inside], weight[inside]
    if isinstance(rows, SparseDesign):
        return sparse_step(rows, np.sqrt(weight), ridge, free, gradient)
    pulled: np.ndarray = rows * np.sqrt(weight)[:, None]
    held, k = ridge > 0, len(pulled)
    of_held, of_free = (pulled, pulled[:, :0]) if held.all() else (pulled[:, held], pulled[:, ~held])
    soft, step = of_held / ridge[held], np.empty_like(gradient)
    step[held] = -gradient[held] / ridge[held]
    matrix = np.zeros((k + of_free.shape[1],) * 2)
    matrix[:k, :k], matrix[:k, k:], matrix[k:, :k] = soft @ of_held.T, -of_free, of_free.T
    matrix.flat[:: len(matrix) + 1] += np.where(np.arange(len(matrix)) < k, 1, free)
    solution = np.linalg.solve(matrix, np.concatenate([of_held @ step[held], -gradient[~held]]))
    step[held] -= solution[:k] @ soft
    step[~held] = solution[k:]
    return step


def sparse_step(
    rows: SparseDesign, root: np.ndarray, ridge: np.ndarray, free: float, gradient: np.ndarray
) -> np.ndarray:
    """Return the same of few sparse rows times `root`, of whose columns the last one alone may have no ridge."""
    k, d = rows.shape
    held = d - rows.has_bias
    of_free = np.tile(root[:, None], (1, d - held))
    of_held = rows.scaled(1 / np.sqrt(ridge[:held])).kernel() * root * root[:, None]
    step = np.zeros(d)
    step[:held] = -gradient[:held] / ridge[:held]
    matrix = np.block([[of_held, -of_free], [of_free.T, np.zeros((d - held,) * 2)]])
    matrix.flat[:: len(matrix) + 1] += np.where(np.arange(len(matrix)) < k, 1, free)
    solution = np.linalg.solve(matrix, np.concatenate([root * (rows @ step), -gradient[held:]]))
    step[:held] -= ((root * solution[:k]) @ rows)[:held] / ridge[:held]
    step[held:] = solution[k:]
    return step


def lowest(slope: Callable[[float], float], first: float) -> float:
    """Return about where a slope that rises from `first` < 0 is 0: at 1 if it is small enough there."""
    low, high, length = 0.0, np.inf, 1.0
    for _ in range(60):
        here = slope(length)
        if abs(here) <= -first / 2:
            break
        low, high = (low, length) if here > 0 else (length, high)
        length = (low + high) / 2 if high < np.inf else 4 * length
    return length
