"""Complex numbers: every operation is right for them or refuses them; the convention, dtypes, kinks and cuts.

The derivatives are checked against central differences of real and imaginary parts, by gradcheck.
"""

import numpy as np
import pytest

import tinygrad_ml as tg
from docs.make_operations_page import operations
from tests.samples import SAMPLES, on_symmetric_matrices, plane, real
from tinygrad_ml import nn
from tinygrad_ml.nn import functional as F
from tinygrad_ml.testing import gradcheck

TABLE = {row.name: row.operation for row in operations()}
CONSTANT = {"all", "any", "astype", "equal", "isclose", "isfinite", "isinf", "isnan", "logical_and", "logical_not"}
CONSTANT |= {"logical_or", "logical_xor", "nonzero", "not_equal", "bitwise_and", "bitwise_or", "bitwise_xor"}
CONSTANT |= {"bitwise_not", "bitwise_left_shift", "bitwise_right_shift"}
REFUSED = {name for name, operation in TABLE.items() if operation.primitive.real_only}
REFUSED |= {"median", "percentile", "ptp", "relu6", "topk"}

# what does not change when complex vectors are turned
INVARIANT = {
    "eigh": lambda out: (out[0], tg.abs(out[1])),
    "svd": lambda out: (tg.abs(out[0]), out[1], tg.abs(out[2])),
}


def function_of(name):
    return on_symmetric_matrices(name, TABLE.get(name) or getattr(tg, name, None) or getattr(tg.linalg, name))


def complex_samples(name, most=6):
    """Return samples with complex numbers in place of the real ones that are differentiated."""
    found = []
    for sample in SAMPLES[name]:
        if not all(np.isfinite(x).all() for x in sample.inputs):
            continue
        inputs = [x + 0.2j * np.roll(x, 1) if np.asarray(x).dtype == float else x for x in sample.inputs]
        if sample.smooth and sum(np.size(x) for x in inputs) <= 30 and any(np.iscomplexobj(x) for x in inputs):
            found.append((inputs, sample.parameters))
    return found[:most]


# ---------------------------------------------------------------------- every operation


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", sorted(set(SAMPLES) - REFUSED - CONSTANT))
def test_an_operation_is_right_for_complex_numbers_to_second_order(name):
    function, invariant = function_of(name), INVARIANT.get(name, lambda out: out)
    samples = complex_samples(name)
    assert samples
    for inputs, parameters in samples:
        what = lambda *given, parameters=parameters: invariant(function(*given, **parameters))
        assert gradcheck(what, tuple(inputs), order=2)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_not_defined_for_complex_numbers_is_refused_by_name(name):
    called = {"median": "quantile", "percentile": "quantile", "ptp": "max", "relu6": "hardtanh"}.get(name, name)
    function = function_of(name) if name in SAMPLES else getattr(tg, name)
    samples = complex_samples(name) if name in SAMPLES else [((plane((3,)),), {"k": 2})]
    assert samples
    for inputs, parameters in samples:
        for requires_grad in (False, True):
            given = [tg.tensor(x, requires_grad=requires_grad and np.asarray(x).dtype.kind in "fc") for x in inputs]
            with pytest.raises(TypeError, match=f"{called} is not defined for complex numbers"):
                function(*given, **parameters)
        with pytest.raises(TypeError, match=f"{called} is not defined for complex numbers"):
            function(*inputs, **parameters)


def test_a_complex_number_of_any_kind_is_refused_beside_a_real_tensor():
    x = tg.ones(2)
    for other in (1j, np.complex64(1j), np.array([1j, 0]), [1j, 0.0], tg.tensor([1j, 0])):
        for compare in (lambda x, y: x < y, lambda x, y: y >= x, tg.maximum, np.minimum, lambda x, y: x % y):
            with pytest.raises(TypeError, match="complex"):
                compare(x, other)
    assert np.array_equal((x == 1 + 0j).numpy(), [True, True])
    assert np.array_equal((x != 1j).numpy(), [True, True])


