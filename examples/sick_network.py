"""A network that learns nothing, what its doctor says, and the cure.

    python examples/sick_network.py [--quick]

Twelve layers of logistic units are to tell three clouds of points apart, and stay at chance level: on its way down each
layer takes most of the gradient away. The doctor finds it in one batch, before any training. With ReLU and He's initial
weights the same network learns. Then the learning rate is raised until it falls ill in another way. The picture goes
into the folder `output` (or the one that TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.train import Diverged, Doctor, fit

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

LAYERS, UNITS = 12, 16


def clouds(n):
    """Return n points of three clouds in eight dimensions, and which cloud each is of."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, n)
    return 2 * random.normal(size=(3, 8))[labels] + random.normal(size=(n, 8)), labels


def network(activation, he=False):
    """Return a deep network, with PyTorch's initial weights or with those of He and others (2015)."""
    tg.manual_seed(0)
    layers = []
    for k in range(LAYERS):
        linear = nn.Linear(8 if k == 0 else UNITS, UNITS)
        if he:
            nn.init.kaiming_normal_(linear.weight)
        layers += [linear, activation()]
    return nn.Sequential(*layers, nn.Linear(UNITS, 3))


def trained(model, data, epochs, rate):
    """Return the doctor that watched a training run, and the loss in the end."""
    doctor = Doctor()
    try:
        history = fit(
            model,
            nn.CrossEntropyLoss(),
            optim.SGD(model.parameters(), lr=rate, momentum=0.9),
            data,
            epochs=epochs,
            callbacks=[doctor],
            seed=0,
        )
    except Diverged as error:
        history = error.history
    losses = history["loss"] if history.epochs else [float("inf")]
    return doctor, losses[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer points and epochs")
    quick = parser.parse_args().quick
    data, epochs = clouds(300 if quick else 1000), 15 if quick else 30
    folder = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    folder.mkdir(parents=True, exist_ok=True)

    sick = network(nn.Sigmoid)
    print("One batch, before any training:\n")
    doctor = Doctor()
    doctor.examine(sick, nn.CrossEntropyLoss(), tuple(part[:64] for part in data))
    print(doctor)

    doctor, loss = trained(sick, data, epochs, rate=0.02)
    print(f"\nTrained all the same: the loss is {loss:.3f}, and log(3) = {np.log(3):.3f} is what guessing has.")
    doctor.plot()
    picture = folder / "sick_network.png"
    plt.savefig(picture, dpi=120)
    plt.close()
    print(f"Its gradients, layer by layer: {picture}")

    doctor, loss = trained(network(nn.ReLU, he=True), data, epochs, rate=0.02)
    print(f"\nWith ReLU and He's initial weights: the loss is {loss:.3f}.\n{doctor}")

    doctor, _ = trained(network(nn.ReLU, he=True), data, epochs, rate=20.0)
    print(f"\nThe same at a thousand times the learning rate:\n\n{doctor}")
    print("\nTry next: tanh instead of ReLU, a batch normalisation before each activation, or 30 layers.")


if __name__ == "__main__":
    main()
