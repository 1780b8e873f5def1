"""The hinge loss by its multipliers, one after the other, in C; then exactly, by the samples on the margin.

At the minimum w is the sum of the samples, each times its sign, its weight and a multiplier: 0 beyond the margin, 1
short of it, and something in between on it. Where it is known which samples are on the margin, their multipliers follow
from linear equations. Coordinate descent, which is quick at first, tells which are.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

LOOKS = 50  # how often, on average, a sample is looked at before the equations are tried
SURE = (1e-2, 1e-3, 1e-4)  # how little samples are pulled where few are taken for something else than they are
ROUNDS = 12  # in which those are mended
FEW = 10  # of them, beside one of a hundred samples, may be mended
EXACT = 1e-9  # how far a sample with a multiplier between 0 and 1 may be from the margin


def one_by_one(
    loops: Any,
    design: np.ndarray,
    sign: np.ndarray,
    limit: np.ndarray,
    ridge: np.ndarray,
    is_over: Callable[[int], bool],
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return multipliers, coefficients, and the number of rounds that made them those of the minimum; 0 if none did.

    Parameters
    ----------
    loops : the functions of `loops.c`
    design, sign, limit, ridge, is_over
        As those of `minimise_margin`; no ridge may be 0.
    """
    n, d = design.shape
    inverse, pulls, w, order = 1 / ridge, np.zeros(n), np.zeros(d), np.empty(n, np.int64)
    squares = np.einsum("ij,ij,j->i", design, design, inverse)
    arrays = [array.ctypes.data for array in (sign, limit, squares, inverse, pulls, w, order)]
    for sure in SURE:
        loops.hinge(design.ctypes.data, n, d, *arrays, LOOKS * n, sure)
        exact, rounds = from_margin(design, sign, limit, inverse, pulls, is_over)
        if rounds:
            return pulls / limit, exact, rounds
    return pulls / limit, w, 0


def from_margin(
    design: np.ndarray,
    sign: np.ndarray,
    limit: np.ndarray,
    inverse: np.ndarray,
    pulls: np.ndarray,
    is_over: Callable[[int], bool],
) -> tuple[np.ndarray, int]:
    """Return the coefficients of the minimum, near those of some multipliers times `limit`, and the rounds; else 0.

    In each round the samples on the margin are those that the last one shows to be there.
    """
    pulls, w = pulls.copy(), np.empty(0)
    beyond = pulls <= 0
    short_of = ~beyond & (pulls >= limit)
    for rounds in range(1, ROUNDS + 1):
        on = np.flatnonzero(~beyond & ~short_of)
        if len(on) > len(inverse) or is_over(rounds - 1):
            break
        # there 1 = sign · design·w, where w is the sum of the samples times their pulls
        rows = design[on] * sign[on, None]
        w = (sign * limit * short_of) @ design * inverse
        with suppress(np.linalg.LinAlgError):
            pulls[on] = np.linalg.solve(rows * inverse @ rows.T, 1 - rows @ w)
        w += pulls[on] @ rows * inverse
        multipliers = short_of.astype(float)
        multipliers[on] = pulls[on] / limit[on]
        short = 1 - sign * (design @ w)
        off = abs(multipliers - np.clip(multipliers + short, 0, 1))
        wrong = np.count_nonzero(~(off <= EXACT))  # NaN is wrong
        if not wrong:
            return w, rounds
        if wrong > FEW + len(pulls) // 100:
            break
        under, over = on[pulls[on] < 0], on[pulls[on] > limit[on]]
        beyond &= short <= 0
        short_of &= short >= 0
        beyond[under], short_of[over] = True, True
    return w, 0
