import ctypes
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import tinygrad_ml as tg
from tinygrad_ml.compiler import entry
from tinygrad_ml.native import build
from tinygrad_ml.native.build import CannotCompile, library

ROOT = Path(__file__).parents[2]
SEVEN = "int seven(void) { return 7; }"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Give each test a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(build, "cache_folder", lambda: tmp_path / "cache" / "tinygrad_ml")
    monkeypatch.delenv("CC", raising=False)
    build.version.cache_clear()
    build.process_folder.cache_clear()
    return tmp_path / "cache" / "tinygrad_ml"


@pytest.fixture
def calls(monkeypatch):
    """Return the commands that were run."""
    found, run = [], subprocess.run

    def watched(command, **options):
        found.append(command)
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", watched)
    return found


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_program_is_compiled_and_loaded():
    assert library(SEVEN).seven() == 7


def test_the_second_time_nothing_is_compiled(calls, folder):
    library(SEVEN)
    compiled = len(calls)
    assert library(SEVEN).seven() == 7
    assert len(calls) == compiled
    assert len(list(folder.glob("*.so"))) == 1
    assert [path.name for path in folder.iterdir() if path.suffix != ".so"] == []  # no trace of the work


def test_the_folder_is_the_users_alone(folder):
    library(SEVEN)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_another_source_is_another_library(folder):
    assert library(SEVEN).seven() == 7
    assert library(SEVEN.replace("7;", "8;")).seven() == 8
    assert len(list(folder.glob("*.so"))) == 2


@pytest.mark.parametrize("what", ["version", "processor"])
def test_another_compiler_or_processor_is_another_library(what, monkeypatch, folder):
    library(SEVEN)
    monkeypatch.setattr(build, what, lambda *_: "another")
    assert library(SEVEN).seven() == 7
    assert len(list(folder.glob("*.so"))) == 2


@pytest.mark.parametrize(
    "damage", [lambda content: b"", lambda content: content[: len(content) // 2], lambda c: c + b"x"]
)
def test_a_damaged_file_is_compiled_again(damage, folder):
    library(SEVEN)
    (path,) = folder.glob("*.so")
    content = path.read_bytes()
    path.unlink()  # the library in use keeps its memory
    path.write_bytes(damage(content))
    assert library(SEVEN).seven() == 7
    (path,) = folder.glob("*.so")
    assert path.read_bytes() != damage(content)


def test_a_file_in_place_of_the_folder(folder):
    folder.parent.mkdir()
    folder.write_text("not a folder")
    assert library(SEVEN).seven() == 7


def test_a_folder_that_others_may_write_to_is_not_used(folder):
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert library(SEVEN).seven() == 7
    assert list(folder.iterdir()) == []


def test_a_read_only_folder(folder, monkeypatch):
    library("int other(void) { return 1; }")
    make = build.tempfile.TemporaryDirectory

    def refuse(*args, **options):  # also where the tests run as root, who may write everywhere
        if options.get("dir") == folder:
            raise PermissionError("read-only file system")
        return make(*args, **options)

    monkeypatch.setattr(build.tempfile, "TemporaryDirectory", refuse)
    assert library(SEVEN).seven() == 7
    assert len(list(folder.glob("*.so"))) == 1


def test_no_folder_at_all_says_so(monkeypatch):
    def refuse(*args, **options):
        raise PermissionError("read-only file system")

    monkeypatch.setattr(build.tempfile, "TemporaryDirectory", refuse)
    monkeypatch.setattr(build.tempfile, "mkdtemp", refuse)
    with pytest.raises(CannotCompile, match="no folder to compile into: read-only file system"):
        library(SEVEN)


def test_no_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotCompile, match="no C compiler: cc, gcc or clang is not in the path"):
        library(SEVEN)


def test_cc_that_is_missing(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler -m64")
    with pytest.raises(CannotCompile, match="no-such-compiler -m64 is not in the path"):
        library(SEVEN)


def test_cc_with_options(monkeypatch):
    monkeypatch.setenv("CC", "gcc -DSEVEN=7")
    assert library("int seven(void) { return SEVEN; }").seven() == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("exit 1", "failed: it made no library"),
        ("echo out of order >&2; exit 1", "failed: out of order"),
        ("exit 0", "failed: it made no library"),
        ("kill -9 $$", "failed: it made no library"),
    ],
)
def test_a_broken_compiler(text, message, monkeypatch, tmp_path, folder):
    monkeypatch.setenv("CC", script(tmp_path / "broken", text))
    with pytest.raises(CannotCompile, match=message):
        library(SEVEN)
    assert list(folder.iterdir()) == []


