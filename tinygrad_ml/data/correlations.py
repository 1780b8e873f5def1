"""Pearson's correlation of columns: which of them go together, and which go with the target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..figures import SIGNED, one_axes
from .table import is_numeric, read_column, read_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Correlation", "correlation"]

SHOWN = 10  # columns of a table, or lines of pairs, that are shown as text
WRITTEN = 14  # columns of a heat map up to which numbers are written into it


def correlation(data: Any, target: Any = None) -> Correlation:
    """Return Pearson's correlation r of every two columns of numbers, from -1 to 1.

    r is 1 or -1 where one column is a linear function of the other, and 0 where the best line is flat; two columns may
    depend on each other and have r = 0. Rows in which one of two columns is missing are left out for these two.

    Parameters
    ----------
    data : frame of pandas or polars, dict of arrays, array `(rows, columns)`
        Columns that hold no numbers are left out, and named in `left_out`.
    target : str or (rows,), optional
        The column that is to be predicted, or its values.

    Returns
    -------
    Correlation

    Raises
    ------
    ValueError, TypeError
        If there is no such column, or fewer than two columns of numbers.

    Examples
    --------
    >>> x = np.arange(6.0)
    >>> houses = {"area": x, "age": [3, 1, 4, 1, 5, 9], "price": 2 * x + 1, "town": list("abcabc")}
    >>> found = tg.data.correlation(houses, target="price")
    >>> found
    correlation with price:
      area   1.000  ████████████████████
      age    0.696  ██████████████
    left out, since they hold no numbers: town
    >>> round(found["area", "age"], 3), found.values.shape
    (0.696, (3, 3))
    """
    table = read_table("correlation", data)
    name = target if isinstance(target, str) else None
    if name is not None and name not in table:
        raise ValueError(f"correlation: there is no column {name!r}; the columns are {', '.join(list(table)[:20])}")
    if target is not None and name is None:
        values = read_column(target)
        rows = len(next(iter(table.values())))
        if values.shape != (rows,):
            raise ValueError(f"correlation: target has the shape {values.shape}, and the data have {rows} rows")
        name = str(getattr(target, "name", None) or "target")
        if name in table:
            raise ValueError(f"correlation: there is a column {name!r} already; name it, target={name!r}")
        table[name] = values
    numbers = {key: column for key, column in table.items() if is_numeric(column)}
    if name is not None and name not in numbers:
        raise TypeError(f"correlation: the target {name!r} holds no numbers; write its classes as 0, 1, ...")
    if len(numbers) < 2:
        raise ValueError(f"correlation: it takes two columns of numbers, and there are {len(numbers)}")
    left_out = [key for key in table if key not in numbers]
    return Correlation(list(numbers), pearson(np.stack(list(numbers.values()), axis=1)), name, left_out)


def pearson(X: np.ndarray) -> np.ndarray:
    """Return the correlations of columns `(rows, columns)`; NaN where one is constant, over rows in which both are.

    Examples
    --------
    >>> from tinygrad_ml.data.correlations import pearson
    >>> pearson(np.array([[0.0, 1.0], [1.0, 3.0], [2.0, 5.0], [9.0, np.nan]]))
    array([[1., 1.],
           [1., 1.]])
    """
    there = np.isfinite(X)
    counts = np.maximum(there.sum(axis=0), 1)
    zeroed = np.where(there, X, 0)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        centred = np.where(there, zeroed - zeroed.sum(axis=0) / counts, 0)
        largest = abs(centred).max(axis=0)
        centred /= np.where(largest > 0, largest, 1)
        mask = there.astype(np.float64)
        n = mask.T @ mask
        sums, squares = centred.T @ mask, (centred * centred).T @ mask  # of the first column, over the rows of both
        spread = n * squares - sums * sums
        spread[spread <= 1e-12 * n * squares] = np.nan  # the first column is constant there
        r = (n * (centred.T @ centred) - sums * sums.T) / np.sqrt(spread * spread.T)
    np.clip(r, -1, 1, out=r)
    known = ~np.isnan(np.diag(r))
    r[known, known] = 1.0
    return r


@dataclass(frozen=True, repr=False)
class Correlation:
    """Correlations of columns, as `tg.data.correlation` returns them.

    Attributes
    ----------
    names : list of str
        The columns of numbers.
    values : (columns, columns)
        NaN where a column is constant.
    target : str or None
    left_out : list of str
        The columns that hold no numbers.

    Examples
    --------
    >>> found = tg.data.correlation({"a": [0, 1, 2], "b": [3, 1, -1], "c": [0, 1, 0]})
    >>> found["a", "b"], found["a"]
    (-1.0, {'a': 1.0, 'b': -1.0, 'c': 0.0})
    """

    names: list[str]
    values: np.ndarray
    target: str | None
    left_out: list[str]

    def __getitem__(self, key: Any) -> Any:
        """Return r of two columns, or of one with all, by name."""
        first, *second = key if isinstance(key, tuple) else (key,)
        places = [self._place(name) for name in (first, *second)]
        found = self.values[tuple(places)]
        return float(found) if second else dict(zip(self.names, found.tolist()))

    def _place(self, name: str) -> int:
        if name not in self.names:
            raise KeyError(f"there is no column {name!r} of numbers; there are {', '.join(self.names[:20])}")
        return self.names.index(name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype)

    @property
    def with_target(self) -> dict[str, float]:
        """The correlation of every other column with the target, the strongest first, whatever its sign."""
        if self.target is None:
            raise ValueError("correlation: no target was named: correlation(data, target='price')")
        others = {name: r for name, r in self[self.target].items() if name != self.target}
        return dict(sorted(others.items(), key=lambda pair: -_strength(pair[1])))

    @property
    def pairs(self) -> list[tuple[str, str, float]]:
        """Every two columns and their correlation, the strongest first: near 1 or -1 they say nearly the same."""
        rows, columns = np.triu_indices(len(self.names), 1)
        found = [(self.names[i], self.names[j], float(self.values[i, j])) for i, j in zip(rows, columns)]
        return sorted(found, key=lambda pair: -_strength(pair[2]))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw a heat map; with a target, that comes first and the others by how strongly they go with it.

        Needs matplotlib.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure if not given.

        Returns
        -------
        matplotlib Axes

        Examples
        --------
        >>> ax = tg.data.correlation({"a": [0, 1, 2], "b": [3, 1, -1], "c": [0, 1, 0]}).plot()
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['a', 'b', 'c']
        """
        names = self.names if self.target is None else [self.target, *self.with_target]
        order = [self.names.index(name) for name in names]
        values, count = self.values[np.ix_(order, order)], len(order)
        side = min(max(3.5, 0.5 * count + 1.5), 14)
        ax = one_axes("correlation", ax, (side + 0.8, side))
        image = ax.imshow(np.ma.masked_invalid(values), cmap=SIGNED, vmin=-1, vmax=1)
        ax.set_facecolor("0.9")  # of what is not defined
        ax.set_xticks(range(count), names, rotation=45, ha="right", rotation_mode="anchor")
        ax.set_yticks(range(count), names)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        if count <= WRITTEN:
            for (i, j), r in np.ndenumerate(values):
                shade = "white" if abs(r) > 0.55 else "black"
                ax.text(j, i, "–" if np.isnan(r) else f"{r:.2f}", ha="center", va="center", color=shade, fontsize=9)
        ax.figure.colorbar(image, ax=ax, label="Pearson's r", shrink=0.8)
        return ax

    def __repr__(self) -> str:
        return "\n".join([*self._lines(), *self._last_line()])

    def _lines(self) -> Iterator[str]:
        if self.target is not None:
            found = self.with_target
            width = max(map(len, found))
            yield f"correlation with {self.target}:"
            for name, r in found.items():
                yield f"  {name:{width}}  {_text(r)}  {'█' * round(20 * _strength(r))}".rstrip()
            return
        if len(self.names) <= SHOWN:
            width = max(7, *map(len, self.names))
            yield " " * width + "".join(f"  {name:>{width}}" for name in self.names)
            for name, row in zip(self.names, self.values):
                yield f"{name:{width}}" + "".join(f"  {_text(r):>{width}}" for r in row)
            return
        yield f"correlations of {len(self.names)} columns, the strongest of them:"
        yield from (f"  {_text(r)}  {first}, {second}" for first, second, r in self.pairs[:SHOWN])

    def _last_line(self) -> list[str]:
        return [f"left out, since they hold no numbers: {', '.join(self.left_out)}"] if self.left_out else []


def _strength(r: float) -> float:
    return abs(r) if r == r else 0.0


def _text(r: float) -> str:
    return f"{r:6.3f}" if r == r else "     –"
