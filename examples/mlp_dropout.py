"""Dropout: neurons that fall silent at random keep a network from learning its few examples by heart.

    python examples/mlp_dropout.py [--quick]

The same network learns from the same few digits with different shares of dropout. The share with the smallest loss on
the validation part is chosen, and it and the network without dropout are judged on the test part. The digits are
MNIST's, from `tg.datasets`, and where they are neither on the machine nor to be had, scikit-learn's small ones. The
picture goes into the folder `output` (or the one that TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.models import BaselineClassifier, MLPClassifier

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

SEED = 0
SHARES = (0.0, 0.2, 0.5, 1.0)
TRAINING, VALIDATION = "#0072b2", "#d55e00"  # two colours that the colour-blind can tell apart


def load():
    """Return the name of the data, rows of pixels from 0 to 1, and labels."""
    try:
        images, labels = tg.datasets.mnist("train")
    except (FileNotFoundError, ImportError):
        images, labels = tg.datasets.digits()
        return "scikit-learn's digits", images.astype(np.float32) / 16, labels
    return "MNIST", images.reshape(-1, 784).astype(np.float32) / 255, labels


# ---------------------------------------------------------------------- learning


class TrainingLoss(tg.train.Callback):
    """Measures the loss on the training part as the network is used: the history has it with neurons missing."""

    def __init__(self, x, y):
        self.x, self.y, self.losses = tg.tensor(x), y, []

    def on_epoch_end(self, run):
        run.module.eval()
        with tg.no_grad():
            self.losses.append(run.loss(run.module(self.x), self.y).item())


def train(share, training, validation, hidden, epochs):
    """Return a network with this share of dropout, and its losses on both parts after every epoch."""
    tg.manual_seed(SEED)
    model = MLPClassifier((hidden, hidden), dropout=share).build(n_features=training[0].shape[1], n_outputs=10)
    watch = TrainingLoss(*training)
    history = tg.train.fit(
        model,
        nn.CrossEntropyLoss(),
        optim.Adam(model.parameters(), lr=1e-3),
        training,
        validation=validation,
        epochs=epochs,
        callbacks=[watch],
        seed=SEED,
    )
    return model, watch.losses, history["validation_loss"]


# ---------------------------------------------------------------------- the picture


def draw(curves, accuracies, chosen, path):
    """Draw the losses without and with the chosen dropout, and the accuracies for every share."""
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
    axes[1].sharey(axes[0])
    for ax, share in zip(axes, (0.0, chosen)):
        training, validation = curves[share]
        tg.plot.learning_curve({"loss": training, "validation_loss": validation}, ax=ax)
        title = f"dropout {share:.0%}" if share else "without dropout"
        ax.set(ylabel="cross entropy", yscale="log", title=title)
    for column, (name, colour, up) in enumerate((("training", TRAINING, 8), ("validation", VALIDATION, -17))):
        values = [100 * accuracies[share][column] for share in SHARES]
        axes[2].plot(values, "o", color=colour, label=name, markersize=8)
        for i, value in enumerate(values):
            where = {"xytext": (0, up), "textcoords": "offset points", "ha": "center"}
            axes[2].annotate(f"{value:.1f}", (i, value), color=colour, fontsize=10, **where)
    axes[2].set_xticks(range(len(SHARES)), [f"{share:.0%}" for share in SHARES])
    axes[2].set(xlabel="dropout", ylabel="read correctly, %", title="At the end", xlim=(-0.4, 3.4), ylim=(0, 110))
    axes[2].legend(frameon=False, loc="lower left")
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


# ---------------------------------------------------------------------- the whole story


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smaller network, fewer epochs")
    quick = parser.parse_args().quick
    hidden, epochs = (64, 15) if quick else (256, 60)
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    output.mkdir(parents=True, exist_ok=True)

    name, x, y = load()
    size = {"validation": 2000, "test": 10000} if len(x) > 20000 else {"validation": 400, "test": 400}
    training, validation, test = tg.data.split(x, y, **size, stratify=y, seed=SEED)
    training = tuple(part[:1000] for part in training)
    sizes = [len(part[0]) for part in (training, validation, test)]
    print(f"{name}: {sizes[0]} images to learn from, {sizes[1]} to choose by, {sizes[2]} to judge.\n")

    models, curves, accuracies = {}, {}, {}
    for share in SHARES:
        models[share], *curves[share] = train(share, training, validation, hidden, epochs)
        accuracies[share] = [models[share].score(*part) for part in (training, validation)]
        (train_loss, loss), (train_right, right) = (part[-1] for part in curves[share]), accuracies[share]
        print(
            f"Dropout {share:4.0%}: {train_right:6.1%} of the training images are read correctly and {right:6.1%} of "
            f"the validation images; the losses are {train_loss:.4f} and {loss:.4f}, a gap of {loss - train_loss:.3f}."
        )

    chosen = min(SHARES[1:], key=lambda share: curves[share][1][-1])
    gaps = [curves[share][1][-1] - curves[share][0][-1] for share in (0.0, chosen)]
    print(f"\nOf the shares above zero, {chosen:.0%} has the smallest validation loss.")
    print(f"It makes the gap between the losses {'smaller' if gaps[1] < gaps[0] else 'no smaller'}: ", end="")
    print(f"{gaps[1]:.3f} with dropout, {gaps[0]:.3f} without.")
    least, last = min(curves[0.0][1]), curves[0.0][1][-1]
    if last > least:
        print(f"Without dropout the validation loss rose again, from {least:.3f} to {last:.3f}: it learned by heart.")
    frequent = BaselineClassifier().fit(*training).score(*validation)
    print(f"With all hidden neurons silent {accuracies[1.0][1]:.1%} are read correctly; ", end="")
    print(f"always saying the most frequent digit gives {frequent:.1%}.")

    right = {share: models[share].predict(test[0]) == test[1] for share in (0.0, chosen)}
    print(f"\nOn the test part {right[0.0].mean():.2%} are read correctly without dropout, ", end="")
    print(f"{right[chosen].mean():.2%} with {chosen:.0%}: ", end="")
    print(f"{int((right[chosen] & ~right[0.0]).sum())} images only with it, ", end="")
    print(f"{int((right[0.0] & ~right[chosen]).sum())} only without.")

    picture = output / "mlp_dropout.png"
    draw(curves, accuracies, chosen, picture)
    print(f"\nLosses and accuracies are drawn in {picture}.")
    print("Try next: 200 or 20,000 training images: how much does dropout give with fewer examples, or with more?")


if __name__ == "__main__":
    main()
