"""Candidate sampling: gradient steps of a softmax over very many classes that look at a few of them.

A step looks at the classes of its samples and at some that are drawn, so what it costs does not depend on how many
classes there are: `tinygrad_ml.nn.SampledSoftmaxLoss`, in a model that is fitted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor, nn
from tinygrad_ml.nn import functional as F
from tinygrad_ml.validation import is_sparse

from .base import weighted_mean
from .design import spread, standardised
from .linear import set_coefficients
from .optimizers import choice_of, step_hyperparameters
from .stochastic import fit_stochastic, partial_fit_stochastic
from .weights import Weights, normalized_weights, total


class Candidates(nn.Module):
    """The layer of a softmax regression as its gradient steps see it; in evaluation mode with all classes.

    Parameters
    ----------
    layer : nn.Linear
    counts : (classes,)
        How often each class occurs; classes are drawn by the power 0.75 of it.
    num_sampled : int
    ridge : (features,)
        The strength of the penalty on the weights of each feature: Σ ridge/2 · w². It is estimated, too: from the
        classes drawn, each counted as often as one over the number of times that it is drawn on average.
    spread : (mean, scale), each (features,), optional
        What sparse batches are standardised by; as many weights as a dense batch has elements are looked up anyway.
    """

    kind = "classifier"

    def __init__(self, layer: nn.Linear, counts: np.ndarray, num_sampled: int, ridge: np.ndarray, spread: Any = None):
        self.linear, self.ridge, self.spread = layer, ridge, spread
        self.sampler, self.drawn = nn.UnigramSampler(counts), np.zeros(0, np.intp)
        self.num_classes, self.log_probability = len(counts), self.sampler.log_probability
        self.loss = nn.SampledSoftmaxLoss(self, num_sampled, sparse=True, reduction="none")

    def sample(self, shape: Any) -> np.ndarray:
        """Return classes as the sampler draws them, and keep them for the penalty."""
        self.drawn = self.sampler.sample(shape)
        return self.drawn

    def forward(self, x: Tensor) -> Any:
        if self.spread is None:
            # a tuple, since the features are no output that `fit` should judge
            return (x,) if self.training else self.linear(x)
        mean, scale = self.spread
        if self.training:
            return (tg.tensor(((x._data.toarray() - mean) / scale).astype(x.dtype)),)
        plain = self.linear.weight / scale.astype(x.dtype)
        output = x @ plain.T - plain @ mean.astype(x.dtype)
        return output if self.linear.bias is None else output + self.linear.bias

    def criterion(self, output: Any, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the estimate of the mean loss and the penalty, or after `eval()` the loss of all classes."""
        if self.training:
            (x,), layer = output, self.linear
            losses = self.loss(x, target, layer.weight, layer.bias)
        else:
            losses = F.cross_entropy(output, target, reduction="none")
        mean = losses.mean() if sample_weight is None else weighted_mean(losses, sample_weight)
        if not self.training or not self.ridge.any():
            return mean
        rows = tg.embedding(self.drawn, layer.weight, sparse=True)
        times = len(self.drawn) * np.exp(self.log_probability(self.drawn))
        return mean + (rows * rows * (self.ridge / (2 * times[:, None])).astype(rows.dtype)).sum()


def solve_sampled(model: Any, X: Any, target: np.ndarray, weight: Weights, passes: int | None) -> None:
    """Fit a softmax regression by steps on candidates, or make a number of passes over the data."""
    solver = model.resolve_solver(passes)
    if model.optimizer is not None:
        solver = choice_of(model).solver
    layer, asked = model.linear_, model.asked
    counts = np.bincount(target, weight, layer.out_features)
    if not passes:
        model._class_counts = np.ones(layer.out_features)  # so that every class may be drawn
    model._class_counts = vars(model).get("_class_counts", 1.0) + counts
    n_counted = total(X, weight) + (vars(model).get("_total_weight", 0.0) if passes else 0.0)
    ridge = np.full(X.shape[1], model.penalty_weights(n_counted)[1])
    if passes or model.learning_rate is not None or asked.steps is not None or step_hyperparameters(model):
        module = Candidates(layer, model._class_counts, model.sampled, ridge)
        if passes:
            partial_fit_stochastic(model, X, target, weight, solver, passes, module)
        else:
            fit_stochastic(model, X, target, weight, solver, module)
        return
    mean, deviation = spread(X, normalized_weights(weight), layer.bias is not None)
    constant, scale = deviation == 0, np.where(deviation > 0, deviation, 1)
    sparse = is_sparse(X)
    if asked.validation is not None and not sparse:
        judged, *rest = asked.validation
        model.asked = asked._replace(validation=(standardised(judged, mean, scale, constant, False, X.dtype), *rest))
    module = Candidates(layer, model._class_counts, model.sampled, ridge / scale**2, (mean, scale) if sparse else None)
    rescale(layer, mean, scale, inverse=False)
    inputs: Any = standardised(X, mean, scale, constant, sparse, X.dtype)  # a sparse one with the column of the bias
    try:
        fit_stochastic(model, X if sparse else inputs, target, weight, solver, module, inputs)
    finally:
        rescale(layer, mean, scale, inverse=True)


def rescale(layer: nn.Linear, mean: np.ndarray, scale: np.ndarray, inverse: bool) -> None:
    """Give a layer the coefficients of standardised features in place of those of plain ones, or the other way."""
    weight = layer.weight.numpy().astype(np.float64)
    plain = weight / scale if inverse else weight
    bias = None
    if layer.bias is not None:
        shift = plain @ mean
        bias = layer.bias.numpy() + (-shift if inverse else shift)
    set_coefficients(layer, plain if inverse else weight * scale, bias)
