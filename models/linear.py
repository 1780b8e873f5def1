"""The layer `linear_` of linear models: its coefficients, and whether the model is what solvers take it for.

They take it for outputs z = x·w + b and a loss of z. They are quick because they compute with x, w and b themselves:
none of them calls `forward`, and closed forms do not call `criterion` either. So a solver says what it relies on
(`relies_on`), and where a subclass, or the model itself, defines one of these anew, `Model._solve` takes a solver that
calls it, or says that there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn

from .checking import check_mean_loss
from .weights import Weights, normalized_weights

F = TypeVar("F", bound=Callable)

HERE = __name__.rpartition(".")[0] + "."
OUTPUTS = ("forward", "inputs")  # what makes z
EVERYTHING = (*OUTPUTS, "criterion", "penalty_weights", "penalty_strength")


def linear_layer(n_features: int, n_outputs: int, bias: bool) -> nn.Linear:
    """Return a layer with weights of zero."""
    layer = nn.Linear(n_features, n_outputs, bias=bias)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def set_coefficients(layer: nn.Linear, weight: Any, bias: Any) -> None:
    """Give a layer weights `(outputs, features)` and biases `(outputs,)`, if it has any."""
    layer.weight.data = weight
    if layer.bias is not None:
        layer.bias.data = bias


def coefficients(layer: nn.Linear) -> np.ndarray:
    """Return a copy of the weights, `(outputs, features)`, which later training leaves alone."""
    return layer.weight.numpy().copy()


def intercepts(layer: nn.Linear) -> np.ndarray:
    """Return a copy of the biases, `(outputs,)`."""
    return np.zeros(layer.out_features) if layer.bias is None else layer.bias.numpy().copy()


def regression_coefficients(model: Any) -> np.ndarray:
    """Return the weights of the features, (features,); (outputs, features) if y had columns."""
    return coefficients(model.linear_)[0] if _is_one_column(model) else coefficients(model.linear_)


def regression_intercepts(model: Any) -> Any:
    """Return the bias; (outputs,) if y had columns."""
    return intercepts(model.linear_)[0] if _is_one_column(model) else intercepts(model.linear_)


def _is_one_column(model: Any) -> bool:
    return model._y_is_1d and model.linear_.out_features == 1


# ---------------------------------------------------------------------- what solvers see of a model


def relies_on(*names: str) -> Callable[[F], F]:
    """Say that a solver takes these methods for those of this package: a decorator."""

    def mark(solver: F) -> F:
        solver.relies_on = names  # type: ignore[attr-defined]
        return solver

    return mark


def is_redefined(model: Any, name: str) -> bool:
    """Whether a method of a model is not this package's: a subclass defines it, or it was set on the object or later.

    Examples
    --------
    >>> from tinygrad_ml.models.linear import is_redefined
    >>> class Doubled(tg.models.Ridge):
    ...     def forward(self, x):
    ...         return 2 * super().forward(x)
    >>> is_redefined(Doubled(), "forward"), is_redefined(Doubled(), "criterion")
    (True, False)
    """
    method = getattr(type(model), name, None)
    # where it is written: functools.wraps copies the name of a module, but not this, and classes may be changed
    place = getattr(method, "__globals__", {}).get("__name__", "")
    return name in vars(model) or (method is not None and not place.startswith(HERE))


def redefined(model: Any, names: tuple[str, ...] = EVERYTHING) -> str:
    """Return the first of these methods that is not this package's; "" if there is none.

    Among what makes the outputs are hooks, and the layer: it may be of another class, or have weights that are not to
    be trained.
    """
    found = next((name for name in names if is_redefined(model, name)), "")
    if found or "forward" not in names:
        return found
    if has_hooks(model):
        return "forward hooks"
    return "" if is_plain_layer(vars(model).get("linear_")) else "layer linear_"


def is_plain_layer(layer: Any) -> bool:
    """Whether a layer computes x·w + b, and all of it is to be trained."""
    return (
        type(layer) is nn.Linear
        and not has_hooks(layer)
        and "forward" not in vars(layer)
        and layer.weight.requires_grad
        and (layer.bias is None or layer.bias.requires_grad)
    )


def has_hooks(module: nn.Module) -> bool:
    """Whether functions are called around the forward pass of a module."""
    hooks = module._hooks
    return hooks is not None and bool(hooks.before or hooks.after)


def unseen(model: Any, solver: Callable, target: np.ndarray, weight: Weights = None) -> str:
    """Return what of a model a solver would not see; "" if it sees all.

    A solver that relies on the outputs, but not on the criterion, computes with any loss of the outputs. Whether the
    criterion looks at the weights, too, its graph tells.
    """
    names = getattr(getattr(solver, "func", solver), "relies_on", ())
    found = redefined(model, names)
    if found or not names or "criterion" in names or not model.has_own_criterion:
        return found
    output = np.zeros((len(target), model.linear_.out_features), model.linear_.weight.dtype)
    given = (target,) if weight is None else (target, normalized_weights(weight))
    return "criterion" if looks_at_weights(model, output, *given) else ""


def looks_at_weights(model: Any, output: np.ndarray, *given: Any) -> bool:
    """Whether the criterion of a model depends on its parameters by another way than the output."""
    with tg.enable_grad(), np.errstate(all="ignore"):
        loss = check_mean_loss(model, model.criterion(tg.tensor(output, requires_grad=True), *given))
        slopes = tg.autograd.grad(loss, list(model.parameters()), allow_unused=True) if loss.requires_grad else ()
    return any(slope is not None for slope in slopes)


def refuse(model: Any, what: str, advice: str) -> None:
    """Raise ValueError if a model defines anew what its solver would not see."""
    if what:
        kind = type(model).__name__
        base = next(base.__name__ for base in type(model).__mro__ if base.__module__.startswith("tinygrad_ml."))
        raise ValueError(f"{kind}: the solver of {base} does not see the {what} of {kind}; {advice}")
