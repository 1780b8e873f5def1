"""Whatever the table: no statistic of the test part reaches a fitted feature, and each row is treated by itself."""

import copy
import re

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.features import (
    Bucketize,
    Clip,
    Columns,
    Cross,
    EmbeddingIds,
    Hash,
    Impute,
    Log,
    OneHot,
    Ordinal,
    Polynomial,
    Scale,
    TextCounts,
)

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import strategies as st  # noqa: E402

NUMBERS = st.floats(0, 1e6, width=32)
GAPPED = st.one_of(st.none(), NUMBERS)
WORDS = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "rare", "missing", ""]), st.text(max_size=3))
QUICK = hypothesis.settings(max_examples=60, deadline=None)

OF_NUMBERS = [
    Scale(),
    Scale("min-max"),
    Scale("robust"),
    Log(),
    Clip(1, 100),
    Impute("median", flag=True),
    Bucketize(quantiles=3),
    Bucketize(width=1e5),
    Polynomial(2),
    Cross(buckets=3),
]
OF_WORDS = [
    OneHot(min_count=2),
    OneHot(unknown="column"),
    Impute("most frequent", flag=True),
    Ordinal(unknown="missing"),
    EmbeddingIds(min_count=2, max_size=3),
    Hash(7),
    Cross(),
    Cross(max_columns=3),
]
BOTH = Columns(
    [
        (0, [Impute("mean"), Scale()]),
        (0, [Impute("median"), Bucketize(quantiles=4), OneHot()]),
        (1, OneHot(min_count=2)),
        ((1, 2), Cross()),
    ]
)
TEXTS = st.lists(st.sampled_from(["win", "now", "you", "http://x.example", "7", "!"]), max_size=6).map(" ".join)
COUNTS = Columns(
    {
        0: TextCounts(min_count=2, max_words=3, phrase=2, sparse=False),
        1: TextCounts(url=True, number=True, punctuation=True, presence=True, sparse=False),
    }
)


def learned(thing):
    """Everything that a transformer has learned, its own transformers' too, in a form that can be compared."""
    if isinstance(thing, tg.features.Transformer):
        return type(thing).__name__, learned(vars(thing))
    if isinstance(thing, np.ndarray):
        return "array", str(thing.dtype), thing.shape, learned(thing.tolist())
    if isinstance(thing, dict):
        return "dict", [(learned(key), learned(value)) for key, value in thing.items()]
    if isinstance(thing, (list, tuple)):
        return type(thing).__name__, [learned(value) for value in thing]
    return repr(thing)


def fitted_on_the_training_part(transformer, rows, seed):
    """Split rows, fit on the training part, and transform all parts; return the transformer and the parts."""
    train, _, test = tg.data.split(np.array(rows, object), test=0.4, seed=seed)
    features = tg.models.estimator.clone(transformer).fit(train.tolist())
    return features, train, test


def rows_of(cells, least=6):
    return st.lists(st.tuples(*cells), min_size=least, max_size=20)


CASES = [
    *((transformer, (NUMBERS, NUMBERS)) for transformer in OF_NUMBERS),
    *((transformer, (WORDS, WORDS)) for transformer in OF_WORDS),
    (BOTH, (GAPPED, WORDS, WORDS)),
    (COUNTS, (TEXTS, TEXTS)),
]


@pytest.mark.parametrize(("transformer", "cells"), CASES, ids=lambda value: repr(value)[:60])
@QUICK
@hypothesis.given(data=st.data(), seed=st.integers(0, 5))
def test_no_statistic_of_the_test_part_reaches_a_fitted_feature(transformer, cells, data, seed):
    rows = data.draw(rows_of(cells))
    order = tg.data.split(np.arange(len(rows)), test=0.4, seed=seed)
    others = list(rows)
    for place in order[2]:  # the same training part, and anything else in the test part
        others[place] = data.draw(st.tuples(*cells))
    try:
        features, train, _ = fitted_on_the_training_part(transformer, rows, seed)
    except ValueError as error:
        hypothesis.assume(not re.search("nothing but gaps|no word occurs", str(error)))
        raise
    again, same, test = fitted_on_the_training_part(transformer, others, seed)
    assert train.tolist() == same.tolist()
    before = learned(features)
    assert learned(again) == before
    features.transform(test.tolist())
    assert learned(features) == before  # using it teaches it nothing
    np.testing.assert_array_equal(features.transform(train.tolist()), again.transform(train.tolist()))


@pytest.mark.parametrize(("transformer", "cells"), CASES, ids=lambda value: repr(value)[:60])
@QUICK
@hypothesis.given(data=st.data())
def test_each_row_is_treated_by_itself(transformer, cells, data):
    train, test = data.draw(rows_of(cells)), data.draw(rows_of(cells, least=2))
    features = copy.deepcopy(transformer)
    try:
        features.fit(train)
    except ValueError as error:
        hypothesis.assume(not re.search("nothing but gaps|no word occurs", str(error)))
        raise
    together = features.transform(test)
    np.testing.assert_array_equal(together, np.vstack([features.transform([row]) for row in test]))
    np.testing.assert_array_equal(features.transform(test[::-1]), together[::-1])
    assert together.shape == (len(test), len(features.get_feature_names_out()))
    assert len(set(features.get_feature_names_out())) == together.shape[1]


@QUICK
@hypothesis.given(rows=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=20))
def test_categories_come_back(rows):
    for transformer in (OneHot(), EmbeddingIds(), Ordinal()):
        back = transformer.fit(rows).inverse_transform(transformer.transform(rows))
        assert back.tolist() == [list(row) for row in rows]


@QUICK
@hypothesis.given(rows=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20))
def test_numbers_come_back(rows):
    data = np.array(rows)
    for transformer in (Scale(), Scale("min-max"), Scale("robust"), Log()):
        back = transformer.fit(data).inverse_transform(transformer.transform(data))
        np.testing.assert_allclose(back, data, rtol=1e-9, atol=1e-9 * data.max())
