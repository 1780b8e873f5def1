"""Initial values with a structure: identities, orthogonal and sparse matrices, truncated normal numbers."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.nn import init


def seeded(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2)])
def test_eye_is_the_identity(shape):
    np.testing.assert_array_equal(init.eye_(tg.ones(shape)).numpy(), np.eye(*shape))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("shape", [(4, 4, 3), (4, 2, 3, 5), (4, 6, 3, 3, 1), (2, 5, 4)])
def test_dirac_equals_pytorch(shape, groups, torch):
    expected = torch.nn.init.dirac_(torch.ones(shape), groups)
    np.testing.assert_array_equal(init.dirac_(tg.ones(shape), groups).numpy(), expected.numpy())


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (6, 2, 3)])
def test_orthogonal_matrices_have_orthogonal_rows_or_columns(shape):
    w = init.orthogonal_(nn.Parameter(np.zeros(shape)), gain=2.0, generator=seeded()).numpy().reshape(shape[0], -1)
    gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(gram, 4 * np.eye(min(w.shape)), atol=1e-12)


def test_orthogonal_matrices_point_everywhere_evenly():
    generator = seeded()
    traces = [np.trace(init.orthogonal_(tg.zeros(3, 3), generator=generator).numpy()) for _ in range(2000)]
    assert abs(np.mean(traces)) < 4 / np.sqrt(2000)  # of Haar-distributed matrices it is 0, with variance 1
    np.testing.assert_allclose(np.var(traces), 1, atol=0.15)


@pytest.mark.parametrize("sparsity", [0.0, 0.25, 0.3, 1.0])
def test_sparse_columns_have_the_share_of_zeros_in_places_of_their_own(sparsity):
    w = init.sparse_(tg.zeros(200, 50), sparsity, std=0.5, generator=seeded()).numpy()
    np.testing.assert_array_equal((w == 0).sum(axis=0), round(sparsity * 200))
    if 0 < sparsity < 1:
        assert len({column.tobytes() for column in (w == 0).T}) == 50
        np.testing.assert_allclose(w[w != 0].std(), 0.5, rtol=0.05)


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [(0.0, 1.0, -2.0, 2.0), (1.0, 0.5, 0.0, 1.2), (0.0, 1.0, 3.0, 4.0), (0.0, 1.0, 5.0, 100.0), (0.0, 1.0, 0.1, 0.2)],
)
def test_truncated_normal_numbers_have_the_distribution_of_scipy(mean, std, a, b):
    stats = pytest.importorskip("scipy.stats")
    w = init.trunc_normal_(nn.Parameter(np.zeros(20_000)), mean, std, a, b, generator=seeded()).numpy()
    expected = stats.truncnorm((a - mean) / std, (b - mean) / std, mean, std)
    assert w.min() >= a
    assert w.max() <= b
    assert stats.kstest(w, expected.cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    "fill",
    [
        lambda w, g: init.orthogonal_(w, generator=g),
        lambda w, g: init.sparse_(w, 0.5, generator=g),
        lambda w, g: init.trunc_normal_(w, generator=g),
        lambda w, g: init.normal_(w, generator=g),
        lambda w, g: init.xavier_normal_(w, generator=g),
        lambda w, g: init.kaiming_normal_(w, generator=g),
    ],
)
def test_the_same_seed_gives_the_same_numbers_with_a_generator_and_without(fill):
    one, two = (fill(tg.zeros(4, 5), seeded(3)).numpy() for _ in range(2))
    np.testing.assert_array_equal(one, two)
    tg.manual_seed(3)
    np.testing.assert_array_equal(fill(tg.zeros(4, 5), None).numpy(), one)


def test_what_cannot_be_filled_is_refused():
    with pytest.raises(ValueError, match="eye_: a matrix"):
        init.eye_(tg.zeros(3))
    with pytest.raises(ValueError, match="3 to 5 axes"):
        init.dirac_(tg.zeros(3, 3))
    with pytest.raises(ValueError, match="groups=3 must divide the 4"):
        init.dirac_(tg.zeros(4, 3, 3), 3)
    with pytest.raises(ValueError, match="two or more axes"):
        init.orthogonal_(tg.zeros(3))
    with pytest.raises(ValueError, match="sparsity"):
        init.sparse_(tg.zeros(3, 3), 1.5)
    with pytest.raises(ValueError, match="a must be below b"):
        init.trunc_normal_(tg.zeros(3), a=1.0, b=1.0)


def test_the_array_of_a_parameter_is_filled_in_place():
    layer = nn.Linear(3, 2)
    nn.init.normal_(layer.weight.data, 5.0, 0.1)
    nn.init.zeros_(layer.bias.data)
    assert layer.weight.numpy().min() > 4
    assert layer.bias.tolist() == [0.0, 0.0]
