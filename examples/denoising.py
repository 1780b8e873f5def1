"""Clean noisy handwritten digits: a network with an output for each pixel, which is a number or one of many classes.

    python examples/denoising.py [--quick]

The network learns from 20,000 images of `tg.datasets.mnist()`, which takes two minutes, or, where they are neither on
the machine nor to be had, from the small ones that scikit-learn carries. Two variants are compared on images that
neither has seen: each clean pixel is a number (regression), or a label that has one of several values of grey
(classification with many outputs). The picture goes into the folder `output` (or the one that TINYGRAD_ML_OUTPUT
names).
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml.models import DenoisingAutoencoder

try:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from sklearn.datasets import load_digits
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")

SEED = 0
NOISE = 0.4  # its standard deviation; pixels are from 0 to 1
LEVELS = 9  # of grey, for pixels that are classes: 784 pixels of 256 values each would be 200,704 outputs


def load(quick):
    """Return the name of the data, and clean images from 0 to 1, to learn from and to be judged on."""
    try:
        x, _, x_test, _ = tg.datasets.mnist()
    except (FileNotFoundError, ImportError):
        images = load_digits().images.astype(np.float32) / 16
        x, _, x_test = tg.data.split(images, test=0.25, seed=SEED)
        return "digits", x, x_test
    n, n_test = (2000, 500) if quick else (20_000, 2000)
    return "MNIST", x[:n].astype(np.float32) / 255, x_test[:n_test].astype(np.float32) / 255


def with_noise(images, seed):
    """Return images with Gaussian noise in every pixel."""
    noise = np.random.default_rng(seed).normal(scale=NOISE, size=images.shape)
    return images + noise.astype(np.float32)


def error(cleaned, clean):
    """Return the mean squared error of the pixels."""
    return float(np.mean((cleaned - clean) ** 2))


def draw(rows, errors, path):
    """Draw a row of images for each stage: noisy, cleaned in each way, true."""
    images = np.clip(np.concatenate(list(rows.values())), 0, 1)
    columns = len(images) // len(rows)
    panels = tg.plot.images(images, columns=columns, cmap="gray_r")
    for panel, name in zip(panels[::columns], rows):
        label = name if name not in errors else f"{name}\n({errors[name]:.4f})"
        panel.set_ylabel(label, rotation=0, ha="right", va="center")
    figure = panels[0].figure
    figure.suptitle("Digits that the networks have not seen, and the mean squared error of their pixels")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="learn from fewer images, in fewer passes")
    quick = parser.parse_args().quick
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    output.mkdir(parents=True, exist_ok=True)

    name, clean, clean_test = load(quick)
    noisy, noisy_test = with_noise(clean, 1), with_noise(clean_test, 2)
    print(f"{len(clean)} images of {name} to learn from, {len(clean_test)} for the test, with noise of {NOISE}.\n")

    passes = 10 if quick else 30
    options = {"max_iter": passes, "tol": 0, "random_state": SEED}
    errors = {"noisy": error(noisy_test, clean_test)}
    print(
        f"The mean squared error of the pixels is {errors['noisy']:.4f} with the noise; of the mean image, which ",
        end="",
    )
    print(f"looks at nothing, {error(clean.mean(axis=0), clean_test):.4f}.")

    numbers = DenoisingAutoencoder((512,), **options).fit(noisy, clean)
    rows = {"noisy": noisy_test, "as numbers": numbers.predict(noisy_test)}
    errors["as numbers"] = error(rows["as numbers"], clean_test)
    print(f"Pixels as numbers: {errors['as numbers']:.4f}, R² {numbers.score(noisy_test, clean_test):.3f}.")

    # a class for each pixel: the step of grey that it is in
    steps = np.round(clean * (LEVELS - 1)).astype(np.uint8)
    classes = DenoisingAutoencoder((512,), pixels="classes", **options).fit(noisy, steps)
    chances = classes.predict_proba(noisy_test)
    rows["as classes"] = classes.predict(noisy_test) / np.float32(LEVELS - 1)
    rows["their mean"] = chances @ (classes.levels_ / np.float32(LEVELS - 1))
    errors |= {way: error(rows[way], clean_test) for way in ("as classes", "their mean")}
    right = np.mean(classes.predict(noisy_test) == np.round(clean_test * (LEVELS - 1)))
    print(f"Pixels as classes, {LEVELS} steps of grey: {errors['as classes']:.4f}; {right:.1%} of them are right.")
    print(f"The same network, but the mean of the steps by their probability: {errors['their mean']:.4f}.")
    print(
        "\nA class that is wrong by one step counts as much as one that is wrong by all; numbers know how far off they"
    )
    print("are, and the network has an output for each pixel in place of one for each of its values: ", end="")
    sizes = [model.layers_[-1].out_features for model in (numbers, classes)]
    print(f"{sizes[0]:,} in place of {sizes[1]:,}.")

    rows["true"] = clean_test
    path = output / "denoised_digits.png"
    draw({way: images[:10] for way, images in rows.items()}, errors, path)
    print(f"\nNoisy, cleaned and true digits: {path}")
    print("Try next: NOISE = 0.8; or a single row of pixels that is covered, in place of noise.")


if __name__ == "__main__":
    main()
