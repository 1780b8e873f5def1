"""The pytest plugin by a name in the package, for `pytest -p tinygrad_ml.testing.plugin` where nothing is installed."""

from tinygrad_ml_pytest import (
    gradcheck,
    pytest_addoption,
    pytest_configure,
    pytest_runtest_makereport,
    pytest_terminal_summary,
)

__all__ = ["gradcheck", "pytest_addoption", "pytest_configure", "pytest_runtest_makereport", "pytest_terminal_summary"]
