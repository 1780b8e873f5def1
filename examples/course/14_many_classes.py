# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 14. Many classes: one against the rest, chains, softmax
#
# Two classes need one probability. For more there are several ways to ask:
#
# | | questions | |
# | --- | --- | --- |
# | one-vs-rest | is it A or not? is it B or not? ... | one classifier for each class |
# | one-vs-one | A or B? A or C? B or C? ... | one for each pair |
# | chain | is it C? if not: B or A? | each learns from what is left |
# | softmax | which of all? | one model, probabilities that sum to 1 |
#
# The data: 150 flowers of three kinds, then 1,797 handwritten digits.

# %%
import os
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris

import tinygrad_ml as tg
from tinygrad_ml.models import BinaryChain, LogisticRegression, OneVsOne, OneVsRest, SoftmaxRegression

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Four ways, one kind of flower

# %%
flowers = load_iris()
X, y = flowers.data[:, 2:], flowers.target_names[flowers.target]
ways = {
    "one-vs-rest": OneVsRest(LogisticRegression(C=10.0)),
    "one-vs-one": OneVsOne(LogisticRegression(C=10.0)),
    "chain": BinaryChain(LogisticRegression(C=10.0)),
    "softmax": SoftmaxRegression(C=10.0),
}
for name, model in ways.items():
    model.fit(X, y)
    print(f"{name}: {model.score(X, y):.1%} right.")
print(
    f"The chain asks first for {ways['chain'].order_[0]}, then tells {ways['chain'].order_[1]} from "
    f"{ways['chain'].order_[2]}."
)

# %% [markdown]
# ## Probabilities
#
# Softmax turns scores into probabilities that sum to 1: $p_k = e^{z_k} / \sum_j e^{z_j}$. Three sigmoids of one-vs-rest
# do not sum to 1: each was asked a question of its own, and what is printed as probability was divided by the sum.

# %%
between = np.array([[4.9, 1.7]])
logits = ways["one-vs-rest"].decision_function(between)
sigmoids = (1 / (1 + np.exp(-logits)))[0]
softmax = ways["softmax"].predict_proba(between)[0]
print(f"A flower between two kinds: three sigmoids {sigmoids.round(3)} sum to {sigmoids.sum():.3f}; ", end="")
print(f"softmax {softmax.round(3)} to {softmax.sum():.3f}.")

# %% [markdown]
# ## Which one trains faster?
#
# For ten classes at equal passes over the data, softmax computes all scores with one product of matrices; one-vs-rest
# takes ten passes of its own.

# %%
digits, labels = tg.datasets.digits()
train, _, test = tg.data.split(digits / 16, labels, test=0.25, stratify=labels, seed=0)
steps = {"solver": "sgd", "learning_rate": 0.1, "max_iter": 20, "random_state": 0}
seconds = {}
for name, model in (
    ("softmax", SoftmaxRegression(**steps)),
    ("one-vs-rest", OneVsRest(LogisticRegression(**steps))),
):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        best = np.inf
        for _ in range(5):
            start = time.perf_counter()
            model.fit(*train)
            best = min(best, time.perf_counter() - start)
    seconds[name] = best
    print(f"Digits, {name}, 20 passes: {model.score(*test):.1%} of the test part.")
ratio = seconds["one-vs-rest"] / seconds["softmax"]
print(f"One-vs-rest took {ratio:.1f} times as long as softmax.")

# %% [markdown]
# ## Five thousand classes
#
# With very many classes even one softmax is expensive: each step computes the scores of all. Candidate sampling looks
# at the right classes and at some drawn ones, `SoftmaxRegression(sampled=64)`. Here each class is a point of a cloud.

# %%
random = np.random.default_rng(0)
centres = random.normal(size=(5_000, 24)).astype(np.float32)
of = random.integers(0, 5_000, size=20_000)
points = centres[of] + 0.1 * random.normal(size=(20_000, 24)).astype(np.float32)
ranked, took = {}, {}
for sampled, passes in ((64, 12), (None, 2)):
    model = SoftmaxRegression(
        sampled=sampled,
        solver="adam",
        learning_rate=0.05,
        batch_size=256,
        max_iter=passes,
        penalty=None,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        model.fit(points, of)
        took[sampled] = time.perf_counter() - start
    ranked[sampled] = model.score(points[:1000], of[:1000])
print(f"5,000 classes: {ranked[64]:.0%} right after 12 passes with 64 sampled classes a step, ", end="")
print(
    f"{ranked[None]:.0%} after 2 passes with all. A pass with all took {6 * took[None] / took[64]:.0f} times as long."
)


# %%
figure, axes = plt.subplots(1, 4, figsize=(14, 3.7), layout="constrained")
for ax, (name, model) in zip(axes, ways.items()):
    tg.plot.decision_boundary(model, X, y, ax=ax)
    ax.set(title=name, xlabel="length of the petal (cm)", ylabel="width of the petal (cm)")
    if ax is not axes[0]:
        ax.get_legend().remove()
figure.savefig(OUTPUT / "14_many_classes.png", dpi=90)
print(f"Picture: {OUTPUT / '14_many_classes.png'}")

# %% [markdown]
# ## Exercises
#
# 1. For two classes softmax regression is logistic regression. Show it for the coefficients.
# 2. Add the same number to all scores. What does the softmax do? And why does the library subtract the largest?
# 3. How many classifiers has one-vs-one for ten digits, and how many examples does each see?
