# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 13. The perceptron, and Newton's method
#
# Two ways to fit a boundary without a learning rate to tune. The perceptron (1957) has a step function in place of the
# sigmoid, and changes its weights only when it is wrong: $w \leftarrow w + (y - y') x$. Newton's method uses the second
# derivatives, and needs a handful of steps.

# %%
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_iris

import tinygrad_ml as tg
from tinygrad_ml.models import LogisticRegression, Perceptron

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
BLUE, ORANGE = "#0072b2", "#d55e00"

# %% [markdown]
# ## The learning rule, by hand
#
# Iris flowers by length and width of the petal: is it a setosa? The loop is the whole algorithm.

# %%
flowers = load_iris()
X, y = flowers.data[:, 2:], (flowers.target == 0).astype(int)
w, b, mistakes = np.zeros(2), 0.0, []
while not mistakes or mistakes[-1]:
    wrong = 0
    for x, label in zip(X, y):
        said = int(x @ w + b >= 0)
        w, b = w + (label - said) * x, b + (label - said)
        wrong += int(said != label)
    mistakes.append(wrong)
model = Perceptron().fit(X, y)
print(f"By hand: mistakes in each pass {mistakes}, weights {w.round(2)}, bias {b:.0f}.")
print(
    f"Perceptron: mistakes {[int(n) for n in model.history_['mistakes']]}, weights {model.coef_[0].round(2)}, bias "
    f"{model.intercept_[0]:.0f}."
)

# %% [markdown]
# ## Where it ends, and where it does not
#
# For classes that a line separates the rule ends without a mistake, on some line that separates; which one depends on
# the order of the examples. For classes that overlap it never ends. The library says so, and how many mistakes are
# left.

# %%
other = (flowers.target == 1).astype(int)  # versicolor lies between the others
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    overlap = Perceptron(max_iter=200).fit(X, other)
print(
    f"Versicolor: {min(overlap.history_['mistakes']):.0f} mistakes in the best pass, "
    f"{overlap.history_['mistakes'][-1]:.0f} in the last."
)
print(f"- fit says: {said[0].message}")
several = [Perceptron(shuffle=True, random_state=seed).fit(X, y) for seed in range(5)]
angles = np.degrees([np.arctan2(*m.coef_[0][::-1]) for m in several])
print(f"Setosa in five orders: all without a mistake, with boundaries at angles of {np.sort(angles).round(0)} degrees.")

# %% [markdown]
# ## Newton's method
#
# Near its minimum a loss looks like a parabola. Newton's method jumps to the bottom of the parabola that has the same
# slope and curvature: $\theta \leftarrow \theta - H^{-1} g$. In one dimension, to find where $f'(x) = 0$, it is
# Newton's iteration for roots.

# %%
f = lambda x: tg.exp(x) - 3 * x  # its minimum is at log(3)
x, steps = np.array(0.0), []
for _ in range(6):
    x = x - tg.grad(f)(x) / tg.grad(tg.grad(f))(x)
    steps.append(abs(float(x) - np.log(3)))
print(f"Distance to log(3) after each step: {', '.join(f'{left:.0e}' for left in steps)}: the digits double.")

# %% [markdown]
# On real data: 569 tumours, 30 measurements, and the solvers of `LogisticRegression`, both to the same optimum (L-BFGS
# learns the curvature from its steps).

# %%
X30, ill = load_breast_cancer(return_X_y=True)
curves, coefficients = {}, {}
for solver in ("newton", "lbfgs"):
    fitted = LogisticRegression(solver=solver, tol=1e-6, max_iter=3000, random_state=0).fit(X30, ill)
    curves[solver], coefficients[solver] = fitted.history_["loss"], fitted.coef_[0]
    print(f"{solver}: {fitted.n_iter_} iterations to the loss {curves[solver][-1]:.6f}.")
apart = np.abs(coefficients["newton"] - coefficients["lbfgs"]).max()
print(f"The coefficients of newton and lbfgs differ by {apart:.0e} at most.")

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
for ax, target, name in ((axes[0], y, "setosa"), (axes[1], other, "versicolor")):
    for label, marker, colour in ((0, "o", BLUE), (1, "s", ORANGE)):
        chosen = X[target == label]
        ax.plot(chosen[:, 0], chosen[:, 1], marker, color=colour, markersize=4, label=name if label else "others")
    ax.set(title=f"Is it {name}?", xlabel="length of the petal (cm)", ylabel="width of the petal (cm)", ylim=(0, 2.7))
side = np.linspace(0.9, 7, 2)
for m in several:
    (a, c), d = m.coef_[0], m.intercept_[0]
    axes[0].plot(side, -(a * side + d) / c, color="0.4", linewidth=1)
(a, c), d = overlap.coef_[0], overlap.intercept_[0]
axes[1].plot(side, -(a * side + d) / c, color="0.4", linewidth=1)
optimum = min(curve[-1] for curve in curves.values())
for (solver, curve), colour in zip(curves.items(), (BLUE, ORANGE)):
    axes[2].semilogy(range(1, len(curve) + 1), np.maximum(np.array(curve) - optimum, 1e-12), color=colour, label=solver)
axes[2].set(title="569 tumours", xlabel="iteration", ylabel="loss above the optimum")
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9)
figure.savefig(OUTPUT / "13_perceptron_and_newton.png", dpi=100)
print(f"Picture: {OUTPUT / '13_perceptron_and_newton.png'}")

# %% [markdown]
# ## Exercises
#
# 1. Multiply all inputs of a perceptron by 100. Does it make the same mistakes?
# 2. XOR: how many mistakes does the perceptron make in each pass, for ever?
# 3. Newton's method on $f(x) = \sqrt{1 + x^2}$: for which starting points does it diverge?
