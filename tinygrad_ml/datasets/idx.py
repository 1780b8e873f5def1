"""The IDX format of MNIST: a header of big-endian integers, then the elements."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
LARGEST = 2**32  # bytes: a header cannot ask for more


def read_idx(path: str | Path) -> np.ndarray[Any, Any]:
    """Return the array of an IDX file, which may be compressed by gzip.

    Raises
    ------
    ValueError
        If the file is not whole, or is not of that format: nothing else is ever raised for what is in it.
    """
    path = Path(path)
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path) as file:
                data = file.read(LARGEST)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{path} is not a whole file of gzip: {error}") from None
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in DTYPES or not data[3]:
        raise ValueError(f"{path} is not an IDX file: it begins with the bytes {data[:4].hex(' ')}")
    ndim, dtype = data[3], np.dtype(DTYPES[data[2]])
    start = 4 + 4 * ndim
    if len(data) < start:
        raise ValueError(f"{path} ends within the header of its {ndim} axes")
    shape = [int.from_bytes(data[4 + 4 * k : 8 + 4 * k], "big") for k in range(ndim)]
    expected = math.prod(shape) * dtype.itemsize
    if len(data) - start != expected:
        raise ValueError(
            f"{path} holds {len(data) - start} bytes of elements; its shape {tuple(shape)} needs {expected}"
        )
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