LOSSES = {
    "mse_loss": lambda z: F.mse_loss(z, z),
    "huber_loss": lambda z: F.huber_loss(z, z),
    "smooth_l1_loss": lambda z: F.smooth_l1_loss(z, z),
    "kl_div": lambda z: F.kl_div(z, z),
    "poisson_nll_loss": lambda z: F.poisson_nll_loss(z, z),
    "gaussian_nll_loss": lambda z: F.gaussian_nll_loss(z, z, np.ones((3, 4))),
    "binary_cross_entropy": lambda z: F.binary_cross_entropy(z, np.ones((3, 4))),
    "binary_cross_entropy_with_logits": lambda z: F.binary_cross_entropy_with_logits(z, np.ones((3, 4))),
    "cross_entropy": lambda z: F.cross_entropy(z, np.array([0, 1, 2])),
    "nll_loss": lambda z: F.nll_loss(z, np.array([0, 1, 2])),
    "hinge_loss": lambda z: F.hinge_loss(z, np.ones((3, 4))),
    "layer_norm": lambda z: F.layer_norm(z, (4,)),
    "batch_norm": lambda z: nn.BatchNorm1d(4)(z),
    "rnn": lambda z: nn.RNN(4, 2)(z),
    "lstm": lambda z: nn.LSTM(4, 2)(z),
    "attention": lambda z: F.scaled_dot_product_attention(z, z, z),
    "max_pool1d": lambda z: F.max_pool1d(z, 2),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_layers_for_real_numbers_refuse_complex_ones(name):
    z = tg.tensor(plane((3, 4)), requires_grad=True)
    with pytest.raises(TypeError, match="complex"):
        LOSSES[name](z)


def test_the_l1_loss_is_the_mean_distance_in_the_plane(torch):
    a, b = plane((3, 4), 1), plane((3, 4), 2)
    x, theirs = tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    F.l1_loss(x, b).backward()
    torch.nn.functional.l1_loss(theirs, torch.tensor(b)).backward()
    np.testing.assert_allclose(x.grad.numpy(), theirs.grad.numpy())


# ---------------------------------------------------------------------- the convention


def test_a_real_input_gets_the_real_part_of_its_gradient():
    x = tg.tensor(np.array([1.0, 1.0]), requires_grad=True)
    (abs((x * np.array([1, 1j])).sum()) ** 2).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2, 2])


