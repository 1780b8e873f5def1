"""What `fit` checks: its arguments, and in the first batch whether module, loss and data go together."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..data import DataLoader
from ..modes import Mode
from ..nn.losses import NLLLoss, nll_loss
from ..nn.module import Module
from ..ops import sigmoid, softmax
from ..optim import Adadelta, Adagrad, Adam, RMSprop
from ..optim.optimizer import Optimizer
from ..tensor import Tensor, as_array
from ..validation import check_integer, is_sparse
from .run import Run, takes_names

__all__ = [
    "BroadcastGuard",
    "check_arguments",
    "check_calls",
    "check_duration",
    "check_loss",
    "check_measurable",
    "data_loader",
    "features_apart",
    "is_lost",
    "is_of_arrays",
    "is_suspicious",
    "may_pair_rows",
    "misfit",
    "refuse_lists_of_arrays",
    "target_out_of_reach",
]

ONE_INPUT = (
    "several inputs are a dict, ({'a': A, 'b': B}, y), for forward(self, a, b), or one array with their columns side "
    "by side"
)

# ---------------------------------------------------------------------- arguments


def check_compile(wanted: Any) -> None:
    """Raise if the argument `compile` of `fit` is none that it takes."""
    if wanted not in (True, False, "auto"):
        raise ValueError(f"fit: compile must be True, False or 'auto', not {wanted!r}")


def check_duration(epochs: Any, steps: Any, periods: Any) -> tuple[int, int | None]:
    """Return how many epochs or periods there are to be, and how many steps, if these are counted."""
    if epochs is None and steps is None:
        raise TypeError(
            "fit() is missing 'epochs', the number of passes over the data, or 'steps', that of batches, with 'periods'"
        )
    if epochs is not None and (steps is not None or periods is not None):
        raise TypeError("fit: epochs= and steps= both say how long: give epochs=, or steps= and periods=")
    if steps is None:
        return check_integer("fit: epochs", epochs, 1), None
    check_integer("fit: steps", steps, 1)
    if periods is None:
        return min(10, steps), steps
    if check_integer("fit: periods", periods, 1) > steps:
        raise ValueError(f"fit: {periods} periods need at least one step each, but there are steps={steps}")
    return periods, steps


def check_arguments(module: Any, loss: Any, optimizer: Any) -> None:
    """Raise TypeError or ValueError unless this optimizer can train this module with this loss."""
    for name, thing in (("module", module), ("loss", loss), ("optimizer", optimizer)):
        if isinstance(thing, type):
            raise TypeError(f"fit: {name} is the class {thing.__name__}: make an object of it, {thing.__name__}(...)")
    if not isinstance(module, Module):
        raise TypeError(f"fit: module must be a tg.nn.Module, not {type(module).__name__}")
    if not callable(loss):
        raise TypeError(f"fit: loss must be a function of output and target, not {type(loss).__name__}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"fit: optimizer must be one of tg.optim, not {type(optimizer).__name__}")
    parameters = list(module.parameters())
    if not any(p.requires_grad for p in parameters):
        raise ValueError(
            f"fit: no parameter of this {type(module).__name__} requires a gradient, so nothing is learned"
        )
    own = {id(p) for p in parameters} | ({id(p) for p in loss.parameters()} if isinstance(loss, Module) else set())
    others = [p for group in optimizer.param_groups for p in group["params"] if id(p) not in own]
    if others:
        raise ValueError(
            f"fit: {len(others)} of the parameters that the optimizer changes are not the module's (shapes "
            f"{', '.join(str(p.shape) for p in others[:5])}): make it with {type(optimizer).__name__}"
            "(module.parameters()), after all layers exist"
        )


# ---------------------------------------------------------------------- data


def is_of_arrays(data: Any, what: str) -> bool:
    """Tell whether data are arrays, or an iterable of batches; raise TypeError or ValueError if they are neither."""
    if type(data) is tuple or isinstance(data, (np.ndarray, Tensor)) or hasattr(data, "iloc") or is_sparse(data):
        if isinstance(data, tuple):
            if not data:
                raise ValueError(f"fit: {what} is an empty tuple; it must be (X, y), a DataLoader or batches")
            refuse_lists_of_arrays(data, what)
        return True
    if not isinstance(data, Iterable) or isinstance(data, (str, bytes, dict)):
        cure = {
            "str": "; of a file, write tg.data.DataLoader(path, target='name of the column')",
            "dict": "; of several inputs, write ({'a': A, 'b': B}, y)",
        }.get(type(data).__name__, "")
        raise TypeError(
            f"fit: {what} must be a tuple of arrays (X, y), a DataLoader or an iterable of batches, "
            f"not {type(data).__name__}{cure}"
        )
    if isinstance(data, Iterator):
        raise TypeError(
            f"fit: {what} is a {type(data).__name__}, which can be gone through only once; give (X, y), "
            "a DataLoader, or a list of batches"
        )
    if isinstance(data, list) and len({np.ndim(part) for part in data if hasattr(part, "shape")}) > 1:
        raise TypeError(f"fit: {what} is a list of arrays, which would be a batch each; write (X, y)")
    return False


def refuse_lists_of_arrays(parts: Sequence, what: str) -> None:
    """Raise TypeError if a part of the data, or of a batch, is several arrays."""
    for part in parts:
        if isinstance(part, (tuple, list)) and any(getattr(item, "shape", ()) for item in part):
            raise TypeError(
                f"fit: {what} has a {type(part).__name__} of arrays in place of one: np.stack makes one of rows; "
                f"{ONE_INPUT}"
            )


# ---------------------------------------------------------------------- the first batch


def check_calls(module: Module, loss: Callable, batch: tuple, what: str, is_list: bool) -> None:
    """Raise TypeError if `loss(module(x), *rest)` has too few or too many arguments with a batch (x, *rest).

    `what` is where the batch comes from, "data" or "validation", and `is_list` whether that is a list of batches.
    """
    reason = "" if type(batch[0]) is dict and takes_names(module, batch[0]) else misfit(module, 1)
    if reason and type(batch[0]) is dict:
        raise TypeError(
            f"fit: the inputs {', '.join(map(repr, batch[0]))} do not match the signature of {type(module).__name__} "
            f"({reason}): forward must take them by these names, or one argument, which gets the dict"
        )
    if reason:
        raise TypeError(
            f"fit: the module is called with one input, module(x), which does not match the signature of "
            f"{type(module).__name__} ({reason}): {ONE_INPUT}"
        )
    reason = misfit(loss, len(batch))
    if not reason:
        return
    if len(batch) > 1:
        advice = f"{what} must be (X, y), and more only if the loss takes it; {ONE_INPUT}"
    elif is_list:
        advice = f"{what} is a list, so each item of it is a batch; write a tuple, (X, y)"
    else:
        advice = f"{what} has no target; write a tuple, (X, y)"
    name = getattr(loss, "__name__", type(loss).__name__)
    rest = (
        f" and {len(batch) - 1} part{'s' * (len(batch) > 2)} of the batch" if len(batch) > 1 else ", and nothing else"
    )
    raise TypeError(f"fit: the loss {name} gets the output of the module{rest} ({reason}): {advice}")


def misfit(function: Any, count: int) -> str:
    """Return why a call with `count` arguments fails; "" if it would not, or cannot be told."""
    try:
        signature = inspect.signature(function.forward if isinstance(function, Module) else function)
    except (TypeError, ValueError):  # a function in C
        return ""
    try:
        signature.bind(*[None] * count)
    except TypeError as error:
        return str(error)  # such as "missing a required argument: 'target'"
    return ""


def check_loss(value: Any) -> None:
    """Raise TypeError or ValueError unless the value of a loss is a number that depends on something."""
    if isinstance(value, Tensor) and value.size != 1:
        raise ValueError(
            f"fit: the loss has shape {value.shape}; it must be a single number: use reduction='mean', or .mean()"
        )
    if not isinstance(value, Tensor) or value.node is None:
        kind = "a Tensor without a history" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise TypeError(
            f"fit: the loss returned {kind}; it must be a Tensor that depends on the module's parameters "
            "(.item(), .numpy(), .detach() and no_grad cut it off)"
        )


def check_measurable(output: Any, rest: list) -> None:
    """Raise TypeError or ValueError if metrics cannot be computed from this output and what follows x in the batch."""
    if not isinstance(output, Tensor):
        raise TypeError(
            f"fit: metrics need a module that returns one Tensor, but this one returns a {type(output).__name__}"
        )
    if not rest:
        raise ValueError("fit: metrics compare outputs with targets, but validation has none; give validation=(X, y)")
    if type(rest[0]) is dict:
        raise TypeError(
            f"fit: metrics compare outputs with one target, and this is a dict of {', '.join(map(repr, rest[0]))}: "
            "measure them in a callback of your own"
        )


def may_pair_rows(output: Any, rest: Sequence, rows: int) -> bool:
    """Whether a loss could make (rows, rows) of a column and of numbers (rows,): it needs a part of that shape."""
    outputs = output if isinstance(output, tuple) else (output,)
    return any(getattr(part, "shape", None) == (rows,) for part in (*outputs, *rest))


class BroadcastGuard(Mode):
    """A context that refuses operations that pair every row with every other, and so learn nothing.

    They make (rows, rows) of a column (rows, 1) and of numbers (rows,), one of them the output, the other the target.
    Only what comes from the output and the batch by operations that leave a row a row is looked at: who reshapes,
    indexes or transposes before wants the pairs. A copy in another dtype is known by its values.

    Parameters
    ----------
    output : what the module returned, a Tensor or a tuple of them
    rest : what the batch holds besides its input: the target, weights ...
    rows : int
    """

    def __init__(self, output: Any, rest: Sequence, rows: int):
        super().__init__(observer=self._look)
        self.rows = rows
        names = ["the target", *(f"part {i} of the batch" for i in range(2, len(rest) + 1))]
        outputs = output if isinstance(output, tuple) else (output,)
        self.parts = [(part, "the output") for part in outputs] + list(zip(rest, names))
        self.known = {id(part): (part, name) for part, name in self.parts}  # holds them, so that no other gets their id

    def _look(self, primitive: Any, inputs: Sequence, parameters: dict, result: Any) -> None:
        shape = getattr(result, "shape", None)
        if shape == (self.rows, self.rows) and self.rows > 1 and not parameters:
            shapes = (self.rows, 1), (self.rows,)
            column, row = (next((self._name(x) for x in inputs if np.shape(x) == s), "") for s in shapes)
            if column and row:
                raise ValueError(
                    f"fit: in the loss, {primitive.name} makes {shape} of {column} {shapes[0]} and {row} {shapes[1]}, "
                    "every row with every other: reshape one of them, for example y.reshape(-1, 1), or "
                    "y.reshape(1, -1) if the pairs are meant"
                )
        elif shape in ((self.rows,), (self.rows, 1)) and not primitive.views:
            # a sum (rows,) is nobody's part, but that of a column (rows, 1) with keepdims was to stay one
            sources = [self._name(x) for x in inputs if len(shape) == 2 or np.shape(x) == shape]
            source = next(filter(None, sources), "")
            if source:
                prefix = "" if source.startswith("what") else "what is computed from "
                self.known[id(result)] = result, prefix + source

    def _name(self, x: Any) -> str:
        """Return what an operand is; "" if it does not come from the output or the batch."""
        if id(x) in self.known:
            return self.known[id(x)][1]
        if isinstance(x, Tensor) and x.node is not None:
            return ""
        value = as_array(x)
        same = (n for part, n in self.parts if value.ndim and np.array_equal(value, as_array(part)))
        return next(same, "")


# ---------------------------------------------------------------------- what is suspicious in the first batch

PROBABILITIES = softmax.primitive, sigmoid.primitive  # type: ignore[attr-defined]  # what makes them of logits
FEW, SAMPLE = 8, 32  # rows, of which scales cannot be told; and of which they can
RATIO = 100.0  # of the sizes of two features, from which on one learning rate does not suit both
FAR = 1000.0  # sizes of the outputs, and
STEPS = 1e5  # steps of a bias, beyond which a target is out of reach


def is_suspicious(run: Run, batch: tuple, output: Any) -> bool:
    """Tell whether something may be wrong in the first batch, whose gradients are there; this costs little."""
    node = output.node if isinstance(output, Tensor) else None
    return (
        any(map(is_lost, run.parameters))
        or (node is not None and (node.primitive in PROBABILITIES or node.primitive.views))
        or _may_be_probabilities(output)
        or isinstance(run.loss, NLLLoss)
        or run.loss is nll_loss
        or features_apart(run, batch) is not None
        or target_out_of_reach(run, batch, output) is not None
    )


def is_lost(p: Tensor) -> bool:
    """Whether a parameter got no gradient, and should have."""
    return p._grad is None and p.requires_grad


def _may_be_probabilities(output: Any) -> bool:
    values = output._data if isinstance(output, Tensor) else None
    if values is None or values.ndim != 2 or values.shape[1] < 2:
        return False
    return bool(values.min() >= 0) and np.allclose(values.sum(axis=1), 1, atol=1e-4)


def data_loader(run: Run) -> DataLoader | None:
    """Return the DataLoader that the batches come from, or None if another iterable gives them."""
    source = getattr(run.data, "source", run.data)
    return source if isinstance(source, DataLoader) else None


def features_apart(run: Run, batch: tuple, sample: int = SAMPLE) -> tuple[int, int, float, float] | None:
    """Return the smallest and the largest column of x and their sizes, if these are very different."""
    loader = data_loader(run)
    if type(batch[0]) is dict:
        return None
    x = as_array(batch[0])
    if is_sparse(x):
        return None  # of which most elements are 0: it has no scale
    if loader is not None and not any(loader.on_disk):
        x = loader.arrays[0][:: max(1, loader.rows // sample)]
    if x.ndim != 2 or x.shape[1] < 2 or len(x) < FEW or x.dtype.kind not in "fiu":
        return None
    squares = np.einsum("ij,ij->j", x, x) if x.dtype.kind == "f" else np.square(x, dtype=np.float64).sum(axis=0)
    if squares.max() <= RATIO**2 * squares.min():
        return None
    columns = np.flatnonzero(
        2 * np.count_nonzero(x, axis=0) > len(x)
    )  # rare events and borders of images have no scale
    if len(columns) < 2:
        return None
    sizes = np.sqrt(np.mean(np.square(x[:, columns], dtype=np.float64), axis=0))
    small, large = sizes.argmin(), sizes.argmax()
    if not sizes[large] > RATIO * sizes[small]:
        return None
    return int(columns[small]), int(columns[large]), float(sizes[small]), float(sizes[large])


def target_out_of_reach(run: Run, batch: tuple, output: Any) -> tuple[float, float] | None:
    """Return the sizes of target and outputs, if the optimizer's steps are too short to bring these to that.

    Adaptive optimizers move a parameter by about the learning rate in a step, however large its gradient is.
    """
    target = as_array(batch[1]) if len(batch) > 1 and type(batch[1]) is not dict else None
    if not (isinstance(output, Tensor) and isinstance(run.optimizer, (Adam, RMSprop, Adagrad, Adadelta))):
        return None
    if target is None or target.dtype.kind not in "fiu" or target.shape != output.shape or len(target) < FEW:
        return None
    wanted, begins = (float(np.sqrt(np.mean(np.square(y, dtype=np.float64)))) for y in (target, as_array(output)))
    step = max(group["lr"] for group in run.optimizer.param_groups)
    return (wanted, begins) if wanted > FAR * max(begins, 1) and wanted > STEPS * step else None
