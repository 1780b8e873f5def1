"""What makes the site: its pages hold every public name, and no link leads nowhere. `.ci/run` builds all of it."""

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

import tinygrad_ml as tg

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def _path():
    sys.path.insert(0, str(ROOT / "docs/site"))
    yield
    sys.path.remove(str(ROOT / "docs/site"))


def test_the_reference_has_a_page_for_each_room():
    pages = {room.module for room in import_module("reference").rooms()}
    rooms = {f"tinygrad_ml.{name}" for name in tg.__all__ if type(getattr(tg, name)) is type(tg)}
    assert rooms - pages == {"tinygrad_ml.ops"}  # its names are those at the top


def test_the_reference_has_each_name_once(tmp_path):
    reference = import_module("reference")
    reference.write(tmp_path)
    directives = []
    for room in reference.rooms():
        text = (tmp_path / f"{room.page}.rst").read_text(encoding="utf-8")
        described = re.findall(rf"^\.\. auto\w+:: {room.module}\.(\w+)$", text, re.MULTILINE)
        others = re.findall(r"^\* ``(\w+)``: :py:obj:`", text, re.MULTILINE)
        constants = re.findall(r"``(\w+)``", text.partition("\nConstants and dtypes\n")[2].partition("---\n\n")[2])
        names = [name for name in room.names if type(getattr(import_module(room.module), name)) is not type(tg)]
        assert sorted({*described, *others, *constants} & {*names}) == sorted(names)
        directives += [f"{room.module}.{name}" for name in described]
    assert len(directives) == len(set(directives)) > 500


def test_a_dead_link_is_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here"></a><a href="b.html#there"></a><a href="b.html"></a><img src="no.png"/>'
        '<a href="c.html"></a><a href="#gone"></a><a href="https://example.org/x"></a></p>'
    )
    (tmp_path / "b.html").write_text("<h1>b</h1>")
    found = import_module("links").dead(tmp_path)
    assert found == ["a.html: #gone", "a.html: b.html#there", "a.html: c.html", "a.html: no.png"]
