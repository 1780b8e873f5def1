"""The workloads in tinygrad, each step through its TinyJit."""

import numpy as np
from tinygrad import Tensor, TinyJit, nn

from .data import CLIP, DROPOUT, OPERATIONS, RATE, data


def make(name):
    d = data(name)
    if name in ("hessian", "embedding"):
        return None
    Tensor.training = True
    if name == "scalars":

        @TinyJit
        def scalars(h):
            x = h
            for _ in range(OPERATIONS):
                h = ((h * 0.9 + 0.1) * 1.1).tanh()
            return h.realize(), *(g.realize() for g in h.gradient(x))

        return lambda: scalars(Tensor([0.5]).realize())[0]
    if name == "chain":
        x, y, z = (Tensor(a).realize() for a in d["arrays"])

        @TinyJit
        def chain():
            out = ((x * y + z).tanh() * x).sum()
            return out.realize(), *(g.realize() for g in out.gradient(x, y, z))

        return lambda: chain()[0]
    weights = [Tensor(w).realize() for w in d["weights"]]
    for w in weights:
        w.requires_grad = True
    x, y = Tensor(d["x"]).realize(), Tensor(d["y"]).realize()
    optimizer = nn.optim.SGD(weights, lr=RATE[name]) if name in RATE else nn.optim.Adam(weights)

    def output():
        if name == "cnn":
            h = x.conv2d(weights[0], weights[1], padding=1).relu().max_pool2d()
            return (
                h.conv2d(weights[2], weights[3], padding=1)
                .relu()
                .max_pool2d()
                .flatten(1)
                .linear(weights[4].T, weights[5])
            )
        h = x
        for k in range(0, len(weights), 2):
            h = h.linear(weights[k].T, weights[k + 1])
            if k + 2 < len(weights):
                h = h.tanh() if name == "tiny" else h.relu()
                h = h.dropout(DROPOUT) if name == "mlp" else h
        return h

    @TinyJit
    def step():
        optimizer.zero_grad()
        h = output()
        if name in ("linear", "tiny"):
            loss = ((h - y) ** 2).mean()
        elif name == "logistic":
            loss = h.binary_crossentropy_logits(y)
        else:
            loss = h.sparse_categorical_crossentropy(y)
        loss.backward()
        if name == "mlp":
            norm = sum((w.grad * w.grad).sum() for w in weights).sqrt()
            for w in weights:
                w.grad = w.grad * (CLIP / (norm + 1e-6)).minimum(1)
        return loss.realize(*optimizer.schedule_step())

    return step


def value(loss):
    return float(np.sum(loss.numpy()))
