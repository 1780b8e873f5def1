"""`tg.compile`: a function whose first call runs as it is, and whose later ones replay what a traced call computed."""

from __future__ import annotations

import functools
import operator
import threading
import warnings
from collections import Counter
from collections.abc import Callable
from traceback import walk_tb
from types import MethodType, TracebackType
from typing import Any

from ..c_backend import plan as c_plan
from ..foreign_names import takes_foreign_names
from ..graph.graph import Graph
from ..modes import Mode, is_users, modes, modes_set, warn
from ..native.build import CannotCompile
from ..tape.program import Code, Program
from ..tape.traced import Untraceable, rebuilt
from ..tensor import Tensor, from_owned
from . import numpy_plan
from .capture import Capture, Seen, Stale, copied, given_back, without_history
from .reading import Reader, indented, names_of

__all__ = ["Compiled", "compile"]

PLANS = 32  # of one function
FRUITLESS = 50  # traced calls of which no two were alike: from then on few are traced
BACK_ENDS = ("auto", "c", "numpy")
tracing = threading.RLock()
EARLIER = 7  # calls that were traced and wait for another one like them


class Compiled:
    """What `tg.compile` returns: it is called like the function."""

    def __init__(
        self,
        function: Callable,
        backend: str,
        quiet: bool = False,
        limit: int = PLANS,
        reads: tuple[Callable, ...] = (),
    ):
        self.reads = reads  # what it calls, though its code has no name of it
        self.function, self.backend, self.quiet, self.limit = function, backend, quiet, limit
        self.plans: list[Any] = []  # the one that was used last is the first
        self.seen = Seen()
        self.earlier: list[Capture] = []
        self.said: set[str] = set()
        self.calls = self.failures = self.fruitless = 0
        self.eager = ""  # why the function stays as it is
        self.lock = threading.RLock()
        self.running = False
        functools.update_wrapper(self, function, updated=())
        self.name = getattr(function, "__qualname__", type(function).__name__)

    def __call__(self, *args: Any, **named: Any) -> Any:
        if self.eager or (modes_set and (modes.observer or modes.call_observer or modes.anomaly or modes.tracer)):
            return self._as_it_is(args, named)
        with self.lock:
            if self.running:  # the function calls itself
                return self.function(*args, **named)
            self.running = True
            try:
                for plan in self.plans:
                    try:
                        result = plan(args, named)
                    except Stale:
                        continue
                    except Exception:  # a guard, or what an operation raises: nothing was written yet
                        self.failures += 1
                        return self._as_it_is(args, named)
                    if plan is not self.plans[0]:
                        self.plans.remove(plan)
                        self.plans.insert(0, plan)
                    return result
                return self._learn(args, named)
            finally:
                self.running = False

    def __get__(self, owner: Any, kind: Any = None) -> Any:
        """Return the method of an object: each has its own plans."""
        if owner is None:
            return self
        key = f"_compiled_{self.name}"
        if type(getattr(owner, "__dict__", None)) is not dict:  # a class, or an object with slots
            return MethodType(self, owner)
        if key not in vars(owner):
            vars(owner)[key] = Compiled(self.function.__get__(owner, kind), self.backend)
        return vars(owner)[key]

    def __getattr__(self, name: str) -> Any:
        """Return what the function has, for example the parameters of a module."""
        if name == "function":  # while it is copied
            raise AttributeError(name)
        return getattr(self.function, name)

    def __reduce__(self) -> Any:
        return Compiled, (self.function, self.backend)

    def source(self, language: str = "numpy") -> str:
        """Return the program of the plan that was used last: as NumPy that one can read, or in C as it was compiled.

        Parameters
        ----------
        language : "numpy" or "c"
            In the C program `p` is the table of the addresses of all arrays and `n` that of all numbers; a function
            returns 1 where a guard fails. What is called by Python between two functions is not in it.

        Raises
        ------
        RuntimeError
            If there is no program yet, or it was not compiled in C.
        """
        plan = self._last()
        if language == "numpy":
            return self._reader(plan).source()
        if language != "c":
            raise ValueError(f"source: language must be 'numpy' or 'c', not {language!r}")
        if not plan.capture.code.c:
            raise RuntimeError(
                f"{self.name} has no program in C: its backend is {self.backend!r}"
                + ("" if self.backend == "numpy" else ", and there was no C compiler, or nothing to compile")
            )
        return indented(plan.capture.code.c)

    def report(self) -> str:
        """Return what became of the function: its plans, what stayed opaque, guards, and why it was traced again."""
        lines = [f"{self.name}: {self.calls} calls without a plan, {self.failures} in which a plan failed"]
        if self.eager:
            return f"{lines[0]}\nit stays as it is, since {self.eager}"
        for k, plan in enumerate(self.plans):
            capture = plan.capture
            counted = Counter(v.op for v in capture.program.values)
            operations = counted.total() - counted["input"] - counted["guard"]
            lines.append(f"plan {k + 1} for {capture.arguments()}: {operations} operations, {counted['guard']} guards")
            opaque = Counter(names_of(v) for v in capture.program.values if v.op == "opaque")
            lines += [f"  opaque: {name}" + f" ({n} times)" * (n > 1) for name, n in sorted(opaque.items())]
            lines += [f"  guard: {text}" for text in self._reader(plan).guards()]
            if plan.why:
                lines.append(f"  traced again: {plan.why}")
        return "\n".join(lines)

    def as_graph(self) -> Graph:
        """Return the program of the plan that was used last as a graph, for `tg.draw`."""
        return self._reader(self._last()).graph()

    def _reader(self, plan: Any) -> Reader:
        return Reader(plan.capture, self.name.rpartition(".")[2])

    def _last(self) -> Any:
        if not self.plans:
            why = (
                "it stays as it is, since " + self.eager
                if self.eager
                else "it takes three calls of one kind to get one"
            )
            raise RuntimeError(f"{self.name} has no program: {why}")
        return self.plans[0]

    def _as_it_is(self, args: tuple, named: dict[str, Any]) -> Any:
        """Run the function itself; what it returns has no history, as always."""
        result = self.function(*args, **named)
        return result if modes_set and modes.tracer is not None else _forget(result)

    def _learn(self, args: tuple, named: dict[str, Any]) -> Any:
        """Run the function where there is no plan, and make one if two traced calls have computed the same."""
        self.calls += 1
        if self.calls == 1:
            with Mode(tracer=self.seen, call_observer=self.seen.call):
                return _forget(self.function(*args, **named))
        if len(self.plans) >= self.limit or (self.fruitless >= FRUITLESS and self.calls % FRUITLESS):
            self._say(
                "mostly runs as it is in calls for which it has no plan: they differ in shapes or in Python's values; "
                "let a number that changes be an array, np.float32(x)",
                None,
            )
            return self._as_it_is(args, named)
        if not tracing.acquire(blocking=False):  # another thread has things stand in for Tensors
            return self._as_it_is(args, named)
        self.fruitless += 1
        try:
            with given_back():
                capture = Capture(self.function, args, named, self.seen, self.reads)
        except Untraceable as reason:
            result = self._as_it_is(args, named)  # where it raises an error, that was the reason
            self._give_up(f"it needs {reason}", reason.__traceback__)
            return result
        except Exception:  # its own error will come again, with everything that it does before
            return self._as_it_is(args, named)
        finally:
            tracing.release()
        if capture.leaked:
            self._give_up("it keeps a Tensor that it does not return", None)
        elif capture.changed_python:
            self._give_up(f"it changes {capture.changed_python}, which a program would not do", None)
        elif not capture.again:
            self._compare(capture)
        return _finish(capture, args, named)

    def _compare(self, capture: Capture) -> None:
        """Make a plan if an earlier call under the same circumstances has computed the same."""
        for earlier in self.earlier:
            difference = capture.difference(earlier)
            if difference:
                self._give_up(f"it computes other things in each call: {difference}", None)
                return
            if difference == "":
                self.earlier.remove(earlier)
                self.plans.insert(0, self._plan(capture))
                self.fruitless = 0
                return
        self.earlier = [*self.earlier[-EARLIER:], capture]

    def _plan(self, capture: Capture) -> Callable:
        """Return the function that replays a traced call."""
        code, program = capture.code, capture.program
        expressions = dict(zip(program.outputs, _written(self.backend, program, code, self.quiet)))
        capture.end(expressions.__getitem__, code)
        plan: Any = code.function("plan", "args, named")
        plan = given_back()(plan) if any(v.op == "random" for v in program.values) else plan
        plan.capture = capture
        plan.why = capture.news(self.plans[0].capture) if self.plans else ""
        return plan

    def _give_up(self, reason: str, traceback: TracebackType | None) -> None:
        """Let the function be as it is from now on, and warn once where the reason is."""
        self.eager = reason
        self.plans.clear()
        self.earlier.clear()
        self._say(f"stays as it is, since {reason}", traceback)

    def _say(self, what: str, traceback: TracebackType | None) -> None:
        message = f"tg.compile: {self.name} {what}"
        places = [(frame.f_code.co_filename, line) for frame, line in walk_tb(traceback) if is_users(frame)]
        if self.quiet or message in self.said:
            return
        self.said.add(message)
        if places:
            warnings.warn_explicit(message, UserWarning, *places[-1])
        else:
            warn(message)


