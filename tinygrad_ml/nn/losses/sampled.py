"""Losses over very many classes that look at the right one and a few drawn at random, and the samplers that draw.

Their work depends on the number of classes that are drawn, not on how many there are.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...random import default_generator
from ...tensor import Tensor, as_array, as_floating, from_owned, shape_of
from ...validation import is_sparse
from ..linear import linear
from .base import Loss, reduce_loss
from .classification import class_indices, cross_entropy

__all__ = ["LogUniformSampler", "NegativeSamplingLoss", "SampledSoftmaxLoss", "UnigramSampler"]


class LogUniformSampler:
    """Draws classes with probability log(1 + 1 / (class + 1)) / log(num_classes + 1): Zipf's law.

    For classes that are numbered from the most frequent to the rarest, as words of a dictionary often are.

    Parameters
    ----------
    num_classes : int
    generator : numpy.random.Generator, optional
        By default the one that `manual_seed` seeds.

    Examples
    --------
    >>> sampler = tg.nn.LogUniformSampler(3)
    >>> np.exp(sampler.log_probability(np.arange(3))).round(3)
    array([0.5  , 0.292, 0.208])
    >>> sampler.sample((2, 5)).shape
    (2, 5)
    """

    def __init__(self, num_classes: int, generator: np.random.Generator | None = None):
        if num_classes < 1:
            raise ValueError(f"LogUniformSampler: num_classes must be at least 1, not {num_classes}")
        self.num_classes, self.generator = num_classes, generator

    def sample(self, shape: Any) -> np.ndarray:
        """Return classes, drawn with replacement."""
        draw = (self.generator or default_generator()).random(shape)
        return np.minimum(np.exp(draw * math.log(self.num_classes + 1)).astype(np.intp), self.num_classes) - 1

    def log_probability(self, classes: np.ndarray) -> np.ndarray:
        """Return the logarithm of the probability with which each of the classes is drawn."""
        return np.log(np.log1p(1 / (np.asarray(classes) + 1)) / math.log(self.num_classes + 1))


class UnigramSampler:
    """Draws classes with probability proportional to a power of their counts.

    A draw costs the same however many classes there are: Walker's alias method (1977), in the form of Vose (1991).

    Parameters
    ----------
    counts : array_like (classes,)
        How often each class occurs.
    power : float
        0 draws evenly, 1 by the counts; 0.75 is word2vec's (Mikolov and others 2013).
    generator : numpy.random.Generator, optional
        By default the one that `manual_seed` seeds.

    Examples
    --------
    >>> sampler = tg.nn.UnigramSampler([16, 1, 0])
    >>> np.exp(sampler.log_probability(np.array([0, 1]))).round(3)
    array([0.889, 0.111])
    >>> sampler.sample(5).shape
    (5,)
    """

    def __init__(self, counts: Any, power: float = 0.75, generator: np.random.Generator | None = None):
        weights = np.asarray(counts, float)
        if weights.ndim != 1 or not weights.size or not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
            raise ValueError("UnigramSampler: counts must be numbers >= 0, one for each class, and not all 0")
        weights = np.where(weights > 0, weights, 0) ** power * (weights > 0)
        self.num_classes, self.generator = len(weights), generator
        self.probabilities = weights / weights.sum()
        self._kept, self._alias = _aliases(self.probabilities)

    def sample(self, shape: Any) -> np.ndarray:
        """Return classes, drawn with replacement."""
        generator = self.generator or default_generator()
        drawn = generator.integers(self.num_classes, size=shape)
        return np.where(generator.random(shape) < self._kept[drawn], drawn, self._alias[drawn])

    def log_probability(self, classes: np.ndarray) -> np.ndarray:
        """Return the logarithm of the probability with which each of the classes is drawn."""
        with np.errstate(divide="ignore"):
            return np.log(self.probabilities[classes])


def _aliases(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each class the probability to keep it when it is drawn evenly, and the class to take otherwise."""
    share = probabilities * len(probabilities)
    kept, alias = np.ones(len(share)), np.arange(len(share))
    small, large = (np.flatnonzero(which).tolist() for which in (share < 1, share >= 1))
    while small and large:
        poor, rich = small.pop(), large[-1]
        kept[poor], alias[poor] = share[poor], rich
        share[rich] -= 1 - share[poor]
        if share[rich] < 1:
            small.append(large.pop())
    return kept, alias


