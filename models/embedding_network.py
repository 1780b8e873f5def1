"""EmbeddingNetwork: a perceptron of many layers whose inputs are numbers and categories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY
from typing import Any, TypeVar

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor, nn
from tinygrad_ml.protocol import check_names, feature_names

from . import checking
from .categories import Table, as_ids, frequent, learned_ids
from .hyperparameters import Rule, count, fraction, hyperparameters
from .network import Network

E = TypeVar("E", bound="EmbeddingNetwork")

columns = Rule(
    lambda v: v == "auto" if isinstance(v, str) else isinstance(v, (list, tuple, np.ndarray)),
    "'auto', or a list of names or positions of columns",
)


class MixedInputs(nn.Module):
    """Columns of numbers, standardised, beside columns of ids, each looked up in a table of its own.

    Parameters
    ----------
    n_columns : int
    tables : dict from the position of a column of ids to (rows, length of the vectors) of its table
    id_dropout : float, from 0 to 1
        With which probability an id is 0 in training, so that row 0 of each table learns to stand for unknown ids.
    """

    def __init__(self, n_columns: int, tables: Mapping[int, tuple[int, int]], id_dropout: float = 0.0):
        self.ids, self.id_dropout = list(tables), id_dropout
        self.numbers = [i for i in range(n_columns) if i not in tables]
        self.mean = nn.Buffer(np.zeros(len(self.numbers)))
        self.scale = nn.Buffer(np.ones(len(self.numbers)))
        self.tables = [nn.Embedding(rows, size) for rows, size in tables.values()]
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.1)
        self.n_outputs = len(self.numbers) + sum(size for _, size in tables.values())

    def forward(self, x: Tensor) -> Tensor:
        """Return the numbers and the vectors of the ids side by side, (batch, n_outputs)."""
        parts = [(x[:, self.numbers] - self.mean) / self.scale] if self.numbers else []
        for i, table in zip(self.ids, self.tables):
            ids = tg.round(x[:, i]).astype(np.int64)
            if self.training and self.id_dropout:
                ids = tg.where(tg.rand(*ids.shape) < self.id_dropout, 0, ids)
            parts.append(table(ids))
        return tg.concatenate(parts, axis=1)

    def standardise(self, X: np.ndarray, weight: np.ndarray | None) -> None:
        """Take over means and standard deviations of the numbers; one that is constant keeps the scale 1."""
        numbers = X[:, self.numbers].astype(np.float64)
        mean = np.average(numbers, axis=0, weights=weight)
        scale = np.average((numbers - mean) ** 2, axis=0, weights=weight) ** 0.5
        constant = scale <= 1e-12 * np.maximum(abs(mean), 1e-300)
        self.mean = nn.Buffer(mean.astype(X.dtype))
        self.scale = nn.Buffer(np.where(constant, 1, scale).astype(X.dtype))


@hyperparameters
class EmbeddingNetwork(Network):
    """A multi-layer perceptron that reads frames of numbers and categories.

    Each value of a column of categories has an id, and each id a vector, a row of a table, which is learned with the
    rest; so values that have the same effect come to have like vectors. Id 0 is for what is missing or was not among
    the training data. The numbers are standardised inside, as the data of the first `fit` or `partial_fit` are.

    Parameters
    ----------
    categories : "auto", or a list of columns
        Which columns hold categories: by name, or by position in an array. "auto" takes those of strings, and pandas'
        and polars' own categories; ids that are numbers must be named.
    embedding_dim : int, optional
        The length of the vectors; by default 1.6 · n^0.56 for n values, and not above 50 (fastai's rule).
    id_dropout : float, from 0 to 1
        With which probability an id counts as unknown in training, so that the vector of unknown ids is learned.
    min_count : int
        Values that occur less often in the training data count as unknown.
    """

    _: KW_ONLY
    categories: str | Sequence[Any] = columns("auto")
    embedding_dim: int | None = count(None, layers=True, none=True)
    id_dropout: float = fraction(0.05, layers=True)
    min_count: int = count(1)

    def build(self: E, n_features: int, n_outputs: int = 1) -> E:
        """Make `input_`, with a table for each column of `categories_`, and `layers_`; return the model."""
        self._check_hyperparameters()
        tables = {}
        for i, known in vars(self).get("categories_", {}).items():
            tables[i] = len(known) + 1, self.embedding_dim or min(50, max(1, round(1.6 * len(known) ** 0.56)))
        self.input_ = MixedInputs(n_features, tables, self.id_dropout)
        return super().build(self.input_.n_outputs, n_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs for a table of numbers and ids, as `encode` makes it of a frame."""
        return super().forward(self.input_(x))

    def encode(self, X: Any) -> np.ndarray:
        """Return a frame as the model reads it: numbers as they are, and the ids of categories, (samples, features)."""
        self.require_fitted()
        return self._check_X(X)

    def _check_X(self, X: Any) -> np.ndarray:
        kind, fitted = type(self).__name__, "n_features_in_" in vars(self)
        if fitted:
            check_names(self, feature_names(self, X))
        table = Table(kind, X)
        known = vars(self).get("categories_")
        chosen = list(known) if known is not None else table.chosen(self.categories)
        if fitted and len(table.names) != self.n_features_in_:
            chosen = []  # there is an error coming
        array = checking.check_X(self, table.without(chosen))
        if fitted and array.shape[1] != self.n_features_in_:
            raise ValueError(
                f"X has {array.shape[1]} features, but {kind} is expecting {self.n_features_in_} features as input"
            )
        values = {i: table.column(i) for i in chosen}
        if known is None:
            known = self.categories_ = {i: learned_ids(kind, table.names[i], values[i]) for i in chosen}
        if chosen and np.shares_memory(array, table.X if not table.is_frame else array[:0]):
            array = array.copy()
        for i in chosen:
            array[:, i] = as_ids(kind, table.names[i], values[i], known[i])
        return array

    def _training_data(self, X: Any, y: Any, sample_weight: Any, classes: Any) -> tuple[Any, Any, Any, int]:
        fresh = "categories_" not in vars(self)
        X, target, weight, n_outputs = super()._training_data(X, y, sample_weight, classes)
        if fresh:  # values are counted where samples have a weight
            for i, known in self.categories_.items():
                ids = X[:, i].astype(np.int64)
                new = frequent(ids, known, self.min_count)
                renamed = np.array([0, *(new.get(value, 0) for value in known)])
                X[:, i], self.categories_[i] = renamed[ids], new
        return X, target, weight, n_outputs

    def _start(self, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None, n_outputs: int) -> None:
        super()._start(X, target, weight, n_outputs)
        if self.input_.numbers:
            self.input_.standardise(X, weight)

    def attributes(self) -> Iterable[tuple[str, Any]]:
        """Leave the values of categories out, in which no parameters hide: there may be very many."""
        return [(name, value) for name, value in super().attributes() if name != "categories_"]
