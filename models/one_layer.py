"""The optimum of any regressor whose weights are those of one linear layer, whatever its loss and its link.

The gradient of the loss comes from autodiff, through `forward` and `criterion` as the model defines them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.terminal import DeferredInterrupt

from .checking import check_mean_loss
from .convergence import DIRECT, WIDE, Finish, hessian
from .lbfgs import descend
from .newton import iterate
from .problem import TINY, LinearProblem
from .stochastic import fit_stochastic
from .weights import Weights, normalized_weights

EXACT = 1e-9  # the gradient that a fit ends with, for standardised features and a curvature of about 1
CLOSE = 1e-7  # the gradient that rounding may leave of features that are nearly collinear
STEP = 1e-5  # of the differences of gradients that tell the second derivatives
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


class LayerProblem(LinearProblem):
    """A `LinearProblem` whose loss is that of the whole model, computed through its `forward`.

    Attributes
    ----------
    is_plain : bool
        Whether the loss follows from the outputs of the layer: `forward` returns the very output, and the criterion
        does not look at the weights. That the outputs are equal says nothing: where all weights are zero so are 2·z
        and sinh(z), and a limit is not felt at first.
    """

    def __init__(self, model: Any, layer: nn.Linear, X: np.ndarray, target: np.ndarray, weight: Weights):
        self.features, self.normalized = tg.tensor(X), normalized_weights(weight)
        outputs: list[Any] = []
        hook = layer.register_forward_hook(lambda module, given, output: outputs.append(output))
        try:
            with tg.no_grad():
                result = model(self.features)
        finally:
            hook.remove()
        self.is_plain = len(outputs) == 1 and result is outputs[0]
        super().__init__(_View(model, layer), X, target, weight, exact=True)
        if self.is_plain:
            loss = self._loss(tg.tensor(result.numpy(), requires_grad=True))
            slopes = tg.autograd.grad(loss, list(layer.parameters()), allow_unused=True) if loss.requires_grad else ()
            self.is_plain = all(slope is None for slope in slopes)
        given = self.theta()
        flat = np.zeros_like(given)  # outputs of the mean of y, which without a link is near the optimum
        starts = [given, flat]
        if self.shift.any():
            zero = flat.copy()
            zero[:, -1] = -self.shift / self.spread
            starts.append(zero)
        with np.errstate(all="ignore"):
            values = [self.value(theta) for theta in starts]
            best = int(np.argmin(np.where(np.isfinite(values), values, np.inf)))
            self.start = starts[best]
            curvature = self._curvature()
        self.curvature = 1.0 if curvature else None
        self.unit = np.array([curvature or abs(values[best]) or 1.0])
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
        closed = getattr(self.model.model.criterion, "has_closed_forms", False)
        if closed == "poisson" and self.is_plain:
            self.loss, self.at_best = closed, target * np.log(np.maximum(target, TINY)) - target

    def value(self, theta: np.ndarray) -> float:
        """Return the mean loss, as the model counts it."""
        with tg.no_grad():
            if self.loss != "general":
                return float(self.values_and_slope(self.outputs(theta))[0] @ self.unit)
            if self.is_plain:
                return float(self.tensor_loss(tg.tensor(self.outputs(theta))).item() * self.unit[0])
            self.apply(theta)
            return float(self._loss(self.model.model(self.features)).item())

    def _loss(self, output: tg.Tensor) -> tg.Tensor:
        given = () if self.normalized is None else (self.normalized,)
        return self.model.criterion(output, self.given, *given)

    def values_and_gradient(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.is_plain:
            return super().values_and_gradient(theta)
        self.apply(theta)
        parameters: Any = [p for p in (self.model.linear_.weight, self.model.linear_.bias) if p is not None]
        loss = self._loss(self.model.model(self.features))
        of_weight, *of_bias = tg.autograd.grad(loss, parameters)
        gradient = of_weight.numpy()
        if of_bias:
            slope = of_bias[0].numpy()[:, None]
            gradient = np.concatenate([(gradient - slope * self.mean) / self.scale, slope], axis=1)
        else:
            gradient = gradient / self.scale
        gradient = gradient * (self.spread[:, None] / self.unit)
        return loss.numpy() / self.unit, gradient + self.ridge * theta

    def values_and_slope(self, z: np.ndarray, rows: Any = None) -> tuple[np.ndarray, np.ndarray]:
        values, slope = super().values_and_slope(z, rows)
        return (values, slope) if self.loss == "general" else (values / self.unit, slope / self.unit)

    def curvatures(self, z: np.ndarray, slope: np.ndarray | None = None) -> np.ndarray:
        """Return the derivatives of the slope, where not known from differences: a loss need not have second ones."""
        if self.loss != "general":
            return super().curvatures(z, slope) / self.unit
        slope = self.values_and_slope(z)[1] if slope is None else slope
        curvature = np.empty((*z.shape, z.shape[1]))
        for k in range(z.shape[1]):
            moved = z.copy()
            moved[:, k] += STEP
            curvature[:, :, k] = (self.values_and_slope(moved)[1] - slope) / STEP
        return (curvature + curvature.mT) / 2

    def has_curvatures(self, theta: np.ndarray) -> bool:
        """Whether the loss of a sample depends on its own outputs alone, so that `curvatures` are all there is."""
        if not self.is_plain or self.loss != "general":
            return self.is_plain
        z = self.outputs(theta)
        slope = self.values_and_slope(z)[1]
        direction = np.cos(np.arange(z.size)).reshape(z.shape)
        change = (self.values_and_slope(z + STEP * direction)[1] - slope) / STEP
        expected = np.einsum("ijk,ik->ij", self.curvatures(z, slope), direction)
        return bool(abs(expected - change).max() <= 1e-2 * abs(change).max())

    def _curvature(self) -> float | None:
        """Return about the second derivative of the loss along the outputs at the start; None if it is not positive."""
        if self.is_plain:
            curvature = float(self.curvatures(self.outputs(self.start)).sum()) / len(self.start)
        else:
            step = np.zeros_like(self.start)
            step[:, -1] = STEP
            change = self.values_and_gradient(self.start + step)[1] - self.values_and_gradient(self.start)[1]
            curvature = float((change * step).sum() / (step * step).sum()) / len(step)
        return curvature if np.isfinite(curvature) and curvature > 0 else None

    def second_derivatives(self, theta: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Return about the second derivatives, from differences of gradients: a square matrix for all coefficients."""
        if self.has_curvatures(theta):
            return hessian(self.design, self.curvatures(self.outputs(theta)), self.ridge)
        rows = []
        for i in range(theta.size):
            moved = theta.copy()
            moved.flat[i] += STEP
            rows.append((self.values_and_gradient(moved)[1] - gradient).ravel() / STEP)
        H = np.array(rows)
        return (H + H.T) / 2


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
        return check_mean_loss(self.model, self.model.criterion(*given))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


