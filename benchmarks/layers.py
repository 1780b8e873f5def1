"""Layers forward and backward beside PyTorch in the same run, one thread each, float32.

    python benchmarks/layers.py [--quick]

The two take turns, and each figure is the best of many rounds: machines are shared and noisy, so look at
the ratio, not at the milliseconds.
"""

from peer import Table, np, torch

import tinygrad_ml as tg

# layer, its arguments, and the shape of its input
LAYERS = [
    ("Linear", (256, 256), {}, (128, 256)),
    ("LayerNorm", (256,), {}, (32, 64, 256)),
    ("LayerNorm", (64,), {}, (64, 64)),
    ("BatchNorm1d", (256,), {}, (128, 256)),
    ("BatchNorm2d", (32,), {}, (16, 32, 28, 28)),
    ("RNN", (32, 64), {}, (50, 32, 32)),
    ("LSTM", (32, 64), {}, (50, 32, 32)),
    ("LSTM", (128, 256), {"num_layers": 2}, (20, 64, 128)),
    ("GRU", (32, 64), {}, (50, 32, 32)),
    ("MultiheadAttention", (64, 4), {"batch_first": True}, (16, 32, 64)),
    ("MultiheadAttention", (256, 8), {"batch_first": True}, (8, 128, 256)),
    ("Embedding", (10_000, 64), {}, (32, 50)),
    ("GELU", (), {}, (256, 1024)),
    ("Dropout", (0.5,), {}, (256, 1024)),
    ("AdaptiveAvgPool2d", (1,), {}, (32, 64, 7, 7)),
]
random = np.random.default_rng(0)


def step(library, name, arguments, options, array):
    """Return a run: forward, sum of squares, backward to the input and all parameters."""
    layer = getattr(library.nn, name)(*arguments, **options)
    x = library.tensor(array)
    if array.dtype == np.float32:
        x.requires_grad_()

    def run():
        layer.zero_grad()
        x.grad = None
        out = layer(x, x, x)[0] if name == "MultiheadAttention" else layer(x)
        out = out[0] if isinstance(out, tuple) else out
        (out * out).sum().backward()

    return run


def main():
    table = Table(__doc__, "milliseconds", 56)
    for name, arguments, options, shape in LAYERS:
        array = random.integers(1000, size=shape) if name == "Embedding" else random.normal(size=shape).astype("f4")
        ours, theirs = (step(library, name, arguments, options, array) for library in (tg, torch))
        table.compare(f"{name}({', '.join(map(str, arguments))}) on {shape}", ours, theirs)


if __name__ == "__main__":
    main()
