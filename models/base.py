"""Model, Regressor and Classifier: what all models of the course share. A model itself says only what is special to it.

To write one, define `build(n_features, n_outputs)`, which makes the layers, and `forward(x)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor
from tinygrad_ml import metrics as scores
from tinygrad_ml.nn import functional as F
from tinygrad_ml.train import History

from . import checking
from .estimator import Estimator, available_when, seeded
from .solvers import STOCHASTIC, solve

M = TypeVar("M", bound="Model")

POSITIVE = ("C", "learning_rate", "huber_delta")
AT_LEAST_0 = ("alpha", "tol", "momentum")
AT_LEAST_1 = ("max_iter", "batch_size", "n_iter_no_change", "degree")
FRACTIONS = ("l1_ratio", "dropout", "threshold", "validation_fraction")


class Model(Estimator):
    """A module that learns to map X to y: `fit`, `partial_fit`, `predict`.

    All arrays of floats keep float32; everything else is computed in float64.
    """

    solvers: tuple[str, ...] = STOCHASTIC
    penalties: tuple[str, ...] = ("l2", "l1", "elasticnet")
    input_dimensions: tuple[int, ...] = (2,)

    def build(self: M, n_features: int, n_outputs: int) -> M:
        """Make the layers for inputs `(batch, n_features)` and outputs `(batch, n_outputs)`; return the model."""
        raise NotImplementedError(f"{type(self).__name__} does not define build(self, n_features, n_outputs)")

    def loss(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the mean loss of outputs of `forward`, without penalties."""
        raise NotImplementedError(f"{type(self).__name__} does not define loss(self, output, target)")

    def penalty_weights(self, total_weight: float) -> tuple[float, float]:
        """Return (l1, l2): fit minimises the mean loss + l1 · Σ|w| + l2/2 · Σw², over the weights without the biases.

        `total_weight` is the sum of the sample weights, or the number of samples.
        """
        return 0.0, 0.0

    # ------------------------------------------------------------------ learning

    def fit(self: M, X: Any, y: Any, sample_weight: Any = None) -> M:
        """Learn from examples, afresh, or from where it stands with `warm_start`.

        Parameters
        ----------
        X : array, frame or list of (samples, features)
        y : (samples,), or for some models (samples, outputs)
        sample_weight : (samples,), optional
            How much each sample counts; a weight of 2 is like having the sample twice.

        Returns
        -------
        the model itself

        Raises
        ------
        ValueError, TypeError
            If the data or a hyperparameter cannot be used; the error says which and why.
        """
        self._check_params()
        again = bool(vars(self).get("warm_start")) and self.__sklearn_is_fitted__()
        if not again:
            self._forget()
        X, target, weight = self._training_data(X, y, sample_weight)
        with seeded(vars(self).get("random_state")):
            if not again:
                self._start(X, target)
            self.history_ = History()
            self._solve(X, target, weight)
        self.eval()
        return self

    def _solve(self, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None, passes: int | None = None) -> None:
        """Fit the built model, or make only so many passes over the data; fill `history_` and `n_iter_`."""
        solve(self, X, target, weight, passes)

    def _partial_fit(self: M, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> M:
        self._check_params()
        again = "history_" in vars(self)
        if not again:
            self._forget()
        X, target, weight = self._training_data(X, y, sample_weight, classes=classes, again=again)
        with seeded(None if again else vars(self).get("random_state")):
            if not again:
                self._start(X, target)
                self.history_ = History()
            self._solve(X, target, weight, passes=1)
        self.eval()
        return self

    def _why_no_partial_fit(self) -> str:
        if vars(self).get("solver", "adam") in STOCHASTIC:
            return ""
        return (
            f"{type(self).__name__}(solver={self.solver!r}) solves all the data at once and has no partial_fit; choose "
            "the solver 'sgd' or 'adam'"
        )

    def _start(self, X: np.ndarray, target: np.ndarray) -> None:
        self.build(self.n_features_in_, self._n_outputs(target))
        self.to(X.dtype)

    def _forget(self) -> None:
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)

    def _check_params(self) -> None:
        """Raise ValueError if a hyperparameter cannot be used."""
        kind = type(self).__name__
        for name, value in vars(self).items():
            if value is None or name not in {*POSITIVE, *AT_LEAST_0, *AT_LEAST_1, *FRACTIONS}:
                continue
            number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            if name in AT_LEAST_1:
                fine, wanted = number and value == int(value) and value >= 1, "a whole number of at least 1"
            elif name in FRACTIONS:
                fine, wanted = number and 0 <= value <= 1, "a number from 0 to 1"
            elif name in POSITIVE:
                fine, wanted = number and value > 0, "a number above 0"
            else:
                fine, wanted = number and value >= 0, "a number of at least 0"
            if not fine:
                raise ValueError(f"{kind}({name}={value!r}): {name} must be {wanted}")
        for name, choices in self.choices().items():
            if name in vars(self) and vars(self)[name] not in choices:
                raise ValueError(f"{kind}({name}={vars(self)[name]!r}): {name} must be one of {choices}")

    def choices(self) -> dict[str, tuple[Any, ...]]:
        """Return what some hyperparameters may be."""
        return {"solver": self.solvers, "penalty": (*self.penalties, "none", None)}

    def _training_data(self, X: Any, y: Any, sample_weight: Any, classes: Any = None, again: bool | None = None) -> Any:
        """Check the data and learn what it is like; return X, the target as the loss takes it, and weights."""
        if again is None:
            again = "n_features_in_" in vars(self)
        names = checking.feature_names(self, X)
        X = self._check_X(X) if again else checking.check_X(self, X, self.input_dimensions)
        y = checking.check_target(self, y, len(X), self.multi_output)
        weight = checking.check_weights(self, sample_weight, len(X), X.dtype)
        if weight is not None and not weight.all():  # without a weight it is as if it were not there
            X, y, weight = X[weight > 0], y[weight > 0], weight[weight > 0]
        target = self._learn_target(y, X.dtype, classes, again)
        if not again:
            self.n_features_in_ = self._n_features(X)
            if names is not None:
                self.feature_names_in_ = names
        return X, target, self._all_weights(target, weight)

    def _all_weights(self, target: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        return weight

    def _learn_target(self, y: np.ndarray, dtype: np.dtype, classes: Any, again: bool) -> np.ndarray:
        raise NotImplementedError

    def _n_outputs(self, target: np.ndarray) -> int:
        raise NotImplementedError

    def _n_features(self, X: np.ndarray) -> int:
        return X.shape[1]

    # ------------------------------------------------------------------ using what was learned

    def _check_X(self, X: Any) -> np.ndarray:
        known = vars(self).get("n_features_in_")
        checking.check_names(self, checking.feature_names(self, X)) if known is not None else None
        X = checking.check_X(self, X, self.input_dimensions)
        if known is not None and self._n_features(X) != known:
            kind, n = type(self).__name__, self._n_features(X)
            raise ValueError(f"X has {n} features, but {kind} is expecting {known} features as input")
        return X

    def _outputs(self, X: Any, batch_size: int = 4096) -> np.ndarray:
        """Return the outputs of `forward` in the mode of use, as an array."""
        self.require_fitted()
        X = self._check_X(X).astype(next(self.parameters()).dtype, copy=False)
        training = self.training
        if training:
            self.eval()
        try:
            with tg.no_grad():
                parts = [self(tg.tensor(X[i : i + batch_size])).numpy() for i in range(0, len(X), batch_size)]
        finally:
            if training:
                self.train()
        return np.concatenate(parts) if len(parts) > 1 else parts[0]


class Regressor(Model):
    """A model of numbers. Its outputs `(batch, outputs)` are the predictions; its loss is the mean squared error."""

    kind = "regressor"
    multi_output = True
    _column = True  # whether y was (samples,), so that predictions are

    def loss(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        target = self.match(output, target)
        if sample_weight is None:
            return F.mse_loss(output, target)
        return weighted_mean(F.mse_loss(output, target, reduction="none"), sample_weight)

    def match(self, output: Tensor, target: Any) -> Any:
        """Return the target in the shape of the output: `(batch,)` is one column."""
        return target.reshape(-1, 1) if target.ndim == 1 and output.ndim == 2 else target

    def _learn_target(self, y: np.ndarray, dtype: np.dtype, classes: Any, again: bool) -> np.ndarray:
        self._column = y.ndim == 1
        return checking.check_numbers(self, y, dtype).reshape(len(y), -1)

    def _n_outputs(self, target: np.ndarray) -> int:
        return target.shape[1]

    @available_when(Model._why_no_partial_fit)
    def partial_fit(self: M, X: Any, y: Any, sample_weight: Any = None) -> M:
        """Learn a little more: one pass of gradient steps over these samples; return the model."""
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions, `(samples,)`, or `(samples, outputs)` if y had several columns."""
        output = self._outputs(X)
        return output[:, 0] if self._column and output.shape[1] == 1 else output

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², the share of the variance of y that the predictions explain: 1 is perfect, 0 is a constant."""
        return scores.r2_score(y, self.predict(X), sample_weight=sample_weight)


class Classifier(Model):
    """A model of classes. Its outputs are logits, `(batch, 1)` for two classes and `(batch, classes)` for more.

    Its loss is the cross entropy: of a sigmoid for two classes, of a softmax for more.
    """

    kind = "classifier"
    multi_class = True

    def loss(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the mean cross entropy of logits and the positions of the classes, `(batch,)`."""
        reduction = "mean" if sample_weight is None else "none"
        if output.shape[1] == 1:
            target = np.asarray(target).reshape(-1, 1)
            losses = F.binary_cross_entropy_with_logits(output, target.astype(output.dtype), reduction=reduction)
        else:
            losses = F.cross_entropy(output, target, reduction=reduction)
        return losses if sample_weight is None else weighted_mean(losses, sample_weight)

    def _learn_target(self, y: np.ndarray, dtype: np.dtype, classes: Any, again: bool) -> np.ndarray:
        """Return the position of each label among the classes."""
        kind = type(self).__name__
        checking.check_labels(self, y)
        known = vars(self).get("classes_") if again else None
        if known is None and classes is not None:
            known = np.unique(np.asarray(classes))
        if known is None:
            known, positions = np.unique(y, return_inverse=True)
        else:
            if classes is not None and not np.array_equal(known, np.unique(np.asarray(classes))):
                raise ValueError(f"{kind}: classes={classes!r} is not what the first call had, {known}")
            positions = np.searchsorted(known, y).clip(max=len(known) - 1)
            if (known[positions] != y).any():
                unknown = y[known[positions] != y][0]
                raise ValueError(f"{kind}: y has the label {unknown!r}, which is not one of the classes {known}")
        if len(known) < 2:
            raise ValueError(
                f"{kind} needs samples of at least 2 classes to learn what tells them apart, but the data contains "
                f"only one class: {known[0]!r}"
            )
        if len(known) > 2 and not self.multi_class:
            raise ValueError(
                f"Only binary classification is supported by {kind}. The type of the target is multiclass: it has "
                f"{len(known)} classes; use SoftmaxRegression or OneVsRest"
            )
        self.classes_ = known
        return positions.reshape(-1)

    def _n_outputs(self, target: np.ndarray) -> int:
        return 1 if len(self.classes_) == 2 else len(self.classes_)

    def _all_weights(self, target: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        """Return the weights of the samples times those of their classes."""
        wanted = vars(self).get("class_weight")
        if wanted is None:
            return weight
        kind, classes = type(self).__name__, self.classes_.tolist()
        if isinstance(wanted, str) and wanted == "balanced":
            counts = np.bincount(target, weight, len(classes))
            of_class = counts.sum() / (len(classes) * counts)
        elif isinstance(wanted, Mapping):
            unknown = [label for label in wanted if label not in classes]
            if unknown:
                raise ValueError(f"{kind}: class_weight has {unknown}, which are not among the classes {classes}")
            of_class = np.array([wanted.get(label, 1.0) for label in classes])
        else:
            raise ValueError(f"{kind}: class_weight must be 'balanced' or a dict of weights by class, not {wanted!r}")
        of_sample = of_class[target]
        return of_sample if weight is None else of_sample.astype(weight.dtype) * weight

    @available_when(Model._why_no_partial_fit)
    def partial_fit(self: M, X: Any, y: Any, classes: Iterable[Any] | None = None, sample_weight: Any = None) -> M:
        """Learn a little more: one pass of gradient steps over these samples; return the model.

        The first call should name all `classes` that will ever come.
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def _classes(self, n_outputs: int) -> np.ndarray:
        """Return the classes; those of a model that was only built are 0, 1, ..."""
        return vars(self).get("classes_", np.arange(max(2, n_outputs)))

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the logits: `(samples,)`, of the second class, for two classes, `(samples, classes)` for more."""
        logits = self._outputs(X)
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, `(samples, classes)`."""
        logits = tg.tensor(self._outputs(X))
        if logits.shape[1] > 1:
            return np.array(tg.softmax(logits, axis=1).numpy())
        return np.concatenate([tg.sigmoid(-logits).numpy(), tg.sigmoid(logits).numpy()], axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each sample, `(samples,)`."""
        logits = self._outputs(X)
        positions = (logits[:, 0] > 0).astype(int) if logits.shape[1] == 1 else logits.argmax(axis=1)
        return self._classes(logits.shape[1])[positions]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy: the share of the samples whose class is predicted right."""
        return scores.accuracy_score(y, self.predict(X), sample_weight=sample_weight)


def weighted_mean(losses: Tensor, weight: Any) -> Tensor:
    """Return the sum of losses `(batch,)` or `(batch, outputs)` times weights `(batch,)`, over the number of losses.

    The weights of a whole data set have the mean 1, so that its batches add up to its loss.
    """
    return (losses * (weight if losses.ndim == 1 else weight.reshape(-1, 1))).mean()
