"""LayerProblem: what a model of one linear layer minimises, whatever its `forward` and its `criterion` do with it."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.validation import is_sparse

from .checking import check_mean_loss
from .convergence import hessian
from .linear import is_plain_layer, looks_at_weights, redefined
from .problem import TINY, LinearProblem
from .weights import Weights, normalized_weights

STEP = 1e-5  # of the differences of gradients that tell the second derivatives


class LayerProblem(LinearProblem):
    """A `LinearProblem` whose loss is that of the whole model, computed through its `forward`.

    Attributes
    ----------
    is_plain : bool
        Whether the loss follows from the outputs of the layer: `forward` returns the very output, what the layer gets
        does not depend on weights or on chance, and the criterion does not look at the weights. That outputs are equal
        would say nothing: where all weights are zero so are 2·z and sinh(z), and a limit is not felt at first.
    """

    def __init__(self, model: Any, layer: Any, X: np.ndarray, target: np.ndarray, weight: Weights):
        self.features, self.given, self.normalized = tg.tensor(X), target, normalized_weights(weight)
        is_ours = not redefined(model) and not model.has_own_criterion and not hasattr(model, "inputs")
        self.is_known = is_ours and vars(model).get("linear_") is layer  # so that there is nothing to find out
        self.is_plain, inputs = (True, X) if self.is_known else self._look(model, layer)
        super().__init__(_View(model, layer, inputs), X, target, weight, exact=True)
        given = self.theta()
        flat = np.zeros_like(given)  # outputs of the mean of y, which without a link is near the optimum
        starts = [given, flat]
        if self.shift.any():
            zero = flat.copy()
            zero[:, -1] = -self.shift / self.spread
            starts.append(zero)
        with np.errstate(all="ignore"):
            values = [float(self.values(theta) @ self.unit) for theta in starts]
            best = int(np.argmin(np.where(np.isfinite(values), values, np.inf)))
            self.start = starts[best]
            curvature = self._curvature()
        self.curvature = 1.0 if curvature else None
        self.unit = np.array([curvature or abs(values[best]) or 1.0])
        self.ridge /= self.unit
        self.lasso /= self.unit

    def _look(self, model: Any, layer: nn.Linear) -> tuple[bool, Any]:
        """Return `is_plain` as it is for the weights of now, and what the layer gets, or zeros if that is no table."""
        passes: list[Any] = []
        hook = layer.register_forward_hook(lambda module, given, output: passes.append((given[0], output)))
        try:
            with tg.enable_grad(), np.errstate(all="ignore"):
                outputs = [model(self.features), model(self.features)]
        finally:
            hook.remove()
        shape = len(self.features), layer.in_features
        if len(passes) != 2 or not isinstance(passes[0][0], tg.Tensor) or passes[0][0].shape != shape:
            return False, np.zeros(shape)
        inputs, again = (given._data for given, _ in passes)
        is_same = inputs is again or (not is_sparse(inputs) and np.array_equal(inputs, again, equal_nan=True))
        by_outputs = all(result is output for result, (_, output) in zip(outputs, passes))
        is_plain = is_same and by_outputs and is_plain_layer(layer) and not passes[0][0].requires_grad
        given = (self.given,) if self.normalized is None else (self.given, self.normalized)
        return is_plain and not looks_at_weights(model, outputs[0].numpy(), *given), inputs

    def is_still_plain(self, theta: np.ndarray) -> bool:
        """Whether the loss follows from the outputs here, too: a branch may look at values."""
        if self.is_known:
            return True
        self.apply(theta)
        return self._look(self.model.model, self.model.linear_)[0]

    def _standardise_target(self, target: np.ndarray, n_outputs: int) -> None:
        """Leave the target to the criterion; outputs are counted in its spread where they are in its units."""
        self.shift, self.spread, self.unit = np.zeros(n_outputs), np.ones(n_outputs), np.ones(1)
        self.curvature = None
        self.target = target
        if self.model.kind == "regressor" and self.model.link == "identity":
            deviation = target.std(axis=0)
            self.spread = np.where(deviation > 0, deviation, 1)
            self.shift = target.mean(axis=0) * self.has_bias
        closed = getattr(self.model.model.criterion, "has_closed_forms", False)
        if closed == "poisson" and self.is_plain and not self.model.has_own_criterion:
            self.loss, self.at_best = closed, target * np.log(np.maximum(target, TINY)) - target

    def values(self, theta: np.ndarray) -> np.ndarray:
        with tg.no_grad():
            if self.loss != "general":
                return super().values(theta)
            if self.is_plain:
                return np.array([self.tensor_loss(tg.tensor(self.outputs(theta))).item()])
            self.apply(theta)
            return self._loss(self.model.model(self.features)).numpy().reshape(1) / self.unit

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


class _View:
    """A model as `LinearProblem` takes it: its layer is `linear_`, whatever it is called, and its inputs are known."""

    def __init__(self, model: Any, layer: nn.Linear, inputs: Any):
        self.model, self.linear_, self.of_layer = model, layer, inputs

    def inputs(self, X: np.ndarray) -> np.ndarray:
        return self.of_layer

    def criterion(self, *given: Any) -> tg.Tensor:
        return check_mean_loss(self.model, self.model.criterion(*given))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)
