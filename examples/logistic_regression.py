"""Benign or malignant: logistic regression, its threshold, its errors and their cost, its penalties and solvers.

    python examples/logistic_regression.py [--quick]

The data are 569 tumours, which scikit-learn carries, with 30 measurements each. The training part is learned from, the
validation part decides the threshold and the strength of the penalty, and the test part is looked at once, at the end.
The picture goes into the folder `output` (or the one that TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import metrics
from tinygrad_ml.models import BaselineClassifier, LogisticRegression

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from sklearn.datasets import load_breast_cancer
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

SEED = 0
MISSED, ALARM = 20.0, 1.0  # what a missed malignant tumour and a false alarm cost
BLUE, ORANGE = "#0072b2", "#d55e00"  # the colour-blind can tell them apart


def solvers(x, y):
    """Let Newton's method and L-BFGS look for the same optimum."""
    print("\nTwo ways to the same optimum:")
    found = {}
    for solver in ("newton", "lbfgs"):
        model = LogisticRegression(solver=solver, tol=1e-8, max_iter=1000)
        start = time.perf_counter()
        found[solver] = model.fit(x, y)
        milliseconds = 1000 * (time.perf_counter() - start)
        loss = model.history_["loss"][-1]
        print(f"- {solver}: {model.n_iter_} iterations in {milliseconds:.0f} ms, to the loss {loss:.8f}.")
    apart = abs(found["newton"].coef_ - found["lbfgs"].coef_).max()
    print(f"No weight differs by more than {apart:.1e}.")


def penalties(ax, x, y, x_valid, y_valid, count):
    """Return the model with the penalty that the validation part prefers; draw how many weights each leaves."""
    print("\nPenalties, from strong to weak, judged by the log loss on the validation part:")
    strengths = np.logspace(-2, 2, count)
    best = {}
    for penalty, colour in (("l1", ORANGE), ("l2", BLUE)):
        losses, used = [], []
        for C in strengths:
            model = LogisticRegression(solver="newton", penalty=penalty, C=C).fit(x, y)
            losses.append(metrics.log_loss(y_valid, model.predict_proba(x_valid)))
            used.append(int((model.coef_ != 0).sum()))
        i = int(np.argmin(losses))
        best[losses[i]] = LogisticRegression(solver="newton", penalty=penalty, C=strengths[i])
        ax.plot(strengths, used, "o-", color=colour, label=penalty, linewidth=2, markersize=4)
        ax.plot(strengths[i], used[i], "o", color=colour, markersize=11, fillstyle="none")
        print(
            f"- {penalty}: from {used[0]} to {used[-1]} of {x.shape[1]} weights are not zero; the loss is least, "
            f"{losses[i]:.4f}, at C = {strengths[i]:.3g}, with {used[i]} weights."
        )
    ax.set(title="Weights that are not zero (circle: best)", xlabel="C, weak penalties on the right", xscale="log")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return best[min(best)].fit(x, y)


def judge(y, chance, threshold):
    """Say what happens at a threshold on the test part; return the cost."""
    flagged = chance >= threshold
    (kept, alarms), (missed, caught) = metrics.confusion_matrix(y, flagged).tolist()
    cost = MISSED * missed + ALARM * alarms
    print(
        f"- threshold {threshold:.3f}: {caught} of {caught + missed} malignant tumours are found, {alarms} of "
        f"{alarms + kept} benign ones are false alarms; precision {metrics.precision_score(y, flagged):.3f}, recall "
        f"{metrics.recall_score(y, flagged):.3f}, accuracy {metrics.accuracy_score(y, flagged):.3f}, cost {cost:g}."
    )
    return cost


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer strengths of the penalty")
    quick = parser.parse_args().quick
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    output.mkdir(parents=True, exist_ok=True)

    measured = load_breast_cancer()
    malignant = (measured.target == 0).astype(int)
    training, validation, test = tg.data.split(
        measured.data, malignant, validation=0.25, test=0.25, stratify=malignant, seed=SEED
    )
    mean, deviation = training[0].mean(axis=0), training[0].std(axis=0)  # of the training part only
    (x, y), (x_valid, y_valid), (x_test, y_test) = (
        ((part - mean) / deviation, labels) for part, labels in (training, validation, test)
    )
    print(f"{len(malignant)} tumours, {malignant.mean():.0%} of them malignant; {len(x)} to learn from, ", end="")
    print(f"{len(x_valid)} to choose by, {len(x_test)} for the test.")

    benign = BaselineClassifier().fit(x, y).score(x_test, y_test)
    print(f"Always saying the more frequent kind is right for {benign:.1%} of the test part.")

    figure, axes = plt.subplots(2, 3, figsize=(14, 9), layout="constrained")
    solvers(x, y)
    model = penalties(axes[0, 0], x, y, x_valid, y_valid, count=5 if quick else 17)

    # the threshold is chosen on the validation part, and judged on the test part
    cheapest = metrics.choose_threshold(
        y_valid, model.predict_proba(x_valid)[:, 1], cost_false_negative=MISSED, cost_false_positive=ALARM
    )
    cheapest = np.floor(1000 * cheapest) / 1000  # three digits are enough
    chance = model.predict_proba(x_test)[:, 1]
    print(f"\nOn the test part, if a missed tumour costs {MISSED:g} and a false alarm {ALARM:g}:")
    plain, cheap = judge(y_test, chance, 0.5), judge(y_test, chance, cheapest)
    words = "saves" if cheap < plain else "would have cost" if cheap > plain else "changes nothing:"
    print(f"The threshold that the validation part chose {words} {abs(plain - cheap):g}.")
    area = metrics.roc_auc_score(y_test, chance)
    print(f"A malignant tumour gets a higher probability than a benign one in {area:.2%} of all pairs (AUC); ", end="")
    print(f"average precision {metrics.average_precision_score(y_test, chance):.4f}.")

    names = ["benign", "malignant"]
    marks = (0.5, cheapest)
    metrics.plot_roc_curve(y_test, chance, thresholds=marks, ax=axes[0, 1], name="test part")
    metrics.plot_precision_recall_curve(y_test, chance, thresholds=marks, ax=axes[0, 2], name="test part")
    for ax, threshold in ((axes[1, 0], 0.5), (axes[1, 1], cheapest)):
        metrics.plot_confusion_matrix(y_test, (chance >= threshold).astype(int), display_labels=names, ax=ax)
        ax.set_title(f"Threshold {threshold:.3f}, test part")
    bias = metrics.prediction_bias(y_test, chance, n_bins=5, strategy="uniform")
    bias.plot(axes[1, 2])
    worst = int(np.nanargmax(abs(bias.bias)))
    print(
        f"\nThe mean probability is {bias.overall:+.4f} away from the share of malignant tumours. The bucket from ",
        end="",
    )
    print(f"{bias.edges[worst]:.1f} to {bias.edges[worst + 1]:.1f} is furthest off: {bias.bias[worst]:+.3f} ", end="")
    print(f"for {bias.count[worst]} tumours.")

    figure.savefig(output / "logistic_regression.png", dpi=110)
    strongest = np.argsort(-abs(model.coef_[0]))[:3]
    print(
        f"The largest weights: {', '.join(f'{measured.feature_names[i]} {model.coef_[0, i]:+.2f}' for i in strongest)}."
    )
    print(f"\nSix pictures: {output / 'logistic_regression.png'}")
    print("Try next: MISSED = 1 or 200 at the top of this file; class_weight='balanced' in LogisticRegression.")


if __name__ == "__main__":
    main()
