"""Gradient steps on batches, by SGD, Adagrad, Adam or any other optimizer.

Networks are trained so, and linear models on data of any size.

They minimise the mean loss + l1 · Σ|w| + l2/2 · Σw², where w are the weights without the biases.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from tinygrad_ml import nn, optim
from tinygrad_ml.data import split
from tinygrad_ml.modes import warn
from tinygrad_ml.sparse_matrix import SparseMatrix
from tinygrad_ml.train import (
    Checkpoint,
    ClipGradients,
    EarlyStopping,
    History,
    LearningRate,
    LearningRateFinder,
    fit,
)
from tinygrad_ml.validation import is_number

from . import optimizers
from .design import SparseDesign, largest_eigenvalue, row_squares
from .linear import OUTPUTS, redefined
from .warnings import stop_by_interrupt
from .weights import Weights, normalized_weights, total, variance


def fit_stochastic(
    model: Any,
    X: np.ndarray,
    target: np.ndarray,
    weight: Weights,
    solver: str,
    module: nn.Module | None = None,
    inputs: Any = None,
) -> None:
    """Fit by gradient steps until the loss has stopped decreasing, or for `max_iter` passes over the data.

    The steps are those of the model, or of another `module` with its layers and a `criterion`. `inputs` are what its
    layer multiplies with its weights, if that is not X.
    """
    optimizer = make_optimizer(model, solver, X if inputs is None else inputs, target, weight)
    rows = _rows(X, target, normalized_weights(weight))
    callbacks, validation = step_callbacks(model), model.asked.validation
    if model.early_stopping:
        if validation is None:
            rows, validation = hold_out(model, rows, stratified=module is None)
        callbacks.append(EarlyStopping("validation_loss", patience=model.n_iter_no_change))
    callbacks.append(model.watch(solver, optimizer, rows))
    model.history_ = _run(model, optimizer, rows, model.max_iter, callbacks, validation, module)
    model.n_iter_ = len(model.history_.epochs)
    if model.asked.steps is not None:
        size = batch_size(model, len(rows[0]))
        model.n_iter_ = math.ceil(len(model.history_.steps["loss"]) * size / len(rows[0]))


STOCHASTIC = {name: partial(fit_stochastic, solver=name) for name in optimizers.SOLVERS}


def step_callbacks(model: Any, done: int = 0) -> list[Any]:
    """Return the callbacks of a model, and those that its hyperparameters stand for, after a number of steps."""
    callbacks, rate = list(model.callbacks), model.learning_rate
    if callable(rate):
        callbacks.append(LearningRate(lambda t: rate(done + t), every="step"))
    elif rate == "find" and not done:
        callbacks.append(LearningRateFinder())
    if model.clip_norm is not None or model.clip_value is not None:
        callbacks.append(ClipGradients(model.clip_norm, model.clip_value))
    return callbacks


def partial_fit_stochastic(
    model: Any,
    X: np.ndarray,
    target: np.ndarray,
    weight: Weights,
    solver: str,
    passes: int,
    module: nn.Module | None = None,
) -> None:
    """Make a number of passes over the data with the optimizer of the calls before."""
    if any(isinstance(callback, Checkpoint) and callback.resume for callback in model.callbacks):
        raise ValueError(
            f"{type(model).__name__}: partial_fit starts from the current weights, so it cannot resume a training run "
            "from a file: Checkpoint(resume=True) is for fit"
        )
    model._total_weight = vars(model).get("_total_weight", 0.0) + total(X, weight)
    if "optimizer_" in vars(model):
        _update_optimizer(model, solver, X, target, weight)
    else:
        model.optimizer_ = make_optimizer(model, solver, X, target, weight)
    done = len(model.history_.steps.get("loss", ()))
    rows = _rows(X, target, weight)
    history = _run(model, model.optimizer_, rows, passes, step_callbacks(model, done), module=module)
    if history.epochs:  # none after Ctrl-C
        model.history_.append(loss=history["loss"][-1])
        model.history_.steps.setdefault("loss", []).extend(history.steps["loss"])
        model.history_.ends.append(len(model.history_.steps["loss"]))
    model.n_iter_ = len(model.history_.epochs)


def _run(
    model: Any,
    optimizer: Any,
    rows: tuple,
    epochs: int,
    callbacks: Sequence,
    validation: Any = None,
    module: Any = None,
) -> History:
    asked = model.asked
    history = fit(
        module or model,
        (module or model).criterion,
        optimizer,
        rows,
        validation=validation,
        metrics=asked.metrics if validation is not None else None,
        batch_size=batch_size(model, len(rows[0])),
        epochs=epochs if asked.steps is None else None,
        steps=asked.steps,
        periods=asked.periods,
        callbacks=callbacks,
        progress=bool(model.verbose),
        compile=False if module else "auto",  # a plan would draw the same candidates in every step
    )
    if history.stopped.startswith("Interrupted"):
        stop_by_interrupt(model, history.stopped)
    return history


def _rows(X: np.ndarray, target: np.ndarray, weight: Weights) -> tuple[np.ndarray, ...]:
    return (X, target) if weight is None else (X, target, weight)


def hold_out(model: Any, rows: tuple[np.ndarray, ...], stratified: bool = True) -> tuple[Any, Any]:
    """Return the samples for training, and those that `early_stopping` looks at."""
    try:
        stratify = rows[1] if stratified and model.kind == "classifier" and rows[1].ndim == 1 else None
        training, _, validation = split(*rows, test=model.validation_fraction, stratify=stratify)
    except ValueError as error:
        raise ValueError(
            f"{type(model).__name__}(early_stopping=True, validation_fraction={model.validation_fraction}): there are "
            f"too few samples to hold some of them out (n_samples = {len(rows[0])}): {error}"
        ) from None
    return training, validation


def batch_size(model: Any, n_samples: int) -> int:
    """Return the size of the batches; a batch norm must not be left with a last one of a single sample."""
    size = min(model.batch_size or n_samples, n_samples)
    if any(isinstance(module, nn.BatchNorm1d) for module in model.modules()):
        if size == 1:
            raise ValueError(
                f"{type(model).__name__}: batch normalisation needs at least 2 samples in a batch, not batch_size="
                f"{model.batch_size} of n_samples = {n_samples}"
            )
        while size < n_samples and n_samples % size == 1:
            size += 1
    return size


# ---------------------------------------------------------------------- the optimizer


def make_optimizer(model: Any, solver: str, X: np.ndarray, target: np.ndarray, weight: Weights) -> optim.Optimizer:
    """Return the optimizer of a model, with the penalties on its weights."""
    l1, l2 = _penalties(model, total(X, weight))
    others = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]

    def default_rate(solver: str) -> float:
        return model.default_learning_rate(solver, X, target, weight)

    if model.optimizer is not None or model.optimizer_options is not None:
        return optimizers.make_optimizer(model, solver, penalised(model), others, (l1, l2), default_rate)
    groups: list[Any] = [{"params": penalised(model), "weight_decay": l2, "l1": l1}, {"params": others}]
    groups = [group for group in groups if group["params"]]
    rate = model.learning_rate
    rate = rate(0) if callable(rate) else default_rate(solver) if rate in (None, "find") else rate
    if solver == "sgd":
        return optim.SGD(groups, lr=rate, momentum=model.momentum)
    kind: Any = optim.Adam if solver == "adam" else optim.Adagrad
    return kind(groups, **optimizers.in_size_of_gradients(kind, {"lr": rate}, model.loss_of_unit()))


def _penalties(model: Any, total_weight: float) -> tuple[float, float]:
    """Return (l1, l2) in the unit of the loss, so that they are as strong for large numbers as for small ones."""
    unit, (l1, l2) = model.loss_of_unit(), model.step_penalties(total_weight)
    return l1 * unit, l2 * unit


def _update_optimizer(model: Any, solver: str, X: np.ndarray, target: np.ndarray, weight: Weights) -> None:
    """Give the optimizer of the last `partial_fit` options for these samples.

    Penalties count all samples that there ever were. A learning rate that was left to the model is one that is safe for
    all of them: the smallest so far for SGD, the largest for Adam, whose steps are of the size of the target.
    """
    groups = model.optimizer_.param_groups
    rate, l1_and_l2 = model.learning_rate, _penalties(model, model._total_weight)
    is_own = model.optimizer is not None or model.optimizer_options is not None
    if optimizers.has_default_rate(model, solver) if is_own else rate is None:
        rate = model.default_learning_rate(solver, X, target, weight)
        rate = (min if solver == "sgd" else max)(rate, groups[0]["lr"])
    if is_number(rate):
        for group in groups:
            group["lr"] = rate
    if is_own:
        optimizers.penalise(model, model.optimizer_, l1_and_l2)
    elif any(p.ndim > 1 for p in groups[0]["params"]):
        groups[0]["l1"], groups[0]["weight_decay"] = l1_and_l2


def penalised(model: Any) -> list[Any]:
    """Return the weights of the layers: penalties leave biases, scales and shifts alone."""
    return [p for p in model.parameters() if p.requires_grad and p.ndim > 1]


# ---------------------------------------------------------------------- the learning rate of linear models


def safe_learning_rate(model: Any, solver: str, inputs: np.ndarray, target: np.ndarray, weight: Weights) -> float:
    """Return a learning rate for inputs `(samples, features)` of the layer: as large as the curvature lets it be."""
    if solver != "sgd":  # the steps of Adam are of this size, and so are the first ones of Adagrad
        size = 0.01 if solver == "adam" else 0.1
        return size * (variance(target, weight) ** 0.5 or 1.0) if model.kind == "regressor" else size
    if redefined(model, OUTPUTS):  # whose curvature is not known
        return 0.01
    warn_of_scales(model, inputs)
    l2 = model.penalty_weights(total(inputs, weight))[1]
    return 1 / smoothness(inputs, weight, model.batch_size or len(inputs), model.curvature, l2)


def warn_of_scales(model: Any, X: Any) -> None:
    """Warn if the features are of such different sizes that no learning rate suits all of them."""
    if isinstance(X, (SparseMatrix, SparseDesign)):  # rare words have no scale
        return
    sizes = X.std(axis=0)
    sizes = sizes[sizes > 0]
    if sizes.size and sizes.max() > 100 * sizes.min():
        warn(
            f"{type(model).__name__}(solver='sgd'): the features have standard deviations from {sizes.min():.3g} to "
            f"{sizes.max():.3g}, so gradient steps are slow; scale them first, for example with "
            "sklearn.preprocessing.StandardScaler",
        )


def smoothness(X: Any, weight: Weights, batch_size: int, curvature: float, l2: float = 0.0) -> float:
    """Return the largest curvature that a step of SGD on a linear model may meet; one over it is a safe learning rate.

    For batches without repetition, between that of all the data and that of the worst sample: Gower et al., "SGD:
    general analysis and improved rates" (2019), section 3. `curvature` is the largest second derivative of the loss
    with respect to the output.
    """
    n, d = X.shape
    b = min(batch_size, n)
    share = (n - b) / (b * (n - 1)) if n > 1 else 0.0  # 1 for single samples, 0 for all of them
    of_sample = weight
    if weight is not None:
        of_sample = (weight if weight.ndim == 1 else weight.max(axis=1)) / weight.mean()
    if isinstance(X, (SparseMatrix, SparseDesign)):
        design = X if isinstance(X, SparseDesign) else SparseDesign(X, np.zeros(d), np.ones(d), has_bias=True)
        squares = row_squares(design) * (1 if of_sample is None else of_sample)
        return float(curvature * (share * squares.max() + (1 - share) * largest_eigenvalue(design, of_sample)) + l2)
    rows = np.column_stack([X, np.ones(n, X.dtype)])
    if of_sample is not None:
        rows *= np.sqrt(of_sample)[:, None]
    squares = np.einsum("ij,ij->i", rows, rows)
    gram = rows.T @ rows if n >= rows.shape[1] else rows @ rows.T
    largest = np.linalg.eigvalsh(gram)[-1] / n
    return float(curvature * (share * squares.max() + (1 - share) * largest) + l2)
