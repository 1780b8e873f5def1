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
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tinygrad_ml.validation import is_integer, is_number

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:  # it only tells type checkers that classes so decorated are dataclasses

    def dataclass_transform(**options: Any) -> Callable[[Any], Any]:
        """Return a decorator that changes nothing."""
        return lambda decorator: decorator


C = TypeVar("C", bound=type)
T = TypeVar("T")

# ---------------------------------------------------------------------- rules


class Rule:
    """What a hyperparameter may be; called with its default, it makes the field.

    Parameters
    ----------
    allows : callable
        Whether a value may be used.
    wanted : str
        What a value must be, in words that follow "must be" in the error.

    Examples
    --------
    >>> from tinygrad_ml.models.hyperparameters import Rule, hyperparameters
    >>> even = Rule(lambda value: value % 2 == 0, "even")
    >>> @hyperparameters
    ... class Comb(tg.models.Regressor):
    ...     teeth: int = even(8)
    >>> Comb(teeth=3).fit([[0.0], [1.0]], [0.0, 1.0])
    Traceback (most recent call last):
    ...
    ValueError: Comb(teeth=3): teeth must be even
    """

    def __init__(self, allows: Callable[[Any], bool], wanted: str):
        self.allows, self.wanted = allows, wanted

    def __call__(self, default: T, *, none: bool = False, layers: bool = False) -> T:
        """Return the field of a hyperparameter with this rule.

        Parameters
        ----------
        default : object
        none : bool
            Whether None may be used, too, as it may where it is the default.
        layers : bool
            Whether `build` makes other layers for another value, so that training cannot go on with it.
        """
        return field(default=default, metadata={"rule": self, "none": none, "layers": layers})


count = Rule(lambda v: is_integer(v, 1), "a whole number of at least 1")
sizes = Rule(lambda v: _is_sizes(v), "a whole number of at least 1, or a sequence of them")
odd = Rule(lambda v: is_integer(v, 1) and v % 2 == 1, "odd and at least 1, so that images keep their size")
image_size = Rule(
    lambda v: _is_sizes(v) and np.size(v) in (2, 3),
    "(height, width) or (channels, height, width), whole numbers of at least 1",
)
positive = Rule(lambda v: is_number(v) and 0 < v < np.inf, "a finite number above 0")
positive_or_inf = Rule(lambda v: is_number(v) and v > 0, "a number above 0")
not_negative = Rule(lambda v: is_number(v) and 0 <= v < np.inf, "a finite number of at least 0")
below_1 = Rule(lambda v: is_number(v) and 0 <= v < 1, "a number of at least 0 and below 1")
fraction = Rule(lambda v: is_number(v) and 0 <= v <= 1, "a number from 0 to 1")
part = Rule(lambda v: is_number(v) and 0 < v < 1, "a number between 0 and 1")
boolean = Rule(lambda v: isinstance(v, (bool, np.bool_)), "True or False")
callback_list = Rule(lambda v: isinstance(v, (list, tuple)), "a sequence of objects of tinygrad_ml.train.Callback")
seed = Rule(
    lambda v: isinstance(v, (np.random.Generator, np.random.RandomState)) or is_integer(v, 0),
    "an integer of at least 0, a numpy Generator or RandomState, or None",
)


def _is_sizes(value: Any) -> bool:
    sequence = isinstance(value, (list, tuple, np.ndarray))
    return all(is_integer(v, 1) for v in value) if sequence else is_integer(value, 1)


def choice(default: T, *others: Any, layers: bool = False) -> T:
    """Return the field of a hyperparameter that is one of these, by default the first."""
    choices = (default, *others)
    return Rule(lambda v: (v is None or isinstance(v, str)) and v in choices, f"one of {choices}")(
        default, layers=layers
    )


def loss_function(default: str, *others: str) -> Any:
    """Return the field of a loss: one of these names, by default the first, or a function of output and target."""
    names = (default, *others)
    wanted = f"one of {names}, or a function of output and target"
    return Rule(lambda v: v in names if isinstance(v, str) else callable(v) and not isinstance(v, type), wanted)(
        default
    )


def check_hyperparameters(model: Any) -> None:
    """Raise ValueError at the first hyperparameter of a model that breaks its rule.

    A model that writes its own `__init__` has the rules of `Gradient` for the hyperparameters of the same name.
    """
    declared = {**Gradient.__dataclass_fields__, **getattr(model, "__dataclass_fields__", {})}
    for name, default in model._defaults().items():
        value, rules = vars(model)[name], declared[name].metadata if name in declared else {}
        if "rule" not in rules or (value is None and (default is None or rules["none"])):
            continue
        if not rules["rule"].allows(value):
            wanted = rules["rule"].wanted
            raise ValueError(f"{type(model).__name__}({name}={value!r}): {name} must be {wanted}")


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
    learning_rate : float, optional
    momentum : float
        For "sgd".
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
    verbose : bool
        Whether to show a progress bar.
    """

    _: KW_ONLY
    penalty: str | None = choice(None, "l2", "l1", "elasticnet", "none")
    l1_ratio: float = fraction(0.5)
    learning_rate: float | None = positive(None)
    momentum: float = below_1(0.0)
    batch_size: int | None = count(32, none=True)
    max_iter: int = count(200)
    tol: float = not_negative(1e-4)
    early_stopping: bool = boolean(False)
    validation_fraction: float = part(0.1)
    n_iter_no_change: int = count(10)
    warm_start: bool = boolean(False)
    random_state: Any = seed(None)
    verbose: bool = False
