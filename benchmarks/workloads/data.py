"""The data and first weights of the workloads, the same for all libraries, and what each workload is."""

from itertools import pairwise

import numpy as np

WORKLOADS = {
    "scalars": "a graph of 1,000 operations on single numbers, forward and backward",
    "linear": "linear regression, 10 features, batch 32, SGD",
    "logistic": "logistic regression, 569 x 30, SGD",
    "softmax": "softmax regression 784-10, batch 64, Adam",
    "tiny": "MLP 2-16-16-1, tanh, batch 32, SGD",
    "mlp": "MLP 784-128-64-10, dropout, clipping, Adam, batch 64",
    "cnn": "two convolutions of 8 and 16 filters with pooling, Adam, batch 32",
    "chain": "the gradients of sum(tanh(x * y + z) * x), a million elements each",
    "embedding": "a mean of 20 of 5,000 rows of 32, linear, Adagrad, batch 32",
    "hessian": "the Hessian of sum(tanh(w @ x)**2), 30 x 30",
    "wide": "MLP 784-1024-1024-10, Adam, batch 128",
}
LAYERS = {
    "linear": (10, 1),
    "logistic": (30, 1),
    "softmax": (784, 10),
    "tiny": (2, 16, 16, 1),
    "mlp": (784, 128, 64, 10),
    "wide": (784, 1024, 1024, 10),
}
BATCH = {"linear": 32, "logistic": 569, "softmax": 64, "tiny": 32, "mlp": 64, "cnn": 32, "embedding": 32, "wide": 128}
RATE = {"linear": 0.01, "logistic": 0.1, "tiny": 0.01, "embedding": 0.05}  # of SGD and Adagrad; Adam's is 0.001
OPERATIONS = 250  # times four operations in the graph of single numbers
CLIP, DROPOUT = 1.0, 0.2  # of the workload "mlp"


def data(name):
    """Return the arrays of a workload: x, y, and the weights in order (out, in), bias by bias."""
    rng = np.random.default_rng(0)

    def normal(*shape, scale=1.0):
        return (scale * rng.normal(size=shape)).astype(np.float32)

    n = BATCH.get(name, 0)
    if name == "chain":
        return {"arrays": [normal(1_000_000) for _ in range(3)]}
    if name == "hessian":
        return {"w": normal(30, 30), "x": normal(30)}
    if name == "cnn":
        shapes = [(8, 1, 3, 3), (8,), (16, 8, 3, 3), (16,), (10, 784), (10,)]
        weights = [normal(*shape, scale=1 / max(1, np.prod(shape[1:])) ** 0.5) for shape in shapes]
        return {"x": normal(n, 1, 28, 28), "y": rng.integers(0, 10, n), "weights": weights}
    if name == "embedding":
        weights = [normal(5000, 32), normal(10, 32, scale=0.2), normal(10, scale=0.2)]
        return {"x": rng.integers(0, 5000, (n, 20)), "y": rng.integers(0, 10, n), "weights": weights}
    if name == "scalars":
        return {}
    sizes = LAYERS[name]
    weights = []
    for inside, out in pairwise(sizes):
        weights += [normal(out, inside, scale=inside**-0.5), normal(out, scale=inside**-0.5)]
    x = normal(n, sizes[0])
    if name == "logistic":
        return {"x": x, "y": (normal(n, 1) > 0).astype(np.float32), "weights": weights}
    y = normal(n, 1) if sizes[-1] == 1 else rng.integers(0, 10, n)
    return {"x": x, "y": y, "weights": weights}
