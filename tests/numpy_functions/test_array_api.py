"""The array API standard: names, arguments and results, beside array_api_strict, which is the standard as a library."""

import inspect
import itertools
import re
from pathlib import Path

import numpy as np
import pytest

import tinygrad_ml as tg

strict = pytest.importorskip("array_api_strict")
VERSION = "2024.12"
OURS = tg.array_api
LATER = {"__version__", "Device", "broadcast_shapes", "isin"}  # what is no part of that version

# What differs, one a line: the id of a test, and why.
DIFFERENCES = dict(
    line.split("  # ")
    for line in (Path(__file__).parent / "array_api_differences.txt").read_text().splitlines()
    if line and not line.startswith("#")
)


@pytest.fixture(autouse=True)
def _version(float64):
    """Take array_api_strict as that version has it, and its default dtype."""
    strict.set_array_api_strict_flags(api_version=VERSION)
    with np.errstate(all="ignore"):
        yield
    strict.reset_array_api_strict_flags()


def rooms():
    return [(strict, OURS), (strict.linalg, OURS.linalg), (strict.fft, OURS.fft)]


FUNCTIONS = [
    pytest.param(theirs, ours, name, id=f"{room}{name}")
    for (theirs, ours), room in zip(rooms(), ("", "linalg.", "fft."))
    for name in sorted(set(theirs.__all__) - LATER)
    if "flags" not in name.lower()
]

# ---------------------------------------------------------------------- names and arguments


@pytest.mark.parametrize(("theirs", "ours", "name"), FUNCTIONS)
def test_names_and_arguments_are_those_of_the_standard(theirs, ours, name):
    assert name in ours.__all__
    function = getattr(theirs, name)
    if not inspect.isfunction(function):
        return
    wanted = inspect.signature(function).parameters.values()
    found = inspect.signature(getattr(ours, name)).parameters.values()
    assert [(p.name, p.kind) for p in found] == [(p.name, p.kind) for p in wanted]
    if name not in ("astype", "from_dlpack", "expand_dims"):  # there the standard leaves the default to the library
        assert [p.default for p in found] == [p.default for p in wanted]


@pytest.mark.parametrize("name", [n for n in dir(strict.asarray(1.0)) if n[:2] == "__" or n[0] != "_"])
def test_arrays_have_the_attributes_of_the_standard(name):
    in_place = name.startswith("__i") and name not in ("__init__", "__int__", "__invert__", "__iter__", "__index__")
    if name == "__buffer__" or in_place:
        pytest.skip("Python finds another way without it")
    x = tg.ones((1, 1))
    assert hasattr(x, name)


def test_every_name_of_the_namespace_is_there():
    for room in (OURS, OURS.linalg, OURS.fft):
        assert not [name for name in room.__all__ if not hasattr(room, name)]


def test_the_namespace_is_found():
    assert tg.ones(2).__array_namespace__(api_version=VERSION) is OURS
    with pytest.raises(ValueError, match="version '1999'"):
        tg.ones(2).__array_namespace__(api_version="1999")
    x = tg.ones(2)
    assert x.device == "cpu"
    assert x.to_device("cpu") is x
    with pytest.raises(ValueError, match="cuda"):
        x.to_device("cuda")
    with pytest.raises(ValueError, match="gpu"):
        OURS.zeros(2, device="gpu")


def test_array_api_compat_takes_tensors_for_arrays_of_the_standard():
    compat = pytest.importorskip("array_api_compat")
    x = tg.ones((2, 3))
    assert compat.is_array_api_obj(x)
    assert compat.array_namespace(x, tg.zeros(1)) is OURS
    assert (compat.device(x), compat.size(x)) == ("cpu", 6)
    assert compat.to_device(x, "cpu") is x


# ---------------------------------------------------------------------- results

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float32", "float64")
COMPLEX = ("complex64", "complex128")
EVERY = ("bool", *INTEGERS, *FLOATS, *COMPLEX)


