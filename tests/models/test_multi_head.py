"""Several heads of different kinds in one network: classes and numbers, with a loss for each."""

import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.models import MLPClassifier, MLPRegressor, MultiHeadMLP
from tinygrad_ml.testing import gradcheck

random = np.random.default_rng(0)
X = random.normal(size=(240, 3))
ANGLE = np.arctan2(X[:, 1], X[:, 0])
Y = {
    "side": np.where(X[:, 0] > 0, "right", "left"),
    "third": np.array(["a", "b", "c"])[np.digitize(ANGLE, [-1, 1])],
    "distance": 100 + 7 * np.hypot(X[:, 0], X[:, 1]),
}
QUICK = {"learning_rate": 0.01, "max_iter": 60, "tol": 0, "random_state": 0}
HEADS = {"side": "classes", "third": "classes", "distance": "number"}


def new(**options):
    return MultiHeadMLP((24,), **{**QUICK, **options})


@pytest.fixture(scope="module")
def model():
    return new().fit(X, Y)


def test_all_heads_learn(model):
    scores = model.scores(X, Y)
    assert list(scores) == list(Y)
    assert min(scores.values()) > 0.9
    assert model.score(X, Y) == pytest.approx(np.mean(list(scores.values())))
    predicted = model.predict(X)
    for name, column in predicted.items():
        assert column.shape == (240,)
        assert column.dtype.kind == np.asarray(Y[name]).dtype.kind
    assert 100 < predicted["distance"].mean() < 130


def test_probabilities_of_the_heads_for_classes(model):
    chances = model.predict_proba(X)
    assert {name: part.shape for name, part in chances.items()} == {"side": (240, 2), "third": (240, 3)}
    for name, part in chances.items():
        np.testing.assert_allclose(part.sum(axis=1), 1)
        np.testing.assert_array_equal(model.classes_[name][part.argmax(axis=1)], model.predict(X)[name])


def test_one_head_is_an_mlp():
    """Of one head the loss, and so the training, is that of the model for it."""
    weight = random.uniform(0.5, 2, 240)
    for name, alone in (("third", MLPClassifier), ("side", MLPClassifier)):
        one = new(batch_size=None).fit(X, {name: Y[name]}, weight)
        tg.manual_seed(0)
        other = alone((24,), **QUICK, batch_size=None).fit(X, Y[name], weight)
        assert one.history_["loss"][0] == pytest.approx(other.history_["loss"][0], rel=0.5)
        logits = tg.tensor(other.decision_function(X).reshape(240, -1))
        position = np.searchsorted(other.classes_, Y[name])
        expected = other.criterion(logits, position, weight / weight.mean()).item()
        assert one.criterion(logits, position[:, None].astype(float), weight / weight.mean()).item() == pytest.approx(
            expected, rel=1e-12
        )
    standardised = (Y["distance"] - Y["distance"].mean()) / Y["distance"].std()
    one, other = new().fit(X, {"distance": Y["distance"]}), MLPRegressor((24,), **QUICK).fit(X, standardised)
    output = tg.tensor(other.predict(X)[:, None])
    assert one.criterion(output, standardised[:, None]).item() == pytest.approx(
        other.criterion(output, standardised).item(), rel=1e-12
    )


def test_the_loss_is_the_sum_of_those_of_the_heads_times_their_weights(model):
    target = model._encode({name: np.asarray(column) for name, column in Y.items()}, None, np.dtype(float), None)[0]
    output = model(tg.tensor(X))
    whole = model.criterion(output, target).item()
    parts = []
    for name in Y:
        weights = {other: float(other == name) for other in Y}
        twin = pickle.loads(pickle.dumps(model)).set_params(loss_weights=weights)
        parts.append(twin.criterion(output, target).item())
    assert whole == pytest.approx(sum(parts), rel=1e-12)
    twin = pickle.loads(pickle.dumps(model)).set_params(loss_weights={"distance": 0.25})
    assert twin.criterion(output, target).item() == pytest.approx(parts[0] + parts[1] + parts[2] / 4, rel=1e-12)


def test_a_loss_for_each():
    outlier = {**Y, "distance": np.where(np.arange(240) % 20, Y["distance"], 1e4)}
    squared, absolute = (new(losses={"distance": loss}).fit(X, outlier) for loss in ("mse", "mae"))
    good = np.arange(240) % 20 > 0
    errors = [abs(m.predict(X)["distance"] - Y["distance"])[good].mean() for m in (squared, absolute)]
    assert errors[1] < errors[0] / 2
    smooth = tg.nn.CrossEntropyLoss(label_smoothing=0.2, reduction="none")
    pinball = lambda output, target: tg.maximum(9 * (target - output), output - target)
    high = new(losses={"third": smooth, "distance": pinball}).fit(X, Y, np.ones(240))
    assert np.mean(high.predict(X)["distance"] > Y["distance"]) > 0.7
    plain = new().fit(X, Y)
    sure, smoothed = (m.predict_proba(X)["third"].max(axis=1).mean() for m in (plain, high))
    assert smoothed < sure - 0.05


@pytest.mark.parametrize("kind", ["dict", "pandas", "polars", "array"])
def test_y_of_every_form(kind, model):
    heads = HEADS if kind == "array" else None
    y = Y
    if kind == "array":
        y = np.array(list(zip(*Y.values())), object)
    elif kind != "dict":
        y = pytest.importorskip(kind).DataFrame(Y)
    other = new(heads=heads).fit(X, y)
    for name, column in model.predict(X).items():
        np.testing.assert_array_equal(other.predict(X)[name], column)
    assert other.score(X, y) == model.score(X, Y)


