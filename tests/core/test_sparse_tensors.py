"""Sparse Tensors: products and rows equal the dense ones, at every order; all else says that it is not computed."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn

sparse = pytest.importorskip("scipy.sparse")
FORMATS = ["csr_matrix", "csr_array", "csc_matrix", "csc_array", "coo_matrix", "coo_array", "lil_array", "dok_array"]


def matrix(rows=6, columns=30, density=0.2, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return sparse.random_array((rows, columns), density=density, rng=rng, dtype=dtype, format="csr")


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("shape", [(6, 30), (6, 5000)])  # of wide matrices only the columns that occur are looked at
@pytest.mark.parametrize("outputs", [1, 3])
def test_a_linear_layer_and_its_gradients_equal_the_dense_ones(kind, shape, outputs):
    X = matrix(*shape, density=0.2 if shape[1] < 100 else 0.001)
    layer = nn.Linear(shape[1], outputs, dtype=np.float64)
    found = []
    for x in (tg.tensor(getattr(sparse, kind)(X)), tg.tensor(X.toarray())):
        layer.zero_grad()
        out = layer(x)
        (out**2).sum().backward()
        found.append((out.numpy(), layer.weight.grad.numpy().copy(), layer.bias.grad.numpy().copy()))
    for got, wanted in zip(*found):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-14)
        assert got.dtype == wanted.dtype


def test_scipys_matrix_itself_is_an_operand():
    X, layer = matrix(), nn.Linear(30, 2)
    np.testing.assert_array_equal(layer(X).numpy(), layer(tg.tensor(X)).numpy())
    w = tg.ones(30, 2, requires_grad=True)
    np.testing.assert_allclose((tg.tensor(X) @ w).numpy(), X.sum(axis=1)[:, None].repeat(2, 1))


def test_products_from_both_sides_equal_the_dense_ones():
    X, rng = matrix(), np.random.default_rng(1)
    x, a, b = tg.tensor(X), tg.tensor(rng.normal(size=(30, 4))), tg.tensor(rng.normal(size=(3, 6)))
    np.testing.assert_allclose((x @ a).numpy(), X.toarray() @ a.numpy())
    np.testing.assert_allclose((b @ x).numpy(), b.numpy() @ X.toarray())
    np.testing.assert_allclose((x @ a[:, 0]).numpy(), X.toarray() @ a.numpy()[:, 0])
    np.testing.assert_allclose((b[0] @ x).numpy(), b.numpy()[0] @ X.toarray())
    np.testing.assert_allclose((x.T @ b.T).numpy(), X.toarray().T @ b.numpy().T)


def test_second_derivatives_equal_the_dense_ones():
    X, layer = matrix(), nn.Linear(30, 2, dtype=np.float64)
    found = []
    for x in (tg.tensor(X), tg.tensor(X.toarray())):
        (slope,) = tg.autograd.grad((layer(x) ** 3).sum(), [layer.weight], create_graph=True)
        found.append(tg.autograd.grad((slope**2).sum(), [layer.weight])[0].numpy())
    np.testing.assert_allclose(*found, rtol=1e-12)


def test_gradients_of_float32_and_float16_are_those_of_dense_inputs():
    X = matrix(dtype=np.float32)
    for dtype in (np.float32, np.float16):
        layer = nn.Linear(30, 2, dtype=dtype)
        out, dense = layer(X), layer(X.toarray())
        assert out.dtype == dense.dtype
        np.testing.assert_allclose(out.numpy(), dense.numpy(), rtol=1e-2)


def test_integers_are_taken_as_floats_where_numbers_are_real():
    counts = sparse.csr_array(np.array([[0, 2, 1], [3, 0, 0]]))
    layer = nn.Linear(3, 2)
    np.testing.assert_allclose(layer(counts).numpy(), layer(counts.toarray()).numpy(), rtol=1e-6)


def test_entries_that_are_listed_several_times_add_up_and_the_users_matrix_stays_as_it_is():
    X = sparse.csr_matrix((np.array([1.0, 2.0, 5.0]), np.array([2, 2, 0]), np.array([0, 2, 3])), shape=(2, 3))
    x = tg.tensor(X)
    np.testing.assert_array_equal(x.numpy().toarray(), [[0, 0, 3], [5, 0, 0]])
    assert X.nnz == 3


def test_the_value_is_a_copy():
    X = matrix()
    x = tg.tensor(X)
    before = X.toarray()
    X.data[:] = 0
    np.testing.assert_array_equal(x.numpy().toarray(), before)


def test_rows_are_taken_as_of_an_array():
    X = matrix()
    x, dense = tg.tensor(X), X.toarray()
    for rows in (slice(1, 4), slice(None, None, 2), np.array([3, 3, 0]), [5, 1], np.arange(6) % 2 == 0):
        np.testing.assert_array_equal(x[rows].numpy().toarray(), dense[rows])
    assert len(x) == 6
    assert (x.shape, x.ndim, x.size, x.dtype) == ((6, 30), 2, 180, np.float64)
    assert x.astype(np.float32).dtype == np.float32


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_matrices_are_joined_as_arrays_are(axis):
    rng = np.random.default_rng(0)
    X, other = matrix(), rng.normal(size=(6, 2) if axis else (2, 30))
    other[0] = 0
    for parts in ([X, other], [other, X], [X, X], [X, tg.tensor(other), X]):
        whole = tg.concatenate([tg.tensor(part) if sparse.issparse(part) else part for part in parts], axis=axis)
        dense = np.concatenate([p.toarray() if sparse.issparse(p) else np.asarray(p) for p in parts], axis=axis)
        np.testing.assert_array_equal(whole.numpy().toarray(), dense)


def test_a_dense_part_that_is_joined_has_its_gradient():
    X, w = matrix(), np.random.default_rng(0).normal(size=(32, 3))
    found = []
    for x in (tg.tensor(X), tg.tensor(X.toarray())):
        beside = tg.tensor(np.arange(12.0).reshape(6, 2), requires_grad=True)
        ((tg.concatenate([x, beside], axis=1) @ w) ** 2).sum().backward()
        found.append(beside.grad.numpy())
    np.testing.assert_allclose(*found, rtol=1e-12)


@pytest.mark.parametrize(
    "use",
    [
        lambda x: x + 1,
        lambda x: 2 * x,
        lambda x: x > 0,
        lambda x: -x,
        lambda x: tg.relu(x),
        lambda x: np.exp(x),
        lambda x: x.sum(),
        lambda x: x.mean(axis=0),
        lambda x: x.reshape(-1),
        lambda x: tg.concatenate([x, x], axis=None),
        lambda x: tg.einsum("ij,jk->ik", x, np.ones((30, 2))),
        lambda x: nn.LayerNorm(30)(x),
        lambda x: nn.BatchNorm1d(30)(x),
        lambda x: nn.Dropout(0.5)(x),
        lambda x: nn.Conv1d(6, 2, 3)(x),
        lambda x: x[0],
        lambda x: x[:, 1],
        lambda x: x.tolist(),
        lambda x: np.asarray(x),
        lambda x: x.requires_grad_(),
        lambda x: tg.tensor(x.numpy(), requires_grad=True),
    ],
)
def test_what_would_make_it_dense_is_an_error_that_says_so(use):
    with pytest.raises((TypeError, AttributeError), match="sparse Tensor"):
        use(tg.tensor(matrix()))


def test_it_can_be_shown_copied_and_pickled():
    x = tg.tensor(matrix())
    assert repr(x) == "tensor(<sparse, 6 x 30, 36 entries, float64>)"
    for twin in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x)), x.detach()):
        np.testing.assert_array_equal(twin.numpy().toarray(), x.numpy().toarray())


def test_an_anomaly_is_found():
    X = matrix()
    X.data[3] = np.inf
    with tg.detect_anomaly(), pytest.raises(FloatingPointError, match="affine"):
        nn.Linear(30, 2)(X)


def test_a_gradient_check_takes_sparse_inputs_as_constants():
    X, layer = matrix(), nn.Sequential(nn.Linear(30, 4), nn.Tanh(), nn.Linear(4, 1))
    report = tg.testing.gradcheck(lambda x: (layer(x) ** 2).sum(), X, params=layer)
    assert "weight" in str(report)


def test_a_compiled_function_gives_the_same():
    X, layer = matrix(), nn.Linear(30, 2)
    compiled = tg.compile(lambda x: layer(x).sum())
    for x in (tg.tensor(X), tg.tensor(X[:3]), tg.tensor(X.toarray())):
        np.testing.assert_allclose(compiled(x).item(), layer(x).sum().item(), rtol=1e-6)


def test_it_is_drawn_and_summarised():
    X, layer = matrix(), nn.Linear(30, 2)
    assert "affine" in str(tg.graph.trace(layer, X))
    assert "Linear" in str(nn.summary(layer, X))


def test_a_wide_layer_needs_no_memory_for_the_dense_input():
    tracemalloc = pytest.importorskip("tracemalloc")
    X = matrix(64, 200_000, density=2e-4, dtype=np.float32)  # dense, it would have 51 MB
    layer = nn.Linear(200_000, 1)
    tracemalloc.start()
    layer(X).sum().backward()
    assert tracemalloc.get_traced_memory()[1] < 8e6
    tracemalloc.stop()
