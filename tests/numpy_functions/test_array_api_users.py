"""SciPy's and scikit-learn's functions on Tensors, dispatched by the array API: right values, right gradients."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_ml as tg

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def results():
    scipy, sklearn = pytest.importorskip("scipy"), pytest.importorskip("sklearn")
    if tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 17) or sklearn.__version__.split(".") < ["1", "9"]:
        pytest.skip("older versions dispatch fewer functions")
    program = [sys.executable, "-W", "ignore", "-m", "tests.numpy_functions.array_api_users"]
    done = subprocess.run(program, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


def test_the_functions_are_differentiated(results):
    assert len(results) >= 210
    failed = {name: found["error"] for name, found in results.items() if "error" in found}
    assert not failed
    for name, found in results.items():
        assert found["value"] < 1e-12, name
        gradient, differences = found["derivative"]
        assert gradient == pytest.approx(differences, rel=1e-6, abs=1e-7), name


def test_the_page_lists_what_is_differentiated(results):
    page = (ROOT / "docs" / "arrays.md").read_text()
    lines = re.findall(r"^\| `([\w.]+)` \| (.+) \|$", page, re.MULTILINE)
    listed = [f"{module}.{name}" for module, names in lines for name in re.findall(r"`(\w+)`", names)]
    assert sorted(listed) == sorted({name.partition(",")[0] for name in results})


def test_without_the_settings_nothing_is_lost_silently():
    stats = pytest.importorskip("scipy.stats")
    with pytest.raises(TypeError, match="silently"):
        stats.gmean(tg.tensor([1.0, 2.0], requires_grad=True))
    assert stats.gmean(tg.tensor([2.0, 2.0])) == pytest.approx(2.0)
