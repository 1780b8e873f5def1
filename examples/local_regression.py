"""A line for every query: locally weighted regression, its bandwidth, and what a straight line would have said.

    python examples/local_regression.py [--quick]

Noisy points follow a curve. For a query, the points around it count by a bell of the width tau, a line is fitted to
them, and its value at the query is the prediction; the next query gets a line of its own. A narrow bell follows the
noise, a wide one is least squares for all points; cross-validation finds what lies between. The pictures go into the
folder that the environment variable TINYGRAD_ML_OUTPUT names (default: output).
"""

import argparse
import os
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV, KFold

from tinygrad_ml.models import BaselineRegressor, LinearRegression, LocallyWeightedRegression

POINTS, TRUTH, CURVE = "#8a8f98", "#b8bcc4", "#1f5fa8"
COLOURS = ["#c23b22", "#2e8b57", "#b8860b"]
QUERIES = np.array([[0.9], [2.6], [4.8]])


def truth(x):
    return np.sin(x) + 0.3 * x


def points(n, seed=0):
    random = np.random.default_rng(seed)
    x = np.sort(random.uniform(0, 6, n)).reshape(-1, 1)
    return x, truth(x[:, 0]) + 0.25 * random.normal(size=n)


def error(model, x):
    """Return the root of the mean squared distance from the curve without noise."""
    return float(np.sqrt(np.mean((model.predict(x) - truth(x[:, 0])) ** 2)))


def draw_lines(model, x, y, axes):
    """Draw the points, the bell and the line of each query, and the curve that all queries together make."""
    grid = np.linspace(0, 6, 300).reshape(-1, 1)
    axes.plot(grid, truth(grid), color=TRUTH, linewidth=5, label="the curve without noise", zorder=1)
    axes.scatter(x, y, s=14, color=POINTS, label="examples", zorder=2)
    axes.plot(
        grid, model.predict(grid), color=CURVE, linewidth=2, label=f"predictions, tau = {model.tau:.2g}", zorder=4
    )
    bottom = y.min() - 1.1
    everywhere = LocallyWeightedRegression(model.tau).fit(grid, np.zeros(300))  # the bells, drawn without gaps
    bells = everywhere.weights(QUERIES)
    lines = zip(QUERIES[:, 0], model.predict(QUERIES), model.slopes(QUERIES)[:, 0], bells, COLOURS)
    for query, value, slope, bell, colour in lines:
        axes.fill_between(grid[:, 0], bottom, bottom + 0.8 * bell, color=colour, alpha=0.25, linewidth=0)
        axes.plot([query] * 2, [bottom, value], color=colour, linewidth=0.8, linestyle=":")
        near = query + np.array([-1.6, 1.6]) * min(model.tau * 2, 1.0)
        axes.plot(near, value + slope * (near - query), color=colour, linewidth=2.5, zorder=3)
        axes.scatter([query], [value], s=45, color=colour, edgecolor="white", zorder=5)
    axes.set(xlim=(-0.1, 6.1), ylim=(bottom, y.max() + 0.55), xlabel="x", ylabel="y")
    axes.set(title="Each query has its bell and its line", yticks=[0, 1, 2])
    axes.legend(loc="upper center", ncols=3, frameon=False, fontsize=8)


def draw_search(search, axes):
    """Draw the error in cross-validation over the bandwidth."""
    taus = search.cv_results_["param_tau"].astype(float)
    errors = -search.cv_results_["mean_test_score"]
    axes.semilogx(taus, errors, marker="o", color=CURVE)
    best = search.best_params_["tau"]
    axes.axvline(best, color=COLOURS[0], linestyle=":", label=f"tau = {best:.2g}")
    small = {"textcoords": "offset points", "fontsize": 8}
    axes.annotate("follows the noise", (taus[0], errors[0]), (-4, 8), **small)
    axes.annotate("a straight line", (taus[-1], errors[-1]), (0, -26), ha="right", **small)
    axes.set(xlabel="tau", ylabel="RMSE on held-out points", title="The bandwidth, chosen on the data")
    axes.legend(loc="upper left", frameon=False, fontsize=8)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer points")
    n = 60 if parser.parse_args().quick else 150
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    output.mkdir(parents=True, exist_ok=True)

    x, y = points(n)
    fresh, _ = points(500, seed=1)
    print(f"{n} noisy points of a curve.")
    print(f"The mean, whatever x is: {error(BaselineRegressor().fit(x, y), fresh):.3f} from the curve.")
    line = LinearRegression().fit(x, y)
    print(f"One straight line: {error(line, fresh):.3f} from the curve.")

    folds = KFold(10, shuffle=True, random_state=0)
    grid = {"tau": np.geomspace(0.04, 10, 17)}
    search = GridSearchCV(LocallyWeightedRegression(), grid, scoring="neg_root_mean_squared_error", cv=folds).fit(x, y)
    model = search.best_estimator_
    print(f"Local lines, with the tau = {model.tau:.2g} that cross-validation chose: {error(model, fresh):.3f}.")
    for tau, what in ((0.04, "follows the noise"), (np.inf, "is the straight line")):
        other = LocallyWeightedRegression(tau).fit(x, y)
        print(f"tau = {tau:g} {what}: {error(other, fresh):.3f} from the curve.".replace("inf", "infinity"))
    apart = np.abs(LocallyWeightedRegression(np.inf).fit(x, y).predict(fresh) - line.predict(fresh)).max()
    print(f"(Its predictions and those of least squares differ by {apart:.0e} at most.)")

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), width_ratios=[1.7, 1], layout="constrained")
    draw_lines(model, x, y, left)
    draw_search(search, right)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    path = output / "local-regression.png"
    figure.savefig(path, dpi=110)
    print(f"\nThe bells, their lines and the curve: {path}")
    print("Try next: degree=2, a kernel of your own, or points that leave a gap.")


if __name__ == "__main__":
    main()