def variables(xp, dtype):
    """Return the arrays that the programs below name, of a dtype, in a namespace."""
    random = np.random.default_rng(0)

    def make(*shape, low=1, high=6):
        if dtype == "bool":
            array = random.integers(0, 2, shape).astype(bool)
        elif dtype in INTEGERS:
            array = random.integers(low, high, shape)
        else:
            array = random.uniform(low, high, shape)
            array = array * (1 + 0.5j * random.uniform(0, 1, shape)) if dtype in COMPLEX else array
        return xp.asarray(array.tolist(), dtype=getattr(xp, dtype))

    square = make(2, 3, 3)
    spread = np.random.default_rng(1).uniform(-1, 1, (2, 3, 3))
    spread = spread @ spread.swapaxes(1, 2) + np.eye(3)
    regular = xp.asarray(spread.tolist(), dtype=getattr(xp, dtype)) if dtype in (*FLOATS, *COMPLEX) else square
    return {
        **{"xp": xp, "dtype": getattr(xp, dtype), "x": make(3, 4), "y": make(3, 4), "row": make(4), "one": make()},
        **{"empty": make(3, 0), "cube": make(2, 3, 4), "square": square, "regular": regular, "small": make(4, high=3)},
        **{"unit": make(3, 4) / 8 if dtype in (*FLOATS, *COMPLEX) else make(3, 4), "vectors": make(4, 3)},
        **{
            "mask": xp.asarray([True, False, True]),
            "places": xp.asarray([2, 0, 0]),
            "table": xp.asarray([[1, 0, 2, 2]]),
        },
        **{"repeated": xp.asarray([1, 3, 1, 2, 3, 1], dtype=getattr(xp, dtype))},
    }


