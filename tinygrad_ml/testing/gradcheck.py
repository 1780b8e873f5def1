"""Gradient checking: whether a derivative is right, and if not, which entry is wrong and why."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ..foreign_names import takes_foreign_names
from .checker import Checker
from .foreign import adapted_if_foreign
from .problem import Problem, SecondOrder, TensorProblem, make_problem
from .report import Failure, GradientCheckError, Report

METHODS = {"central": "central differences", "ridders": "Ridders' extrapolation", "complex": "complex step"}
MODES = ("full", "random")
ROW_LIMIT = 32  # outputs that are each checked on their own; more are checked as sums
JACOBIAN_LIMIT = 4_000_000  # numbers


@takes_foreign_names(
    too_many="a gradient by hand stands in a pair with its function, several inputs in a tuple: "
    "gradcheck((f, gradient), (x, y))"
)
def gradcheck(
    fn: Any,
    inputs: Any = (),
    *,
    order: int = 1,
    method: str = "central",
    mode: str = "full",
    eps: float | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    params: Any = None,
    samples: int | None = None,
    seed: int = 0,
) -> Report:
    """Check a gradient against numerical derivatives, and say which entry is wrong and why.

    Parameters
    ----------
    fn : callable, Module, or pair of callables
        A function of Tensors; a Module (all its parameters are checked too, by name); or a pair `(f, df)` of
        functions of NumPy arrays: `df(*inputs)` returns the gradient of a scalar `f`; for an `f` that
        returns an array (and if it has one argument more than `f`) `df(g, *inputs)` returns the gradient of
        `sum(g * f(*inputs))`. With several inputs `df` returns a tuple. Modules of PyTorch, and functions whose inputs
        are tensors of PyTorch or arrays of JAX, are checked with the derivatives of these libraries (`from_torch` and
        `from_jax` say so where the inputs do not).
    inputs : array_like or tuple
        One input, or a tuple of them. Floating inputs are checked (if some Tensors require a gradient, only
        those), in float64; everything else is a constant. Of a pair of plain functions integers are checked too, as
        float64, if `df` returns a gradient for them. Of complex inputs and outputs both parts are
        checked: the gradient is dL/d(real part) + i dL/d(imaginary part), as in PyTorch.
    order : 1 or 2
        With 2 the gradient of the gradient is checked too.
    method : "central", "ridders" or "complex"
        Central differences (2 evaluations an entry, 7 to 10 digits), Ridders' extrapolation (14, 10 to 12 digits),
        or the complex step (1, all digits, for functions that compute with complex numbers). Entries that disagree
        are always examined with Ridders' method before they are called wrong.
    mode : "full" or "random"
        Compare every entry, or slopes along random directions and then the entries that disagree most.
    eps : float, optional
        The step; by default chosen for each entry from its size and the precision.
    rtol, atol : float, optional
        The tolerances; by default rtol is 1e-6 (1e-8 Ridders, 1e-9 complex step; 1e-3 for a function that
        computes in float32), and atol is what rounding leaves.
    params : optional
        For a Module the names of the parameters to check ("layers.0.*" is allowed); for a function the Tensors
        that it uses besides its inputs, as a dict, a list or a Module.
    samples : int, optional
        Compare only this number of random entries of every input and parameter.
    seed : int
        Seeds the random weights, directions and samples.

    Returns
    -------
    Report, which is truthy, has both gradients, and prints what was checked

    Raises
    ------
    GradientCheckError
        If the gradient is wrong, with the worst entries and, if it can be told, the cause.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((3, 2))
    >>> print(tg.testing.gradcheck(tg.tanh, x))
    gradcheck: the gradient of tanh is right: 6 entries of x agree (central differences, full)
    """
    __tracebackhide__ = True  # pytest shows the line that called
    if method not in METHODS or mode not in MODES or order not in (1, 2):
        raise ValueError(
            f"gradcheck: method is one of {', '.join(METHODS)}, mode one of {', '.join(MODES)}, order 1 or 2; "
            f"got {method!r}, {mode!r}, {order!r}"
        )
    if samples is not None and samples < 1:
        raise ValueError(
            f"gradcheck: samples={samples} would compare nothing; give at least 1, or None for all entries"
        )
    if not callable(fn) and not isinstance(fn, (tuple, list)):
        swapped = callable(inputs[0] if isinstance(inputs, tuple) and inputs else inputs)
        hint = "these two are swapped" if swapped else "give the function itself, not its result"
        raise TypeError(f"gradcheck(function, inputs): the first argument is a {type(fn).__name__}; {hint}")
    fn, inputs = adapted_if_foreign(fn, inputs)
    with make_problem(fn, inputs, params) as problem, np.errstate(all="ignore"):
        report = Report(problem.title, METHODS[method], mode)
        options = {"method": method, "mode": mode, "eps": eps, "rtol": rtol, "atol": atol, "samples": samples}
        _check(problem, report, seed, options)
        if order == 2 and report and report.comparisons:
            if not isinstance(problem, TensorProblem):
                raise ValueError("gradcheck: order=2 needs a function of Tensors, not a pair of plain functions")
            rng = np.random.default_rng([seed, 2])
            weights = [rng.uniform(0.5, 1.5, np.shape(y)) for y in problem.evaluate(problem.values)]
            second = Report(f"the gradient of {report.title}", report.method, mode)
            try:
                twice = SecondOrder(problem, weights)
                depends = bool(twice.evaluate(twice.values))
            except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
                cause = f"computing a gradient that can be differentiated raised {type(error).__name__}: {error}"
                hint = "then the rules get Tensors: use functions that work on both, such as np.exp, and no np.asarray"
                second.failures.append(Failure("the gradient", cause, hint))
            else:
                if depends:  # the gradient of a constant has none
                    _check(twice, second, seed, options)
            for part in second.comparisons + second.failures:
                part.name = f"second order, {part.name}"
            report.comparisons += second.comparisons
            report.failures += second.failures
            report.notes += [f"second order: {note}" for note in second.notes]
    if not report:
        raise GradientCheckError(report)
    return report


def _check(problem: Problem, report: Report, seed: int, options: dict) -> None:
    """Check one function and its gradient, and write into the report."""
    report.notes += problem.notes
    outputs = problem.evaluate(problem.values)
    changed = problem.written()
    start = time.perf_counter()
    again = problem.evaluate(problem.values)
    seconds = time.perf_counter() - start
    failure = _fault(problem, outputs, again, changed)
    if failure:
        report.failures.append(failure)
        return
    base = _flat(outputs)
    linear = not problem.scalar(outputs)  # whether the gradient takes an incoming gradient
    weights, rows = _weights(outputs, sum(v.size for v in problem.values), np.random.default_rng(seed))
    if not linear:
        weights, rows = weights[:1], rows[:1]
    problem.precision = max(problem.precision, *(float(np.finfo(y.dtype).eps) for y in outputs))
    if problem.precision > 1e-10:
        report.notes.append("the function computes in float32, so only 3 digits could be checked: use float64")
    checker = Checker(problem, report, base, weights, rows, seconds, problem.precision, seed, **options)
    checker.run()
    if linear and base.size and report:
        checker.compare_signs()


def _fault(problem: Problem, outputs: list, again: list, changed: str | None) -> Failure | None:
    """Return what makes a check impossible."""
    if changed:
        return Failure(
            changed, "the function writes to its input", "compute a new array: x = x + 1 instead of x += 1, x[...] ="
        )
    for k, (y, z) in enumerate(zip(outputs, again)):
        name = "the output" if len(outputs) == 1 else f"output {k}"
        if y.shape != z.shape or not np.allclose(y, z, rtol=1e-9, atol=0, equal_nan=True):
            return Failure(
                name,
                "the function is not deterministic: two calls with the same inputs gave different outputs",
                "dropout or other random numbers: call eval() on the module, or seed it inside the function "
                "(tg.manual_seed(0))",
            )
        if not np.isfinite(y).all():
            at = tuple(int(i) for i in np.argwhere(~np.isfinite(y))[0])
            return Failure(
                name,
                f"the function gives {y[at]} at index {at}",
                "check at a point inside the domain; tg.detect_anomaly() names the operation",
            )
    if not problem.values or not outputs:
        what = "input" if not problem.values else "output"
        return Failure(
            f"the {what}",
            f"nothing to check: there is no floating {what}",
            "integers and bools are constants (indices, conditions): give numbers to differentiate as floats",
        )
    return None


def _weights(outputs: list, inputs: int, rng: np.random.Generator) -> tuple[np.ndarray, list[str]]:
    """Return the weights (rows, outputs) with which the outputs are added up, and the names of the rows.

    Few outputs are checked one by one, and once as a sum with random weights: a rule that is wrong for a
    gradient other than 1 shows there only. Many outputs are checked as two sums with random weights, in which
    a wrong entry does not cancel (with probability 1). The weights are positive, so that a sum of functions that are
    all bent upwards at a kink is bent upwards too; and a large output does not drown a small one.
    """
    sizes = [np.abs(y) + 1e-3 * np.sqrt(np.mean(np.square(y))) if y.size else y for y in outputs]
    scale = _flat([np.where(size > 0, size, 1) for size in sizes])
    sums = rng.uniform(0.5, 1.5, (2, scale.size)) / scale
    m = scale.size
    if m <= ROW_LIMIT and (m + 1) * inputs <= JACOBIAN_LIMIT:
        names = []
        for k, y in enumerate(outputs):
            prefix = f"{k}: " if len(outputs) > 1 else ""
            names += [prefix + str(index).replace(",)", ")") for index in np.ndindex(y.shape)]
        return np.concatenate([np.eye(m), sums[:1]]), [*names, "weighted sum"]
    return sums, ["weighted sum", "weighted sum 2"]


def _flat(arrays: list) -> np.ndarray:
    return np.concatenate([np.ravel(a) for a in arrays]).astype(np.float64) if arrays else np.zeros(0)
