"""Losses with sampled classes: they are right on average, and samplers draw what they say."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.nn import functional as F
from tinygrad_ml.testing import gradcheck

CLASSES, FEATURES = 12, 3
random = np.random.default_rng(0)
X, W, B = random.normal(size=(4, FEATURES)), random.normal(size=(CLASSES, FEATURES)), random.normal(size=CLASSES)
LABELS = np.array([0, 3, 11, 3])


def samplers(seed):
    generator = np.random.default_rng(seed)
    counts = np.random.default_rng(9).integers(1, 50, CLASSES)
    return [
        nn.LogUniformSampler(CLASSES, generator),
        nn.UnigramSampler(counts, generator=generator),
        nn.UnigramSampler(counts, power=0.0, generator=generator),
    ]


class Drawn:
    """A sampler that has drawn already, so that a loss is a function of its inputs alone."""

    def __init__(self, sampler, shape):
        self.num_classes, self.log_probability = sampler.num_classes, sampler.log_probability
        self.drawn = sampler.sample(shape)

    def sample(self, shape):
        assert self.drawn.shape == tuple(np.atleast_1d(shape))
        return self.drawn


@pytest.mark.parametrize("k", range(3))
def test_samplers_draw_with_the_probabilities_that_they_state(k):
    sampler, n = samplers(1)[k], 200_000
    p = np.exp(sampler.log_probability(np.arange(CLASSES)))
    np.testing.assert_allclose(p.sum(), 1, rtol=1e-12)
    share = np.bincount(sampler.sample(n), minlength=CLASSES) / n
    assert (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) / n)).all()


def test_a_class_that_never_occurs_is_never_drawn():
    for power in (0.0, 0.75):
        sampler = nn.UnigramSampler([3, 0, 5, 0], power, np.random.default_rng(0))
        assert set(np.unique(sampler.sample(10_000))) == {0, 2}


def test_the_alias_table_of_many_classes_holds_their_probabilities():
    counts = np.random.default_rng(0).pareto(1.0, 10_000)
    sampler = nn.UnigramSampler(counts, 1.0)
    held = np.bincount(sampler._alias, 1 - sampler._kept, len(counts)) + sampler._kept
    np.testing.assert_allclose(held / len(counts), counts / counts.sum(), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("k", range(3))
def test_the_denominator_of_the_sampled_softmax_is_right_on_average(k):
    loss = nn.SampledSoftmaxLoss(samplers(2)[k], num_sampled=500, reduction="none")
    logits = X @ W.T + B
    right = logits[np.arange(4), LABELS]
    denominators = np.array([np.exp(loss(X, LABELS, W, B).numpy() + right) for _ in range(400)])
    error = denominators.std(0) / np.sqrt(len(denominators))
    assert (np.abs(denominators.mean(0) - np.exp(logits).sum(1)) < 4 * error).all()


def test_the_sampled_softmax_and_its_gradient_approach_the_full_ones():
    sampler = samplers(3)[1]
    w, full = tg.tensor(W, requires_grad=True), tg.tensor(W, requires_grad=True)
    estimate = nn.SampledSoftmaxLoss(sampler, num_sampled=200_000)(X, LABELS, w, B)
    exact = F.cross_entropy(F.linear(X, full, tg.tensor(B)), LABELS)
    estimate.backward()
    exact.backward()
    np.testing.assert_allclose(estimate.item(), exact.item(), rtol=5e-3)
    np.testing.assert_allclose(w.grad.numpy(), full.grad.numpy(), atol=5e-3)


def test_after_eval_the_sampled_softmax_is_the_full_one():
    loss = nn.SampledSoftmaxLoss(samplers(0)[0], 2).eval()
    expected = F.cross_entropy(tg.tensor(X @ W.T + B), LABELS).item()
    np.testing.assert_allclose(loss(X, LABELS, W, tg.tensor(B)).item(), expected, rtol=1e-12)


def test_negative_sampling_is_right_on_average():
    sampler, k = samplers(4)[1], 6
    loss = nn.NegativeSamplingLoss(sampler, num_sampled=k, reduction="none")
    logits, q = X @ W.T + B, np.exp(sampler.log_probability(np.arange(CLASSES)))
    right = np.arange(CLASSES) == LABELS[:, None]
    terms = np.where(right, np.logaddexp(0, -logits), k * q * np.logaddexp(0, logits)).sum(1)
    drawn = np.array([loss(X, LABELS, W, B).numpy() for _ in range(3000)])
    assert (np.abs(drawn.mean(0) - terms) < 4 * drawn.std(0) / np.sqrt(len(drawn))).all()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["SampledSoftmaxLoss", "NegativeSamplingLoss"])
def test_gradients_are_those_of_differences(name, bias):
    shape = (5,) if name == "SampledSoftmaxLoss" else (4, 5)
    loss = getattr(nn, name)(Drawn(samplers(5)[0], shape), num_sampled=5)
    gradcheck(lambda x, w, *b: loss(x, LABELS, w, *b), (X, W, B) if bias else (X, W), order=2)


@pytest.mark.parametrize("name", ["SampledSoftmaxLoss", "NegativeSamplingLoss"])
def test_sparse_gradients_hold_the_drawn_rows_only(name):
    dense, sparse = (tg.tensor(W, requires_grad=True) for _ in range(2))
    for w, kind in ((dense, False), (sparse, True)):
        shape = (5,) if name == "SampledSoftmaxLoss" else (4, 5)
        drawn = Drawn(samplers(6)[0], shape)
        getattr(nn, name)(drawn, num_sampled=5, sparse=kind)(X, LABELS, w).backward()
    assert set(sparse.grad.rows) <= set(LABELS) | set(drawn.drawn.ravel())
    np.testing.assert_allclose(np.asarray(sparse.grad), dense.grad.numpy(), rtol=1e-12, atol=1e-15)


def test_a_step_touches_as_many_numbers_however_many_classes_there_are():
    """With sparse=True nothing as large as the table is computed: the values of the gradient are those of the draws."""
    for classes in (1000, 100_000):
        weight = tg.zeros(classes, 4, requires_grad=True)
        loss = nn.SampledSoftmaxLoss(nn.LogUniformSampler(classes, np.random.default_rng(0)), 10, sparse=True)
        loss(tg.ones(3, 4), np.array([0, 1, 999]), weight).backward()
        assert weight.grad.values.size == (3 + 10) * 4


def test_losses_and_gradients_keep_float32():
    for name in ("SampledSoftmaxLoss", "NegativeSamplingLoss"):
        w = tg.tensor(W.astype(np.float32), requires_grad=True)
        out = getattr(nn, name)(samplers(7)[0], 5)(X.astype(np.float32), LABELS, w, B.astype(np.float32))
        out.backward()
        assert out.dtype == w.grad.dtype == np.float32


def test_wrong_inputs_are_explained():
    loss = nn.SampledSoftmaxLoss(samplers(8)[0], 5)
    with pytest.raises(ValueError, match=r"\(classes, features\) = \(12, 3\)"):
        loss(X, LABELS, W.T)
    with pytest.raises(ValueError, match=r"\(batch, features\) and \(batch,\)"):
        loss(X, LABELS[:2], W)
    with pytest.raises(IndexError, match="class 12, but input has the classes 0 to 11"):
        loss(X, np.array([0, 1, 2, 12]), W)
    with pytest.raises(ValueError, match="not all 0"):
        nn.UnigramSampler([0, 0])
    with pytest.raises(ValueError, match="num_sampled"):
        nn.NegativeSamplingLoss(samplers(8)[0], 0)
