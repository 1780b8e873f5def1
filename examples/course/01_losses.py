# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 1. Losses: what a model is punished for
#
# A linear model says $y' = b + w x$. Which line is the best one depends on what an error costs:
#
# | loss | of one example | of all |
# | --- | --- | --- |
# | L2, squared | $(y - y')^2$ | mean: MSE; sum: the residual sum of squares |
# | L1, absolute | $\lvert y - y' \rvert$ | mean: MAE |
# | Huber | squared while the error is small, absolute where it is large | mean |
#
# The data: income per head and life satisfaction of 36 countries. A well-known textbook fits its line to 29 of them.
# Seven were left out.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.models import LinearRegression

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "0.6"

textbook = tg.datasets.life_satisfaction("textbook")
everyone = tg.datasets.life_satisfaction("all")

# %% [markdown]
# ## The line of least squares
#
# `LinearRegression` minimises the MSE. Its line through the 29 countries is the textbook's: 4.8531 + 4.9115e-05 per
# dollar, which gives Cyprus (22,587 dollars) a satisfaction of 5.96.

# %%
X, y = textbook[["gdp_per_capita"]], textbook["life_satisfaction"]
line = LinearRegression().fit(X, y)
(cyprus,) = line.predict(X.iloc[:1].assign(gdp_per_capita=22_587.0))
print(f"29 countries: satisfaction = {line.intercept_:.4f} + {line.coef_[0]:.4e} x dollars; Cyprus {cyprus:.4f}.")

# %% [markdown]
# ## One outlier
#
# Somebody types 56 in place of 5.6: the satisfaction of one country is ten times too large. Each loss gets these data.

# %%
country = int(np.argmin(np.abs(X["gdp_per_capita"] - 12_000)))
mistaken = y.where(y.index != y.index[country], 10 * y)
lines = {loss: LinearRegression(loss=loss).fit(X, mistaken) for loss in ("mse", "mae", "huber")}
slope = 10_000 * line.coef_[0]
print(f"10,000 dollars more are worth {slope:+.2f} points. With the mistake in {textbook['country'].iloc[country]}:")
for loss, model in lines.items():
    print(f"- {loss} says {10_000 * model.coef_[0]:+.2f} points.")

# %% [markdown]
# The squared error of the wrong entry counts more than all others together, so the line turns towards it. The absolute
# error counts every distance as it is, and the line stays where the other 28 are.
#
# It is not a cure for everything: when the seven countries come back that the textbook left out, among them the two
# richest, both lines turn. Seven of 36 points at the ends are no typing error: straight lines do not fit the world.

# %%
X_all, y_all = everyone[["gdp_per_capita"]], everyone["life_satisfaction"]
of_all = {loss: LinearRegression(loss=loss).fit(X_all, y_all) for loss in ("mse", "mae")}
for loss, model in of_all.items():
    print(f"All 36 countries: by the {loss} 10,000 dollars are worth {10_000 * model.coef_[0]:+.2f} points.")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
left.plot(X, mistaken, "o", color=GREY)
ends = X.iloc[[0, -1]]
left.plot(ends, line.predict(ends), ":", color="black", label="mse without the mistake")
for (loss, model), colour in zip(lines.items(), (ORANGE, BLUE, GREEN)):
    style = "--" if loss == "huber" else "-"  # it lies on the line of mae
    left.plot(ends, model.predict(ends), style, color=colour, label=f"{loss} with it")
left.set(
    title="One wrong entry, far above",
    xlabel="gross domestic product per head (US dollars)",
    ylabel="life satisfaction (0 to 10)",
    ylim=(0, 12),
)
left.legend(frameon=False, fontsize=9)

# %% [markdown]
# ## The losses themselves, and their derivatives
#
# A loss acts through its derivative: the squared error pulls in proportion to the distance, the absolute error always
# with the strength 1, Huber's like the first near zero and like the second far away. `tg.grad` shows it.

# %%
error = np.linspace(-3, 3, 121)
losses = {
    "squared": lambda e: e**2,
    "absolute": tg.abs,
    "Huber": lambda e: nn.functional.huber_loss(e, np.zeros(121), reduction="none"),
    "fourth power": lambda e: e**4,
}
for (name, loss), colour in zip(losses.items(), (ORANGE, BLUE, GREEN, "black")):
    slopes = tg.grad(lambda e, loss=loss: loss(e).sum())(error)
    right.plot(error, slopes, color=colour, label=name)
    print(f"An error of 3 pulls with {slopes[-1]:.0f} ({name}), an error of 1 with {slopes[80]:.0f}.")
right.set(title="How strongly an error pulls", xlabel="error", ylabel="derivative of the loss", ylim=(-7, 7))
right.legend(frameon=False, fontsize=9)
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig(OUTPUT / "01_losses.png", dpi=110)
print(f"Picture: {OUTPUT / '01_losses.png'}")

# %% [markdown]
# ## A loss of one's own
#
# `loss=` takes any function of predictions and targets. Errors to the power of four punish the largest ones still more.
# And a factor, such as the one half in front of the textbook's $J = \frac12 \sum (y - y')^2$, changes no line.

# %%
fourth = LinearRegression(loss=lambda output, target: (output - target) ** 4, max_iter=2000).fit(X_all, y_all)
half = LinearRegression(loss=lambda output, target: (output - target) ** 2 / 2, max_iter=2000).fit(X_all, y_all)
worst = [np.abs(model.predict(X_all) - y_all).max() for model in (of_all["mse"], fourth)]
print(f"Largest error: {worst[0]:.2f} points by the MSE, {worst[1]:.2f} by the fourth power.")
for name, model in (("with", half), ("without", of_all["mse"])):
    print(f"The line {name} one half in front: {model.intercept_:.3f} + {model.coef_[0]:.3e} x dollars.")

# %% [markdown]
# ## Exercises
#
# 1. Which constant, one value for all countries, has the smallest MSE, and which one the smallest MAE? Say what they
#    are called.
# 2. Make the mistake in the income in place of the satisfaction: one country earns a hundred times as much. Does the
#    MAE help?
# 3. Write the "pinball" loss, $\max(q e, (q - 1) e)$ of the error $e = y - y'$, and fit the line below which 90 % of
#    the countries lie. How many do?
