"""A PyTorch module or function as a graph: it is run once, while a mode of PyTorch shows each function that it calls.

The values are taken on the way. The gradients are those of PyTorch's own backward pass over what it recorded; hooks at
its nodes tell what goes along each edge.
"""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from ...primitive import OUTPUT, Primitive
from ..format import as_number, plain
from ..formulas import formulas
from ..nodes import GraphNode, Input, Scope
from .builder import Builder, argument_names, variables_of
from .foreign import (
    SAME,
    add_value,
    as_plain,
    flops_of,
    formula_of,
    leaves_in,
    named_in,
    primitive_of,
    seen_from,
    short_text,
    users_frame,
)
from .pytorch_calls import arguments_of, as_array, name_of, plain_name, plain_result, writes
from .pytorch_gradients import STEPS, add_gradients
from .scopes import Scopes

LIBRARY = "PyTorch"
QUIET = {
    "grad",
    "requires_grad_",
    "retain_grad",
    "register_hook",
    "set_",
    "__set__",
    "__bool__",
    "tolist",
    "item",
    "numpy",
}
WHOLE = ("Dropout", "GRU", "LSTM", "Norm", "Pool", "RNN", "Upsample")  # in names of layers that are one box each
UNTOLD = {"embed_dim_to_check", "has_biases", "train", "training", "use_separate_proj_weight"}  # parameters
USUAL = {"inplace=False", "ceil_mode=False", "padding=0", "dilation=1", "track_running_stats=True", "affine=True"}
SWAPPED = {"__rsub__", "__rtruediv__", "__rdiv__", "__rpow__", "__rmatmul__", "rsub"}


def trace_torch(
    target: Any, inputs: Sequence, *, backward: bool = True, gradient: Any = None, values: bool = True
) -> Builder:
    """Return the builder with the computation of a PyTorch module or function, and its gradients."""
    try:
        import torch
    except ImportError:
        raise ImportError("from_torch needs PyTorch: pip install torch") from None

    target = getattr(target, "_orig_mod", getattr(target, "_torchdynamo_orig_callable", target))  # of torch.compile
    if isinstance(target, torch.Tensor):
        raise TypeError(
            "trace: a Tensor of PyTorch does not know the values that led to it; give the function or module instead, "
            "with its inputs: tg.draw(module, x)"
        )
    if not callable(target):
        raise TypeError(f"trace: cannot trace {type(target).__name__}; give it a module or function of PyTorch")
    module = target if isinstance(target, torch.nn.Module) else None
    title = type(module).__name__ if module is not None else getattr(target, "__name__", type(target).__name__)
    builder = Builder(title.strip("<>"), values)
    tracer = _Tracer(builder, module)
    arguments = [_as_input(x, module) for x in inputs]
    called = module.forward if module is not None else target
    for name, argument in zip(argument_names(called, len(arguments)), arguments):
        several = [x for x in leaves_in(argument) if isinstance(x, torch.Tensor)]
        for k, x in enumerate(several):
            tracer.name(x, "input", name if len(several) == 1 else f"{name}[{k}]")
            tracer.leaf(x)
    if module is None:
        for name, thing in variables_of(target).items():
            tracer.register(name, thing)
    results = tracer.run(target, arguments)
    if backward:
        add_gradients(tracer, results, gradient)
    return builder


