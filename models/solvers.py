"""How models are fitted: by gradient steps on batches, by L-BFGS, or by Newton's method.

All minimise the mean loss + l1 · Σ|w| + l2/2 · Σw², where w are the weights without the biases.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import optim
from tinygrad_ml.data import DataLoader, split
from tinygrad_ml.train import Diverged, EarlyStopping, fit

from .estimator import loaded_class

STOCHASTIC = ("sgd", "adam")

Weights = np.ndarray | None


def solve(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights, passes: int | None = None) -> None:
    """Fit a built model with the solver that it names; fill its `history_` and `n_iter_`."""
    solver = vars(model).get("solver", "adam")
    if solver in STOCHASTIC:
        in_batches(model, X, target, weight, passes)
    elif vars(model).get("early_stopping"):
        raise ValueError(f"{type(model).__name__}: early_stopping needs the solver 'sgd' or 'adam', not {solver!r}")
    elif solver == "newton":
        newton(model, X, target, weight)
    else:
        lbfgs(model, X, target, weight)


def weight_of_mean_1(weight: Weights) -> Weights:
    """Return weights that make the mean of weighted losses their weighted mean."""
    return None if weight is None else weight / weight.mean()


def penalised(model: Any) -> list[Any]:
    """Return the weights of the layers: penalties leave biases, scales and shifts alone."""
    return [p for p in model.parameters() if p.ndim > 1]


# ---------------------------------------------------------------------- gradient steps on batches


def in_batches(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights, passes: int | None = None) -> None:
    """Fit by SGD or Adam on shuffled batches: `max_iter` epochs, or `passes` more with the optimizer as it stands."""
    optimizer = vars(model).get("optimizer_") if passes else None
    if optimizer is None:
        optimizer = make_optimizer(model, X, weight)
    rows = (X, target) if weight is None else (X, target, weight_of_mean_1(weight))
    callbacks = list(vars(model).get("callbacks", ()))
    validation = None
    if passes is not None:
        model.optimizer_ = optimizer
    elif vars(model).get("early_stopping"):
        stratify = target if model.kind == "classifier" else None
        rows, _, validation = split(*rows, test=model.validation_fraction, stratify=stratify)
        callbacks.append(EarlyStopping("validation_loss", patience=model.n_iter_no_change))
    elif model.tol:
        callbacks.append(
            EarlyStopping("loss", patience=model.n_iter_no_change, min_delta=model.tol, restore_best=False)
        )
    data = DataLoader(rows, batch_size(model, len(rows[0])), shuffle=True)
    try:
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
    except Diverged as error:
        model.history_ = error.history
        raise
    if passes is None:
        model.history_ = history
    else:
        model.history_.append(loss=history["loss"][-1])
    model.n_iter_ = len(model.history_["loss"])


def batch_size(model: Any, n_samples: int) -> int:
    """Return the size of the batches; a batch norm must not be left with a last one of a single sample."""
    size = min(model.batch_size or n_samples, n_samples)
    while 1 < size < n_samples and n_samples % size == 1 and vars(model).get("batch_norm"):
        size += 1
    return size


def make_optimizer(model: Any, X: np.ndarray, weight: Weights) -> optim.Optimizer:
    """Return the optimizer that a model names, with the penalties on its weights."""
    l1, l2 = model.penalty_weights(len(X) if weight is None else float(weight.sum()))
    weights = penalised(model)
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": l2, "l1": l1}, {"params": others}]
    groups = [group for group in groups if group["params"]]
    if vars(model).get("solver", "adam") == "adam":
        return optim.Adam(groups, lr=model.learning_rate or 0.01)
    rate = model.learning_rate or 1 / smoothness(model.inputs(X), model.batch_size or len(X), model.curvature, l2)
    return optim.SGD(groups, lr=rate, momentum=vars(model).get("momentum", 0.0))


def smoothness(X: np.ndarray, batch_size: int, curvature: float, l2: float = 0.0) -> float:
    """Return the largest curvature that a step of SGD on a linear model may meet; one over it is a safe learning rate.

    For batches without repetition, between that of all the data and that of the worst sample: Gower et al., "SGD:
    general analysis and improved rates" (2019), section 3. `curvature` is the largest second derivative of the loss
    with respect to the output.
    """
    n = len(X)
    b = min(batch_size, n)
    squares = np.einsum("ij,ij->i", X, X) + 1
    share = (n - b) / (b * (n - 1)) if n > 1 else 0.0  # 1 for single samples, 0 for all of them
    everything = np.column_stack([X, np.ones(n, X.dtype)]) / np.sqrt(n)
    largest = np.linalg.norm(everything, 2) ** 2
    return float(curvature * (share * squares.max() + (1 - share) * largest) + l2)


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
    finish(model, list(losses.values()), max(abs(p.grad._data).max() for p in model.parameters()))


def newton(model: Any, X: np.ndarray, target: np.ndarray, weight: Weights) -> None:
    """Fit the layer `linear_` by Newton's method until no entry of the gradient is larger than `tol`.

    The loss of each sample depends on its own logits z = w·x + b only. Autodiff gives its first and second derivatives
    with respect to them; as z is linear in the weights, the Hessian of the whole is the sum of x xᵀ ⊗ d²loss/dz².
    """
    layer, n = model.linear_, len(X)
    l1, l2 = model.penalty_weights(n if weight is None else float(weight.sum()))
    weight = weight_of_mean_1(weight)
    bias = layer.bias is not None
    design = np.column_stack([X, np.ones(n, X.dtype)]) if bias else X
    theta = np.column_stack([layer.weight.numpy(), layer.bias.numpy()]) if bias else layer.weight.numpy().copy()
    ridge, lasso = np.full(theta.shape, l2, X.dtype), np.full(theta.shape, l1, X.dtype)
    if bias:
        ridge[:, -1] = lasso[:, -1] = 0

    def objective(theta: np.ndarray, loss: float) -> float:
        return float(loss + (ridge * theta * theta).sum() / 2 + (lasso * abs(theta)).sum())

    z = design @ theta.T
    loss, slope, curvature = derivatives(model, z, target, weight)
    value, losses = objective(theta, loss), []
    while True:
        losses.append(value)
        gradient = slope.T @ design + ridge * theta
        # the smallest subgradient: zero at the optimum, also where l1 holds a weight at zero
        free = np.where(theta != 0, gradient + lasso * np.sign(theta), np.maximum(abs(gradient) - lasso, 0))
        residual = float(abs(free).max())
        if residual <= model.tol or len(losses) > model.max_iter:
            break
        step = newton_step(hessian(design, curvature, ridge), gradient, theta, lasso, l2)
        promised = float((gradient * step).sum() + (lasso * (abs(theta + step) - abs(theta))).sum())
        length, change = 1.0, design @ step.T
        while length > 1e-10:  # half the step until the objective falls (Armijo)
            loss, slope, curvature = derivatives(model, z + length * change, target, weight)
            new = objective(theta + length * step, loss)
            if new <= value + 1e-4 * length * promised:
                break
            length /= 2
        else:
            break  # rounding is all that is left
        theta, z, value = theta + length * step, z + length * change, new
    model.take(theta[:, : X.shape[1]], theta[:, -1])
    finish(model, losses, residual)


def derivatives(model: Any, z: np.ndarray, target: np.ndarray, weight: Weights) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the loss of logits `(samples, outputs)`, its gradient, and its Hessian `(samples, outputs, outputs)`."""
    logits = tg.tensor(z, requires_grad=True)
    loss = model.loss(logits, target, weight)
    slope: Any
    row: Any
    (slope,) = tg.autograd.grad(loss, logits, create_graph=True)
    rows = []
    for unit in np.eye(z.shape[1], dtype=z.dtype):
        (row,) = tg.autograd.grad(slope, logits, [np.broadcast_to(unit, z.shape)], retain_graph=True)
        rows.append(row.numpy())
    return loss.item(), slope.detach().numpy(), np.stack(rows, axis=1)


