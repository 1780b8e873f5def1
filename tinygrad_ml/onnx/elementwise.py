"""How operations that compute element by element are written in ONNX's operators."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .writer import RULES, Call, Part, Writer, rule

# Operations that one operator computes, of inputs in the dtype of the result.
for _name, _operator in {
    **{"add": "Add", "subtract": "Sub", "multiply": "Mul", "negative": "Neg", "abs": "Abs", "absolute": "Abs"},
    **{"sqrt": "Sqrt", "exp": "Exp", "log": "Log", "reciprocal": "Reciprocal", "maximum": "Max", "minimum": "Min"},
    **{"fmax": "Max", "fmin": "Min", "fabs": "Abs"},
    **{"sin": "Sin", "cos": "Cos", "arcsin": "Asin", "arccos": "Acos", "arctan": "Atan"},
    **{"sinh": "Sinh", "cosh": "Cosh", "tanh": "Tanh", "arcsinh": "Asinh", "arccosh": "Acosh", "arctanh": "Atanh"},
    **{"sign": "Sign", "floor": "Floor", "ceil": "Ceil", "rint": "Round", "relu": "Relu", "sigmoid": "Sigmoid"},
    **{"erf": "Erf", "divide": "Div", "true_divide": "Div"},
}.items():
    RULES[_name] = lambda w, call, operator=_operator: w.op(operator, *_numbers(w, call), dtype=_wide(call.dtype))

for _name, _operator in {
    **{"less": "Less", "less_equal": "LessOrEqual", "greater": "Greater", "greater_equal": "GreaterOrEqual"},
    **{"equal": "Equal"},
}.items():
    RULES[_name] = lambda w, call, operator=_operator: w.op(operator, *_compared(w, call), dtype=bool)

for _name, _operator in {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor", "logical_not": "Not"}.items():
    RULES[_name] = lambda w, call, operator=_operator: w.op(operator, *call.of(bool), dtype=bool)


def _wide(dtype: Any) -> Any:
    """Return the dtype to compute in: runtimes have no arithmetic of bools and small integers."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b" or (dtype.kind in "iu" and dtype.itemsize < 4):
        return np.dtype(np.int32)
    return np.dtype(np.int64) if dtype.kind == "u" else dtype


def _numbers(w: Writer, call: Call) -> list[Part]:
    return call.of(_wide(call.dtype))


def _compared(w: Writer, call: Call) -> list[Part]:
    parts = call.common()
    return [w.cast(part, _wide(part.dtype)) for part in parts]


def number(w: Writer, x: Part, value: float) -> Part:
    """Return a constant in the dtype of x."""
    return w.constant(value, x.dtype)


@rule("positive", "copy", "constant", "array", "ascontiguousarray", "conjugate", "real")
def _same(w: Writer, call: Call) -> Any:
    return w.op("Identity", call[0])


@rule("astype")
def _astype(w: Writer, call: Call) -> Any:
    x = call[0]
    if call.dtype.kind in "iu" and x.dtype.kind == "f":  # towards zero, as NumPy: so does Cast
        return w.cast(x, call.dtype)
    return w.cast(x, call.dtype) if x.dtype != call.dtype else w.op("Identity", x)


@rule("not_equal")
def _not_equal(w: Writer, call: Call) -> Any:
    return w.op("Not", w.op("Equal", *_compared(w, call), dtype=bool))


