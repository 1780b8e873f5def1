"""Masks of attention choose: what a query may not see does not count, whatever stands there."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.tensors import leaf
from tinygrad_ml import nn
from tinygrad_ml.nn import functional as F

pytestmark = pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # inf - inf, before it is masked

random = np.random.default_rng(0)
Q, K, V = random.normal(size=(2, 5, 3)), random.normal(size=(2, 4, 3)), random.normal(size=(2, 4, 3))
SEEN = np.array([True, False, True, True])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("form", ["bool", "list", "float"])
def test_a_key_that_is_masked_may_be_anything(form, bad):
    mask = np.broadcast_to(SEEN, (5, 4))
    mask = {"bool": mask, "list": mask.tolist(), "float": np.where(mask, 0.0, -np.inf)}[form]
    k, q = leaf(np.where(SEEN[:, None], K, bad)), leaf(Q)
    out = F.scaled_dot_product_attention(q, k, V, mask)
    expected = F.scaled_dot_product_attention(Q, K[:, SEEN], V[:, SEEN])
    np.testing.assert_allclose(out.numpy(), expected.numpy(), rtol=1e-13)
    (out**2).sum().backward()
    assert (k.grad.numpy()[:, ~SEEN] == 0).all()
    assert np.isfinite(q.grad.numpy()).all()


def test_a_float_mask_keeps_the_dtype_of_the_query():
    q = Q.astype(np.float32)
    assert F.scaled_dot_product_attention(q, q, q, np.zeros((5, 5))).dtype == np.float32


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("with_causal", [False, True])
def test_padding_may_be_anything(with_causal, bad):
    tg.manual_seed(0)
    layer = nn.MultiheadAttention(4, 2, batch_first=True, dtype="float64")
    x = random.normal(size=(2, 5, 4))
    padding = np.array([[False, False, False, True, True], [False] * 5])
    good, weights = layer(x[:1, :3], x[:1, :3], x[:1, :3], is_causal=with_causal)
    (good**2).sum().backward()
    expected = [p.grad.numpy() for p in layer.parameters()]
    layer.zero_grad()
    given = np.where(padding[..., None], bad, x)
    out, found = layer(given, given, given, key_padding_mask=padding, is_causal=with_causal)
    np.testing.assert_allclose(out[0, :3].numpy(), good[0].numpy(), rtol=1e-13)
    np.testing.assert_allclose(found[0, :3, :3].numpy(), weights[0].numpy(), rtol=1e-13)
    (out[0, :3] ** 2).sum().backward()
    for p, g in zip(layer.parameters(), expected):
        np.testing.assert_allclose(p.grad.numpy(), g, rtol=1e-12, atol=1e-15)
