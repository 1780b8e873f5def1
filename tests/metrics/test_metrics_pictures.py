"""The pictures show the numbers that the metrics give, and leave other figures alone."""

import builtins

import numpy as np
import pytest

from tinygrad_ml import metrics

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def digits():
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 10, 800)
    return y_true, np.where(rng.random(800) < 0.8, y_true, rng.integers(0, 10, 800))


@pytest.fixture
def scores():
    rng = np.random.default_rng(1)
    y_true = rng.integers(0, 2, 300)
    return y_true, (y_true + rng.normal(size=300)).round(1)


def texts(ax):
    """Return the numbers in the cells, in the shape of the matrix."""
    n = int(np.sqrt(len(ax.texts)))
    return np.array([t.get_text() for t in ax.texts]).reshape(n, n)


def legend(ax):
    return [t.get_text() for t in ax.get_legend().get_texts()]


def test_counts(digits):
    ax = metrics.plot_confusion_matrix(*digits)
    np.testing.assert_array_equal(texts(ax).astype(int), metrics.confusion_matrix(*digits))
    assert [t.get_text() for t in ax.get_yticklabels()] == list("0123456789")


@pytest.mark.parametrize("normalize", ["true", "pred", "all"])
def test_percent(digits, normalize):
    ax = metrics.plot_confusion_matrix(*digits, normalize=normalize)
    expected = 100 * metrics.confusion_matrix(*digits, normalize=normalize)
    np.testing.assert_allclose(texts(ax).astype(float), expected, atol=0.051)
    assert "%" in ax.get_title()


def test_errors_only_have_no_diagonal_and_are_percent_of_the_row(digits):
    ax = metrics.plot_confusion_matrix(*digits, errors_only=True)
    shown, expected = ax.images[0].get_array(), 100 * metrics.confusion_matrix(*digits, normalize="true")
    off = ~np.eye(10, dtype=bool)
    assert (texts(ax).diagonal() == "").all()
    np.testing.assert_allclose(np.ma.filled(shown, np.nan)[off], expected[off])
    assert ax.images[0].norm.vmax == pytest.approx(expected[off].max())


def test_chosen_classes_with_names():
    ax = metrics.plot_confusion_matrix(list("aabbc"), list("abbbc"), labels=["b", "a"], display_labels=["Bee", "Ant"])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["Bee", "Ant"]
    assert texts(ax).tolist() == [["2", "0"], ["1", "1"]]
    with pytest.raises(ValueError, match="display_labels has 1 names for 2 classes"):
        metrics.plot_confusion_matrix([0, 1], [0, 1], display_labels=["one"])


def test_the_numbers_stand_out_from_their_cells(digits):
    ax = metrics.plot_confusion_matrix(*digits)
    image = ax.images[0]
    for text in ax.texts:
        column, row = text.get_position()
        cell = np.array(image.cmap(image.norm(image.get_array()[row, column]))[:3])
        ink = np.array(plt.matplotlib.colors.to_rgb(text.get_color()))
        assert abs((cell - ink) @ [0.2126, 0.7152, 0.0722]) > (0.25 if text.get_text() == "0" else 0.45)


def test_cells_that_are_too_small_for_numbers_get_a_scale_instead():
    y = np.arange(60)
    ax = metrics.plot_confusion_matrix(y, y)
    assert not ax.texts
    assert len(ax.figure.axes) == 2


def test_no_errors_at_all():
    ax = metrics.plot_confusion_matrix([0, 1], [0, 1], errors_only=True)
    ax.figure.canvas.draw()
    assert texts(ax).tolist() == [["", "0"], ["0", ""]]


def test_the_roc_curve_with_thresholds(scores):
    ax = metrics.plot_roc_curve(*scores, thresholds=(0.5, 1.0), name="noise")
    fpr, tpr, _ = metrics.roc_curve(*scores, drop_intermediate=False)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), np.stack([fpr, tpr], axis=1))
    assert legend(ax) == [f"noise: AUC {metrics.roc_auc_score(*scores):.3g}", "guessing", "threshold"]
    dots = {t.get_text(): t.xy for t in ax.texts}
    for threshold in (0.5, 1.0):
        y_pred = scores[1] >= threshold
        rates = metrics.false_positive_rate(scores[0], y_pred), metrics.recall_score(scores[0], y_pred)
        assert dots[f"{threshold:g}"] == pytest.approx(rates)


def test_the_precision_recall_curve_with_thresholds(scores):
    ax = metrics.plot_precision_recall_curve(*scores, thresholds=(0.5, 100.0))
    dots = {t.get_text(): t.xy for t in ax.texts}
    y_pred = scores[1] >= 0.5
    assert dots["0.5"] == pytest.approx(
        (metrics.recall_score(scores[0], y_pred), metrics.precision_score(scores[0], y_pred))
    )
    assert dots["100"] == (0.0, 1.0)  # nothing is positive
    assert legend(ax)[0] == f"AP {metrics.average_precision_score(*scores):.3g}"
    assert legend(ax)[1] == f"guessing: {scores[0].mean():.2g}"


@pytest.mark.parametrize("draw", [metrics.plot_roc_curve, metrics.plot_precision_recall_curve])
def test_several_curves_share_one_line_for_guessing(draw, scores):
    ax = draw(*scores, name="one")
    assert draw(scores[0], -scores[1], name="other", ax=ax) is ax
    names = [text.split(":")[0] for text in legend(ax)]
    assert names == ["one", "other", "guessing"]


