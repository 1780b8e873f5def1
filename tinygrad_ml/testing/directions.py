"""Checks of many entries at once: slopes along random directions, and entries that tie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .derivatives import central, power_of_two
from .progress import steps
from .report import AGREES, KINK, ROUGH, ROUNDING, Failure

if TYPE_CHECKING:
    from .checker import Checker

DIRECTIONS = 2  # for each input and parameter, in random mode
ALL = 256  # inputs up to this size are compared whole when a random direction disagrees
BLOCK = 32
ROUNDS = 16
FINAL = 16  # entries with the largest disagreement that random mode compares at the end in any case


def along_directions(checker: Checker) -> None:
    """Compare slopes along random directions, and then entry by entry what disagrees most."""
    largest, where = -1.0, None
    jobs = [i for i, part in enumerate(checker.parts) for _ in range(DIRECTIONS) if part.value.size]
    for i in steps(jobs, 20 * checker.seconds, "random directions"):
        shape = checker.problem.values[i].shape
        direction = checker.scales[i] * checker.rng.choice([-1.0, 1.0], shape) * checker.rng.uniform(0.5, 1.5, shape)
        checker.parts[i].directions += 1
        agrees, distance = _along(checker, i, direction)
        if not agrees:
            _hunt(checker, i, direction)
        elif distance > largest:
            largest, where = distance, (i, direction)
    if where is not None:
        i, direction = where
        checker.compare(i, _bisect(checker, i, direction, FINAL, careful=False))
    if checker.samples is not None:
        for i, part in enumerate(checker.parts):
            checker.compare(i, checker.sample(part.value.size))


def _along(checker: Checker, i: int, direction: np.ndarray) -> tuple[bool, float]:
    """Return whether slope and gradient agree along a direction, and by how much they differ (1 is the limit)."""
    products = checker.parts[i].analytic * direction
    axes = tuple(range(1, products.ndim))
    a, norm = products.sum(axis=axes), np.sqrt(np.square(products).sum(axis=axes))
    # All rounding errors count, but a wrong entry among many must not hide in the sum: hence 1e-3
    allowed = 1e-3 * checker.rtol * norm
    allowed += ROUNDING * checker.precision * (np.abs(products).sum(axis=axes) + checker.size())
    for examine in (checker.quick_slopes, lambda along: checker.slopes(along, 1.0)):
        s = examine({i: direction})
        status = checker.judge(a, s, allowed, {i: direction}, 1.0, 0.0)
        if ((status == AGREES) | (status == ROUGH) & (s.error <= 1e-4 * norm)).all():
            return True, float((np.abs(a - s.value) / np.maximum(allowed + 4 * s.error, 1e-300)).max())
    return False, np.inf


def _hunt(checker: Checker, i: int, direction: np.ndarray) -> None:
    """Compare entries one by one where a direction disagrees, until some are wrong or the rest agrees."""
    part = checker.parts[i]
    left = direction.copy()
    for _ in range(ROUNDS):
        entries = np.flatnonzero(left) if part.value.size <= ALL else _bisect(checker, i, left, BLOCK, careful=True)
        checker.compare(i, entries)
        left.flat[entries] = 0
        if part.wrong.any() or not left.any() or _along(checker, i, left)[0]:
            return
    checker.compare(i, np.flatnonzero(left))  # kinks everywhere


def _bisect(checker: Checker, i: int, direction: np.ndarray, size: int, careful: bool) -> np.ndarray:
    """Return at most `size` entries of input i: always the half whose slope disagrees more with the gradient."""
    analytic = checker.parts[i].analytic.reshape(len(checker.rows), -1)

    def apart(entries: np.ndarray) -> np.ndarray:
        d = np.zeros(direction.shape)
        d.flat[entries] = direction.flat[entries]
        if careful:
            n = checker.slopes({i: d}, 1.0).value
        else:
            step = power_of_two(checker.precision ** (1 / 3) / np.sqrt(len(entries)))
            n = checker.weights @ central(checker.line({i: d}), step)
        return np.nan_to_num(np.abs(analytic[:, entries] @ d.flat[entries] - n), nan=np.inf)

    entries = np.flatnonzero(direction)
    if len(entries) > size:
        row = int(np.argmax(apart(entries) / (np.abs(analytic) @ np.abs(direction.ravel()) + 1e-300)))
    while len(entries) > size:
        entries = max(np.array_split(entries, 2), key=lambda half: apart(half)[row])
    return entries


def check_ties(checker: Checker) -> None:
    """Check entries that tie (in max, sort, ...) once more together: moved by the same amount, they tie still.

    Along that direction the function is smooth, so the gradients of the tied entries must add up to its slope.
    """
    groups: dict[float, list[tuple[int, int]]] = {}
    for (i, status), entries in checker.special.items():
        for j in entries if status == KINK else ():
            groups.setdefault(float(checker.problem.values[i].flat[j]), []).append((i, j))
    for value, group in list(groups.items())[:ROUNDS]:
        if len(group) < 2:
            continue
        together: dict[int, Any] = {}
        for i, j in group:
            together.setdefault(i, np.zeros(checker.problem.values[i].shape)).flat[j] = 1
        a = sum((checker.parts[i].analytic * d).reshape(len(checker.rows), -1).sum(axis=1) for i, d in together.items())
        scale = abs(value) or 1.0
        s = checker.slopes(together, scale)
        smooth = np.abs(s.right - s.left) <= 20 * (s.right_error + s.left_error) + 1e-6 * np.abs(s.value)
        off = np.abs(a - s.value) > 1e-6 * np.maximum(np.abs(a), np.abs(s.value)) + 4 * s.error
        moved = list(checker.problem.values)
        for i, d in together.items():
            moved[i] = moved[i] + 2.0**-7 * scale * d
        first = checker.slopes(checker.entry(*group[0]), scale * 2.0**-7, moved)
        still = np.abs(first.right - first.left) > 20 * (first.right_error + first.left_error) + 1e-6
        for row in np.flatnonzero(smooth & off & still)[:1]:
            names = " and ".join(dict.fromkeys(checker.parts[i].name for i, _ in group))
            checker.report.failures.append(
                Failure(
                    names,
                    f"wrong at ties: {len(group)} entries tie at {value:.6g}; moved together they give the slope "
                    f"{s.value[row]:.6g}, but their gradients add up to {a[row]:.6g}",
                    "share the gradient among the entries that tie, or give it to one of them",
                )
            )
            for i, j in group:
                checker.parts[i].wrong.reshape(len(checker.rows), -1)[row, j] = True
