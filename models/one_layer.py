"""The optimum of any regressor whose weights are those of one linear layer, whatever its loss and its link: by L-BFGS.

The gradient of the loss comes from autodiff, through `forward` and `criterion` as the model defines them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.terminal import DeferredInterrupt

from .convergence import DIRECT, Finish, hessian
from .lbfgs import descend
from .problem import LinearProblem
from .stochastic import fit_stochastic
from .weights import Weights, normalized_weights

EXACT = 1e-9  # the gradient that a fit ends with, for standardised features and a curvature of about 1
CLOSE = 1e-7  # the gradient that rounding may leave of features that are nearly collinear
STEP = 1e-5  # of the differences of gradients that tell the second derivatives
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


class LayerProblem(LinearProblem):
    """A `LinearProblem` whose loss is that of the whole model, computed through its `forward`."""

    def __init__(self, model: Any, layer: nn.Linear, X: np.ndarray, target: np.ndarray, weight: Weights):
        self.features, self.normalized = tg.tensor(X), normalized_weights(weight)
        super().__init__(_View(model, layer), X, target, weight, exact=True)
        given = self.theta()
        flat = np.zeros_like(given)  # outputs of the mean of y, which without a link is near the optimum
        zero = flat.copy()
        if self.has_bias:
            zero[:, -1] = -self.shift / self.spread
        with np.errstate(all="ignore"):
            values = [self.value(theta) for theta in (given, flat, zero)]
            self.start = (given, flat, zero)[int(np.argmin(np.where(np.isfinite(values), values, np.inf)))]
            curvature = self._curvature()
        self.curvature = 1.0 if curvature else None
        self.unit = np.array([curvature or abs(self.value(self.start)) or 1.0])
        self.ridge /= self.unit

    def _standardise_target(self, target: np.ndarray, n_outputs: int) -> None:
        """Leave the target to the criterion; outputs are counted in its spread where they are in its units."""
        self.shift, self.spread, self.unit = np.zeros(n_outputs), np.ones(n_outputs), np.ones(1)
        self.curvature = None
        self.target = target
        if self.model.link == "identity":
            deviation = target.std(axis=0)
            self.spread = np.where(deviation > 0, deviation, 1)
            self.shift = target.mean(axis=0) * self.has_bias

    def value(self, theta: np.ndarray) -> float:
        """Return the mean loss, as the model counts it."""
        self.apply(theta)
        with tg.no_grad():
            return float(self._loss().item())

    def _loss(self) -> tg.Tensor:
        output = self.model.model(self.features)
        given = () if self.normalized is None else (self.normalized,)
        return self.model.model.criterion(output, self.given, *given)

    def values_and_gradient(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.apply(theta)
        parameters: Any = [p for p in (self.model.linear_.weight, self.model.linear_.bias) if p is not None]
        loss = self._loss()
        of_weight, *of_bias = tg.autograd.grad(loss, parameters)
        gradient = of_weight.numpy()
        if of_bias:
            slope = of_bias[0].numpy()[:, None]
            gradient = np.concatenate([(gradient - slope * self.mean) / self.scale, slope], axis=1)
        else:
            gradient = gradient / self.scale
        gradient = gradient * (self.spread[:, None] / self.unit)
        return loss.numpy() / self.unit, gradient + self.ridge * theta

    def _curvature(self) -> float | None:
        """Return about the second derivative of the loss along the outputs at the start; None if it is not positive."""
        step = np.zeros_like(self.start)
        step[:, -1] = STEP
        change = self.values_and_gradient(self.start + step)[1] - self.values_and_gradient(self.start)[1]
        curvature = float((change * step).sum() / (step * step).sum()) / len(step)
        return curvature if np.isfinite(curvature) and curvature > 0 else None

    def second_derivatives(self, theta: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return about the second derivatives, from differences of gradients: a square matrix for all coefficients."""
        H = self._by_outputs(theta)
        if H is not None:  # if the loss of a sample depends on its own output alone
            direction = np.cos(np.arange(theta.size)).reshape(theta.shape)
            change = (self.values_and_gradient(theta + STEP * direction)[1] - gradient) / STEP
            if abs(H @ direction.ravel() - change.ravel()).max() <= 1e-2 * abs(change).max():
                return H
        rows = []
        for i in range(theta.size):
            moved = theta.copy()
            moved.flat[i] += STEP
            rows.append((self.values_and_gradient(moved)[1] - gradient).ravel() / STEP)
        H = np.array(rows)
        return (H + H.T) / 2

    def _by_outputs(self, theta: np.ndarray) -> np.ndarray | None:
        """Return them from those of the loss of each sample with respect to its outputs, if the layer gives these."""
        self.apply(theta)
        with tg.no_grad():
            z = self.model.linear_(self.features).numpy()
            if not np.array_equal(self.model.model(self.features).numpy(), z):
                return None
        step = STEP * self.spread
        curvature = (self._slope(z + step) - self._slope(z - step)) / (2 * step) * self.spread**2 / self.unit
        return hessian(self.design, curvature[:, :, None] * np.eye(len(theta)), self.ridge)

    def _slope(self, z: np.ndarray) -> np.ndarray:
        output = tg.tensor(z, requires_grad=True)
        given = () if self.normalized is None else (self.normalized,)
        slope: Any
        (slope,) = tg.autograd.grad(self.model.criterion(output, self.given, *given), output)
        return slope.numpy()


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


