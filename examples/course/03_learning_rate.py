# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 3. The learning rate: too low, right, too high
#
# A step of gradient descent is the gradient times the learning rate. With a rate that is too low the descent takes for
# ever, with one that is too high it jumps over the valley and climbs the other side. In between is a range that is just
# right, and its upper end is known in advance: 2 divided by the largest curvature.
#
# The data: size and number of bedrooms of 47 houses, and their prices.

# %%
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.models import LinearRegression

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

X, price = tg.datasets.house_prices()
exact = LinearRegression().fit(X, price)
print(
    f"Closed form: {exact.intercept_:,.0f} + {exact.coef_[0]:.1f} x square feet - {-exact.coef_[1]:,.0f} x bedrooms. "
    "More bedrooms in the same size are worth less."
)

# %% [markdown]
# ## How high is too high?
#
# Square feet are in the thousands, bedrooms below five: as they are, the curvatures differ by a factor of millions. So
# the features are standardised first, and the price too.

# %%
Z = (X - X.mean(axis=0)) / X.std(axis=0)
y = (price - price.mean()) / price.std()


def loss(p):
    """Return the mean squared error of the weights p[:2] and the bias p[2]."""
    return ((Z @ p[:2] + p[2] - y) ** 2).mean()


curvatures = np.linalg.eigvalsh(tg.hessian(loss)(np.zeros(3)))
limit = 2 / curvatures[-1]
print(
    f"Curvatures from {curvatures[0]:.2f} to {curvatures[-1]:.2f}: the descent diverges from a rate of {limit:.3f} on."
)

# %% [markdown]
# ## Five rates
#
# `learning_rate=` takes steps of that rate, on all examples at once. What `fit` finds strange, it says: a rate that is
# too low or a bit too high is reported as well as one that explodes.

# %%
rates = {"far too low": 0.001, "low": 0.02, "right": 0.3, "at the limit": 0.63, "too high": 0.66}
curves = {}
for name, rate in rates.items():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        model = LinearRegression(solver="sgd", learning_rate=rate, batch_size=None, max_iter=100)
        model.fit(Z, y)
    curves[name] = model.history_["loss"]
    print(f"\nRate {rate} ({name}): the loss ends at {curves[name][-1]:.4f} after {len(curves[name])} steps.")
    print(f"- fit says: {said[0].message}" if said else "- fit says nothing: it has converged.")

# %% [markdown]
# ## Where the steps go
#
# With the bias left out (it is zero for standardised data) the loss is a surface over two weights. A right rate goes
# down in a smooth line; near the limit each step lands on the other side of the valley.

# %%


def plane(p):
    """Return the loss of two weights."""
    return ((Z @ p - y) ** 2).mean()


def walk(rate, steps):
    """Return the points of a descent."""
    p, points = np.array([-1.0, 1.0]), []
    for _ in range(steps + 1):
        points.append(p)
        p = p - rate * tg.grad(plane)(p)
    return points


figure = plt.figure(figsize=(12, 7.6), layout="constrained")
top, bottom = figure.subfigures(2, 1)
for ax, (name, rate) in zip(top.subplots(1, 3), (("low", 0.02), ("right", 0.3), ("too high", 0.66))):
    tg.plot.loss_surface(plane, (-2.6, 3.6), (-2.6, 2.6), path=walk(rate, 12), ax=ax)
    ax.set(title=f"12 steps, rate {rate}: {name}", xlabel="weight of the size", ylabel="weight of the bedrooms")
    ax.get_legend().remove()
ax = bottom.subplots()
colours = dict(zip(rates, ("0.6", "#0072b2", "#009e73", "#e69f00", "#d55e00")))
for name, losses in curves.items():
    ax.plot(range(1, len(losses) + 1), losses, color=colours[name], label=f"{rates[name]}: {name}", linewidth=2)
ax.set(title="The loss after every step", xlabel="step", ylabel="mean squared error (standardised)", ylim=(0.2, 1.4))
ax.set_xlim(0, 60)
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, title="learning rate")
figure.savefig(OUTPUT / "03_learning_rate.png", dpi=100)
print(f"\nPicture: {OUTPUT / '03_learning_rate.png'}")

# %% [markdown]
# ## Finding a rate
#
# Nobody computes the Hessian of a large network. `learning_rate="find"` takes trial steps with growing rates and keeps
# one at which the loss falls fast; if no rate is given at all, linear models take a safe one from their curvature.

# %%
found = LinearRegression(solver="sgd", learning_rate="find", batch_size=None, max_iter=1000, random_state=0).fit(Z, y)
ours = LinearRegression(solver="sgd", random_state=0).fit(X, price)  # the features as they are
print(f"With a rate that was found: the loss ends at {found.history_['loss'][-1]:.4f}.")
print(
    f"Without a rate, on the features as they are: {ours.intercept_:,.0f} + {ours.coef_[0]:.1f}, {ours.coef_[1]:,.0f}."
)

# %% [markdown]
# ## Exercises
#
# 1. Take the features as they are, in square feet. What is the largest rate now? How many steps does the bias need?
# 2. One weight, loss $w^2$, start at 1: what happens at the rates 0.5, 0.9, 1 and 1.1? Say it before you run it.
# 3. Let the rate fall with the steps, `learning_rate=lambda t: 0.6 / (1 + t / 10)`. Does it end nearer to the optimum
#    than the constant 0.6 after 15 steps?
