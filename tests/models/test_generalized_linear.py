"""Poisson regression, and generalised linear models of a reader's own: the optimum, by the default solver."""

import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.models import LinearRegression, PoissonRegression, Regressor
from tinygrad_ml.models.base import weighted_mean
from tinygrad_ml.models.hyperparameters import Gradient, choice, hyperparameters, not_negative
from tinygrad_ml.models.one_layer import only_layer

peers = pytest.importorskip("sklearn.linear_model")
datasets = pytest.importorskip("sklearn.datasets")

X, y = datasets.load_diabetes(return_X_y=True)
X = X / X.std(axis=0)
WEIGHT = np.random.default_rng(0).choice([0.0, 0.5, 1.0, 3.0], len(y))
YEARS = np.column_stack([X[:, :3], 2000 + 3 * X[:, 3:4], 1e4 * X[:, 4:6]])
weighted = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["", "weighted"])


def newton(X, y, alpha=0.0, weight=None):
    """The optimum of Poisson regression by Newton's method, written down from the formulas; (w, b)."""
    mean, scale = X.mean(axis=0), X.std(axis=0)
    design = np.column_stack([(X - mean) / scale, np.ones(len(X))])
    share = np.full(len(y), 1 / len(y)) if weight is None else weight / weight.sum()
    ridge = np.append(alpha / scale**2, 0)
    t = np.append(np.zeros(X.shape[1]), np.log(share @ y))
    for _ in range(50):
        rate = np.exp(design @ t)
        gradient = design.T @ (share * (rate - y)) + ridge * t
        t -= np.linalg.solve((design.T * (share * rate)) @ design + np.diag(ridge), gradient)
    w = t[:-1] / scale
    return np.append(w, t[-1] - w @ mean)


def learned(model):
    layer = only_layer(model)
    return np.append(layer.weight.numpy(), 0.0 if layer.bias is None else layer.bias.numpy())


# ---------------------------------------------------------------------- Poisson


@weighted
@pytest.mark.parametrize("alpha", [0.0, 1e-3, 1.0])
@pytest.mark.parametrize("data", [X, YEARS], ids=["standard", "years and dollars"])
def test_the_optimum_of_the_formulas(weight, alpha, data):
    model = PoissonRegression(alpha).fit(data, y, weight)
    wanted = newton(data, y, alpha, weight)
    np.testing.assert_allclose([*model.coef_, model.intercept_], wanted, rtol=1e-7, atol=1e-10 * abs(wanted).max())
    assert model.n_iter_ < 30
    assert "has converged" in model.history_.stopped


@weighted
@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"alpha": 0.1}, {"alpha": 1.0, "fit_intercept": False}], ids=str)
def test_scikit_learns_coefficients_predictions_and_scores(options, weight):
    model = PoissonRegression(**options).fit(X, y, weight)
    peer = peers.PoissonRegressor(**options, solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(X, y, weight)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-6, atol=1e-9)
    assert model.intercept_ == pytest.approx(peer.intercept_, rel=1e-8)
    np.testing.assert_allclose(model.predict(X), peer.predict(X), rtol=1e-7)
    assert model.score(X, y) == pytest.approx(peer.score(X, y), rel=1e-8)
    assert model.score(X, y, WEIGHT) == pytest.approx(peer.score(X, y, WEIGHT), rel=1e-8)


def test_the_gradients_of_the_three_models_are_of_one_form():
    """(predicted - y) · x, for identity, logistic and logarithm: why their learning rules look alike."""
    few, counts = X[:8], np.arange(8) % 2
    from tinygrad_ml.models import LogisticRegression

    for model, factor in ((LinearRegression(), 2), (LogisticRegression(), 1), (PoissonRegression(), 1)):
        model.build(10, 1).double()
        predicted = model.predict_proba(few)[:, 1] if model.kind == "classifier" else model.predict(few)
        model.criterion(model(few), counts if model.kind == "classifier" else counts[:, None]).backward()
        wanted = factor * (predicted - counts) @ few / 8
        np.testing.assert_allclose(model.linear_.weight.grad.numpy()[0], wanted, rtol=1e-10)


