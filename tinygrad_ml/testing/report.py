"""The verdict on a gradient, and the report of a check: what was compared, what is wrong and why, in 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..notebook import escaped, table
from .derivatives import Slopes

WIDTH = 96  # pytest puts "E   " before each line of an error
SHOWN = 5  # findings
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
    """One thing that is wrong: where, why (if it can be told), what to look for, and the cause in a few words."""

    def __init__(self, name: str, cause: str, hint: str = "", short: str = ""):
        self.name = name
        self.cause = cause
        self.hint = hint
        self.short = short


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
        if self:
            lines = wrapped(f"gradcheck: {self._verdict()}")
        else:
            lines = [self._headline(), *wrapped(self._verdict())]
            findings = self._findings()
            for names, failure in findings[:SHOWN]:
                lines += ["", *wrapped(failure.cause, f"{names}: ")]
                if failure.hint:
                    lines += wrapped(failure.hint, "  -> ")
            if len(findings) > SHOWN:
                lines.append(f"... and {len(findings) - SHOWN} more")
            lines += self._table()
            right = self._right()
            if right:
                lines += ["", *wrapped("right: " + right)]
        for note in self.notes:
            lines += wrapped(note, "note: ")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        mark = '<b style="color:#16a34a">✓</b>' if self else '<b style="color:#dc2626">✗</b>'
        parts = [f"<div>{mark} {escaped(self._verdict())}</div>"]
        findings = self._findings()
        items = [
            f"<li><b>{escaped(names)}</b>: {escaped(failure.cause)}"
            + (f"<br/><span style='opacity:.75'>{escaped(failure.hint)}</span>" if failure.hint else "")
            + "</li>"
            for names, failure in findings[:SHOWN]
        ]
        if len(findings) > SHOWN:
            items.append(f"<li>... and {len(findings) - SHOWN} more</li>")
        if items:
            parts.append(f"<ul style='margin:.4em 0'>{''.join(items)}</ul>")
        cells, left = self._worst()
        if cells:
            parts.append(table(cells[0], cells[1:], left=left))
            parts.append(f"<div style='opacity:.75'>{escaped(self._count())}</div>")
        if not self and self._right():
            parts.append(f"<div><b style='color:#16a34a'>✓</b> {escaped(self._right())}</div>")
        parts += [f"<div style='opacity:.75'>note: {escaped(note)}</div>" for note in self.notes]
        return f"<div>{''.join(parts)}</div>"

    def _verdict(self) -> str:
        """Return one sentence with what was checked and how."""
        how = f"({self.method}, {self.mode})"
        if not self:
            where = ", ".join(dict.fromkeys(f.name for f in self.failures))
            return f"the gradient of {self.title} is wrong for {where} {how}"
        n = f"{self.entries:,} {'entry' if self.entries == 1 else 'entries'}"
        names = list(dict.fromkeys(c.name.removeprefix("second order, ") for c in self.comparisons))
        of = f" of {', '.join(names)}" if len(names) < 5 else ""
        return f"the gradient of {self.title} is right: {n}{of} agree {how}"

    def _headline(self) -> str:
        """Return the first finding in a line that pytest's summary has room for."""
        findings = self._findings()
        names, failure = findings[0]
        text = f"{names} {failure.short}" if failure.short else f"{names}: {failure.cause}"
        return _ended(text, WIDTH - 12) + (f"; {len(findings) - 1} more" if len(findings) > 1 else "")

    def _findings(self) -> list[tuple[str, Failure]]:
        """Return the failures, those that say the same as one with the names of all."""
        groups: dict[tuple[str, str], list[Failure]] = {}
        for failure in self.failures:
            groups.setdefault((failure.cause, failure.hint), []).append(failure)
        return [(_listed(f.name for f in group), group[0]) for group in groups.values()]

    def _right(self) -> str:
        return _listed(c.name for c in self.comparisons if not c.wrong.any() and c.checked and not self._failed(c.name))

    def _failed(self, name: str) -> bool:
        return any(f.name == name for f in self.failures)

    def _worst(self) -> tuple[list[list[str]], int]:
        """Return the worst entries as a table of texts with a header, and how many of its columns are words."""
        wrong = [c for c in self.comparisons if c.wrong.any()]
        entries = [line for c in wrong for line in c.table()[: TABLE_ROWS if len(wrong) == 1 else TABLE_ROWS // 2]]
        if not entries:
            return [], 0
        several = len({line[2] for line in entries}) > 1 or any(len(c.rows) > 2 for c in self.comparisons)
        cells = [["where", "index", "output", "analytic", "numeric", "relative", "absolute"]]
        for name, index, output, a, n, relative, absolute in entries[: 2 * TABLE_ROWS]:
            cells.append(
                [_short(name, 24), _index(index), output, _number(a), _number(n), f"{relative:.1e}", f"{absolute:.1e}"]
            )
        return (cells, 3) if several else ([row[:2] + row[3:] for row in cells], 2)

    def _count(self) -> str:
        number = sum(int(c.wrong.any(axis=0).sum()) for c in self.comparisons)
        checked = sum(c.checked for c in self.comparisons)
        return f"{number:,} of the {checked:,} entries that were compared one by one are wrong" if checked else ""

    def _table(self) -> list[str]:
        cells, left = self._worst()
        if not cells:
            return []
        widths = [max(map(len, column)) for column in zip(*cells)]
        lines = [""]
        for row in cells:
            texts = [t.ljust(w) if k < left else t.rjust(w) for k, (t, w) in enumerate(zip(row, widths))]
            lines.append(("  " + "  ".join(texts)).rstrip())
        if self._count():
            lines.append(f"  ({self._count()})")
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

    def __reduce__(self) -> tuple:
        return type(self), (self.report,)


GradientCheckError.__module__ = "tinygrad_ml.testing"  # where it is imported from, and shorter in pytest's summary


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


def _listed(names: Iterable[str]) -> str:
    some = list(dict.fromkeys(names))
    return ", ".join(some[:20]) + (", ..." if len(some) > 20 else "")


def _ended(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else "..." + text[3 - width :]


def _index(index: Any) -> str:
    return _short(str(index).replace(",)", ")").replace("'", "") if index else "()", 18)
