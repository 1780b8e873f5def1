# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 20. Dropout, and stopping early
#
# A large network on few examples learns them by heart. Three cures: dropout switches off a random share $p$ of the
# neurons in every step, so that none can rely on another; early stopping ends when held-out examples get worse; an L2
# penalty keeps weights small. With $p = 0$ nothing changes, with $p = 1$ nothing is learned.
#
# The data: 1,000 handwritten digits of MNIST to learn from, 2,000 to judge by.

# %%
import os
import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.models import MLPClassifier

QUICK = "--quick" in sys.argv
OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
BLUE, ORANGE = "#0072b2", "#d55e00"

images, labels = tg.datasets.mnist("train")
images = images.reshape(-1, 784).astype(np.float32) / 255
X, y, X_valid, y_valid = images[:1000], labels[:1000], images[1000:3000], labels[1000:3000]
EPOCHS = 15 if QUICK else 40


def trained(**options):
    """Return a network that was trained for all epochs, with the losses of both parts in its history."""
    model = MLPClassifier((256, 128), learning_rate=1e-3, random_state=0, **{"max_iter": EPOCHS, "tol": 0} | options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y, validation=(X_valid, y_valid))


def losses(model):
    """Return the loss of a network on the examples that it knows and on others, with all neurons switched on."""
    return [tg.metrics.log_loss(t, model.predict_proba(x), labels=range(10)) for x, t in ((X, y), (X_valid, y_valid))]


# %% [markdown]
# ## Dropout
#
# The share of neurons that are switched off, and what becomes of the gap between the two losses.

# %%
networks, found = {}, {}
for share in (0.0, 0.2, 0.5, 1.0):
    networks[share] = model = trained(dropout=share)
    own, new = found[share] = losses(model)
    print(f"Dropout {share}: loss {own:.3f} on its own digits, {new:.3f} on others, gap {new - own:.3f}; ", end="")
    print(f"{model.score(X_valid, y_valid):.1%} of the others are read.")

# %% [markdown]
# While training, the neurons that stay are made larger by $1 / (1 - p)$, so that the sum which arrives at the next
# layer is the same on average. When predicting, all neurons are on, and nothing is random.

# %%
tg.manual_seed(0)
layer = tg.nn.Dropout(0.25)
ones = layer(tg.ones(100_000)).numpy()
print(
    f"Dropout 0.25 of ones: {np.mean(ones == 0):.1%} are 0, the others {ones.max():.4f}, the mean is {ones.mean():.3f}."
)
layer.eval()
print(f"In evaluation mode: the mean is {layer(tg.ones(100_000)).numpy().mean():.3f}.")

# %% [markdown]
# ## Stopping early
#
# Without dropout, the loss of the held-out examples falls, and then rises while that of the known ones goes on falling.
# `early_stopping=True` stops there, and gives the weights of the best epoch back.

# %%
history = networks[0.0].history_
best = int(np.argmin(history["validation_loss"])) + 1
stopped = trained(early_stopping=True, n_iter_no_change=5, max_iter=100)
of_others = history["validation_loss"]
print(f"Without stopping the held-out loss is lowest after epoch {best} of {EPOCHS}, {min(of_others):.3f}, ", end="")
print(f"and {of_others[-1]:.3f} at the end.")
print(f"Early stopping took {len(stopped.history_['loss'])} epochs; the held-out loss is {losses(stopped)[1]:.3f}.")

# %% [markdown]
# ## L2

# %%
ridge = trained(penalty="l2", alpha=0.02)
own, new = losses(ridge)
print(f"With an L2 penalty: loss {own:.3f} on its own digits, {new:.3f} on others, gap {new - own:.3f}.")

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
for ax, share in zip(axes, (0.0, 0.5)):
    for column, colour, name in (("loss", BLUE, "training"), ("validation_loss", ORANGE, "held out")):
        ax.semilogy(range(1, EPOCHS + 1), networks[share].history_[column], color=colour, label=name)
    ax.set(
        title=f"Dropout {share:g}" if share else "Without dropout",
        xlabel="epoch",
        ylabel="cross entropy",
        ylim=(2e-4, 3),
    )
axes[0].axvline(best, color="0.6", linestyle=":", label=f"best epoch: {best}")
shares = list(found)
axes[2].plot(shares, [row[0] for row in found.values()], "o-", color=BLUE, label="training")
axes[2].plot(shares, [row[1] for row in found.values()], "o-", color=ORANGE, label="held out")
axes[2].set(title="At the end, all neurons on", xlabel="dropout", ylabel="cross entropy", yscale="log")
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9)
figure.savefig(OUTPUT / "20_dropout_and_early_stopping.png", dpi=100)
print(f"Picture: {OUTPUT / '20_dropout_and_early_stopping.png'}")

# %% [markdown]
# ## Exercises
#
# 1. Why are the losses of the training curve with dropout above those at the end, for the same weights?
# 2. Average the predictions of 100 passes with dropout switched on. Are they near those in evaluation mode?
# 3. Use more data in place of dropout: 4,000 digits. Which cure is better?
