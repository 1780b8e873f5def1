"""Tables in files, of which only a piece is in memory at a time: CSV by pandas, Parquet by pyarrow."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from ..tensor import get_default_dtype
from ..validation import NUMERIC, why_no_number

__all__ = ["TableFile", "open_table"]

EDGE = 2**16  # the bytes at both ends of a file that tell it from another one


def open_table(path: Any, target: Any, columns: Any, rows: int, dtype: Any, frames: bool) -> TableFile:
    """Return the table of a file, by the end of its name.

    Parameters
    ----------
    path : path
    target : str, list of str or None
    columns : list of str or None
        The features; all but the target by default.
    rows : int
        Of a piece.
    dtype : dtype or None
        Of floating parts.
    frames : bool
        Whether features that hold no numbers may come in frames.
    """
    place = Path(path)
    kind = {".csv": CSVTable, ".tsv": CSVTable, ".parquet": ParquetTable, ".pq": ParquetTable}.get(place.suffix.lower())
    if kind is None:
        raise ValueError(
            f"DataLoader: {os.fspath(path)!r} must end in .csv, .tsv or .parquet; read other files into arrays first"
        )
    if not place.is_file():
        raise FileNotFoundError(f"DataLoader: there is no file {os.fspath(path)!r}")
    return kind(place, target, columns, rows, dtype, frames)


class TableFile:
    """A table in a file, whose rows come piece by piece as the parts of batches: features, and targets if there are.

    Attributes
    ----------
    rows : int
    starts : (pieces + 1,)
        The first row of every piece, and the number of rows.
    features, targets : lists of the names of columns
    """

    def __init__(self, path: Path, target: Any, columns: Any, rows: int, dtype: Any, frames: bool):
        self.path = path
        self.dtype = np.dtype(dtype) if dtype is not None else get_default_dtype()
        self.wanted: list[str] | None = None  # the columns to read; all at first, to see which there are
        self.starts = np.cumsum([0, *self.open(rows)])
        self.rows = int(self.starts[-1])
        if not self.rows:
            raise ValueError(f"DataLoader: {path.name} has no rows")
        first = self.piece(0)
        names = list(first)
        self.one_target = isinstance(target, str)
        self.targets = _chosen(path, names, "target", [target] if self.one_target else target or [])
        others = [name for name in names if name not in self.targets]
        self.features = _chosen(path, names, "columns", others if columns is None else list(columns))
        if not self.features:
            raise ValueError(f"DataLoader: {path.name} has no columns but the target")
        both = [name for name in self.features if name in self.targets]
        if both:
            raise ValueError(f"DataLoader: columns and target both name {', '.join(map(repr, both))}")
        self.wanted = [*self.features, *self.targets]
        text = [name for name in self.features if first[name].dtype.kind not in NUMERIC]
        if text and not frames:
            raise TypeError(
                f"DataLoader: these columns of {path.name} do not hold numbers: {', '.join(map(repr, text[:10]))}; "
                "leave them out by columns=[...], or give transform=f, which gets them in a frame"
            )
        self.in_frames = bool(text)
        kinds = {first[name].dtype.kind for name in self.targets}
        self.target_dtype = np.dtype(np.int64) if kinds <= {"i", "u", "b"} else self.dtype

    def open(self, rows: int) -> list[int]:
        """Find the pieces of the file; return how many rows each has."""
        raise NotImplementedError

    def piece(self, i: int) -> dict[str, np.ndarray]:
        """Return the wanted columns of a piece, as arrays by name."""
        raise NotImplementedError

    def order(self, random: np.random.Generator) -> np.ndarray:
        """Return all rows in an order in which they may come: pieces in any order, and the rows of each."""
        pieces = random.permutation(len(self.starts) - 1)
        return np.concatenate(
            [self.starts[i] + random.permutation(self.starts[i + 1] - self.starts[i]) for i in pieces]
        )

    def batches(self, order: np.ndarray | None, size: int) -> Iterator[list[Any]]:
        """Yield the parts of batches, of rows in an order that `order` has returned, or as they stand in the file."""
        rest: list[Any] = []
        at = 0
        while at < self.rows:
            first = at if order is None else order[at]
            i = int(np.searchsorted(self.starts, first, side="right")) - 1
            end = at + int(self.starts[i + 1] - self.starts[i])
            parts = self.parts(i, slice(None) if order is None else order[at:end] - self.starts[i])
            if rest:
                parts = [_joined(*pair) for pair in zip(rest, parts)]
            at, n = end, len(parts[0])
            whole = n - n % size if at < self.rows else n
            for start in range(0, whole, size):
                yield [_rows(part, start, start + size) for part in parts]
            rest = [_rows(part, whole, n) for part in parts] if whole < n else []

    def parts(self, i: int, order: Any) -> list[Any]:
        """Return the features of a piece, `(rows, features)` or a frame, and its targets, in an order of its rows."""
        table = {name: column[order] for name, column in self.piece(i).items()}
        first = int(self.starts[i])
        if self.in_frames:
            x: Any = _frame({name: table[name] for name in self.features})
        else:
            x = np.empty((len(table[self.features[0]]), len(self.features)), self.dtype)
            for k, name in enumerate(self.features):
                x[:, k] = self._numbers(table[name], name, first, self.dtype)
        if not self.targets:
            return [x]
        columns = [self._numbers(table[name], name, first, self.target_dtype) for name in self.targets]
        return [x, columns[0] if self.one_target else np.stack(columns, axis=1)]

    def _numbers(self, column: np.ndarray, name: str, first: int, dtype: np.dtype) -> np.ndarray:
        where = f"DataLoader: {self.path.name}, column {name!r}, rows {first} to {first + len(column) - 1}"
        if column.dtype.kind not in NUMERIC:
            wrong = next((value for value in column.tolist() if not isinstance(value, (int, float))), column.dtype)
            hint = "; a target must be numbers: write the classes as 0, 1, ..." if name in self.targets else ""
            raise TypeError(f"{where}: {wrong!r} is no number{why_no_number(str(wrong))}{hint}")
        if dtype.kind == "i" and column.dtype.kind == "f" and not (column == np.floor(column)).all():
            wrong = column[column != np.floor(column)][0]
            raise ValueError(f"{where}: {wrong} is no integer, as the values in the first rows are")
        return column.astype(dtype, copy=False)

    def fingerprint(self) -> dict[str, Any]:
        """Return what tells the file from another one: its columns and its size, and a hash of its ends."""
        digest = blake2b(digest_size=16)
        size = self.path.stat().st_size
        with open(self.path, "rb") as file:
            digest.update(file.read(EDGE))
            file.seek(max(0, size - EDGE))
            digest.update(file.read(EDGE))
        digest.update(repr((size, self.features, self.targets)).encode())
        return {"shape": (self.rows, len(self.features)), "dtype": str(self.dtype), "hash": digest.hexdigest()}


class CSVTable(TableFile):
    """A table in a text file with a line of names; a value in quotes may hold newlines."""

    def open(self, rows: int) -> list[int]:
        _import("pandas", f"to read {self.path.name}")
        self.places, counts = [], []
        with open(self.path, "rb") as file:
            self.header = b"".join(_record(file))
            between = ";" if b";" in self.header and b"," not in self.header else ","  # as where commas are decimal
            self.separator = "\t" if self.path.suffix.lower() == ".tsv" else between
            count, at = 0, len(self.header)
            while record := b"".join(_record(file)):
                if record.strip():  # pandas leaves empty lines out
                    if count % rows == 0:
                        self.places.append(at)
                        counts.append(0)
                    counts[-1] += 1
                    count += 1
                at += len(record)
            self.places.append(at)
        return counts

    def piece(self, i: int) -> dict[str, np.ndarray]:
        with open(self.path, "rb") as file:
            file.seek(self.places[i])
            text = self.header.rstrip(b"\r\n") + b"\n" + file.read(self.places[i + 1] - self.places[i])
        where = f"DataLoader: {self.path.name}, from row {self.starts[i]}"
        pandas = _import("pandas", f"to read {self.path.name}")
        try:  # all columns: where some are left out, pandas does not see that a row is too long
            frame = pandas.read_csv(io.BytesIO(text), sep=self.separator)
        except ValueError as error:  # also of text that is not UTF-8
            raise ValueError(f"{where}: {error}") from None
        if not isinstance(frame.index, pandas.RangeIndex):
            raise ValueError(f"{where}: the rows have more values than there are names")
        if len(frame) != self.starts[i + 1] - self.starts[i]:
            raise ValueError(
                f"{where}: {len(frame)} rows were read, and {self.starts[i + 1] - self.starts[i]} are there"
            )
        return {str(name): frame[name].to_numpy() for name in self.wanted or frame.columns}


class ParquetTable(TableFile):
    """A table in a Parquet file, whose row groups are the pieces."""

    def _file(self) -> Any:
        return _import("pyarrow.parquet", f"to read {self.path.name}").ParquetFile(self.path)

    def open(self, rows: int) -> list[int]:
        try:
            with self._file() as file:
                groups = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
        except (OSError, ValueError) as error:  # those of pyarrow derive from these
            raise ValueError(f"DataLoader: {self.path.name} is no Parquet file, or damaged: {error}") from None
        self.groups = [i for i, count in enumerate(groups) if count]
        return [groups[i] for i in self.groups]

    def piece(self, i: int) -> dict[str, np.ndarray]:
        with self._file() as file:
            try:
                table = file.read_row_group(self.groups[i], columns=self.wanted)
            except (OSError, ValueError) as error:
                raise ValueError(f"DataLoader: {self.path.name}, from row {self.starts[i]}: {error}") from None
        return {name: table.column(name).to_numpy() for name in self.wanted or table.column_names}


def _record(file: Any) -> Iterator[bytes]:
    """Yield the lines of the next row: more than one while a quote is open."""
    quotes = 0
    for line in iter(file.readline, b""):
        yield line
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            return
    if quotes:
        raise ValueError(f"DataLoader: {Path(file.name).name}: a quote is opened and never closed")


def _chosen(path: Path, names: Sequence[str], what: str, wanted: Sequence[Any]) -> list[str]:
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise ValueError(
            f"DataLoader: {what} names {', '.join(map(repr, unknown))}, which {path.name} does not have; its columns "
            f"are {', '.join(names[:20])}{' ...' if len(names) > 20 else ''}"
        )
    return list(wanted)


def _import(module: str, what: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise ImportError(f"DataLoader needs {package} {what}: pip install {package}") from None


def _frame(columns: dict[str, np.ndarray]) -> Any:
    return _import("pandas", "for columns that hold no numbers").DataFrame(columns)


def _rows(part: Any, start: int, stop: int) -> Any:
    return part.iloc[start:stop] if hasattr(part, "iloc") else part[start:stop]


def _joined(first: Any, second: Any) -> Any:
    if hasattr(first, "iloc"):
        return _import("pandas", "for frames").concat([first, second], ignore_index=True)
    return np.concatenate([first, second])
