"""The operations, layers and losses of the library, checked with its own gradient checker."""

import inspect

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.samples import SAMPLES, label, on_symmetric_matrices
from tinygrad_ml import nn
from tinygrad_ml.autograd import OPERATIONS

rng = np.random.default_rng(7)
ROWS = rng.standard_normal((5, 4))
SIGNALS = rng.standard_normal((2, 3, 8))
IMAGES = rng.standard_normal((2, 3, 6, 6))
SENTENCES = rng.standard_normal((5, 2, 3))  # (time, batch, features)
LABELS = np.array([0, 2, 1, 3, 2])
SIGNS = np.array([1, -1, -1, 1, -1])

UNIT = rng.uniform(0.1, 0.9, ROWS.shape)
SENTENCES_OF_4 = rng.standard_normal((3, 2, 4))


def every_second(shape):
    """Return the places in the pooled axes, made twice as long, to which unpooling puts elements of a shape."""
    axes = [2 * np.arange(n) for n in shape[2:]]
    places = axes[0] if len(axes) == 1 else axes[0][:, None] * (2 * shape[3]) + axes[1]
    return np.broadcast_to(places, shape).copy()


# A new module that needs arguments or another input belongs here. One that is not here is made without arguments and
# checked at ROWS, a loss with the target UNIT.
SPECIAL = {
    "Linear": (lambda: nn.Linear(4, 3), ROWS),
    "Conv1d": (lambda: nn.Conv1d(3, 2, 3, stride=2, padding=1), SIGNALS),
    "Conv2d": (lambda: nn.Conv2d(3, 2, 3, stride=2, padding=1), IMAGES),
    "MaxPool1d": (lambda: nn.MaxPool1d(2), SIGNALS),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), IMAGES),
    "MaxUnpool1d": (lambda: nn.MaxUnpool1d(2), (SIGNALS, every_second(SIGNALS.shape))),
    "MaxUnpool2d": (lambda: nn.MaxUnpool2d(2), (IMAGES, every_second(IMAGES.shape))),
    "AvgPool1d": (lambda: nn.AvgPool1d(2), SIGNALS),
    "AvgPool2d": (lambda: nn.AvgPool2d(2), IMAGES),
    "AdaptiveAvgPool1d": (lambda: nn.AdaptiveAvgPool1d(2), SIGNALS),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d(2), IMAGES),
    "AdaptiveMaxPool1d": (lambda: nn.AdaptiveMaxPool1d(2), SIGNALS),
    "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d(2), IMAGES),
    "LPPool1d": (lambda: nn.LPPool1d(2, 2), SIGNALS),
    "LPPool2d": (lambda: nn.LPPool2d(2, 2), IMAGES),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(3, 2, 3, stride=2, padding=1), SIGNALS),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1), IMAGES),
    "Upsample": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), IMAGES),
    "Flatten": (lambda: nn.Flatten(), IMAGES),
    "Unflatten": (lambda: nn.Unflatten(1, (2, 2)), ROWS),
    "Embedding": (lambda: nn.Embedding(6, 3), np.array([[0, 2], [5, 2]])),
    "Dropout": (lambda: nn.Dropout(0.5).eval(), ROWS),
    "Dropout2d": (lambda: nn.Dropout2d(0.5).eval(), IMAGES),
    "Dropout1d": (lambda: nn.Dropout1d(0.5).eval(), SIGNALS),
    "AlphaDropout": (lambda: nn.AlphaDropout(0.5).eval(), ROWS),
    "Threshold": (lambda: nn.Threshold(0.1, -1.0), ROWS),
    "Bilinear": (lambda: nn.Bilinear(4, 4, 3), (ROWS, UNIT)),
    "CosineSimilarity": (lambda: nn.CosineSimilarity(), (ROWS, UNIT)),
    "PairwiseDistance": (lambda: nn.PairwiseDistance(), (ROWS, UNIT)),
    "GroupNorm": (lambda: nn.GroupNorm(1, 3), IMAGES),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(3), SIGNALS),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(3), IMAGES),
    "RMSNorm": (lambda: nn.RMSNorm(4), ROWS),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4), ROWS),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(3), IMAGES),
    "LayerNorm": (lambda: nn.LayerNorm(4), ROWS),
    "RNN": (lambda: nn.RNN(3, 4), SENTENCES),
    "LSTM": (lambda: nn.LSTM(3, 4), SENTENCES),
    "GRU": (lambda: nn.GRU(3, 4), SENTENCES),
    "RNNCell": (lambda: nn.RNNCell(4, 3), ROWS),
    "LSTMCell": (lambda: nn.LSTMCell(4, 3), ROWS),
    "GRUCell": (lambda: nn.GRUCell(4, 3), ROWS),
    "PositionalEncoding": (lambda: nn.PositionalEncoding(4, dropout=0.0), SENTENCES_OF_4),
    "TransformerEncoderLayer": (lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), SENTENCES_OF_4),
    "TransformerEncoder": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), 2),
        SENTENCES_OF_4,
    ),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(4, 2), (SENTENCES_OF_4,) * 3),
    "Sequential": (lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)), ROWS),
    "Residual": (lambda: nn.Residual(nn.Linear(4, 4)), ROWS),
    "Lambda": (lambda: nn.Lambda(tg.exp), ROWS),
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(), (ROWS, LABELS)),
    "NLLLoss": (lambda: nn.NLLLoss(), (ROWS, LABELS)),
    "BCELoss": (lambda: nn.BCELoss(), (rng.uniform(0.1, 0.9, ROWS.shape), UNIT)),
    "MultiMarginLoss": (lambda: nn.MultiMarginLoss(), (ROWS, LABELS)),
    "CosineEmbeddingLoss": (lambda: nn.CosineEmbeddingLoss(), (ROWS, UNIT, SIGNS)),
    "MarginRankingLoss": (lambda: nn.MarginRankingLoss(margin=0.2), (ROWS[:, 0], UNIT[:, 0], SIGNS)),
    "HingeEmbeddingLoss": (lambda: nn.HingeEmbeddingLoss(), (ROWS[:, 0], SIGNS)),
    "TripletMarginLoss": (lambda: nn.TripletMarginLoss(), (ROWS, UNIT, -UNIT)),
    "HingeLoss": (lambda: nn.HingeLoss(), (ROWS, LABELS)),
    "GaussianNLLLoss": (lambda: nn.GaussianNLLLoss(), (ROWS, UNIT, UNIT + 0.5)),
}
CONTAINERS = {"Module", "ModuleList", "ModuleDict", "ParameterDict", "ParameterList"}  # they compute nothing
RANDOM = {"SampledSoftmaxLoss", "NegativeSamplingLoss"}  # test_sampling.py checks them with classes drawn before
MODULES = {
    name: SPECIAL.get(name, (thing, (ROWS, UNIT) if name.endswith("Loss") else ROWS))
    for name, thing in vars(nn).items()
    if inspect.isclass(thing) and issubclass(thing, nn.Module) and name not in CONTAINERS | RANDOM
}
every_module = pytest.mark.parametrize("name", MODULES)


