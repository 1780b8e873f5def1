"""Every form of the arguments that NumPy documents: what the forward pass accepts the backward pass can do.

Values and dtypes are compared with NumPy's own, gradients with central differences.
"""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.samples import distinct, positive, real

INT, INTP, UINT8 = np.int64, np.intp, np.uint8
A = np.array


def leaves(x):
    """Return the arrays in an argument, which may be a list or a tuple of them."""
    return list(x) if isinstance(x, (list, tuple)) else [x]


def rebuilt(x, parts):
    return type(x)(parts) if isinstance(x, (list, tuple)) else parts[0]


def outputs(y):
    """Return the arrays of a result, which may be a tuple."""
    parts = y if isinstance(y, (list, tuple)) else (y,)
    return [part.numpy() if isinstance(part, tg.Tensor) else np.asarray(part) for part in parts]


def slopes(value, arrays, h=1e-6):
    """Return the central differences of a number for every element of arrays."""
    found = []
    for k, x in enumerate(arrays):
        g = np.zeros(x.shape)
        for i in np.ndindex(x.shape):
            step = np.zeros(x.shape)
            step[i] = h
            up, down = ([*arrays[:k], x + s, *arrays[k + 1 :]] for s in (step, -step))
            g[i] = (value(up) - value(down)) / (2 * h)
        found.append(g)
    return found


def check(function, x, args, kwargs):
    """Compare a function of Tensors with itself on arrays: value, dtype, and gradient."""
    arrays = leaves(x)
    try:
        with np.errstate(all="ignore"):
            expected = outputs(function(x, *args, **kwargs))
    except Exception as error:
        with pytest.raises(type(error) if isinstance(error, np.exceptions.AxisError) else Exception):
            function(rebuilt(x, [tg.tensor(a, requires_grad=True) for a in arrays]), *args, **kwargs)
        return "refused"
    tensors = [tg.tensor(a, requires_grad=True) for a in arrays]
    with np.errstate(all="ignore"):
        y = function(rebuilt(x, tensors), *args, **kwargs)
    found = outputs(y)
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    if not all(np.isfinite(a).all() for a in expected if a.dtype.kind == "f"):
        return "infinite"
    random = np.random.default_rng(1)
    weights = [random.normal(size=a.shape) for a in found]
    floating = [
        (part, w)
        for part, w in zip(y if isinstance(y, (list, tuple)) else (y,), weights)
        if isinstance(part, tg.Tensor) and part.requires_grad
    ]
    if not floating:
        return "constant"
    total = sum([(part * w).sum() for part, w in floating], start=0)
    gradients = tg.autograd.grad(total, tensors, create_graph=True, allow_unused=True)

    def value(moved):
        with np.errstate(all="ignore"):
            return sum(np.sum(p * w) for p, w in zip(outputs(function(rebuilt(x, moved), *args, **kwargs)), weights))

    for g, slope, a in zip(gradients, slopes(value, arrays), arrays):
        if g is None:
            assert (slope == 0).all()
        else:
            assert g.shape == a.shape
            np.testing.assert_allclose(g.numpy(), slope, rtol=1e-6, atol=1e-7)
    second = [g for g in gradients if g is not None and g.requires_grad]
    if second:  # it must be possible; its value is tested elsewhere
        tg.autograd.grad(sum([(g * g).sum() for g in second], start=0), tensors, allow_unused=True)
    return "checked"


# ---------------------------------------------------------------------- forms of arguments

X = distinct((2, 3, 4))
AXES = [None, 0, 1, -1, -3, INT(1), INTP(-1), UINT8(2), A(1), (0,), (0, 2), (-1, 0), (INT(0), INT(1)), (0, 1, 2), ()]
ONE_AXIS = [axis for axis in AXES if not isinstance(axis, tuple)]
WRONG_AXES = [3, -4, (0, 3), (0, 0), (1, -2), 1.0, "0", INT(7)]


def form(*args, **kwargs):
    return args, kwargs


def of_axis(axes, **more):
    return [form(axis=axis, **more) for axis in [*axes, *WRONG_AXES]]


