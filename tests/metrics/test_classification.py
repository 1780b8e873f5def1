"""The metrics of classes equal scikit-learn's: values, warnings and refusals, on random cases."""

import itertools
import subprocess
import sys
import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.metrics.scikit_learn import NUMERIC, compare, hypothesis, many, pd, peer, st
from tinygrad_ml import metrics

ALPHABETS = [
    [0, 1],
    [-1, 1],
    [0, 1, 2, 3],
    [-7, 3, 1000],
    [False, True],
    [0.0, 1.0, 5.0],
    ["a", "b"],
    ["x", "yy", "zzz"],
]
AVERAGES = ["micro", "macro", "weighted", None]


@st.composite
def cases(draw, indicator=False):
    """Draw y_true, y_pred and sample_weight: classes, or rows of zeros and ones."""
    n = draw(st.integers(1, 12))
    if indicator:
        rows = st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3), min_size=n, max_size=n)
        y_true, y_pred = (draw(st.sampled_from([np.array, list]))(draw(rows)) for _ in range(2))
    else:
        alphabet = draw(st.sampled_from(ALPHABETS))
        wrap = [NUMERIC[draw(st.sampled_from(sorted(NUMERIC)))] for _ in range(2)]
        few = st.sets(st.sampled_from(alphabet), min_size=1)  # so that classes are missing in one of the two
        y_true, y_pred = (w(draw(st.lists(st.sampled_from(sorted(draw(few))), min_size=n, max_size=n))) for w in wrap)
    integers = st.lists(st.integers(0, 3), min_size=n, max_size=n)
    numbers = st.lists(st.sampled_from([0.0, 0.1, 0.7, 2.5, 1e3]), min_size=n, max_size=n)
    return y_true, y_pred, draw(st.none() | integers | numbers)


zero_divisions = st.sampled_from(["warn", 0, 1, 1.0, np.nan])


@hypothesis.given(cases(), st.booleans())
@many
def test_accuracy(case, normalize):
    y_true, y_pred, weight = case
    compare("accuracy_score", y_true, y_pred, normalize=normalize, sample_weight=weight)


@hypothesis.given(cases() | cases(indicator=True))
@many
def test_hamming_loss(case):
    y_true, y_pred, weight = case
    compare("hamming_loss", y_true, y_pred, sample_weight=weight)


@hypothesis.given(cases(), st.booleans())
@many
def test_balanced_accuracy(case, adjusted):
    y_true, y_pred, weight = case
    compare("balanced_accuracy_score", y_true, y_pred, adjusted=adjusted, sample_weight=weight)


@hypothesis.given(cases(), st.sampled_from(["true", "pred", "all", None]), st.booleans(), st.randoms())
@many
def test_confusion_matrix(case, normalize, choose, random):
    y_true, y_pred, weight = case
    labels = None
    if choose:
        labels = list(dict.fromkeys(np.ravel(y_true).tolist() + np.ravel(y_pred).tolist()))
        random.shuffle(labels)
        labels = labels[: random.randint(1, len(labels))]
    compare("confusion_matrix", y_true, y_pred, labels=labels, normalize=normalize, sample_weight=weight)


@pytest.mark.parametrize("weight", [None, [1, 2, 3], [True, False, True], [0.5, 1.0, 1.5]])
def test_the_dtype_of_the_confusion_matrix(weight):
    ours, theirs = (m.confusion_matrix([0, 1, 1], [0, 1, 0], sample_weight=weight) for m in (metrics, peer))
    assert ours.dtype == theirs.dtype


@pytest.mark.slow
@pytest.mark.parametrize("name", ["precision_score", "recall_score", "f1_score"])
@hypothesis.given(cases(), st.sampled_from([*AVERAGES, "binary"]), zero_divisions, st.booleans())
@many
def test_precision_recall_and_f1(name, case, average, zero_division, last):
    y_true, y_pred, weight = case
    pos_label = np.ravel(y_true).tolist()[-1] if last and average == "binary" else 1
    options = {"average": average, "zero_division": zero_division, "sample_weight": weight, "pos_label": pos_label}
    compare(name, y_true, y_pred, **options)


