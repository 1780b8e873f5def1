"""Tracing: running a function or a module once while a recorder observes its operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..modes import user_frame
from ..nn.module import Module
from ..tensor import Tensor
from .build.builder import Builder, argument_names, tensors_in, variables_of
from .build.foreign import is_of
from .build.gradients import add_gradients
from .build.jaxpr import trace_jax
from .build.pytorch import trace_torch
from .build.recorder import Recorder
from .build.tensor_history import trace_history
from .graph import OPTIONS, Graph, refuse_unknown


def trace(target: Any, *inputs: Any, backward: bool = True, gradient: Any = None, values: bool = True) -> Graph:
    """Return the graph of a computation as data.

    Parameters
    ----------
    target : Tensor, function or Module
        Of a Tensor the history is shown, as far as it was recorded and not freed by `backward()`. A function or a
        Module is run once, on `inputs`; so the values of all steps are known, and the calls of modules are scopes.
        Of what `tg.compile` returned, and without inputs, the program is shown that it has derived.
        Modules and functions of PyTorch, and functions of JAX, are seen as such by what they are, what they use or
        their inputs; otherwise `from_torch` and `from_jax` trace them.
    inputs : Tensors, arrays, or numbers
        Arrays and numbers become Tensors, which for a function require a gradient if they are floating.
    backward : bool
        Find the gradient of every value too. No `.grad` is touched.
    gradient : Tensor or array, optional
        The gradient that arrives at the result; by default ones, as for the sum of its elements.
    values : bool
        Remember the values, or their statistics where there are many.

    Returns
    -------
    Graph
        If the function raises, it has the part that ran, and the error at its node and as `graph.error`.

    Examples
    --------
    >>> print(tg.graph.trace(lambda x, w: tg.tanh(x * w), 0.5, 2.0))
    lambda(x: float32 (), w: float32 ()) -> float32 ()
      %2: float32 () = multiply(x, w)  value 1, gradient 0.42
      %3: float32 () = tanh(%2)        value 0.762, gradient 1
      return %3
    gradients: x 0.84, w 0.21
    """
    if hasattr(type(target), "as_graph") and not inputs:
        return target.as_graph()
    if is_of(target, inputs, "torch"):
        return from_torch(target, *inputs, backward=backward, gradient=gradient, values=values)
    if is_of(target, inputs, "jax"):
        return from_jax(target, *inputs, backward=backward, gradient=gradient, values=values)
    if isinstance(target, Tensor):
        if inputs:
            raise TypeError("trace: a Tensor has its history already; inputs are for functions and modules")
        builder = trace_history(target, user_frame().f_locals, values)
        results: Sequence[Tensor] = [target]
    elif callable(target):
        builder, results = _run(target, inputs, values)
    else:
        hint = (
            "; a class of layers is a Module if it says so: class Net(tg.nn.Module)"
            if hasattr(target, "forward")
            else ""
        )
        raise TypeError(f"trace: cannot trace {type(target).__name__}; give it a Tensor, a function or a Module{hint}")
    if backward:
        add_gradients(builder, results, gradient)
    return builder.graph


def from_torch(target: Any, *inputs: Any, backward: bool = True, gradient: Any = None, values: bool = True) -> Graph:
    """Return the graph of a module or function of PyTorch; `trace` and `draw` call it where they see one.

    It is run once. What is drawn are the functions that it calls, such as `linear` and `relu`, with the values and, by
    PyTorch's own backward pass, the gradients; the calls of modules are scopes. No `.grad` and no buffer is changed.

    Parameters
    ----------
    target : torch.nn.Module or function
    inputs : Tensors of PyTorch or of this library, arrays, or numbers
        Arrays and numbers become Tensors of PyTorch, which for a function require a gradient if they are floating.
    backward, gradient, values : as for `trace`

    Returns
    -------
    Graph
        If the function raises, it has the part that ran, and the error at its node and as `graph.error`.

    Raises
    ------
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> import torch  # doctest: +SKIP
    >>> print(tg.graph.from_torch(lambda x, w: torch.tanh(x * w), 0.5, 2.0))  # doctest: +SKIP
    lambda(x: float32 (), w: float32 ()) -> float32 ()
      %2: float32 () = multiply(x, w)  value 1, gradient 0.42
      %3: float32 () = tanh(%2)        value 0.762, gradient 1
      return %3
    gradients: x 0.84, w 0.21
    """
    return trace_torch(target, inputs, backward=backward, gradient=gradient, values=values).graph


def from_jax(target: Any, *inputs: Any, backward: bool = True, gradient: Any = None, values: bool = True) -> Graph:
    """Return the graph of a function of JAX, from its jaxpr; `trace` and `draw` call it where they see one.

    The jaxpr is computed step by step, so that all values are known; loops (`scan`, `while_loop`) are unrolled and of
    a `cond` the branch that was taken is drawn. Functions under `jit`, and `named_scope`, are scopes. The gradients go
    back step by step by `jax.vjp`.

    Parameters
    ----------
    target : function
    inputs : arrays of JAX or NumPy, numbers, Tensors of this library, or any pytree of them
        Leaves of pytrees have names like `params['w']`, and are drawn as parameters.
    backward, gradient, values : as for `trace`

    Returns
    -------
    Graph
        If the function raises while JAX traces it, there is only the error.

    Raises
    ------
    ImportError
        If JAX is not installed.

    Examples
    --------
    >>> import jax.numpy as jnp  # doctest: +SKIP
    >>> print(tg.graph.from_jax(lambda x, w: jnp.tanh(x * w), 0.5, 2.0))  # doctest: +SKIP
    lambda(x: float32 (), w: float32 ()) -> float32 ()
      %2: float32 () = multiply(x, w)  value 1, gradient 0.42
      %3: float32 () = tanh(%2)        value 0.762, gradient 1
      return %3
    gradients: x 0.84, w 0.21
    """
    return trace_jax(target, inputs, backward=backward, gradient=gradient, values=values).graph


def draw(
    target: Any,
    *inputs: Any,
    path: str | Path | None = None,
    backward: bool = True,
    findings: Any = None,
    **options: Any,
) -> Graph:
    """Trace a Tensor, function or Module and return its Graph: a notebook shows the picture, `print` the listing.

    Parameters
    ----------
    target, inputs, backward : as for `tg.graph.trace`; a Graph is also taken
    path : str or Path, optional
        Where to write the picture: .svg, .png, .pdf, ..., or .html for a page on which backpropagation can be stepped.
    findings : Doctor, list of Finding, Report or GradientCheckError, optional
        What was found wrong (`tg.train.Doctor`, `tg.testing.gradcheck`), to be painted on its place: see `Graph.mark`.
    options : those of `Graph.render`

    Examples
    --------
    >>> tg.draw(lambda x: x * x, 3.0)["x"].gradient.numbers
    [6.0]
    """
    unknown = [name for name in options if name not in OPTIONS]
    if unknown and unknown[0] in argument_names(getattr(target, "forward", target), 9):
        raise TypeError(f"draw: inputs are given by position, not as {unknown[0]}=: draw(f, x, y)")
    refuse_unknown("draw", unknown, ("path", "backward", "findings", *OPTIONS))
    if path is None and options:
        given = ", ".join(f"{name}={value!r}" for name, value in options.items())
        raise TypeError(
            f"draw: {given} needs a path, as in path='net.svg'; a picture without a file is draw(...).to_svg({given})"
        )
    graph = target if isinstance(target, Graph) else trace(target, *inputs, backward=backward)
    if findings is not None:
        graph.mark(findings)
    if path is not None:
        (graph.explorer if str(path).endswith(".html") else graph.render)(path, **options)
    return graph


# ---------------------------------------------------------------------- running


def _run(target: Callable, inputs: Sequence, values: bool) -> tuple[Builder, Sequence[Tensor]]:
    module = target if isinstance(target, Module) else None
    title = type(module).__name__ if module else getattr(target, "__name__", type(target).__name__).strip("<>")
    builder = Builder(title, values)
    recorder = Recorder(builder, module)
    arguments = _as_tensors(inputs, requires_grad=module is None)
    given = list(tensors_in(arguments))
    called = module.forward if module else target
    for name, argument in zip(argument_names(called, len(arguments)), arguments):
        several = list(tensors_in([argument]))
        for k, x in enumerate(several):
            builder.name(x, "input", name if len(several) == 1 else f"{name}[{k}]")
    if module is None:
        for name, thing in variables_of(target).items():
            recorder.register_names(name, thing)
    for x in given:
        if builder.number_of(x) is None:
            builder.leaf(x)
    result: Any = None
    buffers = [(b, np.array(b._data)) for b in module.buffers()] if module else []
    try:
        with recorder:
            result = target(*arguments)
    except Exception as error:
        recorder.failed(error)
    for buffer, before in buffers:  # drawing a network leaves its running statistics as they were
        if not np.array_equal(buffer._data, before, equal_nan=before.dtype.kind in "fc"):
            buffer.data = before
    results = list(tensors_in(result))
    for x in results:
        number = builder.number_of(x)
        builder.graph.outputs.append(builder.leaf(x) if number is None else number)
    if not results and not builder.graph.error:
        builder.graph.notes.append(f"the result is no Tensor but {type(result).__name__}")
    return builder, results


def _as_tensors(inputs: Sequence, requires_grad: bool) -> list:
    tensors = []
    for x in inputs:
        if hasattr(x, "to_numpy"):  # a frame; of one that holds words the module makes what it needs
            array = x.to_numpy()
            x = array if array.dtype.kind in "fiub" else x
        if isinstance(x, (bool, int, float, complex, np.ndarray, np.generic)) or _is_numbers(x):
            x = Tensor(x, requires_grad=requires_grad and _floating(x))
        tensors.append(x)
    return tensors


def _floating(x: Any) -> bool:
    """Whether an argument has a gradient: floats, and Python's whole numbers; integer arrays are labels or indices."""
    kind = np.asarray(x).dtype.kind
    return kind in "fc" or (kind in "iu" and not isinstance(x, (np.ndarray, np.generic)))


def _is_numbers(x: Any) -> bool:
    if not isinstance(x, (list, tuple)) or not x or any(True for _ in tensors_in(x)):
        return False
    try:
        return np.array(x).dtype.kind in "fiub"
    except ValueError:
        return False
