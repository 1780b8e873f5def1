"""Linear support vector machine: the plane with the widest margin, which only the samples near it hold in place."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any, ClassVar

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor
from tinygrad_ml.protocol import available_when
from tinygrad_ml.validation import is_sparse

from .base import weighted_mean
from .classifier import Classifier
from .descent import STEPS
from .hinge import fit_hinge
from .hyperparameters import choice, hyperparameters, positive, positive_or_inf
from .lbfgs import lbfgs
from .linear import coefficients, intercepts, is_redefined, linear_layer, redefined
from .linear_classifier import LinearClassifier
from .margin import fit_margin
from .stochastic import safe_learning_rate

FEW = 20_000  # up to this number of sparse samples Newton's method is quick, however many features there are


@hyperparameters
class LinearSVM(LinearClassifier):
    """The linear classifier that minimises Σw² / 2 + C · Σ max(0, 1 - s · (x·w + b)), where s is 1 or -1 by the class.

    A sample costs nothing when it lies beyond the margin, a distance of 1 / |w| from the plane on the right side: all
    such samples may be left out, and the plane stays where it is. For more than two classes, each has a plane of its
    own against all others. As in scikit-learn's LinearSVC the bias has a penalty too, as the weight of a feature that
    is the same number for all samples: `intercept_scaling`.

    Parameters
    ----------
    loss : "hinge" or "squared_hinge"
        The squared one has a derivative everywhere, and punishes outliers more.
    C : float
        How much samples on the wrong side of the margin count against a wide margin.
    intercept_scaling : float
        The larger it is, the smaller the penalty on the bias; with inf it has none, as in scikit-learn's
        SVC(kernel="linear").
    solver : "auto", "newton", "interior_point", "lbfgs", "sgd", "adagrad" or "adam"
        Newton's method goes to the optimum of both losses, "interior_point" to that of "hinge", and "lbfgs" to that of
        "squared_hinge". "sgd", "adagrad" and "adam" take gradient steps on batches (Shalev-Shwartz et al., "Pegasos:
        primal estimated sub-gradient solver for SVM", 2007). "auto" is "newton" for up to 1,000 features, then "sgd"
        for "hinge" and "lbfgs" for "squared_hinge"; for "hinge" and up to 20,000 sparse samples always "newton".

    Attributes
    ----------
    coef_, intercept_ : (classes, features) and (classes,); (1, features) and (1,) for two classes
    classes_ : (classes,)
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> X, y = np.array([[0.0], [1.0], [3.0], [4.0]]), ["no", "no", "yes", "yes"]
    >>> model = tg.models.LinearSVM(C=10.0, intercept_scaling=np.inf).fit(X, y)
    >>> model.coef_.round(6), model.intercept_.round(6)
    (array([[1.]]), array([-2.]))
    >>> model.predict([[1.9], [2.1]])
    array(['no', 'yes'], dtype='<U3')

    It is a module: draw it with `tg.draw(model, X)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(lambda x: model.criterion(model(x), np.array([0, 0, 1, 1])), X + 0.1, params=model)
    """

    multi_class = True
    curvature = 2.0  # of the squared hinge; of the hinge, a scale of the steps
    solvers: ClassVar = {"newton": fit_margin, "interior_point": fit_hinge, "lbfgs": lbfgs, **STEPS}

    _: KW_ONLY
    loss: str = choice("hinge", "squared_hinge")
    C: float = positive(1.0)
    intercept_scaling: float = positive_or_inf(1.0)
    solver: str = choice("auto", *solvers)
    penalty: ClassVar[str] = "l2"  # type: ignore[misc]  # no longer hyperparameters
    l1_ratio: ClassVar[float] = 0.0  # type: ignore[misc]

    @property
    def has_bias_feature(self) -> bool:
        """Whether the bias is the weight of a further feature."""
        return self.fit_intercept and np.isfinite(self.intercept_scaling)

    def build(self, n_features: int, n_outputs: int) -> Any:
        """Make `linear_`, with weights of zero; return the model."""
        bias = self.fit_intercept and not self.has_bias_feature
        self.linear_ = linear_layer(n_features + self.has_bias_feature, n_outputs, bias)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Return x·w + b, the distance from the plane in margins, `(batch, outputs)`."""
        if self.has_bias_feature:
            x = tg.concatenate([x, np.full((len(x), 1), self.intercept_scaling, x.dtype)], axis=1)
        return self.linear_(x)

    def criterion(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the mean of max(0, 1 - s · output), or of its square, over samples and outputs."""
        short = tg.relu(1 - signs(target, output.shape[1]).astype(output.dtype) * output)
        losses = short if self.loss == "hinge" else short * short
        return losses.mean() if sample_weight is None else weighted_mean(losses, sample_weight)

    def inputs(self, X: np.ndarray) -> np.ndarray:
        if not self.has_bias_feature:
            return X
        return np.concatenate([X, np.full((len(X), 1), self.intercept_scaling, X.dtype)], axis=1)

    def penalty_strength(self, total_weight: float) -> float:
        return super().penalty_strength(total_weight) / self.linear_.out_features  # as the loss is a mean over them

    @property
    def ends_at_optimum(self) -> bool:  # type: ignore[override]
        """Whether steps on all the data can end at the optimum: not at the corners of the hinge."""
        return self.loss == "squared_hinge" or is_redefined(self, "criterion")

    def resolve_solver(self, passes: int | None = None) -> str:
        is_hinge = self.loss == "hinge"
        if self.solver == "auto":
            if self.needs_steps(passes):
                return "sgd"
            return "newton" if self.linear_.in_features <= 1000 else "sgd" if is_hinge else "lbfgs"
        if self.solver == ("lbfgs" if is_hinge else "interior_point"):
            needs = "a derivative everywhere: loss='squared_hinge'" if is_hinge else "loss='hinge'"
            raise ValueError(f"{type(self).__name__}(solver={self.solver!r}, loss={self.loss!r}): it needs {needs}")
        return super().resolve_solver(passes)

    def _solve(self, X: Any, target: np.ndarray, weight: Any, passes: int | None = None) -> None:
        """Train the layer; of few sparse samples with many features, by Newton's method, which needs those alone."""
        steps = self.solver != "auto" or self.loss != "hinge" or self.needs_steps(passes)
        if steps or not is_sparse(X) or len(X) > FEW or redefined(self):
            super()._solve(X, target, weight, passes)
            return
        fit_margin(self, X, target, weight)
        if self.asked.validation is not None:
            self._judge(*self.asked.validation)

    def default_learning_rate(self, solver: str, X: np.ndarray, target: np.ndarray, weight: np.ndarray | None) -> float:
        return safe_learning_rate(self, solver, X, target, weight)

    predict_proba = available_when(lambda self: "a LinearSVM has no probabilities; LogisticRegression does")(
        Classifier.predict_proba
    )

    @property
    def coef_(self) -> np.ndarray:
        """The weights of the features, (classes, features), or (1, features) for two classes."""
        weight = coefficients(self.linear_)
        return weight[:, :-1] if self.has_bias_feature else weight

    @property
    def intercept_(self) -> np.ndarray:
        """The biases, (classes,), or (1,) for two classes."""
        if self.has_bias_feature:
            return coefficients(self.linear_)[:, -1] * self.intercept_scaling
        return intercepts(self.linear_)


def signs(target: Any, n_outputs: int) -> np.ndarray:
    """Return 1 for the class of each sample and -1 for the others, (samples, outputs), from positions (samples,)."""
    target = np.reshape(target, (-1, 1))
    return np.where(target == (np.arange(n_outputs) if n_outputs > 1 else 1), 1.0, -1.0)
