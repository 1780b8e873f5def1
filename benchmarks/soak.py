"""Train on two ranks for some minutes while one of them is killed at random times.

    python benchmarks/soak.py [--minutes 10] [--seed 0]

Each round starts a training run with a checkpoint after every epoch, kills one rank with SIGKILL after a random time,
and starts it again, until it has ended. No launcher may go on for more than half a minute without the killed rank, and
the weights in the end must be those of a run that nobody has disturbed, bit for bit. It needs mpi4py and mpiexec.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

EPOCHS, PATIENCE = 12, 30  # seconds


def train(folder):
    """Train on the ranks of this world, going on from the checkpoint; rank 0 writes the weights."""
    import tinygrad_ml as tg
    from tinygrad_ml import nn, optim

    world = tg.distributed.init()
    (folder / f"{world.rank}.pid").write_text(str(os.getpid()))
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(256, 6)), draw.integers(0, 3, 256)
    tg.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Dropout(0.2), nn.Linear(16, 3)).to(np.float64)
    callbacks = [tg.train.Checkpoint(folder / "state.npz", resume=True), lambda run: time.sleep(0.05)]
    optimizer = optim.Adam(model.parameters())
    options = {"epochs": EPOCHS, "batch_size": 32, "seed": 0, "distributed": True, "progress": False}
    tg.train.fit(model, nn.CrossEntropyLoss(), optimizer, (X, y), callbacks=callbacks, **options)
    if world.rank == 0:
        np.savez(folder / "end.npz", **model.state_dict())


def launch(folder):
    """Start both ranks."""
    for path in folder.glob("*.pid"):
        path.unlink()
    command = [
        "mpiexec",
        "-n",
        "2",
        "--oversubscribe",
        "--allow-run-as-root",
        sys.executable,
        __file__,
        "--train",
        folder,
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with open(folder / "said.txt", "w") as said:
        return subprocess.Popen(
            list(map(str, command)), env=environment, start_new_session=True, stdout=said, stderr=subprocess.STDOUT
        )


def finish(process, what):
    """Wait for the launcher; it must end by itself."""
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        sys.exit(f"FAILED: {what}, and after {PATIENCE} seconds mpiexec was still running")


def undisturbed(process, folder):
    """Wait for a run of which no rank was killed; it must end well."""
    code = finish(process, "nobody was killed")
    if code:
        said = (folder / "said.txt").read_text(errors="replace")
        sys.exit(f"FAILED: nobody was killed, and the run ended with code {code}:\n{said[-3000:]}")


def one_round(folder, dice):
    """Train to the end, with kills; return how many there were."""
    kills = 0
    while not (folder / "end.npz").exists():
        process, start, wait = launch(folder), time.monotonic(), dice.uniform(0.3, 2.5)
        while process.poll() is None and time.monotonic() - start < wait:
            time.sleep(0.02)
        rank = dice.randrange(2)
        pid = folder / f"{rank}.pid"
        if process.poll() is None and pid.exists() and dice.random() < 0.9:
            with contextlib.suppress(ProcessLookupError, ValueError):  # it has just ended, or just begun to write
                os.kill(int(pid.read_text()), signal.SIGKILL)
                kills += 1
            finish(process, f"rank {rank} was killed after {wait:.1f} s")
        else:
            undisturbed(process, folder)
    return kills


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.train:
        return train(asked.train)
    dice, end = random.Random(asked.seed), time.monotonic() + 60 * asked.minutes
    rounds = kills = 0
    with tempfile.TemporaryDirectory() as top:
        calm = Path(top, "calm")
        calm.mkdir()
        undisturbed(launch(calm), calm)
        expected = dict(np.load(calm / "end.npz"))
        while time.monotonic() < end:
            folder = Path(top, str(rounds))
            folder.mkdir()
            kills += one_round(folder, dice)
            found = dict(np.load(folder / "end.npz"))
            if not all(np.array_equal(found[name], value) for name, value in expected.items()):
                sys.exit(f"FAILED: round {rounds} ended with other weights than a run without kills")
            rounds += 1
            print(
                f"\r{rounds} runs, {kills} kills: no hang, and the weights of a run without kills", end="", flush=True
            )
    print()
    return None


if __name__ == "__main__":
    main()
