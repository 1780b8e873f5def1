"""Random programs, run here and by PyTorch: values, gradients and Hessian-vector products must be equal in float64.

    python tests/fuzz_programs.py [seconds]

A program is 20 to 60 operations over Tensors of every kind of shape: without axes, empty, with axes of length 1, and
broadcasting against one another. Hypothesis makes them up, and shrinks one that fails to the shortest that does; it
is printed as a program. What was found is kept as a test in `tests/core/test_programs.py`.
"""

import math
import sys
import time

import numpy as np
import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import tinygrad_ml as tg
from tinygrad_ml import nn

SHAPES = [(), (1,), (3,), (2, 3), (3, 1), (1, 3), (2, 1, 3), (3, 3), (0,), (2, 0), (0, 3), (1, 1)]
LARGEST = 400  # elements; what would become larger is not computed
F, TF = nn.functional, torch.nn.functional

# ---------------------------------------------------------------------- operations: (ours, PyTorch's)


def of_name(name, other=None):
    return lambda x: getattr(tg, name)(x), lambda x: getattr(torch, other or name)(x)


UNARY = {
    **{name: of_name(name) for name in ("sin", "cos", "tanh", "sigmoid", "abs", "square", "relu", "erf")},
    "negative": of_name("negative"),
    "arctan": of_name("arctan"),
    "arcsinh": of_name("arcsinh"),
    "exp": (lambda x: tg.exp(tg.tanh(x)), lambda x: torch.exp(torch.tanh(x))),
    "expm1": (lambda x: tg.expm1(tg.sin(x)), lambda x: torch.expm1(torch.sin(x))),
    "log": (lambda x: tg.log(x * x + 0.5), lambda x: torch.log(x * x + 0.5)),
    "log1p": (lambda x: tg.log1p(x**2), lambda x: torch.log1p(x**2)),
    "sqrt": (lambda x: tg.sqrt(1 + x * x), lambda x: torch.sqrt(1 + x * x)),
    "reciprocal": (lambda x: 1 / (1 + x * x), lambda x: 1 / (1 + x * x)),
    "arcsin": (lambda x: tg.arcsin(0.9 * tg.sin(x)), lambda x: torch.arcsin(0.9 * torch.sin(x))),
    "arctanh": (lambda x: tg.arctanh(0.9 * tg.sin(x)), lambda x: torch.arctanh(0.9 * torch.sin(x))),
    "cosh": (lambda x: tg.cosh(tg.tanh(x)), lambda x: torch.cosh(torch.tanh(x))),
    "cube": (lambda x: x**3, lambda x: x**3),
    "power": (lambda x: (1 + x**2) ** 0.7, lambda x: (1 + x**2) ** 0.7),
    "softplus": (F.softplus, TF.softplus),
    "silu": (F.silu, TF.silu),
    "gelu": (F.gelu, TF.gelu),
    "elu": (F.elu, TF.elu),
    "leaky relu": (lambda x: F.leaky_relu(x, 0.1), lambda x: TF.leaky_relu(x, 0.1)),
    "clip": (lambda x: tg.clip(x, -0.7, 0.6), lambda x: torch.clip(x, -0.7, 0.6)),
    "cumsum of all": (lambda x: tg.cumsum(x.ravel()), lambda x: torch.cumsum(x.reshape(-1), 0)),
    "ravel": (lambda x: x.ravel(), lambda x: x.reshape(-1)),
    "numpy exp": (lambda x: np.exp(np.tanh(x)), lambda x: torch.exp(torch.tanh(x))),
    "constant": (lambda x: x.detach() + 1.0, lambda x: x.detach() + 1.0),
}
BINARY = {
    "add": (lambda x, y: x + y, lambda x, y: x + y),
    "subtract": (lambda x, y: x - y, lambda x, y: x - y),
    "multiply": (lambda x, y: x * y, lambda x, y: x * y),
    "divide": (lambda x, y: x / (1 + y * y), lambda x, y: x / (1 + y * y)),
    "maximum": (tg.maximum, torch.maximum),
    "minimum": (tg.minimum, torch.minimum),
    "arctan2": (lambda x, y: tg.arctan2(x, 1 + y * y), lambda x, y: torch.arctan2(x, 1 + y * y)),
    "hypot": (lambda x, y: tg.hypot(x, 1 + y * y), lambda x, y: torch.hypot(x, 1 + y * y)),
    "logaddexp": (tg.logaddexp, torch.logaddexp),
    "power": (lambda x, y: (1 + x * x) ** tg.tanh(y), lambda x, y: (1 + x * x) ** torch.tanh(y)),
    "where": (lambda x, y: tg.where(x > 0.1, x, y), lambda x, y: torch.where(x > 0.1, x, y)),
    "masked log": (
        lambda x, y: tg.where(x > 0, y * tg.log(tg.where(x > 0, x, 1.0)), 0.0),
        lambda x, y: torch.where(x > 0, y * torch.log(torch.where(x > 0, x, 1.0)), 0.0),
    ),
}
SAME_SHAPE = {
    "stack": (lambda x, y: tg.stack([x, y]), lambda x, y: torch.stack([x, y])),
    "squared error": (lambda x, y: F.mse_loss(x, y, reduction="sum"), lambda x, y: TF.mse_loss(x, y, reduction="sum")),
    "huber": (lambda x, y: F.huber_loss(x, y, reduction="sum"), lambda x, y: TF.huber_loss(x, y, reduction="sum")),
    "log loss": (
        lambda x, y: F.binary_cross_entropy_with_logits(x, tg.sigmoid(y), reduction="sum"),
        lambda x, y: TF.binary_cross_entropy_with_logits(x, torch.sigmoid(y), reduction="sum"),
    ),
}
VECTORS = {
    "outer": (tg.outer, torch.outer),
    "kron": (np.kron, torch.kron),
    "concatenate": (lambda x, y: tg.concatenate([x, y, x]), lambda x, y: torch.cat([x, y, x])),
}


