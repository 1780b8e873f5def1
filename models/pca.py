"""Principal component analysis: the directions in which data vary most. A linear autoencoder, in closed form."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any, ClassVar

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor, nn
from tinygrad_ml.features.transformer import Transformer
from tinygrad_ml.protocol import feature_names
from tinygrad_ml.random import default_generator
from tinygrad_ml.validation import is_integer, is_number, is_sparse

from .base import Model
from .checking import Rule, check_finite
from .design import SMALL as DENSE
from .design import SQUARE, Design, SparseDesign, row_squares, spread
from .hyperparameters import boolean, choice, count, hyperparameters, seed

NARROW = 1000  # up to this number of features the eigenvectors of their products with each other are quick
SMALL = 500  # up to this number of samples and features the full decomposition is quick

sizes = Rule(
    lambda v: is_integer(v, 1) or (is_number(v) and 0 < v < 1),
    "a whole number of at least 1, or the part of the variance that they should explain, between 0 and 1",
)
powers = Rule(
    lambda v: v == "auto" if isinstance(v, str) else is_integer(v, 0), "'auto', or a whole number of at least 0"
)


def fit_full(model: Any, X: Any, target: Any, weight: Any) -> None:
    """Find all components, and keep those that are asked for."""
    if is_sparse(X) and X.size < DENSE:
        X = X.toarray()
    rows = centred(model, X)
    n, d = rows.shape
    if isinstance(rows, SparseDesign):
        s, V = sparse_decomposition(model, rows)
    else:
        if n > d:  # the same singular values and right vectors, of a small matrix
            rows = np.asarray(np.linalg.qr(rows, mode="r"))
        s, V = np.linalg.svd(rows, full_matrices=False)[1:]
    keep(model, V, s, n, float((s * s).sum()))


def fit_covariance(model: Any, X: Any, target: Any, weight: Any) -> None:
    """Find all components as the eigenvectors of XᵀX, which is small where the samples are many."""
    if is_sparse(X):
        fit_full(model, X, target, weight)
        return
    rows: Any = centred(model, X)
    rows = rows.astype(np.float64, copy=False)
    squares, vectors = np.linalg.eigh(rows.T @ rows)
    s, V = (part[: min(rows.shape)] for part in (np.sqrt(np.maximum(squares[::-1], 0)), vectors.T[::-1]))
    keep(model, V.astype(X.dtype), s.astype(X.dtype), len(X), float((s * s).sum()))


def sparse_decomposition(model: Any, rows: SparseDesign) -> tuple[np.ndarray, np.ndarray]:
    """Return the singular values and the right singular vectors of large sparse rows.

    They are found by the eigenvalues of the products of columns, or of rows if these are fewer, whose rounding hides
    singular values of less than about 1e-8 of the largest one.
    """
    n, d = rows.shape
    if min(n, d) > SQUARE:
        raise ValueError(
            f"{type(model).__name__}(svd_solver='full'): all components of a sparse X of shape {(n, d)} need a square "
            f"table of {min(n, d):,} rows; set n_components to a whole number, and svd_solver='randomized'"
        )
    squares, vectors = np.linalg.eigh(rows.gram(None) if d <= n else rows.kernel())
    s, vectors = np.sqrt(np.maximum(squares[::-1], 0)), vectors[:, ::-1]
    if d <= n:
        return s, vectors.T
    V = vectors.T @ rows
    length = np.linalg.norm(V, axis=1)  # 0 along directions in which nothing varies, where any will do
    known = length > np.sqrt(n * np.finfo(s.dtype).eps) * s[0]
    V[known] /= length[known, None]
    if not known.all():
        k = int(known.sum())
        other = default_generator().standard_normal((d, n - k)).astype(V.dtype)
        V[~known] = np.linalg.qr(np.column_stack([V[known].T, other]))[0][:, k:].T
    return np.where(known, s, 0), V


def fit_randomized(model: Any, X: Any, target: Any, weight: Any) -> None:
    """Find the first components, in the space that a few random combinations of the rows span.

    Each multiplication with XᵀX makes the directions of little variance fainter in them. Halko, Martinsson and Tropp,
    "Finding structure with randomness: probabilistic algorithms for constructing approximate matrix decompositions"
    (2011).
    """
    k = model.n_components
    if k is None:
        k = min(X.shape)
    if not is_integer(k, 1):
        raise ValueError(
            f"{type(model).__name__}(n_components={k!r}, svd_solver='randomized'): it finds a whole number of "
            "components; svd_solver='full' finds as many as explain a part of the variance"
        )
    rows = centred(model, X)
    n, d = rows.shape
    iterations = model.iterated_power
    if iterations == "auto":
        iterations = 7 if k < 0.1 * min(n, d) else 4
    size = min(k + model.n_oversamples, n, d)
    Q = default_generator().standard_normal((d, size)).astype(rows.dtype)
    for _ in range(iterations):
        Q = np.linalg.qr(rows @ Q)[0]
        Q = np.linalg.qr((Q.T @ rows).T)[0]
    Q = np.linalg.qr(rows @ Q)[0]
    s, V = np.linalg.svd(Q.T @ rows, full_matrices=False)[1:]
    keep(model, V, s, n, float(row_squares(rows).sum()))


def centred(model: Any, X: Any) -> Design:
    """Keep the mean of X; return X without it, of a sparse one in its products alone."""
    n, d = X.shape
    if n < 2:
        raise ValueError(f"{type(model).__name__}: one sample has no variance (n_samples = 1); give at least 2")
    if is_integer(model.n_components, 1) and model.n_components > min(n, d):
        raise ValueError(
            f"{type(model).__name__}(n_components={model.n_components}): there are at most min(n_samples, n_features) "
            f"= {min(n, d)} components"
        )
    if is_sparse(X):
        mean = spread(X, None, True).mean.astype(X.dtype)
        model.centre_ = nn.Buffer(mean)
        return SparseDesign(X, mean, np.ones(d), has_bias=False)
    mean = X.mean(axis=0, dtype=np.float64).astype(X.dtype)
    model.centre_ = nn.Buffer(mean)
    return X - mean


def keep(model: Any, V: np.ndarray, s: np.ndarray, n: int, squares: float) -> None:
    """Keep as many components as are asked for, of right singular vectors V and singular values s.

    `squares` is the sum of the squares of all singular values.
    """
    d = V.shape[1]
    variances, total = s * s / (n - 1), squares / (n - 1)
    ratios = variances / total if total else np.zeros_like(s)
    k = model.n_components
    if k is None:
        k = len(s)
    elif not is_integer(k, 1):
        k = min(int(np.searchsorted(np.cumsum(ratios), k, side="right")) + 1, len(s))
    largest = V[np.arange(len(V)), abs(V).argmax(axis=1)]
    V = np.where(largest[:, None] < 0, -V, V)  # so that the result is the same every time
    model.n_components_, model.n_samples_ = int(k), n
    model.directions_ = nn.Parameter(V[:k])
    model.scales_ = nn.Buffer(np.maximum(np.sqrt(variances[:k]), np.finfo(s.dtype).eps) if model.whiten else s[:k] ** 0)
    model.explained_variance_, model.explained_variance_ratio_ = variances[:k].copy(), ratios[:k].copy()
    model.singular_values_ = s[:k].copy()
    left = min(n, d) - k
    model.noise_variance_ = max(total - float(variances[:k].sum()), 0.0) / left if left > 0 else 0.0
    model.history_.append(loss=max(squares - float((s[:k] ** 2).sum()), 0.0) / (n * d))
    model.n_iter_ = 1


@hyperparameters
class PCA(Model):
    """Principal components: orthogonal directions, each of the largest variance that is left.

    `transform` gives the coordinates of samples along them; as a module it is a linear layer whose rows are the
    components, on data whose mean is taken away. Of all linear maps to so few numbers and back it loses least:
    `criterion` is the mean squared error of the way back. A sparse X stays sparse: its mean is taken away in its
    products alone.

    Parameters
    ----------
    n_components : int, or float between 0 and 1, optional
        How many; or the part of the variance that they should explain together. By default all.
    whiten : bool
        Whether to divide the coordinates by their standard deviations, so that all have the variance 1.
    svd_solver : "auto", "full", "covariance_eigh" or "randomized"
        "covariance_eigh" is quick for many samples of few features; rounding hides singular values of less than about
        1e-8 of the largest one, which "full" finds. "randomized" is quick for few components of large data, and nearly
        exact. As in scikit-learn, "auto" is "covariance_eigh" for at least ten times as many samples as features (up to
        1,000), else "randomized" for less than 80 % of all components of more than 500 samples or features, or "full".
    n_oversamples : int
        How many random directions "randomized" takes more than there are components.
    iterated_power : int or "auto"
        How often "randomized" multiplies them with XᵀX; with 20 it is exact to rounding for most data.
    random_state : int, Generator or RandomState, optional
        Decides the random directions.

    Attributes
    ----------
    components_ : (components, features)
        The directions; the largest entry of each is positive.
    explained_variance_, explained_variance_ratio_, singular_values_ : (components,)
    mean_ : (features,)
    noise_variance_ : float
        The mean variance of the directions that are left out.
    n_components_, n_samples_ : int

    Examples
    --------
    >>> X = np.array([[0.0, 0.1], [1.0, 0.9], [2.0, 2.1], [3.0, 2.9]])
    >>> pca = tg.models.PCA(n_components=1).fit(X)
    >>> pca.components_.round(3), pca.explained_variance_ratio_.round(3)
    (array([[0.72 , 0.694]]), array([0.998]))
    >>> pca.transform([[4.0, 4.0]]).round(3), pca.inverse_transform([[3.5]]).round(3)
    (array([[3.535]]), array([[4.021, 3.928]]))

    It is a module: draw it with `tg.draw(pca, X)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> report = gradcheck(lambda x: pca.criterion(pca(x), x), X, params=pca)
    """

    kind = "transformer"
    why_not_sparse = ""
    solvers: ClassVar = {"full": fit_full, "covariance_eigh": fit_covariance, "randomized": fit_randomized}
    multi_label = False

    n_components: int | float | None = sizes(None)
    _: KW_ONLY
    whiten: bool = boolean(False)
    svd_solver: str = choice("auto", "full", "covariance_eigh", "randomized")
    n_oversamples: int = count(10)
    iterated_power: int | str = powers("auto")
    random_state: Any = seed(None)

    def build(self, n_features: int, n_outputs: int) -> PCA:
        """Make `directions_`, the first axes, and `centre_`, zero; return the model."""
        self.directions_ = nn.Parameter(np.eye(n_outputs, n_features))
        self.centre_, self.scales_ = nn.Buffer(np.zeros(n_features)), nn.Buffer(np.ones(n_outputs))
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Return the coordinates along the components, `(batch, components)`."""
        if is_sparse(getattr(x, "_data", x)):
            return (x @ self.directions_.T - self.centre_ @ self.directions_.T) / self.scales_
        return (x - self.centre_) @ self.directions_.T / self.scales_

    def decode(self, coordinates: Tensor) -> Tensor:
        """Return the samples that have these coordinates, `(batch, features)`: the way back."""
        return (coordinates * self.scales_) @ self.directions_ + self.centre_

    def criterion(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the mean squared difference of samples and what `decode` makes of their coordinates."""
        lost = self.decode(output) - target
        return (lost * lost).mean()

    def fit(self, X: Any, y: Any = None) -> PCA:  # type: ignore[override]
        """Find the components of samples (samples, features); y is ignored. Return the model."""
        return self._fit(X, None, None)

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Find the components of samples, and return the coordinates of these."""
        return self.fit(X).transform(X)

    def transform(self, X: Any) -> Any:
        """Return the coordinates of samples along the components, (samples, components)."""
        return self._output(self._outputs(X), X)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return the samples that have these coordinates, (samples, features)."""
        self.require_fitted()
        coordinates = np.asarray(X, dtype=None if getattr(X, "dtype", None) == np.float32 else np.float64)
        k = len(self.directions_)
        if coordinates.ndim != 2 or coordinates.shape[1] != k:
            raise ValueError(
                f"{type(self).__name__}.inverse_transform: X must be (samples, components), and there are {k} "
                f"components; its shape is {coordinates.shape}"
            )
        check_finite(type(self).__name__, "X", coordinates)
        with tg.no_grad():
            return np.array(self.decode(tg.tensor(coordinates)).numpy())

    # ------------------------------------------------------------------ as a distribution

    def get_covariance(self) -> np.ndarray:
        """Return the covariance of the normal distribution that PCA stands for, (features, features).

        It has the variances of the components along these, and `noise_variance_` in all other directions: Tipping and
        Bishop, "Probabilistic principal component analysis" (1999).
        """
        self.require_fitted()
        excess = np.maximum(self.explained_variance_ - self.noise_variance_, 0)
        covariance = (self.components_.T * excess) @ self.components_
        covariance.flat[:: len(covariance) + 1] += self.noise_variance_
        return covariance

    def get_precision(self) -> np.ndarray:
        """Return the inverse of the covariance, in which no variance is smaller than rounding."""
        values, vectors = self._spectrum()
        return (vectors / values) @ vectors.T

    def _spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        values, vectors = np.linalg.eigh(self.get_covariance().astype(np.float64))
        rounding = np.finfo(self.directions_.dtype).eps * len(values) * values[-1]
        return np.maximum(values, max(rounding, np.finfo(np.float64).tiny)), vectors

    def score_samples(self, X: Any) -> np.ndarray:
        """Return the log-likelihood of each sample under that distribution, (samples,)."""
        values, vectors = self._spectrum()
        X = self._check_X(X)
        along = X @ vectors - self.mean_ @ vectors if is_sparse(X) else (X - self.mean_) @ vectors
        return -(np.log(2 * np.pi * values).sum() + (along * along / values).sum(axis=1)) / 2

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-likelihood of samples: GridSearchCV chooses the number of components by it."""
        return float(self.score_samples(X).mean())

    # ------------------------------------------------------------------ scikit-learn's protocol

    def resolve_solver(self, passes: int | None = None) -> str:
        return self.svd_solver if self.svd_solver != "auto" else self._auto

    def _training_data(self, X: Any, y: Any, sample_weight: Any, classes: Any) -> tuple[Any, Any, Any, int]:
        names = feature_names(self, X)
        X = self._check_X(X)
        n, d = X.shape
        k = self.n_components
        is_part = is_integer(k, 1) and k < 0.8 * min(n, d)
        if n >= 10 * d and d <= NARROW:
            self._auto = "covariance_eigh"
        else:
            self._auto = "randomized" if max(n, d) > SMALL and is_part else "full"
        self.n_features_in_ = d
        if names is not None:
            self.feature_names_in_ = names
        return X, None, None, 1  # its layer is made when the components are known

    @property
    def components_(self) -> np.ndarray:
        """The directions, (components, features)."""
        return self.directions_.numpy().copy()

    @property
    def mean_(self) -> np.ndarray:
        """The mean of the samples, (features,)."""
        return self.centre_.numpy().copy()

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the coordinates: pca0, pca1, ..."""
        self.require_fitted()
        return np.array([f"pca{i}" for i in range(len(self.directions_))], object)

    set_output: ClassVar[Any] = Transformer.set_output
    _output: ClassVar[Any] = Transformer._output

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import TransformerTags

        tags = super().__sklearn_tags__()
        tags.estimator_type, tags.target_tags.required = None, False
        tags.transformer_tags = TransformerTags(preserves_dtype=["float64", "float32"])
        return tags
