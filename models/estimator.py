"""Estimator: the part of scikit-learn's protocol that is the same for all models, without scikit-learn."""

from __future__ import annotations

import copy
import html
import inspect
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from tinygrad_ml import nn
from tinygrad_ml.modes import Mode

E = TypeVar("E", bound="Estimator")


class Estimator(nn.Module):
    """A module with scikit-learn's protocol: parameters by name, `clone`, tags, a repr and an HTML repr.

    A subclass lists its hyperparameters in the signature of `__init__`, which is `self.store(locals())` and no more.

    Examples
    --------
    >>> model = tg.models.LogisticRegression(C=0.1)
    >>> model.get_params()["C"]
    0.1
    >>> model.set_params(C=10.0)
    LogisticRegression(C=10.0)
    """

    kind = ""  # "classifier" or "regressor"
    _signature: dict[str, Any]
    multi_class = multi_output = False

    # `Module` keeps this in a public attribute; scikit-learn wants what `fit` sets to end in _ or to begin with it
    _training = True

    @property
    def training(self) -> bool:
        """Whether the model behaves as in training (dropout active, ...)."""
        return self._training

    @training.setter
    def training(self, mode: bool) -> None:
        self._training = mode

    # ------------------------------------------------------------------ hyperparameters

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
            if deep and hasattr(value, "get_params") and not isinstance(value, type):
                found |= {f"{name}__{inner}": v for inner, v in value.get_params().items()}
        return found

    def set_params(self: E, **params: Any) -> E:
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
        ValueError: LogisticRegression has no hyperparameter 'c'; it has solver, penalty, C, ...
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

    def attributes(self) -> Iterable[tuple[str, Any]]:
        """Leave hyperparameters out: a model among them is a pattern, and no part of this one."""
        hyperparameters = self._defaults()
        return [(name, value) for name, value in vars(self).items() if name not in hyperparameters]

    # ------------------------------------------------------------------ fitted or not

    def __sklearn_is_fitted__(self) -> bool:
        return next(self.parameters(), None) is not None

    def require_fitted(self) -> None:
        """Raise scikit-learn's NotFittedError, or our own when that is not loaded, before `fit` or `build`."""
        if not self.__sklearn_is_fitted__():
            raise loaded_class("sklearn.exceptions", "NotFittedError", NotFitted)(
                f"This {type(self).__name__} is not fitted yet. Call fit(X, y), or build(n_features, n_outputs) to "
                "train it by hand."
            )

    def __getattr__(self, name: str) -> Any:
        kind = type(self).__name__
        there = inspect.getattr_static(type(self), name, None)
        if isinstance(there, available_when):
            raise AttributeError(there.reason(self), name=name, obj=self)
        if name.endswith("_") and not name.startswith("_") and not self.__sklearn_is_fitted__():
            raise AttributeError(f"this {kind} has no {name!r} yet: call fit(X, y) first", name=name, obj=self)
        raise AttributeError(f"{kind!r} object has no attribute {name!r}", name=name, obj=self)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags  # only scikit-learn asks

        return Tags(
            estimator_type=self.kind,
            target_tags=TargetTags(required=True, multi_output=self.multi_output),
            classifier_tags=ClassifierTags(multi_class=self.multi_class) if self.kind == "classifier" else None,
            regressor_tags=RegressorTags() if self.kind == "regressor" else None,
            input_tags=InputTags(),
        )

    # ------------------------------------------------------------------ as text

    def changed_params(self) -> dict[str, Any]:
        """Return the hyperparameters that are not at their defaults."""
        defaults = self._defaults()
        return {name: value for name, value in self.get_params(deep=False).items() if not _same(value, defaults[name])}

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.changed_params().items())
        return f"{type(self).__name__}({arguments})"

    def _repr_html_(self) -> str:
        changed = self.changed_params()
        rows = "".join(
            f"<tr><td style='text-align:left'>{_bold(html.escape(name), name in changed)}</td>"
            f"<td style='text-align:left'>{_bold(html.escape(repr(value)), name in changed)}</td></tr>"
            for name, value in self.get_params(deep=False).items()
        )
        fitted = self.__sklearn_is_fitted__()
        layers = "".join(f"{name}: {child!r}\n" for name, child in self.named_children())
        count = sum(p.size for p in self.parameters())
        state = f"fitted, {count:,} weights" if fitted else "not fitted"
        return (
            f"<details><summary><b>{type(self).__name__}</b> ({state})</summary>"
            f"<table>{rows}</table>" + (f"<pre>{html.escape(layers)}</pre>" if fitted else "") + "</details>"
        )


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


def clone(model: E) -> E:
    """Return a model that is not fitted, with copies of the same hyperparameters.

    Examples
    --------
    >>> tg.models.estimator.clone(tg.models.LogisticRegression(C=3.0))
    LogisticRegression(C=3.0)
    """
    params = model.get_params(deep=False)
    return type(model)(**{k: clone(v) if isinstance(v, Estimator) else copy.deepcopy(v) for k, v in params.items()})


class NotFitted(ValueError, AttributeError):
    """Raised by a model that is used before `fit`."""


def loaded_class(module: str, name: str, otherwise: type) -> Any:
    """Return a class of scikit-learn if that module is loaded already, and so may be expected; else another."""
    return getattr(sys.modules.get(module), name, otherwise)


def warn(message: str, kind: type[Warning] = UserWarning) -> None:
    """Warn at the line of the program that called the model, however deep inside it the reason was found."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("tinygrad_ml."):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, kind, stacklevel=level)


def seeded(random_state: Any) -> Mode:
    """Return a context in which the library's random numbers in this thread come from this seed or generator.

    With None they come from the library's generator, which `tg.manual_seed` seeds.

    Examples
    --------
    >>> from tinygrad_ml.models.estimator import seeded
    >>> with seeded(0):
    ...     a = tg.randn(3)
    >>> with seeded(0):
    ...     b = tg.randn(3)
    >>> tg.all(a == b)
    tensor(True)
    """
    generator = as_generator(random_state)
    return Mode() if generator is None else Mode(generator=generator)


def as_generator(random_state: Any) -> np.random.Generator | None:
    """Return what a `random_state` stands for, or None for the library's generator."""
    if random_state is None or isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**31)
    return np.random.default_rng(random_state)


def _same(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and np.ndim(value) == 0 and bool(value == default))


def _bold(text: str, bold: bool) -> str:
    return f"<b>{text}</b>" if bold else text
