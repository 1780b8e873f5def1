"""A quick look from the shell: python -m tinygrad_ml.testing path/to/file.py::function --shape 3,4 --shape 4."""

from __future__ import annotations

import argparse
import runpy
import sys
from typing import Any

import numpy as np

from . import GradientCheckError, gradcheck


def main(arguments: list[str] | None = None) -> int:
    """Check a function, a pair of functions or a Module of a file at random inputs; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tinygrad_ml.testing", description="Check a gradient.")
    parser.add_argument(
        "target", metavar="FILE.py::NAME", help="a function, a pair (f, df), or a Module (or its class)"
    )
    parser.add_argument(
        "--shape", action="append", metavar="3,4", help='of an input; once for each input ("" for a number)'
    )
    parser.add_argument("--order", type=int, default=1, choices=(1, 2))
    parser.add_argument("--method", default="central", choices=("central", "ridders", "complex"))
    parser.add_argument("--mode", default="full", choices=("full", "random"))
    parser.add_argument("--seed", type=int, default=0, help="of the inputs, which are normally distributed")
    given = parser.parse_args(arguments)

    path, found, name = given.target.partition("::")
    if not found:
        parser.error(f"{given.target!r} must be a file and a name in it, such as layers.py::softmax")
    names = runpy.run_path(path)
    if name not in names:
        parser.error(f"{path} has no {name!r}")
    target: Any = names[name]
    if isinstance(target, type):
        target = target()
    rng = np.random.default_rng(given.seed)
    shapes = [tuple(int(n) for n in shape.split(",") if n.strip()) for shape in given.shape or ["3,4"]]
    inputs = tuple(np.asarray(rng.standard_normal(shape)) for shape in shapes)
    try:
        print(gradcheck(target, inputs, order=given.order, method=given.method, mode=given.mode, seed=given.seed))
    except GradientCheckError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
