"""What holds of every split and of every epoch of batches, on random cases."""

import numpy as np
import pytest

from tinygrad_ml.data import DataLoader, split

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
