"""The warnings of a fit that has not converged, or was ended by Ctrl-C."""

from __future__ import annotations

from typing import Any

from tinygrad_ml.modes import warn
from tinygrad_ml.protocol import loaded_class
from tinygrad_ml.terminal import is_within_another_fit


class ConvergenceWarning(UserWarning):
    """The class of the warning that a fit has not converged, where scikit-learn's of that name is not loaded."""


def warn_not_converged(model: Any, who: str, reason: str) -> None:
    """Warn that a fit has not converged, for a reason that names a cure."""
    kind = type(model).__name__
    category = loaded_class("sklearn.exceptions", "ConvergenceWarning", ConvergenceWarning)
    warn(f"{kind}: {who} has not converged{reason}", category)


def stop_by_interrupt(model: Any, message: str) -> None:
    """Warn that Ctrl-C has ended the fit that the user's line called; raise it if another fit called this one."""
    if is_within_another_fit():
        raise KeyboardInterrupt
    warn(f"{type(model).__name__}: {message} The model has what it had learned until then.")
