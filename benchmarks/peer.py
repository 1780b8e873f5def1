"""How the benchmarks measure: ours and a peer in the same process, one thread each, taking turns.

Machines are shared and noisy, so each figure is the processor's time, the best of many rounds, and the ratio counts.
NumPy is taken from here too, since the number of threads must be set before it is imported.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import sys
import time

import numpy as np

try:
    import torch
except ImportError:
    sys.exit("this benchmark compares with PyTorch: pip install torch")
torch.set_num_threads(1)

__all__ = ["Table", "np", "torch"]


class Table:
    """Prints a line for each comparison: both times, their ratio, and the largest ratio that is allowed."""

    def __init__(self, description, unit, width, rounds=40, peer="PyTorch"):
        parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--quick", action="store_true", help="fewer rounds")
        self.quick = parser.parse_args().quick
        self.rounds = 5 if self.quick else rounds
        self.scale = {"microseconds": 1e6, "milliseconds": 1e3}[unit]
        self.width = width
        print(f"{unit:{width}}{'tinygrad_ml':>14}{peer:>14}{'ratio':>8}{'bar':>6}")

    def compare(self, name, ours, theirs, bar=None):
        """Measure two functions that do the same, and print the line."""
        for run in (ours, theirs):
            run()
        repeats = max(1, int(0.02 / max(seconds(ours, 1), 1e-6)))
        rounds = self.rounds if repeats > 1 else self.rounds // 2 + 1
        times = [(seconds(ours, repeats), seconds(theirs, repeats)) for _ in range(rounds)]
        mine, peer = map(min, zip(*times))
        line = f"{name:{self.width}}{mine * self.scale:14.2f}{peer * self.scale:14.2f}{mine / peer:8.2f}"
        print(line + (f"{bar:6.2f}" if bar is not None else ""), flush=True)


def seconds(run, repeats):
    """Return the time of the processor that a run takes, on average over some."""
    start = time.process_time()
    for _ in range(repeats):
        run()
    return (time.process_time() - start) / repeats
