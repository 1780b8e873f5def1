# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 4. Batches, steps, epochs, periods
#
# | word | what it is |
# | --- | --- |
# | batch | the examples whose mean gradient makes one step: all, one ("stochastic"), or some ("mini-batch") |
# | step, iteration | one update of the weights |
# | epoch | as many steps as it takes to see every example once |
# | period | some number of steps, after which somebody looks at the loss: a matter of looking, not of learning |
#
# The number of trained examples is batch size times steps. The data: 17,000 block groups of California; how well do the
# rooms, the people and the income of a block group tell the value of its houses?

# %%
import functools
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import optim
from tinygrad_ml.models import LinearRegression

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"

frame = tg.datasets.california_housing("train")
X = frame.drop(columns="median_house_value").to_numpy()
X = (X - X.mean(axis=0)) / X.std(axis=0)
y = frame["median_house_value"].to_numpy()
y = (y - y.mean()) / y.std()
optimum = LinearRegression().fit(X, y)
best = np.mean((optimum.predict(X) - y) ** 2)
print(f"{len(X):,} examples in batches of 100 are {len(tg.data.DataLoader((X, y), batch_size=100))} steps an epoch.")

# %% [markdown]
# ## Large batches are redundant
#
# The gradient of a batch is an estimate of the gradient of all examples. How good an estimate? Compare directions: 1 is
# the same direction, 0 is a right angle.


# %%
def gradient(rows, p):
    """Return the gradient of the mean squared error of some rows at the weights p."""
    return 2 * X[rows].T @ (X[rows] @ p - y[rows]) / len(rows)


random = np.random.default_rng(0)
start = np.zeros(X.shape[1])
full = gradient(np.arange(len(X)), start)
sizes, alike = [1, 10, 100, 1000, 10_000], []
for size in sizes:
    samples = [gradient(random.choice(len(X), size, replace=False), start) for _ in range(100)]
    alike.append(np.mean([g @ full / np.linalg.norm(g) / np.linalg.norm(full) for g in samples]))
    print(f"Batches of {size:,}: the direction agrees by {alike[-1]:.3f}.")

# %% [markdown]
# A hundred examples point nearly where all 17,000 do, for a hundred and seventieth of the work.
#
# ## The noise of every step
#
# The same number of steps with batches of 1, 100, and all examples. `history_.steps` has the loss of every step, before
# it was taken; `fit(steps=..., periods=...)` counts in steps in place of epochs.

# %%
steps, histories = 600, {}
for size, rate in ((1, 0.005), (100, 0.05), (len(X), 0.05)):
    model = LinearRegression(optimizer=functools.partial(optim.SGD, lr=rate), batch_size=size, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few steps do not reach the optimum, which fit says
        model.fit(X, y, steps=steps, periods=10, validation=(X, y))
    histories[size] = model.history_
    losses = np.array(model.history_.steps["loss"])[steps // 2 :]
    print(
        f"Batch size {size:,}: {size * steps:,} trained examples; loss of a step {losses.mean():.3f} on average, "
        f"with a deviation of {losses.std():.3f}; loss of all examples {model.history_['validation_loss'][-1]:.4f}."
    )
print(f"The optimum has the loss {best:.4f}.")

# %% [markdown]
# ## With the same number of trained examples
#
# Counted in examples, small batches are far ahead at first: they take more steps for the same work. Later their noise
# keeps them above the optimum, until the rate falls.

# %%
epochs, curves = 4, {}
falling = lambda t: 0.02 / (1 + t / 1000)
for name, size, rate in (
    ("all examples", len(X), 0.05),
    ("batches of 100", 100, 0.05),
    ("one example", 1, 0.005),
    ("one example, falling rate", 1, falling),
):
    options = {"learning_rate": falling} if rate is falling else {"optimizer": functools.partial(optim.SGD, lr=rate)}
    model = LinearRegression(solver="sgd", batch_size=size, random_state=0, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y, steps=max(epochs, epochs * len(X) // size), periods=epochs, validation=(X, y))
    above = np.array(model.history_["validation_loss"]) - best
    curves[name] = above
    shown = np.array2string(above, precision=3, suppress_small=True)
    print(f"{name}: after each of {epochs} epochs {shown} above the optimum.")

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
axes[0].semilogx(sizes, alike, "o-", color=BLUE)
axes[0].set(
    title="Direction of a batch's gradient", xlabel="batch size", ylabel="cosine to that of all", ylim=(0, 1.05)
)
for (size, history), colour in zip(histories.items(), (ORANGE, BLUE, GREEN)):
    axes[1].plot(history.steps["loss"], color=colour, linewidth=0.8, label=f"batch size {size:,}")
axes[1].set(title="Loss of every step", xlabel="step", ylabel="mean squared error", ylim=(0, 3))
for (name, above), colour in zip(curves.items(), (GREEN, BLUE, ORANGE, "black")):
    axes[2].semilogy(range(1, epochs + 1), above, "o-", color=colour, label=name)
axes[2].set(title="At the same work", xlabel="epoch", ylabel="loss above the optimum", xticks=range(1, epochs + 1))
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
axes[1].legend(loc="upper right", framealpha=0.95, fontsize=9)
axes[2].legend(loc=(0.3, 0.62), frameon=False, fontsize=9)
figure.savefig(OUTPUT / "04_batches_and_steps.png", dpi=100)
print(f"Picture: {OUTPUT / '04_batches_and_steps.png'}")

# %% [markdown]
# ## Exercises
#
# 1. How many steps are 5 epochs of 1,000 examples in batches of 100? And in batches of 300?
# 2. Train twice with the same steps and rate, once with 2 periods and once with 20. Do the weights differ?
# 3. The variance of a batch's gradient falls like 1 over its size. Show it.
