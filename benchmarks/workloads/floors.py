"""What no library can go below: the products of a workload in BLAS, and the memory that must be read and written.

A floor is the time of the products alone, with their arrays where they are anyway, and of one pass over what must pass:
the state of the optimizer, or the arrays themselves.
"""

import numpy as np

from .data import BATCH, LAYERS, data


def make(name):
    """Return a function that does what cannot be saved, or None where this says nothing."""
    d = data(name)
    if name == "chain":  # three arrays in, three gradients out
        arrays, out = d["arrays"], [np.empty_like(a) for a in d["arrays"]]
        return lambda: [np.copyto(b, a) for a, b in zip(arrays, out)]
    if name not in ("softmax", "mlp", "wide"):
        return None
    sizes, n = LAYERS[name], BATCH[name]
    inputs = [np.ones((n, size), np.float32) for size in sizes]
    weights = d["weights"][::2]
    grads = [np.empty_like(w) for w in weights]
    total = sum(w.size for w in d["weights"])
    state = [np.ones(total, np.float32) for _ in range(4)]  # weights, two means, gradients
    rng = np.random.default_rng(0)

    def floor():
        for k, w in enumerate(weights):
            np.matmul(inputs[k], w.T, out=inputs[k + 1])
        for k in reversed(range(len(weights))):
            np.matmul(inputs[k + 1].T, inputs[k], out=grads[k])
            if k:
                np.matmul(inputs[k + 1], weights[k], out=inputs[k])
        for a in inputs[1:]:
            a.fill(1)
        for a in state[:3]:  # read and written, with the gradients read once: three passes of the four arrays
            np.add(a, state[3], out=a) if a is state[0] else np.multiply(a, np.float32(1), out=a)
        if name == "mlp":
            rng.bytes(4 * n * sum(sizes[1:-1]))

    return floor


def value(loss):
    return 0.0
