"""Quadratic functions with an L1 penalty, to their exact minimum, by keeping track of the weights that are not zero.

Where it is known which weights are zero and which signs the others have, the minimum is the solution of linear
equations. So a guess is made, that of the start, and mended until it is right: a weight whose sign would change becomes
zero, one that the gradient pulls away from zero by more than the penalty joins. Each such step decreases the function,
and there are finitely many guesses. It is the method that Lawson and Hanson, "Solving least squares problems" (1974),
chapter 23, use for weights of one sign, and Lee et al., "Efficient sparse coding algorithms" (2006), for L1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .design import SparseDesign

AT_ONCE = 256  # the most weights that join at once, or as many as there are, if G is not known
PATIENCE = 3  # the rounds without progress after which the weights join one at a time
ROUNDING = 1e-14  # the ridge, relative to the largest entry of G, that is lost in rounding


class Quadratic:
    """The function w·G·w / 2 - c·w of weights w, `(features,)`.

    Parameters
    ----------
    c : (features,)
    G : (features, features), optional
    X : (samples, features), optional
        Stands for G = XᵀX, of which only the part between the weights that are not zero is computed.
    """

    def __init__(self, c: np.ndarray, G: Any = None, X: Any = None):
        self.c, self.G, self.X = c, G, X
        self.largest = float(np.einsum("ij,ij->j", X, X).max() if G is None else np.diag(G).max())

    @classmethod
    def of_data(cls, X: np.ndarray, y: np.ndarray) -> Quadratic:
        """Return |X·w - y|² / 2, but for a constant."""
        is_long = X.shape[1] <= max(len(X), 500)
        return cls(X.T @ y, X.T @ X) if is_long else cls(X.T @ y, X=X)

    def block(self, active: np.ndarray) -> np.ndarray:
        """Return the rows and columns of G of some weights, a copy."""
        if self.X is None:
            return self.G.take(active, 0).take(active, 1)
        X = self.X.take(active, 1)
        return X.T @ X

    def slope(self, active: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return c - G·w, `(features,)`, where w is zero but for the `values` of the `active`."""
        if self.X is None:
            return self.c - values @ self.G.take(active, 0)
        return self.c - (self.X.take(active, 1) @ values) @ self.X


class SparseQuadratic(Quadratic):
    """The mean of share · (x·w - y)² / 2 over the rows x of a sparse design, which has too many columns for G."""

    def __init__(self, design: SparseDesign, y: np.ndarray, share: np.ndarray):
        self.design, self.share, self.G = design, share, None
        self.c = (share * y) @ design
        self.largest = float(design.column_squares(share).max())

    def block(self, active: np.ndarray) -> np.ndarray:
        return self.design.columns(active).gram(self.share)

    def slope(self, active: np.ndarray, values: np.ndarray) -> np.ndarray:
        w = np.zeros(len(self.c))
        w[active] = values
        return self.c - (self.share * (self.design @ w)) @ self.design


def minimise(
    quadratic: Quadratic, l1: np.ndarray, l2: np.ndarray, w: np.ndarray, max_iter: int
) -> tuple[np.ndarray, int]:
    """Return the w that minimises w·G·w / 2 - c·w + Σ l1 · |w| + Σ l2/2 · w², and the number of rounds that it took.

    Parameters
    ----------
    l1, l2 : (features,)
    w : (features,)
        Where to start; near the minimum it takes few rounds.

    Returns
    -------
    w, rounds
        The rounds are `max_iter` + 1 if these did not suffice.
    """
    c, signs = quadratic.c, np.sign(w)
    slack = 1e-11 * float(max(l1.max(), abs(c).max()))  # what rounding may leave of a gradient
    before, waited, rounds = np.inf, 0, 0
    while True:
        active = np.flatnonzero(signs)
        slope = quadratic.slope(active, w[active])
        excess = np.where(signs == 0, abs(slope), 0) - l1
        joins = excess > slack
        value = l1 @ abs(w) + l2 @ (w * w) / 2 - w @ (c + slope) / 2
        waited = 0 if value < before else waited + 1
        before = min(before, value)
        if rounds and (not joins.any() or waited > 2 * PATIENCE):  # after which rounding is all that is left
            return w, rounds
        if rounds >= max_iter:
            return w, max_iter + 1
        most = max(AT_ONCE, len(active))
        if quadratic.G is None and joins.sum() > most:  # whose products with each other would need much memory
            joins &= excess >= np.partition(excess, -most)[-most]
        if waited > PATIENCE:  # several at once may get into each other's way, one alone never does
            joins = np.arange(len(w)) == excess.argmax()
        w, signs = _descend(quadratic, l1, l2, w, np.where(joins, np.sign(slope), signs))
        rounds += 1


def _descend(quadratic: Quadratic, l1: np.ndarray, l2: np.ndarray, w: np.ndarray, signs: np.ndarray) -> Any:
    """Return the minimum among the weights with these signs, and the signs; a weight that reaches zero stays there."""
    w, signs = w.copy(), signs.copy()
    while True:
        active = np.flatnonzero(signs)
        if not len(active):
            return w, signs
        sign, start = signs[active], w[active]
        end = _solution(quadratic, active, quadratic.c[active] - l1[active] * sign, l2[active])
        turned = np.flatnonzero(end * sign <= 0)
        if not len(turned):
            w[active] = end
            return w, signs
        lengths = start[turned] / (start[turned] - end[turned] + (end[turned] == start[turned]))
        length = lengths.min()
        gone = turned[lengths <= length * (1 + 1e-12)]
        start += length * (end - start)
        start[gone] = 0
        w[active], signs[active[gone]] = start, 0


def _solution(quadratic: Quadratic, active: np.ndarray, right: np.ndarray, l2: np.ndarray) -> np.ndarray:
    """Return the w with (G + l2) · w = right, for some of the weights.

    Among features that are linear functions of each other, a ridge that is lost in rounding lets the solution go far in
    the directions in which nothing else stops it.
    """
    matrix = quadratic.block(active)
    matrix.flat[:: len(active) + 1] += l2 + ROUNDING * quadratic.largest
    return np.linalg.solve(matrix, right)