def function(name):
    found = OPERATIONS[name].operation if name in OPERATIONS else getattr(tg, name, None) or getattr(tg.linalg, name)
    return on_symmetric_matrices(name, found)


def differentiable(name, sample):
    """Return whether an output and an input are floating: there is nothing to check of a comparison."""
    with np.errstate(all="ignore"):
        out = function(name)(*sample.inputs, **sample.parameters)
    outs = out if isinstance(out, tuple) else (out,)
    return all(
        any(np.asarray(x).dtype.kind in "fc" for x in group) for group in ([y.numpy() for y in outs], sample.inputs)
    )


# test_operations.py checks every entry, by check_operation
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sample"),
    [
        pytest.param(name, sample, id=label(name, sample))
        for name, samples in SAMPLES.items()
        for sample in samples
        if sample.smooth and differentiable(name, sample)
    ],
)
def test_an_operation_has_the_right_gradients_along_random_directions(name, sample, gradcheck):
    with np.errstate(all="ignore"):
        gradcheck(lambda *inputs: function(name)(*inputs, **sample.parameters), sample.inputs, order=2, mode="random")


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


def test_a_model_as_it_comes_is_checked_in_float64(gradcheck):
    report = gradcheck(nn.Linear(4, 3), tg.rand(5, 4))
    assert report["weight"].relative[np.isfinite(report["weight"].relative)].max() < 1e-6


def test_a_network_with_its_loss(gradcheck):
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 4))
    report = gradcheck(lambda x: nn.functional.cross_entropy(model(x), LABELS), ROWS, params=model)
    assert report.entries == ROWS.size + 16 * 5 + 4 * 17
