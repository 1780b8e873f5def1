"""The random numbers of the library: one generator, its seed and its state."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from .foreign_names import module_getattr
from .modes import Mode, modes

generator: np.random.Generator | None = None  # made at the first use: numpy.random is slow to import


def manual_seed(seed: int) -> None:
    """Seed the random numbers of the library: `rand`, `randn`, dropout, initialisation, shuffling.

    >>> tg.manual_seed(0)
    >>> a = tg.randn(3)
    >>> tg.manual_seed(0)
    >>> tg.all(a == tg.randn(3))
    tensor(True)
    """
    global generator
    if isinstance(seed, (str, float)):
        raise TypeError(f"manual_seed: the seed must be an integer, not {seed!r}")
    generator = np.random.default_rng(seed)


def default_generator() -> np.random.Generator:
    """Return the generator that `manual_seed` seeds, or the one that a model has put in its place for a while."""
    global generator
    chosen = modes.generator
    if chosen is None:
        if generator is None:
            generator = np.random.default_rng()
        chosen = generator
    return chosen if modes.tracer is None else modes.tracer.random(chosen)


def seeded(random_state: Any) -> AbstractContextManager:
    """Return a context in which the random numbers of this thread come from a seed or a generator.

    With None they come from the generator that `manual_seed` seeds.

    Parameters
    ----------
    random_state : int, numpy.random.Generator, numpy.random.RandomState or None

    Examples
    --------
    >>> from tinygrad_ml.random import seeded
    >>> with seeded(0):
    ...     a = tg.randn(3)
    >>> with seeded(0):
    ...     b = tg.randn(3)
    >>> tg.all(a == b)
    tensor(True)
    """
    generator = as_generator(random_state)
    return nullcontext() if generator is None else Mode(generator=generator)


def as_generator(random_state: Any) -> np.random.Generator | None:
    """Return what a `random_state` stands for, or None for the generator that `manual_seed` seeds."""
    if random_state is None or isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        random_state = random_state.randint(2**31)
    return np.random.default_rng(random_state)


def get_rng_state() -> dict[str, Any]:
    """Return the state of the generator that `manual_seed` seeds: a dict for `set_rng_state` or a checkpoint.

    >>> state = tg.get_rng_state()
    >>> a = tg.randn(3)
    >>> tg.set_rng_state(state)
    >>> tg.all(a == tg.randn(3))
    tensor(True)
    """
    return dict(default_generator().bit_generator.state)


def set_rng_state(state: dict[str, Any]) -> None:
    """Bring the generator that `manual_seed` seeds into a state that `get_rng_state` returned.

    >>> state = tg.get_rng_state()
    >>> tg.set_rng_state(state)
    """
    default_generator().bit_generator.state = state


def random_bits(shape: tuple[int, ...], generator: np.random.Generator | None = None) -> np.ndarray:
    """Return random integers of 32 bits, as the generator makes them: half the work of random floats."""
    generator = generator or default_generator()
    source, n = generator.bit_generator, math.prod(shape)
    if isinstance(source, np.random.MT19937):  # the one that makes 32 bits at a time
        return generator.integers(0, 2**32, shape, np.uint32)
    return source.random_raw((n + 1) // 2).view(np.uint32)[:n].reshape(shape)


if not TYPE_CHECKING:  # which knows what there is
    __getattr__ = module_getattr("tg.random")
