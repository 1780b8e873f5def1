# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 16. Several answers at once: labels, heads, pixels
#
# A digit has one class, but it may be large *and* odd: several labels of one example, each of which is true or not.
# A network may answer a class and a number together. And it may answer with a whole image, a number for each pixel.
#
# The data: handwritten digits of MNIST, 6,000 to learn from, 2,000 to judge by.

# %%
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import metrics
from tinygrad_ml.models import DenoisingAutoencoder, LogisticRegression, MLPClassifier, MultiHeadMLP

QUICK = "--quick" in sys.argv
OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

images, digits = tg.datasets.mnist("train")
images = images.reshape(-1, 784).astype(np.float32) / 255
n = 2000 if QUICK else 6000
X, digit, X_valid, digit_valid = images[:n], digits[:n], images[-2000:], digits[-2000:]
options = {"max_iter": 8 if QUICK else 20, "tol": 0, "random_state": 0}

# %% [markdown]
# ## Several labels
#
# Three columns of zeros and ones: large (7, 8, 9), odd, and a digit whose line closes (0, 6, 8, 9). The models have a
# logit for each label, and the loss is the sum of the log losses. The probabilities of the labels need not sum to 1.

# %%
NAMES = ("large", "odd", "closed")


def labels(digit):
    """Return a column for each label."""
    return np.column_stack([digit >= 7, digit % 2 == 1, np.isin(digit, (0, 6, 8, 9))]).astype(int)


Y, Y_valid = labels(digit), labels(digit_valid)
models = {
    "Logistic regression": LogisticRegression(solver="lbfgs", C=0.1, tol=1e-2),
    "A network": MLPClassifier((128,), **options),
}
for name, model in models.items():
    said = model.fit(X, Y).predict(X_valid)
    each = metrics.f1_score(Y_valid, said, average=None)
    print(f"{name}: F1 " + ", ".join(f"{label} {f1:.3f}" for label, f1 in zip(NAMES, each)), end="; ")
    print(f"macro {metrics.f1_score(Y_valid, said, average='macro'):.3f}, the mean of these.")
    print(f"  {metrics.hamming_loss(Y_valid, said):.1%} of the labels are wrong, ", end="")
    print(f"and {1 - metrics.accuracy_score(Y_valid, said):.1%} of the digits have a wrong label.")

# %% [markdown]
# Logistic regression weighs pixels, and no line parts odd digits from even ones. The hidden layer finds strokes that
# all three labels can use.
#
# ## A class and a number
#
# Which digit is it, and how slanted? The slant is measured by moments: how far the ink moves to the left from one row
# to the one below. A network with two heads learns both; its loss is cross entropy plus squared error.

# %%
side = np.arange(28) - 13.5


def slant(images):
    """Return by how many pixels a digit leans to the right for each row upwards."""
    ink = images.reshape(-1, 28, 28) / images.sum(axis=1)[:, None, None]
    rows, columns = ink.sum(axis=2), ink.sum(axis=1)
    row, column = rows @ side, columns @ side
    together = np.einsum("nij,i,j->n", ink, side, side) - row * column
    return -together / (rows @ side**2 - row**2)


truth = {"digit": digit_valid, "slant": slant(X_valid)}
both = MultiHeadMLP((128,), heads={"digit": "classes", "slant": "number"}, **options)
both.fit(X, {"digit": digit, "slant": slant(X)})
scores = both.scores(X_valid, truth)
print(f"Two heads: {scores['digit']:.1%} of the digits are read, R² of the slant is {scores['slant']:.3f}; ", end="")
print(
    f"a 1 leans by {truth['slant'][digit_valid == 1].mean():.2f}, a 0 by {truth['slant'][digit_valid == 0].mean():.2f}."
)

# %% [markdown]
# ## An answer for each pixel
#
# Half of the pixels turn black or white at random. A denoiser learns from pairs of noisy and clean digits. What
# must it beat? Leaving the noise, the mean image, and a filter that takes the median of 3 x 3 pixels.


# %%
def noisy(images, seed):
    """Return images of which half of the pixels are 0 or 1 at random."""
    random = np.random.default_rng(seed)
    return np.where(random.random(images.shape) < 0.5, random.integers(0, 2, images.shape), images).astype(np.float32)


def median(images):
    """Return images with the median of 3 x 3 pixels in the place of each."""
    padded = np.pad(images.reshape(-1, 28, 28), ((0, 0), (1, 1), (1, 1)))
    near = [padded[:, i : i + 28, j : j + 28] for i in range(3) for j in range(3)]
    return np.median(near, axis=0).reshape(-1, 784)


noise = noisy(X_valid, 1)
denoiser = DenoisingAutoencoder((256,), **options).fit(noisy(X, 0), X)
cleaned = {
    "noisy": noise,
    "mean image": np.broadcast_to(X.mean(axis=0), noise.shape),
    "median filter": median(noise),
    "network": denoiser.predict(noise),
}
errors = {name: np.mean((answer - X_valid) ** 2) for name, answer in cleaned.items()}
print("Mean squared error of a pixel: " + ", ".join(f"{name} {error:.4f}" for name, error in errors.items()) + ".")
reader = MLPClassifier((128,), **options).fit(X, digit)
read = {"clean": reader.score(X_valid, digit_valid)}
read |= {name: reader.score(cleaned[name], digit_valid) for name in ("noisy", "median filter", "network")}
shares = ", ".join(f"{share:.1%} ({name})" for name, share in read.items())
print(f"A network that has learned clean digits reads {shares}.")

# %%
figure, axes = plt.subplots(4, 10, figsize=(11, 5), layout="constrained")
rows = {name: cleaned[name] for name in ("noisy", "median filter", "network")} | {"true": X_valid}
shown = [np.flatnonzero(digit_valid == k)[0] for k in range(10)]
for line, (name, answer) in zip(axes, rows.items()):
    for ax, k in zip(line, shown):
        ax.imshow(np.clip(answer[k], 0, 1).reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    label = f"{name}\n({errors[name]:.3f})" if name in errors else name
    line[0].set_ylabel(label, rotation=0, ha="right", va="center")
figure.suptitle("Digits that the denoiser has not seen, and the mean squared error of a pixel")
figure.savefig(OUTPUT / "16_multilabel_and_denoising.png", dpi=100)
print(f"Picture: {OUTPUT / '16_multilabel_and_denoising.png'}")

# %% [markdown]
# ## Exercises
#
# 1. A rare label is never predicted. What do macro and micro F1 say of it?
# 2. With each label on its own, is logistic regression of three labels the same as three of one?
# 3. Give the denoiser noise of a kind that it has not seen. Does it still help?
