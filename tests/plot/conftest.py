"""Every picture leaves the user's settings alone, shows nothing by itself, and can be drawn into a file."""

import pytest


@pytest.fixture(autouse=True)
def _nothing_else_changes(monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    settings = dict(plt.rcParams)
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("plt.show() was called"))
    yield
    for number in plt.get_fignums():
        plt.figure(number).canvas.draw()
    assert dict(plt.rcParams) == settings
    plt.close("all")
