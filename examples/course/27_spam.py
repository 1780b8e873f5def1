# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 27. Spam: from texts to a judgement
#
# A text becomes numbers by counting its words. What counts as a word is a choice, and choices are made on the training
# part, by cross-validation; the test part is asked once.
#
# The data: 5,574 short messages, of which 13 % are spam.

# %%
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

import tinygrad_ml as tg
from tinygrad_ml import metrics
from tinygrad_ml.features import TextCounts
from tinygrad_ml.models import LogisticRegression

QUICK = "--quick" in sys.argv
OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
BLUE, ORANGE = "#0072b2", "#d55e00"

# %% [markdown]
# ## Counts, and whether a word occurs

# %%
count = TextCounts(vocabulary=["Hello", "how", "are", "you"], sparse=False)
for name, presence in (("Counts", False), ("Presence", True)):
    row = count.set_params(presence=presence).fit_transform(["Hello you Hello Hello you"])[0]
    print(f"{name} of {count.vocabulary} in 'Hello you Hello Hello you': {row.astype(int).tolist()}.")

# %% [markdown]
# ## What is a word?
#
# Each switch makes one word of several: capitals and small letters, all addresses, all numbers, all forms of a stem. Or
# it adds words: punctuation marks, phrases. A stem may be found by any function, here one that cuts three endings off.


# %%
def stem(word):
    """Return a word without its ending."""
    for ending in ("ing", "ed", "s"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word.removesuffix(ending)
    return word


text = "WINNER! You won 1000 pounds, claim at http://win.example or call 09061701461. Claims ended, calls waiting"
switches = {
    "nothing": {"lower": False},
    "lower case": {},
    "URL and NUMBER": {"url": True, "number": True},
    "stems": {"url": True, "number": True, "stem": stem},
    "punctuation": {"url": True, "number": True, "stem": stem, "punctuation": True},
    "pairs": {"url": True, "number": True, "stem": stem, "punctuation": True, "phrase": 2},
}
messages, spam = tg.datasets.sms_spam()
train, _, test = tg.data.split(np.array(messages, object), spam, test=0.2, stratify=spam, seed=0)
print(f"{len(train[1]):,} messages to learn from, {np.mean(train[1]):.1%} spam, and {len(test[1]):,} for the test.")
example = TextCounts(**switches["stems"]).fit([text])
print(f"By stems, the words of an advertisement: {', '.join(sorted(example.vocabulary_))}.")

# %% [markdown]
# ## Which switches help?
#
# Cross-validation: every message of the training part is judged by a model that has not seen it. A row of counts has
# thousands of columns, of which a message fills some twenty; the matrix is sparse, and logistic regression takes it as
# it is.

# %%
candidates = {}
for name, options in switches.items():
    for presence in (False, True):
        counts = TextCounts(presence=presence, **options)
        model = make_pipeline(counts, LogisticRegression(C=10))
        p = cross_val_predict(model, *train, cv=2 if QUICK else 5, method="predict_proba")[:, 1]
        candidates[name, presence] = model, p
        X = counts.fit_transform(train[0])
        print(f"{name}, {'presence' if presence else 'counts'}: {X.shape[1]:,} words, ", end="")
        print(f"{X.nnz / np.prod(X.shape):.2%} of the matrix filled; precision ", end="")
        print(
            f"{metrics.precision_score(train[1], p > 0.5):.3f}, recall {metrics.recall_score(train[1], p > 0.5):.3f}."
        )

# %% [markdown]
# Does a word that comes three times say more than one that comes once? F1 takes precision and recall together; by it
# the choice is made.

# %%
scores = {key: metrics.f1_score(train[1], p > 0.5) for key, (_, p) in candidates.items()}
better = sum(scores[name, True] > scores[name, False] for name in switches)
print(f"Presence has the higher F1 in {better} of {len(switches)} comparisons with counts.")
best = max(scores, key=scores.get)
model, p = candidates[best]
model.fit(*train)
print(f"The best in cross-validation: {best[0]}, {'presence' if best[1] else 'counts'}, F1 {scores[best]:.3f}.")

# %% [markdown]
# ## The words that speak for spam
#
# A weight is what the occurrence of a word adds to the log odds.

# %%
names, weights = model[0].get_feature_names_out(), model[-1].coef_[0]
order = np.argsort(weights)
print(f"For spam: {', '.join(names[order[:-9:-1]])}.")
print(f"Against: {', '.join(names[order[:8]])}.")
strongest = order[-1]
print(f"{names[strongest]!r} multiplies the odds of spam by {np.exp(weights[strongest]):.0f}.")

# %% [markdown]
# ## A threshold by cost
#
# A message that is lost is worse than spam that gets through. The threshold is chosen on the probabilities of the
# folds. Then the test part is asked, once.

# %%
thresholds = {}
p_test = model.predict_proba(test[0])[:, 1]
for cost in (1, 10, 100):
    cut = thresholds[cost] = metrics.choose_threshold(train[1], p, cost_false_positive=cost)
    print(f"A lost message costs {cost} times as much as missed spam: threshold {cut:.3f}.")
    for name, y, probability in (("folds", train[1], p), ("test", test[1], p_test)):
        said = probability >= cut
        print(f"    {name}: precision {metrics.precision_score(y, said):.3f}, ", end="")
        print(f"recall {metrics.recall_score(y, said):.3f}, {np.sum(said & (y == 0))} lost of {np.sum(y == 0):,}.")

# %%
figure, (a, b) = plt.subplots(1, 2, figsize=(12, 4.8), layout="constrained")
metrics.plot_precision_recall_curve(train[1], p, ax=a, name="folds")
metrics.plot_precision_recall_curve(test[1], p_test, ax=a, name="test")
for k, (cost, cut) in enumerate(thresholds.items(), start=1):
    precision, recall = metrics.precision_score(train[1], p >= cut), metrics.recall_score(train[1], p >= cut)
    a.plot(recall, precision, "ko", markersize=5)
    a.annotate(
        f"cost {cost}",
        (recall, precision),
        (-70, -55 + 14 * k),
        textcoords="offset points",
        fontsize=9,
        arrowprops={"arrowstyle": "-", "color": "0.5"},
    )
a.set(title="Precision and recall", xlim=(0.7, 1.01), ylim=(0.7, 1.01))
shown = np.r_[order[:10], order[-10:]]
b.barh([names[i].replace("$", r"\$") for i in shown], weights[shown], color=[BLUE] * 10 + [ORANGE] * 10)
b.set(title="What speaks against spam, and for it", xlabel="weight")
b.tick_params(axis="y", labelsize=8)
b.spines[["top", "right"]].set_visible(False)
figure.savefig(OUTPUT / "27_spam.png", dpi=100)
print(f"Picture: {OUTPUT / '27_spam.png'}")

# %% [markdown]
# ## Exercises
#
# 1. Learn the vocabulary from all messages, the weights from the training part. Which weight does a word of the test
#    part alone get? Does any probability change?
# 2. How much memory do the counts take as a full matrix, how much as a sparse one? Is the model the same?
# 3. Which threshold does the cost ask for if the probabilities are right? Compare it with those that were chosen.
