"""One call of a function, traced: where its inputs come from, what it returns, and what it leaves behind.

What a call reads is found in the calls before it: the leaves that operations saw, the modules that were called. While
the function is traced, a `Traced` takes the place of the value of each leaf and argument; optimizers and gradient
clipping, which walk over flat memory, ask the tracer (`modes.tracer`) to write their step down. Afterwards everything
is as it was, and only then takes the new values: whatever goes wrong on the way, nothing is half-updated.
"""

from __future__ import annotations

import gc
import math
import operator
import re
import types
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import is_dataclass
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from .. import gradients, random
from ..arrays import StandIn
from ..batched import Batched
from ..modes import Mode, modes
from ..optim.flat_parameters import FlatParameters
from ..optim.optimizer import Optimizer
from ..primitive import Node, Primitive
from ..sparse import SparseRows
from ..tape.program import Code, GuardFailed, Program
from ..tape.traced import Source, Tape, Traced, Untraceable, Value, mapped, rebuilt
from ..tensor import Tensor, from_owned, get_default_dtype, next_id, touch
from .reach import Reach, names_of, unlike

__all__ = ["Capture", "Seen", "Stale"]


class Stale(GuardFailed):
    """A plan is for other circumstances: other shapes, modes, options, or another object under a name."""


class NotYet(Exception):
    """The call used a leaf that no call before did: the next one can be traced."""


class Seen:
    """What the calls of a function have read so far: leaves, and modules."""

    def __init__(self) -> None:
        self.leaves: dict[int, weakref.ref[Tensor]] = {}
        self.modules: dict[int, Any] = {}
        self.titles: dict[int, str] = {}  # of Tensors, for people: names of variables, and in modules

    def saw(self, inputs: Any) -> None:
        """Note what an operation has read."""
        for x in inputs:
            if isinstance(x, Tensor) and x.node is None and not isinstance(x._data, StandIn):
                self.leaves[id(x)] = weakref.ref(x)

    def opaque(self, function: Callable, args: tuple, parameters: dict[str, Any], error: Exception) -> Any:
        """Raise the error of a kernel or a rule: nothing is traced here."""
        raise error

    def step(self, *_: Any) -> None:
        """Leave the step to the optimizer, and clipping to `clip_grad_norm_`."""

    clip_norm = step

    def random(self, generator: Any) -> Any:
        """Return the generator itself."""
        return generator

    @contextmanager
    def call(self, module: Any, inputs: tuple, named: dict[str, Any]) -> Iterator[Callable]:
        if id(module) not in self.modules:
            self.modules |= {id(part): part for part in module.modules()}
            for names in (module.named_parameters(), module.named_buffers()):
                self.titles |= {id(x): name for name, x in names}
        yield lambda output: None

    def living(self) -> dict[int, Tensor]:
        """Return the leaves that are still there, with the parameters and buffers of the modules."""
        found = {id(leaf): leaf for reference in self.leaves.values() if (leaf := reference()) is not None}
        for module in self.modules.values():
            for _, thing in module.attributes():
                if isinstance(thing, Tensor) and thing.node is None:
                    found[id(thing)] = thing
        self.leaves = {key: weakref.ref(leaf) for key, leaf in found.items()}
        return found


class _Leaf:
    """A leaf that a traced call may read and write, and how it was before the call."""

    def __init__(self, tensor: Tensor, argument: str, tape: Tape, title: str = ""):
        tensor._sync_version()
        self.tensor, self.argument = tensor, argument
        self.title = argument or tensor.name or title or f"Tensor {tensor.shape}"
        self.place = self.source("{}")
        self.before, self.gradient = tensor._capture(), tensor._grad
        self.value = tape.input(self.source("{}._data"), tensor._data)
        self.first = self.value.value
        self.own = [self.value]  # what stands for it
        g: Any = self.gradient

        def part(name: str, what: str) -> Any:
            self.own.append(tape.input(self.source(f"{{}}._grad.{name}", what), getattr(g, name)))
            return self.own[-1]

        self.given: Any = None
        if type(g) is SparseRows:
            rows, values = (part(name, f"gradient {name} of ") for name in ("rows", "values"))
            self.given = SparseRows(rows, values, g.shape)
        elif g is not None:
            self.given = from_owned(part("_data", "gradient of "))
        let_stand_in(tensor, self.value, self.given)

    def source(self, text: str, what: str = "") -> Source:
        """Return an expression of this leaf, which is {} in it."""
        things = () if self.argument else (self.tensor,)
        return Source(what + self.title, text.replace("{}", self.argument or "{0}"), *things)

    def put_back(self) -> None:
        """Let the leaf be as it was before the call."""
        self.tensor._restore(self.before)


