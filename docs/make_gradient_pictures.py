"""Draw the pictures of gradient-checking.md: python docs/make_gradient_pictures.py."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from tinygrad_ml.testing.derivatives import Slopes

IMAGES = Path(__file__).parent / "images"


def function(x):
    """Return exp(sin 3x)."""
    return np.exp(np.sin(3 * x))


def derivative(x):
    """Return the derivative of exp(sin 3x)."""
    return 3 * np.cos(3 * x) * function(x)


def error_against_step():
    """Draw the relative error of three formulas at one point for steps from 1e-17 to 1, and that of Ridders."""
    x = 0.3
    true = derivative(x)
    steps = np.logspace(-17, 0, 600)

    def error(found):
        return np.maximum(np.abs(found - true) / np.abs(true), 2e-17)

    forward = error((function(x + steps) - function(x)) / steps)
    central = error((function(x + steps) - function(x - steps)) / (2 * steps))
    imaginary = error(np.imag(function(x + 1j * steps)) / steps)
    slopes = Slopes(
        lambda t: np.atleast_1d(function(x + t)),
        np.atleast_1d(function(x)),
        np.eye(1),
        0.25,
        1e-9,
        float(np.finfo(float).eps),
    )
    figure, axes = plt.subplots(figsize=(7.5, 4.6), layout="constrained")
    axes.loglog(steps, forward, lw=0.8, color="tab:orange", label="forward  (f(x+h) - f(x)) / h")
    axes.loglog(steps, central, lw=0.8, color="tab:blue", label="central  (f(x+h) - f(x-h)) / 2h")
    axes.loglog(steps, imaginary, lw=1.4, color="tab:green", label="complex  Im f(x+ih) / h")
    axes.axhline(error(slopes.value)[0], ls="--", color="tab:purple", label="Ridders' extrapolation of central")
    for h, text in ((2.0**-26, "$\\sqrt{\\epsilon}$"), (np.finfo(float).eps ** (1 / 3), "$\\sqrt[3]{\\epsilon}$")):
        axes.axvline(h, color="grey", lw=0.8, ls=":")
        axes.text(h * 1.15, 3e2, text, color="grey")
    axes.annotate("rounding: $\\epsilon / h$", (1e-12, 2e-3), color="grey", fontsize=9)
    axes.annotate("truncation: $h$", (4e-5, 3e-3), color="grey", fontsize=9)
    axes.annotate("truncation: $h^2$", (2e-3, 3e-8), color="grey", fontsize=9)
    axes.set(xlabel="step h", ylabel="relative error", ylim=(1e-17, 1e4), xlim=(1e-17, 1))
    axes.set_title("The derivative of exp(sin 3x) at x = 0.3 in float64")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left", bbox_to_anchor=(0.02, 0.12), fontsize=9)
    figure.savefig(IMAGES / "error-against-step.png", dpi=120)


def kinks():
    """Draw what a gradient check sees near the kink of relu."""
    figure, panels = plt.subplots(1, 3, figsize=(9, 2.9), layout="constrained", sharey=True)
    t = np.linspace(-1, 1, 201)
    for axes, x, title in zip(panels, (0.6, 0.2, 0.0), ("away: slope 1", "the step crosses it", "at the kink")):
        h = 0.4
        axes.plot(t, np.maximum(t, 0), color="black", lw=1)
        axes.plot([x - h, x + h], np.maximum([x - h, x + h], 0), "o-", color="tab:blue", ms=4, lw=1.2, label="h = 0.4")
        if x == 0.2:
            small = np.array([x - 0.1, x + 0.1])
            axes.plot(small, np.maximum(small, 0), "o-", color="tab:green", ms=4, lw=2, label="h = 0.1")
        if x == 0:
            axes.plot([-h, 0], [0, 0], color="tab:red", lw=2.5, label="from the left: 0")
            axes.plot([0, h], [0, h], color="tab:purple", lw=2.5, label="from the right: 1")
        axes.plot(x, max(x, 0), "o", color="black", ms=6)
        axes.set(title=title, xlabel="x")
        axes.legend(fontsize=8, loc="upper left")
    panels[0].set_ylabel("relu(x)")
    figure.savefig(IMAGES / "kinks.png", dpi=120)


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    error_against_step()
    kinks()
