"""What scikit-learn's protocol asks of estimators and transformers alike, without scikit-learn."""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numpy as np

from .modes import warn

E = TypeVar("E")
H = TypeVar("H", bound="HasHyperparameters")


class NotFitted(ValueError, AttributeError):
    """Raised by a model that is used before `fit`."""


def loaded_class(module: str, name: str, otherwise: type) -> Any:
    """Return a class of scikit-learn if that module is loaded already, and so may be expected; else another."""
    return getattr(sys.modules.get(module), name, otherwise)


# ---------------------------------------------------------------------- hyperparameters


class HasHyperparameters:
    """What has hyperparameters: the arguments of its `__init__`, which stores them and does no more.

    Examples
    --------
    >>> tg.models.LogisticRegression(C=0.1).get_params()["C"]
    0.1
    """

    def store(self, arguments: dict[str, Any]) -> None:
        """Keep the arguments of `__init__`, its `locals()`, as attributes, each unchanged."""
        vars(self).update((name, value) for name, value in arguments.items() if name != "self")

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        """Return the names and defaults of the hyperparameters, as the signature of `__init__` has them."""
        if "_signature" not in cls.__dict__:
            parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
            names = {p.name: p.default for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
            cls._signature = names if cls.__init__ is not object.__init__ else {}
        return cls._signature

    _signature: ClassVar[dict[str, Any]]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the hyperparameters by name; with `deep`, those of models among them too, as `name__inner`.

        Examples
        --------
        >>> tg.models.OneVsRest(tg.models.LogisticRegression(C=3.0)).get_params()["estimator__C"]
        3.0
        """
        own = vars(self)
        found = {}
        for name in self._defaults():
            if name not in own:
                raise AttributeError(
                    f"{type(self).__name__}.__init__ does not keep its argument {name!r}; write self.store(locals())"
                )
            found[name] = value = own[name]
            if deep and is_estimator(value):
                found |= {f"{name}__{inner}": v for inner, v in value.get_params().items()}
        return found

    def set_params(self: H, **params: Any) -> H:
        """Change hyperparameters by name, those of a model among them as `name__inner`; return the model.

        Raises
        ------
        ValueError
            If there is no hyperparameter of that name; nothing is changed.

        Examples
        --------
        >>> tg.models.LogisticRegression().set_params(c=1.0)
        Traceback (most recent call last):
        ...
        ValueError: LogisticRegression has no hyperparameter 'c'; it has threshold, solver, penalty, C, ...
        """
        names = self._defaults()
        for key in params:
            if key.partition("__")[0] not in names:
                raise ValueError(f"{type(self).__name__} has no hyperparameter {key!r}; it has {', '.join(names)}")
        for key, value in sorted(params.items()):  # "estimator" comes before "estimator__C"
            name, _, inner = key.partition("__")
            if inner and not hasattr(vars(self)[name], "set_params"):
                raise ValueError(
                    f"{type(self).__name__}: {key} cannot be set, because {name} is {vars(self)[name]!r}; set {name} "
                    "first"
                )
            if inner:
                vars(self)[name].set_params(**{inner: value})
            else:
                vars(self)[name] = value
        return self

    def changed_params(self) -> dict[str, Any]:
        """Return the hyperparameters that are not at their defaults."""
        defaults, params = self._defaults(), self.get_params(deep=False)
        return {name: value for name, value in params.items() if not is_default(value, defaults[name])}

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.changed_params().items())
        return f"{type(self).__name__}({arguments})"


def clone(model: E) -> E:
    """Return a model that is not fitted, with copies of the same hyperparameters.

    Examples
    --------
    >>> from tinygrad_ml.protocol import clone
    >>> clone(tg.models.LogisticRegression(C=3.0))
    LogisticRegression(C=3.0)
    """
    params = model.get_params(deep=False)  # type: ignore[attr-defined]
    twin = type(model)(**{k: clone(v) if is_estimator(v) else copy.deepcopy(v) for k, v in params.items()})
    if asked := vars(model).get("_metadata_request"):  # of scikit-learn's metadata routing
        twin._metadata_request = copy.deepcopy(asked)  # type: ignore[attr-defined]
    return twin


def is_estimator(value: Any) -> bool:
    """Whether a value has hyperparameters of its own."""
    return hasattr(value, "get_params") and not isinstance(value, type)


def is_default(value: Any, default: Any) -> bool:
    """Whether a hyperparameter is at its default; arrays and other things without a plain `==` are not."""
    return value is default or (type(value) is type(default) and np.ndim(value) == 0 and bool(value == default))


class available_when:
    """Decorate a method that some hyperparameters take away; `reason(model)` says why, or "" when it is there.

    scikit-learn asks by `hasattr` what a model can do.
    """

    def __init__(self, reason: Callable[[Any], str]):
        self.reason = reason

    def __call__(self, method: Callable) -> Any:
        self.method, self.__doc__ = method, method.__doc__
        return self

    def __get__(self, model: Any, kind: type) -> Any:
        if model is None:
            return self.method
        if reason := self.reason(model):
            raise AttributeError(reason)
        return self.method.__get__(model, kind)


# ---------------------------------------------------------------------- the names of columns


def feature_names(model: Any, X: Any) -> np.ndarray | None:
    """Return the column names of a frame if all are strings, else None."""
    columns = None if hasattr(X, "collect") else getattr(X, "columns", None)  # a lazy frame of polars has none yet
    if columns is None or not hasattr(X, "dtypes"):
        return None
    names = np.asarray(columns, object)
    strings = sum(isinstance(name, str) for name in names)
    if 0 < strings < len(names):
        raise TypeError(
            f"{type(model).__name__}: feature names are only supported if all input features have string names, but "
            f"the columns have names of several types; use X.columns = X.columns.astype(str)"
        )
    return names if strings else None


def check_names(model: Any, names: np.ndarray | None) -> None:
    """Raise if the columns of a frame are not those that the model was fitted with; warn if one has no names."""
    known = vars(model).get("feature_names_in_")
    kind = type(model).__name__
    if known is None and names is not None:
        warn(f"X has feature names, but {kind} was fitted without feature names")
    elif known is not None and names is None:
        warn(f"X does not have valid feature names, but {kind} was fitted with feature names")
    elif known is not None and names is not None and not np.array_equal(known, names):
        unseen, missing = sorted({*names} - {*known}), sorted({*known} - {*names})
        lines = ["The feature names should match those that were passed during fit."]
        if unseen:
            lines += ["Feature names unseen at fit time:", *(f"- {name}" for name in unseen[:5])]
        if missing:
            lines += ["Feature names seen at fit time, yet now missing:", *(f"- {name}" for name in missing[:5])]
        if not unseen and not missing:
            lines.append("Feature names must be in the same order as they were in fit.")
            i = int(np.argmax(known != names))
            lines.append(f"{kind}: column {i} is {names[i]!r}, and was {known[i]!r}; use X[model.feature_names_in_]")
        else:
            lines.append(f"{kind} was fitted with the columns {', '.join(known[:20])}")
        raise ValueError("\n".join(lines) + "\n")
