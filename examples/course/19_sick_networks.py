# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 19. Sick networks and their cures
#
# A network that does not learn raises no error. What is wrong can be read from its gradients, layer by layer. This
# chapter makes the classic illnesses on purpose, lets the doctor name them, and cures them.
#
# The data: 1,797 handwritten digits of 8 x 8 pixels.

# %%
import contextlib
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.train import Diverged, Doctor, fit

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

images, labels = tg.datasets.digits()
train, _, test = tg.data.split(images.astype(np.float32) / 16, labels, test=0.25, seed=0)


def deep(activation, depth=12, width=32, norm=False, init=None):
    """Return a network with many hidden layers."""
    tg.manual_seed(0)
    layers = []
    for k in range(depth):
        linear = nn.Linear(64 if k == 0 else width, width)
        if init:
            init(linear.weight)
        layers += [linear, *([nn.BatchNorm1d(width)] if norm else []), activation()]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def treat(name, model, epochs=15, clip=None, **options):
    """Train a network under the doctor's eyes; say what is found, and how well it reads test digits."""
    doctor = Doctor()
    optimizer = optim.SGD(model.parameters(), **{"lr": 0.05, "momentum": 0.9} | options)
    callbacks = [doctor] if clip is None else [tg.train.ClipGradients(max_norm=clip), doctor]
    with contextlib.suppress(Diverged):
        fit(model, nn.CrossEntropyLoss(), optimizer, train, epochs=epochs, callbacks=callbacks, seed=0, progress=False)
    model.eval()
    with tg.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about numbers that are not finite any more
        read = np.mean(model(tg.tensor(test[0])).numpy().argmax(axis=1) == test[1])
    illnesses = [f"{finding.illness} in {finding.layer or 'the whole'}" for finding in doctor.findings]
    print(f"{name}: {read:.0%} of the test digits are read; the doctor finds {', '.join(illnesses) or 'nothing'}.")
    return doctor, read


# %% [markdown]
# ## Vanishing gradients
#
# The sigmoid has a slope of at most 1/4. After twelve layers a gradient has been multiplied by less than
# $4^{-12}$, that is 0.00000006: the first layers do not learn.

# %%
sick, _ = treat("Twelve layers of sigmoids", deep(nn.Sigmoid))
print(str(sick))

# %% [markdown]
# Three cures: ReLU with weights of the right size (He initialisation), batch normalisation, which gives every layer
# inputs of mean 0 and deviation 1, or fewer layers.

# %%
he, of_he = treat("ReLU and He initialisation", deep(nn.ReLU, init=nn.init.kaiming_normal_), lr=0.01)
norm, of_norm = treat("Sigmoids with batch normalisation", deep(nn.Sigmoid, norm=True), epochs=25)
treat("Two layers of sigmoids", deep(nn.Sigmoid, depth=2), epochs=25, lr=0.3)

# %% [markdown]
# ## Exploding gradients
#
# The other way round: weights that are too large multiply the gradient by more than 1 in each layer. Clipping by the
# norm keeps a step from jumping far away; batch normalisation or smaller weights cure the cause.


# %%
def large(weight):
    """Fill a weight with elements that are three times too large."""
    nn.init.kaiming_normal_(weight)
    with tg.no_grad():
        weight.data = 3 * weight.numpy()


treat("Weights three times too large", deep(nn.ReLU, init=large))
treat("The same, clipped by the norm 1", deep(nn.ReLU, init=large), clip=1.0, lr=0.001)
treat("The same with batch normalisation", deep(nn.ReLU, init=large, norm=True))

# %% [markdown]
# ## Dead ReLUs
#
# A ReLU whose input is negative for every example has the slope zero: it never learns again. One step that is too long
# can do it. Leaky ReLU keeps a small slope; a lower rate keeps it from happening.


# %%
def shallow(activation):
    """Return a network whose hidden biases are far below zero."""
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), activation(), nn.Linear(64, 10))
    model[0].bias.data = np.full(64, -2.0, np.float32)
    return model


treat("Biases of -2 below ReLU", shallow(nn.ReLU), epochs=40, lr=0.2)
treat("Biases of -2 below leaky ReLU", shallow(nn.LeakyReLU), epochs=40, lr=0.2)

# %% [markdown]
# ## NaN, and the trap
#
# A NaN goes through everything. `fit` stops at the first one and says in which batch; inside a loop of your own,
# `tg.detect_anomaly()` names the operation that made it. A favourite is the logarithm of a probability that is exactly
# zero: the library's losses take logits for that reason.

# %%
p = tg.tensor([1.0, 0.0], requires_grad=True)
try:
    with warnings.catch_warnings(), tg.detect_anomaly():
        warnings.simplefilter("ignore")
        (p * tg.log(p)).sum().backward()
except Exception as error:  # which type it is does not matter here
    print(f"The entropy of [1, 0], written as p * log(p): {type(error).__name__}: {str(error).splitlines()[0]}")
with_logits = nn.functional.cross_entropy(tg.tensor([[100.0, -100.0]]), np.array([1]))
print(f"Cross entropy of logits that are 200 apart, the wrong way round: {with_logits.item():.0f} nats, and finite.")

# %%
figure, axes = plt.subplots(1, 2, figsize=(12, 4.4), layout="constrained")
batch = tuple(part[:64] for part in train)
for ax, (name, model) in zip(
    axes,
    {
        "Sigmoids": deep(nn.Sigmoid),
        "ReLU and He initialisation": deep(nn.ReLU, init=nn.init.kaiming_normal_),
    }.items(),
):
    nn.CrossEntropyLoss()(model(tg.tensor(batch[0])), batch[1]).backward()
    norms = [np.linalg.norm(layer.weight.grad.numpy()) for layer in model if isinstance(layer, nn.Linear)]
    ax.semilogy(range(1, len(norms) + 1), norms, "o-", color="#0072b2")
    ax.set(title=name, xlabel="layer (1 is at the input)", ylabel="gradient of the weights (norm)", ylim=(1e-12, 10))
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig(OUTPUT / "19_sick_networks.png", dpi=100)
print(f"Picture: {OUTPUT / '19_sick_networks.png'}")

# %% [markdown]
# ## Exercises
#
# 1. What is the largest slope of tanh? Does a network of twelve tanh layers suffer like one of sigmoids?
# 2. Start all weights of a layer at the same number. What do its neurons learn, and what does the doctor say?
# 3. A residual connection adds the input of a layer to its output. What is the gradient of the first layer of twelve
#    then?
