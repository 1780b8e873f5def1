"""Filters, activations and weights are those of the model, which stays as it was."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.models import ConvNet, LinearRegression, LogisticRegression, SoftmaxRegression

filters, activations, weights = tg.plot.filters, tg.plot.activations, tg.plot.weights


def shown(ax):
    return np.ma.filled(ax.images[0].get_array(), np.nan)


def titles(axes):
    return [ax.get_title() for ax in axes]


# ---------------------------------------------------------------------- filters


def test_each_filter_is_an_image_and_all_have_one_scale_around_zero():
    layer = nn.Conv2d(1, 6, 3)
    axes = filters(layer)
    assert (axes.shape, titles(axes)) == ((6,), list("012345"))
    top = abs(layer.weight.numpy()).max()
    for ax, kernel in zip(axes, layer.weight.numpy()[:, 0]):
        np.testing.assert_array_equal(shown(ax), kernel)
        assert (ax.images[0].norm.vmin, ax.images[0].norm.vmax) == pytest.approx((-top, top))
    assert [ax.get_ylabel() for ax in axes[0].figure.axes[6:]] == ["weight"]  # the colorbar


def test_a_few_channels_are_beside_one_another_and_many_are_averaged():
    few, many = nn.Conv2d(3, 4, 5), nn.Conv2d(32, 4, 5)
    axes = filters(few)
    assert len(axes) == 12
    np.testing.assert_array_equal(shown(axes[5]), few.weight.numpy()[1, 2])
    axes = filters(many)
    np.testing.assert_allclose(shown(axes[2]), many.weight.numpy()[2].mean(axis=0), rtol=1e-6)
    assert axes[0].figure.get_suptitle() == "mean of 32 channels"
    assert len(filters(many, channels=True, limit=10)) == 10


def test_filters_of_the_first_convolution_of_a_model_of_time_of_a_linear_layer_and_of_arrays():
    net = nn.Sequential(nn.Linear(4, 4), nn.Conv1d(2, 3, 5))
    np.testing.assert_array_equal(shown(filters(net)[1]), net[1].weight.numpy()[1])
    (ax,) = filters(nn.Sequential(nn.ReLU(), nn.Linear(4, 2)))
    assert shown(ax).shape == (2, 4)
    weight = np.random.default_rng(0).normal(size=(3, 8, 8))
    axes = filters(weight, titles=["a", "b", "c"])
    assert titles(axes) == ["a", "b", "c"]
    np.testing.assert_array_equal(shown(axes[2]), weight[2])
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Conv2d(1, 2, 3)
    np.testing.assert_array_equal(shown(filters(theirs)[0]), theirs.weight.detach().numpy()[0, 0])


def test_more_filters_than_the_limit_are_said():
    axes = filters(nn.Conv2d(1, 70, 3))
    assert len(axes) == 64
    assert axes[0].figure.get_suptitle() == "the first 64 of 70"


@pytest.mark.parametrize("constant", [0.0, 2.0])
def test_equal_weights_are_drawn(constant):
    assert len(filters(np.full((2, 3, 3), constant))) == 2


# ---------------------------------------------------------------------- activations


def convolutional():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))


def test_each_layer_has_a_panel_with_what_it_returns_as_after_training():
    net, x = convolutional(), np.random.default_rng(0).random((5, 1, 8, 8), np.float32)
    net[1].running_mean.data = np.full(4, 0.1, np.float32)
    axes = activations(net, x, sample=2)
    assert titles(axes) == [
        "0: Conv2d 5×4×6×6",
        "1: BatchNorm2d 5×4×6×6",
        "2: ReLU 5×4×6×6",
        "3: Flatten 5×144",
        "4: Linear 5×3",
    ]
    net.eval()
    answer = net[2](net[1](net[0](tg.tensor(x)))).numpy()[2]
    tiles = shown(axes[2])
    np.testing.assert_allclose(tiles[:6, :6], answer[0], rtol=1e-6)
    np.testing.assert_allclose(tiles[7:13, 7:13], answer[3], rtol=1e-6)
    assert np.isnan(tiles[6]).all()
    np.testing.assert_allclose(shown(axes[4]), net(tg.tensor(x)).numpy(), rtol=1e-6)
    assert (axes[4].get_xlabel(), axes[4].get_ylabel()) == ("unit", "sample")


@pytest.mark.parametrize("fails", [False, True])
def test_modes_buffers_hooks_and_gradients_are_left_alone(fails):
    net = convolutional()
    net[1].eval()
    before = net.state_dict()
    x = np.zeros((2, 3, 8, 8) if fails else (2, 1, 8, 8), np.float32)
    if fails:
        with pytest.raises(ValueError, match="Conv2d"):
            activations(net, x)
    else:
        activations(net, x)
    assert [m.training for m in net.modules()] == [True, True, False, True, True, True]
    assert all(np.array_equal(v, before[k]) for k, v in net.state_dict().items())
    assert not any(m._hooks and m._hooks.after for m in net.modules())


def test_layers_are_chosen_by_name_or_by_a_function_and_called_twice_drawn_twice():
    class Twice(nn.Module):
        def __init__(self):
            self.same = nn.Linear(3, 3)
            self.inner = nn.Sequential(nn.Tanh())

        def forward(self, x):
            return self.inner(self.same(self.same(x)))

    x = np.zeros((2, 3))
    assert titles(activations(Twice(), x)) == ["same: Linear 2×3", "same (2): Linear 2×3", "inner.0: Tanh 2×3"]
    assert titles(activations(Twice(), x, layers=["inner"])) == ["inner: Sequential 2×3"]
    assert len(activations(Twice(), x, layers=lambda name, module: isinstance(module, nn.Linear))) == 2
    with pytest.raises(ValueError, match=r"\['outer'\] are no layers; there are same, inner, inner.0"):
        activations(Twice(), x, layers=["outer"])


def test_a_histogram_says_how_many_units_are_off():
    net = nn.Sequential(nn.Linear(1, 4), nn.ReLU())
    net[0].load_state_dict({"weight": np.array([[1.0], [1.0], [1.0], [-1.0]]), "bias": np.zeros(4)})
    axes = activations(net, np.ones((10, 1)), kind="histogram")
    assert axes[1].get_xlabel() == "0.75 ± 0.43, 25% zeros"


def test_sequences_embeddings_and_recurrent_layers_are_drawn():
    net = nn.Sequential(nn.Embedding(10, 4), nn.LSTM(4, 6))
    axes = activations(net, np.array([[1, 2, 3], [4, 5, 6]]))
    assert titles(axes)[0] == "0: Embedding 2×3×4"
    assert titles(axes)[1].startswith("1: LSTM")


def test_a_model_of_the_course_is_a_module_too():
    model = ConvNet(channels=(2,), max_iter=1, tol=0, random_state=0).fit(np.zeros((8, 8, 8)), np.arange(8) % 2)
    assert len(activations(model, np.zeros((3, 1, 8, 8)))) > 3


# ---------------------------------------------------------------------- weights


def test_each_parameter_has_the_distribution_of_its_elements():
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    axes = weights(net)
    assert titles(axes) == ["0.weight 8×4", "0.bias 8", "2.weight 3×8", "2.bias 3"]
    w = net[0].weight.numpy()
    counts, edges, _ = axes[0].patches[0].get_data()
    np.testing.assert_allclose(counts, 100 * np.histogram(w, edges)[0] / w.size)
    assert axes[0].get_xlabel() == f"{w.mean():.2g} ± {w.std():.2g}"
    images = weights(net, kind="image")
    np.testing.assert_array_equal(shown(images[2]), net[2].weight.numpy())


def test_a_linear_model_has_bars_with_the_names_of_the_features_the_largest_at_the_top():
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    X = pandas.DataFrame(rng.normal(size=(50, 3)), columns=["age", "height (cm)", "weight (kg)"])
    model = LinearRegression().fit(X, X @ [1.0, -3.0, 2.0])
    (ax,) = weights(model)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["age", "weight (kg)", "height (cm)"]
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], [1, 2, -3], atol=1e-6)
    (ax,) = weights(LinearRegression().fit(X.to_numpy(), X["age"]), names=["a", "b", "c"])
    assert {t.get_text() for t in ax.get_yticklabels()} == {"a", "b", "c"}


def test_several_classes_are_rows_of_an_image():
    X = np.random.default_rng(0).normal(size=(60, 4))
    y = np.array(["ant", "bee", "cat"])[np.arange(60) % 3]
    model = SoftmaxRegression().fit(X, y)
    (ax,) = weights(model)
    np.testing.assert_array_equal(shown(ax), model.coef_)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["ant", "bee", "cat"]
    (ax,) = weights(LogisticRegression().fit(X, y == "ant"))
    assert ax.get_xlabel() == "weight, for True"


def test_estimators_and_modules_of_others_have_weights_too():
    linear_model = pytest.importorskip("sklearn.linear_model")
    X, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2
    assert len(weights(linear_model.LogisticRegression().fit(X, y))) == 1
    torch = pytest.importorskip("torch")
    assert titles(weights(torch.nn.Linear(2, 3))) == ["weight 3×2", "bias 3"]
    assert titles(activations(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU()), np.ones((4, 2)))) == [
        "0: Linear 4×3",
        "1: ReLU 4×3",
    ]


def test_of_a_pipeline_the_weights_of_its_last_step_have_the_names_of_what_it_gets():
    pandas = pytest.importorskip("pandas")
    pipeline = pytest.importorskip("sklearn.pipeline")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    X = pandas.DataFrame(np.random.default_rng(0).normal(size=(30, 2)), columns=["age", "height"])
    scale = preprocessing.StandardScaler()
    (ax,) = weights(pipeline.make_pipeline(scale, LinearRegression()).fit(X, X["age"]))
    assert {t.get_text() for t in ax.get_yticklabels()} == {"age", "height"}


# ---------------------------------------------------------------------- figures and mistakes


@pytest.mark.parametrize("kind", ["figure", "subfigure"])
def test_panels_go_into_the_figure_that_is_given(kind):
    import matplotlib.pyplot as plt

    figure = plt.figure(layout="constrained")
    target = figure.subfigures(1, 2)[1] if kind == "subfigure" else figure
    for axes in (filters(nn.Conv2d(1, 3, 3), figure=target), weights(nn.Linear(2, 2), figure=target)):
        assert all(ax.figure is target for ax in axes)
    assert plt.get_fignums() == [figure.number]


MISTAKES = [
    ("no weight", lambda: filters(nn.ReLU()), ValueError, "filters: ReLU has no layer with a weight"),
    ("vector", lambda: filters(np.zeros(3)), ValueError, r"filters: layer has shape \(3,\)"),
    ("titles", lambda: filters(np.zeros((2, 3, 3)), titles=["a"]), ValueError, "titles has 1 entries for 2 panels"),
    ("words", lambda: filters([["a"]]), TypeError, "layer must hold real numbers"),
    ("ax", lambda: filters(np.zeros((2, 3, 3)), figure=3), TypeError, "must be a matplotlib Figure or SubFigure"),
    ("no module", lambda: activations(3, np.zeros(2)), TypeError, "model must be a Module, not int"),
    ("kind", lambda: activations(nn.ReLU(), np.zeros(2), kind="bar"), ValueError, "'image' or 'histogram'"),
    ("sample", lambda: activations(nn.Conv2d(1, 1, 1), np.zeros((2, 1, 2, 2)), sample=2), ValueError, "batch of 2"),
    ("not fitted", lambda: weights(LinearRegression()), ValueError, "LinearRegression is not fitted"),
    ("no weights", lambda: weights(nn.ReLU()), ValueError, "ReLU has no parameters"),
    ("neither", lambda: weights(3), TypeError, "must be a Module or an estimator, not int"),
    ("kinds", lambda: weights(nn.Linear(1, 1), kind="pie"), ValueError, "kind must be"),
    (
        "names",
        lambda: weights(LinearRegression().fit(np.eye(3), np.arange(3.0)), names=["a"]),
        ValueError,
        "names has 1 names for 3 features",
    ),
]


@pytest.mark.parametrize(("name", "call", "error", "message"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_what_is_wrong_is_said(name, call, error, message):
    with pytest.raises(error, match=message):
        call()
