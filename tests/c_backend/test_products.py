"""Our own product of matrices, alone and in programs, beside sums in float64 and in extended precision."""

import ctypes

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.c_backend.plans import Built, assert_close
from tinygrad_ml.c_backend import kernels, products
from tinygrad_ml.c_backend import plan as c_plan
from tinygrad_ml.c_backend.text import PRELUDE, c_type
from tinygrad_ml.native import build

ROWS = (1, 13)
MACHINES = {  # what the compiler may use: all, and what processors without AVX-512, or of the first 64 bits, have
    "this": build.FASTER,
    "AVX2": (("-march=haswell", "-fopenmp-simd"), ()),
    "oldest": ((),),
}
EPSILON = {"float32": 2.0**-24, "float64": 2.0**-53}


class Pieces:
    """A list of pieces of C, in place of a plan."""

    include = c_plan.Plan.include

    def __init__(self):
        self.pieces = []


@pytest.fixture(scope="module", params=MACHINES)
def library(request):
    """All products that are tested as one library, in which (dtype, rows) names one."""
    plan, entries = Pieces(), []
    numbers, pointers = "npy_intp m, npy_intp k, npy_intp n", []
    for name in "xyz":
        pointers.append(f"void *{name}, npy_intp {name}_down, npy_intp {name}_along")
    for kind in ("float", "double"):
        kernels.include(plan, build.VECTORS, real=kind)
        for rows in ROWS:
            kernels.include(plan, products.GEMM, real=kind, ROWS=str(rows))
            arguments = ", ".join(f"{name}, {name}_down, {name}_along" for name in "xyz")
            entries.append(
                f"void call_{kind}_{rows}({numbers}, {', '.join(pointers)}, void *memory, npy_intp share, "
                f"npy_intp threads) {{ product_{kind}_{rows}(m, k, n, {arguments}, memory, share, threads); }}\n"
            )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "FASTER", MACHINES[request.param])
        loaded = build.library(PRELUDE + "".join([*plan.pieces, *entries]))
    return loaded


def product(library, rows, x, y, out, threads=1):
    """Write the product of two matrices into `out`, of any strides."""
    (m, k), n, size = x.shape, y.shape[1], x.itemsize
    share = products.share(m, rows, size)
    memory = np.full(threads * share + 16, np.nan, x.dtype)  # what is read before it was written spoils the result
    start = -memory.__array_interface__["data"][0] % 64 // size
    numbers = [m, k, n]
    for array in (x, y, out):
        numbers += [array.__array_interface__["data"][0], *(step // size for step in array.strides)]
    numbers += [memory.__array_interface__["data"][0] + start * size, share, threads]
    library[f"call_{c_type(x.dtype)}_{rows}"](*map(ctypes.c_ssize_t, numbers))


def laid_out(x, layout):
    """Return the same elements in another layout."""
    if layout == "columns":
        return np.asfortranarray(x)
    if layout == "apart":
        wide = np.full([3 * n for n in x.shape], np.nan, x.dtype)
        wide[::3, ::3] = x
        return wide[::3, ::3]
    if layout == "backwards":
        return np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1]
    return np.ascontiguousarray(x)


def assert_is_product(found, x, y):
    """Check a product against the bound of a sum in any order (Higham, Accuracy and Stability, 2002, section 3.1)."""
    k, epsilon = x.shape[1], EPSILON[x.dtype.name]
    wide = np.float64 if x.dtype == np.float32 else np.longdouble
    exact = x.astype(wide) @ y.astype(wide)
    bound = (k + 1) * epsilon * (np.abs(x) @ np.abs(y))
    assert np.all(np.abs(found - exact) <= bound)


SIDES = st.one_of(st.integers(1, 70), st.sampled_from([127, 256, 257, 300]))
ROWS_OF_X = st.one_of(SIDES, st.sampled_from([512, 515, 1100]))
TERMS = st.one_of(SIDES, st.sampled_from([512, 530, 700]))
LAYOUTS = st.sampled_from(["rows", "columns", "apart", "backwards"])


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.tuples(ROWS_OF_X, TERMS, SIDES), st.tuples(LAYOUTS, LAYOUTS, LAYOUTS), st.sampled_from(ROWS), st.booleans())
def test_every_shape_and_layout(library, shape, layouts, rows, double):
    (m, k, n), dtype = shape, np.float64 if double else np.float32
    rng = np.random.default_rng(m * 600 * 600 + k * 600 + n)
    x, y = (laid_out(rng.normal(size=s).astype(dtype), layout) for s, layout in zip(((m, k), (k, n)), layouts))
    out = laid_out(np.full((m, n), np.nan, dtype), layouts[2])
    product(library, rows, x, y, out)
    assert_is_product(out, x, y)


@pytest.mark.parametrize("shape", [(300, 40, 7), (7, 40, 300), (30, 20, 1), (1, 20, 30), (64, 64, 64)])
@pytest.mark.parametrize("threads", [2, 3, 5])
def test_threads_compute_the_same_bits(library, shape, threads):
    (m, k, n), rng = shape, np.random.default_rng(0)
    x, y = rng.normal(size=(m, k)).astype(np.float32), rng.normal(size=(k, n)).astype(np.float32)
    one, several = np.empty((2, m, n), np.float32)
    product(library, 13, x, y, one)
    product(library, 13, x, y, several, threads)
    np.testing.assert_array_equal(several, one)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", ["rows", "columns"])
