"""Every operation of the table, over all its samples: values, gradients to second order, dtypes, memory, documentation.

The derivatives are checked against central differences of fourth order, which know nothing of the rules.
"""

import doctest
import itertools

import numpy as np
import pytest

import tinygrad_ml as tg
from docs.make_operations_page import PAGE, operations, page
from tests.samples import SAMPLES, label, on_symmetric_matrices
from tinygrad_ml.primitive import IMPLEMENTATIONS
from tinygrad_ml.testing import check_operation

TABLE = {row.name: row.operation for row in operations()}
SAMPLED = {
    # a name that is not in the table is a public function that is composed of operations
    name: TABLE[name] if name in TABLE else getattr(tg, name, None) or getattr(tg.linalg, name)
    for name in SAMPLES
}
NUMPY_NAMES = {
    operation: function
    for function, operation in reversed(IMPLEMENTATIONS.items())
    if isinstance(function, np.ufunc) or function.__module__.startswith("numpy")
}


def cases(wanted=lambda name, sample: True):
    """Return a mark that runs a test at all samples of all functions, or at those that are wanted."""
    return pytest.mark.parametrize(
        ("name", "sample"),
        [
            pytest.param(name, sample, id=label(name, sample))
            for name, samples in SAMPLES.items()
            for sample in samples
            if wanted(name, sample)
        ],
    )


def floating(arrays):
    return [k for k, a in enumerate(arrays) if np.asarray(a).dtype.kind in "fc"]


def as_tensors(arrays, wanted=()):
    return [tg.tensor(a, requires_grad=k in wanted) for k, a in enumerate(arrays)]


def call(name, sample, inputs):
    """Return the outputs of a function, always as a tuple; at a kink NumPy may warn."""
    with np.errstate(all="warn" if sample.smooth else "ignore"):
        out = on_symmetric_matrices(name, SAMPLED[name])(*inputs, **sample.parameters)
    return out if isinstance(out, tuple) else (out,)


def cotangents(outs, seed):
    """Return a random gradient to arrive at each floating output, and nothing for the others."""
    random = np.random.default_rng(seed)

    def drawn(out):
        imaginary = 1j * random.normal(size=out.shape) if out.dtype.kind == "c" else 0
        return np.asarray(random.normal(size=out.shape) + imaginary, out.dtype)

    return [drawn(out) if out.dtype.kind in "fc" else None for out in outs]


def gradients(outs, wanted, arriving, **how):
    """Return the gradients of some inputs, zeros where the outputs do not depend on one."""
    pairs = [(out, g) for out, g in zip(outs, arriving) if g is not None and out.requires_grad]
    if not pairs:
        return [tg.zeros_like(x) for x in wanted]
    arrived = [g if isinstance(g, tg.Tensor) else tg.tensor(g) for _, g in pairs]
    found = tg.autograd.grad([out for out, _ in pairs], wanted, arrived, allow_unused=True, **how)
    return [tg.zeros_like(x) if g is None else g for g, x in zip(found, wanted)]


def dot(outs, weights):
    """Return the sum of all numbers times their weights; of complex ones, of both parts."""
    return sum(np.vdot(w, out.numpy()).real for out, w in zip(outs, weights) if w is not None)


def directions(x, seed=5):
    """Return every direction of a small array, and as many random ones of a large one; both parts of complex ones."""
    n, most = x.size, 24
    units = np.eye(n).reshape(n, *x.shape) if n <= most else np.random.default_rng(seed).normal(size=(most, *x.shape))
    return units if x.dtype.kind != "c" else np.concatenate([units, 1j * units])


def assert_slopes(function, arrays, k, gradient, what):
    """Compare a gradient with the differences of `function(arrays)` when array k moves in all directions."""
    h = 1e-4
    for v in directions(arrays[k]):

        def at(t, v=v):
            return function([*arrays[:k], arrays[k] + t * v, *arrays[k + 1 :]])

        slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
        np.testing.assert_allclose(np.vdot(gradient, v).real, slope, rtol=1e-6, atol=1e-7, err_msg=what)


def test_every_operation_has_samples():
    assert set(TABLE) - set(SAMPLES) == set(), "add samples in tests/samples/"
    assert [name for name in SAMPLES if not SAMPLES[name]] == []


def test_the_page_of_operations_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python docs/make_operations_page.py"


@pytest.mark.parametrize("name", TABLE)
def test_every_operation_is_documented_with_an_example_that_runs(name):
    text = TABLE[name].__doc__
    assert text.strip(), f"{name} needs a docstring"
    example = doctest.DocTestParser().get_doctest(text, {"tg": tg, "np": np}, name, None, 0)
    assert example.examples, f"{name} needs an example"
    report = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(example, out=report.append)
    assert not runner.failures, "".join(report)


