"""The examples that tell a story: they run, and what they say is true."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name, output, *arguments):
    environment = os.environ | {"TINYGRAD_ML_OUTPUT": str(output), "MPLBACKEND": "Agg"}
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments], env=environment, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.slow
def test_the_quickstart_reads_97_percent_of_the_test_digits(tmp_path):
    for package in ("sklearn", "matplotlib", "tqdm"):
        pytest.importorskip(package)
    text = run("quickstart.py", tmp_path)
    accuracies = dict(re.findall(r"^(.+): ([\d.]+)% of the test images", text, re.MULTILINE))
    assert float(accuracies["MLP"]) >= 97
    assert float(accuracies["Softmax regression"]) >= 93
    assert {path.suffix for path in tmp_path.iterdir()} >= {".png"}
    for path in tmp_path.iterdir():
        assert str(path) in text
