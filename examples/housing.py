"""What features do to a model of house prices.

    python examples/housing.py [--quick]

A line through the columns of the California housing data errs by 70,000 dollars. The same line errs by less with each
step from columns to features: ratios instead of totals, logarithms, buckets, and at last a cross of latitude and
longitude, which gives every place a price of its own. A network finds part of that by itself. The steps are judged on
a validation part; the test part is used once, at the end. The picture goes into the folder `output` (or the one that
TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.features import Bucketize, Columns, Cross, Impute, Log, OneHot, Scale
from tinygrad_ml.models import LinearRegression, MLPRegressor
from tinygrad_ml.train import LearningRate

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import pandas as pd
    import tqdm  # noqa: F401  # progress bars
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

SEED = 0
PRICE = "median_house_value"
TOTALS = ("total_rooms", "total_bedrooms", "population", "households")
RATIOS = ("rooms_per_household", "people_per_household", "bedrooms_per_room", "rooms_per_person")
PLACE = ("latitude", "longitude")

# What becomes of the columns; a column may stand in several pairs.
NUMBERS = [((*PLACE, "housing_median_age", "median_income", *TOTALS), [Impute("median"), Scale()])]
KINDS = [("ocean_proximity", OneHot(min_count=50))]
AMOUNTS = [((*RATIOS, *TOTALS, "median_income", "housing_median_age"), [Impute("median"), Log(), Scale()])]
BUCKETS = [
    ("median_income", [Bucketize(quantiles=20), OneHot()]),
    (("bedrooms_per_room", "people_per_household"), [Impute("median"), Bucketize(quantiles=10), OneHot()]),
    ("housing_median_age", [Bucketize(quantiles=8), OneHot()]),
    (PLACE, [Bucketize(quantiles=20), OneHot()]),
]
CROSS = [(PLACE, [Bucketize(quantiles=20), Cross()])]
STEPS = {
    "the columns": NUMBERS,
    "the nearness of the ocean, too": NUMBERS + KINDS,
    "ratios and logarithms, too": NUMBERS + KINDS + AMOUNTS,
    "buckets": KINDS + AMOUNTS + BUCKETS,
    "a cross of latitude and longitude": KINDS + AMOUNTS + BUCKETS + CROSS,
}
FOR_THE_NETWORK = [*KINDS, *AMOUNTS, (PLACE, Scale()), (PLACE, [Bucketize(quantiles=20), OneHot()])]


def describe(blocks):
    """Return block groups with ratios, each from its own row."""
    blocks = blocks.copy()
    blocks["rooms_per_household"] = blocks["total_rooms"] / blocks["households"]
    blocks["people_per_household"] = blocks["population"] / blocks["households"]
    blocks["bedrooms_per_room"] = blocks["total_bedrooms"] / blocks["total_rooms"]
    blocks["rooms_per_person"] = blocks["total_rooms"] / blocks["population"]
    return blocks


def line(features):
    """Return features and the line that is drawn through them; a small penalty keeps rare places in bounds."""
    return Columns(features), LinearRegression(penalty="l2", alpha=1.0)


def network(epochs):
    """Return the features of a network, and the network."""
    falling = LearningRate(lambda done: 1e-3 * (1 + np.cos(np.pi * done / epochs)))
    mlp = MLPRegressor((128, 64), max_iter=epochs, batch_size=64, tol=0, callbacks=[falling], random_state=SEED)
    return Columns(FOR_THE_NETWORK), mlp


def fitted(features, model, blocks):
    """Fit features and then a model to block groups; return a function that predicts prices, in dollars."""
    table = features.fit_transform(blocks).astype(np.float32)
    model.fit(table, (blocks[PRICE] / 100_000).to_numpy(np.float32))
    return lambda others: 100_000 * model.predict(features.transform(others).astype(np.float32)).astype(float)


def error(predict, blocks):
    """Return the root of the mean squared error, in dollars."""
    return tg.metrics.root_mean_squared_error(blocks[PRICE], predict(blocks))


def draw(errors, blocks, predictions, path):
    """Draw the error of each step, and maps of prices: true ones, and those of two lines."""
    figure, (bars, *maps) = plt.subplots(1, 4, figsize=(15, 4.6), layout="constrained", width_ratios=(1.3, 1, 1, 1))
    names = list(errors)
    bars.barh(names[::-1], [errors[name] / 1000 for name in names[::-1]], color="#0072b2")
    for i, name in enumerate(names[::-1]):
        bars.text(errors[name] / 1000 - 1, i, f"{errors[name] / 1000:.1f}", va="center", ha="right", color="white")
    bars.set(title="Error on the validation part", xlabel="thousand dollars")
    bars.spines[["top", "right"]].set_visible(False)
    for ax, (title, prices) in zip(maps, {"prices": blocks[PRICE], **predictions}.items()):
        points = ax.scatter(
            blocks["longitude"], blocks["latitude"], c=prices / 1000, s=3, vmin=0, vmax=500, cmap="viridis"
        )
        ax.set(title=title, aspect=1.25, xticks=[], yticks=[])
    figure.colorbar(points, ax=maps, label="thousand dollars", shrink=0.8)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short training run of the network")
    quick = parser.parse_args().quick
    try:
        blocks = describe(tg.datasets.california_housing())
    except (FileNotFoundError, ImportError) as problem:
        sys.exit(str(problem))
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    output.mkdir(parents=True, exist_ok=True)

    train, validation, test = tg.data.split(blocks, validation=0.16, test=0.2, seed=SEED)
    print(f"{len(train):,} block groups to learn from, {len(validation):,} to compare with, {len(test):,} for the end.")

    edges = Bucketize(quantiles=7).fit(train[["households"]]).edges_[0]
    print(f"As many block groups lie between these numbers of households: {', '.join(f'{e:.0f}' for e in edges)}.\n")

    print("Root mean squared error on the validation part:")
    errors, predictions = {}, {}
    for name, step in STEPS.items():
        features, model = line(step)
        predict = fitted(features, model, train)
        errors[name] = error(predict, validation)
        predictions[name] = predict(validation)
        print(
            f"- a line through {name}: {errors[name]:,.0f} dollars, {features.transform(test[:1]).shape[1]} features."
        )
    epochs = 8 if quick else 40
    errors["a network"] = error(fitted(*network(epochs), train), validation)
    print(f"- a network after {epochs} epochs: {errors['a network']:,.0f} dollars.\n")

    everything = pd.concat([train, validation])
    for name, parts in {"line": line(STEPS["a cross of latitude and longitude"]), "network": network(epochs)}.items():
        print(f"On the test part the {name} errs by {error(fitted(*parts, everything), test):,.0f} dollars.")

    maps = {"a line through the columns": "the columns", "a line with the cross": "a cross of latitude and longitude"}
    draw(errors, validation, {title: predictions[name] for title, name in maps.items()}, output / "housing.png")
    print(f"\nErrors and maps: {output / 'housing.png'}")
    print("Try next: a cross of place and income; or 40 quantiles, and see what the validation part says.")


if __name__ == "__main__":
    main()