REDUCTIONS = {
    function: [(X, f) for f in of_axis(AXES)]
    + [(X, f) for f in of_axis([None, 0, (0, 2), -1, INT(1)], keepdims=True)]
    + [(X, form(1)), (X, form((0, 1))), (X, form(None)), (X, form(keepdims=np.True_))]
    + [(A(2.5), f) for f in (form(), form(axis=None), form(axis=()), form(keepdims=True))]
    + [(A(2.5), form(axis=axis)) for axis in (0, -1, 1, (0,), INT(0))]
    + [(np.zeros((0, 3)), form(axis=axis)) for axis in (0, 1, None, (0, 1), 2)]
    + [(np.zeros((2, 0)), form(axis=axis)) for axis in (0, 1, None)]
    for function in (np.sum, np.mean, np.var, np.std, np.prod, np.max, np.min, np.amax, np.ptp, np.any, np.all)
}
ARG_REDUCTIONS = {
    function: [(X, f) for f in of_axis([*ONE_AXIS, (0,)])]
    + [(A(2.5), form()), (A(2.5), form(axis=0)), (A(2.5), form(axis=1))]
    for function in (np.argmax, np.argmin)
}
RUNNING = {
    function: [(X, f) for f in of_axis([*ONE_AXIS, (0,), (0, 1)])]
    + [(x, form(axis=axis)) for x in (A(2.5), np.zeros(0), np.zeros((2, 0))) for axis in (None, 0, -1, 1)]
    for function in (np.cumsum, np.cumprod)
}
MOMENTS = {
    function: [(X, form(axis=0, ddof=ddof)) for ddof in (0, 1, 0.5, INT(1), 2, 3)] + [(X, form(ddof=-1))]
    for function in (np.var, np.std)
}
Q = [0.3, 0, 1, 1.0, INT(0), A(0.3), np.float32(0.5), [0.3], [0.1, 0.9], (0.1, 0.9), A([0.0, 1.0]), A([[0.1, 0.2]])]
Q += [[[0.1, 0.2], [0.3, 1.0]], [], np.zeros((0, 2)), [[[0.5]]], [0.5, 0.5], 1.1, -0.1, [0.2, 1.5]]
QUANTILES = {
    np.quantile: [(X, form(q)) for q in Q]
    + [(X, form(q, axis=axis)) for q in (0.3, [0.1, 0.9], [[0.1, 0.2, 0.3]]) for axis in [*AXES, *WRONG_AXES]]
    + [(X, form(q, 1, keepdims=True)) for q in (0.3, [0.1, 0.9], [[0.1, 0.2]])]
    + [(X, form([0.1, 0.9], axis=(0, 2), keepdims=True)), (A(2.5), form(0.3)), (A(2.5), form([0.3, 0.4]))]
    + [(A(2.5), form(0.3, axis=0)), (np.zeros((2, 0)), form(0.5, axis=0))],
    np.percentile: [(X, form(30)), (X, form([10, 90], axis=1)), (X, form([[10, 20.0]], axis=(0, -1))), (X, form(101))],
    np.median: [(X, f) for f in of_axis(AXES)] + [(X, form(axis=(0, 2), keepdims=True)), (A(2.5), form())],
}
W2 = positive((3, 4))
AVERAGES = {
    np.average: [(X, f) for f in of_axis(AXES)]
    + [(X, form(axis=1, weights=w)) for w in ([1, 2, 3], (1.0, 2.0, 3.0), A([1, 2, 3]), positive((2, 3, 4)), [1, 2])]
    + [(X, form(axis=axis, weights=[1, 2, 3])) for axis in (INT(1), -2, UINT8(1), (1,), 0, None)]
    + [(X, form(axis=axis, weights=w)) for axis, w in (((1, 2), W2), ((2, 1), W2.T), ((-2, -1), W2), ([1, 2], W2))]
    + [(X, form(axis=(0, 2), weights=positive((2, 4)), keepdims=True)), (X, form(weights=positive((2, 3, 4))))]
    + [(X, form(axis=(0, 1, 2), weights=positive((2, 3, 4))))]
    + [(X, form(axis=0, weights=[1.0, -1.0])), (X, form(axis=1, weights=[0, 0, 2])), (X, form(1, [1, 2, 3]))]
    + [(A([1.0, 5.0]), form(weights=[3.0, 1.0])), (A([1.0, 5.0]), form(weights=[3, 1], keepdims=True))]
    + [(A(2.0), form()), (A(2.0), form(weights=3.0)), (X, form(axis=1, weights=[1, 2, 3], returned=True))],
}
ORDERS = [None, (0, 1, 2), (2, 0, 1), [1, 2, 0], (-1, 0, 1), (INT(2), INT(1), INT(0)), A([1, 0, 2]), (0, 1), (0, 0, 1)]
V, M = real((3,)), real((2, 3))
SHAPES = {
    np.transpose: [(X, form(axes)) for axes in ORDERS]
    + [(x, form(axes)) for x in (V, A(1.0)) for axes in (None, (), 0, (0,), -1, [0], INT(0), A(0), (0, 1))]
    + [(M, form(axes=(1, 0))), (M, form((-1, -2))), (M, form(1))],
    np.moveaxis: [
        (X, form(*p)) for p in ((0, -1), (-1, 0), ([0, 1], [-1, -2]), ((0, 2), (1, 0)), (INT(0), INT(2)), (1, 1))
    ]
    + [(X, form(*p)) for p in ((0, 3), ([0, 1], [2]), ([0, 0], [1, 2]), ([], []), (A([0, 1]), A([1, 0])))]
    + [(X, form(source=0, destination=2))],
    np.swapaxes: [(X, form(*p)) for p in ((0, 2), (-1, 0), (1, 1), (INT(0), UINT8(1)), (0, 3))] + [(V, form(0, 0))],
    np.expand_dims: [(X, form(axis)) for axis in (0, 3, -1, -4, (0, 1), (0, -1), [1, 3], INT(2), (), 4, (1, 1))]
    + [(A(1.0), form(axis)) for axis in (0, -1, (0, 1), 1)],
    np.squeeze: [
        (real((1, 3, 1)), form(*axis)) for axis in ((), (None,), (0,), (-1,), ((0, 2),), ((),), (INT(0),), (1,), ([0],))
    ]
    + [(A(1.0), form()), (real((1, 1)), form()), (A(1.0), form(0)), (real((1, 0)), form(axis=0))],
    np.reshape: [
        (X, form(shape))
        for shape in ((6, 4), (-1,), -1, 24, [4, -1], (2, 1, -1), (INT(6), 4), A([3, 8]), INT(24), (5, 5))
    ]
    + [(A(1.0), form(shape)) for shape in ((), 1, (1, 1), -1)]
    + [(np.zeros((0, 3)), form(shape)) for shape in ((3, 0), (0,), (0, -1), (-1,))]
    + [(X, form((6, 4), "C")), (X, form((6, 4), copy=True))],
    np.ravel: [(X, form()), (A(1.0), form()), (X, form(order="C")), (np.zeros((0, 2)), form())],
    np.broadcast_to: [
        (V, form(shape)) for shape in ((2, 3), [4, 2, 3], 3, (3,), (INT(2), 3), A([2, 3]), (2, 4), (0, 3))
    ]
    + [(A(1.0), form(shape)) for shape in ((), 2, (2, 2), (0,))]
    + [(real((1, 3)), form((2, 3))), (real((2, 1)), form((0, 2, 3)))],
    np.flip: [(X, f) for f in of_axis(AXES)] + [(A(1.0), form()), (A(1.0), form(0)), (X, form(1)), (V, form([0]))],
    np.roll: [(X, form(s)) for s in (1, -2, 30, INT(1), 0, [2], (1, 2), A(3), 1.0)]
    + [
        (X, form(s, axis))
        for s, axis in ((1, 0), (-1, -1), ((1, 2), (0, 1)), ([1, 2], [0, -1]), (2, (0, 1)), ((1, 2), 1))
    ]
    + [
        (X, form(s, axis))
        for s, axis in (((1, 2), (1, 1)), (INT(1), INT(2)), ((1, 2), (0, 1, 2)), (1, 5), (A([1, 2]), (0, 1)))
    ]
    + [(A(1.0), form(1)), (np.zeros((0, 2)), form(1)), (np.zeros((0, 2)), form(1, axis=0))],
    np.rot90: [(X, form(k)) for k in (0, 1, 2, 3, -1, 7, INT(1))]
    + [(X, form(1, axes)) for axes in ((1, 2), (2, 0), (-1, 0), [0, 1], (0, 0), (0, 3), (INT(0), INT(2)))],
    np.tril: [(M, form(k)) for k in (0, 1, -1, 5, INT(1))]
    + [(X, form()), (V, form()), (V, form(1)), (np.zeros((0, 2)), form())],
    np.triu: [(M, form(k)) for k in (0, 1, -1, 5, INT(1))] + [(X, form()), (V, form()), (V, form(-1))],
    np.diag: [(x, form(k)) for x in (V, M, real((3, 3)), real((3, 0))) for k in (0, 1, -1, 2, -4, INT(1))]
    + [(A(1.0), form()), (X, form())],
    np.diagonal: [
        (X, form(*p))
        for p in ((), (1,), (-1,), (0, 1, 2), (0, -1, 0), (INT(1), INT(0), INT(2)), (9,), (0, 1, 1), (0, 0, 3))
    ]
    + [(V, form()), (M, form(offset=-1))],
    np.trace: [(X, form(*p)) for p in ((), (1,), (-1,), (0, 1, 2), (0, -1, 0), (INT(1),), (9,))]
    + [(M, form()), (V, form())],
    np.atleast_1d: [(x, form()) for x in (A(1.0), V, X)],
    np.atleast_2d: [(x, form()) for x in (A(1.0), V, X)],
    np.atleast_3d: [(x, form()) for x in (A(1.0), V, M, X)],
    np.copy: [(X, form()), (A(1.0), form())],
    np.astype if hasattr(np, "astype") else np.copy: [(X, form())],
}
PADS = [
    1,
    (1,),
    (1, 2),
    [1, 2],
    ((1, 2),),
    ((1, 2), (0, 3)),
    [[1, 2], [0, 3]],
    A([[1, 2], [0, 3]]),
    A(2),
    INT(1),
    ((1,), (2,)),
]
PADS += [
    {0: (1, 2)},
    {1: 2},
    {-1: (0, 1)},
    {0: 1, -1: (1, 1)},
    {},
    0,
    ((0, 0), (1, 0)),
    (1, 2, 3),
    -1,
    1.5,
    {5: 1},
    {0: (1, 2), -2: 1},
]
JOINS = {
    np.concatenate: [([M, real((2, 3), 1)], form(*axis)) for axis in ((), (0,), (1,), (-1,), (None,), (INT(1),), (2,))]
    + [((M, real((2, 3), 1)), form(axis=0)), ([V], form()), ([V, np.zeros(0)], form()), ([A(1.0), A(2.0)], form())]
    + [([M, V], form(None)), ([M, V], form(0)), ([A(1.0), V], form(axis=None)), ([], form())],
    np.stack: [
        ([M, real((2, 3), 1)], form(*axis))
        for axis in ((), (0,), (1,), (2,), (-1,), (-3,), (INT(1),), (3,), (UINT8(1),))
    ]
    + [((A(1.0), A(2.0)), form()), ([A(1.0), A(2.0)], form(-1)), ([M, V], form()), ([M], form(axis=-2))],
    np.hstack: [(p, form()) for p in ([V, V], (M, M), [A(1.0), A(2.0)], [A(1.0), V], [X, X], [V, M], [M])],
    np.vstack: [(p, form()) for p in ([V, V], (M, M), [A(1.0), A(2.0)], [V, M], [X, X])],
    np.dstack: [(p, form()) for p in ([V, V], (M, M), [A(1.0), A(2.0)], [X, X], [V, M])],
    np.split: [
        (X, form(*p))
        for p in ((2,), (2, 0), (3, 1), (3, -2), (4, 2), ([1], 1), ([1, 2], -1), ((1,), 1), (A([1, 3]), 2))
    ]
    + [
        (X, form(*p))
        for p in (
            (INT(2),),
            (5, 1),
            ([], 0),
            ([0, 5], 1),
            ([2, 2], 2),
            (2, INT(2)),
            ([INT(1)], INT(1)),
            (2, 3),
            (0,),
            ([-1], 1),
        )
    ],
    np.array_split: [(X, form(*p)) for p in ((2,), (5, 2), (3, 2), ([1], 1), (INT(3), -1), (2, INT(1)), (0,), ([], 0))],
    np.tile: [
        (M, form(reps))
        for reps in (2, (2,), (2, 3), [1, 2], (2, 1, 3), INT(2), A([2, 1]), 0, (0, 2), (), (INT(2), 1), A(2))
    ]
    + [(x, form(reps)) for x in (A(1.0), V, np.zeros((0, 2))) for reps in (2, (2, 2), ())],
    np.repeat: [
        (M, form(*p))
        for p in (
            (2,),
            (2, 0),
            (2, 1),
            (2, -1),
            ([1, 2], 0),
            ((1, 0, 2), 1),
            (A([2, 1]), 0),
            (INT(2),),
            (INT(2), INT(1)),
        )
    ]
    + [
        (M, form(*p))
        for p in (
            (0,),
            (0, 1),
            ([2], 0),
            ([3],),
            (A(2), 0),
            (list(range(6)),),
            ([1, 2],),
            (-1,),
            (2, 2),
            (A([2]), 1),
            (2, None),
        )
    ]
    + [
        (A(1.0), form(3)),
        (A(1.0), form([3])),
        (A(1.0), form(2, 0)),
        (np.zeros((0, 2)), form(2, 0)),
        (V, form([True, False, True])),
    ],
    np.pad: [(M, form(width)) for width in PADS]
    + [(M, form(width, mode=mode)) for mode in ("reflect", "symmetric", "edge", "wrap") for width in PADS]
    + [
        (M, form(1, constant_values=c))
        for c in (2.5, (1, 2), ((1, 2), (3, 4)), [1, 2], A([[1, 2]]), {0: (1, 2)}, INT(3))
    ]
    + [
        (M, form(1, "constant")),
        (V, form((5, 7), "reflect")),
        (V, form((5, 7), "wrap")),
        (V, form((4, 9), "symmetric")),
    ]
    + [
        (A(1.0), form(0)),
        (A(1.0), form(1)),
        (np.zeros((0, 2)), form(1)),
        (np.zeros((0, 2)), form(1, "edge")),
    ]
    + [(real((1, 3)), form(2, "reflect")), (np.zeros((2, 0)), form(((1, 0), (0, 0)), "edge"))],
    np.broadcast_arrays: [],
}
INDICES = [
    0,
    -1,
    INT(1),
    A(1),
    [0],
    [2, 0, 2],
    (1, 1),
    A([[0, 1], [2, 2]]),
    [],
    np.zeros((0, 2), int),
    [-1, -3],
    A([1], UINT8),
]
INDICES += [True, [True, True], A([True, False, True]), A([[False], [True]]), 7, [0, 9]]
PICKING = {
    np.take: [(V, form(i)) for i in INDICES]
    + [
        (X, form(i, axis))
        for i in ([0, 1, 1], 1, [True, True], [[0], [1]])
        for axis in (None, 0, 1, -1, INT(2), (0,), 3)
    ]
    + [
        (A(1.0), form(0)),
        (A(1.0), form([0, 0])),
        (A(1.0), form(0, 0)),
        (np.zeros((0, 2)), form([0], 1)),
        (V, form([], axis=0)),
    ],
    np.take_along_axis: [
        (X, form(*p))
        for p in (
            (np.argsort(X, 1), 1),
            (np.argsort(X, -1), -1),
            (np.argsort(X),),
            (A([0, 5, 5]), None),
            (np.zeros((2, 1, 4), int), 1),
            (np.zeros((1, 3, 1), int), INT(2)),
            (np.zeros((2, 3, 1), UINT8), 2),
            (-np.ones((2, 3, 1), int), 2),
            (np.zeros((2, 3, 4), bool), 1),
            (np.zeros((2, 3), int), 1),
            (np.zeros((2, 3, 0), int), 2),
        )
    ],
    np.sort: [(X, f) for f in of_axis([*ONE_AXIS, (0,)])]
    + [
        (X, form(kind="mergesort")),
        (X, form(-1, "quicksort")),
        (A(1.0), form()),
        (A(1.0), form(None)),
        (np.zeros((0, 2)), form(0)),
    ],
    np.argsort: [(X, f) for f in of_axis([*ONE_AXIS, (0,)])] + [(A(1.0), form())],
    np.nonzero: [(X, form()), (np.zeros((0, 2)), form())],
    np.searchsorted: [(A([1.0, 2.0, 3.0]), form(v)) for v in (2.0, [0.5, 2.5], A([[1.0], [4.0]]), INT(2))]
    + [(A([1.0, 2.0]), form(2.0, "right")), (A([1.0, 2.0]), form(1.5, side="right"))],
}
ELEMENTWISE = {
    np.clip: [
        (X, form(*p))
        for p in (
            (-0.5, 0.5),
            (None, 0.5),
            (-0.5, None),
            (INT(-1), INT(1)),
            (real((4,)), None),
            (-1.0, 2.0 + real((3, 1))),
            (A(-0.5), A(0.5)),
        )
    ]
    + [
        (X, form(min=-0.5)),
        (X, form(max=0.5)),
        (X, form(a_min=-0.5, a_max=0.5)),
        (X, form(0.5, -0.5)),
        (A(1.0), form(0.0, 0.5)),
    ]
    + [(V, form(-0.5 * np.ones((2, 1)), 0.5)), (A(1.0), form(real((3,)) - 2, None))],
    np.round: [(X, form(*d)) for d in ((), (1,), (-1,), (INT(1),))] + [(A(1.0), form())],
    np.around: [(X, form(decimals=1))],
    np.nan_to_num: [(A([1.0, np.nan, np.inf]), form(nan=n, posinf=9.0)) for n in (0.0, 2, INT(3))]
    + [(A([1.0, -np.inf]), form(neginf=-5.0)), (A(np.nan), form()), (A([1.0]), form(True, 2.0))],
    np.power: [
        (positive((3,)), form(p))
        for p in (
            2,
            0,
            0.5,
            -1,
            INT(2),
            A(2),
            A([1, 2, 3]),
            [1, 2, 3],
            A([[1.0], [2.0]]),
            np.float64(0.5),
            True,
            UINT8(2),
        )
    ],
    np.isclose: [(X, form(X + 1e-9)), (X, form(X, 1e-3, 1e-3)), (A(1.0), form(1.0))],
    np.angle: [(X, form()), (X, form(True)), (X, form(deg=True))],
}
PRODUCTS = {
    np.tensordot: [
        ([real((2, 3, 4)), real((4, 3, 2), 1)], form(*axes))
        for axes in (
            (1,),
            (0,),
            (([1, 2], [1, 0]),),
            (((2,), (0,)),),
            ((2, 0),),
            ((-1, 0),),
            ((-1, -3),),
            (INT(1),),
            ([[2, 1], [0, 1]],),
            (A([[2], [0]]),),
            (3,),
            (2,),
        )
    ],
    np.dot: [
        (p, form())
        for p in (
            [V, V],
            [M, V],
            [M, real((3, 2))],
            [X, real((4,))],
            [X, real((4, 2))],
            [X, real((2, 4, 3))],
            [A(2.0), V],
            [M, A(2.0)],
            [A(2.0), A(3.0)],
            [np.zeros((2, 0)), np.zeros((0, 3))],
            [M, M],
        )
    ],
    np.inner: [
        (p, form())
        for p in ([V, V], [M, V], [M, M], [X, real((5, 4))], [A(2.0), M], [A(2.0), A(3.0)], [np.zeros(0), np.zeros(0)])
    ],
    np.outer: [(p, form()) for p in ([V, V], [M, V], [A(2.0), V], [A(2.0), A(3.0)], [np.zeros(0), V])],
    np.vdot: [
        (p, form()) for p in ([V, V], [M, real((3, 2))], [A(2.0), A(3.0)], [np.zeros(0), np.zeros(0)], [A(2.0), V])
    ],
    np.kron: [(p, form()) for p in ([V, V], [M, V], [V, M], [A(2.0), M], [A(2.0), A(3.0)], [M, X], [np.zeros(0), V])],
    np.matmul: [
        (p, form())
        for p in (
            [V, V],
            [M, V],
            [V, real((3, 2))],
            [X, real((4, 2))],
            [X, real((2, 4, 3))],
            [real((1, 3, 4)), real((5, 4, 2))],
            [V, real((2, 3, 2))],
            [X, real((4,))],
            [np.zeros((2, 0)), np.zeros((0, 3))],
            [np.zeros((0, 3)), V],
            [np.zeros(0), np.zeros(0)],
            [np.zeros((2, 0)), np.zeros(0)],
            [M, M],
            [A(1.0), V],
        )
    ],
}
SQUARE, TALL = real((3, 3)) + 3 * np.eye(3), real((4, 2))
LINALG = {
    np.linalg.norm: [
        (M, form(*p))
        for p in ((), (None,), ("fro",), ("nuc",), (1,), (-1,), (2,), (-2,), (np.inf,), (-np.inf,), (3,), ("no",), (0,))
    ]
    + [
        (V, form(*p))
        for p in ((), (1,), (2,), (3,), (0.5,), (-1,), (np.inf,), (-np.inf,), (0,), ("fro",), (INT(2),), (2.0,))
    ]
    + [(X, form(axis=axis)) for axis in (None, 0, -1, INT(1), (0, 1), (1, -1), (0, 0), 3, (0, 1, 2))]
    + [
        (X, form(1, (0, 2), True)),
        (X, form(ord=2, axis=1, keepdims=True)),
        (X, form(2)),
        (X, form(axis=(0, 1), keepdims=True)),
        (A(2.0), form()),
        (np.zeros((2, 0)), form()),
    ],
    np.linalg.vector_norm: [
        (X, form(axis=axis, ord=o)) for axis in (None, 0, -1, (0, 2), INT(1), ()) for o in (2, 1, 3, np.inf)
    ]
    + [(X, form(keepdims=True)), (A(2.0), form()), (X, form(axis=5))],
    np.linalg.matrix_norm: [(X, form(ord=o)) for o in ("fro", "nuc", 1, -1, 2, np.inf)]
    + [(M, form(keepdims=True)), (V, form())],
    np.linalg.matrix_power: [(SQUARE, form(n)) for n in (0, 1, 2, 3, -1, -2, INT(2), 1.5, True)] + [(M, form(2))],
    np.linalg.multi_dot: [
        (p, form())
        for p in ([M, real((3, 2))], [V, real((3, 2)), real((2, 4)), real((4,))], [M, V], [V, SQUARE, V], [M], [V, V])
    ],
    np.linalg.pinv: [(TALL, form()), (TALL, form(1e-10)), (TALL.T, form()), (TALL, form(rcond=np.float64(1e-12)))],
    np.linalg.qr: [(TALL, form()), (TALL, form("reduced")), (TALL, form("r")), (real((2, 4)), form())],
    np.linalg.solve: [([SQUARE, b], form()) for b in (V, real((3, 2)), real((2, 3, 1)), np.zeros((3, 0)))]
    + [([SQUARE, real((2,))], form()), ([np.stack([SQUARE, SQUARE.T]), V], form())],
    np.linalg.inv: [
        (SQUARE, form()),
        (np.stack([SQUARE, SQUARE.T]), form()),
        (np.zeros((0, 0)), form()),
        (np.zeros((0, 2, 2)), form()),
        (M, form()),
        (V, form()),
    ],
    np.linalg.det: [(SQUARE, form()), (np.stack([SQUARE, SQUARE.T]), form()), (np.zeros((0, 0)), form()), (M, form())],
    np.linalg.slogdet: [(SQUARE, form()), (np.zeros((0, 0)), form())],
    np.linalg.svdvals: [(TALL, form()), (np.stack([TALL, TALL + 1]), form())],
    np.linalg.diagonal: [(X, form(offset=o)) for o in (0, 1, -1, INT(1), 9)],
    np.linalg.trace: [(X, form(offset=o)) for o in (0, 1, -1, INT(1), 9)],
    np.linalg.matrix_transpose: [(X, form()), (M, form()), (V, form())],
    np.linalg.outer: [([V, V], form())],
}
# arguments that NumPy takes by position, also those that stand between ours
BY_POSITION = {
    np.std: [(X, form(0, None, None, 1)), (X, form(1, None, None, 0, True))],
    np.var: [(X, form(0, None, None, 1)), (X, form((0, 2), None, None, 1, True))],
    np.sum: [(X, form(0, None, None, True)), (X, form(None, None))],
    np.mean: [(X, form(0, None, None, True))],
    np.max: [(X, form(0, None, True))],
    np.median: [(X, form(1, None, False, True))],
    np.average: [(X, form(1, [1, 2, 3], False))],
    np.quantile: [(X, form(0.5, 1, None, False, "linear", True))],
    np.prod: [(X, form(1, None, None))],
    np.cumsum: [(X, form(1, None))],
    np.argmax: [(X, form(0, None))],
    np.round: [(X, form(1, None))],
    np.trace: [(X, form(0, 1, 2, None))],
    np.argsort: [(X, form(0, None, None))],
    np.take: [(V, form([0, 1], 0, None, "raise"))],
    np.linalg.norm: [(X, form(None, 1, True))],
}
METHODS = {
    "sum": [form(), form(0), form((0, 1)), form(axis=-1, keepdims=True)],
    "mean": [form(), form(1), form(axis=(0, 2))],
    "var": [form(), form(0), form(axis=1, ddof=1)],
    "std": [form(), form(0), form(axis=1, ddof=1)],
    "max": [form(), form(0), form(axis=(0, 1), keepdims=True)],
    "min": [form(), form(-1)],
    "prod": [form(), form(0), form(axis=(1, 2))],
    "cumsum": [form(), form(0), form(axis=-1)],
    "cumprod": [form(), form(1)],
    "reshape": [
        form(6, 4),
        form((6, 4)),
        form([6, 4]),
        form(-1),
        form(2, -1),
        form(INT(6), INT(4)),
        form(A([6, 4])),
        form(5),
    ],
    "transpose": [
        form(),
        form(None),
        form(2, 0, 1),
        form((2, 0, 1)),
        form([2, 0, 1]),
        form(-1, 0, 1),
        form(0),
        form(0, 1),
    ],
    "swapaxes": [form(0, 2), form(-1, INT(0))],
    "squeeze": [form(), form(0)],
    "ravel": [form()],
    "flatten": [form()],
    "diagonal": [form(), form(1), form(0, 1, 2), form(axis1=-1, axis2=0)],
    "trace": [form(), form(1), form(0, 1, 2)],
    "repeat": [form(2), form([1, 2], 0), form(2, axis=-1)],
    "take": [form([0, 5]), form([0, 1], 1), form(1, axis=INT(2)), form([True, True], 0)],
    "clip": [form(-0.5, 0.5), form(min=-0.5), form(None, 0.5)],
    "round": [form(), form(1)],
    "argmax": [form(), form(0)],
    "argsort": [form(), form(0)],
    "any": [form(), form(0)],
    "nonzero": [form()],
    "copy": [form()],
}
VECTOR_METHODS = {
    "transpose": [form(), form(0), form((0,)), form(-1), form(INT(0)), form(None)],
    "T": [],
    "sum": [form(0), form(-1)],
}