class _Generator:
    """The library's generator of random numbers while a call is traced: what it draws is drawn anew in each call."""

    def __init__(self, tape: Tape, real: Any, path: str = ""):
        vars(self).update(_tape=tape, _real=real, _path=path)

    def __setattr__(self, name: str, new: Any) -> None:
        raise Untraceable("another state of the random generator")

    def __getattr__(self, name: str) -> Any:
        method, path = getattr(self._real, name), self._path + name
        if name == "bit_generator":
            return _Generator(self._tape, method, path + ".")
        if name == "state":  # `vmap` compares it
            return method
        if not callable(method):
            raise Untraceable(f".{name} of a random generator")

        def draw(*args: Any, **parameters: Any) -> Any:
            return self._tape.record("random", drawn, (path, *args), parameters, method(*args, **parameters))

        return draw


def drawn(path: str, *args: Any, **parameters: Any) -> Any:
    """Call a method of the generator that is the library's now."""
    return operator.attrgetter(path)(random.default_generator())(*args, **parameters)


@contextmanager
def given_back() -> Iterator[None]:
    """Give random numbers back if what draws them fails: they will be drawn again."""
    bits = random.default_generator().bit_generator
    before = bits.state
    try:
        yield
    except BaseException:
        bits.state = before
        raise


class Capture:
    """A function, called once with arrays that write down what is computed.

    Parameters
    ----------
    function : callable
    args, named : the arguments of the call
    seen : what earlier calls have read
    reads : what the function calls, though its code has no name of it

    Attributes
    ----------
    program : Program
    checks : list of str
        Expressions of Python that are true where a plan is for other circumstances.
    last, counted, returned : lines after everything else, with the Values and objects that are {0}, {1}, ... in them
        What Tensors get, what the library counts, and the result.
    concrete : dict from Value to array or number
        What leaves this call.
    """

    def __init__(
        self, function: Callable, args: tuple, named: dict[str, Any], seen: Seen, reads: Iterable[Callable] = ()
    ):
        self.tape, self.code, self.seen, self.function = Tape(), Code(**HELPERS), seen, function
        self.checks: list[str] = [
            f"get_default_dtype() is not {self.code.name(get_default_dtype())}",
            f"{self.code.name(modes)}.recording is not {modes.recording}",
        ]
        self.states: dict[tuple, tuple[np.ndarray, Value, Traced]] = {}
        self.places: dict[int, tuple[FlatParameters, int]] = {}  # of the parameters that are updated
        self.shown: dict[int, tuple[Any, Value | None]] = {}  # what stood for a leaf at first, or after its update
        self.leaves: list[_Leaf] = []
        self.last: list[tuple[str, list]] = []
        self.counted: list[tuple[str, list]] = []
        self.returned: tuple[str, list] = "", []
        self.changed: list[_Leaf] = []  # those that are written to
        self.concrete: dict[Value, Any] = {}
        self.late: dict[int, tuple] = {}
        self.generator = random.default_generator()
        self.roots = [(thing, "", "") for thing in (function, *reads)]  # what else the call reads
        self.given: list[tuple[Source, Any, Any, Any]] = []  # arguments that cannot be written to
        self.again = False  # whether only the next call can be traced
        originals = args, named
        try:
            found = seen.living()
            self.checks.append(f"len(args) != {len(args)} or list(named) != {list(named)}")
            args = tuple([self._given(x, f"args[{k}]", found) for k, x in enumerate(args)])
            named = {key: self._given(x, f"named[{key!r}]", found) for key, x in named.items()}
            self.roots += [(module, "", type(module).__name__) for module in seen.modules.values()]
            self.roots += [(hook, "", "a hook") for x in found.values() for hook in getattr(x, "_hooks", {}).values()]
            known = len(seen.modules)
            self.reach = Reach(self.roots, self.code, getattr(function, "__func__", function))
            self.reach.options.append((vars(random), "generator", random.generator))
            taken = [id(leaf.tensor) for leaf in self.leaves]
            found = {key: x for key, x in (found | self.reach.leaves).items() if key not in taken}
            function = self._lifted(function)
            seen.titles |= self.reach.titles
            self.leaves += [_Leaf(tensor, "", self.tape, seen.titles.get(key, "")) for key, tensor in found.items()]
            self.shown = {id(leaf.tensor): (leaf.value, leaf.first) for leaf in self.leaves}
            with self.reach:
                with Mode(tracer=self, call_observer=seen.call):
                    result = function(*args, **named)
                    self._note(result)
                del result, args, named, function
                self.given.clear()
                self.shown.clear()
                self._take_late()
        finally:
            self.tape.thread = None
            for leaf in self.leaves:
                leaf.put_back()
        self.again |= len(seen.modules) > known
        with self.reach:
            self._show_parameters()
        self.changed_python = self.reach.changed(*originals)
        self.leaked = self._leaked()
        self.program = Program(self.tape, self.concrete, [(memory, traced.value) for memory, traced in self.written])
        self.last, self.counted, self.returned = mapped(self.program.now, (self.last, self.counted, self.returned))
        self._check()
        del self.reach, self.roots
        self.begin()
        self.circumstances = list(self.code.lines), list(self.code.things.values())

    # ------------------------------------------------------------------ what goes in

    def _given(self, x: Any, text: str, found: dict[int, Tensor]) -> Any:
        """Return an argument with what stands for its Tensors and arrays, and note how to know one like it."""
        code = self.code
        if isinstance(x, Tensor):
            self.checks.append(f"type({text}) is not {code.name(type(x))} or {text}.node is not None")
            if not x._requires_grad:
                self.checks.append(f"{text}._requires_grad")
                return self._lent(text, f"{text}._data", x._data, from_owned)
            known = [leaf for leaf in self.leaves if leaf.tensor is x]
            if known:  # an argument twice
                self.checks.append(f"{text} is not {known[0].argument}")
            else:
                found.pop(id(x), None)
                self.leaves.append(_Leaf(x, text, self.tape))
            return x
        if type(x) is np.ndarray or isinstance(x, np.generic):
            self.checks.append(f"type({text}) is not {code.name(type(x))}")
            return self._lent(text, text, x)
        if type(x) in (tuple, list) or hasattr(x, "_fields"):
            self.checks.append(f"type({text}) is not {code.name(type(x))} or len({text}) != {len(x)}")
            parts = rebuilt(x, [self._given(part, f"{text}[{k}]", found) for k, part in enumerate(x)])
            return self._watched(text, parts) if type(x) is list else parts
        if type(x) is dict:
            self.checks.append(f"type({text}) is not dict or list({text}) != {code.name([*x])}")
            parts = {key: self._given(part, f"{text}[{code.constant(key)}]", found) for key, part in x.items()}
            return self._watched(text, parts)
        if is_dataclass(x) and not isinstance(x, type) and type(getattr(x, "__dict__", None)) is dict:
            self.checks.append(
                f"type({text}) is not {code.name(type(x))} or list(vars({text})) != {code.name([*vars(x)])}"
            )
            new = copy(x)
            vars(new).update({key: self._given(part, f"{text}.{key}", found) for key, part in vars(x).items()})
            self._watched(text, vars(new))
            return new
        self.roots.append((x, text, text))
        return x

    def _watched(self, text: str, parts: Any) -> Any:
        """Return what stands for a list or dict among the arguments, which the call may not change."""
        self.given.append((Source(text, text), parts, None, _items(parts)))
        return parts

    def _lent(self, title: str, text: str, x: Any, wrap: Callable = lambda traced: traced, holder: Any = None) -> Any:
        """Return what stands for an array that the call may not write to, since others hold it too."""
        held = [] if holder is None else [holder]
        traced = self.tape.input(Source(title, text, *held), x)
        self.given.append((Source(title, text if held else title, *held), wrap(traced), traced, traced.value))
        return self.given[-1][1]

    def _lifted(self, function: Callable) -> Callable:
        """Return a function in which arrays of the closure and the global names are inputs."""
        start = getattr(function, "__func__", function)
        inputs: dict[str, Traced] = {}
        for name, text, holder, x in names_of(start) if isinstance(start, types.FunctionType) else ():
            if type(x) is np.ndarray:
                inputs[name] = self._lent(name, text, x, holder=holder)
        if not inputs:
            return function
        free = zip(start.__code__.co_freevars, start.__closure__ or ())
        cells = tuple([types.CellType(inputs[name]) if name in inputs else cell for name, cell in free])
        names = {**start.__globals__, **inputs}
        lifted = types.FunctionType(start.__code__, names, start.__name__, start.__defaults__, cells)
        lifted.__kwdefaults__ = start.__kwdefaults__
        return lifted if start is function else types.MethodType(lifted, function.__self__)  # type: ignore[attr-defined]

    # ------------------------------------------------------------------ what the library asks while it is traced

    def opaque(self, function: Callable, args: tuple, parameters: dict[str, Any], error: Exception) -> Any:
        """Return what a kernel or a rule gives that could not be traced (see `Tape.opaque`)."""
        return self.tape.opaque(function, args, parameters, error)

    def saw(self, inputs: Any) -> None:
        """Note a leaf that no call before has used."""
        for x in inputs:
            if isinstance(x, Tensor) and x.node is None and type(x._data) is not Traced and id(x) not in self.late:
                self.late[id(x)] = weakref.ref(x), x._grad

    def _take_late(self) -> None:
        """Note what leaves get that no call before has used, and are still there: the next call will know them."""
        for reference, gradient in self.late.values():
            x = reference()
            if x is None:
                continue
            self.again = True
            self.seen.leaves[id(x)] = reference
            g, data, things = x._grad, x._data, [Source("", "{0}", x)]
            if type(g) is SparseRows and g is not gradient:
                rows, values = self._out(g.rows, things), self._out(g.values, things)
                self.last.append((f"{{0}}._grad = SparseRows({rows}, {values}, {g.shape})", things))
            elif type(g) is Tensor and g is not gradient:
                self.last.append((f"{{0}}._grad = from_owned({self._out(g._data, things)})", things))
            if type(data) is Traced:
                self.last.append((f"{{0}}._replace({self._out(data, things)})", things))
            let_stand_in(x, data, gradient)

    def random(self, generator: Any) -> Any:
        """Return what stands for the library's generator; one that was made in the call draws the same every time."""
        return _Generator(self.tape, generator) if generator is self.generator else generator

    def clip_norm(self, gradients: list, max_norm: float, norm_type: float) -> Tensor:
        """Scale gradients as `clip_grad_norm_` does, by a factor that is 1 where nothing is to be clipped."""
        usual = all(type(g) is Tensor and g.dtype.kind == "f" and g.dtype.itemsize >= 4 for g in gradients)
        if norm_type <= 0 or not usual:
            raise Untraceable(
                "clip_grad_norm_ of sparse, complex or float16 gradients, or of a norm that is not above 0"
            )
        arrays = [self._traced(g._data) for g in gradients]
        total = self._norm([array.reshape(-1) for array in arrays if array.size], norm_type)
        factor: Any = self.tape.call("py_min", min, (max_norm / (total + 1e-6), 1.0), {})
        if factor < np.finfo(gradients[0].dtype).tiny:
            raise Untraceable("a factor that the dtype does not have")
        for g, array in zip(gradients, arrays):
            g._replace(array * factor)
        return from_owned(total.astype(gradients[0].dtype))

    def _norm(self, arrays: list[Any], p: float) -> Any:
        """Return the norm of arrays of one axis as `optim.clip` computes it where nothing is out of range."""

        def numbers(found: Iterable[Any]) -> list[Any]:
            return [self.tape.call("py_float", float, (x,), {}) for x in found]

        if p == 2:
            square: Any = sum(numbers(x.dot(x) for x in arrays))
            if not square > FAITHFUL or not square < math.inf:
                raise Untraceable("a norm that a sum of squares does not give")
            return self.tape.call("py_sqrt", math.sqrt, (square,), {})
        arrays = [np.abs(x) for x in arrays]
        scale: Any = 0.0
        for largest in numbers(x.max() for x in arrays):
            scale = self.tape.call("py_max", max, (scale, largest), {})
        if not scale > 0 or not scale < math.inf:
            raise Untraceable("a norm that is zero or not finite")
        return scale if p == math.inf else scale * sum(numbers(((x / scale) ** p).sum() for x in arrays)) ** (1 / p)

    def step(self, optimizer: Optimizer) -> bool:
        """Write down the step of an optimizer: as few updates of flat memory as possible."""
        if optimizer._steps_by_itself:
            raise Untraceable(f"{type(optimizer).__name__}, which steps by itself")
        params = [p for parts in optimizer._flat for flat in parts for p in flat.params if p._grad is not None]
        if unknown := [p for p in params if not isinstance(p._data, StandIn)]:  # no operation has used it
            self.seen.leaves |= {id(p): weakref.ref(p) for p in unknown}
            raise NotYet
        if any(type(p._data) is _Unknown for p in params):
            raise Untraceable("a second step of a table whose rows are updated")
        self.checks.append(f"len({self.code.name(optimizer)}.param_groups) != {len(optimizer.param_groups)}")
        for group, parts in zip(optimizer.param_groups, optimizer._flat):
            options = {key: self._option(group, key) for key in optimizer.defaults}
            maximize = options.pop("maximize", False)
            for flat in parts:
                if flat.complex or flat.rounded:
                    raise Untraceable("an optimizer of complex or float16 parameters")
                change = partial(_change, optimizer, maximize, options)
                for (kind, _), neighbours in groupby(range(len(flat.params)), partial(_past_of, flat)):
                    run = [*neighbours]
                    if kind is Tensor:
                        self._update(optimizer.used(group), flat, slice(run[0], run[-1] + 1), change)
                    elif kind is SparseRows:
                        self._update_rows(optimizer, group, flat, run)
                    else:
                        self._leave_out([flat.params[k] for k in run])
        return True

    def _leave_out(self, params: list[Tensor]) -> None:
        """Note that parameters have no gradient, or are frozen, if they were so before the call."""
        cleared = {id(leaf.tensor) for leaf in self.leaves if leaf.gradient is not None}
        for p in params:
            if not p._requires_grad or id(p) not in cleared:
                name = self.code.name(p)
                self.checks.append(f"{name}._grad is not None and {name}._requires_grad")

    def _option(self, group: dict[str, Any], key: str) -> Any:
        """Return an option as it is at each call, if it is a float; others must stay what they are."""

        def part(x: Any, text: str) -> Any:
            if isinstance(x, (float, np.floating)):
                return self.tape.input(Source(key, text, group), x)
            if type(x) is tuple:
                return tuple([part(y, f"{text}[{k}]") for k, y in enumerate(x)])
            self.checks.append(unlike(x, text.format(self.code.name(group)), self.code))
            return x

        self.reach.options.append((group, key, group[key]))
        return part(group[key], f"{{0}}[{key!r}]")

    def _update(self, used: Iterable[str], flat: FlatParameters, run: slice, change: Callable) -> None:
        """Write down the update of parameters that are neighbours, have dense gradients, and the same past."""
        params = flat.params[run]
        where = slice(flat.starts[run.start], flat.ends[run.stop - 1])
        value = self._state("parameters", flat.values, where)
        parts = [slice(flat.starts[k] - where.start, flat.ends[k] - where.start) for k in range(run.start, run.stop)]
        for p, part in zip(params, parts):
            if self._is_written(p):  # by hand, before the step
                value[part] = self._traced(p._data).reshape(-1)
        state = {name: self._state(name, flat.buffers[name], where) for name in used}
        state["scratch"] = Traced(self.tape, value.value, value.concrete)
        grads: Any = [self._traced(p._grad._data).reshape(-1) for p in params]
        gradient = grads[0] if len(grads) == 1 else self.tape.call("concatenate", np.concatenate, (grads,), {})
        a, b = run.start, run.stop
        counted = f"{{0}}.steps[{a}:{b}] = [{{0}}.steps[{a}] + 1] * {b - a}; touch({{0}}.params[{a}:{b}])", [flat]
        count = 1 + self.counted.count(counted)
        self.counted.append(counted)
        if len(params) > 1 and count == 1:
            steps = self.code.name(flat) + ".steps"
            self.checks.append(f"{steps}[{a}:{b}].count({steps}[{a}]) != {len(params)}")
        number = self.tape.input(Source("step", f"{{0}}.steps[{a}] + {count}", flat), flat.steps[a] + count)
        change(value, gradient, state, number)
        for k, p in enumerate(params, a):
            if self.places.setdefault(id(p), (flat, k))[0] is not flat:
                raise Untraceable("two optimizers of one parameter")
            new = value[parts[k - a]].reshape(p.shape)
            new = Traced(self.tape, new.value, new.concrete)  # it may be written to
            self.shown[id(p)] = new, new.value
            let_stand_in(p, new, p._grad)

    def _update_rows(self, optimizer: Optimizer, group: dict, flat: FlatParameters, run: list[int]) -> None:
        """Note that the rows of tables are to be updated after everything else, by the optimizer itself."""
        if not optimizer.supports_sparse({key: group[key] for key in optimizer.defaults}):
            raise Untraceable("a sparse gradient that this optimizer makes dense")
        for k in run:
            p, number = flat.params[k], [*map(id, optimizer.param_groups)].index(id(group))
            if self._is_written(p):
                raise Untraceable("a write to a table before the update of its rows")
            self.counted.append((f"step_of_rows({{0}}, {{0}}.param_groups[{number}], {{1}}, {k})", [optimizer, flat]))
            self.places[id(p)], self.shown[id(p)] = (flat, k), (_Unknown(), None)
            let_stand_in(p, self.shown[id(p)][0], p._grad)

    def _is_written(self, p: Tensor) -> bool:
        """Whether the call has written to a parameter, since its last step if there was one."""
        shown, first = self.shown[id(p)]
        return p._data is not shown or (type(shown) is Traced and shown.value is not first)

    def _state(self, title: str, memory: np.ndarray, where: slice) -> Any:
        """Return what stands for a part of an optimizer's memory."""
        key = id(memory), where.start, where.stop
        if key not in self.states:
            if any(k[0] == key[0] and k[1] < where.stop and where.start < k[2] for k in self.states):
                raise Untraceable("two steps of different parts of the parameters")
            whole = self.tape.input(Source(title, "", memory=memory), memory)
            traced = whole if where.stop - where.start == len(memory) else whole[where]
            part = memory if traced is whole else memory[where]
            self.states[key] = part, traced.value, Traced(self.tape, traced.value, traced.concrete)
        return self.states[key][2]

    def _traced(self, x: Any) -> Any:
        """Return an array as a traced one."""
        if type(x) is Traced:
            return x
        if type(x) is Batched:
            raise Untraceable("what a vmap has inside leaves it")
        return self.tape.call("constant", np.array, (x,), {})

    # ------------------------------------------------------------------ what comes out

    def _note(self, result: Any) -> None:
        """Note what the call returns and leaves behind, while the traced values are still in place."""
        for place, thing, traced, first in self.given:
            if traced is None:
                changed = _items(thing) != first
            else:
                changed = traced.value is not first or getattr(thing, "_data", traced) is not traced
            if changed:
                raise Untraceable(f"writing into {place.title}, which is not its own")
        things: list[Any] = []
        self.returned = "return " + self._returned(result, things), things
        self._note_gradients()
        for leaf in self.leaves:
            data = leaf.tensor._data
            if id(leaf.tensor) in self.places:
                if self._is_written(leaf.tensor):  # by hand, after the step
                    self._assign(leaf, "{0}._data[...] = {1}", data)
                    self._assign(leaf, "{0}._touch()")
                continue
            if data is not leaf.value:
                self._assign(leaf, "{0}._replace({1})", data)
            elif data.value is not leaf.first:
                self._assign(leaf, "{0}._data[...] = {1}", data)
                self._assign(leaf, "{0}._touch()")
        self.written = [(memory, traced) for memory, first, traced in self.states.values() if traced.value is not first]

    def _out(self, x: Any, things: list) -> str:
        """Return the place among `things`, to which it is added, of something that leaves the call."""
        if isinstance(x, (Traced, Batched, np.ndarray)):
            traced = self._traced(x)
            self.concrete[traced.value] = traced.concrete
            x = traced.value
        things.append(x)
        return f"{{{len(things) - 1}}}"

    def _assign(self, leaf: _Leaf, text: str, *new: Any) -> None:
        """Note a line that begins with a leaf, {0}, and has other things in it."""
        things: list[Any] = []
        for x in (leaf.place, *new):
            self._out(x, things)
        self.changed.append(leaf)
        self.last.append((text, things))

    def _note_gradients(self) -> None:
        things: list[Any] = []
        leaves: list[str] = []
        arrays: list[str] = []
        for leaf in self.leaves:
            g = leaf.tensor._grad
            if g is None and leaf.given is not None:
                self._assign(leaf, "{0}.grad = None")
            elif type(g) is SparseRows and g is not leaf.given:
                self._assign(leaf, f"{{0}}.grad = SparseRows({{1}}, {{2}}, {g.shape})", g.rows, g.values)
            elif type(g) is Tensor and (g is not leaf.given or g._data is not leaf.own[-1]):
                self.changed.append(leaf)
                leaves.append(self._out(leaf.place, things) + "._grad")
                arrays.append(f"from_owned({self._out(g._data, things)})")
        if leaves:
            self.last.insert(0, (f"{', '.join(leaves)} = {', '.join(arrays)}", things))

    def _returned(self, x: Any, things: list) -> str:
        """Return the expression of what is returned, with {0}, {1}, ... for `things`, which it adds to."""
        for leaf in self.leaves:
            if leaf.tensor is x:
                return self._out(leaf.place, things)
            if leaf.tensor._grad is x and x is not None:
                return f"{self._out(leaf.place, things)}._grad"
        for place, thing, _, _ in self.given:
            if thing is x:
                return self._out(place, things)
        for leaf in self.leaves if type(x) is Traced else ():
            if leaf.tensor._data is x:
                return f"{self._out(leaf.place, things)}.data"
        if isinstance(x, Tensor):
            self.saw([x])
            forgotten = x.node is not None and x.node.saved is not None  # it could still be differentiated
            return f"{'without_history' if forgotten else 'from_owned'}({self._out(x._data, things)})"
        if isinstance(x, dict):
            parts = [f"{self._out(key, things)}: {self._returned(part, things)}" for key, part in x.items()]
            return f"{{{{{', '.join(parts)}}}}}"
        if isinstance(x, set):  # the caller's own
            return f"set({self._out(tuple(x), things)})"
        if isinstance(x, (tuple, list)):
            named = self._out(type(x), things) if hasattr(x, "_fields") else ""
            text = "".join(self._returned(part, things) + ", " for part in x)
            return f"[{text}]" if isinstance(x, list) else f"{named}({text})"
        return self._out(x, things)

    def _leaked(self) -> bool:
        """Whether something that was computed is still held by what is not returned; Tensors there get their values."""
        own = {id(x) for leaf in self.leaves for x in leaf.own} | {id(traced) for _, _, traced in self.states.values()}
        for collect in (False, True):  # what is in a circle is held by nobody
            if collect:
                gc.collect()
            held = [x for r in self.tape.made if (x := r()) is not None and id(x) not in own]
            if not held:
                return False
        for traced in held:
            for holder in gc.get_referrers(traced):
                _give_value(holder, traced) if holder is not held else None
        return True

    def _show_parameters(self) -> None:
        """Let the parameters that are updated be what they are: parts of an optimizer's memory."""
        for leaf in self.leaves:
            if id(leaf.tensor) in self.places:
                flat, k = self.places[id(leaf.tensor)]
                if leaf.tensor._data is not flat.views[k]:
                    raise NotYet  # the step puts it there
                self._show(leaf.first, flat.values, slice(flat.starts[k], flat.ends[k]))

    def _check(self) -> None:
        """Note in which circumstances the traced computation is the right one."""
        name = self.code.name
        self.checks += self.reach.checks
        values = set(self.program.values)
        self.leaves = [
            x
            for x in self.leaves
            if self.program.now(x.first) in values or x in self.changed or x.tensor._requires_grad
        ]
        for leaf in self.leaves:
            tensor, text = leaf.tensor, leaf.place.written(self.code)
            parts = [f"type({text}._grad) is not {name(type(leaf.gradient))}"]
            if leaf.gradient is None:
                parts = [f"{text}._grad is not None"]
            if id(tensor) in self.places:
                parts.append(f"{text}._data is not {name(tensor._data)}")
            parts.append(f"{'not ' * tensor._requires_grad}{text}._requires_grad")
            self.checks.append(" or ".join(parts))
        if gradients.live_hooks:
            for leaf in self.leaves:
                hooks = list(getattr(leaf.tensor, "_hooks", ()))
                self.checks.append(f"list(getattr({name(leaf.tensor)}, '_hooks', ())) != {hooks}")
        else:
            self.checks.append(f"{name(gradients)}.live_hooks")

    def _show(self, value: Value, memory: np.ndarray, where: slice) -> None:
        """Let an input be what it is: a part of an optimizer's memory."""
        values = self.tape.values
        whole = next((v for v in values if v.op == "input" and v.source.memory is memory), None)
        if whole is None:
            whole = self.tape.input(Source("parameters", "", memory=memory), memory).value
        values.remove(whole)
        part = Value("getitem", operator.getitem, (whole, where), {}, memory[where])
        values[:0] = [whole, part]
        value.op, value.function, value.args, value.source = "reshape", np.reshape, (part, value.shape), None
        value.view = part.view = True

    # ------------------------------------------------------------------ the function of a plan

    def begin(self) -> None:
        """Write the lines that look whether a plan is the right one, and that read its inputs."""
        code, stale = self.code, self.code.name(Stale)
        code.lines += [f"if {text}: raise {stale}" for text in dict.fromkeys(self.checks)]
        for value in self.program.values:
            if value.op == "input" and value.source.memory is None:
                v = f"v{value.index}"
                code.line(f"{v} = {value.source.written(code)}")
                if value.weak:
                    code.line(f"if type({v}) is not {WEAK[value.dtype.kind]}: raise {stale}")
                else:
                    unlike = f"{v}.shape != {value.shape} or {v}.dtype is not {code.name(value.dtype)}"
                    if len(value.shape) > 1:
                        unlike += f" or {v}.strides != {value.strides}"
                    code.line(f"if {unlike}: raise {stale}")

    def arguments(self) -> str:
        """Return what the arguments of the call were, for people."""
        inputs = [v for v in self.tape.values if v.op == "input" and v.source.title.startswith(("args", "named"))]
        return ", ".join(f"{v.dtype} {v.shape}" for v in inputs) or "no arrays"

    def news(self, other: Capture) -> str:
        """Return the first circumstance in which this call was unlike another."""
        lines, before = ([*map(x._told, x.circumstances[0])] for x in (self, other))
        for line, old in zip(lines, before):
            if line != old and ".shape" not in line:
                return line
            if line != old:
                return f"{self.arguments()}; before it was {other.arguments()}"
        return "another object under a name, or a branch on a value"

    def _told(self, line: str) -> str:
        """Return a check as people write it."""
        names = {key: type(thing).__name__ for key, thing in self.code.things.items() if key.startswith("k")}
        return re.sub(r"\bk\d+\b", lambda m: names.get(m[0], m[0]), line.removeprefix("if ").partition(": raise")[0])

    def difference(self, other: Capture) -> str | None:
        """Return where another traced call under the same circumstances was unlike this one; "" if it was like it.

        None means that the circumstances were others, or that a branch on a value went the other way.
        """
        (lines, things), (their_lines, their_things) = self.circumstances, other.circumstances
        same = all(x is y or (isinstance(x, BY_VALUE) and _alike(x, y)) for x, y in zip(things, their_things))
        if not same or lines != their_lines:
            return None
        for x, y in zip(self.program.values, other.program.values):
            if x.op == y.op == "guard" and x.args[0].index == y.args[0].index and x.args[1] != y.args[1]:
                return None
            if x.checked and x.op == y.op and x.shape != y.shape:
                return "shapes that depend on values"
            if (x.op, x.shape, x.dtype) != (y.op, y.shape, y.dtype) or not _alike(x.function, y.function):
                return f"{x!r} and {y!r}"
            if not _alike((x.args, x.parameters, x.source), (y.args, y.parameters, y.source)):
                return f"{x!r} and {y!r}"
        same = _alike(*((x.last, x.counted, x.returned) for x in (self, other)))
        if len(self.program.values) != len(other.program.values) or not same:
            return "what is computed, what it is put into, or what is returned"
        return ""

    def end(self, of: Callable[[Value], str], code: Code) -> None:
        """Write the lines after everything else: what the call counts, leaves in Tensors, and returns."""
        for text, things in (*self.last, *self.counted, self.returned):
            code.line(text.format(*[code.expression(x, of) for x in things]))


