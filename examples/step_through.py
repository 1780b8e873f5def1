"""Step through backpropagation: five small networks, each as a page to click through.

    python examples/step_through.py

Every page is one file that needs neither a network nor Python. Click into it and press the arrow key: first the values
are computed, then the gradients, and each step says what the chain rule did. The pages go into the folder `output` (or
the one that TINYGRAD_ML_OUTPUT names); open them with a browser.
"""

import os
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn


def neuron(x1, w1, x2, w2, b):
    return tg.tanh(x1 * w1 + x2 * w2 + b)


class Classifier(nn.Module):
    """A network of two layers and its loss on four points."""

    def __init__(self):
        self.hidden = nn.Linear(2, 4)
        self.score = nn.Linear(4, 1)
        self.loss = nn.BCEWithLogitsLoss()

    def forward(self, x, y):
        return self.loss(self.score(tg.tanh(self.hidden(x))), y)


class ReadDigits(nn.Module):
    """Convolution, nonlinearity, pooling, and a linear layer on top."""

    def __init__(self):
        self.convolution = nn.Conv2d(1, 4, 3)
        self.scores = nn.Linear(4 * 3 * 3, 10)

    def forward(self, images):
        seen = tg.max_pool2d(tg.relu(self.convolution(images)), 2)
        return self.scores(seen.reshape(len(images), -1))


class Recurrent(nn.Module):
    """The same cell at each of eight times, and a score of the last state."""

    def __init__(self):
        self.input = nn.Linear(3, 5)
        self.state = nn.Linear(5, 5, bias=False)
        self.score = nn.Linear(5, 1)

    def forward(self, xs):
        h = tg.zeros(xs.shape[1], 5)
        for x in xs:
            h = tg.tanh(self.input(x) + self.state(h))
        return self.score(h)


class Attention(nn.Module):
    """Each word looks at all others: softmax(queries · keys) · values."""

    def __init__(self):
        self.queries, self.keys, self.values = (nn.Linear(4, 4, bias=False) for _ in range(3))

    def forward(self, words):
        scores = self.queries(words) @ self.keys(words).T / 2.0
        return tg.softmax(scores, axis=-1) @ self.values(words)


def graphs():
    """Yield the name of each page and its graph."""
    tg.manual_seed(0)
    rng = np.random.default_rng(0)
    yield "neuron", tg.graph.trace(neuron, 2.0, -3.0, 0.0, 1.0, 6.8813735)
    x, y = (
        tg.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float32"),
        tg.tensor([[0], [1], [1], [0]], dtype="float32"),
    )
    yield "two_layers_and_their_loss", tg.graph.trace(Classifier(), x, y)
    yield "convolution", tg.graph.trace(ReadDigits(), tg.tensor(rng.random((2, 1, 8, 8), dtype="float32")))
    yield "recurrent_network", tg.graph.trace(Recurrent(), tg.tensor(rng.random((8, 2, 3), dtype="float32")))
    yield "attention", tg.graph.trace(Attention(), tg.tensor(rng.random((5, 4), dtype="float32")))


def main():
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    output.mkdir(parents=True, exist_ok=True)
    for name, graph in graphs():
        page = graph.explorer(output / f"{name}.html")
        print(f"{page}: {len(graph.nodes)} nodes")


if __name__ == "__main__":
    main()
