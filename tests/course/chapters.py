"""Run a chapter of the course, and find what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

COURSE = Path(__file__).parents[2] / "examples/course"


def run(chapter, folder, *arguments):
    """Return what a chapter prints; its pictures go into a folder. Without the real data the test is skipped."""
    for package in ("sklearn", "matplotlib", "pandas"):
        pytest.importorskip(package)
    if not os.environ.get("TINYGRAD_ML_DATA"):
        pytest.skip("needs the real data in the folder that TINYGRAD_ML_DATA names")
    (path,) = COURSE.glob(f"{chapter:02}_*.py")
    environment = os.environ | {"TINYGRAD_ML_OUTPUT": str(folder), "MPLBACKEND": "Agg"}
    command = [sys.executable, "-W", "error", str(path), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pictures = list(folder.glob(f"{chapter:02}_*.png"))
    assert pictures
    for picture in pictures:
        assert str(picture) in done.stdout
        assert picture.stat().st_size > 10_000
    return done.stdout


def numbers(pattern, text):
    """Return the numbers that the groups of a pattern match, at the only place where it matches."""
    (groups,) = re.findall(pattern, text)
    return [float(number.replace(",", "")) for number in ([groups] if isinstance(groups, str) else groups)]
