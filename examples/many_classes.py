"""Many classes: one softmax or a classifier for each, and steps that look at a few of 100,000 classes.

    python examples/many_classes.py [--quick]

The first part gives softmax regression and one-vs-rest the same number of passes over the same data of 100 classes. The
second measures what a gradient step costs with all classes and with 64 that are drawn (candidate sampling), and
whether the model that has seen so few ranks the classes as the full one does. The data are drawn; it takes two minutes,
with `--quick` some seconds. The picture goes into the folder `output` (or the one that TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import optim
from tinygrad_ml.models import LogisticRegression, OneVsRest, SoftmaxRegression

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

SEED = 0
FEATURES = 16
SAMPLED = 64
BATCH = 128


def data(n_classes, n, n_test, noise):
    """Return samples around a centre for each class, to learn from and for the test."""
    random = np.random.default_rng(SEED)
    centres = random.normal(size=(n_classes, FEATURES))
    y = np.concatenate([np.arange(n_classes), random.integers(n_classes, size=n + n_test - n_classes)])
    x = (centres[y] + noise * random.normal(size=(len(y), FEATURES))).astype(np.float32)
    return (x[:n], y[:n]), (x[n:], y[n:])


# ---------------------------------------------------------------------- softmax or one-vs-rest


def compare_passes(quick):
    """Return the accuracy and the seconds of softmax and one-vs-rest after some numbers of passes."""
    n_classes, passes = (30, (1, 2, 4, 8)) if quick else (100, (1, 2, 4, 8, 16))
    training, test = data(n_classes, 40 * n_classes, 2000, noise=0.7)
    print(f"{n_classes} classes, {len(training[0])} samples: the part of the test that is classified correctly\n")
    print(f"{'passes':>8}{'softmax':>14}{'one-vs-rest':>22}")
    found = {"softmax": [], "one-vs-rest": []}
    for count in passes:
        options = {"solver": "adam", "max_iter": count, "tol": 0, "random_state": SEED}
        for name, model in (
            ("softmax", SoftmaxRegression(**options)),
            ("one-vs-rest", OneVsRest(LogisticRegression(**options))),
        ):
            start = time.perf_counter()
            model.fit(*training)
            seconds = time.perf_counter() - start
            found[name].append((count, model.score(*test), seconds))
        (_, one, first), (_, other, second) = found["softmax"][-1], found["one-vs-rest"][-1]
        print(f"{count:8}{one:9.1%} ({first:5.2f} s){other:12.1%} ({second:6.2f} s)")
    return found


# ---------------------------------------------------------------------- candidate sampling


def full_step(n_classes, training, steps=3):
    """Return the milliseconds of a gradient step that looks at all classes."""
    model = SoftmaxRegression().build(FEATURES, n_classes).to(np.float32)
    optimizer = optim.Adam(model.parameters(), lr=0.03)
    times = []
    for i in range(steps):
        x, y = (part[i * BATCH : (i + 1) * BATCH] for part in training)
        start = time.perf_counter()
        optimizer.zero_grad()
        model.criterion(model(tg.tensor(x)), y).backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def sampled_model(training, passes, **options):
    """Return a model whose steps look at the classes of the batch and at a few others, and the time of a step in ms."""
    model = SoftmaxRegression(sampled=SAMPLED, batch_size=BATCH, max_iter=passes, random_state=SEED, **options)
    model.fit(*training)
    steps = -(-len(training[0]) // BATCH)
    return model, 1000 * min(model.history_["seconds"]) / steps


def compare_steps(sizes, passes):
    """Return the milliseconds of full and of sampled steps for numbers of classes."""
    print(
        f"\nA step on {BATCH} samples, in milliseconds, and the accuracy after {passes} passes with {SAMPLED} drawn\n"
    )
    print(f"{'classes':>9}{'all classes':>13}{'sampled':>9}{'accuracy':>10}{'guessing':>10}")
    found = []
    for n_classes in sizes:
        training, test = data(n_classes, max(4 * n_classes, 10_000), 1000, noise=0.35)
        full = full_step(n_classes, training)
        model, sampled = sampled_model(training, passes, tol=0)
        found.append((n_classes, full, sampled))
        print(f"{n_classes:9,}{full:13.2f}{sampled:9.2f}{model.score(*test):10.1%}{1 / n_classes:10.3%}")
    return found


def compare_rankings(n_classes, passes):
    """Say how alike a sampled and a full softmax rank the classes."""
    training, test = data(n_classes, 10 * n_classes, 500, noise=0.6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that both could go on
        few, _ = sampled_model(training, passes)
        full = SoftmaxRegression(max_iter=40).fit(*training)
    ranks = [np.argsort(np.argsort(model.decision_function(test[0]), axis=1), axis=1) for model in (few, full)]
    together = np.mean([np.corrcoef(*pair)[0, 1] for pair in zip(*ranks)])
    same = np.mean(few.predict(test[0]) == full.predict(test[0]))
    print(f"\n{n_classes} classes, fitted with all of them and with {SAMPLED} drawn: the accuracy is", end=" ")
    print(f"{full.score(*test):.1%} and {few.score(*test):.1%}, the first class the same for {same:.1%} of the test,")
    print(f"and the rank correlation of all classes {together:.3f}.")


def draw(passes, steps, path):
    """Draw the accuracy against the passes, and the time of a step against the number of classes."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for (name, rows), style in zip(passes.items(), ("o-", "s--")):
        count, accuracy, _ = zip(*rows)
        left.plot(count, accuracy, style, label=name)
    left.set(xscale="log", xlabel="passes over the data", ylabel="accuracy on the test", title="Equal passes")
    left.set_xticks(count, count)
    left.minorticks_off()
    n_classes, full, sampled = zip(*steps)
    right.plot(n_classes, full, "o-", label="all classes")
    right.plot(n_classes, sampled, "s--", label=f"{SAMPLED} drawn")
    right.set(xscale="log", yscale="log", xlabel="classes", ylabel="milliseconds", title="A gradient step")
    for axes in (left, right):
        axes.legend()
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer classes and passes")
    quick = parser.parse_args().quick
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    output.mkdir(parents=True, exist_ok=True)

    passes = compare_passes(quick)
    one, other = passes["softmax"][-1], passes["one-vs-rest"][-1]
    times = other[2] / one[2]
    print(f"\nFor the same passes softmax takes 1/{times:.0f} of the time: it is one model, whose classes share a")
    print("denominator; one-vs-rest is a model for each, which does not know of the others.")
    steps = compare_steps(*(((1000, 4000), 5) if quick else ((1000, 10_000, 100_000), 12)))
    compare_rankings(*((300, 50) if quick else (1000, 100)))

    path = output / "many_classes.png"
    draw(passes, steps, path)
    print(f"\nAccuracies and times: {path}")
    print("Try next: SAMPLED = 16; or classes of which some are a hundred times as frequent as others.")


if __name__ == "__main__":
    main()
