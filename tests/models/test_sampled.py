"""Softmax regression over many classes whose gradient steps look at a few of them."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.models import LogisticRegression, SoftmaxRegression
from tinygrad_ml.models.problem import LinearProblem
from tinygrad_ml.models.sampled import Candidates
from tinygrad_ml.sparse import SparseRows
from tinygrad_ml.testing import gradcheck

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")  # so few passes are quick

CLASSES, FEATURES = 200, 8
random = np.random.default_rng(0)
CENTRES = 2 * random.normal(size=(CLASSES, FEATURES))


def samples(n, seed=1):
    draw = np.random.default_rng(seed)
    y = np.concatenate([np.arange(CLASSES), draw.integers(CLASSES, size=n - CLASSES)])
    return (CENTRES[y] + draw.normal(size=(n, FEATURES))).astype(np.float32), y


X, Y = samples(2000)
X_TEST, Y_TEST = samples(500, seed=2)
QUICK = {"sampled": 20, "batch_size": 64, "max_iter": 15, "random_state": 0}


def ranks(scores):
    return np.argsort(np.argsort(scores, axis=1), axis=1)


@pytest.fixture(scope="module")
def full():
    return SoftmaxRegression(max_iter=60).fit(X, Y)


def test_it_ranks_the_classes_as_the_full_softmax_does(full):
    model = SoftmaxRegression(sampled=40, batch_size=128, random_state=0).fit(X, Y)
    assert abs(model.score(X_TEST, Y_TEST) - full.score(X_TEST, Y_TEST)) < 0.03
    assert (model.predict(X_TEST) == full.predict(X_TEST)).mean() > 0.85
    ours, theirs = ranks(model.decision_function(X_TEST)), ranks(full.decision_function(X_TEST))
    together = [np.corrcoef(one, other)[0, 1] for one, other in zip(ours, theirs)]  # Spearman's
    assert np.mean(together) > 0.95


@pytest.mark.parametrize("solver", ["adam", "adagrad", "sgd"])
def test_steps_look_at_the_right_classes_and_those_drawn_alone(solver):
    seen = []

    def look(run):
        seen.append(next(p.grad for p in run.parameters if p.ndim == 2))

    SoftmaxRegression(**{**QUICK, "max_iter": 1}, solver=solver, callbacks=[Before(look)]).fit(X, Y)
    assert len(seen) == 32
    for gradient in seen:
        assert isinstance(gradient, SparseRows)
        assert len(np.unique(gradient.rows)) <= 64 + 20 < CLASSES


class Before(tg.train.Callback):
    """Calls a function before every step."""

    def __init__(self, function):
        self.before_step = function


class Drawn:
    """Draws what it is told to."""

    def __init__(self, classes, counts):
        self.classes, self.num_classes = classes, len(counts)
        self.log_probability = tg.nn.UnigramSampler(counts).log_probability

    def sample(self, shape):
        return self.classes


def test_the_gradient_of_the_estimate():
    layer = tg.nn.Linear(3, 9).to(np.float64)
    module = Candidates(layer, np.arange(1.0, 10), 4, np.array([0.1, 0.0, 0.3]))
    module.sampler = Drawn(np.array([1, 8, 1, 5]), np.arange(1.0, 10))
    x, y = np.random.default_rng(0).normal(size=(5, 3)), np.array([0, 8, 3, 3, 1])
    for weight in ((), (np.linspace(0.5, 2, 5),)):
        assert gradcheck(lambda x, weight=weight: module.criterion(module(x), y, *weight), x, params=module)


def test_the_penalty_is_right_on_average():
    tg.manual_seed(0)
    layer = tg.nn.Linear(3, 30).to(np.float64)
    ridge = np.array([0.1, 0.0, 0.3])
    module = Candidates(layer, np.arange(1.0, 31), 5, ridge)
    without = Candidates(layer, np.arange(1.0, 31), 5, 0 * ridge)
    x, y = np.zeros((1, 3)), np.array([0])
    found = []
    for _ in range(1000):
        state = tg.random.get_rng_state()
        with_it = module.criterion(module(tg.tensor(x)), y).item()
        tg.random.set_rng_state(state)
        found.append(with_it - without.criterion(without(tg.tensor(x)), y).item())
    expected = (ridge / 2 * layer.weight.numpy() ** 2).sum()
    assert abs(np.mean(found) - expected) < 4 * np.std(found) / 1000**0.5


def test_in_evaluation_mode_it_is_the_loss_of_all_classes():
    model = SoftmaxRegression().build(FEATURES, CLASSES)
    module = Candidates(model.linear_, np.ones(CLASSES), 20, np.ones(FEATURES)).eval()
    x = tg.tensor(X[:10])
    for weight in ((), (np.linspace(0.5, 2, 10, dtype=np.float32),)):
        loss = module.criterion(module(x), Y[:10], *weight)
        assert loss.item() == pytest.approx(model.criterion(model(x), Y[:10], *weight).item(), rel=1e-6)


def test_features_of_any_scale_and_place_are_the_same():
    scale, shift = np.logspace(-3, 5, FEATURES), np.linspace(-1e4, 1e4, FEATURES)
    plain = SoftmaxRegression(**QUICK, penalty=None).fit(X.astype(float), Y)
    moved = SoftmaxRegression(**QUICK, penalty=None).fit(X * scale + shift, Y)
    np.testing.assert_allclose(
        plain.decision_function(X_TEST), moved.decision_function(X_TEST * scale + shift), rtol=1e-4, atol=1e-3
    )
    np.testing.assert_allclose(moved.coef_ * scale, plain.coef_, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_warm_start_goes_on_with_the_weights(fit_intercept):
    model = SoftmaxRegression(**QUICK, warm_start=True, fit_intercept=fit_intercept).fit(X + 3, Y)
    before = model.score(X_TEST + 3, Y_TEST)
    first, last = model.history_["loss"][0], model.history_["loss"][-1]
    model.set_params(max_iter=1).fit(X + 3, Y)
    assert model.history_["loss"][0] < (first + last) / 2
    assert model.score(X_TEST + 3, Y_TEST) > before - 0.1


def test_a_penalty_keeps_the_weights_small():
    sizes = [np.linalg.norm(SoftmaxRegression(**QUICK, C=C).fit(X, Y).coef_) for C in (1e-3, 1.0, 1e3)]
    assert sizes[0] < 0.5 * sizes[1] < 0.6 * sizes[2]


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": 0.02},
        {"learning_rate": lambda t: 0.05 / (1 + t / 100)},
        {"optimizer": "adagrad", "optimizer_options": {"lr": 0.3}},
        {"clip_norm": 1.0},
        {"solver": "sgd", "learning_rate": 1.0},
        {"early_stopping": True},
        {"class_weight": "balanced"},
        {"fit_intercept": False},
    ],
    ids=lambda options: " ".join(options),
)
def test_other_ways_to_take_steps(options, full):
    model = SoftmaxRegression(**{**QUICK, **options}).fit(X, Y)
    assert model.score(X_TEST, Y_TEST) > 0.5 * full.score(X_TEST, Y_TEST)


def test_weights_of_samples_are_like_repetitions():
    weight = np.random.default_rng(0).integers(0, 3, len(X))
    weighted = SoftmaxRegression(**QUICK).fit(X, Y, weight)
    repeated = SoftmaxRegression(**QUICK).fit(np.repeat(X, weight, axis=0), np.repeat(Y, weight))
    known = np.isin(Y_TEST, weighted.classes_)
    assert abs(weighted.score(X_TEST[known], Y_TEST[known]) - repeated.score(X_TEST[known], Y_TEST[known])) < 0.08


def test_learning_in_parts_and_words():
    names = np.array([f"class {i:03}" for i in range(CLASSES)])
    model = SoftmaxRegression(sampled=20, batch_size=64, learning_rate=0.02, random_state=0)
    for _ in range(6):
        for part in np.array_split(np.random.default_rng(0).permutation(len(X)), 4):
            model.partial_fit(X[part], names[Y[part]], classes=names)
    assert model.score(X_TEST, names[Y_TEST]) > 0.5
    assert model.history_["loss"][-1] < model.history_["loss"][0] / 2


def test_validation_is_judged_by_all_classes(full):
    model = SoftmaxRegression(**QUICK)
    model.fit(X, Y, validation=(X_TEST, Y_TEST), metrics=["accuracy"])
    row = int(np.argmin(model.history_["loss"]))
    assert model.history_["validation_accuracy"][row] == pytest.approx(model.score(X_TEST, Y_TEST), abs=0.01)
    loss = model.criterion(tg.tensor(model.decision_function(X_TEST)), Y_TEST).item()
    assert model.history_["validation_loss"][row] == pytest.approx(loss, rel=0.01)


def test_the_same_seed_gives_the_same_model():
    first, again = (SoftmaxRegression(**QUICK).fit(X, Y) for _ in range(2))
    np.testing.assert_array_equal(first.coef_, again.coef_)


def test_few_classes_are_learned_as_without():
    few = Y % 5
    np.testing.assert_array_equal(SoftmaxRegression(sampled=5).fit(X, few).coef_, SoftmaxRegression().fit(X, few).coef_)
    two = Y % 2
    np.testing.assert_array_equal(SoftmaxRegression(sampled=1).fit(X, two).coef_, SoftmaxRegression().fit(X, two).coef_)


def test_many_classes_are_predicted_in_parts():
    model = SoftmaxRegression().build(FEATURES, 5000)
    tg.nn.init.normal_(model.linear_.weight)
    model.classes_ = np.arange(5000) * 2
    np.testing.assert_array_equal(model.predict(X), model.decision_function(X).argmax(axis=1) * 2)


@pytest.mark.parametrize("name", ["softmax", "labels", "weighted labels", "logistic"])
def test_curvatures_without_all_pairs_of_classes(name):
    """The Hessian of each sample, times a direction and its trace, without (samples, classes, classes)."""
    y = {"softmax": Y[:50] % 4, "logistic": Y[:50] % 2}.get(name, np.arange(150).reshape(50, 3) % 2)
    weight = {"softmax": np.linspace(1, 2, 50), "weighted labels": np.linspace(1, 2, 150).reshape(50, 3)}.get(name)
    model = LogisticRegression() if name != "softmax" else SoftmaxRegression()
    outputs = {"softmax": 4, "logistic": 1}.get(name, 3)
    problem = LinearProblem(model.build(FEATURES, outputs), X[:50].astype(float), y, weight)
    z, u = np.random.default_rng(0).normal(size=(2, 50, outputs))
    curvatures = problem.curvatures(z)
    np.testing.assert_allclose(problem.curve(z)(u), np.einsum("nij,nj->ni", curvatures, u), atol=1e-15)
    np.testing.assert_allclose(problem.traces(z), np.einsum("nii->n", curvatures), atol=1e-15)


def test_many_logits_are_computed_in_parts(monkeypatch):
    model = SoftmaxRegression().build(FEATURES, CLASSES)
    weight = np.random.default_rng(0).uniform(1, 2, 2000)
    problem = LinearProblem(model, X.astype(float), Y, weight)
    theta = np.random.default_rng(0).normal(size=(CLASSES, FEATURES + 1))
    whole = problem.values_and_gradient(theta)
    monkeypatch.setattr("tinygrad_ml.models.problem.MANY", 30_000)
    for one, other in zip(problem.values_and_gradient(theta), whole):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "newton"}, "'newton' looks at all classes: leave solver at 'auto', or"),
        ({"solver": "lbfgs"}, "'lbfgs' looks at all classes"),
        ({"penalty": "l1"}, "L1 needs all classes"),
        ({"sampled": 0}, "must be a whole number of at least 1"),
        ({"sampled": 2.5}, "must be a whole number of at least 1"),
    ],
    ids=str,
)
def test_what_does_not_go_together_with_candidates(options, message):
    with pytest.raises(ValueError, match=message):
        SoftmaxRegression(**{**QUICK, **options}).fit(X, Y)


def test_candidates_are_for_the_cross_entropy():
    class Own(SoftmaxRegression):
        def criterion(self, output, target, sample_weight=None):
            return (output**2).mean()

    with pytest.raises(ValueError, match="candidates are for the cross entropy"):
        Own(**QUICK).fit(X, Y)
