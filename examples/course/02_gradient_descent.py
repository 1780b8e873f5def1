# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 2. Gradient descent: downhill on a bowl
#
# The mean squared error of a line $y' = b + w x$ depends on two numbers, $w$ and $b$: it is a surface over a plane. For
# a linear model the surface is a bowl: convex, with one lowest point. Gradient descent starts anywhere and takes steps
# against the gradient,
#
# $$w \leftarrow w - \alpha \, \partial J / \partial w, \qquad b \leftarrow b - \alpha \, \partial J / \partial b,$$
#
# where $\alpha$ is the learning rate. The data: population of 97 cities and the profit of a food truck in each.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.models import LinearRegression

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

population, profit = tg.datasets.city_profits()
x, y = population[:, 0], profit
print(f"{len(x)} cities of {x.min():.0f} to {x.max():.0f} times 10,000 people.")

# %% [markdown]
# ## The derivative, by hand and by the library
#
# With the error $e_i = b + w x_i - y_i$ of each example, the chain rule gives for $J = \frac1n \sum e_i^2$
#
# $$\frac{\partial J}{\partial w} = \frac2n \sum e_i x_i, \qquad \frac{\partial J}{\partial b} = \frac2n \sum e_i.$$
#
# `tg.grad` derives the same from the function.


# %%
def loss(p):
    """Return the mean squared error of the line p[0] * x + p[1]."""
    return ((p[0] * x + p[1] - y) ** 2).mean()


start = np.array([0.0, 0.0])
error = start[0] * x + start[1] - y
by_hand = np.array([2 * np.mean(error * x), 2 * np.mean(error)])
derived = tg.grad(loss)(start)
print(f"The gradient at w = b = 0: by hand {by_hand.round(4)}, by the library {derived.round(4)}.")
assert np.allclose(by_hand, derived, rtol=1e-12)

# %% [markdown]
# ## The descent
#
# Four lines: the gradient, the step, and a look at where we are.

# %%
rate, p, path = 0.01, start, [start]
gradient = tg.grad(loss)
while np.linalg.norm(gradient(p)) > 1e-3 and len(path) < 5000:
    p = p - rate * gradient(p)
    path.append(p)
print(
    f"After {len(path) - 1} steps the gradient is shorter than 0.001: "
    f"w = {p[0]:.4f}, b = {p[1]:.4f}, J = {loss(p):.4f}."
)

# %% [markdown]
# ## The lowest point, without a descent
#
# At the bottom the gradient is zero, which makes two linear equations. Their solution is the "closed form", also called
# normal equation. It is solved by least squares (`lstsq`), not by inverting a matrix: see below.

# %%
A = np.column_stack([x, np.ones_like(x)])
bottom, *_ = np.linalg.lstsq(A, y)
model = LinearRegression(solver="normal").fit(population, profit)
print(
    f"Closed form: w = {bottom[0]:.4f}, b = {bottom[1]:.4f}; "
    f"LinearRegression: w = {model.coef_[0]:.4f}, b = {model.intercept_:.4f}."
)
print(f"The descent ends {np.linalg.norm(p - bottom):.4f} away from it.")

# %% [markdown]
# The Hessian, the matrix of second derivatives, says why this works: both of its eigenvalues are positive everywhere,
# so the surface is curved upwards in all directions. The larger one limits the learning rate, the smaller one says how
# long it takes: the valley is narrow in one direction and flat in the other.

# %%
curvatures = np.linalg.eigvalsh(tg.hessian(loss)(start))
print(
    f"Curvatures of the bowl: {curvatures[0]:.3f} and {curvatures[1]:.1f}; "
    f"steps jump over it, further each time, from a rate of {2 / curvatures[1]:.4f} on."
)

# %% [markdown]
# ## A rounder bowl
#
# If the feature is standardised (mean 0, standard deviation 1), the bowl is round: both curvatures are 2. Then a step
# with the rate 0.5 goes straight to the bottom.

# %%
z = (x - x.mean()) / x.std()


def round_loss(p):
    """Return the same for the standardised feature."""
    return ((p[0] * z + p[1] - y) ** 2).mean()


q, round_path = start, [start]
while np.linalg.norm(tg.grad(round_loss)(q)) > 1e-3:
    q = q - 0.2 * tg.grad(round_loss)(q)
    round_path.append(q)
curvatures = np.linalg.eigvalsh(tg.hessian(round_loss)(start))
at_once = start - 0.5 * tg.grad(round_loss)(start)
print(
    f"Standardised: curvatures {curvatures[0]:.1f} and {curvatures[1]:.1f}; "
    f"{len(round_path) - 1} steps with the rate 0.2, and one step with 0.5"
)
print(f"ends {np.linalg.norm(tg.grad(round_loss)(at_once)):.1e} from a gradient of zero.")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
tg.plot.loss_surface(loss, (-1.2, 2.2), (-6, 2), path=path, ax=left)
left.set(
    title=f"As it is: {len(path) - 1} steps with the rate {rate}",
    xlabel="w (10,000 dollars per 10,000 people)",
    ylabel="b (10,000 dollars)",
)
tg.plot.loss_surface(round_loss, (-1, 10), (-1, 11), path=round_path, ax=right)
right.set(
    title=f"Standardised: {len(round_path) - 1} steps with the rate 0.2",
    xlabel="w (10,000 dollars per deviation)",
    ylabel="b (10,000 dollars)",
)
figure.savefig(OUTPUT / "02_gradient_descent.png", dpi=110)
print(f"Picture: {OUTPUT / '02_gradient_descent.png'}")

# %% [markdown]
# ## When the equations have no single solution
#
# Measure the population twice, in people and in thousands. Now many pairs of weights are equally good: the bowl has
# become a valley with a flat floor, and the matrix that the textbook inverts is singular. Least squares still answers,
# with the shortest of all solutions, and the predictions are the same.

# %%
twice = np.column_stack([x, 10 * x])
again = LinearRegression(solver="normal").fit(twice, profit)
rank = np.linalg.matrix_rank(np.column_stack([twice, np.ones_like(x)]))
same = np.abs(again.predict(twice) - model.predict(population)).max()
print(f"Three columns, rank {rank}: weights {again.coef_.round(4)}; the predictions differ by {same:.0e} at most.")

# %% [markdown]
# ## Exercises
#
# 1. Show with `tg.grad` that half the sum of squares, $\frac12 \sum e_i^2$, has the same minimum. Which rate does it
#    need to take the very same path?
# 2. Where does the descent end if it starts at $w = 100$, $b = -100$? Why could it not end anywhere else?
# 3. Newton's method divides the gradient by the curvature, $p - H^{-1} g$. How many steps does it need on a bowl?