CLOSED_FORMS = {  # a real function, and dL/d(real part) + i dL/d(imaginary part)
    "abs(z)**2": (lambda z: (tg.abs(z) ** 2).sum(), lambda z: 2 * z),
    "z * conj(z)": (lambda z: (z * z.conj()).real.sum(), lambda z: 2 * z),
    "real": (lambda z: z.real.sum(), lambda z: np.ones_like(z)),
    "imag": (lambda z: z.imag.sum(), lambda z: 1j * np.ones_like(z)),
    "the real part of z**2": (lambda z: (z**2).real.sum(), lambda z: 2 * z.conj()),
    "the imaginary part of exp": (lambda z: tg.exp(z).imag.sum(), lambda z: 1j * np.exp(z).conj()),
    "abs": (lambda z: tg.abs(z).sum(), lambda z: z / np.abs(z)),
    "angle": (lambda z: tg.angle(z).sum(), lambda z: 1j * z / np.abs(z) ** 2),
    "vdot": (lambda z: tg.vdot(z, z).real, lambda z: 2 * z),
    "norm": (tg.linalg.norm, lambda z: z / np.linalg.norm(z)),
    "var": (lambda z: tg.var(z), lambda z: 2 * (z - z.mean()) / z.size),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_the_gradient_is_that_of_both_parts(name):
    function, expected = CLOSED_FORMS[name]
    z = tg.tensor(plane((4,)), requires_grad=True)
    function(z).backward()
    np.testing.assert_allclose(z.grad.numpy(), expected(z.numpy()), rtol=1e-13)
    z.data -= 1e-3 * z.grad.data
    assert function(z).item() < function(tg.tensor(plane((4,)))).item()


def test_backward_from_a_complex_number_is_refused_with_the_way_out():
    z = tg.tensor(1 + 2j, requires_grad=True)
    for start in (
        lambda: (z * z).backward(),
        lambda: tg.autograd.grad(z * z, z),
        lambda: tg.grad(lambda z: z * z)(z),
        lambda: tg.value_and_grad(lambda z: z * z)(z),
        lambda: tg.hessian(lambda x: (1j * x).sum())(tg.ones(2)),
    ):
        with pytest.raises(TypeError, match=r"real[\s\S]*\.real, tg\.abs\(z\) or tg\.abs\(z\) \*\* 2"):
            start()
    (z * z).backward(1j)  # what arrives is said: the gradient of the imaginary part
    np.testing.assert_allclose(z.grad.numpy(), 1j * np.conj(2 * z.numpy()))


def test_a_real_result_takes_no_complex_gradient():
    z = tg.tensor(1 + 2j, requires_grad=True)
    for gradient in (1j, np.complex64(1j), tg.tensor(1j)):
        with pytest.raises(TypeError, match="gradient is complex"):
            tg.abs(z).backward(gradient)
    x = tg.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match="cannot have a complex gradient"):
        x.grad = np.array([1j, 0])


def test_hooks_and_intermediate_gradients_follow_the_convention(torch):
    a = plane((3,))
    z, theirs = tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    seen, expected = [], []
    y, u = tg.exp(z), torch.exp(theirs)
    for tensor, list_ in ((y, seen), (z, seen), (u, expected), (theirs, expected)):
        tensor.register_hook(lambda g, list_=list_: list_.append(g) or 2j * g)
    (tg.abs(y) ** 3).sum().backward()
    (u.abs() ** 3).sum().backward()
    for g, t in zip(seen, expected, strict=True):
        np.testing.assert_allclose(g.numpy(), t.resolve_conj().numpy())
    np.testing.assert_allclose(z.grad.numpy(), theirs.grad.resolve_conj().numpy())
    y = tg.exp(z)
    (g,) = tg.autograd.grad((y**2).imag.sum(), y)
    np.testing.assert_allclose(g.numpy(), 1j * np.conj(2 * y.numpy()))


def test_gradients_of_several_paths_add_up():
    z = tg.tensor(plane((3,)), requires_grad=True)
    w = tg.tensor(real((3,)), requires_grad=True)
    assert gradcheck(lambda z, w: (z * w + w * z.conj() + tg.exp(1j * w) / z, z.real * w), (z, w), order=2)


# ---------------------------------------------------------------------- derivatives as functions


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of PyTorch by PyTorch
def test_transforms_follow_pytorch(torch):
    z, t, v = (plane((3,), seed) for seed in (1, 2, 3))

    def ours(z):
        return tg.abs(z) * z**2 + tg.conj(z).sum()

    def theirs(z):
        return z.abs() * z**2 + z.conj().sum()

    def near(a, b):
        np.testing.assert_allclose(a.numpy(), b.resolve_conj().numpy(), rtol=1e-12)

    value, pull = tg.vjp(ours, tg.tensor(z))
    their_value, their_pull = torch.func.vjp(theirs, torch.tensor(z))
    near(value, their_value)
    near(pull(tg.tensor(v))[0], their_pull(torch.tensor(v))[0])
    near(tg.jvp(ours, tg.tensor(z), tg.tensor(t))[1], torch.func.jvp(theirs, (torch.tensor(z),), (torch.tensor(t),))[1])

    def loss(z):
        return (z**3).imag.sum() + (z * z.conj()).real.sum() ** 2

    near(tg.grad(loss)(tg.tensor(z)), torch.func.grad(loss)(torch.tensor(z)))
    _, turned = torch.func.jvp(torch.func.grad(loss), (torch.tensor(z),), (torch.tensor(t),))
    near(tg.hvp(loss, tg.tensor(z), tg.tensor(t)), turned)


