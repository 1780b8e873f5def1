"""The workloads in HIPS autograd, with updates in NumPy."""

import autograd.numpy as anp
import numpy as np
from autograd import hessian, value_and_grad

from . import by_hand
from .data import DROPOUT, OPERATIONS, RATE, data


def make(name):
    d = data(name)
    if name in ("cnn", "embedding"):
        return None
    if name == "scalars":

        def scalar(x):
            for _ in range(OPERATIONS):
                x = anp.tanh((x * 0.9 + 0.1) * 1.1)
            return x

        f = value_and_grad(scalar)
        return lambda: f(0.5)[0]
    if name == "chain":
        f = value_and_grad(lambda x, y, z: anp.sum(anp.tanh(x * y + z) * x), argnum=(0, 1, 2))
        return lambda: f(*d["arrays"])[0]
    if name == "hessian":
        f = hessian(lambda x: anp.sum(anp.tanh(anp.dot(d["w"], x)) ** 2))
        return lambda: f(d["x"])
    weights, state, x, y = d["weights"], {}, d["x"], d["y"]
    rng = np.random.default_rng(0)
    rows = np.arange(len(x))

    def loss(weights):
        h = x
        for k in range(0, len(weights), 2):
            h = anp.dot(h, weights[k].T) + weights[k + 1]
            if k + 2 < len(weights):
                h = anp.tanh(h) if name == "tiny" else anp.maximum(h, 0)
                if name == "mlp":
                    h = h * ((rng.random(h.shape, np.float32) >= DROPOUT) * np.float32(1 / (1 - DROPOUT)))
        if name in ("linear", "tiny"):
            return anp.mean((h - y) ** 2)
        if name == "logistic":
            return anp.mean(anp.maximum(h, 0) - h * y + anp.log1p(anp.exp(-anp.abs(h))))
        h = h - anp.max(h, axis=1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(h), axis=1)) - h[rows, y])

    gradient = value_and_grad(loss)
    update = by_hand.sgd(name) if name in RATE else by_hand.adam

    def step():
        found, grads = gradient(weights)
        update(weights, by_hand.clipped(grads) if name == "mlp" else grads, state)
        return found

    return step


def value(loss):
    return float(np.sum(loss))
