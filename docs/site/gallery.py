"""Write the gallery: a page for each example and each chapter of the course, with what it prints and draws.

Sphinx-Gallery, the usual tool for this, reads the text between cells as reStructuredText and takes the pictures that
matplotlib holds open; here the text is Markdown, as notebooks have it, and the programs save their pictures.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from cells import Cell, cells
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
THUMBNAIL = (420, 280)
NOT_HERE = "is not on this machine"  # what the library says of data that are neither here nor to be had


@dataclass
class Example:
    """A program and what became of it."""

    path: Path
    parts: list[Cell]
    results: list[dict] | None = None  # None: it did not run for want of data
    pictures: list[str] = field(default_factory=list)

    @property
    def name(self):
        """The name of the page."""
        return self.path.stem

    @property
    def chapter(self):
        """Whether it is of the course."""
        return self.path.parent.name == "course"

    @property
    def title(self):
        """The first heading of the text."""
        return re.search(r"^# (.+)$", self.parts[0].text, re.MULTILINE)[1]


def fingerprint(example, quick):
    """Return a word that changes with the program and with the library."""
    library = [path for room in ("tinygrad_ml", "models") for path in sorted((ROOT / room).rglob("*.py"))]
    found = hashlib.sha256(repr((quick, os.environ.get("TINYGRAD_ML_DATA"))).encode())
    for path in [example.path, Path(__file__), Path(__file__).with_name("cells.py"), *library]:
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def run(example, cache, quick):
    """Run an example, unless it ran before and nothing has changed; return the folder of what it wrote."""
    folder = cache / f"{example.name}-{fingerprint(example, quick)}"
    result, output = folder / "result.json", folder / "output"
    if not result.exists():
        for old in cache.glob(f"{example.name}-*"):
            shutil.rmtree(old)
        output.mkdir(parents=True)
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        environment = os.environ | threads | {"MPLBACKEND": "Agg", "TINYGRAD_ML_OUTPUT": "output", "PYTHONPATH": path}
        command = [sys.executable, str(Path(__file__).with_name("cells.py")), str(example.path), str(result)]
        done = subprocess.run(
            [*command, *(["--quick"] if quick else [])], cwd=folder, env=environment, capture_output=True, text=True
        )
        if done.returncode and NOT_HERE in done.stderr and not os.environ.get("TINYGRAD_ML_DATA"):
            result.write_text("null")
        elif done.returncode:
            raise RuntimeError(f"{example.path} failed:\n{done.stderr}")
    example.results = json.loads(result.read_text(encoding="utf-8"))
    return output


def readable(text):
    """Return a cell without the marks that are meant for linters."""
    return re.sub(r"  # noqa.*", "", text).strip()


def fence(text, language):
    """Return a block of code, within as many backticks as it needs."""
    ticks = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`{3,}", text)), 3)
    return f"{ticks}{language}\n{text.strip(chr(10))}\n{ticks}"


def shown(example, index, level):
    """Return what a cell printed, and its pictures and pages."""
    result = example.results[index]
    parts = []
    pictures = [name for name in result["files"] if name.endswith((".png", ".svg"))]
    example.pictures += pictures
    parts += [f"![{caption(name)}]({example.name}/{name})" for name in pictures]
    if result["printed"].strip():
        parts.append(fence(result["printed"], "{code-block} text\n:class: printed\n"))
    for name in result["files"]:
        if name.endswith(".html"):
            parts.append(f"{'#' * level} {caption(name)}\n")
            parts.append(f"```{{raw}} html\n{frame(f'{example.name}/{name}', caption(name))}\n```")
    return parts


def caption(name):
    """Return the words of the name of a file."""
    return re.sub(r"[_-]+", " ", Path(name).stem).strip().capitalize()


def frame(address, title):
    """Return the HTML that shows a page within a page, and a link that opens it on its own."""
    return (
        f'<iframe class="page-in-page" src="{address}" title="{title}" loading="lazy"></iframe>\n'
        f'<p class="open-alone"><a href="{address}">Open on a page of its own</a></p>'
    )


def page(example, quick):
    """Return the text of the page of an example."""
    lines = []
    if example.chapter:
        for index, part in enumerate(example.parts):
            lines.append(part.text if part.kind == "markdown" else fence(readable(part.text), "python"))
            if example.results:
                lines += shown(example, index, 3)
            if index == 0:
                lines += notes(example, quick)
    else:
        text, code = example.parts
        lines += [text.text, *notes(example, quick)]
        if example.results:
            lines += ["## What it draws and prints", *shown(example, 1, 3)]
        lines += ["## The program", fence(readable(code.text), "python")]
    return "\n\n".join(lines) + "\n"


def notes(example, quick):
    """Return where the program is to be had, and how it was run."""
    if example.results is None:
        how = "It did not run for this page, since its data were not at hand."
    elif quick:
        how = "For this page it ran with `--quick`: on less data, or for fewer steps."
    else:
        how = "For this page it ran in full."
    program, notebook = (f"{example.name}/{example.name}.{end}" for end in ("py", "ipynb"))
    return [f"{{.where-from}}\nTo run it yourself: [the program]({program}), [as a notebook]({notebook}). {how}"]


def notebook(example, kernel="python3"):
    """Return the example as a notebook for a kernel of that name."""
    made = []
    for part in example.parts:
        cell = {"cell_type": part.kind, "id": f"cell-{len(made)}", "metadata": {}, "source": readable(part.text)}
        made.append(cell | ({"outputs": [], "execution_count": None} if part.kind == "code" else {}))
    spec = {"name": kernel, "display_name": "Python 3", "language": "python"}
    return json.dumps({"cells": made, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def card(example):
    """Return the entry of an example in the gallery."""
    lines = [f":::{{grid-item-card}} {example.title}", f":link: {example.name}", ":link-type: doc"]
    if example.pictures:
        lines.append(f":img-top: {example.name}/thumbnail.png")
        lines.append(f":img-alt: {caption(example.pictures[0])}")
    return "\n".join([*lines, ":::"])


def thumbnail(picture, path):
    """Write a small version of a picture on a white ground, in the format of all others."""
    with Image.open(picture) as image:
        image = image.convert("RGB")
        image.thumbnail(THUMBNAIL, Image.Resampling.LANCZOS)
        ground = Image.new("RGB", THUMBNAIL, "white")
        ground.paste(image, ((THUMBNAIL[0] - image.width) // 2, (THUMBNAIL[1] - image.height) // 2))
        ground.save(path, optimize=True)


def write(folder, cache, quick=True):
    """Run all examples, as many at a time as there are cores, and write their pages into a folder."""
    paths = [*sorted((ROOT / "examples" / "course").glob("*.py")), *sorted((ROOT / "examples").glob("*.py"))]
    examples = [Example(path, cells(path.read_text(encoding="utf-8"))) for path in paths]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outputs = list(pool.map(lambda example: run(example, cache, quick), examples))
    for example, output in zip(examples, outputs, strict=True):
        beside = folder / example.name
        shutil.copytree(output, beside)
        shutil.copy(example.path, beside)
        (beside / f"{example.name}.ipynb").write_text(notebook(example), encoding="utf-8")
        (folder / f"{example.name}.md").write_text(page(example, quick), encoding="utf-8")
        drawn = [name for name in example.pictures if name.endswith(".png")]
        if drawn:
            thumbnail(beside / drawn[0], beside / "thumbnail.png")
    groups = [("The course", True), ("Examples", False)]
    lines = ["# Gallery", "Programs that run as they stand, with what they print and draw."]
    for title, chapter in groups:
        of_it = [example for example in examples if example.chapter == chapter]
        if of_it:
            lines += [f"## {title}", "::::{grid} 1 2 3 3\n:gutter: 3\n", *map(card, of_it), "::::"]
            entries = "\n".join(example.name for example in of_it)
            lines.append(f"```{{toctree}}\n:hidden:\n:caption: {title}\n\n{entries}\n```")
    (folder / "index.md").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
