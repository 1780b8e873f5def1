"""What the tests run under mpiexec: `program.py FOLDER CASE`; rank r writes FOLDER/r.npz, and one process 0.npz."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.train import Checkpoint, ClipGradients, CSVLog, EarlyStopping, GradientAccumulation, fit

signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background of a shell script ignores it
folder, case = Path(sys.argv[1]), sys.argv[2]
world = tg.distributed.init()
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(103, 6)), rng.integers(0, 3, 103)


def network():
    tg.manual_seed(1 if case == "plain" else 1 + world.rank)  # other starting weights: rank 0's count
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()


def train(net, optimizer, **options):
    options = {"epochs": 3, "batch_size": 16, "seed": 0, "validation": (X[:30], Y[:30]), "distributed": True} | options
    return fit(net, nn.CrossEntropyLoss(), optimizer, (X, Y), **options)


def result(net, history, **more):
    values = {f"p{i}": p.numpy() for i, p in enumerate(net.parameters())}
    np.savez(
        folder / f"{world.rank}.npz", loss=history["loss"], validation=history["validation_loss"], **values, **more
    )


if case in ("sgd", "plain"):
    net = network()
    result(net, train(net, optim.SGD(net.parameters(), lr=0.2, momentum=0.9)))
elif case == "everything":
    net = network()
    callbacks = [ClipGradients(0.5), GradientAccumulation(3), CSVLog(folder / f"log{world.rank}.csv")]
    callbacks += [EarlyStopping("validation_loss", patience=50)]
    result(net, train(net, optim.Adam(net.parameters()), callbacks=callbacks, seed=None, epochs=4))
elif case == "steps":
    net = network()
    result(net, train(net, optim.Adam(net.parameters()), epochs=None, steps=20, periods=4))
elif case == "small batches":  # fewer rows than ranks in a batch
    net = network()
    result(net, train(net, optim.SGD(net.parameters(), lr=0.1), batch_size=3, epochs=1))
elif case == "lbfgs":
    net = network()
    result(net, train(net, optim.LBFGS(net.parameters(), max_iter=5), batch_size=103, epochs=4))
elif case == "sparse":
    tg.manual_seed(0)
    table = nn.Embedding(20, 4, sparse=True, dtype=np.float64)
    net = nn.Sequential(table, nn.Flatten(), nn.Linear(8, 2, dtype=np.float64))
    ids = np.random.default_rng(1).integers(0, 20, (50, 2))
    labels = np.arange(50) % 2
    options = {"epochs": 2, "batch_size": 8, "seed": 0, "validation": (ids, labels), "distributed": True}
    sgd = optim.SGD(net.parameters(), lr=0.5)
    history = fit(net, nn.CrossEntropyLoss(), sgd, (ids, labels), **options)
    result(net, history)
elif case == "by hand":
    net = network()
    world.synchronise(net)
    optimizer = optim.SGD(net.parameters(), lr=0.2)
    losses = []
    for start in range(0, 96, 12):
        rows = slice(start + 12 * world.rank // world.size, start + 12 * (world.rank + 1) // world.size)
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(net(tg.tensor(X[rows])), Y[rows])
        loss.backward()
        tg.distributed.average_gradients(net)
        optimizer.step()
        losses.append(loss.item())
    result(net, {"loss": losses, "validation_loss": [0.0]})
elif case == "batch norm and dropout":
    net = network()
    net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3))
    history = train(net, optim.Adam(net.parameters()))
    result(net, history, mean=net[1].running_mean.numpy(), drawn=tg.rand(3).numpy())
elif case.startswith("resume"):
    net = network()
    epochs = 2 if case == "resume first" else 5
    where = Checkpoint(folder.parent / "state.npz", resume=True)
    result(net, train(net, optim.Adam(net.parameters()), epochs=epochs, callbacks=[where]))
elif case == "unbroken":
    net = network()
    result(net, train(net, optim.Adam(net.parameters()), epochs=5))
else:  # a failure of rank 1 in the third batch
    net = network()

    class Fails(tg.train.Callback):
        def before_step(self, run):
            if run.step == 3 and world.rank == 1:
                if case == "an error":
                    raise ValueError("rank 1 has had enough")
                if case == "caught":
                    raise RuntimeError("caught below")
                if case == "killed":
                    os.kill(os.getpid(), signal.SIGKILL)
                if case == "leaves":
                    sys.exit(0)
            if run.step == 3 and case == "interrupted" and world.rank == 1:
                os.kill(os.getpid(), signal.SIGINT)

    if case == "not finite" and world.rank == 1:
        X[100:] = np.nan
    if case == "other data" and world.rank == 1:
        X, Y = X[:80], Y[:80]
    if case == "never comes" and world.rank == 1:
        sys.exit(0)
    if case == "before" and world.rank == 1:
        raise KeyError("before fit")
    try:
        history = train(net, optim.Adam(net.parameters()), callbacks=[Fails()], epochs=50, shuffle=False)
        print(f"rank {world.rank}: {history.stopped}", flush=True)
        if case == "interrupted":
            result(net, {"loss": [], "validation_loss": []})
    except RuntimeError as error:
        if case != "caught":
            raise
        print(
            f"rank {world.rank} goes on after {type(error).__name__} with {len(error.history.epochs)} epochs",
            flush=True,
        )
        time.sleep(0.2)
