"""What `fit` warns of in its first batch, once; and that it says nothing of what is right."""

import re
import warnings

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.nn import functional as F
from tinygrad_ml.train import fit

rng = np.random.default_rng(0)
X = rng.normal(size=(64, 4))
CLASSES = rng.integers(0, 3, 64)
YES = (X[:, :1] > 0).astype(np.float64)


def train(module, loss, y, x=X, parameters=None, **options):
    module.to(np.float64)
    optimizer = optim.SGD(module.parameters() if parameters is None else parameters, lr=0.01)
    return fit(module, loss, optimizer, (x, y), **({"epochs": 2, "progress": False, "seed": 0} | options))


def messages(*args, **options):
    """Return what is warned of."""
    tg.manual_seed(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(*args, **options)
    return [str(warning.message) for warning in caught]


def net(*last, outputs=3):
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, outputs), *last)


# ---------------------------------------------------------------------- probabilities where logits are wanted


def hand_made(logits):
    e = tg.exp(logits - tg.max(logits, axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class Function(nn.Module):
    def __init__(self, function):
        self.function = function

    def forward(self, x):
        return self.function(x)


SOFT = {
    "layer": nn.Softmax(axis=1),
    "function": Function(lambda x: tg.softmax(x, axis=1)),
    "by hand": Function(hand_made),
    "seen as another shape": Function(lambda x: tg.softmax(x, axis=1).reshape(-1, 3)),
}
WANT = {
    "a module": nn.CrossEntropyLoss(),
    "with weights": nn.CrossEntropyLoss(weight=np.ones(3)),
    "smoothed": nn.CrossEntropyLoss(label_smoothing=0.1),
    "a function": F.cross_entropy,
    "one's own": lambda output, target: 2 * F.cross_entropy(output, target),
}


@pytest.mark.parametrize("last", SOFT)
@pytest.mark.parametrize("loss", WANT)
def test_probabilities_in_a_loss_that_takes_logits(last, loss):
    (message,) = messages(net(SOFT[last]), WANT[loss], CLASSES)
    assert re.match(r"fit: the outputs of the module are probabilities \(softmax\), but .* takes logits", message)


@pytest.mark.parametrize(
    "loss", [nn.BCEWithLogitsLoss(), nn.BCEWithLogitsLoss(pos_weight=2.0), F.binary_cross_entropy_with_logits]
)
def test_probabilities_of_yes_or_no(loss):
    (message,) = messages(net(nn.Sigmoid(), outputs=1), loss, YES)
    assert "are probabilities (sigmoid)" in message
    assert "use BCELoss" in message


def test_raw_outputs_in_a_loss_that_takes_logarithms():
    (message,) = messages(net(), nn.NLLLoss(), CLASSES)
    assert "NLLLoss takes logarithms of probabilities" in message
    (message,) = messages(net(nn.Softmax(axis=1)), F.nll_loss, CLASSES)
    assert "nll_loss takes logarithms of probabilities" in message


@pytest.mark.filterwarnings("ignore:.*converge")  # so few passes are quick
def test_the_criterion_of_a_model_wants_logits_too():
    class Mine(tg.models.Classifier):
        def build(self, n_features, n_outputs):
            self.linear_ = nn.Linear(n_features, n_outputs)
            return self

        def forward(self, x):
            return tg.softmax(self.linear_(x), axis=1)

    with pytest.warns(UserWarning, match="probabilities .softmax., but criterion takes logits"):
        Mine().fit(X, CLASSES)


# ---------------------------------------------------------------------- lost gradients


class Cut(nn.Module):
    """Two layers, between which a function cuts the gradients off."""

    def __init__(self, cut):
        self.first, self.second, self.cut = nn.Linear(4, 8), nn.Linear(8, 3), cut

    def forward(self, x):
        return self.second(self.cut(self.first(x)))


CUTS = {
    "numpy": lambda x: x.numpy(),
    "detach": lambda x: x.detach(),
    "a new Tensor": lambda x: tg.tensor(x.detach().numpy()),
    "no_grad": lambda x: tg.no_grad(lambda: x * 1.0)(),
    "argmax": lambda x: tg.zeros_like(x) + x.numpy().argmax(axis=1)[:, None],
}


@pytest.mark.parametrize("cut", CUTS)
def test_parameters_above_a_cut_are_named(cut):
    (message,) = messages(Cut(CUTS[cut]), nn.CrossEntropyLoss(), CLASSES)
    assert "got no gradient in the first batch: first.weight, first.bias; what is computed from them" in message


def test_parameters_that_nothing_uses_are_named():
    class Unused(nn.Module):
        def __init__(self):
            self.used, self.spare = nn.Linear(4, 3), nn.Linear(4, 3)
            self.scale = nn.Parameter(np.ones(3))

        def forward(self, x):
            return self.used(x) * self.scale.numpy()

    (message,) = messages(Unused(), nn.CrossEntropyLoss(), CLASSES)
    assert "scale, spare.weight, spare.bias; no operation used them" in message or (
        "spare.weight, spare.bias, scale; no operation used them" in message
    )


def test_an_optimizer_of_parameters_that_the_loss_does_not_depend_on():
    model = Cut(lambda x: x.detach())
    (message,) = messages(model, nn.CrossEntropyLoss(), CLASSES, parameters=model.first.parameters())
    assert "no parameter that SGD changes got a gradient, so nothing is learned" in message
    assert "first.weight, first.bias" in message


# ---------------------------------------------------------------------- scales and labels


def test_features_of_very_different_scales_are_named():
    pandas = pytest.importorskip("pandas")
    x = X * [1.0, 1.0, 5000.0, 1.0]
    (message,) = messages(nn.Linear(4, 3), nn.CrossEntropyLoss(), CLASSES, x)
    assert re.search(
        r"very different scales: column \d is about (0\.|1)\S* in size, column 2 about [45]\S*e\+03", message
    )
    frame = pandas.DataFrame(x, columns=["a", "b", "income", "c"])
    (message,) = messages(nn.Linear(4, 3), nn.CrossEntropyLoss(), CLASSES, frame)
    assert "'income' about" in message
    (message,) = messages(nn.Linear(4, 3), nn.CrossEntropyLoss(), CLASSES, X + np.array([0, 0, 2000.0, 0]))
    assert "column 2 about 2e+03" in message


def warns_of_target(y, x=X, model=None, optimizer=optim.Adam, lr=1e-3):
    tg.manual_seed(0)
    module = model or net(outputs=1)
    module.to(np.float64)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(module, nn.MSELoss(), optimizer(module.parameters(), lr=lr), (x, y), epochs=1, progress=False, seed=0)
    return [str(warning.message) for warning in caught if "target is about" in str(warning.message)]


PRICES = 400_000 + 100_000 * YES


@pytest.mark.parametrize("optimizer", [optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad])
def test_a_target_that_short_steps_do_not_reach_is_named(optimizer):
    (message,) = warns_of_target(PRICES, optimizer=optimizer)
    assert re.search(r"about 4\.5\S*e\+05 in size .* steps of \w+, which are about lr=0.001 long", message)
    assert "learn (y - mean) / deviation" in message
    assert len(warns_of_target(PRICES.astype(int), optimizer=optimizer)) == 1


def test_a_target_within_reach_is_not_named():
    assert warns_of_target((PRICES - PRICES.mean()) / PRICES.std()) == []
    assert warns_of_target(300 * YES) == []
    assert warns_of_target(PRICES, lr=10.0) == []
    assert warns_of_target(PRICES, optimizer=optim.SGD, lr=1e-3) == []  # its steps grow with the error
    scaled = nn.Sequential(net(outputs=1), Function(lambda z: 400_000 + 100_000 * z))
    assert warns_of_target(PRICES, model=scaled) == []


def test_labels_with_signs_beside_outputs_without():
    (message,) = messages(net(nn.Sigmoid(), outputs=1), nn.MSELoss(), 2 * YES - 1)
    assert "the labels are -1 and 1, but the outputs are probabilities" in message


# ---------------------------------------------------------------------- what is right


class Names(nn.Module):
    def __init__(self):
        self.embedding, self.linear = nn.Embedding(9, 3), nn.Linear(3, 3)

    def forward(self, x):
        return self.linear(self.embedding(x)[:, 0])


def frozen():
    model = net()
    model[0].requires_grad_(False)
    return model


class Stochastic(nn.Module):
    """What runs the batch once more would see other numbers, if they were not put back."""

    def __init__(self):
        self.inner = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))

    def forward(self, x):
        return self.inner(x)


