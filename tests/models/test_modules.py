"""A model is a module: its weights can be saved, trained by hand, and put into another module; and its text."""

from html.parser import HTMLParser

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.models.cases import BINARY, CERTAIN, CLASSES, NUMBERS, RANDOM, X, fitted, outputs, target_for
from tinygrad_ml import nn, optim
from tinygrad_ml.models import (
    ConvNet,
    LinearRegression,
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    OneVsRest,
    Perceptron,
    PolynomialRegression,
    SoftmaxRegression,
)
from tinygrad_ml.models.estimator import clone

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")  # so few passes are quick

all_models = pytest.mark.parametrize("model", RANDOM + CERTAIN, ids=repr)


def built_like(model):
    """A model of the same kind that was never fitted."""
    other = clone(model).build(4, 3 if model.kind == "classifier" and model.multi_class else 1)
    return other.double()


# ---------------------------------------------------------------------- weights


@all_models
def test_weights_go_into_a_model_that_was_only_built(model):
    model = fitted(model)
    other = built_like(model)
    other.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(outputs(other), outputs(model))
    np.testing.assert_array_equal(other.predict(X), model.predict(X))
    if hasattr(model, "coef_"):
        np.testing.assert_array_equal(other.coef_, model.coef_)
        np.testing.assert_array_equal(other.intercept_, model.intercept_)


@all_models
@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_weights_go_through_a_file(model, ending, tmp_path):
    if ending == "safetensors":
        pytest.importorskip("safetensors")
    model = fitted(model)
    file = tg.save(model, tmp_path / f"model.{ending}")
    other = built_like(model)
    other.load_state_dict(tg.load(file))
    np.testing.assert_array_equal(outputs(other), outputs(model))


def test_a_regression_of_several_outputs_that_was_only_built():
    Y = np.column_stack([NUMBERS, -NUMBERS])
    for model in (LinearRegression(), PolynomialRegression(), MLPRegressor((4,), max_iter=2)):
        model.fit(X, Y)
        other = clone(model).build(4, 2).double()
        other.load_state_dict(model.state_dict())
        np.testing.assert_array_equal(other.predict(X), model.predict(X))
        if not isinstance(model, MLPRegressor):
            np.testing.assert_array_equal(other.coef_, model.coef_)
            assert other.intercept_.shape == (2,)


