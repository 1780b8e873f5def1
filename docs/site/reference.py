"""Write the pages of the API reference: every public name of every room, from its docstring."""

import inspect
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from docstrings import escape

import tinygrad_ml as tg


@dataclass
class Room:
    """A page of the reference: a module, or a part of its names."""

    module: str
    title: str
    about: str
    page: str = ""
    names: tuple = ()

    def __post_init__(self):
        """Name the page after the module, and take all of its names unless some were given."""
        self.page = self.page or self.module.removeprefix("tinygrad_ml.")
        self.names = self.names or tuple(public_names(import_module(self.module)))


def public_names(module):
    """Return the names of a module that users may use, in the order in which it lists them."""
    return list(dict.fromkeys(name for name in module.__all__ if not name.startswith("_")))


def rooms():
    """Return the pages, those first whose place is the usual one for a name that stands in several rooms."""
    at_the_top = public_names(tg)
    ops = tuple(name for name in public_names(tg.ops) if name in at_the_top)
    rest = tuple(name for name in at_the_top if name not in ops)
    pages = [
        Room("tinygrad_ml", "Tensors", "`tg`: Tensors, derivatives, files, random numbers.", "tensors", rest),
        Room("tinygrad_ml", "Operations", "`tg`: what NumPy and networks compute, on Tensors.", "operations", ops),
        Room("tinygrad_ml.nn", "Modules and losses", "`tg.nn`: layers, containers and losses, by PyTorch's names."),
        Room("tinygrad_ml.nn.functional", "Functions of layers", "`tg.nn.functional`: what layers compute."),
        Room("tinygrad_ml.nn.init", "Initial weights", "`tg.nn.init`: the distributions that weights begin with."),
        Room("tinygrad_ml.nn.utils", "Clipping", "`tg.nn.utils`: limits for gradients."),
        Room("tinygrad_ml.optim", "Optimizers", "`tg.optim`: gradient steps, and SciPy's solvers."),
        Room("tinygrad_ml.optim.lr_scheduler", "Schedules", "`tg.optim.lr_scheduler`: learning rates that change."),
        Room("tinygrad_ml.models", "Models", "`tg.models`: estimators that are modules."),
        Room("tinygrad_ml.train", "Training", "`tg.train`: `fit`, callbacks, checkpoints and the doctor."),
        Room("tinygrad_ml.metrics", "Metrics", "`tg.metrics`: how predictions are judged."),
        Room("tinygrad_ml.data", "Data", "`tg.data`: batches and splits."),
        Room("tinygrad_ml.datasets", "Data sets", "`tg.datasets`: real data, downloaded once."),
        Room("tinygrad_ml.features", "Features", "`tg.features`: what is learned from the training part of a table."),
        Room("tinygrad_ml.plot", "Plots", "`tg.plot`: pictures of models and data, with matplotlib."),
        Room("tinygrad_ml.graph", "Graphs", "`tg.graph`: what was computed, as a picture, a page or data."),
        Room("tinygrad_ml.testing", "Gradient checks", "`tg.testing`: gradients beside numerical ones."),
        Room("tinygrad_ml.autograd", "Recording", "`tg.autograd`: backpropagation, modes, operations of your own."),
        Room("tinygrad_ml.func", "Functions of functions", "`tg.func`: derivatives by PyTorch's `torch.func`."),
        Room("tinygrad_ml.linalg", "Linear algebra", "`tg.linalg`: NumPy's names, differentiable."),
        Room("tinygrad_ml.fft", "Fourier transforms", "`tg.fft`: NumPy's names, differentiable."),
        Room("tinygrad_ml.distributed", "Many processes", "`tg.distributed`: training by MPI."),
        Room("tinygrad_ml.array_api", "Array API", "`tg.array_api`: the names of the standard, on Tensors."),
        Room("tinygrad_ml.onnx", "ONNX", "`tg.onnx`: models as files for other programs, and back."),
    ]
    for name in at_the_top:  # rooms that nobody has written a line for
        module = getattr(tg, name)
        if inspect.ismodule(module) and module is not tg.ops and module.__name__ not in {room.module for room in pages}:
            about = inspect.cleandoc(module.__doc__).partition("\n")[0]
            pages.append(Room(module.__name__, name.capitalize(), f"`tg.{name}`: {about}"))
    return pages


