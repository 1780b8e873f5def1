"""Bad input is refused where scikit-learn refuses it, and the message says what was wrong and what to do."""

import contextlib
import warnings

import numpy as np
import pytest

from tinygrad_ml import metrics

CLASSES = [
    "accuracy_score",
    "balanced_accuracy_score",
    "confusion_matrix",
    "precision_score",
    "recall_score",
    "f1_score",
    "precision_recall_fscore_support",
    "classification_report",
]
SCORES = ["roc_curve", "roc_auc_score", "precision_recall_curve", "average_precision_score"]
LOSSES = ["log_loss", "brier_score_loss"]
NUMBERS = ["mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "r2_score"]
OURS = {"false_positive_rate": "recall_score", "choose_threshold": "roc_curve", "prediction_bias": "brier_score_loss"}
nan, inf = np.nan, np.inf
rows = [[1, 0], [0, 1]]

CASES = [
    # names, arguments, options, what the message says
    (CLASSES + SCORES + LOSSES + NUMBERS, ([0, 1, 1], [0, 1]), {}, "y_true has 3 and y_.* has 2 samples"),
    (CLASSES + SCORES[:3] + LOSSES + NUMBERS, ([], []), {}, "empty"),
    (CLASSES + SCORES + LOSSES + NUMBERS, ([0, 1], [0, 1]), {"sample_weight": [1]}, "1 entries for 2 samples"),
    (
        CLASSES + SCORES + LOSSES + NUMBERS,
        ([0, 1], [0, 1]),
        {"sample_weight": [1, nan]},
        "sample_weight has nan at index 1",
    ),
    (CLASSES[:7] + SCORES + NUMBERS, ([0, 1], [0, 1]), {"sample_weight": [0, 0]}, "zero for every sample"),
    (CLASSES + SCORES + LOSSES[1:] + NUMBERS, ([0, 1], None), {}, "must be a list, an array, .* not NoneType"),
    (CLASSES + SCORES + LOSSES + NUMBERS, ([0, 1], 1), {}, "must be a list, an array, .* not int"),
    (CLASSES, ([0, 1, 1], [0.1, 0.7, 0.9]), {}, "y_pred has numbers such as 0.1.* not probabilities"),
    (CLASSES, ([0.5, 1.5], [0, 1]), {}, "y_true has numbers such as 0.5"),
    (CLASSES, ([0.0, nan], [0, 1]), {}, "y_true has nan at index 1"),
    (CLASSES, (["a", "b"], [0, 1]), {}, "'a' and y_pred such as 0: both must be strings or both numbers"),
    (CLASSES, ([0, 1], rows), {}, "must be of one kind"),
    (CLASSES, ([[0, 1, 2], [2, 1, 0]], [[0, 1, 2], [2, 1, 0]]), {}, r"shape \(2, 3\) .* neither one class"),
    (CLASSES, (np.zeros((2, 2, 2)), np.zeros((2, 2, 2))), {}, r"shape \(2, 2, 2\)"),
    (CLASSES[3:6], ([0, 1, 2], [0, 1, 2]), {}, "there are 3 classes: use average='macro'"),
    (CLASSES[3:6], (rows, rows), {}, "there is a column for each label: use average='macro'"),
    (CLASSES + NUMBERS, ([1, None], [1, 0]), {}, "y_true has None at index 1: remove it first"),
    (CLASSES, (np.array([0, 1], object), [0, 1]), {}, r"y_true has the dtype object: .* np\.asarray\(y_true, float\)"),
    (CLASSES[3:6], (["a", "b"], ["a", "b"]), {}, r"pos_label=1 is not among the labels \['a', 'b'\]"),
    (CLASSES[3:7], ([0, 1], [0, 1]), {"average": "mean"}, "average='mean' must be one of 'binary'"),
    (CLASSES[3:7], ([0, 1], [0, 1]), {"average": "samples"}, "here every sample has one class"),
    (CLASSES[3:7], ([0, 1], [0, 1]), {"zero_division": 0.5}, "zero_division=0.5 must be 'warn', 0, 1 or nan"),
    (CLASSES[3:7], (rows, rows), {"average": "macro", "labels": [0, 5]}, "numbers of columns, from 0 to 1"),
    (["precision_recall_fscore_support"], ([0, 1], [0, 1]), {"beta": -1.0}, "beta=-1.0"),
    (["accuracy_score"], (rows, [[1, 0, 0], [0, 1, 0]]), {}, r"y_true has 2 labels \(columns\) and y_pred 3"),
    (["confusion_matrix"], (rows, rows), {}, "a confusion matrix needs one class"),
    (
        ["confusion_matrix"],
        ([0, 1], [0, 1]),
        {"normalize": "row"},
        "normalize='row' must be one of 'true', 'pred', 'all'",
    ),
    (["confusion_matrix"], ([0, 1], [0, 1]), {"labels": [7, 8]}, "none of them is in y_true"),
    (["confusion_matrix"], ([0, 1], [0, 1]), {"labels": []}, "labels is empty"),
    (["classification_report"], ([0, 1], [0, 1]), {"target_names": ["a"]}, "1 names for 2 classes"),
    (["classification_report"], ([0, 1], [0, 1]), {"digits": -1}, "digits=-1"),
    (SCORES + LOSSES, ([0, 1], [0.1, nan]), {}, "y_(score|proba) has nan at index 1"),
    (SCORES, ([0, 1], [0.1, inf]), {}, "y_score has inf at index 1"),
    (SCORES[:3:2], (["a", "b"], [0.1, 0.2]), {}, "'a', 'b', so it is not clear which one is positive: give pos_label="),
    (SCORES[:3:2], ([3, 5], [0.1, 0.2]), {}, "3, 5, so it is not clear"),
    (SCORES[:3:2], ([0, 1, 2], [0.1, 0.2, 0.3]), {}, "3 classes: name the positive one"),
    (SCORES, ([0.5, 1.2, 1], [0.1, 0.2, 0.3]), {}, r"y_true of shape \(3,\) and dtype float64"),
    (SCORES, ([0, 1], rows), {}, r"y_score has the shape \(2, 2\)"),
    (["roc_auc_score"], ([0, 1, 2], np.eye(3)), {}, "choose multi_class='ovr'"),
    (["roc_auc_score"], ([0, 1, 2], np.eye(3)), {"multi_class": "all"}, "multi_class='all'"),
    (["roc_auc_score"], ([0, 1, 2], np.ones((3, 3))), {"multi_class": "ovr"}, "sum to one in every row"),
    (["roc_auc_score"], ([0, 1, 2], [0.1, 0.2, 0.7]), {"multi_class": "ovr"}, "probabilities of all 3 classes"),
    (["roc_auc_score"], ([0, 1, 1], np.eye(3)), {"multi_class": "ovr"}, "3 columns for 2 classes"),
    (["roc_auc_score"], ([0, 1, 2], np.eye(3)), {"multi_class": "ovr", "labels": [2, 1, 0]}, "sorted"),
    (["roc_auc_score"], ([0, 1, 5], np.eye(3)), {"multi_class": "ovr", "labels": [0, 1, 2]}, r"y_true has \[5\]"),
    (["roc_auc_score"], ([0, 1, 2], np.eye(3)), {"multi_class": "ovo", "sample_weight": [1, 1, 2]}, "sample_weight"),
    (["roc_auc_score"], ([0, 1, 2], np.eye(3)), {"multi_class": "ovo", "average": "micro"}, "average='micro'"),
    (["roc_auc_score"], ([0, 1, 2], np.eye(3)), {"multi_class": "ovo", "average": None}, "average=None"),
    (["roc_auc_score"], ([0, 1, 2], np.eye(3)), {"multi_class": "ovr", "max_fpr": 0.1}, "max_fpr=0.1"),
    (["roc_auc_score"], ([0, 1], [0.1, 0.2]), {"max_fpr": 0.0}, r"\(0, 1\]"),
    (["average_precision_score"], ([0, 1], [0.1, 0.2]), {"pos_label": 2}, "pos_label=2 is not among"),
    (["average_precision_score"], ([0, 1, 2], np.eye(3)), {"pos_label": 2}, "pos_label=2 is for two classes"),
    (LOSSES, ([0, 1], [0.1, 1.2]), {}, "y_proba has 1.2, greater than 1"),
    (LOSSES, ([0, 1], [-0.1, 0.2]), {}, "y_proba has -0.1, less than 0"),
    (LOSSES, ([0, 1, 2], [0.1, 0.2, 0.3]), {}, "classes"),
    (LOSSES, ([0, 1, 1], np.eye(3)), {}, "give all classes in labels="),
    (LOSSES, ([0.5, 1.5], [0.1, 0.2]), {}, "y_true"),
    (["log_loss"], ([1, 1], [0.1, 0.2]), {}, r"only the classes \[1\]"),
    (["log_loss"], ([0, 3], [0.1, 0.2]), {"labels": [0, 1]}, r"y_true has \[3\]"),
    (["brier_score_loss"], (["a", "b"], [0.1, 0.2]), {}, "give pos_label="),
    (NUMBERS, ([0.0, 1.0], [0.1, nan]), {}, "y_pred has nan at index 1"),
    (NUMBERS, (rows, [[1], [2]]), {}, "y_true has 2 outputs and y_pred 1"),
    (NUMBERS, (["a", "b"], ["a", "b"]), {}, "real numbers"),
    (NUMBERS, (np.zeros((2, 2, 2)), np.zeros((2, 2, 2))), {}, r"shape \(2, 2, 2\)"),
    (NUMBERS, (rows, rows), {"multioutput": "mean"}, "multioutput='mean'"),
    (NUMBERS[2:], (rows, rows), {"multioutput": [1, 2, 3]}, "3 weights for 2 outputs"),
    (NUMBERS[2:], ([1, 2], [1, 2]), {"multioutput": [1]}, "1 weights for 1 outputs"),
    (["auc"], ([0.0], [1.0]), {}, "at least two"),
    (["auc"], ([0.0, 1.0, 0.5], [1.0, 1.0, 1.0]), {}, "sort the points"),
    (["auc"], ([0.0, 1.0], [1.0]), {}, "x has 2 points and y has 1"),
    (["choose_threshold"], ([0, 1, 2], [0.1, 0.2, 0.3]), {}, "3 classes"),
    (["prediction_bias"], ([0, 1], [0.1, 1.2]), {}, "give probabilities"),
    (["prediction_bias"], (["a", "b"], [0.1, 0.2]), {}, "make them 0 and 1"),
]


@pytest.mark.parametrize(
    ("name", "arguments", "options", "message"),
    [pytest.param(name, *rest, id=f"{name}: {rest[-1]}") for names, *rest in CASES for name in names],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")  # scikit-learn's
def test_bad_input_is_refused_where_scikit_learn_refuses_it(name, arguments, options, message):
    pytest.importorskip("sklearn", minversion="1.9")  # whose numbers and arguments these are
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    with pytest.raises((ValueError, TypeError, NotImplementedError), match=message) as ours:
        getattr(metrics, name)(*arguments, **options)
    with pytest.raises(ours.type):  # or a class derived from it
        getattr(sklearn_metrics, OURS.get(name, name))(*arguments, **options)


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (metrics.choose_threshold, {"cost_false_negative": -1.0}, "cost_false_negative=-1.0 must be a finite number"),
        (metrics.choose_threshold, {"cost_false_positive": inf}, "cost_false_positive=inf"),
        (metrics.prediction_bias, {"n_bins": 0}, "n_bins=0 must be a whole number of at least 1"),
        (metrics.prediction_bias, {"strategy": "kmeans"}, "strategy='kmeans' must be one of 'quantile', 'uniform'"),
        (metrics.prediction_bias, {"sample_weight": [1, -1]}, "must not be negative"),
        (metrics.false_positive_rate, {"zero_division": 2}, "zero_division=2"),
    ],
)
def test_our_own_options(function, options, message):
    with pytest.raises(ValueError, match=message):
        function([0, 1], [0, 1], **options)