no_c: set[str] = set()  # why there is no C: each reason is told once


def _written(backend: str, program: Program, code: Code, quiet: bool) -> list[str]:
    """Write a program as C, or as NumPy where nothing can be compiled, and return the expressions of its outputs."""
    if backend != "numpy":
        try:
            return c_plan.build(program, code, exact=backend == "exact")
        except CannotCompile as error:
            if str(error) not in no_c and not quiet:
                no_c.add(str(error))
                warn(f"tg.compile: NumPy is used in place of C, which is slower: {error}")
    return numpy_plan.build(program, code)


def _finish(capture: Capture, args: tuple, named: dict[str, Any]) -> Any:
    """Let everything have the values that a traced call computed, and return its result."""
    values = {capture.program.now(value): copied(x) for value, x in capture.concrete.items()}
    for memory, traced in capture.written:
        memory[...] = traced.concrete
    code = Code(**capture.code.things)
    capture.end(lambda value: code.name(values[value]), code)
    return code.function("finish", "args, named")(args, named)


def _forget(x: Any) -> Any:
    """Return the result of a function without its history."""
    if isinstance(x, Tensor):
        if x.node is None:
            return x
        return from_owned(x._data) if x.node.saved is None else without_history(x._data)
    if isinstance(x, (tuple, list)):
        parts = [*map(_forget, x)]
        return x if all(map(operator.is_, parts, x)) else rebuilt(x, parts)
    if type(x) is dict:
        new = {key: _forget(part) for key, part in x.items()}
        return x if all(map(operator.is_, new.values(), x.values())) else new
    return x


