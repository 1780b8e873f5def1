"""The optimum of any model whose weights are those of one linear layer, whatever its loss, its link and its `forward`.

The gradient of the loss comes from autodiff, through `forward` and `criterion` as the model defines them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from tinygrad_ml import nn
from tinygrad_ml.terminal import DeferredInterrupt

from .convergence import DIRECT, WIDE, Finish
from .descent import Descent
from .layer_problem import LayerProblem
from .lbfgs import descend
from .newton import iterate
from .stochastic import STOCHASTIC, fit_stochastic
from .weights import Weights

EXACT = 1e-9  # the gradient that a fit ends with, for standardised features and a curvature of about 1
CLOSE = 1e-7  # the gradient that rounding may leave of features that are nearly collinear
NAMES = {"newton": "Newton's method", "lbfgs": "L-BFGS"}
POLISH = 10  # the most steps of Newton's method in the end


def only_layer(model: nn.Module) -> nn.Linear | None:
    """Return the linear layer that all weights of a model belong to, or None if there are others, or chance.

    Examples
    --------
    >>> from tinygrad_ml import nn
    >>> from tinygrad_ml.models.one_layer import only_layer
    >>> only_layer(nn.Sequential(nn.Linear(3, 1), nn.Softplus()))
    Linear(3, 1)
    >>> only_layer(nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1)))
    """
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if len(layers) != 1 or len(list(model.parameters())) != len(list(layers[0].parameters())):
        return None
    by_chance = any(isinstance(module, nn.Dropout) for module in model.modules())
    return None if by_chance or not all(p.requires_grad for p in layers[0].parameters()) else layers[0]


def layer_for(model: Any, solver: str) -> nn.Linear:
    """Return the only layer of a model, which a solver is for, or raise ValueError."""
    layer = only_layer(model)
    if layer is None:
        raise ValueError(
            f"{type(model).__name__}: the solver {solver!r} is for models whose weights are those of one nn.Linear; "
            "choose 'adam' or 'sgd'"
        )
    return layer


def polished(problem: LayerProblem, theta: np.ndarray) -> np.ndarray:
    """Return the optimum near coefficients where rounding hides that the loss still decreases: the gradient shows it.

    Newton's method, with the same second derivatives in every step.
    """
    gradient = problem.values_and_gradient(theta)[1]
    inverse = np.linalg.pinv(problem.second_derivatives(theta, gradient), rcond=problem.resolution, hermitian=True)
    for _ in range(POLISH):
        new = theta - (inverse @ gradient.ravel()).reshape(theta.shape)
        slope = problem.values_and_gradient(new)[1]
        if not abs(slope).max() < 0.5 * abs(gradient).max():
            break
        theta, gradient = new, slope
    return theta


def fit_layer(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights, solver: str = "newton") -> None:
    """Fit the only layer of a model until the gradient of its mean loss and penalties is zero, but for rounding.

    By Newton's method if the loss follows from the outputs of the layer, sample by sample. If it does not, or has no
    such point, and nobody chose the solver, by L-BFGS, and by gradient steps on batches if that does not lead there.
    """
    layer = layer_for(model, solver)
    if model.penalty_weights(1.0)[0]:
        raise ValueError(
            f"{type(model).__name__}(solver={solver!r}, penalty={model.penalty!r}): {NAMES[solver]} needs a smooth "
            "penalty; choose the solver 'adam' or 'sgd'"
        )
    dtype, before = X.dtype, model.state_dict()
    model.to(np.float64)
    exact = target.astype(np.float64) if model.kind == "regressor" else target
    problem = LayerProblem(model, layer, X.astype(np.float64), exact, weight)
    with DeferredInterrupt() as interrupt:
        finish, theta = minimise(model, problem, solver, interrupt)
        if problem.is_plain and not interrupt.count and not problem.is_still_plain(theta):
            problem.is_plain = False
            finish, theta = minimise(model, problem, solver, interrupt)
        is_over = finish.n_iter >= model.max_iter or interrupt.count
    if model.solver == "auto" and not finish.converged and not is_over:  # as at the corner of a loss that is not smooth
        model.to(dtype).load_state_dict(before)
        fit_stochastic(model, X, target, weight, "adam")
        return
    finish.report(theta, bool(interrupt.count))
    model.to(dtype)


def minimise(model: Any, problem: LayerProblem, solver: str, interrupt: DeferredInterrupt) -> tuple[Finish, np.ndarray]:
    """Return how the solver, or what stands in for it where nobody chose one, ended, and the coefficients."""
    finish = Finish(model, problem, NAMES[solver], "iterations")
    has_choice, theta = model.solver == "auto", problem.start

    def note(values: np.ndarray, penalties: np.ndarray, theta: np.ndarray) -> None:
        finish.note(values + penalties, theta)

    def is_over() -> bool:
        return finish.n_iter >= model.max_iter or interrupt.count > 0

    if solver == "newton" and (theta.size <= WIDE or not has_choice):
        if problem.has_curvatures(theta):
            with suppress(*[np.linalg.LinAlgError] * has_choice):
                theta = iterate(problem, finish, theta, problem.tolerance(EXACT), is_over)
        elif not has_choice:
            advice = "choose 'lbfgs'" if "lbfgs" in model.solvers else "leave solver at 'auto'"
            raise ValueError(
                f"{type(model).__name__}(solver='newton'): its loss does not follow from the outputs of its "
                f"nn.Linear, sample by sample; {advice}"
            )
    if not finish.converged and not is_over() and (has_choice or solver == "lbfgs"):
        finish.solver = NAMES["lbfgs"]
        theta, finish.converged = descend(problem, theta, problem.tolerance(EXACT), note, is_over)
        if theta.size <= DIRECT and not is_over():
            with np.errstate(all="ignore"):
                theta = polished(problem, theta)
            values, gradient = problem.values_and_gradient(theta)
            finish.compare(values + problem.penalties(theta), theta)
            finish.converged = problem.residual(gradient, theta) <= CLOSE
    return finish, theta


def fit_proximal(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights) -> None:
    """Fit the only layer of a model with L1, by proximal gradient steps on all the data, which find the exact zeros."""
    dtype, layer = X.dtype, layer_for(model, "proximal")
    model.to(np.float64)
    exact = target.astype(np.float64) if model.kind == "regressor" else target
    problem = LayerProblem(model, layer, X.astype(np.float64), exact, weight)
    problem.is_plain = False
    with DeferredInterrupt() as interrupt:
        Descent(model, problem, "the proximal gradient method", None, interrupt).run()
    model.to(dtype)


# what goes by `forward` and `criterion` as they are
GENERAL: dict[str, Callable] = {
    "newton": fit_layer,
    "lbfgs": partial(fit_layer, solver="lbfgs"),
    "proximal": fit_proximal,
    **STOCHASTIC,
}


def choose_solver(model: Any, passes: int | None = None) -> str:
    """Return which of these suits a model whose solver is "auto"."""
    has_batches = model.batch_size != model._defaults().get("batch_size", model.batch_size)
    takes_steps = model.learning_rate is not None or model.momentum or has_batches
    is_smooth = model._loss("") != "mae" and model.ends_at_optimum
    if takes_steps or model.needs_steps(passes) or not is_smooth or only_layer(model) is None:
        return "adam"
    return "proximal" if model.penalty in ("l1", "elasticnet") else "newton"
