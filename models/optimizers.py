"""The optimizer of a model that takes gradient steps: that of its solver, or what its `optimizer` says."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from tinygrad_ml import optim
from tinygrad_ml.optim import Optimizer

from .checking import Rule

# "sgd", "adagrad", "adam", ...: the classes of `tg.optim` by their names in small letters
CLASSES: dict[str, type[Optimizer]] = {
    name.lower(): kind
    for name, kind in vars(optim).items()
    if isinstance(kind, type) and issubclass(kind, Optimizer) and kind is not Optimizer
}
SOLVERS = ("sgd", "adagrad", "adam")  # those that are solvers too


class Choice(NamedTuple):
    """What makes an optimizer of parameters."""

    kind: type[Optimizer] | None  # None if a function makes it
    make: Callable[..., Any]
    options: Mapping[str, Any]

    @property
    def solver(self) -> str:
        """The name of the solver, or of what stands in its place."""
        name = next((name for name in SOLVERS if CLASSES[name] is self.kind), "")
        return name or getattr(self.kind or self.make, "__name__", "optimizer")


def _is_optimizer(value: Any) -> bool:
    if isinstance(value, Optimizer):
        name = type(value).__name__
        raise TypeError(
            f"optimizer={name}(...) is an object, which changes the parameters that it was made with, and a model "
            f"makes its own in fit: give the name {name.lower()!r}, the class, or the class with its options: "
            f"functools.partial(tg.optim.{name}, lr=0.1)"
        )
    if isinstance(value, str):
        return value.lower() in CLASSES
    return callable(value) and (not isinstance(value, type) or issubclass(value, Optimizer))


optimizer_choice = Rule(
    _is_optimizer,
    f"one of {tuple(CLASSES)}, a class of tg.optim, or a function that makes an optimizer of parameters, such as "
    "functools.partial(tg.optim.SGD, lr=0.1)",
)
option_dict = Rule(
    lambda v: isinstance(v, Mapping) and all(isinstance(key, str) for key in v),
    "a dict of options of the optimizer, such as {'lr': 0.1}",
)


def choice_of(model: Any, solver: str = "adam") -> Choice:
    """Return what makes the optimizer of a model: what its hyperparameter `optimizer` says, or its solver."""
    given = model.optimizer
    if given is None:
        momentum = {"momentum": model.momentum} if solver == "sgd" else {}
        return Choice(CLASSES[solver], CLASSES[solver], {**momentum, **(model.optimizer_options or {})})
    options: dict[str, Any] = {}
    if type(given) is partial and isinstance(given.func, type) and not given.args:
        options, given = dict(given.keywords), given.func
    if isinstance(given, str):
        given = CLASSES[given.lower()]
    options |= model.optimizer_options or {}
    return Choice(given if isinstance(given, type) else None, given, options)


def make_optimizer(
    model: Any,
    solver: str,
    weights: list[Any],
    others: list[Any],
    penalties: tuple[float, float],
    default_rate: Callable[[str], float],
) -> Optimizer:
    """Return the optimizer of a model.

    Parameters
    ----------
    solver : "sgd", "adagrad" or "adam"
        Used if the model names no optimizer of its own.
    weights, others : lists of parameters
        Those that have penalties, and the biases and the like.
    penalties : (l1, l2)
        What is added to the loss for the weights: l1 · Σ|w| + l2/2 · Σw².
    default_rate : callable
        Returns the learning rate for a solver if nobody chose one.
    """
    choice = choice_of(model, solver)
    options = dict(choice.options)
    rate = model.learning_rate
    if callable(rate):
        rate = float(rate(0)) if choice.kind is not None else None
    elif rate == "find":
        rate = None
    name = f"{type(model).__name__}(optimizer={model.optimizer!r})"
    if choice.kind is None:
        if rate is not None or "momentum" in changed(model):
            raise ValueError(
                f"{name}: this function makes the whole optimizer; give the learning rate and the momentum in it, or "
                "give the class"
            )
    else:
        takes = inspect.signature(choice.kind.__init__).parameters
        if model.optimizer is not None and "momentum" in changed(model) and "momentum" not in options:
            if "momentum" not in takes:
                raise ValueError(f"{name}: {choice.kind.__name__} has no momentum")
            options["momentum"] = model.momentum
        if rate is not None:
            if "lr" in choice.options:
                raise ValueError(
                    f"{name}: lr={choice.options['lr']} and learning_rate={model.learning_rate} both say the learning "
                    "rate: leave one of them out"
                )
            options["lr"] = rate
        elif has_default_rate(model, solver):
            options["lr"] = default_rate(choice.solver)
        options = in_size_of_gradients(choice.kind, options, model.loss_of_unit())
    if any(penalties) and choice.kind is not None and issubclass(choice.kind, optim.LBFGS):
        raise ValueError(f"{name}, penalty={model.penalty!r}: LBFGS takes no penalty: set penalty=None")
    groups = [{"params": group} for group in (weights, others) if group]
    params: list[Any] = groups if any(penalties) and weights else [*weights, *others]
    try:
        optimizer = choice.make(params, **options)
    except TypeError as error:
        raise TypeError(f"{name}, optimizer_options={model.optimizer_options!r}: {error}") from error
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{name}: this function must return an optimizer of tg.optim, not {type(optimizer).__name__}")
    penalise(model, optimizer, penalties)
    return optimizer


def in_size_of_gradients(kind: type[Optimizer], options: dict[str, Any], size: float) -> dict[str, Any]:
    """Return options with the `eps` that stands beside gradients of a size, if nobody chose one."""
    takes = inspect.signature(kind.__init__).parameters
    return {"eps": takes["eps"].default * size, **options} if "eps" in takes and size != 1 else options


def has_default_rate(model: Any, solver: str) -> bool:
    """Whether the learning rate is the model's own: nobody chose one, and SGD, Adagrad or Adam takes the steps."""
    choice = choice_of(model, solver)
    chosen = "lr" in choice.options or (model.learning_rate is not None and model.learning_rate != "find")
    return not chosen and choice.kind is not None and choice.solver in SOLVERS


