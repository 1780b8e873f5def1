"""What a user writes: it runs, and passes `mypy --strict` and pyright's strict mode."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import metrics, nn, optim
from tinygrad_ml.models import LogisticRegression, MLPClassifier
from tinygrad_ml.testing import GradientCheckError, gradcheck
from tinygrad_ml.train import Callback, EarlyStopping, Run, fit


class Rings(nn.Module):
    """Tells the inside of a ring from the outside."""

    def __init__(self, width: int = 8) -> None:
        self.hidden = nn.Linear(2, width)
        self.norm = nn.LayerNorm(width)
        self.score = nn.Linear(width, 1)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        scores: tg.Tensor = self.score(tg.tanh(self.norm(self.hidden(x))))
        return scores[:, 0]


class CountEpochs(Callback):
    """Counts what it sees."""

    epochs = 0

    def on_epoch_end(self, run: Run) -> None:
        self.epochs += 1


def cube(v: tg.Tensor) -> tg.Tensor:
    return (v**3).sum()


def by_hand(model: nn.Module, x: tg.Tensor, y: tg.Tensor) -> float:
    loss_function = nn.BCEWithLogitsLoss()
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    schedule = optim.lr_scheduler.StepLR(optimizer, step_size=20)
    loss = tg.tensor(0.0)
    for _ in range(40):
        optimizer.zero_grad()
        loss = loss_function(model(x), y)
        loss.backward()
        optim.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        schedule.step()
    return float(loss.item())


def main() -> None:
    tg.manual_seed(0)
    points = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    labels = (np.hypot(points[:, 0], points[:, 1]) < 1).astype(np.float32)
    training, _, test = tg.data.split(points, labels, test=0.25, stratify=labels, seed=0)

    model = Rings()
    print(f"by hand: {by_hand(model, tg.tensor(training[0]), tg.tensor(training[1])):.3f}")
    counter = CountEpochs()
    history = fit(
        model,
        nn.BCEWithLogitsLoss(),
        optim.SGD(model.parameters(), lr=0.01),
        training,
        validation=test,
        epochs=3,
        callbacks=[counter, EarlyStopping(patience=2)],
        progress=False,
    )
    print(f"{counter.epochs} epochs, loss {history['loss'][-1]:.3f}")
    with tg.no_grad():
        probability = tg.sigmoid(model.eval()(tg.tensor(test[0]))).numpy()
    print(f"AUC {metrics.roc_auc_score(test[1], probability):.2f}")

    for estimator in (LogisticRegression(C=10.0), MLPClassifier((8,), max_iter=5, random_state=0)):
        estimator.fit(*training)
        print(f"{type(estimator).__name__}: {estimator.score(*test):.2f}", estimator.predict_proba(test[0]).shape)

    x = tg.tensor([0.5, 2.0], requires_grad=True)
    y = np.exp(x).sum() + np.sum(np.sqrt(x)) / x.shape[0]
    (slope,) = tg.autograd.grad(y, x, create_graph=True)
    print(slope.shape, tg.hessian(cube)(x).numpy().round(2).tolist())

    try:
        print(gradcheck(model, tg.randn(3, 2), samples=5).title)
    except GradientCheckError as error:
        print(error)

    graph = tg.draw(model, tg.randn(3, 2))
    print(len(graph.nodes), "nodes;", len(graph.to_dot()) > 0, len(str(nn.summary(model, tg.randn(3, 2)))) > 0)
    with TemporaryDirectory() as folder:
        path: Path = tg.save(model, Path(folder) / "rings.npz")
        model.load_state_dict(tg.load(path))


if __name__ == "__main__":
    main()
