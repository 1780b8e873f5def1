"""Fingerprints: whether the data of a training are those that it began with."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np

from ..data import DataLoader

LARGE = 2**26  # bytes, which take less than a tenth of a second
SAMPLED = 64  # rows of what is larger, or on disk


def fingerprint(loader: DataLoader) -> list[dict[str, Any]]:
    """Return the shape, the dtype and a hash of every array.

    The hash is that of all numbers, or of 64 rows, evenly spread, of a memory map or an array above 64 MiB.

    Examples
    --------
    >>> from tinygrad_ml.train.fingerprint import fingerprint
    >>> one, same, other = (tg.data.DataLoader(np.array([1.0, y])) for y in (2.0, 2.0, 3.0))
    >>> fingerprint(one) == fingerprint(same), fingerprint(one) == fingerprint(other)
    (True, False)
    """
    return [_of_array(array, on_disk) for array, on_disk in zip(loader.arrays, loader.on_disk)]


def _of_array(array: np.ndarray, on_disk: bool) -> dict[str, Any]:
    if on_disk or array.nbytes > LARGE:
        rows = array[np.unique(np.linspace(0, len(array) - 1, SAMPLED).astype(np.intp))]
    else:
        rows = array
    numbers = np.ascontiguousarray(rows).reshape(-1).view(np.uint8)
    digest = blake2b(numbers, digest_size=16).hexdigest()  # type: ignore[arg-type]  # any buffer will do
    return {"shape": array.shape, "dtype": str(array.dtype), "hash": digest}


def differences(what: str, saved: list[dict[str, Any]] | None, present: list[dict[str, Any]] | None) -> list[str]:
    """Say how the data of a file differ from those that there are now; None if they are not in arrays."""
    if saved == present:
        return []
    if saved is None or present is None:
        return [f"it had {what} in arrays" if saved else f"it had no {what} in arrays"]
    if len(saved) != len(present):
        return [f"its {what} had {len(saved)} arrays, not {len(present)}"]
    found, values = [], []
    for i, (old, new) in enumerate(zip(saved, present)):
        name = ("x", "y")[i] if i < 2 else f"part {i}"
        kinds = [f"of shape {one['shape']} and dtype {one['dtype']}" for one in (old, new)]
        if kinds[0] != kinds[1]:
            found.append(f"its {what} had {name} {kinds[0]}, not {kinds[1]}")
        elif old["hash"] != new["hash"]:
            values.append(name)
    if values:
        found.append(f"its {what} were others: {' and '.join(values)} had other values")
    return found
