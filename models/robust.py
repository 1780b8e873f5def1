"""The absolute and the Huber loss of linear models, by a primal-dual interior point method."""

from __future__ import annotations

import numpy as np

from .design import Design, column_sizes, gram
from .weights import rounding_of_mean

CLOSE = 1e-11  # the relative gap between the loss and what it is at least, at which it is taken for the minimum


def fit_robust(
    X: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray | None,
    delta: float,
    alpha: float,
    intercept: bool,
    max_iter: int,
) -> tuple[np.ndarray, float, int, bool]:
    """Return the w and b that minimise Σ weight · loss(y - x·w - b) + alpha · Σw², the iterations, and whether it did.

    The loss is r² for |r| <= delta and delta · (2|r| - delta) beyond, or with delta = 0 the absolute |r|. It is
    computed in float64, in standardised features, and in units of the median of |y|, so that outliers do no harm.
    """
    inputs, y = X.astype(np.float64), y.astype(np.float64)
    n, d = inputs.shape
    v = np.ones(n) if weight is None else weight.astype(np.float64) / weight.mean()
    mean, shift = np.zeros(d), 0.0
    if intercept:
        mean, shift = v @ inputs / n, float(np.median(y))
    largest = abs(inputs).max(axis=0)
    inputs -= mean
    inputs[:, abs(inputs).max(axis=0) <= rounding_of_mean(n) * largest] = 0
    scale = np.sqrt(v @ (inputs * inputs) / n)
    scale = np.where(scale > 0, scale, 1)
    design = inputs / scale
    r = y - shift
    spread = float(np.median(abs(r))) or float(abs(r).mean()) or 1.0
    width = delta / spread
    # in these units the loss is weight · spread² · (r² ...), or weight · spread · |r|; the ridge counts relative to it
    unit = spread if not delta else spread * spread * min(width, 1.0)
    total = n if weight is None else float(weight.sum())
    ridge = 2 * alpha * n / total * spread**2 / scale**2 / unit
    if intercept:
        design, ridge = np.column_stack([design, np.ones(n)]), np.append(ridge, 0.0)
    if delta:
        bound, compliance = 2 * v * width / min(width, 1.0), min(width, 1.0) / (2 * v)
    else:
        bound, compliance = v, np.zeros(n)
    theta, _, iterations, converged = interior_point(design, r / spread, -bound, bound, compliance, ridge, max_iter)
    w = theta[:d] * spread / scale
    b = float(shift + spread * theta[d] - mean @ w) if intercept else 0.0
    return w, b, iterations, converged


def interior_point(
    X: Design,
    y: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    compliance: np.ndarray,
    ridge: np.ndarray,
    max_iter: int,
) -> tuple[np.ndarray, np.ndarray, int, bool]:
    """Return the t that minimises Σ h(y - x·t) + Σ ridge/2 · t², the slopes m of h, the iterations, and whether it did.

    h(r) is the least of a² / (2 · compliance) + upper · max(r - a, 0) + lower · min(r - a, 0) over a: a parabola with
    straight lines beyond, or without compliance the two lines alone. With r = a + up - down, and the multiplier m of
    that equation, the optimum is where Xᵀm = ridge · t, a = compliance · m, up · (upper - m) = 0 and
    down · (m - lower) = 0. Newton's method solves these equations with a small positive number in place of the zeros,
    which it makes smaller in each step: Mehrotra, "On the implementation of a primal-dual interior point method"
    (1992); Portnoy and Koenker, "The Gaussian hare and the Laplacian tortoise" (1997).
    """
    n = len(y)
    t = np.zeros(X.shape[1])
    size = float(np.median(abs(y))) or 1.0
    up, down = np.maximum(y, 0) + 0.1 * size, np.maximum(-y, 0) + 0.1 * size  # any start will do
    m = (lower + upper) / 2
    size = max(size, float(abs(y).max()))
    strongest = float(column_sizes(X, np.maximum(upper, -lower)).max()) or 1.0
    best = least = smallest = np.inf
    waited, first = 0, 0.0
    for iteration in range(1, max_iter + 1):
        above, below = upper - m, m - lower
        forces, springs = m @ X, ridge * t
        primal, dual = y - X @ t - compliance * m - up + down, forces - springs
        gap = float(up @ above + down @ below)
        loss = float(upper @ up - lower @ down + (compliance * m) @ m / 2 + springs @ t / 2)
        first = first or loss
        largest = max(strongest, float(abs(springs).max()))
        off = float(abs(dual).max()) / largest
        error = max(gap / max(loss, 1e-6 * first), float(abs(primal).max()) / size, off)
        if error <= CLOSE:
            return t, m, iteration, True
        # relative to the loss the gap stays the same as long as both decrease, so other things show progress
        waited = 0 if error < 0.9 * best or gap < 0.9 * least or off < 0.9 * smallest else waited + 1
        if waited > 8 or not above.all() or not below.all():  # rounding is all that is left
            return t, m, iteration, best <= 1e-7
        best, least, smallest = min(best, error), min(least, gap), min(smallest, off)
        flow = 1 / (compliance + up / above + down / below)
        matrix = gram(X, flow)
        matrix.flat[:: len(t) + 1] += ridge
        diagonal = np.diag(matrix)
        scale = np.sqrt(np.where(diagonal > 0, diagonal, 1))
        inverse = np.linalg.pinv(matrix / scale[:, None] / scale, rcond=1e-15 * len(t), hermitian=True)

        def step(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, ...]:
            """Return the step after which up · (bound - m) and down · (bound + m) have changed by these."""
            target = primal - first / above + second / below  # noqa: B023
            right = (flow * target) @ X + dual  # noqa: B023
            dt = inverse @ (right / scale) / scale  # noqa: B023
            dm = flow * (target - X @ dt)  # noqa: B023
            return dt, dm, (first + up * dm) / above, (second - down * dm) / below  # noqa: B023

        _, dm, du, dd = step(-up * above, -down * below)
        length = longest((up, du), (down, dd), (above, -dm), (below, dm))
        after = float((up + length * du) @ (above - length * dm) + (down + length * dd) @ (below + length * dm))
        centre = (after / gap) ** 3 * gap / (2 * n)
        dt, dm, du, dd = step(centre - up * above + du * dm, centre - down * below - dd * dm)
        length = 0.995 * longest((up, du), (down, dd), (above, -dm), (below, dm))
        t, m, up, down = t + length * dt, m + length * dm, up + length * du, down + length * dd
    return t, m, max_iter, False


def longest(*pairs: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the longest step, up to 1, after which all values are still at least 0."""
    length = 1.0
    for value, change in pairs:
        steepest = float((change / value).min())
        if steepest < 0:
            length = min(length, -1 / steepest)
    return length
