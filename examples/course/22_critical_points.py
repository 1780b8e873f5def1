# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 22. Critical points: minimum, maximum or saddle?
#
# Where the gradient is zero, a descent stops. Whether that is the bottom of a valley says the Hessian, the matrix of
# second derivatives: its eigenvalues are the curvatures. All positive: minimum. All negative: maximum. Both signs: a
# saddle, downhill is somewhere. Some are zero: the Hessian does not tell.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)


def verdict(curvatures):
    """Return what a critical point with these eigenvalues of the Hessian is."""
    if np.any(np.abs(curvatures) < 1e-8):
        return "not decided by the Hessian"
    if np.all(curvatures > 0):
        return "minimum"
    return "maximum" if np.all(curvatures < 0) else "saddle"


# %% [markdown]
# ## Three classic surfaces, and one where the Hessian does not tell
#
# All have their critical point at (0, 0).

# %%
surfaces = {
    "bowl": lambda x, y: x**2 + y**2,
    "hill": lambda x, y: -(x**2) - y**2,
    "saddle": lambda x, y: x**2 - y**2,
    "monkey saddle": lambda x, y: x**3 - 3 * x * y**2,
}
origin = np.zeros(2)
for name, surface in surfaces.items():
    f = lambda p, surface=surface: surface(p[0], p[1])
    slope, curvatures = tg.grad(f)(origin), np.linalg.eigvalsh(tg.hessian(f)(origin))
    assert not slope.any()
    print(f"{name}: curvatures {curvatures.round(3)}: {verdict(curvatures)}.")

# %% [markdown]
# ## A descent on a saddle
#
# Exactly on the ridge the gradient points to the saddle, and plain descent ends there. A little noise, such as that of
# mini-batches, is enough to leave it; momentum leaves faster.

# %%
ends = {}
for name, start, options in (
    ("on the ridge", (1.0, 0.0), {"lr": 0.1}),
    ("a millionth beside it", (1.0, 1e-6), {"lr": 0.1}),
    ("with momentum", (1.0, 1e-6), {"lr": 0.1, "momentum": 0.9}),
):
    p = tg.nn.Parameter(np.array(start))
    optimizer = optim.SGD([p], **options)
    path = [p.numpy().copy()]
    for _ in range(200):
        optimizer.zero_grad()
        surfaces["saddle"](p[0], p[1]).backward()
        optimizer.step()
        path.append(p.numpy().copy())
        if abs(path[-1][1]) > 1:
            break
    ends[name] = path
    print(f"{name}: after {len(path) - 1} steps at x = {path[-1][0]:.3f}, y = {path[-1][1]:.3f}.")

# %% [markdown]
# ## The saddle of a network
#
# A network whose weights are all zero is at a critical point: each layer multiplies the gradient of the others by zero.
# It is no minimum. With two layers of one weight each, $y' = v \cdot u \cdot x$, the Hessian at zero has curvatures of
# both signs; this is why weights begin at random values.

# %%
x, target = np.array([-1.0, 0.5, 2.0]), np.array([-2.0, 1.0, 4.0])


def two_weights(p):
    """Return the mean squared error of y' = p[0] * p[1] * x."""
    return ((p[0] * p[1] * x - target) ** 2).mean()


curvatures = np.linalg.eigvalsh(tg.hessian(two_weights)(origin))
print(
    f"All weights zero: gradient {tg.grad(two_weights)(origin)}, curvatures {curvatures.round(2)}: "
    f"{verdict(curvatures)}."
)
bottom = np.array([np.sqrt(2), np.sqrt(2)])
curvatures = np.linalg.eigvalsh(tg.hessian(two_weights)(bottom))
print(f"At u = v = √2: curvatures {curvatures.round(2)}: {verdict(curvatures)}, since only the product u·v matters.")

# %% [markdown]
# ## The Hessian of a trained network
#
# `tg.func.functional_call` lets a network be a function of its weights. One that has learned XOR has a minimum there,
# or nearly so: many flat directions, and no curvature that is clearly negative.

# %%
X, y = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])
tg.manual_seed(3)
network = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).to(np.float64)
history = tg.train.fit(
    network, nn.MSELoss(), optim.Adam(network.parameters(), lr=0.05), (X, y), epochs=800, batch_size=4, progress=False
)
shapes = [p.shape for p in network.parameters()]
flat = np.concatenate([p.numpy().ravel() for p in network.parameters()])


def of_weights(vector):
    """Return the loss of the network with the weights in one vector."""
    parts, at = {}, 0
    for (name, _), shape in zip(network.named_parameters(), shapes):
        size = int(np.prod(shape))
        parts[name] = vector[at : at + size].reshape(shape)
        at += size
    return ((tg.func.functional_call(network, parts, (X,)) - y) ** 2).mean()


curvatures = np.linalg.eigvalsh(tg.hessian(of_weights)(flat))
print(
    f"XOR, {len(flat)} weights, loss {history['loss'][-1]:.1e}: {np.sum(curvatures > 1e-3)} directions curve upwards,"
)
print(f"{np.sum(np.abs(curvatures) <= 1e-3)} are flat, {np.sum(curvatures < -1e-3)} curve downwards.")

# %%
figure = plt.figure(figsize=(13, 3.9), layout="constrained")
for k, name in enumerate(("bowl", "hill", "saddle"), 1):
    ax = figure.add_subplot(1, 4, k, projection="3d")
    tg.plot.loss_surface(surfaces[name], (-1, 1), (-1, 1), points=41, ax=ax)
    ax.set(title=name, xlabel="x", ylabel="y", zlabel="")
ax = figure.add_subplot(1, 4, 4)
tg.plot.loss_surface(surfaces["saddle"], (-1.1, 1.1), (-1.1, 1.1), path=ends["a millionth beside it"], ax=ax)
ax.set(title="down a saddle", xlabel="x", ylabel="y")
ax.get_legend().remove()
figure.savefig(OUTPUT / "22_critical_points.png", dpi=100)
print(f"Picture: {OUTPUT / '22_critical_points.png'}")

# %% [markdown]
# ## Exercises
#
# 1. Where are the critical points of $f(x, y) = x^3 - 3x + y^2$, and what are they?
# 2. For a linear model with the squared error the Hessian is $2 X^T X / n$, whatever the weights are. Show it, and say
#    why such a model has no saddles.
# 3. Show that $x^4 + y^4$ has a minimum at zero that the Hessian does not see.
