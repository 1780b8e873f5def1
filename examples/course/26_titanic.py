# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 26. The Titanic: from a table to a judgement
#
# A table has gaps, words and numbers of different sizes; a model wants numbers. And at the end stands a judgement:
# which model is better, and by more than luck?
#
# The data: 891 passengers of the Titanic, and who survived.

# %%
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline

import tinygrad_ml as tg
from tinygrad_ml.features import Columns, Cross, Impute, Log, OneHot, Scale
from tinygrad_ml.models import BaselineClassifier, LogisticRegression, MLPClassifier

QUICK = "--quick" in sys.argv
OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Look first
#
# Numbers of passengers, names and tickets would be learned by heart, so they go.

# %%
passengers = tg.datasets.titanic()
print(tg.data.report(passengers, target="Survived"))
survived = passengers.pop("Survived").to_numpy()
by_sex = {sex: survived[passengers["Sex"] == sex].mean() for sex in ("female", "male")}
print(f"{survived.mean():.1%} survived: {by_sex['female']:.0%} of the women and {by_sex['male']:.0%} of the men.")
old = survived[passengers["Age"].isna()].mean()
print(f"Of those without an age {old:.0%} survived, of the others {survived[passengers['Age'].notna()].mean():.0%}.")

# %% [markdown]
# ## From columns to features
#
# Gaps in the ages are filled with the median, which is learned from the training rows only, as are mean and scale.
# Fares are skewed, so take their logarithm. Words become columns of zeros and ones. Crosses say what a sum of weights
# cannot: that class counted for women more than for men, and childhood for boys only.

# %%
COLUMNS = {
    "Age": [Impute("median"), Scale()],
    "Fare": [Log(), Scale()],
    ("SibSp", "Parch"): Scale(),
    ("Sex", "Pclass", "Embarked"): OneHot(),
}
features = Columns(COLUMNS)
matrix = features.fit_transform(passengers)
print(f"{passengers.shape[1]} columns of a table became {matrix.shape[1]} features: ", end="")
print(f"{', '.join(features.get_feature_names_out())}.")
passengers["Child"] = passengers["Age"] < 13  # where the age is unknown, a grown-up
CROSSED = COLUMNS | {("Sex", "Pclass"): Cross(), ("Sex", "Child"): Cross()}
print(f"With crosses there are {Columns(CROSSED).fit_transform(passengers).shape[1]}.")

# %% [markdown]
# ## Cross-validation
#
# All of it, filling and scaling too, is learned anew without the fold that judges. Ten folds, and these three times
# with other folds, give thirty accuracies for each model.

# %%
network = MLPClassifier((32,), learning_rate=3e-3, alpha=1e-2, max_iter=15 if QUICK else 40, tol=0, random_state=0)
folds = RepeatedStratifiedKFold(n_splits=5 if QUICK else 10, n_repeats=1 if QUICK else 3, random_state=0)
models = {
    "nobody survives": BaselineClassifier(),
    "sex alone": make_pipeline(Columns({"Sex": OneHot()}), LogisticRegression()),
    "logistic regression": make_pipeline(Columns(COLUMNS), LogisticRegression()),
    "with crosses": make_pipeline(Columns(CROSSED), LogisticRegression()),
    "network": make_pipeline(Columns(COLUMNS), network),
}
right = {name: cross_val_score(model, passengers, survived, cv=folds) for name, model in models.items()}
for name, shares in right.items():
    print(f"{name}: {shares.mean():.1%} are judged correctly, from {shares.min():.1%} to {shares.max():.1%} in a fold.")

# %% [markdown]
# ## A judgement
#
# The accuracies of a fold vary for all models together: some folds are hard. So compare fold by fold. Folds of one
# table share their training rows, so the usual standard error is too small; Nadeau and Bengio ("Inference for the
# generalization error", 2003) add the ratio of test to training rows.


# %%
def compare(better, worse):
    """Say whether one model beats another by more than luck."""
    difference = right[better] - right[worse]
    k = len(difference)
    error = np.sqrt(difference.var(ddof=1) * (1 / k + 1 / ((5 if QUICK else 10) - 1)))
    verdict = "more than luck" if abs(difference.mean()) > 2 * error else "it may be luck"
    print(f"{better} against {worse}: {100 * difference.mean():+.1f} ± {100 * error:.1f} points: {verdict}.")


compare("sex alone", "nobody survives")
compare("logistic regression", "sex alone")
compare("network", "logistic regression")
compare("with crosses", "logistic regression")
compare("network", "with crosses")

# %% [markdown]
# Where two models do as well, take the one that one can read. A weight says by how much the log odds of survival
# change.

# %%
simple = models["with crosses"].fit(passengers, survived)
weights, names = simple[-1].coef_[0], simple[0].get_feature_names_out()
order = np.argsort(weights)
print(f"{names[order[-1]]} speaks most for survival ({weights[order[-1]]:+.2f}), ", end="")
print(f"{names[order[0]]} most against it ({weights[order[0]]:+.2f}).")

# %%
figure, (left, right_ax) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
for k, shares in enumerate(right.values()):
    spread = np.random.default_rng(0).uniform(-0.15, 0.15, len(shares))
    left.plot(shares, k + spread, "o", color="#0072b2", alpha=0.35)
    left.plot(shares.mean(), k, "|", color="black", markersize=28, markeredgewidth=2)
left.set_yticks(range(len(right)), right)
left.set(title="Accuracy in each fold, and the mean", xlabel="accuracy")
right_ax.barh(names[order], weights[order], color=np.where(weights[order] > 0, "#0072b2", "#d55e00"))
right_ax.set(title="With crosses: what speaks for survival", xlabel="weight (change of the log odds)")
for ax in (left, right_ax):
    ax.spines[["top", "right"]].set_visible(False)
figure.savefig(OUTPUT / "26_titanic.png", dpi=100)
print(f"Picture: {OUTPUT / '26_titanic.png'}")

# %% [markdown]
# ## Exercises
#
# 1. Without a penalty, what are the bias and the weight of a logistic regression that sees the sex alone?
# 2. Give the models a column that says whether the age is known (`Impute("median", flag=True)`). Does it help?
# 3. Add 100 columns of random numbers. What do the accuracies on known passengers and in the folds say?