@pytest.mark.slow
@hypothesis.given(cases(), st.sampled_from([0, 0.5, 1, 2, np.inf]), st.sampled_from(AVERAGES), zero_divisions)
@many
def test_all_scores_at_once(case, beta, average, zero_division):
    y_true, y_pred, weight = case
    options = {"beta": beta, "average": average, "zero_division": zero_division, "sample_weight": weight}
    compare("precision_recall_fscore_support", y_true, y_pred, **options)
    compare("fbeta_score", y_true, y_pred, **options)


@hypothesis.given(cases(), st.sampled_from(AVERAGES), zero_divisions, st.randoms())
@many
def test_chosen_labels(case, average, zero_division, random):
    y_true, y_pred, weight = case
    labels = list(dict.fromkeys(np.ravel(y_true).tolist() + np.ravel(y_pred).tolist()))
    labels.append("absent" if isinstance(labels[0], str) else 77)
    random.shuffle(labels)
    labels = labels[: random.randint(1, len(labels))]
    options = {"labels": labels, "average": average, "zero_division": zero_division, "sample_weight": weight}
    compare("precision_recall_fscore_support", y_true, y_pred, **options)


@pytest.mark.parametrize("name", ["accuracy_score", "precision_score", "recall_score", "f1_score"])
@hypothesis.given(cases(indicator=True), st.sampled_from([*AVERAGES, "samples"]), zero_divisions, st.booleans())
@many
def test_several_labels_for_each_sample(name, case, average, zero_division, choose):
    y_true, y_pred, weight = case
    options = {} if name == "accuracy_score" else {"average": average, "zero_division": zero_division}
    if choose and options:
        options["labels"] = [2, 0]
    compare(name, y_true, y_pred, sample_weight=weight, **options)


@pytest.mark.slow
@pytest.mark.parametrize("indicator", [False, True])
@hypothesis.given(st.data(), zero_divisions)
@many
def test_the_report_as_a_dict(indicator, data, zero_division):
    y_true, y_pred, weight = data.draw(cases(indicator))
    options = {"zero_division": zero_division, "sample_weight": weight, "output_dict": True}
    compare("classification_report", y_true, y_pred, **options)


@pytest.mark.slow
@hypothesis.given(cases(), st.integers(0, 5))
@many
def test_the_text_of_the_report(case, digits):
    y_true, y_pred, _ = case
    # with no hit at all scikit-learn shows the support as a float
    hypothesis.assume((np.ravel(y_true) == np.ravel(y_pred)).any())
    compare("classification_report", y_true, y_pred, digits=digits)


def test_the_report_of_chosen_labels_with_names():
    y_true, y_pred = [0, 1, 2, 2, 1], [0, 2, 2, 2, 1]
    compare("classification_report", y_true, y_pred, labels=[2, 0], target_names=["two, with a long name", "zero"])
    compare("classification_report", y_true, y_pred, labels=[2, 0], target_names=["two", "zero"], output_dict=True)
    compare("classification_report", [[1, 0], [1, 1]], [[1, 1], [0, 1]], target_names=["large", "odd"])


@hypothesis.given(cases(), st.sampled_from(AVERAGES))
@many
def test_the_false_positive_rate(case, average):
    y_true, y_pred, weight = case
    hypothesis.assume(weight is None or any(weight))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tn, fp, fn, tp = peer.multilabel_confusion_matrix(y_true, y_pred, sample_weight=weight).reshape(-1, 4).T
        ours = metrics.false_positive_rate(y_true, y_pred, average=average, sample_weight=weight, zero_division=np.nan)
    support = tp + fn
    if average == "micro":
        tn, fp = tn.sum(keepdims=True), fp.sum(keepdims=True)
    negatives = tn + fp
    rate = np.where(negatives > 1e-9, fp / np.where(negatives > 1e-9, negatives, 1), np.nan)
    if average is not None and not np.isnan(rate).all():
        known = ~np.isnan(rate)
        weights = support[known] if average == "weighted" and support[known].any() else None
        rate = np.average(rate[known], weights=weights)
    elif average is not None:
        rate = np.nan
    np.testing.assert_allclose(ours, rate, rtol=1e-9, atol=1e-12)