@takes_foreign_names()
def compile(function: Callable | None = None, *, backend: str = "auto") -> Any:
    r"""Return a function that computes the same as `function`, from a program that is derived from it: a decorator.

    The function may be a whole training step (forward, backward, clipping, the optimizer's step), an evaluation under
    `no_grad`, a Module, or what `tg.hessian` and its like return. Its first call runs as it is. The next two are
    traced: everything that NumPy computes in them is written down, and if both have computed the same, later calls
    replay it as one program, without the library in between. Other shapes, dtypes or Python values, another mode of
    training or another branch on a value make another plan.

    What the function returns has no history: `backward()` belongs inside of it.

    Parameters
    ----------
    function : callable
        Tensors and arrays that it takes as arguments, reads from its closure or from global names, parameters, buffers,
        the options of optimizers and the library's random numbers are read anew in each call. All other effects and
        arrays of Python (a list that it appends to, a file that it reads) are not part of the program; where the two
        traced calls differ in them, it says so and stays as it is.
    backend : "auto", "c" or "numpy"
        "numpy" is straight-line NumPy, equal to the function bit for bit. "auto" and "c" take a C compiler, if there
        is one.

    Returns
    -------
    Compiled
        It is called like the function. `source()` shows its program, `report()` what became of it, `tg.draw` draws it.

    Warns
    -----
    UserWarning
        Once, where the function takes a number out of a Tensor (`item()`, `float()`, `print`) or keeps a Tensor that it
        does not return: then it stays as it is.

    Examples
    --------
    >>> tg.manual_seed(0)
    >>> model = tg.nn.Linear(2, 1)
    >>> optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    >>> @tg.compile
    ... def step(x, y):
    ...     optimizer.zero_grad()
    ...     loss = ((model(x) - y) ** 2).mean()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> x = tg.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> losses = [step(x, x.sum(axis=1, keepdims=True)).item() for _ in range(300)]
    >>> losses[-1] < 1e-4
    True
    >>> print("\n".join(step.source().splitlines()[3:6]))
        v1 = x @ weight.T
        v2 = v1 + bias
        v3 = v2 - y
    """
    if backend not in BACK_ENDS:
        raise ValueError(f"compile: backend must be one of {', '.join(map(repr, BACK_ENDS))}, not {backend!r}")
    if function is None:
        return lambda function: compile(function, backend=backend)
    if not callable(function):
        raise TypeError(f"compile: expected a function or a Module, not {type(function).__name__}")
    return Compiled(function, backend)
