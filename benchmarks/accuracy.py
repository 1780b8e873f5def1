"""How well the models do on real data that they have not seen, with the time that it takes and the seed.

    python benchmarks/accuracy.py [--quick]

Nothing is tuned on the test part: MNIST has one of its own, and the others are drawn by the seed. MNIST and Titanic are
read from the folder TINYGRAD_ML_DATA and left out without it; --quick leaves out the convolutional network.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score

import tinygrad_ml as tg
from tinygrad_ml.models import ConvNet, LogisticRegression, MLPClassifier, SoftmaxRegression
from tinygrad_ml.train import LearningRate

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
from titanic import around  # the pipeline that the example explains

DATA = Path(os.environ.get("TINYGRAD_ML_DATA", "nowhere"))
SEED = 0


def digits():
    """Return the 8 x 8 digits of scikit-learn: 80 % to learn from, 20 % for the test."""
    X, y = load_digits(return_X_y=True)
    train, _, test = tg.data.split(X.astype(np.float32) / 16, y, test=0.2, stratify=y, seed=SEED)
    return train, test


def mnist():
    """Return MNIST: 60,000 images to learn from, 10,000 for the test; pixels from 0 to 1."""
    X, y, X_test, y_test = tg.datasets.mnist()
    return (X.astype(np.float32) / 255, y), (X_test.astype(np.float32) / 255, y_test)


def flat(part):
    X, y = part
    return X.reshape(len(X), -1), y


def falling(epochs, first=1e-3):
    """Return a callback that lets the learning rate fall to nearly zero along half a cosine."""
    return LearningRate(lambda done: first * (1 + np.cos(np.pi * done / epochs)) / 2)


def digits_mlp():
    train, test = digits()
    model = MLPClassifier((256, 128), dropout=0.4, max_iter=60, tol=0, callbacks=[falling(60, 2e-3)], random_state=SEED)
    return model.fit(*train).score(*test)


def mnist_softmax():
    train, test = map(flat, mnist())
    model = SoftmaxRegression(solver="adam", learning_rate=1e-3, penalty=None, max_iter=8, tol=0, random_state=SEED)
    return model.fit(*train).score(*test)


def mnist_mlp():
    train, test = map(flat, mnist())
    model = MLPClassifier(
        (256, 128), dropout=0.2, batch_size=128, max_iter=10, tol=0, callbacks=[falling(10, 2e-3)], random_state=SEED
    )
    return model.fit(*train).score(*test)


def mnist_conv_net():
    train, test = mnist()
    model = ConvNet(
        (16, 32),
        hidden_layer_sizes=(128,),
        dropout=0.3,
        max_iter=4,
        tol=0,
        callbacks=[falling(4, 2e-3)],
        random_state=SEED,
    )
    return model.fit(*train).score(*test)


def titanic():
    passengers = tg.datasets.titanic()
    survived = passengers.pop("Survived")
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=3, random_state=SEED)
    return cross_val_score(around(LogisticRegression()), passengers, survived, cv=folds).mean()


FIGURES = [  # name, function, the least that is asked for, whether it needs the folder of data
    ("digits, MLP: accuracy on the test part", digits_mlp, 0.975, False),
    ("Titanic, logistic regression: accuracy, 3 x 10 folds", titanic, 0.80, True),
    ("MNIST, softmax regression: accuracy on the test part", mnist_softmax, 0.92, True),
    ("MNIST, MLP: accuracy on the test part", mnist_mlp, 0.982, True),
    ("MNIST, ConvNet: accuracy on the test part", mnist_conv_net, 0.99, True),
]


def main():
    quick = "--quick" in sys.argv[1:]
    print(f"{'':54}{'figure':>8}{'bar':>8}{'seconds':>9}{'seed':>6}")
    for name, figure, bar, needs_data in FIGURES:
        if (needs_data and not DATA.is_dir()) or (quick and figure is mnist_conv_net):
            print(f"{name:54}{'left out':>8}")
            continue
        start = time.perf_counter()
        value = figure()
        print(f"{name:54}{value:8.2%}{bar:8.1%}{time.perf_counter() - start:9.1f}{SEED:6}", flush=True)


if __name__ == "__main__":
    main()