PIXELS = (rng.random((64, 30)) < np.linspace(0.01, 0.9, 30)) * rng.random((64, 30)) * np.linspace(0.01, 1, 30)
RIGHT = {
    "logits": (net(), nn.CrossEntropyLoss(), CLASSES, X),
    "logarithms": (net(nn.LogSoftmax(axis=1)), nn.NLLLoss(), CLASSES, X),
    "logarithms in a cross entropy": (net(nn.LogSoftmax(axis=1)), nn.CrossEntropyLoss(), CLASSES, X),
    "probabilities": (net(nn.Sigmoid(), outputs=1), nn.BCELoss(), YES, X),
    "probabilities as numbers": (net(nn.Softmax(axis=1)), nn.MSELoss(), np.eye(3)[CLASSES], X),
    "a sigmoid of numbers": (net(nn.Sigmoid(), outputs=1), nn.MSELoss(), YES, X),
    "signs beside outputs with signs": (net(nn.Tanh(), outputs=1), nn.MSELoss(), 2 * YES - 1, X),
    "a hinge loss": (net(outputs=1), nn.HingeLoss(), 2 * YES - 1, X),
    "positive logits": (net(nn.ReLU()), nn.CrossEntropyLoss(), CLASSES, X),
    "frozen layers": (frozen(), nn.CrossEntropyLoss(), CLASSES, X),
    "tokens": (Names(), nn.CrossEntropyLoss(), CLASSES, rng.integers(0, 9, (64, 2)) * [1, 1]),
    "pixels": (nn.Linear(30, 3), nn.CrossEntropyLoss(), CLASSES, PIXELS),
    "one large feature": (nn.Linear(1, 1), nn.MSELoss(), YES, 1e-3 * X[:, :1]),
    "rare events": (nn.Linear(4, 3), nn.CrossEntropyLoss(), CLASSES, X * (rng.random((64, 4)) < 0.05) * 1e4 + (X > 9)),
    "normalised in the module": (
        nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3)), nn.CrossEntropyLoss(), CLASSES, X * [1, 1, 1e4, 1]
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT)
def test_nothing_is_said_of_what_is_right(case):
    assert messages(*RIGHT[case]) == []


def test_running_the_batch_again_changes_nothing():
    def attempt(x):
        tg.manual_seed(0)
        model = Stochastic()
        history = train(model, nn.CrossEntropyLoss(), CLASSES, x)
        return history.steps, model.state_dict()

    x = X * [1.0, 1.0, 5000.0, 1.0]
    with pytest.warns(UserWarning, match="different scales"):
        ours = attempt(x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tinygrad_ml.train.loop.is_suspicious", lambda *args: False)
        theirs = attempt(x)
    np.testing.assert_equal(ours, theirs)


def test_a_run_that_is_traced_is_not_run_again():
    calls = []

    def loss(output, target):
        calls.append(1)
        return F.cross_entropy(output, target)

    with tg.modes.Mode(observer=lambda *args: None):
        train(net(nn.Softmax(axis=1)), loss, CLASSES, epochs=1, batch_size=64)
    assert len(calls) == 1