@pytest.mark.parametrize("copies", [1, 20])  # by rows, and by columns
def test_the_jacobian_of_a_complex_value_for_real_arguments(copies):
    a, x = plane((4, 3)), real((3,))
    found = tg.jacobian(lambda x: tg.stack([a @ x**2] * copies))(tg.tensor(x))
    np.testing.assert_allclose(found.numpy(), np.stack([a * (2 * x)] * copies), rtol=1e-12)


def test_no_matrix_is_the_derivative_for_complex_arguments():
    z = tg.tensor(plane((3,)))
    for transform in (tg.jacobian(tg.exp), tg.hessian(lambda z: tg.abs(z).sum())):
        with pytest.raises(TypeError, match=r"no matrix is the derivative: use tg.vjp or tg.jvp"):
            transform(z)
    with pytest.raises(TypeError, match="a tangent is complex, but its input is float64"):
        tg.jvp(tg.exp, tg.tensor(real((3,))), z)


# ---------------------------------------------------------------------- points without a derivative, cuts


@pytest.mark.parametrize("function", [tg.abs, tg.angle, tg.sign, tg.linalg.norm, tg.std, lambda z: tg.abs(z) ** 2])
def test_the_derivative_at_zero_is_taken_to_be_zero(function):
    z = tg.tensor(np.zeros(2, complex), requires_grad=True)
    out = function(z)
    (g,) = tg.autograd.grad(out, z, tg.ones_like(out), create_graph=True)
    np.testing.assert_array_equal(g.numpy(), 0)
    if g.requires_grad:
        (second,) = tg.autograd.grad(g, z, tg.ones_like(g), allow_unused=True)
        assert second is None or np.isfinite(second.numpy()).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_zero_gradient_that_arrives_at_a_singular_point_stays_zero():
    z = tg.tensor(np.array([0, 1 + 1j, -2]), requires_grad=True)
    for function in (tg.log, tg.sqrt, tg.reciprocal, lambda z: z**-2, lambda z: z**0.5, lambda z: 1 / z):
        z.grad = None
        tg.where(np.array([False, True, True]), function(z), 0).real.sum().backward()
        g = z.grad.numpy()
        assert g[0] == 0
        assert np.isfinite(g).all()


@pytest.mark.parametrize("name", ["arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh", "log", "sqrt"])
def test_at_a_cut_the_derivative_is_that_of_the_side_of_the_value(name, torch):
    torch_name = {"log": "log", "sqrt": "sqrt"}.get(name, name.replace("arc", "a"))
    cuts = [2.0, -2.0, 0.5, -0.5, 2j, -2j, complex(2, -0.0), complex(-2, -0.0), complex(-0.0, 2), complex(-0.0, -2)]
    a = np.array(cuts)
    z, theirs = tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    out, their_out = getattr(tg, name)(z), getattr(torch, torch_name)(theirs)
    same = np.isclose(out.numpy(), their_out.detach().numpy())  # on a cut the two may take the values of other sides
    assert same.sum() > 5
    (g,) = tg.autograd.grad(out, z, tg.ones(10, dtype=complex))
    (their_g,) = torch.autograd.grad(their_out, theirs, torch.ones(10, dtype=torch.complex128))
    np.testing.assert_allclose(g.numpy()[same], their_g.resolve_conj().numpy()[same], rtol=1e-12)


# ---------------------------------------------------------------------- linear algebra


