"""The verdict on a gradient, and the report of a check: what was compared, what is wrong and why, in 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from .derivatives import Slopes

WIDTH = 96  # pytest puts "E   " before each line of an error
TABLE_ROWS = 8  # for one input, and fewer for each of several

# What a comparison of a gradient with the slopes along a line can find
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


class Comparison:
    """The two gradients of one input or parameter.

    Attributes
    ----------
    name : str
    value : ndarray, the point of the check
    analytic, numeric : arrays (rows, *value.shape)
        One row for each output, or for a weighted sum of the outputs (`rows` has their names). `numeric` is NaN
        where nothing was checked.
    wrong : bool array of the same shape
    """

    def __init__(self, name: str, value: np.ndarray, analytic: np.ndarray, rows: Sequence[str]):
        self.name = name
        self.value = value
        self.rows = rows
        self.analytic = analytic
        self.numeric = np.full(analytic.shape, np.nan)
        self.wrong = np.zeros(analytic.shape, bool)
        self.directions = 0
        self.missing = False  # backward gave None
        self.complex = False  # whether the last axis holds the two parts of complex numbers

    @property
    def checked(self) -> int:
        """How many entries of the value were compared one by one."""
        return int(np.isfinite(self.numeric).any(axis=0).sum())

    @property
    def relative(self) -> np.ndarray:
        """The relative error of every entry, NaN where nothing was checked."""
        size = np.maximum(np.abs(self.analytic), np.abs(self.numeric))
        return np.abs(self.analytic - self.numeric) / np.where(size == 0, 1, size)

    def table(self) -> list[tuple]:
        """Return the worst entries as (name, index, output, analytic, numeric, relative, absolute)."""
        found = np.argwhere(self.wrong)
        single = [row for row in range(len(self.rows)) if not self.rows[row].startswith("weighted")]
        if single and self.wrong[single].any():  # the weighted sum repeats what is wrong in one output
            found = found[np.isin(found[:, 0], single)]
        lines = []
        for row, *index in found.tolist():
            at = (row, *index)
            a, n = float(self.analytic[at]), float(self.numeric[at])
            if self.complex:
                place: tuple = (*index[:-1], ("real", "imag")[index[-1]])
            else:
                place = tuple(index)
            lines.append((self.name, place, self.rows[row], a, n, float(self.relative[at]), abs(a - n)))
        return sorted(lines, key=lambda line: -np.nan_to_num(line[5], nan=np.inf) * (line[6] or 1))


class Failure:
    """One thing that is wrong: where, why (if it can be told), and what to look for."""

    def __init__(self, name: str, cause: str, hint: str = ""):
        self.name = name
        self.cause = cause
        self.hint = hint


class Report:
    """What a gradient check found. Truthy if the gradient is right; `str` of it is for people.

    Attributes
    ----------
    comparisons : list of Comparison
        For each input and parameter both gradients; `report["weight"]` is the one with that name.
    failures : list of Failure
    notes : list of str
    entries : int
        How many entries were covered: compared one by one, or as a part of random directions.

    Examples
    --------
    >>> report = tg.testing.gradcheck(lambda x: x * x, [1.0, 2.0])
    >>> bool(report), report.entries
    (True, 2)
    >>> report["x"].numeric.shape  # two outputs and their weighted sum
    (3, 2)
    """

    def __init__(self, title: str, method: str, mode: str):
        self.title = title
        self.method = method
        self.mode = mode
        self.comparisons: list[Comparison] = []
        self.failures: list[Failure] = []
        self.notes: list[str] = []

    def __bool__(self) -> bool:
        return not self.failures

    def __getitem__(self, name: str) -> Comparison:
        for comparison in self.comparisons:
            if comparison.name == name:
                return comparison
        raise KeyError(f"{name!r} was not checked; there are {', '.join(c.name for c in self.comparisons)}")

    @property
    def entries(self) -> int:
        return sum(c.value.size if c.directions else c.checked for c in self.comparisons)

    def __str__(self) -> str:
        n = f"{self.entries:,} {'entry' if self.entries == 1 else 'entries'}"
        of = f" of {', '.join(c.name for c in self.comparisons)}" if len(self.comparisons) < 5 else ""
        how = f"({self.method}, {self.mode})"
        if self:
            lines = wrapped(f"gradcheck: the gradient of {self.title} is right: {n}{of} agree {how}")
        else:
            where = ", ".join(dict.fromkeys(f.name for f in self.failures))
            lines = wrapped(f"the gradient of {self.title} is wrong for {where} {how}")
            for failure in self.failures[:5]:
                lines += ["", *wrapped(failure.cause, f"{failure.name}: ")]
                if failure.hint:
                    lines += wrapped(failure.hint, "  -> ")
            if len(self.failures) > 5:
                lines.append(f"... and {len(self.failures) - 5} more")
            lines += self._table()
            right = [c.name for c in self.comparisons if not c.wrong.any() and c.checked and not self._failed(c.name)]
            if right:
                lines += ["", *wrapped("right: " + ", ".join(right[:20]) + (", ..." if len(right) > 20 else ""))]
        for note in self.notes:
            lines += wrapped(note, "note: ")
        return "\n".join(lines)

    def _failed(self, name: str) -> bool:
        return any(f.name == name for f in self.failures)

    def _table(self) -> list[str]:
        wrong = [c for c in self.comparisons if c.wrong.any()]
        entries = [line for c in wrong for line in c.table()[: TABLE_ROWS if len(wrong) == 1 else TABLE_ROWS // 2]]
        if not entries:
            return []
        several = len({line[2] for line in entries}) > 1 or any(len(c.rows) > 2 for c in self.comparisons)
        cells = [["where", "index", "output", "analytic", "numeric", "relative", "absolute"]]
        for name, index, output, a, n, relative, absolute in entries[: 2 * TABLE_ROWS]:
            cells.append(
                [_short(name, 24), _index(index), output, _number(a), _number(n), f"{relative:.1e}", f"{absolute:.1e}"]
            )
        if not several:
            cells = [row[:2] + row[3:] for row in cells]
        widths = [max(map(len, column)) for column in zip(*cells)]
        left = 3 if several else 2
        lines = [""]
        for row in cells:
            texts = [t.ljust(w) if k < left else t.rjust(w) for k, (t, w) in enumerate(zip(row, widths))]
            lines.append(("  " + "  ".join(texts)).rstrip())
        number = sum(int(c.wrong.any(axis=0).sum()) for c in wrong)
        checked = sum(c.checked for c in self.comparisons)
        if checked:
            lines.append(f"  ({number:,} of the {checked:,} entries that were compared one by one are wrong)")
        return lines


class GradientCheckError(AssertionError):
    """The gradient is wrong. `report` has both gradients; the text has the worst entries and the cause.

    Examples
    --------
    >>> twice = lambda x: x * x, lambda x: 4 * x  # a function and its hand-written gradient
    >>> try:
    ...     tg.testing.gradcheck(twice, 3.0)
    ... except tg.testing.GradientCheckError as error:
    ...     print(error.report.failures[0].cause)
    the gradient is 2 times too large
    """

    def __init__(self, report: Any):
        super().__init__(str(report))
        self.report = report


def wrapped(text: str, before: str = "") -> list[str]:
    """Return a text in lines of `WIDTH` characters; if something stands before it, the others are indented."""
    return textwrap.wrap(
        before + text,
        WIDTH,
        subsequent_indent=" " * min(len(before), 6),
        break_on_hyphens=False,
        break_long_words=False,
    )


def _number(x: float) -> str:
    return f"{x:.7g}"


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else "..." + text[3 - width :]


def _index(index: Any) -> str:
    return _short(str(index).replace(",)", ")").replace("'", "") if index else "()", 18)
