"""Minimum, maximum or saddle? The eigenvalues of the Hessian tell.

    python examples/surfaces.py [--quick]

Three functions of two variables, written in plain NumPy. Newton's method finds where the gradient vanishes, and the
signs of the Hessian's eigenvalues say what kind of point that is: along its eigenvectors the surface curves up where
the eigenvalue is positive and down where it is negative. The picture goes into the folder that the environment
variable TINYGRAD_ML_OUTPUT names (default: output).
"""

import argparse
import os
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg

UP, DOWN = "#1f5fa8", "#c23b22"


def bowl(p):
    x, y = p
    return x**2 + x * y + y**2 - x


def hill(p):
    x, y = p
    return 4 * np.exp(-((x - 0.4) ** 2) / 2 - (y + 0.3) ** 2) - 0.1 * x


def pass_between_hills(p):
    x, y = p
    return 2 * np.cos(y) + x**2 - 0.8 * np.sin(x * y)


SURFACES = [  # with the angle in degrees from which it is seen best
    (bowl, r"$x^2 + xy + y^2 - x$", -56),
    (hill, r"$4\,e^{-(x - 0.4)^2/2 - (y + 0.3)^2} - 0.1\,x$", -56),
    (pass_between_hills, r"$x^2 + 2\cos y - 0.8\,\sin xy$", -118),
]


def critical_point(function, start, steps=20):
    """Return where the gradient vanishes, by Newton's method, and the Hessian there."""
    gradient, hessian = tg.grad(function), tg.hessian(function)
    p = np.array(start, float)
    for _ in range(steps):
        p = p - np.linalg.solve(hessian(p), gradient(p))
    slope = np.abs(gradient(p)).max()
    assert slope < 1e-10, f"Newton's method did not arrive: the slope is {slope}"
    p = p.round(12) + 0.0  # no -0.0
    return p, hessian(p)


def kind_of(eigenvalues):
    if eigenvalues.min() > 0:
        return "minimum", "both positive"
    if eigenvalues.max() < 0:
        return "maximum", "both negative"
    return "saddle", "of opposite signs"


def draw(axes, function, formula, azimuth, p, eigenvalues, eigenvectors, points):
    """Draw the surface, its contours on the floor, and its two principal curves through the critical point."""
    kind, _ = kind_of(eigenvalues)
    reach = 1.8
    ranges = [(float(q) - reach, float(q) + reach) for q in p]
    tg.plot.loss_surface(function, *ranges, points=points, ax=axes)
    floor = axes.get_zlim()[0]
    t = np.linspace(-1.25, 1.25, 101)
    for eigenvalue, direction in zip(eigenvalues, eigenvectors.T):
        curve = p[:, None] + t * direction[:, None]
        color = UP if eigenvalue > 0 else DOWN
        axes.plot(*curve, function(curve), color=color, linewidth=3, solid_capstyle="round", zorder=6)
        axes.plot(*curve, np.full(len(t), floor), color=color, linewidth=1.5, zorder=2)
    axes.plot(*p[:, None], [function(p)], "o", color="black", markersize=7, zorder=7)
    axes.plot(*p[:, None], [floor], "o", color="black", markersize=4, zorder=2)

    middle = {"transform": axes.transAxes, "ha": "center"}
    values = rf"$\lambda_1 = {eigenvalues[0]:.2f},\quad \lambda_2 = {eigenvalues[1]:.2f}$"
    axes.text2D(0.5, 1.0, kind.capitalize(), fontsize=17, weight="bold", **middle)
    axes.text2D(0.5, 0.93, formula, fontsize=13, **middle)
    axes.text2D(0.5, -0.13, values, fontsize=14, **middle)
    axes.set(zticks=[], zlabel="", xticks=[-1, 0, 1, 2], yticks=[-2, -1, 0, 1])
    axes.set_xlabel("$x$", fontsize=13, labelpad=-2)
    axes.set_ylabel("$y$", fontsize=13, labelpad=-2)
    axes.tick_params(labelsize=10, pad=-2)
    axes.grid(False)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.pane.set_visible(False)
    axes.zaxis.line.set_visible(False)
    axes.set_box_aspect((1, 1, 0.85), zoom=1.08)
    axes.view_init(elev=27, azim=azimuth)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="draw with fewer points")
    points = 25 if parser.parse_args().quick else 90

    figure, panels = plt.subplots(1, 3, figsize=(15, 6.4), subplot_kw={"projection": "3d"})
    figure.subplots_adjust(left=0, right=1, bottom=0.19, top=0.92, wspace=0)
    for axes, (function, formula, azimuth) in zip(panels, SURFACES):
        p, hessian = critical_point(function, start=(0.3, -0.2))
        eigenvalues, eigenvectors = np.linalg.eigh(hessian)
        kind, signs = kind_of(eigenvalues)
        name = function.__name__.replace("_", " ")
        print(
            f"{name}: the gradient vanishes at ({p[0]:.4f}, {p[1]:.4f}), where the value is {function(p):.4f}; the "
            f"eigenvalues of the Hessian, {eigenvalues[0]:.4f} and {eigenvalues[1]:.4f}, are {signs}: a {kind}."
        )
        draw(axes, function, formula, azimuth, p, eigenvalues, eigenvectors, points)
    figure.legend(
        handles=[
            plt.Line2D([], [], color=UP, linewidth=2.6, label=r"curves up along an eigenvector ($\lambda > 0$)"),
            plt.Line2D([], [], color=DOWN, linewidth=2.6, label=r"curves down along an eigenvector ($\lambda < 0$)"),
            plt.Line2D([], [], color="black", marker="o", linestyle="", label="the gradient vanishes"),
        ],
        loc="lower center",
        ncols=3,
        frameon=False,
        fontsize=12,
    )
    folder = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "surfaces.png", dpi=150)
    print(f"The three surfaces are drawn in {folder / 'surfaces.png'}.")


if __name__ == "__main__":
    main()
