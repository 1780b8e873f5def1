"""Operations on large arrays, forward and backward, beside PyTorch in the same run, one thread each.

    python benchmarks/operations.py [--quick]

The two take turns, and each figure is the best of many rounds: machines are shared and noisy, so look at
the ratio, not at the milliseconds. "bar" is the largest ratio that the project allows itself.
"""

from peer import Table, np, torch

import tinygrad_ml as tg

random = np.random.default_rng(0)


def normal(*shape):
    return random.normal(size=shape).astype(np.float32)


def step(library, function, *arrays):
    """Return a run: forward, sum, backward to every array."""
    inputs = [library.tensor(a, requires_grad=True) for a in arrays]

    def run():
        for x in inputs:
            x.grad = None
        function(*inputs).sum().backward()

    return run


def both(function, *arrays, theirs=None):
    """Return our run and PyTorch's: of the same function, where it is written the same in both."""
    return step(tg, function, *arrays), step(torch, theirs or function, *arrays)


# ---------------------------------------------------------------------- what is measured: (name, bar, runs)


def elementwise():
    x, y = normal(1_000_000), normal(1_000_000)
    yield "arithmetic: x * y + x - y / 3", 1.5, both(lambda x, y: x * y + x - y / 3, x, y)
    yield (
        "functions: log(1 + exp(tanh(x) * y)) + sqrt(x * x + 1)",
        1.5,
        both(lambda x, y: (1 + (x.tanh() * y).exp()).log() + (x * x + 1).sqrt(), x, y),
    )
    yield (
        "choices: maximum(x, y), abs, clip",
        1.5,
        both(
            lambda x, y: tg.maximum(x, y).abs().clip(0.1, 1.0),
            x,
            y,
            theirs=lambda x, y: torch.maximum(x, y).abs().clip(0.1, 1.0),
        ),
    )
    functional = torch.nn.functional
    for ours, theirs in (
        (tg.relu, torch.relu),
        (tg.sigmoid, torch.sigmoid),
        (tg.softplus, functional.softplus),
        (tg.silu, functional.silu),
        (tg.gelu, functional.gelu),
    ):
        yield (
            f"activation: {ours.__name__}(x * y)",
            1.5,
            both(lambda x, y, f=ours: f(x * y), x, y, theirs=lambda x, y, f=theirs: f(x * y)),
        )


def convolution():
    def arriving(library, conv2d, weights):
        weights = library.tensor(weights)
        return lambda x, w, b: conv2d(x, w, b, padding=1) * weights

    for before, after in ((1, 8), (8, 8), (8, 16), (16, 16)):
        arrays = normal(32, before, 28, 28), normal(after, before, 3, 3), normal(after)
        weights = normal(32, after, 28, 28)
        ours = arriving(tg, tg.conv2d, weights)
        theirs = arriving(torch, torch.nn.functional.conv2d, weights)
        yield f"conv2d 3 x 3, {before} to {after} channels, 28 x 28, batch 32", 1.5, both(ours, *arrays, theirs=theirs)


def einsum():
    for subscripts, *shapes in (
        ("ij,jk->ik", (256, 256), (256, 256)),
        ("bij,bjk->bik", (32, 64, 64), (32, 64, 64)),
        ("bqhd,bkhd->bhqk", (16, 32, 4, 16), (16, 32, 4, 16)),
        ("ij,jk,kl->il", (64, 256), (256, 256), (256, 64)),
        ("bi,ijk,bk->bj", (64, 32), (32, 32, 32), (64, 32)),
        ("ij,ij->i", (512, 512), (512, 512)),
    ):
        yield (
            f"einsum {subscripts}",
            1.5,
            both(
                lambda *arrays, s=subscripts: tg.einsum(s, *arrays),
                *(normal(*shape) for shape in shapes),
                theirs=lambda *arrays, s=subscripts: torch.einsum(s, *arrays),
            ),
        )


def embedding():
    """Look 64 x 16 rows of a table up; the gradient adds them up again. A run is 20 steps, as in training."""
    table, rows, arriving = normal(10_000, 32), random.integers(0, 10_000, (64, 16)), normal(64, 16, 32)

    def steps(library, look_up):
        weight, g = library.tensor(table, requires_grad=True), library.tensor(arriving)

        def run():
            for _ in range(20):
                weight.grad = None
                look_up(weight).backward(g)

        return run

    ids = torch.tensor(rows)
    theirs = steps(torch, lambda w: torch.nn.functional.embedding(ids, w))
    what = "embedding: 20 times 64 x 16 rows of 10,000 x 32"
    yield f"{what}, w[rows]", 0.5, (steps(tg, lambda w: w[rows]), theirs)
    yield f"{what}, sparse", 0.5, (steps(tg, lambda w: tg.embedding(rows, w, sparse=True)), theirs)


BENCHMARKS = [embedding, elementwise, convolution, einsum]


def main():
    table = Table(__doc__, "milliseconds", 64)
    for benchmark in BENCHMARKS:
        for name, bar, (ours, theirs) in benchmark():
            table.compare(name, ours, theirs, bar)


if __name__ == "__main__":
    main()
