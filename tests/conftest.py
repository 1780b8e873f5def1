"""What all tests share: the state that each begins with, PyTorch where there is one, a line about what is missing."""

import re
from collections import Counter

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import arrays

# a program that needs PyTorch and that a test calls, and what tests share that need scikit-learn: no tests of their own
collect_ignore = ["fuzz_programs.py", "metrics/scikit_learn.py"]
MISSING = re.compile(r"could not import '(\w+)|No module named '(\w+)|module '(\w+)' has __version__")


@pytest.fixture(autouse=True)
def _seeds():
    """Begin every test with the same random state, whichever tests ran before it in this process."""
    tg.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002  # that of code which draws from NumPy's global state


@pytest.fixture
def float64():
    """Make float64 the default float of a test."""
    before = tg.get_default_dtype()
    tg.set_default_dtype("float64")
    yield
    tg.set_default_dtype(before)


@pytest.fixture
def torch():
    """Return PyTorch; the test is skipped where it is not installed."""
    return pytest.importorskip("torch")


@pytest.fixture
def forgotten_kinds():
    """Forget after a test the kinds of arrays that it met: the library asks for them only if it met one."""
    memories = arrays.KINDS, arrays.CHANGEABLE, arrays._stands_in
    before = [memory.copy() for memory in memories]
    yield
    for memory, known in zip(memories, before):
        memory.clear()
        memory.update(known)


@pytest.fixture
def cupy():
    """Return CuPy; the test is skipped where it is not installed, or where there is no GPU."""
    cupy = pytest.importorskip("cupy")
    try:
        cupy.zeros(1)
    except Exception as error:  # each reason has a class of its own
        pytest.skip(f"CuPy finds no GPU: {type(error).__name__}")
    return cupy


@pytest.fixture
def special():
    """Return SciPy's special functions; the test is skipped where it is not installed."""
    return pytest.importorskip("scipy.special")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark the tests that compare with PyTorch: `-m torch` runs them alone, `-m "not torch"` the others."""
    for item in items:
        if "torch" in getattr(item, "fixturenames", ()) or item.path.stem.endswith("_pytorch"):
            item.add_marker("torch")


def pytest_terminal_summary(terminalreporter):
    """Say in one line which packages are missing, and in one for each other reason what was skipped."""
    packages, reasons = Counter(), Counter()
    for report in terminalreporter.stats.get("skipped", ()):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        missing = MISSING.search(reason)
        if missing:
            packages[next(filter(None, missing.groups()))] += 1
        else:
            reasons[reason.removeprefix("Skipped: ")] += 1
    if packages:
        counts = ", ".join(f"{name} {n}" for name, n in packages.most_common())
        terminalreporter.write_line(
            f"skipped, as packages are missing or too old: {counts} (scripts/setup.sh dev,pytorch,jax installs them)"
        )
    for reason, n in reasons.most_common():
        terminalreporter.write_line(f"skipped: {n} x {reason}")
