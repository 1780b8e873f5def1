"""Weights and checkpoints in files: safetensors when that package is installed, else NumPy's .npz; never pickle."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .arrays import is_other, on_host
from .validation import check_array

__all__ = ["HasStateDict", "check_writable", "load", "save", "unfinished_files"]

NPZ, SAFETENSORS = ".npz", ".safetensors"
STRUCTURE = "__structure__"  # the entry of a checkpoint that says, in JSON, how its arrays belong together
RESERVED = ("", STRUCTURE, "__metadata__")  # names that arrays cannot have in a file, the last one in .safetensors
LONGEST = 1000  # characters of a name in a file; longer ones stand in the structure alone
# what .safetensors calls the dtypes that NumPy has; BF16, the upper half of a float32, is read as one
DTYPES = {"BOOL": "?", "C64": "<c8"} | {f"{kind.upper()}{8 * n}": f"<{kind}{n}" for kind in "iu" for n in (1, 2, 4, 8)}
DTYPES |= {f"F{8 * n}": f"<f{n}" for n in (2, 4, 8)}


class HasStateDict(Protocol):
    """What can be saved as it is: a Module, an optimizer, a scheduler."""

    def state_dict(self) -> Mapping[Any, Any]:
        """Return what is to be saved."""


def save(state: HasStateDict | Mapping[Any, Any], path: str | os.PathLike[str]) -> Path:
    """Write the weights of a Module, a dict of named arrays, or a whole checkpoint to a file.

    A checkpoint is a dict that also holds dicts, lists, tuples, strings, numbers, bools and None, such as the states of
    an optimizer and a scheduler; everything comes back as it was. Its arrays have names like "model/0.weight" in the
    file, so that other programs can read them, and the rest is JSON beside them.

    The file is written beside its final name and renamed when it is complete, so an interruption leaves the old one as
    it was. It keeps the permissions of a file that it replaces, and a link stays a link.

    Parameters
    ----------
    state : Module, or dict
        Tensors are saved as arrays. Of what has a `state_dict()` (a Module, an optimizer), that is saved.
    path : path
        The endings .safetensors and .npz choose the format. A file with any other ending ("model.pt") is written under
        the name given, in the format of .safetensors if that package is installed (`pip install safetensors`) and holds
        the dtypes of the arrays, else of .npz; a name without an ending gets that of the format.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    TypeError
        If there is something else in it, which is named.
    OSError
        If the file cannot be written.

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
    >>> keys = layer.load_state_dict(loaded["model"])
    >>> optimizer.load_state_dict(loaded["optimizer"])
    >>> tg.set_rng_state(loaded["random"])
    >>> loaded["epoch"]
    3
    """
    arrays = _named_arrays(state)
    path = _with_ending(Path(path), arrays)
    _write(arrays, path)
    return path


def check_writable(state: HasStateDict | Mapping[Any, Any], path: str | os.PathLike[str]) -> None:
    """Raise what `save` would raise: write the file beside its final name, and remove it again.

    Examples
    --------
    >>> from tinygrad_ml.serialization import check_writable
    >>> check_writable({"w": tg.ones(2)}, "no/such/folder/weights.npz")
    Traceback (most recent call last):
    ...
    FileNotFoundError: [Errno 2] cannot write: No such file or directory: 'no/such/folder/weights.npz'
    """
    arrays = _named_arrays(state)
    _write(arrays, _with_ending(Path(path), arrays), keep=False)


def unfinished_files(path: str | os.PathLike[str]) -> list[Path]:
    """Return what processes left behind that were killed while they saved to a path.

    Examples
    --------
    >>> from tinygrad_ml.serialization import unfinished_files
    >>> unfinished_files("weights.npz")
    []
    """
    target = _target(Path(path))
    name = re.compile(rf"\.{re.escape(target.name)}({NPZ}|{SAFETENSORS})?-[a-z0-9_]{{8}}")
    return [file for file in target.parent.iterdir() if name.fullmatch(file.name)]


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
            return _restored(_read_npz(content))
        if content[8:9] == b"{":
            return _restored(_read_safetensors(content))
    except ImportError:
        raise
    except _Foreign as error:
        raise ValueError(f"{path} {error}") from None
    except Exception as error:  # whatever a damaged file makes the readers raise
        raise ValueError(f"{path} is damaged or incomplete: {error}") from error
    if content[:1] == b"\x80":
        raise ValueError(f"{path} {PICKLE}")
    raise ValueError(f"{path} is not a file of weights (.safetensors or .npz)")


# ---------------------------------------------------------------------- files


def _with_ending(path: Path, arrays: Mapping[str, np.ndarray]) -> Path:
    """Return the path as it is given, with the ending of its format if it has none; "v1.0" has none."""
    return path if re.match(r"\.[A-Za-z]", path.suffix) else path.with_name(path.name + _format(path, arrays))


def _format(path: Path, arrays: Mapping[str, np.ndarray]) -> str:
    """Return the format that the ending chooses, or else the one that there is and that holds the arrays."""
    ending = path.suffix.lower()
    if ending in (NPZ, SAFETENSORS):
        return ending
    return SAFETENSORS if all(map(_is_in_dtypes, arrays.values())) and _safetensors(required=False) else NPZ


def _is_in_dtypes(array: np.ndarray) -> bool:
    return any(array.dtype.newbyteorder("<") == dtype for dtype in DTYPES.values())


def _target(path: Path) -> Path:
    """Return where the file is: a link stays one when the file is replaced."""
    return Path(os.path.realpath(path))


def _write(arrays: dict[str, np.ndarray], path: Path, keep: bool = True) -> None:
    """Write arrays to a file, or only try to."""
    write = _write_npz if _format(path, arrays) == NPZ else _write_safetensors
    replace_file(path, lambda file: write(arrays, file), keep)


def replace_file(path: Path, write: Callable[[Any], Any], keep: bool = True) -> None:
    """Write a file beside its final name by `write(file)`, and rename it when it is complete, or remove it again."""
    import tempfile  # this and zipfile cost more to import than the rest of this file

    target = _target(path)
    try:
        if target.exists() and not target.is_file():
            raise OSError(errno.EISDIR if target.is_dir() else errno.EEXIST, "there is something else of this name")
        mode = target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_umask()
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
        try:
            with os.fdopen(handle, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            if keep:
                os.chmod(temporary, mode)
                os.replace(temporary, target)
            else:
                os.unlink(temporary)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:  # whose own message has the name of the temporary file
        raise OSError(error.errno, f"cannot write: {error.strerror or error}", str(path)) from error


def _write_npz(arrays: Mapping[str, np.ndarray], file: Any) -> None:
    import zipfile

    with zipfile.ZipFile(file, "w") as archive:  # np.savez, which has arguments of its own, but any name
        for name, array in arrays.items():
            with archive.open(name + ".npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def _write_safetensors(arrays: dict[str, np.ndarray], file: Any) -> None:
    for name, array in arrays.items():
        if not _is_in_dtypes(array):
            raise TypeError(f"save(): the entry {name!r} is {array.dtype}, which {SAFETENSORS} cannot hold; use {NPZ}")
    file.write(_safetensors().numpy.save(arrays))


class _Foreign(ValueError):
    """What another program wrote, and this one does not read. The message goes on after the name of the file."""


PICKLE = (
    "is a pickle, not a file of weights (.safetensors or .npz): to open one could run any program. If it comes from "
    "PyTorch, module.load_state_dict(torch.load(path)) takes its weights over"
)


def _read_npz(content: bytes) -> dict[str, np.ndarray]:
    """Return the arrays of an archive, under the names that they were given: np.load takes "a.npy" for "a"."""
    import zipfile

    arrays: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = archive.infolist()
        if any(member.filename.rpartition("/")[2] == "data.pkl" for member in members):
            raise _Foreign(PICKLE)
        for member in members:
            name = member.filename.removesuffix(".npy")
            if name in arrays:
                raise ValueError(f"it has two entries {name!r}")
            with archive.open(member) as entry:
                arrays[name] = np.lib.format.read_array(entry, allow_pickle=False)
    return arrays


def _read_safetensors(content: bytes) -> dict[str, np.ndarray]:
    arrays = {}
    for name, entry in _safetensors().deserialize(content):
        dtype, data = entry["dtype"], entry["data"]
        if dtype == "BF16":
            array = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
        elif dtype in DTYPES:
            array = np.frombuffer(data, DTYPES[dtype])
        else:
            raise _Foreign(
                f"has the entry {name!r} of dtype {dtype}, which NumPy does not have: turn it into float32 where the "
                "file comes from"
            )
        arrays[name] = array.astype(array.dtype.newbyteorder("=")).reshape(entry["shape"])
    return arrays


def _safetensors(required: bool = True) -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        if required:
            raise ImportError("files of the kind .safetensors need: pip install safetensors (or use .npz)") from None
        return None
    return safetensors


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# ---------------------------------------------------------------------- checkpoints


def _named_arrays(state: HasStateDict | Mapping[Any, Any]) -> dict[str, np.ndarray]:
    """Return what is written: the arrays of a state, and beside them how they belong together."""
    entries = state.state_dict() if hasattr(state, "state_dict") else state  # a ModuleDict is a mapping, too
    if not isinstance(entries, Mapping):
        raise TypeError(f"save() takes a Module or a dict, not {type(state).__name__}")
    arrays: dict[str, np.ndarray] = {}
    structure = _describe(entries, "", arrays)
    if structure != {"dict": [[name, {"array": name}] for name in arrays]}:  # more than named arrays
        arrays[STRUCTURE] = np.frombuffer(json.dumps(structure).encode(), np.uint8)
    return arrays


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
    value = on_host(value) if is_other(getattr(value, "_data", value)) else value
    array = check_array(value, f"the entry {name!r}", "save()")
    if array.dtype.kind not in "fciub":
        raise TypeError(
            f"save(): the entry {name!r} is a {type(value).__name__}; it must be a numeric array, a string, a number, "
            "a bool, None, or a dict or list of those"
        )
    if len(name) > LONGEST or not re.fullmatch(r"[^\x00\ud800-\udfff]*", name):
        name = f"array {len(arrays)}"  # a name that no file can hold
    while name in arrays or name in RESERVED:  # a dict may have a name with "/" in it
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
