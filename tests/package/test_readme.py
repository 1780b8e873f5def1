"""The programs of the README and of the pages in docs run as they stand."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
PAGES_OF_THE_SITE = sorted((ROOT / "docs/site").glob("*.md"))  # its links are followed when it is built
LONG_TO_IMPORT = re.compile(r"^(?:import|from) (?:torch|sklearn|skops|jax|scipy|polars)", re.M)
OPTIONAL = re.compile(r"^(?:import|from) (torch|onnxruntime|jax|dask\.distributed|polars|skops)", re.M)
BLOCKS = [
    pytest.param(block, id=f"{page.name}-{i}", marks=[pytest.mark.slow] if LONG_TO_IMPORT.search(block) else [])
    for page in [*PAGES, *PAGES_OF_THE_SITE]
    for i, block in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S))
    if "import tinygrad_ml" in block or "from tinygrad_ml.models" in block
]


@pytest.mark.parametrize("block", BLOCKS)
def test_the_program_runs(block, tmp_path, request):
    if "tg.onnx" in block:
        pytest.importorskip("onnx")
    for package in OPTIONAL.findall(block):
        pytest.importorskip(package)
    if "import cupy" in block:
        request.getfixturevalue("cupy")
    result = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_core_that_a_page_builds_runs_and_has_60_lines(tmp_path):
    page = (ROOT / "docs/how-it-works.md").read_text(encoding="utf-8")
    *core, use = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert sum(bool(line.strip()) for line in "".join(core).splitlines()) <= 60
    result = subprocess.run([sys.executable, "-c", "".join([*core, use])], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    (says,) = re.findall(r"^print.*# (.*)$", use, re.MULTILINE)
    assert result.stdout.strip() == says