TABLE = [
    REDUCTIONS,
    ARG_REDUCTIONS,
    RUNNING,
    MOMENTS,
    QUANTILES,
    AVERAGES,
    SHAPES,
    JOINS,
    PICKING,
    ELEMENTWISE,
    PRODUCTS,
    LINALG,
    BY_POSITION,
]
SPREAD = {np.dot, np.inner, np.outer, np.vdot, np.kron, np.matmul, np.tensordot, np.linalg.solve, np.linalg.outer}


def spread(function):
    """Return a function that takes its arrays as one list, where NumPy's takes them one by one."""
    return (lambda arrays, *args, **kwargs: function(*arrays, *args, **kwargs)) if function in SPREAD else function


CASES = [
    pytest.param(spread(function), x, args, kwargs, id=f"{function.__name__}-{i}")
    for table in TABLE
    for function, forms in table.items()
    for i, (x, (args, kwargs)) in enumerate(forms)
]


CASES += [
    pytest.param(lambda x, *a, name=name, **k: getattr(x, name)(*a, **k), x, args, kwargs, id=f"{name}-method-{i}")
    for table, x in ((METHODS, X), (VECTOR_METHODS, V))
    for name, forms in table.items()
    for i, (args, kwargs) in enumerate(forms)
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("function", "x", "args", "kwargs"), CASES)
def test_backward_can_do_what_forward_accepts(function, x, args, kwargs):
    check(function, x, args, kwargs)


