"""What the library shows in a terminal and hears from it: a progress bar, drawn by tqdm, and Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any

from .modes import package

__all__ = ["DeferredInterrupt", "ProgressBar", "is_watched", "is_within_another_fit"]


class ProgressBar:
    """A bar on standard error, if tqdm is installed and somebody wants to see it; otherwise nothing.

    Parameters
    ----------
    total : int
        The number of steps; 0 if it is not known.
    unit : str
        What one step is.
    description : str
        What stands before the bar.
    wanted : bool, optional
        Whether to show it; None shows it in a terminal and in a notebook.
    stays : bool
        Whether it stays there when it is done.

    Attributes
    ----------
    tqdm : tqdm or None
        What draws it; None if nothing is shown.

    Examples
    --------
    >>> from tinygrad_ml.terminal import ProgressBar
    >>> bar = ProgressBar(3, wanted=False)
    >>> for _ in range(3):
    ...     bar.advance()
    >>> bar.close()
    """

    def __init__(
        self, total: int, unit: str = "step", description: str = "", wanted: bool | None = None, stays: bool = True
    ):
        self.tqdm: Any = None
        self._streams: list[_AboveBar] = []
        if wanted or (wanted is None and is_watched()):
            try:
                import tqdm.auto as tqdm
            except ImportError:
                return
            self.tqdm = tqdm.tqdm(
                total=total or None, unit=unit, desc=description or None, file=sys.stderr, leave=stays
            )
            if not hasattr(self.tqdm, "container"):  # in a notebook the bar is a widget, beside the text
                self._streams = [_AboveBar(name, self.tqdm) for name in ("stdout", "stderr")]

    def advance(self, steps: int = 1) -> None:
        """Show that some steps are done."""
        if self.tqdm is not None:
            self.tqdm.update(steps)

    def describe(self, description: str, done: int | None = None) -> None:
        """Replace what stands before the bar, and say how many steps are done, if it cannot have counted them."""
        if self.tqdm is not None:
            self.tqdm.set_description(description, refresh=False)
            if done is not None:
                self.tqdm.update(done - self.tqdm.n)

    def note(self, measures: Mapping[str, float]) -> None:
        """Show some measures beside the bar."""
        if self.tqdm is not None:
            self.tqdm.set_postfix({name: f"{value:.4g}" for name, value in measures.items()}, refresh=False)

    def close(self) -> None:
        """Leave the bar as it is, with the number of steps that were done."""
        for stream in self._streams:
            stream.leave()
        self._streams = []
        if self.tqdm is not None:
            ended_early = self.tqdm.total and self.tqdm.n < self.tqdm.total
            self.tqdm.close()
            if ended_early and hasattr(self.tqdm, "container"):
                self.tqdm.disp(bar_style="info", check_delay=False)  # tqdm paints it red, as if that were a fault


class _AboveBar:
    """Stands for `sys.stdout` or `sys.stderr` while a bar is shown, so that what is printed stands above the bar."""

    def __init__(self, name: str, bar: Any):
        self.name, self.bar, self.stream = name, bar, getattr(sys, name)
        self.begun = ""  # a line without its end, which the next drawing of the bar would overwrite
        setattr(sys, name, self)

    def leave(self) -> None:
        if getattr(sys, self.name) is self:
            setattr(sys, self.name, self.stream)
        if self.begun:
            self.write("\n")

    def write(self, text: str) -> int:
        lines, end, self.begun = (self.begun + text).rpartition("\n")
        if end:
            self.bar.clear()
            self.stream.write(lines + end)
            self.stream.flush()
            self.bar.refresh()
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def is_watched() -> bool:
    """Whether somebody looks: standard error is a terminal, or this is a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel") or (sys.stderr is not None and sys.stderr.isatty())


class DeferredInterrupt:
    """A context in which the first Ctrl-C is only counted; the next one does what Ctrl-C does outside.

    It changes nothing where Ctrl-C is ignored, and in other threads than the main one, which get no signals.

    Attributes
    ----------
    count : int
        How often Ctrl-C was pressed in the context.

    Examples
    --------
    >>> from tinygrad_ml.terminal import DeferredInterrupt
    >>> with DeferredInterrupt() as interrupt:
    ...     interrupt.check()  # after a step: raises KeyboardInterrupt if Ctrl-C was pressed in it
    """

    def __init__(self) -> None:
        self.count = 0
        self._outside: Any = None

    def __enter__(self) -> DeferredInterrupt:
        if threading.current_thread() is threading.main_thread():
            outside = signal.getsignal(signal.SIGINT)
            if callable(outside):
                self._outside = outside
                signal.signal(signal.SIGINT, self._count)
        return self

    def __exit__(self, *error: Any) -> None:
        if self._outside is not None:
            signal.signal(signal.SIGINT, self._outside)

    def _count(self, number: int, frame: Any) -> None:
        self.count += 1
        if self.count > 1:
            self._outside(number, frame)

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self.count:
            raise KeyboardInterrupt


def is_within_another_fit() -> bool:
    """Whether a fit that runs now was called by another one, or by a loop of scikit-learn or joblib.

    What was learned until Ctrl-C is of use to somebody who called `fit`, but a grid search would go on with it.
    """
    frame: Any = sys._getframe(1)
    owners = set()
    while frame is not None:
        name, own = package(frame), frame.f_code.co_name in ("fit", "partial_fit", "fit_transform", "fit_predict")
        if name in ("sklearn", "joblib"):
            return True
        if own and ("self" in frame.f_locals or name != "tinygrad_ml"):  # not `tinygrad_ml.train.fit`
            owners.add(id(frame.f_locals.get("self", frame.f_code)))
        frame = frame.f_back
    return len(owners) > 1
