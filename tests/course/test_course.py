"""The page of the course leads to all of it, and chapters are notebooks."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "examples/course").glob("*.py"))
PAGE = (ROOT / "docs/course.md").read_text(encoding="utf-8")
ROWS = [
    line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| concept", "| ---", "| | |"))
]


def test_every_concept_has_a_place():
    assert len(ROWS) > 60
    assert [row for row in ROWS if not re.search(r"\]\([^)]+\)", row)] == []


def test_every_chapter_is_on_the_page_and_has_tests():
    for chapter in CHAPTERS:
        assert f"../examples/course/{chapter.name}" in PAGE
        assert (Path(__file__).parent / f"test_{chapter.name}").exists()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_is_a_notebook_that_ends_with_three_exercises(chapter):
    jupytext = pytest.importorskip("jupytext")
    cells = jupytext.read(chapter).cells
    assert cells[0].cell_type == "markdown"
    assert cells[0].source.startswith(f"# {int(chapter.name[:2])}. ")
    assert cells[-1].cell_type == "markdown"
    exercises = cells[-1].source.split("## Exercises")[1]
    assert re.findall(r"^(\d)\. ", exercises, re.MULTILINE) == ["1", "2", "3"]
    tests = (Path(__file__).parent / f"test_{chapter.name}").read_text(encoding="utf-8")
    assert all(f"def test_exercise_{k}" in tests for k in (1, 2, 3))


@pytest.mark.slow
def test_a_chapter_runs_in_a_kernel(tmp_path, monkeypatch):
    jupytext, nbclient = pytest.importorskip("jupytext"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("TINYGRAD_ML_OUTPUT", str(tmp_path))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = jupytext.read(ROOT / "examples/course/22_critical_points.py")
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("saddle: curvatures" in output.get("text", "") for output in outputs)
    assert any("image/png" in output.get("data", {}) for output in outputs)
