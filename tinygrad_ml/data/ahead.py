"""A thread that prepares batches while the others are learned."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Empty, Full, Queue
from typing import Any

__all__ = ["ahead"]

WAIT = 0.1  # seconds after which the thread looks whether anybody still wants batches


class _End:
    """What comes after the last batch, with the error that ended it, if there was one."""

    def __init__(self, error: BaseException | None = None):
        self.error = error


def ahead(batches: Iterator[Any], count: int) -> Iterator[Any]:
    """Yield batches that a thread prepares, up to a number of them ahead; an error comes where its batch would have.

    The thread ends with the last batch, and when nobody asks any more.

    Examples
    --------
    >>> from tinygrad_ml.data.ahead import ahead
    >>> list(ahead(iter([1, 2, 3]), 2))
    [1, 2, 3]
    """
    ready: Queue[Any] = Queue(maxsize=count)
    left = threading.Event()

    def put(item: Any) -> bool:
        while not left.is_set():
            try:
                ready.put(item, timeout=WAIT)
            except Full:
                continue
            return True
        return False

    def prepare() -> None:
        error = None
        try:
            for batch in batches:
                if not put(batch):
                    return
        except BaseException as caught:
            error = caught
        put(_End(error))

    worker = threading.Thread(target=prepare, name="tg.data.DataLoader", daemon=True)
    worker.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:  # also when a loop over the batches is left
        left.set()
        while True:  # a batch that waits for its place
            try:
                ready.get_nowait()
            except Empty:
                break
        worker.join()
