# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 21. Optimizers: momentum, Adagrad, Adam
#
# Gradient descent takes the gradient times the learning rate. Others remember what they have seen:
#
# | | remembers | step |
# | --- | --- | --- |
# | SGD with momentum | $v \leftarrow \mu v + g$ | $-\alpha v$: a heavy ball with friction |
# | Adagrad | $s \leftarrow s + g^2$ | $-\alpha g / \sqrt s$: each weight has a rate of its own, which shrinks |
# | Adam | running means of $g$ and $g^2$ | $-\alpha \hat m / (\sqrt{\hat v} + \varepsilon)$ |

# %%
import functools
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.models import LinearRegression, LogisticRegression

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"

# %% [markdown]
# ## A narrow valley
#
# $f(x, y) = x^2 / 20 + y^2$ is 20 times as curved in one direction as in the other. Plain descent has to choose: too
# long steps in $y$ or too short ones in $x$.


# %%
def valley(p):
    """Return the height of the valley."""
    return p[0] ** 2 / 20 + p[1] ** 2


def walk(make, steps):
    """Return the path of an optimizer from (-9, 2)."""
    p = nn.Parameter(np.array([-9.0, 2.0]))
    optimizer = make([p])
    path = [p.numpy().copy()]
    for _ in range(steps):
        optimizer.zero_grad()
        valley(p).backward()
        optimizer.step()
        path.append(p.numpy().copy())
    return np.array(path)


kinds = {
    "SGD": functools.partial(optim.SGD, lr=0.9),
    "momentum": functools.partial(optim.SGD, lr=0.3, momentum=0.8),
    "Adagrad": functools.partial(optim.Adagrad, lr=1.5),
    "Adam": functools.partial(optim.Adam, lr=0.5),
}
paths = {name: walk(make, 40) for name, make in kinds.items()}
for name, path in paths.items():
    print(f"Valley, {name}: height {valley(path[0]):.2f} at first, {valley(path[-1]):.5f} after 40 steps.")

# %% [markdown]
# ## A ball with friction
#
# With gradients that stay the same, momentum adds them up: the speed grows to $1 / (1 - \mu)$ times the gradient, ten
# times for $\mu = 0.9$. Where the gradient turns round in every step, they cancel.

# %%
speed, speeds = 0.0, []
for _ in range(60):
    speed = 0.9 * speed + 1.0
    speeds.append(speed)
print(
    f"A constant gradient of 1 with momentum 0.9: the speed is {speeds[0]:.1f}, {speeds[9]:.1f} after 10 "
    f"steps, {speeds[-1]:.2f} after 60."
)

# %% [markdown]
# ## Adagrad's rates shrink to nothing
#
# The sum of squares only grows, so the rate $\alpha / \sqrt s$ of every weight falls like $1 / \sqrt t$, faster for
# weights with large or frequent gradients. Good for rare words: a word that was seen seldom still learns in long steps.
# Bad for long training runs. Adam forgets: its running mean keeps the rate where it is.

# %%
effective = {}
for name, kind in (("Adagrad", optim.Adagrad), ("Adam", optim.Adam)):
    frequent, rare = nn.Parameter(np.zeros(1)), nn.Parameter(np.zeros(1))
    optimizer = kind([frequent, rare], lr=0.1)
    moved = []
    for step in range(1, 301):
        before = frequent.numpy().item(), rare.numpy().item()
        optimizer.zero_grad()
        (frequent + (rare if step % 20 == 0 else 0)).sum().backward()
        optimizer.step()
        moved.append((before[0] - frequent.numpy().item(), before[1] - rare.numpy().item()))
    effective[name] = np.array(moved)
