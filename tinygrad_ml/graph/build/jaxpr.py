"""A JAX function as a graph: its jaxpr, computed step by step, so that all values are known.

The gradients go back step by step too, by `jax.vjp` of each operation alone, which tells what goes along each edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from ...primitive import OUTPUT
from ..format import as_number
from ..formulas import formulas
from ..nodes import GraphNode, Input
from .builder import Builder, argument_names, variables_of
from .foreign import PRIMITIVES, SAME, add_value, as_plain, flops_of, formula_of, short_text
from .jaxpr_gradients import add_gradients, as_numpy
from .jaxpr_source import is_jax, parts, place, transformed
from .scopes import Scopes

LIBRARY = "JAX"
UNROLLED = 20_000  # operations up to which a loop is unrolled
# Reductions of JAX by their names here, and the parameters of operations that a reader asks for.
REDUCTIONS = {"reduce_sum": "sum", "reduce_max": "max", "reduce_min": "min", "reduce_prod": "prod"}
TOLD = {
    "axes": "axis",
    "axis": "axis",
    "broadcast_dimensions": "axes",
    "dimension": "axis",
    "dimensions": "axes",
    "limit_indices": "to",
    "new_dtype": "dtype",
    "padding": "padding",
    "permutation": "axes",
    "shape": "shape",
    "start_indices": "from",
    "window_strides": "strides",
}
ARGUMENTS = {"select_n": ("which", "if false", "if true"), "conv_general_dilated": ("x", "weight")}


def trace_jax(
    target: Any, inputs: Sequence, *, backward: bool = True, gradient: Any = None, values: bool = True
) -> Builder:
    """Return the builder with the computation of a JAX function, and its gradients."""
    if find_spec("jax") is None:
        raise ImportError("from_jax needs JAX: pip install jax")
    if not callable(target):
        raise TypeError(f"trace: cannot trace {type(target).__name__}; give it a function of JAX")
    title = getattr(target, "__name__", type(target).__name__).strip("<>")
    builder = Builder(title, values)
    tracer = _Tracer(builder)
    results = tracer.run(target, [as_plain(x) for x in inputs])
    if backward and results:
        add_gradients(tracer, results, gradient)
    return builder


class _Value(NamedTuple):
    """A value, and the number of its node; None for a constant that is written out."""

    array: Any
    number: int | None


@dataclass
class _Step:
    """An operation that was computed.

    Attributes
    ----------
    node : int
    function : of all inputs, returns the list of the outputs
    inputs : list of _Value
    outputs : list of the numbers of the nodes of the outputs
    """

    node: int
    function: Callable[..., list]
    inputs: list[_Value]
    outputs: list[int]


class _Tracer:
    def __init__(self, builder: Builder):
        import jax
        from jax.extend import core

        self.jax, self.core, self.builder, self.graph = jax, core, builder, builder.graph
        self.scopes = Scopes(builder.graph)
        self.steps: list[_Step] = []
        self.constants: dict[int, tuple[Any, int]] = {}  # id of an array -> it and the number of its node
        self.variables: dict[str, Any] = {}
        self.whole: Any = None  # the jaxpr of the function

    # ------------------------------------------------------------------ running

    def run(self, target: Any, inputs: Sequence) -> list[_Value]:
        """Compute the function step by step; return its results."""
        self.variables = variables_of(getattr(target, "__wrapped__", target))
        try:
            closed, leaves = self._jaxpr(target, inputs)
        except Exception as error:
            self.graph.error = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
            self.builder.add("error", message=self.graph.error)
            return []
        self.whole = closed.jaxpr
        given = []
        for name, kind, array in leaves:
            node = self._add(kind, array, name=name)
            given.append(_Value(array, node.number))
        jaxpr, consts = closed.jaxpr, list(closed.consts)
        if len(jaxpr.eqns) == 1 and jaxpr.eqns[0].primitive.name in ("jit", "pjit") and not consts:
            only = jaxpr.eqns[0]  # the function is under jit itself: no box around all of it
            own = not self._of_library(only.params["jaxpr"])
            if own and list(only.invars) == list(jaxpr.invars) and list(only.outvars) == list(jaxpr.outvars):
                jaxpr, consts = only.params["jaxpr"].jaxpr, list(only.params["jaxpr"].consts)
        results = self._evaluate(jaxpr, [self._constant(c) for c in consts], given)
        found = [r if r.number is not None else self._constant(r.array) for r in results]
        self.graph.outputs += [r.number for r in found if r.number is not None]
        return found

    def _jaxpr(self, target: Any, inputs: Sequence) -> tuple[Any, list[tuple[str, str, Any]]]:
        """Return the jaxpr, and its inputs with their names and kinds."""
        jax = self.jax
        known = [all(self._is_array(leaf) for leaf in jax.tree_util.tree_leaves(x)) for x in inputs]
        try:
            return self._jaxpr_of(target, inputs, known)
        except (jax.errors.ConcretizationTypeError, TypeError, ValueError):
            fixed = [isinstance(x, (bool, int)) for x in inputs]  # a number of steps, a switch
            if not any(fixed):
                raise
            return self._jaxpr_of(target, inputs, [k and not f for k, f in zip(known, fixed)])

    def _is_array(self, x: Any) -> bool:
        return isinstance(x, (bool, int, float, complex, np.ndarray, np.generic, self.jax.Array))

    def _jaxpr_of(self, target: Any, inputs: Sequence, traced: Sequence[bool]) -> tuple[Any, list]:
        jax = self.jax

        def of_traced(*given: Any) -> Any:
            rest = iter(given)
            return target(*(next(rest) if t else x for x, t in zip(inputs, traced)))

        chosen = [x for x, t in zip(inputs, traced) if t]
        closed = jax.make_jaxpr(of_traced)(*chosen)
        names = [name for name, t in zip(argument_names(target, len(inputs)), traced) if t]
        leaves = []
        for name, x in zip(names, chosen):
            for path, leaf in jax.tree_util.tree_flatten_with_path(x)[0]:
                parts = [str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in path]
                whole = isinstance(leaf, int) and not isinstance(leaf, bool)
                array = jax.numpy.asarray(float(leaf) if whole and not path else leaf)
                if whole and not path:
                    array = jax.numpy.asarray(leaf)
                leaves.append((".".join([name, *parts]), "parameter" if path else "input", array))
        return closed, leaves

    def _evaluate(self, jaxpr: Any, consts: list[_Value], inputs: Sequence[_Value]) -> list[_Value]:
        """Compute the operations of a jaxpr, and record them."""
        values: dict[Any, _Value] = dict(zip(jaxpr.constvars, consts)) | dict(zip(jaxpr.invars, inputs))

        def read(atom: Any) -> _Value:
            return _Value(atom.val, None) if isinstance(atom, self.core.Literal) else values[atom]

        with self._named_scopes() as enter:
            for part, calls in parts(jaxpr.eqns):
                enter(part)
                with self._box(calls, calls, whole=True):
                    for equation in part:
                        outputs = self._equation(equation, [read(atom) for atom in equation.invars])
                        values.update(zip(equation.outvars, outputs))
                    if calls:
                        kept = [values[v].number for e in part for v in e.outvars]
                        self.scopes.innermost.outputs = [k for k in kept[-1:] if k is not None]
        return [read(atom) for atom in jaxpr.outvars]

    # ------------------------------------------------------------------ boxes

    @contextmanager
    def _named_scopes(self) -> Iterator[Callable[[list], None]]:
        """Yield a function that enters the scopes of `jax.named_scope` in which operations stand, and leaves others."""
        entered: list[str] = []

        def enter(part: list) -> None:
            wanted = [transformed(name) for name in str(part[0].source_info.name_stack).split("/") if name]
            same = 0
            while same < min(len(wanted), len(entered)) and wanted[same] == entered[same]:
                same += 1
            while len(entered) > same:
                entered.pop()
                self.scopes.leave()
            for name in wanted[same:]:
                entered.append(name)
                self._enter(name, "")

        try:
            yield enter
        finally:
            for _ in entered:
                self.scopes.leave()

    def _enter(self, name: str, kind: str) -> Any:
        path = self.scopes.innermost.path
        return self.scopes.enter(f"{path}.{name}" if path else name, kind)

    @contextmanager
    def _box(self, name: str, kind: str = "", *, whole: bool = False) -> Iterator[Any]:
        """Enter a scope, if it has a name; one that is drawn whole is known by its kind alone."""
        if not name:
            yield None
            return
        scope = self._enter(name, kind)
        if whole:
            scope.name, scope.whole = "", True
        try:
            yield scope
        finally:
            self.scopes.leave()

    # ------------------------------------------------------------------ operations

    def _equation(self, equation: Any, inputs: list[_Value]) -> list[_Value]:
        """Compute one equation of a jaxpr: a call, a loop, a branch, or an operation."""
        name, params = equation.primitive.name, equation.params
        if name in ("jit", "pjit", "closed_call", "core_call"):
            closed = params.get("jaxpr", params.get("call_jaxpr"))
            called = str(params.get("name", name))
            if hasattr(closed, "consts") and not self._of_library(closed):
                with self._box(called, "jit") as scope:
                    return self._called(scope, closed, inputs)
        elif name in ("checkpoint", "remat", "remat2"):
            with self._box("checkpoint", "remat") as scope:
                results = self._evaluate(params["jaxpr"], [], inputs)
                scope.outputs = [r.number for r in results if r.number is not None]
                return results
        elif name == "cond":
            branch = int(inputs[0].array)
            with self._box("cond", f"branch {branch}") as scope:
                return self._called(scope, params["branches"][branch], inputs[1:])
        elif name == "scan" and params["length"] * len(params["jaxpr"].jaxpr.eqns) <= UNROLLED:
            return self._scan(params, inputs)
        elif name == "while" and self._is_short(params, inputs):
            return self._while(params, inputs)
        return self._operation(equation, inputs)

    def _called(self, scope: Any, closed: Any, inputs: Sequence[_Value]) -> list[_Value]:
        results = self._evaluate(closed.jaxpr, [self._constant(c) for c in closed.consts], inputs)
        scope.outputs = [r.number for r in results if r.number is not None]
        return results

    def _of_library(self, closed: Any) -> bool:
        """Whether a function under jit is one of JAX, such as jax.nn.relu."""
        about = getattr(closed.jaxpr.debug_info, "func_src_info", "") or ""
        return is_jax(about.partition(" at ")[2])

    def _scan(self, params: dict, inputs: list[_Value]) -> list[_Value]:
        """Compute a scan: each step in a box, with the parts of the sequences that it takes."""
        fixed, carried = params["num_consts"], params["num_carry"]
        consts, state, sequences = inputs[:fixed], inputs[fixed : fixed + carried], inputs[fixed + carried :]
        order = range(params["length"])
        collected: list[list[_Value]] = []
        with self._box("scan", "loop") as scope:
            for k in reversed(order) if params["reverse"] else order:
                with self._box("step") as step:
                    parts = [self._made("getitem", lambda x, k=k: [x[k]], [x], {"index": str(k)})[0] for x in sequences]
                    results = self._called(step, params["jaxpr"], [*consts, *state, *parts])
                state = results[:carried]
                collected.append(results[carried:])
            if params["reverse"]:
                collected.reverse()
            empty = [v.aval for v in params["jaxpr"].jaxpr.outvars[carried:]]
            stacked = []
            for j, aval in enumerate(empty):
                row = [results[j] for results in collected]
                if row:
                    stacked += self._made("stack", lambda *x: [self.jax.numpy.stack(x)], row, {})
                else:
                    stacked.append(_Value(self.jax.numpy.zeros((0, *aval.shape), aval.dtype), None))
            results = [*state, *stacked]
            scope.outputs = [r.number for r in results if r.number is not None]
        return results

    def _loop(self, params: dict, inputs: list[_Value]) -> tuple[list[_Value], list[_Value], list[_Value]]:
        n, m = params["cond_nconsts"], params["body_nconsts"]
        return inputs[:n], inputs[n : n + m], inputs[n + m :]

    def _is_short(self, params: dict, inputs: list[_Value]) -> bool:
        """Whether a while loop ends soon enough to be unrolled: it is run once to see."""
        asks, body = (self.core.jaxpr_as_fun(params[key]) for key in ("cond_jaxpr", "body_jaxpr"))
        of_test, of_body, state = ([x.array for x in part] for part in self._loop(params, inputs))
        allowed = UNROLLED // max(len(params["body_jaxpr"].jaxpr.eqns), 20)
        for _ in range(allowed):
            if not bool(asks(*of_test, *state)[0]):
                return True
            state = body(*of_body, *state)
        return False

    def _while(self, params: dict, inputs: list[_Value]) -> list[_Value]:
        of_test, of_body, state = self._loop(params, inputs)
        with self._box("while", "loop") as scope:
            while True:
                with self._box("test") as test:
                    (goes_on,) = self._called(test, params["cond_jaxpr"], [*of_test, *state])
                if not bool(goes_on.array):
                    break
                with self._box("step") as step:
                    state = self._called(step, params["body_jaxpr"], [*of_body, *state])
            scope.outputs = [r.number for r in state if r.number is not None]
        return state

    def _operation(self, equation: Any, inputs: list[_Value]) -> list[_Value]:
        """Compute an equation that is drawn as one operation."""
        kept = [v for v in equation.outvars if type(v).__name__ != "DropVar"]
        apart = [self.core.Var(atom.aval) for atom in equation.invars]  # so that each use has a gradient of its own
        parts = {"eqns": [equation.replace(invars=apart)], "effects": equation.effects}
        jaxpr = self.whole.replace(constvars=[], invars=apart, outvars=kept, **parts)
        compute = self.core.jaxpr_as_fun(self.core.ClosedJaxpr(jaxpr, []))
        name = self._name(equation)
        shown = [*inputs, _Value(equation.params["y"], None)] if equation.primitive.name == "integer_pow" else inputs
        made = self._made(
            name,
            lambda *arrays: list(compute(*arrays[: len(apart)])),
            shown,
            self._parameters(equation, name),
            place(equation) | {"scope": self.scopes.innermost.number},
        )
        results = iter(made)
        return [next(results) if v in kept else _Value(None, None) for v in equation.outvars]

    def _name(self, equation: Any) -> str:
        name, params = equation.primitive.name, equation.params
        if name in (
            "jit",
            "pjit",
            "closed_call",
            "core_call",
            "custom_jvp_call",
            "custom_vjp_call",
            "custom_vjp_call_jaxpr",
        ):
            closed = next((params[k] for k in ("call_jaxpr", "jaxpr", "fun_jaxpr") if k in params), None)
            about = getattr(getattr(getattr(closed, "jaxpr", closed), "debug_info", None), "func_src_info", None) or ""
            name = str(params.get("name") or about.partition(" ")[0] or name).strip("_")
            return SAME.get(name, name)
        if name == "dot_general":
            left, right = (len(atom.aval.shape) for atom in equation.invars[:2])
            if params["dimension_numbers"] == (((left - 1,), (0,)), ((), ())) and right in (1, 2) and left:
                return "matmul"
        if name == "integer_pow":
            return "power"
        return REDUCTIONS.get(name, SAME.get(name, name))

    def _parameters(self, equation: Any, name: str) -> dict[str, str]:
        told = {TOLD[k]: v for k, v in equation.params.items() if k in TOLD and v is not None}
        if name in ("matmul", "power"):
            return {}
        if "dtype" in told:
            told["dtype"] = np.dtype(told["dtype"])
        shown = {k: v[0] if isinstance(v, tuple) and len(v) == 1 else v for k, v in told.items() if v != ()}
        return {k: v.name if isinstance(v, np.dtype) else short_text(v) for k, v in shown.items()}

    # ------------------------------------------------------------------ nodes

    def _made(
        self,
        name: str,
        function: Callable[..., list],
        inputs: Sequence[_Value],
        given: dict[str, str],
        about: dict[str, Any] | None = None,
    ) -> list[_Value]:
        """Compute an operation and append its node; return its values."""
        arrays = function(*(x.array for x in inputs))
        primitive = PRIMITIVES.get(name)
        if primitive is not None and (len(primitive.inputs) < len(inputs) or primitive.variadic):
            primitive = None
        names = ARGUMENTS.get(name, ("x", "y") if len(inputs) == 2 else ("x",) if len(inputs) == 1 else ())
        edges: list[Input] = []
        for k, x in enumerate(inputs):
            argument = primitive.inputs[k] if primitive is not None else names[k] if k < len(names) else f"input {k}"
            text = "" if x.number is not None else short_text(np.asarray(x.array)[()])
            exact = as_number(np.asarray(x.array)) if text else None
            edges.append(Input(argument, x.number, text, formula_of(primitive, k, LIBRARY, name), exact=exact))
        about = about or {"scope": self.scopes.innermost.number}
        if len(arrays) == 1:
            node = self._add("operation", arrays[0], operation=name, inputs=edges, parameters=given, **about)
            outputs = [node.number]
        else:
            node = self.builder.add("operation", operation=name, inputs=edges, parameters=given, **about)
            outputs = []
            for k, array in enumerate(arrays):
                edge = Input(OUTPUT.inputs[0], node.number, formula=formulas(OUTPUT)[0])
                part = self._add("operation", array, operation=OUTPUT.name, inputs=[edge], **about)
                part.parameters = {"part": str(k)}
                outputs.append(part.number)
        node.flops = flops_of(name, [np.shape(x.array) for x in inputs], np.shape(arrays[0]) if arrays else None)
        self.steps.append(_Step(node.number, function, list(inputs), outputs))
        return [_Value(array, number) for array, number in zip(arrays, outputs)]

    def _constant(self, array: Any) -> _Value:
        """Return the value of an array that the function has from outside."""
        known = self.constants.get(id(array))
        if known is None:
            name = next((name for name, thing in self.variables.items() if thing is array), "")
            known = array, self._add("constant", array, name=name, scope=self.scopes.innermost.number).number
            self.constants[id(array)] = known
        return _Value(array, known[1])

    def _add(self, kind: str, array: Any, **about: Any) -> GraphNode:
        plain = as_numpy(array) if self.builder.values else None
        dtype = str(array.dtype) if hasattr(array, "dtype") else str(np.asarray(array).dtype)
        node = add_value(self.builder, kind, plain, np.shape(array), dtype, **about)
        node.bytes = int(getattr(array, "nbytes", 0))
        return node
