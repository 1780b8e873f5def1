# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 7. Features: what a linear model can see
#
# A linear model gives each number one weight. What it is to see, a feature must show: a ratio, a logarithm, a bucket, a
# combination of two categories. What a feature learns (a mean, edges, categories) it learns from the training part.
#
# The data: 17,000 block groups of California.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import tinygrad_ml as tg
from tinygrad_ml.features import Bucketize, Columns, Cross, Hash, Log, OneHot, Scale
from tinygrad_ml.models import LinearRegression, LogisticRegression

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

frame = tg.datasets.california_housing("train")
frame["rooms_per_person"] = frame["total_rooms"] / frame["population"]
train, valid, _ = tg.data.split(frame, validation=0.3, test=0, seed=0)
price = "median_house_value"

# %% [markdown]
# ## What goes with the price?
#
# Pearson's correlation: from -1 to 1, for straight lines only.

# %%
correlation = train.corr()[price].drop(price).sort_values(key=abs, ascending=False)
for name in correlation.index[:3]:
    print(f"The price and {name}: correlation {correlation[name]:+.2f}.")
print(
    f"Rooms alone: {correlation['total_rooms']:+.2f}; rooms per person, a feature from two columns: "
    f"{correlation['rooms_per_person']:+.2f}."
)

# %% [markdown]
# ## Buckets by quantiles
#
# Edges by quantiles put the same number of examples into each bucket, edges of equal width do not.

# %%
edges = Bucketize(quantiles=7).fit(train[["households"]]).edges_[0]
counts = np.histogram(train["households"], [-np.inf, *edges, np.inf])[0]
print(
    f"Households: edges {edges.round().astype(int).tolist()}, between {counts.min():,} and "
    f"{counts.max():,} block groups in each bucket."
)

# %% [markdown]
# ## Step by step
#
# The same linear model, with more to see each time. The crosses of latitude and longitude are squares on the map: each
# has a weight of its own, which no sum of a north-south and an east-west weight can replace. Not every step helps: the
# logarithms, alone, do not. So the error is measured after each.

# %%
numbers = ["median_income", "housing_median_age", "total_rooms", "population", "rooms_per_person"]
place = ("latitude", "longitude")
steps = {
    "two numbers of the place": {place: Scale()},
    "and the others": {place: Scale(), tuple(numbers): Scale()},
    "logarithms": {place: Scale(), tuple(numbers): [Log(), Scale()]},
    "the place in buckets": {place: [Bucketize(quantiles=12), OneHot()], tuple(numbers): [Log(), Scale()]},
    "the cross of the buckets": {place: [Bucketize(quantiles=12), Cross()], tuple(numbers): [Log(), Scale()]},
}
errors = {}
for name, columns in steps.items():
    features = Columns(columns)
    model = LinearRegression(penalty="l2", alpha=1.0).fit(features.fit_transform(train), train[price])
    errors[name] = tg.metrics.root_mean_squared_error(valid[price], model.predict(features.transform(valid))) / 1000
    print(
        f"{name}: {features.transform(valid[:1]).shape[1]} features, an error of {errors[name]:.1f} thousand dollars."
    )

# %% [markdown]
# ## A cross that is everything
#
# Dogs that are petted in the evening wag their tails, dogs that are petted in the morning do not, and crying is the
# other way round. Neither the behaviour nor the time says anything alone.

# %%
random = np.random.default_rng(0)
dogs = pd.DataFrame(
    {"behaviour": random.choice(["petted", "crying"], 400), "time": random.choice(["morning", "evening"], 400)}
)
happy = (dogs["behaviour"] == "petted") == (dogs["time"] == "evening")
for name, columns in (
    ("behaviour and time", {("behaviour", "time"): OneHot()}),
    ("behaviour x time", {("behaviour", "time"): Cross()}),
):
    inputs = Columns(columns).fit_transform(dogs)
    score = LogisticRegression().fit(inputs, happy).score(inputs, happy)
    print(f"{name}: {score:.2f} right.")

# %% [markdown]
# ## Hashing
#
# With too many categories for a column each, a hash puts them into a fixed number of columns. Some share one: the price
# of a fixed size. The hash is the same on every machine.

# %%
words = pd.DataFrame({"street": [f"street {k}" for k in range(500)]})
for n in (100, 1000, 10_000):
    print(f"500 streets in {n:,} columns: {Hash(n).fit(words).collisions_[0]} share a column.")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.2), layout="constrained")
left.barh(list(errors)[::-1], list(errors.values())[::-1], color="#0072b2")
left.set(title="Error on the validation part", xlabel="RMSE (thousand dollars)")
left.spines[["top", "right"]].set_visible(False)
points = right.scatter(
    valid["longitude"], valid["latitude"], c=model.predict(features.transform(valid)) / 1000, s=3, vmin=0, vmax=500
)
figure.colorbar(points, ax=right, label="predicted value (thousand dollars)")
right.set(title="With the cross", xlabel="longitude (degrees)", ylabel="latitude (degrees)", aspect=1.2)
figure.savefig(OUTPUT / "07_features.png", dpi=100)
print(f"Picture: {OUTPUT / '07_features.png'}")

# %% [markdown]
# ## Exercises
#
# 1. Scale the training part and the test part each with its own mean. What goes wrong? Show it with two parts whose
#    means differ.
# 2. What does `OneHot(min_count=5)` do with a port that it has seen twice, and with one that it has never seen?
# 3. Show that `Hash` gives the same columns in another process, and Python's `hash` does not.
