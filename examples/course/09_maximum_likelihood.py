# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 9. Maximum likelihood: where losses come from
#
# Why squares? Say how the data came about, $y = \theta x + \varepsilon$ with Gaussian noise of deviation $\sigma$, and
# choose the parameters under which the data that we have were most probable. The negative log likelihood is then
#
# $$-\log L = \frac{1}{2 \sigma^2} \sum (y_i - \theta x_i)^2 + n \log \sigma + \text{constant}:$$
#
# the sum of squares. Another noise gives another loss.
#
# The data: population of 97 cities and the profit of a food truck in each; then counts.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.models import LinearRegression, PoissonRegression, Regressor

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

X, y = tg.datasets.city_profits()

# %% [markdown]
# ## Gaussian noise gives least squares, whatever sigma is
#
# The likelihood is maximised by gradient steps (`tg.optim.minimize` would do too), for three sigmas. The line is that
# of least squares each time.

# %%
A = np.column_stack([X[:, 0], np.ones(len(X))])
A[:, 0] = (A[:, 0] - X.mean()) / X.std()
squares, *_ = np.linalg.lstsq(A, y)


def negative_log_likelihood(theta, sigma):
    """Return -log of the density of the data under Gaussian noise, a mean over the examples."""
    residual = y - A @ theta
    return (residual**2).mean() / (2 * sigma**2) + np.log(sigma) + 0.5 * np.log(2 * np.pi)


for sigma in (0.5, 3.0, 20.0):
    theta = np.zeros(2)
    for _ in range(200):
        theta = theta - 0.5 * sigma**2 * tg.grad(lambda t, s=sigma: negative_log_likelihood(t, s))(theta)
    print(f"sigma = {sigma}: the most likely line is {theta.round(4)}, least squares is {squares.round(4)}.")
residual = y - A @ squares
print(f"The most likely sigma is the root of the mean squared residual: {residual.std():.3f}.")
grid = np.linspace(1, 8, 701)
best = grid[np.argmin([negative_log_likelihood(squares, s) for s in grid])]
print(f"Looked for on a grid it is {best:.2f}.")

# %% [markdown]
# ## Are the residuals Gaussian?
#
# The derivation said so; the data may disagree. Within one deviation lie 68 % of a Gaussian, within two 95 %.

# %%
within = [np.mean(np.abs(residual) < k * residual.std()) for k in (1, 2)]
print(f"Within one and two deviations: {within[0]:.0%} and {within[1]:.0%} of the residuals.")
skewness = np.mean((residual / residual.std()) ** 3)
print(f"Their skewness is {skewness:+.2f}, that of a Gaussian is 0: a few trucks earn far more than the line says.")

# %% [markdown]
# ## A generalised linear model in fifteen lines
#
# Counts are not Gaussian: they are whole numbers, never negative. Take the Poisson distribution, whose mean is
# $e^{b + w x}$: a "link" function and a loss. `forward` gives the linear predictor, `criterion` the negative log
# likelihood, and `predict` applies the inverse link. The default solver does the rest.


# %%
class Counts(Regressor):
    """Poisson regression: the logarithm of the mean is linear."""

    def __init__(self, alpha=0.0, max_iter=2000, random_state=0):
        self.store(locals())

    def build(self, n_features, n_outputs):
        self.linear_ = tg.nn.Linear(n_features, n_outputs)
        return self

    def forward(self, x):
        return self.linear_(x)

    def criterion(self, output, target, sample_weight=None):
        return (tg.exp(output) - output * target).mean()


random = np.random.default_rng(0)
hours = random.uniform(0, 3, size=(400, 2))
mails = random.poisson(np.exp(0.3 + hours @ [0.8, -0.5]))
ours = PoissonRegression(alpha=0).fit(hours, mails)
print(f"PoissonRegression: {ours.intercept_:.3f} + {ours.coef_.round(3)}; the truth was 0.3 + [0.8, -0.5].")

# %% [markdown]
# ## Why the update rules look alike
#
# For least squares, logistic and Poisson regression the gradient has the same form, $\sum (\text{prediction}_i - y_i)
# x_i$: each link is the one that belongs to its distribution ("canonical"). Check it by autodiff.

# %%
w = np.array([0.2, -0.1])
target = {"Gaussian": hours @ [1.0, 2.0], "Bernoulli": (mails > 1).astype(float), "Poisson": mails.astype(float)}
likelihoods = {
    "Gaussian": (lambda z, t: ((z - t) ** 2 / 2).sum(), lambda z: z),
    "Bernoulli": (lambda z, t: (tg.softplus(z) - t * z).sum(), lambda z: 1 / (1 + np.exp(-z))),
    "Poisson": (lambda z, t: (tg.exp(z) - t * z).sum(), np.exp),
}
for name, (loss, mean) in likelihoods.items():
    t = target[name]
    by_autodiff = tg.grad(lambda w, loss=loss, t=t: loss(hours @ w, t))(w)
    by_rule = hours.T @ (mean(hours @ w) - t)
    print(f"{name}: the gradient is {by_autodiff.round(3)}, the rule says {by_rule.round(3)}.")

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 4.1), layout="constrained")
axes[0].plot(grid, [negative_log_likelihood(squares, s) for s in grid], color="#0072b2")
axes[0].axvline(residual.std(), color="0.6", linestyle=":", label=f"deviation of the residuals, {residual.std():.2f}")
axes[0].set(
    title="How likely is sigma?", xlabel="sigma (10,000 dollars)", ylabel="negative log likelihood", ylim=(2.4, 4)
)
axes[1].hist(residual, bins=20, density=True, color="0.8")
side = np.linspace(-8, 15, 200)
density = np.exp(-(side**2) / (2 * residual.var())) / np.sqrt(2 * np.pi * residual.var())
axes[1].plot(side, density, color="#d55e00", label="Gaussian")
axes[1].set(title="Residuals of the food trucks", xlabel="residual (10,000 dollars)", ylabel="density")
axes[2].plot(hours[:, 0], mails, ".", color="0.8")
line = np.column_stack([np.linspace(0, 3, 100), np.full(100, 1.5)])
axes[2].plot(line[:, 0], ours.predict(line), color="#0072b2", label="Poisson regression")
straight = LinearRegression().fit(hours, mails).predict(line)
axes[2].plot(line[:, 0], straight, color="#d55e00", label="least squares")
axes[2].set(title="Counts", xlabel="first input (hours)", ylabel="mails")
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9)
figure.savefig(OUTPUT / "09_maximum_likelihood.png", dpi=100)
print(f"Picture: {OUTPUT / '09_maximum_likelihood.png'}")

# %% [markdown]
# ## Exercises
#
# 1. Which noise gives the absolute error? Show it for one parameter.
# 2. Fit `Counts` to the mails. Are its coefficients those of `PoissonRegression(alpha=0)`?
# 3. Which probability has the largest likelihood if 7 of 10 coins show heads? Use `tg.grad`.
