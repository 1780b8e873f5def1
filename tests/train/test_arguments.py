"""What fit says when the data, the loss, the callbacks or the metrics come in another form than it takes."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.train import EarlyStopping, LearningRate, fit

X, Y = np.ones((8, 3)), np.ones((8, 2))


class TwoInputs(nn.Module):
    def __init__(self):
        self.line = nn.Linear(3, 2)

    def forward(self, a, b):
        return self.line(a + b)


class TwoOutputs(nn.Module):
    def __init__(self):
        self.line = nn.Linear(3, 2)

    def forward(self, x):
        return self.line(x), x


def attempt(**changes):
    module = changes.pop("module", None) or nn.Linear(3, 2)
    arguments = {"loss": nn.MSELoss(), "data": (X, Y), "epochs": 1}
    return fit(module, optimizer=optim.SGD(module.parameters(), lr=0.1), **(arguments | changes))


def one(output, target):
    return output.mean()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"data": [X, Y]},
            TypeError,
            r"missing .*'target'.*data is a list, .* item .* a batch; write a tuple, \(X, y\)",
        ),
        (
            {"data": X},
            TypeError,
            r"loss MSELoss gets the output .* nothing else .*has no target; write a tuple, \(X, y\)",
        ),
        ({"data": (X,), "loss": one}, TypeError, r"loss one gets .*missing.*'target'.*write a tuple, \(X, y\)"),
        ({"data": (X, Y, Y)}, TypeError, r"MSELoss gets .* 2 parts of the batch \(too many .*columns side by side"),
        ({"validation": X}, TypeError, r"validation has no target; write a tuple, \(X, y\)"),
        ({"data": ((X, X), Y)}, TypeError, "data has a tuple of arrays in place of one: .* columns side by side"),
        ({"data": [([X, X], Y)]}, TypeError, "data has a list of arrays in place of one: .* columns side by side"),
        ({"data": (list(X), Y)}, TypeError, r"np\.stack makes one of rows"),
        ({"module": TwoInputs()}, TypeError, "one input, .* TwoInputs .*'b'.* columns side by side"),
        ({"callbacks": EarlyStopping("loss")}, TypeError, r"must be a list.* callbacks=\[EarlyStopping\(\.\.\.\)\]"),
        ({"callbacks": EarlyStopping}, TypeError, r"write callbacks=\[EarlyStopping\(\.\.\.\)\]"),
        ({"metrics": [3], "validation": (X, Y)}, TypeError, "a metric needs a name: give a dict"),
        ({"metrics": [lambda y, p: 0], "validation": (X, Y)}, TypeError, "a metric needs a name: give a dict"),
        ({"metrics": one, "validation": (X, Y)}, TypeError, "metrics must be a list such as .*, not function"),
        ({"metrics": {"r2": 2}, "validation": (X, Y)}, TypeError, "the metric 'r2' must be a function .*, not 2"),
        ({"metrics": {2: one}, "validation": (X, Y)}, TypeError, "the name of a metric must be a string, not 2"),
        (
            {"metrics": ["acc_uracy"], "validation": (X, Y)},
            ValueError,
            "no metric 'acc_uracy'; did you mean 'accuracy'",
        ),
        ({"metrics": ["zzz"], "validation": (X, Y)}, ValueError, "no metric 'zzz'; the names are accuracy, acc, "),
        ({"metrics": ["accuracy"]}, ValueError, r"measured on the validation data; give validation=\(X, y\)"),
        (
            {
                "module": TwoOutputs(),
                "loss": lambda output, target: output[0].mean(),
                "metrics": {"mean": one},
                "validation": (X, Y),
            },
            TypeError,
            "metrics need a module that returns one Tensor, but this one returns a tuple",
        ),
        (
            {"data": X, "loss": lambda output: output.mean(), "metrics": {"mean": one}, "validation": X},
            ValueError,
            r"validation has none; give validation=\(X, y\)",
        ),
    ],
)
def test_another_form_is_explained(changes, error, message):
    with pytest.raises(error, match="fit: .*" + message):
        attempt(**changes)


def test_the_scheduler_of_another_optimizer_is_explained():
    schedule = optim.lr_scheduler.StepLR(optim.SGD(nn.Linear(3, 2).parameters()), 1)
    with pytest.raises(ValueError, match=r"another optimizer .* or give a function from the number of finished epochs"):
        attempt(callbacks=[LearningRate(schedule)])


def test_two_inputs_can_come_side_by_side():
    class Divided(nn.Module):
        def __init__(self):
            self.inner = TwoInputs()

        def forward(self, x):
            return self.inner(x[:, :3], x[:, 3:])

    tg.manual_seed(0)
    x = np.random.default_rng(0).normal(size=(64, 6))
    weights = np.arange(6.0).reshape(3, 2)
    module = Divided()
    sgd = optim.SGD(module.parameters(), lr=0.2)
    fit(module, nn.MSELoss(), sgd, (x, (x[:, :3] + x[:, 3:]) @ weights), epochs=100)
    np.testing.assert_allclose(module.inner.line.weight.numpy().T, weights, atol=1e-3)
