"""A call of each function of NumPy that has a gradient on Tensors, with arrays to differentiate."""

import numpy as np

random = np.random.default_rng(1)
A, B, V, W = random.normal(size=(3, 4)), random.normal(size=(3, 4)), random.normal(size=4), random.normal(size=4)
S = random.normal(size=(3, 3)) + 3 * np.eye(3)
C = random.normal(size=(2, 3, 4))
POSITIVE = random.uniform(0.5, 2, (3, 4))
HOLES = np.where(np.arange(12).reshape(3, 4) % 5 == 0, np.nan, A)
UNIT = random.uniform(-0.9, 0.9, (3, 4))
Z = A + 1j * B

# name -> list of (function of the arrays, arrays)
CALLS = {
    "append": [(lambda x: np.append(x, [1.0, 2.0]), A), (lambda x, y: np.append(x, y, axis=1), A, B)],
    "apply_along_axis": [
        (lambda x: np.apply_along_axis(lambda r: r[:2] * r.sum(), 1, x), A),
        (lambda x: np.apply_along_axis(np.sum, 0, x), A),
        (lambda x: np.apply_along_axis(np.outer, 0, x, np.ones(2)), A),
    ],
    "apply_over_axes": [(lambda x: np.apply_over_axes(np.sum, x, [0, 2]), C)],
    "astype": [(lambda x: np.astype(x, x.dtype), A)],
    "bincount": [(lambda x: np.bincount([0, 3, 3, 1], weights=x), V)],
    "block": [
        (lambda x, y: np.block([[x, y], [y, 2 * x]]), A, B),
        (lambda x: np.block([x, 1.0, 2.0]), V),
        (lambda x: np.block(x), A),
    ],
    "cbrt": [(np.cbrt, A)],
    "choose": [
        (lambda x, y: np.choose(np.arange(12).reshape(3, 4) % 2, [x, y]), A, B),
        (lambda x, y: np.choose([3, -1, 0, 1], [x, y], mode="wrap"), V, W),
        (lambda x, y: np.choose([3, -1, 0, 1], [x, y], mode="clip"), V, W),
    ],
    "column_stack": [(lambda x, y: np.column_stack([x, y, np.ones((4, 2))]), V, W)],
    "compress": [(lambda x: np.compress([True, False, True], x, axis=0), A), (lambda x: np.compress([0, 1, 1], x), A)],
    "convolve": [
        (lambda x, y, mode=mode: np.convolve(x, y, mode), V, random.normal(size=n))
        for mode in ("full", "same", "valid")
        for n in (1, 2, 3, 6)
    ],
    "copysign": [(np.copysign, A, B)],
    "corrcoef": [
        (np.corrcoef, A),
        (lambda x, y: np.corrcoef(x, y), V, W),
        (lambda x: np.corrcoef(x, rowvar=False), random.normal(size=(6, 2))),
    ],
    "correlate": [
        (lambda x, y, mode=mode: np.correlate(x, y, mode), V, random.normal(size=n))
        for mode in ("full", "same", "valid")
        for n in (1, 2, 3, 6)
    ],
    "cov": [
        (np.cov, A),
        (lambda x, y: np.cov(x, y), V, W),
        (lambda x: np.cov(x, rowvar=False, bias=True), A),
        (lambda x: np.cov(x, ddof=0, fweights=[1, 2, 1, 3]), A),
        (lambda x: np.cov(x, aweights=[1.0, 0.5, 2.0, 1.0]), A),
        (lambda x: np.cov(x, fweights=[1, 2, 1, 1], aweights=[1.0, 0.5, 2.0, 1.0]), A),
        (np.cov, V),
    ],
    "cross": [
        (lambda x, y: np.cross(x, y), random.normal(size=(4, 3)), random.normal(size=3)),
        (lambda x, y: np.cross(x, y, axis=0), A, B),
        (lambda x, y: np.cross(x, y, axisa=0, axisb=0, axisc=0), A, B),
    ],
    "histogram": [(lambda x: np.histogram(B, 4, weights=x)[0], A)],
    "cumulative_prod": [(lambda x: np.cumulative_prod(x, axis=1, include_initial=True), A), (np.cumulative_prod, V)],
    "cumulative_sum": [(lambda x: np.cumulative_sum(x, axis=0, include_initial=True), A), (np.cumulative_sum, V)],
    "deg2rad": [(np.deg2rad, A)],
    "degrees": [(np.degrees, A)],
    "delete": [
        (lambda x: np.delete(x, 1, axis=1), A),
        (lambda x: np.delete(x, [0, 5]), A),
        (lambda x: np.delete(x, slice(1, None, 2), axis=1), A),
        (lambda x: np.delete(x, [-1], axis=0), A),
    ],
    "diagflat": [(lambda x: np.diagflat(x, 1), V)],
    "divmod": [(lambda x: np.divmod(x, 0.7)[1], A), (lambda x: np.divmod(x, 0.7)[0], A)],
    "dsplit": [(lambda x: np.dsplit(x, 2)[1], C)],
    "ediff1d": [(np.ediff1d, A), (lambda x: np.ediff1d(x, to_begin=[1.0], to_end=[2.0, 3.0]), V)],
    "extract": [(lambda x: np.extract(B > 0, x), A)],
    "fabs": [(np.fabs, A)],
    "fix": [(np.fix, A)],
    "fliplr": [(np.fliplr, A)],
    "flipud": [(np.flipud, A), (np.flipud, V)],
    "float_power": [(np.float_power, POSITIVE, A), (lambda x: np.float_power(x, 3), A)],
    "fmax": [(np.fmax, A, B)],
    "fmin": [(np.fmin, A, B)],
    "frexp": [(lambda x: np.frexp(x)[0], A)],
    "geomspace": [
        (lambda x, y: np.geomspace(x, y, 5), np.array(0.5), np.array(3.0)),
        (lambda x: np.geomspace(x, -8.0, 4, endpoint=False, axis=-1), np.array([-0.5, -2.0])),
    ],
    "gradient": [
        (np.gradient, V),
        (lambda x: np.gradient(x, 0.5, edge_order=2), V),
        (lambda x, y: np.gradient(x, np.cumsum(np.exp(y))), V, W),
        (lambda x, y: np.gradient(x, np.cumsum(np.exp(y)), edge_order=2), V, W),
        (lambda x: np.gradient(x, axis=1), A),
        (lambda x: np.gradient(x, 2.0, [0.0, 1.0, 1.5, 4.0])[1], A),
        (lambda x: np.gradient(x, axis=(1, 0))[0], A),
    ],
    "heaviside": [
        (lambda x: np.heaviside(A, x), np.array(0.5)),
        (lambda x: np.heaviside(np.array([-1.0, 0.0, 2.0]), x), np.array([0.1, 0.2, 0.3])),
    ],
    "hsplit": [(lambda x: np.hsplit(x, [1, 3])[1], A), (lambda x: np.hsplit(x, 2)[0], V)],
    "insert": [
        (lambda x: np.insert(x, 1, 5.0), A),
        (lambda x, y: np.insert(x, 1, y, axis=1), A, random.normal(size=3)),
        (lambda x, y: np.insert(x, [0, 2], y, axis=0), A, random.normal(size=(2, 4))),
        (lambda x, y: np.insert(x, 2, y), V, W),
        (lambda x: np.insert(x, slice(0, 4, 2), [1.0, 2.0]), V),
        (lambda x, y: np.insert(x, [1], y, axis=1), A, random.normal(size=(3, 2))),
        (lambda x: np.insert(x, -1, 7.0), V),
    ],
    "interp": [
        (lambda x: np.interp(x, [-1.0, 0.0, 0.8], [1.0, -2.0, 3.0]), A),
        (lambda x, y: np.interp(x, [-0.5, 0.1, 0.2, 0.9], y), A, V),
        (lambda x: np.interp([0.2, 0.4], np.cumsum(np.exp(x)) - 1, [1.0, 5.0, 2.0, 0.0]), V),
        (lambda x: np.interp(x, [-1.0, 0.0, 0.8], [1.0, -2.0, 3.0], left=-9.0, right=7.0), A),
        (lambda x: np.interp(x, [0.9, 0.1, 0.4], [1.0, -2.0, 3.0], period=1.0), A),
        (lambda x: np.interp(x, [0.3], [2.0]), A),
    ],
    "ldexp": [(lambda x: np.ldexp(x, 3), A), (lambda x: np.ldexp(x, np.array([0, -1, 2, 3])), A)],
    "linspace": [
        (lambda x, y: np.linspace(x, y, 5), V, W),
        (lambda x: np.linspace(0.0, x, 4, endpoint=False, axis=-1), V),
        (lambda x, y: np.linspace(x, y, 3, retstep=True)[1], V, W),
        (lambda x: np.linspace(x, 1.0, 1), V),
    ],
    "logspace": [
        (lambda x, y: np.logspace(x, y, 4), V, W),
        (lambda x, y: np.logspace(x, 1.0, 3, base=y, axis=-1), np.array(0.5), np.array(2.0)),
    ],
    "matrix_transpose": [(np.matrix_transpose, C)],
    "matvec": [(np.matvec, C, V), (np.matvec, A, V)],
    "modf": [(lambda x: np.modf(x)[0], A), (lambda x: np.modf(x)[1], A)],
    "nancumprod": [(lambda x: np.nancumprod(x, axis=1), HOLES), (np.nancumprod, V)],
    "nancumsum": [(lambda x: np.nancumsum(x, axis=0), HOLES)],
    "nanmax": [(lambda x: np.nanmax(x, axis=1), HOLES), (np.nanmax, A)],
    "nanmean": [
        (lambda x: np.nanmean(x, axis=0), HOLES),
        (lambda x: np.nanmean(x, axis=(0, 1), keepdims=True), HOLES),
        (np.nanmean, A),
    ],
    "nanmedian": [(lambda x: np.nanmedian(x, axis=1), HOLES), (np.nanmedian, HOLES)],
    "nanmin": [(lambda x: np.nanmin(x, axis=1, keepdims=True), HOLES)],
    "nanpercentile": [(lambda x: np.nanpercentile(x, [10, 60], axis=1), HOLES)],
    "nanprod": [(lambda x: np.nanprod(x, axis=1), HOLES)],
    "nanquantile": [
        (lambda x: np.nanquantile(x, 0.3, axis=0, keepdims=True), HOLES),
        (lambda x: np.nanquantile(x, [[0.1, 0.5], [0.9, 1.0]]), HOLES),
        (lambda x: np.nanquantile(x, 0.4, axis=(0, 2)), C),
    ],
    "nanstd": [(lambda x: np.nanstd(x, axis=1, ddof=1), HOLES)],
    "nansum": [(lambda x: np.nansum(x, axis=1), HOLES), (np.nansum, HOLES)],
    "nanvar": [(lambda x: np.nanvar(x, axis=1), HOLES), (lambda x: np.nanvar(x, keepdims=True), HOLES)],
    "partition": [(lambda x: np.partition(x, 2, axis=1), A), (lambda x: np.partition(x, 2, axis=None), A)],
    "piecewise": [
        (lambda x: np.piecewise(x, [B > 0.5, B < -0.5], [np.sin, lambda r: r**2, 3.0]), A),
        (lambda x: np.piecewise(x, W > 0, [np.exp, -1.0]), V),
        (lambda x: np.piecewise(x, [B > 0], [lambda r, k: r * k, 0.0], 4.0), A),
    ],
    "poly": [(np.poly, V)],
    "polyadd": [(np.polyadd, V, random.normal(size=2))],
    "polyder": [(np.polyder, V), (lambda x: np.polyder(x, 2), V)],
    "polydiv": [
        (lambda x, y: np.polydiv(x, y)[0], V, random.normal(size=2)),
        (lambda x, y: np.polydiv(x, y)[1], V, random.normal(size=3)),
        (lambda x, y: np.polydiv(x, y)[1], random.normal(size=2), V),
    ],
    "polyfit": [
        (lambda y: np.polyfit([0.0, 1.0, 2.0, 3.0], y, 2), V),
        (lambda x, y: np.polyfit(np.cumsum(np.exp(x)), y, 1, w=[1.0, 2.0, 1.0, 0.5]), V, W),
        (lambda y: np.polyfit([0.0, 1.0, 3.0], y, 1), A),
    ],
    "polyint": [
        (np.polyint, V),
        (lambda x: np.polyint(x, 2, k=[1.0, 2.0]), V),
        (lambda x, k: np.polyint(x, 1, k=k), V, np.array(0.5)),
    ],
    "polymul": [(np.polymul, V, random.normal(size=2)), (lambda x: np.polymul([0.0, 1.0, 2.0], x), V)],
    "polysub": [(np.polysub, V, random.normal(size=2))],
    "polyval": [(np.polyval, V, A)],
    "rad2deg": [(np.rad2deg, A)],
    "radians": [(np.radians, A)],
    "real_if_close": [(np.real_if_close, A), (lambda x: np.real_if_close(x + 0j), A)],
    "resize": [(lambda x: np.resize(x, (5, 3)), A), (lambda x: np.resize(x, 3), A)],
    "rollaxis": [
        (lambda x: np.rollaxis(x, 2), C),
        (lambda x: np.rollaxis(x, 0, 3), C),
        (lambda x: np.rollaxis(x, 1, -1), C),
    ],
    "roots": [
        (lambda x: np.sum(np.abs(np.roots(x)) ** 2), np.array([1.0, -3.5, 2.0, 0.7])),
        (lambda x: np.real(np.roots(x)), np.array([2.0, 1.0, -3.0])),
        (lambda x: np.real(np.roots(np.pad(x, 1))), np.array([1.0, -3.0])),
    ],
    "select": [(lambda x, y: np.select([A > 0.5, B > 0], [x, y * 2], 1.5), A, B)],
    "sort_complex": [(lambda x: np.real(np.sort_complex(x)), A)],
    "trapezoid": [
        (np.trapezoid, A),
        (lambda x, y: np.trapezoid(x, np.cumsum(y), axis=1), A, V),
        (lambda x, y: np.trapezoid(x, y, axis=0), A, B),
        (lambda x: np.trapezoid(x, dx=0.3, axis=0), A),
    ],
    "trim_zeros": [
        (lambda x: np.trim_zeros(x * np.array([0, 1, 1, 0])), V),
        (lambda x: np.trim_zeros(x * np.array([0, 1, 1, 0]), "b"), V),
    ],
    "unstack": [(lambda x: np.unstack(x, axis=1)[2], A)],
    "unwrap": [(lambda x: np.unwrap(5 * x), A), (lambda x: np.unwrap(5 * x, axis=0, period=3.0), A)],
    "vander": [(np.vander, V), (lambda x: np.vander(x, 3, increasing=True), V)],
    "vecdot": [(np.vecdot, A, V), (lambda x, y: np.vecdot(x, y, axis=0), A, B)],
    "vecmat": [(np.vecmat, random.normal(size=3), A)],
    "vsplit": [(lambda x: np.vsplit(x, [1])[1], A)],
    "linalg.cond": [
        (np.linalg.cond, S),
        (lambda x: np.linalg.cond(x, "fro"), S),
        (lambda x: np.linalg.cond(x, 1), S),
        (lambda x: np.linalg.cond(x, -2), S),
    ],
    "linalg.cross": [(lambda x, y: np.linalg.cross(x, y, axis=0), A, B)],
    "linalg.matrix_transpose": [(np.linalg.matrix_transpose, A)],
    "linalg.tensorinv": [(lambda x: np.linalg.tensorinv(np.reshape(x, (3, 1, 3))), S)],
    "linalg.tensorsolve": [
        (lambda x, y: np.linalg.tensorsolve(np.reshape(x, (3, 1, 3)), np.reshape(y, (3, 1))), S, random.normal(size=3)),
        (lambda x, y: np.linalg.tensorsolve(np.reshape(x, (3, 3, 1)), y, axes=(1,)), S, random.normal(size=(3, 1))),
    ],
    "linalg.vecdot": [(lambda x, y: np.linalg.vecdot(x, y, axis=-1), A, B)],
    "lib.stride_tricks.sliding_window_view": [
        (lambda x: np.lib.stride_tricks.sliding_window_view(x, 3), V),
        (lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 2)), A),
        (lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, axis=1), C),
    ],
}
