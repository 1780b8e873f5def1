"""Training in the words of the course: an optimizer, a learning rate, clipped gradients, steps and periods.

    python examples/steps_and_periods.py [--quick]

The data are block groups of California, from `tg.datasets.california_housing()`, and where they are neither on the
machine nor to be had, the diabetes patients that scikit-learn carries. The picture goes into the folder `output` (or
the one that TINYGRAD_ML_OUTPUT names).
"""

import argparse
import functools
import os
import sys
import warnings
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.models import LinearRegression
from tinygrad_ml.train import EMA, LearningRate, fit

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from sklearn.datasets import load_diabetes
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

SEED = 0
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"  # the colour-blind can tell them apart


def load():
    """Return a frame, the names of the first feature and of the target, and what a 1 of the target is called."""
    try:
        frame = tg.datasets.california_housing("train")
    except (FileNotFoundError, ImportError):
        frame = load_diabetes(as_frame=True, scaled=False).frame
        return frame, "bmi", "target", "points"
    frame["median_house_value"] /= 1000
    return frame, "total_rooms", "median_house_value", "thousand dollars"


def first_program(ax, training, validation, feature, target, unit, steps):
    """Train the first regressor of the course, at its learning rate and at better ones, and judge after each period."""
    (x, y), (x_valid, y_valid) = ((part[[feature]], part[target]) for part in (training, validation))
    far = y.mean() / float(x.mean().iloc[0]) / (5 * steps)  # so large a rate gets there if no step is shorter than 5
    print(f"The first program: {target} from {feature}; {steps} steps on one example each, in 10 periods.")
    print("SGD, gradients clipped by the norm 5; RMSE on the validation part after each period:")
    for rate, colour in ((1e-7, BLUE), (far, ORANGE), (3 * far, GREEN)):
        model = LinearRegression(
            optimizer=functools.partial(optim.SGD, lr=rate), clip_norm=5.0, batch_size=1, random_state=SEED
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged, which this is about
            model.fit(x, y, steps=steps, periods=10, validation=(x_valid, y_valid), metrics=["rmse"])
        errors = model.history_["validation_rmse"]
        print(f"- learning rate {rate:.1e}: {errors[0]:.1f} {unit} at first, {errors[-1]:.1f} at the end.")
        ax.plot(model.history_.ends, errors, "o-", color=colour, label=f"rate {rate:.0e}", markersize=4)
    best = LinearRegression().fit(x, y)
    optimum = tg.metrics.root_mean_squared_error(y_valid, best.predict(x_valid))
    ax.axhline(optimum, color="0.6", linestyle=":", label="normal equation")
    print(f"The normal equation: {optimum:.1f} {unit}.")
    ax.set(title="RMSE after every period", xlabel="step", ylabel=f"RMSE ({unit})", ylim=(0.7 * optimum, None))


def noise(ax, x, y, steps):
    """Draw the loss of every step, for batches of several sizes."""
    print(f"\nThe loss of each of {steps} steps, by the size of the batch (trained examples = batch size × steps):")
    for size, colour in ((1, BLUE), (20, ORANGE), (len(x), GREEN)):
        model = LinearRegression(optimizer=functools.partial(optim.SGD, lr=0.01), batch_size=size, random_state=SEED)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(x, y, steps=steps, periods=10)
        losses = np.array(model.history_.steps["loss"])
        last = losses[steps // 2 :]
        print(f"- {size:,}: {size * steps:,} trained examples; mean {last.mean():.3f}, deviation {last.std():.3f}.")
        ax.plot(range(1, steps + 1), losses, color=colour, label=f"batch size {size:,}", linewidth=0.8)
    ax.set(title="The loss of every step", xlabel="step", ylabel="squared error", ylim=(0, 4))


def optimizers(ax, x, y, steps):
    """Go down with the three optimizers of the course, from the same start at the same rate."""
    print("\nThree optimizers at the learning rate 0.05, batches of 20; the loss of all examples:")
    for kind, colour in ((optim.SGD, BLUE), (optim.Adagrad, ORANGE), (optim.Adam, GREEN)):
        model = LinearRegression(optimizer=functools.partial(kind, lr=0.05), batch_size=20, random_state=SEED)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(x, y, steps=steps, periods=25, validation=(x, y))
        losses = model.history_["validation_loss"]
        print(f"- {kind.__name__}: {losses[0]:.4f} after the first period, {losses[-1]:.4f} after the last.")
        ax.plot(model.history_.ends, losses, color=colour, label=kind.__name__, linewidth=2)
    ax.axhline(LinearRegression().fit(x, y).history_["loss"][-1], color="0.6", linestyle=":", label="normal equation")
    ax.set(title="SGD, Adagrad, Adam", xlabel="step", ylabel="squared error, of all examples")


def falling_rates(ax, x, y, steps):
    """Let the noise end: by a learning rate that falls with every step, or by an average of the weights."""
    optimum = LinearRegression().fit(x, y).history_["loss"][-1]
    print(f"\nSteps on one example: how far the loss ends above the optimum, {optimum:.4f}:")
    for name, callbacks, colour in (
        ("constant rate", [], BLUE),
        ("t0 / (t + t1)", [LearningRate(lambda t: 10 / (t + 500), every="step")], ORANGE),
        ("average of the weights", [EMA(0.998)], GREEN),
    ):
        tg.manual_seed(SEED)
        line = nn.Linear(x.shape[1], 1).to(np.float64)
        history = fit(
            line,
            nn.MSELoss(),
            optim.SGD(line.parameters(), lr=0.02),
            (x, y.reshape(-1, 1)),
            validation=(x, y.reshape(-1, 1)),
            steps=steps,
            periods=20,
            batch_size=1,
            seed=SEED,
            callbacks=callbacks,
            progress=False,
        )
        above = np.array(history["validation_loss"]) - optimum
        print(f"- {name}: {above[-1]:.4f}.")
        ax.plot(history.ends, above, color=colour, label=name, linewidth=2)
    ax.set(title="Above the optimum", xlabel="step", ylabel="squared error", yscale="log")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer steps")
    quick = parser.parse_args().quick
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    output.mkdir(parents=True, exist_ok=True)

    frame, feature, target, unit = load()
    training, validation, _ = tg.data.split(frame, validation=0.3, test=0.0, seed=SEED)
    inputs = training.drop(columns=[target]).to_numpy(dtype=float)[:2000]
    y = training[target].to_numpy(dtype=float)[:2000]
    x, y = (inputs - inputs.mean(axis=0)) / inputs.std(axis=0), (y - y.mean()) / y.std()

    figure, axes = plt.subplots(2, 2, figsize=(11, 8.2), layout="constrained")
    first_program(axes[0, 0], training, validation, feature, target, unit, steps=1000 if quick else 5000)
    noise(axes[0, 1], x, y, steps=300 if quick else 600)
    optimizers(axes[1, 0], x, y, steps=500 if quick else 1500)
    falling_rates(axes[1, 1], x, y, steps=4000 if quick else 20_000)
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize=9)
    figure.savefig(output / "steps_and_periods.png", dpi=110)
    print(f"\nFour pictures: {output / 'steps_and_periods.png'}")
    print("Try next: learning_rate='find', or clip_norm=0.1 with batches of one example.")


if __name__ == "__main__":
    main()
