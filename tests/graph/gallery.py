"""Thirty graphs, as lessons have them: from one neuron to five hundred layers."""

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.graph import trace

GALLERY = {}


def shown(make):
    """Put a graph into the gallery."""
    GALLERY[make.__name__] = make
    return make


def uniform(*shape):
    return np.random.default_rng(0).random(shape, np.float32)


def integers(high, *shape):
    return np.random.default_rng(0).integers(0, high, shape)


# ---------------------------------------------------------------------- expressions


@shown
def scalar_expression():
    return trace(lambda a, b, c: (a * b + c) * tg.exp(-a) + tg.sin(b) / c, 1.0, 2.0, 3.0)


@shown
def neuron():
    def neuron(x1, w1, x2, w2, b):
        return tg.tanh(x1 * w1 + x2 * w2 + b)

    return trace(neuron, 2.0, -3.0, 0.0, 1.0, 6.8813735)


@shown
def shared_weights():
    w = tg.tensor([[0.5, -0.2], [0.1, 0.9]], requires_grad=True)

    def twice(x):
        return tg.sum(tg.tanh(tg.tanh(x @ w) @ w))

    return trace(twice, [[1.0, 2.0]])


@shown
def hessian_vector_product():
    def product(x, v):
        y = tg.sum(x**3)
        (slope,) = tg.autograd.grad(y, x, create_graph=True)
        (product,) = tg.autograd.grad(tg.sum(slope * v), x, create_graph=True)
        return product

    x, v = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([1.0, -1.0])
    return trace(product, x, v, backward=False)


@shown
def control_flow():
    def double_until_large(x):
        n = 0
        while x.sum() < 10 and n < 3:
            x = x * 2
            n += 1
        return tg.sqrt(x).sum() if x.mean() > 2 else x.sum()

    return trace(double_until_large, [1.0, 2.0])


@shown
def exception_half_way():
    return trace(lambda x, w: tg.relu(tg.exp(x) @ w), np.ones((2, 3)), np.ones((4, 5)))


@shown
def not_finite():
    def distance(x, y):
        return tg.sum(tg.sqrt((x - y) ** 2))

    return trace(distance, np.array([3.0, 1.0]), np.array([1.0, 1.0]))


@shown
def custom_operation():
    def slope(g, x, beta):
        """g * swish'(x)"""
        s = 1 / (1 + np.exp(-beta * x))
        return g * s * (1 + beta * x * (1 - s))

    def to_beta(g, x, out):
        """g * out * (x - out)"""
        return g * out * (x - out)

    swish = tg.autograd.elementwise(
        lambda x, beta: x / (1 + np.exp(-beta * x)), "x * sigmoid(beta * x).", name="swish", x=slope, beta=to_beta
    )
    return trace(lambda x, beta: tg.sum(swish(x, beta)), [1.0, -2.0, 3.0], 1.5)


@shown
def history_of_a_tensor():
    x, w = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([3.0, 4.0], requires_grad=True)
    loss = tg.sum(tg.sigmoid(x * w) + 0.5)
    return trace(loss)


# ---------------------------------------------------------------------- layers


@shown
def logistic_regression():
    y = integers(2, 20).astype(np.float32)
    model, loss = nn.Linear(4, 1), nn.BCEWithLogitsLoss()

    def logistic_regression(x):
        return loss(model(x).reshape(-1), y)

    return trace(logistic_regression, tg.tensor(uniform(20, 4)))


class MLP(nn.Module):
    def __init__(self):
        self.first = nn.Linear(64, 256)
        self.second = nn.Linear(256, 256)
        self.scores = nn.Linear(256, 10)
        self.dropout = nn.Dropout(0.4)

    def forward(self, x):
        x = self.dropout(tg.relu(self.first(x)))
        x = self.dropout(tg.relu(self.second(x)))
        return self.scores(x)


@shown
def mlp():
    y = integers(10, 32)
    model, loss = MLP(), nn.CrossEntropyLoss()

    def training_loss(x):
        return loss(model(x), y)

    return trace(training_loss, tg.tensor(uniform(32, 64)))


class CNN(nn.Module):
    def __init__(self):
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout(0.5)
        self.scores = nn.Linear(16 * 7 * 7, 10)

    def forward(self, x):
        x = self.pool(tg.relu(self.conv1(x)))
        x = self.pool(tg.relu(self.norm(self.conv2(x))))
        return self.scores(self.drop(x).reshape(len(x), -1))


