"""From the text of a C program to a library in this process, through the compiler of the system.

What was compiled once is kept in the user's cache folder, under a hash of all that it depends on, for the next process.
A library may use `threads()` threads of OpenMP.
"""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

# What every compiler gets. Elementwise results must be NumPy's bit for bit, and powers of numbers Python's: no
# -ffast-math, no fused multiply-add, no x * x for pow(x, 2).
ALWAYS = (
    *("-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fno-builtin-pow"),
    *("-shared", "-fPIC", "-w"),
)
# What makes a program faster, the best first: the first set that a compiler takes is used.
FASTER = (
    ("-march=native", "-mprefer-vector-width=512", "-fopenmp"),
    ("-march=native", "-mprefer-vector-width=512", "-fopenmp-simd"),
    ("-march=native", "-fopenmp-simd"),
    ("-mcpu=native", "-fopenmp-simd"),
    (),
)
LONG = 100_000  # characters, from which on -O1 compiles in a second what takes -O3 several
KEPT = 400  # libraries in the cache folder; of more, the oldest go
PATIENCE = 300  # seconds for one run of the compiler


VECTORS = Path(__file__).with_name("vectors.c")  # for programs that compute with vectors


class CannotCompile(RuntimeError):
    """Says why there is no C library: no compiler, a broken one, or no place to put it."""


def library(source: str) -> ctypes.CDLL:
    """Compile a C program, or find it in the cache, and load it. Its functions run without the interpreter's lock.

    Raises
    ------
    CannotCompile
        If there is no working compiler, or no folder where a library may be written and loaded.
    """
    command = compiler()
    flags = ALWAYS if len(source) < LONG else ("-O1", *ALWAYS[1:])
    everything = (source, flags, FASTER, *command, version(command), processor())
    key = hashlib.sha256(repr(everything).encode()).hexdigest()[:32]
    failure: Exception | None = None
    for find in (user_folder, process_folder):
        try:
            folder = find()
            known = _known(folder, key)
            path = known or _compile(command, flags, source, folder, key)
            with threads_that_sleep():
                return ctypes.CDLL(str(path))
        except OSError as error:  # nobody may write there, the disk is full, libraries may not be loaded from it ...
            failure = error
    raise CannotCompile(f"no folder to compile into: {failure}")


@contextmanager
def threads_that_sleep() -> Iterator[None]:
    """Let OpenMP, if it is loaded now, put threads to sleep while they wait, unless the user has chosen.

    By itself it lets them wait busily, which takes the processor from what they wait for where other programs run too.
    """
    chosen = "OMP_WAIT_POLICY" in os.environ
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        yield
    finally:
        if not chosen:
            del os.environ["OMP_WAIT_POLICY"]


def compiler() -> tuple[str, ...]:
    """Return the command of the C compiler: that of CC, or the first of cc, gcc and clang."""
    wanted = os.environ.get("CC")
    commands = [shlex.split(wanted)] if wanted else [["cc"], ["gcc"], ["clang"]]
    for command in commands:
        if shutil.which(command[0]):
            return tuple(command)
    raise CannotCompile(f"no C compiler: {' '.join(commands[0]) if wanted else 'cc, gcc or clang'} is not in the path")


@cache
def version(command: tuple[str, ...]) -> str:
    """Return what a compiler says of itself."""
    try:
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise CannotCompile(f"the C compiler {command[0]} does not start: {error}") from error
    return done.stdout + done.stderr


@cache
def processor() -> str:
    """Return what tells processors apart: a home folder may be shared by machines with other instructions."""
    known = " ".join(platform.uname()[i] for i in (0, 4)) + platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return known
    return known + "".join(
        sorted({line for line in lines if line.startswith(("model name", "flags", "Features", "CPU"))})
    )


# ---------------------------------------------------------------------- the cache


def user_folder() -> Path:
    """Return the user's cache folder, if nobody else may put a library there."""
    folder = cache_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if os.name != "nt" and (found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
        raise PermissionError(f"others may write to {folder}")
    return folder


def cache_folder() -> Path:
    """Return the folder for caches of this user and system."""
    if sys.platform == "darwin":
        place = Path.home() / "Library/Caches"
    elif os.name == "nt":
        place = Path(os.environ.get("LOCALAPPDATA") or Path.home())
    else:
        place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return place / "tinygrad_ml"


@cache
def process_folder() -> Path:
    """Return a folder that is removed when the process ends."""
    folder = tempfile.mkdtemp(prefix="tinygrad_ml-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _known(folder: Path, key: str) -> Path | None:
    """Return a library that was compiled before. Its name ends in a hash of its content: a damaged one is removed."""
    for path in folder.glob(f"{key}-*.so"):
        if path.name == _name(key, path.read_bytes()):
            return path
        path.unlink()
    return None


def _name(key: str, content: bytes) -> str:
    return f"{key}-{hashlib.sha256(content).hexdigest()[:16]}.so"


def _compile(command: tuple[str, ...], flags: tuple[str, ...], source: str, folder: Path, key: str) -> Path:
    """Compile to a name of its own and rename it, so that another process never sees half a library."""
    with tempfile.TemporaryDirectory(dir=folder) as work:
        made, error = Path(work, "made.so"), ""
        Path(work, "program.c").write_text(source, encoding="utf-8")
        for faster in FASTER:
            call = [*command, *flags, *faster, "program.c", "-o", "made.so", "-lm"]
            try:
                done = subprocess.run(call, cwd=work, capture_output=True, text=True, timeout=PATIENCE)
            except (subprocess.SubprocessError, OSError) as problem:
                raise CannotCompile(f"the C compiler {command[0]} failed: {problem}") from problem
            if done.returncode == 0 and made.exists():
                path = folder / _name(key, made.read_bytes())
                os.replace(made, path)
                _forget_oldest(folder)
                return path
            error = error or done.stderr.strip()
    raise CannotCompile(f"the C compiler {command[0]} failed: {error[:2000] or 'it made no library'}")


def _forget_oldest(folder: Path) -> None:
    paths = sorted(folder.glob("*.so"), key=lambda path: path.stat().st_mtime)
    for path in paths[:-KEPT]:
        path.unlink(missing_ok=True)


# ---------------------------------------------------------------------- threads


_forked = False


def threads() -> int:
    """Return how many threads C may use: OMP_NUM_THREADS, or as many as there are processors for this process.

    A forked process has one: the others of its parent are not there.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if _forked:
        return 1
    if wanted.isdigit() and int(wanted):
        return int(wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _alone() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_alone)