def test_the_false_positive_rate_is_the_recall_of_the_negative_class_taken_from_one():
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 2, (2, 200))
    assert metrics.false_positive_rate(y_true, y_pred) == pytest.approx(
        1 - peer.recall_score(y_true, y_pred, pos_label=0)
    )
    with pytest.warns(metrics.UndefinedMetricWarning, match="no sample is negative"):
        assert metrics.false_positive_rate([1, 1], [1, 0]) == 0
    assert metrics.false_positive_rate([1, 1], [1, 0], zero_division=1) == 1


def test_weights_that_do_not_add_up_exactly_leave_no_negative_samples():
    weight = [0.1, 0.2, 0.3, 0.7, 0.1, 0.9]
    rate = metrics.false_positive_rate([1] * 6, [1, 0] * 3, sample_weight=weight, zero_division=np.nan)
    assert np.isnan(rate)


def test_tensors_are_targets_too():
    y_true, y_pred = tg.tensor([0.0, 1.0, 1.0]), tg.tensor([0.0, 1.0, 0.0], requires_grad=True)
    weight = tg.tensor([1.0, 2.0, 1.0])
    assert metrics.accuracy_score(y_true, y_pred, sample_weight=weight) == 0.75
    assert metrics.confusion_matrix(y_true.astype(int), y_pred).tolist() == [[1, 0], [1, 1]]


@pytest.mark.parametrize("dtype", ["Int64", "boolean", "category", "string", "Float64"])
def test_columns_of_pandas(dtype):
    y_true, y_pred = (pd.Series(y).astype(dtype) for y in ([0, 1, 1, 0], [0, 1, 0, 1]))
    assert metrics.accuracy_score(y_true, y_pred) == 0.5


def test_large_integers_and_wide_ranges():
    y_true, y_pred = np.array([2**62, 5, -(2**62), 5]), np.array([2**62, 5, 5, 5])
    compare("confusion_matrix", y_true, y_pred)
    compare("confusion_matrix", y_true.astype(np.uint64), y_pred.astype(np.uint64))


INTEGERS = ["int8", "uint8", "int16", "uint32", "uint64", "float32"]


@pytest.mark.parametrize("dtypes", list(itertools.product(INTEGERS, repeat=2)))
def test_integers_of_every_size(dtypes):
    rng = np.random.default_rng(0)
    y_true, y_pred = (rng.choice([-128, -90, 0, 72] if d[0] != "u" else [0, 1, 72, 200], 50).astype(d) for d in dtypes)
    compare("confusion_matrix", y_true, y_pred)
    compare("f1_score", y_true, y_pred, average="macro")


def test_the_warning_names_the_class_and_points_to_the_line_of_the_caller():
    with pytest.warns(metrics.UndefinedMetricWarning, match="precision is 0 / 0 for the class 'b'") as caught:
        metrics.precision_score(["a", "b"], ["a", "a"], average=None)
    assert caught[0].filename == __file__
    with pytest.warns(metrics.UndefinedMetricWarning) as caught:
        metrics.classification_report(["a", "b"], ["a", "a"])
    assert {w.filename for w in caught} == {__file__}


def test_the_tumours_of_the_course():
    y_true = [1] * 9 + [0] * 91
    y_pred = [1] * 1 + [0] * 8 + [1] * 1 + [0] * 90
    assert metrics.confusion_matrix(y_true, y_pred).tolist() == [[90, 1], [8, 1]]
    assert metrics.accuracy_score(y_true, y_pred) == 0.91
    assert metrics.precision_score(y_true, y_pred) == 0.5
    assert round(metrics.recall_score(y_true, y_pred), 2) == 0.11


def test_the_import_takes_nothing_but_numpy_and_the_core():
    heavy = ["scipy", "sklearn", "matplotlib", "pandas", "torch", "tqdm"]
    program = f"import sys, tinygrad_ml.metrics; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
