"""What a doctor, and a progress bar, cost a training run: beside the same run with the same validation.

    python benchmarks/doctor.py [--quick]

The variants take turns, and each figure is the least processor time of many rounds. The project allows itself 10 % for
doctor and bar together.
"""

import contextlib
import io
import sys
import time

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.train import Doctor, fit

ROUNDS = 4 if "--quick" in sys.argv else 15
VARIANTS = {"plain": (False, False), "doctor": (True, False), "bar": (False, True), "both": (True, True)}


def perceptron():
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def convolutions():
    first = nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)
    return nn.Sequential(*first, nn.Flatten(), nn.Linear(72, 10))


class Recurrent(nn.Module):
    def __init__(self):
        self.lstm, self.head = nn.LSTM(4, 32, batch_first=True), nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def cases():
    """Yield (name, what makes the module, loss, data, epochs)."""
    random = np.random.default_rng(0)
    x = random.normal(size=(2000, 64)).astype(np.float32)
    y = random.integers(0, 10, 2000)
    yield "linear regression, 10 features", lambda: nn.Linear(10, 1), nn.MSELoss(), (x[:, :10], x[:, :1]), 16
    yield "perceptron 64-64-64-10", perceptron, nn.CrossEntropyLoss(), (x, y), 16
    yield "convolution, batch norm", convolutions, nn.CrossEntropyLoss(), (x.reshape(-1, 1, 8, 8), y), 8
    yield "LSTM, 16 times", Recurrent, nn.CrossEntropyLoss(), (x.reshape(-1, 16, 4), y), 4


def seconds(make, loss, data, epochs, with_doctor, with_bar):
    """Return the processor time of a training run with a validation after every epoch."""
    tg.manual_seed(0)
    module = make()
    callbacks = [Doctor()] if with_doctor else []
    validation = tuple(part[:500] for part in data)
    optimizer = optim.Adam(module.parameters())
    with contextlib.redirect_stderr(io.StringIO()):  # where the bar goes
        start = time.process_time()
        fit(
            module,
            loss,
            optimizer,
            data,
            epochs=epochs,
            validation=validation,
            callbacks=callbacks,
            progress=with_bar,
            seed=0,
        )
        if with_doctor:
            callbacks[0].findings  # noqa: B018  # which are worked out when somebody asks
        return time.process_time() - start


if __name__ == "__main__":
    print(f"{'':34}{'plain':>10}{'doctor':>9}{'bar':>9}{'both':>9}")
    for name, *case in cases():
        best = dict.fromkeys(VARIANTS, float("inf"))
        for _ in range(ROUNDS):
            for variant, options in VARIANTS.items():
                best[variant] = min(best[variant], seconds(*case, *options))
        plain = best.pop("plain")
        print(f"{name:34}{plain * 1e3:7.0f} ms" + "".join(f"{value / plain - 1:+9.1%}" for value in best.values()))
