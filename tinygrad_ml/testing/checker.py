"""The comparison itself: every entry by a quick difference, and what disagrees by a careful examination."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .derivatives import Slopes, central, complex_step, power_of_two
from .diagnosis import explain, malformed
from .directions import along_directions, check_ties
from .problem import Problem
from .progress import steps
from .report import JUMP, KINK, NOTES, ROUNDING, WRONG, Comparison, Failure, Report, verdict

ENOUGH = 64  # wrong entries of one input are proof enough
RTOL = {"central": 1e-6, "ridders": 1e-8, "complex": 1e-9}

Directions = Mapping[int, Any]  # number of the input -> an array like it


class Checker:
    """Compares the two gradients of a problem and writes what it finds into the report."""

    def __init__(
        self,
        problem: Problem,
        report: Report,
        base: np.ndarray,
        weights: np.ndarray,
        rows: list[str],
        seconds: float,
        precision: float,
        seed: int,
        *,
        method: str,
        mode: str,
        eps: float | None,
        rtol: float | None,
        atol: float | None,
        samples: int | None,
    ):
        self.problem, self.report = problem, report
        self.base, self.weights, self.rows = base, weights, rows
        self.seconds = seconds
        self.precision = precision
        self.method, self.mode, self.step, self.atol, self.samples = method, mode, eps, atol, samples
        self.rtol = rtol if rtol is not None else RTOL[method] if precision < 1e-10 else 1e-3
        self.rng = np.random.default_rng([seed, 1])
        self.scales = [_scales(v) for v in problem.values]
        self.magnitude = np.maximum(self.usual_size(), problem.magnitude())
        self.special: dict[tuple[int, int], dict[int, str]] = {}  # (input, status) -> entry: what was seen
        self.parts: list[Comparison] = []

    def run(self) -> None:
        """Check every input and parameter."""
        if not self.take_gradients():
            return
        if self.mode == "full":
            for i, value in enumerate(self.problem.values):
                self.compare(i, self.sample(value.size))
        else:
            along_directions(self)
        self.report.failures += explain(self.parts, self.problem)
        check_ties(self)
        self.refuse_jumps_only()
        for (i, status), seen in sorted(self.special.items()):
            count, example = len(seen), next(iter(seen.values()))
            number = f"{count} entries" if count > 1 else "1 entry"
            self.report.notes.append(f"{self.parts[i].name}: {number} {NOTES[status]}{example}")
        empty = [part.name for part in self.parts if not part.value.size]
        if empty:
            self.report.notes.append(f"{', '.join(empty)}: no entries, so only the shape of the gradient was checked")
        if self.report.failures and self.precision > 1e-10:
            self.report.failures[-1].hint += " (use float64: this function computes in float32)"

    def refuse_jumps_only(self) -> None:
        """Fail if nothing was compared, since the function jumps at every entry."""
        jumps = sum(len(seen) for (_, status), seen in self.special.items() if status == JUMP)
        largest = max((np.abs(v).max(initial=0) for v in self.problem.values), default=0)
        rounding = self.magnitude.max(initial=0) < 1e-10 * largest  # an output that is 0 up to rounding jumps by an ulp
        if jumps and jumps == sum(part.checked for part in self.parts) and not rounding:
            names = ", ".join(part.name for part in self.parts)
            cause = "nothing to compare: the function jumps at every entry"
            self.report.failures.append(Failure(names, cause, "check at a point where it is continuous"))

    # ------------------------------------------------------------------ the analytic gradient

    def take_gradients(self) -> bool:
        """Compute the claimed gradient for each row of weights; return whether it can be compared at all."""
        problem = self.problem
        self.shapes = [np.shape(y) for y in problem.evaluate(problem.values)]
        found = []
        for row in self.weights:
            try:
                found.append(problem.gradient(problem.values, self.arriving(row)))
            except (RuntimeError, ValueError, IndexError) as error:
                cause = f"computing the gradient raised {type(error).__name__}: {error}"
                self.report.failures.append(Failure("the gradient", cause))
                return False
            written = problem.written()
            if written:
                self.report.failures.append(Failure(written, "the gradient function writes to its input"))
                return False
        for i, (name, value) in enumerate(zip(problem.names, problem.values)):
            gradients = [row[i] for row in found]
            fault = next(filter(None, (malformed(name, g, value) for g in gradients if g is not None)), None)
            if fault:
                self.report.failures.append(fault)
            analytic = [np.zeros(value.shape) if g is None or fault else np.asarray(g, float) for g in gradients]
            part = Comparison(name, value, np.array(analytic), self.rows)
            part.missing = all(g is None for g in gradients)
            part.complex = problem.complex[i]
            self.parts.append(part)
            self.report.comparisons.append(part)
            if not np.isfinite(part.analytic).all():
                part.wrong = ~np.isfinite(part.analytic)
                self.report.failures.append(
                    Failure(
                        name,
                        f"the gradient is {part.analytic[part.wrong][0]} in {int(part.wrong.any(axis=0).sum())} "
                        f"of {value.size} entries",
                        "a singular point (sqrt or log of 0, 0/0)? tg.detect_anomaly() names the operation",
                    )
                )
        return not self.report.failures

    def arriving(self, weights: np.ndarray) -> list[np.ndarray]:
        """Return the weights of all outputs in one row as an array for each output."""
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])[:-1]
        return [part.reshape(shape) for part, shape in zip(np.split(weights, ends), self.shapes)]

    def compare_signs(self) -> None:
        """Compare the gradients for incoming gradients of the other sign, and of both, with those found right.

        A gradient is linear in what arrives, so they are sums and differences of those: nothing is differentiated
        numerically, and it does not matter that sums of outputs with kinks must have positive weights. What rounding
        does to such sums is seen in one with positive weights.
        """
        opposite, mixed = np.zeros(len(self.rows)), np.zeros(len(self.rows))
        opposite[-1] = -1.0
        single = [k for k, row in enumerate(self.rows) if not row.startswith("weighted")]
        if single:
            mixed[single] = self.rng.choice([-1.0, 1.0], len(single)) * self.rng.uniform(0.5, 1.5, len(single))
        else:
            mixed[:] = 1.0, -np.median(self.weights[0] / self.weights[1])
        rounding = [np.abs(found - expected).max(initial=0) for _, found, expected in self.combined(np.abs(mixed))]
        for combination, what in ((opposite, "negative"), (mixed, "positive and negative")):
            size = np.abs(combination)
            for i, (part, found, expected) in enumerate(self.combined(combination)):
                allowed = self.rtol * np.tensordot(size, np.abs(part.analytic), 1) + (self.atol or 0) + 16 * rounding[i]
                allowed = allowed + ROUNDING * self.precision * (size @ self.size()) / self.scales[i]
                wrong = np.argwhere(~(np.abs(found - expected) <= allowed))
                if len(wrong):
                    at = tuple(wrong[0].tolist())
                    cause = (
                        f"right for positive incoming gradients, but wrong for {what} ones: {found[at]:.6g} at index "
                        f"{at}, where it should be {expected[at]:.6g}"
                    )
                    hint = "a gradient is linear in the incoming gradient g: no np.maximum(g, 0), np.abs(g) or g > 0"
                    self.report.failures.append(Failure(part.name, cause, hint))
            if self.report.failures:
                return

    def combined(self, combination: np.ndarray) -> list[tuple[Comparison, np.ndarray, np.ndarray]]:
        """Return, for each input, the gradient for a combination of the rows and the combination of their gradients."""
        found = self.problem.gradient(self.problem.values, self.arriving(combination @ self.weights))
        return [
            (
                part,
                np.zeros(part.value.shape) if g is None else np.asarray(g, float),
                np.tensordot(combination, part.analytic, 1),
            )
            for part, g in zip(self.parts, found)
        ]

    # ------------------------------------------------------------------ the function along lines

    def line(self, directions: Directions, start: list[np.ndarray] | None = None) -> Callable[[complex], np.ndarray]:
        """Return the outputs as a function of t at x + t * direction; NaN where the function is not defined."""
        at = self.problem.values if start is None else start

        def outputs(t: complex) -> np.ndarray:
            moved = list(at)
            for i, direction in directions.items():
                moved[i] = at[i] + t * direction
            try:
                found = self.problem.evaluate(moved)
            except (ValueError, ArithmeticError, AssertionError, np.linalg.LinAlgError):
                return np.full(self.base.shape, np.nan)  # the step left the domain
            flat = np.concatenate([np.ravel(y) for y in found]) if found else np.zeros(0)
            return flat if flat.shape == self.base.shape else np.full(self.base.shape, np.nan)

        return outputs

    def entry(self, i: int, j: int) -> Directions:
        """Return the direction of one entry."""
        unit = np.zeros(self.problem.values[i].shape)
        unit.flat[j] = 1
        return {i: unit}

    def slopes(self, directions: Directions, scale: float, start: Any = None) -> Slopes:
        """Examine the derivative along a line with steps of all sizes, from 1/4 of the largest scale to a tiny one."""
        line = self.line(directions, start)
        sizes = [np.abs(self.problem.values[i])[d != 0].max(initial=1.0) for i, d in directions.items()]
        norm = max(np.sqrt(np.mean(np.square(d[d != 0]))) for d in directions.values())
        unit = 0.25 / np.sqrt(sum(np.count_nonzero(d) for d in directions.values()))
        largest, smallest = unit * max(max(sizes) / norm, scale), unit * scale * self.precision**0.5
        base = self.base if start is None else line(0)
        return Slopes(line, base, self.weights, largest, smallest, self.precision, self.magnitude)

    def quick_slopes(self, direction: Directions) -> Slopes:
        """Examine the derivative along a random direction with fewer steps."""
        largest = 0.25 / np.sqrt(sum(d.size for d in direction.values()))
        line = self.line(direction)
        return Slopes(line, self.base, self.weights, largest, largest * 2.0**-12, self.precision, self.magnitude)

    def size(self, moved: Any = True) -> np.ndarray:
        """Return the size of what is added up in each row, of the outputs that moved (or of all, if none did)."""
        return np.abs(self.weights) @ np.where(moved if np.any(moved) else True, self.magnitude, 0)

    def usual_size(self) -> np.ndarray:
        """Return the size of the outputs; where they are 0 up to rounding (a singular determinant), that elsewhere."""
        directions = {i: scale * self.rng.uniform(-1, 1, scale.shape) for i, scale in enumerate(self.scales)}
        line = self.line(directions)
        here, elsewhere = np.abs(self.base), np.nan_to_num(np.maximum(np.abs(line(1.0)), np.abs(line(-1.0))))
        return np.where(here < 1e-10 * elsewhere, elsewhere, here)

    # ------------------------------------------------------------------ entry by entry

    def sample(self, n: int) -> np.ndarray:
        """Return the entries to compare: all, or as many as were asked for."""
        if self.samples is None or self.samples >= n:
            return np.arange(n)
        return np.sort(self.rng.choice(n, self.samples, replace=False))

    def compare(self, i: int, entries: Iterable[int]) -> np.ndarray:
        """Compare entries of input i quickly, examine those that disagree, and return which are at a special point."""
        part, scales = self.parts[i], self.scales[i].ravel()
        k = len(self.rows)
        analytic, numeric = part.analytic.reshape(k, -1), part.numeric.reshape(k, -1)
        wrong = part.wrong.reshape(k, -1)
        entries = np.asarray(entries, int)
        allowed = np.zeros((k, len(entries)))
        noise = np.zeros((k, len(entries)))
        cost = {"central": 2, "ridders": 14, "complex": 1}[self.method]
        hint = ' (mode="random" or samples=100 is quicker)'
        for at, j in enumerate(steps(entries.tolist(), cost * self.seconds, part.name, hint)):
            numeric[:, j], noise[:, at], allowed[:, at] = self.quick(i, j, float(scales[j]))
        a, n = analytic[:, entries], numeric[:, entries]
        largest = np.where(np.isfinite(n), np.abs(n), 0).max(axis=1, initial=0)
        top = self.rtol * np.maximum(largest, np.abs(analytic).max(axis=1, initial=0))[:, None]
        allowed += np.minimum(noise, top) if self.atol is None else self.atol
        excess = np.abs(a - n) - allowed - self.rtol * np.maximum(np.abs(a), np.abs(n))
        excess[~np.isfinite(excess)] = np.inf
        suspects = np.flatnonzero((excess > 0).any(axis=0))
        special = []
        confirmed = 0
        worst_first = suspects[np.argsort(-(excess / (np.abs(a) + 1e-300))[:, suspects].max(axis=0))]
        for done, at in enumerate(steps(worst_first.tolist(), 30 * self.seconds, f"{part.name}, a closer look")):
            j = int(entries[at])
            if confirmed >= ENOUGH:
                rest = worst_first[done:]
                wrong[:, entries[rest]] = excess[:, rest] > 0
                break
            status, numeric[:, j], wrong[:, j] = self.examine(i, j, analytic[:, j])
            confirmed += status == WRONG
            if status in NOTES:
                special.append(j)
        if self.method == "complex" and len(suspects) > confirmed:
            self.report.notes.append(
                f"{part.name}: the complex step does not suit this function (abs, max, comparisons?); "
                f"{len(suspects) - confirmed} entries were checked by Ridders' extrapolation"
            )
        return np.array(special, int)

    def quick(self, i: int, j: int, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the derivative for one entry by the chosen method, its noise, and the rounding of the gradient."""
        line = self.line(self.entry(i, j))
        if self.method == "complex":
            try:
                change = complex_step(line, power_of_two(scale * 2.0**-64))
            except Exception:  # the function does not take complex numbers: Ridders' method will do
                change = np.full(self.base.shape, np.nan)
            allowed = ROUNDING * self.precision * self.size(change != 0) / scale
            return self.weights @ change, allowed, allowed
        if self.method == "ridders":
            start = 0.25 * scale if self.step is None else self.step
            s = Slopes(line, self.base, self.weights, start, start * 2.0**-12, self.precision, self.magnitude)
            return s.value, 4 * s.error, ROUNDING * self.precision * self.size() / scale
        step = power_of_two(scale * self.precision ** (1 / 3)) if self.step is None else self.step
        change = central(line, step)
        size = self.precision * self.size(change != 0)
        return self.weights @ change, 8 * size / step, ROUNDING * size / scale

    def examine(self, i: int, j: int, a: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
        """Return the verdict on one entry, its careful derivative, and which rows are wrong."""
        value, scale = self.problem.values[i], float(self.scales[i].flat[j])
        smaller = min(scale, abs(float(value.flat[j])) or scale)
        direction = self.entry(i, j)
        s = self.slopes(direction, smaller)
        allowed = ROUNDING * self.precision * self.size() / scale
        status = self.judge(a, s, allowed, direction, scale, self.rtol)
        worst = int(status.max())
        if worst in NOTES:
            index = tuple(int(n) for n in np.unravel_index(j, value.shape))
            row = int(status.argmax())
            text = f" (index {index}: {s.left[row]:.4g} and {s.right[row]:.4g}, the gradient is {a[row]:.4g})"
            self.special.setdefault((i, worst), {})[j] = text if worst == KINK else f" (index {index})"
        side = np.where(np.isfinite(s.right_error), s.right, s.left)
        return worst, np.where(np.isfinite(s.value), s.value, side), status == WRONG

    def judge(
        self, a: np.ndarray, s: Slopes, allowed: np.ndarray, directions: Directions, scale: float, rtol: float
    ) -> np.ndarray:
        """Return the verdict for each row; sums of outputs with kinks are looked at output by output if need be."""
        status, kink, slack = verdict(a, s, rtol, allowed + (self.atol or 0))
        if kink.any() and (status == WRONG).any():
            low, high = self.kinks(directions, scale)
            status[(status == WRONG) & (a >= low - slack) & (a <= high + slack)] = KINK
        return status

    def kinks(self, directions: Directions, scale: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums of the smaller and of the larger one-sided slopes of all outputs, for each row."""
        line, step = self.line(directions), power_of_two(scale) / 256
        moved = np.flatnonzero((line(step) != self.base) | (line(-step) != self.base))[:512]
        identity = np.eye(len(moved))
        s = Slopes(lambda t: line(t)[moved], self.base[moved], identity, step, step * 2.0**-16, self.precision)
        weights = self.weights[:, moved]
        return weights @ np.minimum(s.left, s.right), weights @ np.maximum(s.left, s.right)


def _scales(value: np.ndarray) -> np.ndarray:
    """Return the scale of each entry, a power of two: its size, or that of its neighbours where it is almost 0."""
    size = np.abs(value)
    typical = float(np.median(size[size > 0])) if (size > 0).any() else 1.0
    return 2.0 ** np.floor(np.log2(np.where(size >= 1e-3 * typical, size, typical) + (size == 0) * 1e-300))
