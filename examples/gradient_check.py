"""Check the gradients of a layer: once written correctly, then with a bug that is easy to make.

    python examples/gradient_check.py [--quick]

The layer normalises each row to mean 0 and variance 1 and then scales and shifts it. First it is written with
Tensors, which know their derivatives; then with NumPy and a gradient by hand, as in homework. A picture of the
wrong entries is written into the folder `output` (or the one that TINYGRAD_ML_OUTPUT names).
"""

import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.testing import GradientCheckError, gradcheck

try:
    import matplotlib.pyplot as plt
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")


# ---------------------------------------------------------------------- the layer, with Tensors


class Normalise(nn.Module):
    def __init__(self, features):
        self.weight = nn.Parameter(np.linspace(0.5, 1.5, features))
        self.bias = nn.Parameter(np.zeros(features))

    def forward(self, x):
        centred = x - x.mean(axis=1, keepdims=True)
        variance = (centred**2).mean(axis=1, keepdims=True)
        return centred / tg.sqrt(variance + 1e-5) * self.weight + self.bias


# ---------------------------------------------------------------------- the layer, by hand


def normalise(x, weight, bias):
    centred = x - x.mean(axis=1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5) * weight + bias


def right_gradient(g, x, weight, bias):
    """Return the gradients of sum(g * normalise(x, weight, bias))."""
    centred = x - x.mean(axis=1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    normal = centred / deviation
    g_normal = g * weight
    along = (g_normal * normal).mean(axis=1, keepdims=True)  # the variance depends on x, too
    g_x = (g_normal - g_normal.mean(axis=1, keepdims=True) - normal * along) / deviation
    return g_x, (g * normal).sum(axis=0), g.sum(axis=0)


def wrong_gradient(g, x, weight, bias):
    """Return the same with two bugs: a mean instead of a sum for the bias, and one row of x is forgotten."""
    g_x, g_weight, g_bias = right_gradient(g, x, weight, bias)
    g_x[2] = 0
    return g_x, g_weight, g_bias / len(x)


# ---------------------------------------------------------------------- looking at it


def draw(report, path):
    """Draw the derivatives of every output (down) by every entry of x (across), and frame what is wrong."""
    part = report["x"]
    single = len(part.rows) - 1  # the last row is a weighted sum of the outputs
    numeric, analytic, wrong = (a[:single].reshape(single, -1) for a in (part.numeric, part.analytic, part.wrong))
    top = np.abs(numeric).max()
    figure, axes = plt.subplots(1, 3, figsize=(9, 3.6), layout="constrained", sharey=True)
    for axis, title, values in zip(
        axes, ("numerical", "by hand", "difference"), (numeric, analytic, analytic - numeric)
    ):
        picture = axis.imshow(values, cmap="RdBu_r", vmin=-top, vmax=top)
        axis.set(title=title, xlabel="entry of x")
    axes[2].contour(wrong, levels=[0.5], colors="black", linewidths=0.8)
    axes[0].set_ylabel("output")
    figure.colorbar(picture, ax=axes, shrink=0.8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    features = 4 if "--quick" in sys.argv else 6
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, features))

    print("A layer made of Tensors, to second order:")
    print(gradcheck(Normalise(features), x, order=2))

    inputs = x, np.linspace(0.5, 1.5, features), np.zeros(features)
    print("\nThe same by hand:")
    print(gradcheck((normalise, right_gradient), inputs))

    print("\nWith two bugs:")
    try:
        gradcheck((normalise, wrong_gradient), inputs)
    except GradientCheckError as error:
        print(error)
        path = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output")) / "gradient_check.png"
        draw(error.report, path)
        print(f"\nThe picture is {path}")


if __name__ == "__main__":
    main()