def _as_input(x: Any, module: Any) -> Any:
    """Return an argument as PyTorch takes it: arrays and numbers become Tensors."""
    import torch

    if isinstance(x, torch.Tensor) or x is None or isinstance(x, (bool, str)):
        return x
    x = as_plain(x)
    numbers = isinstance(x, (int, float, complex, np.ndarray, np.generic))
    if isinstance(x, (list, tuple)) and not any(isinstance(y, torch.Tensor) for y in leaves_in(x)):
        with suppress(ValueError, TypeError):
            numbers = np.array(x).dtype.kind in "fiub"
    if not numbers:
        return x
    whole = not isinstance(x, (np.ndarray, np.generic))
    tensor = torch.tensor(np.array(x) if isinstance(x, (np.ndarray, np.generic)) else x)
    if module is None:
        if whole and not tensor.is_floating_point() and not tensor.is_complex() and not isinstance(x, bool):
            tensor = tensor.to(torch.get_default_dtype())
        return tensor.requires_grad_(tensor.is_floating_point() or tensor.is_complex())
    own = next((p for p in module.parameters() if p.is_floating_point()), None)
    if own is not None:
        tensor = tensor.to(device=own.device, dtype=own.dtype if tensor.is_floating_point() else None)
    return tensor


class _Tracer:
    """Writes what PyTorch computes into a graph; it keeps every Tensor, so that ids stay unique."""

    def __init__(self, builder: Builder, root: Any):
        import torch

        self.torch, self.builder, self.graph, self.root = torch, builder, builder.graph, root
        self.scopes = Scopes(builder.graph)
        self.numbers: dict[int, int] = {}  # id of a Tensor -> number of its node
        self.names: dict[int, tuple[str, str]] = {}  # id of a leaf -> its kind and name
        self.edges: dict[int, Any] = {}  # number -> where the gradient of the value arrives in PyTorch's graph
        self.known: dict[Any, int] = {}  # (node of PyTorch's graph, output) -> number
        self.slots: list[tuple[int, list[int]]] = []  # operations, each with the places of its Tensors in its inputs
        self.paths: dict[int, str] = {}  # id of a module -> its name
        self.modules: list[Any] = []
        self.alive: list[Any] = []
        self.open: list[Any] = []  # the modules that are being called
        self.failed: tuple[str, list, Scope] | None = None  # the call that raised: its name, its Tensors, where
        if root is not None:
            self.graph.scopes[0].type = type(root).__name__
            self.register("", root)

    # ------------------------------------------------------------------ names

    def name(self, x: Any, kind: str, name: str) -> None:
        """Give a leaf a name, unless it has one."""
        if id(x) not in self.names:
            self.names[id(x)] = (kind, name)
            self.alive.append(x)

    def register(self, name: str, thing: Any) -> None:
        """Give a Tensor or a module, and all that belongs to it, a name."""
        if isinstance(thing, self.torch.Tensor):
            if thing.is_leaf:
                self.name(thing, "parameter" if thing.requires_grad else "constant", name)
        elif isinstance(thing, self.torch.nn.Module):
            for path, module in thing.named_modules():
                if id(module) not in self.paths:
                    self.paths[id(module)] = f"{name}.{path}".strip(".")
                    self.modules.append(module)
            for kind, things in (("parameter", thing.named_parameters()), ("buffer", thing.named_buffers())):
                for path, x in things:
                    self.name(x, kind, f"{name}.{path}" if name else path)

    # ------------------------------------------------------------------ running

    def run(self, target: Any, arguments: list) -> list[Any]:
        """Run the target under observation; return the Tensors of its result."""
        from torch.overrides import TorchFunctionMode

        torch, tracer, result = self.torch, self, None

        class Observer(TorchFunctionMode):
            def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                return tracer.observe(function, args, kwargs or {})

        with self._unchanged_buffers(), self._calls_of_modules():
            try:
                with Observer():
                    result = target(*arguments)
            except Exception as error:
                self._add_error(error)
        results = [x for x in leaves_in(plain_result(result)) if isinstance(x, torch.Tensor)]
        self.graph.outputs += [self.number_of(x) for x in results]
        if not results and not self.graph.error:
            self.graph.notes.append(f"the result is no Tensor but {type(result).__name__}")
        return results

    @contextmanager
    def _unchanged_buffers(self) -> Iterator[None]:
        """Leave the running statistics of a network as they were."""
        before = [(b, b.detach().clone()) for m in self.modules for b in m.buffers(recurse=False)]
        try:
            yield
        finally:
            for buffer, value in before:
                if not self.torch.equal(buffer, value):
                    buffer.data.copy_(value)

    @contextmanager
    def _calls_of_modules(self) -> Iterator[None]:
        """Enter a scope while a module is called."""
        hooks = self.torch.nn.modules.module

        def unobserved(hook: Callable[..., None]) -> Callable[..., None]:
            def call(*arguments: Any) -> None:
                with self.torch._C.DisableTorchFunction():  # what the hook itself computes is no part of it
                    hook(*arguments)

            return call

        handles = [
            hooks.register_module_forward_pre_hook(unobserved(lambda module, inputs: self._enter(module))),
            hooks.register_module_forward_hook(unobserved(self._leave), always_call=True),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, module: Any) -> None:
        if id(module) not in self.paths:
            self.register(type(module).__name__, module)
        scope = self.scopes.enter(self.paths[id(module)], type(module).__name__, root=module is self.root)
        self.open.append(module)
        known = type(module).__module__.startswith("torch.nn") and any(w in type(module).__name__ for w in WHOLE)
        if known and scope.parent is not None:
            told = [part for part in plain(module.extra_repr()).split(", ") if part not in USUAL]
            scope.whole, scope.about = True, ", ".join(told)

    def _leave(self, module: Any, inputs: Any, output: Any) -> None:
        """End the call of a module; what a scripted one computes is one box, as nothing is seen of what is inside."""
        while self.open and self.open.pop() is not module:
            self.scopes.leave()
        scope = self.scopes.innermost
        if output is not None:
            tensors = [x for x in leaves_in(plain_result(output)) if isinstance(x, self.torch.Tensor)]
            unseen = [x for x in tensors if id(x) not in self.numbers]
            if unseen and isinstance(module, self.torch.jit.ScriptModule):
                self._add_box(module, inputs, unseen)
            if scope.parent is not None:
                scope.outputs = [self.number_of(x) for x in tensors]
        elif self.failed is None:
            self.failed = ("", [], scope)
        self.scopes.leave()

    def _add_box(self, module: Any, inputs: Any, outputs: list[Any]) -> None:
        """Append one operation for all that a module has computed."""
        taken = [x for x in leaves_in(inputs) if isinstance(x, self.torch.Tensor)]
        name = getattr(module, "original_name", type(module).__name__)
        named = [(f"input {k}", x) for k, x in enumerate(taken)] + list(module.named_parameters())
        self._operation(name, None, [], dict(named), outputs, {})

    def observe(self, function: Any, args: Sequence, kwargs: dict) -> Any:
        """Call a function of PyTorch, and record it if it computes Tensors from Tensors."""
        name = name_of(function)
        if name == "unbind" and sys._getframe(2).f_code is self.torch.Tensor.__iter__.__code__:
            return (args[0][k] for k in range(len(args[0])))  # a loop takes the parts one after the other
        tensors = [x for x in leaves_in([args, kwargs]) if isinstance(x, self.torch.Tensor)]
        in_place = writes(name, args, kwargs)
        recorded = bool(tensors) and name not in QUIET and not self._counts(tensors[0])
        before = [self.number_of(x) for x in tensors] if in_place and recorded else []
        try:
            output = function(*args, **kwargs)
        except Exception:
            if self.failed is None:
                self.failed = (plain_name(name), tensors, self.scopes.innermost)
            raise
        self.failed = None
        made = args[0] if name == "__setitem__" else output
        parts = [x for x in leaves_in(plain_result(made)) if isinstance(x, self.torch.Tensor)]
        if not recorded or not parts:
            return output
        if not in_place and all(any(part is x for x in tensors) for part in parts):
            return output  # it had nothing to do: x.contiguous(), x.to(...)
        numbers = dict(zip(map(id, tensors), before))
        self._operation(name, function, args, kwargs, parts, numbers)
        return output

    def _counts(self, x: Any) -> bool:
        """Whether it is the number of batches that a normalisation has seen, which no result depends on."""
        return self.names.get(id(x), ("", ""))[1].endswith("num_batches_tracked")

    # ------------------------------------------------------------------ nodes

    def number_of(self, x: Any) -> int:
        """Return the number of the node of a Tensor; one that is seen for the first time gets a node."""
        found = self.numbers.get(id(x))
        if found is not None and found not in self.edges:
            self._mark_edge(x, found)  # PyTorch may give a Tensor its history only later
        if found is None:
            found = self._hidden(x) if x.grad_fn is not None and id(x) not in self.names else None
        return self.leaf(x) if found is None else found

    def leaf(self, x: Any) -> int:
        """Append the node of a Tensor that no function seen here made."""
        kind, name = self.names.get(id(x), ("", ""))
        if not kind:
            kind = "parameter" if x.requires_grad and x.is_leaf else "constant"
            name = named_in(seen_from(users_frame("torch")), x, lambda t: isinstance(t, self.torch.nn.Module))
        node = self._add(kind, x, name=name, scope=self.scopes.innermost.number)
        self._remember(x, node)
        return node.number

    def _hidden(self, x: Any) -> int | None:
        """Append a node for what PyTorch has recorded but not shown, such as a function with a backward of its own."""
        with suppress(RuntimeError):
            edge = self.torch.autograd.graph.get_gradient_edge(x)
            if (edge.node, edge.output_nr) in self.known:
                return self.known[edge.node, edge.output_nr]
        sources = [self.known[key] for key in self._sources(x.grad_fn)]
        if not sources:
            return None
        made_by = type(x.grad_fn).__name__
        name = made_by.rstrip("0123456789").removesuffix("Backward") or "function"
        if made_by != f"{name}Backward":  # one of PyTorch's own
            name = SAME.get(name.lower(), name.lower())
            note = "what PyTorch computes by itself, such as the operations of autograd.grad, is one box"
            self.graph.notes += [] if note in self.graph.notes else [note]
        formula = formula_of(None, 0, LIBRARY, name)
        inputs = [Input(f"input {k}", number, formula=formula) for k, number in enumerate(dict.fromkeys(sources))]
        node = self._add("operation", x, operation=name, inputs=inputs, scope=self.scopes.innermost.number)
        self._remember(x, node)
        self.slots.append((node.number, list(range(len(inputs)))))
        return node.number

    def _sources(self, start: Any) -> Iterator[tuple[Any, int]]:
        """Yield where the gradients arrive that leave a part of PyTorch's graph, as far as they are known."""
        stack, seen = [start], {start}
        while stack and len(seen) < STEPS:
            for key in stack.pop().next_functions:
                if key in self.known:
                    yield key
                elif key[0] is not None and key[0] not in seen:
                    seen.add(key[0])
                    stack.append(key[0])

    def _add(self, kind: str, x: Any, **about: Any) -> GraphNode:
        array = as_array(x) if self.builder.values else None
        node = add_value(self.builder, kind, array, x.shape, str(x.dtype).removeprefix("torch."), **about)
        node.bytes = x.numel() * x.element_size()
        return node

    def _remember(self, x: Any, node: GraphNode) -> None:
        self.numbers[id(x)] = node.number
        self.alive.append(x)
        self._mark_edge(x, node.number)

    def _mark_edge(self, x: Any, number: int) -> None:
        """Remember where the gradient of a value arrives in PyTorch's graph."""
        if x.requires_grad:
            with suppress(RuntimeError, TypeError, AttributeError):  # inside vmap, or in inference mode
                edge = self.torch.autograd.graph.get_gradient_edge(x)
                self.edges[number] = edge
                self.known.setdefault((edge.node, edge.output_nr), number)

    def _operation(
        self, name: str, function: Any, args: Sequence, kwargs: dict, parts: list[Any], before: dict[int, int]
    ) -> None:
        """Append an operation, and one more node for each part of an output that has several."""
        frame = users_frame("torch")
        file, number = frame.f_code.co_filename, frame.f_lineno
        about = {
            "line": f"{os.path.basename(file)}:{number}",
            "code": linecache.getline(file, number).strip(),
            "scope": self.scopes.innermost.number,
        }
        core = plain_name(name)
        args = args[::-1] if name in SWAPPED and len(args) == 2 else args
        pairs = arguments_of(core, function, args, kwargs)
        mine = [value for _, value in pairs[: len(args)]]
        primitive = primitive_of(core, sum(1 for x in mine if isinstance(x, (self.torch.Tensor, int, float))))
        if primitive is not None and core == "linear" and len(pairs) < 3:
            pairs = pairs[:2]
        inputs, given = self._inputs(pairs, primitive, core, before)
        shown = "linear" if core == "linear" else SAME.get(core, core) if primitive is not None else core
        shapes = [self.graph.nodes[i.source].shape for i in inputs if i.source is not None]
        out = parts[0]
        if len(parts) == 1:
            node = self._add("operation", out, operation=shown, inputs=inputs, parameters=given, **about)
            self._remember(out, node)
        else:
            node = self.builder.add("operation", operation=shown, inputs=inputs, parameters=given, **about)
        node.flops = flops_of(shown, shapes, tuple(out.shape))
        node.settings = {key: x for key, value in pairs if key in given and (x := as_number(value)) is not None}
        self.slots.append((node.number, [k for k, i in enumerate(inputs) if i.source is not None]))
        if len(parts) > 1:
            for k, part in enumerate(parts):
                edge = Input(OUTPUT.inputs[0], node.number, formula=formulas(OUTPUT)[0])
                each = self._add("operation", part, operation=OUTPUT.name, inputs=[edge], **about)
                each.parameters = {"part": str(k)}
                self._remember(part, each)

    def _inputs(
        self, pairs: list[tuple[str, Any]], primitive: Primitive | None, name: str, before: dict[int, int]
    ) -> tuple[list[Input], dict[str, str]]:
        """Return the edges of an operation, and its other arguments as text."""
        inputs: list[Input] = []
        given: dict[str, str] = {}

        def edge(argument: str, x: Any) -> None:
            number = before.get(id(x))
            source = self.number_of(x) if number is None else number
            formula = formula_of(
                primitive, min(len(inputs), len(primitive.inputs) - 1) if primitive else 0, LIBRARY, name
            )
            inputs.append(Input(argument, source, formula=formula))

        for k, (argument, value) in enumerate(pairs):
            ours = primitive.inputs[k] if primitive is not None and k < len(primitive.inputs) else argument
            inside = [x for x in leaves_in([value]) if isinstance(x, self.torch.Tensor)]
            if isinstance(value, self.torch.Tensor):
                edge(ours, value)
            elif inside:
                for j, x in enumerate(inside):
                    edge(f"{argument}[{j}]", x)
            elif primitive is not None and k < len(primitive.inputs) and isinstance(value, (int, float, complex)):
                formula = formula_of(primitive, k, LIBRARY, name)
                inputs.append(Input(ours, None, short_text(value), formula, exact=as_number(value)))
            elif value is not None and value is not False and argument not in UNTOLD:
                given[argument] = short_text(value)
        if any(key in ("training", "train") and value is False for key, value in pairs):
            given = {key: text for key, text in given.items() if "dropout" not in key}
        return inputs, given

    def _add_error(self, error: Exception) -> None:
        """Append a node for the function, or the call of a module, that raised."""
        self.graph.error = f"{type(error).__name__}: {error}"
        name, tensors, scope = self.failed or ("", [], self.graph.scopes[0])
        inputs = [Input(f"input {k}", self.number_of(x)) for k, x in enumerate(tensors)]
        self.builder.add("error", operation=name, inputs=inputs, scope=scope.number, message=self.graph.error)
