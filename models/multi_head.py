"""A network with several heads: classes and numbers from the same hidden layers, with a loss for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from .heads import KINDS, Heads, columns_of
from .hyperparameters import activations, hyperparameters, sizes
from .network import ACTIVATIONS, Network, as_list
from .weights import variance

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
            self._heads = Heads(self.heads, n_outputs)
        hidden = self.dense(n_features, self.hidden_layer_sizes, 1)[:-1]
        width = [n_features, *as_list(self.hidden_layer_sizes)][-1]
        self.layers_ = nn.Sequential(*hidden)
        self.heads_ = {name: nn.Linear(width, size) for name, size in self._heads.sizes.items()}
        return self

    def forward(self, x: Tensor) -> Tensor:
        shared = self.layers_(x)
        return tg.concatenate([head(shared) for head in self.heads_.values()], axis=1)

    def criterion(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the sum of the mean losses of the heads, times their weights.

        The target is `(batch, heads)`: positions of classes, and standardised numbers.
        """
        total: Any = 0.0
        for name, part in self._heads.parts(output):
            mean = mean_of(self._loss_of(name), part, self._heads.target_of(name, target, part), sample_weight)
            total = total + mean * self._weight_of(name)
        return total

    def _weight_of(self, name: str) -> float:
        return (self.loss_weights or {}).get(name, 1.0)

    def _loss_of(self, name: str) -> Callable[[Any, Any], Tensor]:
        """Return the loss of a head, a function that returns the loss of each sample."""
        chosen = (self.losses or {}).get(name)
        if callable(chosen):
            return chosen
        return LOSSES[chosen or "mse"] if self._heads.kinds[name] == "number" else _cross_entropy

    def constant_loss(self, target: np.ndarray, weight: Any) -> float:
        if any(map(callable, (self.losses or {}).values())):
            return np.inf
        total = 0.0
        for i, (name, kind) in enumerate(self._heads.kinds.items()):
            column = target[:, i : i + 1]
            if kind == "number":
                of_constant = variance(column, weight) if (self.losses or {}).get(name, "mse") == "mse" else np.inf
            else:
                share = np.bincount(column[:, 0].astype(int), weight)
                share = share[share > 0] / share.sum()
                of_constant = -(share * np.log(share)).sum()
            total += of_constant * self._weight_of(name)
        return total

    # ------------------------------------------------------------------ what y holds

    def _check_y(self, y: Any, n_samples: int) -> dict[str, np.ndarray]:
        known = self.heads if self.heads is not None else getattr(vars(self).get("_heads"), "kinds", ())
        return columns_of(self, y, n_samples, list(known))

    def _rows_of(self, y: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
        return {name: column[rows] for name, column in y.items()}

    def _encode(self, y: Any, weight: Any, dtype: np.dtype, classes: Any) -> tuple[np.ndarray, Any, int]:
        if "n_features_in_" not in vars(self):
            self._heads = Heads.of(self, y, weight)
            self._check_choices()
            self.classes_ = self._heads.classes
        return self._heads.encode(self, y, dtype), weight, sum(self._heads.sizes.values())

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
        kinds = self._heads.kinds
        for option in ("losses", "loss_weights"):
            if unknown := [name for name in vars(self)[option] or {} if name not in kinds]:
                raise ValueError(f"MultiHeadMLP: {option} has {unknown[0]!r}, but the heads are {list(kinds)}")
        for name, loss in (self.losses or {}).items():
            if isinstance(loss, str) and (loss == "cross_entropy") != (kinds[name] == "classes"):
                raise ValueError(f"MultiHeadMLP: the loss {loss!r} does not fit {name!r}, of {kinds[name]}")

    # ------------------------------------------------------------------ using what was learned

    def predict(self, X: Any) -> dict[str, np.ndarray]:
        """Return the most probable class or the number of each head, `(samples,)`, by name."""
        output = self._outputs(X)
        classes = vars(self).get("classes_", {})
        return {name: self._heads.decode(name, part, classes) for name, part in self._heads.parts(output)}

    def probabilities(self, output: Tensor) -> dict[str, Tensor]:
        """Return what `predict_proba` makes of outputs of `forward`."""
        found = {}
        for name, part in self._heads.parts(output):
            if self._heads.kinds[name] == "classes":
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
            if self._heads.kinds[name] == "number":
                truth = checking.check_numbers(self, columns[name], np.dtype(np.float64))
                found[name] = scores.r2_score(truth, guess, sample_weight=sample_weight)
            else:
                truth = checking.check_labels(self, columns[name], name)
                found[name] = scores.accuracy_score(truth, guess, sample_weight=sample_weight)
        return found

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the mean over the heads of their `scores`."""
        return float(np.mean([*self.scores(X, y, sample_weight).values()]))


def _cross_entropy(output: Any, target: Any) -> Tensor:
    """Return the cross entropy of each sample: of a sigmoid for two classes, of a softmax for more."""
    if output.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(output, target, reduction="none")[:, 0]
    return F.cross_entropy(output, target, reduction="none")