@rule("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "invert")
def _bitwise(w: Writer, call: Call) -> Any:
    name = call.step.name
    logical = {"bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor", "invert": "Not", "bitwise_not": "Not"}[
        name
    ]
    if call.dtype.kind == "b":
        return w.op(logical, *call.of(bool), dtype=bool)
    return w.op("Bitwise" + logical, *call.of(call.dtype))


@rule("tan")
def _tan(w: Writer, call: Call) -> Any:
    (x,) = _numbers(w, call)
    if x.dtype != np.float64:
        return w.op("Tan", x)
    return w.op("Div", w.op("Sin", x), w.op("Cos", x))  # which runtimes compute in double precision, and Tan not


@rule("square")
def _square(w: Writer, call: Call) -> Any:
    (x,) = _numbers(w, call)
    return w.op("Mul", x, x)


@rule("power", "float_power")
def _power(w: Writer, call: Call) -> Any:
    x, exponent = _numbers(w, call)
    if call.inputs[1] is not None and type(call.inputs[1]) in (int, float) and call.inputs[1] == 2:
        return w.op("Mul", x, x)
    return w.op("Pow", x, exponent)


@rule("hypot")
def _hypot(w: Writer, call: Call) -> Any:
    x, y = (w.op("Abs", part) for part in _numbers(w, call))
    large, small = w.op("Max", x, y), w.op("Min", x, y)
    safe = w.op(
        "Where", w.op("Equal", large, number(w, large, 0), dtype=bool), number(w, large, 1), large, dtype=x.dtype
    )
    ratio = w.op("Div", small, safe)
    return w.op("Mul", large, w.op("Sqrt", w.op("Add", w.op("Mul", ratio, ratio), number(w, x, 1))))


@rule("exp2")
def _exp2(w: Writer, call: Call) -> Any:
    (x,) = _numbers(w, call)
    return w.op("Pow", number(w, x, 2), x)


@rule("log2", "log10")
def _log_of_base(w: Writer, call: Call) -> Any:
    (x,) = _numbers(w, call)
    return w.op("Div", w.op("Log", x), number(w, x, math.log(2 if call.step.name == "log2" else 10)))


def _is_small(w: Writer, x: Part) -> Part:
    return w.op("Less", w.op("Abs", x), number(w, x, 0.5), dtype=bool)


@rule("expm1")
def _expm1(w: Writer, call: Call) -> Any:
    (x,) = _numbers(w, call)
    t = w.op("Tanh", w.op("Mul", x, number(w, x, 0.5)))  # e^x - 1 = 2 t / (1 - t) with t = tanh(x / 2)
    near = w.op("Div", w.op("Add", t, t), w.op("Sub", number(w, x, 1), t))
    far = w.op("Sub", w.op("Exp", x), number(w, x, 1))
    return w.op("Where", _is_small(w, x), near, far, dtype=x.dtype)


def log1p(w: Writer, x: Part) -> Part:
    """Return log(1 + x), also right near 0 (Goldberg 1991, theorem 4)."""
    one = number(w, x, 1)
    u = w.op("Add", x, one)
    rest = w.op("Sub", u, one)
    exact = w.op("Equal", rest, number(w, x, 0), dtype=bool)
    ratio = w.op("Div", x, w.op("Where", exact, one, rest, dtype=x.dtype))
    near = w.op("Where", exact, x, w.op("Mul", w.op("Log", u), ratio), dtype=x.dtype)
    return w.op("Where", _is_small(w, x), near, w.op("Log", u), dtype=x.dtype)


@rule("log1p")
def _log1p(w: Writer, call: Call) -> Any:
    return log1p(w, *_numbers(w, call))


@rule("logaddexp", "logaddexp2")
def _logaddexp(w: Writer, call: Call) -> Any:
    x, y = _numbers(w, call)
    scale = number(w, x, math.log(2)) if call.step.name == "logaddexp2" else None
    if scale is not None:
        x, y = w.op("Mul", x, scale), w.op("Mul", y, scale)
    same = w.op("Equal", x, y, dtype=bool)  # also two infinities
    gap = w.op("Where", same, number(w, x, 0), w.op("Sub", x, y), dtype=x.dtype)
    out = w.op("Add", w.op("Max", x, y), log1p(w, w.op("Exp", w.op("Neg", w.op("Abs", gap)))))
    return out if scale is None else w.op("Div", out, scale)


@rule("arctan2")
def _arctan2(w: Writer, call: Call) -> Any:
    y, x = _numbers(w, call)
    zero, half = number(w, x, 0), number(w, x, math.pi / 2)
    vertical = w.op("Equal", x, zero, dtype=bool)
    slope = w.op("Atan", w.op("Div", y, w.op("Where", vertical, number(w, x, 1), x, dtype=x.dtype)))
    turn = w.op(
        "Where", w.op("Less", y, zero, dtype=bool), number(w, x, -math.pi), number(w, x, math.pi), dtype=x.dtype
    )
    left = w.op("Where", w.op("Less", x, zero, dtype=bool), w.op("Add", slope, turn), slope, dtype=x.dtype)
    return w.op("Where", vertical, w.op("Mul", w.op("Sign", y), half), left, dtype=x.dtype)


@rule("sinc")
def _sinc(w: Writer, call: Call) -> Any:
    (x,) = _numbers(w, call)
    angle = w.op("Mul", x, number(w, x, math.pi))
    zero = w.op("Equal", angle, number(w, x, 0), dtype=bool)
    safe = w.op("Where", zero, number(w, x, 1), angle, dtype=x.dtype)
    return w.op("Where", zero, number(w, x, 1), w.op("Div", w.op("Sin", safe), safe), dtype=x.dtype)


@rule("cbrt")
def _cbrt(w: Writer, call: Call) -> Any:
    (x,) = _numbers(w, call)
    return w.op("Mul", w.op("Sign", x), w.op("Pow", w.op("Abs", x), number(w, x, 1 / 3)))


@rule("copysign")
def _copysign(w: Writer, call: Call) -> Any:
    x, y = _numbers(w, call)
    size = w.op("Abs", x)
    negative = w.op("Less", y, number(w, y, 0), dtype=bool)
    return w.op("Where", negative, w.op("Neg", size), size, dtype=x.dtype)


@rule("heaviside")
def _heaviside(w: Writer, call: Call) -> Any:
    x, at_zero = _numbers(w, call)
    zero = number(w, x, 0)
    above = w.cast(w.op("Greater", x, zero, dtype=bool), x.dtype)
    return w.op("Where", w.op("Equal", x, zero, dtype=bool), at_zero, above, dtype=x.dtype)


@rule("ldexp")
def _ldexp(w: Writer, call: Call) -> Any:
    x, n = _numbers(w, call)
    return w.op("Mul", x, w.op("Pow", number(w, x, 2), n))


@rule("trunc", "fix")
def _trunc(w: Writer, call: Call) -> Any:
    (x,) = _numbers(w, call)
    negative = w.op("Less", x, number(w, x, 0), dtype=bool)
    return w.op("Where", negative, w.op("Ceil", x), w.op("Floor", x), dtype=x.dtype)


@rule("round")
def _round(w: Writer, call: Call) -> Any:
    x, decimals = call[0], call.get("decimals", 1, 0)
    if x.dtype.kind != "f":
        return w.op("Identity", x)
    if not decimals:
        return w.op("Round", x)
    scale = number(w, x, 10.0**decimals)
    return w.op("Div", w.op("Round", w.op("Mul", x, scale)), scale)


@rule("remainder", "mod")
def _remainder(w: Writer, call: Call) -> Any:
    x, y = _numbers(w, call)
    if x.dtype.kind != "f":
        return w.op("Mod", x, y)
    rest = w.op("Mod", x, y, fmod=1)  # of the sign of x
    zero = number(w, x, 0)
    unlike = w.op("Less", w.op("Mul", w.op("Sign", rest), w.op("Sign", y)), zero, dtype=bool)
    return w.op("Where", unlike, w.op("Add", rest, y), rest, dtype=x.dtype)


@rule("fmod")
def _fmod(w: Writer, call: Call) -> Any:
    return w.op("Mod", *_numbers(w, call), fmod=1)


@rule("floor_divide")
def _floor_divide(w: Writer, call: Call) -> Any:
    x, y = _numbers(w, call)
    if x.dtype.kind == "f":
        return w.op("Floor", w.op("Div", x, y))
    return w.op("Div", w.op("Sub", x, w.op("Mod", x, y)), y)


@rule("divmod")
def _divmod(w: Writer, call: Call) -> Any:
    return _floor_divide(w, call), _remainder(w, call)


@rule("where")
def _where(w: Writer, call: Call) -> Any:
    condition, x, y = call[0], w.part(call.inputs[1], call.dtype), w.part(call.inputs[2], call.dtype)
    if call.dtype.kind == "b":
        x, y = w.cast(x, np.int32), w.cast(y, np.int32)
    return w.op("Where", w.cast(condition, bool), x, y, dtype=x.dtype)


@rule("clip", "clip_between", "hardtanh")
def _clip(w: Writer, call: Call) -> Any:
    if call.step.name == "hardtanh":
        low, high = call.get("min_val"), call.get("max_val")
    else:
        low, high = call.get("min", 1), call.get("max", 2)
    x = w.part(call.inputs[0], _wide(call.dtype))
    for kind, bound in (("Max", low), ("Min", high)):
        if bound is not None:
            x = w.op(kind, x, w.part(bound, x.dtype))
    return x


@rule("nan_to_num")
def _nan_to_num(w: Writer, call: Call) -> Any:
    x = call[0]
    if x.dtype.kind != "f":
        return w.op("Identity", x)
    limits = np.finfo(x.dtype)
    nan, high, low = call.get("nan"), call.get("posinf"), call.get("neginf")
    for found, value in (
        (w.op("IsNaN", x, dtype=bool), 0.0 if nan is None else nan),
        (w.op("Equal", x, number(w, x, np.inf), dtype=bool), limits.max if high is None else high),
        (w.op("Equal", x, number(w, x, -np.inf), dtype=bool), limits.min if low is None else low),
    ):
        x = w.op("Where", found, number(w, x, value), x, dtype=x.dtype)
    return x


@rule("isnan")
def _isnan(w: Writer, call: Call) -> Any:
    x = call[0]
    return w.op("IsNaN", w.cast(x, x.dtype if x.dtype.kind == "f" else np.float32), dtype=bool)


@rule("isinf", "isfinite")
def _isinf(w: Writer, call: Call) -> Any:
    x = call[0]
    x = w.cast(x, x.dtype if x.dtype.kind == "f" else np.float32)
    infinite = w.op("Equal", w.op("Abs", x), number(w, x, np.inf), dtype=bool)
    if call.step.name == "isinf":
        return infinite
    return w.op("Not", w.op("Or", infinite, w.op("IsNaN", x, dtype=bool), dtype=bool))


@rule("isclose")
def _isclose(w: Writer, call: Call) -> Any:
    x, y = call.common()
    floating = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    x, y = w.cast(x, floating), w.cast(y, floating)
    allowed = w.op(
        "Add", w.op("Mul", w.op("Abs", y), number(w, y, call.get("rtol", 2))), number(w, y, call.get("atol", 3))
    )
    near = w.op("LessOrEqual", w.op("Abs", w.op("Sub", x, y)), allowed, dtype=bool)
    infinite = w.op("Equal", w.op("Abs", y), number(w, y, np.inf), dtype=bool)  # the bound is infinite, too
    near = w.op("And", near, w.op("Not", infinite))
    near = w.op("Or", near, w.op("Equal", x, y, dtype=bool))
    if call.get("equal_nan", 4):
        near = w.op("Or", near, w.op("And", w.op("IsNaN", x, dtype=bool), w.op("IsNaN", y, dtype=bool)))
    return near


# ---------------------------------------------------------------------- activations


def softplus(w: Writer, x: Part) -> Part:
    """Return log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), which never overflows."""
    return w.op("Add", w.op("Relu", x), log1p(w, w.op("Exp", w.op("Neg", w.op("Abs", x)))))


@rule("softplus")
def _softplus(w: Writer, call: Call) -> Any:
    x, beta, threshold = w.part(call.inputs[0], call.dtype), call.get("beta", 1, 1.0), call.get("threshold", 2, 20.0)
    scaled = x if beta == 1 else w.op("Mul", x, number(w, x, beta))
    out = softplus(w, scaled) if x.dtype == np.float64 else w.op("Softplus", scaled)
    out = out if beta == 1 else w.op("Div", out, number(w, x, beta))
    return w.op("Where", w.op("Greater", scaled, number(w, x, threshold), dtype=bool), x, out, dtype=x.dtype)


@rule("logsigmoid")
def _logsigmoid(w: Writer, call: Call) -> Any:
    x = w.op("Neg", w.part(call.inputs[0], call.dtype))
    return w.op("Neg", softplus(w, x) if x.dtype == np.float64 else w.op("Softplus", x))


@rule("silu")
def _silu(w: Writer, call: Call) -> Any:
    x = w.part(call.inputs[0], call.dtype)
    return w.op("Mul", x, w.op("Sigmoid", x))


@rule("gelu")
def _gelu(w: Writer, call: Call) -> Any:
    x = w.part(call.inputs[0], call.dtype)
    if call.get("approximate", 1, "none") == "tanh":
        cubic = w.op("Add", number(w, x, 1), w.op("Mul", w.op("Mul", x, x), number(w, x, 0.044715)))
        inner = w.op("Tanh", w.op("Mul", w.op("Mul", x, cubic), number(w, x, math.sqrt(2 / math.pi))))
    else:
        inner = w.op("Erf", w.op("Div", x, number(w, x, math.sqrt(2))))
    return w.op("Mul", w.op("Mul", x, number(w, x, 0.5)), w.op("Add", inner, number(w, x, 1)))


@rule("mish")
def _mish(w: Writer, call: Call) -> Any:
    x = w.part(call.inputs[0], call.dtype)
    return w.op("Mul", x, w.op("Tanh", softplus(w, x) if x.dtype == np.float64 else w.op("Softplus", x)))


def _with_alpha(operator: str, parameter: str) -> Callable:
    def write(w: Writer, call: Call) -> Any:
        return w.op(operator, w.part(call.inputs[0], call.dtype), alpha=float(call.get(parameter, 1)))

    return write


RULES["elu"] = _with_alpha("Elu", "alpha")
RULES["leaky_relu"] = _with_alpha("LeakyRelu", "negative_slope")


@rule("selu")
def _selu(w: Writer, call: Call) -> Any:
    x = w.part(call.inputs[0], call.dtype)
    return w.op("Selu", x, alpha=1.6732632423543772, gamma=1.0507009873554805)


@rule("softsign")
def _softsign(w: Writer, call: Call) -> Any:
    x = w.part(call.inputs[0], call.dtype)
    return w.op("Div", x, w.op("Add", w.op("Abs", x), number(w, x, 1)))
