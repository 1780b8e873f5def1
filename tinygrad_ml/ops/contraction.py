"""Sums of products of arrays by matrix multiplication: the arithmetic behind einsum.

Two operands at a time make one (stacked) matrix product for the BLAS: the letters that both have and the result
too are the stack, those that both have and the result lacks are summed, and the others are rows and columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np


def contract(subscripts: str, operands: Sequence) -> Any:
    """Compute an einsum with explicit output and without "..."; lengths of 1 broadcast, as in NumPy."""
    arrays = [a if isinstance(a, np.ndarray) else np.asarray(a, np.result_type(a, *operands)) for a in operands]
    for positions, step in _plan(subscripts, tuple([a.shape for a in arrays])):
        arrays.append(step(*[arrays.pop(k) for k in positions]))
    return arrays[0][()]


@lru_cache(maxsize=1024)
def _plan(subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> list[tuple[tuple[int, ...], Callable]]:
    """Return the steps: which operands to take out of the list, and what computes the one that goes to its end."""
    inputs, _, output = subscripts.partition("->")
    terms, dims = inputs.split(","), list(shapes)
    lengths: dict[str, int] = {}
    for k, (term, shape) in enumerate(zip(terms, shapes)):
        for letter, n in zip(term, shape):
            known = lengths.get(letter, 1)
            if 1 not in (known, n) and known != n:
                raise ValueError(f"{subscripts!r}: {letter!r} is {known} long before, but {n} in operand {k}")
            lengths[letter] = n if known == 1 else known
    if len(terms) == 1:
        return [((0,), lambda a: np.array(np.einsum(subscripts, a)))]  # a copy, where NumPy gives a view
    order: Any = [(0, 1)]
    if len(terms) > 2:
        stand_ins = [np.broadcast_to(np.float32(0), shape) for shape in shapes]  # only their shapes matter
        order = np.einsum_path(subscripts, *stand_ins, optimize="greedy")[0][1:]
    steps: list[tuple[tuple[int, ...], Callable]] = []
    for chosen in order:
        left = sorted(chosen)
        while len(left) > 1:
            k, j = left.pop(), left.pop()
            a, b = terms.pop(k), terms.pop(j)
            a_lengths, b_lengths = dict(zip(a, dims.pop(k))), dict(zip(b, dims.pop(j)))
            wanted = set(output).union(*terms)
            made = "".join(c for c in dict.fromkeys(a + b) if c in wanted) if terms else output
            steps.append(((k, j), _pair(a, b, a_lengths, b_lengths, made)))
            left.append(len(terms))
            terms.append(made)
            dims.append(tuple(b_lengths.get(c, 1) if a_lengths.get(c, 1) == 1 else a_lengths[c] for c in made))
    return steps


def _pair(a: str, b: str, a_lengths: dict[str, int], b_lengths: dict[str, int], output: str) -> Callable:
    """Return the function that makes one operand of two."""
    # what is 1 long beside something longer only broadcasts: it is left out, as if summed
    mine = [c for c, n in a_lengths.items() if n != 1 or b_lengths.get(c, 1) == 1]
    yours = [c for c, n in b_lengths.items() if n != 1 or a_lengths.get(c, 1) == 1]
    stack = [c for c in output if c in mine and c in yours]
    summed = [c for c in mine if c in yours and c not in output]
    rows = [c for c in output if c in mine and c not in stack]
    columns = [c for c in output if c in yours and c not in stack]
    if not summed or not (rows or columns):
        return lambda x, y: np.asarray(np.einsum(f"{a},{b}->{output}", x, y))
    if output and next(c for c in output if c not in stack) in columns:  # then the result needs no transposing
        swapped = _pair(b, a, b_lengths, a_lengths, output)
        return lambda x, y: swapped(y, x)

    lengths = b_lengths | {c: a_lengths[c] for c in mine}

    def shape(letters: Sequence[str]) -> tuple[int, ...]:
        return tuple(lengths[c] for c in letters)

    take_a, take_b = (f"{a}->{''.join(stack + rows + summed)}", f"{b}->{''.join(stack + summed + columns)}")
    a_shape = (*shape(stack), math.prod(shape(rows)), math.prod(shape(summed)))
    b_shape = (*shape(stack), math.prod(shape(summed)), math.prod(shape(columns)))
    made = stack + rows + columns
    made_shape, axes = shape(made), [made.index(c) for c in output]

    def multiply(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        x = _for_blas(np.einsum(take_a, x).reshape(a_shape))
        y = _for_blas(np.einsum(take_b, y).reshape(b_shape))
        return np.matmul(x, y).reshape(made_shape).transpose(axes)

    return multiply


def _for_blas(matrices: np.ndarray) -> np.ndarray:
    """Copy matrices of which neither the rows nor the columns are contiguous: NumPy multiplies them slowly."""
    return matrices if matrices.itemsize in matrices.strides[-2:] else np.ascontiguousarray(matrices)