def test_whole_numbers_are_what_they_are_said_to_be():
    y = {"digit": np.arange(240) % 3, "count": np.arange(240)}
    with pytest.raises(ValueError, match=r"digit has whole numbers, which may be classes or numbers: give heads="):
        new().fit(X, y)
    model = new(heads={"digit": "classes", "count": "number"}, max_iter=2).fit(X, y)
    assert model.predict(X)["digit"].dtype.kind == "i"
    assert model.predict(X)["count"].dtype.kind == "f"


def test_the_gradient_of_the_loss():
    model = MultiHeadMLP((5,), activation="tanh", heads=HEADS).build(3, {"side": 1, "third": 3, "distance": 1})
    target = np.array([[0.0, 2.0, 0.3], [1.0, 0.0, -1.2], [1.0, 1.0, 0.0]])
    for weight in ((), (np.array([0.5, 1.0, 2.0]),)):
        assert gradcheck(lambda x, weight=weight: model.criterion(model(x), target, *weight), X[:3], params=model)
    assert model.predict(X[:3])["third"].shape == (3,)


def test_it_is_drawn_with_its_heads(model):
    assert "concatenate" in str(tg.draw(model, X[:2]))


def test_cross_validation_and_searches():
    pd = pytest.importorskip("pandas")
    selection = pytest.importorskip("sklearn.model_selection")
    frame = pd.DataFrame(Y)
    assert selection.cross_val_score(new(), X, frame, cv=3).min() > 0.8
    search = selection.GridSearchCV(new(), {"alpha": [1e-4, 100.0]}, cv=2).fit(X, frame)
    assert search.best_params_ == {"alpha": 1e-4}
    names = pd.DataFrame(X, columns=list("abc"))
    fitted = new(max_iter=2).fit(names, frame)
    fitted.predict(names)
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(names.rename(columns={"a": "d"}))


@pytest.mark.filterwarnings("ignore:.*has not converged")
def test_other_ways_to_fit(model):
    other = new(early_stopping=True, warm_start=True).fit(X, Y, validation=(X[:40], {k: v[:40] for k, v in Y.items()}))
    assert len(other.history_["validation_loss"]) == len(other.history_["loss"])
    first = other.history_["loss"][0]
    assert other.fit(X, Y).history_["loss"][0] < first
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X)["distance"], model.predict(X)["distance"])


def test_samples_without_weight_are_as_if_they_were_not_there():
    weight = (np.arange(240) % 3 > 0).astype(float)
    kept = {name: np.asarray(column)[weight > 0] for name, column in Y.items()}
    one, other = new(max_iter=5).fit(X, Y, weight), new(max_iter=5).fit(X[weight > 0], kept)
    np.testing.assert_allclose(one.predict(X)["distance"], other.predict(X)["distance"], rtol=1e-9)


def test_a_network_that_learns_nothing_says_so():
    with pytest.warns(UserWarning, match="the loss has hardly changed"):
        new(tol=1e-4, learning_rate=1e-9, max_iter=100).fit(X, Y)


def test_the_loss_of_constant_outputs(model):
    target = model._encode({name: np.asarray(column) for name, column in Y.items()}, None, np.dtype(float), None)[0]
    shares = [np.bincount(column.astype(int)) / 240 for column in target.T[:2]]
    log_odds = np.log(shares[0][1] / shares[0][0])
    output = np.tile([log_odds, *np.log(shares[1]), target[:, 2].mean()], (240, 1))
    expected = model.criterion(tg.tensor(output), target).item()
    assert model.constant_loss(target, None) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("options", "y", "message"),
    [
        ({}, np.zeros((240, 2)), r"y must be a frame with a column for each head, a dict of arrays .* \(240, 2\)"),
        ({}, np.zeros(240), "y must be a frame"),
        ({}, {}, "y has no columns"),
        ({}, None, "requires y to be passed"),
        ({}, {"a": np.zeros(240), "b": ["x"] * 7}, "X has 240, y 7"),
        ({}, {"a": np.array(["x"] * 240)}, "a has only one class, 'x'; leave it out"),
        ({}, {"a": np.full(240, np.nan)}, "contains NaN"),
        ({"heads": HEADS}, {"side": Y["side"]}, r"y has no column 'third'; it has \['side'\]"),
        ({"heads": {"side": "class"}}, Y, "a dict from the name of each head to 'classes' or 'number'"),
        ({"losses": {"weight": "mse"}}, Y, r"losses has 'weight', but the heads are \['side', 'third', 'distance'\]"),
        ({"losses": {"side": "mse"}}, Y, "the loss 'mse' does not fit 'side', of classes"),
        ({"losses": {"distance": "cross_entropy"}}, Y, "does not fit 'distance', of number"),
        ({"losses": {"distance": "squared"}}, Y, "the loss of 'distance' must be one of"),
        ({"loss_weights": {"distance": -1.0}}, Y, "finite numbers of at least 0"),
        ({"heads": {"distance": "classes"}}, {"distance": Y["distance"]}, "Unknown label type"),
    ],
    ids=lambda value: None,
)
def test_what_cannot_be_used(options, y, message):
    with pytest.raises(ValueError, match=message):
        new(**options).fit(X, y)


def test_labels_that_are_new_are_named(model):
    other = pickle.loads(pickle.dumps(model)).set_params(warm_start=True)
    with pytest.raises(ValueError, match="side has the label 'middle', which is not one of"):
        other.fit(X, {**Y, "side": np.array(["middle"] * 240)})