def _var(x, axis, keepdims):  # PyTorch warns of rows of one
    mean = x.mean(axis, keepdim=True)
    return ((x - mean) ** 2).mean(axis, keepdim=keepdims)


ALONG = {  # over one axis, which may not be empty
    "max": (lambda x, a, k: tg.max(x, axis=a, keepdims=k), lambda x, a, k: torch.amax(x, a, k)),
    "min": (lambda x, a, k: tg.min(x, axis=a, keepdims=k), lambda x, a, k: torch.amin(x, a, k)),
    "mean": (lambda x, a, k: tg.mean(x, axis=a, keepdims=k), lambda x, a, k: torch.mean(x, a, k)),
    "var": (lambda x, a, k: tg.var(x, axis=a, keepdims=k), _var),
    "logsumexp": (lambda x, a, k: tg.logsumexp(x, axis=a, keepdims=k), lambda x, a, k: torch.logsumexp(x, a, k)),
    "softmax": (lambda x, a, k: tg.softmax(x, axis=a), lambda x, a, k: torch.softmax(x, a)),
    "log softmax": (lambda x, a, k: tg.log_softmax(x, axis=a), lambda x, a, k: torch.log_softmax(x, a)),
    "sort": (lambda x, a, k: tg.sort(x, axis=a), lambda x, a, k: torch.sort(x, dim=a, stable=True)[0]),
}
AXIS = {  # over one axis of any length
    "sum": (lambda x, a, k: tg.sum(x, axis=a, keepdims=k), lambda x, a, k: torch.sum(x, a, k)),
    "prod": (lambda x, a, k: tg.prod(tg.tanh(x), axis=a, keepdims=k), lambda x, a, k: torch.prod(torch.tanh(x), a, k)),
    "cumsum": (lambda x, a, k: tg.cumsum(x, axis=a), lambda x, a, k: torch.cumsum(x, a)),
    "cumprod": (lambda x, a, k: tg.cumprod(tg.tanh(x), axis=a), lambda x, a, k: torch.cumprod(torch.tanh(x), a)),
    "flip": (lambda x, a, k: tg.flip(x, axis=a), lambda x, a, k: torch.flip(x, (a,))),
    "roll": (lambda x, a, k: tg.roll(x, 2, axis=a), lambda x, a, k: torch.roll(x, 2, a)),
    "expand": (lambda x, a, k: tg.expand_dims(x, a), lambda x, a, k: torch.unsqueeze(x, a)),
    "repeat": (lambda x, a, k: tg.repeat(x, 2, axis=a), lambda x, a, k: torch.repeat_interleave(x, 2, a)),
    "first": (lambda x, a, k: x[:1].swapaxes(0, a), lambda x, a, k: x[:1].swapaxes(0, a)),
    "every other": (lambda x, a, k: x.swapaxes(0, a)[::2], lambda x, a, k: x.swapaxes(0, a)[::2]),
    "join": (lambda x, a, k: tg.concatenate([x, x * 2], axis=a), lambda x, a, k: torch.cat([x, x * 2], a)),
    "split": (lambda x, a, k: tg.array_split(x, 2, axis=a)[0], lambda x, a, k: torch.tensor_split(x, 2, a)[0]),
}
AXES = {  # at least two axes
    "transpose": (lambda x: tg.transpose(x), lambda x: x.permute(*range(x.ndim)[::-1])),
    "tril": (tg.tril, torch.tril),
    "triu": (lambda x: tg.triu(x, 1), lambda x: torch.triu(x, 1)),
    "diagonal": (tg.diagonal, torch.diagonal),
    "moveaxis": (lambda x: tg.moveaxis(x, 0, -1), lambda x: torch.moveaxis(x, 0, -1)),
    "square matrix": (lambda x: x @ x.mT, lambda x: x @ x.mT),
    "einsum": (lambda x: tg.einsum("...ij,...kj->...ik", x, x), lambda x: torch.einsum("...ij,...kj->...ik", x, x)),
    "gather": (lambda x: x[:, [0] * min(2, x.shape[1])], lambda x: x[:, [0] * min(2, x.shape[1])]),
}

