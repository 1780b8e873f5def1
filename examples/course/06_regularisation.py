# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 6. Regularisation: the price of large weights
#
# A model that is too flexible uses its weights to follow noise. A penalty makes weights cost something:
#
# $$J(w) = \text{loss}(w) + \lambda \cdot \text{complexity}(w), \qquad
# \text{L2: } \tfrac12 \sum w_k^2, \quad \text{L1: } \sum \lvert w_k \rvert.$$
#
# L2 (ridge) pulls each weight back in proportion to its size; L1 (lasso) pulls with the same force everywhere, so small
# weights end at exactly zero. The elastic net is some of both. With $\lambda$ too high nothing is learned, with
# $\lambda$ too low nothing is gained.
#
# The data: 442 diabetes patients with ten measurements and the progress of their illness a year later; and a hundred
# columns of pure noise that somebody has added.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

import tinygrad_ml as tg
from tinygrad_ml.models import LinearRegression

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"

patients = load_diabetes(as_frame=True)
random = np.random.default_rng(0)
X = np.column_stack([patients.data, random.normal(scale=patients.data.to_numpy().std(), size=(442, 100))])
X, y = X / X.std(axis=0), patients.target.to_numpy()
(X, y), (X_valid, y_valid), (X_test, y_test) = tg.data.split(X, y, validation=0.25, test=0.25, seed=0)
print(f"{len(y)} patients to learn from, {X.shape[1]} columns, 10 of which mean something.")

# %% [markdown]
# ## From no penalty to too much of it
#
# `alpha` is λ. The penalty is chosen by the validation part; the test part is looked at once, at the end.


# %%
def rmse(model, X, y):
    """Return the root mean squared error, in points of the scale of the illness."""
    return tg.metrics.root_mean_squared_error(y, model.predict(X))


alphas = {"l2": np.geomspace(1e-3, 1e3, 25), "l1": np.geomspace(1e-2, 50, 25)}
paths = {}
for penalty, values in alphas.items():
    paths[penalty] = [LinearRegression(penalty=penalty, alpha=alpha).fit(X, y) for alpha in values]
plain = LinearRegression().fit(X, y)
print(f"Without a penalty: {rmse(plain, X, y):.1f} on its own patients, {rmse(plain, X_valid, y_valid):.1f} on others.")
best = {}
for penalty, models in paths.items():
    k = int(np.argmin([rmse(model, X_valid, y_valid) for model in models]))
    best[penalty] = model = models[k]
    zeros = np.sum(model.coef_ == 0)
    print(
        f"{penalty}: the best alpha is {alphas[penalty][k]:.2g}: {rmse(model, X_valid, y_valid):.1f}; "
        f"{zeros} weights are exactly 0."
    )
zeros = [int(np.sum(model.coef_ == 0)) for model in paths["l1"]]
print(f"Zeros by L1: {zeros[0]} for the lowest alpha, {zeros[12]} in the middle, {zeros[-1]} of 110 for the highest.")
kept = np.flatnonzero(best["l1"].coef_)
print(f"L1 has kept {np.sum(kept < 10)} of the 10 measurements and {np.sum(kept >= 10)} of the 100 columns of noise.")
for penalty in ("l2", "l1"):
    print(
        f"On the test part, {penalty}: {rmse(best[penalty], X_test, y_test):.1f}; "
        f"without a penalty {rmse(plain, X_test, y_test):.1f}."
    )

# %% [markdown]
# ## Why L1 makes zeros: the derivative
#
# Near zero the derivative of $\lambda w^2 / 2$ vanishes, so nothing pulls the last bit; that of
# $\lambda \lvert w \rvert$ stays $\pm \lambda$ up to the end. At zero itself it has a kink: a weight stays there as
# long as the loss pulls with less than $\lambda$. Steps of plain gradient descent jump over the kink for ever; the
# library takes proximal steps, which land on it.

# %%
w = np.array([-2.0, -0.25, 0.25, 2.0])
pull = {"l2": tg.grad(lambda w: (w**2 / 2).sum())(w), "l1": tg.grad(lambda w: abs(w).sum())(w)}
print(f"At w = {w}: the derivative of L2 is {pull['l2']}, of L1 {pull['l1']}.")

# %% [markdown]
# ## The risks of L1
#
# 1. A weak feature that means something is thrown out with the noise.
# 2. A feature in small units needs a large weight, which costs more: unscaled features are chosen by their units.
# 3. Of two features that say the same, L1 keeps one, and which one is an accident; L2 shares.

# %%
n, random = 300, np.random.default_rng(0)
strong, weak = random.normal(size=(2, n))
twin = strong + 0.01 * random.normal(size=n)
target = strong + 0.15 * weak + 0.3 * random.normal(size=n)
of = lambda columns, **options: LinearRegression(**options).fit(np.column_stack(columns), target).coef_
print(
    f"Weak: the least squares weight is {of([strong, weak])[1]:.2f}, "
    f"by L1 {of([strong, weak], penalty='l1', alpha=0.2)[1]:.2f}."
)
metres, millimetres = of([strong, weak], penalty="l1", alpha=0.05), of([strong, weak / 1000], penalty="l1", alpha=0.05)
print(f"Unscaled: the weak feature counts {metres[1]:.2f} in its own unit, {millimetres[1] / 1000:.2f} in thousands.")
lasso, ridge = of([strong, twin], penalty="l1", alpha=0.1), of([strong, twin], penalty="l2", alpha=0.1)
print(f"Twins: by L1 the weights are {lasso.round(2)}, by L2 {ridge.round(2)}.")

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 4.3), layout="constrained")
for ax, penalty in zip(axes, ("l2", "l1")):
    weights = np.array([model.coef_ for model in paths[penalty]])
    ax.semilogx(alphas[penalty], weights[:, 10:], color="0.8", linewidth=0.6)
    ax.semilogx(alphas[penalty], weights[:, :10], color=BLUE, linewidth=1.4)
    ax.plot([], [], color=BLUE, label="10 measurements")
    ax.plot([], [], color="0.8", label="100 columns of noise")
    ax.set(title=f"Weights, {penalty.upper()}", xlabel="alpha", ylabel="weight (points per deviation)")
for penalty, colour in (("l2", ORANGE), ("l1", GREEN)):
    errors = [[rmse(model, *part) for part in ((X, y), (X_valid, y_valid))] for model in paths[penalty]]
    own, other = np.transpose(errors)
    axes[2].semilogx(alphas[penalty], own, "--", color=colour, label=f"{penalty.upper()}, own patients")
    axes[2].semilogx(alphas[penalty], other, color=colour, label=f"{penalty.upper()}, validation")
axes[2].set(title="Too low, right, too high", xlabel="alpha", ylabel="RMSE (points)")
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9)
figure.savefig(OUTPUT / "06_regularisation.png", dpi=100)
print(f"Picture: {OUTPUT / '06_regularisation.png'}")

# %% [markdown]
# Stopping early is a penalty too: weights that begin at zero have not had the time to grow. `early_stopping=True` ends
# a fit by gradient steps when the loss of held-out examples has stopped falling.
#
# ## Exercises
#
# 1. Ridge has a closed form, $(X^T X + \lambda I)^{-1} X^T y$ for centred data. Does the library agree?
# 2. For columns at right angles, lasso is least squares with every weight moved towards 0 by $\lambda$ ("soft
#    thresholding"). Show it.
# 3. Add 1 to every target. What happens to the bias of a ridge regression, and why is the bias not penalised?