ONE = [name for name in OURS.elementwise.ONE if name not in ("acosh", "acos", "asin", "atanh")]
PROGRAMS = [
    *(f"xp.{name}(x)" for name in ONE),
    *(f"xp.{name}(unit)" for name in ("acos", "asin", "atanh", "log1p", "expm1", "tanh")),
    "xp.acosh(x)",
    *(f"xp.{name}(x, y)" for name in OURS.elementwise.TWO if "shift" not in name),
    *(f"xp.{name}(x, row)" for name in ("add", "multiply", "less", "logical_and", "bitwise_xor", "maximum")),
    *("xp.bitwise_left_shift(x, small[:1])", "xp.bitwise_right_shift(x, small[:1])"),
    *(f"x {symbol} y" for symbol in ("+", "-", "*", "/", "//", "%", "**", "&", "|", "^", "==", "!=", "<", ">=")),
    *(
        f"xp.{name}({pair})".replace("2", "True" if "logical" in name else "2")
        for name in OURS.elementwise.TWO
        for pair in ("2, row", "row, 2", "one, one", "2, one")
    ),
    *(f"xp.{name}(one)" for name in OURS.elementwise.ONE),
    *("x @ xp.permute_dims(y, (1, 0))", "row @ row", "x << 1", "x >> 1", "-x", "+x", "~x", "abs(x)"),
    *(f"x {symbol} 2" for symbol in ("+", "-", "*", "//", "%", "**", "&", "|", "^", "<<", ">>", "==", "<")),
    *("2 + x", "2 - x", "2 * x", "7 // x", "7 % x", "2 ** x", "1.5 * x", "x / 2.5", "x * 2j", "x == True", "1 & x"),
    *("x[0, ...]", "x[0, 1]", "x[1:, ::-2]", "x[..., -1]", "row[places]", "x[None, 1, :]", "x[:, None, 1]"),
    *(
        "x[places, places]",
        "x[x != x]",
        "one[()]",
        "one[None]",
        "x.mT",
        "x.T",
        "cube.mT",
        "x.shape",
        "x.ndim",
        "x.size",
    ),
    *("bool(one)", "int(xp.asarray(xp.real(one) if 'complex' in str(dtype) else one, dtype=xp.int64))", "complex(one)"),
    # new arrays
    *("xp.zeros(3)", "xp.zeros((2, 3), dtype=dtype)", "xp.ones((), dtype=dtype)", "xp.full((2,), 1, dtype=dtype)"),
    *("xp.full(2, 3)", "xp.full(2, True)", "xp.full((2,), 2.5)", "xp.full((2,), 1j)", "xp.eye(3, 4, k=1, dtype=dtype)"),
    *(
        "xp.arange(5)",
        "xp.arange(1, 8, 3)",
        "xp.arange(0, 1, 0.25)",
        "xp.arange(4, dtype=dtype)",
        "xp.arange(5, 0, -2)",
    ),
    *("xp.linspace(0, 1, 5)", "xp.linspace(0, 4, 4, endpoint=False, dtype=dtype)", "xp.linspace(2, 1, 1)"),
    *("xp.zeros_like(x)", "xp.ones_like(x)", "xp.full_like(x, 1)", "xp.zeros_like(x, dtype=xp.int16)"),
    *("xp.empty(2, dtype=dtype).shape", "xp.empty_like(x).shape", "xp.asarray(x)", "xp.asarray(x, copy=True)"),
    *("xp.asarray([[1, 2], [3, 4]])", "xp.asarray([1, 2.5])", "xp.asarray([True])", "xp.asarray(1j)", "xp.asarray(2)"),
    *("xp.asarray([1, 0], dtype=dtype)", "xp.meshgrid(row, row)", "xp.meshgrid(row, row[:2], indexing='ij')"),
    *("xp.tril(x)", "xp.triu(x, k=1)", "xp.tril(cube, k=-1)", "xp.asarray(2**40)"),
    # dtypes
    *(f"xp.astype(x, xp.{name})" for name in EVERY),
    *(f"xp.result_type(x, xp.{name})" for name in EVERY),
    *(f"xp.can_cast(x, xp.{name})" for name in EVERY),
    *("xp.result_type(x, 1)", "xp.result_type(x, 1.5)", "xp.result_type(x, 1j)", "xp.result_type(dtype, x, row)"),
    *("xp.isdtype(dtype, 'numeric')", "xp.isdtype(dtype, ('bool', 'integral'))", "xp.isdtype(dtype, xp.float32)"),
    *(f"xp.isdtype(dtype, '{kind}')" for kind in ("bool", "signed integer", "unsigned integer", "real floating")),
    *(
        f"tuple(getattr(xp.finfo(dtype), n) for n in {names!r})"
        for names in [("bits", "eps", "max", "smallest_normal")]
    ),
    *("(xp.iinfo(dtype).bits, xp.iinfo(x).max, xp.iinfo(dtype).min)", "xp.finfo(x).dtype"),
    *("xp.broadcast_to(row, (2, 3, 4))", "xp.broadcast_arrays(x, row)"),
    "xp.__array_namespace_info__().default_dtypes()['real floating']",
    "sorted(xp.__array_namespace_info__().dtypes(kind='numeric'))",
    # shapes
    *("xp.concat([x, y])", "xp.concat((x, y), axis=None)", "xp.concat([x, xp.ones((3, 1), dtype=xp.int8)], axis=1)"),
    *("xp.stack([x, y], axis=-1)", "xp.unstack(x)", "xp.unstack(x, axis=1)", "xp.expand_dims(x, axis=1)"),
    *(
        "xp.squeeze(x[None, :, :], 0)",
        "xp.squeeze(x[None, :, None, :], (0, 2))",
        "xp.flip(x)",
        "xp.flip(x, axis=(0, -1))",
    ),
    *("xp.moveaxis(cube, 0, -1)", "xp.moveaxis(cube, (0, 1), (2, 0))", "xp.permute_dims(cube, (2, 0, 1))"),
    *(
        "xp.repeat(x, 2)",
        "xp.repeat(x, 2, axis=1)",
        "xp.repeat(x, places, axis=0)",
        "xp.tile(x, (2, 1))",
        "xp.tile(x, ())",
    ),
    *("xp.reshape(x, (2, -1))", "xp.reshape(x, (-1,), copy=True)", "xp.roll(x, 1)", "xp.roll(x, (1, -1), axis=(0, 1))"),
    *("xp.roll(x, 2, axis=-1)", "xp.tile(row, (2, 2))", "xp.reshape(one, (1, 1))"),
    # reductions
    *(
        f"xp.{name}(x{arguments})"
        for name in ("sum", "prod", "max", "min", "mean", "std", "var", "all", "any", "count_nonzero")
        for arguments in ("", ", axis=0", ", axis=(0, 1), keepdims=True", ", axis=-1, keepdims=True", ", axis=()")
    ),
    *(f"xp.{name}(empty{axis})" for name in ("sum", "prod", "all", "any") for axis in ("", ", axis=0", ", axis=1")),
    *(f"xp.{name}(one)" for name in ("sum", "prod", "max", "mean", "all", "argmax")),
    *(
        f"xp.{name}(x{axis}, dtype=xp.{dtype})"
        for name, axis in (
            *(("sum", ""), ("prod", ""), ("sum", ", axis=0"), ("prod", ", axis=1, keepdims=True")),
            *(("cumulative_sum", ", axis=0"), ("cumulative_prod", ", axis=1, include_initial=True")),
        )
        for dtype in ("int8", "uint8", "int16", "int64", "uint64", "float32", "float64", "complex64", "complex128")
    ),
    *(f"xp.linalg.trace(square, dtype=xp.{dtype})" for dtype in ("int8", "uint16", "int64", "float32", "complex64")),
    *(f"xp.{name}(x, axis=0, correction={c})" for name in ("std", "var") for c in (1, 0.5)),
    *(f"xp.cumulative_{name}(x, axis=1)" for name in ("sum", "prod")),
    *(f"xp.cumulative_{name}(row, include_initial=True)" for name in ("sum", "prod")),
    *(f"xp.cumulative_{name}(row, dtype=xp.float64)" for name in ("sum", "prod")),
    "xp.diff(x)",
    "xp.diff(x, axis=0, n=2)",
    "xp.diff(row, prepend=row[:1], append=row[1:3])",
    # searching, sorting, sets
    *(f"xp.arg{name}(x{axis})" for name in ("max", "min") for axis in ("", ", axis=1", ", axis=0, keepdims=True")),
    *("xp.nonzero(x)", "xp.where(x == y, x, y)", "xp.where(x != y, x, 1)", "xp.where(x != y, 0, y)"),
    *("xp.searchsorted(xp.sort(row), row)", "xp.searchsorted(row, row, sorter=xp.argsort(row), side='right')"),
    *("xp.take(x, places, axis=0)", "xp.take(row, places)", "xp.take_along_axis(x, table % 3, axis=0)"),
    *("xp.take_along_axis(x, xp.argsort(x))", "xp.sort(x)", "xp.sort(x, axis=0, descending=True)", "xp.argsort(x)"),
    *("xp.argsort(repeated)", "xp.argsort(repeated, descending=True)", "xp.unique_values(repeated)"),
    *(
        "xp.unique_all(x)",
        "xp.unique_counts(repeated)",
        "xp.unique_inverse(x)",
        "xp.clip(x, 2, 4)",
        "xp.clip(x, max=row)",
    ),
    *("xp.clip(x, xp.min(x, axis=0), 4)", "xp.clip(x)"),
    # products
    *("xp.matmul(x, xp.matrix_transpose(y))", "xp.matmul(cube, row)", "xp.matrix_transpose(cube)", "xp.vecdot(x, y)"),
    *("xp.vecdot(x, y, axis=-2)", "xp.vecdot(cube, row)", "xp.tensordot(x, y)", "xp.tensordot(x, y, axes=0)"),
    *(
        "xp.tensordot(x, y, axes=((1,), (1,)))",
        "xp.linalg.outer(row, row)",
        "xp.linalg.cross(vectors, vectors[::-1, :])",
    ),
    *(
        "xp.linalg.trace(square)",
        "xp.linalg.trace(square, offset=1, dtype=xp.float64)",
        "xp.linalg.diagonal(cube, offset=-1)",
    ),
    *(
        f"xp.linalg.{name}(regular)"
        for name in ("cholesky", "det", "inv", "svdvals", "eigvalsh", "slogdet", "matrix_rank")
    ),
    *("xp.linalg.cholesky(regular, upper=True)", "xp.linalg.pinv(regular)", "xp.linalg.pinv(regular, rtol=1e-3)"),
    *("xp.linalg.matrix_power(regular, 3)", "xp.linalg.matrix_power(regular, -1)", "xp.linalg.solve(regular, regular)"),
    *(
        "xp.linalg.solve(regular[0, ...], row[:3])",
        "xp.linalg.matrix_norm(regular)",
        "xp.linalg.matrix_norm(x, ord='nuc')",
    ),
    *(
        "xp.linalg.matrix_norm(x, ord=1, keepdims=True)",
        "xp.linalg.vector_norm(x)",
        "xp.linalg.vector_norm(x, axis=0, ord=1)",
    ),
    *("xp.linalg.vector_norm(x, axis=(0, 1), ord=xp.inf)", "xp.linalg.vector_norm(x, ord=3, keepdims=True)"),
    *(
        "xp.linalg.eigh(regular).eigenvalues",
        "xp.abs(xp.linalg.qr(x).R)",
        "xp.abs(xp.linalg.svd(x, full_matrices=False).Vh)",
    ),
    *(
        "xp.linalg.qr(x, mode='complete').Q.shape",
        "xp.linalg.svd(x).Vh.shape",
        "xp.linalg.matrix_rank(regular, rtol=0.5)",
    ),
    # Fourier transforms
    *(f"xp.fft.{name}(x)" for name in OURS.fft.__all__ if "freq" not in name),
    *("xp.fft.fft(x, n=3, axis=0, norm='ortho')", "xp.fft.irfft(x, n=6)", "xp.fft.fftn(cube, s=(3, 2), axes=(0, 2))"),
    *(
        "xp.fft.fftfreq(5)",
        "xp.fft.rfftfreq(4, d=0.5)",
        "xp.fft.fftfreq(4, dtype=xp.float32)",
        "xp.fft.fftshift(x, axes=1)",
    ),
]