def test_objects_bytes_and_sparse_matrices():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(ValueError, match="y_true has 1 among its values"):
        metrics.accuracy_score(np.array(["a", 1], object), ["a", "b"])
    with pytest.raises(ValueError, match="y_pred has nan at index 1: remove it first"):
        metrics.accuracy_score(["a", "b"], np.array(["a", nan], object))
    with pytest.raises(TypeError, match="decode them to strings"):
        metrics.accuracy_score([b"a"], [b"a"])
    with pytest.raises(TypeError, match=r"y_true.toarray\(\)"):
        metrics.accuracy_score(sparse.eye_array(2).tocsr(), np.eye(2))
    with pytest.raises(ValueError, match="y_true is not an array"):
        metrics.accuracy_score([[1], [1, 2]], [0, 1])


@pytest.mark.parametrize(
    ("function", "arguments", "options"),
    [
        (metrics.precision_score, ([0, 1], [0, 0]), {}),
        (metrics.precision_score, ([0, 1], [0, 1]), {"average": "macro", "pos_label": 0}),
        (metrics.classification_report, ([0, 1], [0, 0]), {}),
        (metrics.classification_report, ([0, 1], [0, 1]), {"labels": [0, 1], "target_names": ["a"]}),
        (metrics.balanced_accuracy_score, ([0, 0], [0, 1]), {}),
        (metrics.confusion_matrix, ([0, 0], [0, 0]), {}),
        (metrics.roc_curve, ([0, 0], [0.1, 0.2]), {}),
        (metrics.precision_recall_curve, ([0, 0], [0.1, 0.2]), {}),
        (metrics.roc_auc_score, ([0, 0], [0.1, 0.2]), {}),
        (metrics.roc_auc_score, ([0, 0], [[1, 0], [0, 1]]), {"multi_class": "ovo", "labels": [0, 1]}),
        (metrics.log_loss, ([0, 1], [[0.5, 0.4], [0.1, 0.9]]), {}),
        (metrics.log_loss, ([0, 1], [0.1, 0.9]), {"labels": [1, 0]}),
        (metrics.r2_score, ([1.0], [2.0]), {}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_warnings_point_to_the_line_of_the_caller(function, arguments, options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with contextlib.suppress(ValueError):
            function(*arguments, **options)
    assert {warning.filename for warning in caught} == {__file__}
