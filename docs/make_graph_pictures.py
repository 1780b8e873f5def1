"""Draw the pictures of docs/graphs.md: `python docs/make_graph_pictures.py [folder]`; with Graphviz, PyTorch, JAX."""

import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn

HERE = Path(__file__).parent / "images"


def neuron():
    """One neuron with numbers."""

    def neuron(x1, w1, x2, w2, b):
        return tg.tanh(x1 * w1 + x2 * w2 + b)

    return tg.graph.trace(neuron, 2.0, -3.0, 0.0, 1.0, 6.8813735)


def softmax_regression():
    """Scores, and their cross entropy."""
    x, y = batch(64)
    scores, loss = nn.Linear(64, 10), nn.CrossEntropyLoss()

    def softmax_regression(x):
        return loss(scores(x), y)

    return tg.graph.trace(softmax_regression, tg.tensor(x))


class MLP(nn.Module):
    """The one of examples/quickstart.py."""

    def __init__(self, pixels, classes, hidden=256, dropout=0.4):
        self.first = nn.Linear(pixels, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.scores = nn.Linear(hidden, classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        x = self.dropout(tg.relu(self.first(x)))
        x = self.dropout(tg.relu(self.second(x)))
        return self.scores(x)


def mlp():
    """Its training loss, with the gradients."""
    x, y = batch(64)
    model, loss = MLP(64, 10), nn.CrossEntropyLoss()

    def training_loss(x):
        return loss(model(x), y)

    return tg.graph.trace(training_loss, tg.tensor(x))


class CNN(nn.Module):
    """Two convolutions with pooling, and a linear layer."""

    def __init__(self):
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.scores = nn.Linear(16 * 7 * 7, 10)

    def forward(self, x):
        x = self.pool(tg.relu(self.conv1(x)))
        x = self.pool(tg.relu(self.conv2(x)))
        return self.scores(x.reshape(len(x), -1))


def cnn():
    """The forward pass alone."""
    return tg.graph.trace(CNN(), tg.rand(32, 1, 28, 28), backward=False)


class ResidualBlock(nn.Module):
    """x + F(x)."""

    def __init__(self, features):
        self.norm = nn.LayerNorm(features)
        self.widen = nn.Linear(features, 4 * features)
        self.narrow = nn.Linear(4 * features, features)

    def forward(self, x):
        return x + self.narrow(tg.relu(self.widen(self.norm(x))))


def residual():
    """A block of a residual network."""
    return tg.graph.trace(ResidualBlock(64), tg.randn(32, 64), backward=False)


class Cell(nn.Module):
    """One step of a recurrent network."""

    def __init__(self, inputs, hidden):
        self.input = nn.Linear(inputs, hidden)
        self.state = nn.Linear(hidden, hidden, bias=False)

    def forward(self, x, h):
        return tg.tanh(self.input(x) + self.state(h))


class RNN(nn.Module):
    """The same cell at every time."""

    def __init__(self, inputs, hidden):
        self.cell = Cell(inputs, hidden)
        self.score = nn.Linear(hidden, 1)

    def forward(self, xs):
        h = tg.zeros(xs.shape[1], self.cell.state.in_features)
        for x in xs:
            h = self.cell(x, h)
        return self.score(h)


def rnn(steps=60):
    """Unrolled in time, with shared weights."""
    return tg.graph.trace(RNN(3, 16), tg.randn(steps, 8, 3))


def layers():
    """Five hundred layers."""
    return tg.graph.trace(
        nn.Sequential(*[m for _ in range(500) for m in (nn.Linear(16, 16), nn.Tanh())]), tg.ones(4, 16)
    )


def hessian_vector_product():
    """The gradient of a gradient: the graph goes on through the rules."""

    def hessian_vector_product(x, v):
        y = tg.sum(x**3)
        (slope,) = tg.autograd.grad(y, x, create_graph=True)
        (product,) = tg.autograd.grad(tg.sum(slope * v), x, create_graph=True)
        return product

    x, v = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([1.0, -1.0])
    return tg.graph.trace(hessian_vector_product, x, v, backward=False)


def difference():
    """What changed from one version of a function to the next."""

    def before(x, w):
        return tg.sum(tg.tanh(x * w))

    def after(x, w):
        return tg.mean(tg.relu(x * w))

    x, w = np.array([1.0, -2.0, 3.0]), np.array([0.5, 1.0, -1.0])
    return tg.graph.trace(before, x, w).diff(tg.graph.trace(after, x, w))


def trouble():
    """A gradient that becomes infinite at sqrt(0)."""

    def distance(x, y):
        return tg.sum(tg.sqrt((x - y) ** 2))

    return tg.graph.trace(distance, np.array([3.0, 1.0]), np.array([1.0, 1.0]))


def pytorch():
    """An encoder layer of PyTorch."""
    import torch

    torch.manual_seed(0)
    layer, x = torch.nn.TransformerEncoderLayer(16, 2, 32).eval(), torch.randn(5, 2, 16)
    return tg.graph.trace(layer, x, gradient=torch.randn(5, 2, 16))


def jax():
    """The gradient of a function of JAX."""
    import jax

    def slope(x):
        return jax.grad(lambda x: jax.numpy.sin(x) ** 2)(x)

    return tg.graph.trace(slope, 0.5)


def batch(pixels):
    """Return made-up images and their classes."""
    rng = np.random.default_rng(0)
    return rng.random((32, pixels), np.float32), rng.integers(0, 10, 32)


PICTURES = {
    "neuron": (neuron, {"direction": "right"}),
    "neuron-dark": (neuron, {"direction": "right", "theme": "dark"}),
    "softmax-regression": (softmax_regression, {"direction": "right"}),
    "mlp": (mlp, {}),
    "mlp-folded": (mlp, {"depth": 1, "direction": "right"}),
    "cnn": (cnn, {}),
    "residual": (residual, {}),
    "rnn": (lambda: rnn(3), {"direction": "right"}),
    "rnn-60": (rnn, {"title": "Sixty steps", "legend": True}),
    "layers-500": (layers, {"theme": "print"}),
    "hessian-vector-product": (hessian_vector_product, {}),
    "difference": (difference, {"direction": "right"}),
    "trouble": (trouble, {"direction": "right"}),
    "pytorch": (pytorch, {"direction": "down"}),
    "jax": (jax, {"direction": "right"}),
}


def main():
    """Draw all of them."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    folder.mkdir(parents=True, exist_ok=True)
    for name, (graph, options) in PICTURES.items():
        tg.manual_seed(0)
        print(graph().render(folder / f"graph-{name}.svg", **({"legend": False} | options)))
    print(neuron().animate(folder / "graph-neuron.gif", direction="right"))


if __name__ == "__main__":
    main()
