"""The denoising autoencoder: a network that maps noisy images to clean ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor, nn
from tinygrad_ml import metrics as scores
from tinygrad_ml.nn import functional as F
from tinygrad_ml.protocol import available_when
from tinygrad_ml.validation import check_array

from . import checking
from .base import weighted_mean
from .hyperparameters import activations, choice, hyperparameters, sizes
from .network import ACTIVATIONS, Network
from .regressor import Regressor

LEVELS = 256  # the most values that a pixel may have as a class


@hyperparameters
class DenoisingAutoencoder(Network, Regressor):
    """A neural network with an output for each pixel, which learns from noisy images what they are without the noise.

    Vincent and others, "Extracting and composing robust features with denoising autoencoders" (2008). `fit(noisy,
    clean)` takes images (samples, height, width), with channels or as rows of pixels; `predict` returns them in the
    shape of the clean ones. Scale the noisy ones, for example to numbers from 0 to 1.

    Parameters
    ----------
    hidden_layer_sizes : int, or sequence of ints
        The units of each hidden layer.
    pixels : "numbers" or "classes"
        What a clean pixel is. A number: the outputs are brightnesses, the loss is their mean squared error, and
        predictions stay in the range of the clean images. Or a class, one of up to 256 values that occur in them: the
        outputs are a logit for each value of each pixel, `(batch, values * pixels)` with all pixels of the first value
        first, the loss is the mean cross entropy, and the most probable value is predicted.

    Attributes
    ----------
    layers_ : Sequential
    levels_ : (values,), of clean pixels that are classes
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> clean = np.repeat([[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]], 20, axis=0).reshape(40, 2, 2)
    >>> noisy = clean + 0.3 * np.random.default_rng(0).normal(size=clean.shape)
    >>> model = tg.models.DenoisingAutoencoder((8,), learning_rate=0.03, tol=0, random_state=0).fit(noisy, clean)
    >>> model.predict(noisy[:1]).round()
    array([[[0., 0.],
            [1., 1.]]])

    With a class for each pixel there are probabilities of its values:

    >>> model.set_params(pixels="classes").fit(noisy, clean).predict_proba(noisy[:1]).shape
    (1, 2, 2, 2)

    It is a module: draw it with `tg.draw(model, noisy)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> which = clean[:2].reshape(2, 4).astype(int)
    >>> report = gradcheck(lambda x: model.criterion(model(x), which), noisy[:2], params=model)
    """

    input_dimensions = (2, 3, 4)
    why_not_sparse = "an image has all its pixels, those that are 0 too"

    hidden_layer_sizes: int | Sequence[int] = sizes((256,), layers=True)
    activation: str | Sequence[str] = activations(*ACTIVATIONS)
    _: KW_ONLY
    pixels: str = choice("numbers", "classes", layers=True)

    def build(self, n_features: int, n_outputs: int) -> DenoisingAutoencoder:
        """Make `layers_`: an output for each clean pixel, or for each value of each."""
        self._check_hyperparameters()
        self.layers_ = nn.Sequential(*self.dense(n_features, self.hidden_layer_sizes, n_outputs))
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.layers_(tg.reshape(x, (x.shape[0], -1)))

    def criterion(self, output: Tensor, target: Any, sample_weight: Any = None) -> Tensor:
        """Return the mean loss of outputs and clean pixels `(batch, pixels)`, or the positions of their values."""
        if self.pixels == "numbers":
            return super().criterion(output, target, sample_weight)
        target = target.reshape(len(target), -1)
        logits = tg.reshape(output, (len(target), -1, target.shape[1]))
        losses = F.cross_entropy(logits, target, reduction="mean" if sample_weight is None else "none")
        return losses if sample_weight is None else weighted_mean(losses, sample_weight)

    def constant_loss(self, target: np.ndarray, weight: Any) -> float:
        if self.pixels == "numbers":
            return super().constant_loss(target, weight)
        weight = np.ones(len(target)) if weight is None else weight
        share = np.stack([weight @ (target == level) for level in range(len(self.levels_))]) / weight.sum()
        return float(-(share * np.log(np.maximum(share, 1e-300))).sum() / target.shape[1])

    def _is_squared(self) -> bool:
        return self.pixels == "numbers"

    def loss_unit(self, target: np.ndarray, weight: Any) -> float:
        return super().loss_unit(target, weight) if self.pixels == "numbers" else 1.0

    def _check_y(self, y: Any, n_samples: int) -> np.ndarray:
        shape: tuple[int, ...] = ()
        if y is not None:
            given = check_array(y, "y", type(self).__name__)
            shape = given.shape
            y = given.reshape(len(given), -1) if len(shape) > 2 else y
        array = super()._check_y(y, n_samples)
        if "n_features_in_" not in vars(self):
            self._image_shape = tuple(shape[1:]) if len(shape) > 2 else ()  # () if they are rows of pixels
        return array

    def _encode(self, y: np.ndarray, weight: Any, dtype: np.dtype, classes: Any) -> tuple[np.ndarray, Any, int]:
        is_fitted = "n_features_in_" in vars(self)
        target, weight, n_outputs = super()._encode(y, weight, dtype if self.pixels == "numbers" else y.dtype, classes)
        if self.pixels == "numbers":
            if not is_fitted:
                self._range = target.min(), target.max()
            return target, weight, n_outputs
        levels = np.unique(target)
        if not is_fitted:
            self._check_levels(levels)
            self.levels_ = levels
        elif unknown := sorted({*levels.tolist()} - {*self.levels_.tolist()}):
            raise ValueError(f"DenoisingAutoencoder: clean pixels have the value {unknown[0]!r}, which is a new one")
        return np.searchsorted(self.levels_, target), weight, n_outputs * len(self.levels_)

    def _check_levels(self, levels: np.ndarray) -> None:
        if not 2 <= len(levels) <= LEVELS:
            raise ValueError(
                f"DenoisingAutoencoder(pixels='classes'): clean pixels have {len(levels)} different values; there must "
                f"be from 2 to {LEVELS}: round them, or choose pixels='numbers'"
            )

    def predict(self, X: Any) -> np.ndarray:
        """Return clean images in the shape of those of `fit`, `(samples, height, width)` or `(samples, pixels)`."""
        if self.pixels == "numbers":
            low, high = vars(self).get("_range", (-math.inf, math.inf))
            return self._as_images(np.clip(self._outputs(X), low, high))
        rows = max(1, 2**22 // self.layers_[-1].out_features) if self.__sklearn_is_fitted__() else 1
        best = self._outputs(X, rows, lambda output: self._by_level(output).argmax(axis=1))
        return self._as_images(self.levels_[best])

    @available_when(lambda self: "" if self.pixels == "classes" else "pixels are numbers here: give pixels='classes'")
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each value of each pixel, `(samples, ..., values)` in the shape of clean images."""
        chances = tg.softmax(tg.tensor(self._by_level(self._outputs(X))), axis=1).numpy()
        return self._as_images(np.moveaxis(chances, 1, -1))

    def _by_level(self, output: np.ndarray) -> np.ndarray:
        return output.reshape(len(output), len(self.levels_), -1)

    def _as_images(self, pixels: np.ndarray) -> np.ndarray:
        """Return predictions in the shape of the clean images; what follows the pixels stays."""
        if self._y_is_1d and pixels.shape[1] == 1:
            return pixels[:, 0]
        shape = vars(self).get("_image_shape") or pixels.shape[1:2]
        return pixels.reshape(len(pixels), *shape, *pixels.shape[2:])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², the part of the variance of clean pixels that the predictions explain, of all pixels together."""
        predicted = self.predict(X)
        y = checking.check_numbers(self, self._check_y(y, len(predicted)), np.dtype(np.float64))
        predicted = predicted.reshape(y.shape).astype(np.float64)
        return scores.r2_score(y, predicted, sample_weight=sample_weight, multioutput="variance_weighted")
