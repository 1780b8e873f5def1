"""What an operation and a training step cost, beside PyTorch eager in the same run, one thread each.

    python benchmarks/overhead.py [--quick]

The two take turns, and each figure is the best of many rounds: machines are shared and noisy, so look at
the ratio, not at the microseconds. "bar" is the largest ratio that the project allows itself.
"""

import os
import subprocess
import sys

from peer import Table, np, torch

import tinygrad_ml as tg
from tinygrad_ml import nn, optim

# ---------------------------------------------------------------------- what is measured: pairs (ours, PyTorch's)


def chain(library, length=1000):
    """Forward and backward through a chain of operations on single numbers."""
    a, b = library.tensor(0.9), library.tensor(0.1)

    def run():
        x = library.tensor(0.5, requires_grad=True)
        h = x
        for _ in range(length // 4):
            h = ((h * a + b) * 1.1).tanh()
        h.backward()

    return run


def training(net, make_optimizer, loss, x, y, clip=None):
    """One step: forward, backward, clipping, update."""
    optimizer = make_optimizer(net)

    def run():
        optimizer.zero_grad()
        loss(net(x), y).backward()
        if clip is not None:
            clip(net.parameters(), 1.0)
        optimizer.step()

    return run


def both(layers, ours, theirs, x, y, loss, clip=False):
    """Build the same model and step in both libraries; `layers` gets the library's nn."""
    data = (tg.tensor(x), tg.tensor(y)), (torch.tensor(x), torch.tensor(y))
    return (
        training(
            nn.Sequential(*layers(nn)), ours, getattr(nn, loss)(), *data[0], optim.clip_grad_norm_ if clip else None
        ),
        training(
            torch.nn.Sequential(*layers(torch.nn)),
            theirs,
            getattr(torch.nn, loss)(),
            *data[1],
            torch.nn.utils.clip_grad_norm_ if clip else None,
        ),
    )


def cases():
    """Yield (name, bar, ours, PyTorch's)."""
    rng = np.random.default_rng(0)

    def normal(*shape):
        return rng.normal(size=shape).astype(np.float32)

    def sgd(o):
        return lambda net: o.SGD(net.parameters(), lr=0.01)

    def adam(o):
        return lambda net: o.Adam(net.parameters())

    torch_optim = torch.optim
    classes = rng.integers(0, 10, 64)
    yield "chain of 1,000 scalar operations", 0.55, chain(tg), chain(torch)
    yield (
        "linear regression 10 features, batch 32, SGD",
        0.45,
        *both(lambda n: [n.Linear(10, 1)], sgd(optim), sgd(torch_optim), normal(32, 10), normal(32, 1), "MSELoss"),
    )
    yield (
        "softmax regression 784-10, batch 64, Adam",
        0.5,
        *both(
            lambda n: [n.Linear(784, 10)], adam(optim), adam(torch_optim), normal(64, 784), classes, "CrossEntropyLoss"
        ),
    )
    yield (
        "MLP 2-16-16-1, tanh, batch 32, SGD",
        0.55,
        *both(
            lambda n: [n.Linear(2, 16), n.Tanh(), n.Linear(16, 16), n.Tanh(), n.Linear(16, 1)],
            sgd(optim),
            sgd(torch_optim),
            normal(32, 2),
            normal(32, 1),
            "MSELoss",
        ),
    )
    yield (
        "MLP 784-128-64-10, ReLU, dropout, clipping, Adam, batch 64",
        0.65,
        *both(
            lambda n: [
                *(n.Linear(784, 128), n.ReLU(), n.Dropout(0.2)),
                *(n.Linear(128, 64), n.ReLU(), n.Dropout(0.2)),
                n.Linear(64, 10),
            ],
            adam(optim),
            adam(torch_optim),
            normal(64, 784),
            classes,
            "CrossEntropyLoss",
            clip=True,
        ),
    )


def fit_and_loop():
    """Yield (name, bar, an epoch of `tg.train.fit`, the same steps in a loop by hand), both in our library."""
    rng = np.random.default_rng(0)
    regression = [nn.Linear(10, 1)]
    mlp = [nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)]
    for name, bar, layers, loss, size, y in (
        ("linear regression", 1.2, regression, nn.MSELoss(), 32, rng.normal(size=(3200, 1))),
        ("MLP 784-128-64-10", 1.1, mlp, nn.CrossEntropyLoss(), 64, rng.integers(0, 10, 1280)),
    ):
        net, x = nn.Sequential(*layers), rng.normal(size=(len(y), layers[0].in_features)).astype(np.float32)
        y = y.astype(np.float32) if y.ndim == 2 else y
        optimizer = optim.SGD(net.parameters(), lr=1e-4)

        def fit(net=net, loss=loss, optimizer=optimizer, x=x, y=y, size=size):
            tg.train.fit(net, loss, optimizer, (x, y), epochs=1, batch_size=size, seed=0, progress=False)

        def by_hand(net=net, loss=loss, optimizer=optimizer, x=x, y=y, size=size):
            order, total = np.random.default_rng(0).permutation(len(x)), 0.0
            for start in range(0, len(x), size):
                rows = order[start : start + size]
                optimizer.zero_grad()
                value = loss(net(tg.tensor(x[rows])), y[rows])
                value.backward()
                optimizer.step()
                total += value.item() * len(rows)

        yield f"an epoch of tg.train.fit, beside our own loop: {name}", bar, fit, by_hand


# ---------------------------------------------------------------------- how it is measured


def import_time(rounds):
    """Return the milliseconds that `import tinygrad_ml` costs beyond `import numpy`: the best of each."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}

    def best(statement):
        code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
        runs = range(rounds + 1)  # the first compiles, as an installation does
        return min(float(subprocess.check_output([sys.executable, "-c", code], env=environment)) for _ in runs)

    return 1000 * (best("import numpy, tinygrad_ml") - best("import numpy"))


def main():
    table = Table(__doc__, "microseconds", 62)
    for name, bar, ours, theirs in cases():
        table.compare(name, ours, theirs, bar)
    for name, bar, fit, by_hand in fit_and_loop():
        table.compare(name, fit, by_hand, bar)
    print(f"\nimport tinygrad_ml: {import_time(table.rounds // 4 + 1):.0f} ms beyond import numpy (bar: 30 ms)")


if __name__ == "__main__":
    main()
