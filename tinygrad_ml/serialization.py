"""Weights in files: safetensors when that package is installed, NumPy's .npz otherwise; never pickle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from .nn.module import Module
from .tensor import Tensor

NPZ, SAFETENSORS = ".npz", ".safetensors"


def save(state: Module | Mapping[str, Any], path: str | os.PathLike[str]) -> Path:
    """Write the weights of a Module, or a dict of named arrays, to a file.

    The file is written beside its final name and renamed when it is complete, so an interruption leaves
    the old one as it was.

    Parameters
    ----------
    state : Module, or mapping from names to arrays or Tensors
    path : path
        With the ending .safetensors or .npz, which choose the format; any other name gets .safetensors if that
        package is installed (`pip install safetensors`), else .npz.

    Returns
    -------
    Path
        The file that was written.

    Examples
    --------
    >>> import tempfile
    >>> layer = tg.nn.Linear(3, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = tg.save(layer, folder + "/layer.npz")
    ...     list(tg.load(file))
    ['weight', 'bias']
    """
    entries = state.state_dict() if isinstance(state, Module) else state
    if not isinstance(entries, Mapping):
        raise TypeError(f"save() takes a Module or a dict of named arrays, not {type(state).__name__}")
    arrays = {}
    for name, value in entries.items():
        array = value.numpy() if isinstance(value, Tensor) else np.asarray(value)
        if not isinstance(name, str) or array.dtype.kind not in "fciub":
            raise TypeError(f"save(): the entry {name!r} must be a named numeric array, not {type(value).__name__}")
        arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
    import tempfile  # costs more to import than the rest of this file

    path = Path(path)
    if path.suffix not in (NPZ, SAFETENSORS):
        path = path.with_name(path.name + (NPZ if _safetensors(required=False) is None else SAFETENSORS))
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            if path.suffix == NPZ:
                np.savez(file, **arrays)
            else:
                file.write(_safetensors().save(arrays))
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


def load(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read the named arrays of a file that `save` (or PyTorch's safetensors) wrote.

    Give them to `module.load_state_dict`. A name without its ending is found too.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or if it is not a complete file of weights.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tg.load(tg.save({"w": tg.ones(2)}, folder + "/weights"))
    {'w': array([1., 1.], dtype=float32)}
    """
    path = Path(path)
    for candidate in (path, path.with_name(path.name + SAFETENSORS), path.with_name(path.name + NPZ)):
        if candidate.is_file():
            path = candidate
            break
    else:
        raise FileNotFoundError(f"there is no file of weights {path}")
    content = path.read_bytes()
    try:
        if content[:2] == b"PK":
            with np.load(BytesIO(content), allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        if content[8:9] == b"{":
            return _safetensors().load(content)
    except ImportError:
        raise
    except Exception as error:  # whatever a damaged file makes the readers raise
        raise ValueError(f"{path} is damaged or incomplete: {error}") from error
    raise ValueError(f"{path} is not a file of weights (.safetensors or .npz)")


def _safetensors(required: bool = True) -> Any:
    try:
        from safetensors import numpy
    except ImportError:
        if required:
            raise ImportError("files of the kind .safetensors need: pip install safetensors (or use .npz)") from None
        return None
    return numpy


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
