"""Samples of operations that work element by element."""

from __future__ import annotations

import itertools

import numpy as np

from tests.samples.sample import (
    Sample,
    binary,
    integers,
    layouts,
    plane,
    positive,
    pytorch,
    real,
    unary,
    unit,
    within,
)

SPECIAL = np.array([0.0, 1.0, -2.5, np.inf, -np.inf, np.nan])
HALVES = np.array([-2.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5])
LIMITS = (((4, 6), (4, 6), (4, 6)), ((3, 4), (4,), ()), ((4,), (3, 4), (3, 1)), ((), (), ()), ((0, 2), (2,), ()))
LEFT, RIGHT = np.array([1.0, 2.0, -3.0, 0.0]), np.array([1.0, -2.0, 5.0, 0.0])


def kink(*inputs: np.ndarray, torch: str = "", **parameters: object) -> Sample:
    """Return a sample at points without a derivative."""
    return Sample(inputs, parameters, smooth=False, torch=pytorch(torch) if torch else None)


def between(shape: tuple[int, ...] = (), seed: int = 0) -> np.ndarray:
    """Return numbers well between the halves of integers, where every way of rounding is constant."""
    random = np.random.default_rng(seed)
    return np.asarray(random.integers(-3, 3, shape) + random.choice([0.2, 0.3, 0.7, 0.8], shape))


def apart(shape: tuple[int, ...] = (), seed: int = 0) -> np.ndarray:
    """Return numbers of which any two with seeds of different parity differ by 0.05 or more."""
    return np.round(real(shape, seed), 1) + 0.05 * (seed % 2)


ARITHMETIC = {
    "add": binary(real, real, pytorch("add")),
    "subtract": binary(real, real, pytorch("sub")),
    "multiply": [*binary(real, real, pytorch("mul")), *binary(plane, real, pytorch("mul"))],
    "divide": [*binary(real, real, pytorch("div")), *binary(real, plane, pytorch("div"))],
    "negative": unary(real, pytorch("neg")),
    "positive": unary(real, pytorch("clone")),
    "copy": unary(real, pytorch("clone")),
    "astype": [Sample((real((2, 3)),), {"dtype": "float32"}, smooth=False, torch=lambda x: x.float())],
    "power": [
        *binary(positive, real, pytorch("pow")),
        *binary(plane, plane, pytorch("pow")),
        *[Sample((x, np.asarray(2.0)), torch=pytorch("pow")) for x in layouts(positive)],
        kink(np.array([0.0, 0.0, 2.0]), np.array([0.0, 3.0, 0.0]), torch="pow"),
    ],
    "abs": [*unary(real, pytorch("abs")), *unary(plane, pytorch("abs")), kink(np.zeros(2), torch="abs")],
    "square": unary(real, pytorch("square")),
    "sqrt": unary(positive, pytorch("sqrt")),
    "hypot": [*binary(real, real, pytorch("hypot")), kink(np.zeros(2), np.zeros(2))],
    "reciprocal": unary(real, pytorch("reciprocal")),
    "maximum": [*binary(apart, apart, pytorch("maximum")), kink(LEFT, RIGHT, torch="maximum")],
    "minimum": [*binary(apart, apart, pytorch("minimum")), kink(LEFT, RIGHT, torch="minimum")],
    "where": [
        Sample((x > y, x, y), torch=pytorch("where")) for x, y in (sample.inputs for sample in binary(real, real))
    ],
    "clip": [
        *unary(within(-3, 0.9), pytorch("clamp", max=1.0), max=1.0),
        *unary(real, pytorch("clamp", min=-0.05, max=0.05), min=-0.05, max=0.05),
        *unary(positive, pytorch("clamp", min=0.1), min=0.1),
        *unary(real, pytorch("clone"), min=None, max=None),
        Sample((HALVES,), {"min": -1.0, "max": 1.5}, smooth=False, torch=pytorch("clamp", min=-1.0, max=1.5)),
    ],
    "clip_between": [
        *(Sample((real(a, 3), real(b, 5) - 0.53, real(c, 7) + 0.57), torch=pytorch("clamp")) for a, b, c in LIMITS),
        *(
            Sample(tuple(map(np.array, numbers)), smooth=False, torch=pytorch("clamp"))
            for numbers in itertools.product([0.0, 1.0, 2.0], repeat=3)  # ties, and limits in the wrong order
        ),
    ],
    "nan_to_num": [
        *unary(real, pytorch("nan_to_num")),
        Sample(
            (SPECIAL,),
            {"nan": 1.0, "posinf": 2.0, "neginf": -3.0},
            smooth=False,
            torch=pytorch("nan_to_num", nan=1.0, posinf=2.0, neginf=-3.0),
        ),
    ],
}

EXPONENTIAL = {
    "exp": unary(real, pytorch("exp")),
    "exp2": unary(real, pytorch("exp2")),
    "expm1": unary(real, pytorch("expm1")),
    "log": unary(positive, pytorch("log")),
    "log2": unary(positive, pytorch("log2")),
    "log10": unary(positive, pytorch("log10")),
    "log1p": unary(within(-0.8, 3), pytorch("log1p")),
    "logaddexp": [
        *binary(real, real, pytorch("logaddexp")),
        Sample((LEFT, RIGHT), torch=pytorch("logaddexp")),  # equal numbers are no kink
        kink(np.array([-np.inf, -np.inf, np.inf]), np.array([-np.inf, 0.0, 0.0])),
    ],
    "logaddexp2": [*binary(real, real, pytorch("logaddexp2")), kink(np.full(1, -np.inf), np.full(1, -np.inf))],
}

