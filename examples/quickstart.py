"""Read handwritten digits: softmax regression first, then a small neural network.

    python examples/quickstart.py [--quick]

1,797 images of 8 x 8 pixels, which scikit-learn carries, are split into three parts: one to learn from, one
to watch while learning, and one that is looked at only at the end. Pictures and weights are written into the
folder `output` (or the one that TINYGRAD_ML_OUTPUT names).
"""

import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim

try:
    import matplotlib.pyplot as plt
    from sklearn.datasets import load_digits
    from sklearn.metrics import confusion_matrix
    from sklearn.model_selection import train_test_split
    from tqdm import tqdm
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install 'tinygrad_ml[examples]'")


# ---------------------------------------------------------------------- the models


class SoftmaxRegression(nn.Module):
    """One score per class, a weighted sum of the pixels."""

    def __init__(self, pixels, classes):
        self.scores = nn.Linear(pixels, classes)

    def forward(self, x):
        return self.scores(x)


class MLP(nn.Module):
    """Two hidden layers with ReLU; dropout keeps them from learning the training images by heart."""

    def __init__(self, pixels, classes, hidden=256, dropout=0.4):
        self.first = nn.Linear(pixels, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.scores = nn.Linear(hidden, classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        x = self.dropout(tg.relu(self.first(x)))
        x = self.dropout(tg.relu(self.second(x)))
        return self.scores(x)


# ---------------------------------------------------------------------- learning and judging


def predict(model, x):
    """Return the class with the highest score for every image."""
    with tg.no_grad():
        return model.eval()(x).argmax(axis=1).numpy()


def accuracy(model, x, y):
    """Return the share of images that are read correctly."""
    return float((predict(model, x) == y).mean())


def train(model, train_part, validation_part, epochs, batch=32, lr=3e-3):
    """Train with Adam in mini-batches; keep the weights that did best on the validation part."""
    x, y = train_part
    loss_function = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=lr)
    order = np.random.default_rng(0)
    losses, validation_losses = [], []
    best, best_weights = -1.0, model.state_dict()

    bar = tqdm(range(epochs), desc=type(model).__name__, unit="epoch", disable=None)
    for _ in bar:
        model.train()
        total = 0.0
        for rows in np.array_split(order.permutation(len(x)), len(x) // batch):
            optimizer.zero_grad()
            loss = loss_function(model(x[rows]), y[rows])
            loss.backward()
            optim.clip_grad_norm_(model.parameters(), max_norm=1.0)
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(x))

        correct = accuracy(model, *validation_part)
        with tg.no_grad():
            validation_losses.append(loss_function(model(validation_part[0]), validation_part[1]).item())
        if correct > best:
            best, best_weights = correct, model.state_dict()
        bar.set_postfix(loss=f"{losses[-1]:.3f}", validation=f"{correct:.1%}")

    model.load_state_dict(best_weights)
    return losses, validation_losses


# ---------------------------------------------------------------------- pictures


def draw(histories, matrix, test_error, path):
    """Draw the loss curves of both models and what the better one confuses."""
    figure, (curves, confusion) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")

    for (name, (losses, validation_losses)), colour in zip(histories.items(), ("tab:orange", "tab:blue")):
        curves.plot(losses, color=colour, label=f"{name}, training")
        curves.plot(validation_losses, color=colour, linestyle="--", label=f"{name}, validation")
    curves.set(xlabel="epoch", ylabel="cross entropy", yscale="log", title="Loss")
    curves.spines[["top", "right"]].set_visible(False)
    curves.legend(frameon=False)

    confusion.imshow(matrix, cmap="Blues", norm="symlog")
    for (true, read), n in np.ndenumerate(matrix):
        if n:
            colour = "white" if true == read else "black"
            confusion.text(read, true, n, ha="center", va="center", color=colour, fontsize=9)
    title = f"Test images as the MLP reads them: {test_error:.1%} wrong"
    confusion.set(xlabel="read as", ylabel="is", title=title, xticks=range(10), yticks=range(10))
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_graph(model, images, labels, output):
    """Draw the compute graph of the loss, and make a page to step through its backpropagation; return what to print."""
    loss_function = nn.CrossEntropyLoss()

    def loss(images):
        return loss_function(model(images), labels)

    graph = tg.graph.trace(loss, images)
    try:
        picture, page = graph.render(output / "mlp_graph.svg"), graph.explorer(output / "mlp_graph.html")
    except RuntimeError as without_dot:
        return f"No picture of the compute graph: {without_dot}"
    return f"""Compute graph of the trained MLP with its gradients: {picture}
The same as a page on which backpropagation can be stepped through (open it in a browser): {page}"""


# ---------------------------------------------------------------------- the whole story


def main():
    quick = "--quick" in sys.argv[1:]
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    output.mkdir(parents=True, exist_ok=True)
    tg.manual_seed(0)

    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.float32) / 16  # pixels from 0 to 1
    x_rest, x_test, y_rest, y_test = train_test_split(images, labels, test_size=0.2, stratify=labels, random_state=0)
    x_train, x_valid, y_train, y_valid = train_test_split(
        x_rest, y_rest, test_size=0.15, stratify=y_rest, random_state=0
    )
    print(f"{len(images)} digits: {len(x_train)} to learn from, {len(x_valid)} to watch, {len(x_test)} for the test.\n")
    training, validation = (tg.tensor(x_train), y_train), (tg.tensor(x_valid), y_valid)
    test = (tg.tensor(x_test), y_test)

    models = {"Softmax regression": SoftmaxRegression(64, 10), "MLP": MLP(64, 10)}
    histories = {}
    for name, model in models.items():
        histories[name] = train(model, training, validation, epochs=5 if quick else 60)
        print(f"{name}: {accuracy(model, *test):.1%} of the test images are read correctly.")

    mlp = models["MLP"]
    matrix = confusion_matrix(y_test, predict(mlp, test[0]), labels=range(10))
    print("\nWhat the MLP reads (columns) for each digit (rows):\n")
    print("     " + "".join(f"{digit:4}" for digit in range(10)))
    for digit, row in enumerate(matrix):
        print(f"{digit:4} " + "".join(f"{n:4}" if n else "   ." for n in row))

    picture = output / "quickstart.png"
    draw(histories, matrix, 1 - accuracy(mlp, *test), picture)

    weights = tg.save(mlp, output / "digits_mlp")
    copy = MLP(64, 10)
    copy.load_state_dict(tg.load(weights))
    assert np.array_equal(predict(copy, test[0]), predict(mlp, test[0]))

    print(f"""
Loss curves and confusion matrix: {picture}
Weights of the MLP, loaded back and found equal: {weights}
{draw_graph(mlp, test[0][:16], test[1][:16], output)}

Try next: hidden=16, dropout=0 or a third layer in MLP, at the top of examples/quickstart.py;
lr=0.1 in train, to see a learning rate that is too high.""")


if __name__ == "__main__":
    main()
