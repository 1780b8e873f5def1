"""Curves, areas and losses of scores equal scikit-learn's on random cases with ties, missing classes and weights."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.metrics.scikit_learn import NUMERIC, assert_same, compare, hypothesis, many, peer, st
from tinygrad_ml import metrics

BINARY = [[0, 1], [-1, 1], [False, True], [0.0, 1.0], ["a", "b"], [3, 8]]
tied = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0])
free = st.floats(0, 1, width=32)


def weights(n):
    few = st.lists(st.integers(0, 3), min_size=n, max_size=n)
    numbers = st.lists(st.sampled_from([0.0, 0.1, 0.7, 2.5, 1e3]), min_size=n, max_size=n)
    return st.none() | few.filter(any) | numbers.filter(any)


@st.composite
def binary(draw):
    """Draw y_true, y_score, sample_weight and pos_label."""
    n = draw(st.integers(1, 14))
    alphabet = draw(st.sampled_from(BINARY))
    y_true = draw(st.lists(st.sampled_from(alphabet), min_size=n, max_size=n))
    y_score = draw(st.lists(draw(st.sampled_from([tied, free])), min_size=n, max_size=n))
    wrap, wrap_score = (NUMERIC[draw(st.sampled_from(sorted(NUMERIC)))] for _ in range(2))
    if draw(st.booleans()):
        wrap_score = lambda y: np.array(y, np.float32)
    clear = alphabet in BINARY[:2]
    pos_label = draw(st.sampled_from([None, *alphabet] if clear else alphabet))
    return wrap(y_true), wrap_score(y_score), draw(weights(n)), pos_label


@st.composite
def multiclass(draw, classes=3):
    """Draw y_true, probabilities of all classes, and sample_weight."""
    n = draw(st.integers(1, 12))
    alphabet = draw(st.sampled_from([[0, 1, 2], ["a", "b", "c"], [-5, 0, 9]]))
    y_true = draw(st.lists(st.sampled_from(alphabet), min_size=n, max_size=n))
    row = st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0]), min_size=classes, max_size=classes).filter(any)
    rows = np.array(draw(st.lists(row, min_size=n, max_size=n)))
    return np.array(y_true), rows / rows.sum(1, keepdims=True), draw(weights(n)), alphabet


@st.composite
def indicator(draw):
    """Draw a matrix of zeros and ones, scores for it, and sample_weight."""
    n = draw(st.integers(1, 8))
    y_true = draw(st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3), min_size=n, max_size=n))
    y_score = draw(st.lists(st.lists(tied, min_size=3, max_size=3), min_size=n, max_size=n))
    weight = draw(weights(n))
    return np.array(y_true), np.array(y_score), None if weight is None else np.array(weight)


@pytest.mark.parametrize("name", ["roc_curve", "precision_recall_curve"])
@hypothesis.given(binary(), st.booleans())
@many
def test_curves(name, case, drop):
    y_true, y_score, weight, pos_label = case
    compare(name, y_true, y_score, sample_weight=weight, pos_label=pos_label, drop_intermediate=drop)


@pytest.mark.parametrize("name", ["roc_curve", "precision_recall_curve"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.uint8, bool])
def test_the_dtypes_of_curves(name, dtype):
    y_score = np.array([0, 1, 1, 0, 1], dtype)
    ours, theirs = (getattr(m, name)([0, 1, 0, 0, 1], y_score) for m in (metrics, peer))
    assert [a.dtype for a in ours] == [a.dtype for a in theirs]
    assert_same(ours, theirs)


@hypothesis.given(binary(), st.sampled_from([None, 0.1, 0.5, 1.0]))
@many
def test_the_area_under_the_roc_curve(case, max_fpr):
    y_true, y_score, weight, _ = case
    if max_fpr not in (None, 1.0):  # when weights take a class away, scikit-learn fails to interpolate
        counted = np.ravel(y_true) if weight is None else np.ravel(y_true)[np.array(weight) != 0]
        hypothesis.assume(len(set(counted.tolist())) == 2)
    compare("roc_auc_score", y_true, y_score, sample_weight=weight, max_fpr=max_fpr)


@hypothesis.given(multiclass(), st.sampled_from(["ovr", "ovo"]), st.sampled_from(["macro", "weighted", "micro", None]))
@many
def test_the_area_with_several_classes(case, multi_class, average):
    y_true, y_score, weight, labels = case
    weight = None if multi_class == "ovo" or weight is None else np.array(weight)
    hypothesis.assume(multi_class == "ovr" or len(set(y_true.tolist())) > 1)
    options = {"multi_class": multi_class, "average": average, "labels": labels, "sample_weight": weight}
    compare("roc_auc_score", y_true, y_score, **options)


@pytest.mark.parametrize("name", ["roc_auc_score", "average_precision_score"])
@hypothesis.given(indicator(), st.sampled_from(["macro", "weighted", "micro", "samples", None]))
@many
def test_the_areas_of_several_labels(name, case, average):
    y_true, y_score, weight = case
    compare(name, y_true, y_score, average=average, sample_weight=weight)


@hypothesis.given(binary())
@many
def test_average_precision(case):
    y_true, y_score, weight, pos_label = case
    compare("average_precision_score", y_true, y_score, sample_weight=weight, pos_label=pos_label or 1)


@pytest.mark.slow
@hypothesis.given(multiclass(), st.sampled_from(["macro", "weighted", "micro", None]))
@many
def test_average_precision_of_several_classes(case, average):
    y_true, y_score, weight, _ = case
    hypothesis.assume(len(set(y_true.tolist())) == 3)
    weight = None if weight is None else np.array(weight)
    compare("average_precision_score", y_true, y_score, average=average, sample_weight=weight)


@hypothesis.given(binary(), st.booleans(), st.booleans())
@many
def test_log_loss_of_two_classes(case, normalize, give_labels):
    y_true, y_score, weight, _ = case
    hypothesis.assume(np.ndim(y_true) == 1)
    labels = next(a for a in BINARY if set(np.ravel(y_true).tolist()) <= set(a)) if give_labels else None
    compare("log_loss", y_true, y_score, sample_weight=weight, normalize=normalize, labels=labels)


@hypothesis.given(multiclass(), st.booleans(), st.booleans(), st.sampled_from([np.float32, np.float64]))
@many
def test_losses_of_several_classes(case, normalize, give_labels, dtype):
    y_true, y_score, weight, labels = case
    labels = labels if give_labels else None
    y_score = y_score.astype(dtype)
    compare("log_loss", y_true, y_score, sample_weight=weight, normalize=normalize, labels=labels)
    compare("brier_score_loss", y_true, y_score, sample_weight=weight, labels=labels)


@hypothesis.given(binary(), st.sampled_from(["auto", True, False]))
@many
def test_the_brier_score(case, half):
    y_true, y_score, weight, pos_label = case
    compare("brier_score_loss", y_true, y_score, sample_weight=weight, pos_label=pos_label, scale_by_half=half)
    compare("brier_score_loss", y_true, y_score, sample_weight=weight)


def test_losses_of_one_hot_targets_and_of_rows_that_do_not_sum_to_one():
    y_true, y_score = np.array([[0, 1, 0], [1, 0, 0]]), np.array([[0.2, 0.5, 0.3], [0.9, 0.4, 0.1]])
    compare("log_loss", y_true, y_score)
    compare("brier_score_loss", y_true, y_score)
    compare("log_loss", [2, 0], y_score, labels=[0, 2, 1])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_sure_and_wrong_probability_costs_as_much_as_its_dtype_can_tell_from_zero(dtype):
    compare("log_loss", [0, 1], np.array([0.0, 0.0], dtype))


@hypothesis.given(st.lists(st.tuples(tied, tied), min_size=2, max_size=8), st.booleans())
@many
def test_auc(points, falling):
    x, y = zip(*sorted(points, key=lambda p: p[0], reverse=falling))
    compare("auc", x, y)


@pytest.mark.parametrize("library", ["NumPy", "Tensor"])
def test_many_samples(library):
    rng = np.random.default_rng(0)
    y_true, weight = rng.integers(0, 2, 20_000), rng.exponential(size=20_000)
    y_score = (y_true + rng.normal(size=20_000)).round(2).astype(np.float32)
    ours = (y_true, y_score) if library == "NumPy" else (tg.tensor(y_true), tg.tensor(y_score))
    for name in ("roc_curve", "precision_recall_curve", "roc_auc_score", "average_precision_score"):
        for sample_weight in (None, weight):
            found = getattr(metrics, name)(*ours, sample_weight=sample_weight)
            assert_same(found, getattr(peer, name)(y_true, y_score, sample_weight=sample_weight))


def test_the_auc_is_the_probability_of_ranking_right_and_does_not_change_under_a_rising_function():
    rng = np.random.default_rng(1)
    y_true, logits = rng.integers(0, 2, 300), rng.normal(size=300).round(1)
    pairs = np.subtract.outer(logits[y_true == 1], logits[y_true == 0])
    expected = ((pairs > 0) + 0.5 * (pairs == 0)).mean()
    for y_score in (logits, 1 / (1 + np.exp(-logits)), 1e6 * logits - 3):
        assert metrics.roc_auc_score(y_true, y_score) == pytest.approx(expected, abs=1e-12)


@hypothesis.given(binary(), st.sampled_from([0.0, 1.0, 0.3]), st.sampled_from([1.0, 5.0]))
@many
def test_no_other_threshold_costs_less(case, cost_false_positive, cost_false_negative):
    y_true, y_score, weight, pos_label = case
    costs = {"cost_false_positive": cost_false_positive, "cost_false_negative": cost_false_negative}
    chosen = metrics.choose_threshold(y_true, y_score, **costs, sample_weight=weight, pos_label=pos_label)
    positive, score = np.ravel(y_true) == (1 if pos_label is None else pos_label), np.ravel(y_score).astype(float)
    mass = np.ones(len(score)) if weight is None else np.array(weight)

    def cost(threshold):
        false_positive, false_negative = (score >= threshold) & ~positive, (score < threshold) & positive
        return mass @ (cost_false_positive * false_positive + cost_false_negative * false_negative)

    candidates = [np.inf, *score, *(score - 1e-3), -1.0]
    assert cost(chosen) <= min(map(cost, candidates)) + 1e-9
    assert chosen == np.inf or chosen in score
    assert all(cost(higher) > cost(chosen) - 1e-9 for higher in candidates if higher > chosen)
