"""Writes the files of this folder. They were made by version 0.1.0 and stay as they are: what it saved must load.

Run it with that version as `tinygrad_ml` to see how they came to be.
"""

from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim

HERE = Path(__file__).parent

# name: how to make the layer, the shapes of its inputs (or the inputs themselves)
LAYERS = {
    "Linear": (lambda: nn.Linear(3, 2), [(2, 3)]),
    "Conv1d": (lambda: nn.Conv1d(2, 3, 2), [(1, 2, 4)]),
    "Conv2d": (lambda: nn.Conv2d(2, 2, (2, 3), groups=2, bias=False), [(1, 2, 3, 4)]),
    "Embedding": (lambda: nn.Embedding(4, 2, padding_idx=1), [np.array([[0, 1], [3, 2]])]),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(2), [(3, 2)]),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(2, momentum=None), [(2, 2, 2, 1)]),
    "LayerNorm": (lambda: nn.LayerNorm((2, 3)), [(2, 2, 3)]),
    "RNN": (lambda: nn.RNN(2, 2, nonlinearity="relu"), [(3, 1, 2)]),
    "LSTM": (lambda: nn.LSTM(2, 2, num_layers=2, bidirectional=True), [(3, 1, 2)]),
    "GRU": (lambda: nn.GRU(2, 2, bias=False, batch_first=True), [(1, 3, 2)]),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(4, 2), [(3, 1, 4)] * 3),
    "MultiheadAttention, other widths": (
        lambda: nn.MultiheadAttention(4, 2, kdim=3, vdim=2),
        [(3, 1, 4), (2, 1, 3), (2, 1, 2)],
    ),
    "Sequential": (lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Residual(nn.Linear(3, 3))), [(2, 2)]),
    "ModuleDict": (lambda: nn.ModuleDict({"a": nn.ModuleList([nn.Linear(2, 1)]), "b": nn.LayerNorm(2)}), None),
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(weight=[1.0, 2.0]), [(2, 2), np.array([0, 1])]),
    "BCEWithLogitsLoss": (lambda: nn.BCEWithLogitsLoss(pos_weight=[3.0]), [(2, 1), np.array([[0.0], [1.0]])]),
}

OPTIMIZERS = {
    "SGD": (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "Adagrad": (optim.Adagrad, {"lr": 0.1, "initial_accumulator_value": 0.1, "lr_decay": 0.1}),
    "Adam": (optim.Adam, {"lr": 0.1, "amsgrad": True}),
    "AdamW": (optim.AdamW, {"lr": 0.1, "l1": 0.001}),
    "RMSprop": (optim.RMSprop, {"lr": 0.01, "momentum": 0.5, "centered": True}),
    "Adadelta": (optim.Adadelta, {}),
    "LBFGS": (optim.LBFGS, {"lr": 0.1, "max_iter": 2, "history_size": 3}),
}

SCHEDULERS = {
    "SGD": lambda optimizer: optim.lr_scheduler.OneCycleLR(optimizer, 0.2, 12),
    "Adagrad": lambda optimizer: optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1),
    "Adam": lambda optimizer: optim.lr_scheduler.SequentialLR(
        optimizer,
        [
            optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=3),
            optim.lr_scheduler.CosineAnnealingLR(optimizer, 8),
        ],
        [3],
    ),
    "AdamW": lambda optimizer: optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.9**epoch),
    "RMSprop": lambda optimizer: optim.lr_scheduler.MultiStepLR(optimizer, [3, 7, 7]),
    "Adadelta": lambda optimizer: optim.lr_scheduler.ConstantLR(optimizer, 0.5, 7),
    "LBFGS": lambda optimizer: optim.lr_scheduler.StepLR(optimizer, 4),
}


def inputs_of(shapes):
    """Return inputs of these shapes."""
    random = np.random.default_rng(0)
    return [random.normal(size=s).astype(np.float32) if isinstance(s, tuple) else s for s in shapes]


def outputs_of(layer, shapes):
    """Return what a layer makes of its inputs after training, as a list of arrays."""
    out = layer.eval()(*[tg.tensor(x) for x in inputs_of(shapes)])
    flat = []
    for part in out if isinstance(out, tuple) else (out,):
        flat += [p.numpy() for p in (part if isinstance(part, tuple) else (part,))]
    return flat


def training(name):
    """Return a net, its optimizer and schedule, and a function that takes steps of training."""
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Dropout(0.2), nn.Linear(3, 1))
    make, options = OPTIMIZERS[name]
    parts = list(net.parameters())
    groups = parts if name == "LBFGS" else [{"params": parts[:2]}, {"params": parts[2:], "lr": 0.02}]
    optimizer = make(groups, **options)
    scheduler = SCHEDULERS[name](optimizer)
    random = np.random.default_rng(1)
    x = tg.tensor(random.normal(size=(8, 2)).astype(np.float32))
    y = tg.tensor(random.normal(size=(8, 1)).astype(np.float32))

    def steps(n):
        for _ in range(n):

            def closure():
                optimizer.zero_grad()
                loss = nn.functional.mse_loss(net(x), y)
                loss.backward()
                return loss

            loss = optimizer.step(closure)
            if isinstance(scheduler, optim.lr_scheduler.ReduceLROnPlateau):
                scheduler.step(loss.item())
            else:
                scheduler.step()

    return net, optimizer, scheduler, steps


def main():
    """Write all files."""
    tg.manual_seed(0)
    layers = {}
    for name, (make, shapes) in LAYERS.items():
        layer = make()
        if shapes is not None and name.startswith("BatchNorm"):
            layer(*[tg.tensor(x) for x in inputs_of(shapes)])  # statistics that differ from those of a new layer
        layers[name] = {"state": layer.state_dict(), "output": [] if shapes is None else outputs_of(layer, shapes)}
    tg.save(layers, HERE / "layers.npz")
    trainings = {}
    for name in OPTIMIZERS:
        net, optimizer, scheduler, steps = training(name)
        steps(5)
        saved = {"net": net, "optimizer": optimizer, "scheduler": scheduler}
        saved = {key: part.state_dict() for key, part in saved.items()} | {"random": tg.get_rng_state()}
        steps(5)
        trainings[name] = {"after 5": saved, "after 10": net.state_dict()}
    tg.save(trainings, HERE / "trainings.npz")
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    for ending in (".npz", ".safetensors"):
        tg.save(net, HERE / f"weights{ending}")


if __name__ == "__main__":
    main()
