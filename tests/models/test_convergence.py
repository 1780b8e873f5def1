"""A fit that ends has either converged or says that it has not, why, and what helps."""

import os
import signal
import warnings
from pathlib import Path

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.models import (
    LinearRegression,
    LogisticRegression,
    MLPClassifier,
    MLPRegressor,
    OneVsRest,
    Perceptron,
    SoftmaxRegression,
)
from tinygrad_ml.models.estimator import clone
from tinygrad_ml.models.problem import LinearProblem

exceptions = pytest.importorskip("sklearn.exceptions")
datasets = pytest.importorskip("sklearn.datasets")
peers = pytest.importorskip("sklearn.linear_model")

not_converged = pytest.warns(exceptions.ConvergenceWarning, match="has not converged")
random = np.random.default_rng(0)
x = random.normal(size=(100, 1))
x = (x - x.mean()) / x.std()
y = 2.28 * x[:, 0] + 1 + 0.1 * random.normal(size=100)
OPTIMUM = np.polyfit(x[:, 0], y, 1)[0]


@pytest.fixture(autouse=True)
def _ctrl_c():
    """Handle Ctrl-C as Python does at its start: a run in the background of a shell script ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def course_file(name):
    """The columns but the last, and the last one, of a file of exercises."""
    if "TINYGRAD_ML_DATA" not in os.environ:
        pytest.skip("TINYGRAD_ML_DATA names no folder")
    table = np.loadtxt(Path(os.environ["TINYGRAD_ML_DATA"]) / "ml_course" / name, delimiter=",")
    return table[:, :-1], table[:, -1]


# ---------------------------------------------------------------------- features as they are in the world


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_years_are_no_obstacle(solver):
    years = np.arange(1990.0, 2021)[:, None]
    model = LinearRegression(solver=solver, random_state=0).fit(years, 3 * (years[:, 0] - 1990) + 5)
    np.testing.assert_allclose([*model.coef_, model.predict([[1990.0]])[0]], [3, 5], rtol=1e-5)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("name", ["ex1data1.txt", "ex1data2.txt"])
def test_regression_of_the_course_files(name, solver):
    X, target = course_file(name)
    model, peer = (
        LinearRegression(solver=solver, random_state=0).fit(X, target),
        peers.LinearRegression().fit(X, target),
    )
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-4)
    assert model.score(X, target) == pytest.approx(peer.score(X, target), abs=1e-6)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("name", ["ex2data1.txt", "ex2data2.txt"])
def test_classes_of_the_course_files(name, solver):
    X, labels = course_file(name)
    model = LogisticRegression(solver=solver, random_state=0).fit(X, labels)
    peer = peers.LogisticRegression(solver="newton-cholesky", tol=1e-10).fit(X, labels)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=2e-4)
    assert model.score(X, labels) == peer.score(X, labels)


@pytest.mark.parametrize("solver", ["auto", "newton", "sgd", "adam"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_features_far_from_zero_in_a_regression(solver, dtype):
    far = (1e4 + random.normal(size=(200, 1))).astype(dtype)
    model = LinearRegression(solver=solver, random_state=0).fit(far, 2 * far[:, 0].astype(float) + 3)
    assert model.coef_[0] == pytest.approx(2, rel=1e-5)


@pytest.mark.parametrize("solver", ["auto", "newton", "lbfgs", "sgd", "adam"])
def test_features_far_from_zero_in_a_classification(solver):
    near = random.normal(size=(200, 2))
    labels = (near[:, 0] + 0.5 * random.normal(size=200) > 0).astype(int)
    model = LogisticRegression(solver=solver, random_state=0).fit(near + 1e4, labels)
    peer = peers.LogisticRegression(solver="newton-cholesky", tol=1e-10).fit(near, labels)
    np.testing.assert_allclose(model.coef_, peer.coef_, rtol=1e-3)


@pytest.mark.parametrize("solver", ["auto", "newton", "sgd", "adam"])
def test_one_hot_columns_beside_a_bias(solver):
    columns = np.eye(4, dtype=np.float32)[np.arange(100) % 4]
    target = columns @ np.array([1, 2, 3, 4], np.float32)
    model = LinearRegression(solver=solver, random_state=0).fit(columns, target)
    assert abs(model.coef_).max() < 10
    np.testing.assert_allclose(model.predict(columns), target, atol=1e-3)


@pytest.mark.parametrize("solver", ["normal", "sgd", "adam"])
@pytest.mark.parametrize("loss", ["mae", "huber"])
def test_an_outlier_of_any_size_does_not_move_the_robust_losses(solver, loss):
    target = 2 * x[:, 0] + 1
    target[3] = 1e12
    model = LinearRegression(solver=solver, loss=loss, random_state=0).fit(x, target)
    if loss == "mae":  # the line through all other points
        np.testing.assert_allclose([*model.coef_, model.intercept_], [2, 1], rtol=1e-5)
    else:  # it draws with a slope of 2 · delta, the 99 others with 2 · (their distance)
        design = np.delete(np.column_stack([x, np.ones(100)]), 3, axis=0)
        pull = 1.35 * np.linalg.solve(design.T @ design, [x[3, 0], 1])
        np.testing.assert_allclose([*model.coef_, model.intercept_], np.add(pull, [2, 1]), rtol=1e-4)


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "sgd", "adam"])
def test_classes_that_a_plane_separates_have_no_optimum_without_a_penalty(solver):
    apart = x + 3 * np.sign(x)
    model = LogisticRegression(solver=solver, penalty=None, random_state=0)
    with pytest.warns(exceptions.ConvergenceWarning, match="a plane separates the classes.*set penalty='l2'"):
        assert model.fit(apart, x[:, 0] > 0).score(apart, x[:, 0] > 0) == 1


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "sgd", "adam"])
def test_so_do_classes_that_a_plane_separates_in_part(solver):
    some, labels = np.array([[0.0], [0], [1], [1], [2], [2], [2]]), [0, 0, 0, 1, 1, 1, 1]
    with pytest.warns(exceptions.ConvergenceWarning, match="separates some of the samples.*set penalty='l2'"):
        LogisticRegression(solver=solver, penalty=None, random_state=0).fit(some, labels)
    classes = SoftmaxRegression(solver=solver, penalty=None, random_state=0)
    with pytest.warns(exceptions.ConvergenceWarning, match="separates? (some|the classes)"):
        classes.fit(*datasets.load_iris(return_X_y=True))


# ---------------------------------------------------------------------- learning rates of one's own


def linear(**options):
    return LinearRegression(solver="sgd", random_state=0, **options)


def objective(model):
    return np.mean((model.predict(x) - y) ** 2)


def test_a_rate_that_is_a_little_too_high():
    model = linear(learning_rate=1.1, batch_size=None)
    with pytest.warns(exceptions.ConvergenceWarning, match=r"rate 1.1 is too high; lower it \(about 0.5 is safe here"):
        model.fit(x, y)
    assert objective(model) <= np.var(y) + 1e-12
    assert "The weights are those that it began with" in model.history_.stopped


def test_momentum_may_go_up_before_it_goes_down():
    model = linear(learning_rate=0.3, momentum=0.9, batch_size=None).fit(x, y)
    assert model.coef_[0] == pytest.approx(OPTIMUM, rel=1e-5)
    assert np.diff(model.history_["loss"]).max() > 0  # which it did on its way
    assert linear(momentum=0.9, batch_size=None).fit(x, y).coef_[0] == pytest.approx(OPTIMUM, rel=1e-5)


@pytest.mark.parametrize("batch_size", [None, 32])
def test_a_rate_that_is_too_low(batch_size):
    model = linear(learning_rate=1e-5, batch_size=batch_size, max_iter=50)
    with pytest.warns(exceptions.ConvergenceWarning, match=r"1e-05 is too low; raise it \(about 0.* is safe here\)"):
        model.fit(x, y)
    assert model.n_iter_ == 50


def test_a_rate_whose_noise_keeps_it_from_the_optimum():
    with pytest.warns(exceptions.ConvergenceWarning, match="sees only a batch; lower it, take all samples"):
        model = linear(learning_rate=0.05, batch_size=8).fit(x, y)
    losses = []
    for epochs in range(1, model.n_iter_):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            losses.append(objective(linear(learning_rate=0.05, batch_size=8, tol=0.0, max_iter=epochs).fit(x, y)))
    assert objective(model) == pytest.approx(min(losses))  # the best weights come back


def test_a_budget_that_is_spent():
    for model in (LinearRegression(solver="adam", max_iter=3), LogisticRegression(solver="lbfgs", max_iter=1)):
        with pytest.warns(exceptions.ConvergenceWarning, match=r"in max_iter=\d (passes|iterations).*raise max_iter"):
            model.fit(x, y if model.kind == "regressor" else y > 1)
    with pytest.warns(exceptions.ConvergenceWarning, match="in max_iter=3 passes .* still decreasing"):
        MLPRegressor((5,), max_iter=3, random_state=0).fit(x, y)


def test_a_tolerance_of_zero_asks_for_all_passes():
    for model in (linear(tol=0.0, max_iter=4), MLPRegressor((5,), tol=0.0, max_iter=4, random_state=0)):
        assert model.fit(x, y).n_iter_ == 4


# ---------------------------------------------------------------------- networks


WILD = random.normal(size=(200, 3)) * [1, 100, 1e4] + [0, 1e3, 1e5]
WILD_TARGET = WILD @ [1, 0.1, 1e-3]


@pytest.mark.filterwarnings("ignore:.*very different scales")
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("max_iter", [1, 200])
def test_a_network_that_diverges_on_features_that_are_not_scaled(early_stopping, max_iter):
    model = MLPRegressor((30,), solver="sgd", random_state=0, early_stopping=early_stopping, max_iter=max_iter)
    with pytest.warns(exceptions.ConvergenceWarning, match="the loss rose from .* too high for these features.*scale"):
        model.fit(WILD, WILD_TARGET)
    tg.manual_seed(0)
    assert abs(model.predict(WILD)).max() < 1e6  # as at first


def test_a_network_whose_rate_is_too_low():
    for network, target in ((MLPRegressor, y), (MLPClassifier, y > 1)):
        model = network((30,), solver="sgd", learning_rate=1e-9, random_state=0)
        with pytest.warns(exceptions.ConvergenceWarning, match="has hardly changed.* 1e-09 is too low"):
            model.fit(x, target)


def test_a_network_comes_back_with_the_weights_of_its_best_epoch():
    options = {"solver": "sgd", "learning_rate": 0.2, "random_state": 1, "n_iter_no_change": 6}
    model = MLPRegressor((10,), **options).fit(x, y)
    best, _ = model.history_.best("loss")
    assert best < model.n_iter_
    until_then = clone(model).set_params(max_iter=best, tol=0.0).fit(x, y)
    np.testing.assert_array_equal(model.predict(x), until_then.predict(x))
    assert f"epoch {best}, the best" in model.history_.stopped


def test_a_network_that_learns_says_nothing():
    assert MLPRegressor((30,), learning_rate=0.01, random_state=0).fit(x, y).score(x, y) > 0.99
    assert MLPClassifier((8,), learning_rate=0.05, tol=1e-3, random_state=0).fit(x, y > 1).score(x, y > 1) > 0.9


# ---------------------------------------------------------------------- validation


def test_nan_in_the_validation_data_is_pointed_out():
    broken = x[:20].copy()
    broken[3] = np.nan
    line = nn.Linear(1, 1)
    stopping = tg.train.EarlyStopping("validation_loss", patience=3)
    with pytest.warns(UserWarning, match="validation_loss is nan in epoch 1: the input x has nan in row 3"):
        history = tg.train.fit(
            line,
            nn.MSELoss(),
            tg.optim.SGD(line.parameters(), lr=0.1),
            (x, y[:, None]),
            validation=(broken, y[:20, None]),
            epochs=10,
            callbacks=[stopping],
        )
    assert history.stopped == "EarlyStopping: validation_loss has been NaN for 3 epochs."
    assert np.isfinite(line.weight.numpy()).all()


@pytest.mark.parametrize(
    ("share", "C", "shape"), [(0.5, 1, (4000, 300)), (0.02, 0.1, (4000, 300)), (0.005, 1, (6000, 200))]
)
def test_rounding_of_the_loss_hides_no_step_from_lbfgs(monkeypatch, share, C, shape):
    generator = np.random.default_rng(0)
    X = (generator.random(shape) < np.geomspace(share / 50, share, shape[1])) * generator.random(shape)
    X = X.astype(np.float32)  # and large enough to be computed with in float32
    labels = X @ generator.normal(size=shape[1]) * 3 + generator.logistic(size=shape[0]) > 0
    calls, plain = [], LinearProblem.values_and_gradient

    def counted(self, theta):
        calls.append(self.dtype)
        return plain(self, theta)

    monkeypatch.setattr(LinearProblem, "values_and_gradient", counted)
    model = LogisticRegression(solver="lbfgs", C=C).fit(X, labels)
    assert set(calls) == {np.dtype(np.float32)}
    assert len(calls) <= model.n_iter_ + 4  # each step at its first length
    exact = LogisticRegression(solver="newton", C=C).fit(X.astype(float), labels)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=3e-5 * abs(exact.coef_).max())


# ---------------------------------------------------------------------- the perceptron


def test_a_perceptron_of_classes_that_no_plane_separates():
    noisy = (y > 1) ^ (random.random(100) < 0.1)
    model = Perceptron(max_iter=20)
    with pytest.warns(exceptions.ConvergenceWarning, match="perhaps no plane separates the classes: LogisticRegress"):
        model.fit(x, noisy)
    assert model.n_iter_ == 20


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_perceptron_that_looks_at_blocks_makes_the_same_mistakes(shuffle):
    X = np.random.default_rng(1).integers(-3, 4, (3000, 5)).astype(float)  # exact sums, also of exactly 0
    labels = X @ [1, -2, 3, 0, 1] > 2
    model = Perceptron(shuffle=shuffle, random_state=0, max_iter=200).fit(X, labels)
    w, b, made = np.zeros(5), 0.0, iter(model.mistakes_)
    if not shuffle:
        for _ in range(model.n_iter_):
            for row, wanted in zip(X, labels):
                if (row @ w + b >= 0) != wanted:
                    step = 1 if wanted else -1
                    w, b = w + step * row, b + step
                    np.testing.assert_array_equal(X[next(made)], row)
        np.testing.assert_array_equal(model.coef_[0], w)
        assert model.intercept_[0] == b
    assert (model.predict(X) == labels).all()


# ---------------------------------------------------------------------- Ctrl-C


def interrupting(calls):
    """A loss in whose call of that number Ctrl-C is pressed."""
    count = iter(range(1, 10**9))

    def loss(output, target):
        if next(count) == calls:
            signal.raise_signal(signal.SIGINT)
        return ((output - target) ** 2).mean()

    return loss


class Interrupt(tg.train.Callback):
    """Presses Ctrl-C in the second epoch."""

    def before_step(self, run):
        if run.epoch == 2:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("options", [{}, {"learning_rate": 0.1}], ids=["own", "given"])
def test_ctrl_c_keeps_what_a_fit_has_learned_that_the_users_line_called(options):
    model = LinearRegression(loss=interrupting(40), batch_size=20, random_state=0, max_iter=50, **options)
    with pytest.warns(UserWarning, match="Interrupted .* The model has what it had learned until then"):
        model.fit(x, y)
    assert 0 < model.n_iter_ < 50
    assert model.coef_[0] > 0


def test_ctrl_c_in_a_fit_of_another_fit_ends_both():
    labels = np.digitize(y, [0, 2])
    for model in (
        OneVsRest(MLPClassifier((3,), max_iter=4, callbacks=[Interrupt()])),
        OneVsRest(OneVsRest(MLPClassifier((3,), max_iter=4, callbacks=[Interrupt()]))),
    ):
        with pytest.raises(KeyboardInterrupt):
            model.fit(x, labels)

    class Outer:
        def fit(self, X, target):
            self.inner = LinearRegression(loss=interrupting(5), learning_rate=0.1).fit(X, target)

    with pytest.raises(KeyboardInterrupt):
        Outer().fit(x, y)


def test_ctrl_c_in_loops_of_scikit_learn_ends_them():
    selection = pytest.importorskip("sklearn.model_selection")
    for options in ({}, {"learning_rate": 0.1}):
        model = LinearRegression(loss=interrupting(30), random_state=0, **options)
        with pytest.raises(KeyboardInterrupt):
            selection.GridSearchCV(model, {"batch_size": [8, 16, 32]}).fit(x, y)
        with pytest.raises(KeyboardInterrupt):
            selection.cross_val_score(clone(model).set_params(loss=interrupting(30)), x, y)


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(solver="lbfgs", penalty=None, tol=1e-300, max_iter=10**6),
        LogisticRegression(solver="sgd", tol=0.0, max_iter=10**6),
        Perceptron(max_iter=10**6),
    ],
    ids=repr,
)
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers of Unix")
def test_ctrl_c_ends_solvers_of_all_kinds(model):
    labels = (y > 1) ^ (random.random(100) < 0.3)
    before = signal.signal(signal.SIGALRM, lambda number, frame: signal.raise_signal(signal.SIGINT))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model = clone(model).fit(x, labels)
        signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert any("Interrupted" in str(warning.message) for warning in said) or model.solver == "lbfgs"
    assert np.isfinite(model.coef_).all()


@pytest.mark.parametrize("loss", ["mae", "huber"])
def test_of_all_minima_of_a_robust_loss_the_smallest_coefficients_are_found(loss):
    wide = np.random.default_rng(3).normal(size=(6, 9))
    target = wide[:, 0] + 3
    exact = np.linalg.pinv(wide - wide.mean(axis=0)) @ (target - target.mean())  # through all points
    for weight in (None, np.arange(1.0, 7)):
        model = LinearRegression(loss=loss).fit(wide, target, weight)
        np.testing.assert_allclose(model.coef_, exact, rtol=1e-6)
        np.testing.assert_allclose(model.predict(wide), target, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("error")
def test_float32_ends_without_a_warning_where_rounding_ends_it():
    if not os.environ.get("TINYGRAD_ML_DATA"):
        pytest.skip("needs the real data in the folder that TINYGRAD_ML_DATA names")
    images, labels = tg.datasets.mnist("train")
    X = images[:2000].reshape(-1, 784) / 255
    exact = SoftmaxRegression(C=0.1, solver="lbfgs", tol=1e-7).fit(X, labels[:2000]).coef_
    quick = SoftmaxRegression(C=0.1, solver="lbfgs").fit(X.astype(np.float32), labels[:2000]).coef_
    assert np.linalg.norm(quick - exact) <= 2e-3 * np.linalg.norm(exact)
