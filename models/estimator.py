"""What scikit-learn's protocol asks of estimators beside their methods, without scikit-learn."""

from __future__ import annotations

import copy
import html
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

E = TypeVar("E")


def clone(model: E) -> E:
    """Return a model that is not fitted, with copies of the same hyperparameters.

    Examples
    --------
    >>> tg.models.estimator.clone(tg.models.LogisticRegression(C=3.0))
    LogisticRegression(C=3.0)
    """
    params = model.get_params(deep=False)  # type: ignore[attr-defined]
    return type(model)(**{k: clone(v) if is_estimator(v) else copy.deepcopy(v) for k, v in params.items()})


def is_estimator(value: Any) -> bool:
    """Whether a value has hyperparameters of its own."""
    return hasattr(value, "get_params") and not isinstance(value, type)


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


def tags(model: Any) -> Any:
    """Return what scikit-learn wants to know of a model before it is fitted; only scikit-learn asks."""
    from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

    return Tags(
        estimator_type=model.kind,
        target_tags=TargetTags(required=True, multi_output=model.multi_output),
        classifier_tags=ClassifierTags(multi_class=model.multi_class) if model.kind == "classifier" else None,
        regressor_tags=RegressorTags() if model.kind == "regressor" else None,
        input_tags=InputTags(),
    )


def is_default(value: Any, default: Any) -> bool:
    """Whether a hyperparameter is at its default; arrays and other things without a plain `==` are not."""
    return value is default or (type(value) is type(default) and np.ndim(value) == 0 and bool(value == default))


def as_html(model: Any) -> str:
    """Return a model for a notebook: its hyperparameters, those in bold that were changed, and its layers."""
    changed = model.changed_params()

    def cell(text: str, bold: bool) -> str:
        text = html.escape(text)
        return f"<td style='text-align:left'>{f'<b>{text}</b>' if bold else text}</td>"

    rows = "".join(
        f"<tr>{cell(name, name in changed)}{cell(repr(value), name in changed)}</tr>"
        for name, value in model.get_params(deep=False).items()
    )
    state, layers = "not fitted", ""
    if model.__sklearn_is_fitted__():
        state = f"fitted, {sum(p.size for p in model.parameters()):,} weights"
        text = "".join(f"{name}: {child!r}\n" for name, child in model.named_children())
        layers = f"<pre>{html.escape(text)}</pre>"
    return f"<details><summary><b>{type(model).__name__}</b> ({state})</summary><table>{rows}</table>{layers}</details>"
