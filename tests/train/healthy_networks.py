"""Healthy training runs of many kinds and sizes, in which a doctor must find nothing."""

from typing import Any, NamedTuple

import numpy as np

import tinygrad_ml as tg
from tests.train.sick_networks import Last, blobs, mlp, standardised
from tinygrad_ml import nn, optim
from tinygrad_ml.train import ClipGradients, EarlyStopping, LearningRate, fit


class Healthy(NamedTuple):
    """What `fit` is called with."""

    module: nn.Module
    loss: Any
    optimizer: optim.Optimizer
    data: tuple
    epochs: int = 20
    options: dict | None = None


CE, MSE = nn.CrossEntropyLoss, nn.MSELoss
RUNS = {}


def healthy(function):
    RUNS[function.__name__] = function
    return function


def run(name: str, seed: int = 0) -> Healthy:
    """Return the training run of that name."""
    tg.manual_seed(seed)
    return RUNS[name](np.random.default_rng(seed))


def adam(module, rate=0.01):
    return optim.Adam(module.parameters(), lr=rate)


def sgd(module, rate=0.1, **options):
    return optim.SGD(module.parameters(), lr=rate, **options)


def moons(random, n=400):
    y = random.integers(0, 2, n)
    angle = np.pi * random.random(n) + np.pi * y
    x = np.column_stack([np.cos(angle) + y, np.sin(angle) + y / 2]) + random.normal(0, 0.1, (n, 2))
    return standardised(x), y


def images(random, n=400):
    """Bars in one of four places, in noise."""
    y = random.integers(0, 4, n)
    x = random.normal(0, 0.3, (n, 1, 8, 8))
    for i, k in enumerate(y):
        x[i, 0, 2 * k] += 1
    return x, y


def wave(random, n=400):
    x = random.uniform(-1, 1, (n, 1))
    return x, np.sin(3 * x) + 0.1 * random.normal(size=(n, 1))


# ---------------------------------------------------------------------- linear models


@healthy
def linear(random):
    x = random.normal(size=(300, 5))
    m = nn.Linear(5, 1)
    return Healthy(m, MSE(), sgd(m, 0.05), (x, x @ random.normal(size=(5, 1)) + 3 + 0.1 * random.normal(size=(300, 1))))


@healthy
def linear_on_much_noise(random):
    x = random.normal(size=(300, 4))
    m = nn.Linear(4, 1)
    return Healthy(m, MSE(), sgd(m, 0.02), (x, x[:, :1] + 1.5 * random.normal(size=(300, 1))))


@healthy
def linear_with_all_data_in_a_batch(random):
    x = random.normal(size=(200, 3))
    m = nn.Linear(3, 1)
    return Healthy(m, MSE(), sgd(m, 0.3), (x, x @ np.array([[1.0], [2.0], [3.0]])), 80, {"batch_size": 200})


@healthy
def linear_from_its_optimum(random):
    x = random.normal(size=(200, 3))
    y = x @ np.array([[1.0], [0.5], [0.0]]) + random.normal(size=(200, 1))
    m = nn.Linear(3, 1)
    fit(m, MSE(), sgd(m), (x, y), epochs=100, batch_size=200)
    return Healthy(m, MSE(), sgd(m), (x, y), 80, {"batch_size": 200})


@healthy
def logistic(random):
    x = random.normal(size=(300, 5))
    y = (x @ random.normal(size=(5, 1)) > 0).astype(float)
    m = nn.Linear(5, 1)
    return Healthy(m, nn.BCEWithLogitsLoss(), sgd(m), (x, y))


@healthy
def softmax_regression(random):
    m = nn.Linear(8, 3)
    return Healthy(m, CE(), sgd(m), blobs(random))


# ---------------------------------------------------------------------- multi-layer perceptrons


def perceptron(activation):
    def made(random):
        m = mlp(2, 32, 32, 2, activation=activation)
        return Healthy(m, CE(), adam(m), moons(random), 40)

    return made


for kind in (nn.ReLU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.LeakyReLU, nn.ELU, nn.SiLU, nn.Softplus, nn.ReLU6):
    RUNS[f"perceptron_with_{kind.__name__}"] = perceptron(kind)


@healthy
def perceptron_on_a_wave(random):
    m = mlp(1, 32, 1)
    return Healthy(m, MSE(), adam(m), wave(random), 60)


@healthy
def perceptron_on_positive_inputs(random):
    x = random.random((400, 1))
    m = mlp(1, 16, 1)
    return Healthy(m, MSE(), adam(m, 0.02), (x, np.sin(6 * x)), 80)


