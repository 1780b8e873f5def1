"""Draw the pictures of docs/metrics.md: `python docs/make_metrics_pictures.py [folder]`; needs scikit-learn."""

import sys
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from tinygrad_ml import metrics

HERE = Path(__file__).parent / "images"


def digits():
    """Return the digits of the second half, and what a linear model of the first half makes of them."""
    x, y = load_digits(return_X_y=True)
    model = LogisticRegression(C=1e-3, max_iter=1000).fit(x[:900], y[:900])
    return y[900:], model.predict(x[900:])


def tumours():
    """Return 2,000 made-up tumours, of which about 9 % are malignant, and the probabilities of two models."""
    rng = np.random.default_rng(0)
    logits = rng.normal(-3.6, 1.9, 2000)
    y_true = rng.random(2000) < 1 / (1 + np.exp(-logits))
    return y_true, 1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(-(logits + rng.normal(0.8, 2.5, 2000))))


def confusion():
    """The digits: counts, and errors only."""
    y_true, y_pred = digits()
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
    metrics.plot_confusion_matrix(y_true, y_pred, ax=left)
    metrics.plot_confusion_matrix(y_true, y_pred, errors_only=True, ax=right)
    return figure


def curves():
    """The tumours: ROC and precision-recall, with thresholds."""
    y_true, good, noisy = tumours()
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
    for draw, ax in ((metrics.plot_roc_curve, left), (metrics.plot_precision_recall_curve, right)):
        draw(y_true, good, thresholds=(0.1, 0.3, 0.5, 0.7), ax=ax, name="right model")
        draw(y_true, noisy, ax=ax, name="noisy model")
    return figure


def bias():
    """The tumours: prediction bias in buckets, of both models."""
    y_true, good, noisy = tumours()
    figure, panels = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
    for ax, y_prob in zip(panels, (good, noisy)):
        metrics.prediction_bias(y_true, y_prob).plot(ax)
    return figure


def main():
    """Draw all of them."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in {"confusion": confusion, "curves": curves, "bias": bias}.items():
        path = folder / f"metrics-{name}.png"
        draw().savefig(path, dpi=100)
        print(path)


if __name__ == "__main__":
    main()
