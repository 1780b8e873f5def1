"""Layers forward and backward beside PyTorch in the same run, one thread each, float32.

    python benchmarks/layers.py [--quick]

The two take turns, and each figure is the best of many rounds: machines are shared and noisy, so look at
the ratio, not at the milliseconds.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import sys
import time

import numpy as np

import tinygrad_ml as tg

try:
    import torch
except ImportError:
    sys.exit("this benchmark compares with PyTorch: pip install torch")
torch.set_num_threads(1)

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


def seconds(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 5 if parser.parse_args().quick else 40
    print(f"{'milliseconds':56}{'tinygrad_ml':>12}{'PyTorch':>10}{'ratio':>8}")
    for name, arguments, options, shape in LAYERS:
        array = random.integers(1000, size=shape) if name == "Embedding" else random.normal(size=shape).astype("f4")
        ours, theirs = (step(library, name, arguments, options, array) for library in (tg, torch))
        times = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
        mine, peer = map(min, zip(*times))
        what = f"{name}({', '.join(map(str, arguments))}) on {shape}"
        print(f"{what:56}{mine * 1e3:12.3f}{peer * 1e3:10.3f}{mine / peer:8.2f}", flush=True)


if __name__ == "__main__":
    main()
