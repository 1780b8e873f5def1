"""The perceptron: a step function of x·w + b, and the oldest learning rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from tinygrad_ml import Tensor
from tinygrad_ml.protocol import available_when
from tinygrad_ml.random import default_generator
from tinygrad_ml.sparse_matrix import SparseMatrix
from tinygrad_ml.terminal import DeferredInterrupt

from .classifier import Classifier
from .hyperparameters import boolean, count, hyperparameters, positive, seed
from .linear import coefficients, intercepts, linear_layer, redefined, refuse, set_coefficients
from .loops import loops_of
from .warnings import stop_by_interrupt, warn_not_converged

BLOCK = 1024  # the most samples that are looked at together


@hyperparameters
class Perceptron(Classifier):
    """Rosenblatt's perceptron for two classes: the second one where x·w + b >= 0.

    It looks at one sample after the other, and after each mistake adds the sample to w, or takes it off, times the
    learning rate: w += learning_rate · (target - prediction) · x. If a plane separates the classes, it makes a limited
    number of mistakes (Novikoff 1962); if none does, it stops after `max_iter` passes, with a ConvergenceWarning. Since
    the order decides, and not an average, samples have no weights.

    Parameters
    ----------
    learning_rate : float
        From weights of zero it changes only the scale of w.
    fit_intercept : bool
        Whether there is a bias b.
    max_iter : int
        The largest number of passes over the data.
    shuffle : bool
        Whether each pass is in another order; by default in the order of the data.
    warm_start : bool
        Whether the next `fit` starts from the current weights.
    random_state : int, Generator or RandomState, optional
        Decides the order.

    Attributes
    ----------
    coef_, intercept_ : (1, features) and (1,)
    mistakes_ : list of ints
        The samples that were wrong when they were looked at, one after the other.
    classes_ : (2,)
    n_iter_ : int
    history_ : History, with the number of mistakes in each pass

    Examples
    --------
    >>> X, y = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), [0, 0, 0, 1]
    >>> gate = tg.models.Perceptron().fit(X, y)
    >>> gate.predict(X), gate.history_["mistakes"]
    (array([0, 0, 0, 1]), [2.0, 3.0, 3.0, 2.0, 1.0, 0.0])

    It is a module: draw it with `tg.draw(gate, X)`, and check its gradient:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(gate, X)
    """

    multi_class = False
    why_not_sparse = ""

    _: KW_ONLY
    learning_rate: float = positive(1.0)
    fit_intercept: bool = boolean(True, layers=True)
    max_iter: int = count(1000)
    shuffle: bool = boolean(False)
    warm_start: bool = boolean(False)
    random_state: Any = seed(None)

    def build(self, n_features: int, n_outputs: int = 1) -> Perceptron:
        """Make `linear_`, with weights of zero; return the model."""
        self.linear_ = linear_layer(n_features, n_outputs, self.fit_intercept)
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.linear_(x)

    def criterion(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the mean perceptron criterion, max(0, ∓(x·w + b)): its gradient is the learning rule, also at 0."""
        target = np.reshape(target, (-1, 1))
        mistake = (output.detach() >= 0).astype(output.dtype) - target.astype(output.dtype)
        return (output * mistake).mean()

    def fit(self, X: Any, y: Any) -> Perceptron:  # type: ignore[override]
        """Learn from samples (samples, features) of two classes, until a pass makes no mistake; return the model."""
        return super().fit(X, y)

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Perceptron:
        """Make one pass over these samples; the first call should name both `classes`. Return the model."""
        return super().partial_fit(X, y, classes)

    def _solve(self, X: Any, target: np.ndarray, weight: Any, passes: int | None = None) -> None:
        refuse(self, redefined(self), "derive it from Classifier, whose solvers do")
        mistakes: list[int] = [] if passes is None else list(vars(self).get("mistakes_", []))
        w, b = self.coef_[0].copy(), self.intercept_[0]
        order, rate = np.arange(len(X)), X.dtype.type(self.learning_rate)
        loops = loops_of(X)
        X = X if loops is None else np.ascontiguousarray(X)
        with DeferredInterrupt() as interrupt:
            for _ in range(passes or self.max_iter):
                if self.shuffle:
                    default_generator().shuffle(order)
                if loops is None:
                    made, w, b = self._pass(X, target, order, w, b, rate)
                else:
                    made, w, b = self._pass_in_c(loops, X, target, order, w, b, rate)
                mistakes += made
                self.history_.append(mistakes=len(made))
                if not made or interrupt.count:
                    break
        set_coefficients(self.linear_, [w], [b])
        self.mistakes_ = mistakes
        self.n_iter_ = len(self.history_["mistakes"])
        last = int(self.history_["mistakes"][-1])
        if interrupt.count:
            self.history_.stopped = f"Interrupted in pass {self.n_iter_} of {passes or self.max_iter}."
            stop_by_interrupt(self, self.history_.stopped)
        elif last and passes is None:
            self.history_.stopped = f"All {self.n_iter_} passes are done."
            warn_not_converged(
                self,
                "the perceptron",
                f" in max_iter={self.max_iter} passes over the data: it made {last} mistake{'s' * (last > 1)} in the "
                "last one, so its weights still change; perhaps no plane separates the classes: LogisticRegression "
                "needs none. Or raise max_iter",
            )

    def _pass(
        self, X: Any, target: np.ndarray, order: np.ndarray, w: np.ndarray, b: Any, rate: Any
    ) -> tuple[list[int], np.ndarray, Any]:
        """Look at all samples once, in this order; return the mistakes, and the weights and the bias that they lead to.

        Until the next mistake they are the same for all samples, so a block of samples is predicted at once, up to the
        first mistake in it; a block is about as long as it was from one mistake to the next.
        """
        rows, wanted = (X[order], target[order]) if self.shuffle else (X, target)
        at, size, n = 0, 8, len(rows)
        mistakes = []
        while at < n:
            block = rows[at : at + size]
            wrong = (block @ w + b >= 0) != wanted[at : at + size]
            first = int(wrong.argmax())
            if not wrong[first]:
                at += len(block)
                size = min(2 * size, BLOCK)
                continue
            at += first
            step = rate if wanted[at] else -rate
            add_row(w, rows, at, step)
            b = b + step * self.fit_intercept
            mistakes.append(int(order[at]))
            at += 1
            size = max(4, (size + 2 * first) // 2)
        return mistakes, w, b

    def _pass_in_c(
        self, loops: Any, X: np.ndarray, target: np.ndarray, order: np.ndarray, w: np.ndarray, b: Any, rate: Any
    ) -> tuple[list[int], np.ndarray, Any]:
        """Do the same, one sample after the other."""
        wb, wanted = np.append(w, b).astype(X.dtype, copy=False), target.astype(np.uint8)
        mistakes = np.empty(len(X), np.int64)
        arrays = [array.ctypes.data for array in (X, order, wanted, wb, mistakes)]
        made = loops.perceptron(arrays[0], *X.shape, *arrays[1:4], rate, self.fit_intercept, arrays[4])
        return mistakes[:made].tolist(), wb[:-1], wb[-1]

    def attributes(self) -> Iterable[tuple[str, Any]]:
        """Leave out the mistakes, which may be very many: they hold no parameters."""
        return [(name, value) for name, value in super().attributes() if name != "mistakes_"]

    def predict(self, X: Any) -> np.ndarray:
        """Return the second class where x·w + b >= 0, else the first, `(samples,)`."""
        return self._label((self._outputs(X)[:, 0] >= 0).astype(int), 1)

    predict_proba = available_when(lambda self: "a Perceptron has no probabilities; LogisticRegression does")(
        Classifier.predict_proba
    )

    @property
    def coef_(self) -> np.ndarray:
        """The weights of the features, (1, features)."""
        return coefficients(self.linear_)

    @property
    def intercept_(self) -> np.ndarray:
        """The bias, (1,)."""
        return intercepts(self.linear_)


def add_row(w: np.ndarray, rows: Any, at: int, step: float) -> None:
    """Add a row of a table or of a sparse matrix, times a number, to w, in place."""
    if not isinstance(rows, SparseMatrix):
        w += step * rows[at]
        return
    where = slice(*rows.matrix.indptr[at : at + 2])
    w[rows.indices[where]] += step * rows.values[where]