def fit_layer(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights, solver: str = "newton") -> None:
    """Fit the only layer of a model until the gradient of its mean loss and penalties is zero, but for rounding.

    By Newton's method if the loss follows from the outputs of the layer, sample by sample. If it does not, or has no
    such point, and nobody chose the solver, by L-BFGS, and by gradient steps on batches if that does not lead there.
    """
    layer = only_layer(model)
    if layer is None:
        raise ValueError(
            f"{type(model).__name__}: the solver {solver!r} is for models whose weights are those of one nn.Linear; "
            "choose 'adam' or 'sgd'"
        )
    if model.penalty_weights(1.0)[0]:
        raise ValueError(
            f"{type(model).__name__}(solver={solver!r}, penalty={model.penalty!r}): {NAMES[solver]} needs a smooth "
            "penalty; choose the solver 'adam' or 'sgd'"
        )
    dtype, before = X.dtype, model.state_dict()
    model.to(np.float64)
    problem = LayerProblem(model, layer, X.astype(np.float64), target.astype(np.float64), weight)
    finish = Finish(model, problem, NAMES[solver], "iterations")
    has_choice, theta = model.solver == "auto", problem.start

    def note(values: np.ndarray, penalties: np.ndarray, theta: np.ndarray) -> None:
        finish.note(values + penalties, theta)

    def is_over() -> bool:
        return finish.n_iter >= model.max_iter or interrupt.count > 0

    with DeferredInterrupt() as interrupt:
        if solver == "newton" and (theta.size <= WIDE or not has_choice):
            if problem.has_curvatures(theta):
                with suppress(*[np.linalg.LinAlgError] * has_choice):
                    theta = iterate(problem, finish, theta, problem.tolerance(EXACT), is_over)
            elif not has_choice:
                raise ValueError(
                    f"{type(model).__name__}(solver='newton'): its loss does not follow from the outputs of its "
                    "nn.Linear, sample by sample; choose 'lbfgs'"
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
        is_stuck = not finish.converged and not is_over()
    if is_stuck and has_choice:  # as at the corner of a loss that is not smooth
        model.to(dtype).load_state_dict(before)
        fit_stochastic(model, X, target, weight, "adam")
        return
    finish.report(theta, bool(interrupt.count))
    model.to(dtype)
