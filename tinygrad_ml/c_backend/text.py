"""The text of C: types, numbers, the formulas of ufuncs, and nests of loops over arrays of any strides.

Formulas are only written where the result is NumPy's bit for bit. Of every other ufunc NumPy's own inner loop is called
(see `loops.py`). Maxima keep NaN, as NumPy's do; they are written in two steps since gcc vectorizes only that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

__all__ = ["PRELUDE", "c_type", "converted", "formula", "has_type", "literal", "loops", "merged", "place"]

TYPES = {
    **{"float32": "float", "float64": "double", "bool": "uint8_t"},
    **{f"{u}int{bits}": f"{u}int{bits}_t" for u in ("", "u") for bits in (8, 16, 32, 64)},
}

# What is used of <math.h> and <string.h>: compilers read these for as long as a short program.
PRELUDE = f"""#include <stddef.h>
#include <stdint.h>
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
double sqrt(double), fabs(double), pow(double, double);
float sqrtf(float), fabsf(float);
void *memset(void *, int, size_t), *memcpy(void *, const void *, size_t);
typedef ptrdiff_t npy_intp;
typedef void (*inner_loop)(char **, const npy_intp *, const npy_intp *, void *);
typedef void (*convolution)(const void *, const void *, const void *, void *, const npy_intp *, void *, npy_intp);
#define DATA(array) (*(char **)((char *)(array) + {object.__basicsize__}))
static inline void apply(char **p, int k, char **args, npy_intp n, const npy_intp *steps) {{
  ((inner_loop)p[k])(args, &n, steps, p[k + 1]);
}}
""" + "".join(
    f"static inline {t} {name}_{t}({t} a, {t} b) {{ {t} r = a {sign} b ? a : b; return a != a ? a : r; }}\n"
    for t in sorted(set(TYPES.values()))
    for name, sign in (("maximum", ">"), ("minimum", "<"))
)

ALWAYS = {
    **{"astype": "{}", "copy": "{}", "where": "{} ? {} : {}"},
    **{"greater": "{} > {}", "greater_equal": "{} >= {}", "less": "{} < {}", "less_equal": "{} <= {}"},
    **{"equal": "{} == {}", "not_equal": "{} != {}"},
}
NUMBERS = ALWAYS | {
    **{"add": "{} + {}", "subtract": "{} - {}", "multiply": "{} * {}", "negative": "-{}", "positive": "{}"},
    **{"square": "{0} * {0}", "conjugate": "{}", "maximum": "maximum_{t}({}, {})", "minimum": "minimum_{t}({}, {})"},
    **{"logical_not": "{} == 0", "logical_and": "({} != 0) & ({} != 0)", "logical_or": "({} != 0) | ({} != 0)"},
}
FORMULAS = {
    "f": NUMBERS
    | {
        **{"divide": "{} / {}", "reciprocal": "1 / {}", "sqrt": "sqrt{f}({})", "absolute": "fabs{f}({})"},
        **{"isfinite": "{0} - {0} == 0", "isnan": "{0} != {0}", "fabs": "fabs{f}({})"},
        "sign": "{0} > 0 ? 1 : {0} < 0 ? -1 : {0} == 0 ? 0 : {0}",
    },
    "i": NUMBERS | {"bitwise_and": "{} & {}", "bitwise_or": "{} | {}", "bitwise_xor": "{} ^ {}", "invert": "~{}"},
    "b": ALWAYS
    | {
        **dict.fromkeys(("logical_and", "bitwise_and", "multiply", "minimum"), "{} & {}"),
        **dict.fromkeys(("logical_or", "bitwise_or", "add", "maximum"), "{} | {}"),
        **dict.fromkeys(("logical_xor", "bitwise_xor"), "{} ^ {}"),
        **dict.fromkeys(("logical_not", "invert"), "!{}"),
    },
}
FORMULAS["u"] = FORMULAS["i"]


@cache
def has_type(dtype: np.dtype) -> bool:
    """Whether a dtype has a C type here."""
    return dtype.name in TYPES


@cache
def c_type(dtype: Any) -> str:
    """Return the C type of a dtype; KeyError if it has none here (complex, float16)."""
    return TYPES[dtype.name]


@cache
def formula(name: str, dtype: np.dtype) -> str | None:
    """Return C for a ufunc whose inner loop takes this dtype, with {} for its arguments; None if it is to be called.

    >>> formula("sqrt", np.dtype("float32"))
    'sqrtf({0})'
    """
    text = FORMULAS.get(dtype.kind, {}).get(name)
    if text is None or not has_type(dtype):
        return None
    count = text.count("{}")
    arguments = [f"{{{k}}}" for k in range(max(count, 1))]
    values = {"t": c_type(dtype), "f": "f" if dtype.name == "float32" else ""}
    return text.format(*arguments, **values)


def literal(x: Any, dtype: np.dtype) -> str:
    """Return a number as C, rounded to a dtype as NumPy does.

    >>> literal(0.1, np.dtype("float32")), literal(-np.inf, np.dtype("float64")), literal(True, np.dtype("int64"))
    ('0.10000000149011612f', '-INFINITY', '1')
    """
    if dtype.kind != "f":
        number = int(dtype.type(x))
        return f"(-{-number - 1}LL - 1)" if number < 0 else f"{number}{'ULL' if number >= 2**63 else ''}"
    rounded = float(dtype.type(x))
    if not math.isfinite(rounded):
        return "NAN" if math.isnan(rounded) else "-INFINITY" if rounded < 0 else "INFINITY"
    return repr(rounded) + ("f" if dtype.name == "float32" else "")


# ---------------------------------------------------------------------- loops


def merged(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> tuple[list[int], list[tuple[int, ...]]]:
    """Return the lengths of as few loops as possible over arrays of one shape, and the steps of all arrays in each.

    The order of the loops is that of the first array's memory.

    >>> merged((2, 3, 4), [(48, 16, 4), (0, 0, 4)])
    ([6, 4], [(16, 0), (4, 4)])
    """
    lengths: list[int] = []
    steps: list[tuple[int, ...]] = []
    axes = [k for k, n in enumerate(shape) if n != 1]
    for k in sorted(axes, key=lambda k: -abs(strides[0][k])):
        step = tuple(s[k] for s in strides)
        if lengths and all(outer == inner * shape[k] for outer, inner in zip(steps[-1], step)):
            lengths[-1] *= shape[k]
            steps[-1] = step
        else:
            lengths.append(shape[k])
            steps.append(step)
    return lengths or [1], steps or [(0,) * len(strides)]


def place(indices: Iterable[str], steps: Iterable[int], size: int) -> str:
    """Return the index of an element, for steps in bytes.

    >>> place(["i", "j"], [64, 4], 4)
    'i * 16 + j'
    """
    terms = [f"{i} * {s // size}" if s != size else i for i, s in zip(indices, steps) if s]
    return " + ".join(terms) or "0"


def loops(names: Sequence[str], lengths: Sequence[Any], body: Sequence[str], pragma: str = "") -> list[str]:
    """Return loops around a body, with a pragma at the innermost.

    >>> loops(["i"], [3], ["x[i] = 0;"])
    ['for (npy_intp i = 0; i < 3; i++) {', 'x[i] = 0;', '}']
    """
    out = [f"for (npy_intp {i} = 0; {i} < {n}; {i}++) {{" for i, n in zip(names, lengths)]
    if pragma and out:
        out.insert(-1, pragma)
    return [*out, *body, "}" * len(names)] if names else [*body]


def converted(text: str, dtype: np.dtype) -> str:
    """Return C for a conversion; a bool is 0 or 1.

    >>> converted("x", np.dtype(bool)), converted("x", np.dtype("float32"))
    ('(x) != 0', '(float)(x)')
    """
    return f"({text}) != 0" if dtype.kind == "b" else f"({c_type(dtype)})({text})"