@healthy
def probabilities_and_bce(random):
    x, y = moons(random)
    m = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1), nn.Sigmoid())
    return Healthy(m, nn.BCELoss(), adam(m, 0.02), (x, y[:, None].astype(float)), 40)


@healthy
def dropout(random):
    m = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 3))
    return Healthy(m, CE(), adam(m), blobs(random))


@healthy
def weight_decay(random):
    m = mlp(8, 32, 3)
    return Healthy(m, CE(), optim.AdamW(m.parameters(), lr=0.01, weight_decay=0.05), blobs(random))


@healthy
def momentum_and_a_schedule(random):
    m = mlp(8, 32, 3)
    options = {"callbacks": [LearningRate(lambda epoch: 0.1 * 0.9**epoch), ClipGradients(max_norm=1.0)]}
    return Healthy(m, CE(), sgd(m, 0.1, momentum=0.9), blobs(random), 20, options)


@healthy
def single_examples(random):
    x = random.normal(size=(80, 3))
    m = mlp(3, 16, 1, activation=nn.Tanh)
    return Healthy(m, MSE(), sgd(m, 0.02), (x, x[:, :1] * x[:, 1:2]), 30, {"batch_size": 1})


@healthy
def eight_layers_by_he(random):
    m = mlp(8, *[32] * 8, 3, init=lambda layer: nn.init.kaiming_normal_(layer.weight))
    return Healthy(m, CE(), adam(m, 1e-3), blobs(random))


@healthy
def from_where_it_has_converged(random):
    x = random.normal(size=(200, 3))
    y = x @ np.array([[1.0], [2.0], [3.0]])
    m = mlp(3, 16, 1, activation=nn.Tanh)
    fit(m, MSE(), adam(m), (x, y), epochs=100)
    return Healthy(m, MSE(), adam(m, 1e-4), (x, y))


@healthy
def rare_class(random):
    x = random.normal(size=(600, 4))
    m = mlp(4, 16, 2)
    return Healthy(m, CE(), adam(m), (x, (x[:, 0] > 1.2).astype(int)), 30)


@healthy
def early_stopping(random):
    m = mlp(20, 64, 2)
    x = random.normal(size=(400, 20))
    y = (x[:, 0] + x[:, 1] + 0.5 * random.normal(size=400) > 0).astype(int)
    options = {"validation": (x[200:], y[200:]), "callbacks": [EarlyStopping(patience=5)]}
    return Healthy(m, CE(), adam(m, 0.005), (x[:200], y[:200]), 60, options)


@healthy
def autoencoder(random):
    x = random.normal(size=(400, 3)) @ random.normal(size=(3, 16))
    m = mlp(16, 32, 4, 32, 16, activation=nn.Tanh)
    return Healthy(m, MSE(), adam(m), (standardised(x), standardised(x)))


@healthy
def frozen_body(random):
    x, y = blobs(random)
    m = mlp(8, 32, 3)
    fit(m, CE(), adam(m), (x, y), epochs=5)
    m[0].requires_grad_(False)
    tuned = nn.Sequential(m[0], m[1], nn.Linear(32, 2))
    parameters = [p for p in tuned.parameters() if p.requires_grad]
    return Healthy(tuned, CE(), optim.Adam(parameters, lr=0.01), (x, (y > 0).astype(int)))


# ---------------------------------------------------------------------- other architectures


@healthy
def convolutions_with_batch_norm(random):
    m = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(64, 4)),
    )
    return Healthy(m, CE(), adam(m, 3e-3), images(random), 5)


@healthy
def plain_convolutions(random):
    m = nn.Sequential(
        *(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(256, 32), nn.ReLU(), nn.Linear(32, 4)),
    )
    return Healthy(m, CE(), adam(m, 3e-3), images(random), 5)


@healthy
def batch_norm_between_layers(random):
    layers = [part for k in range(5) for part in (nn.Linear(8 if k == 0 else 32, 32), nn.BatchNorm1d(32), nn.ReLU())]
    m = nn.Sequential(*layers, nn.Linear(32, 3))
    return Healthy(m, CE(), adam(m, 3e-3), blobs(random))


class Residual(nn.Module):
    def __init__(self, size):
        self.first, self.second = nn.Linear(size, size), nn.Linear(size, size)

    def forward(self, x):
        return x + self.second(tg.relu(self.first(x)))


@healthy
def residual(random):
    m = nn.Sequential(nn.Linear(8, 32), *[Residual(32) for _ in range(4)], nn.Linear(32, 3))
    return Healthy(m, CE(), adam(m, 3e-3), blobs(random))


