"""What is installed: the wheel, and the package in the folder of a clone."""

import configparser
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from shutil import copy, copytree, ignore_patterns, which

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.graph.show.explorer import SCRIPTS

ROOT = Path(__file__).parents[2]
SITE_PACKAGES = str(Path(np.__file__).parents[1])
DATA_FILES = [
    "tinygrad_ml/py.typed",
    "tinygrad_ml/README.md",
    *(f"tinygrad_ml/{name}.c" for name in ("c_backend/gemm", "c_backend/pooling", "native/vectors", "ops/direct")),
    "tinygrad_ml/models/loops.c",
    "tinygrad_ml/graph/show/explorer.html",
    "tinygrad_ml/graph/show/explorer.css",
    *(f"tinygrad_ml/graph/show/page/{name}.js" for name in SCRIPTS),
    "tinygrad_ml/graph/show/picture.html",
    "tinygrad_ml/graph/show/layout.js",
    "tinygrad_ml/graph/show/viz/viz-global.js",
    "tinygrad_ml/graph/show/viz/LICENSE",
]


def setup(section, option):
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser[section][option].split()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Copy the files of which a distribution is built, so that nothing is written into the clone."""
    folder = tmp_path_factory.mktemp("source")
    for package in ("tinygrad_ml", "models"):
        copytree(ROOT / package, folder / package, ignore=ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "tinygrad_ml_pytest.py"):
        copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    pytest.importorskip("setuptools", "77")
    folder = tmp_path_factory.mktemp("wheel")
    build = f"from setuptools.build_meta import build_wheel; build_wheel({str(folder)!r})"
    done = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Return a folder in which nothing but the wheel is installed."""
    folder = tmp_path_factory.mktemp("site")
    wheel.extractall(folder)
    return folder


def run(program, *path, cwd):
    """Run a program that finds packages in the folders of a path, in NumPy's and nowhere else."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [*path, SITE_PACKAGES]))}
    command = [sys.executable, "-S", "-c", program]  # -S: without the hooks by which editable installs are found
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---------------------------------------------------------------------- what is listed


def test_each_folder_of_code_is_listed_by_name():
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "tinygrad_ml").rglob("*.py")}
    found = {".".join(folder.parts) for folder in folders} | {"tinygrad_ml.models"}
    assert sorted(setup("options", "packages")) == sorted(found)


def test_the_urls_are_placeholders_until_the_project_has_a_public_place():
    """When it has one, put its address into these files, and take this test away."""
    urls = [word for word in setup("metadata", "project_urls") if word.startswith("http")]
    assert urls
    assert all(url.startswith("https://example.org/tinygrad_ml") for url in urls)
    for name in ("CITATION.cff", "SECURITY.md", ".github/ISSUE_TEMPLATE/config.yml"):
        assert "https://example.org/tinygrad_ml" in (ROOT / name).read_text(encoding="utf-8")


def test_the_version_is_written_in_one_place():
    (version,) = re.findall(r'^__version__ = "([\d.]+)"$', (ROOT / "tinygrad_ml/__init__.py").read_text(), re.MULTILINE)
    assert version == tg.__version__
    assert setup("metadata", "version") == ["attr:", "tinygrad_ml.__version__"]
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


# ---------------------------------------------------------------------- the wheel


def test_the_wheel_holds_the_code_and_the_data_files_and_nothing_else(wheel):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    code = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tinygrad_ml").rglob("*.py")}
    code |= {"tinygrad_ml_pytest.py"} | {"tinygrad_ml/models/" + path.name for path in (ROOT / "models").glob("*.py")}
    stubs = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tinygrad_ml").rglob("*.pyi")}
    assert names == code | stubs | set(DATA_FILES)


def test_the_wheel_says_its_version_and_its_extras(wheel):
    (metadata,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    text = wheel.read(metadata).decode()
    assert f"\nVersion: {tg.__version__}\n" in text
    assert {"examples", "test", "browser", "dev"} <= set(re.findall(r"^Provides-Extra: (.+)$", text, re.MULTILINE))
    required = re.findall(r"^Requires-Dist: ([^;\n]+)$", text, re.MULTILINE)
    assert sorted(required) == ["graphviz", "numpy>=2.0"]


def test_every_module_of_the_wheel_can_be_imported(installed):
    modules = [
        ".".join(path.relative_to(installed).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(installed.rglob("*.py"))
    ]
    assert len(modules) > 100
    program = f"from importlib import import_module\nfor name in {modules}: print(import_module(name).__file__)"
    assert [Path(line) for line in run(program, installed, cwd=installed).splitlines()] == sorted(
        installed.rglob("*.py")
    )


# ---------------------------------------------------------------------- where it stands


@pytest.fixture
def clone(tmp_path):
    """Make the folder of a clone, in which `models` lies beside the package."""
    for package in ("tinygrad_ml", "models"):
        copytree(ROOT / package, tmp_path / package, ignore=ignore_patterns("__pycache__"))
    return tmp_path


WHERE = "import tinygrad_ml as tg; print(tg.__file__); print(tg.models.__file__); tg.models.MLPClassifier()"


def test_in_a_clone_it_finds_its_own_models(clone):
    expected = [clone / "tinygrad_ml/__init__.py", clone / "models/__init__.py"]
    assert run(WHERE, cwd=clone).splitlines() == list(map(str, expected))


def test_in_a_clone_it_finds_the_models_of_the_clone_and_not_the_installed_ones(clone, installed):
    expected = [clone / "tinygrad_ml/__init__.py", clone / "models/__init__.py"]
    assert run(WHERE, installed, cwd=clone).splitlines() == list(map(str, expected))


def test_installed_it_finds_the_installed_models(installed, tmp_path):
    expected = [installed / "tinygrad_ml/__init__.py", installed / "tinygrad_ml/models/__init__.py"]
    assert run(WHERE, installed, cwd=tmp_path).splitlines() == list(map(str, expected))


# ---------------------------------------------------------------------- the sdist


def test_the_sdist_is_the_whole_repository(tmp_path):
    """All that git tracks is in it, so that its tests run from it."""
    pytest.importorskip("setuptools", "77")
    if which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    for name in tracked:
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, tmp_path / "source" / name)
    build = f"from setuptools.build_meta import build_sdist; build_sdist({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", build], cwd=tmp_path / "source", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with tarfile.open(tmp_path / f"tinygrad_ml-{tg.__version__}.tar.gz") as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()}
    assert set(tracked) <= held
