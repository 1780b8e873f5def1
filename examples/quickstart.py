"""Read handwritten digits: softmax regression first, then a small neural network.

    python examples/quickstart.py [--quick]

1,797 images of 8 x 8 pixels, which scikit-learn carries, are split into three parts: to learn from, to watch while
learning, and to look at only at the end. Pictures and weights go into the folder `output` (or TINYGRAD_ML_OUTPUT).
"""

import os
import sys
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import metrics, nn, optim, train

try:
    import matplotlib.pyplot as plt
    from sklearn.datasets import load_digits
except ImportError as missing:
    sys.exit(f"This example needs {missing.name}: pip install '.[examples]'")


class MLP(nn.Module):
    """Two hidden layers with ReLU; dropout keeps them from learning the training images by heart."""

    def __init__(self, hidden=256, dropout=0.4):
        self.first, self.second, self.scores = nn.Linear(64, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, 10)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        x = self.dropout(tg.relu(self.first(x)))
        return self.scores(self.dropout(tg.relu(self.second(x))))


def fit(model, training, validation, epochs, lr=3e-3):
    """Train with Adam in mini-batches; keep the weights that did best on the validation part."""
    accuracy = {"accuracy": lambda labels, scores: metrics.accuracy_score(labels, scores.argmax(axis=1))}
    callbacks = [train.EarlyStopping("validation_accuracy", mode="max", patience=epochs), train.ClipGradients(1.0)]
    watch = {"validation": validation, "metrics": accuracy, "callbacks": callbacks}
    adam = optim.Adam(model.parameters(), lr=lr)
    return train.fit(model, nn.CrossEntropyLoss(), adam, training, epochs=epochs, seed=0, **watch)


def main():
    tg.manual_seed(0)
    output = Path(os.environ.get("TINYGRAD_ML_OUTPUT", "output"))
    output.mkdir(parents=True, exist_ok=True)
    images, labels = load_digits(return_X_y=True)
    images = images.astype(np.float32) / 16  # pixels from 0 to 1
    training, validation, test = tg.data.split(images, labels, validation=0.12, test=0.2, stratify=labels, seed=1)
    sizes = [len(y) for y in (labels, training[1], validation[1], test[1])]
    print("{} digits: {} to learn from, {} to watch, {} for the test.\n".format(*sizes))
    baseline = tg.models.BaselineClassifier().fit(*training).score(*test)
    print(f"Always saying the most frequent digit: {baseline:.1%} of the test images are read correctly.")
    figure, (curves, confusion) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    x, y = tg.tensor(test[0]), test[1]
    for name, model in (("Softmax regression", nn.Linear(64, 10)), ("MLP", MLP())):
        history = fit(model, training, validation, epochs=5 if "--quick" in sys.argv else 60)
        tg.plot.learning_curve(history, label=name, ax=curves)
        with tg.no_grad():
            read = model.eval()(x).numpy().argmax(axis=1)
        print(f"{name}: {metrics.accuracy_score(y, read):.1%} of the test images are read correctly.")

    curves.set(ylabel="cross entropy", yscale="log", title="Loss")
    metrics.plot_confusion_matrix(y, read, ax=confusion)
    confusion.set_title(f"Test images as the MLP reads them: {np.mean(read != y):.1%} wrong")
    figure.savefig(output / "quickstart.png", dpi=120)
    print("\nWhat the MLP reads (columns) for each digit (rows):\n\n     " + "".join(f"{n:4}" for n in range(10)))
    for digit, row in enumerate(metrics.confusion_matrix(y, read)):
        print(f"{digit:4} " + "".join(f"{n:4}" if n else "   ." for n in row))

    weights = tg.save(model, output / "digits_mlp.npz")
    assert all(np.array_equal(value, model.state_dict()[name]) for name, value in tg.load(weights).items())
    print(f"\nLoss curves and confusion matrix: {output / 'quickstart.png'}")
    print(f"Weights of the MLP, loaded back and found equal: {weights}")
    graph = tg.draw(lambda images: nn.functional.cross_entropy(model(images), y[:16]), x[:16])
    try:
        picture = graph.render(output / "mlp_graph.svg")
        print(f"Compute graph of the trained MLP with its gradients: {picture}")
    except RuntimeError as without_dot:
        print(f"No picture of the compute graph: {without_dot}")
    page = graph.explorer(output / "mlp_graph.html")
    print(f"The same as a page on which backpropagation can be stepped through (open it in a browser): {page}")
    print("\nTry next: hidden=16, dropout=0 or a third layer in MLP; lr=0.1 in fit, a learning rate that is too high.")


if __name__ == "__main__":
    main()