of_frequent, of_rare = effective["Adagrad"][:, 0], effective["Adagrad"][19::20, 1]
print(
    f"Adagrad, rate 0.1: a step of the frequent feature is {of_frequent[0]:.3f} at first, "
    f"{of_frequent[-1]:.4f} after 300 steps;"
)
print(f"of a feature in one of 20 examples {of_rare[0]:.3f} at first, {of_rare[-1]:.4f} at the end.")
print(f"Adam: {effective['Adam'][0, 0]:.3f} at first, {effective['Adam'][-1, 0]:.4f} after 300 steps.")

# %% [markdown]
# ## On real data
#
# Logistic regression of 569 tumours with 30 measurements in very different units, 200 steps each; and clipping, on the
# first linear model of the course, whose gradients are huge because rooms are counted in thousands.

# %%
from sklearn.datasets import load_breast_cancer  # noqa: E402

X, y = load_breast_cancer(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
losses = {}
for name, make in (
    ("SGD", functools.partial(optim.SGD, lr=0.1)),
    ("momentum", functools.partial(optim.SGD, lr=0.1, momentum=0.9)),
    ("Adagrad", functools.partial(optim.Adagrad, lr=0.1)),
    ("Adam", functools.partial(optim.Adam, lr=0.1)),
):
    model = LogisticRegression(penalty=None, optimizer=make, batch_size=None, max_iter=200, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        losses[name] = model.fit(X, y).history_["loss"]
    print(
        f"Tumours, {name}: loss {losses[name][0]:.3f} at first, {losses[name][-1]:.4f} after {len(losses[name])} steps."
    )

frame = tg.datasets.california_housing("train")
rooms, value = frame[["total_rooms"]], frame["median_house_value"] / 1000
for clip in (None, 5.0):
    model = LinearRegression(
        optimizer=functools.partial(optim.SGD, lr=1e-5), clip_norm=clip, batch_size=1, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model.fit(rooms, value, steps=500, periods=5)
            weight = model.coef_[0]
            print(f"Rooms and values, clip_norm={clip}: the weight is {weight:.4f} after 500 steps, without exploding.")
        except tg.train.Diverged as reason:
            print(f"Rooms and values, clip_norm={clip}: {str(reason).split(';')[0].splitlines()[0]}")

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
side_x, side_y = np.linspace(-10, 4, 80), np.linspace(-3, 3, 60)
heights = [[valley((a, b)) for a in side_x] for b in side_y]
axes[0].contour(side_x, side_y, heights, levels=np.geomspace(0.02, 12, 12), colors="0.8")
for (name, path), colour in zip(paths.items(), (ORANGE, BLUE, GREEN, "black")):
    axes[0].plot(*path.T, ".-", color=colour, label=name, markersize=3, linewidth=1)
axes[0].set(title="40 steps in a narrow valley", xlabel="x", ylabel="y")
axes[1].loglog(range(1, 301), effective["Adagrad"][:, 0], color=GREEN, label="Adagrad, every example")
axes[1].loglog(range(20, 301, 20), of_rare, "o", color=GREEN, label="Adagrad, one of 20", markersize=4)
axes[1].loglog(range(1, 301), effective["Adam"][:, 0], color="black", label="Adam, every example")
axes[1].set(title="Length of a step (gradient 1)", xlabel="step", ylabel="step", ylim=(0.004, 0.3))
for (name, curve), colour in zip(losses.items(), (ORANGE, BLUE, GREEN, "black")):
    axes[2].semilogy(range(1, len(curve) + 1), curve, color=colour, label=name)
axes[2].set(title="569 tumours", xlabel="step", ylabel="log loss")
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9)
figure.savefig(OUTPUT / "21_optimizers.png", dpi=100)
print(f"Picture: {OUTPUT / '21_optimizers.png'}")

# %% [markdown]
# ## Exercises
#
# 1. Multiply a loss by 1,000. Which of the four optimizers take the same steps as before?
# 2. Write Adagrad in three lines of NumPy, and compare ten steps with `optim.Adagrad`.
# 3. Show that `clip_grad_norm_` keeps the direction of the gradient, and `clip_grad_value_` does not.
