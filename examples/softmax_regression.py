"""Ten digits, two ways: one softmax over all classes, or ten classifiers of one class against the rest.

    python examples/softmax_regression.py [--quick]

The data are the 1,797 handwritten digits of 8 x 8 pixels that scikit-learn carries. Both models are linear, so their
weights are images too: where ink speaks for a digit and where against it. The strength of the penalty is chosen on a
validation part; the test part is looked at once, at the end. Pictures go into the folder `output` (or the one that
TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import metrics
from tinygrad_ml.models import BaselineClassifier, LogisticRegression, OneVsRest, SoftmaxRegression

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from sklearn.datasets import load_digits
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

SEED = 0


def chosen(models, training, validation):
    """Return the model of these with the highest accuracy on the validation part, fitted."""
    scores = [model.fit(*training).score(*validation) for model in models]
    return models[int(np.argmax(scores))], max(scores)


def draw_weights(models, path):
    """Draw the weights of every class as an image."""
    figure = plt.figure(figsize=(12, 3.6), layout="constrained")
    for row, (name, model) in zip(figure.subfigures(2, 1), models.items()):
        panels = tg.plot.filters(model.coef_.reshape(10, 8, 8), columns=10, figure=row)
        panels[0].set_ylabel(name)
    figure.suptitle("Weights of the pixels: ink speaks for the digit where they are purple, against it where orange")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_mistakes(x, y, read, sure, path):
    """Draw which digits are confused, and the mistakes of which the model is most sure."""
    wrong = np.flatnonzero(read != y)
    wrong = wrong[np.argsort(-sure[wrong])]
    figure = plt.figure(figsize=(13, 5.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.3))
    metrics.plot_confusion_matrix(y, read, labels=range(10), errors_only=True, ax=left.subplots())
    titles = [f"{y[i]}, read as {read[i]}\n({sure[i]:.0%} sure)" for i in wrong[:10]]
    tg.plot.images(x[wrong[:10]], titles, columns=5, cmap="gray_r", figure=right)
    right.suptitle("The most confident mistakes")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="try fewer strengths of the penalty")
    quick = parser.parse_args().quick
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    output.mkdir(parents=True, exist_ok=True)

    images, digits = load_digits(return_X_y=True)
    training, validation, (x_test, y_test) = tg.data.split(
        images / 16, digits, validation=0.2, test=0.25, stratify=digits, seed=SEED
    )
    print(f"{len(training[0])} digits to learn from, {len(validation[0])} to choose by, {len(x_test)} for the test.")
    baseline = BaselineClassifier().fit(*training).score(x_test, y_test)
    print(f"Always saying the most frequent digit reads {baseline:.1%} of them correctly.\n")

    models, right = {}, {}
    strengths = (0.1, 1.0, 10.0) if quick else (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
    for name, candidates in (
        ("softmax", [SoftmaxRegression(C=C, max_iter=1000) for C in strengths]),
        ("one-vs-rest", [OneVsRest(LogisticRegression(C=C, max_iter=1000)) for C in strengths]),
    ):
        model, score = chosen(candidates, training, validation)
        models[name], right[name] = model, model.predict(x_test) == y_test
        C = model.C if name == "softmax" else model.estimator.C
        loss = metrics.log_loss(y_test, model.predict_proba(x_test))
        print(
            f"{name}: C = {C:g} is best, with {score:.1%} of the validation part read correctly; on the test part "
            f"{right[name].mean():.1%} are, and the log loss is {loss:.4f}."
        )
    one, other = right.values()
    print(f"Of the {len(y_test)} test images only softmax reads {(one & ~other).sum()} correctly, ", end="")
    print(f"only one-vs-rest {(other & ~one).sum()}, and neither {(~one & ~other).sum()}.")

    chances = models["softmax"].predict_proba(x_test)
    read, sure = chances.argmax(axis=1), chances.max(axis=1)
    matrix = metrics.confusion_matrix(y_test, read, labels=range(10))
    np.fill_diagonal(matrix, 0)
    if matrix.any():
        true, taken = np.unravel_index(matrix.argmax(), matrix.shape)
        print(f"\nNo mistake of softmax is commoner than to read {true} as {taken}: {matrix.max()} of {matrix.sum()}.")
        print(f"It is {sure[read == y_test].mean():.0%} sure on average where it is right, ", end="")
        print(f"and {sure[read != y_test].mean():.0%} where it is wrong.")
    blank = (images == 0).all(axis=0)
    unused = abs(models["softmax"].coef_[:, blank]).max(initial=0)
    print(f"{blank.sum()} of the 64 pixels are blank in all images; the largest weight of any of them is {unused:.2g}.")

    draw_weights(models, output / "softmax_weights.png")
    draw_mistakes(x_test, y_test, read, sure, output / "softmax_mistakes.png")
    print(f"\nWeights: {output / 'softmax_weights.png'}\nMistakes: {output / 'softmax_mistakes.png'}")
    print("Try next: penalty='l1', to see which pixels are not needed; or C=1000, to see weights without much penalty.")


if __name__ == "__main__":
    main()
