# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 17. Hidden layers, and what a nonlinearity buys
#
# A linear model draws a straight boundary. Some classes have none: XOR, or a ring around a disc. A hidden layer makes
# new features, $h = \phi(x W_1 + b_1)$, in which a straight boundary is enough. The activation $\phi$ is what counts:
# without it, a stack of linear layers is one linear layer.

# %%
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.models import LogisticRegression, MLPClassifier, MLPRegressor

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## XOR
#
# Four points; the class is 1 where exactly one of the two inputs is. No line has both ones on the same side.

# %%
X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = np.array([0, 1, 1, 0])
linear = LogisticRegression().fit(X, y)
options = {"activation": "tanh", "learning_rate": 0.1, "max_iter": 1000, "tol": 1e-5, "random_state": 0}
network = MLPClassifier((3,), **options).fit(X, y)
print(f"XOR: a linear model gives all four points {linear.predict_proba(X)[:, 1].round(2)}.")
print(f"With three hidden neurons: {network.predict_proba(X)[:, 1].round(2)}.")

# %% [markdown]
# ## A cross of the inputs does it too
#
# The feature $x_1 x_2$, made by hand, is what the network has to find. With it the linear model draws the boundary.

# %%
crossed = np.column_stack([X, X[:, 0] * X[:, 1]])
by_hand = LogisticRegression(penalty=None, max_iter=50)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # now a plane separates them, which fit says
    by_hand.fit(crossed, y)
print(f"The linear model with the cross of both: {by_hand.predict(crossed)}, the truth {y}.")

# %% [markdown]
# ## Circles and spirals
#
# How wide must the layer be? A ring needs three neurons at least, a polygon around the disc. Spirals need more.

# %%
rings, inside = tg.datasets.make_circles(300, noise=0.08, random_state=0)
arms, arm = tg.datasets.make_spirals(300, noise=0.05, random_state=0)
fitted = {"a linear model": LogisticRegression().fit(rings, inside)}
for width in (2, 3, 8):
    model = MLPClassifier((width,), activation="tanh", learning_rate=0.05, max_iter=600, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted[f"{width} neurons"] = model.fit(rings, inside)
for name, model in fitted.items():
    print(f"Circles, {name}: {model.score(rings, inside):.0%}.")

# %% [markdown]
# ## Without an activation, depth is nothing
#
# `activation="identity"`: two hidden layers of 16 neurons, and still a straight line. With ReLU, tanh or the sigmoid
# the same network follows the spirals. Each hidden layer may have an activation of its own.

# %%
patient = {"batch_size": 32, "max_iter": 600, "n_iter_no_change": 100, "random_state": 0}
scores = {}
for activation in ("identity", "sigmoid", "tanh", "relu", ["relu", "tanh"]):
    model = MLPClassifier((16, 16), activation=activation, learning_rate=0.05, **patient)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores[str(activation)] = (model.fit(arms, arm), model.score(arms, arm))
    print(f"Spirals, {activation}: {model.score(arms, arm):.0%}.")
weights = [p.numpy() for name, p in scores["identity"][0].named_parameters() if name.endswith("weight")]
joined = weights[2] @ weights[1] @ weights[0]
print(f"The three matrices of 'identity' multiply to one of shape {joined.shape}: that is all it can say.")

# %% [markdown]
# ## A curve from kinks
#
# In regression, a ReLU network is a line with kinks, one for each neuron at most. More neurons, finer steps.

# %%
x, wave = tg.datasets.make_sine(200, noise=0.1, random_state=0)
curves = {}
for width in (1, 3, 30):
    model = MLPRegressor(
        (width,), activation="relu", learning_rate=0.03, max_iter=800, n_iter_no_change=50, random_state=1
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        curves[width] = model.fit(x, wave)
    print(f"A sine by {width} ReLU{'s' * (width > 1)}: R² = {model.score(x, wave):.3f}.")

# %%
figure, axes = plt.subplots(2, 3, figsize=(12, 7.4), layout="constrained")
for ax, name in zip(axes[0], ("a linear model", "2 neurons", "3 neurons")):
    tg.plot.decision_boundary(fitted[name], rings, inside, ax=ax)
    ax.set(title=f"Circles: {name}", xlabel="first input", ylabel="second input")
for ax, name in zip(axes[1], ("identity", "tanh")):
    tg.plot.decision_boundary(scores[name][0], arms, arm, ax=ax)
    ax.set(title=f"Spirals: {name}", xlabel="first input", ylabel="second input")
ax = axes[1, 2]
ax.plot(x, wave, ".", color="0.7", label="data")
grid = np.linspace(x.min(), x.max(), 400).reshape(-1, 1)
for (width, model), colour in zip(curves.items(), ("#009e73", "#0072b2", "#d55e00")):
    ax.plot(grid, model.predict(grid), color=colour, linewidth=2, label=f"{width} ReLU" + "s" * (width > 1))
ax.set(title="A sine by kinks", xlabel="input", ylabel="output")
ax.legend(frameon=False, fontsize=9)
for ax in axes.flat[:5]:
    if ax.get_legend():
        ax.get_legend().remove()
figure.savefig(OUTPUT / "17_hidden_layers.png", dpi=95)
print(f"Picture: {OUTPUT / '17_hidden_layers.png'}")

# %% [markdown]
# ## Exercises
#
# 1. Write down weights of two ReLU neurons that compute XOR exactly, without any training.
# 2. Show that a stack of `nn.Linear` layers equals a single one: find its weight and bias.
# 3. Swap two hidden neurons with all their weights. What changes in the output? How many such minima are there?
