"""What a subclass makes of a linear model counts in every solver, or the solver refuses it."""

import inspect
import re
import warnings
from functools import wraps

import numpy as np
import pytest
from scipy.optimize import minimize

import tinygrad_ml as tg
from tinygrad_ml import models, nn
from tinygrad_ml.models.stochastic import STOCHASTIC

X = np.random.default_rng(0).normal(size=(300, 3))
LINE = X @ [0.6, -0.9, 0.3] + 0.2
Y = LINE + 0.3 * np.random.default_rng(1).normal(size=300)
CLASS = (LINE + np.random.default_rng(2).logistic(size=300) > 0).astype(int)
COUNT = np.random.default_rng(3).poisson(np.exp(LINE)).astype(float)

LINEAR = [
    cls
    for cls in (getattr(models, name) for name in models.__all__)
    if "build" in dir(cls) and cls.__module__ != "tinygrad_ml.models.base" and hasattr(cls, "coef_")
    if "linear_" in inspect.getsource(cls) or any("linear_" in inspect.getsource(base) for base in cls.__mro__[1:3])
    if not issubclass(cls, models.OneVsRest | models.OneVsOne | models.ClassifierChain | models.BinaryChain)
]  # fmt: skip


def data_of(cls):
    if issubclass(cls, models.Classifier):
        return X, CLASS
    return X, COUNT if issubclass(cls, models.PoissonRegression) else Y


def twice(cls):
    return {"forward": lambda self, x: 2 * cls.forward(self, x)}


def bent(cls):
    return {"forward": lambda self, x: (z := cls.forward(self, x)) + z**3 / 10}


def at_hand(cls):
    return {"forward": lambda self, x: cls.forward(self, x * np.array([1.0, 2.0, 0.5]))}


def pulled(cls):
    def criterion(self, output, target, sample_weight=None):
        return cls.criterion(self, output, target, sample_weight) + 0.1 * ((self.linear_.weight - 1) ** 2).sum()

    return {"criterion": criterion}


def pulled_and_wrapped(cls):
    return {"criterion": wraps(cls.criterion)(pulled(cls)["criterion"])}


def hooked(cls):
    def build(self, *sizes):
        cls.build(self, *sizes)
        self.linear_.register_forward_hook(lambda layer, given, output: 2 * output)
        return self

    return {"build": build}


class Shifted(nn.Linear):
    def forward(self, x):
        return super().forward(x) + 0.5 * (self.weight**2).sum()


def of_another_layer(cls):
    def build(self, *sizes):
        cls.build(self, *sizes)
        start, self.linear_ = self.linear_, Shifted(self.linear_.in_features, 1, self.linear_.bias is not None)
        self.linear_.load_state_dict(start.state_dict())
        return self

    return {"build": build}


CHANGES = [twice, bent, at_hand, pulled, pulled_and_wrapped, hooked, of_another_layer]


def objective(model, X, y):
    """Return what a model is to minimise, of its own methods, as a Tensor."""
    target = y.reshape(-1, 1) if model.kind == "regressor" else y
    l1, l2 = model.penalty_weights(len(y))
    w = model.linear_.weight
    return model.criterion(model(X), target) + l1 * abs(w).sum() + l2 / 2 * (w * w).sum()


def least(model, X, y):
    """Return the least of the objective by SciPy, from the weights of a model and from zero."""
    parameters = list(model.parameters())
    start = np.concatenate([p.numpy().ravel() for p in parameters])
    has_corners = model.penalty_weights(1.0)[0] or isinstance(model, models.LinearSVM)

    def value_and_slope(flat):
        for p in parameters:
            p.data, flat = flat[: p.size].reshape(p.shape), flat[p.size :]
        value = objective(model, X, y)
        slopes = () if has_corners else tg.autograd.grad(value, parameters)
        return value.item(), np.concatenate([slope.numpy().ravel() for slope in slopes] or [start])

    options = {"xatol": 1e-7, "fatol": 1e-10, "maxfev": 2000} if has_corners else {"gtol": 1e-8}
    method = "Nelder-Mead" if has_corners else "BFGS"
    function = (lambda w: value_and_slope(w)[0]) if has_corners else value_and_slope
    found = [
        minimize(function, w, jac=not has_corners or None, method=method, options=options).fun
        for w in (start, np.zeros_like(start))
    ]
    value_and_slope(start)
    return min(found)


RULES = {cls: {name: field.metadata.get("rule") for name, field in cls.__dataclass_fields__.items()} for cls in LINEAR}
CASES = [
    (cls, change, solver)
    for cls in LINEAR
    for change in CHANGES
    for solver in ("auto", *cls.solvers)
    if "solver" not in RULES[cls] or RULES[cls]["solver"].allows(solver)
    if solver not in STOCHASTIC or change in (twice, pulled)
]


