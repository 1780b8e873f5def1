"""The workloads in JAX: each step is one function under jax.jit that gives its memory back (donation)."""

import jax
import jax.numpy as jnp
import numpy as np

from .data import CLIP, DROPOUT, OPERATIONS, RATE, data


def convolved(x, w, b):
    y = jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW"))
    return y + b[None, :, None, None]


def pooled(x):
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def outputs(name, weights, x, key):
    if name == "cnn":
        h = pooled(jax.nn.relu(convolved(x, *weights[:2])))
        h = pooled(jax.nn.relu(convolved(h, *weights[2:4])))
        return h.reshape(len(h), -1) @ weights[4].T + weights[5]
    if name == "embedding":
        return weights[0][x].mean(axis=1) @ weights[1].T + weights[2]
    h = x
    for k in range(0, len(weights), 2):
        h = h @ weights[k].T + weights[k + 1]
        if k + 2 < len(weights):
            h = jnp.tanh(h) if name == "tiny" else jax.nn.relu(h)
            if name == "mlp":
                key, one = jax.random.split(key)
                h = jnp.where(jax.random.bernoulli(one, 1 - DROPOUT, h.shape), h / (1 - DROPOUT), 0)
    return h


def loss_of(name, out, y):
    if name in ("linear", "tiny"):
        return ((out - y) ** 2).mean()
    if name == "logistic":
        return (jnp.maximum(out, 0) - out * y + jnp.log1p(jnp.exp(-jnp.abs(out)))).mean()
    return -jnp.take_along_axis(jax.nn.log_softmax(out), y[:, None], 1).mean()


def updated(name, weights, grads, state, step):
    if name == "embedding":  # Adagrad
        state = [s + g * g for s, g in zip(state, grads)]
        return [w - RATE[name] * g / (jnp.sqrt(s) + 1e-10) for w, g, s in zip(weights, grads, state)], state
    if name in RATE:  # SGD
        return [w - RATE[name] * g for w, g in zip(weights, grads)], state
    mean, square = state
    mean = [0.9 * m + 0.1 * g for m, g in zip(mean, grads)]
    square = [0.999 * s + 0.001 * g * g for s, g in zip(square, grads)]
    one, two = 1 - 0.9**step, 1 - 0.999**step
    weights = [w - 0.001 * (m / one) / (jnp.sqrt(s / two) + 1e-8) for w, m, s in zip(weights, mean, square)]
    return weights, (mean, square)


def make(name):
    d = data(name)
    if name == "scalars":

        def scalar(x, a, b):
            h = x
            for _ in range(OPERATIONS):
                h = jnp.tanh((h * a + b) * 1.1)
            return h

        f = jax.jit(jax.value_and_grad(scalar))
        numbers = [jnp.float32(v) for v in (0.5, 0.9, 0.1)]
        return lambda: jax.block_until_ready(f(*numbers))[0]
    if name == "chain":
        f = jax.jit(jax.value_and_grad(lambda x, y, z: (jnp.tanh(x * y + z) * x).sum(), argnums=(0, 1, 2)))
        arrays = [jnp.array(a) for a in d["arrays"]]
        return lambda: jax.block_until_ready(f(*arrays))[0]
    if name == "hessian":
        f = jax.jit(jax.hessian(lambda x, w: (jnp.tanh(w @ x) ** 2).sum()))
        x, w = jnp.array(d["x"]), jnp.array(d["w"])
        return lambda: jax.block_until_ready(f(x, w))

    def step(weights, state, count, key, x, y):
        key, one = jax.random.split(key)
        loss, grads = jax.value_and_grad(lambda w: loss_of(name, outputs(name, w, x, one), y))(weights)
        if name == "mlp":
            norm = jnp.sqrt(sum((g * g).sum() for g in grads))
            grads = [g * jnp.minimum(CLIP / (norm + 1e-6), 1) for g in grads]
        weights, state = updated(name, weights, grads, state, count)
        return loss, weights, state, count + 1, key

    step = jax.jit(step, donate_argnums=(0, 1, 2, 3))
    x, y = jnp.array(d["x"]), jnp.array(d["y"])
    zeros = lambda: [jnp.zeros_like(w) for w in d["weights"]]
    state = zeros() if name == "embedding" else () if name in RATE else (zeros(), zeros())
    kept = [[jnp.array(w) for w in d["weights"]], state, jnp.float32(1), jax.random.key(0)]

    def run():
        loss, *kept[:] = step(*kept, x, y)
        jax.block_until_ready(kept[0])
        return loss

    return run


def value(loss):
    return float(np.sum(np.asarray(loss)))
