"""Build the part of the site that runs in the browser, a JupyterLite: `python docs/site/browser.py FOLDER CACHE`.

It holds the notebooks of docs/browser, a wheel of this library, and what runs Python in the browser (`runtime.py`).
Where that is not to be had, the page takes it from Pyodide's own site when it is opened.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import runtime
from cells import Cell, cells
from gallery import Example, notebook

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ("neuron", "gradient", "pytorch")
INSTALL = Cell("code", "%pip install -q tinygrad_ml")  # from the wheels of the page
PURE = ("graphviz", "comm")  # what the library and the kernel need beside the packages of Pyodide


def wheels(folder):
    """Write into a folder the wheel of this library, and those of the pure Python packages that it needs."""
    folder.mkdir(parents=True)
    source = folder / "source"
    source.mkdir()
    for name in ("tinygrad_ml", "models"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "tinygrad_ml_pytest.py"):
        shutil.copy(ROOT / name, source)
    build = f"from setuptools.build_meta import build_wheel; build_wheel({str(folder)!r})"
    run([sys.executable, "-c", build], cwd=source)
    shutil.rmtree(source)
    run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", str(folder), *PURE])
    return sorted(folder.glob("*.whl"))


def run(command, **options):
    """Run a command; what it says is shown only if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")


def contents(folder):
    """Write the notebooks into a folder."""
    folder.mkdir(parents=True)
    for name in NOTEBOOKS:
        path = ROOT / "docs/browser" / f"{name}.py"
        first, *others = cells(path.read_text(encoding="utf-8"))
        text = notebook(Example(path, [first, INSTALL, *others]), kernel="python")  # as JupyterLite calls it
        (folder / f"{name}.ipynb").write_text(text, encoding="utf-8")


def build(target, cache):
    """Build it into a folder; return whether all that it needs is in there."""
    lite = cache / "lite"
    shutil.rmtree(lite, ignore_errors=True)
    shutil.rmtree(target, ignore_errors=True)
    contents(lite / "contents")
    settings = {"jupyter-config-data": {"appName": "tinygrad_ml", "exposeAppInBrowser": True}}
    complete = True
    try:
        shutil.copytree(runtime.get(cache / "pyodide"), lite / "static" / "pyodide")
    except runtime.NotToBeHad as error:
        print(f"the notebooks will get Pyodide from {runtime.SITE}: {error}")
        kernel = {"pyodideUrl": f"{runtime.SITE}pyodide.mjs"}
        settings["jupyter-config-data"]["litePluginSettings"] = {"@jupyterlite/pyodide-kernel-extension:kernel": kernel}
        complete = False
    (lite / "jupyter-lite.json").write_text(json.dumps({"jupyter-lite-schema-version": 0} | settings))
    options = ["--lite-dir", lite, "--contents", lite / "contents", "--output-dir", target]
    options += ["--apps", "notebooks", "--apps", "repl", "--no-unused-shared-packages", "--no-sourcemaps"]
    for wheel in wheels(lite / "wheels"):
        options += ["--piplite-wheels", wheel]
    run([sys.executable, "-m", "jupyterlite_core.app", "build", *map(str, options)], cwd=lite)
    return complete


if __name__ == "__main__":
    build(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
