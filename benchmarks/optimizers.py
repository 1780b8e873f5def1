"""What a step of an optimizer costs, beside PyTorch with its default settings in the same run, one thread each.

    python benchmarks/optimizers.py [--quick]

The two take turns, and each figure is the best of many rounds. "bar" is the largest ratio that the project allows
itself: PyTorch's time up to 1e5 entries, 1.5 times that above. The embedding case is a whole training step (look-up,
backward, update) on a table of which a batch uses a few rows, beside PyTorch's dense and sparse gradients.
"""

from peer import Table, np, torch

import tinygrad_ml as tg
from tinygrad_ml import optim

OPTIMIZERS = [
    ("SGD", {"lr": 1e-6}),
    ("SGD", {"lr": 1e-6, "momentum": 0.9}),
    ("Adagrad", {"lr": 1e-6}),
    ("Adam", {"lr": 1e-6}),
]


def steps(name, options, parameters, entries):
    """Return a step of ours and of PyTorch's on a number of float32 parameters with a number of entries in total."""
    random = np.random.default_rng(0)
    shape = (entries // parameters,)
    made = []
    for lib, convert in ((tg, tg.tensor), (torch, torch.tensor)):
        params = [convert(random.normal(size=shape).astype(np.float32)).requires_grad_() for _ in range(parameters)]
        for p in params:
            p.grad = convert(random.normal(size=shape).astype(np.float32))
        made.append(getattr(lib.optim, name)(params, **options).step)
    return made


def embedding_steps(rows, width, batch, name, options, sparse):
    """Return a training step of an embedding, ours with sparse gradients, PyTorch's with sparse ones or not."""
    random = np.random.default_rng(0)
    table = random.normal(size=(rows, width)).astype(np.float32)
    indices = random.integers(0, rows, batch)
    weight, peer = tg.tensor(table, requires_grad=True), torch.tensor(table, requires_grad=True)
    ours = getattr(optim, name)([weight], **options)
    theirs = getattr(torch.optim, "SparseAdam" if sparse and name == "Adam" else name)([peer], **options)
    numbers = torch.tensor(indices)

    def my_step():
        ours.zero_grad()
        tg.embedding(indices, weight, sparse=True).sum().backward()
        ours.step()

    def their_step():
        theirs.zero_grad()
        torch.nn.functional.embedding(numbers, peer, sparse=sparse).sum().backward()
        theirs.step()

    return my_step, their_step


def main():
    table = Table(__doc__, "microseconds", 62, rounds=30)
    for name, options in OPTIMIZERS:
        title = name + (" with momentum" if "momentum" in options else "")
        for entries, bar in ((1_000, 1.0), (100_000, 1.0), (10_000_000, 1.5)):
            for parameters in (1, 10, 100):
                what = f"{title}: {parameters} parameters with {entries:,} entries in total"
                table.compare(what, *steps(name, options, parameters, entries), bar)
    for rows, width in ((10_000, 32), (100_000, 64)):
        for batch in (256, 4096):
            for name, options in (("SGD", {"lr": 1e-6}), ("Adagrad", {"lr": 1e-6}), ("Adam", {"lr": 1e-6})):
                for sparse in (False, True):
                    what = f"{name}: table {rows:,} x {width}, batch {batch}, PyTorch {'sparse' if sparse else 'dense'}"
                    table.compare(what, *embedding_steps(rows, width, batch, name, options, sparse), 1.0)


if __name__ == "__main__":
    main()