WEAK = {"b": "bool", "i": "int", "f": "float", "c": "complex"}  # Python's numbers, by the kind of their dtype
BY_VALUE = (list, np.generic, int, float, complex, str, bytes)
FAITHFUL = float(np.finfo(np.float32).tiny / np.finfo(np.float32).eps)


def without_history(array: Any) -> Tensor:
    """Return a Tensor that would have a history if it were not a compiled function that computed it."""
    tensor = from_owned(array)
    tensor.node = node = Node()
    node.primitive, node.edges, node.leaves, node.saved = COMPILED, (), False, None
    node.seq, node.shape, node.dtype = next_id(), array.shape, array.dtype
    return tensor


def step_of_rows(optimizer: Optimizer, group: dict[str, Any], flat: FlatParameters, k: int) -> None:
    """Let an optimizer update the rows of one table that its gradient names."""
    options = {key: group[key] for key in optimizer.defaults}
    maximize = options.pop("maximize", False)
    flat.steps[k] += 1
    gradient: Any = flat.params[k]._grad
    for chunk in flat.rows(optimizer.used(group), k, gradient.coalesce(), flat.steps[k]):
        _change(optimizer, maximize, options, *chunk)
    touch([flat.params[k]])


def _change(
    optimizer: Optimizer, maximize: bool, options: dict, value: Any, gradient: Any, state: dict, step: Any
) -> None:
    optimizer.update(value, -gradient if maximize else gradient, state, step, **options)


