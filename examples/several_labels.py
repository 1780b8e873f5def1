"""Is this digit large, and is it odd? Several labels of each image, and a class and a number in one network.

    python examples/several_labels.py [--quick]

The data are the 1,797 handwritten digits of 8 x 8 pixels that scikit-learn carries; with the flag `--quick` the
networks make fewer passes. The first part compares models with a logit for each label, a chain, in which a label sees
those before it, and guessing. The second has two heads of different kinds: which digit it is, and how much ink it has
taken. The picture goes into the folder `output` (or the one that TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import metrics
from tinygrad_ml.models import ClassifierChain, LogisticRegression, MLPClassifier, MultiHeadMLP

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from sklearn.datasets import load_digits
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

SEED = 0
NAMES = ["large", "odd", "large and odd"]


def labels_of(digits):
    """Return a column of zeros and ones for each label: 7, 8 and 9 are large."""
    large, odd = digits >= 7, digits % 2 == 1
    return np.column_stack([large, odd, large & odd]).astype(int)


def draw(images, digits, chances, path):
    """Draw images with the probabilities of their labels."""
    words = [
        f"{digit}\n" + "\n".join(f"{name} {chance:.2f}" for name, chance in zip(NAMES[:2], row))
        for digit, row in zip(digits, chances)
    ]
    figure = tg.plot.images(images, words, columns=10, cmap="gray_r")[0].figure
    figure.suptitle("Test images, and how probable it is that they are large and odd")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="make fewer passes")
    passes = 20 if parser.parse_args().quick else 60
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    output.mkdir(parents=True, exist_ok=True)

    images, digits = load_digits(return_X_y=True)
    (x, digit), _, (x_test, digit_test) = tg.data.split(
        images.astype(np.float32) / 16, digits, test=0.25, stratify=digits, seed=SEED
    )
    y, y_test = labels_of(digit), labels_of(digit_test)
    print(f"{len(x)} images to learn from, {len(x_test)} for the test. Labels: {', '.join(NAMES)}.\n")

    options = {"max_iter": passes, "tol": 0, "random_state": SEED}
    models = {
        "a logit for each label": LogisticRegression(max_iter=2000),
        "a chain": ClassifierChain(LogisticRegression(max_iter=2000)),
        "a network": MLPClassifier((128,), **options),
    }
    print(f"{'':24}{'F1 macro':>9}{'labels wrong':>14}{'images all right':>18}")
    guess = np.tile(np.round(y.mean(axis=0)).astype(int), (len(y_test), 1))
    rows = {"the commoner of both": guess}
    rows |= {name: model.fit(x, y).predict(x_test) for name, model in models.items()}
    for name, predicted in rows.items():
        f1 = metrics.f1_score(y_test, predicted, average="macro", zero_division=0)
        wrong, right = metrics.hamming_loss(y_test, predicted), metrics.accuracy_score(y_test, predicted)
        print(f"{name:24}{f1:9.4f}{wrong:14.1%}{right:18.1%}")
    impossible = {name: np.mean((p[:, 0] & p[:, 1]) != p[:, 2]) for name, p in rows.items()}
    print(
        "\nThe third label follows from the first two. A model that takes each for itself does not know that: ", end=""
    )
    print(f"{impossible['a logit for each label']:.1%} of its answers contradict themselves, ", end="")
    print(f"and {impossible['a chain']:.1%} of those of the chain.")

    ink = x.mean(axis=1), x_test.mean(axis=1)
    heads = {"digit": "classes", "ink": "number"}
    both = MultiHeadMLP((128,), heads=heads, **options).fit(x, {"digit": digit, "ink": ink[0]})
    scores = both.scores(x_test, {"digit": digit_test, "ink": ink[1]})
    print(
        f"\nTwo heads on one network: {scores['digit']:.1%} of the digits are read correctly, and R² of the ink is ",
        end="",
    )
    print(f"{scores['ink']:.3f}.")

    path = output / "several_labels.png"
    shown = np.concatenate([np.flatnonzero(digit_test == digit)[:2] for digit in range(10)])
    draw(x_test[shown], digit_test[shown], models["a network"].predict_proba(x_test[shown]), path)
    print(f"\nImages with their labels: {path}")
    print("Try next: order=[2, 0, 1] in the chain, so that the third label comes first; or a label of your own.")


if __name__ == "__main__":
    main()
