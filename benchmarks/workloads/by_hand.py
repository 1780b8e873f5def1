"""The workloads in NumPy, with gradients written by hand: what somebody writes who needs this one step."""

import numpy as np

from .data import CLIP, DROPOUT, OPERATIONS, RATE, data


def sgd(name):
    def update(weights, grads, state):
        for w, g in zip(weights, grads):
            w -= RATE[name] * g

    return update


def adam(weights, grads, state):
    state.setdefault("means", [(np.zeros_like(w), np.zeros_like(w), np.empty_like(w)) for w in weights])
    step = state["step"] = state.get("step", 0) + 1
    size = (1 - 0.999**step) ** 0.5
    for w, g, (mean, square, scratch) in zip(weights, grads, state["means"]):
        mean *= 0.9
        mean += np.multiply(g, 0.1, out=scratch)
        square *= 0.999
        np.square(g, out=scratch)
        scratch *= 0.001
        square += scratch
        np.sqrt(square, out=scratch)
        scratch += 1e-8 * size
        np.divide(mean, scratch, out=scratch)
        scratch *= 0.001 * size / (1 - 0.9**step)
        w -= scratch


def cross_entropy(out, y):
    rows = np.arange(len(out))
    out = out - out.max(axis=1, keepdims=True)
    e = np.exp(out)
    total = e.sum(axis=1, keepdims=True)
    loss = (np.log(total[:, 0]) - out[rows, y]).mean()
    e /= total
    e[rows, y] -= 1
    e /= len(out)
    return loss, e


def squared_error(out, y):
    difference = out - y
    return (difference**2).mean(), difference * np.float32(2 / difference.size)


def logistic(out, y):
    loss = (np.maximum(out, 0) - out * y + np.log1p(np.exp(-np.abs(out)))).mean()
    return loss, (1 / (1 + np.exp(-out)) - y) / np.float32(out.size)


def clipped(grads):
    norm = sum(float(np.vdot(g, g)) for g in grads) ** 0.5
    factor = np.float32(min(CLIP / (norm + 1e-6), 1))
    return [g * factor for g in grads]


def make(name):
    d = data(name)
    if name == "scalars":
        return scalars
    if name == "chain":
        x, y, z = d["arrays"]

        def chain():
            t = x * y
            t += z
            np.tanh(t, out=t)
            loss = float(np.dot(t, x))
            slope = np.multiply(t, t)
            np.subtract(1, slope, out=slope)
            slope *= x
            t += slope * y  # the gradient for x; that for z is slope
            return loss, t, slope * x, slope

        return chain
    if name == "hessian":
        w, x = d["w"], d["x"]

        def hessian():
            t = np.tanh(w @ x)
            slope = 1 - t * t
            return w.T @ ((2 * slope * (slope - 2 * t * t))[:, None] * w)

        return hessian
    weights, state, x, y = d["weights"], {}, d["x"], d["y"]
    if name == "embedding":
        return embedding(weights, x, y)
    if name == "cnn":
        return None  # nobody does
    update = sgd(name) if name in RATE else adam
    loss_of = {"linear": squared_error, "tiny": squared_error, "logistic": logistic}.get(name, cross_entropy)
    rng = np.random.default_rng(0)

    def step():
        inputs, masks, h = [], [], x
        for k in range(0, len(weights), 2):
            inputs.append(h)
            h = h @ weights[k].T
            h += weights[k + 1]
            if k + 2 < len(weights):
                if name == "tiny":
                    np.tanh(h, out=h)
                else:
                    mask = h > 0
                    if name == "mlp":
                        mask = mask * ((rng.random(h.shape, np.float32) >= DROPOUT) * np.float32(1 / (1 - DROPOUT)))
                    h *= mask
                    masks.append(mask)
        loss, g = loss_of(h, y)
        grads = []
        for k in range(len(weights) - 2, -1, -2):
            h = inputs.pop()
            grads = [g.T @ h, g.sum(axis=0), *grads]
            if k:
                g = g @ weights[k]
                g *= 1 - h * h if name == "tiny" else masks.pop()
        update(weights, clipped(grads) if name == "mlp" else grads, state)
        return loss

    return step


def scalars():
    a, b, h = np.float32(0.9), np.float32(0.1), np.float32(0.5)
    values = []
    for _ in range(OPERATIONS):
        h = np.tanh((h * a + b) * np.float32(1.1))
        values.append(h)
    g = np.float32(1)
    for h in reversed(values):
        g = g * (1 - h * h) * np.float32(1.1) * a
    return values[-1]


def embedding(weights, x, y):
    table, w, b = weights
    squares = [np.zeros_like(v) for v in weights]
    count = x.shape[1]

    def step():
        h = table[x].mean(axis=1)
        loss, g = cross_entropy(h @ w.T + b, y)
        rows, where = np.unique(x, return_inverse=True)
        values = np.zeros((len(rows), table.shape[1]), np.float32)
        np.add.at(values, where.reshape(-1), np.repeat((g @ w) / np.float32(count), count, axis=0))
        grads = [g.T @ h, g.sum(axis=0)]
        squares[0][rows] += values**2
        table[rows] -= RATE["embedding"] * values / (np.sqrt(squares[0][rows]) + 1e-10)
        for v, gradient, square in zip(weights[1:], grads, squares[1:]):
            square += gradient**2
            v -= RATE["embedding"] * gradient / (np.sqrt(square) + 1e-10)
        return loss

    return step


def value(loss):
    return float(np.sum(loss[0] if isinstance(loss, tuple) else loss))