def test_bools_pick_as_0_and_1_in_take_as_in_numpy_and_as_a_mask_in_an_index():
    x = tg.tensor([10.0, 20.0, 30.0], requires_grad=True)
    tg.take(x, [True, True]).sum().backward()
    assert x.grad.tolist() == [0.0, 2.0, 0.0]
    x.grad = None
    x[np.array([True, False, True])].sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 1.0]
    with pytest.raises(IndexError):
        tg.take(x, [0.0, 1.0])


@pytest.mark.parametrize("function", [np.sum, np.mean, np.prod, np.std, np.cumsum])
def test_a_dtype_given_by_position_is_not_taken_for_something_else(function):
    found = function(tg.tensor(X, requires_grad=True), 0, np.float32)
    wanted = function(X, 0, np.float32)
    assert found.dtype == wanted.dtype == np.float32
    np.testing.assert_allclose(found.detach(), wanted, rtol=1e-6)


def test_an_average_tells_the_sum_of_its_weights():
    for axis, weights in ((1, [1.0, 2.0, 3.0]), ((0, 2), positive((2, 4))), (None, None)):
        for keepdims in (False, True):
            for found, expected in zip(
                np.average(tg.tensor(X), axis, weights, returned=True, keepdims=keepdims),
                np.average(X, axis, weights, returned=True, keepdims=keepdims),
            ):
                np.testing.assert_allclose(found.numpy(), expected, rtol=1e-13)
    with pytest.raises(ZeroDivisionError, match="the weights sum to 0"):
        np.average(tg.tensor([1.0, 2.0]), weights=[1.0, -1.0])
    with pytest.raises(ValueError, match=r"weights of shape \(3,\) do not fit the axes of length \(2,\)"):
        np.average(tg.tensor(X), axis=0, weights=[1.0, 2.0, 3.0])


def test_the_weights_of_an_average_along_several_axes_have_gradients():
    w = tg.tensor(positive((4, 2)), requires_grad=True)
    np.average(tg.tensor(X), axis=(2, 0), weights=w).sum().backward()
    array = w.numpy()
    expected = slopes(lambda moved: np.average(X, axis=(2, 0), weights=moved[0]).sum(), [array])[0]
    np.testing.assert_allclose(w.grad.numpy(), expected, rtol=1e-6, atol=1e-9)
    single = np.average(tg.tensor(X.astype(np.float32)), axis=1, weights=[1, 2, 3])
    assert single.dtype == np.float32