@pytest.mark.filterwarnings("ignore:.*has not converged")
@pytest.mark.parametrize("solver", ["sgd", "adam", "adagrad"])
def test_gradient_steps_explain_as_much(solver):
    exact = PoissonRegression(1e-3).fit(X, y)
    model = PoissonRegression(1e-3, solver=solver, random_state=0).fit(X, y)
    assert exact.score(X, y) - 0.02 < model.score(X, y) <= exact.score(X, y) + 1e-3


def test_auto_takes_steps_where_they_are_asked_for():
    assert PoissonRegression().fit(X, y).resolve_solver() == "newton"
    for options in ({"learning_rate": 1e-3}, {"optimizer": "adam"}, {"early_stopping": True}, {"batch_size": 16}):
        model = PoissonRegression(max_iter=2, tol=0, **options).fit(X, y)
        assert model.history_.steps["loss"], options
    model = PoissonRegression(random_state=0)
    for _ in range(3):
        model.partial_fit(X, y)
    assert model.n_iter_ == 3


def test_sparse_counts_and_single_precision_and_names():
    sparse = pytest.importorskip("scipy.sparse")
    pandas = pytest.importorskip("pandas")
    exact = PoissonRegression(0.1).fit(X, y)
    np.testing.assert_allclose(PoissonRegression(0.1).fit(sparse.csr_array(X), y).coef_, exact.coef_, rtol=1e-8)
    single = PoissonRegression(0.1).fit(X.astype(np.float32), y)
    assert single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.coef_, exact.coef_, rtol=1e-4, atol=1e-5)
    named = PoissonRegression(0.1).fit(pandas.DataFrame(X, columns=list("abcdefghij")), y)
    assert named.feature_names_in_.tolist() == list("abcdefghij")
    copy = pickle.loads(pickle.dumps(named))
    np.testing.assert_array_equal(copy.coef_, named.coef_)


def test_constant_counts_and_counts_of_zero():
    model = PoissonRegression().fit(X, np.full(len(X), 3.0))
    np.testing.assert_allclose(model.predict(X), 3.0, rtol=1e-7)
    assert model.score(X[:5], np.full(5, 3.0)) == pytest.approx(0.0, abs=1e-6)
    zeros = np.where(np.arange(len(X)) < 5, 1.0, 0.0)
    model = PoissonRegression(0.1).fit(X, zeros)
    assert model.predict(X).mean() == pytest.approx(zeros.mean())


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (-y, "PoissonRegression: y must hold counts, of at least 0; the least is -346"),
        (0 * y, "all counts are zero, so the logarithm of their mean"),
        (np.column_stack([y, y]), "y should be a 1d array"),
    ],
)
def test_what_are_no_counts(target, message):
    with pytest.raises(ValueError, match=message):
        PoissonRegression().fit(X, target)


def test_gradients_and_drawings(gradcheck):
    model = PoissonRegression().fit(X[:20], y[:20])
    assert gradcheck(lambda x: model.criterion(model(x), y[:5]), X[:5], params=model)
    assert gradcheck(lambda x: model.criterion(model(x), y[:5], WEIGHT[:5] + 0.1), X[:5])
    assert "linear_.weight" in str(tg.graph.trace(lambda x: model.criterion(model(x), y[:5]), X[:5]))


# ---------------------------------------------------------------------- fifteen lines of the reader's own


class Line(Regressor):
    def build(self, n_features, n_outputs):
        self.layer_ = nn.Linear(n_features, n_outputs)
        return self

    def forward(self, x):
        return self.layer_(x)


class WithLoss(Line):
    """As somebody writes it who knows of no link."""

    def criterion(self, output, target):
        return nn.PoissonNLLLoss()(output, target)

    def predict(self, X):
        return np.exp(super().predict(X))


class WithExp(Line):
    """With the link inside of forward."""

    def forward(self, x):
        return tg.exp(self.layer_(x))

    def criterion(self, output, target):
        return (output - target * tg.log(output)).mean()


class WithLink(Line):
    link = "log"

    def criterion(self, output, target, sample_weight=None):
        losses = tg.exp(output) - target * output
        return losses.mean() if sample_weight is None else weighted_mean(losses, sample_weight)


@hyperparameters
class Gamma(Gradient, WithLink):
    """Positive numbers whose spread grows with their mean, with a penalty."""

    alpha: float = not_negative(0.01)
    penalty: str | None = choice("l2", None)

    def criterion(self, output, target, sample_weight=None):
        losses = output + target * tg.exp(-output)
        return losses.mean() if sample_weight is None else weighted_mean(losses, sample_weight)


