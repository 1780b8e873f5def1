"""Many processes: the same numbers as one, and nobody waits for ever."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_ml as tg

PROGRAM = Path(__file__).parent / "program.py"
ROOT = Path(__file__).parents[2]


def run(folder, case, ranks, timeout=60):
    """Run a case on some ranks; return the exit code, what was printed, and what each rank found."""
    folder.mkdir(exist_ok=True)
    launcher = [] if ranks == 1 else ["mpiexec", "-n", str(ranks), "--oversubscribe", "--allow-run-as-root"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment |= {"OMPI_MCA_btl_vader_single_copy_mechanism": "none"}
    done = subprocess.run(
        [*launcher, sys.executable, str(PROGRAM), str(folder), case],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    found = [dict(np.load(folder / f"{r}.npz")) for r in range(ranks) if (folder / f"{r}.npz").exists()]
    return done.returncode, done.stdout + done.stderr, found


@pytest.fixture(autouse=True)
def _mpi():
    pytest.importorskip("mpi4py")
    if shutil.which("mpiexec") is None:
        pytest.skip("there is no mpiexec")


@pytest.mark.parametrize("ranks", [2, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "case",
    [
        "sgd",
        *(pytest.param(c, marks=pytest.mark.slow) for c in ("everything", "steps", "small batches", "lbfgs", "sparse")),
    ],
)
def test_ranks_find_what_one_process_finds(case, ranks, tmp_path):
    code, text, found = run(tmp_path / "many", case, ranks)
    assert (code, len(found)) == (0, ranks), text
    code, text, (alone,) = run(tmp_path / "one", case, 1)
    assert code == 0, text
    for rank in found:
        assert rank.keys() == alone.keys()
        for name, value in alone.items():
            np.testing.assert_allclose(rank[name], value, rtol=1e-12, atol=1e-12, err_msg=name)
            np.testing.assert_array_equal(rank[name], found[0][name])  # bit for bit among themselves
    if case == "everything":  # rank 0 writes
        assert [path.name for path in (tmp_path / "many").glob("*.csv")] == ["log0.csv"]


@pytest.mark.slow
def test_gradients_averaged_by_hand(tmp_path):
    _, text, found = run(tmp_path / "many", "by hand", 2)
    _, _, (alone,) = run(tmp_path / "one", "by hand", 1)
    for name in alone:
        if name.startswith("p"):
            np.testing.assert_allclose(found[1][name], alone[name], rtol=1e-12, err_msg=text)


@pytest.mark.slow
def test_ranks_agree_also_with_batch_norm_and_dropout(tmp_path):
    code, text, (one, two) = run(tmp_path, "batch norm and dropout", 2)
    assert code == 0, text
    for name in one:
        assert np.array_equal(one[name], two[name]) == (name != "drawn"), name  # masks of their own


@pytest.mark.slow
def test_a_resumed_run_is_an_unbroken_one(tmp_path):
    for case in ("resume first", "resume"):
        code, text, found = run(tmp_path / case, case, 2)
        assert code == 0, text
    _, _, unbroken = run(tmp_path / "unbroken", "unbroken", 2)
    for name, value in unbroken[0].items():
        np.testing.assert_array_equal(found[1][name], value, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "words"),
    [
        (
            "an error",
            ["ValueError: rank 1 has had enough", "RankFailed: rank 1 ended by ValueError: rank 1 has had enough"],
        ),
        ("not finite", ["Diverged"]),
        ("killed", ["signal 9"]),
        ("leaves", ["rank 1 ended by SystemExit: 0"]),
        ("never comes", ["rank 1 has left before the others"]),
        ("before", ["rank 1 ended by KeyError: 'before fit'"]),
        (
            "other data",
            ["ValueError: distributed: the ranks differ in the number of batches: rank 0 has 7, rank 1 has 5"],
        ),
        ("caught", ["rank 1 goes on after RuntimeError", "rank 0 goes on after RankFailed with 0 epochs"]),
    ],
)
def test_nobody_waits_for_ever(case, words, tmp_path):
    code, text, _ = run(tmp_path, case, 2, timeout=60)
    assert code != 0
    for word in words:
        assert word in text


@pytest.mark.slow
def test_ctrl_c_at_one_rank_ends_all_after_the_same_batch(tmp_path):
    code, text, found = run(tmp_path, "interrupted", 2)
    assert code == 0, text
    assert len(re.findall(r"rank \d: Interrupted in epoch 1 of 50, after batch 4\.", text)) == 2
    np.testing.assert_array_equal(found[0]["p0"], found[1]["p0"])


def test_one_process_is_a_world_of_its_own():
    world = tg.distributed.world()
    assert (world.rank, world.size, world.gather("a"), world.broadcast(3)) == (0, 1, ["a"], 3)
    array = np.ones(3)
    world.add(array)
    assert array.tolist() == [1, 1, 1]
