"""The convolutional network: filters that are the same everywhere in an image, pooling, and a small MLP on top."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY
from typing import Any

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor, nn
from tinygrad_ml.modes import warn

from .classifier import Classifier
from .hyperparameters import (
    activations,
    count,
    hyperparameters,
    image_size,
    loss_function,
    odd,
    sizes,
)
from .network import ACTIVATIONS, Network, as_list


@hyperparameters
class ConvNet(Network, Classifier):
    """A convolutional network for images: (convolution, activation, pooling) blocks, then fully connected layers.

    After LeCun et al., "Gradient-based learning applied to document recognition" (1998). Images are (samples, height,
    width), (samples, channels, height, width), or rows of pixels. Give them in float32, from 0 to 1.

    Like `MLPClassifier` it takes y of (samples, labels), too.

    Parameters
    ----------
    channels : int, or sequence of ints
        The filters of each convolution; a pooling layer of 2 x 2 follows each.
    kernel_size : int
        The height and width of the filters; odd, and padded so that a convolution keeps the size of the image.
    hidden_layer_sizes : int, or sequence of ints
        The units of each fully connected layer; `dropout` is in these layers.
    image_shape : (height, width) or (channels, height, width), optional
        What a row of pixels is; by default a square of one channel, or a single line of pixels if there is no such.
    class_weight : dict from class to weight, or "balanced", optional
        As in `MLPClassifier`.
    loss : "cross_entropy", or a function of logits and target
        As in `MLPClassifier`.

    Attributes
    ----------
    layers_ : Sequential
    image_shape_ : (channels, height, width)
    classes_ : (classes,), or of several labels as in `MLPClassifier`
    n_iter_ : int
    history_ : History

    Examples
    --------
    >>> rows = np.zeros((8, 6, 6))
    >>> rows[:4, 2], rows[4:, :, 2] = 1, 1  # a horizontal or a vertical line
    >>> net = tg.models.ConvNet((4,), hidden_layer_sizes=(8,), learning_rate=0.01, max_iter=30, tol=0, random_state=0)
    >>> net.fit(rows, ["-"] * 4 + ["|"] * 4).predict(rows[3:5])
    array(['-', '|'], dtype='<U1')

    It is a module: draw it with `tg.draw(net, rows)`, and check the gradient of its loss:

    >>> from tinygrad_ml.testing import gradcheck
    >>> images = np.random.default_rng(0).normal(size=(2, 6, 6))
    >>> report = gradcheck(lambda x: net.criterion(net(x), np.array([0, 1])), images, params=net)
    """

    input_dimensions = (2, 3, 4)
    multi_label = True
    why_not_sparse = "a convolution needs all pixels of an image, those that are 0 too"

    channels: int | Sequence[int] = sizes((32, 64), layers=True)
    kernel_size: int = odd(3, layers=True)
    hidden_layer_sizes: int | Sequence[int] = sizes((128,), layers=True)
    image_shape: Sequence[int] | None = image_size(None, layers=True)
    activation: str | Sequence[str] = activations(*ACTIVATIONS)
    _: KW_ONLY
    class_weight: Any = None
    loss: str | Callable[[Tensor, Any], Tensor] = loss_function("cross_entropy")
    max_iter: int = count(20)

    def build(self, n_features: int, n_outputs: int) -> ConvNet:
        """Make `layers_` for images of `n_features` pixels in all channels; one output for two classes."""
        self._check_hyperparameters()
        seen = vars(self).get("image_shape_", ())  # by `fit`
        self.image_shape_ = seen if seen and math.prod(seen) == n_features else self._shape_of(n_features)
        channels, height, width = self.image_shape_
        layers: list[nn.Module] = []
        filters_of, dense_sizes = as_list(self.channels), as_list(self.hidden_layer_sizes)
        activations = self.activations(len(filters_of) + len(dense_sizes))
        for filters, activation in zip(filters_of, activations):
            layers.append(nn.Conv2d(channels, filters, self.kernel_size, padding=self.kernel_size // 2))
            layers += [nn.BatchNorm2d(filters)] * bool(self.batch_norm)
            pool = min(2, height), min(2, width)
            layers += [activation, nn.MaxPool2d(pool)]
            channels, height, width = filters, height // pool[0], width // pool[1]
        dense = self.dense(channels * height * width, dense_sizes, n_outputs, activations[len(filters_of) :])
        self.layers_ = nn.Sequential(*layers, nn.Flatten(), *dense)
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.layers_(tg.reshape(x, (x.shape[0], *self.image_shape_)))

    def _shape_of(self, n_features: int) -> tuple[int, int, int]:
        kind = type(self).__name__
        side = math.isqrt(n_features)
        shape: tuple[int, ...] = (side, side) if side**2 == n_features else (1, n_features)
        if self.image_shape is not None:
            shape = tuple(as_list(self.image_shape))
        shape = (1,) * (3 - len(shape)) + shape
        if len(shape) != 3 or math.prod(shape) != n_features:
            raise ValueError(
                f"{kind}(image_shape={self.image_shape!r}): samples have {n_features} numbers; image_shape must be "
                "(height, width) or (channels, height, width) with that product"
            )
        return shape

    def _check_X(self, X: Any) -> np.ndarray:
        X = super()._check_X(X)
        shape = (1,) * (4 - X.ndim) + X.shape[1:]
        if "image_shape_" not in vars(self) and X.ndim > 2 and self.image_shape is None:
            _warn_of_channels(type(self).__name__, X)
            self.image_shape_ = shape
        wanted = vars(self).get("image_shape_") or self._shape_of(math.prod(shape))
        if X.ndim > 2 and shape != wanted:
            raise ValueError(
                f"{type(self).__name__}: images of shape {X.shape[1:]}, but (channels, height, width) is {wanted}"
            )
        return X


def _warn_of_channels(kind: str, X: np.ndarray) -> None:
    if X.ndim == 4 and X.shape[3] in (1, 3, 4) and min(X.shape[1:3]) > 4:
        warn(
            f"{kind}: images of shape {X.shape[1:]} are taken for (channels, height, width), but look like (height, "
            "width, channels): use X.transpose(0, 3, 1, 2), or give image_shape"
        )
