"""The progress of checks that take long, announced beforehand."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from typing import Any

from ..terminal import ProgressBar

LONG = 5.0  # seconds


def steps(items: Collection[Any], seconds: float, what: str, hint: str = "") -> Iterator[Any]:
    """Go through items that take `seconds` each; if that is long, say so first and show the progress."""
    n = len(items)
    if n * seconds < LONG:
        yield from items
        return
    print(f"gradcheck: {what}: {n:,} steps, about {n * seconds:.0f} s{hint}", file=sys.stderr)
    bar = ProgressBar(n, description=what, wanted=True, stays=False)
    try:
        for done, item in enumerate(items):
            if bar.tqdm is None and done % max(1, n // 100) == 0:
                print(f"\rgradcheck: {what}: {100 * done // n} %", end="", file=sys.stderr)
            yield item
            bar.advance()
        if bar.tqdm is None:
            print(f"\rgradcheck: {what}: 100 %", file=sys.stderr)
    finally:
        bar.close()
