"""Data-parallel training on many processes, by MPI: each process computes the gradient of a part of every batch.

    tg.distributed.init()                                             # two lines make a script data-parallel:
    tg.train.fit(model, loss, optimizer, (X, y), epochs=10, seed=0, distributed=True)

    mpiexec -n 4 python script.py

Every process (rank) runs the whole script with the same data, seed and batch size as one process would. `fit` gives it
its rows of each batch, and the gradients, weighted by rows, are added up in one buffer, so that all ranks take the same
step, which is that of one process with the whole batch. Without mpiexec the script runs as one process.

What depends on the rows of a batch together is that of a rank's rows: the statistics of batch normalisation (whose
running means are averaged after every epoch); and each rank has its own random numbers for dropout.
"""

from __future__ import annotations

import atexit
import os
import pickle
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .data.loader import rows_of
from .foreign_names import module_getattr
from .nn.module import Module
from .random import default_generator
from .sparse import SparseRows
from .tensor import Tensor

__all__ = ["RankFailed", "Shards", "World", "average_gradients", "init", "world"]

LAUNCHERS = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK", "MPI_LOCALNRANKS", "SLURM_STEP_NUM_TASKS")
FAREWELL = 1.0  # seconds in which what a rank did before it left or failed arrives, and the others hear of it
LOOKS = 1000  # how often one looks for it at least, on a machine that is busy

_world: World | None = None


class RankFailed(RuntimeError):
    """Another process has failed or has left, so that there is nothing to wait for."""


def init() -> World:
    """Join the processes that mpiexec started, or be the only one; return their World.

    Needs mpi4py and an MPI where mpiexec started the script (`pip install mpi4py`). If a rank ends by an error, all
    others raise RankFailed at the next step instead of waiting for it, and the job ends.

    Examples
    --------
    >>> world = tg.distributed.init()
    >>> world.rank, world.size
    (0, 1)
    """
    global _world
    if _world is None:
        _world = World(_communicator())
    return _world


def world() -> World:
    """Return the World that `init` joined; alone, if it was not called.

    Examples
    --------
    >>> tg.distributed.world().size
    1
    """
    return _world or World(None)


def _communicator() -> Any:
    started = next((name for name in LAUNCHERS if name in os.environ), None)
    if started is None:
        return None
    try:
        from mpi4py import MPI
    except ImportError:
        raise ImportError(
            f"several processes were started ({started} is set), and tg.distributed needs: pip install mpi4py"
        ) from None
    return MPI.COMM_WORLD if MPI.COMM_WORLD.Get_size() > 1 else None


def average_gradients(module: Any) -> None:
    """Replace the gradient of each parameter by the mean over all ranks; in a loop by hand, after `backward`.

    With a loss that is a mean over rows, and as many rows on every rank, the mean is the gradient of all rows
    together. A parameter without a gradient on some ranks counts as zero there.

    Parameters
    ----------
    module : Module, or iterable of Tensors

    Examples
    --------
    >>> line = tg.nn.Linear(1, 1)
    >>> line(tg.ones(3, 1)).sum().backward()
    >>> tg.distributed.average_gradients(line)  # of one process: as it was
    >>> line.bias.grad
    tensor([3.])
    """
    everyone = world()
    if everyone.size > 1:
        everyone.add_gradients(list(module.parameters() if isinstance(module, Module) else module), 1.0)