@pytest.mark.parametrize("Model", [WithLoss, WithExp, WithLink])
@pytest.mark.parametrize("data", [X, YEARS], ids=["standard", "years and dollars"])
def test_a_model_of_ones_own_reaches_the_optimum(Model, data):
    tg.manual_seed(0)
    model = Model().fit(data, y)
    wanted = newton(data, y)
    np.testing.assert_allclose(learned(model), wanted, rtol=1e-6, atol=1e-9 * abs(wanted).max())
    np.testing.assert_allclose(model.predict(data), PoissonRegression(0.0).fit(data, y).predict(data), rtol=1e-6)


@weighted
def test_gamma_regression(weight):
    model = Gamma().fit(X, y, weight)
    peer = peers.GammaRegressor(alpha=0.01, solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(X, y, weight)
    np.testing.assert_allclose(learned(model), [*peer.coef_, peer.intercept_], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(model.predict(X), peer.predict(X), rtol=1e-7)


def test_a_regression_of_probabilities():
    class Share(Line):
        link = "logit"

        def criterion(self, output, target, sample_weight=None):
            return nn.BCEWithLogitsLoss()(output, target)

    shares = 1 / (1 + np.exp(-(X @ np.linspace(-1, 1, 10))))
    model = Share().fit(X, shares)
    np.testing.assert_allclose(learned(model)[:-1], np.linspace(-1, 1, 10), atol=1e-6)
    np.testing.assert_allclose(model.predict(X), shares, atol=1e-7)


def test_a_link_of_ones_own():
    class Root(Line):
        def inverse_link(self, output):
            return output**2

    model = Root().fit(X, np.sqrt(y))
    wanted = LinearRegression().fit(X, np.sqrt(y))
    np.testing.assert_allclose(model.predict(X), wanted.predict(X) ** 2, rtol=1e-8)


def test_least_squares_of_ones_own_is_least_squares():
    target = np.column_stack([y, 1e5 * y[::-1]])
    model = Line().fit(YEARS, target)
    wanted = LinearRegression().fit(YEARS, target)
    np.testing.assert_allclose(model.layer_.weight.numpy(), wanted.coef_, rtol=1e-6)
    np.testing.assert_allclose(model.predict(YEARS), wanted.predict(YEARS), rtol=1e-7)


def test_more_than_one_layer_is_trained_by_adam():
    class Two(Line):
        def build(self, n_features, n_outputs):
            self.layer_ = nn.Sequential(nn.Linear(n_features, 3), nn.Tanh(), nn.Linear(3, n_outputs))
            return self

    class Dropped(Line):
        def build(self, n_features, n_outputs):
            self.layer_ = nn.Sequential(nn.Dropout(0.5), nn.Linear(n_features, n_outputs))
            return self

    class Frozen(Line):
        def build(self, n_features, n_outputs):
            super().build(n_features, n_outputs)
            self.layer_.bias.requires_grad_(False)
            return self

    for Model in (Two, Dropped, Frozen):
        model = Model().build(3, 1)
        assert only_layer(model) is None
        assert model.resolve_solver() == "adam"
        Model.solver = "lbfgs"
        with pytest.raises(
            ValueError, match=r"the solver 'lbfgs' is for models whose weights are those of one nn\.Linear"
        ):
            Model().fit(X, y)


@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
def test_both_solvers_reach_the_same_optimum(solver):
    for Model, wanted in ((PoissonRegression, PoissonRegression(0.01).fit(X, y)), (Gamma, Gamma().fit(X, y))):
        model = Model(alpha=0.01)
        model.solver = solver
        model.fit(X, y)
        np.testing.assert_allclose(learned(model), learned(wanted), rtol=1e-6, atol=1e-9)
        name = {"newton": "Newton's method", "lbfgs": "L-BFGS"}[solver]
        assert model.history_.stopped == f"{name} has converged."


def test_newtons_method_is_for_losses_of_single_samples():
    """As minus the log of the partial likelihood of Cox, in which a sample stands beside those that are left."""

    class Cox(Line):
        def build(self, n_features, n_outputs):
            self.layer_ = nn.Linear(n_features, n_outputs, bias=False)
            return self

        def criterion(self, output, target):
            later = (target >= target.T).astype(float)  # (samples, samples): row i is those that are left after j
            return (tg.log(later.T @ tg.exp(output)) - output).mean()

    model = Cox().fit(X, y)
    assert model.history_.stopped == "L-BFGS has converged."
    given = tg.tensor(model.layer_.weight.numpy(), requires_grad=True)
    model.criterion(tg.tensor(X) @ given.T, y[:, None]).backward()
    np.testing.assert_allclose(given.grad.numpy(), 0, atol=1e-7)
    model = Cox()
    model.solver = "newton"
    with pytest.raises(ValueError, match=r"does not follow from the outputs of its nn\.Linear, sample by sample"):
        model.fit(X, y)


def test_a_loss_that_bends_downwards_somewhere():
    """Newton's step leads uphill there, so the default goes on by L-BFGS."""

    class Welsch(Line):
        def criterion(self, output, target):
            return (1 - tg.exp(-((output - target) ** 2) / 2)).mean()

    target = X @ np.linspace(-1, 1, 10) + np.where(np.arange(len(X)) % 10, 0.0, 8.0)
    model = Welsch().fit(X, target)
    np.testing.assert_allclose(learned(model)[:-1], np.linspace(-1, 1, 10), atol=1e-3)


def test_a_loss_with_a_corner_goes_to_adam():
    class Median(Line):
        def criterion(self, output, target):
            return tg.abs(output - target).mean()

    tg.manual_seed(0)
    with pytest.warns(UserWarning, match="adam has not converged"):  # y is far from zero
        model = Median().fit(X, y)
    assert model.history_.steps["loss"]


def test_a_link_that_is_not_known_is_explained():
    class Wrong(Line):
        link = "probit"

    model = Wrong().fit(X, y)
    with pytest.raises(
        ValueError, match=r"link must be one of \('identity', 'log', 'logit'\), not 'probit'; for another"
    ):
        model.predict(X)


def test_steps_stop_when_a_loss_of_ones_own_does():
    """Not when that is small beside the variance of y, which has another unit."""
    model = WithLink()
    model.solver = "adam"
    tg.manual_seed(0)
    model.fit(X - X.mean(axis=0), y)
    exact = PoissonRegression(0.0).fit(X - X.mean(axis=0), y)
    assert model.history_["loss"][-1] < 0.9 * model.history_["loss"][0] < 0
    assert abs(model.predict(X - X.mean(axis=0)) / exact.predict(X - X.mean(axis=0)) - 1).mean() < 0.1


class Linked(Regressor):
    """A model of one layer that begins with weights of zero, and a function of its output."""

    link = staticmethod(lambda z: z)

    def build(self, n_features, n_outputs=1):
        self.linear_ = nn.Linear(n_features, n_outputs)
        for p in self.linear_.parameters():
            p.data = np.zeros(p.shape)
        return self

    def forward(self, x):
        return self.link(self.linear_(x))


Z = np.random.default_rng(0).normal(size=(400, 3))
LINE = Z @ [1.0, -2.0, 0.5] + 0.3


@pytest.mark.parametrize(
    "link",
    [lambda z: 2 * z, tg.sinh, tg.tanh, lambda z: z + z**3, lambda z: tg.clip(z, -3, 3)],
    ids=["twice", "sinh", "tanh", "cube", "clip"],
)
def test_what_forward_does_to_the_output_counts_though_it_does_nothing_to_zeros(link):
    model = type("Own", (Linked,), {"link": staticmethod(link)})()
    model.fit(Z, link(tg.tensor(LINE)).numpy())
    np.testing.assert_allclose(model.linear_.weight.numpy(), [[1.0, -2.0, 0.5]], atol=1e-5)
    np.testing.assert_allclose(model.linear_.bias.numpy(), [0.3], atol=1e-5)


def test_a_penalty_in_the_criterion_counts():
    class Ridge(Linked):
        def criterion(self, output, target, weight=None):
            return super().criterion(output, target, weight) + (self.linear_.weight**2).sum()

    centred, target = Z - Z.mean(axis=0), LINE - LINE.mean()
    expected = np.linalg.solve(centred.T @ centred / len(Z) + np.eye(3), centred.T @ target / len(Z))
    np.testing.assert_allclose(Ridge().fit(Z, LINE).linear_.weight.numpy(), [expected], atol=1e-6)
