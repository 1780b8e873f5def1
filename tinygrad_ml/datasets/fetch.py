"""Finding a file of a data set: in the folder of data, in the cache, or on the network."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from .files import FILES, File

VARIABLE = "TINYGRAD_ML_DATA"


def fetch(name: str) -> Path:
    """Return the path of a file of `FILES`, whose sum was compared; download it if it is nowhere.

    Raises
    ------
    FileNotFoundError
        If it is not there and cannot be downloaded: the message has the address, and where to put the file.
    ImportError
        If it is not there, and pooch, which downloads, is not installed.
    ValueError
        If the file is damaged: the message has its path, its sum, and those that are right.
    """
    file = FILES[name]
    for folder in _folders():
        path = folder / file.place
        if path.is_file():
            _compare(path, file)
            return path
    return _download(name, file)


def cache_folder() -> Path:
    """Return the folder where downloaded files are kept."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", "~"))
    elif sys.platform == "darwin":
        base = Path("~/Library/Caches")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return base.expanduser() / "tinygrad_ml"


def _folders() -> list[Path]:
    named = os.environ.get(VARIABLE)
    return [*([Path(named)] if named else []), cache_folder()]


def sum_of(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if sys.version_info >= (3, 11) else _sum(file.read())


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _compare(path: Path, file: File) -> None:
    found = sum_of(path)
    if found not in file.sums and not file.checked:
        expected = " or ".join(file.sums)
        raise ValueError(
            f"{path} is damaged: its sha256 is {found}, not {expected}; delete it, or get it from {file.url}"
        )


def _download(name: str, file: File) -> Path:
    path = cache_folder() / file.place
    places = f"put it at {path}, or at {file.place} in the folder that the variable {VARIABLE} names"
    try:
        import pooch
    except ImportError:
        raise ImportError(
            f"the data set {name.split()[0]!r} is not on this machine: pip install pooch, which downloads it; or get "
            f"{file.url} and {places}"
        ) from None
    path.parent.mkdir(parents=True, exist_ok=True)
    expected = None if file.checked else _expected(file)
    try:
        pooch.retrieve(file.url, known_hash=expected, fname=path.name, path=path.parent)
    except Exception as error:  # of the network, in the words of whatever downloads
        if isinstance(error, ValueError) and "hash" in str(error):
            raise ValueError(f"what {file.url} gave is damaged or another file: {error}") from None
        raise FileNotFoundError(
            f"the data set {name.split()[0]!r} is not on this machine and could not be downloaded: get {file.url} and "
            f"{places} ({type(error).__name__}: {error})"
        ) from error
    return path


def _expected(file: File) -> str | None:
    """Return the sum of what the address gives: the last one, where the table has several forms."""
    return f"sha256:{file.sums[-1 if 'krishnaik06' in file.url else 0]}"