class _Unknown(StandIn):
    """The value of a table whose rows will be updated after everything else: until then nobody can have it."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        raise Untraceable("a table after the update of its rows")


def _alike(x: Any, y: Any) -> bool:
    """Whether two arguments are the same constants, of the same Values."""
    if type(x) is not type(y) or isinstance(x, Tensor):
        return x is y
    if type(x) is Value:
        return x.index == y.index
    if isinstance(x, np.ndarray):
        return x.dtype == y.dtype and np.array_equal(x, y, equal_nan=x.dtype.kind in "fc")
    if isinstance(x, (tuple, list)):
        return len(x) == len(y) and all(map(_alike, x, y))
    if type(x) is dict:
        return list(x) == list(y) and all(map(_alike, x.values(), y.values()))
    if type(x) is slice:
        return _alike((x.start, x.stop, x.step), (y.start, y.stop, y.step))
    if isinstance(x, types.FunctionType):
        return x.__code__ is y.__code__
    try:
        return x is y or bool(x == y) or bool(x != x)
    except Exception:  # what compares otherwise, as a table of strings
        return False


def _items(x: list | dict) -> list[int]:
    """Return what tells whether a list or dict still holds the same things."""
    return [*map(id, (*x, *x.values()) if isinstance(x, dict) else x)]


def _give_value(holder: Any, traced: Traced) -> None:
    """Put the value into what still holds a traced array: a list, dict or object, or a Tensor, without its history."""
    value = copied(traced.concrete)
    if isinstance(holder, Tensor):
        of_result = holder.node is not None
        holder._restore((value, None, False, 0, None if of_result else holder._grad))
        holder.node = without_history(value).node if of_result else None
    elif isinstance(holder, (list, deque)):
        holder[holder.index(traced)] = value
    else:
        places = holder if isinstance(holder, dict) else getattr(holder, "__dict__", {})
        places |= {key: value for key, x in places.items() if x is traced}


def let_stand_in(tensor: Tensor, value: Any, gradient: Any) -> None:
    """Let something else be the value and the gradient of a leaf, until it is restored."""
    tensor._restore((value, None, tensor._exported, tensor._version, gradient))


def _past_of(flat: FlatParameters, k: int) -> tuple[type, int]:
    """Return what neighbours that are updated together have in common: the kind of gradient, and the steps so far."""
    p = flat.params[k]
    return type(p._grad) if p._requires_grad else type(None), flat.steps[k]


def copied(x: Any) -> Any:
    return x.copy("K") if isinstance(x, np.ndarray) else x


COMPILED = Primitive("compiled", lambda x: x, {"x": None})
COMPILED.forgotten = (
    "what a function returns that tg.compile compiled has no history: call backward() inside of the function, or "
    "differentiate one that is not compiled"
)
HELPERS = {
    **{"get_default_dtype": get_default_dtype, "from_owned": from_owned, "SparseRows": SparseRows},
    **{"touch": touch, "step_of_rows": step_of_rows, "without_history": without_history},
}
