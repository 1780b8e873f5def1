# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 8. Locally weighted regression: a line for every question
#
# A straight line does not follow a curve, and a polynomial must be chosen. Locally weighted regression fits a line anew
# for each query, in which near examples count more: with the weight $e^{-d^2 / 2 \tau^2}$ for an example at the
# distance $d$. The bandwidth $\tau$ says how near is near.
#
# The data: house values along the coast of California, by latitude.

# %%
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV

import tinygrad_ml as tg
from tinygrad_ml.models import LinearRegression, LocallyWeightedRegression

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

frame = tg.datasets.california_housing("train").sample(frac=1, random_state=0)
coast = frame[(frame["median_house_value"] < 500_000) & (frame["longitude"] + frame["latitude"] < -84.7)]
coast = coast[coast["latitude"].between(33.7, 38.5)]
X, y = coast[["latitude"]].to_numpy(), coast["median_house_value"].to_numpy() / 1000
known, new = slice(0, 600), slice(600, None)


def rmse(model):
    """Return the error on new examples, in thousand dollars."""
    return tg.metrics.root_mean_squared_error(y[new], model.predict(X[new]))


# %% [markdown]
# ## From one line for all to a line for each
#
# With $\tau$ to infinity all examples count the same: that is least squares. With a small $\tau$ the curve follows the
# hills, and with a tiny one the noise.

# %%
line = LinearRegression().fit(X[known], y[known])
models = {tau: LocallyWeightedRegression(tau=tau).fit(X[known], y[known]) for tau in (100.0, 0.5, 0.1, 0.005)}
print(f"One line for all: {rmse(line):.1f} thousand dollars.")
for tau, model in models.items():
    print(f"tau = {tau:g} degrees: {rmse(model):.1f} thousand dollars.")
far = np.abs(LocallyWeightedRegression(tau=1e6).fit(X[known], y[known]).predict(X[new]) - line.predict(X[new])).max()
print(f"tau = a million: the predictions differ from those of least squares by {far:.0e} at most.")

# %% [markdown]
# ## Choosing the bandwidth, and the bell
#
# The bandwidth is chosen by cross-validation, like any hyperparameter. The bell too may be another function of $d /
# \tau$.

# %%
search = GridSearchCV(
    LocallyWeightedRegression(), {"tau": [0.02, 0.05, 0.1, 0.2, 0.5, 1.0]}, cv=5, scoring="neg_mean_squared_error"
)
best = search.fit(X[known], y[known]).best_params_["tau"]
print(f"Cross-validation chooses tau = {best}: {rmse(search.best_estimator_):.1f} thousand dollars on new examples.")
tricube = LocallyWeightedRegression(tau=0.4, kernel=lambda d: np.maximum(1 - np.abs(d) ** 3, 0) ** 3)
print(f"With a tricube bell in place of a Gaussian one: {rmse(tricube.fit(X[known], y[known])):.1f}.")

# %% [markdown]
# ## The price of a query
#
# Nothing is learned in advance, and the examples must be kept: each query costs a fit. A parametric model answers from
# its weights.

# %%
seconds = {}
for name, model in (("a line", line), ("locally weighted", models[0.1])):
    start = time.perf_counter()
    for _ in range(5):
        model.predict(X[new])
    seconds[name] = (time.perf_counter() - start) / 5
print(
    f"{len(y[new])} queries take {seconds['locally weighted'] / seconds['a line']:.0f} times as long as "
    f"those of one line."
)

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.4), layout="constrained")
grid = np.linspace(X.min(), X.max(), 300).reshape(-1, 1)
left.plot(X[known], y[known], ".", color="0.8", markersize=4)
for (tau, model), colour in zip(models.items(), ("#009e73", "#0072b2", "black", "#d55e00")):
    left.plot(grid, model.predict(grid), color=colour, label=f"τ = {tau:g}", linewidth=1 if tau < 0.01 else 2)
left.set(title="Four bandwidths", xlabel="latitude (degrees)", ylabel="value (thousand dollars)", ylim=(0, 520))
left.legend(frameon=False, ncols=2)
right.plot(X[known], y[known], ".", color="0.8", markersize=4)
right.plot(grid, models[0.1].predict(grid), color="black", label="the curve, τ = 0.1")
for query in (34.4, 36.0, 37.6):
    bell = np.exp(-((grid[:, 0] - query) ** 2) / (2 * 0.1**2))
    right.fill_between(grid[:, 0], 80 * bell, color="#0072b2", alpha=0.3)
    weight = np.exp(-((X[known, 0] - query) ** 2) / (2 * 0.1**2))
    local = LinearRegression().fit(X[known], y[known], sample_weight=weight)
    near = np.array([[query - 0.25], [query + 0.25]])
    right.plot(near, local.predict(near), color="#d55e00", linewidth=3)
right.set(
    title="Three queries: bell and line", xlabel="latitude (degrees)", ylabel="value (thousand dollars)", ylim=(0, 520)
)
right.legend(frameon=False)
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig(OUTPUT / "08_locally_weighted.png", dpi=100)
print(f"Picture: {OUTPUT / '08_locally_weighted.png'}")

# %% [markdown]
# ## Exercises
#
# 1. Compute one prediction by hand: `LinearRegression` with `sample_weight`. Is it the same?
# 2. What is predicted far away from all examples, where every weight is zero in floating point?
# 3. With `degree=0` a weighted mean is predicted. How does it differ at the ends of the data?
