# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 12. Prediction bias: are the probabilities right on average?
#
# If a model says "30 %" on average and 50 % happen, something is wrong. Prediction bias is the mean prediction minus
# the mean label. A fitted logistic regression with a bias term has none on its own data. If there is some, there is a
# cause, and a picture by buckets of similar predictions shows which one.
#
# The data: 17,000 block groups of California. Is the median value above 200,000 dollars?

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.models import LogisticRegression

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

frame = tg.datasets.california_housing("train").sample(frac=1, random_state=0)
label = (frame.pop("median_house_value") > 200_000).to_numpy().astype(int)
for name in ("total_rooms", "total_bedrooms", "population", "households", "median_income"):
    frame[name] = np.log(frame[name] + 1)
X = frame.to_numpy()
X = (X - X.mean(axis=0)) / X.std(axis=0)
X, X_test, y, y_test = X[:12_000], X[12_000:], label[:12_000], label[12_000:]


def bias_of(model, X, y):
    """Return the prediction bias of a model, overall and in ten buckets."""
    return tg.metrics.prediction_bias(y, model.predict_proba(X)[:, 1])


# %% [markdown]
# ## A healthy model

# %%
healthy = LogisticRegression(penalty=None).fit(X, y)
own, new = bias_of(healthy, X, y), bias_of(healthy, X_test, y_test)
print(f"Mean label {y.mean():.3f}, mean prediction {healthy.predict_proba(X)[:, 1].mean():.3f}.")
print(f"Healthy: bias {own.overall:+.6f} on its own data, {new.overall:+.4f} on new data.")
print(own)

# %% [markdown]
# ## Five causes, made on purpose
#
# 1. An incomplete set of features: the income is missing. Overall there is no bias, and the buckets hide it well, but
#    among the rich blocks alone it is large.
# 2. Noisy labels: a third of the expensive blocks was entered as cheap. Judged by correct labels it predicts too low.
# 3. A bug in the pipeline: the test data were scaled twice.
# 4. A biased sample: of the cheap blocks only four in ten came into the training data.
# 5. Too much regularisation: all predictions are near the mean, too high for the low ones and too low for the high
#    ones.

# %%
random = np.random.default_rng(0)
income = list(frame.columns).index("median_income")
found = {}

without = [k for k in range(X.shape[1]) if k != income]
poor = LogisticRegression(penalty=None).fit(X[:, without], y)
rich = X_test[:, income] > 1
found["missing feature"] = bias_of(poor, X_test[rich][:, without], y_test[rich])
overall = bias_of(poor, X_test[:, without], y_test).overall

noisy = np.where((y == 1) & (random.uniform(size=len(y)) < 1 / 3), 0, y)
found["noisy labels"] = bias_of(LogisticRegression(penalty=None).fit(X, noisy), X_test, y_test)

found["bug: scaled twice"] = bias_of(healthy, X_test / X.std(axis=0) * 2 - 0.5, y_test)

kept = (y == 1) | (random.uniform(size=len(y)) < 0.4)
found["biased sample"] = bias_of(LogisticRegression(penalty=None).fit(X[kept], y[kept]), X_test, y_test)

found["too much L2"] = bias_of(LogisticRegression(C=1e-5).fit(X, y), X_test, y_test)

for name, bias in found.items():
    print(
        f"{name}: bias {bias.overall:+.3f} overall; {bias.bias[0]:+.3f} in the lowest bucket, "
        f"{bias.bias[-1]:+.3f} in the highest."
    )
print(f"(The missing feature shows among rich blocks; in all blocks its bias is {overall:+.3f}.)")

# %%
figure, axes = plt.subplots(2, 3, figsize=(13, 7.8), layout="constrained")
for ax, (name, bias) in zip(axes.flat, {"healthy": new, **found}.items()):
    bias.plot(ax=ax).legend(loc="lower right" if bias.overall < 0 else "upper left", fontsize=8)
    ax.set_title(f"{name}: {bias.overall:+.3f}")
figure.savefig(OUTPUT / "12_prediction_bias.png", dpi=95)
print(f"Picture: {OUTPUT / '12_prediction_bias.png'}")

# %% [markdown]
# ## What not to do
#
# Subtracting the bias from every prediction makes the mean right and leaves the cause. Then the first new kind of data
# brings it back.
#
# ## Exercises
#
# 1. Why has a fitted logistic regression no bias on its own data? Look at the derivative of the loss by the bias term.
# 2. With an L2 penalty on the weights, but not on the bias term: is there a bias overall?
# 3. Without a bias term (`fit_intercept=False`): is there one?
