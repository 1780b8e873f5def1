"""Plans of single functions of arrays, without `tg.compile` around them: for tests of the back ends."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_ml.c_backend import plan as c_plan
from tinygrad_ml.compiler import numpy_plan
from tinygrad_ml.tape.program import Code, Program
from tinygrad_ml.tape.traced import Source, Tape


class Built:
    """A function of arrays as a plan: it returns the list of its outputs, and writes new values of `state`.

    The function gets what stands for the arrays, for those of `state` too, and returns a tuple of outputs and a tuple
    of new states.
    """

    def __init__(self, function: Callable, arrays: Any, state: Any = (), back_end: Any = c_plan):
        self.tape = Tape()
        given = [self.tape.input(Source("x", "x"), x) for x in arrays]
        memory = [self.tape.input(Source("memory", "", memory=x), x) for x in state]
        inputs = [x.value for x in given]
        found = function(*given, *memory)
        outputs, new = found if state else (found, ())
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        writes = [(x, y.value) for x, y in zip(state, new)]
        self.program = Program(self.tape, [x.value for x in outputs], writes)
        code = Code()
        if back_end is c_plan:
            self.plan = c_plan.Plan(self.program, code)
            expressions = self.plan.build()
        else:
            expressions = back_end.build(self.program, code)
        code.line(f"return [{', '.join(expressions)}]")
        names = [f"v{x.index}" if x in self.program.values else f"unused{k}" for k, x in enumerate(inputs)]
        self.run = code.function("plan", ", ".join(names))

    def __call__(self, *arrays: Any) -> list:
        return self.run(*arrays)

    def kinds(self) -> list[str]:
        """Return how the operations of a C plan are computed."""
        return [self.plan.kinds[x] for x in self.program.values if x.op != "input"]


def both(function: Callable, *arrays: Any) -> tuple[list, list]:
    """Return the outputs of the NumPy plan and of the C plan, the latter of its third call."""
    expected = [np.array(x) for x in Built(function, arrays, back_end=numpy_plan)(*arrays)]
    compiled = Built(function, arrays)
    for _ in range(3):
        found = compiled(*arrays)
    return expected, found


def assert_close(function: Callable, *arrays: Any) -> None:
    """Check that the C plan is equal but for the order of sums: 1e-6 of the scale in float32, 1e-12 in float64."""
    for k, (x, y) in enumerate(zip(*both(function, *arrays))):
        assert (x.shape, x.dtype) == (np.shape(y), np.asarray(y).dtype)
        with np.errstate(all="ignore"):
            scale = np.max(np.abs(x[np.isfinite(x)]), initial=1e-30)
        tolerance = {"float32": 1e-6, "float64": 1e-12}.get(x.dtype.name, 0)
        np.testing.assert_allclose(y, x, rtol=tolerance, atol=tolerance * scale, err_msg=f"result {k}")


def assert_same_bits(function: Callable, *arrays: Any) -> None:
    """Check that the C plan is equal bit for bit; of NaN only that there is one."""
    for k, (x, y) in enumerate(zip(*both(function, *arrays))):
        assert (x.shape, x.dtype) == (np.shape(y), np.asarray(y).dtype)
        np.testing.assert_array_equal(y, x, err_msg=f"result {k}")
        if x.dtype.kind == "f":
            finite = ~np.isnan(x)
            np.testing.assert_array_equal(np.signbit(y)[finite], np.signbit(x)[finite], err_msg=f"result {k}")
