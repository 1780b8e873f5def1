"""Full-batch fits of a module by SciPy's solvers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import transforms
from ..modes import no_grad, warn
from ..tensor import Tensor, from_owned

__all__ = ["minimize"]

WITHOUT_GRADIENT = {"nelder-mead", "powell", "cobyla", "cobyqa"}
WITH_HESSIAN = {"dogleg", "trust-exact"}
WITH_HESSIAN_PRODUCT = {"newton-cg", "trust-ncg", "trust-krylov", "trust-constr"}


def minimize(
    module: Any, loss: Callable[..., Any], method: Any = "L-BFGS-B", *, bounds: Any = None, **options: Any
) -> Any:
    """Fit the parameters of a module to all data at once, by any solver of `scipy.optimize.minimize`.

    The solver sees all parameters that require a gradient as one vector of float64, and gets the derivatives that it
    uses: the gradient, and for the methods of Newton's kind the Hessian, or its products with vectors.

    Parameters
    ----------
    module : Module
        Its parameters are the starting point, and afterwards the best point that was found; also after an exception.
    loss : callable
        `loss(module)` or `loss()`, a single number as a Tensor. It must be the same number each time, so no dropout
        (`module.eval()`) and no random batches.
    method : str or callable
        A method of SciPy's, in its spelling: "L-BFGS-B", "BFGS", "CG", "Newton-CG", "trust-exact", "SLSQP",
        "Nelder-Mead" ...
    bounds : pair, or dict from names of parameters to pairs, or what SciPy takes, optional
        The lowest and the highest value of each element, None for no limit; in a dict a limit may also be an array of
        the shape of its parameter. Parameters that a dict does not name have none.
    options : passed on to `scipy.optimize.minimize`: tol, options, callback, constraints

    Returns
    -------
    scipy.optimize.OptimizeResult
        `x` is the vector of all parameters, in the order of `module.named_parameters()`, `fun` the loss there; `nit`,
        `nfev`, `message` and the rest are the solver's.

    Warns
    -----
    UserWarning
        If the solver says that it did not converge, or if the loss is not the same number each time.

    Raises
    ------
    ImportError
        Without SciPy.
    FloatingPointError
        If the loss is not finite at the starting point.

    Examples
    --------
    >>> line = tg.nn.Linear(1, 1, dtype=np.float64)
    >>> x = tg.tensor([[0.0], [1.0], [2.0]], dtype=np.float64)
    >>> result = tg.optim.minimize(line, lambda line: ((line(x) - (3 * x + 1)) ** 2).mean(), method="BFGS")
    >>> result.success, round(line.weight.item(), 4), round(line.bias.item(), 4)
    (True, 3.0, 1.0)
    """
    try:
        from scipy.optimize import minimize as solve
    except ImportError:
        raise ImportError("tg.optim.minimize hands the work to SciPy: pip install scipy") from None
    for name in ("fun", "x0", "jac", "hess", "hessp"):
        if name in options:
            raise TypeError(f"minimize: {name} comes from the module and its loss, and cannot be given")
    for name in options.keys() - {"tol", "options", "callback", "constraints"}:
        raise TypeError(
            f"minimize: {name!r} is no argument of scipy.optimize.minimize; those of a method stand in options: "
            'options={"maxiter": 100}'
        )
    problem = _Problem(module, loss)
    name = method.lower() if isinstance(method, str) else ""
    derivatives: dict[str, Any] = {}
    if name not in WITHOUT_GRADIENT:
        derivatives["jac"] = True
    if name in WITH_HESSIAN:
        derivatives["hess"] = problem.hessian
    if name in WITH_HESSIAN_PRODUCT:
        derivatives["hessp"] = problem.hessian_product
    try:
        result = solve(
            problem.value_and_gradient if derivatives else problem.value,
            problem.start,
            method=method,
            bounds=problem.bounds(bounds),
            **derivatives,
            **options,
        )
        if np.isfinite(result.fun):
            problem.best, problem.lowest = np.asarray(result.x, np.float64), float(result.fun)
    finally:
        problem.place(problem.best)
    if problem.changed:
        warn(problem.changed)
    if not result.success:
        warn(f"minimize: {method} has not converged after {result.get('nit', '?')} iterations: {result.message}")
    return result


class _Problem:
    """A module and its loss as SciPy sees them: a function of one vector.

    start : the vector of all parameters at the start
    best, lowest : the point with the lowest loss so far, and that loss
    at_start : the loss at the start, until it has been computed there again
    changed : what to say if it was another one then
    """

    def __init__(self, module: Any, loss: Any):
        if not hasattr(module, "named_parameters"):
            raise TypeError(f"minimize: the first argument must be a Module, not {type(module).__name__}")
        if not callable(loss) or hasattr(loss, "named_parameters"):
            raise TypeError(
                f"minimize: loss must be a function of the module, not {type(loss).__name__}: write "
                "lambda module: F.mse_loss(module(x), y)"
            )
        self.module = module
        self.parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
        if not self.parameters:
            raise ValueError("minimize: no parameter of the module requires a gradient")
        for name, p in self.parameters.items():
            if p.dtype.kind == "c":
                raise TypeError(f"minimize: SciPy's solvers are for real parameters, and {name!r} is {p.dtype}")
        self.function = loss if _takes_module(loss) else lambda module: loss()
        self.start = self.best = self.joined(self.parameters)
        self.lowest = np.inf
        with no_grad():
            at_start = self.function(module)
        if not isinstance(at_start, Tensor) or at_start.size != 1:
            what = f"shape {at_start.shape}" if isinstance(at_start, Tensor) else f"type {type(at_start).__name__}"
            raise TypeError(f"minimize: the loss must be a single number as a Tensor, not one of {what}")
        if not np.isfinite(at_start.item()):
            raise FloatingPointError(f"minimize: the loss is {at_start.item()} at the starting point")
        self.at_start: float | None = at_start.item()
        self.changed = ""

    def joined(self, parts: Mapping[str, Any]) -> np.ndarray:
        """Return what belongs to each parameter as one vector."""
        return np.concatenate([np.asarray(parts[name].detach(), np.float64).ravel() for name in self.parameters])

    def split(self, x: np.ndarray) -> dict[str, Any]:
        """Return the parts of a vector in the shape of each parameter."""
        parts, at = {}, 0
        for name, p in self.parameters.items():
            parts[name] = from_owned(np.array(x[at : at + p.size], p.dtype).reshape(p.shape))
            at += p.size
        return parts

    def place(self, x: np.ndarray) -> None:
        """Give the parameters the values of a vector."""
        for name, part in self.split(x).items():
            self.parameters[name].data = part

    def noted(self, x: np.ndarray, value: float) -> float:
        """Return a loss as solvers can use it, and remember where it was lowest."""
        if self.at_start is not None and (x == self.start).all():
            if not np.isclose(value, self.at_start, rtol=1e-4, atol=0):
                self.changed = (
                    f"minimize: at the same point the loss was {self.at_start:.6g} and then {value:.6g}, and a solver "
                    "needs it to be the same: no dropout (module.eval()), no random batches"
                )
            self.at_start = None
        if value < self.lowest:
            self.best, self.lowest = np.array(x, np.float64), value
        return value if not np.isnan(value) else np.inf

    def value(self, x: np.ndarray) -> float:
        self.place(x)
        with no_grad():
            return self.noted(x, float(self.function(self.module)))

    def value_and_gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        self.place(x)
        value, gradients = transforms.value_and_grad(self.function)(self.module)
        return self.noted(x, value.item()), self.joined(gradients)

    def hessian(self, x: np.ndarray) -> np.ndarray:
        self.place(x)
        blocks = transforms.hessian(self.function)(self.module)
        sizes = {name: p.size for name, p in self.parameters.items()}
        return np.block(
            [[np.asarray(blocks[a][b], np.float64).reshape(sizes[a], sizes[b]) for b in sizes] for a in sizes]
        )

    def hessian_product(self, x: np.ndarray, direction: np.ndarray) -> np.ndarray:
        self.place(x)
        return self.joined(transforms.hvp(self.function, self.module, self.split(direction)))

    def bounds(self, bounds: Any) -> Any:
        """Return bounds as SciPy takes them: a pair for each element."""
        if isinstance(bounds, Mapping):
            unknown = [name for name in bounds if name not in self.parameters]
            if unknown:
                raise ValueError(
                    f"minimize: bounds names {unknown[0]!r}; the parameters that require a gradient are "
                    f"{list(self.parameters)}"
                )
            limits = {name: bounds.get(name, (None, None)) for name in self.parameters}
            return [pair for name, p in self.parameters.items() for pair in zip(*_limits(name, limits[name], p.shape))]
        if isinstance(bounds, tuple) and len(bounds) == 2 and all(b is None or np.isscalar(b) for b in bounds):
            return [bounds] * len(self.start)
        return bounds


def _limits(name: str, pair: Any, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Return the lowest and the highest value of each element of a parameter."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(f"minimize: the bounds of {name!r} must be a pair (lowest, highest), not {pair!r}")
    limits = [none if limit is None else np.asarray(limit, np.float64) for limit, none in zip(pair, (-np.inf, np.inf))]
    try:
        return [np.broadcast_to(limit, shape).ravel() for limit in limits]
    except ValueError:
        shapes = [np.shape(limit) for limit in limits]
        raise ValueError(
            f"minimize: the bounds of {name!r} have the shapes {shapes}, and the parameter has {shape}"
        ) from None


def _takes_module(loss: Callable[..., Any]) -> bool:
    """Whether a loss is a function of the module, and not of nothing."""
    try:
        inspect.signature(loss).bind(None)
    except (TypeError, ValueError):
        return False
    return True
