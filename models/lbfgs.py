"""L-BFGS: a quasi-Newton method, on all the data at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import optim
from tinygrad_ml.modes import warn

from .checking import loaded_class
from .stochastic import Weights, normalized_weights, penalised, total


def lbfgs(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights) -> None:
    """Fit until no entry of the gradient of the mean loss + l2/2 · Σw² is larger than `tol`."""
    l1, l2 = model.penalty_weights(total(X, weight))
    if l1:
        raise ValueError(
            f"{type(model).__name__}(solver='lbfgs', penalty={model.penalty!r}): lbfgs needs a smooth penalty; choose "
            "the solver 'newton' or 'sgd' for exact zeros"
        )
    weights, weight = penalised(model), normalized_weights(weight)
    x = tg.tensor(X)
    optimizer = optim.LBFGS(
        model.parameters(),
        max_iter=model.max_iter,
        max_eval=10 * model.max_iter,
        tolerance_grad=model.tol,
        tolerance_change=np.finfo(X.dtype).eps,
        history_size=10,
        line_search_fn="strong_wolfe",
    )
    losses: dict[int, float] = {}

    def closure() -> float:
        optimizer.zero_grad()
        loss = model.criterion(model(x), target, weight)
        loss.backward()
        value = loss.item()
        for w in weights:  # the penalty by hand: a third of the time on small data
            value += l2 / 2 * float(np.vdot(w._data, w._data))
            gradient = w.grad._data
            gradient += l2 * w._data
        losses[optimizer.memory["n_iter"]] = value
        return value

    optimizer.step(closure)
    finish(model, "L-BFGS", list(losses.values()), max(abs(p.grad._data).max() for p in model.parameters()))


def finish(model: Any, solver: str, losses: list[float], residual: float) -> None:
    """Record the objective after every iteration, and warn if the optimum was not reached."""
    model.history_.extend(loss=losses)
    model.n_iter_ = max(1, len(losses) - 1)
    if not math.isfinite(residual):
        raise np.linalg.LinAlgError("the gradient is not finite")
    if len(losses) > model.max_iter and residual > model.tol:
        warn(
            f"{type(model).__name__} has not converged in max_iter={model.max_iter} iterations of {solver}: the "
            f"largest entry of the gradient is {residual:.2g}, and tol is {model.tol:g}. Scale the features, or raise "
            "max_iter",
            loaded_class("sklearn.exceptions", "ConvergenceWarning", UserWarning),
        )
