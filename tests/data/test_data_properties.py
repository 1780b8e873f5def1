"""What holds of every split and of every epoch of batches, on random cases."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.data import DataLoader, split
from tinygrad_ml.models.stochastic import hold_out
from tinygrad_ml.random import seeded
from tinygrad_ml.sparse_matrix import SparseMatrix

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies


@hypothesis.settings(max_examples=200, deadline=None, derandomize=True)
@hypothesis.given(
    st.integers(3, 300),
    st.one_of(st.floats(0, 0.45), st.integers(0, 100)),
    st.one_of(st.floats(0, 0.45), st.integers(0, 100)),
    st.integers(0, 2**40),
)
def test_every_row_is_in_exactly_one_part(n, validation, test, seed):
    asked = [rows if isinstance(rows, int) else rows * n for rows in (validation, test)]
    hypothesis.assume(sum(asked) <= n - 1 and all(rows >= 1 or not rows for rows in asked))
    parts = split(np.arange(n), validation=validation, test=test, seed=seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(n))
    for part, exact in zip(parts[1:], asked):
        assert abs(len(part) - exact) < 1


@hypothesis.settings(max_examples=200, deadline=None, derandomize=True)
@hypothesis.given(st.lists(st.integers(3, 60), min_size=1, max_size=12), st.floats(0.02, 0.45), st.floats(0.02, 0.45))
def test_each_part_has_each_class_in_its_share_to_within_one_row(counts, validation, test):
    labels = np.repeat(np.arange(len(counts)), counts)
    hypothesis.assume(min(validation, test) * len(labels) >= 1)
    parts = split(np.arange(len(labels)), validation=validation, test=test, stratify=labels, seed=1)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    sizes = [len(part) for part in parts]
    np.testing.assert_allclose(sizes[1:], [validation * len(labels), test * len(labels)], atol=1)
    for part in parts:
        found = np.bincount(labels[part], minlength=len(counts))
        exact = np.array(counts) * len(part) / len(labels)
        assert (np.abs(found - exact) < 1).all()


@hypothesis.settings(max_examples=100, deadline=None, derandomize=True)
@hypothesis.given(st.integers(1, 200), st.integers(1, 50), st.integers(0, 2**63), st.integers(0, 1000))
def test_an_epoch_has_every_row_once(n, batch_size, seed, epoch):
    loader = DataLoader((np.arange(n), np.arange(n) * 0.5), batch_size, shuffle=True, seed=seed)
    loader.epoch = epoch
    batches = list(loader)
    assert len(batches) == len(loader)
    rows = np.concatenate([row for row, _ in batches])
    assert sorted(rows.tolist()) == list(range(n))
    np.testing.assert_array_equal(np.concatenate([half.numpy() for _, half in batches]), rows * 0.5)
    np.testing.assert_array_equal(rows, loader.order(epoch))


@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
@hypothesis.given(st.integers(6, 120), st.floats(0.1, 0.4), st.booleans(), st.integers(0, 2**40))
def test_no_row_of_any_kind_of_table_is_in_two_parts(n, test, stratified, seed):
    sparse, pandas = pytest.importorskip("scipy.sparse"), pytest.importorskip("pandas")
    hypothesis.assume(n * test >= 2)
    rows, labels = np.arange(1, n + 1), np.arange(n) % 2
    kinds = {
        "frame": pandas.DataFrame({"row": rows}, index=rows[::-1]),
        "csr": sparse.csr_array(rows[:, None]),
        "triples": sparse.coo_matrix(rows[:, None]),
        "tensor": tg.tensor(rows),
        "list": rows.tolist(),
    }
    parts = split(
        *kinds.values(), labels, test=test, validation=test, stratify=labels if stratified else None, seed=seed
    )
    read = {
        "frame": lambda x: x["row"].to_numpy(),
        "csr": lambda x: x.toarray()[:, 0],
        "triples": lambda x: x.toarray()[:, 0],
        "tensor": lambda x: x.numpy(),
        "list": np.array,
    }
    found = [[read[kind](part) for kind, part in zip(kinds, each)] for each in parts]
    for each, (*_, of_part) in zip(found, parts):
        for other in each[1:]:  # all are divided alike
            np.testing.assert_array_equal(other, each[0])
        np.testing.assert_array_equal(of_part, (each[0] - 1) % 2)
    assert sorted(np.concatenate([each[0] for each in found]).tolist()) == rows.tolist()


@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
@hypothesis.given(st.integers(10, 80), st.floats(0.1, 0.4), st.integers(0, 1000), st.booleans())
def test_early_stopping_never_judges_by_a_row_that_it_learns_from(n, share, seed, is_sparse):
    sparse = pytest.importorskip("scipy.sparse")
    hypothesis.assume(n * share >= 2)
    model = tg.models.LogisticRegression(early_stopping=True, validation_fraction=share, random_state=seed)
    X = np.arange(1.0, n + 1).reshape(-1, 1)
    with seeded(seed):
        training, validation = hold_out(
            model, (SparseMatrix(sparse.csr_array(X)) if is_sparse else X, np.arange(n) % 2)
        )
    learned, judged = (part[0].toarray() if is_sparse else part[0] for part in (training, validation))
    assert sorted([*learned[:, 0], *judged[:, 0]]) == X[:, 0].tolist()


@hypothesis.settings(max_examples=40, deadline=None, derandomize=True)
@hypothesis.given(st.integers(1, 90), st.integers(1, 40), st.integers(1, 30), st.integers(0, 2**40), st.booleans())
def test_an_epoch_of_a_file_has_every_row_once(tmp_path_factory, n, batch_size, piece, seed, shuffle):
    pytest.importorskip("pandas")
    path = tmp_path_factory.mktemp("table") / "t.csv"
    path.write_text("row,half\n" + "".join(f"{i},{i / 2}\n" for i in range(n)))
    loader = DataLoader(path, batch_size, shuffle, target="row", columns=["half"], piece=piece, seed=seed)
    batches = list(loader)
    assert [len(x) for x, _ in batches] == [min(batch_size, n - start) for start in range(0, n, batch_size)]
    rows = np.concatenate([row for _, row in batches])
    assert sorted(rows.tolist()) == list(range(n))
    np.testing.assert_array_equal(rows, loader.order(0))
    np.testing.assert_array_equal(np.concatenate([x.numpy()[:, 0] for x, _ in batches]), rows / 2)
