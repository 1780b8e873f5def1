"""Networks that were made sick on purpose: each with the illness that a doctor must name, and its layer."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim


class Patient(NamedTuple):
    """What `fit` is called with, and what is wrong with it; `layers` has the names that are right."""

    illness: str
    layers: set
    module: nn.Module
    loss: Any
    optimizer: optim.Optimizer
    data: tuple
    epochs: int = 10
    options: dict | None = None


def blobs(random, n=400, features=8, classes=3):
    y = random.integers(0, classes, n)
    centres = 2 * random.normal(size=(classes, features))
    return centres[y] + random.normal(size=(n, features)), y


def mlp(*sizes, activation=nn.ReLU, init=None):
    layers = []
    for fan_in, fan_out in pairwise(sizes):
        layer = nn.Linear(fan_in, fan_out)
        if init is not None:
            init(layer)
        layers += [layer, activation()]
    return nn.Sequential(*layers[:-1])


def normal(deviation):
    return lambda layer: nn.init.normal_(layer.weight, 0.0, deviation)


def constant(value):
    def init(layer):
        layer.weight.data[:] = value
        layer.bias.data[:] = 0.0

    return init


class Parts(nn.Module):
    """Two layers, between which a function may do anything."""

    def __init__(self, between=tg.relu, before=lambda x: x, after=lambda x: x):
        self.first, self.last = nn.Linear(8, 16), nn.Linear(16, 3)
        self.between, self.before, self.after = between, before, after

    def forward(self, x):
        return self.after(self.last(self.between(self.first(self.before(x)))))


class Functional(nn.Module):
    """Activations that are functions and no modules."""

    def __init__(self):
        self.fc1, self.fc2, self.out = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 3)

    def forward(self, x):
        return self.out(tg.relu(self.fc2(tg.relu(self.fc1(x)))))


class WithSpare(nn.Module):
    def __init__(self):
        self.first, self.spare, self.last = nn.Linear(8, 16), nn.Linear(8, 4), nn.Linear(16, 3)

    def forward(self, x):
        return self.last(tg.relu(self.first(x)))


class Last(nn.Module):
    """Reads out the last state of a recurrent layer."""

    def __init__(self, recurrent, hidden):
        self.recurrent, self.head = recurrent, nn.Linear(hidden, 1)

    def forward(self, x):
        return self.head(self.recurrent(x)[0][:, -1])


CE, MSE = nn.CrossEntropyLoss, nn.MSELoss


def sgd(module, rate, **options):
    return optim.SGD(module.parameters(), lr=rate, **options)


def adam(module, rate):
    return optim.Adam(module.parameters(), lr=rate)


def standardised(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def patient(name: str, seed: int = 0) -> Patient:
    """Return the patient of that name."""
    tg.manual_seed(seed)
    random = np.random.default_rng(seed)
    return PATIENTS[name](random, *blobs(random))


PATIENTS = {}


def sick(function):
    PATIENTS[function.__name__] = function
    return function


# ---------------------------------------------------------------------- gradients


@sick
def thirteen_sigmoid_layers(random, x, y):
    m = mlp(8, *[16] * 13, 3, activation=nn.Sigmoid)
    return Patient("vanishing gradient", {"0"}, m, CE(), adam(m, 1e-3), (x, y))


@sick
def small_weights_of_tanh(random, x, y):
    m = mlp(8, *[16] * 9, 3, activation=nn.Tanh, init=normal(0.05))
    return Patient("vanishing gradient", {"0"}, m, CE(), adam(m, 1e-3), (x, y), 3)


@sick
def small_weights_of_relu(random, x, y):
    m = mlp(8, *[16] * 10, 3, init=normal(0.05))
    for layer in list(m.children())[::2]:
        layer.bias.data[:] = 0.0
    return Patient("vanishing gradient", {"0"}, m, CE(), sgd(m, 0.05), (x, y))


@sick
def rounded_outputs(random, x, y):
    m = Parts(after=lambda out: out.round())
    return Patient("vanishing gradient", {"first"}, m, CE(), adam(m, 3e-3), (x, y))


@sick
def large_weights_of_relu(random, x, y):
    m = mlp(8, *[64] * 10, 3, init=normal(1.0))
    return Patient("exploding gradient", {"0"}, m, CE(), sgd(m, 1e-9), (x, y))


@sick
def large_weights_that_overflow(random, x, y):
    m = mlp(8, *[64] * 8, 1, activation=nn.Identity, init=normal(0.8))
    return Patient("exploding gradient", {"0"}, m, MSE(), sgd(m, 1e-12), (x, x[:, :1]))


@sick
def weights_of_the_size_ten(random, x, y):
    m = mlp(8, 32, 3, init=normal(10.0))
    return Patient("exploding activations", {"0", "1", "2"}, m, CE(), adam(m, 1e-3), (x, y))


@sick
def exploding_over_time(random, x, y):
    x = random.normal(size=(200, 40, 2))
    m = Last(nn.RNN(2, 16, nonlinearity="relu", batch_first=True), 16)
    m.recurrent.weight_hh_l0.data[:] = 1.5 * np.eye(16)
    return Patient("exploding gradient", {"recurrent"}, m, MSE(), sgd(m, 1e-12), (x / 10, x[:, 0, :1]), 2)


@sick
def forgetting_over_time(random, x, y):
    x = random.normal(size=(300, 80, 2))
    m = Last(nn.RNN(2, 16, batch_first=True), 16)
    return Patient("forgetting over time", {"recurrent"}, m, MSE(), adam(m, 3e-3), (x, x[:, :2, 0].sum(1)[:, None]))


@sick
def cut_by_numpy(random, x, y):
    m = Parts(lambda h: tg.tensor(tg.relu(h).numpy()))
    return Patient("no gradient", {"first"}, m, CE(), adam(m, 3e-3), (x, y))


@sick
def never_used(random, x, y):
    m = WithSpare()
    return Patient("no gradient", {"spare"}, m, CE(), adam(m, 3e-3), (x, y))


# ---------------------------------------------------------------------- units


@sick
def all_dead(random, x, y):
    m = mlp(8, 32, 3)
    m[0].bias.data[:] = -100.0
    return Patient("dead ReLU", {"1"}, m, CE(), adam(m, 1e-3), (x, y))


@sick
def three_quarters_dead(random, x, y):
    m = mlp(8, 32, 32, 3)
    m[2].bias.data[:24] = -50.0
    return Patient("dead ReLU", {"3"}, m, CE(), adam(m, 1e-3), (x, y))


@sick
def dead_channels(random, x, y):
    m = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 3))
    m[0].bias.data[:6] = -50.0
    images = random.normal(size=(200, 1, 8, 8))
    return Patient("dead ReLU", {"1"}, m, CE(), adam(m, 1e-3), (images, (images.mean((1, 2, 3)) > 0).astype(int)), 4)


@sick
def dead_function(random, x, y):
    m = Functional()
    m.fc2.bias.data[:] = -50.0
    return Patient("dead ReLU", {"fc2"}, m, CE(), adam(m, 1e-3), (x, y))


@sick
def saturated_tanh(random, x, y):
    m = mlp(8, 32, 3, activation=nn.Tanh)
    m[0].weight.data[:] *= 100
    return Patient("saturated tanh", {"1"}, m, CE(), adam(m, 1e-3), (x, y))


@sick
def saturated_sigmoid(random, x, y):
    m = mlp(8, 32, 3, activation=nn.Sigmoid)
    m[0].weight.data[:] *= 100
    return Patient("saturated sigmoid", {"1"}, m, CE(), adam(m, 1e-3), (x, y))


@sick
def equal_weights(random, x, y):
    m = mlp(8, 16, 3, activation=nn.Tanh, init=constant(0.1))
    return Patient("symmetric units", {"0"}, m, CE(), adam(m, 3e-3), (x, y))


@sick
def zero_weights(random, x, y):
    m = mlp(8, 16, 3, activation=nn.Tanh, init=constant(0.0))
    return Patient("symmetric units", {"0"}, m, CE(), adam(m, 3e-3), (x, y))


@sick
def constant_inputs(random, x, y):
    m = Parts(before=lambda x: x * 0)
    return Patient("output does not depend on the input", {""}, m, CE(), adam(m, 3e-3), (x, y), 20)


@sick
def batches_of_two(random, x, y):
    m = nn.Sequential(nn.Linear(8, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    return Patient("batch too small", {"1"}, m, CE(), adam(m, 3e-3), (x[:100], y[:100]), 10, {"batch_size": 2})


# ---------------------------------------------------------------------- what is not finite


@sick
def logarithm_of_zero(random, x, y):
    m = nn.Sequential(nn.Linear(8, 16), Logarithm(), nn.Linear(16, 3))
    return Patient("NaN or infinity", {"1"}, m, CE(), adam(m, 1e-3), (x, y))


class Logarithm(nn.Module):
    def forward(self, x):
        return tg.log(tg.relu(x))


@sick
def gradient_of_a_norm(random, x, y):
    m = Parts(lambda h: tg.sqrt((h * 0).sum(axis=1, keepdims=True)) + h)
    return Patient("NaN or infinity", {""}, m, CE(), adam(m, 1e-3), (x, y))


@sick
def nan_in_the_data(random, x, y):
    x[7, 3] = np.nan
    m = mlp(8, 16, 3)
    return Patient("NaN or infinity", {""}, m, CE(), adam(m, 1e-3), (x, y))


# ---------------------------------------------------------------------- data


@sick
def one_large_column(random, x, y):
    m = mlp(8, 16, 3, activation=nn.Tanh)
    return Patient("data not scaled", {""}, m, CE(), adam(m, 3e-3), (x * [1, 1, 1, 1, 1, 1, 1, 1000.0], y))


@sick
def target_of_a_million(random, x, y):
    m = mlp(8, 32, 1)
    return Patient("data not scaled", {""}, m, MSE(), adam(m, 1e-3), (x, 1e6 * x[:, :1]), 20)


@sick
def years(random, x, y):
    m = nn.Linear(1, 1)
    years = np.arange(1900.0, 2020)[:, None]
    return Patient("data not scaled", {""}, m, MSE(), sgd(m, 1e-7), (years, 3 * years - 5700), 30)


@sick
def years_at_the_usual_rate(random, x, y):
    m = nn.Linear(1, 1)
    years = np.arange(1900.0, 2020)[:, None]
    return Patient("data not scaled", {""}, m, MSE(), sgd(m, 0.01), (years, 3 * years - 5700), 30)


@sick
def labels_from_one(random, x, y):
    m = mlp(8, 16, 3)
    return Patient("labels out of range", {""}, m, CE(), adam(m, 3e-3), (x, y + 1))


@sick
def labels_of_both_signs(random, x, y):
    m = mlp(8, 16, 1)
    labels = np.where(y > 0, 1.0, -1.0)[:, None]
    return Patient("labels out of range", {""}, m, nn.BCEWithLogitsLoss(), adam(m, 3e-3), (x, labels))


@sick
def one_output_for_classes(random, x, y):
    m = mlp(8, 16, 1)
    return Patient("labels out of range", {""}, m, CE(), adam(m, 3e-3), (x, y * 0))


@sick
def softmax_before_the_loss(random, x, y):
    m = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), nn.Softmax(1))
    return Patient("probabilities instead of logits", {""}, m, CE(), adam(m, 3e-3), (x, y))


@sick
def classes_without_a_reason(random, x, y):
    m = mlp(8, 4, 3, activation=nn.Tanh)
    data = random.normal(size=(2000, 8)), random.integers(0, 3, 2000)
    return Patient("loss at chance level", {""}, m, CE(), adam(m, 3e-3), data, 5)


@sick
def noise_for_a_target(random, x, y):
    m = nn.Linear(8, 1)
    data = random.normal(size=(1000, 8)), random.normal(size=(1000, 1))
    return Patient("loss at chance level", {""}, m, MSE(), sgd(m, 0.01), data)


# ---------------------------------------------------------------------- steps and curves


@sick
def rate_too_high_for_tanh(random, x, y):
    m = mlp(8, 32, 1, activation=nn.Tanh)
    return Patient("learning rate too high", {""}, m, MSE(), sgd(m, 3.0), (x, x[:, :1] * x[:, 1:2]), 20)


@sick
def rate_too_high_for_adam(random, x, y):
    m = mlp(8, 32, 32, 3, activation=nn.Tanh)
    return Patient("learning rate too high", {""}, m, CE(), adam(m, 3.0), (x, y), 20)


@sick
def rate_too_high_for_relu(random, x, y):
    m = mlp(8, 32, 32, 3)
    return Patient("learning rate too high", {""}, m, CE(), adam(m, 1.0), (x, y), 20)


@sick
def rate_slightly_too_high(random, x, y):
    m = nn.Linear(1, 1)
    z = standardised(x[:, :1])
    return Patient("learning rate too high", {""}, m, MSE(), sgd(m, 1.1), (z, 3 * z), 6, {"batch_size": 400})


@sick
def rate_that_diverges(random, x, y):
    m = nn.Linear(8, 1)
    return Patient("learning rate too high", {""}, m, MSE(), sgd(m, 5.0), (standardised(x), x[:, :1]), 200)


@sick
def rate_too_low(random, x, y):
    m = mlp(8, 32, 3)
    return Patient("learning rate too low", {""}, m, CE(), sgd(m, 1e-6), (x, y), 20)


@sick
def rate_too_low_for_adam(random, x, y):
    m = mlp(8, 32, 3)
    return Patient("learning rate too low", {""}, m, CE(), adam(m, 1e-7), (x, y), 20)


@sick
def rate_too_low_for_a_line(random, x, y):
    m = nn.Linear(8, 1)
    return Patient("learning rate too low", {""}, m, MSE(), sgd(m, 1e-6), (x, x[:, :1]), 20)


@sick
def rate_of_nothing(random, x, y):
    m = mlp(8, 32, 3)
    return Patient("learning rate too low", {""}, m, CE(), sgd(m, 1e-12), (x, y))


@sick
def one_slow_layer(random, x, y):
    m = mlp(8, 16, 16, 3)
    groups = [{"params": [*m[0].parameters(), *m[4].parameters()]}, {"params": m[2].parameters(), "lr": 1e-10}]
    return Patient("update too small", {"2"}, m, CE(), optim.Adam(groups, lr=3e-3), (x, y))


@sick
def learned_by_heart(random, x, y):
    def part():
        return random.normal(size=(60, 20)), random.integers(0, 2, 60)

    m = mlp(20, 128, 2)
    return Patient("overfitting", {""}, m, CE(), adam(m, 0.01), part(), 60, {"validation": part()})


@sick
def line_for_a_wave(random, x, y):
    m = nn.Linear(1, 1)
    x = random.uniform(-2, 2, size=(600, 1))
    return Patient("underfitting", {""}, m, MSE(), sgd(m, 0.05), (x, np.sin(4 * x) + x / 2), 30)


@sick
def one_unit_for_a_wave(random, x, y):
    m = mlp(1, 1, 1, activation=nn.Tanh)
    x = random.uniform(-2, 2, size=(600, 1))
    return Patient("underfitting", {""}, m, MSE(), adam(m, 0.01), (x, np.sin(3 * x)), 60)