def penalise(model: Any, optimizer: Optimizer, penalties: tuple[float, float]) -> None:
    """Make the optimizer take the penalties on the weights, its first group, or raise ValueError if it cannot."""
    group, kind = optimizer.param_groups[0], type(optimizer).__name__
    if not any(penalties) or all(p.ndim <= 1 for p in group["params"]):
        return
    l1, l2 = penalties
    where = f"{type(model).__name__}(penalty={model.penalty!r}) with the optimizer {kind}"
    for option, strength in (("l1", l1), ("weight_decay", l2)):
        if strength and option not in group:
            raise ValueError(f"{where}: it has no option {option!r} to take the penalty: set penalty=None")
    if l1:
        group["l1"] = l1
    if not l2:
        return
    own, chosen = optimizer.defaults["weight_decay"], changed(model) & {"alpha", "C", "penalty", "l1_ratio"}
    if getattr(optimizer, "decoupled", False) and model.convex:
        raise ValueError(f"{where}: its decay is no penalty on the loss: set penalty=None")
    if getattr(optimizer, "decoupled", False):  # it has no unit
        l2 /= model.loss_of_unit()
    if own and (chosen or model.convex) and not getattr(optimizer, "decoupled", False):
        raise ValueError(f"{where}: the model and the optimizer (weight_decay={own}) both have a penalty: choose one")
    if not own or chosen:
        group["weight_decay"] = l2


def changed(model: Any) -> set[str]:
    """Return the names of the hyperparameters that are not at their defaults."""
    return set(model.changed_params())


def check_beside(model: Any) -> None:
    """Raise ValueError if a solver that somebody chose stands beside another optimizer."""
    choice = choice_of(model, model.solver)
    if model.optimizer is None or choice.solver == model.solver:
        return
    if model.solver != type(model)._defaults().get("solver", type(model).solver):  # the default chose nobody
        raise ValueError(
            f"{type(model).__name__}(solver={model.solver!r}, optimizer={model.optimizer!r}): both say what takes the "
            f"steps: leave solver at its default"
        )


def refuse_steps(model: Any, solver: str) -> None:
    """Raise ValueError if a solver that takes no gradient steps stands beside a hyperparameter of such steps."""
    for name in step_hyperparameters(model):
        raise ValueError(
            f"{type(model).__name__}(solver={solver!r}, {name}={getattr(model, name)!r}): {solver!r} takes no gradient "
            f"steps, which {name} is for: leave solver at 'auto', or choose 'sgd', 'adagrad' or 'adam'"
        )


def step_hyperparameters(model: Any) -> list[str]:
    """Return the names of the hyperparameters of a model that only gradient steps can follow."""
    names = ("optimizer", "optimizer_options", "clip_norm", "clip_value")
    found = [name for name in names if getattr(model, name) is not None]
    found += ["callbacks"] * bool(model.callbacks)
    return found + ["learning_rate"] * (callable(model.learning_rate) or isinstance(model.learning_rate, str))
