"""Ctrl-C in the middle of a step, which waits until the step is done."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Interrupts:
    """A context in which the first Ctrl-C is only counted; the next one does what Ctrl-C does outside.

    It changes nothing in other threads than the main one, which get no signals, and where Ctrl-C is ignored.
    """

    def __init__(self) -> None:
        self.count = 0
        self._outside: Any = None

    def __enter__(self) -> Interrupts:
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
