"""Model: a module that learns from data, by scikit-learn's protocol. What a model computes is in the file of the model.

Three methods hold it together: `fit` checks the data, builds the layers and solves; `_solve` looks the solver up, a
function; and `_outputs` computes what `decision_function` and `predict` return, in evaluation mode.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from functools import partial, wraps
from itertools import chain
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor, nn
from tinygrad_ml.foreign_names import OF_MODELS, missing, unknown_argument
from tinygrad_ml.protocol import HasHyperparameters, NotFitted, available_when, check_names, feature_names, loaded_class
from tinygrad_ml.random import as_generator, seeded
from tinygrad_ml.train import Callback, Diverged, History
from tinygrad_ml.train.checks import misfit
from tinygrad_ml.train.measures import check_metrics, measure

from . import checking
from .estimator import as_html, tags
from .hyperparameters import Gradient
from .linear import is_redefined, refuse, unseen
from .one_layer import GENERAL, choose_solver
from .optimizers import check_beside, choice_of, refuse_steps, step_hyperparameters
from .routing import request, routing
from .stochastic import STOCHASTIC, fit_stochastic, partial_fit_stochastic
from .stopping import WatchLoss
from .weights import normalized_weights

M = TypeVar("M", bound="Model")

F = TypeVar("F", bound=Callable)

# what `fit` learns beside name_, and what y is like
PRIVATE = {"_generator", "_structure", "_total_weight", "_class_counts", "_range"}
PRIVATE |= {"_y_is_1d", "_n_targets", "_units", "_labels", "_heads", "_image_shape"}


class Asked(NamedTuple):
    """What a call of `fit` asks for beside the data."""

    validation: Any = None  # as `Model.encoded` returns it
    metrics: Any = None
    steps: int | None = None
    periods: int | None = None


NOTHING = Asked()


def takes_known_arguments(fit: F) -> F:
    """Let `fit` refuse arguments that it does not know, and say where they belong: a decorator."""
    known = tuple(inspect.signature(fit).parameters)[1:]

    @wraps(fit)
    def checked(self: Any, *positional: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        for name in named:
            if name in known:
                continue
            kind, place = type(self).__name__, OF_MODELS.get(name, f"{name}=")
            if place.partition("=")[0] in self._defaults():
                raise TypeError(
                    f"{kind}.fit() does not know the argument {name!r}; it belongs to the model: {kind}({place}...)"
                )
            raise unknown_argument(f"{kind}.fit", name, known)
        return fit(self, *positional, **named)

    return checked  # type: ignore[return-value]


class Model(HasHyperparameters, nn.Module):
    """A module that learns to map X to y: `fit`, `partial_fit`, `predict`.

    To write one, derive it from `Classifier` or `Regressor`, and define `build(n_features, n_outputs)`, which makes the
    layers, and `forward(x)`. Its hyperparameters are the arguments of `__init__`, which stores them and does no more:
    see `tinygrad_ml.models.hyperparameters`, or write `self.store(locals())`.

    Arrays of float32 stay float32; everything else is computed in float64.

    Examples
    --------
    >>> model = tg.models.LogisticRegression(C=0.1)
    >>> model.get_params()["C"]
    0.1
    >>> model.set_params(C=10.0)
    LogisticRegression(C=10.0)
    """

    kind = ""  # "classifier" or "regressor"
    how_to_fit = "fit(X, y)"
    multi_class = multi_output = multi_label = False
    input_dimensions: tuple[int, ...] = (2,)  # how many axes X may have
    reader: ClassVar[Any] = None  # a class that learns to read X as numbers: see `mixed_columns.MixedColumns`
    # why X must not be sparse, or "": what comes first in forward is a linear layer, or a product with a matrix
    why_not_sparse = "this model does not say that it takes one, by why_not_sparse = ''"
    convex = False  # whether there is one optimum, which a fit should reach
    ends_at_optimum = True  # whether steps on all the data may: not at the corners of a loss that is not smooth
    solvers: ClassVar[Mapping[str, Callable]] = STOCHASTIC  # the function that each solver is

    # a model without these hyperparameters is trained with these values, and with the defaults of `Gradient`
    solver = "adam"
    alpha = 0.0
    callbacks: Any = ()
    class_weight: Any = None

    keeps_weightless = False  # whether samples with the weight 0 keep their places, or are as if they were not there

    asked = NOTHING  # what this call of `fit` asks for beside the data

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = vars(cls).get("loss")
        if inspect.isfunction(own) or isinstance(own, (staticmethod, classmethod, property)):
            raise TypeError(
                f"{cls.__name__}: the loss of a model is its method criterion(self, output, target, sample_weight=None)"
                "; rename the method loss. (A model may have a hyperparameter loss, a name or a function)"
            )
        above = any("loss" in base._defaults() for base in cls.__bases__ if issubclass(base, Model))
        if own is not None and above and "loss" not in inspect.get_annotations(cls):
            raise TypeError(
                f"{cls.__name__}: loss is a hyperparameter here, which an attribute of the class does not change: give "
                f"it, {cls.__name__}(loss=...), or define criterion(self, output, target)"
            )

    def build(self: M, n_features: int, n_outputs: int) -> M:
        """Make the layers for inputs `(batch, n_features)` and outputs `(batch, n_outputs)`; return the model."""
        raise NotImplementedError(f"{type(self).__name__} does not define build(self, n_features, n_outputs)")

    def criterion(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the mean loss of outputs of `forward`, without penalties."""
        raise NotImplementedError(f"{type(self).__name__} does not define criterion(self, output, target)")

    def _loss(self, default: str) -> Any:
        """Return the hyperparameter `loss`, or the default of a model that has none."""
        return vars(self).get("loss") or getattr(type(self), "loss", default)

    # ------------------------------------------------------------------ learning

    @takes_known_arguments
    def fit(
        self: M,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation: Any = None,
        metrics: Any = None,
        steps: int | None = None,
        periods: int | None = None,
    ) -> M:
        """Learn from examples: from scratch, or from the current weights with `warm_start`.

        Parameters
        ----------
        X : array, frame or list of (samples, features), for most models also a sparse matrix of SciPy
        y : (samples,), or for some models (samples, outputs)
        sample_weight : (samples,), optional
            How much each sample counts; a weight of 2 is like having the sample twice.
        validation : (X, y) or (X, y, sample_weight), optional
            Examples to judge by: their loss stands in `history_["validation_loss"]`, after every pass or period if the
            solver takes gradient steps. `early_stopping` looks at them in place of a part of the data.
        metrics : list of names or functions, or dict, optional
            What else is measured on the validation: see `tinygrad_ml.train.fit`.
        steps, periods : int, optional
            Take this number of gradient steps, on as many batches, in place of up to `max_iter` passes over the data,
            and judge the model after each period: see `tinygrad_ml.train.fit`.

        Returns
        -------
        the model itself

        Raises
        ------
        ValueError, TypeError
            If the data or a hyperparameter cannot be used; the error says which and why.
        """
        return self._fit(X, y, sample_weight, asked=Asked(validation, metrics, steps, periods))

    def _fit(
        self: M,
        X: Any,
        y: Any,
        sample_weight: Any,
        classes: Any = None,
        passes: int | None = None,
        asked: Asked = NOTHING,
    ) -> M:
        """Do what `fit` and, with the number of `passes` over these data, `partial_fit` have in common."""
        self._check_hyperparameters()
        fresh = not ((self.warm_start or passes) and self.__sklearn_is_fitted__())
        before = {name: value for name, value in vars(self).items() if _is_learned(name)}
        if fresh:
            self._forget()
        else:
            self._check_structure()
        try:
            X, target, weight, n_outputs = self._training_data(X, y, sample_weight, classes)
            self._check_criterion(weight)
            if any(value is not None for value in asked):
                self.asked = asked._replace(validation=self._validation_data(asked, X.dtype))
            if passes and "_generator" not in vars(self):
                self._generator = as_generator(self.random_state)  # for all calls together
            with seeded(self._generator if passes else self.random_state):
                if fresh:
                    self._start(X, target, weight, n_outputs)
                if not passes or "history_" not in vars(self):
                    self.history_ = History()
                self._solve_safely(X, target, weight, passes)
        except BaseException as error:  # the model stays as it was; an unfitted one has the history at least
            self._forget()
            vars(self).update(before)
            if "history_" not in before and isinstance(error, Diverged):
                self.history_ = error.history
            raise
        finally:
            vars(self).pop("asked", None)
        return self

    def _validation_data(self, asked: Asked, dtype: np.dtype) -> Any:
        """Return the examples to judge by as the training data are: X, the target, and the weights if there are any."""
        given = asked.validation
        if given is None:
            if asked.metrics is not None and not self.early_stopping:
                raise ValueError(
                    f"{type(self).__name__}.fit: metrics are measured on the validation data; give validation=(X, y)"
                )
            return None
        if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
            raise TypeError(
                f"{type(self).__name__}.fit: validation must be (X, y) or (X, y, sample_weight), not "
                + (f"{len(given)} arrays" if isinstance(given, (tuple, list)) else type(given).__name__)
            )
        X = self._check_X(given[0])
        y = self._check_y(given[1], len(X))
        weight = checking.check_weights(self, given[2], len(X), dtype) if len(given) == 3 else None
        is_1d = vars(self).get("_y_is_1d")
        target, weight, _ = self._encode(y, weight, dtype, None)
        if is_1d is not None:  # predictions have the shape of the training target
            self._y_is_1d = is_1d
        self._check_criterion(weight)
        rows = X.astype(dtype, copy=False), target
        return rows if weight is None else (*rows, normalized_weights(weight))

    def _check_criterion(self, weight: Any) -> None:
        """Raise ValueError if there are weights of samples, and a criterion that takes none."""
        if weight is not None and misfit(self.criterion, 3):
            raise ValueError(
                f"{type(self).__name__}: samples have weights, which its criterion does not take: define "
                "criterion(self, output, target, sample_weight=None)"
            )

    @property
    def has_own_criterion(self) -> bool:
        """Whether the loss is a function of the user's: the hyperparameter `loss`, or the method `criterion`."""
        return callable(self._loss("")) or is_redefined(self, "criterion")

    def _training_data(self, X: Any, y: Any, sample_weight: Any, classes: Any) -> tuple[Any, Any, Any, int]:
        """Check the data and learn what they are like; return X, the target, the weights, the number of outputs."""
        names = feature_names(self, X)
        if self.reader is not None and "columns_" not in vars(self):
            self.columns_ = self.reader(self, X, sample_weight)
        X = self._check_X(X)
        y = self._check_y(y, len(X))
        weight = checking.check_weights(self, sample_weight, len(X), X.dtype)
        if weight is not None and not weight.all() and not self.keeps_weightless:
            X, y, weight = X[weight > 0], self._rows_of(y, weight > 0), weight[weight > 0]
        target, weight, n_outputs = self._encode(y, weight, X.dtype, classes)
        if "n_features_in_" not in vars(self):
            self.n_features_in_ = math.prod(X.shape[1:])
            if names is not None:
                self.feature_names_in_ = names
        return X, target, weight, n_outputs

    def _check_y(self, y: Any, n_samples: int) -> Any:
        """Return y as an array, `(samples,)` or, for models of several outputs, `(samples, outputs)`."""
        return checking.check_target(self, y, n_samples, int(self.multi_output))

    def _rows_of(self, y: Any, rows: np.ndarray) -> Any:
        """Return some rows of what `_check_y` returns."""
        return y[rows]

    def _encode(self, y: np.ndarray, weight: Any, dtype: np.dtype, classes: Any) -> tuple[np.ndarray, Any, int]:
        """Return the target as `criterion` takes it, the weights of the samples, and the number of outputs."""
        raise NotImplementedError

    def _start(self, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None, n_outputs: int) -> None:
        """Make the layers, with the weights that training begins with."""
        self.build(self.n_features_in_, n_outputs)
        self.to(X.dtype)
        self._keep_structure()

    def _keep_structure(self) -> None:
        """Keep the values of the hyperparameters that decided which layers there are."""
        declared = getattr(self, "__dataclass_fields__", {})
        names = [name for name, field in declared.items() if field.metadata.get("layers")]
        self._structure = {name: vars(self)[name] for name in names}

    def _solve_safely(self, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None, passes: int | None) -> None:
        """Solve, and make sure that all weights are finite."""
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
        """Train the layers by the solver, or only for a number of passes; fill `history_` and `n_iter_`."""
        solver = self.resolve_solver(passes)
        if self.optimizer is not None and solver in STOCHASTIC:
            solver = choice_of(self).solver
        solve = self.solvers.get(solver, partial(fit_stochastic, solver=solver))
        if not passes and (what := unseen(self, solve, target, weight)):
            solver = self._general_solver(solver, what)
            solve = GENERAL[solver]
        takes_steps = solver in STOCHASTIC or solver not in {**self.solvers, **GENERAL}
        if not takes_steps:
            refuse_steps(self, solver)
        if passes:
            partial_fit_stochastic(self, X, target, weight, solver, passes)
            return
        solve(self, X, target, weight)
        if not takes_steps and self.asked.validation is not None:
            self._judge(*self.asked.validation)

    def _general_solver(self, solver: str, what: str) -> str:
        """Return the solver that stands in for one that would not see a part of the model."""
        if self.solver == "auto":
            return choose_solver(self)
        if solver not in GENERAL:
            has_choice = "solver" in self._defaults()
            base = "Regressor" if self.kind == "regressor" else "Classifier"
            advice = f"solver={solver!r} computes without it: leave solver at 'auto', or choose 'sgd' or 'adam'"
            refuse(self, what, advice if has_choice else f"derive it from {base}, whose solvers do")
        return solver

    def needs_steps(self, passes: int | None = None) -> bool:
        """Whether what a fit is asked for needs gradient steps, so that "auto" takes them."""
        asked = self.asked.steps is not None or self.asked.periods is not None
        return bool(passes or self.early_stopping or asked or step_hyperparameters(self))

    def _judge(self, X: np.ndarray, target: np.ndarray, *weight: np.ndarray) -> None:
        """Write the loss of the validation, and its metrics, into the last row of the history."""
        self.eval()
        with tg.no_grad():
            output = self(tg.tensor(X))
            measures = {"validation_loss": self.criterion(output, target, *weight).item()}
            measures |= measure(check_metrics(self.asked.metrics, X), self.criterion, output.numpy(), target)
        last = len(self.history_.epochs) - 1
        for column, value in measures.items():
            self.history_[column] = [math.nan] * last + [float(value)]

    def resolve_solver(self, passes: int | None = None) -> str:
        """Return the solver of this fit, or of a number of passes over the data: what "auto" means.

        Raises
        ------
        ValueError
            If it does not go together with other hyperparameters.
        """
        if self.solver in STOCHASTIC:
            if self.optimizer is not None:
                check_beside(self)
            return self.solver
        if self.early_stopping or self.asked.steps is not None:
            name = "early_stopping" if self.early_stopping else "steps="
            if "solver" not in self._defaults():
                raise ValueError(f"{type(self).__name__} takes no gradient steps, which {name} is for")
            raise ValueError(
                f"{type(self).__name__}: {name} needs the solver 'sgd', 'adagrad' or 'adam', not {self.solver!r}"
            )
        return self.solver

    def penalty_weights(self, total_weight: float) -> tuple[float, float]:
        """Return (l1, l2): fit minimises the mean loss + l1 · Σ|w| + l2/2 · Σw², over the weights without the biases.

        `total_weight` is the sum of the sample weights, or the number of samples.
        """
        share = {"l1": 1.0, "l2": 0.0, "elasticnet": self.l1_ratio}.get(self.penalty or "none")
        if share is None:
            return 0.0, 0.0
        strength = self.penalty_strength(total_weight)
        return strength * share, strength * (1 - share)

    def step_penalties(self, total_weight: float) -> tuple[float, float]:
        """Return the penalties (l1, l2) that the optimizer takes in gradient steps."""
        return self.penalty_weights(total_weight)

    def penalty_strength(self, total_weight: float) -> float:
        """Return l1 + l2; what it is called and how it is counted is the model's own."""
        return self.alpha

    def loss_unit(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return what a decrease of the loss by `tol` is relative to; 0 stands for the loss at first."""
        return 1.0

    def loss_of_unit(self) -> float:
        """Return the loss of an error of one unit in which the target is learned: gradients are as much larger."""
        return 1.0

    def constant_loss(self, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the loss of the best outputs that do not depend on the features; infinity if that is not known."""
        return math.inf

    @property
    def stops_itself(self) -> bool:
        """Whether a fit ends where the model has converged: nothing else says when."""
        return bool(self.tol) and not self.early_stopping and self.asked.steps is None

    def watch(self, solver: str, optimizer: Any, rows: tuple[np.ndarray, ...]) -> Callback:
        """Return the callback that ends a training run on these rows where the model has converged."""
        slow_down = self.learning_rate is None and (self.batch_size or len(rows[0])) < len(rows[0])
        return WatchLoss(self, solver, self.stops_itself, optimizer, rows, slow_down)

    def default_learning_rate(self, solver: str, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the learning rate of "sgd" or "adam" when `learning_rate` is None."""
        return 0.01

    def _why_no_partial_fit(self) -> str:
        kind = type(self).__name__
        if isinstance(self.class_weight, str):
            return (
                f"{kind}(class_weight={self.class_weight!r}) has no partial_fit, which sees only a part of the data "
                "and so cannot balance the classes; give a dict of weights by class"
            )
        if self.solver in ("auto", *STOCHASTIC):
            return ""
        if "solver" not in self._defaults():
            return f"{kind} learns from all the data at once, and has no partial_fit"
        return (
            f"{kind}(solver={self.solver!r}) solves all the data at once and has no partial_fit; choose the solver "
            "'sgd' or 'adam'"
        )

    def _forget(self) -> None:
        for name in [name for name in vars(self) if _is_learned(name)]:
            delattr(self, name)

    def _check_structure(self) -> None:
        """Raise ValueError if the layers were made with other hyperparameters than the model has now."""
        for name, value in vars(self).get("_structure", {}).items():
            if not np.array_equal(value, vars(self)[name]):
                kind = type(self).__name__
                raise ValueError(
                    f"{kind}: {name} is {vars(self)[name]!r} now, but the layers were made with {value!r}, so "
                    "training cannot continue with them: set warm_start=False, or make a new model"
                )

    def _check_hyperparameters(self) -> None:
        checking.check_hyperparameters(self, Gradient.__dataclass_fields__)

    # ------------------------------------------------------------------ using what was learned

    def _check_X(self, X: Any) -> Any:
        """Return X as an array, if it is like the one that the model was fitted with."""
        known = vars(self).get("n_features_in_")
        if known is not None:
            check_names(self, feature_names(self, X))
        columns = vars(self).get("columns_")
        X = checking.check_X(self, X, self.input_dimensions) if columns is None else columns.read(self, X)
        n = math.prod(X.shape[1:])
        if known is not None and n != known:
            raise ValueError(f"X has {n} features, but {type(self).__name__} is expecting {known} features as input")
        return X

    def _outputs(self, X: Any, batch_size: int = 4096, then: Callable[[np.ndarray], np.ndarray] | None = None) -> Any:
        """Return the outputs of `forward` in evaluation mode, as an array, or what `then` makes of those of a batch."""
        self.require_fitted()
        X, dtype = self._check_X(X), next(self._learned()).dtype
        if X.dtype != dtype:
            with np.errstate(over="ignore"):
                X = X.astype(dtype)
            checking.check_finite(type(self).__name__, f"X as {dtype}", X)
        training = [module for module in self.modules() if module.training]
        if training:
            self.eval()
        try:
            with tg.no_grad():
                outputs = (self(tg.tensor(X[i : i + batch_size])).numpy() for i in range(0, len(X), batch_size))
                parts = [output if then is None else then(output) for output in outputs]
        finally:
            for module in training:
                module.training = True
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    # ------------------------------------------------------------------ scikit-learn's protocol

    # `Module` keeps this in a public attribute; scikit-learn wants what `fit` sets to end in _ or to begin with it
    _training = True

    @property
    def training(self) -> bool:
        """Whether the model behaves as in training (dropout active, ...)."""
        return self._training

    @training.setter
    def training(self, mode: bool) -> None:
        self._training = mode

    def attributes(self) -> Iterable[tuple[str, Any]]:
        """Leave hyperparameters out: a model among them is a pattern, and no part of this one."""
        hyperparameters = self._defaults()
        return [(name, value) for name, value in vars(self).items() if name not in hyperparameters]

    def _learned(self) -> Iterator[Tensor]:
        return chain(self.parameters(), self.buffers())

    def __sklearn_is_fitted__(self) -> bool:
        return next(self._learned(), None) is not None

    def require_fitted(self) -> None:
        """Raise scikit-learn's NotFittedError, or our own when that is not loaded, before `fit` or `build`."""
        if not self.__sklearn_is_fitted__():
            raise loaded_class("sklearn.exceptions", "NotFittedError", NotFitted)(
                f"This {type(self).__name__} is not fitted yet. Call {self.how_to_fit} first, or build("
                f"{', '.join(inspect.signature(self.build).parameters)}) to train it by hand."
            )

    def __getattr__(self, name: str) -> Any:
        kind = type(self).__name__
        there = inspect.getattr_static(type(self), name, None)
        if isinstance(there, available_when):
            raise AttributeError(there.reason(self), name=name, obj=self)
        if name == "loss":
            raise AttributeError(
                f"{kind} has no hyperparameter 'loss'; its loss is {kind}.criterion(output, target)",
                name=name,
                obj=self,
            )
        if name.endswith("_") and not name.startswith("_") and not self.__sklearn_is_fitted__():
            raise AttributeError(f"this {kind} has no {name!r} yet: call {self.how_to_fit} first", name=name, obj=self)
        raise missing("Module", name, self, f"{kind!r} object")

    def __sklearn_tags__(self) -> Any:
        return tags(self)

    def set_fit_request(self: M, **asked: bool | str | None) -> M:
        """Let pipelines and searches of scikit-learn pass an argument on to `fit`; return the model.

        It takes part in scikit-learn's metadata routing, which must be enabled.

        Parameters
        ----------
        **asked : arguments of `fit` beside X and y, such as `sample_weight`
            True to pass it on, False not to, None (the default) to raise if it is given, or the name by which it is
            given.

        Raises
        ------
        RuntimeError, TypeError, ValueError
            If metadata routing is not enabled, there is no such argument, or the value is none of these.

        Examples
        --------
        >>> from sklearn import config_context
        >>> with config_context(enable_metadata_routing=True):
        ...     model = tg.models.LogisticRegression().set_fit_request(sample_weight=True)
        """
        request(self, "fit", asked)
        return self

    def set_partial_fit_request(self: M, **asked: bool | str | None) -> M:
        """Let scikit-learn pass an argument on to `partial_fit`: see `set_fit_request`."""
        request(self, "partial_fit", asked)
        return self

    def set_score_request(self: M, **asked: bool | str | None) -> M:
        """Let scikit-learn pass an argument on to `score`: see `set_fit_request`."""
        request(self, "score", asked)
        return self

    def get_metadata_routing(self) -> Any:
        """Return what was asked for by `set_fit_request` and its like, as scikit-learn's `MetadataRequest`."""
        return routing(self)

    def _repr_html_(self) -> str:
        return as_html(self)


for field in fields(Gradient):
    setattr(Model, field.name, field.default)


def _is_learned(name: str) -> bool:
    return name.endswith("_") or name in PRIVATE


def weighted_mean(losses: Tensor, weight: Any) -> Tensor:
    """Return the sum of losses `(batch,)` or `(batch, outputs)` times weights, over the number of losses.

    Weights are `(batch,)` or those of each loss. Those of a whole data set have the mean 1, so that its batches add up
    to its loss.
    """
    return (losses * (weight if losses.ndim == weight.ndim else weight.reshape(-1, 1))).mean()


def mean_of(loss: Callable[[Any, Any], Tensor], output: Tensor, target: Any, weight: Any) -> Tensor:
    """Return the mean of a loss that a user gave, which returns losses of each sample or their mean."""
    losses = loss(output, target)
    if not isinstance(losses, Tensor):
        raise TypeError(
            f"the loss {getattr(loss, '__name__', repr(loss))} returned a {type(losses).__name__}; it must return a "
            "Tensor: the loss of each sample, or their mean"
        )
    if losses.ndim == 0 and weight is not None:
        raise ValueError(
            f"the loss {getattr(loss, '__name__', repr(loss))} returns a mean, in which samples cannot have weights; "
            "it must return the loss of each sample, as losses of tg.nn do with reduction='none'"
        )
    if losses.ndim == 0:
        return losses
    if weight is not None and weight.ndim > losses.ndim:
        raise ValueError(
            f"the loss {getattr(loss, '__name__', repr(loss))} returns losses of shape {losses.shape}, but "
            f"class_weight gives each label a weight of its own, {weight.shape}: return the loss of each label"
        )
    return losses.mean() if weight is None else weighted_mean(losses, weight)