def hessian(design: np.ndarray, curvature: np.ndarray, ridge: np.ndarray) -> np.ndarray:
    """Return the Hessian of the objective, `(outputs · columns, outputs · columns)`."""
    k, d = ridge.shape
    H = np.empty((k, d, k, d), design.dtype)
    for i in range(k):
        for j in range(i + 1):
            H[i, :, j] = design.T @ (design * curvature[:, i, j, None])
            H[j, :, i] = H[i, :, j].T
    H = H.reshape(k * d, k * d)
    H.flat[:: k * d + 1] += ridge.ravel()
    return H


def newton_step(H: np.ndarray, gradient: np.ndarray, theta: np.ndarray, lasso: np.ndarray, l2: float) -> np.ndarray:
    """Return the step to the minimum of the quadratic model."""
    if lasso.any():
        return coordinate_descent(H, gradient.ravel(), theta.ravel(), lasso.ravel()).reshape(theta.shape)
    k, d = theta.shape
    if k > 1:
        # one shift of all logits changes no softmax: fill that null direction, along which the gradient is zero
        free = range(d) if not l2 else range(d - 1, d)
        for column in free:
            H[column::d, column::d] += 1 / k
    if l2:
        return -np.linalg.solve(H, gradient.ravel()).reshape(theta.shape)
    return -np.linalg.lstsq(H, gradient.ravel(), rcond=None)[0].reshape(theta.shape)


def coordinate_descent(H: np.ndarray, gradient: np.ndarray, theta: np.ndarray, lasso: np.ndarray) -> np.ndarray:
    """Return the s that minimises gradient·s + s·H·s/2 + Σ lasso · |theta + s|, one entry after the other.

    Friedman, Hastie and Tibshirani, "Regularization paths for generalized linear models via coordinate descent" (2010).
    """
    new, slope = theta.copy(), gradient.copy()
    diagonal = np.maximum(np.diag(H), np.finfo(H.dtype).tiny)
    for _ in range(1000):
        largest = 0.0
        for j in range(len(new)):
            best = new[j] - slope[j] / diagonal[j]
            best = np.sign(best) * max(abs(best) - lasso[j] / diagonal[j], 0.0)
            if change := best - new[j]:
                slope += H[:, j] * change
                new[j] = best
                largest = max(largest, abs(change) * diagonal[j])
        if largest <= 1e-3 * abs(gradient).max() * np.finfo(H.dtype).eps ** 0.5:
            break
    return new - theta


def finish(model: Any, losses: list[float], residual: float) -> None:
    """Record the objective after every iteration, and warn if the optimum was not reached."""
    for loss in losses:
        model.history_.append(loss=loss)
    model.n_iter_ = max(1, len(losses) - 1)
    if len(losses) > model.max_iter and residual > model.tol:
        warnings.warn(
            f"{type(model).__name__}(solver={model.solver!r}) has not converged in max_iter={model.max_iter} "
            f"iterations: the largest entry of the gradient is {residual:.2g}, and tol is {model.tol:g}. Scale the "
            "features, or raise max_iter",
            loaded_class("sklearn.exceptions", "ConvergenceWarning", RuntimeWarning),
            stacklevel=4,
        )