def outcome(program, xp, dtype):
    """Return what a program gives in a namespace as plain data: of an array, dtype, shape and elements."""

    def plain(thing):
        if isinstance(thing, (tuple, list)):
            return [plain(part) for part in thing]
        if isinstance(thing, np.generic):
            return "an element of NumPy's, which is no array of the namespace"
        if hasattr(thing, "__array_namespace__"):
            return [str(thing.dtype).rpartition(".")[2], thing.shape, np.asarray(thing.__array__())]
        return str(thing).rpartition(".")[2] if "dtype" in type(thing).__name__.lower() else thing

    return plain(eval(program, variables(xp, dtype)))


def same(found, wanted):
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(wanted, np.ndarray):
        if wanted.dtype.kind not in "fc":
            return np.array_equal(found, wanted)
        scale = np.max(np.abs(wanted[np.isfinite(wanted)]), initial=1.0)
        tolerance = 64 * np.finfo(wanted.dtype).eps
        return np.allclose(found, wanted, rtol=tolerance, atol=tolerance * scale, equal_nan=True)
    return found == wanted


def marked(program):
    why = DIFFERENCES.get(program)
    return pytest.param(program, marks=pytest.mark.xfail(reason=why, strict=True) if why else (), id=program)


@pytest.mark.parametrize("program", [marked(program) for program in dict.fromkeys(PROGRAMS)])
def test_results_are_those_of_the_standard(program):
    defined, wrong = 0, []
    for dtype in EVERY:
        try:
            wanted = outcome(program, strict, dtype)
        except Exception:  # the standard leaves it open what this is for that dtype
            continue
        defined += 1
        try:
            found = outcome(program, OURS, dtype)
        except Exception as error:
            found = error
        if isinstance(found, Exception) or not same(found, wanted):
            wrong.append(f"{dtype}: {found!r} and not {wanted!r}")
    assert defined
    assert not wrong, "\n".join(wrong)


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.5, np.inf, -np.inf, np.nan, 1e-30, -1e30]


