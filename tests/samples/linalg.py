"""Samples of linear algebra: products, and what there is for matrices and stacks of them."""

from __future__ import annotations

import itertools

import numpy as np

from tests.samples.sample import Sample, distinct, pytorch, real


def regular(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Return square matrices that are far from singular."""
    return np.asarray(real(shape, seed) + 3 * np.eye(shape[-1]))


def symmetric(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Return symmetric matrices with eigenvalues that differ by more than 1."""
    x = 0.2 * real(shape, seed)
    return np.asarray(x + x.swapaxes(-1, -2) + 2.5 * np.diag(np.arange(shape[-1])))


def positive_definite(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Return symmetric matrices with positive eigenvalues."""
    x = real(shape, seed)
    return np.asarray(x @ x.swapaxes(-1, -2) + np.eye(shape[-1]))


def spread(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Return matrices of full rank with singular values that differ."""
    return np.asarray(0.3 * real(shape, seed) + 2.0 * np.eye(shape[-2], shape[-1]) * np.arange(1, shape[-1] + 1))


def of_rank(rank: int, n: int, seed: int = 0) -> np.ndarray:
    """Return a square matrix of a smaller rank."""
    return np.asarray(real((n, rank), seed) @ real((rank, n), seed + 1))


SQUARE = ((1, 1), (3, 3), (2, 3, 3), (2, 1, 2, 2), (0, 2, 2))
ANY = ((3, 3), (4, 2), (2, 4), (2, 3, 2), (0, 3, 2), (1, 3), (3, 1))


def _pairs(*shapes: tuple) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(real(a, 2 * k), real(b, 2 * k + 1)) for k, (a, b) in enumerate(shapes)]


def _einsum(subscripts: str, *shapes: tuple[int, ...]) -> Sample:
    arrays = tuple(real(shape, seed) for seed, shape in enumerate(shapes))

    def torch(*tensors: object) -> object:
        return pytorch("einsum")(subscripts, *tensors)

    letters = [len(set(term)) for term in subscripts.partition("->")[0].split(",")]
    broadcasts = any(1 in shape for shape in shapes) or letters != [len(shape) for shape in shapes]
    return Sample(arrays, {"subscripts": subscripts}, torch=None if broadcasts else torch)


def _norms() -> list[Sample]:
    samples = []
    for order, (axis, keepdims) in itertools.product(
        (2, 1, 3, 0.5, -1, np.inf, -np.inf), ((None, False), (0, True), (-1, False), ((0, 2), False), ((1, 2), True))
    ):
        torch = pytorch("linalg.vector_norm", ord=order, dim=axis, keepdim=keepdims)
        samples.append(Sample((distinct((2, 3, 2)),), {"axis": axis, "keepdims": keepdims, "ord": order}, torch=torch))
    zero = [Sample((np.zeros(3),), {"ord": p}, smooth=False) for p in (2, 1, 3, np.inf)]
    return [*samples, Sample((real((2, 3)),), {"ord": 0}), Sample((real(()),), {}), Sample((np.zeros((2, 0)),)), *zero]


SAMPLES: dict[str, list[Sample]] = {
    "matmul": [
        Sample(pair, torch=pytorch("matmul"))
        for pair in _pairs(
            *[((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((4, 2, 3), (3,)), ((3,), (4, 3, 2))],
            *[((4, 2, 3), (3, 2)), ((2, 3), (4, 3, 2)), ((4, 1, 2, 3), (5, 3, 2)), ((0, 3), (3, 2)), ((2, 0), (0, 3))],
        )
    ]
    + [Sample((real((3, 2)).T, real((6, 4))[::-2, ::2]), torch=None)],
    "einsum": [
        _einsum("ij,jk->ik", (2, 3), (3, 4)),
        _einsum("ij,jk->ki", (2, 3), (3, 4)),
        _einsum("i,j->ij", (2,), (3,)),
        _einsum("ij,ij->", (2, 3), (2, 3)),
        _einsum("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
        _einsum("bqhd,bkhd->bhqk", (1, 2, 2, 3), (1, 3, 2, 3)),
        _einsum("ij->", (2, 3)),
        _einsum("ij->ji", (2, 3)),
        _einsum("ii->", (3, 3)),
        _einsum("ii->i", (3, 3)),
        _einsum("iij->j", (2, 2, 3)),
        _einsum("iji,ik->jk", (2, 3, 2), (2, 2)),
        _einsum("ij,jk,kl->il", (2, 3), (3, 2), (2, 3)),
        _einsum("i,i,i->i", (3,), (3,), (3,)),
        _einsum("ij,kl->jl", (2, 3), (2, 2)),
        _einsum("ij,ij->j", (1, 3), (2, 3)),
        _einsum(",ij->ij", (), (2, 2)),
        _einsum("ij,jk->ik", (2, 0), (0, 3)),
    ],
    "tensordot": [
        Sample((real((2, 3, 2)), real((3, 2, 4), 1)), {"axes": 2}),
        Sample((real((2, 3, 2)), real((2, 3), 1)), {"axes": ([1, 2], [1, 0])}),
        Sample((real((2,)), real((3,), 1)), {"axes": 0}),
    ],
    "dot": [Sample(p) for p in _pairs(((3,), (3,)), ((2, 3), (3,)), ((2, 2, 3), (2, 3, 2)), ((), (2, 3)))],
    "inner": [Sample(p) for p in _pairs(((3,), (3,)), ((2, 3), (4, 3)), ((2, 3), ()))],
    "outer": [Sample(p) for p in _pairs(((3,), (2,)), ((2, 2), (3,)), ((), (2,)))],
    "vdot": [Sample(p) for p in _pairs(((3,), (3,)), ((2, 3), (3, 2)))],
    "kron": [Sample(p, torch=pytorch("kron")) for p in _pairs(((2, 3), (2, 2)), ((3,), (2, 2)), ((), (2,)))],
    "inv": [Sample((regular(shape),), torch=pytorch("linalg.inv")) for shape in SQUARE],
    "solve": [
        Sample((regular(a), real(b, 1)), torch=pytorch("linalg.solve") if len(a) == 2 or len(b) == len(a) else None)
        for a, b in (
            *[((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 1)), ((2, 2, 2), (2,)), ((2, 2), (3, 2, 1))],
            ((0, 2, 2), (0, 2, 3)),
        )
    ],
    "solve_triangular": [
        Sample((regular(a), real(b, 1)), how, torch=pytorch("linalg.solve_triangular", **how))
        for a, b in [
            ((3, 3), (3, 2)),
            ((2, 3, 3), (2, 3, 1)),
            ((2, 2), (3, 2, 1)),
            ((2, 2, 2), (2, 1)),
            ((0, 2, 2), (0, 2, 3)),
        ]
        for how in ({"upper": u, "unitriangular": t} for u in (False, True) for t in (False, True))
    ],
    "pinv": [Sample((spread(shape),), torch=pytorch("linalg.pinv")) for shape in ANY],
    "det": [Sample((real(shape),), torch=pytorch("linalg.det")) for shape in SQUARE]
    + [Sample((of_rank(rank, 3),)) for rank in (0, 1, 2)]
    + [Sample((np.diag([2.0, 0.0, 3.0, 0.0]),)), Sample((np.zeros((0, 0)),))],
    "cofactor": [Sample((regular(shape),)) for shape in SQUARE if shape != (1, 1)],
    "slogdet": [Sample((regular(shape),), torch=pytorch("linalg.slogdet")) for shape in SQUARE],
    "matrix_power": [Sample((regular((2, 2)) / 2,), {"n": n}) for n in (-2, -1, 0, 1, 2, 5)],
    "cholesky": [
        Sample((positive_definite(shape),), {"upper": upper}, torch=pytorch("linalg.cholesky", upper=upper))
        for shape in SQUARE
        for upper in (False, True)
    ],
    "qr": [Sample((spread(shape),), torch=pytorch("linalg.qr")) for shape in ANY],
    "svd": [Sample((spread(shape),), {"full_matrices": False}) for shape in ANY] + [Sample((spread((2, 2)),))],
    "svdvals": [Sample((spread(shape),), torch=pytorch("linalg.svdvals")) for shape in ANY],
    "eigh": [Sample((symmetric(shape),)) for shape in SQUARE],
    "eigvalsh": [Sample((symmetric(shape),), torch=pytorch("linalg.eigvalsh")) for shape in SQUARE],
    "vector_norm": _norms(),
    "norm": [
        Sample((spread((3, 2)),), {"ord": order}, torch=pytorch("linalg.norm", ord=order))
        for order in (None, "fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf)
    ]
    + [
        Sample(
            (spread((2, 3, 2)),),
            {"ord": order, "axis": (2, 0), "keepdims": keepdims},
            torch=pytorch("linalg.matrix_norm", ord=order, dim=(2, 0), keepdim=keepdims),
        )
        for order in ("fro", "nuc", 2, 1, -np.inf)
        for keepdims in (False, True)
    ],
}