class _View:
    """A model as `LinearProblem` takes it: its layer is `linear_`, whatever it is called."""

    def __init__(self, model: Any, layer: nn.Linear):
        self.model, self.linear_ = model, layer

    def inputs(self, X: np.ndarray) -> np.ndarray:
        return X

    def criterion(self, *given: Any) -> tg.Tensor:
        return self.model.criterion(*given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


def fit_layer(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights) -> None:
    """Fit the only layer of a model until the gradient of its mean loss and penalties is zero, but for rounding.

    If there is no such point, and nobody chose the solver, gradient steps on batches take its place.
    """
    layer = only_layer(model)
    if layer is None:
        raise ValueError(
            f"{type(model).__name__}: the solver 'lbfgs' is for models whose weights are those of one nn.Linear; "
            "choose 'adam' or 'sgd'"
        )
    if model.penalty_weights(1.0)[0]:
        raise ValueError(
            f"{type(model).__name__}(solver='lbfgs', penalty={model.penalty!r}): L-BFGS needs a smooth penalty; choose "
            "the solver 'adam' or 'sgd'"
        )
    dtype, before = X.dtype, model.state_dict()
    model.to(np.float64)
    problem = LayerProblem(model, layer, X.astype(np.float64), target.astype(np.float64), weight)
    finish = Finish(model, problem, "L-BFGS", "iterations")

    def note(values: np.ndarray, theta: np.ndarray) -> None:
        finish.note(values + problem.penalties(theta), theta)

    def is_over() -> bool:
        return finish.n_iter >= model.max_iter or interrupt.count > 0

    with DeferredInterrupt() as interrupt:
        theta, finish.converged = descend(problem, problem.start, problem.tolerance(EXACT), note, is_over)
        if theta.size <= DIRECT and not is_over():
            with np.errstate(all="ignore"):
                theta = polished(problem, theta)
            values, gradient = problem.values_and_gradient(theta)
            finish.compare(values + problem.penalties(theta), theta)
            finish.converged = problem.residual(gradient, theta) <= CLOSE
        is_stuck = not finish.converged and not is_over()
    if is_stuck and model.solver == "auto":  # as at the corner of a loss that is not smooth
        model.to(dtype).load_state_dict(before)
        fit_stochastic(model, X, target, weight, "adam")
        return
    finish.report(theta, bool(interrupt.count))
    model.to(dtype)
