# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 24. Convolution: the same small filter everywhere
#
# A fully connected layer has to learn a stroke anew at each place of an image. A convolution slides one small filter
# over all places: few weights, and a stroke that moves moves its answer. Pooling then forgets where exactly it was.
#
# The data: handwritten digits of MNIST, 5,000 of the 60,000 to learn from, 2,000 to judge by.

# %%
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.models import ConvNet

QUICK = "--quick" in sys.argv
OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

images, labels = tg.datasets.mnist("train")
images = images.astype(np.float32) / 255
n = 1500 if QUICK else 5000
X, y, X_valid, y_valid = images[:n], labels[:n], images[-2000:], labels[-2000:]

# %% [markdown]
# ## By hand
#
# An image has channels: one for grey, three for colours. So has a filter, and a bank of them makes as many new
# channels as it has filters. In every place the filter is multiplied by what lies under it, and all is summed:
#
# $$y_{o,i,j} = b_o + \sum_{c,k,l} w_{o,c,k,l} \; x_{c,\,i+k,\,j+l}$$
#
# Here are two filters: one answers where ink begins from left to right, one where it begins from top to bottom.

# %%
rising = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=np.float32)
bank = np.stack([rising, rising.T])[:, None]  # (filters, channels, height, width)


def convolution(image, filters):
    """Return what filters answer to an image (channels, height, width), in every place where they lie inside it."""
    number, _, height, width = filters.shape
    answer = np.zeros((number, image.shape[1] - height + 1, image.shape[2] - width + 1))
    for o, i, j in np.ndindex(*answer.shape):
        answer[o, i, j] = np.sum(filters[o] * image[:, i : i + height, j : j + width])
    return answer


image = X[0][None]
by_hand, edges = convolution(image, bank), tg.conv2d(image, bank).numpy()
print(f"By hand and by tg.conv2d: shapes {by_hand.shape} and {edges.shape}, ", end="")
print(f"the largest difference is {np.abs(by_hand - edges).max():.0e}.")
layer = tg.nn.Conv2d(1, 8, kernel_size=3, padding=1)
weights = sum(p.numpy().size for p in layer.parameters())
print(f"A layer of 8 filters of 3 x 3 pixels has {weights} weights and biases; ", end="")
print(f"a fully connected one with as many outputs would have {784 * 8 * 784 + 8 * 784:,}.")

# %% [markdown]
# ## Pooling
#
# The largest answer of each 2 x 2 pixels stays. What a stroke says after that changes less when it moves.

# %%
moved = np.roll(X[:200, None], 1, axis=3)


def change(answer):
    """Return how much an answer differs for moved digits, in parts of its size."""
    before, after = answer(X[:200, None]).numpy(), answer(moved).numpy()
    return np.linalg.norm(after - before) / np.linalg.norm(before)


found = [lambda x: tg.relu(tg.conv2d(x, bank, padding="same"))]
for _ in range(2):
    found.append(lambda x, inner=found[-1]: tg.nn.functional.max_pool2d(inner(x), 2))
changes = [change(answer) for answer in found]
print("One pixel to the right changes the answers of the filters by ", end="")
print(f"{changes[0]:.0%}, pooled by {changes[1]:.0%}, pooled twice by {changes[2]:.0%}.")

# %% [markdown]
# ## A network of convolutions
#
# Nobody writes the filters: they are learned. `ConvNet` stacks convolution, ReLU and pooling twice; the second
# convolution sees 14 x 14 pixels of 8 channels. A fully connected layer decides.

# %%
net = ConvNet((8, 16), hidden_layer_sizes=(64,), max_iter=4 if QUICK else 8, tol=0, random_state=0)
net.fit(X, y)
print(f"{net.score(X_valid, y_valid):.1%} of the held-out digits are read, after {sum(net.history_['seconds']):.0f} s.")

# %% [markdown]
# What do the filters find? Take the 100 patches of 3 x 3 pixels to which each answers most, and average them. The
# answer is a scalar product, so it is large where the patch resembles the filter.

# %%
filters = net.layers_[0].weight.numpy()[:, 0]
with tg.no_grad():
    answers = net.layers_[:2](tg.tensor(X_valid[:500, None])).numpy()
