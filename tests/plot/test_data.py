"""Curves, scores, residuals and images show the numbers that they are given."""

import builtins
import subprocess
import sys

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.models import MLPClassifier
from tinygrad_ml.train import History

learning_curve, scores, residuals, images = (
    tg.plot.learning_curve,
    tg.plot.scores,
    tg.plot.residuals,
    tg.plot.images,
)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def ydata(ax):
    return [np.asarray(line.get_ydata()) for line in ax.lines]


# ---------------------------------------------------------------------- learning curves

LOSS, VALIDATION = [2.0, 1.0, 0.5, 0.4], [2.1, 1.2, 0.8, 0.9]


def history():
    made = History()
    made.extend(loss=LOSS, validation_loss=VALIDATION, accuracy=[0.1, 0.5, 0.7, 0.8])
    return made


@pytest.mark.parametrize("kind", ["History", "dict", "rows", "frame", "Keras", "estimator", "Tensors"])
def test_a_history_of_any_kind_is_drawn(kind):
    class Fitted:
        history_ = history()

    class Keras:
        def __init__(self):
            self.history = {"loss": LOSS, "val_loss": VALIDATION}

    given = {
        "History": history,
        "dict": lambda: {"loss": LOSS, "validation_loss": VALIDATION},
        "rows": lambda: [{"loss": a, "validation_loss": b} for a, b in zip(LOSS, VALIDATION)],
        "frame": lambda: pytest.importorskip("pandas").DataFrame(dict(history())),
        "Keras": Keras,
        "estimator": Fitted,
        "Tensors": lambda: {"loss": [tg.tensor(x) for x in LOSS], "validation_loss": tg.tensor(VALIDATION)},
    }[kind]()
    ax = learning_curve(given)
    for drawn, expected in zip(ydata(ax), (LOSS, VALIDATION, 0.8)):
        np.testing.assert_allclose(drawn, expected)
    assert legend(ax) == ["training", "validation", "best: 0.8 in epoch 3"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    assert ax.lines[0].get_linestyle() != ax.lines[1].get_linestyle()


def test_another_column_and_the_largest_as_the_best():
    ax = learning_curve(history(), column="accuracy")
    assert (len(ax.lines), ax.get_ylabel(), ax.get_legend()) == (1, "accuracy", None)
    ax = learning_curve({"accuracy": [0.1, 0.9], "validation_accuracy": [0.6, 0.3]}, column="accuracy", mode="max")
    assert legend(ax)[-1] == "best: 0.6 in epoch 1"


@pytest.mark.parametrize("at_once", [False, True])
def test_runs_are_compared_in_one_picture(at_once):
    if at_once:
        ax = learning_curve({"softmax": history(), "MLP": history()})
    else:
        ax = learning_curve(history(), label="softmax")
        assert learning_curve(history(), label="MLP", ax=ax) is ax
    parts = ("training", "validation, best: 0.8 in epoch 3")
    assert legend(ax) == [f"{run}, {part}" for run in ("softmax", "MLP") for part in parts]
    assert len({line.get_color() for line in ax.lines}) == 2
    assert len({line.get_marker() for line in ax.lines if line.get_linestyle() == "None"}) == 2


def test_losses_of_steps_single_epochs_and_gaps():
    ax = learning_curve([3.0, 2.0, 1.0])
    assert (ax.get_xlabel(), ax.get_legend()) == ("step", None)
    (line,) = learning_curve({"loss": [1.0]}).lines
    assert line.get_marker() == "o"
    ax = learning_curve({"loss": [1.0, 0.001], "validation_loss": [np.nan, np.nan]})
    assert ax.get_yscale() == "log"
    assert not learning_curve(History()).lines


def test_what_each_step_measured_stands_behind_the_epochs():
    made = history()
    made.steps, made.ends, made.unit = {"loss": [2.5, 1.5, 1.2, 0.8, 0.6, 0.4, 0.5, 0.3]}, [2, 4, 6, 8], "period"
    noise, training, *_ = learning_curve(made, steps=True).lines
    np.testing.assert_array_equal(noise.get_data(), [range(1, 9), made.steps["loss"]])
    np.testing.assert_array_equal(training.get_data(), [made.ends, LOSS])
    assert legend(learning_curve(made))[-1] == "best: 0.8 in period 3"
    with pytest.raises(ValueError, match="of 'loss' the history has none"):
        learning_curve(history(), steps=True)


def test_a_fitted_model_of_the_course():
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = MLPClassifier((4,), max_iter=3, tol=0, random_state=0).fit(X, X[:, 0] > 0)
    np.testing.assert_allclose(ydata(learning_curve(model))[0], model.history_["loss"])


# ---------------------------------------------------------------------- scores


def two_classes(apart, rare=0.5, n=1000):
    rng = np.random.default_rng(0)
    y = rng.random(n) < rare
    return y, apart * y + rng.normal(size=n)


@pytest.mark.parametrize(("apart", "rare"), [(10, 0.5), (1, 0.5), (2, 0.02)], ids=["apart", "mixed", "rare"])
def test_the_threshold_has_the_rates_of_the_metrics(apart, rare):
    y, score = two_classes(apart, rare)
    ax = scores(y, score, 0.5)
    recall = 100 * tg.metrics.recall_score(y, score >= 0.5)
    alarms = 100 * tg.metrics.false_positive_rate(y, score >= 0.5)
    assert legend(ax)[-1] == f"≥ 0.5: recall {recall:.3g} %, false positives {alarms:.3g} %"
    assert ax.lines[-1].get_xdata()[0] == 0.5
    for patch, mine in zip(ax.patches, (~y, y)):
        counts, edges, _ = patch.get_data()
        np.testing.assert_allclose(counts, 100 * np.histogram(score[mine], edges)[0] / mine.sum())
        assert patch.get_hatch()
    assert ax.patches[0].get_hatch() != ax.patches[1].get_hatch()
    assert ax.get_ylabel() == "% of the class"
    assert ("of all" in legend(ax)[1]) == (rare < 0.1)


def test_a_rare_class_has_a_line_for_each_sample():
    y, score = two_classes(2, 0.02)
    (marks,) = scores(y, score).lines
    np.testing.assert_array_equal(np.sort(marks.get_xdata()), np.sort(score[y]))


def test_forms_of_classes_and_scores():
    y, score = two_classes(2)
    p = 1 / (1 + np.exp(-score))
    expected = [patch.get_data()[0] for patch in scores(y, p).patches]
    words = np.where(y, "spam", "ham")
    for ax in (
        scores(y, np.stack([1 - p, p], axis=1)),
        scores(tg.tensor(y), tg.tensor(p)),
        scores(words, p[:, None]),
        scores((2 * y - 1).tolist(), p.tolist()),
        scores(words, p, pos_label="spam"),
    ):
        for patch, values in zip(ax.patches, expected):
            np.testing.assert_allclose(patch.get_data()[0], values)
    assert legend(scores(words, p, class_names=["no", "yes"]))[0].startswith("no: n = ")
    many = np.where(y, "spam", np.where(score > 0, "news", "mail"))
    assert legend(scores(many, p, pos_label="spam"))[0].startswith("the rest: n = ")


def test_equal_scores_and_several_thresholds():
    ax = scores([0, 1], [2.0, 2.0], threshold=[1.0, 2.0, 3.0])
    assert len({line.get_linestyle() for line in ax.lines[-3:]}) == 3


# ---------------------------------------------------------------------- residuals


def test_residuals_are_what_is_missing_with_their_mean_at_zero():
    rng = np.random.default_rng(0)
    predicted = rng.normal(size=500)
    y = predicted + 0.1 * rng.normal(size=500)
    ax = residuals(y, predicted, unit="km")
    points = np.asarray(ax.collections[0].get_offsets())
    np.testing.assert_allclose(points, np.stack([predicted, y - predicted], axis=1))
    assert ax.get_ylabel() == "residual, true − predicted (km)"
    mean = next(line for line in ax.lines if line.get_label() == "mean of neighbours")
    assert np.average(mean.get_ydata()) == pytest.approx((y - predicted).mean(), abs=1e-3)
    (side,) = ax.child_axes
    counts, edges, _ = side.patches[0].get_data()
    np.testing.assert_array_equal(counts, np.histogram(y - predicted, edges)[0])
    assert side.get_ylim() == ax.get_ylim()


def test_residuals_of_columns_few_samples_and_perfect_predictions():
    pandas = pytest.importorskip("pandas")
    ax = residuals(pandas.Series([1.0, 2.0], name="price ($)"), tg.tensor([[1.0], [2.5]]))
    assert ax.get_xlabel() == "predicted price ($)"
    assert residuals([1, 2, 3], [1, 2, 3]).child_axes


# ---------------------------------------------------------------------- images


def pixels(*shape):
    return np.random.default_rng(0).random(shape)


FORMS = [
    ("stack", pixels(5, 8, 8), 5, (8, 8)),
    ("one channel first", pixels(5, 1, 8, 6), 5, (8, 6)),
    ("one channel last", pixels(5, 8, 6, 1), 5, (8, 6)),
    ("colours first", pixels(5, 3, 8, 6), 5, (8, 6, 3)),
    ("colours last", pixels(5, 8, 6, 3), 5, (8, 6, 3)),
    ("one image", pixels(9, 7), 1, (9, 7)),
    ("one image of colours", pixels(8, 6, 3), 1, (8, 6, 3)),
    ("rows of pixels", pixels(5, 64), 5, (8, 8)),
    ("one row of pixels", pixels(64), 1, (8, 8)),
    ("truth values", pixels(2, 4, 4) > 0.5, 2, (4, 4)),
    ("bytes", (pixels(2, 4, 4, 3) * 255).astype(np.uint8), 2, (4, 4, 3)),
    ("Tensor", tg.tensor(pixels(2, 4, 4)), 2, (4, 4)),
    ("list", pixels(2, 4, 4).tolist(), 2, (4, 4)),
]


@pytest.mark.parametrize(("name", "X", "count", "shape"), FORMS, ids=[f[0] for f in FORMS])
def test_images_of_any_form(name, X, count, shape):
    axes = images(X)
    assert len(axes) == count
    assert {ax.images[0].get_array().shape for ax in axes} == {shape}


def test_images_have_their_titles_one_scale_and_a_limit():
    X = pixels(6, 4, 4)
    axes = images(X, titles=np.arange(6), columns=3)
    assert [ax.get_title() for ax in axes] == list("012345")
    for ax, image in zip(axes, X):
        np.testing.assert_array_equal(ax.images[0].get_array(), image)
    assert {ax.images[0].norm.vmax for ax in axes} == {X.max()}
    axes = images(X, titles=list("abcdef"), limit=2)
    assert (len(axes), axes[0].figure.get_suptitle()) == (2, "the first 2 of 6")


def test_images_of_constant_or_missing_pixels_and_of_one_shape():
    assert len(images(np.zeros((2, 3, 3)))) == 2
    assert len(images(np.full((2, 3, 3), np.nan))) == 2
    assert images(pixels(5, 12), shape=(3, 4))[0].images[0].get_array().shape == (3, 4)


# ---------------------------------------------------------------------- all of them


def test_given_axes_are_used_and_no_figure_is_made():
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 3)
    assert learning_curve(LOSS, ax=panels[0]) is panels[0]
    assert scores([0, 1], [0.1, 0.9], ax=panels[1]) is panels[1]
    assert residuals([1, 2], [1, 1], ax=panels[2]) is panels[2]
    assert plt.get_fignums() == [figure.number]


