"""The workloads in tinygrad_ml: as they are, or compiled for one of the back ends."""

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim

from .data import CLIP, DROPOUT, OPERATIONS, RATE, data

F = nn.functional


def filled(net, weights):
    for p, value in zip(net.parameters(), weights):
        p.data = value  # not p.data[...]: who holds p.data may write to it at any time, so each use looks
    return net


def network(name, weights):
    if name == "cnn":
        layers = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        layers += [nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(784, 10)]
        return filled(nn.Sequential(*layers), weights)
    layers = []
    for w in weights[::2]:
        layers += [nn.Linear(w.shape[1], w.shape[0]), nn.Tanh() if name == "tiny" else nn.ReLU()]
        layers += [nn.Dropout(DROPOUT)] if name == "mlp" else []
    return filled(nn.Sequential(*layers[: -2 if name == "mlp" else -1]), weights)


def make(name, backend=None):
    """Return a function that takes one step and returns the loss, as a Tensor."""
    tg.manual_seed(0)
    d = data(name)
    step, arguments = steps(name, d)
    if backend is not None:
        step = tg.compile(step, backend=backend)
    return lambda: step(*arguments)


def steps(name, d):
    if name == "scalars":
        a, b, x = tg.tensor(0.9), tg.tensor(0.1), tg.tensor(0.5, requires_grad=True)

        def scalars():
            x.grad = None
            h = x
            for _ in range(OPERATIONS):
                h = ((h * a + b) * 1.1).tanh()
            h.backward()
            return h

        return scalars, ()
    if name == "chain":
        x, y, z = (tg.tensor(a, requires_grad=True) for a in d["arrays"])

        def chain():
            x.grad = y.grad = z.grad = None
            out = (tg.tanh(x * y + z) * x).sum()
            out.backward()
            return out

        return chain, ()
    if name == "hessian":
        w = tg.tensor(d["w"])
        return tg.hessian(lambda x: (tg.tanh(w @ x) ** 2).sum()), (tg.tensor(d["x"]),)
    if name == "embedding":
        table = filled(nn.Embedding(5000, 32, sparse=True), d["weights"])
        linear = filled(nn.Linear(32, 10), d["weights"][1:])
        optimizer = optim.Adagrad([*table.parameters(), *linear.parameters()], lr=RATE[name])

        def embedding(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(linear(table(x).mean(axis=1)), y)
            loss.backward()
            optimizer.step()
            return loss

        return embedding, (d["x"], d["y"])
    net = network(name, d["weights"])
    losses = {"linear": F.mse_loss, "tiny": F.mse_loss, "logistic": F.binary_cross_entropy_with_logits}
    loss_of = losses.get(name, F.cross_entropy)
    optimizer = optim.SGD(net.parameters(), lr=RATE[name]) if name in RATE else optim.Adam(net.parameters())
    parameters = list(net.parameters())

    def training(x, y):
        optimizer.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        if name == "mlp":
            optim.clip_grad_norm_(parameters, CLIP)
        optimizer.step()
        return loss

    y = d["y"] if d["y"].dtype == np.int64 else tg.tensor(d["y"])
    return training, (tg.tensor(d["x"]), y)


def value(loss):
    return float(np.sum(loss.numpy()))
