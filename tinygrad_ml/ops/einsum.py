"""Sums of products by Einstein's convention, computed by matrix multiplication.

Two operands at a time make one (stacked) matrix product for the BLAS: the letters that both have and the result
too are the stack, those that both have and the result lacks are summed, and the others are rows and columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from string import ascii_letters
from typing import Any

import numpy as np

from ..arrays import is_other, like
from ..autograd import dispatch, implements, primitive
from ..batched import Batched
from ..tensor import Tensor

__all__ = ["einsum"]


def contract(subscripts: str, operands: Sequence) -> Any:
    """Compute an einsum with explicit output and without "..."; lengths of 1 broadcast, as in NumPy."""
    new = like(*operands)
    arrays = [
        a if isinstance(a, (np.ndarray, Batched)) or is_other(a) else new.asarray(a, np.result_type(a, *operands))
        for a in operands
    ]
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
        return [((0,), lambda a: np.copy(np.einsum(subscripts, a)))]  # a copy, where NumPy gives a view
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


def _roles(a: dict[str, int], b: dict[str, int], output: str) -> tuple[list[str], list[str], list[str], list[str]]:
    """Sort the letters of two operands, given with their lengths: the stack, rows, columns, and what is summed."""
    # what is 1 long beside something longer only broadcasts: it is left out, as if summed
    mine = [c for c, n in a.items() if n != 1 or b.get(c, 1) == 1]
    yours = [c for c, n in b.items() if n != 1 or a.get(c, 1) == 1]
    stack = [c for c in output if c in mine and c in yours]
    rows = [c for c in output if c in mine and c not in stack]
    columns = [c for c in output if c in yours and c not in stack]
    return stack, rows, columns, [c for c in mine if c in yours and c not in output]


def _pair(a: str, b: str, a_lengths: dict[str, int], b_lengths: dict[str, int], output: str) -> Callable:
    """Return the function that makes one operand of two."""
    stack, rows, columns, summed = _roles(a_lengths, b_lengths, output)
    if not summed or not (rows or columns):
        return lambda x, y: np.einsum(f"{a},{b}->{output}", x, y)[...]
    if output and next(c for c in output if c not in stack) in columns:  # then the result needs no transposing
        swapped = _pair(b, a, b_lengths, a_lengths, output)
        return lambda x, y: swapped(y, x)

    lengths = b_lengths | {c: a_lengths[c] for c in stack + rows + summed}

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


def _for_blas(matrices: Any) -> Any:
    """Copy matrices of which neither the rows nor the columns are contiguous: NumPy multiplies them slowly."""
    if type(matrices) is Batched or is_other(matrices) or matrices.itemsize in matrices.strides[-2:]:
        return matrices
    return np.ascontiguousarray(matrices)


# ---------------------------------------------------------------------- the operation


@lru_cache(maxsize=1024)
def _explicit(subscripts: str, ndims: tuple[int, ...]) -> str:
    """Return the subscripts with the output written out and letters for every "..."."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"einsum: {subscripts!r} is for {len(terms)} operands, there are {len(ndims)}")
    bare = [term.replace("...", "") for term in (*terms, output)]
    used = set("".join(bare))
    if not used <= set(ascii_letters):
        raise ValueError(f"einsum: subscripts are letters, commas, '...' and '->', not {subscripts!r}")
    free = [letter for letter in reversed(ascii_letters) if letter not in used]
    longest = 0
    for k, (term, ndim) in enumerate(zip(terms, ndims)):
        extra = ndim - len(bare[k])
        if extra < 0 or (extra and "..." not in term):
            raise ValueError(
                f"einsum: operand {k} has {ndim} axes, but {term!r} in {subscripts!r} is for {len(bare[k])}"
            )
        longest = max(longest, extra)
        terms[k] = term.replace("...", "".join(free[:extra][::-1]))
    every = "".join(free[:longest][::-1])
    if arrow:
        output = output.replace("...", every)
        if not set(output) <= set("".join(terms)) or len(set(output)) < len(output):
            raise ValueError(f"einsum: each letter of the output must be in an operand, once, in {subscripts!r}")
    else:
        once = [letter for letter in sorted(used) if "".join(bare).count(letter) == 1]
        output = every + "".join(once)
    return ",".join(terms) + "->" + output


