"""How functions of `scipy.special` are written in ONNX's operators: those of the logistic, of entropy, of the error."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .elementwise import number, softplus
from .writer import RULES, Call, Part, Writer, rule

RULES["expit"] = RULES["sigmoid"]


@rule("log_expit")
def _log_expit(w: Writer, call: Call) -> Any:
    return w.op("Neg", softplus(w, w.op("Neg", *call.of(call.dtype))))


@rule("logit")
def _logit(w: Writer, call: Call) -> Any:
    (x,) = call.of(call.dtype)
    return w.op("Log", w.op("Div", x, w.op("Sub", number(w, x, 1), x)))


def _x_log(w: Writer, x: Part, y: Part) -> Part:
    """Return x log(y), which is 0 where x is 0."""
    zero = w.op("Equal", x, number(w, x, 0), dtype=bool)
    nothing = w.op("And", zero, w.op("Not", w.op("IsNaN", y, dtype=bool)))
    return w.op("Where", nothing, number(w, x, 0), w.op("Mul", x, w.op("Log", y)), dtype=x.dtype)


@rule("xlogy")
def _xlogy(w: Writer, call: Call) -> Any:
    return _x_log(w, *call.of(call.dtype))


@rule("entr")
def _entr(w: Writer, call: Call) -> Any:
    (x,) = call.of(call.dtype)
    negative = w.op("Less", x, number(w, x, 0), dtype=bool)
    return w.op("Where", negative, number(w, x, -np.inf), w.op("Neg", _x_log(w, x, x)), dtype=x.dtype)


@rule("rel_entr", "kl_div")
def _relative_entropy(w: Writer, call: Call) -> Any:
    x, y = call.of(call.dtype)
    gap = w.op("Sub", y, x) if call.step.name == "kl_div" else number(w, x, 0)
    zero = number(w, x, 0)
    inside = w.op("And", w.op("Greater", x, zero, dtype=bool), w.op("Greater", y, zero, dtype=bool))
    edge = w.op("And", w.op("Equal", x, zero, dtype=bool), w.op("GreaterOrEqual", y, zero, dtype=bool))
    lost = w.op("Or", w.op("IsNaN", x, dtype=bool), w.op("IsNaN", y, dtype=bool))
    outside = w.op("Where", lost, number(w, x, np.nan), number(w, x, np.inf), dtype=x.dtype)
    out = w.op("Where", edge, gap, outside, dtype=x.dtype)
    return w.op("Where", inside, w.op("Add", w.op("Mul", x, w.op("Log", w.op("Div", x, y))), gap), out, dtype=x.dtype)


@rule("erfc")
def _erfc(w: Writer, call: Call) -> Any:
    (x,) = call.of(call.dtype)
    return w.op("Sub", number(w, x, 1), w.op("Erf", x))


@rule("ndtr")
def _ndtr(w: Writer, call: Call) -> Any:
    (x,) = call.of(call.dtype)
    turned = w.op("Erf", w.op("Mul", x, number(w, x, math.sqrt(0.5))))
    return w.op("Mul", w.op("Add", turned, number(w, x, 1)), number(w, x, 0.5))
