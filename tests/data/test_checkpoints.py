"""A training run that is stopped, written to a file and taken up again gives bit for bit what it would have given."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim

SETTINGS = [
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.05, "l1": 0.001}),
    ("Adagrad", {"lr": 0.05, "initial_accumulator_value": 0.1, "lr_decay": 0.01}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "weight_decay": 0.01}),
    ("Adam", {"lr": 0.01}),
    ("AdamW", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.5}),
    ("Adadelta", {"lr": 0.5}),
    ("LBFGS", {"lr": 0.1, "max_iter": 2, "line_search_fn": "strong_wolfe"}),
    ("LBFGS", {"lr": 0.01, "max_iter": 2, "history_size": 2}),
]


class Training:
    """A model with an embedding, dropout, an optimizer, and a warm-up before a cosine."""

    def __init__(self, name, options, dtype=np.float32, seed=0):
        tg.manual_seed(seed)
        random = np.random.default_rng(0)
        self.tokens = random.integers(0, 20, (32, 3))
        self.target = tg.tensor(random.normal(size=(32, 1)).astype(dtype))
        self.table = nn.Parameter(random.normal(size=(20, 4)).astype(dtype))
        self.net = nn.Sequential(nn.Linear(12, 8), nn.Dropout(0.3), nn.Tanh(), nn.Linear(8, 1))
        for p in self.net.parameters():
            p.data = tg.randn(*p.shape).numpy() * 0.3
        groups = [self.table, *self.net.parameters()]
        if name != "LBFGS":
            groups = [{"params": groups[:1]}, {"params": groups[1:], "lr": options["lr"] / 2}]
        self.optimizer = getattr(optim, name)(groups, **options)
        parts = [
            optim.lr_scheduler.LinearLR(self.optimizer, 0.1, total_iters=5),
            optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=20),
        ]
        self.scheduler = optim.lr_scheduler.SequentialLR(self.optimizer, parts, [5])
        self.sparse = name in ("SGD", "Adagrad", "Adam") and not options.get("weight_decay")
        self.epoch = 0

    def run(self, until):
        def closure():
            self.optimizer.zero_grad()
            x = tg.embedding(self.tokens, self.table, sparse=self.sparse).reshape(32, 12)
            loss = ((self.net(x) - self.target) ** 2).mean()
            loss.backward()
            return loss

        while self.epoch < until:
            self.optimizer.step(closure)
            self.scheduler.step()
            self.epoch += 1
        return self

    def save(self, path):
        return tg.save(
            {
                "model": self.net.state_dict() | {"table": self.table},
                "optimizer": self.optimizer.state_dict(),
                "scheduler": self.scheduler.state_dict(),
                "random": tg.get_rng_state(),
                "epoch": self.epoch,
            },
            path,
        )

    def load(self, path):
        checkpoint = tg.load(path)
        self.table.data = checkpoint["model"].pop("table")
        self.net.load_state_dict(checkpoint["model"])
        self.optimizer.load_state_dict(checkpoint["optimizer"])
        self.scheduler.load_state_dict(checkpoint["scheduler"])
        tg.set_rng_state(checkpoint["random"])
        self.epoch = checkpoint["epoch"]
        return self

    def numbers(self):
        return [p.numpy() for p in (self.table, *self.net.parameters())]


@pytest.mark.parametrize(("name", "options"), SETTINGS)
@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
@pytest.mark.parametrize("stop", [0, 3, 12])
def test_training_goes_on_bit_for_bit(tmp_path, name, options, ending, stop):
    if ending == ".safetensors":
        pytest.importorskip("safetensors")
    expected = Training(name, options).run(20).numbers()
    path = Training(name, options).run(stop).save(tmp_path / f"checkpoint{ending}")
    found = Training(name, options, seed=99).load(path).run(20).numbers()
    for a, b in zip(expected, found):
        np.testing.assert_array_equal(a, b)


def test_a_checkpoint_does_not_change_the_training_run(tmp_path):
    expected = Training("Adam", {"lr": 0.01}).run(10).numbers()
    training = Training("Adam", {"lr": 0.01}).run(5)
    training.save(tmp_path / "checkpoint.npz")
    for a, b in zip(expected, training.run(10).numbers()):
        np.testing.assert_array_equal(a, b)


def test_random_numbers_go_on_from_a_saved_state(tmp_path):
    tg.manual_seed(3)
    tg.rand(5)
    path = tg.save({"random": tg.get_rng_state()}, tmp_path / "random.npz")
    expected = tg.randn(4).numpy()
    tg.manual_seed(0)
    tg.set_rng_state(tg.load(path)["random"])
    np.testing.assert_array_equal(tg.randn(4).numpy(), expected)


def test_what_has_a_state_is_saved_as_it_is(tmp_path):
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1, momentum=0.9)
    (w * w).sum().backward()
    optimizer.step()
    state = tg.load(tg.save(optimizer, tmp_path / "optimizer.npz"))
    np.testing.assert_array_equal(
        state["state"][0]["momentum_buffer"], optimizer.state_dict()["state"][0]["momentum_buffer"]
    )
    assert state["param_groups"] == optimizer.state_dict()["param_groups"]