def test_a_compiler_that_does_not_start(monkeypatch, tmp_path):
    path = Path(script(tmp_path / "strange", ""))
    path.write_bytes(b"\x7fELF but not really")
    monkeypatch.setenv("CC", str(path))
    with pytest.raises(CannotCompile, match="does not start"):
        library(SEVEN)


def test_a_compiler_that_does_not_end(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "PATIENCE", 0.2)
    monkeypatch.setenv("CC", script(tmp_path / "slow", "[ $1 = --version ] || exec sleep 10"))
    with pytest.raises(CannotCompile, match="timed out"):
        library(SEVEN)


def test_a_compiler_without_the_faster_flags(monkeypatch, tmp_path):
    simple = 'case "$*" in *native*|*openmp*) echo "unknown flag" >&2; exit 1;; esac; exec gcc "$@"'
    monkeypatch.setenv("CC", script(tmp_path / "simple", simple))
    assert library(SEVEN).seven() == 7


def test_a_compiler_that_writes_no_library(monkeypatch, tmp_path):
    writes = "while [ $# -gt 0 ]; do [ $1 = -o ] && echo text > $2; shift; done; true"
    monkeypatch.setenv("CC", script(tmp_path / "writes", writes))
    with pytest.raises(CannotCompile):
        library(SEVEN)


def test_two_processes_at_once(folder):
    program = (
        "import sys; from tinygrad_ml.native.build import library; sys.stdin.read(1);"
        f"print([library({SEVEN!r} + '//' + str(k)).seven() for k in range(5)])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        for _ in range(2)
    ]
    for process in running:
        process.stdin.write(b"x")
        process.stdin.flush()
    assert [process.communicate()[0].strip() for process in running] == [b"[7, 7, 7, 7, 7]"] * 2


def test_the_oldest_libraries_go(folder, monkeypatch):
    monkeypatch.setattr(build, "KEPT", 2)
    for k in range(4):
        library(SEVEN.replace("7;", f"{k};"))
        for age, path in enumerate(sorted(folder.glob("*.so"), key=lambda path: -path.stat().st_mtime)):
            os.utime(path, (1e9 - age, 1e9 - age))
    assert len(list(folder.glob("*.so"))) == 2


def test_other_threads_run_while_a_library_does():
    wait = library("#include <unistd.h>\nint wait_a_moment(void) { return usleep(300000); }").wait_a_moment
    count = 0
    thread = threading.Thread(target=wait)
    thread.start()
    while thread.is_alive():
        count += 1
        time.sleep(0.001)
    assert count > 3


def test_openmp_pragmas_do_not_hinder():
    source = """int sum(int n) { int s = 0;
    #pragma omp parallel for reduction(+:s)
    for (int i = 0; i < n; i++) s += i;
    return s; }"""
    assert library(source).sum(ctypes.c_int(1000)) == 499500


# ---------------------------------------------------------------------- without a compiler


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="GCC's OpenMP says what it was told")
@pytest.mark.parametrize(("chosen", "expected"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "active"}, "ACTIVE")])
def test_threads_sleep_while_they_wait_unless_the_user_has_chosen(chosen, expected):
    code = """if True:
        import os
        from tinygrad_ml.native import build
        before = dict(os.environ)
        source = "int f(int x) {\\n#pragma omp parallel for\\nfor (int i = 0; i < 9; i++) x++; return x; }"
        build.library(source)
        assert dict(os.environ) == before
    """
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    environment |= {"OMP_DISPLAY_ENV": "true", **chosen}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    if "OMP_WAIT_POLICY" not in done.stderr:
        pytest.skip("the compiler has another OpenMP, or none")
    assert f"OMP_WAIT_POLICY = '{expected}'" in done.stderr


@pytest.mark.parametrize("backend", ["auto", "c"])
def test_without_a_compiler_numpy_computes_and_one_warning_says_so(backend, monkeypatch, tmp_path):
    monkeypatch.setenv("CC", script(tmp_path / "broken", "echo out of order >&2; exit 1"))
    monkeypatch.setattr(entry, "no_c", set())
    x = tg.tensor([1.0, 2.0])

    def run():
        for scale in (2.0, 3.0):
            compiled = tg.compile(lambda x, scale=scale: (x * scale).sum(), backend=backend)
            assert [compiled(x).item() for _ in range(4)] == [3 * scale] * 4

    with pytest.warns(UserWarning, match="NumPy is used in place of C, which is slower: .* out of order") as found:
        run()
    assert len(found) == 1
    assert found[0].filename == __file__
