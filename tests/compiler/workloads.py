"""Training steps of many kinds, for tests of compiled functions: each is made anew, with the same random numbers."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn

F = nn.functional


class Workload(NamedTuple):
    """A step, the arguments of each of its calls, and the leaves that it changes."""

    step: Callable
    batches: list[tuple]
    leaves: list[tg.Tensor]


def training(model: nn.Module, optimizer: Any, loss: Callable, batches: list[tuple], clip: float = 0.0) -> Workload:
    """Return the usual step of a model."""

    def step(x: Any, y: Any) -> tg.Tensor:
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        if clip:
            tg.optim.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return value

    return Workload(step, batches, list(model.parameters()))


def drawn(rng: np.random.Generator, *shape: int) -> tg.Tensor:
    return tg.tensor(rng.normal(size=shape).astype(np.float32))


def batches_of(shape: tuple, target: tuple, classes: int = 0, count: int = 6) -> list[tuple]:
    """Return batches of random inputs, with class indices or numbers as targets."""
    rng = np.random.default_rng(0)
    return [
        (drawn(rng, *shape), tg.tensor(rng.integers(0, classes, target)) if classes else drawn(rng, *target))
        for _ in range(count)
    ]


def scalars(operations: int = 1000) -> Workload:
    """A graph of single numbers, as in micrograd."""
    weights = [tg.tensor(0.1 * (k % 7) - 0.3, requires_grad=True) for k in range(20)]

    def step(x: Any) -> tg.Tensor:
        for w in weights:
            w.grad = None
        h = x
        for k in range(operations // 4):
            h = tg.tanh(h * weights[k % 20] + weights[(3 * k + 1) % 20]) + 0.5
        h.backward()
        return h

    return Workload(step, [(tg.tensor(0.1 * k),) for k in range(6)], weights)


def linear_regression() -> Workload:
    model = nn.Linear(10, 1)
    return training(model, tg.optim.SGD(model.parameters(), lr=0.1), F.mse_loss, batches_of((32, 10), (32, 1)))


def logistic_regression() -> Workload:
    model = nn.Linear(30, 1)
    rng = np.random.default_rng(0)
    batches = [(drawn(rng, 569, 30), tg.tensor(rng.integers(0, 2, (569, 1)).astype(np.float32))) for _ in range(6)]
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return training(model, optimizer, F.binary_cross_entropy_with_logits, batches)


def softmax_regression() -> Workload:
    model = nn.Linear(784, 10)
    return training(model, tg.optim.Adam(model.parameters()), F.cross_entropy, batches_of((64, 784), (64,), 10))


def mlp() -> Workload:
    model = nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )
    batches = batches_of((64, 784), (64,), 10)
    return training(model, tg.optim.Adam(model.parameters()), F.cross_entropy, batches, clip=1.0)


def tiny_mlp() -> Workload:
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    return training(model, optimizer, F.mse_loss, batches_of((32, 2), (32, 1)))


def cnn() -> Workload:
    layers = (nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2))
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(400, 10))
    batches = batches_of((32, 1, 28, 28), (32,), 10)
    return training(model, tg.optim.Adam(model.parameters()), F.cross_entropy, batches)


def chain(n: int = 1_000_000) -> Workload:
    rng = np.random.default_rng(0)
    x, y, z = (tg.tensor(rng.normal(size=n).astype(np.float32), requires_grad=True) for _ in range(3))

    def step() -> tg.Tensor:
        x.grad = y.grad = z.grad = None
        total = (tg.tanh(x * y + z) * x).sum()
        total.backward()
        return total

    return Workload(step, [()] * 6, [x, y, z])


class Bag(nn.Module):
    """The mean of the rows of a table, and a linear layer."""

    def __init__(self, sparse: bool):
        self.table, self.out = nn.Embedding(1000, 32, sparse=sparse), nn.Linear(32, 5)

    def forward(self, rows: Any) -> tg.Tensor:
        return self.out(self.table(rows).mean(axis=1))


def embedding(sparse: bool = True) -> Workload:
    model = Bag(sparse)
    rng = np.random.default_rng(0)
    batches = [(tg.tensor(rng.integers(0, 1000, (64, 8))), tg.tensor(rng.integers(0, 5, 64))) for _ in range(6)]
    return training(model, tg.optim.Adagrad(model.parameters(), lr=0.05), F.cross_entropy, batches)


def hessian() -> Workload:
    rng = np.random.default_rng(0)
    a = drawn(rng, 30, 30)

    def f(w: Any) -> tg.Tensor:
        return (tg.tanh(a @ w) ** 2).sum() + (w**4).sum()

    return Workload(tg.hessian(f), [(drawn(rng, 30),) for _ in range(6)], [])


def wide_mlp(width: int = 1024) -> Workload:
    model = nn.Sequential(nn.Linear(784, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10))
    return training(model, tg.optim.Adam(model.parameters()), F.cross_entropy, batches_of((128, 784), (128,), 10))


WORKLOADS: dict[str, Callable[[], Workload]] = {
    **{"scalars": scalars, "linear": linear_regression, "logistic": logistic_regression, "softmax": softmax_regression},
    **{"mlp": mlp, "tiny mlp": tiny_mlp, "cnn": cnn, "chain": chain, "embedding": embedding},
    **{"embedding dense": lambda: embedding(sparse=False), "hessian": hessian, "wide mlp": wide_mlp},
}


def history(make: Callable[[], Workload], compiled: Callable | None = None) -> list[list[np.ndarray]]:
    """Return what each call of a workload returns, and the leaves and their gradients after it."""
    tg.manual_seed(0)
    step, batches, leaves = make()
    run = step if compiled is None else compiled(step)
    found = []
    for batch in batches:
        result = run(*batch)
        kept = [np.array(result.numpy())]
        for leaf in leaves:
            kept.append(leaf.numpy().copy())
            if leaf.grad is not None:
                kept.append(np.array(leaf.grad.numpy()))
        found.append(kept)
    return found


def same_bits(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two arrays are equal bit for bit; of NaN, only that both are."""
    return x.shape == y.shape and x.dtype == y.dtype and np.array_equal(x, y, equal_nan=x.dtype.kind in "fc")