@shown
def cnn():
    return trace(CNN(), tg.rand(32, 1, 28, 28))


class ResidualBlock(nn.Module):
    def __init__(self, features):
        self.norm = nn.LayerNorm(features)
        self.widen = nn.Linear(features, 4 * features)
        self.narrow = nn.Linear(4 * features, features)

    def forward(self, x):
        return x + self.narrow(tg.relu(self.widen(self.norm(x))))


@shown
def residual():
    return trace(ResidualBlock(64), tg.randn(32, 64))


@shown
def embedding():
    table = nn.Embedding(10, 4)
    return trace(lambda tokens: table(tokens).mean(), np.array([[1, 2, 3], [4, 5, 6]]))


@shown
def attention():
    return trace(nn.MultiheadAttention(8, 2), tg.rand(5, 2, 8), tg.rand(5, 2, 8), tg.rand(5, 2, 8))


class Block(nn.Module):
    def __init__(self, features=16):
        self.norm1 = nn.LayerNorm(features)
        self.attention = nn.MultiheadAttention(features, 2)
        self.norm2 = nn.LayerNorm(features)
        self.up = nn.Linear(features, 4 * features)
        self.down = nn.Linear(4 * features, features)

    def forward(self, x):
        y = self.norm1(x)
        mixed, _ = self.attention(y, y, y)
        x = x + mixed
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))


@shown
def transformer_block():
    return trace(Block(), tg.randn(5, 2, 16))


class Encoder(nn.Module):
    def __init__(self):
        self.embed = nn.Embedding(30, 16)
        self.blocks = nn.Sequential(*[Block() for _ in range(6)])
        self.scores = nn.Linear(16, 30)

    def forward(self, x):
        return self.scores(self.blocks(self.embed(x)))


@shown
def six_transformer_blocks():
    y, model = integers(30, 10), Encoder()

    def loss(tokens):
        return nn.functional.cross_entropy(model(tokens).reshape(-1, 30), y)

    return trace(loss, integers(30, 5, 2))


@shown
def autoencoder():
    encode = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8))
    decode = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 64), nn.Sigmoid())

    def reconstruction(x):
        return tg.mean((decode(encode(x)) - x) ** 2)

    return trace(reconstruction, tg.rand(16, 64))


class VariationalAutoencoder(nn.Module):
    def __init__(self):
        self.encode = nn.Linear(64, 32)
        self.mean = nn.Linear(32, 4)
        self.log_variance = nn.Linear(32, 4)
        self.decode = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 64))

    def forward(self, x):
        h = tg.relu(self.encode(x))
        mean, v = self.mean(h), self.log_variance(h)
        z = mean + tg.exp(v / 2) * tg.randn(*mean.shape)
        return nn.functional.mse_loss(self.decode(z), x) + 0.5 * tg.mean(mean**2 + tg.exp(v) - 1 - v)


@shown
def variational_autoencoder():
    return trace(VariationalAutoencoder(), tg.rand(16, 64))


