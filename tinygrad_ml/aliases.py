"""Second names of operations, as PyTorch, NumPy and JAX have them, and the dtypes."""

import numpy as np

from .ops import (
    abs,
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    clip,
    concatenate,
    divide,
    equal,
    expand_dims,
    greater,
    greater_equal,
    less,
    less_equal,
    matmul,
    moveaxis,
    multiply,
    negative,
    not_equal,
    power,
    sigmoid,
    subtract,
    swapaxes,
    transpose,
)
from .tensor import tensor

__all__ = [
    "complex64",
    "complex128",
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "double",
    "half",
    "long",
    "short",
    "absolute",
    "acos",
    "acosh",
    "array",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bmm",
    "cat",
    "clamp",
    "concat",
    "div",
    "eq",
    "expit",
    "ge",
    "gt",
    "le",
    "lt",
    "mm",
    "movedim",
    "mul",
    "ne",
    "neg",
    "permute",
    "permute_dims",
    "pow",
    "sub",
    "swapdims",
    "true_divide",
    "unsqueeze",
    "e",
    "inf",
    "nan",
    "pi",
]

e, inf, nan, pi = np.e, np.inf, np.nan, np.pi

complex64 = np.dtype(np.complex64)
complex128 = np.dtype(np.complex128)
float16 = np.dtype(np.float16)
float32 = np.dtype(np.float32)
float64 = np.dtype(np.float64)
int8 = np.dtype(np.int8)
int16 = np.dtype(np.int16)
int32 = np.dtype(np.int32)
int64 = np.dtype(np.int64)
uint8 = np.dtype(np.uint8)
half, double, short, long = float16, float64, int16, int64
# not in __all__, since `from tinygrad_ml import *` would hide Python's own
bool, float, int = np.dtype(np.bool_), float32, int32

cat = concat = concatenate
clamp = clip
unsqueeze = expand_dims
permute = permute_dims = transpose
movedim = moveaxis
swapdims = swapaxes
mm = bmm = matmul
sub = subtract
mul = multiply
div = true_divide = divide
neg = negative
pow = power
absolute = abs
asin = arcsin
acos = arccos
atan = arctan
atan2 = arctan2
asinh = arcsinh
acosh = arccosh
atanh = arctanh
eq = equal
ne = not_equal
lt = less
le = less_equal
gt = greater
ge = greater_equal
expit = sigmoid
array = tensor
