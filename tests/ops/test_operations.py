"""Every operation of the table, over all its samples: values, gradients to second order, dtypes, memory, documentation.

The derivatives are checked against central differences of fourth order, which know nothing of the rules.
"""

import doctest
import itertools

import numpy as np
import pytest

import tinygrad_ml as tg
from docs.make_operations_page import PAGE, operations, page
from tests.samples import SAMPLES
from tinygrad_ml.primitive import IMPLEMENTATIONS

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

every_function = pytest.mark.parametrize("name", SAMPLED)


def smooth(name):
    return [sample for sample in SAMPLES[name] if sample.smooth]


def described(name, sample):
    shapes = ", ".join(f"{np.shape(x)}" for x in sample.inputs)
    return f"{name} of shapes {shapes} with {sample.parameters}"


def floating(arrays):
    return [k for k, a in enumerate(arrays) if np.asarray(a).dtype.kind in "fc"]


def single(array):
    """Return an array in single precision, if it is floating."""
    return np.asarray(array, {np.dtype(float): np.float32, np.dtype(complex): np.complex64}.get(array.dtype))


def as_tensors(arrays, wanted=()):
    return [tg.tensor(a, requires_grad=k in wanted) for k, a in enumerate(arrays)]


def call(name, sample, inputs):
    """Return the outputs of a function, always as a tuple; at a kink NumPy may warn."""
    with np.errstate(all="warn" if sample.smooth else "ignore"):
        out = SAMPLED[name](*inputs, **sample.parameters)
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


@every_function
def test_first_derivatives_are_those_of_central_differences(name):
    for sample in smooth(name):
        wanted = floating(sample.inputs)
        inputs = as_tensors(sample.inputs, wanted)
        outs = call(name, sample, inputs)
        weights = cotangents(outs, seed=1)
        found = gradients(outs, [inputs[k] for k in wanted], weights)

        def projected(arrays, sample=sample, weights=weights):
            return dot(call(name, sample, as_tensors(arrays)), weights)

        for k, g in zip(wanted, found):
            assert g.shape == inputs[k].shape
            assert g.dtype == inputs[k].dtype
            assert_slopes(projected, list(sample.inputs), k, g.numpy(), f"argument {k} of {described(name, sample)}")


@every_function
def test_second_derivatives_are_those_of_central_differences(name):
    for sample in smooth(name):
        wanted = floating(sample.inputs)
        inputs = as_tensors(sample.inputs, wanted)
        outs = call(name, sample, inputs)
        weights = cotangents(outs, seed=1)
        if not any(out.requires_grad for out in outs):
            continue
        arriving = [w if w is None else tg.tensor(w, requires_grad=True) for w in weights]
        first = gradients(outs, [inputs[k] for k in wanted], arriving, create_graph=True)
        turned = cotangents(first, seed=2)
        second = gradients(first, [inputs[k] for k in wanted], turned, retain_graph=True)

        def slope(arrays, sample=sample, wanted=wanted, weights=weights, turned=turned):
            moved = as_tensors(arrays, wanted)
            return dot(gradients(call(name, sample, moved), [moved[k] for k in wanted], weights), turned)

        for k, g in zip(wanted, second):
            what = f"argument {k} of the gradient of {described(name, sample)}"
            assert_slopes(slope, list(sample.inputs), k, g.numpy(), what)

        # The gradient is linear in what arrives; its derivative there is the derivative along `turned`.
        forward = gradients(first, [g for g in arriving if g is not None], turned)
        h = 1e-4

        def along(t, sample=sample, wanted=wanted, turned=turned):
            arrays = list(sample.inputs)
            for k, v in zip(wanted, turned):
                arrays[k] = arrays[k] + t * v
            return [out.numpy() for out in call(name, sample, as_tensors(arrays)) if out.dtype.kind in "fc"]

        moved = zip(forward, along(h), along(-h), along(2 * h), along(-2 * h))
        for jv, a, b, c, d in moved:
            what = f"derivative along a direction of {described(name, sample)}"
            np.testing.assert_allclose(
                jv.numpy(), (8 * (a - b) - (c - d)) / (12 * h), rtol=1e-6, atol=1e-7, err_msg=what
            )


@every_function
def test_any_subset_of_the_arguments_may_require_a_gradient(name):
    for sample in smooth(name):
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


