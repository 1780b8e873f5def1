"""What `fit` warns of after its first batch: what computes without an error, and learns badly or nothing.

The batch is run once more to see its operations, and only if `checks.is_suspicious` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import ops, random
from ..modes import Mode, modes, warn
from ..tensor import Tensor, as_array
from .checks import PROBABILITIES, data_loader, features_apart, is_lost, target_out_of_reach
from .diverged import Snapshot
from .measures import LOGS, outputs_of
from .run import Run

__all__ = ["warn_of_first_batch"]

table: Any = ops  # whose stubs say what the operations compute, and not what declares them
WANT_LOGITS = (
    table.softmax_cross_entropy.primitive,
    table.log_softmax.primitive,
    table.binary_cross_entropy_with_logits.primitive,
    table.logsigmoid.primitive,
)
WEIGHTED_SUMS = table.affine.primitive, table.project.primitive, table.matmul.primitive
ROWS = 1000  # to see the scales of features in
ENOUGH = 8  # values that add up to 1 in every row, and are no accident


def warn_of_first_batch(run: Run, batch: tuple, before: Snapshot) -> None:
    """Warn of what is suspicious in a batch whose gradients are there; run it again to see what it does."""
    if modes.observer is not None:  # somebody else watches, as a trace does
        return
    after = before._replace(
        random=random.default_generator().bit_generator.state, values=[b._data for b in before.buffers]
    )
    before.restore()
    try:
        seen = _Operations(run, batch)
    finally:
        after.restore()
    _warn_of_probabilities(run, seen)
    _warn_of_logarithms(run, seen.output)
    _warn_of_signs(seen.output, batch)
    _warn_of_lost_gradients(run, seen.used)
    if seen.takes_features:
        _warn_of_scales(run, batch)
    _warn_of_target(run, seen.output, batch)


class _Operations:
    """What the operations of a batch are, as far as there is something to warn of."""

    def __init__(self, run: Run, batch: tuple):
        self.x, self.parameters = batch[0], {id(p) for p in run.parameters}
        self.used: set[int] = set()  # the ids of parameters that an operation used
        self.takes_features = False  # whether a layer takes x as it is
        self.normalised = ""  # the last operation of the outputs, if a loss takes them for logits
        with np.errstate(all="ignore"):
            with Mode(observer=self._look):
                self.output = run.output(self.x)
            with Mode(observer=self._look_at_loss):
                run.loss(self.output, *batch[1:])

    def _look(self, primitive: Any, inputs: Sequence, parameters: dict, result: Any) -> None:
        self.used |= {id(x) for x in inputs} & self.parameters
        self.takes_features |= primitive in WEIGHTED_SUMS and any(x is self.x for x in inputs)

    def _look_at_loss(self, primitive: Any, inputs: Sequence, parameters: dict, result: Any) -> None:
        self._look(primitive, inputs, parameters, result)
        if primitive in WANT_LOGITS and isinstance(inputs[0], Tensor):
            self.normalised = self.normalised or _probabilities(primitive, inputs[0])


def _probabilities(primitive: Any, x: Tensor) -> str:
    """Return "softmax" or "sigmoid" if that made what an operation takes for logits."""
    node: Any = x.node
    while node is not None and node.primitive.views and node.edges:
        node = getattr(node.edges[0], "node", node.edges[0])
    made_by = getattr(node, "primitive", None)
    if made_by in PROBABILITIES:
        return made_by.name
    values = x._data
    of_classes = primitive in WANT_LOGITS[:2] and values.ndim == 2 and values.shape[1] > 1 and values.size >= ENOUGH
    if of_classes and values.min() >= 0 and np.allclose(values.sum(axis=1), 1, atol=1e-4):
        return "softmax"
    return ""


def _name_of_loss(run: Run) -> str:
    return getattr(run.loss, "__name__", type(run.loss).__name__)


def _warn_of_probabilities(run: Run, seen: _Operations) -> None:
    if seen.normalised:
        other = "BCELoss" if seen.normalised == "sigmoid" else "NLLLoss after a LogSoftmax"
        warn(
            f"fit: the outputs of the module are probabilities ({seen.normalised}), but {_name_of_loss(run)} takes "
            f"logits, and makes probabilities of them itself: leave the {seen.normalised} out of the module, or use "
            f"{other}"
        )


def _warn_of_logarithms(run: Run, output: Any) -> None:
    if outputs_of(run.loss) != LOGS or not isinstance(output, Tensor) or output.ndim < 2:
        return
    with np.errstate(over="ignore"):
        sums = np.exp(output._data).sum(axis=1)
    if not np.allclose(sums, 1, atol=1e-2):
        warn(
            f"fit: {_name_of_loss(run)} takes logarithms of probabilities, but the outputs are none (their "
            f"exponentials add up to {sums.flat[0]:.3g} in the first row, not to 1): end the module with a "
            "LogSoftmax, or use CrossEntropyLoss, which takes logits"
        )


def _warn_of_signs(output: Any, batch: tuple) -> None:
    """Warn of the labels -1 and 1 beside outputs that are never negative."""
    if len(batch) < 2 or not isinstance(output, Tensor) or getattr(output.node, "primitive", None) not in PROBABILITIES:
        return
    labels = as_array(batch[1])
    if labels.dtype.kind in "fi" and labels.size and labels.min() == -1 and (np.abs(labels) == 1).all():
        warn(
            "fit: the labels are -1 and 1, but the outputs are probabilities, from 0 to 1, which no negative label can "
            "be near to: use the labels 0 and 1, (y + 1) / 2, or outputs with signs (Tanh, HingeLoss)"
        )


def _warn_of_lost_gradients(run: Run, used: set[int]) -> None:
    lost = [p for p in run.parameters if is_lost(p)]
    if lost and len(lost) == sum(p.requires_grad for p in run.parameters):
        warn(
            f"fit: no parameter that {type(run.optimizer).__name__} changes got a gradient, so nothing is learned: the "
            f"loss depends on none of {_names(run, lost)}; make the optimizer of the parameters that it depends on"
        )
        return
    for parameters, reason in (
        (
            [p for p in lost if id(p) in used],
            "what is computed from them does not reach the loss: .numpy(), .detach(), .item(), no_grad() or argmax cut "
            "it off, or it is not used",
        ),
        (
            [p for p in lost if id(p) not in used],
            "no operation used them: forward leaves them out, or takes their values by .numpy(), .data or .detach()",
        ),
    ):
        if parameters:
            warn(f"fit: parameters got no gradient in the first batch: {_names(run, parameters)}; {reason}")


def _names(run: Run, parameters: list[Tensor]) -> str:
    names = {id(p): name for root in run.roots for name, p in root.named_parameters()}
    shown = [names.get(id(p), f"one of shape {p.shape}") for p in parameters[:6]]
    return ", ".join(shown) + (f" and {len(parameters) - 6} more" if len(parameters) > 6 else "")


def _warn_of_scales(run: Run, batch: tuple) -> None:
    found = features_apart(run, batch, ROWS)
    if found is None:
        return
    loader = data_loader(run)
    columns = None if loader is None else loader.columns[0]
    small, large = (f"column {i}" if columns is None else repr(columns[i]) for i in found[:2])
    warn(
        f"fit: the features have very different scales: {small} is about {found[2]:.3g} in size, {large} about "
        f"{found[3]:.3g}, so a learning rate that suits one does not suit the other: scale them first, "
        "x = (x - x.mean(axis=0)) / x.std(axis=0)"
    )


def _warn_of_target(run: Run, output: Any, batch: tuple) -> None:
    found = target_out_of_reach(run, batch, output)
    if found is not None:
        rate = max(group["lr"] for group in run.optimizer.param_groups)
        warn(
            f"fit: the target is about {found[0]:.3g} in size and the outputs begin at {found[1]:.3g}, so they hardly "
            f"get there by steps of {type(run.optimizer).__name__}, which are about lr={rate:.3g} long: learn "
            "(y - mean) / deviation, with those of the training part, and predict mean + deviation * output"
        )
