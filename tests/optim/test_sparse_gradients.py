"""Sparse gradients of embeddings: they stay sparse, and steps on their rows equal dense steps and PyTorch's."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import optim
from tinygrad_ml.sparse import SparseRows

ROWS, WIDTH = 50, 3


def table(seed=0):
    return tg.tensor(np.random.default_rng(seed).normal(size=(ROWS, WIDTH)), requires_grad=True)


def batch(step, size=40):
    """Return indices with many duplicates, and numbers to weigh the loss with."""
    random = np.random.default_rng(step)
    return np.minimum(random.zipf(1.5, size), ROWS) - 1, random.normal(size=(size, WIDTH))


def backward(weight, step, sparse, padding_idx=None):
    indices, factor = batch(step)
    (tg.embedding(indices, weight, padding_idx, sparse) * factor).sum().backward()


@pytest.mark.parametrize("padding_idx", [None, 0, -1])
@pytest.mark.parametrize("seed", range(5))
def test_the_sparse_gradient_is_the_dense_one(seed, padding_idx):
    dense, sparse = table(), table()
    for step in (seed, seed + 10):  # they accumulate
        backward(dense, step, False, padding_idx)
        backward(sparse, step, True, padding_idx)
    assert type(sparse.grad) is SparseRows
    np.testing.assert_allclose(sparse.grad.numpy(), dense.grad.numpy(), rtol=1e-12, atol=1e-12)
    each = sparse.grad.coalesce()
    assert (np.diff(each.rows) > 0).all()
    assert len(each.rows) < len(sparse.grad.rows)


@pytest.mark.parametrize("longest", [1, 2, 7, 8, 9, 10, 1000])
def test_rows_that_are_listed_several_times_add_up_exactly(longest):
    random = np.random.default_rng(longest)
    lengths = [1, longest, 1, 3, longest, 2]
    rows = random.permutation(np.repeat([7, 2, 9, 0, 4, 1], lengths))
    values = random.normal(size=(len(rows), 2, 3)).astype(np.float32)
    found = SparseRows(rows, values, (10, 2, 3)).coalesce()
    expected = np.stack([values[rows == row].sum(0, dtype=np.float64) for row in sorted({*rows.tolist()})])
    np.testing.assert_array_equal(found.rows, sorted({*rows.tolist()}))
    scale = max(1, longest**0.5)
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=3e-7 * scale)


def test_the_gradient_equals_pytorchs_sparse_gradient(torch):
    weight = table()
    peer = torch.tensor(weight.numpy().copy(), requires_grad=True)
    indices, factor = batch(3)
    backward(weight, 3, True, 2)
    (torch.nn.functional.embedding(torch.tensor(indices), peer, 2, sparse=True) * torch.tensor(factor)).sum().backward()
    expected, each = peer.grad.coalesce(), weight.grad.coalesce()
    np.testing.assert_array_equal(each.rows, expected.indices()[0])
    np.testing.assert_allclose(each.values, expected.values(), rtol=1e-12)


def test_a_dense_gradient_besides_makes_it_dense():
    one, other = table(), table()
    for weight, sparse in ((one, True), (other, False)):
        indices, factor = batch(1)
        ((tg.embedding(indices, weight, sparse=sparse) * factor).sum() + (weight**2).sum()).backward()
        backward(weight, 2, sparse)
    assert isinstance(one.grad, tg.Tensor)
    np.testing.assert_allclose(one.grad.numpy(), other.grad.numpy(), rtol=1e-12)


def test_only_a_leaf_gets_a_sparse_gradient():
    weight = table()
    (tg.embedding(np.array([1, 1]), weight * 2, sparse=True) ** 2).sum().backward()
    expected = np.zeros((ROWS, WIDTH))
    expected[1] = 2 * 2 * 4 * weight.numpy()[1]
    np.testing.assert_allclose(weight.grad.numpy(), expected)


def test_autograd_grad_gives_it_too_and_dense_if_it_is_to_be_differentiated():
    weight = table()
    loss = (tg.embedding(np.array([1, 4]), weight, sparse=True) ** 3).sum()
    (g,) = tg.autograd.grad(loss, weight, retain_graph=True)
    assert type(g) is SparseRows
    (g,) = tg.autograd.grad(loss, weight, create_graph=True)
    (second,) = tg.autograd.grad(g.sum(), weight)
    expected = np.zeros((ROWS, WIDTH))
    expected[[1, 4]] = 6 * weight.numpy()[[1, 4]]
    np.testing.assert_allclose(second.numpy(), expected)


def test_two_gradients_share_no_memory():
    a, b = table(), table(1)
    (tg.embedding(np.array([1]), a, sparse=True) + tg.embedding(np.array([2]), b, sparse=True)).sum().backward()
    a.grad.values[...] = 9
    assert (b.grad.values == 1).all()


def test_anomalies_in_a_sparse_gradient_are_found():
    weight = table()
    with tg.detect_anomaly(), pytest.raises(FloatingPointError, match="embedding"):
        tg.embedding(np.array([1]), weight, sparse=True).backward(np.full((1, WIDTH), np.nan))


def test_hooks_see_a_dense_gradient():
    weight, seen = table(), []
    weight.register_hook(lambda g: seen.append(g.shape) or g * 2)
    tg.embedding(np.array([1]), weight, sparse=True).sum().backward()
    assert seen == [(ROWS, WIDTH)]
    assert weight.grad.numpy().sum() == 2 * WIDTH


def test_a_sparse_gradient_works_where_an_array_does():
    weight = table()
    tg.embedding(np.array([1, 1]), weight, sparse=True).sum().backward()
    dense = weight.grad.numpy()
    np.testing.assert_array_equal(np.asarray(weight.grad), dense)
    np.testing.assert_array_equal(tg.sum(weight.grad, axis=0).numpy(), dense.sum(0))
    np.testing.assert_array_equal(dense + weight.grad, 2 * dense)
    np.testing.assert_array_equal((weight.grad + tg.tensor(dense)).numpy(), 2 * dense)
    assert copy.deepcopy(weight).grad.numpy().sum() == 2 * WIDTH
    assert weight.grad.size == ROWS * WIDTH
    assert weight.grad.ndim == 2


@pytest.mark.parametrize(
    ("input", "padding_idx", "error", "message"),
    [
        ([0, 50], None, IndexError, r"input holds 50, .* rows 0 to 49"),
        ([-1, 0], None, IndexError, "input holds -1"),
        ([0.5], None, TypeError, "float64"),
        ([True], None, TypeError, "bool"),
        ([0], 50, IndexError, "padding_idx is 50"),
    ],
)
def test_wrong_lookups_are_explained(input, padding_idx, error, message):
    with pytest.raises(error, match=message):
        tg.embedding(np.array(input), table(), padding_idx)


# ---------------------------------------------------------------------- steps

EXACT = [  # a sparse step is the dense step
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.2, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.1}),
    ("Adadelta", {}),
]


@pytest.mark.parametrize(("name", "options"), EXACT)
def test_sparse_steps_equal_dense_steps(name, options):
    dense, sparse = table(), table()
    others = [tg.ones(2, dtype=float, requires_grad=True) for _ in range(4)]
    a = getattr(optim, name)([others[0], dense, others[1]], **options)
    b = getattr(optim, name)([others[2], sparse, others[3]], **options)
    for step in range(50):
        for optimizer, weight in ((a, dense), (b, sparse)):
            optimizer.zero_grad()
            backward(weight, step, weight is sparse)
            for p in others:
                p.grad = np.ones(2)
            optimizer.step()
        np.testing.assert_allclose(sparse.numpy(), dense.numpy(), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(others[0].numpy(), others[3].numpy())
    for i in (0, 1, 2):
        for key, value in a.state_dict()["state"].get(i, {}).items():
            np.testing.assert_allclose(b.state_dict()["state"][i][key], value, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [3, 100_000])
def test_tables_larger_than_a_block_are_changed_in_their_rows_alone(size):
    weight = tg.zeros(7, size, requires_grad=True)
    optimizer = optim.Adagrad([weight], lr=1.0)
    weight.grad = SparseRows(np.array([5, 1, 5]), np.ones((3, size), np.float32), (7, size))
    optimizer.step()
    np.testing.assert_allclose(weight.numpy()[:, [0, -1]], -np.array([[0, 1, 0, 0, 0, 1, 0]] * 2).T)


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize("name", ["SGD", "Adagrad"])
def test_sparse_steps_equal_pytorchs(name, torch):
    weight = table()
    peer = torch.tensor(weight.numpy().copy(), requires_grad=True)
    ours, theirs = getattr(optim, name)([weight], lr=0.1), getattr(torch.optim, name)([peer], lr=0.1)
    for step in range(50):
        ours.zero_grad()
        theirs.zero_grad()
        indices, factor = batch(step)
        backward(weight, step, True)
        lookup = torch.nn.functional.embedding(torch.tensor(indices), peer, sparse=True)
        (lookup * torch.tensor(factor)).sum().backward()
        ours.step()
        theirs.step()
        np.testing.assert_allclose(weight.numpy(), peer.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
def test_adam_equals_pytorchs_sparse_adam(torch):
    weight = table()
    peer = torch.tensor(weight.numpy().copy(), requires_grad=True)
    # with a tiny eps, which is the one thing that differs: SparseAdam adds it before the correction of the bias
    ours, theirs = optim.Adam([weight], lr=0.1, eps=1e-100), torch.optim.SparseAdam([peer], lr=0.1, eps=1e-100)
    for step in range(200):
        ours.zero_grad()
        theirs.zero_grad()
        indices, factor = batch(step)
        backward(weight, step, True)
        lookup = torch.nn.functional.embedding(torch.tensor(indices), peer, sparse=True)
        (lookup * torch.tensor(factor)).sum().backward()
        ours.step()
        theirs.step()
        np.testing.assert_allclose(weight.numpy(), peer.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam_equals_dense_adam_when_every_row_is_used(amsgrad):
    dense, sparse = table(), table()
    a, b = optim.Adam([dense], lr=0.1, amsgrad=amsgrad), optim.Adam([sparse], lr=0.1, amsgrad=amsgrad)
    random = np.random.default_rng(0)
    for _ in range(20):
        factor = random.normal(size=(ROWS, WIDTH))
        for optimizer, weight in ((a, dense), (b, sparse)):
            optimizer.zero_grad()
            (tg.embedding(np.arange(ROWS), weight, sparse=weight is sparse) * factor).sum().backward()
            optimizer.step()
    np.testing.assert_allclose(sparse.numpy(), dense.numpy(), rtol=1e-12)


def test_adam_with_weight_decay_says_why_it_cannot():
    weight = table()
    optimizer = optim.AdamW([weight])
    backward(weight, 0, True)
    with pytest.raises(ValueError, match="weight_decay=0"):
        optimizer.step()


def test_a_sparse_step_counts_as_a_change():
    weight = table()
    optimizer = optim.SGD([weight], lr=0.1)
    loss = (weight**2).sum()
    backward(weight, 0, True)
    optimizer.step()
    with pytest.raises(RuntimeError, match="was changed"):
        loss.backward()


def test_an_optimizer_of_sparse_rows_can_be_pickled():
    weight = table()
    optimizer = optim.Adam([weight], lr=0.1)
    for step in range(3):
        optimizer.zero_grad()
        backward(weight, step, True)
        optimizer.step()
    other_weight, other = pickle.loads(pickle.dumps((weight, optimizer)))
    for p, o in ((weight, optimizer), (other_weight, other)):
        o.zero_grad()
        backward(p, 5, True)
        o.step()
    np.testing.assert_array_equal(weight.numpy(), other_weight.numpy())


# ---------------------------------------------------------------------- clipping


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, 0, np.inf, -np.inf, -1.0])
def test_clipping_sparse_gradients_equals_clipping_dense_ones(norm_type):
    dense, sparse = table(), table()
    backward(dense, 1, False)
    backward(sparse, 1, True)
    norms = [optim.clip_grad_norm_([p], 0.5, norm_type).item() for p in (dense, sparse)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-12)
    assert type(sparse.grad) is SparseRows
    np.testing.assert_allclose(sparse.grad.numpy(), dense.grad.numpy(), rtol=1e-12, atol=1e-15)
    for p in (dense, sparse):
        optim.clip_grad_value_([p], 0.01)
    np.testing.assert_allclose(sparse.grad.numpy(), dense.grad.numpy(), rtol=1e-12, atol=1e-15)
    assert abs(sparse.grad.numpy()).max() <= 0.01
