"""What may stand in a list of callbacks: objects of Callback, objects with some of its methods, and functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

from ..optim.lr_scheduler import LRScheduler
from .checks import misfit
from .run import HOOKS, Callback

__all__ = ["ordered_callbacks"]

PACKAGE = __name__.partition(".")[0]

# What other libraries call these moments, where the spelling alone does not tell.
ELSEWHERE = {
    "on_train_begin": "on_start",
    "on_train_start": "on_start",
    "on_fit_start": "on_start",
    "setup": "on_start",
    "on_begin": "on_start",
    "on_train_end": "on_end",
    "on_fit_end": "on_end",
    "on_finish": "on_end",
    "teardown": "on_end",
    "on_epoch_begin": "on_epoch_start",
    "on_train_epoch_start": "on_epoch_start",
    "on_period_start": "on_epoch_start",
    "before_epoch": "on_epoch_start",
    "on_train_epoch_end": "on_epoch_end",
    "on_validation_start": "before_validation",
    "on_validation_begin": "before_validation",
    "on_validation_epoch_start": "before_validation",
    "on_test_begin": "before_validation",
    "on_validation_epoch_end": "on_epoch_end",
    "on_validation_end": "on_epoch_end",
    "on_test_end": "on_epoch_end",
    "on_period_end": "on_epoch_end",
    "after_epoch": "on_epoch_end",
    "on_batch_begin": "before_step",
    "on_batch_start": "before_step",
    "on_train_batch_begin": "before_step",
    "on_train_batch_start": "before_step",
    "on_before_optimizer_step": "before_step",
    "on_after_backward": "before_step",
    "before_batch": "before_step",
    "on_step_start": "before_step",
    "on_step_begin": "before_step",
    "on_batch_end": "after_step",
    "on_train_batch_end": "after_step",
    "on_step_end": "after_step",
    "on_step": "after_step",
    "after_batch": "after_step",
    "on_exception": "on_error",
}


class Adapted(Callback):
    """A callback that is made of any object with some of the methods, or of a function that is called every epoch."""

    def __init__(self, called: str, methods: dict[str, Callable[..., Any]]):
        self.called = called
        vars(self).update(methods)

    def __repr__(self) -> str:
        return self.called


def ordered_callbacks(callbacks: Any) -> list[Callback]:
    """Return the callbacks in the order in which they are called, or raise TypeError."""
    if not isinstance(callbacks, Iterable):
        single = getattr(callbacks, "__name__", None) or type(callbacks).__name__
        single = single if inspect.isfunction(callbacks) else f"{single}(...)"
        raise TypeError(f"fit: callbacks must be a list, also of a single one: write callbacks=[{single}]")
    return sorted(map(_adapted, callbacks), key=lambda callback: callback.after_others - callback.before_others)


def _adapted(callback: Any) -> Callback:
    """Return what is called in place of a callback: itself, if it is a Callback."""
    if isinstance(callback, type):
        raise TypeError(f"fit: callbacks must be objects of tg.train.Callback, not {callback.__name__} itself: add ()")
    if isinstance(callback, Callback) and type(callback).__module__.startswith(f"{PACKAGE}."):
        return callback
    name = getattr(callback, "__name__", type(callback).__name__)
    if isinstance(callback, LRScheduler):
        name = type(callback).__name__
        raise TypeError(f"fit: a scheduler goes into a callback: write callbacks=[tg.train.LearningRate({name}(...))]")
    if inspect.isbuiltin(callback):
        kind = type(callback).__name__
        raise TypeError(
            f"fit: callbacks must be objects of tg.train.Callback, not {kind} (a function of the Run will do too)"
        )
    if not isinstance(callback, Callback) and callable(callback) and not _hooks_of(callback):
        _check_call(name, callback, "is called after every epoch with the Run, and nothing else: def f(run)")
        return Adapted(name, {"on_epoch_end": callback})
    _refuse_misspelt(name, callback)
    found = _hooks_of(callback)
    for hook in found:
        inputs = ("run", "error") if hook == "on_error" else ("run",)
        advice = f"is called with {' and '.join(inputs)}: def {hook}(self, {', '.join(inputs)})"
        _check_call(f"{name}.{hook}", getattr(callback, hook), advice, len(inputs))
    if isinstance(callback, Callback):
        return callback
    if not found:
        raise TypeError(
            f"fit: callbacks must be objects of tg.train.Callback, not {name} (an object with one of its methods "
            f"{', '.join(HOOKS)} will do too, and a function of the Run)"
        )
    kept = [method for method in ("state_dict", "load_state_dict") if hasattr(callback, method)]
    adapted = Adapted(name, {method: getattr(callback, method) for method in (*found, *kept)})
    adapted.after_others = getattr(callback, "after_others", False)
    return adapted


def _hooks_of(callback: Any) -> list[str]:
    """Return the hooks that a callback defines."""
    own = [hook for hook in HOOKS if callable(getattr(callback, hook, None))]
    if isinstance(callback, Callback):
        own = [hook for hook in own if getattr(type(callback), hook) is not vars(Callback)[hook]]
    return own


def _check_call(name: str, function: Callable, advice: str, inputs: int = 1) -> None:
    reason = misfit(function, inputs)
    if reason:
        raise TypeError(f"fit: the callback {name} {advice} ({reason})")


def _refuse_misspelt(name: str, callback: Any) -> None:
    """Raise TypeError if a callback has a method that looks like a hook, but is none: nobody would call it."""
    methods = [m for m in dir(type(callback)) if not m.startswith("_") and callable(getattr(type(callback), m))]
    for method in methods:
        if method in HOOKS or method in dir(Callback):
            continue
        close = get_close_matches(method, HOOKS, 1, 0.8)
        meant = ELSEWHERE.get(method) or (close[0] if close else "")
        if meant or method.startswith(("on_", "before_", "after_")):
            hint = f"did you mean {meant}?" if meant else f"the moments are {', '.join(HOOKS)}"
            raise TypeError(
                f"fit: the callback {name} has a method {method}, which is never called; {hint} (begin the name of a "
                "method of your own with an underscore)"
            )