class World:
    """The processes that train together.

    Attributes
    ----------
    rank : int
        The number of this process, from 0.
    size : int
        How many there are.
    rows : int
        How many rows of the last batch are this rank's; 0 if there are fewer rows than ranks.
    """

    def __init__(self, communicator: Any):
        self.rank, self.size, self.rows = 0, 1, 0
        self._failed = False
        self._heard: tuple[float, str] | None = None  # when, and what
        if communicator is not None:
            from mpi4py import MPI

            self._mpi = MPI
            self._work, self._notices = communicator.Dup(), communicator.Dup()
            self.rank, self.size = communicator.Get_rank(), communicator.Get_size()
            self._hook, sys.excepthook = sys.excepthook, self._on_error
            atexit.register(self._leave)

    def __repr__(self) -> str:
        return f"World(rank={self.rank}, size={self.size})"

    def count(self, rows: Any) -> int:
        """Return how many of the rows of a batch are this rank's."""
        return self.rows

    # ------------------------------------------------------------------ what all ranks do together

    def add(self, array: np.ndarray[Any, Any]) -> None:
        """Replace an array by the sum of those of all ranks, which have the same shape."""
        if self.size > 1:
            self._wait(self._work.Iallreduce(self._mpi.IN_PLACE, array))

    def gather(self, thing: Any) -> list[Any]:
        """Return what each rank gives, in their order, on all ranks."""
        if self.size == 1:
            return [thing]
        mine = np.frombuffer(pickle.dumps(thing), np.uint8)
        sizes = np.zeros(self.size, np.int64)
        sizes[self.rank] = mine.size
        self.add(sizes)
        every = np.empty(int(sizes.sum()), np.uint8)
        self._wait(self._work.Iallgatherv(mine, [every, sizes.tolist()]))
        ends = np.cumsum(sizes)
        return [pickle.loads(every[end - n : end].tobytes()) for n, end in zip(sizes.tolist(), ends.tolist())]

    def broadcast(self, thing: Any) -> Any:
        """Return what rank 0 gives, on all ranks."""
        return self.gather(thing if self.rank == 0 else None)[0]

    def agree(self, what: dict[str, Any]) -> None:
        """Raise ValueError on all ranks if they do not give the same."""
        every = self.gather(what)
        for name in what:
            values = [other[name] for other in every]
            if any(value != values[0] for value in values):
                raise ValueError(
                    f"distributed: the ranks differ in {name}: "
                    + ", ".join(f"rank {rank} has {value!r}" for rank, value in enumerate(values))
                )

    def synchronise(self, module: Module) -> None:
        """Give all ranks the parameters and buffers of rank 0, and its state of the random numbers."""
        if self.size > 1:
            tensors = [*module.parameters(), *module.buffers()]
            arrays = [np.asarray(t.detach()) for t in tensors]
            for t, array in zip(tensors, self.broadcast(arrays)):
                t.data = array
            default_generator().bit_generator.state = self.broadcast(default_generator().bit_generator.state)

    def average_buffers(self, modules: Iterable[Module]) -> None:
        """Replace floating buffers, such as running means, by the mean over all ranks."""
        buffers = [b for module in modules for b in module.buffers() if b.dtype.kind == "f" and b.size]
        if self.size > 1 and buffers:
            flat = np.concatenate([np.asarray(b, np.float64).ravel() for b in buffers])
            self.add(flat)
            flat /= self.size
            at = 0
            for b in buffers:
                b.data = flat[at : at + b.size].reshape(b.shape).astype(b.dtype)
                at += b.size

    def add_gradients(self, parameters: list[Tensor], rows: float, sums: tuple[float, ...] = ()) -> tuple[float, ...]:
        """Make means of the gradients that all ranks have as sums over their rows, in one buffer; return added sums.

        Parameters
        ----------
        parameters : list of Tensors
            The same on all ranks.
        rows : float
            Of this rank.
        sums : tuple of floats
            What is added up on the way.
        """
        sparse = [p for p in parameters if type(p._grad) is SparseRows]
        dense = [p for p in parameters if type(p._grad) is not SparseRows]
        widest = np.result_type(np.float64, *[p.dtype for p in dense])
        start = 1 + len(sums) + len(parameters)
        flat = np.zeros(start + sum(p.size for p in dense), widest)
        present = [p._grad is not None for p in parameters]
        flat[:start] = [rows, *sums, *present]
        at = start
        for p in dense:
            if p._grad is not None:
                flat[at : at + p.size] = p._grad._data.ravel()
            at += p.size
        self.add(flat)
        total = flat[0].real
        flat[start:] /= total
        counts = dict(zip(map(id, parameters), flat[1 + len(sums) : start].real))
        at = start
        for p in dense:
            if counts[id(p)]:
                part = flat[at : at + p.size].reshape(p.shape)
                p.grad = part if p.dtype.kind == "c" else part.real
            at += p.size
        for p in sparse:
            self._add_sparse(p, total)
        return tuple(float(value.real) for value in flat[1 : 1 + len(sums)])

    def _add_sparse(self, p: Any, total: float) -> None:
        every = self.gather((p._grad.rows, p._grad.values))
        rows = np.concatenate([rows for rows, _ in every])
        values = np.concatenate([values for _, values in every]) / total
        p.grad = SparseRows(rows, values.astype(p.dtype), p.shape)

    # ------------------------------------------------------------------ nobody waits for one that is not there

    def _wait(self, request: Any) -> None:
        start, status, looks = time.perf_counter(), self._mpi.Status(), 0
        while not request.Test():
            now = time.perf_counter()
            looks += self._heard is not None
            if self._heard is None and self._notices.Iprobe(status=status):
                sender = status.Get_source()
                self._heard = now, f"rank {sender} {self._notices.recv(source=sender)}"
            if self._heard is not None and looks > LOOKS and now > self._heard[0] + FAREWELL:  # its part is not here
                self._failed = True
                raise RankFailed(f"{self._heard[1]}, so rank {self.rank} stops too")
            if now > start + 1e-3:
                time.sleep(1e-4)

    def tell(self, text: str) -> None:
        """Send all other ranks a word that ends their work."""
        self._failed = True
        self._sent = [self._notices.isend(text, dest=r) for r in range(self.size) if r != self.rank]

    def failed(self, error: BaseException) -> None:
        """Tell all other ranks of an error that ends the work of this one; they wait for nothing then."""
        if not self._failed:
            self.tell(f"ended by {''.join(traceback.format_exception_only(error)).strip()}")

    def _on_error(self, kind: Any, error: Any, trace: Any) -> None:
        self.failed(error)
        self._hook(kind, error, trace)

    def _leave(self) -> None:
        """Say goodbye: whoever still waits for this rank hears of it."""
        if not self._failed:
            self.tell("has left before the others")
            barrier = self._notices.Ibarrier()
            while not barrier.Test():
                time.sleep(1e-3)
            return
        sys.stdout.flush()
        sys.stderr.flush()
        time.sleep(2 * FAREWELL)
        self._mpi.COMM_WORLD.Abort(1)


