"""The verdict on a gradient once the slopes along a line are known: right, wrong, or a point without a derivative."""

from __future__ import annotations

import numpy as np

from .derivatives import Slopes

AGREES, ROUGH, EDGE, JUMP, KINK, WRONG = range(6)  # from best to worst
NOTES = {
    ROUGH: "checked to a few digits only: rounding inside the function",
    EDGE: "at the edge of the domain: only the derivative on the inner side was compared",
    JUMP: "at a jump of the function: nothing to compare",
    KINK: "at a kink: the gradient lies between the slopes on the two sides",
}
ROUNDING = 256  # ulps of the outputs that rounding may do to a gradient


def verdict(a: np.ndarray, s: Slopes, rtol: float, allowed: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare the gradient with the slopes, row by row.

    Parameters
    ----------
    a : ndarray (rows,)
        The gradient along the line.
    s : Slopes
    rtol : float
    allowed : ndarray (rows,)
        The absolute tolerance: what rounding may do to the gradient itself.

    Returns
    -------
    status (one of AGREES ... WRONG for each row), whether each row has a kink, and how far beyond the two slopes at a
    kink a gradient may lie
    """
    allowed = allowed + s.rounding

    def near(n: np.ndarray, error: np.ndarray | float) -> np.ndarray:
        return np.abs(a - n) <= rtol * np.maximum(np.abs(a), np.abs(n)) + 4 * error + allowed

    bend = np.abs(s.right - s.left)
    uncertain = s.right_error + s.left_error
    middle = np.abs(s.value - (s.right + s.left) / 2) <= 1e-3 * bend + 4 * (s.error + uncertain)
    kink = (bend > 20 * uncertain) & (bend > 1e-6 * np.maximum(np.abs(s.right), np.abs(s.left))) & middle
    slack = allowed + 4 * uncertain + 1e-6 * bend
    between = (a >= np.minimum(s.left, s.right) - slack) & (a <= np.maximum(s.left, s.right) + slack)
    side = near(s.right, s.right_error) | near(s.left, s.left_error)
    one_sided = ~np.isfinite(s.error) & (np.isfinite(s.right_error) != np.isfinite(s.left_error))
    size = np.maximum(np.abs(a), np.abs(s.value))
    settled = s.error <= np.maximum(0.1 * size, 100 * allowed)
    status = np.full(len(a), WRONG)
    status[s.jumps & (side | ~settled)] = JUMP
    status[kink & between] = KINK
    status[one_sided & side] = EDGE
    # A function that rounds (float32 inside) is flat for small steps, and only larger ones show its slope
    coarse = near(s.candidates, s.candidate_errors) & (s.candidate_errors <= 1e-4 * np.abs(s.candidates))
    status[s.flat & coarse.any(axis=0)] = ROUGH
    status[near(s.value, s.error) & settled] = ROUGH
    status[near(s.value, s.error) & (s.error <= np.maximum(1e-4 * size, 100 * allowed)) | near(s.value, 0.0)] = AGREES
    return status, kink, slack
