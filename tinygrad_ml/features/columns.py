"""Columns: for each column of a frame, what becomes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np

from ..protocol import clone, is_estimator
from ..validation import is_integer, is_sparse
from .sparse_tables import read_sparse
from .tables import NamedArray, named, read_array, sparse_module
from .transformer import Transformer, check_choice, distinct

Key = Any  # the name or the place of a column, or a tuple of them


class Columns(Transformer):
    """Transform each column of a table in its own way, and set the results side by side.

    Transformers of scikit-learn may stand among those of this room. They are patterns, which are copied and never
    fitted themselves.

    Parameters
    ----------
    columns : dict, or list of pairs
        For a column or a tuple of columns, by name or by place: a transformer, a list of transformers that come one
        after another, "keep" or "drop". In a list of pairs, a column may stand several times.
    rest : "drop" or "keep"
        What becomes of the other columns.
    sparse : bool, optional
        Whether `transform` returns a sparse matrix (SciPy's CSR); by default if any part is sparse.

    Attributes
    ----------
    transformers_ : list of (columns, list of fitted transformers)

    Examples
    --------
    >>> import pandas
    >>> from tinygrad_ml.features import Columns, Impute, OneHot, Scale
    >>> people = pandas.DataFrame({"age": [20.0, None, 40.0], "sex": ["f", "m", "f"], "name": ["Ada", "Bo", "Cy"]})
    >>> columns = Columns({"age": [Impute("median"), Scale()], "sex": OneHot()})
    >>> columns.fit_transform(people).round(2)
    array([[-1.22,  1.  ,  0.  ],
           [ 0.  ,  0.  ,  1.  ],
           [ 1.22,  1.  ,  0.  ]])
    >>> columns.get_feature_names_out()
    array(['age', 'sex_f', 'sex_m'], dtype=object)
    """

    reads_values = True

    def __init__(self, columns: Any, rest: str = "drop", sparse: bool | None = None):
        self.columns, self.rest, self.sparse = columns, rest, sparse

    # ------------------------------------------------------------------ what is asked for

    def _pairs(self) -> list[tuple[Key, Any]]:
        if isinstance(self.columns, Mapping):
            return list(self.columns.items())
        if isinstance(self.columns, (list, tuple)) and all(
            isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in self.columns
        ):
            return [(tuple(key) if isinstance(key, list) else key, value) for key, value in self.columns]
        raise TypeError(
            f"Columns: columns must be a dict or a list of pairs, such as {{'age': Scale()}}, not {self.columns!r}"
        )

    def _steps(self, key: Key, value: Any) -> list[Any]:
        steps = list(value) if isinstance(value, (list, tuple)) else [] if value == "keep" else [value]
        for step in steps:
            if isinstance(step, type) or not hasattr(step, "fit") or not hasattr(step, "transform"):
                hint = '; write "keep"' if isinstance(step, str) and step == "passthrough" else ""
                if callable(step):
                    hint = "; of a function, sklearn.preprocessing.FunctionTransformer makes one"
                if isinstance(step, type):
                    hint = f"; write {step.__name__}()"
                raise TypeError(f'Columns: {key!r}: {step!r} is no transformer, list of them, "keep" or "drop"{hint}')
        return steps

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the hyperparameters; with `deep`, those of the transformers too, as `age__impute__strategy`.

        The name of a transformer is that of its class in lower case, and that of several columns "a+b".
        """
        found = super().get_params(deep=False)
        if deep:
            for name, (step, *_) in self._by_name().items():
                found[name] = step
                if is_estimator(step):
                    found |= {f"{name}__{inner}": value for inner, value in step.get_params().items()}
        return found

    def _by_name(self) -> dict[str, tuple[Any, int, int | None]]:
        """Return each transformer by its name, with its place: that of the pair, and in its list."""
        found: dict[str, tuple[Any, int, int | None]] = {}
        try:
            pairs = self._pairs()
        except TypeError:
            return found
        for at, (key, value) in enumerate(pairs):
            column = "+".join(map(str, key)) if isinstance(key, tuple) else str(key)
            several = isinstance(value, (list, tuple))
            for i, step in enumerate(value if several else [value]):
                name = f"{column}__{type(step).__name__.lower()}"
                while name in found:
                    name += "_"
                if is_estimator(step):
                    found[name] = step, at, i if several else None
        return found

    def set_params(self, **params: Any) -> Columns:
        """Change hyperparameters by name, as `get_params` has them: `set_params(age__impute__strategy="mean")`."""
        steps = self._by_name()
        inner: dict[str, dict[str, Any]] = {}
        for key in list(params):
            name = max((n for n in steps if key == n or key.startswith(n + "__")), key=len, default=None)
            if name is None:
                continue
            value = params.pop(key)
            if key == name:
                self._replace(*steps[name][1:], value)
            else:
                inner.setdefault(name, {})[key[len(name) + 2 :]] = value
        super().set_params(**params)
        now = self._by_name()
        for name, values in inner.items():
            now[name][0].set_params(**values)
        return self

    def _replace(self, at: int, i: int | None, step: Any) -> None:
        pairs = self._pairs()
        key, value = pairs[at]
        if i is not None:
            step = [*value[:i], step, *value[i + 1 :]]
        pairs[at] = key, step
        self.columns = dict(pairs) if isinstance(self.columns, Mapping) else pairs

    @property
    def why_not_sparse(self) -> str:  # type: ignore[override]
        """Why X must not be sparse, if that is so for a transformer."""
        reasons = (getattr(step, "why_not_sparse", "") for step, *_ in self._by_name().values())
        return next(filter(None, reasons), "")

    @property
    def allows_missing(self) -> bool:  # type: ignore[override]
        """Whether every transformer does."""
        return all(_allows_missing(step) for step, *_ in self._by_name().values())

    # ------------------------------------------------------------------ learning

    def _read_sparse(self, X: Any) -> Any:  # what a transformer refuses, it says itself
        return read_sparse("Columns", X, missing=True)

    def _read(self, X: Any) -> Any:
        return X if _is_frame(X) else read_array("Columns", X)

    def _learn_with(self, table: Any, y: Any) -> Any:
        check_choice("Columns: rest", self.rest, ("drop", "keep"))
        names = self._names_in()
        self.transformers_: list[tuple[list[int], list[Any]]] = []
        parts, out_names = [], []
        for key, value in self._all_pairs(names):
            places = [_place(column, names) for column in (key if isinstance(key, tuple) else (key,))]
            if isinstance(value, str) and value == "drop":
                continue
            chain = [clone(step) for step in self._steps(key, value)]
            if len(places) > 1 and chain and takes_texts(chain[0]):
                kind = type(chain[0]).__name__
                raise ValueError(f"Columns: {key!r}: {kind} takes one column: list each by itself")
            part, now = _through(chain, table, places, [names[i] for i in places], lambda t, x: t.fit_transform(x, y))
            self.transformers_.append((places, chain))
            parts.append(part)
            out_names.append(now)
        if not parts:
            raise ValueError('Columns: all columns are dropped; keep one, or give rest="keep"')
        self._out_ = _told_apart(out_names, [chain for _, chain in self.transformers_])
        return self._joined(parts)

    def _all_pairs(self, names: list[str]) -> Iterator[tuple[Key, Any]]:
        pairs = self._pairs()
        if not pairs and self.rest == "drop":
            raise ValueError("Columns: no column is asked for; give a dict such as {'age': Scale()}")
        yield from pairs
        if self.rest == "keep":
            keys = [column for key, _ in pairs for column in (key if isinstance(key, tuple) else (key,))]
            used = {_place(column, names) for column in keys}
            yield from ((i, "keep") for i in range(len(names)) if i not in used)

    # ------------------------------------------------------------------ using what was learned

    def _checked(self, X: Any) -> Any:
        """Return the columns of X that it was fitted with: of a frame by their names, whatever others it has."""
        table, known = self._table(X), vars(self).get("feature_names_in_")
        if known is not None and _is_frame(X):
            there = list(X.columns)
            _check_twice({known[i] for places, _ in self.transformers_ for i in places}, there)
            needed = sorted({i for places, _ in self.transformers_ for i in places})
            gone = [known[i] for i in needed if known[i] not in there]
            if gone:
                raise ValueError(f"Columns: columns are missing: X has no column {', '.join(map(repr, gone[:5]))}")
            return table, [there.index(name) if name in there else -1 for name in known]
        if table.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {table.shape[1]} features, but Columns is expecting {self.n_features_in_} features as input"
            )
        return table, list(range(self.n_features_in_))

    def _apply(self, table: Any) -> Any:
        X, where = table
        names, parts = self._names_in(), []
        for places, chain in self.transformers_:
            there, now = [where[i] for i in places], [names[i] for i in places]
            parts.append(_through(chain, X, there, now, lambda t, x: t.transform(x))[0])
        return self._joined(parts)

    def _joined(self, parts: list[Any]) -> Any:
        sparse = [not isinstance(part, np.ndarray) and hasattr(part, "tocsr") for part in parts]
        if self.sparse or (self.sparse is None and any(sparse)):
            module = sparse_module("Columns")
            for part, (places, _) in zip(parts, self.transformers_):
                if part.dtype == object:
                    names = [self._names_in()[i] for i in places]
                    raise TypeError(
                        f"Columns: {', '.join(map(repr, names))}: a sparse matrix holds numbers alone: encode these "
                        "columns too, with OneHot for example, or write sparse=False"
                    )
            return module.csr_array(
                module.hstack([p if s else module.csr_array(np.asarray(p)) for p, s in zip(parts, sparse)])
            )
        dense = [part.toarray() if s else np.asarray(part) for part, s in zip(parts, sparse)]
        return np.hstack([part.reshape(len(part), -1) for part in dense])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the features; where two were the same, with the name of the last transformer before."""
        self.require_fitted()
        self._names_in(input_features)
        return np.array(self._out_, object)


def _is_frame(X: Any) -> bool:
    return not hasattr(X, "collect") and hasattr(X, "columns") and hasattr(X, "dtypes")


def _place(column: Any, names: Sequence[str]) -> int:
    if isinstance(column, str) and column in names:
        _check_twice([column], names)
        return list(names).index(column)
    if is_integer(column) and 0 <= column < len(names):
        return int(column)
    close = get_close_matches(str(column), names, 1)
    hint = f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(names[:20])}"
    raise ValueError(f"Columns: X has no column {column!r} (n_features={len(names)}){hint}")


def _check_twice(columns: Iterable[str], names: Sequence[str]) -> None:
    """Raise ValueError if a frame has two columns of a name that is asked for."""
    if twice := [name for name in columns if names.count(name) > 1]:
        raise ValueError(f"Columns: X has several columns that are called {twice[0]!r}; give each a name of its own")


def _through(
    chain: list[Any], X: Any, places: list[int], names: list[str], call: Callable[[Any, Any], Any]
) -> tuple[Any, list[str]]:
    """Return what a chain of transformers makes of columns, and the names of that.

    `call` fits a transformer and applies it, or applies it. Each gets an array, with names if it is one of ours.
    """
    texts = bool(chain) and takes_texts(chain[0])
    part = _taken(X, places, texts)
    for i, step in enumerate(chain):
        if isinstance(step, Transformer):
            step.set_output(transform="default")
        part = call(step, part)
        made = _names_out(step, names, part)
        names = [f"{names[0]}_{name}" for name in made] if texts and i == 0 else made
        part = named(part, names)
    return (part if chain or is_sparse(part) else read_array("Columns", part)), names


def _taken(X: Any, places: list[int], one_axis: bool) -> Any:
    """Return columns of a table as what they were part of, or one column as what holds texts."""
    if hasattr(X, "iloc"):
        return X.iloc[:, places[0]] if one_axis else X.iloc[:, places]
    if hasattr(X, "get_columns"):
        columns = X.get_columns()
        return columns[places[0]] if one_axis else X.select([columns[i].name for i in places])
    if one_axis:
        return np.asarray(X)[:, places[0]]
    part = X[:, places]
    return named(part, [X.columns[i] for i in places]) if isinstance(X, NamedArray) else part


def takes_texts(step: Any) -> bool:
    """Whether a transformer takes texts, (samples,), rather than a table."""
    if isinstance(step, Transformer):
        return step.reads_texts
    return hasattr(step, "__sklearn_tags__") and not step.__sklearn_tags__().input_tags.two_d_array


def _allows_missing(step: Any) -> bool:
    if isinstance(step, Transformer):
        return step.allows_missing
    return hasattr(step, "__sklearn_tags__") and step.__sklearn_tags__().input_tags.allow_nan


def _names_out(step: Any, names: list[str], part: Any) -> list[str]:
    """Return the names of what a step has made of columns with these names."""
    if isinstance(step, Transformer) and step.reads_texts:
        return step.get_feature_names_out().tolist()
    if hasattr(step, "get_feature_names_out"):
        return list(step.get_feature_names_out(names))
    width = part.shape[1] if part.ndim > 1 else 1
    return names if width == len(names) else [f"{'+'.join(names)}_{i}" for i in range(width)]


def _told_apart(parts: list[list[str]], chains: list[list[Any]]) -> list[str]:
    """Return the names of all parts; those that several parts have say which transformer made them."""
    counts = Counter(name for names in parts for name in names)
    out: list[str] = []
    for names, chain in zip(parts, chains):
        maker = type(chain[-1]).__name__.lower() if chain else "keep"
        out += [f"{maker}__{name}" if counts[name] > 1 else name for name in names]
    return distinct(out)
