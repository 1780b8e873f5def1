"""A network with several heads: classes and numbers from the same hidden layers, with a loss for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor, nn
from tinygrad_ml import metrics as scores
from tinygrad_ml.nn import functional as F
from tinygrad_ml.ops.losses import huber
from tinygrad_ml.validation import is_number

from . import checking
from .base import mean_of
from .checking import Rule
from .hyperparameters import activations, hyperparameters, sizes
from .network import ACTIVATIONS, Network, as_list
from .weights import variance

KINDS = ("classes", "number")
LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "mse": lambda output, target: (output - target) ** 2,
    "mae": lambda output, target: tg.abs(output - target),
    "huber": lambda output, target: 2 * huber(output - target, delta=1.35),
}

head_kinds = Rule(
    lambda v: isinstance(v, Mapping) and len(v) > 0 and all(kind in KINDS for kind in v.values()),
    "a dict from the name of each head to 'classes' or 'number', or None",
)
head_losses = Rule(lambda v: isinstance(v, Mapping), "a dict from names of heads to losses, or None")
head_weights = Rule(
    lambda v: isinstance(v, Mapping) and all(is_number(w) and 0 <= w < np.inf for w in v.values()),
    "a dict from names of heads to finite numbers of at least 0, or None",
)


@hyperparameters
class MultiHeadMLP(Network):
    """A neural network that predicts several things at once: hidden layers for all, and an output layer for each head.

    A head is for classes or for a number. The loss is the sum of those of the heads, each times its weight; so what one
    head teaches the hidden layers can help the others (Caruana, "Multitask learning", 1997). Numbers are standardised
    inside, so that their losses are of the size of those of classes. Scale the features first.

    y is a frame with a column for each head, a dict of arrays (samples,), or an array (samples, heads). `predict`
    returns a dict. The outputs of `forward` stand side by side in the order of the heads: a logit for each class, one
    for two classes, and one standardised number.

    Parameters
    ----------
    hidden_layer_sizes : int, or sequence of ints
        The units of each hidden layer.
    heads : dict from names to "classes" or "number", optional
        What y holds. By default from y: columns of words and of truth values are classes, floats are numbers; whole
        numbers may be either, so they must be named here.
    losses : dict from names of heads to losses, optional
        Of a number "mse" (the default), "mae" or "huber"; or a function of output and target `(batch,)`. Of classes
        "cross_entropy", or a function as in `MLPClassifier`.
    loss_weights : dict from names of heads to numbers, optional
        By default 1 for each.

    Attributes
    ----------
    layers_ : Sequential, the hidden layers
    heads_ : dict from names to the output layers, in their order
    classes_ : dict from the names of heads for classes to their classes
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = {"side": np.where(X[:, 0] > 0, "right", "left"), "distance": np.hypot(*X.T)}
    >>> model = tg.models.MultiHeadMLP((32,), learning_rate=0.01, tol=0, random_state=0).fit(X, y)
    >>> model.predict([[2.0, 0.0]])["side"], model.scores(X, y)["distance"] > 0.9
    (array(['right'], dtype='<U5'), True)

    It is a module: draw it with `tg.draw(model, X)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> target = np.array([[1.0, 0.5], [0.0, -0.5]])  # positions of classes, standardised numbers
    >>> report = gradcheck(lambda x: model.criterion(model(x), target), X[:2], params=model)
    """

    why_not_sparse = ""

    hidden_layer_sizes: int | Sequence[int] = sizes((100,), layers=True)
    activation: str | Sequence[str] = activations(*ACTIVATIONS)
    _: KW_ONLY
    heads: Mapping[str, str] | None = head_kinds(None)
    losses: Mapping[str, Any] | None = head_losses(None)
    loss_weights: Mapping[str, float] | None = head_weights(None)

    def build(self, n_features: int, n_outputs: int | Mapping[str, int]) -> MultiHeadMLP:
        """Make `layers_` and `heads_`; by hand with the number of outputs of each head.

        For example `build(4, {"species": 3, "length": 1})`, with what they are in `heads=`; two classes have one.
        """
        self._check_hyperparameters()
        if isinstance(n_outputs, Mapping):
            if self.heads is None or list(self.heads) != list(n_outputs):
                raise ValueError(f"MultiHeadMLP.build: heads= must say what {list(n_outputs)} are, in this order")
            self._kinds, self._sizes = dict(self.heads), dict(n_outputs)
        hidden = self.dense(n_features, self.hidden_layer_sizes, 1)[:-1]
        width = [n_features, *as_list(self.hidden_layer_sizes)][-1]
        self.layers_ = nn.Sequential(*hidden)
        self.heads_ = {name: nn.Linear(width, size) for name, size in self._sizes.items()}
        return self

    def forward(self, x: Tensor) -> Tensor:
        shared = self.layers_(x)
        return tg.concatenate([head(shared) for head in self.heads_.values()], axis=1)

    def criterion(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the sum of the mean losses of the heads, times their weights.

        The target is `(batch, heads)`: positions of classes, and standardised numbers.
        """
        total: Any = 0.0
        for i, (name, part) in enumerate(self._parts(output)):
            weight = (self.loss_weights or {}).get(name, 1.0)
            total = (
                total + mean_of(self._loss_of(name), part, self._column(name, target, i, part), sample_weight) * weight
            )
        return total

    def _parts(self, output: Any) -> Iterator[tuple[str, Any]]:
        """Yield the outputs of each head, `(batch, classes)`, or `(batch,)` of a number."""
        start = 0
        for name, size in self._sizes.items():
            part = output[:, start : start + size]
            yield name, part[:, 0] if self._kinds[name] == "number" else part
            start += size

    def _column(self, name: str, target: Any, i: int, part: Tensor) -> Any:
        column = np.asarray(target)[:, i]
        if self._kinds[name] == "number":
            return column.astype(part.dtype)
        return column.astype(np.intp) if part.shape[1] > 1 else column.reshape(-1, 1).astype(part.dtype)

    def _loss_of(self, name: str) -> Callable[[Any, Any], Tensor]:
        """Return the loss of a head, a function that returns the loss of each sample."""
        chosen = (self.losses or {}).get(name)
        if callable(chosen):
            return chosen
        if self._kinds[name] == "number":
            return LOSSES[chosen or "mse"]
        return _cross_entropy

    def _check_hyperparameters(self) -> None:
        super()._check_hyperparameters()
        for name, loss in (self.losses or {}).items():
            if not callable(loss) and loss not in (*LOSSES, "cross_entropy"):
                raise ValueError(
                    f"MultiHeadMLP(losses=...): the loss of {name!r} must be one of {(*LOSSES, 'cross_entropy')}, or a "
                    f"function of output and target, not {loss!r}"
                )

    def _check_choices(self) -> None:
        """Raise ValueError if losses or weights are for heads that are not there, or of another kind."""
        for option in ("losses", "loss_weights"):
            if unknown := [name for name in vars(self)[option] or {} if name not in self._kinds]:
                raise ValueError(f"MultiHeadMLP: {option} has {unknown[0]!r}, but the heads are {list(self._kinds)}")
        for name, loss in (self.losses or {}).items():
            if isinstance(loss, str) and (loss == "cross_entropy") != (self._kinds[name] == "classes"):
                raise ValueError(f"MultiHeadMLP: the loss {loss!r} does not fit {name!r}, of {self._kinds[name]}")

    def constant_loss(self, target: np.ndarray, weight: Any) -> float:
        if any(map(callable, (self.losses or {}).values())):
            return np.inf
        total = 0.0
        for i, (name, kind) in enumerate(self._kinds.items()):
            column = target[:, i : i + 1]
            if kind == "number":
                of_constant = variance(column, weight) if (self.losses or {}).get(name, "mse") == "mse" else np.inf
            else:
                share = np.bincount(column[:, 0].astype(int), weight)
                share = share[share > 0] / share.sum()
                of_constant = -(share * np.log(share)).sum()
            total += of_constant * (self.loss_weights or {}).get(name, 1.0)
        return total

    # ------------------------------------------------------------------ what y holds

    def _check_y(self, y: Any, n_samples: int) -> dict[str, np.ndarray]:
        """Return the columns of y by name."""
        if y is None:
            raise ValueError("MultiHeadMLP requires y to be passed, but the target y is None")
        columns = self._columns(y)
        if not columns:
            raise ValueError("MultiHeadMLP: y has no columns")
        wanted = list(self.heads if self.heads is not None else vars(self).get("_kinds", columns))
        if missing := [name for name in wanted if name not in columns]:
            raise ValueError(f"MultiHeadMLP: y has no column {missing[0]!r}; it has {list(columns)}")
        return {name: checking.check_target(self, columns[name], n_samples) for name in wanted}

    def _columns(self, y: Any) -> dict[Any, Any]:
        if isinstance(y, Mapping):
            return dict(y)
        if hasattr(y, "columns"):
            return {name: y[name] for name in y.columns}
        array = np.asarray(y)
        names = list(self.heads or vars(self).get("_kinds", ()))
        if array.ndim != 2 or array.shape[1] != len(names):
            raise ValueError(
                "MultiHeadMLP: y must be a frame with a column for each head, a dict of arrays (samples,), or, with "
                f"heads= {len(names) or ''}, an array (samples, heads), not {type(y).__name__} of shape {array.shape}"
            )
        return dict(zip(names, array.T))

    def _encode(self, y: Any, weight: Any, dtype: np.dtype, classes: Any) -> tuple[np.ndarray, Any, int]:
        """Return positions of classes and standardised numbers `(samples, heads)`, and learn what they are of."""
        if "n_features_in_" not in vars(self):
            self._learn(y, weight)
        target = np.empty((len(next(iter(y.values()))), len(self._kinds)), dtype)
        for i, (name, kind) in enumerate(self._kinds.items()):
            if kind == "number":
                mean, scale = self._moments[name]
                target[:, i] = (checking.check_numbers(self, y[name], np.dtype(np.float64)) - mean) / scale
                continue
            column, known = checking.check_labels(self, y[name], name), self.classes_[name]
            if unknown := sorted({*column.tolist()} - {*known.tolist()}, key=str):
                raise ValueError(
                    f"MultiHeadMLP: {name} has the label {unknown[0]!r}, which is not one of {known.tolist()}"
                )
            target[:, i] = np.searchsorted(known, column)
        return target, weight, sum(self._sizes.values())

    def _learn(self, y: dict[str, np.ndarray], weight: Any) -> None:
        """Learn the kind of each head, its classes, or the mean and the scale of its number."""
        self._kinds = dict(self.heads) if self.heads is not None else {name: _kind(name, y[name]) for name in y}
        self._check_choices()
        self.classes_, self._moments, self._sizes = {}, {}, {}
        for name, kind in self._kinds.items():
            self._sizes[name] = 1
            if kind == "number":
                column = checking.check_numbers(self, y[name], np.dtype(np.float64))
                mean = np.average(column, weights=weight)
                self._moments[name] = mean, np.average((column - mean) ** 2, weights=weight) ** 0.5 or 1.0
                continue
            found = np.unique(checking.check_labels(self, y[name], name))
            if len(found) < 2:
                raise ValueError(f"MultiHeadMLP: {name} has only one class, {found.tolist()[0]!r}; leave it out")
            self.classes_[name] = found
            self._sizes[name] = 1 if len(found) == 2 else len(found)

    # ------------------------------------------------------------------ using what was learned

    def predict(self, X: Any) -> dict[str, np.ndarray]:
        """Return the most probable class or the number of each head, `(samples,)`, by name."""
        found = {}
        for name, part in self._parts(self._outputs(X)):
            if self._kinds[name] == "number":
                mean, scale = vars(self).get("_moments", {}).get(name, (0.0, 1.0))
                found[name] = part * scale + mean
            else:
                best = (part[:, 0] > 0).astype(int) if part.shape[1] == 1 else part.argmax(axis=1)
                found[name] = self.classes_[name][best] if "classes_" in vars(self) else best
        return found

    def probabilities(self, output: Tensor) -> dict[str, Tensor]:
        """Return what `predict_proba` makes of outputs of `forward`."""
        found = {}
        for name, part in self._parts(output):
            if self._kinds[name] == "classes":
                logits = part if part.shape[1] > 1 else tg.concatenate([part * 0, part], axis=1)
                found[name] = tg.softmax(logits, axis=1)
        return found

    def predict_proba(self, X: Any) -> dict[str, np.ndarray]:
        """Return the probability of each class, `(samples, classes)`, by the names of the heads for classes."""
        found = self.probabilities(tg.tensor(self._outputs(X)))
        return {name: each.numpy().copy() for name, each in found.items()}

    def scores(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Return the accuracy of classes and R² of numbers, by the names of the heads."""
        predicted = self.predict(X)
        columns = self._check_y(y, len(next(iter(predicted.values()))))
        found = {}
        for name, guess in predicted.items():
            if self._kinds[name] == "number":
                truth = checking.check_numbers(self, columns[name], np.dtype(np.float64))
                found[name] = scores.r2_score(truth, guess, sample_weight=sample_weight)
            else:
                truth = checking.check_labels(self, columns[name], name)
                found[name] = scores.accuracy_score(truth, guess, sample_weight=sample_weight)
        return found

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the mean over the heads of their `scores`."""
        return float(np.mean([*self.scores(X, y, sample_weight).values()]))


def _kind(name: str, column: np.ndarray) -> str:
    """Return what a column holds, if its dtype says so."""
    if column.dtype.kind == "f":
        return "number"
    if column.dtype.kind in "iu":
        raise ValueError(
            f"MultiHeadMLP: {name} has whole numbers, which may be classes or numbers: give heads={{{name!r}: 'classes'"
            "}, or 'number', with all other heads"
        )
    return "classes"


def _cross_entropy(output: Any, target: Any) -> Tensor:
    """Return the cross entropy of each sample: of a sigmoid for two classes, of a softmax for more."""
    if output.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(output, target, reduction="none")[:, 0]
    return F.cross_entropy(output, target, reduction="none")
