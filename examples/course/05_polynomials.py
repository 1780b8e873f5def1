# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 5. Polynomials: under- and overfitting, learning curves
#
# A curve can be fitted by a linear model: give it the powers of the input as features,
# $y' = b + w_1 x + w_2 x^2 + \dots$ With a degree that is too low the model cannot follow the curve (underfitting, high
# bias). With one that is too high it follows the noise too (overfitting, high variance).
#
# The data: median value of houses along the coast of California, by latitude. Los Angeles and San Francisco make two
# hills.

# %%
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.models import PolynomialRegression

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "0.75"

frame = tg.datasets.california_housing("train")
coast = frame[(frame["median_house_value"] < 500_000) & (frame["longitude"] + frame["latitude"] < -84.7)]
coast = coast[coast["latitude"].between(33.7, 38.5)]
coast = coast.sample(frac=1, random_state=0)
X, y = coast[["latitude"]].to_numpy(), coast["median_house_value"].to_numpy() / 1000
print(f"{len(X):,} block groups.")
few, many = slice(0, 60), slice(60, None)  # 60 examples to learn from, all others to judge by

# %% [markdown]
# ## Degrees 1, 2, 6 and 20 on the same 60 points
#
# The error on the 60 can only fall with the degree. The error on examples that the model has not seen falls, and rises.


# %%
def rmse(model, rows):
    """Return the root mean squared error in thousand dollars."""
    return tg.metrics.root_mean_squared_error(y[rows], model.predict(X[rows]))


errors = {}
models = {}
for degree in (1, 2, 3, 4, 6, 8, 10, 12, 15, 20):
    model = PolynomialRegression(degree)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 20 powers of one input are nearly dependent, which fit may say
        model.fit(X[few], y[few])
    models[degree], errors[degree] = model, (rmse(model, few), rmse(model, many))
for degree in (1, 2, 6, 20):
    print(
        f"Degree {degree}: {errors[degree][0]:.1f} thousand dollars on its 60, {errors[degree][1]:.1f} on the others."
    )
best = min(errors, key=lambda degree: errors[degree][1])
print(f"The lowest error on new examples is that of degree {best}.")

# %% [markdown]
# ## Learning curves
#
# More data are a cure for overfitting, not for underfitting. The curves of the degrees 1 and 15 by the number of
# examples: the straight line stops learning at once, with both errors high; the polynomial needs many examples until
# its two curves meet, at a lower error.

# %%
sizes = [30, 50, 100, 200, 400, 800]
rest = slice(800, None)
curves = {}
for degree in (1, 15):
    rows = []
    for n in sizes:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = PolynomialRegression(degree).fit(X[:n], y[:n])
        rows.append((rmse(model, slice(0, n)), rmse(model, rest)))
    curves[degree] = np.array(rows)
    gap = curves[degree][:, 1] - curves[degree][:, 0]
    print(f"Degree {degree}: errors {gap[1]:.1f} apart with {sizes[1]} examples, {gap[-1]:.1f} with {sizes[-1]:,}.")
print(f"With {sizes[-1]:,} examples: {curves[1][-1, 1]:.1f} for degree 1, {curves[15][-1, 1]:.1f} for degree 15.")

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 4.3), layout="constrained")
grid = np.linspace(X[few].min(), X[few].max(), 400).reshape(-1, 1)
axes[0].plot(X[many], y[many], ".", color=GREY, markersize=3, label="new examples")
axes[0].plot(X[few], y[few], "o", color="black", markersize=4, label="60 to learn from")
for degree, colour in ((1, GREEN), (6, BLUE), (20, ORANGE)):
    axes[0].plot(grid, models[degree].predict(grid), color=colour, linewidth=2, label=f"degree {degree}")
axes[0].set(title="Three degrees", xlabel="latitude (degrees)", ylabel="median value (thousand dollars)", ylim=(0, 520))
degrees = list(errors)
for k, (colour, label) in enumerate(((BLUE, "the 60 examples"), (ORANGE, "new examples"))):
    axes[1].plot(degrees, [errors[d][k] for d in degrees], "o-", color=colour, label=label)
axes[1].set(title="Error by degree", xlabel="degree", ylabel="RMSE (thousand dollars)", ylim=(60, 160))
for degree, style in ((1, "--"), (15, "-")):
    for k, (colour, label) in enumerate(((BLUE, "own examples"), (ORANGE, "new examples"))):
        axes[2].semilogx(sizes, curves[degree][:, k], style, color=colour, label=f"degree {degree}, {label}")
axes[2].set(title="Learning curves", xlabel="number of examples", ylabel="RMSE (thousand dollars)", ylim=(60, 160))
axes[2].set_xticks([30, 100, 300, 800], ["30", "100", "300", "800"])
axes[2].minorticks_off()
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9)
axes[0].legend(loc=(0.3, 0.72), fontsize=8, framealpha=0.9)
figure.savefig(OUTPUT / "05_polynomials.png", dpi=100)
print(f"Picture: {OUTPUT / '05_polynomials.png'}")

# %% [markdown]
# ## Exercises
#
# 1. A polynomial of degree 5 goes through any six points. Show it: what is the error of `PolynomialRegression(5)`?
# 2. `tg.plot.learning_curve` and scikit-learn's `learning_curve` draw the third picture for any estimator. Do their
#    errors agree with a loop of your own?
# 3. Choose the degree by cross-validation (`GridSearchCV` over `degree`), not by the other examples. Which one wins?
