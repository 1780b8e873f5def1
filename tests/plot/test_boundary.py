"""The plane is coloured by what the model decides there, for whatever can be a model and whatever can be data."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.models import LinearRegression, LogisticRegression, MLPClassifier, Perceptron, SoftmaxRegression

decision_boundary = tg.plot.decision_boundary


def blobs(classes=2, samples=90):
    rng = np.random.default_rng(0)
    y = np.arange(samples) % classes
    centres = 3 * np.stack([np.cos(2 * np.pi * np.arange(classes) / classes), np.sin(np.arange(classes))], axis=1)
    return centres[y] + rng.normal(size=(samples, 2)), y


def lines(ax):
    """Return the vertices of the line of the decision."""
    paths = [path for c in ax.collections for path in c.get_paths() if not getattr(c, "filled", True)]
    return np.concatenate([path.vertices for path in paths])


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def dots(ax):
    return [np.asarray(c.get_offsets()) for c in ax.collections if type(c).__name__ == "PathCollection"]


def circle(rows):
    return (rows**2).sum(axis=1) - 4


def test_the_line_is_where_the_score_is_zero():
    X, y = blobs()
    ax = decision_boundary(circle, X * 2, y)
    np.testing.assert_allclose(np.hypot(*lines(ax).T), 2, atol=0.02)


def test_the_line_is_where_the_probability_is_one_half_or_the_threshold():
    X, y = blobs()
    model = LogisticRegression().fit(X, y)
    for threshold, ax in ((0.5, decision_boundary(model, X, y)), (0.8, decision_boundary(model, X, y, threshold=0.8))):
        np.testing.assert_allclose(model.predict_proba(lines(ax))[:, 1], threshold, atol=0.01)


def test_all_samples_are_drawn_each_class_with_a_marker_of_its_own():
    X, y = blobs(3)
    ax = decision_boundary(SoftmaxRegression().fit(X, y), X, y, class_names=["ant", "bee", "cat"])
    for k, points in enumerate(dots(ax)):
        np.testing.assert_allclose(points, X[y == k])
    collections = [c for c in ax.collections if type(c).__name__ == "PathCollection"]
    assert len({c.get_paths()[0].vertices.tobytes() for c in collections}) == 3
    assert legend(ax) == ["ant", "bee", "cat"]
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert left < X[:, 0].min() < X[:, 0].max() < right
    assert bottom < X[:, 1].min() < X[:, 1].max() < top


@pytest.mark.parametrize("classes", [2, 3, 5, 12])
def test_regions_of_many_classes_are_those_of_predict(classes):
    X, y = blobs(classes, 240)
    model = SoftmaxRegression(max_iter=300).fit(X, y)
    ax = decision_boundary(model, X, y)
    edge = lines(ax)
    step = np.ptp(X) / 50
    moved = [model.predict(edge + d) for d in ([step, 0], [-step, 0], [0, step], [0, -step])]
    assert np.mean([len(set(around)) > 1 for around in zip(*moved)]) > 0.95


def models():
    X, y = blobs()
    net = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 1))
    yield "module, one score", net
    yield "module, a score for each class", nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    yield "module, probability", nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
    yield "module, probabilities", nn.Sequential(nn.Linear(2, 2), nn.Softmax(1))
    yield "MLP", MLPClassifier((4,), max_iter=2, tol=0, random_state=0).fit(X, y)
    yield "perceptron", Perceptron().fit(X, y)
    yield "least squares", LinearRegression().fit(X, y)
    yield "function of classes", lambda rows: rows.numpy()[:, 0] > 0
    yield "function of Tensors", lambda rows: tg.sigmoid(rows[:, 0] - rows[:, 1])


@pytest.mark.parametrize(("name", "model"), list(models()))
def test_whatever_can_be_a_model(name, model):
    X, y = blobs()
    ax = decision_boundary(model, X, y)
    assert len(dots(ax)) == 2


def test_a_line_of_least_squares_decides_half_way_between_the_labels():
    X, y = blobs()
    for labels in (y, 2 * y - 1, 10 + y):
        model = LinearRegression().fit(X, labels)
        ax = decision_boundary(model, X, labels)
        np.testing.assert_allclose(model.predict(lines(ax)), labels.mean().round(1), atol=1e-6)


def test_a_model_whose_predict_differs_from_its_probabilities_is_drawn_by_predict():
    class Careful:
        classes_ = np.array(["no", "yes"])

        def predict_proba(self, rows):
            p = 1 / (1 + np.exp(-rows[:, 0]))
            return np.stack([1 - p, p], axis=1)

        def predict(self, rows):
            return self.classes_[(self.predict_proba(rows)[:, 1] > 0.9).astype(int)]

    X, y = blobs()
    ax = decision_boundary(Careful(), X * 2, np.array(["no", "yes"])[y])
    np.testing.assert_allclose(lines(ax)[:, 0], np.log(9), atol=0.1)


class Columns(dict):
    """A frame as other libraries than pandas have it: made of a dict, with columns and a shape."""

    def __init__(self, columns):
        super().__init__({name: np.asarray(values) for name, values in columns.items()})
        self.columns, self.shape = list(columns), (len(next(iter(self.values()))), len(columns))


@pytest.mark.parametrize("kind", ["pandas", "another"])
def test_a_frame_names_the_axes_and_is_what_the_model_gets(kind):
    make = Columns if kind == "another" else pytest.importorskip(kind).DataFrame
    X, y = blobs()
    frame = make({"length (cm)": X[:, 0], "width (cm)": X[:, 1], "colour": ["red"] * 89 + ["blue"]})
    seen = []

    class Model:
        def predict(self, rows):
            seen.append(rows)
            return np.asarray(rows["length (cm)"]) > 0

    ax = decision_boundary(Model(), frame, y == 1, features=(0, 1))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("length (cm)", "width (cm)")
    assert type(seen[0]) is type(frame)
    assert set(seen[0]["colour"]) == {"red"}


def test_the_other_features_stand_at_their_means_or_where_one_says():
    X = np.random.default_rng(0).normal(np.array([0, 5, 0, 0]), size=(50, 4))
    seen = []

    def model(rows):
        seen.append(rows.numpy())
        return rows[:, 0] - rows[:, 3]

    ax = decision_boundary(model, X, X[:, 0] > 0, features=(3, 0))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("feature 3", "feature 0")
    np.testing.assert_allclose(seen[-1][:, 1], X[:, 1].mean(), rtol=1e-6)
    decision_boundary(model, X, X[:, 0] > 0, features=(3, 0), at=[9, 8, 7, 6])
    np.testing.assert_array_equal(np.unique(seen[-1][:, 1:3], axis=0), [[8, 7]])


def test_lists_and_tensors_are_data_too():
    X, y = blobs()
    expected = dots(decision_boundary(circle, X, y))
    for data in ((X.tolist(), y.tolist()), (tg.tensor(X), tg.tensor(y)), (X, y[:, None]), (X, y == 1)):
        for a, b in zip(dots(decision_boundary(circle, *data)), expected):
            np.testing.assert_allclose(a, b)


def test_without_classes_only_the_plane_is_drawn():
    ax = decision_boundary(circle, blobs()[0])
    assert not dots(ax)
    assert ax.get_legend() is None


@pytest.mark.parametrize("fails", [False, True])
def test_a_module_is_used_as_after_training_and_gets_its_modes_back(fails):
    modes = []

    class Net(nn.Module):
        def __init__(self):
            self.norm = nn.BatchNorm1d(2)
            self.frozen = nn.Dropout(0.5).eval()

        def forward(self, x):
            modes.append((self.training, self.norm.training))
            if fails:
                raise RuntimeError("no")
            return self.norm(x)

    net = Net()
    before = net.state_dict()
    X, y = blobs()
    if fails:
        with pytest.raises(RuntimeError, match="no"):
            decision_boundary(net, X, y)
    else:
        decision_boundary(net, X, y)
    assert modes[0] == (False, False)
    assert (net.training, net.norm.training, net.frozen.training) == (True, True, False)
    assert "training" not in vars(net)
    assert all(np.array_equal(v, before[k]) for k, v in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


def test_given_axes_are_used_and_no_figure_is_made():
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2)
    assert decision_boundary(circle, *blobs(), ax=right) is right
    assert plt.get_fignums() == [figure.number]
    assert not left.collections


X3 = np.zeros((5, 3))


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_module_of_pytorch_is_a_module_too(outputs):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)  # with other weights the line may lie outside of the picture
    net = torch.nn.Sequential(
        torch.nn.Linear(2, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.5), torch.nn.Linear(4, outputs)
    )
    net[2].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    X, y = blobs(max(outputs, 2))
    ax = decision_boundary(net, X, y)
    assert [m.training for m in net.modules()] == [True, True, True, False, True]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    if outputs == 1:
        with torch.no_grad():
            answer = net.eval()(torch.tensor(lines(ax), dtype=torch.float32))
        np.testing.assert_allclose(answer.numpy(), 0, atol=0.02)


MISTAKES = [
    ("three features", (circle, X3, range(5)), {}, r"X has 3 features: features=\(0, 1\) chooses the two"),
    ("one feature", (circle, X3[:, :1], range(5)), {}, "X has 1 feature, and two are needed"),
    ("a vector", (circle, np.zeros(5), range(5)), {}, r"X has shape \(5,\)"),
    ("images", (circle, np.zeros((5, 8, 8)), range(5)), {}, r"X has shape \(5, 8, 8\): rows of features"),
    ("no rows", (circle, np.zeros((0, 2)), []), {}, "X has no rows"),
    ("lengths", (circle, X3[:, :2], [0, 1]), {}, "X has 5 rows and y has 2"),
    ("one-hot", (circle, X3[:, :2], np.eye(5)), {}, r"y\.argmax\(axis=1\)"),
    ("measurements", (circle, X3[:, :2], np.arange(5) / 2), {}, "y has 0.5, and must hold classes"),
    ("same feature", (circle, X3, range(5)), {"features": (1, 1)}, "two different features"),
    ("no such feature", (circle, X3, range(5)), {"features": ("age", 1)}, "X has no feature 'age'; it has feature 0"),
    ("three chosen", (circle, X3, range(5)), {"features": (0, 1, 2)}, "must be two features"),
    ("at", (circle, X3, range(5)), {"features": (0, 1), "at": [1]}, "at has 1 values, and X has 3 features"),
    ("names", (circle, X3[:, :2], [0, 1, 1, 1, 1]), {"class_names": ["a"]}, "class_names has 1 names for 2 classes"),
    ("one score", (circle, X3[:, :2], range(5)), {}, "one score for each row, and there are 5 classes"),
    ("few scores", (nn.Linear(2, 3), X3[:, :2], range(5)), {}, "3 scores for each row, and there are 5 classes"),
    ("shape", (lambda rows: rows.sum(), X3[:, :2], range(5)), {}, r"the model returns shape \(\) for 40000 rows"),
    ("threshold", (nn.Linear(2, 3), X3[:, :2], [0, 1, 2, 0, 1]), {"threshold": 0.5}, "is for two classes"),
]


@pytest.mark.parametrize(("name", "given", "options", "message"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_what_is_wrong_is_said(name, given, options, message):
    with pytest.raises(ValueError, match=f"decision_boundary: .*{message}"):
        decision_boundary(*given, **options)


def test_a_class_in_the_place_of_an_object_is_said():
    with pytest.raises(TypeError, match=r"model is the class LogisticRegression; an object of it is needed"):
        decision_boundary(LogisticRegression, *blobs())


def test_what_is_no_model_is_said():
    with pytest.raises(TypeError, match="str has none of predict_proba, decision_function and predict"):
        decision_boundary("model", *blobs())
