"""The pytest plugin: the fixture `gradcheck`, the option `--gradcheck`, and a line in the summary.

Every run of pytest loads it, in other projects too. So it stands outside the package, whose import would take longer
than all that pytest does in an empty run, and imports the library when a test asks for the fixture.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

__all__ = ["gradcheck", "pytest_addoption", "pytest_configure", "pytest_runtest_makereport", "pytest_terminal_summary"]

MARKER = "slow_gradcheck: a gradient check that takes long: along random directions, unless --gradcheck=full is given"
ENTRIES = "gradcheck: entries"  # properties of a test, which reach the summary from the workers of pytest-xdist too
WRONG = "gradcheck: wrong"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option --gradcheck."""
    parser.getgroup("tinygrad_ml").addoption(
        "--gradcheck",
        choices=("full", "random"),
        default=None,
        help="compare every entry of every gradient, or slopes along random directions "
        "(default: full, and random for tests marked slow_gradcheck)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return `tg.testing.gradcheck`, with the mode that the command line or the marker of the test asks for."""
    from tinygrad_ml.testing import GradientCheckError
    from tinygrad_ml.testing import gradcheck as check

    mode = request.config.getoption("--gradcheck")
    if mode is None:
        mode = "random" if request.node.get_closest_marker("slow_gradcheck") else "full"

    def gradcheck(fn: Any, inputs: Any = (), **options: Any) -> Any:
        __tracebackhide__ = True  # the failing line is that of the test
        try:
            report = check(fn, inputs, **{"mode": mode} | options)
        except GradientCheckError as error:
            request.node.user_properties += [(ENTRIES, error.report.entries), (WRONG, 1)]
            raise
        request.node.user_properties += [(ENTRIES, report.entries), (WRONG, 0)]
        return report

    return gradcheck


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Any:
    """Leave the lines of the library out of a traceback, and the path of the exception out of the line of the summary.

    So the user's line is the last one that is seen, and the summary has room for the cause.
    """
    if call.excinfo is not None:
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == "tinygrad_ml":
                module.__tracebackhide__ = True  # type: ignore[attr-defined]
    outcome = yield
    crash = getattr(outcome.get_result().longrepr, "reprcrash", None)
    if crash is not None:
        crash.message = crash.message.removeprefix("tinygrad_ml.testing.")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many entries were checked."""
    reports = [r for group in terminalreporter.stats.values() for r in group if getattr(r, "when", "") == "call"]
    properties = [item for report in reports for item in report.user_properties]
    entries = sum(n for name, n in properties if name == ENTRIES)
    verdicts = [n for name, n in properties if name == WRONG]
    if verdicts:
        wrong = f", {sum(verdicts)} wrong" if any(verdicts) else ""
        checks = f"{len(verdicts):,} gradient{'s' if len(verdicts) > 1 else ''}"
        terminalreporter.write_line(f"gradcheck: {entries:,} entries of {checks} checked{wrong}")