class UNet(nn.Module):
    def __init__(self):
        def convolution(i, o):
            return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU())

        self.down1, self.down2, self.up = convolution(1, 4), convolution(4, 8), convolution(12, 4)
        self.pool = nn.MaxPool2d(2)
        self.last = nn.Conv2d(4, 1, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(self.pool(a))
        b = tg.repeat(tg.repeat(b, 2, axis=2), 2, axis=3)
        return self.last(self.up(tg.concatenate([a, b], axis=1)))


@shown
def unet():
    return trace(UNet(), tg.rand(2, 1, 8, 8))


def generator_and_discriminator():
    generator = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    discriminator = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    return generator, discriminator


@shown
def gan_discriminator_step():
    generate, judge = generator_and_discriminator()
    bce, real = nn.BCEWithLogitsLoss(), uniform(8, 2)
    ones, zeros = np.ones((8, 1), np.float32), np.zeros((8, 1), np.float32)

    def discriminator_loss(z):
        return bce(judge(real), ones) + bce(judge(generate(z).detach()), zeros)

    return trace(discriminator_loss, tg.randn(8, 4))


@shown
def gan_generator_step():
    generate, judge = generator_and_discriminator()
    bce, ones = nn.BCEWithLogitsLoss(), np.ones((8, 1), np.float32)

    def generator_loss(z):
        return bce(judge(generate(z)), ones)

    return trace(generator_loss, tg.randn(8, 4))


# ---------------------------------------------------------------------- repeats


class Tagger(nn.Module):
    def __init__(self):
        self.embed = nn.Embedding(50, 8)
        self.lstm = nn.LSTM(8, 16)
        self.scores = nn.Linear(16, 5)

    def forward(self, x):
        out, _ = self.lstm(self.embed(x))
        return self.scores(out[-1])


@shown
def lstm_layer():
    return trace(Tagger(), integers(50, 20, 4))


class LSTMCell(nn.Module):
    def __init__(self, inputs, hidden):
        self.x = nn.Linear(inputs, 4 * hidden)
        self.h = nn.Linear(hidden, 4 * hidden, bias=False)
        self.hidden = hidden

    def forward(self, x, h, c):
        a, n = self.x(x) + self.h(h), self.hidden
        i, f, o = tg.sigmoid(a[:, :n]), tg.sigmoid(a[:, n : 2 * n]), tg.sigmoid(a[:, 2 * n : 3 * n])
        c = f * c + i * tg.tanh(a[:, 3 * n :])
        return o * tg.tanh(c), c


class HandWrittenLSTM(nn.Module):
    def __init__(self):
        self.cell = LSTMCell(3, 8)
        self.score = nn.Linear(8, 1)

    def forward(self, xs):
        h = c = tg.zeros(xs.shape[1], 8)
        for x in xs:
            h, c = self.cell(x, h, c)
        return self.score(h)


@shown
def lstm_of_20_steps():
    return trace(HandWrittenLSTM(), tg.randn(20, 4, 3))


@shown
def lstm_of_20_steps_without_modules():
    w, u, b = tg.randn(3, 32, requires_grad=True), tg.randn(8, 32, requires_grad=True), tg.zeros(32, requires_grad=True)

    def lstm(xs):
        h = c = tg.zeros(4, 8)
        for t in range(20):
            a = xs[t] @ w + h @ u + b
            i, f, o = tg.sigmoid(a[:, :8]), tg.sigmoid(a[:, 8:16]), tg.sigmoid(a[:, 16:24])
            c = f * c + i * tg.tanh(a[:, 24:])
            h = o * tg.tanh(c)
        return tg.sum(h**2)

    return trace(lstm, tg.randn(20, 4, 3))


class Cell(nn.Module):
    def __init__(self, inputs, hidden):
        self.input = nn.Linear(inputs, hidden)
        self.state = nn.Linear(hidden, hidden, bias=False)

    def forward(self, x, h):
        return tg.tanh(self.input(x) + self.state(h))


class RNN(nn.Module):
    def __init__(self):
        self.cell = Cell(3, 16)
        self.score = nn.Linear(16, 1)

    def forward(self, xs):
        h = tg.zeros(xs.shape[1], 16)
        for x in xs:
            h = self.cell(x, h)
        return self.score(h)


@shown
def rnn_of_3_steps():
    return trace(RNN(), tg.randn(3, 8, 3))


@shown
def rnn_of_60_steps():
    return trace(RNN(), tg.randn(60, 8, 3))


@shown
def five_hundred_layers():
    layers = [layer for _ in range(500) for layer in (nn.Linear(16, 16), nn.Tanh())]
    return trace(nn.Sequential(*layers), tg.randn(4, 16))


@shown
def vanishing_gradient():
    layers = [layer for _ in range(12) for layer in (nn.Linear(8, 8), nn.Sigmoid())]
    return trace(nn.Sequential(*layers), tg.randn(4, 8))


@shown
def newton():
    def root(x):
        for _ in range(12):
            x = x - (x * x - 2) / (2 * x)
        return x

    return trace(root, 1.0)


@shown
def gradient_descent():
    X, y = uniform(20, 3).astype(float), uniform(20).astype(float)

    def descend(w):
        for _ in range(15):
            w = w - 0.1 * (X.T @ (X @ w - y)) / len(y)
        return tg.mean((X @ w - y) ** 2)

    return trace(descend, np.zeros(3))