@pytest.mark.parametrize("name", ["eigh", "svd"])
def test_a_gradient_that_depends_on_the_phase_of_a_vector_is_refused(name):
    a = plane((3, 3))
    z = tg.tensor(a + a.conj().T, requires_grad=True)
    for entry in (lambda v: (v * plane((3, 3), 5)).real.sum(), lambda v: v.imag.sum()):
        vectors = tg.linalg.eigh(z)[1] if name == "eigh" else tg.linalg.svd(z)[0]
        with pytest.raises(np.linalg.LinAlgError, match="determined up to a factor of absolute value 1"):
            entry(vectors).backward()


def test_eigenvectors_of_symmetric_matrices_as_complex_ones_give_the_same():
    a = real((3, 3)) + real((3, 3)).T + 3 * np.diag(np.arange(3))
    gradients = []
    for kind in (float, complex):
        z = tg.tensor(a.astype(kind), requires_grad=True)
        w, v = tg.linalg.eigh(z)
        (tg.abs(v) ** 2 * w).sum(axis=1)[0].backward()
        gradients.append(z.grad.numpy())
    np.testing.assert_allclose(gradients[1], gradients[0], atol=1e-12)


def test_the_determinant_of_a_singular_complex_matrix_has_a_derivative(torch):
    a = plane((3, 2), 1) @ plane((2, 3), 2)
    z, theirs = tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    tg.linalg.det(z).real.backward()
    torch.linalg.det(theirs).real.backward()
    np.testing.assert_allclose(z.grad.numpy(), theirs.grad.resolve_conj().numpy(), rtol=1e-9)
    assert gradcheck(tg.linalg.det, a, order=2)


# ---------------------------------------------------------------------- dtypes, parts, writing


@pytest.mark.parametrize("function", [tg.exp, tg.abs, tg.var, tg.fft.fft, lambda z: z @ z, lambda z: z**2, tg.angle])
def test_single_precision_stays_single_precision(function):
    z = tg.tensor(plane((3,)).astype(np.complex64), requires_grad=True)
    out = function(z)
    assert out.dtype in (np.complex64, np.float32)
    (tg.abs(out) ** 2).sum().backward()
    assert z.grad.dtype == np.complex64
    x = tg.tensor(real((3,)).astype(np.float32), requires_grad=True)
    assert (x * 1j).dtype == (1j + x).dtype == (x**2j).dtype == np.complex64
    (tg.abs(function(x * 1j)) ** 2).sum().backward()
    assert x.grad.dtype == np.float32


def test_python_numbers_and_lists_become_complex_of_the_default_float():
    assert tg.tensor(1j).dtype == tg.tensor([1, 2j]).dtype == np.complex64
    assert tg.full((2,), 1j).dtype == tg.linspace(0, 1j, 3).dtype == np.complex64
    assert tg.tensor(np.array(1j)).dtype == np.complex128
    x, z = tg.tensor(np.array([1.0])), tg.tensor(np.array([1j]))
    for found, expected in ((x * [0.1j], 0.1j), (z * [0.1], 0.1j), (tg.add(z, [0.1j]), 1.1j)):
        assert found.dtype == np.complex128
        assert found.item() == expected


def test_the_default_complex_is_that_of_the_default_float(float64):
    assert tg.tensor(1j).dtype == tg.full((2,), 1j).dtype == np.complex128


@pytest.mark.parametrize(
    "function", [lambda x: 1j * x, lambda x: 1j + x, lambda x: 1j - x, lambda x: 1j / x, lambda x: (1 + 1j) ** x]
)
def test_a_python_number_before_a_tensor_without_axes(function):
    x = tg.tensor(np.float64(2.0), requires_grad=True)
    assert isinstance(function(x).data, np.ndarray)
    assert gradcheck(function, x)


