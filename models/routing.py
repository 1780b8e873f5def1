"""What scikit-learn's metadata routing asks of estimators: which arguments a pipeline or a search passes on to them."""

from __future__ import annotations

import copy
import inspect
from typing import Any

METHODS = ("fit", "partial_fit", "score")


class Requests(dict):
    """What a model asks for: for each method its arguments, with True, False, None or the name that a caller gives."""

    def __sklearn_clone__(self) -> Requests:
        return copy.deepcopy(self)


def arguments(model: Any, method: str) -> list[str]:
    """Return the arguments of a method beside X, which comes first whatever its name is, and y."""
    names = list(inspect.signature(getattr(type(model), method)).parameters)
    return [name for name in names[2:] if name != "y"]


def routing(model: Any) -> Any:
    """Return what a model asks for as scikit-learn's `MetadataRequest`; only scikit-learn asks."""
    from sklearn.utils.metadata_routing import MetadataRequest

    asked = vars(model).get("_metadata_request", {})
    found = MetadataRequest(owner=model)
    for method in METHODS:
        if hasattr(type(model), method):
            for name in arguments(model, method):
                getattr(found, method).add_request(param=name, alias=asked.get(method, {}).get(name))
    return found


def request(model: Any, method: str, asked: dict[str, Any]) -> None:
    """Let scikit-learn pass some arguments of a method on to a model, or not."""
    try:
        import sklearn
    except ImportError:
        raise ModuleNotFoundError(f"set_{method}_request() is for scikit-learn: pip install scikit-learn") from None
    kind = type(model).__name__
    if not sklearn.get_config()["enable_metadata_routing"]:
        raise RuntimeError(
            f"{kind}.set_{method}_request() is only available when metadata routing is enabled: call "
            "sklearn.set_config(enable_metadata_routing=True) first"
        )
    names = arguments(model, method)
    for name, alias in asked.items():
        if name not in names:
            raise TypeError(f"{kind}.{method}() takes no {name!r} that could be passed on; it takes {', '.join(names)}")
        if not (alias is None or isinstance(alias, bool) or (isinstance(alias, str) and alias.isidentifier())):
            raise ValueError(
                f"{kind}.set_{method}_request({name}={alias!r}): it is True (pass it on), False (do not), None "
                "(raise if it is given), or the name by which it is given"
            )
    # under this name scikit-learn's `clone` copies it
    requests = vars(model).setdefault("_metadata_request", Requests())
    requests.setdefault(method, {}).update(asked)
