"""A loss that pairs every row with every other by mistake is refused; one that means it is not."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.nn import functional
from tinygrad_ml.train import fit

random = np.random.default_rng(0)
X, Y, LABELS = random.normal(size=(6, 4)), random.normal(size=6), np.array([0, 1, 0, 1, 1, 0])
COLUMN, WEIGHT = Y.reshape(-1, 1), np.linspace(1, 2, 6)


def once(loss, *rest, outputs=1, module=None, rows=6):
    module = module or nn.Linear(4, outputs)
    fit(module, loss, optim.SGD(module.parameters(), lr=0.1), (X[:rows], *rest), epochs=1)


def squared(o, t):
    return ((o - t) ** 2).mean()


@pytest.mark.parametrize(
    ("loss", "rest", "message"),
    [
        (squared, (Y,), r"subtract makes \(6, 6\) of the output \(6, 1\) and the target \(6,\).*y\.reshape\(-1, 1\)"),
        (lambda o, t: tg.mean((tg.sigmoid(o) - t) ** 2), (Y,), "what is computed from the output .* the target"),
        (lambda o, t: squared(2 * tg.tanh(o) + 1, t), (Y,), "what is computed from the output"),
        (lambda o, t: squared(o, t.astype("float32")), (LABELS,), "of the output .* and the target"),
        (lambda o, t: squared(o, tg.tensor(t, dtype="float32")), (LABELS,), "the target"),
        (lambda o, t: squared(o, t.astype("float64")), (Y,), "what is computed from the target"),
        (lambda o, t: squared(o, tg.log(t)), (WEIGHT,), "what is computed from the target"),
        (lambda o, t: -(t * tg.log(tg.sigmoid(o)) + (1 - t) * tg.log(1 - tg.sigmoid(o))).mean(), (Y,), "multiply"),
        (lambda o, t: tg.where(t, -o, o).mean(), (LABELS.astype(bool),), "where makes"),
        (
            lambda o, t, w: (functional.mse_loss(o, t, reduction="none") * w).mean(),
            (COLUMN, WEIGHT),
            r"what is computed from the output \(6, 1\) and part 2 of the batch \(6,\)",
        ),
        (lambda o, t, w: (w / w.sum() * (o - t) ** 2).sum(), (COLUMN, WEIGHT), "from part 2 of the batch"),
        (lambda o, t: squared(tg.sum(o**2, axis=1, keepdims=True), t), (Y,), "from the output"),
    ],
)
def test_pairs_by_mistake_are_refused(loss, rest, message):
    with pytest.raises(ValueError, match="fit: in the loss, .*" + message):
        once(loss, *rest)


def test_a_flat_output_and_a_column_of_targets_are_refused():
    class Flat(nn.Module):
        def __init__(self):
            self.line = nn.Linear(4, 1)

        def forward(self, x):
            return self.line(x)[:, 0]

    with pytest.raises(ValueError, match=r"of the target \(6, 1\) and the output \(6,\)"):
        once(squared, COLUMN, module=Flat())


@pytest.mark.parametrize(
    ("loss", "rest", "options"),
    [
        (lambda o, t: squared(o, t), (COLUMN,), {}),
        (lambda o, t: squared(o[:, 0], t), (Y,), {}),
        (lambda o, t: squared(o, tg.reshape(t, (-1, 1))), (Y,), {}),
        (lambda o, t: squared(o, t), (Y[:1],), {"rows": 1}),
        (lambda o, t: abs(o - tg.reshape(t, (1, -1))).mean(), (Y,), {}),  # every pair, and it says so
        (lambda o, t: abs(o - o[:, 0]).mean(), (Y,), {}),
        (lambda o, t: (abs(o - o.T) * abs(t[:, None] - t)).mean(), (Y,), {}),
        (lambda o, t: (abs(o - o.T) * (t[:, None] == t)).mean(), (LABELS,), {}),
        (lambda o, t: (o @ o.T * tg.outer(t, t)).mean(), (Y,), {"outputs": 3}),
        (
            lambda o, t: tg.sqrt(1 + tg.sum(o * o, 1, keepdims=True) + tg.sum(o * o, 1) - 2 * o @ o.T).mean() + t.sum(),
            (Y,),
            {"outputs": 3},
        ),
        (lambda o, t: (np.linspace(0.1, 0.9, 6) * (o - t)).mean(), (COLUMN,), {}),  # as many quantiles as rows
        (lambda o, t: ((o - np.tile(t[:, None], 6)) ** 2).mean(), (Y,), {"outputs": 6}),
    ],
)
def test_pairs_that_are_meant_are_allowed(loss, rest, options):
    once(loss, *rest, **options)


def test_pairs_in_the_module_are_its_own_affair():
    class Attention(nn.Module):
        def __init__(self):
            self.query = nn.Linear(4, 1)

        def forward(self, x):
            scores = self.query(x) * x[:, 0]
            return tg.softmax(scores, axis=1) @ x[:, :1]

    once(squared, COLUMN, module=Attention())