@pytest.mark.parametrize("draw", [metrics.plot_roc_curve, metrics.plot_precision_recall_curve])
def test_labels_and_weights_are_passed_on(draw, scores):
    names, weight = np.array(["no", "yes"])[scores[0]], np.arange(300)
    ax = draw(names, scores[1], pos_label="yes", sample_weight=weight)
    score = metrics.roc_auc_score if draw is metrics.plot_roc_curve else metrics.average_precision_score
    assert legend(ax)[0].split()[1] == f"{score(*scores, sample_weight=weight):.3g}"


def test_thresholds_near_one_another_do_not_hide_one_another():
    y = np.repeat([0, 1], 50)
    ax = metrics.plot_roc_curve(y, y * 0.8 + 0.1, thresholds=(0.2, 0.3, 0.4, 0.5))
    ax.figure.canvas.draw()
    boxes = [plt.Text.get_window_extent(t) for t in ax.texts]  # without the line to the dot
    assert len(boxes) == 4
    assert not any(a.y0 < b.y1 - 2 and b.y0 < a.y1 - 2 for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def test_the_bias_of_every_bucket(scores):
    prob = 1 / (1 + np.exp(-scores[1]))
    result = metrics.prediction_bias(scores[0], prob, n_bins=5)
    ax = result.plot()
    points = ax.collections[-1].get_offsets()
    np.testing.assert_allclose(points, np.stack([result.mean_prediction, result.mean_label], axis=1))
    assert f"{result.overall:+.3g}" in ax.get_title()


def test_given_axes_are_used_and_no_other_figure_is_made(digits, scores):
    figure, panels = plt.subplots(1, 4)
    current = plt.figure()
    metrics.plot_confusion_matrix(*digits, ax=panels[0])
    metrics.plot_roc_curve(*scores, ax=panels[1], thresholds=[0.5])
    metrics.plot_precision_recall_curve(*scores, ax=panels[2])
    metrics.prediction_bias(scores[0], scores[0]).plot(panels[3])
    assert plt.get_fignums() == [figure.number, current.number]
    assert not current.axes


def test_without_matplotlib_the_error_says_how_to_install_it(monkeypatch, scores):
    real = builtins.__import__

    def missing(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        metrics.plot_roc_curve(*scores)


# ---------------------------------------------------------------------- a matrix that is there, long names


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
def test_a_matrix_that_is_there_is_drawn_as_that_of_the_labels(digits, normalize):
    matrix = metrics.confusion_matrix(*digits)
    of_matrix = metrics.plot_confusion_matrix(matrix=matrix, normalize=normalize)
    of_labels = metrics.plot_confusion_matrix(*digits, normalize=normalize)
    assert texts(of_matrix).tolist() == texts(of_labels).tolist()
    assert of_matrix.get_title() == of_labels.get_title()


def test_a_matrix_with_names_with_classes_that_never_come_and_with_shares():
    ax = metrics.plot_confusion_matrix(matrix=[[90, 1], [8, 1]], labels=["benign", "malignant"])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["benign", "malignant"]
    assert texts(metrics.plot_confusion_matrix(matrix=[[0, 0], [1, 3]], normalize="true"))[0].tolist() == ["0", "0"]
    assert texts(metrics.plot_confusion_matrix(matrix=[[0.5, 0.25], [0.0, 0.25]]))[0].tolist() == ["0.5", "0.2"]


LONG = ["legitimate transaction", "fraudulent transaction", "under review by a person", "Internationalisation"]


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("width", [None, 3.5, 6])
def test_long_names_are_readable_and_do_not_meet(n, width):
    ax = None if width is None else plt.subplots(figsize=(width, width), layout="constrained")[1]
    ax = metrics.plot_confusion_matrix(matrix=np.eye(n, dtype=int), display_labels=LONG[:n], ax=ax)
    figure = ax.figure
    for _ in range(2):  # the layout settles
        figure.canvas.draw()
    labels = [*ax.get_xticklabels(), *ax.get_yticklabels()]
    assert [t.get_text().replace("\n", " ") for t in labels] == LONG[:n] * 2
    assert min(t.get_fontsize() for t in labels) >= 7
    for side in (ax.get_yticklabels(), ax.get_xticklabels() if ax.get_xticklabels()[0].get_rotation() == 0 else []):
        boxes = [t.get_window_extent() for t in side]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    inside = figure.bbox.padded(2)
    assert all(
        inside.x0 <= b.x0 and b.x1 <= inside.x1 and inside.y0 <= b.y0 for b in map(plt.Text.get_window_extent, labels)
    )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, TypeError, "takes y_true and y_pred, or matrix="),
        ({"matrix": [[1]], "y_true": [0], "y_pred": [0]}, TypeError, "was given both"),
        ({"matrix": [[1, 2]]}, ValueError, r"matrix has shape \(1, 2\): a row and a column for each class"),
        ({"matrix": [[1, -2], [0, 1]]}, ValueError, "must hold counts from 0"),
        ({"matrix": [[1, 2], [3, 4]], "labels": ["a"]}, ValueError, "labels has 1 names for 2 classes"),
        ({"matrix": [[1]], "normalize": "row"}, ValueError, "normalize='row' must be one of"),
    ],
)
def test_what_is_wrong_with_a_matrix_is_said(options, error, message):
    with pytest.raises(error, match=message):
        metrics.plot_confusion_matrix(**options)
