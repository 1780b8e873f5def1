"""How well the models do on real data that they have not seen, with the time that it takes and the seed.

    python benchmarks/accuracy.py [--quick]

Nothing is tuned on the test part: MNIST has one of its own, and the others are drawn by the seed. Features and
hyperparameters of spam, houses and shifts were chosen within the training part; as a test part of spam is small, the
figures of five folds of all messages stand beside those of it. Real data are read from the folder TINYGRAD_ML_DATA and
left out without it; --quick leaves out the convolutional network.
"""

import os
import sys
import time
from functools import cache, partial
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold, cross_val_predict, cross_val_score

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.models import ConvNet, DenoisingAutoencoder, LogisticRegression, MLPClassifier, SoftmaxRegression
from tinygrad_ml.train import LearningRate

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
import housing
import spam
from titanic import around  # the pipelines that the examples explain

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


def large_and_odd(train, test, **options):
    """Return F1 macro of two labels of digits, whether they are large and whether they are odd."""
    labels = [np.column_stack([y >= 7, y % 2 == 1]) for _, y in (train, test)]
    model = MLPClassifier((256, 128), dropout=0.3, tol=0, random_state=SEED, **options).fit(train[0], labels[0])
    return tg.metrics.f1_score(labels[1], model.predict(test[0]), average="macro")


def digits_labels():
    return large_and_odd(*digits(), max_iter=60, callbacks=[falling(60, 2e-3)])


def mnist_labels():
    return large_and_odd(*map(flat, mnist()), batch_size=128, max_iter=6, callbacks=[falling(6, 2e-3)])


def mnist_denoised():
    """Return R² of the pixels of images that had Gaussian noise with the standard deviation 0.4."""
    random, parts = np.random.default_rng(SEED), []
    for x, _ in map(flat, mnist()):
        clean = x[:10_000]
        parts.append((clean + random.normal(scale=0.4, size=clean.shape).astype(np.float32), clean))
    model = DenoisingAutoencoder((512,), max_iter=10, tol=0, callbacks=[falling(10, 2e-3)], random_state=SEED)
    return model.fit(*parts[0]).score(*parts[1])


def shifted(x, y):
    """Move each image of a batch by up to one pixel down or up, right or left."""
    padded = np.pad(x.numpy(), ((0, 0), (1, 1), (1, 1)))
    down, right = tg.randint(0, 3, (2, len(x))).numpy()[..., None] + np.arange(28)
    return padded[np.arange(len(x))[:, None, None], down[:, :, None], right[:, None, :]], y


def mnist_network(transform):
    """Return the accuracy of a network on the test part of MNIST, whose batches a function changes."""
    train, (X, y) = mnist()
    tg.manual_seed(SEED)
    layers = nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
    model = nn.Sequential(nn.Flatten(), *layers)
    batches = tg.data.DataLoader(train, 128, shuffle=True, seed=SEED, transform=transform)
    optimizer, loss = optim.Adam(model.parameters(), lr=2e-3), nn.CrossEntropyLoss()
    tg.train.fit(model, loss, optimizer, batches, epochs=15, callbacks=[falling(15, 2e-3)], progress=False)
    model.eval()
    with tg.no_grad():
        return tg.metrics.accuracy_score(y, model(tg.tensor(X)).numpy().argmax(axis=1))


def gain_by_shifts():
    return mnist_network(shifted) - mnist_network(None)


def titanic():
    passengers = tg.datasets.titanic()
    survived = passengers.pop("Survived")
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=3, random_state=SEED)
    return cross_val_score(around(LogisticRegression()), passengers, survived, cv=folds).mean()


@cache
def spam_on_the_test_part(kind):
    train, (table, y) = spam.parts(kind)
    return y, spam.pipeline(kind).fit(*train).predict(table)


@cache
def spam_in_folds(kind):
    table, y = spam.KINDS[kind][0]()
    return y, cross_val_predict(spam.pipeline(kind), table, y, cv=StratifiedKFold(5, shuffle=True, random_state=SEED))


def of_spam(judge, kind, score):
    return score(*judge(kind))


def houses(features_and_model):
    blocks = housing.describe(tg.datasets.california_housing())
    train, _, test = tg.data.split(blocks, test=0.2, seed=SEED)
    return housing.error(housing.fitted(*features_and_model(), train), test)


def houses_line():
    return houses(lambda: housing.line(list(housing.STEPS.values())[-1]))


def houses_network():
    return houses(lambda: housing.network(epochs=40))


def figures_of_spam():
    """Yield precision and recall of short messages and of mails, on the test part and in folds."""
    for kind, name, bars in (("short messages", "SMS spam", (0.97, 0.92)), ("mails", "SpamAssassin", (0.98, 0.95))):
        for judge, where in ((spam_on_the_test_part, "on the test part"), (spam_in_folds, "in 5 folds")):
            for score, bar in zip((tg.metrics.precision_score, tg.metrics.recall_score), bars):
                word = score.__name__.partition("_")[0]
                yield f"{name}: {word} {where}", partial(of_spam, judge, kind, score), bar, True


FIGURES = [  # name, function, the least that is asked for (of an error, the largest), whether it needs the data
    ("digits, MLP: accuracy on the test part", digits_mlp, 0.975, False),
    ("digits, large and odd, MLP: F1 macro on the test part", digits_labels, 0.965, False),
    ("Titanic, logistic regression: accuracy, 3 x 10 folds", titanic, 0.82, True),
    *figures_of_spam(),
    ("California housing, line with features: RMSE, dollars", houses_line, 60_000, True),
    ("California housing, MLP: RMSE, dollars", houses_network, 52_000, True),
    ("MNIST, softmax regression: accuracy on the test part", mnist_softmax, 0.92, True),
    ("MNIST, MLP: accuracy on the test part", mnist_mlp, 0.982, True),
    ("MNIST, large and odd, MLP: F1 macro on the test part", mnist_labels, 0.98, True),
    ("MNIST, denoised: R² of the pixels of the test part", mnist_denoised, 0.75, True),
    ("MNIST, network: accuracy gained by shifts of the images", gain_by_shifts, 0.003, True),
    ("MNIST, ConvNet: accuracy on the test part", mnist_conv_net, 0.99, True),
]


def reaches(value, bar):
    """Whether a share is at least the bar, or an error (whose bar is above 1) at most."""
    return value >= bar if bar < 1 else value <= bar


def main():
    quick = "--quick" in sys.argv[1:]
    print(f"{'':56}{'figure':>8}{'bar':>8}{'seconds':>9}{'seed':>6}")
    for name, figure, bar, needs_data in FIGURES:
        if (needs_data and not DATA.is_dir()) or (quick and figure is mnist_conv_net):
            print(f"{name:56}{'left out':>8}")
            continue
        start = time.perf_counter()
        value = figure()
        seconds = time.perf_counter() - start
        texts = f"{value:8.2%}{bar:8.1%}" if bar < 1 else f"{value:8,.0f}{bar:8,}"
        print(f"{name:56}{texts}{seconds:9.1f}{SEED:6}", flush=True)


if __name__ == "__main__":
    main()
