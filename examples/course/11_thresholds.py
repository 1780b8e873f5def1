# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
# ---

# %% [markdown]
# # 11. Thresholds: from a probability to a decision
#
# A logistic regression gives a probability. A doctor has to decide. Where to cut depends on what the errors cost, and
# every threshold has four counts: true positives, false positives, false negatives, true negatives.
#
# They are written in a confusion matrix. Beware: some books have the *true* classes in the rows (so does this library,
# as scikit-learn), others the *predicted* ones.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

import tinygrad_ml as tg
from tinygrad_ml import metrics
from tinygrad_ml.models import LogisticRegression

OUTPUT = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
OUTPUT.mkdir(parents=True, exist_ok=True)
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"

# %% [markdown]
# ## Accuracy can fool you
#
# 100 tumours, 9 of them malignant. A model finds one of the nine and raises one false alarm. Another model says
# "benign" to everybody. Both are right for 91.

# %%
truth = np.repeat([1, 0], [9, 91])
model_says = np.concatenate([[1], np.zeros(8), [1], np.zeros(90)]).astype(int)
print(f"Rows true, columns predicted:\n{metrics.confusion_matrix(truth, model_says)}")
for name, said in (("the model", model_says), ("always benign", np.zeros(100, int))):
    print(
        f"{name}: accuracy {metrics.accuracy_score(truth, said):.2f}, "
        f"precision {metrics.precision_score(truth, said, zero_division=0):.2f}, "
        f"recall {metrics.recall_score(truth, said):.2f}."
    )

# %% [markdown]
# Precision: of those called malignant, how many are? Recall: of the malignant ones, how many are found? F1 is the
# harmonic mean of the two.
#
# ## A real screening
#
# 569 tumours; the malignant ones are the positive class here. The threshold is chosen on validation data, and judged on
# test data.

# %%
data = load_breast_cancer()
X, y = data.data[:, :5], (data.target == 0).astype(int)  # five measurements only, so that there are errors to weigh
train, valid, test = tg.data.split(X, y, validation=0.3, test=0.3, stratify=y, seed=0)
model = LogisticRegression().fit(*train)
p_valid, p_test = (model.predict_proba(part[0])[:, 1] for part in (valid, test))
auc = metrics.roc_auc_score(test[1], p_test)
print(f"AUC: {auc:.3f}. So a malignant tumour gets the higher score in {auc:.1%} of all pairs with a benign one:")
sick, healthy = p_test[test[1] == 1], p_test[test[1] == 0]
counted = np.mean((sick[:, None] > healthy) + 0.5 * (sick[:, None] == healthy))
print(f"counted over {len(sick) * len(healthy):,} pairs it is {counted:.3f}.")

# %% [markdown]
# ## The AUC sees the ranking only
#
# Any monotone map of the scores leaves it as it is: it does not see whether probabilities are right, nor a threshold.

# %%
same = [metrics.roc_auc_score(test[1], f(p_test)) for f in (np.sqrt, np.log, lambda p: 100 * p - 7)]
print(f"AUC of the square root, the logarithm, and 100 p - 7: {np.array(same).round(3)}.")

# %% [markdown]
# ## Moving the threshold
#
# Up: fewer false alarms, more missed. `choose_threshold` finds the cheapest one for given costs.

# %%
for cost in (1, 10, 100):
    cut = metrics.choose_threshold(valid[1], p_valid, cost_false_negative=cost)
    said = (p_test >= cut).astype(int)
    (tn, fp), (fn, tp) = metrics.confusion_matrix(test[1], said)
    print(
        f"If a missed tumour costs {cost} false alarms: threshold {cut:.3f}; {fp} false alarms, {fn} missed "
        f"of {fn + tp}; "
        f"precision {metrics.precision_score(test[1], said):.2f}, recall {metrics.recall_score(test[1], said):.2f}."
    )
fpr, tpr, cuts = metrics.roc_curve(test[1], p_test)
nearest = int(np.argmin(fpr**2 + (1 - tpr) ** 2))
print(
    f"The ROC point nearest to the corner (0, 1): threshold {cuts[nearest]:.3f}, {tpr[nearest]:.0%} "
    f"found, {fpr[nearest]:.0%} false alarms."
)

# %% [markdown]
# ## Separated, overlapping, rare
#
# Three kinds of data. Where the scores do not overlap, any threshold between them is perfect. Where they do, each one
# is a compromise. And where the positives are rare, a small false positive rate is still many false alarms: the ROC
# curve stays as it was, the precision falls.

# %%
random = np.random.default_rng(0)
kinds = {
    "separated": (np.append(random.normal(0.2, 0.05, 500), random.normal(0.8, 0.05, 500)), np.repeat([0, 1], 500)),
    "overlapping": (np.append(random.normal(0.4, 0.12, 500), random.normal(0.6, 0.12, 500)), np.repeat([0, 1], 500)),
    "rare": (np.append(random.normal(0.4, 0.12, 5000), random.normal(0.6, 0.12, 50)), np.repeat([0, 1], [5000, 50])),
}
for name, (score, label) in kinds.items():
    said = (score >= 0.5).astype(int)
    print(
        f"{name}: AUC {metrics.roc_auc_score(label, score):.2f}; at 0.5 recall "
        f"{metrics.recall_score(label, said):.2f}, "
        f"precision {metrics.precision_score(label, said):.2f}."
    )

# %%
figure, axes = plt.subplots(2, 3, figsize=(13, 7.6), layout="constrained")
metrics.plot_confusion_matrix(
    test[1], (p_test >= 0.5).astype(int), display_labels=["benign", "malignant"], ax=axes[0, 0]
)
axes[0, 0].set_title("Threshold 0.5")
metrics.plot_roc_curve(test[1], p_test, ax=axes[0, 1])
axes[0, 1].plot(fpr[nearest], tpr[nearest], "D", color=ORANGE, label="nearest to the corner")
axes[0, 1].set_title("ROC curve")
axes[0, 1].legend(fontsize=9)
metrics.plot_precision_recall_curve(test[1], p_test, ax=axes[0, 2])
axes[0, 2].set_title("Precision and recall")
for ax, (name, (score, label)) in zip(axes[1], kinds.items()):
    tg.plot.scores(label, score, threshold=0.5, ax=ax)
    ax.set(title=name, xlabel="score")
figure.savefig(OUTPUT / "11_thresholds.png", dpi=95)
print(f"Picture: {OUTPUT / '11_thresholds.png'}")

# %% [markdown]
# ## Exercises
#
# 1. From the counts 1, 1, 8, 90 (TP, FP, FN, TN) compute accuracy, precision, recall and F1 by hand.
# 2. A test finds 99 % of the sick and alarms 1 % of the healthy. One in a thousand is sick. What is the precision?
# 3. Which threshold has the best F1 on the validation part, and what is it worth on the test part?