@pytest.mark.parametrize("name", [marked(f"special {name}") for name in OURS.elementwise.ONE if "bitwise" not in name])
def test_special_cases_of_one_argument(name):
    name = name.removeprefix("special ")
    for dtype in (*FLOATS, *COMPLEX):
        numbers = np.array(SPECIAL)
        if dtype in COMPLEX:
            numbers = np.array([complex(a, b) for a, b in itertools.product(SPECIAL, SPECIAL)])
        check_special(name, dtype, numbers)


@pytest.mark.parametrize("name", [marked(f"special {name}") for name in OURS.elementwise.TWO if "bitwise" not in name])
def test_special_cases_of_two_arguments(name):
    name = name.removeprefix("special ")
    left, right = np.array(list(itertools.product(SPECIAL, SPECIAL))).T
    for dtype in FLOATS:
        check_special(name, dtype, left, right)


def check_special(name, dtype, *arrays):
    """Compare a function of special numbers with that of array_api_strict, the sign of each zero too."""
    theirs = [strict.asarray(array, dtype=getattr(strict, dtype)) for array in arrays]
    try:
        wanted = np.asarray(getattr(strict, name)(*theirs).__array__())
    except TypeError:  # not for that dtype
        return
    found = getattr(OURS, name)(*(OURS.asarray(array, dtype=dtype) for array in arrays)).numpy()
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=64 * np.finfo(dtype).eps)
    if wanted.dtype.kind in "fc":
        for part in ("real", "imag"):
            a, b = getattr(found, part), getattr(wanted, part)
            zero = b == 0
            np.testing.assert_array_equal(np.signbit(a)[zero], np.signbit(b)[zero])