def test_every_function_is_completed_and_the_package_loads_none_of_it_before():
    assert "plot" in dir(tg)
    assert set(tg.plot.__all__) <= set(dir(tg.plot))
    program = (
        "import sys, tinygrad_ml\nassert not [m for m in sys.modules if 'matplotlib' in m or 'tinygrad_ml.plot' in m]\n"
        "tinygrad_ml.plot\nassert not [m for m in sys.modules if 'matplotlib' in m]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


CALLS = {
    "decision_boundary": lambda: tg.plot.decision_boundary(lambda x: x[:, 0], np.eye(2), [0, 1]),
    "loss_surface": lambda: tg.plot.loss_surface(lambda w, b: w, (0, 1), (0, 1), points=2),
    "filters": lambda: tg.plot.filters(np.zeros((1, 2, 2))),
    "activations": lambda: tg.plot.activations(nn.ReLU(), np.zeros((1, 1))),
    "weights": lambda: tg.plot.weights(nn.Linear(1, 1)),
    "learning_curve": lambda: learning_curve([1.0]),
    "scores": lambda: scores([0, 1], [0.1, 0.9]),
    "residuals": lambda: residuals([1], [1]),
    "images": lambda: images(np.zeros((1, 2, 2))),
}


@pytest.mark.parametrize("name", tg.plot.__all__)
def test_without_matplotlib_one_line_says_what_to_install(name, monkeypatch):
    real = builtins.__import__

    def missing(module, *rest):
        if module.startswith("matplotlib"):
            raise ImportError(module)
        return real(module, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=rf"^{name} draws with matplotlib: pip install matplotlib$"):
        CALLS[name]()


MISTAKES = [
    ("column", lambda: learning_curve(history(), column="f1"), KeyError, "no column 'f1'; it has loss, validation"),
    ("no history", lambda: learning_curve("loss"), TypeError, "history must be a History, a dict of columns"),
    ("mode", lambda: learning_curve(LOSS, mode="best"), ValueError, "mode must be 'min' or 'max'"),
    ("axes", lambda: learning_curve(LOSS, ax=[1]), TypeError, "ax must be one matplotlib Axes, not list"),
    ("three classes", lambda: scores([0, 1, 2], [1, 2, 3]), ValueError, "y has 3 classes, and two are needed; pos_"),
    ("one class", lambda: scores([1, 1], [1, 2]), ValueError, "y has 1 classes, and two are needed"),
    ("lengths", lambda: scores([0, 1], [1, 2, 3]), ValueError, "y has 2 samples and score has 3"),
    ("columns", lambda: scores([0, 1], np.ones((2, 3))), ValueError, r"score has 3 columns; .* scores\(y == label"),
    ("label", lambda: scores([0, 1], [1, 2], pos_label="x"), ValueError, "pos_label='x' is not in y, which has 0, 1"),
    ("threshold", lambda: scores([0, 1], [1, 2], "x"), ValueError, "threshold='x' must be a number"),
    ("no score", lambda: scores([0, 1], [np.nan, np.nan]), ValueError, "no score is finite"),
    ("words", lambda: residuals(["a"], [1]), TypeError, "y must hold real numbers"),
    ("residual lengths", lambda: residuals([1, 2], [1]), ValueError, "y has 2 samples and predicted has 1"),
    ("matrix", lambda: residuals(np.ones((2, 2)), [1, 2]), ValueError, r"y has shape \(2, 2\)"),
    ("pixels", lambda: images(pixels(5)), ValueError, r"shape=\(height, width\)"),
    ("shape", lambda: images(pixels(5, 12), shape=(3, 3)), ValueError, r"shape=\(3, 3\) does not fit X"),
    ("channels", lambda: images(pixels(2, 7, 4, 4)), ValueError, r"use images\(X\[0\]\)"),
    ("titles", lambda: images(pixels(2, 4, 4), titles="a"), ValueError, "titles has 1 entries for 2 panels"),
    ("nothing", lambda: images(np.zeros((0, 4, 4))), ValueError, "has no images"),
]


@pytest.mark.parametrize(("name", "call", "error", "message"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_what_is_wrong_is_said(name, call, error, message):
    with pytest.raises(error, match=message):
        call()
