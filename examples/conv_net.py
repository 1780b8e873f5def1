"""Read handwritten digits with a convolutional network, and look at what it has learned to see.

    python examples/conv_net.py [--quick]

The network learns from the 60,000 images of `tg.datasets.mnist()`, which takes some minutes, or, where they are neither
on the machine nor to be had, from the small ones that scikit-learn carries, which takes seconds. The training is
written into a file after every epoch: stop it with Ctrl-C and run it again, and it goes on. Pictures go into the folder
`output` (or the one that TINYGRAD_ML_OUTPUT names).
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.models import BaselineClassifier, ConvNet
from tinygrad_ml.train import Checkpoint, LearningRate

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from sklearn.datasets import load_digits
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

SEED = 0

# ---------------------------------------------------------------------- data


def load(quick):
    """Return the name of the data, and images from 0 to 1 with labels, to learn from and to be judged on."""
    try:
        x, y, x_test, y_test = tg.datasets.mnist()
    except (FileNotFoundError, ImportError):
        images, labels = load_digits(return_X_y=True)
        images = images.reshape(-1, 8, 8).astype(np.float32) / 16
        (x, y), _, (x_test, y_test) = tg.data.split(images, labels, test=0.2, stratify=labels, seed=SEED)
        return "digits", x, y, x_test, y_test
    if quick:
        x, y, x_test, y_test = x[:2000], y[:2000], x_test[:1000], y_test[:1000]
    return "MNIST", x.astype(np.float32) / 255, y, x_test.astype(np.float32) / 255, y_test


# ---------------------------------------------------------------------- pictures


def draw_sight(net, image, path):
    """Draw the filters of the first layer, and what each of them answers to one image."""
    convolution, normalisation = net.layers_[:2]
    filters = convolution.weight.numpy()[:, 0] * normalisation.weight.numpy()[:, None, None]
    with tg.no_grad():
        answers = net.eval().layers_[:3](tg.tensor(image[None, None])).numpy()[0]
    figure = plt.figure(figsize=(11, 4.6), layout="constrained")
    left, middle, right = figure.subfigures(1, 3, width_ratios=[1, 2, 2])
    tg.plot.images(image, cmap="gray_r", figure=left)
    tg.plot.filters(filters, columns=4, figure=middle)
    tg.plot.images(answers, titles=range(len(answers)), cmap="gray_r", columns=4, figure=right)
    left.suptitle("An image")
    middle.suptitle("Filters of the first layer\n(purple adds, orange takes away)")
    right.suptitle("Where they find their pattern\n")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_errors(x, y, read, sure, path):
    """Draw the images that are read wrongly, first those where the network is most sure; at most 32."""
    wrong = np.flatnonzero(read != y)
    wrong = wrong[np.argsort(-sure[wrong])][:32]
    titles = [f"{y[i]}, read as {read[i]}\n({sure[i]:.0%} sure)" for i in wrong]
    figure = tg.plot.images(x[wrong], titles, columns=8, cmap="gray_r")[0].figure
    figure.suptitle("Test images that are read wrongly, the most confident mistakes first")
    figure.savefig(path, dpi=120)
    plt.close(figure)


# ---------------------------------------------------------------------- the whole story


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="learn from few images, for few epochs")
    quick = parser.parse_args().quick
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))

    data, x, y, x_test, y_test = load(quick)
    epochs = {"MNIST": 4 if quick else 8, "digits": 10 if quick else 40}[data]
    print(f"{data}: {len(x)} images to learn from (a tenth of them only to watch), {len(x_test)} for the test.")

    # the learning rate falls along half a cosine; the file keeps the training, so that it can go on
    file = output / f"conv_net_{data}{'_quick' * quick}.npz".lower()
    falling = LearningRate(lambda epoch: 2e-3 + 2e-3 * np.cos(np.pi * epoch / epochs))
    net = ConvNet(
        channels=(16, 32),
        hidden_layer_sizes=(64,),
        dropout=0.3,
        batch_norm=True,
        batch_size=128,
        max_iter=epochs,
        early_stopping=True,  # keeps the weights that did best on the tenth to watch
        callbacks=[falling, Checkpoint(file, resume=True)],
        random_state=SEED,
        verbose=sys.stderr.isatty(),
    )
    if file.exists():
        print(f"Going on from {file}; remove it to begin anew.")
    net.fit(x, y)
    print(f"\n{tg.nn.summary(net, x[:1])}\n")

    history = net.history_
    epoch, loss = history.best()
    seconds = sum(history["seconds"])
    print(f"{len(history.epochs)} epochs took {seconds:.0f} seconds, {seconds / len(history.epochs):.1f} for each.")
    print(f"The loss on the images to watch was least after epoch {epoch}, {loss:.4f}; the weights are those.")

    with tg.no_grad():
        silent = ~(net.layers_[:3](tg.tensor(x_test[:500, None])).numpy() > 0.01).any(axis=(0, 2, 3))
    print(f"Filters of the first layer that hardly answer to any image: {silent.sum()} of {len(silent)}.")

    chances = net.predict_proba(x_test)
    read, sure = chances.argmax(axis=1), chances.max(axis=1)
    errors = int((read != y_test).sum())
    print(f"{1 - errors / len(y_test):.2%} of the test images are read correctly; {errors} of {len(y_test)} are not.")
    baseline = BaselineClassifier().fit(x, y).score(x_test, y_test)
    print(f"Always saying the most frequent digit would read {baseline:.1%} correctly.")
    if errors:
        matrix = tg.metrics.confusion_matrix(y_test, read, labels=range(10))
        np.fill_diagonal(matrix, 0)
        true, taken = np.unravel_index(matrix.argmax(), matrix.shape)
        print(f"No mistake is commoner than to read {true} as {taken}: {matrix.max()} times.")
        low = np.percentile(sure, 5)
        caught = (sure[read != y_test] <= low).mean()
        print(f"The 5% of the images of which it is least sure ({low:.0%} or less) have {caught:.0%} of its errors.")

    ax = history.plot()
    ax.set(title=f"ConvNet on {data}: {1 - errors / len(y_test):.2%} of the test images right")
    drawn = ("loss", "filters", "errors") if errors else ("loss", "filters")
    pictures = {what: output / f"conv_net_{what}.png" for what in drawn}
    ax.figure.savefig(pictures["loss"], dpi=120)
    draw_sight(net, x_test[0], pictures["filters"])
    if errors:
        draw_errors(x_test, y_test, read, sure, pictures["errors"])
    print("\n" + "\n".join(f"{what.capitalize()}: {path}" for what, path in pictures.items()))
    try:
        tg.draw(net, x[:1], path=output / "conv_net_graph.svg", backward=False)
        print(f"Graph of the network: {output / 'conv_net_graph.svg'}")
    except RuntimeError as without_dot:
        print(f"No picture of the network: {without_dot}")
    print("\nTry next: batch_norm=False, channels=(32, 64) or kernel_size=5 in ConvNet, with another output folder.")


if __name__ == "__main__":
    main()
