"""Draw the pictures of docs/drawing-tools.md: five networks, each with the tools that can draw it.

It needs what the library does not: `pip install torch torchviz torchview keras pydot micrograd`, and Graphviz's `dot`.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import graphviz
import keras
import numpy as np
import torch
import torchview
import torchviz
from micrograd.engine import Value
from PIL import Image

import tinygrad_ml as tg
from tinygrad_ml import nn

HERE = Path(__file__).parent / "images" / "tools"
WIDTH, HEIGHT = 640, 800  # pixels of a committed picture at most


# ---------------------------------------------------------------------- the networks, here


def our_expression(a, b, c):
    """Return an expression of three numbers."""
    return (a * b + c) * tg.exp(-a)


class OurMLP(nn.Module):
    """Two linear layers."""

    def __init__(self):
        self.first, self.second = nn.Linear(64, 128), nn.Linear(128, 10)

    def forward(self, x):
        return self.second(tg.relu(self.first(x)))


class OurCNN(nn.Module):
    """A convolution with pooling and dropout, and a linear layer."""

    def __init__(self):
        self.conv, self.pool, self.drop = nn.Conv2d(1, 8, 3, padding=1), nn.MaxPool2d(2), nn.Dropout(0.5)
        self.scores = nn.Linear(8 * 14 * 14, 10)

    def forward(self, x):
        x = self.drop(self.pool(tg.relu(self.conv(x))))
        return self.scores(x.reshape(len(x), -1))


class OurResidual(nn.Module):
    """x + F(x)."""

    def __init__(self):
        self.widen, self.narrow = nn.Linear(64, 256), nn.Linear(256, 64)

    def forward(self, x):
        return x + self.narrow(tg.relu(self.widen(x)))


class OurRNN(nn.Module):
    """A hand-written loop."""

    def __init__(self):
        self.input, self.state, self.score = nn.Linear(3, 16), nn.Linear(16, 16), nn.Linear(16, 1)

    def forward(self, xs):
        h = tg.zeros(xs.shape[1], 16)
        for x in xs:
            h = tg.tanh(self.input(x) + self.state(h))
        return self.score(h)


# ---------------------------------------------------------------------- the same, in PyTorch


class MLP(torch.nn.Module):
    """Two linear layers."""

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Linear(64, 128), torch.nn.Linear(128, 10)

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))


class CNN(torch.nn.Module):
    """A convolution with pooling and dropout, and a linear layer."""

    def __init__(self):
        super().__init__()
        self.conv, self.pool = torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.MaxPool2d(2)
        self.drop, self.scores = torch.nn.Dropout(0.5), torch.nn.Linear(8 * 14 * 14, 10)

    def forward(self, x):
        x = self.drop(self.pool(torch.relu(self.conv(x))))
        return self.scores(x.reshape(len(x), -1))


class Residual(torch.nn.Module):
    """x + F(x)."""

    def __init__(self):
        super().__init__()
        self.widen, self.narrow = torch.nn.Linear(64, 256), torch.nn.Linear(256, 64)

    def forward(self, x):
        return x + self.narrow(torch.relu(self.widen(x)))


class RNN(torch.nn.Module):
    """A hand-written loop."""

    def __init__(self):
        super().__init__()
        self.input, self.state = torch.nn.Linear(3, 16), torch.nn.Linear(16, 16)
        self.score = torch.nn.Linear(16, 1)

    def forward(self, xs):
        h = torch.zeros(xs.shape[1], 16)
        for x in xs:
            h = torch.tanh(self.input(x) + self.state(h))
        return self.score(h)


NETWORKS = {
    "mlp": (OurMLP, MLP, (32, 64)),
    "cnn": (OurCNN, CNN, (32, 1, 28, 28)),
    "residual": (OurResidual, Residual, (32, 64)),
    "rnn": (OurRNN, RNN, (60, 8, 3)),
}


# ---------------------------------------------------------------------- and in Keras


def keras_models():
    """Return the networks, but for the loop, which Keras has as a layer."""
    layers, inputs = keras.layers, keras.Input((64,))
    x = layers.Dense(10)(layers.Dense(128, "relu")(inputs))
    yield "mlp", keras.Model(inputs, x)
    pixels = keras.Input((28, 28, 1))
    x = layers.MaxPooling2D(2)(layers.Conv2D(8, 3, padding="same", activation="relu")(pixels))
    yield "cnn", keras.Model(pixels, layers.Dense(10)(layers.Flatten()(layers.Dropout(0.5)(x))))
    yield "residual", keras.Model(inputs, layers.Add()([inputs, layers.Dense(64)(layers.Dense(256, "relu")(inputs))]))
    times = keras.Input((60, 3))
    yield "rnn", keras.Model(times, layers.Dense(1)(layers.SimpleRNN(16)(times)))


# ---------------------------------------------------------------------- the tools


def ours(folder):
    """Draw with this library."""
    tg.draw(our_expression, 1.0, 2.0, 3.0, path=folder / "expression-tinygrad_ml.png")
    for name, (model, _, shape) in NETWORKS.items():
        tg.manual_seed(0)
        tg.draw(model(), tg.randn(*shape), path=folder / f"{name}-tinygrad_ml.png")


def with_torchviz(folder):
    """Draw the histories of results."""
    a, b, c = (torch.tensor(x, requires_grad=True) for x in (1.0, 2.0, 3.0))
    drawn = torchviz.make_dot((a * b + c) * torch.exp(-a), params={"a": a, "b": b, "c": c})
    drawn.render(folder / "expression-torchviz", format="png", cleanup=True)
    for name, (_, model, shape) in NETWORKS.items():
        if name == "rnn":
            continue  # weights that sixty steps share are hubs, on which the layout takes minutes
        net = model()
        drawn = torchviz.make_dot(net(torch.randn(*shape)), params=dict(net.named_parameters()))
        drawn.render(folder / f"{name}-torchviz", format="png", cleanup=True)


def with_torchview(folder):
    """Draw calls of modules and functions."""
    for name, (_, model, shape) in NETWORKS.items():
        drawn = torchview.draw_graph(model(), input_size=shape, device="cpu").visual_graph
        drawn.render(folder / f"{name}-torchview", format="png", cleanup=True)


def with_keras(folder):
    """Draw layers."""
    for name, model in keras_models():
        keras.utils.plot_model(model, folder / f"{name}-keras.png", show_shapes=True, show_layer_names=True)


def with_micrograd(folder):
    """Draw numbers: a Value and its gradient, after the notebook that comes with micrograd."""
    a, b, c = Value(1.0), Value(2.0), Value(3.0)
    result = (a * b + c) * float(np.e) ** -1.0  # it has no exp
    result.backward()
    drawn = graphviz.Digraph(format="png", graph_attr={"rankdir": "LR"})
    pending, seen = [result], set()
    while pending:
        value = pending.pop()
        if value in seen:
            continue
        seen.add(value)
        drawn.node(str(id(value)), f"{{ data {value.data:.4f} | grad {value.grad:.4f} }}", shape="record")
        if value._op:
            drawn.node(f"{id(value)}{value._op}", value._op)
            drawn.edge(f"{id(value)}{value._op}", str(id(value)))
        for child in value._prev:
            drawn.edge(str(id(child)), f"{id(value)}{value._op}")
            pending.append(child)
    drawn.render(folder / "expression-micrograd", cleanup=True)


def main():
    """Draw all of them, and make them small enough to be kept."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    folder.mkdir(parents=True, exist_ok=True)
    for draw in (ours, with_torchviz, with_torchview, with_keras, with_micrograd):
        draw(folder)
    for path in sorted(folder.glob("*.png")):
        picture = Image.open(path).convert("RGB")
        size = picture.size
        picture.thumbnail((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        picture.quantize(64, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)
        print(path.name, *size, path.stat().st_size)


if __name__ == "__main__":
    main()