@healthy
def residual_that_begins_with_zero(random):
    blocks = [Residual(32) for _ in range(4)]
    for block in blocks:
        block.second.weight.data[:] = 0
        block.second.bias.data[:] = 0
    m = nn.Sequential(nn.Linear(8, 32), *blocks, nn.Linear(32, 3))
    return Healthy(m, CE(), adam(m, 3e-3), blobs(random))


def recurrent(cell):
    def made(random):
        x = random.normal(size=(400, 12, 2))
        m = Last(cell(2, 16, batch_first=True), 16)
        return Healthy(m, MSE(), adam(m), (x, x[:, -3:, 0].sum(axis=1)[:, None]))

    return made


for kind in (nn.RNN, nn.LSTM, nn.GRU):
    RUNS[f"recurrent_{kind.__name__}"] = recurrent(kind)


class Transformer(nn.Module):
    def __init__(self, words, size, layers):
        self.embedding = nn.Embedding(words, size)
        layer = nn.TransformerEncoderLayer(size, 4, 2 * size, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers)
        self.head = nn.Linear(size, 2)

    def forward(self, x):
        return self.head(self.encoder(self.embedding(x)).mean(axis=1))


@healthy
def transformer(random):
    words = random.integers(0, 15, (400, 10))
    m = Transformer(15, 16, 2)
    return Healthy(m, CE(), adam(m, 3e-3), (words, (words == 3).any(axis=1).astype(int)), 10)


@healthy
def embeddings(random):
    words = random.integers(0, 50, (500, 6))
    m = nn.Sequential(nn.Embedding(50, 8), nn.Flatten(), nn.Linear(48, 1))
    return Healthy(m, MSE(), adam(m), (words, random.normal(size=50)[words].sum(axis=1)[:, None]), 25)


# ---------------------------------------------------------------------- data and losses of other kinds


@healthy
def exclusive_or(random):
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    m = mlp(2, 8, 1, activation=nn.Tanh)
    return Healthy(m, nn.BCEWithLogitsLoss(), adam(m, 0.05), (x, np.array([[0.0], [1.0], [1.0], [0.0]])), 200)


@healthy
def log_probabilities(random):
    m = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), nn.LogSoftmax(1))
    return Healthy(m, nn.NLLLoss(), adam(m), blobs(random))


@healthy
def several_labels(random):
    x = random.normal(size=(400, 8))
    m = mlp(8, 16, 4)
    return Healthy(m, nn.BCEWithLogitsLoss(), adam(m), (x, (x[:, :4] > 0).astype(float)))


@healthy
def absolute_errors(random):
    x = random.normal(size=(400, 8))
    m = mlp(8, 16, 2)
    return Healthy(m, nn.L1Loss(), adam(m), (x, np.column_stack([abs(x[:, 0]), x[:, 1]])), 40)


@healthy
def weighted_examples(random):
    x, y = blobs(random)

    def loss(output, target, weight):
        return (nn.functional.cross_entropy(output, target, reduction="none") * weight).mean()

    m = mlp(8, 16, 3)
    return Healthy(m, loss, adam(m), (x, y, random.random(400)))


@healthy
def rare_words(random):
    counts = (random.random((500, 200)) < 0.05) * random.integers(1, 4, (500, 200)).astype(float)
    y = (counts[:, :10].sum(axis=1) > counts[:, 10:20].sum(axis=1)).astype(int)
    m = nn.Linear(200, 2)
    return Healthy(m, CE(), adam(m), (counts, y), 30)


@healthy
def borders_of_images(random):
    x, y = images(random)
    x = x.clip(0).reshape(len(x), -1)
    x[:, ::8] = (random.random((len(x), 8)) < 0.05) * 0.004  # hardly ever anything there
    m = mlp(64, 32, 4)
    return Healthy(m, CE(), adam(m), (x, y))


@healthy
def few_epochs(random):
    m = mlp(8, 16, 3)
    return Healthy(m, CE(), sgd(m, 0.01), blobs(random), 3)


@healthy
def second_order(random):
    m = mlp(8, 16, 3)
    return Healthy(m, CE(), optim.LBFGS(m.parameters()), blobs(random), 8, {"batch_size": 400})


class OwnParameters(nn.Module):
    def __init__(self):
        self.w = nn.Parameter(0.3 * np.random.default_rng(0).normal(size=(8, 3)))
        self.b = nn.Parameter(np.zeros(3))

    def forward(self, x):
        return x @ self.w + self.b


@healthy
def parameters_without_layers(random):
    m = OwnParameters()
    return Healthy(m, CE(), adam(m), blobs(random))
