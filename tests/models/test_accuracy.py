"""The models do as well on real data that they have not seen as benchmarks/accuracy.py asks for."""

import runpy
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pandas")
pytest.importorskip("matplotlib")
benchmark = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "accuracy.py"))


FIGURES = benchmark["FIGURES"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "figure", "bar", "needs_data"), FIGURES, ids=[row[0] for row in FIGURES])
def test_reaches_the_bar_on_data_that_it_has_not_seen(name, figure, bar, needs_data):
    if needs_data and not benchmark["DATA"].is_dir():
        pytest.skip("TINYGRAD_ML_DATA names no folder")
    assert benchmark["reaches"](figure(), bar), name