GROUPS = [UNARY, BINARY, SAME_SHAPE, VECTORS, ALONG, AXIS, AXES, {"matmul": (tg.matmul, torch.matmul)}]


def broadcasts(a, b):
    return all(n == m or 1 in (n, m) for n, m in zip(a[::-1], b[::-1]))


def fits(group, shapes):
    """Whether the operations of a group take inputs of these shapes."""
    a, b = (*shapes, shapes[0])[:2]
    if group is BINARY:
        return broadcasts(a, b)
    if group is SAME_SHAPE:
        return a == b
    if group is VECTORS:
        return len(a) == len(b) == 1
    if group is AXES:
        return len(a) == 2 and 0 not in a
    if group in (ALONG, AXIS):
        return len(a) > 0
    if group is GROUPS[-1]:
        return bool(a and b) and a[-1] == b[-2:][0] and broadcasts(a[:-2], b[:-2])
    return True


@st.composite
def programs(draw):
    """Return the shapes of the leaves and the steps: (group, name, inputs, axis, keepdims)."""
    shapes = [draw(st.sampled_from(SHAPES)) for _ in range(draw(st.integers(1, 4)))]
    leaves, values = list(shapes), [torch.zeros(shape, dtype=torch.float64) for shape in shapes]
    steps = []
    for _ in range(draw(st.integers(20, 60))):
        group = draw(st.integers(0, len(GROUPS) - 1))
        first, second = (len(values) - 1 - draw(st.integers(0, len(values) - 1)) for _ in range(2))
        if not fits(GROUPS[group], [values[first].shape, values[second].shape]):
            continue
        axis = draw(st.integers(-values[first].ndim, values[first].ndim - 1)) if values[first].ndim else 0
        if GROUPS[group] is ALONG and values[first].shape[axis] == 0:
            continue
        step = group, draw(st.sampled_from(sorted(GROUPS[group]))), (first, second), axis, draw(st.booleans())
        result = perform(step, values, 1)
        if result.numel() <= LARGEST and result.ndim <= 4:
            steps.append(step)
            values.append(torch.zeros_like(result))
    return leaves, steps


