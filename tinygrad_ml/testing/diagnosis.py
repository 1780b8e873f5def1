"""Causes: what a wrong gradient looks like tells what went wrong.

Every guess is tested on all entries that were compared; one that does not fit them is not made.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from .cuts import cuts_in, depends_on
from .problem import Problem, TensorProblem
from .report import Comparison, Failure

FIT = 1e-4  # how closely a guess must fit
PATH_IS_CUT = "the path is cut"
COINCIDENCE = 400  # a threshold is named if fewer than one in 400 choices of the wrong entries would fit by accident

Finding = tuple[str, ...]  # the cause, what to look for, and a short form of the cause where there is one


def explain(parts: Sequence[Comparison], problem: Problem) -> list[Failure]:
    """Return a failure, with its cause if it can be told, for each input whose gradient is wrong."""
    wrong = [part for part in parts if part.wrong.any()]
    failures = [Failure(part.name, *_cause(part, problem)) for part in wrong]
    if wrong and isinstance(problem, TensorProblem):
        _name_cuts(failures, problem)
    for part, failure in zip(wrong, failures):
        for other in wrong:
            if other is not part and part.value.shape == other.value.shape and _same(part.analytic, other.numeric):
                failure.cause = f"this is the gradient of {other.name}: the two are exchanged"
    return failures


def _name_cuts(failures: Sequence[Failure], problem: TensorProblem) -> None:
    """Add to the hints where the path from an input is cut."""
    cuts = cuts_in(lambda: problem.run(problem.values))
    for failure in failures:
        leaf = problem.used[0][problem.names.index(failure.name)]
        places = dict.fromkeys(f"{cut.how} in {cut.line}" for cut in cuts if depends_on(cut.source, leaf))
        if places:
            guess = "" if failure.hint.startswith(PATH_IS_CUT) else failure.hint
            failure.hint = f"a path from {failure.name} is cut by " + " and by ".join(list(places)[:3])
            failure.hint += f"; or: {guess}" if guess else ""


def malformed(name: str, g: np.ndarray, value: np.ndarray) -> Failure | None:
    """Return what is wrong with the shape or the dtype of a gradient."""
    if g.shape != value.shape:
        cause = f"the gradient has shape {g.shape}, but {name} has shape {value.shape}"
        extra = g.ndim - value.ndim
        if extra >= 0 and all(n in (1, m) for n, m in zip(value.shape, g.shape[extra:])):
            axes = [*range(extra), *(k + extra for k, n in enumerate(value.shape) if n != g.shape[k + extra])]
            which = f"axis {axes[0]}" if len(axes) == 1 else f"the axes {tuple(axes)}"
            return Failure(name, f"{cause}: a sum over {which}, along which {name} is broadcast, is missing")
        return Failure(name, cause + (": it is transposed" if g.shape == value.shape[::-1] else ""))
    if g.dtype != np.float64 and g.dtype.kind not in "iub":
        return Failure(name, f"the gradient has dtype {g.dtype}, but {name} has dtype float64")
    return None


def _cause(part: Comparison, problem: Problem) -> Finding:
    if part.missing and not isinstance(problem, TensorProblem):
        return "the gradient is None, but the output depends on it", "does the gradient function return its result?"
    if part.missing:
        return (
            "the gradient is None, but the output depends on it",
            f"{PATH_IS_CUT}: detach(), .numpy(), .data, no_grad(), or an operation on plain arrays",
        )
    outputs = [k for k, name in enumerate(part.rows) if not name.startswith("weighted")]
    if outputs and not part.wrong[outputs].any():
        return (
            "right for each output alone, but wrong for a weighted sum of them",
            "the rule does not multiply by the incoming gradient g, or is not linear in it",
        )
    rows = outputs or list(range(len(part.rows)))
    a, n = part.analytic[rows], part.numeric[rows]
    if not np.isfinite(n[part.wrong[rows]]).any():
        return "the numerical derivative is NaN: every step leaves the domain of the function", "move the point inwards"
    guesses: tuple = (_whole, _exchanged, _moved, _some, _left_out)
    if _same(a, n) and not part.wrong[rows][np.isfinite(n)].all():  # wrong in entries that are small beside the others
        guesses = (_some,)
    for guess in guesses:
        found = guess(part, a, n, rows, problem)
        if found:
            return found
    return "the gradient is not the derivative", ""


def _same(a: np.ndarray, n: np.ndarray) -> bool:
    """Whether a is n, as far as n is known."""
    if a.shape != n.shape:
        return False
    known = np.isfinite(n)
    return bool(n[known].any()) and _close(a[known], n[known])


def _close(a: np.ndarray, n: np.ndarray) -> bool:
    size = np.maximum(np.abs(a), np.abs(n))
    return bool((np.abs(a - n) <= FIT * size + 1e-9 * size.max(initial=0)).all())


def _ratio(a: np.ndarray, n: np.ndarray, wrong: np.ndarray) -> float | None:
    """Return c if a is c times n; the entries that are wrong must fit without any allowance for rounding."""
    known = np.isfinite(n)
    a, n, wrong = a[known], n[known], wrong[known]
    square = float(n @ n)
    c = float(a @ n) / square if square else 0.0
    fits = np.abs(a - c * n)[wrong] <= FIT * np.maximum(np.abs(a), np.abs(c * n))[wrong]
    return c if square and fits.all() and _close(a, c * n) else None


def _scaled(c: float, problem: Problem) -> Finding:
    """Return the words for a gradient that is c times too large."""
    if abs(c) < FIT:
        return "the gradient is zero", f"{PATH_IS_CUT}, or the incoming gradient is dropped", "gets no gradient"
    if abs(c + 1) < FIT:
        return "the gradient has the wrong sign", "", "has the wrong sign"
    sign = "has the wrong sign and " if c < 0 else ""
    size = abs(c)
    factor = size if size > 1 else 1 / size
    text = f"is {factor:.6g} times too {'large' if size > 1 else 'small'}"
    lengths = [(name, k, m) for name, v in zip(problem.names, problem.values) for k, m in enumerate(v.shape)]
    hint = next(
        (
            f"{m} is the length of axis {k} of {name}: a mean where a sum belongs, or the other way round?"
            for name, k, m in lengths
            if m > 1 and abs(factor - m) < FIT * m
        ),
        "",
    )
    return f"the gradient {sign}{text}", hint, sign + text.removeprefix("is ")


def _whole(part: Comparison, a: np.ndarray, n: np.ndarray, rows: list, problem: Problem) -> Finding | None:
    """Guess a factor, a missing term, or a factor x: the same fault in all entries."""
    wrong = part.wrong[rows]
    c = _ratio(a, n, wrong)
    if c is not None:
        return _scaled(c, problem)
    x = np.broadcast_to(part.value, a.shape)
    known = np.isfinite(n)
    flipped = int(((a * n) < 0).any(axis=0).sum())
    if flipped and _same(np.abs(a), np.abs(n)):
        condition = _condition(part, ((a * n) < 0).any(axis=0), known.any(axis=0), problem)
        where = f"{flipped} of {part.checked} entries" + (f" (those where {condition})" if condition else "")
        hint = "a missing conj()?" if part.complex else "a missing sign() or abs()?"
        short = f"has the wrong sign in {flipped} of {part.checked}"
        return f"the sign is wrong in {where}, the sizes are right", hint, short
    if wrong.sum() < 3 or not x.any():
        return None
    if len(rows) == 1:
        for name, term, hint in (("a constant", 1.0, ""), (f"a multiple of {part.name}", x, "of a regulariser?")):
            c = _ratio(n - a, np.where(known, term, np.nan), wrong)
            if c:
                return f"a term is missing: {name}, {c:.4g}", hint and "the gradient " + hint
    for text, factor in ((f"a factor {part.name} is missing", x), (f"a factor {part.name} too many", 1 / x)):
        c = _ratio(a * factor, n, wrong)
        if c:
            return text + (f" (and a constant factor {1 / c:.4g})" if abs(c - 1) > FIT else ""), "the chain rule"
    return None


def _moved(part: Comparison, a: np.ndarray, n: np.ndarray, rows: list, problem: Problem) -> Finding | None:
    """Guess right numbers at wrong places: transposed, shifted, reversed, permuted."""
    axes = range(1, a.ndim)
    for order in itertools.permutations(axes):
        if order != tuple(axes) and _same(np.transpose(a, (0, *order)), n):
            return "the gradient is transposed: its axes are in the order " + str(tuple(k - 1 for k in order)), ""
    for axis in axes:
        for shift in (1, -1):
            if a.shape[axis] > 2:
                if _same(np.roll(a, shift, axis), n):
                    return f"the gradient is rolled by {-shift} along axis {axis - 1}", "an index that is off by one?"
                inner, outer = (slice(1, None), slice(None, -1))[::shift]
                cut = (slice(None),) * axis
                if _same(a[(*cut, outer)], n[(*cut, inner)]) and not _same(a[(*cut, outer)], n[(*cut, outer)]):
                    return f"the gradient is shifted by {-shift} along axis {axis - 1}", "an index that is off by one?"
        if a.shape[axis] > 1 and _same(np.flip(a, axis), n):
            return f"the gradient is reversed along axis {axis - 1}", ""
    if np.isfinite(n).all() and n[0].size > 2:
        in_order = [np.sort(g.reshape(len(g), -1), axis=1) for g in (a, n)]
        if _same(*in_order):
            return (
                "the entries are right but at wrong places",
                "an index, an axis or the order of a reshape is exchanged?",
            )
    return None


def _exchanged(part: Comparison, a: np.ndarray, n: np.ndarray, rows: list, problem: Problem) -> Finding | None:
    """Guess that the axes of a square output are exchanged."""
    side = round(len(rows) ** 0.5)
    if side * side == len(rows) and side > 1:
        exchanged = a.reshape(side, side, -1).swapaxes(0, 1).reshape(a.shape)
        if _same(exchanged, n):
            return "the axes of the incoming gradient are exchanged", "a sum over the wrong axis, or a transpose?"
    return None


def _left_out(part: Comparison, a: np.ndarray, n: np.ndarray, rows: list, problem: Problem) -> Finding | None:
    """Guess outputs that do not reach the input."""
    bad = part.wrong[rows].reshape(len(rows), -1).any(axis=1)
    if 0 < bad.sum() < len(rows) and not a[bad].any():
        some = ", ".join(part.rows[rows[k]] for k in np.flatnonzero(bad)[:4]) + (", ..." if bad.sum() > 4 else "")
        return (
            f"what arrives at {bad.sum()} of the {len(rows)} outputs ({some}) is left out",
            "a missing sum over a broadcast axis, or a slice that is too short?",
        )
    return None


def _some(part: Comparison, a: np.ndarray, n: np.ndarray, rows: list, problem: Problem) -> Finding | None:
    """Guess a fault of some entries only, and say which."""
    wrong = np.asarray(part.wrong[rows].any(axis=0))
    known = np.asarray(np.isfinite(n).any(axis=0))
    if not wrong.any() or (wrong == known).all():
        return None
    count = f"{int(wrong.sum())} of {int(known.sum())}"
    where, there = f"wrong in {count} entries", ", where it "
    line = _line(wrong, known)
    condition = "" if line and wrong.ndim > 1 else _condition(part, wrong, known, problem)
    if condition:
        where, there = f"{where}: those where {condition}", "; there it "
    elif line:
        where = f"{where}: those at {line}"
    c = _ratio(a, np.where(wrong, n, np.nan), part.wrong[rows])
    if c is None:
        return where, "", f"wrong in {count}" + (f", where {condition}" if condition else "")
    text, _, short = _scaled(c, problem)
    return where + there + text.removeprefix("the gradient "), "", f"{short} in {count}"


def _line(wrong: np.ndarray, known: np.ndarray) -> str:
    """Return the few places along one axis at which all wrong entries are, as text."""
    for axis, length in enumerate(wrong.shape):
        others = tuple(k for k in range(wrong.ndim) if k != axis)
        places = np.flatnonzero(np.any(wrong, axis=others))
        whole = np.all(wrong | ~known, axis=others)[places].all() and wrong.ndim > 1
        if length > 1 and 0 < len(places) <= max(1, length // 2) and (whole or wrong.ndim == 1):
            listed = ", ".join(map(str, places[:6])) + (", ..." if len(places) > 6 else "")
            return f"{listed} along axis {axis}"
    return ""


def _condition(part: Comparison, wrong: np.ndarray, known: np.ndarray, problem: Problem) -> str:
    """Return the condition on the entries of an input, "x < 0", which the wrong entries alone fulfil, or ""."""
    right = known & ~wrong
    if part.complex or min(wrong.sum(), right.sum()) < 2:
        return ""
    chances = math.comb(int(known.sum()), int(wrong.sum()))
    alike = [(part.name, part.value)]
    alike += [(n, v) for n, v in zip(problem.names, problem.values) if n != part.name and v.shape == part.value.shape]
    for name, value in alike:
        for text, v in ((name, value), (f"|{name}|", np.abs(value))):
            low, high = v[wrong], v[right]
            for sign, (below, above) in ((1, (low, high)), (-1, (high, low))):
                if below.max() >= above.min():
                    continue
                at_zero = text == name and below.max() <= 0 <= above.min()
                if not at_zero and chances < COINCIDENCE:
                    continue
                threshold = 0.0 if at_zero else _between(float(below.max()), float(above.min()))
                relation = "<" if sign == 1 else ">"
                reached = low.max() == threshold if sign == 1 else low.min() == threshold
                return f"{text} {relation}{'=' if reached else ''} {threshold:.6g}"
    return ""


def _between(low: float, high: float) -> float:
    """Return the number with the fewest digits from low to high."""
    digits = -math.floor(math.log10(high - low)) - 1
    while not low <= (number := round((low + high) / 2, digits)) <= high:
        digits += 1
    return number
