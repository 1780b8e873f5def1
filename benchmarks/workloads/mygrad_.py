"""The workloads in MyGrad, with updates in NumPy."""

import mygrad as mg
import numpy as np

from . import by_hand
from .data import DROPOUT, OPERATIONS, RATE, data


def make(name):
    d = data(name)
    if name in ("cnn", "embedding", "hessian"):
        return None
    if name == "scalars":

        def scalars():
            h = mg.tensor(np.float32(0.5))
            for _ in range(OPERATIONS):
                h = mg.tanh((h * np.float32(0.9) + np.float32(0.1)) * np.float32(1.1))
            h.backward()
            return h

        return scalars
    if name == "chain":

        def chain():
            x, y, z = (mg.tensor(a, copy=False) for a in d["arrays"])
            out = (mg.tanh(x * y + z) * x).sum()
            out.backward()
            return out

        return chain
    weights, state, x, y = d["weights"], {}, d["x"], d["y"]
    rng = np.random.default_rng(0)
    update = by_hand.sgd(name) if name in RATE else by_hand.adam

    def step():
        tensors = [mg.tensor(w, copy=False) for w in weights]
        h = x
        for k in range(0, len(weights), 2):
            h = mg.matmul(h, tensors[k].T) + tensors[k + 1]
            if k + 2 < len(weights):
                h = mg.tanh(h) if name == "tiny" else mg.maximum(h, 0)
                if name == "mlp":
                    h = h * ((rng.random(h.shape, np.float32) >= DROPOUT) * np.float32(1 / (1 - DROPOUT)))
        if name in ("linear", "tiny"):
            loss = ((h - y) ** 2).mean()
        elif name == "logistic":
            loss = (mg.maximum(h, 0) - h * y + mg.log1p(mg.exp(-mg.abs(h)))).mean()
        else:
            loss = mg.nnet.losses.softmax_crossentropy(h, y)
        loss.backward()
        grads = [t.grad for t in tensors]
        found = loss.item()
        del tensors, h, loss  # lets go of the arrays, which it keeps from being written
        update(weights, by_hand.clipped(grads) if name == "mlp" else grads, state)
        return found

    return step


def value(loss):
    return float(loss)