def test_the_parts_of_numbers_are_those_of_numpy():
    for a in (plane((2, 3)), real((2, 3)), np.array([1, -2]), np.asarray(3 - 4j), np.zeros((0, 2), complex)):
        t = tg.tensor(a)
        for ours, function in ((tg.real, np.real), (tg.imag, np.imag), (tg.conj, np.conj), (tg.conjugate, np.conj)):
            for found in (ours(t), function(t), ours(a)):
                np.testing.assert_array_equal(found.numpy(), function(a))
                assert found.dtype == function(a).dtype
        np.testing.assert_array_equal(t.real.numpy(), a.real)
        np.testing.assert_array_equal(t.imag.numpy(), a.imag)
        np.testing.assert_array_equal(t.conj().numpy(), t.conjugate().numpy())
        for deg in (False, True):
            np.testing.assert_allclose(np.angle(t, deg=deg).numpy(), np.angle(a, deg), rtol=1e-6)
    assert complex(tg.tensor(np.array(1 + 2j))) == 1 + 2j


def test_nothing_drops_an_imaginary_part_silently():
    x = tg.zeros(3)
    for index, value in ((0, 1j), ([0, 1], [1j, 0]), (slice(2), tg.tensor([1j, 0]))):
        with pytest.raises(TypeError, match="cannot write a complex value into a Tensor of dtype float32"):
            x[index] = value
    w = tg.ones(3, requires_grad=True)
    with tg.no_grad(), pytest.raises(TypeError, match="cannot write a complex value"):
        w[0] = 1j
    with pytest.raises(TypeError, match="cannot be filled with the complex number"):
        tg.full((2,), 1j, dtype=float)
    with pytest.raises(TypeError, match="cannot be filled with the complex number"):
        tg.full_like(x, 1j)
    with pytest.raises(TypeError, match="cannot put a value of dtype complex128"):
        w.data = np.ones(3, complex)
    z = tg.zeros(3, dtype=complex)
    z[0] = w[0]
    (z[0] * 2j).imag.backward()
    np.testing.assert_array_equal(w.grad.numpy(), [2, 0, 0])


def test_random_complex_numbers():
    tg.manual_seed(0)
    z, u = tg.randn(20_000, dtype=complex).numpy(), tg.rand(20_000, dtype=np.complex64).numpy()
    assert (z.dtype, u.dtype) == (np.complex128, np.complex64)
    np.testing.assert_allclose([np.mean(np.abs(z) ** 2), z.real.var(), z.imag.var()], [1, 0.5, 0.5], rtol=0.03)
    np.testing.assert_allclose([u.real.mean(), u.imag.mean()], [0.5, 0.5], rtol=0.03)
    assert abs(np.mean(z.real * z.imag)) < 0.02
    assert u.real.min() >= 0
    assert u.imag.max() <= 1


def test_complex_parameters_are_initialised_in_the_plane_or_not_at_all():
    tg.manual_seed(0)
    w = tg.nn.Parameter(np.zeros((100, 200), complex))
    for fill, variance in (
        (nn.init.normal_, 1.0),
        (nn.init.xavier_normal_, 2 / 300),
        (nn.init.kaiming_normal_, 2 / 200),
    ):
        z = fill(w).numpy()
        np.testing.assert_allclose([z.real.var(), z.imag.var()], [variance / 2] * 2, rtol=0.05)
    for name in ("uniform_", "xavier_uniform_", "kaiming_uniform_", "orthogonal_", "trunc_normal_"):
        with pytest.raises(TypeError, match="real values would be drawn for a Tensor of dtype complex128; use normal_"):
            getattr(nn.init, name)(w)


def test_copies_and_files_keep_complex_numbers(tmp_path):
    z = tg.tensor(plane((2, 2)), requires_grad=True)
    tg.save({"z": z}, tmp_path / "z.npz")
    np.testing.assert_array_equal(np.asarray(tg.load(tmp_path / "z.npz")["z"]), z.numpy())
    assert z.detach().dtype == np.complex128


def test_the_cosine_of_complex_vectors_is_refused():
    with pytest.raises(TypeError, match="cosine_similarity is for real numbers"):
        F.cosine_similarity(tg.tensor([[1j, 1.0]]), tg.tensor([[1.0, 2.0]]))
