"""Draw the pictures of docs/plots.md and docs/data.md: `python docs/make_plot_pictures.py`; needs scikit-learn."""

import sys
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.models import ConvNet, LogisticRegression, MLPClassifier, SoftmaxRegression

HERE = Path(__file__).parent / "images"
COLOURS = 160  # of a committed picture


def boundary():
    """Two classes around one another, and three species of iris."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.4, 4), layout="constrained")
    X = np.random.default_rng(0).normal(size=(300, 2))
    y = np.where(np.hypot(*X.T) < 1, "inside", "outside")
    tg.plot.decision_boundary(MLPClassifier((16,), learning_rate=0.01, random_state=0).fit(X, y), X, y, ax=left)
    iris = load_iris(as_frame=True)
    X, y = iris.data[["petal length (cm)", "petal width (cm)"]], iris.target_names[iris.target]
    tg.plot.decision_boundary(SoftmaxRegression().fit(X, y), X, y, ax=right)
    return figure


def surface():
    """A curved valley with the path of gradient descent, and the loss around a network."""

    def loss(w, b):
        return (1 - w) ** 2 + 10 * (b - w**2) ** 2

    p = tg.tensor([-1.0, 1.5], requires_grad=True)
    optimizer = tg.optim.SGD([p], lr=0.01, momentum=0.8)
    path = [p.numpy().copy()]
    for _ in range(50):
        optimizer.zero_grad()
        loss(p[0], p[1]).backward()
        optimizer.step()
        path.append(p.numpy().copy())
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    tg.plot.loss_surface(loss, (-1.5, 1.5), (-0.5, 2), path=path, ax=left)
    X, y = load_digits(return_X_y=True)
    model, criterion = MLPClassifier((16,), max_iter=20, random_state=0).fit(X / 16, y), nn.CrossEntropyLoss()
    x = tg.tensor((X[:300] / 16).astype(np.float32))
    tg.plot.loss_surface(lambda: criterion(model(x), y[:300]), model, ax=right)
    return figure


def filters():
    """A convolution that reads digits."""
    X, y = load_digits(return_X_y=True)
    images = X.reshape(-1, 8, 8) / 16
    net = ConvNet(channels=(8,), max_iter=10, random_state=0).fit(images, y)
    figure = plt.figure(figsize=(10, 3), layout="constrained")
    left, right = figure.subfigures(1, 2)
    tg.plot.filters(net, figure=left)
    tg.plot.activations(net, images[:1, None], layers=["layers_.0", "layers_.1"], figure=right)
    return figure


def weights():
    """Tumours: what speaks for a benign one."""
    data, target = load_breast_cancer(return_X_y=True, as_frame=True)
    data = data.filter(like="mean")
    X = (data - data.mean()) / data.std()
    (ax,) = tg.plot.weights(LogisticRegression().fit(X, target))
    ax.set_xlabel("weight, for a benign tumour")
    return ax.figure


def curve():
    """Two steps of gradient descent on digits."""
    X, y = load_digits(return_X_y=True)
    training, validation, _ = tg.data.split(X.astype(np.float32) / 16, y, validation=0.2, test=0.2, seed=0)
    runs = {}
    for lr in (0.001, 0.01):
        tg.manual_seed(0)
        model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
        adam = tg.optim.Adam(model.parameters(), lr=lr)
        fit = {"validation": validation, "epochs": 30, "seed": 0, "progress": False}
        runs[f"lr={lr:g}"] = tg.train.fit(model, nn.CrossEntropyLoss(), adam, training, **fit)
    return tg.plot.learning_curve(runs).figure


def scores():
    """Classes that are apart, mixed, and of which one is rare."""
    rng = np.random.default_rng(0)
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    for ax, apart, rare, title in zip(axes, (9, 1.5, 3), (0.5, 0.5, 0.02), ("separated", "unseparated", "imbalanced")):
        y = rng.random(1000) < rare
        logits = apart * (y - 0.5) + rng.normal(size=1000)
        tg.plot.scores(y, 1 / (1 + np.exp(-logits)), 0.5, class_names=("negative", "positive"), ax=ax)
        ax.set_title(title)
    return figure


def residuals():
    """A line and a parabola, fitted to a parabola."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 4, 500)
    y = x**2 + rng.normal(size=500)
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 3.8), layout="constrained")
    for ax, degree in zip(axes, (1, 2)):
        tg.plot.residuals(y, np.polyval(np.polyfit(x, y, degree), x), unit="m", ax=ax)
    return figure


def images():
    """Digits with their labels."""
    X, y = load_digits(return_X_y=True)
    return tg.plot.images(X[:20], titles=y[:20], columns=10, cmap="gray_r")[0].figure


def correlation():
    """Measurements of patients, and how far diabetes had gone a year later."""
    frame = load_diabetes(as_frame=True, scaled=False).frame.rename(columns={"target": "progression"})
    return tg.data.correlation(frame, target="progression").plot().figure


PICTURES = (boundary, surface, filters, weights, curve, scores, residuals, images, correlation)


def main():
    """Draw all of them, and make them small enough to be kept."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    folder.mkdir(parents=True, exist_ok=True)
    for draw in PICTURES:
        path = folder / f"plot-{draw.__name__}.png"
        draw().savefig(path, dpi=80)
        Image.open(path).convert("RGB").quantize(COLOURS).save(path, optimize=True)
        print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