@pytest.mark.parametrize(
    ("cls", "change", "solver"),
    CASES,
    ids=[f"{cls.__name__}-{change.__name__}-{solver}" for cls, change, solver in CASES],
)
def test_what_is_redefined_counts_or_is_refused(cls, change, solver):
    own = type(f"Own{cls.__name__}", (cls,), change(cls))
    strength = {"alpha": 0.1} if "alpha" in inspect.signature(cls).parameters else {}
    model = own(solver=solver, random_state=0, **strength) if "solver" in RULES[cls] else own()
    X, y = data_of(cls)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(X, y)
        except ValueError as error:
            reason = str(error)
        else:
            reason = ""
    if reason or "solver" not in RULES[cls]:  # a model without a choice refuses
        assert solver != "auto" or "solver" not in RULES[cls]
        assert re.search(r"does not see the|does not follow from the outputs|penalty=|loss=", reason), reason
        return
    if caught and solver != "auto":
        assert re.search(r"has not converged|learning rate", str(caught[0].message))
        return
    value, best = objective(model, X, y).item(), least(model, X, y)
    at_zero = objective(own().build(3, 1), X, y).item()
    by_steps = solver in STOCHASTIC or cls is models.LinearSVM  # whose hinge has corners
    assert value - best <= (0.1 if by_steps else 1e-8) * (at_zero - best) + 1e-9


@pytest.mark.filterwarnings("ignore:.*has not converged")
@pytest.mark.parametrize("cls", LINEAR)
def test_predictions_are_those_of_the_forward_of_a_subclass(cls):
    X, y = data_of(cls)
    plain = cls(max_iter=1).fit(X, y) if cls is models.Perceptron else cls().fit(X, y)
    own = type("Own", (cls,), {"forward": lambda self, x: cls.forward(self, x) * 0 + np.arange(3.0, 303.0)[:, None]})()
    own.build(3, 1).load_state_dict(plain.state_dict())
    if cls.kind == "classifier":
        own.classes_ = plain.classes_
        np.testing.assert_array_equal(own.predict(X), 1)
        np.testing.assert_array_equal(own.decision_function(X), np.arange(3.0, 303.0))
        assert own.score(X, np.ones(300, int)) == 1
        if hasattr(own, "predict_proba"):
            np.testing.assert_allclose(own.predict_proba(X)[:, 1], 1 / (1 + np.exp(-np.arange(3.0, 303.0))))
    else:
        expected = np.exp(np.arange(3.0, 303.0)) if own.link == "log" else np.arange(3.0, 303.0)
        np.testing.assert_allclose(own.predict(X), expected)
        assert own.score(X, expected) == pytest.approx(1)


@pytest.mark.parametrize("cls", [cls for cls in LINEAR if hasattr(cls, "partial_fit")])
def test_partial_fit_goes_by_the_forward_of_a_subclass_or_refuses(cls):
    X, y = data_of(cls)
    model = type("Own", (cls,), twice(cls))()
    if not hasattr(model, "partial_fit"):
        return
    classes = {"classes": [0, 1]} if cls.kind == "classifier" else {}
    if cls is models.Perceptron:
        with pytest.raises(
            ValueError, match=r"Own: the solver of Perceptron does not see the forward of Own; derive it"
        ):
            model.partial_fit(X, y, **classes)
        return
    for _ in range(60):
        model.partial_fit(X, y, **classes)
    assert objective(model, X, y).item() - least(model, X, y) < 0.02


def test_what_is_set_on_the_object_or_on_the_class_counts(monkeypatch):
    model = models.LinearRegression()
    model.forward = lambda x: 2 * models.LinearRegression.forward(model, x)
    np.testing.assert_allclose(model.fit(X, LINE).coef_, [0.3, -0.45, 0.15], atol=1e-7)
    plain = models.LinearRegression.forward
    monkeypatch.setattr(models.LinearRegression, "forward", lambda self, x: 4 * plain(self, x))
    np.testing.assert_allclose(models.LinearRegression().fit(X, LINE).coef_, [0.15, -0.225, 0.075], atol=1e-7)


def test_a_penalty_of_ones_own_counts():
    class Stronger(models.Ridge):
        def penalty_strength(self, total_weight):
            return 10 * super().penalty_strength(total_weight)

    np.testing.assert_allclose(Stronger(2.0).fit(X, Y).coef_, models.Ridge(20.0).fit(X, Y).coef_, rtol=1e-7)


def test_weights_that_are_not_to_be_trained_stay():
    class FixedBias(models.LinearRegression):
        def build(self, n_features, n_outputs=1):
            super().build(n_features, n_outputs)
            self.linear_.bias.data = np.ones(n_outputs)
            self.linear_.bias.requires_grad = False
            return self

    model = FixedBias(random_state=0).fit(X, Y)
    assert model.intercept_ == 1
    np.testing.assert_allclose(model.coef_, np.linalg.lstsq(X, Y - 1)[0], atol=0.05)


