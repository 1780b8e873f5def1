"""The operations, layers and losses of the library, checked with its own gradient checker."""

import inspect

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.autograd import OPERATIONS
from tinygrad_ml.testing.samples import SAMPLES

rng = np.random.default_rng(7)
ROWS = rng.standard_normal((5, 4))
SIGNALS = rng.standard_normal((2, 3, 8))
IMAGES = rng.standard_normal((2, 3, 6, 6))
SENTENCES = rng.standard_normal((5, 2, 3))  # (time, batch, features)
LABELS = np.array([0, 2, 1, 3, 2])

# A module that is not here is made without arguments and checked at ROWS
LAYERS = {
    "Linear": (lambda: nn.Linear(4, 3), ROWS),
    "Conv1d": (lambda: nn.Conv1d(3, 2, 3, stride=2, padding=1), SIGNALS),
    "Conv2d": (lambda: nn.Conv2d(3, 2, 3, stride=2, padding=1), IMAGES),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), IMAGES),
    "AvgPool2d": (lambda: nn.AvgPool2d(2), IMAGES),
    "Flatten": (lambda: nn.Flatten(), IMAGES),
    "Embedding": (lambda: nn.Embedding(6, 3), np.array([[0, 2], [5, 2]])),
    "Dropout": (lambda: nn.Dropout(0.5).eval(), ROWS),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4), ROWS),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(3), IMAGES),
    "LayerNorm": (lambda: nn.LayerNorm(4), ROWS),
    "RNN": (lambda: nn.RNN(3, 4), SENTENCES),
    "LSTM": (lambda: nn.LSTM(3, 4), SENTENCES),
    "GRU": (lambda: nn.GRU(3, 4), SENTENCES),
    "Sequential": (lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)), ROWS),
    "ModuleList": (None, None),  # it computes nothing
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(), (ROWS, LABELS)),
    "MSELoss": (lambda: nn.MSELoss(), (ROWS, np.sin(ROWS))),
    "BCEWithLogitsLoss": (lambda: nn.BCEWithLogitsLoss(), (ROWS, rng.uniform(size=ROWS.shape))),
}
MODULES = {
    name: LAYERS.get(name, (thing, ROWS))
    for name, thing in vars(nn).items()
    if inspect.isclass(thing) and issubclass(thing, nn.Module) and thing is not nn.Module
}
every_module = pytest.mark.parametrize("name", [name for name in MODULES if MODULES[name][0]])


def function(name):
    return OPERATIONS[name].door if name in OPERATIONS else getattr(tg, name, None) or getattr(tg.linalg, name)


@pytest.mark.parametrize("name", SAMPLES)
def test_an_operation_has_the_right_gradient_at_all_its_samples(name, gradcheck):
    for sample in SAMPLES[name]:
        if sample.smooth:
            with np.errstate(all="ignore"):
                gradcheck(lambda *inputs, s=sample: function(name)(*inputs, **s.parameters), sample.inputs)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_an_operation_has_the_right_gradient_of_the_gradient(name, gradcheck):
    for sample in [s for s in SAMPLES[name] if s.smooth][:8]:
        gradcheck(
            lambda *inputs, s=sample: function(name)(*inputs, **s.parameters), sample.inputs, order=2, mode="random"
        )


@every_module
def test_a_layer_or_loss_has_the_right_gradients(name, gradcheck):
    tg.manual_seed(0)
    make, inputs = MODULES[name]
    gradcheck(make(), inputs)


@every_module
def test_a_layer_or_loss_has_the_right_gradient_of_the_gradient(name, gradcheck):
    tg.manual_seed(0)
    make, inputs = MODULES[name]
    gradcheck(make(), inputs, order=2, mode="random")


def test_a_network_with_its_loss(gradcheck):
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 4))
    report = gradcheck(lambda x: nn.functional.cross_entropy(model(x), LABELS), ROWS, params=model)
    assert report.entries == ROWS.size + 16 * 5 + 4 * 17