@cases(lambda name, sample: sample.smooth)
def test_derivatives_are_those_of_central_differences_of_fourth_order(name, sample):
    wanted = floating(sample.inputs)
    inputs = as_tensors(sample.inputs, wanted)
    outs = call(name, sample, inputs)
    weights = cotangents(outs, seed=1)
    recorded = any(out.requires_grad for out in outs)
    arriving = [w if w is None else tg.tensor(w, requires_grad=recorded) for w in weights]
    first = gradients(outs, [inputs[k] for k in wanted], arriving, create_graph=recorded)

    def projected(arrays):
        return dot(call(name, sample, as_tensors(arrays)), weights)

    for k, g in zip(wanted, first):
        assert g.shape == inputs[k].shape
        assert g.dtype == inputs[k].dtype
        assert_slopes(projected, list(sample.inputs), k, g.numpy(), f"argument {k}")
    if not recorded:
        return
    turned = cotangents(first, seed=2)
    second = gradients(first, [inputs[k] for k in wanted], turned, retain_graph=True)

    def slope(arrays):
        moved = as_tensors(arrays, wanted)
        return dot(gradients(call(name, sample, moved), [moved[k] for k in wanted], weights), turned)

    for k, g in zip(wanted, second):
        assert_slopes(slope, list(sample.inputs), k, g.numpy(), f"argument {k} of the gradient")

    # The gradient is linear in what arrives; its derivative there is the derivative along `turned`.
    forward = gradients(first, [g for g in arriving if g is not None], turned)
    h = 1e-4

    def along(t):
        arrays = list(sample.inputs)
        for k, v in zip(wanted, turned):
            arrays[k] = arrays[k] + t * v
        return [out.numpy() for out in call(name, sample, as_tensors(arrays)) if out.dtype.kind in "fc"]

    for jv, a, b, c, d in zip(forward, along(h), along(-h), along(2 * h), along(-2 * h)):
        np.testing.assert_allclose(jv.numpy(), (8 * (a - b) - (c - d)) / (12 * h), rtol=1e-6, atol=1e-7)


@cases(lambda name, sample: sample.smooth and len(floating(sample.inputs)) > 1)
def test_any_subset_of_the_arguments_may_require_a_gradient(name, sample):
    positions = floating(sample.inputs)
    inputs = as_tensors(sample.inputs, positions)
    outs = call(name, sample, inputs)
    weights = cotangents(outs, seed=1)
    every = dict(zip(positions, gradients(outs, [inputs[k] for k in positions], weights)))
    for n in range(len(positions)):
        for wanted in itertools.combinations(positions, n):
            inputs = as_tensors(sample.inputs, wanted)
            outs = call(name, sample, inputs)
            assert wanted or not any(out.requires_grad for out in outs)
            for k, g in zip(wanted, gradients(outs, [inputs[k] for k in wanted], weights)):
                np.testing.assert_allclose(g.numpy(), every[k].numpy(), rtol=1e-12, atol=1e-14)


@cases()
def test_an_operation_keeps_its_promises(name, sample):
    """Check values, memory, derivatives, single precision, layouts, shapes, broadcasting."""
    check_operation(on_symmetric_matrices(name, SAMPLED[name]), [sample], order=1)


@pytest.mark.slow
@cases(lambda name, sample: sample.smooth)
def test_an_operation_keeps_its_promises_to_second_order(name, sample):
    check_operation(on_symmetric_matrices(name, SAMPLED[name]), [sample], order=2)


BOTH = [name for name in SAMPLED if SAMPLED[name] in NUMPY_NAMES]
if np.lib.NumpyVersion(np.__version__) < "2.1.0":
    BOTH.remove("reshape")  # there its argument is not yet called `shape`


@pytest.mark.parametrize("name", BOTH)
def test_numpys_function_of_that_name_gives_the_same_on_arrays_and_on_tensors(name):
    function = NUMPY_NAMES[SAMPLED[name]]
    for sample in SAMPLES[name]:  # so quick that a test of each would take ten times as long
        with np.errstate(all="ignore"):
            of_arrays = function(*sample.inputs, **sample.parameters)
            of_tensors = function(*as_tensors(sample.inputs), **sample.parameters)
        if not isinstance(of_arrays, tuple):
            of_arrays, of_tensors = (of_arrays,), (of_tensors,)
        for expected, out in zip(of_arrays, of_tensors):
            assert out.dtype == expected.dtype, label(name, sample)
            np.testing.assert_allclose(out.numpy(), expected, rtol=1e-14, atol=1e-15, err_msg=label(name, sample))


@cases(lambda name, sample: sample.torch is not None)
def test_values_and_gradients_equal_those_of_pytorch(name, sample, torch):
    wanted = floating(sample.inputs)
    inputs = as_tensors(sample.inputs, wanted)
    outs = call(name, sample, inputs)
    theirs = [torch.tensor(np.array(a), requires_grad=k in wanted) for k, a in enumerate(sample.inputs)]
    their_outs = sample.torch(*theirs)
    their_outs = (their_outs,) if isinstance(their_outs, torch.Tensor) else tuple(their_outs)
    assert len(outs) == len(their_outs)
    for out, their_out in zip(outs, their_outs):
        expected = their_out.detach().resolve_conj().numpy()
        np.testing.assert_allclose(out.numpy(), expected, rtol=1e-10, atol=1e-10)
    weights = cotangents(outs, seed=1)
    pairs = [
        (t, torch.tensor(w)) for t, w in zip(their_outs, weights) if w is not None and t.requires_grad and t.grad_fn
    ]
    if not pairs:
        return
    expected = torch.autograd.grad(
        [t for t, _ in pairs], [theirs[k] for k in wanted], [w for _, w in pairs], allow_unused=True
    )
    for g, their_g in zip(gradients(outs, [inputs[k] for k in wanted], weights), expected):
        if their_g is not None:
            np.testing.assert_allclose(g.numpy(), their_g.resolve_conj().numpy(), rtol=1e-10, atol=1e-10)
