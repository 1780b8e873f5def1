"""From measurements to a table and a plot."""

import math

import numpy as np


def line(found, threads, workload, libraries):
    """Return one workload as text: microseconds a step."""
    cells = []
    for name in libraries:
        result = found.get((threads, workload, name), {})
        if "best" in result:
            cells.append(f"{name} {shown(result['best'])}")
        elif "error" in result:
            cells.append(f"{name}: {result['error'][0][:60]}")
    return f"{threads} thread{'s' * (threads > 1)}  {workload:10} " + "  ".join(cells)


def shown(seconds):
    micro = seconds * 1e6
    return f"{micro:.1f}" if micro < 100 else f"{micro:.0f}"


def differences(found, steps, close, other_masks):
    """Yield what is wrong with the losses: those of one workload must agree with eager's."""
    for (threads, workload, name), result in found.items():
        expected = found.get((threads, workload, "eager"), {}).get("losses")
        losses = result.get("losses")
        if not losses or not expected or name == "floor" or np.isnan(losses).any():
            continue
        compared = 1 if workload in other_masks else steps
        tolerance = 0.3 if workload in other_masks else close
        if not np.allclose(losses[:compared], expected[:compared], rtol=tolerance):
            yield f"LOSSES DIFFER: {workload}, {name}: {losses} instead of {expected}"


def table(found, threads, libraries, workloads, kind="best"):
    """Return rows of Markdown."""
    rows = ["| | " + " | ".join(libraries) + " |", "| --- |" + " ---: |" * len(libraries)]
    for workload in workloads:
        times = {name: found.get((threads, workload, name), {}).get(kind) for name in libraries}
        if not any(times.values()):
            continue
        best = min(t for name, t in times.items() if t is not None and name != "floor")
        cells = []
        for t in times.values():
            text = "" if t is None else shown(t) if kind == "best" else f"{max(t, 0):.2f}"
            cells.append(f"**{text}**" if t == best else text)
        rows.append(f"| {workload} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def write(found, libraries, workloads, docs, machine):
    """Write docs/speed.md between its marks, and docs/images/speed.svg."""
    libraries = list(libraries)
    counts = sorted({threads for threads, _, _ in found})
    names = {"compiled": "tinygrad_ml", "NumPy by hand": "NumPy", "JAX jit": "JAX"}
    versions = {}
    for (_, _, name), result in found.items():
        if "version" in result and name not in ("floor", "NumPy plan", "eager", "torch.compile"):
            versions[names.get(name, name)] = result["version"]
    parts = [f"Measured on {machine}, with " + ", ".join(f"{k} {v}" for k, v in versions.items()) + "."]
    for threads in counts:
        parts.append(f"Microseconds per step, {threads} thread{'s' * (threads > 1)} (the fastest in bold):")
        parts.append(table(found, threads, libraries, workloads))
    compiled = [
        name for name in ("compiled", "NumPy plan", "JAX jit", "torch.compile", "tinygrad") if name in libraries
    ]
    parts.append("Seconds until the first steps are over, beyond what they take later (one thread):")
    parts.append(table(found, counts[0], compiled, workloads, "compile"))
    lost = [
        f"{workload} ({threads} thread{'s' * (threads > 1)}): {name} takes {ratio:.2f} of our time"
        for (threads, workload, name), ratio in ratios(found, "compiled").items()
        if ratio < 1 and name not in ("floor", "NumPy plan", "eager", "micrograd")
    ]
    parts.append("Where another is faster than our compiled step: " + ("; ".join(lost) if lost else "nowhere") + ".")
    page = docs / "speed.md"
    before, mark, rest = page.read_text(encoding="utf-8").partition("<!-- measured -->\n")
    _, end, after = rest.partition("<!-- end -->")
    page.write_text(before + mark + "\n" + "\n\n".join(parts) + "\n\n" + end + after, encoding="utf-8")
    plot(found, libraries, workloads, docs / "images" / "speed.svg", counts[0])


def ratios(found, base):
    """Return the time of each library as a multiple of one's."""
    out = {}
    for (threads, workload, name), result in found.items():
        ours = found.get((threads, workload, base), {}).get("best")
        if ours and "best" in result and name != base:
            out[threads, workload, name] = result["best"] / ours
    return out


def plot(found, libraries, workloads, path, threads):
    """Draw times as multiples of our compiled step's, on a logarithmic scale."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "speed"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 5.5), layout="constrained")
    colours = plt.get_cmap("tab10")
    shapes = "os^vDPX*hp<>"
    of_ours = ratios(found, "compiled")
    names = [name for name in libraries if name != "compiled"]
    present = [w for w in workloads if any((threads, w, n) in of_ours for n in names)]
    for k, name in enumerate(names):
        points = [(of_ours.get((threads, w, name), math.nan), i) for i, w in enumerate(present)]
        axes.scatter(*zip(*points), label=name, marker=shapes[k % 12], color=colours(k % 10), s=36, alpha=0.85)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(present)), present)
    axes.invert_yaxis()
    axes.set_xlabel("time of a step, as a multiple of the compiled step's (one thread)")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.17), ncols=5, frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