def test_differences_are_few_and_each_has_a_test():
    known = {*PROGRAMS, *(f"special {name}" for name in (*OURS.elementwise.ONE, *OURS.elementwise.TWO))}
    assert DIFFERENCES.keys() <= known
    assert len(DIFFERENCES) < 60


# ---------------------------------------------------------------------- what the standard's own suite finds

EXPECTED = (Path(__file__).parent / "array_api_xfails.txt").read_text().splitlines()


def test_the_expected_failures_of_the_suite_are_few_and_each_has_a_reason():
    groups = [group.splitlines() for group in "\n".join(EXPECTED).split("\n\n")[1:]]
    names = [line for group in groups for line in group if not line.startswith("#")]
    assert len(set(names)) == len(names) < 60
    assert all(re.match(r"array_api_tests/test_\w+\.py::test_\w+(\[.+\])?$", name) for name in names)
    assert all(group[0].startswith("# ") and not group[-1].startswith("#") for group in groups)


def test_what_the_suite_is_expected_to_find_stands():
    inf, x = np.inf, OURS.asarray([np.inf, -np.inf, np.inf, -np.inf, 1.0, -1.0])
    y = OURS.asarray([2.0, 2.0, -2.0, -2.0, -inf, inf])
    z = OURS.asarray(x, copy=True)
    z //= y
    for found in (x // y, OURS.floor_divide(x, y), z):
        np.testing.assert_array_equal(found.numpy(), [np.nan, np.nan, np.nan, np.nan, -1.0, -1.0])
    for lend in (lambda: x.__dlpack__(copy=False), lambda: OURS.from_dlpack(x, copy=False)):
        with pytest.raises(BufferError, match="copy=False"):
            lend()
    assert OURS.from_dlpack(x).tolist() == x.tolist()
    numbers = np.array([complex(a, b) for a in SPECIAL for b in SPECIAL])
    for name in ("expm1", "tanh"):
        np.testing.assert_array_equal(getattr(OURS, name)(OURS.asarray(numbers)).numpy(), getattr(np, name)(numbers))


# ---------------------------------------------------------------------- what the standard says beyond single calls


@pytest.mark.parametrize("symbol", ["+", "-", "*", "//", "%", "&", "|", "^", "<<", ">>"])
def test_assignments_in_place_keep_the_dtype(symbol):
    for dtype in INTEGERS:
        x = OURS.asarray([5, 6], dtype=dtype)
        exec(f"x {symbol}= 1", {}, space := {"x": x})
        assert space["x"].dtype == dtype


def test_parts_are_written():
    x = OURS.zeros((2, 3))
    x[0, :] = 1.0
    x[OURS.asarray([[False, True, False], [True, False, False]])] = 2.0
    assert x.tolist() == [[1.0, 2.0, 1.0], [2.0, 0.0, 0.0]]


def test_a_list_of_tensors_keeps_their_gradients():
    a, b = tg.tensor(2.0, requires_grad=True), tg.tensor(3.0, requires_grad=True)
    x = OURS.asarray([[a, 1.0], [b, a]])
    (x * OURS.asarray([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert (a.grad.item(), b.grad.item()) == (5.0, 3.0)


def test_copies_are_made_where_they_are_asked_for():
    x = tg.ones(2)
    assert OURS.asarray(x) is x
    assert OURS.astype(x, x.dtype, copy=False) is x
    assert OURS.asarray(x, copy=True) is not x
    for wrong in (lambda: OURS.asarray([1.0], copy=False), lambda: OURS.asarray(x, dtype=OURS.int8, copy=False)):
        with pytest.raises(ValueError, match="cop"):
            wrong()


def test_bits_are_those_of_integers():
    x, y = tg.tensor([6, 5]), tg.tensor([3, 4])
    assert [(x & y).tolist(), (x | y).tolist(), (x ^ y).tolist(), (~x).tolist()] == [[2, 4], [7, 5], [5, 1], [-7, -6]]
    assert [(x << 1).tolist(), (x >> 1).tolist(), (1 << y).tolist()] == [[12, 10], [3, 2], [8, 16]]
    truth = tg.tensor([True, False])
    assert [(truth & True).tolist(), (~truth).tolist()] == [[True, False], [False, True]]
    assert (truth | y).tolist() == [3, 4]
    with pytest.raises(TypeError, match="bitwise_and"):
        tg.ones(2) & tg.ones(2)
