"""A network that forgets and one that remembers, and what the doctor says of the first.

    python examples/long_memory.py [--quick]

A hundred symbols are read one after the other, and the question is which was the first. A simple recurrent network
stays at chance level: on its way back through time each step takes most of the gradient away, so that it never hears of
the first symbol. The doctor finds it in one batch, before any training. An LSTM, whose cell keeps what its gates let it
keep, learns. The picture goes into the folder `output` (or the one that TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.train import ClipGradients, Doctor, fit

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

SYMBOLS, TIMES, UNITS = 4, 100, 32
BLUE, ORANGE = "#0072b2", "#d55e00"


def sequences(n, seed):
    """Return n sequences of random symbols, and the first symbol of each."""
    symbols = np.random.default_rng(seed).integers(0, SYMBOLS, (n, TIMES))
    return symbols, symbols[:, 0].copy()


class Reader(nn.Module):
    """A recurrent network that answers when it has read all symbols."""

    def __init__(self, cell):
        self.table = nn.Embedding(SYMBOLS, 8)
        self.recurrent = cell(8, UNITS, batch_first=True)
        self.answer = nn.Linear(UNITS, SYMBOLS)
        if cell is nn.LSTM:  # let its forget gates be open at first, so that it remembers before it has learned to
            self.recurrent.bias_hh_l0.data[UNITS : 2 * UNITS] = 5.0

    def forward(self, x):
        states, _ = self.recurrent(self.table(x))
        return self.answer(states[:, -1])


def gradients_over_time(model, symbols, answers):
    """Return the norm of the gradient of the loss for the input at each time."""
    vectors = model.table(symbols).detach().requires_grad_()
    states, _ = model.recurrent(vectors)
    nn.CrossEntropyLoss()(model.answer(states[:, -1]), answers).backward()
    return np.linalg.norm(vectors.grad.numpy().astype(float), axis=(0, 2))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer epochs")
    quick = parser.parse_args().quick
    folder = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    folder.mkdir(parents=True, exist_ok=True)
    training, unseen = sequences(2000, 0), sequences(500, 1)
    print(f"Which of {SYMBOLS} symbols was the first of {TIMES}? A guess is right in {1 / SYMBOLS:.0%} of the cases.")

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name, cell, colour in (("RNN", nn.RNN, ORANGE), ("LSTM", nn.LSTM, BLUE)):
        tg.manual_seed(0)
        model, loss = Reader(cell), nn.CrossEntropyLoss()
        doctor = Doctor()
        doctor.examine(model, loss, tuple(part[:50] for part in training))
        print(f"\nThe {name}, one batch before any training:\n\n{doctor}")
        norms = gradients_over_time(model, *(part[:50] for part in training))
        right.semilogy(np.arange(1, TIMES + 1), norms, color=colour, label=name)

        history = fit(
            model,
            loss,
            optim.Adam(model.parameters(), lr=0.001),
            training,
            validation=unseen,
            metrics=["accuracy"],
            epochs=7 if quick else 10,
            batch_size=10,  # many small steps: with a larger rate and larger batches some seeds learn late, or never
            callbacks=[doctor, ClipGradients(max_norm=0.5)],
            seed=0,
        )
        accuracy = history["validation_accuracy"]
        print(f"\nThe {name} after {len(accuracy)} epochs: {accuracy[-1]:.0%} of new sequences are answered correctly.")
        illnesses = ", ".join(finding.illness for finding in doctor.findings)
        print(f"The doctor of this training run: {illnesses or 'no illness found'}.")
        left.plot(np.arange(1, len(accuracy) + 1), accuracy, color=colour, label=name)

    left.axhline(1 / SYMBOLS, color="grey", linestyle=":", label="guessing")
    left.set(title="Answers on new sequences", xlabel="epoch", ylabel="accuracy", ylim=(0, 1.02))
    right.set(title="What reaches each time before training", xlabel="time", ylabel="norm of the gradient")
    for ax in (left, right):
        ax.legend(frameon=False)
        ax.spines[["top", "right"]].set_visible(False)
    picture = folder / "long_memory.png"
    figure.savefig(picture, dpi=120)
    print(f"\nAccuracy by epoch, and the gradients on their way back through time: {picture}")
    print("Try next: nn.GRU; 20 symbols; or an LSTM without open forget gates, which forgets, too.")


if __name__ == "__main__":
    main()