class _Sampled(Loss):
    """What the losses with candidates share."""

    def __init__(self, sampler: Any, num_sampled: int, *, sparse: bool = False, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        if num_sampled < 1:
            raise ValueError(f"{type(self).__name__}: num_sampled must be at least 1, not {num_sampled}")
        self.sampler, self.num_sampled, self.sparse = sampler, num_sampled, sparse

    def _check(self, input: Any, target: Any, weight: Any, bias: Any) -> tuple[Tensor, np.ndarray]:
        name, x = type(self).__name__, as_floating(input)
        labels = as_array(target)
        classes = self.sampler.num_classes
        if x.ndim != 2 or labels.shape != x.shape[:1]:
            raise ValueError(
                f"{name}: input has shape {x.shape} and target {labels.shape}; they must be (batch, features) and "
                "(batch,)"
            )
        if shape_of(weight) != (classes, x.shape[1]) or (bias is not None and shape_of(bias) != (classes,)):
            raise ValueError(
                f"{name}: weight has shape {shape_of(weight)}, it must be (classes, features) = "
                f"{(classes, x.shape[1])}, and bias, if there is one, ({classes},)"
            )
        return x, class_indices(name, labels, classes)

    def _dense(self, x: Tensor) -> Tensor:
        """Return features as an array: as many weights as a batch has elements are looked up anyway."""
        return from_owned(x._data.toarray()) if is_sparse(x._data) else x

    def _look_up(self, classes: np.ndarray, weight: Any, bias: Any) -> tuple[Tensor, Any]:
        rows = ops.embedding(classes, weight, sparse=self.sparse)
        return rows, 0.0 if bias is None else ops.embedding(classes, bias, sparse=self.sparse)


class SampledSoftmaxLoss(_Sampled):
    """The cross entropy over very many classes, estimated from the right one and a few that are drawn.

    The classes drawn stand for all others: the exponential of each logit is divided by how often the class is drawn
    on average (subtracting log(num_sampled * q) from the logit), so that the estimate of the softmax's denominator is
    right on average. Classes drawn that happen to be the right one are left out. Bengio and Senécal, "Adaptive
    importance sampling to accelerate training of a neural probabilistic language model" (2008). One set of classes
    serves the whole batch. After `eval()` it is the cross entropy over all classes.

    Parameters
    ----------
    sampler : LogUniformSampler, UnigramSampler, or anything with `num_classes`, `sample` and `log_probability`
    num_sampled : int
        How many classes are drawn for a batch, with replacement.
    sparse : bool
        Whether the gradients of weight and bias are to be `SparseRows`, so that the work of a step does not depend on
        the number of classes.
    reduction : "mean", "sum" or "none"

    Examples
    --------
    >>> tg.manual_seed(0)
    >>> loss = tg.nn.SampledSoftmaxLoss(tg.nn.LogUniformSampler(1000), num_sampled=20)
    >>> weight, bias = tg.zeros(1000, 8), tg.zeros(1000)
    >>> loss(tg.ones(4, 8), np.array([5, 0, 7, 999]), weight, bias).shape
    ()
    """

    def forward(self, input: Any, target: Any, weight: Any, bias: Any = None) -> Tensor:
        """Return the loss of input (batch, features) and target classes (batch,).

        `weight` (classes, features) and `bias` (classes,) are those of the last layer, which need not be called.
        """
        x, labels = self._check(input, target, weight, bias)
        if not self.training:
            return cross_entropy(linear(x, weight, bias), labels, reduction=self.reduction)
        x = self._dense(x)
        drawn = self.sampler.sample(self.num_sampled)
        rows, offsets = self._look_up(np.concatenate([labels, drawn]), weight, bias)
        n = len(labels)
        right = ops.sum(x * rows[:n], axis=1, keepdims=True)
        others = x @ rows[n:].T
        if bias is not None:
            right, others = right + ops.expand_dims(offsets[:n], 1), others + offsets[n:]
        expected = (self.sampler.log_probability(drawn) + math.log(self.num_sampled)).astype(x.dtype)
        others = ops.where(drawn == labels[:, None], -np.inf, others - expected)
        logits = ops.concatenate([right, others], axis=1)
        return cross_entropy(logits, np.zeros(n, np.intp), reduction=self.reduction)


class NegativeSamplingLoss(_Sampled):
    """The log loss of telling the right class from a few that are drawn: word2vec's objective.

    -log sigmoid(logit of the right class) - sum of log sigmoid(-logit) over the classes drawn, which are other ones for
    each example; those that happen to be the right one are left out. It learns good vectors, not probabilities. Mikolov
    and others, "Distributed representations of words and phrases and their compositionality" (2013).

    Parameters
    ----------
    sampler : UnigramSampler, LogUniformSampler, or anything with `num_classes` and `sample`
    num_sampled : int
        How many classes are drawn for each example, with replacement.
    sparse : bool
        Whether the gradients of weight and bias are to be `SparseRows`.
    reduction : "mean", "sum" or "none"

    Examples
    --------
    >>> tg.manual_seed(0)
    >>> loss = tg.nn.NegativeSamplingLoss(tg.nn.UnigramSampler(np.ones(1000)), num_sampled=5)
    >>> loss(tg.ones(4, 8), np.array([5, 0, 7, 999]), tg.zeros(1000, 8))
    tensor(4.158883)
    """

    def forward(self, input: Any, target: Any, weight: Any, bias: Any = None) -> Tensor:
        """Return the loss of input (batch, features) and target classes (batch,).

        `weight` (classes, features) and `bias` (classes,) are those of the last layer, which need not be called.
        """
        x, labels = self._check(input, target, weight, bias)
        x = self._dense(x)
        drawn = self.sampler.sample((len(labels), self.num_sampled))
        rows, offsets = self._look_up(np.concatenate([labels[:, None], drawn], axis=1), weight, bias)
        logits = ops.squeeze(rows @ ops.expand_dims(x, -1), -1) + offsets
        signs = np.where(np.arange(1 + self.num_sampled) == 0, 1, -1).astype(x.dtype)
        counted = np.ones(logits.shape, bool)
        counted[:, 1:] = drawn != labels[:, None]
        terms = ops.where(counted, ops.logsigmoid(logits * signs), 0.0)
        return reduce_loss(-ops.sum(terms, axis=1), self.reduction)
