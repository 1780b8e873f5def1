"""Weights and checkpoints in files: safetensors when that package is installed, else NumPy's .npz; never pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .tensor import Tensor

NPZ, SAFETENSORS = ".npz", ".safetensors"
STRUCTURE = "__structure__"  # the entry of a checkpoint that says, in JSON, how its arrays belong together


class HasStateDict(Protocol):
    """What can be saved as it is: a Module, an optimizer, a scheduler."""

    def state_dict(self) -> Mapping[Any, Any]:
        """Return what is to be saved."""


def save(state: HasStateDict | Mapping[Any, Any], path: str | os.PathLike[str]) -> Path:
    """Write the weights of a Module, a dict of named arrays, or a whole checkpoint to a file.

    A checkpoint is a dict that also holds dicts, lists, tuples, strings, numbers, bools and None, such as the states of
    an optimizer and a scheduler; everything comes back as it was. Its arrays have names like "model/0.weight" in the
    file, so that other programs can read them, and the rest is JSON beside them.

    The file is written beside its final name and renamed when it is complete, so an interruption leaves
    the old one as it was.

    Parameters
    ----------
    state : Module, or dict
        Tensors are saved as arrays. Of what has a `state_dict()` (a Module, an optimizer), that is saved.
    path : path
        With the ending .safetensors or .npz, which choose the format; any other name gets .safetensors if that
        package is installed (`pip install safetensors`), else .npz.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    TypeError
        If there is something else in it, which is named.

    Examples
    --------
    >>> import tempfile
    >>> layer = tg.nn.Linear(3, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = tg.save(layer, folder + "/layer.npz")
    ...     list(tg.load(file))
    ['weight', 'bias']

    A checkpoint, from which training goes on as if it had never stopped:

    >>> optimizer = tg.optim.Adam(layer.parameters())
    >>> checkpoint = {
    ...     "model": layer.state_dict(),
    ...     "optimizer": optimizer.state_dict(),
    ...     "random": tg.get_rng_state(),
    ...     "epoch": 3,
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     loaded = tg.load(tg.save(checkpoint, folder + "/checkpoint"))
    >>> layer.load_state_dict(loaded["model"])
    >>> optimizer.load_state_dict(loaded["optimizer"])
    >>> tg.set_rng_state(loaded["random"])
    >>> loaded["epoch"]
    3
    """
    entries = state if isinstance(state, Mapping) or not hasattr(state, "state_dict") else state.state_dict()
    if not isinstance(entries, Mapping):
        raise TypeError(f"save() takes a Module or a dict, not {type(state).__name__}")
    arrays: dict[str, np.ndarray] = {}
    structure = _describe(entries, "", arrays)
    if structure != {"dict": [[name, {"array": name}] for name in arrays]}:  # more than named arrays
        arrays[STRUCTURE] = np.frombuffer(json.dumps(structure).encode(), np.uint8)
    import tempfile  # these two cost more to import than the rest of this file
    import zipfile

    path = Path(path)
    if path.suffix not in (NPZ, SAFETENSORS):
        path = path.with_name(path.name + (NPZ if _safetensors(required=False) is None else SAFETENSORS))
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            if path.suffix == NPZ:
                with zipfile.ZipFile(file, "w") as archive:  # np.savez, which has arguments of its own, but any name
                    for name, array in arrays.items():
                        with archive.open(name + ".npy", "w", force_zip64=True) as entry:
                            np.lib.format.write_array(entry, array, allow_pickle=False)
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


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what `save` wrote, or the named arrays of another file of weights (PyTorch's safetensors).

    Give the arrays to `module.load_state_dict`. A name without its ending is found too.

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
                arrays = {name: archive[name] for name in archive.files}
            for name, array in arrays.items():
                if not isinstance(array, np.ndarray):  # NumPy gives the bytes of a member that is something else
                    raise ValueError(f"its entry {name!r} is not an array")
            return _restored(arrays)
        if content[8:9] == b"{":
            return _restored(_safetensors().load(content))
    except ImportError:
        raise
    except Exception as error:  # whatever a damaged file makes the readers raise
        raise ValueError(f"{path} is damaged or incomplete: {error}") from error
    raise ValueError(f"{path} is not a file of weights (.safetensors or .npz)")


def _describe(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """Return a checkpoint as JSON can hold it, and put its arrays under names of their own beside it."""
    if isinstance(value, Mapping):
        pairs = []
        for key, item in value.items():
            if type(key) not in (str, int):
                raise TypeError(f"save(): the key {key!r} in {name or 'the dict'} must be a string or an int")
            pairs.append([key, _describe(item, f"{name}/{key}" if name else str(key), arrays)])
        return {"dict": pairs}
    if type(value) in (list, tuple):
        return {type(value).__name__: [_describe(item, f"{name}/{i}", arrays) for i, item in enumerate(value)]}
    if value is None or type(value) in (str, bool, int, float):
        return value
    array = value.numpy() if isinstance(value, Tensor) else np.asarray(value)
    if array.dtype.kind not in "fciub":
        raise TypeError(
            f"save(): the entry {name!r} is a {type(value).__name__}; it must be a numeric array, a string, a number, "
            "a bool, None, or a dict or list of those"
        )
    while name in arrays or name in ("", STRUCTURE):  # a dict may have a name with "/" in it
        name += "'"
    arrays[name] = np.ascontiguousarray(array).reshape(array.shape)
    return {"array": name}


def _restored(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the checkpoint that `_describe` described."""

    def build(plan: Any) -> Any:
        if not isinstance(plan, dict):
            return plan
        ((kind, content),) = plan.items()
        if kind == "array":
            return arrays[content]
        if kind == "dict":
            return {key: build(item) for key, item in content}
        return {"list": list, "tuple": tuple}[kind](map(build, content))

    return build(json.loads(arrays.pop(STRUCTURE).tobytes())) if STRUCTURE in arrays else arrays


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