class Shards:
    """Batches of one process of several: its rows of each batch of a DataLoader, or of another source.

    Examples
    --------
    >>> data = tg.data.DataLoader((np.arange(10.0), np.arange(10)), batch_size=4)
    >>> shards = tg.distributed.Shards(data, tg.distributed.world())
    >>> [len(x) for x, y in shards]
    [4, 4, 2]
    """

    def __init__(self, source: Any, everyone: World):
        self.source, self.world = source, everyone

    def __len__(self) -> int:
        return len(self.source)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["source"], name)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        generator = default_generator().bit_generator
        everyone = self.world
        generator.state = everyone.broadcast(generator.state)  # in which order the batches come
        first = True
        for batch in self.source:
            if first and everyone.rank and hasattr(generator, "jumped"):
                generator.state = generator.jumped(everyone.rank).state  # other masks of dropout than the others
            first = False
            n = rows_of(batch[0])
            start, stop = n * everyone.rank // everyone.size, n * (everyone.rank + 1) // everyone.size
            everyone.rows = stop - start
            part = (
                slice(start, max(stop, start + 1)) if start < n else slice(0, 1)
            )  # a row with weight 0 if it has none
            yield tuple([_rows(each, part) for each in batch])


def _rows(part: Any, rows: slice) -> Any:
    return {key: array[rows] for key, array in part.items()} if type(part) is dict else part[rows]


if not TYPE_CHECKING:  # which knows what there is
    __getattr__ = module_getattr("tg.distributed")