def test_multiclass_and_multilabel_models_go_by_their_forward():
    three = np.digitize(LINE, [-0.5, 0.5])
    plain, own = models.SoftmaxRegression(), type("Own", (models.SoftmaxRegression,), twice(models.SoftmaxRegression))
    np.testing.assert_allclose(
        own(C=0.25).fit(X, three).predict_proba(X), plain.fit(X, three).predict_proba(X), atol=1e-6
    )
    labels = np.column_stack([CLASS, three == 1]).astype(int)
    plain, own = (
        models.LogisticRegression(),
        type("Own", (models.LogisticRegression,), twice(models.LogisticRegression)),
    )
    weight = np.random.default_rng(0).uniform(0.5, 2, size=300)
    np.testing.assert_allclose(
        own(C=0.25).fit(X, labels, weight).predict_proba(X), plain.fit(X, labels, weight).predict_proba(X), atol=1e-6
    )
    with pytest.raises(ValueError, match=r"does not see the forward of Own; candidates are for"):
        type("Own", (models.SoftmaxRegression,), twice(models.SoftmaxRegression))(sampled=2).fit(X, np.arange(300) % 9)


def test_a_criterion_of_several_classifiers_is_that_of_each():
    own = type("Own", (models.OneVsRest,), {"criterion": lambda self, output, target: output.mean()})
    with pytest.raises(ValueError, match=r"does not see the criterion of Own; .* in a subclass of the estimator"):
        own().fit(X, CLASS)


# ---------------------------------------------------------------------- models of one layer


class OneLayer(models.Regressor):
    width = 3

    def build(self, n_features, n_outputs=1):
        self.linear_ = nn.Linear(self.width, n_outputs)
        for p in self.linear_.parameters():
            nn.init.zeros_(p)
        return self


def test_what_the_layer_gets_counts():
    class Doubled(OneLayer):
        def forward(self, x):
            return self.linear_(2 * x)

    np.testing.assert_allclose(Doubled().fit(X, LINE).linear_.weight.numpy(), [[0.3, -0.45, 0.15]], atol=1e-9)


def test_the_layer_may_get_other_features_than_x():
    class Squares(OneLayer):
        width = 6

        def forward(self, x):
            return self.linear_(tg.concatenate([x, x * x], axis=1))

    model = Squares().fit(X, LINE + 2 * X[:, 1] ** 2)
    np.testing.assert_allclose(model.linear_.weight.numpy(), [[0.6, -0.9, 0.3, 0, 2, 0]], atol=1e-9)


def test_a_branch_on_values_counts():
    class Limited(OneLayer):
        def forward(self, x):
            z = self.linear_(x)
            return z if abs(z.numpy()).max() < 1 else tg.clip(z, -1, 1)

    model = Limited().fit(X, np.clip(LINE, -1, 1))
    np.testing.assert_allclose(model.linear_.weight.numpy(), [[0.6, -0.9, 0.3]], atol=1e-5)


def test_noise_on_what_the_layer_gets_is_not_taken_for_features():
    class Noisy(OneLayer):
        def forward(self, x):
            return self.linear_(x + tg.random.default_generator().normal(size=x.shape) * self.training)

    tg.manual_seed(0)
    model = Noisy().fit(X, LINE)  # noise of the variance 1 is a ridge
    expected = np.linalg.solve(np.cov(X.T, bias=True) + np.eye(3), np.cov(X.T, LINE, bias=True)[:3, 3])
    np.testing.assert_allclose(model.linear_.weight.numpy()[0], expected, atol=0.05)


def test_the_solver_for_l1_is_for_one_layer():
    class Two(OneLayer):
        solver = "proximal"

        def build(self, n_features, n_outputs=1):
            self.first_ = nn.Linear(n_features, 3)
            return super().build(n_features, n_outputs)

        def forward(self, x):
            return self.linear_(self.first_(x))

    with pytest.raises(ValueError, match=r"Two: the solver 'proximal' is for models whose weights are those of one nn"):
        Two().fit(X, LINE)


def test_a_lasso_with_a_ridge_in_its_criterion_is_the_elastic_net():
    class Both(models.Lasso):
        def criterion(self, output, target, sample_weight=None):
            return super().criterion(output, target, sample_weight) + 0.1 * (self.linear_.weight**2).sum()

    wide = np.random.default_rng(4).normal(size=(200, 12))
    y = wide[:, :3] @ [1.0, -2.0, 0.5] + 0.1 * np.random.default_rng(5).normal(size=200)
    model, net = Both(0.05).fit(wide, y), models.ElasticNet(0.15, l1_ratio=1 / 3).fit(wide, y)
    np.testing.assert_allclose(model.coef_, net.coef_, atol=1e-6)
    np.testing.assert_array_equal(model.coef_ == 0, net.coef_ == 0)
    assert model.history_.stopped == "the proximal gradient method has converged."
