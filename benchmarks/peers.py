"""Training steps in this library, as they are and compiled, beside others on the same machine.

    python benchmarks/peers.py [--quick] [--only mlp,cnn] [--threads 1,2] [--python jax=/path/to/python] [--write]

What is installed is measured: PyTorch (eager and torch.compile), JAX (jit), autograd, MyGrad, micrograd, tinygrad, and
NumPy with gradients written by hand. `--python` gives a library an interpreter of its own.
Each measurement is a process that runs alone, the libraries take turns, and a figure is the best of short batches
in several rounds: machines are shared and noisy, so look at the ratios. Losses of the first six steps are compared.
`--write` puts table and plot into docs/.
"""

import argparse
import importlib
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIBRARIES = {  # name in the table: (module in workloads/, arguments of make, package)
    "floor": ("floors", {}, "numpy"),
    "compiled": ("ours", {"backend": "c"}, "tinygrad_ml"),
    "NumPy plan": ("ours", {"backend": "numpy"}, "tinygrad_ml"),
    "eager": ("ours", {}, "tinygrad_ml"),
    "JAX jit": ("jax_", {}, "jax"),
    "PyTorch": ("torch_", {}, "torch"),
    "torch.compile": ("torch_", {"compiled": True}, "torch"),
    "NumPy by hand": ("by_hand", {}, "numpy"),
    "autograd": ("autograd_", {}, "autograd"),
    "MyGrad": ("mygrad_", {}, "mygrad"),
    "micrograd": ("micrograd_", {}, "micrograd"),
    "tinygrad": ("tinygrad_", {}, "tinygrad"),
}
SLOW_TO_START = ("torch.compile",)  # measured in one round
PATIENCE = 150  # seconds for one measurement
STEPS = 6  # whose losses are compared
CLOSE = 1e-3  # how near losses must be: PyTorch's and JAX's sums have other orders
OTHER_MASKS = ("mlp",)  # dropout draws other masks in each library


# ---------------------------------------------------------------------- one measurement, in a process of its own


def measure(library, workload, seconds):
    """Print, as JSON, the losses of the first steps, the longest of them, and the best time of a step."""
    module, arguments, package = LIBRARIES[library]
    version = importlib.import_module(package).__version__ if package == "tinygrad_ml" else metadata.version(package)
    workloads = importlib.import_module(f"workloads.{module}")
    step = workloads.make(workload, **arguments)
    if step is None:
        print(json.dumps({}))
        return
    losses, first = [], []
    for _ in range(STEPS):
        start = time.perf_counter()
        losses.append(workloads.value(step()))
        first.append(time.perf_counter() - start)
    repeats = max(1, int(0.003 / max(min(first), 1e-7)))  # short, so that some of them have a core for themselves
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(repeats):
            step()
        best = min(best, (time.perf_counter() - start) / repeats)
    print(json.dumps({"version": version, "losses": losses, "compile": sum(first) - STEPS * best, "best": best}))


# ---------------------------------------------------------------------- all of them, taking turns


def run(python, library, workload, threads, seconds):
    """Return what `measure` printed, or why it did not."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads))}
    environment.pop("OPENBLAS_CORETYPE", None)  # which kernels OpenBLAS takes is a part of what is measured
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), str(HERE)])
    environment["XLA_FLAGS"] = (
        "" if threads > 1 else "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    )
    environment["JAX_PLATFORMS"] = environment["CUDA_VISIBLE_DEVICES"] = "cpu"
    command = [python, str(HERE / "peers.py"), "--measure", library, workload, str(seconds)]

    def confine():  # JAX and tinygrad take as many threads as there are processors
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, random.sample(sorted(os.sched_getaffinity(0)), threads))

    options = {"capture_output": True, "text": True, "timeout": PATIENCE, "preexec_fn": confine}
    try:
        with tempfile.TemporaryDirectory() as empty:  # everything is compiled anew
            environment["XDG_CACHE_HOME"] = environment["TORCHINDUCTOR_CACHE_DIR"] = empty
            done = subprocess.run(command, env=environment, **options)
    except subprocess.SubprocessError as error:
        return {"error": [f"{type(error).__name__} after {PATIENCE} s"]}
    try:
        return json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return {"error": done.stderr.strip().splitlines()[-1:] or ["no answer"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--only", default="", help="workloads, with commas between")
    parser.add_argument("--libraries", default="", help="libraries, with commas between")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--python", action="append", default=[], metavar="LIBRARY=INTERPRETER")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--results", type=Path, help="a file that keeps what is found, for runs in several parts")
    parser.add_argument("--write", action="store_true", help="write docs/speed.md and its picture")
    options = parser.parse_args()
    if options.measure:
        library, workload, seconds = options.measure
        measure(library, workload, float(seconds))
        return
    from workloads import report
    from workloads.data import WORKLOADS

    pythons = dict(pair.split("=", 1) for pair in options.python)
    workloads = options.only.split(",") if options.only else list(WORKLOADS)
    wanted = options.libraries.split(",") if options.libraries else list(LIBRARIES)
    libraries = {name: pythons.get(LIBRARIES[name][2], sys.executable) for name in wanted}
    libraries = {name: python for name, python in libraries.items() if installed(python, LIBRARIES[name][2])}
    found = {}
    if options.results and options.results.exists():
        found = {tuple(key): result for key, result in json.loads(options.results.read_text())}
    for threads in map(int, options.threads.split(",")):
        for workload in workloads:
            for k in range(1 if options.quick else options.rounds):
                for name, python in libraries.items():
                    if name in SLOW_TO_START and k:
                        continue
                    result = run(python, name, workload, threads, 0.3 if options.quick else 0.8)
                    best = found.setdefault((threads, workload, name), result)
                    if "best" in result and ("best" not in best or result["best"] < best["best"]):
                        result["compile"] = min(result["compile"], best.get("compile", result["compile"]))
                        found[threads, workload, name] = result
            print(report.line(found, threads, workload, libraries), flush=True)
            if options.results:
                options.results.write_text(json.dumps(list(found.items())))
    for trouble in report.differences(found, STEPS, CLOSE, OTHER_MASKS):
        print(trouble)
    if options.write:
        report.write(
            found,
            [name for name in LIBRARIES if any(name == key[2] for key in found)],
            WORKLOADS,
            HERE.parent / "docs",
            machine(),
        )


def installed(python, package):
    """Whether an interpreter has a package."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    return subprocess.run([python, "-c", code], env=environment, capture_output=True).returncode == 0


def machine():
    """Return what the figures were measured on."""
    model = ""
    if os.path.exists("/proc/cpuinfo"):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
