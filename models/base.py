"""Model, Regressor and Classifier: what all models of the course share. A model itself says only what is special to it.

To write one, define `build(n_features, n_outputs)`, which makes the layers, and `forward(x)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor
from tinygrad_ml.train import Diverged, History

from . import checking
from .estimator import Estimator, as_generator, seeded
from .newton import newton
from .solvers import STOCHASTIC, in_batches, lbfgs

M = TypeVar("M", bound="Model")


class Model(Estimator):
    """A module that learns to map X to y: `fit`, `partial_fit`, `predict`.

    All arrays of floats keep float32; everything else is computed in float64.
    """

    # what a model of yours does that has no such hyperparameters
    solver: str = "adam"
    penalty: str | None = None
    alpha: float = 0.0
    l1_ratio: float = 0.5
    learning_rate: float | None = None
    momentum: float = 0.0
    batch_size: int | None = 32
    max_iter: int = 200
    tol: float = 1e-4
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    callbacks: Sequence[Any] = ()
    batch_norm: bool = False
    class_weight: Any = None
    warm_start: bool = False
    random_state: Any = None
    verbose: bool = False

    solvers: tuple[str, ...] = STOCHASTIC
    penalties: tuple[str, ...] = ("l2", "l1", "elasticnet")
    input_dimensions: tuple[int, ...] = (2,)
    convex = False  # whether there is one optimum, which a fit should reach
    structure: tuple[str, ...] = ()  # the hyperparameters that decide what `build` makes

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
        ratio = {"l1": 1.0, "l2": 0.0, "elasticnet": self.l1_ratio}.get(self.penalty or "none")
        strength = 0.0 if ratio is None else self.penalty_strength(total_weight)
        return strength * (ratio or 0.0), strength * (1 - (ratio or 0.0))

    def penalty_strength(self, total_weight: float) -> float:
        """Return l1 + l2; what it is called and how it is counted is the model's own."""
        return self.alpha

    def own_learning_rate(self, solver: str, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the learning rate of "sgd" or "adam" when `learning_rate` is None."""
        return 0.01

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
        again = self.warm_start and self.__sklearn_is_fitted__()
        before = {name: value for name, value in vars(self).items() if _is_learned(name)}
        if again:
            self._check_structure()
        else:
            self._forget()
        try:
            X, target, weight = self._training_data(X, y, sample_weight)
            with seeded(self.random_state):
                if not again:
                    self._start(X, target, weight)
                self.history_ = History()
                self._learn(X, target, weight)
        except BaseException as error:  # the model stays as it was; an unfitted one has the history at least
            self._forget()
            vars(self).update(before)
            if "history_" not in before and isinstance(error, Diverged):
                self.history_ = error.history
            raise
        return self

    def _learn(self, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None, passes: int | None = None) -> None:
        """Solve, and make sure that numbers came out."""
        advice = "the features are too large to compute with: scale them, for example to the standard deviation 1"
        try:
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
                self._solve(X, target, weight, passes)
        except np.linalg.LinAlgError as reason:
            raise ValueError(f"{type(self).__name__}: {reason}: {advice}") from None
        self.eval()
        for name, parameter in self.named_parameters():
            if not np.isfinite(parameter.numpy()).all():
                error = Diverged(f"{type(self).__name__}: {name} is no longer finite: {advice}")
                error.history = self.history_
                raise error

    def _solve(self, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None, passes: int | None = None) -> None:
        """Fit the built model, or make only so many passes over the data; fill `history_` and `n_iter_`."""
        solver = self.chosen_solver(passes)
        if solver in STOCHASTIC:
            in_batches(self, solver, X, target, weight, passes)
        elif self.early_stopping:
            kind = type(self).__name__
            raise ValueError(f"{kind}: early_stopping needs the solver 'sgd' or 'adam', not {solver!r}")
        else:
            {"lbfgs": lbfgs, "newton": newton}[solver](self, X, target, weight)

    def _partial_fit(self: M, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> M:
        self._check_params()
        again = self.__sklearn_is_fitted__()
        if again:
            self._check_structure()
        else:
            self._forget()
        X, target, weight = self._training_data(X, y, sample_weight, classes)
        if "_generator" not in vars(self):
            self._generator = as_generator(self.random_state)  # for all calls together
        with seeded(self._generator):
            if not again:
                self._start(X, target, weight)
            if "history_" not in vars(self):
                self.history_ = History()
            self._learn(X, target, weight, passes=1)
        return self

    def chosen_solver(self, passes: int | None = None) -> str:
        """Return the solver, or what "auto" means for this fit, or for so many passes over the data."""
        return self.solver

    def _why_no_partial_fit(self) -> str:
        if isinstance(self.class_weight, str):
            return (
                f"{type(self).__name__}(class_weight={self.class_weight!r}) has no partial_fit, which sees only a part "
                "of the data and so cannot balance the classes; give a dict of weights by class"
            )
        if self.solver in ("auto", *STOCHASTIC):
            return ""
        return (
            f"{type(self).__name__}(solver={self.solver!r}) solves all the data at once and has no partial_fit; choose "
            "the solver 'sgd' or 'adam'"
        )

    def _start(self, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None) -> None:
        self.build(self.n_features_in_, self._n_outputs(target))
        self.to(X.dtype)
        self._structure = {name: vars(self)[name] for name in self.structure if name in vars(self)}

    def _forget(self) -> None:
        for name in [name for name in vars(self) if _is_learned(name)]:
            delattr(self, name)

    def _check_structure(self) -> None:
        """Raise ValueError if the layers were made with other hyperparameters than the model has now."""
        for name, value in vars(self).get("_structure", {}).items():
            if not np.array_equal(value, vars(self)[name]):
                kind = type(self).__name__
                raise ValueError(
                    f"{kind}: {name} is {vars(self)[name]!r} now, but the layers were made with {value!r}, and "
                    "training is to go on with them: set warm_start=False, or make a new model"
                )

    def _check_params(self) -> None:
        """Raise ValueError if a hyperparameter cannot be used."""
        checking.check_params(self)
        kind = type(self).__name__
        for name, choices in self.choices().items():
            value = vars(self).get(name, choices[0])
            if not (value is None or isinstance(value, str)) or value not in choices:
                raise ValueError(f"{kind}({name}={vars(self)[name]!r}): {name} must be one of {choices}")

    def choices(self) -> dict[str, tuple[Any, ...]]:
        """Return what some hyperparameters may be."""
        return {"solver": self.solvers, "penalty": (*self.penalties, "none", None)}

    def _training_data(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Any:
        """Check the data and learn what it is like; return X, the target as the loss takes it, and weights."""
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
        X, dtype = self._check_X(X), next(self.parameters()).dtype
        if X.dtype != dtype:
            with np.errstate(over="ignore"):
                X = X.astype(dtype)
            checking.check_finite(type(self).__name__, f"X as {dtype}", X)
        training = [module for module in self.modules() if module.training]
        if training:
            self.eval()
        try:
            with tg.no_grad():
                parts = [self(tg.tensor(X[i : i + batch_size])).numpy() for i in range(0, len(X), batch_size)]
        finally:
            for module in training:
                module.training = True
        return np.concatenate(parts) if len(parts) > 1 else parts[0]


def weighted_mean(losses: Tensor, weight: Any) -> Tensor:
    """Return the sum of losses `(batch,)` or `(batch, outputs)` times weights `(batch,)`, over the number of losses.

    The weights of a whole data set have the mean 1, so that its batches add up to its loss.
    """
    return (losses * (weight if losses.ndim == 1 else weight.reshape(-1, 1))).mean()


def _is_learned(name: str) -> bool:
    return name.endswith("_") or name in ("_generator", "_structure", "_seen", "_column", "_width")