@lru_cache(maxsize=1024)
def _einsum_gradient(subscripts: str, i: int, shapes: tuple[tuple[int, ...], ...]) -> tuple:
    """Return how to compute the gradient of operand i: the subscripts, then its shape and the diagonals."""
    inputs, _, output = subscripts.partition("->")
    terms = inputs.split(",")
    own, others = terms[i], [term for k, term in enumerate(terms) if k != i]
    # letters that neither the output nor another operand has were only summed: there the gradient is the same
    known = set(output)
    for k, term in enumerate(terms):
        if k != i:
            known |= {letter for letter, n in zip(term, shapes[k]) if n != 1}
    known &= {letter for letter, n in zip(own, shapes[i]) if n != 1}
    firsts = [own.index(letter) for letter in dict.fromkeys(own) if letter in known]
    spread = tuple(n if k in firsts else 1 for k, n in enumerate(shapes[i]))
    diagonals = [(own.index(letter), k) for k, letter in enumerate(own) if own.index(letter) != k]
    target = "".join(own[k] for k in firsts)
    return ",".join([output, *others]) + "->" + target, spread, diagonals


def _einsum_arrays(g: Any, i: int, arrays: tuple, arrays_shape: Sequence, subscripts: str) -> Any:
    """einsum of g with the other arrays"""
    contraction, spread, diagonals = _einsum_gradient(subscripts, i, tuple(arrays_shape))
    r = dispatch(_einsum, g, *arrays[:i], *arrays[i + 1 :], subscripts=contraction)
    r = np.reshape(r, spread)
    for first, later in diagonals:  # an index that is repeated in one operand reads its diagonal
        n = arrays_shape[i][first]
        r = r * like(r).eye(n, dtype=r.dtype).reshape([n if k in (first, later) else 1 for k in range(len(spread))])
    return r if r.shape == arrays_shape[i] else np.broadcast_to(r, arrays_shape[i])


def _cost(size: int, shapes: Sequence, parameters: dict) -> int:
    lengths: dict[str, int] = {}
    for term, shape in zip(parameters["subscripts"].split("->")[0].split(","), shapes):
        lengths.update(zip(term, shape))
    return len(shapes) * math.prod(lengths.values())


@primitive(accumulates=True, cost=_cost, arrays=_einsum_arrays)
def _einsum(*arrays, subscripts):
    """Return the sum of products that the subscripts describe, in explicit form and without "...".

    The derivative for one operand is again such a sum, of g and the other operands.

    >>> tg.einsum("ij,j->i", tg.tensor([[1.0, 2.0], [3.0, 4.0]]), tg.tensor([1.0, 10.0]))
    tensor([21., 43.])
    """
    return contract(subscripts, arrays)


@implements(np.einsum)
def einsum(*operands: Any, optimize: Any = True) -> Tensor:
    """Return a sum of products by Einstein's convention, as `np.einsum`: any expression that NumPy takes.

    Parameters
    ----------
    operands : the subscripts ("ij,jk->ik", with an implicit output and "..." too) and the arrays, or each array
        followed by the list of its indices (integers), and last, if wanted, that of the output
    optimize : accepted for NumPy's sake
        The order of the products is always chosen well.

    Raises
    ------
    ValueError
        If the subscripts and the shapes do not fit.

    Examples
    --------
    >>> a = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> tg.einsum("ij,jk", a, a)
    tensor([[ 7., 10.],
            [15., 22.]])
    >>> tg.einsum("ii", a)
    tensor(5.)
    """
    if not isinstance(operands[0], str):
        lists = [*operands[1::2], *([operands[-1]] if len(operands) % 2 else [])]
        terms = ["".join("..." if k is Ellipsis else ascii_letters[k] for k in indices) for indices in lists]
        arrays = operands[: len(operands) // 2 * 2 : 2]
        subscripts = ",".join(terms[: len(arrays)]) + "".join("->" + term for term in terms[len(arrays) :])
    else:
        subscripts, arrays = operands[0], operands[1:]
    return _einsum(*arrays, subscripts=_explicit(subscripts, tuple(map(np.ndim, arrays))))