TRIGONOMETRIC = {
    "sin": unary(real, pytorch("sin")),
    "cos": unary(real, pytorch("cos")),
    "tan": unary(unit, pytorch("tan")),
    "arcsin": unary(unit, pytorch("asin")),
    "arccos": unary(unit, pytorch("acos")),
    "arctan": unary(real, pytorch("atan")),
    "arctan2": [*binary(real, real, pytorch("atan2")), kink(np.zeros(2), np.zeros(2), torch="atan2")],
    "sinh": unary(real, pytorch("sinh")),
    "cosh": unary(real, pytorch("cosh")),
    "tanh": unary(real, pytorch("tanh")),
    "arcsinh": unary(real, pytorch("asinh")),
    "arccosh": unary(within(1.2, 4), pytorch("acosh")),
    "arctanh": unary(unit, pytorch("atanh")),
}

ROUNDING = {
    "sign": [*unary(real, pytorch("sign")), *unary(plane, pytorch("sgn")), kink(HALVES, torch="sign")],
    "floor": [*unary(between, pytorch("floor")), kink(HALVES, torch="floor")],
    "ceil": [*unary(between, pytorch("ceil")), kink(HALVES, torch="ceil")],
    "trunc": [*unary(between, pytorch("trunc")), kink(HALVES, torch="trunc")],
    "rint": [*unary(between, pytorch("round")), kink(HALVES, torch="round")],
    "round": [
        *unary(between, pytorch("round")),
        *unary(between, pytorch("round", decimals=0), decimals=0),
        Sample((np.array([1.23, -4.56]),), {"decimals": 1}, torch=pytorch("round", decimals=1)),
    ],
    "floor_divide": binary(within(1.1, 1.9), within(0.7, 0.9)),
    "remainder": [
        *binary(within(1.1, 1.9), within(0.7, 0.9), pytorch("remainder")),
        *binary(within(-1.9, -1.1), within(2.0, 3.0), pytorch("remainder")),
        kink(np.array([4.0, -4.0]), np.array([2.0, 2.0]), torch="remainder"),
    ],
    "fmod": [
        *binary(within(1.1, 1.9), within(0.7, 0.9), pytorch("fmod")),
        *binary(within(-1.9, -1.1), within(2.0, 3.0), pytorch("fmod")),
        kink(np.array([4.0, -4.0]), np.array([2.0, 2.0]), torch="fmod"),
    ],
}

SPECIAL_FUNCTIONS = {
    "erf": [*unary(real, pytorch("erf")), Sample((np.linspace(-3, 3, 400),), smooth=False, torch=pytorch("erf"))],
    "sinc": [
        *unary(real, pytorch("sinc")),
        Sample((np.array([0.0, 1e-6, -1e-2, 0.5]),)),
    ],
    "sinc_derivative": [Sample((np.array([0.0, 0.3, 1.1, 2.5]),), {"order": order}) for order in (1, 2, 3)],
}

truth = integers(0, 2)
bits = integers(0, 64)
few = integers(0, 4)
LOGIC = {
    "less": [*binary(real, real, pytorch("lt")), kink(LEFT, RIGHT, torch="lt")],
    "less_equal": [*binary(real, real, pytorch("le")), kink(LEFT, RIGHT, torch="le")],
    "greater": [*binary(real, real, pytorch("gt")), kink(LEFT, RIGHT, torch="gt")],
    "greater_equal": [*binary(real, real, pytorch("ge")), kink(LEFT, RIGHT, torch="ge")],
    "equal": [*binary(real, real, pytorch("eq")), kink(LEFT, RIGHT, torch="eq")],
    "not_equal": [*binary(real, real, pytorch("ne")), kink(LEFT, RIGHT, torch="ne")],
    "isclose": [kink(LEFT, LEFT + np.array([0.0, 1e-9, 0.1, 1e-9]), torch="isclose")],
    "logical_and": binary(truth, truth, pytorch("logical_and")),
    "logical_or": binary(truth, truth, pytorch("logical_or")),
    "logical_xor": binary(truth, truth, pytorch("logical_xor")),
    "logical_not": unary(truth, pytorch("logical_not")),
    "bitwise_and": [*binary(bits, bits, pytorch("bitwise_and")), *binary(truth, bits, pytorch("bitwise_and"))],
    "bitwise_or": [*binary(bits, bits, pytorch("bitwise_or")), *binary(truth, bits, pytorch("bitwise_or"))],
    "bitwise_xor": [*binary(bits, bits, pytorch("bitwise_xor")), *binary(truth, bits, pytorch("bitwise_xor"))],
    "bitwise_not": unary(bits, pytorch("bitwise_not")),
    "bitwise_left_shift": binary(bits, few, pytorch("bitwise_left_shift")),
    "bitwise_right_shift": binary(bits, few, pytorch("bitwise_right_shift")),
    "isnan": [kink(SPECIAL, torch="isnan")],
    "isinf": [kink(SPECIAL, torch="isinf")],
    "isfinite": [kink(SPECIAL, torch="isfinite")],
}

SAMPLES = ARITHMETIC | EXPONENTIAL | TRIGONOMETRIC | ROUNDING | SPECIAL_FUNCTIONS | LOGIC
