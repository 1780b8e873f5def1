"""A training run on many processes: what `fit(..., distributed=True)` does besides."""

from __future__ import annotations

import zlib
from typing import Any

from .. import distributed
from ..tensor import Tensor
from .run import Callback, Run


def together(run: Run, progress: bool | None) -> bool | None:
    """Make a training run one of several ranks, and leave it as it is if there is only one; return who shows a bar."""
    world = distributed.init()
    if world.size == 1:
        return progress
    shapes = [(name, p.shape, str(p.dtype)) for name, p in run.module.named_parameters()]
    source: Any = run.data
    arrays = getattr(source, "arrays", ())
    world.agree(
        {
            "the parameters of the module": shapes,
            "the optimizer": (type(run.optimizer).__name__, run.options),
            "the number of batches": len(source),
            "batch_size": getattr(source, "batch_size", None),
            "the seed of the data": getattr(source, "seed", None) if getattr(source, "seed_given", True) else None,
            "the data": [(array.shape, zlib.crc32(array[:100].tobytes())) for array in arrays],
            "epochs, steps or periods": (run.epochs, run.steps),
        }
    )
    if not getattr(source, "seed_given", True):
        source.seed = world.broadcast(source.seed)
    run.world, run.data = world, distributed.Shards(source, world)
    if world.rank:
        run.callbacks = [callback for callback in run.callbacks if not getattr(callback, "writes", False)]
        progress = False
    run.callbacks.append(Together())
    return progress


class Together(Callback):
    """Begins with what rank 0 has, once the other callbacks are ready, and tells the others of an error."""

    def on_start(self, run: Run) -> None:
        run.world.synchronise(run.module)

    def on_error(self, run: Run, error: BaseException) -> None:
        run.world.failed(error)


def add_up(
    run: Run, parameters: list[Tensor], waiting_rows: int, loss: float, rows: int, stopping: int
) -> tuple[float, int, int]:
    """Add up gradients that are sums over rows, and the loss; return the loss and the rows of the whole batch.

    Also whether any rank was interrupted, so that all stop after the same batch.
    """
    world: Any = run.world
    total, rows_of_all, stops = world.add_gradients(parameters, waiting_rows, (loss * rows, rows, stopping))
    run.batch_loss = total / rows_of_all
    return run.batch_loss, int(rows_of_all), int(stops)
