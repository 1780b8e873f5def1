"""How models are fitted: by gradient steps on batches, by L-BFGS, or by Newton's method.

All minimise the mean loss + l1 · Σ|w| + l2/2 · Σw², where w are the weights without the biases.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.data import DataLoader, split
from tinygrad_ml.train import Checkpoint, Diverged, EarlyStopping, fit

from .estimator import loaded_class, warn

STOCHASTIC = ("sgd", "adam")

Weights = np.ndarray | None


def weight_of_mean_1(weight: Weights) -> Weights:
    """Return weights that make the mean of weighted losses their weighted mean."""
    return None if weight is None else weight / weight.mean()


def variance(target: np.ndarray, weight: Weights) -> float:
    """Return the mean squared distance of targets `(samples, outputs)` from their means."""
    return float(np.average((target - np.average(target, axis=0, weights=weight)) ** 2, axis=0, weights=weight).mean())


def penalised(model: Any) -> list[Any]:
    """Return the weights of the layers: penalties leave biases, scales and shifts alone."""
    return [p for p in model.parameters() if p.requires_grad and p.ndim > 1]


# ---------------------------------------------------------------------- gradient steps on batches


def in_batches(
    model: Any, solver: str, X: np.ndarray, target: np.ndarray, weight: Weights, passes: int | None = None
) -> None:
    """Fit by SGD or Adam on shuffled batches: `max_iter` epochs, or `passes` more with the optimizer as it stands."""
    if passes is None:
        optimizer = make_optimizer(model, solver, X, target, weight)
        weight = weight_of_mean_1(weight)
    else:
        optimizer = same_optimizer(model, solver, X, target, weight)
    rows = (X, target) if weight is None else (X, target, weight)
    callbacks = list(model.callbacks)
    if passes is not None and any(isinstance(callback, Checkpoint) and callback.resume for callback in callbacks):
        raise ValueError(
            f"{type(model).__name__}: partial_fit goes on from where the model stands, so it cannot take another "
            "training from a file: Checkpoint(resume=True) is for fit"
        )
    validation = None
    stopping = None
    if passes is not None:
        model.optimizer_ = optimizer
    elif model.early_stopping:
        stratify = target if model.kind == "classifier" else None
        try:
            rows, _, validation = split(*rows, test=model.validation_fraction, stratify=stratify)
        except ValueError as error:
            raise ValueError(
                f"{type(model).__name__}(early_stopping=True, validation_fraction={model.validation_fraction}): there "
                f"are too few samples to keep some of them apart (n_samples = {len(X)}): {error}"
            ) from None
        callbacks.append(EarlyStopping("validation_loss", patience=model.n_iter_no_change))
    elif model.tol:
        unit = variance(target, weight) if model.kind == "regressor" else 0.0
        slow_down = model.learning_rate is None and (model.batch_size or len(X)) < len(X)
        stopping = Converged(model, optimizer, model.tol * (unit or 1.0), slow_down)
        callbacks.append(stopping)
    data = DataLoader(rows, batch_size(model, len(rows[0])), shuffle=True)
    history = fit(
        model,
        model.loss,
        optimizer,
        data,
        validation=validation,
        epochs=passes or model.max_iter,
        callbacks=callbacks,
        progress=bool(model.verbose),
    )
    if passes is None:
        model.history_ = history
    elif history.epochs:  # none after Ctrl-C
        model.history_.append(loss=history["loss"][-1])
    model.n_iter_ = len(model.history_.epochs)
    if history.stopped.startswith("Interrupted"):
        warn(f"{type(model).__name__}: {history.stopped} The model has what it had learned until then.")
    elif model.convex and stopping is not None and stopping.waited < stopping.patience:
        warn(
            f"{type(model).__name__}: {solver} has not converged in max_iter={model.max_iter} passes over the data: "
            "the loss was still falling. Scale the features, or raise max_iter, learning_rate or tol",
            loaded_class("sklearn.exceptions", "ConvergenceWarning", UserWarning),
        )


class Converged(EarlyStopping):
    """Ends the training when what the steps minimise, the loss with the penalties, has stopped falling.

    The loss of an epoch is measured before its steps, so the penalties are too. With `slow_down` the learning rate
    falls to a fifth first, again and again, down to a thousandth: noisy steps of one length do not come to rest.
    """

    def __init__(self, model: Any, optimizer: optim.Optimizer, min_delta: float, slow_down: bool):
        super().__init__("loss", patience=model.n_iter_no_change, min_delta=min_delta, restore_best=False)
        self.groups = optimizer.param_groups
        self.least = self.groups[0]["lr"] / 1000 if slow_down else math.inf

    def penalty(self) -> float:
        """Return the penalties on the present weights."""
        total = 0.0
        for group in self.groups:
            if group["l1"] or group["weight_decay"]:
                for w in (p.numpy() for p in group["params"]):
                    total += group["l1"] * float(abs(w).sum()) + group["weight_decay"] / 2 * float(np.vdot(w, w))
        return total

    def on_start(self, run: Any) -> None:
        super().on_start(run)
        self.penalty_before = self.penalty()

    def _value(self, run: Any) -> float:
        value = super()._value(run) + self.penalty_before
        self.penalty_before = self.penalty()
        return value

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"penalty_before": self.penalty_before}

    def on_epoch_end(self, run: Any) -> None:
        super().on_epoch_end(run)
        losses = run.history["loss"]
        if run.stopped and losses[-1] > 1000 * max(losses[0], self.min_delta):
            raise Diverged(
                f"the loss rose from {losses[0]:.4g} to {losses[-1]:.4g} in {run.epoch} epochs at the learning rate "
                f"{self.groups[0]['lr']:.4g}: lower it, or scale the features"
            )
        if run.stopped and self.groups[0]["lr"] > self.least:
            for group in self.groups:
                group["lr"] /= 5
            self.waited, run.stopped = 0, None


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


def make_optimizer(model: Any, solver: str, X: np.ndarray, target: np.ndarray, weight: Weights) -> optim.Optimizer:
    """Return SGD or Adam, with the penalties of a model on its weights."""
    l1, l2 = model.penalty_weights(len(X) if weight is None else float(weight.sum()))
    weights = penalised(model)
    others = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": l2, "l1": l1}, {"params": others}]
    groups = [group for group in groups if group["params"]]
    rate = model.learning_rate or model.own_learning_rate(solver, X, target, weight)
    return optim.Adam(groups, lr=rate) if solver == "adam" else optim.SGD(groups, lr=rate, momentum=model.momentum)


def same_optimizer(model: Any, solver: str, X: np.ndarray, target: np.ndarray, weight: Weights) -> optim.Optimizer:
    """Return the optimizer of the last `partial_fit` with options for these samples, or the first one.

    Penalties count all samples that were ever seen. A learning rate that was left to the model is one that is safe for
    all of them: the smallest so far for SGD, the largest for Adam, whose steps are of the size of the target.
    """
    model._seen = vars(model).get("_seen", 0.0) + (len(X) if weight is None else float(weight.sum()))
    optimizer = vars(model).get("optimizer_")
    if optimizer is None:
        return make_optimizer(model, solver, X, target, weight)
    l1, l2 = model.penalty_weights(model._seen)
    rate = model.learning_rate
    if rate is None:
        rate = model.own_learning_rate(solver, X, target, weight)
        rate = (min if solver == "sgd" else max)(rate, optimizer.param_groups[0]["lr"])
    for group in optimizer.param_groups:
        group["lr"] = rate
        if any(p.ndim > 1 for p in group["params"]):
            group["l1"], group["weight_decay"] = l1, l2
    return optimizer


# ---------------------------------------------------------------------- all the data at once


def lbfgs(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights) -> None:
    """Fit by L-BFGS until no entry of the gradient is larger than `tol`."""
    l1, l2 = model.penalty_weights(len(X) if weight is None else float(weight.sum()))
    if l1:
        raise ValueError(
            f"{type(model).__name__}(solver='lbfgs', penalty={model.penalty!r}): lbfgs needs a smooth penalty; choose "
            "the solver 'newton' or 'sgd' for exact zeros"
        )
    weights, weight = penalised(model), weight_of_mean_1(weight)
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
        loss = model.loss(model(x), target, weight)
        loss.backward()
        value = loss.item()
        for w in weights:  # the penalty by hand: a third of the time on small data
            value += l2 / 2 * float(np.vdot(w._data, w._data))
            w.grad._data += l2 * w._data
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
