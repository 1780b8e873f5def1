"""The workloads in PyTorch: as they are, or through torch.compile."""

import os

import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional as F

from .data import CLIP, DROPOUT, OPERATIONS, RATE, data

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def filled(net, weights):
    with torch.no_grad():
        for p, value in zip(net.parameters(), weights):
            p.copy_(torch.tensor(value))
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


def make(name, compiled=False):
    torch.manual_seed(0)
    step = steps(name, data(name))
    return torch.compile(step) if compiled else step


def steps(name, d):
    if name == "scalars":
        a, b, x = torch.tensor(0.9), torch.tensor(0.1), torch.tensor(0.5, requires_grad=True)

        def scalars():
            x.grad = None
            h = x
            for _ in range(OPERATIONS):
                h = ((h * a + b) * 1.1).tanh()
            h.backward()
            return h.detach()

        return scalars
    if name == "chain":
        x, y, z = (torch.tensor(a, requires_grad=True) for a in d["arrays"])

        def chain():
            x.grad = y.grad = z.grad = None
            out = (torch.tanh(x * y + z) * x).sum()
            out.backward()
            return out.detach()

        return chain
    if name == "hessian":
        w, x = torch.tensor(d["w"]), torch.tensor(d["x"])
        hessian = torch.func.hessian(lambda x: (torch.tanh(w @ x) ** 2).sum())
        return lambda: hessian(x)
    x, y = torch.tensor(d["x"]), torch.tensor(d["y"])
    if name == "embedding":
        table = filled(nn.Embedding(5000, 32, sparse=True), d["weights"])
        linear = filled(nn.Linear(32, 10), d["weights"][1:])
        net = lambda x: linear(table(x).mean(dim=1))
        optimizer = optim.Adagrad([*table.parameters(), *linear.parameters()], lr=RATE[name], eps=1e-10)
    else:
        net = network(name, d["weights"])
        optimizer = optim.SGD(net.parameters(), lr=RATE[name]) if name in RATE else optim.Adam(net.parameters())
    losses = {"linear": F.mse_loss, "tiny": F.mse_loss, "logistic": F.binary_cross_entropy_with_logits}
    loss_of = losses.get(name, F.cross_entropy)

    def training():
        optimizer.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        if name == "mlp":
            nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        optimizer.step()
        return loss.detach()

    return training


def value(loss):
    return float(np.sum(loss.numpy()))