def test_weights_have_pytorchs_names_and_shapes(torch):
    model = MLPClassifier((8, 5), dropout=0.2, batch_norm=True, max_iter=3, random_state=0).fit(X, CLASSES)
    Linear, Norm = torch.nn.Linear, torch.nn.BatchNorm1d
    relu, dropout = torch.nn.ReLU(), torch.nn.Dropout(0.2)
    hidden = [Linear(4, 8, bias=False), Norm(8), relu, dropout, Linear(8, 5, bias=False), Norm(5), relu, dropout]
    peer = torch.nn.Sequential(*hidden, Linear(5, 3)).double().eval()
    state = {name.removeprefix("layers_."): torch.tensor(value) for name, value in model.state_dict().items()}
    peer.load_state_dict(state)
    theirs = peer(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(model.decision_function(X), theirs, rtol=1e-9, atol=1e-12)


def test_learning_goes_on_from_weights_that_were_loaded():
    model = LinearRegression(solver="sgd", learning_rate=1e-6, warm_start=True)
    for learn in (model.partial_fit, model.fit):
        model.build(4).double().load_state_dict({"linear_.weight": [[1.0, 2.0, 0.0, -1.0]], "linear_.bias": [0.0]})
        learn(X, NUMBERS)
        np.testing.assert_allclose(model.coef_, [1, 2, 0, -1], atol=0.01)
    exact = PolynomialRegression(2).fit(X, NUMBERS)
    model = PolynomialRegression(2, solver="sgd", learning_rate=1e-6).build(4).double()
    model.load_state_dict(exact.state_dict())
    np.testing.assert_allclose(model.partial_fit(X[:20], NUMBERS[:20]).coef_, exact.coef_, atol=1e-4)


# ---------------------------------------------------------------------- by hand


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (LinearRegression(), NUMBERS),
        (PolynomialRegression(), NUMBERS),
        (MLPRegressor((8,)), NUMBERS),
        (LogisticRegression(), BINARY),
        (Perceptron(), BINARY),
        (SoftmaxRegression(), CLASSES),
        (OneVsRest(), CLASSES),
        (MLPClassifier((8,), batch_norm=True, dropout=0.1), CLASSES),
        (ConvNet((2,), hidden_layer_sizes=(8,)), CLASSES),
    ],
    ids=lambda value: repr(value) if isinstance(value, nn.Module) else "",
)
def test_a_built_model_can_be_trained_by_a_loop_of_ones_own(model, y):
    tg.manual_seed(0)
    model = clone(model).build(4, 3 if y is CLASSES else 1)
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    x, target = tg.tensor(X.astype(np.float32)), y.astype(np.float32) if y is NUMBERS else y
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = model.criterion(model(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0] or losses[-1] < 0.05
    assert model.training  # and predict does not change that
    assert model.score(X, y) > 0.8
    assert model.training
    if model.kind == "classifier":
        assert set(model.predict(X)) <= set(y)


def test_models_are_trained_by_the_librarys_loop():
    model = MLPClassifier((8,), dropout=0.5).build(4, 3).double().eval()
    tg.train.fit(model, model.criterion, optim.Adam(model.parameters(), lr=0.02), (X, CLASSES), epochs=40, seed=0)
    assert not any(module.training for module in model.modules())
    assert model.score(X, CLASSES) > 0.7


def test_using_a_model_leaves_a_frozen_part_frozen():
    model = MLPClassifier((4,), batch_norm=True).build(4, 3).train()
    model.layers_[1].eval()
    before = [module.training for module in model.modules()]
    model.predict(X)
    assert [module.training for module in model.modules()] == before
    assert before.count(False) == 1


def test_a_model_inside_another_module():
    inner = LogisticRegression(fit_intercept=False).fit(X, BINARY)
    module = nn.Sequential(nn.Linear(3, 4), inner)
    names = [name for name, _ in module.named_parameters()]
    assert names == ["0.weight", "0.bias", "1.linear_.weight"]
    assert module.double()(tg.tensor(X[:, :3])).shape == (60, 1)
    module.train()
    assert inner.training
    module.eval()
    assert not inner.training
    assert "linear_.weight" in str(tg.graph.trace(module, X[:, :3]))


def test_the_pattern_of_one_vs_rest_is_no_part_of_it():
    pattern = MLPClassifier((3,), max_iter=2).fit(X, BINARY)
    before = pattern.state_dict()
    model = OneVsRest(pattern).fit(X, CLASSES)
    assert len(model.estimators_) == 3
    assert not any(name.startswith("estimator.") for name in model.state_dict())
    for name, value in pattern.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert len(OneVsRest(pattern).fit(X, BINARY).estimators_) == 1


# ---------------------------------------------------------------------- as text


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (LinearRegression(), "LinearRegression()"),
        (LogisticRegression(C=0.5, penalty=None), "LogisticRegression(penalty=None, C=0.5)"),
        (PolynomialRegression(3), "PolynomialRegression(degree=3)"),
        (MLPClassifier((3, 2), "tanh"), "MLPClassifier(hidden_layer_sizes=(3, 2), activation='tanh')"),
        (OneVsRest(Perceptron(max_iter=5)), "OneVsRest(estimator=Perceptron(max_iter=5))"),
        (LinearRegression(alpha=np.float64(2.0)), "LinearRegression(alpha=np.float64(2.0))"),
        (MLPRegressor(np.array([3, 2])), "MLPRegressor(hidden_layer_sizes=array([3, 2]))"),
    ],
)
def test_the_repr_is_what_one_types(model, text):
    assert repr(model) == str(model) == text
    assert repr(eval(text, {**globals(), "array": np.array})) == text
    assert repr(clone(model).fit(X, target_for(model) if model.multi_class or model.multi_output else BINARY)) == text


class Page(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.open, self.text = [], ""
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@all_models
def test_the_html_for_notebooks(model):
    page = Page(clone(model)._repr_html_())
    assert f"{type(model).__name__} (not fitted)" in page.text
    page = Page(fitted(model)._repr_html_())
    count = sum(p.size for p in fitted(model).parameters())
    assert f"(fitted, {count:,} weights)" in page.text
    for name in model.get_params(deep=False):
        assert name in page.text


def test_the_html_escapes_what_people_write():
    model = MLPClassifier(activation="<script>alert('&')</script>", random_state=None)
    page = model._repr_html_()
    assert "<script" not in page
    assert "<script>alert('&')</script>" in Page(page).text
