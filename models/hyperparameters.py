"""Hyperparameters: the fields of a dataclass, each with the rule that its values must keep.

    @hyperparameters
    class Wide(Gradient, Classifier):
        width: int = count(200)

A class has the fields of its bases too, so `Wide(width=100, learning_rate=0.01)` works, and so does `help(Wide)`: it
describes every parameter, as a row that one class has in its docstring stands for all below it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from .checking import (
    Rule,
    activations,
    below_1,
    boolean,
    callback_list,
    choice,
    count,
    fraction,
    image_size,
    loss_function,
    not_negative,
    odd,
    part,
    positive,
    positive_or_inf,
    rate,
    seed,
    sizes,
)
from .optimizers import optimizer_choice, option_dict

__all__ = [
    "Gradient",
    "hyperparameters",
    # rules
    "Rule",
    "activations",
    "below_1",
    "boolean",
    "callback_list",
    "choice",
    "count",
    "fraction",
    "image_size",
    "rate",
    "loss_function",
    "not_negative",
    "odd",
    "optimizer_choice",
    "option_dict",
    "part",
    "positive",
    "positive_or_inf",
    "seed",
    "sizes",
]

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:  # it only tells type checkers that classes so decorated are dataclasses

    def dataclass_transform(**options: Any) -> Callable[[Any], Any]:
        """Return a decorator that changes nothing."""
        return lambda decorator: decorator


C = TypeVar("C", bound=type)

# ---------------------------------------------------------------------- the decorator


@dataclass_transform(eq_default=False)
def hyperparameters(cls: C) -> C:
    """Make a class a dataclass, whose fields are its hyperparameters, and describe all of them in its docstring.

    In the signature its own come first, then those of its bases.

    Examples
    --------
    >>> from tinygrad_ml.models.hyperparameters import Gradient, count, hyperparameters
    >>> @hyperparameters
    ... class Wide(Gradient, tg.models.Classifier):
    ...     width: int = count(200)
    >>> Wide(100, learning_rate=0.01)
    Wide(width=100, learning_rate=0.01)
    """
    made: Any = dataclass(eq=False, repr=False)(cls)
    signature = inspect.signature(made.__init__)
    place = {field.name: _place(made, field) for field in fields(made)}
    parameters = sorted(signature.parameters.values(), key=lambda p: place[p.name] if p.kind is p.KEYWORD_ONLY else ())
    made.__init__.__signature__ = signature.replace(parameters=parameters)
    rows: dict[str, str] = {}
    for base in reversed(made.__mro__):
        rows |= _rows(base.__doc__)
    if made.__doc__:
        names = [*(p.name for p in parameters), *_rows(made.__doc__)]  # these may be for the classes below it
        made.__doc__ = _with_rows(made.__doc__, [rows[name] for name in names if name in rows])
    return made


def _place(cls: type, own: Any) -> tuple[int, int]:
    """Return where a field was declared: how far up among the bases, and as which annotation there."""
    up = max(i for i, base in enumerate(cls.__mro__) if is_dataclass(base) and own in fields(base))
    return up, list(inspect.get_annotations(cls.__mro__[up])).index(own.name)


SECTION = r"\n\n\w[^\n]*\n-+\n"  # the heading of one, with the empty line before it
PARAMETERS = re.compile(rf"\n\nParameters\n-+\n(.*?)(?={SECTION}|\Z)", re.S)
ROW = re.compile(r"^(\w[\w, ]*?) :.*(?:\n(?:[ ].*|$))*", re.M)


def _rows(doc: str | None) -> dict[str, str]:
    """Return the rows in the section Parameters of a docstring, by the names that they describe."""
    section = PARAMETERS.search(inspect.cleandoc(doc or ""))
    found = ROW.finditer(section[1]) if section else ()
    return {name: row[0].rstrip() for row in found for name in row[1].split(", ")}


def _with_rows(doc: str, rows: list[str]) -> str:
    """Return a docstring with these rows as its section Parameters."""
    doc = PARAMETERS.sub("", inspect.cleandoc(doc))
    if not rows:
        return doc
    other = re.search(SECTION, doc)
    at = other.start() if other else len(doc)
    return f"{doc[:at]}\n\nParameters\n----------\n" + "\n".join(dict.fromkeys(rows)) + doc[at:]


# ---------------------------------------------------------------------- what many models share


@hyperparameters
class Gradient:
    """Hyperparameters of models that minimise a mean loss with a penalty, by gradient steps or by other solvers.

    Parameters
    ----------
    penalty : None, "l2", "l1" or "elasticnet"
    l1_ratio : float, from 0 to 1
        The part of "l1" in "elasticnet".
    optimizer : str, class or function, optional
        What takes the gradient steps in place of "sgd", "adagrad" or "adam": a name or a class of `tg.optim`, the
        class with its options (`functools.partial(tg.optim.SGD, lr=0.1)`), or a function that makes an optimizer of
        parameters. With it, solver "auto" takes gradient steps.
    optimizer_options : dict, optional
        Options of the optimizer: `{"betas": (0.9, 0.99)}`.
    learning_rate : float, function or "find", optional
        A function gives the rate of each step from the number of steps before it: `lambda t: 5 / (t + 50)`. "find"
        tries rates on the first batches (`tg.train.LearningRateFinder`).
    momentum : float
        For "sgd".
    clip_norm, clip_value : float, optional
        Limits the norm of the gradients of each step, or each of their entries.
    batch_size : int, optional
        The samples of a gradient step: 1 is stochastic gradient descent, None takes all of them.
    max_iter : int
        The largest number of passes over the data (epochs).
    tol : float
        Stop when the loss has not decreased by more than `tol` in `n_iter_no_change` passes; 0 never stops.
    early_stopping : bool
        Whether to hold out a part of the data, and to stop, with the best weights, when the loss on it has not
        decreased for `n_iter_no_change` passes.
    validation_fraction : float, between 0 and 1
        The part of the data that `early_stopping` holds out.
    n_iter_no_change : int
    warm_start : bool
        Whether the next `fit` starts from the current weights.
    random_state : int, Generator or RandomState, optional
        Decides the order of the batches.
    callbacks : sequence of `tinygrad_ml.train.Callback`, or of functions of the `Run`
        What else happens in training by gradient steps: checkpoints, a learning rate that changes, logs.
    verbose : bool
        Whether to show a progress bar.
    """

    _: KW_ONLY
    penalty: str | None = choice(None, "l2", "l1", "elasticnet", "none")
    l1_ratio: float = fraction(0.5)
    optimizer: Any = optimizer_choice(None)
    optimizer_options: Mapping[str, Any] | None = option_dict(None)
    learning_rate: float | Callable[[int], float] | str | None = rate(None)
    momentum: float = below_1(0.0)
    clip_norm: float | None = positive(None)
    clip_value: float | None = positive(None)
    batch_size: int | None = count(32, none=True)
    max_iter: int = count(200)
    tol: float = not_negative(1e-4)
    early_stopping: bool = boolean(False)
    validation_fraction: float = part(0.1)
    n_iter_no_change: int = count(10)
    warm_start: bool = boolean(False)
    callbacks: Sequence[Any] = callback_list(())
    random_state: Any = seed(None)
    verbose: bool = False