@every_function
def test_float32_stays_float32(name):
    for sample in SAMPLES[name]:
        wanted = floating(sample.inputs)
        inputs = as_tensors(sample.inputs, wanted)
        arrays = [single(a) if k in wanted else a for k, a in enumerate(sample.inputs)]
        small = as_tensors(arrays, wanted)
        outs, small_outs = call(name, sample, inputs), call(name, sample, small)
        what = described(name, sample)
        for out, small_out in zip(outs, small_outs):
            assert small_out.dtype == single(out.numpy()).dtype, what
            np.testing.assert_allclose(small_out.numpy(), out.numpy(), rtol=1e-3, atol=1e-4, err_msg=what)
        if sample.smooth and any(out.requires_grad for out in outs):
            weights = cotangents(outs, seed=1)
            found = gradients(outs, [inputs[k] for k in wanted], weights)
            weights = [w if w is None else single(w) for w in weights]
            for g, small_g in zip(found, gradients(small_outs, [small[k] for k in wanted], weights)):
                assert small_g.dtype == single(g.numpy()).dtype, what
                np.testing.assert_allclose(small_g.numpy(), g.numpy(), rtol=1e-2, atol=1e-3, err_msg=what)


@every_function
def test_results_and_gradients_share_no_memory_that_can_be_written_to(name):
    for sample in SAMPLES[name]:
        what = described(name, sample)
        constants = as_tensors(sample.inputs)
        outs = call(name, sample, constants)
        before = [out.numpy().copy() for out in outs]
        for x in constants:
            x.data[...] = 0  # writes to a constant reach no result
        for out, value in zip(outs, before):
            np.testing.assert_array_equal(out.numpy(), value, err_msg=what)

        wanted = floating(sample.inputs)
        inputs = as_tensors(sample.inputs, wanted)
        outs = call(name, sample, inputs)
        for out, x in itertools.product(outs, inputs):
            assert not x.requires_grad or not np.shares_memory(out.numpy(), x.numpy()), what
        pairs = [(out, g) for out, g in zip(outs, cotangents(outs, seed=1)) if g is not None and out.requires_grad]
        arrived = [tg.tensor(g) for _, g in pairs]
        if pairs:
            found = tg.autograd.grad([out for out, _ in pairs], [inputs[k] for k in wanted], arrived, allow_unused=True)
            owners = [t.numpy() for t in (*[g for g in found if g is not None], *arrived, *inputs)]
            for a, b in itertools.combinations(owners, 2):
                assert not np.shares_memory(a, b), what


BOTH = [name for name in SAMPLED if SAMPLED[name] in NUMPY_NAMES]
if np.lib.NumpyVersion(np.__version__) < "2.1.0":
    BOTH.remove("reshape")  # there its argument is not yet called `shape`


@pytest.mark.parametrize("name", BOTH)
def test_numpys_function_of_that_name_gives_the_same_on_arrays_and_on_tensors(name):
    function = NUMPY_NAMES[SAMPLED[name]]
    for sample in SAMPLES[name]:
        with np.errstate(all="ignore"):
            of_arrays = function(*sample.inputs, **sample.parameters)
            of_tensors = function(*as_tensors(sample.inputs), **sample.parameters)
        if not isinstance(of_arrays, tuple):
            of_arrays, of_tensors = (of_arrays,), (of_tensors,)
        for expected, out in zip(of_arrays, of_tensors):
            assert out.dtype == expected.dtype, described(name, sample)
            np.testing.assert_allclose(out.numpy(), expected, rtol=1e-14, atol=1e-15, err_msg=described(name, sample))


@pytest.mark.parametrize("name", [name for name in SAMPLED if any(sample.torch for sample in SAMPLES[name])])
def test_values_and_gradients_equal_those_of_pytorch(name, torch):
    for sample in SAMPLES[name]:
        if sample.torch is None:
            continue
        what = described(name, sample)
        wanted = floating(sample.inputs)
        inputs = as_tensors(sample.inputs, wanted)
        outs = call(name, sample, inputs)
        theirs = [torch.tensor(np.array(a), requires_grad=k in wanted) for k, a in enumerate(sample.inputs)]
        their_outs = sample.torch(*theirs)
        their_outs = (their_outs,) if isinstance(their_outs, torch.Tensor) else tuple(their_outs)
        assert len(outs) == len(their_outs), what
        for out, their_out in zip(outs, their_outs):
            np.testing.assert_allclose(
                out.numpy(), their_out.detach().resolve_conj().numpy(), rtol=1e-10, atol=1e-10, err_msg=what
            )
        weights = cotangents(outs, seed=1)
        pairs = [
            (t, torch.tensor(w)) for t, w in zip(their_outs, weights) if w is not None and t.requires_grad and t.grad_fn
        ]
        if not pairs:
            continue
        expected = torch.autograd.grad(
            [t for t, _ in pairs], [theirs[k] for k in wanted], [w for _, w in pairs], allow_unused=True
        )
        for g, their_g in zip(gradients(outs, [inputs[k] for k in wanted], weights), expected):
            if their_g is not None:
                np.testing.assert_allclose(
                    g.numpy(), their_g.resolve_conj().numpy(), rtol=1e-10, atol=1e-10, err_msg=what
                )