def perform(step, values, side):
    """Apply a step to values of one of the two libraries (0: ours, 1: PyTorch)."""
    group, name, (first, second), axis, keepdims = step
    function = GROUPS[group][name][side]
    if GROUPS[group] in (ALONG, AXIS):
        return function(values[first], axis, keepdims)
    return function(values[first]) if GROUPS[group] in (UNARY, AXES) else function(values[first], values[second])


def text(leaves, steps):
    """Return a program in words."""
    lines = [f"v{i} = leaf of shape {shape}" for i, shape in enumerate(leaves)]
    for k, (group, name, inputs, axis, keepdims) in enumerate(steps, len(leaves)):
        options = f", axis={axis}, keepdims={keepdims}" if GROUPS[group] in (ALONG, AXIS) else ""
        used = inputs[:1] if GROUPS[group] in (UNARY, AXES, ALONG, AXIS) else inputs
        lines.append(f"v{k} = {name}({', '.join(f'v{i}' for i in used)}{options})")
    return "\n".join(lines)


def run(leaves, steps, side):
    """Return the value, the gradients of the leaves, and the Hessian-vector products."""
    random = np.random.default_rng(0)
    arrays = [random.normal(size=shape) for shape in leaves]
    directions = [random.normal(size=shape) for shape in leaves]
    if side:
        values = [torch.tensor(a, requires_grad=True) for a in arrays]
        wrapped = [torch.tensor(d) for d in directions]
    else:
        values = [tg.tensor(a, requires_grad=True) for a in arrays]
        wrapped = [tg.tensor(d) for d in directions]
    inputs = list(values)
    for step in steps:
        result = perform(step, values, side)
        result = 3 * torch.tanh(result / 3) if side else 3 * tg.tanh(result / 3)  # both keep their numbers small
        values.append(result)
    total = sum((v * math.cos(k)).sum() for k, v in enumerate(values))
    grad = torch.autograd.grad if side else tg.autograd.grad
    first = grad(total, inputs, create_graph=True, allow_unused=True)
    pairs = [(g * d).sum() for g, d in zip(first, wrapped) if g is not None]
    slope = sum(pairs[1:], pairs[0])
    second = grad(slope, inputs, allow_unused=True) if slope.requires_grad else [None] * len(inputs)
    as_arrays = [[None if g is None else g.detach().numpy() for g in gs] for gs in (first, second)]
    return values[-1].detach().numpy(), *as_arrays


def check(leaves, steps):
    """Compare one program; what one library calls unused the other may have as zeros."""
    with np.errstate(all="ignore"):
        ours = run(leaves, steps, 0)
    theirs = run(leaves, steps, 1)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-9, atol=1e-9, err_msg=text(leaves, steps))
    for what, mine, other in (("gradient", ours[1], theirs[1]), ("Hessian-vector product", ours[2], theirs[2])):
        for k, (a, b) in enumerate(zip(mine, other)):
            shape = leaves[k]
            a, b = (np.zeros(shape) if g is None else g for g in (a, b))
            scale = 1e-7 * max(1.0, np.abs(b).max(initial=0.0))
            np.testing.assert_allclose(a, b, rtol=1e-7, atol=scale, err_msg=f"{what} of v{k}\n{text(leaves, steps)}")


def fuzz(seconds=math.inf, programs_at_most=math.inf, first_seed=None, shrink=True):
    """Make up and compare programs for that long, or that many; return how many."""
    count, start = 0, time.monotonic()
    number = int(time.time()) if first_seed is None else first_seed
    while time.monotonic() - start < seconds and count < programs_at_most:

        @seed(number + count)
        @settings(
            max_examples=50,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        )
        @given(programs())
        def compare(program):
            nonlocal count
            count += 1
            check(*program)

        compare()
    return count


if __name__ == "__main__":
    print(f"{fuzz(float((sys.argv[1:] or ['60'])[0])):,} programs gave the same as PyTorch")
