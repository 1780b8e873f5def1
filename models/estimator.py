"""What scikit-learn and notebooks ask of models: tags and a page; the rest is in `tinygrad_ml.protocol`."""

from __future__ import annotations

import inspect
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

from tinygrad_ml.nn.outline import outline
from tinygrad_ml.notebook import escaped
from tinygrad_ml.protocol import available_when, clone, is_default, is_estimator

__all__ = ["as_html", "available_when", "clone", "documentation", "is_default", "is_estimator", "tags"]


def tags(model: Any) -> Any:
    """Return what scikit-learn wants to know of a model before it is fitted; only scikit-learn asks."""
    from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags, TransformerTags

    return Tags(
        estimator_type=model.kind or None,
        target_tags=TargetTags(required=bool(model.kind), multi_output=model.multi_output),
        classifier_tags=ClassifierTags(multi_class=model.multi_class, multi_label=model.multi_label)
        if model.kind == "classifier"
        else None,
        regressor_tags=RegressorTags() if model.kind == "regressor" else None,
        transformer_tags=TransformerTags() if hasattr(model, "transform") else None,
        input_tags=InputTags(sparse=not model.why_not_sparse),
    )


def as_html(model: Any) -> str:
    """Return a model for a notebook: a box with its state, its hyperparameters (bold if changed) and its layers."""
    changed = model.changed_params()
    name = escaped(type(model).__name__)

    def row(key: str, value: Any) -> str:
        bold, tint = ("bold", "rgba(245,158,11,.15)") if key in changed else ("normal", "none")
        style = f"text-align:left;font-weight:{bold};padding:.15em .8em .15em .4em;border:none"
        cells = "".join(f"<td style='{style}'>{escaped(text)}</td>" for text in (key, repr(value)))
        return f"<tr style='background:{tint}'>{cells}</tr>"

    rows = "".join(row(key, value) for key, value in model.get_params(deep=False).items())
    parts = [f"<table style='border-collapse:collapse;margin:.4em 0'>{rows}</table>"]
    state, tint = "not fitted", "rgba(245,158,11,.18)"
    if model.__sklearn_is_fitted__():
        state, tint = f"fitted, {sum(p.size for p in model.parameters()):,} weights", "rgba(59,130,246,.18)"
        parts.append(outline(model))
    values = ", ".join(f"{key}={value!r}" for key, value in changed.items())
    page = documentation(model)
    link = f" <a href='{escaped(page)}' target='_blank' rel='noreferrer'>documentation</a>" if page else ""
    about = escaped((inspect.getdoc(type(model)) or "").partition("\n")[0])
    return (
        "<div style='display:inline-block;max-width:60em;border:1px solid rgba(128,128,128,.4);border-radius:6px'>"
        f"<details><summary title='{about}' style='cursor:pointer;padding:.3em .6em;background:{tint}'>"
        f"<b>{name}</b> ({state}){link}<div style='opacity:.8'>{escaped(values)}</div></summary>"
        f"<div style='padding:.2em .6em'>{''.join(parts)}</div></details></div>"
    )


def documentation(model: Any) -> str:
    """Return the address of the page about the models, or "" for a class of another package, or if none is known.

    The address of the documentation is that in the metadata of the installed package.
    """
    if type(model).__module__.partition(".")[0] != "tinygrad_ml":
        return ""
    try:
        addresses = metadata("tinygrad_ml").get_all("Project-URL") or []
    except PackageNotFoundError:
        return ""
    known = {
        label.strip().lower(): address.strip() for label, _, address in (line.partition(",") for line in addresses)
    }
    base = known.get("documentation", "")
    return f"{base.rstrip('/')}/models.html#{type(model).__name__.lower()}" if base else ""
