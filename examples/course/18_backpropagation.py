# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 18. Backpropagation: the chain rule, step by step
#
# How does a change of one weight change the loss? Backpropagation answers for all weights at once. It walks through the
# computation backwards, and at every node applies the chain rule once:
#
# gradient of an input = gradient of the output × local derivative.
#
# First by hand for one neuron, then by the library, then for a network on real data: 118 microchips with two test
# results each, that were accepted or not.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.testing import gradcheck

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## One neuron, by hand
#
# $o = \tanh(n)$ with $n = x_1 w_1 + x_2 w_2 + b$. Forward: compute $n$ and $o$. Backward: $\partial o / \partial o$ is
# 1; tanh multiplies by $1 - o^2$; a sum passes the gradient on to every term; a product multiplies by the other factor.

# %%
x1, x2, w1, w2, b = 2.0, 0.0, -3.0, 1.0, 6.8813735
n = x1 * w1 + x2 * w2 + b
o = np.tanh(n)
of_n = 1 * (1 - o**2)
by_hand = {"x1": of_n * w1, "w1": of_n * x1, "x2": of_n * w2, "w2": of_n * x2, "b": of_n}
print(f"Forward: n = {n:.4f}, o = {o:.4f}. Backward: the gradient of n is {of_n:.4f}.")

# %% [markdown]
# ## The same by the library, and as a picture
#
# `tg.draw` traces the function and keeps every value and gradient. Its `explorer` page is the thing to look at: press
# the right arrow key, and the chain rule is spelled out node by node.


# %%
def neuron(x1, w1, x2, w2, b):
    """Return what a neuron with two inputs fires."""
    return tg.tanh(x1 * w1 + x2 * w2 + b)


graph = tg.draw(neuron, x1, w1, x2, w2, b)
for name, gradient in by_hand.items():
    drawn = float(graph[name].gradient)
    print(f"- {name}: {gradient:+.4f} by hand, {drawn:+.4f} in the graph.")
    assert np.isclose(gradient, drawn)
page = graph.explorer(OUTPUT / "18_neuron.html")
print(f"Open this page in a browser: {page}")

# %% [markdown]
# ## A value that is used twice
#
# If a value goes two ways, both ways bring gradient, and the two add up. For $f = x \cdot x$ each factor brings $x$, so
# the derivative is $2x$. Forgetting to add is the most frequent mistake in backpropagation by hand.

# %%
x = tg.tensor(3.0, requires_grad=True)
(x * x).backward()
print(f"The derivative of x * x at 3 is {x.grad.item():.0f}: {3:.0f} from each factor.")

# %% [markdown]
# ## A network, by hand
#
# Two inputs, four tanh neurons, one logit, and log loss. Backward, with $\delta$ for the gradient of a layer's output
# before its activation:
#
# $$\delta_2 = (\sigma(z_2) - y) / n, \quad \partial W_2 = h^T \delta_2, \quad
# \delta_1 = \delta_2 W_2^T \odot (1 - h^2), \quad \partial W_1 = X^T \delta_1.$$

# %%
X, y = tg.datasets.microchips()
y = y.reshape(-1, 1)
random = np.random.default_rng(0)
W1, b1, W2, b2 = random.normal(size=(2, 4)), np.zeros(4), random.normal(size=(4, 1)), np.zeros(1)

h = np.tanh(X @ W1 + b1)
z2 = h @ W2 + b2
delta2 = (1 / (1 + np.exp(-z2)) - y) / len(X)
delta1 = delta2 @ W2.T * (1 - h**2)
hand = [X.T @ delta1, delta1.sum(axis=0), h.T @ delta2, delta2.sum(axis=0)]


def loss(W1, b1, W2, b2):
    """Return the log loss of the network."""
    logits = tg.tanh(X @ W1 + b1) @ W2 + b2
    return nn.functional.binary_cross_entropy_with_logits(logits, y)


derived = tg.grad(loss, argnums=(0, 1, 2, 3))(W1, b1, W2, b2)
difference = max(np.abs(by - of).max() for by, of in zip(hand, derived, strict=True))
print(f"Four gradients of the network, by hand and by the library: they differ by {difference:.0e} at most.")

# %% [markdown]
# ## Trained with the gradients by hand
#
# They are all that training needs.

# %%
losses = []
weights = [W1, b1, W2, b2]
for _ in range(6000):
    W1, b1, W2, b2 = weights
    h = np.tanh(X @ W1 + b1)
    z2 = h @ W2 + b2
    losses.append(float(loss(*weights)))
    delta2 = (1 / (1 + np.exp(-z2)) - y) / len(X)
    delta1 = delta2 @ W2.T * (1 - h**2)
    gradients = [X.T @ delta1, delta1.sum(axis=0), h.T @ delta2, delta2.sum(axis=0)]
    weights = [w - 0.3 * g for w, g in zip(weights, gradients, strict=True)]
right = np.mean((z2 > 0) == (y > 0))
print(f"After 6,000 steps the loss has fallen from {losses[0]:.3f} to {losses[-1]:.3f}; ", end="")
print(f"{right:.0%} of the chips are judged right.")

# %% [markdown]
# ## Checking a gradient
#
# A derivative by hand is checked by numerical differences: move one input a little, see how the output moves.
# `gradcheck` does it for every input, and says what is wrong: here somebody forgot the one half.

# %%
half = lambda e: (e**2).sum() / 2
error = np.array([0.5, -1.0, 2.0])
print(gradcheck((half, lambda e: e), error))
try:
    gradcheck((half, lambda e: 2 * e), error)
except AssertionError as wrong:
    print(f"Without the half: {str(wrong).splitlines()[0]}")

# %%
figure, (left, right_ax) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
left.plot(losses, color="#0072b2")
left.set(title="Backpropagation by hand", xlabel="step", ylabel="log loss")
left.spines[["top", "right"]].set_visible(False)
W1, b1, W2, b2 = weights
side = np.linspace(-1.1, 1.3, 200)
points = np.stack(np.meshgrid(side, side), axis=-1)
probability = 1 / (1 + np.exp(-(np.tanh(points @ W1 + b1) @ W2 + b2)[..., 0]))
shades = right_ax.contourf(side, side, probability, levels=np.linspace(0, 1, 11), cmap="PuOr_r", alpha=0.7)
figure.colorbar(shades, ax=right_ax, label="probability of being accepted")
right_ax.contour(side, side, probability, levels=[0.5], colors="black")
for label, marker, name in ((1, "o", "accepted"), (0, "x", "rejected")):
    chosen = X[y[:, 0] == label]
    right_ax.plot(chosen[:, 0], chosen[:, 1], marker, color="black", label=name)
right_ax.set(title="What four neurons have learned", xlabel="first test", ylabel="second test")
right_ax.legend(fontsize=9)
figure.savefig(OUTPUT / "18_backpropagation.png", dpi=100)
print(f"Picture: {OUTPUT / '18_backpropagation.png'}")

# %% [markdown]
# ## Exercises
#
# 1. Add a residual connection to the neuron, $o = \tanh(n) + x_1$. Which gradients change, and by how much?
# 2. Write the backward pass of the softmax with cross entropy: show that it is $(p - \text{one-hot}(y)) / n$.
# 3. Replace tanh by ReLU in the network by hand. Which line changes? Check it with `gradcheck`.