def describe(path, thing):
    """Return the directive of a name: the docstring of a function or class, or the value of a constant."""
    if inspect.isclass(thing) and thing.__module__.startswith("tinygrad_ml"):
        skipped = ", ".join(["forward", "training"])
        if thing is tg.Tensor:
            return f".. autoclass:: {path}\n   :members:\n   :undoc-members:\n"
        return f".. autoclass:: {path}\n   :members:\n   :exclude-members: {skipped}\n"
    if callable(thing) and not inspect.isclass(thing):
        return f".. autofunction:: {path}\n"
    return f".. autodata:: {path}\n   :no-value:\n"


def is_a_dtype(thing):
    """Say whether a name is one of NumPy's dtypes, or of Python's types."""
    return isinstance(thing, (np.dtype, type)) and not getattr(thing, "__module__", "").startswith("tinygrad_ml")


def in_short(thing):
    """Return the first sentence of a docstring, as reStructuredText."""
    paragraph = inspect.cleandoc(thing.__doc__ or "").partition("\n\n")[0]
    return escape(" ".join(re.split(r"(?<=\.)\s", paragraph, maxsplit=1)[0].split()))


def page(room, seen):
    """Return the text of a page; `seen` remembers under which name each object is described."""
    module = import_module(room.module)
    described, aliases, elsewhere, constants = [], [], [], []
    for name in room.names:
        thing = getattr(module, name)
        path = f"{room.module}.{name}"
        if inspect.ismodule(thing):
            continue
        if is_a_dtype(thing) or not callable(thing):
            constants.append((name, thing))
        elif id(thing) in seen:
            usual = seen[id(thing)]
            here = usual.rpartition(".")[0] == room.module and usual.rpartition(".")[2] in room.names
            (aliases if here else elsewhere).append((name, usual))
        else:
            seen[id(thing)] = path
            described.append((name, path, thing))
    no_index = ["   :no-index:"] if room.page == "operations" else []  # the module has its place on the page of Tensors
    lines = [room.title, "=" * len(room.title), "", f".. py:module:: {room.module}", *no_index, ""]
    lines += [room.about.replace("`", "``"), ""]
    about, _, rest = inspect.cleandoc(module.__doc__).partition("\n")
    if rest and not no_index:
        lines += [about, "", rest.strip(), ""]
    lines += [".. list-table::", "   :widths: 30 70", "   :class: names", ""]
    lines += [f"   * - :py:obj:`{name} <{path}>`\n     - {in_short(thing)}" for name, path, thing in described]
    lines.append("")
    for name, path, thing in described:
        lines += [name, "-" * len(name), "", describe(path, thing)]
    if constants:
        lines += ["Constants and dtypes", "-" * 20, "", ", ".join(f"``{name}``" for name, _ in constants), ""]
    for heading, names in (("Second names", aliases), ("Described on other pages", elsewhere)):
        if names:
            lines += [heading, "-" * len(heading), "", *(f"* ``{name}``: :py:obj:`{path}`" for name, path in names), ""]
    return "\n".join(lines)


def write(folder):
    """Write all pages and the list of them into a folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    seen = {}
    pages = [(room, page(room, seen)) for room in rooms()]
    for room, text in pages:
        (folder / f"{room.page}.rst").write_text(text, encoding="utf-8")
    lines = ["API reference", "=" * 13, "", "Every public name, from its docstring.", ""]
    lines += ["``tg`` is the package: ``import tinygrad_ml as tg``.", "", ".. list-table::", "   :widths: 30 70", ""]
    for room, _ in pages:
        lines += [f"   * - :doc:`{room.title} <{room.page}>`", f"     - {room.about.replace('`', '``')}"]
    lines += ["", ".. toctree::", "   :hidden:", "", *(f"   {room.page}" for room, _ in pages), ""]
    (folder / "index.rst").write_text("\n".join(lines), encoding="utf-8")
