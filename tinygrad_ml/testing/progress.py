"""A progress bar for checks that take long, announced beforehand."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from typing import Any

LONG = 5.0  # seconds


def steps(items: Collection[Any], seconds: float, what: str, hint: str = "") -> Iterator[Any]:
    """Go through items that take `seconds` each; if that is long, say so first and show the progress."""
    if len(items) * seconds < LONG:
        yield from items
        return
    print(f"gradcheck: {what}: {len(items):,} steps, about {len(items) * seconds:.0f} s{hint}", file=sys.stderr)
    try:
        from tqdm import tqdm
    except ImportError:
        for done, item in enumerate(items):
            if done % max(1, len(items) // 100) == 0:
                print(f"\rgradcheck: {what}: {100 * done // len(items)} %", end="", file=sys.stderr)
            yield item
        print(f"\rgradcheck: {what}: 100 %", file=sys.stderr)
    else:
        yield from tqdm(items, desc=what, file=sys.stderr, leave=False)