def test_nan_and_infinity_go_where_they_belong(library, layout, dtype):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 300)).astype(dtype), rng.normal(size=(300, 70)).astype(dtype)
    x[3, 5], x[29, 299], y[7, 69], y[:, 40] = np.nan, np.inf, -np.inf, 0
    out = np.empty((30, 70), dtype)
    product(library, 13, laid_out(x, layout), laid_out(y, layout), out)
    with np.errstate(invalid="ignore"):
        expected = x.astype(np.longdouble) @ y.astype(np.longdouble)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(expected))
    np.testing.assert_array_equal(out[np.isinf(expected)], expected[np.isinf(expected)].astype(dtype))
    assert_is_product(out[4:29, :69], x[4:29], y[:, :69])


# ---------------------------------------------------------------------- in programs


def chosen(function, *arrays):
    """Return which products a program calls."""
    text = "\n".join(Built(function, arrays).plan.code.c)
    return {"ours": "product_float" in text or "product_double" in text, "numpy": "inner_loop)p[" in text}


@pytest.fixture
def always(monkeypatch):
    monkeypatch.setattr(products, "fewest", lambda threads: 0)
    monkeypatch.setattr(products, "SMALL", 0)


PROGRAMS = {
    "forward": lambda x, y: x @ y,
    "transposed": lambda x, y: y.T @ x.T,
    "of results": lambda x, y: (x * 2) @ (y * 2) + 1,
    "gradients": lambda x, y: ((g := x @ y) @ y.T, x.T @ g),
    "stacked": lambda x, y: np.stack([x, x * 2]) @ y,
    "stacks": lambda x, y: np.stack([x, x * 2]) @ np.stack([y, y + 1]),
    "broadcast": lambda x, y: np.broadcast_to(x[:1], x.shape) @ y,
    "every other": lambda x, y: x[:, ::2] @ y[::-2],
    "Gram": lambda x, y: x.T @ x,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_products_of_programs(name, dtype, always):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(33, 90)).astype(dtype), rng.normal(size=(90, 47)).astype(dtype)
    assert chosen(PROGRAMS[name], x, y) == {"ours": True, "numpy": False}
    assert_close(PROGRAMS[name], x, y)


def test_two_threads_share_a_large_product(always, monkeypatch):
    monkeypatch.setattr(c_plan, "threads", lambda: 2)
    monkeypatch.setattr(products, "FEW", 0)
    x, y = np.random.default_rng(0).normal(size=(2, 100, 100)).astype(np.float32)
    assert "p[1] ? 2 : 1" in "\n".join(Built(PROGRAMS["forward"], [x, y]).plan.code.c)
    assert_close(PROGRAMS["gradients"], x, y)


@pytest.mark.parametrize(
    ("core", "processor", "expected"),
    [
        ("Haswell", "AMD avx2 avx512f", products.MANY),
        ("Zen", "Intel avx512f", products.MANY),
        ("Haswell", "AMD avx2 fma", np.inf),  # where NumPy's BLAS uses all that the processor has
        ("SkylakeX", "AMD avx512f", products.LARGE),
        ("SkylakeX", "Intel avx512f", np.inf),
        ("", "AMD avx512f", np.inf),  # another BLAS
    ],
)
def test_our_product_is_for_where_it_is_as_fast(core, processor, expected, monkeypatch):
    monkeypatch.setattr(products, "blas_core", lambda: core)
    monkeypatch.setattr(products, "processor", lambda: processor)
    assert products.fewest(1) == expected
    assert products.fewest(2) == (products.MANY if np.isfinite(expected) else expected)
    monkeypatch.setattr(c_plan, "threads", lambda: 1)
    x, y = np.ones((64, 64), np.float32), np.ones((200, 200), np.float32)
    for a, size in ((x, 64**3), (y, 200**3)):
        ours = size > expected
        assert chosen(PROGRAMS["forward"], a, a) == {"ours": ours, "numpy": not ours}


@pytest.mark.parametrize("shape", [(8, 700, 7), (7, 700, 8), (200, 7, 200), (1, 300, 300), (30, 30, 30)])
def test_products_that_are_thin_or_small_are_left_to_numpy(shape, monkeypatch):
    monkeypatch.setattr(products, "fewest", lambda threads: products.MANY)
    m, k, n = shape
    found = chosen(PROGRAMS["forward"], np.ones((m, k), np.float32), np.ones((k, n), np.float32))
    assert found == {"ours": False, "numpy": True}


def test_the_core_is_that_of_threadpoolctl():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    of_numpy = [
        info
        for info in threadpoolctl.threadpool_info()
        if info["internal_api"] == "openblas" and "numpy" in info["filepath"]
    ]
    assert products.blas_core() == (of_numpy[0]["architecture"] if of_numpy else "")