padded = np.pad(X_valid[:500], ((0, 0), (1, 1), (1, 1)))
patches = []
for k in range(len(filters)):
    places = np.unravel_index(np.argsort(-answers[:, k], axis=None)[:100], answers[:, k].shape)
    patches.append(np.mean([padded[i, row : row + 3, column : column + 3] for i, row, column in zip(*places)], axis=0))
alike = [np.corrcoef(w.ravel(), patch.ravel())[0, 1] for w, patch in zip(filters, patches)]
print(f"A filter looks like what it finds: the correlation is {np.mean(alike):.2f} on average, ", end="")
print(f"and {np.max(alike):.2f} for filter {np.argmax(alike)}.")

# %% [markdown]
# ## Shifted copies
#
# Pooling forgives a pixel or two, not more. So show the network what does not matter: `transform=` of a `DataLoader`
# shifts every batch anew, in every epoch. Two copies of the network go on learning, one from the same digits, one
# from shifted ones.


# %%
def shifted(x, y):
    """Shift each image of a batch by up to three pixels each way."""
    steps = tg.randint(-3, 4, (len(y), 2)).numpy()
    return tg.tensor(np.stack([np.roll(a, step, axis=(0, 1)) for a, step in zip(x.numpy(), steps)])), y


tests = {"held-out": X_valid, "shifted": np.roll(X_valid, (2, 3), axis=(1, 2))}
state, shares = net.state_dict(), {}
shares["before"] = [net.score(x, y_valid) for x in tests.values()]
for name, transform in (("the same digits", None), ("shifted copies", shifted)):
    net.load_state_dict(state)
    loader = tg.data.DataLoader((X, y), batch_size=64, shuffle=True, seed=0, transform=transform)
    optimizer = tg.optim.Adam(net.parameters(), lr=1e-3)
    tg.train.fit(net, tg.nn.CrossEntropyLoss(), optimizer, loader, epochs=4 if QUICK else 8, progress=False)
    shares[name] = [net.score(x, y_valid) for x in tests.values()]
for name, (plain, far) in shares.items():
    words = "Before that" if name == "before" else f"After {name}"
    print(f"{words}, {plain:.1%} of the held-out digits are read, and {far:.1%} when shifted by 2 and 3 pixels.")

# %%
figure = plt.figure(figsize=(13, 4.4), layout="constrained")
left, middle, right = figure.subfigures(1, 3, width_ratios=(1, 1.6, 1))
titles = ["digit", "ink begins →", "ink begins ↓", "pooled twice"]
seen = [image[0], *np.maximum(edges, 0), found[2](image[None]).numpy()[0, 0]]
for ax, title, picture in zip(left.subplots(2, 2).flat, titles, seen):
    ax.imshow(picture, cmap="gray_r")
    ax.set(title=title, xticks=[], yticks=[])
limit = np.abs(filters).max()
grid = middle.subplots(4, 4)
for k, (above, below) in enumerate(zip(grid[::2].flat, grid[1::2].flat)):
    above.imshow(filters[k], cmap="PuOr", vmin=-limit, vmax=limit)
    below.imshow(patches[k], cmap="gray_r", vmin=0, vmax=1)
    above.set_title(k)
    for ax, label in ((above, "filter"), (below, "what it finds")):
        ax.set(xticks=[], yticks=[], ylabel="" if k % 4 else label)
middle.suptitle("Learned filters (purple adds, orange takes away)")
ax = right.subplots()
for k, (name, colour) in enumerate(zip(tests, ("#0072b2", "#d55e00"))):
    values = [row[k] for row in shares.values()]
    ax.bar(np.arange(3) + 0.4 * k - 0.2, values, 0.38, color=colour, label=f"{name} digits")
ax.set_xticks(range(3), ["before", "same digits", "shifted\ncopies"])
ax.set(title="Share that is read, after more epochs", ylim=(0, 1.2))
ax.legend(frameon=False, fontsize=9, loc="upper left", ncols=2)
ax.spines[["top", "right"]].set_visible(False)
figure.savefig(OUTPUT / "24_convolution.png", dpi=100)
print(f"Picture: {OUTPUT / '24_convolution.png'}")

# %% [markdown]
# ## Exercises
#
# 1. How large is the answer of a filter of 5 x 5 pixels to 28 x 28 of them, with padding 2 and stride 2?
# 2. Write a convolution as a product of matrices: one row for each patch.
# 3. Shift an image, then convolve it; convolve it, then shift the answer. Is it the same, away from the border?
