"""Derivatives as functions, against closed forms and PyTorch."""

import threading

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.tensors import close
from tinygrad_ml import nn

random = np.random.default_rng(0)
A, B = random.normal(size=(4, 3)), random.normal(size=(3, 5))
X, V = random.normal(size=4), random.normal(size=4)


def smooth(x):
    """R^4 -> R, written in plain NumPy, with a full Hessian."""
    return np.sum(np.tanh(A.T @ x) ** 2) + np.prod(x) * np.exp(-np.sum(x * x) / 4)


def field(x):
    """R^4 -> R^3."""
    return np.sin(A.T @ x) * x[:3] ** 2


@pytest.fixture
def in_torch(torch):
    a = torch.tensor(A)

    def smooth(x):
        return (torch.tanh(a.T @ x) ** 2).sum() + x.prod() * torch.exp(-(x * x).sum() / 4)

    def field(x):
        return torch.sin(a.T @ x) * x[:3] ** 2

    return smooth, field, torch.tensor(X), torch.tensor(V)


# ---------------------------------------------------------------------- grad, value_and_grad


def test_grad_of_a_number_is_the_derivative():
    assert tg.grad(lambda x: x**3 - 2 * x)(2.0).item() == 10.0


def test_grad_of_an_array_is_that_of_pytorch(torch, in_torch):
    close(tg.grad(smooth)(X), torch.func.grad(in_torch[0])(in_torch[2]))


def test_value_and_grad_gives_the_value_too():
    value, gradient = tg.value_and_grad(lambda x: (x * x).sum())(tg.tensor(X))
    close(value, X @ X)
    close(gradient, 2 * X)
    assert not value.requires_grad
    assert not gradient.requires_grad


@pytest.mark.parametrize("argnums", [0, 1, -1, (0,), (1, 0), [0, 2], (0, 1, 2)])
def test_argnums_choose_the_arguments_and_the_form_of_the_result(argnums):
    expected = (2 * X * V[0], (X @ X) * np.eye(4)[0], np.array(3.0))
    found = tg.grad(lambda x, y, z: (x * x).sum() * y[0] + 3 * z, argnums)(X, V, np.float64(7.0))
    if isinstance(argnums, int):
        close(found, expected[argnums])
    else:
        assert isinstance(found, tuple)
        for k, g in zip(argnums, found):
            close(g, expected[k])


def test_other_arguments_arrive_as_they_are():
    seen = []

    def loss(x, labels, *, scale):
        seen.append((labels, scale))
        return (x * scale).sum()

    labels = [1, 2]
    close(tg.grad(loss)(X, labels, scale=3.0), np.full(4, 3.0))
    assert seen[0][0] is labels
    assert seen[0][1] == 3.0


def test_the_derivative_has_the_name_and_the_description_of_the_function():
    assert tg.grad(smooth).__name__ == "smooth"
    assert tg.hessian(smooth).__doc__ == smooth.__doc__


def test_the_gradient_of_an_argument_that_is_not_used_is_zero():
    close(tg.grad(lambda x, y: x.sum(), argnums=1)(tg.tensor(X), V), np.zeros(4))


def test_the_gradient_of_a_constant_function_is_zero():
    close(tg.grad(lambda x: tg.tensor(3.0))(X), np.zeros(4))


def test_the_gradient_of_the_identity_is_one():
    value, gradient = tg.value_and_grad(lambda x: x)(2.0)
    assert (value.item(), gradient.item()) == (2.0, 1.0)


def test_float32_stays_float32():
    assert tg.grad(smooth)(X.astype(np.float32)).dtype == np.float32
    assert tg.hessian(lambda x: (x**3).sum())(X.astype(np.float32)).dtype == np.float32
    assert tg.jvp(lambda x: x**2, tg.tensor([1.0, 2.0]), V[:2])[1].dtype == np.float32


def test_arguments_and_their_grad_are_left_alone():
    x = tg.tensor(X, requires_grad=True)
    tg.grad(smooth)(x)
    tg.hessian(smooth)(x)
    assert x.grad is None
    close(x.detach(), X)


# ---------------------------------------------------------------------- nesting


def test_grad_nests_to_the_fourth_order():
    function, expected = np.sin, np.sin(0.7)
    for derivative in (np.cos(0.7), -np.sin(0.7), -np.cos(0.7), np.sin(0.7)):
        close(function(tg.tensor(0.7, dtype=float)), expected)
        function, expected = tg.grad(function), derivative
    close(function(np.float64(0.7)), expected)


def test_nested_derivatives_do_not_confuse_their_variables():
    # d/dx (x * d/dy (x + y)) = 1; a confusion of the two variables gives 2
    assert tg.grad(lambda x: x * tg.grad(lambda y: x + y)(x))(1.0).item() == 1.0
    # d/dx (x * d/dy (x * y)) = 2 x
    assert tg.grad(lambda x: x * tg.grad(lambda y: x * y)(2.0))(3.0).item() == 6.0


def test_the_gradient_can_be_differentiated_for_a_variable_from_outside():
    w = tg.tensor(X, requires_grad=True)
    g = tg.grad(lambda x: (w * x**3).sum())(V)
    g.sum().backward()
    close(w.grad, 3 * V**2)


def test_the_gradient_at_a_tensor_that_requires_a_gradient_is_recorded():
    x = tg.tensor(X, requires_grad=True)
    value, g = tg.value_and_grad(lambda x: (x**3).sum())(x)
    close(tg.autograd.grad(g, x, tg.tensor(V), retain_graph=True)[0], 6 * X * V)
    close(tg.autograd.grad(value, x)[0], 3 * X**2)


def test_value_and_pull_of_vjp_nest():
    def norm_of_the_pull(x):
        value, pull = tg.vjp(lambda y: y**3, x)
        return (pull(value)[0] ** 2).sum()  # sum of (3 x^5)^2

    close(tg.grad(norm_of_the_pull)(X), 90 * X**9)


def test_jvp_nests():
    along = tg.grad(lambda x: tg.jvp(lambda y: (y**4).sum(), x, V)[1])
    close(along(X), 12 * X**2 * V)


def test_jacobian_of_grad_is_the_hessian():
    close(tg.jacobian(tg.grad(smooth))(X), tg.hessian(smooth)(X))


def test_third_derivatives_are_those_of_pytorch(torch, in_torch):
    expected = torch.func.jacrev(torch.func.jacrev(torch.func.jacrev(in_torch[0])))(in_torch[2])
    close(tg.jacobian(tg.hessian(smooth))(X), expected)


# ---------------------------------------------------------------------- vjp, jvp


def test_vjp_is_that_of_pytorch_and_can_be_called_again(torch, in_torch):
    value, pull = tg.vjp(field, X)
    _, their_pull = torch.func.vjp(in_torch[1], in_torch[2])
    close(value, field(X))
    for cotangent in np.eye(3):
        close(pull(cotangent)[0], their_pull(torch.tensor(cotangent))[0])


def test_vjp_of_several_inputs():
    _, pull = tg.vjp(lambda a, b: a @ b, A, B)
    g = random.normal(size=(4, 5))
    for found, expected in zip(pull(g), (g @ B.T, A.T @ g)):
        close(found, expected)


def test_vjp_is_linear_in_a_cotangent_that_requires_a_gradient():
    cotangent = tg.tensor(V[:3], requires_grad=True)
    _, pull = tg.vjp(field, X)
    (x_bar,) = pull(cotangent)
    close(tg.autograd.grad(x_bar, cotangent, tg.tensor(V))[0], tg.jvp(field, X, V)[1])


def test_jvp_is_that_of_pytorch(torch, in_torch):
    value, slope = tg.jvp(field, (X,), (V,))
    _, their_slope = torch.autograd.functional.jvp(in_torch[1], in_torch[2], in_torch[3])
    close(value, field(X))
    close(slope, their_slope)


def test_jvp_of_several_inputs():
    da, db = random.normal(size=A.shape), random.normal(size=B.shape)
    close(tg.jvp(lambda a, b: a @ b, (A, B), (da, db))[1], da @ B + A @ db)


def test_jvp_at_points_without_a_derivative():
    # both paths are infinite at 0, and must not cancel
    _, slope = tg.jvp(lambda x: tg.stack([tg.sqrt(x), -tg.sqrt(x)]), 0.0, 1.0)
    assert slope.tolist() == [np.inf, -np.inf]
    _, slope = tg.jvp(lambda x: tg.where(x > 0, tg.sqrt(x), 0.0), [0.0, 4.0], [1.0, 1.0])
    close(slope, [0.0, 0.25])


def test_jvp_of_what_does_not_depend_on_the_input_is_zero():
    close(tg.jvp(lambda x: tg.ones(3), X, V)[1], np.zeros(3))


# ---------------------------------------------------------------------- jacobian, hessian, hvp


def test_jacobian_is_that_of_pytorch(torch, in_torch):
    close(tg.jacobian(field)(X), torch.func.jacrev(in_torch[1])(in_torch[2]))


def test_a_tall_jacobian_is_right_too():
    points = np.linspace(-1, 1, 50)
    close(
        tg.jacobian(lambda x: np.exp(x[0] * points) + x[1])(X[:2]),
        np.stack([points * np.exp(X[0] * points), 1 + 0 * points], 1),
    )
    close(tg.jacobian(lambda x: tg.stack([np.sqrt(x), -np.sqrt(x)] * 3))(np.float64(0.0)), [np.inf, -np.inf] * 3)


def test_jacobian_of_matrices_has_the_axes_of_value_and_argument():
    by_a, by_b = tg.jacobian(lambda a, b: a @ b, argnums=(0, 1))(A, B)
    close(by_a, np.einsum("ik,lj->ijkl", np.eye(4), B))
    close(by_b, np.einsum("il,jk->ijlk", A, np.eye(5)))


def test_jacobian_of_an_empty_value():
    assert tg.jacobian(lambda x: x[:0])(X).shape == (0, 4)


def test_hessian_is_that_of_pytorch_and_symmetric_to_rounding(torch, in_torch):
    found = tg.hessian(smooth)(X)
    close(found, torch.autograd.functional.hessian(in_torch[0], in_torch[2]))
    close(found, found.T, 1e-15)


def test_hessian_of_several_arguments_has_blocks():
    blocks = tg.hessian(lambda x, y: (x**2).sum() * y[0] + x[0] * y[1] ** 2, argnums=(0, 1))(X, V)
    close(blocks[0][0], 2 * V[0] * np.eye(4))
    close(blocks[0][1], np.outer(2 * X, np.eye(4)[0]) + 2 * V[1] * np.outer(np.eye(4)[0], np.eye(4)[1]))
    close(blocks[1][0], blocks[0][1].T)
    close(blocks[1][1], 2 * X[0] * np.diag([0, 1, 0, 0]))


def test_hessian_of_a_linear_function_is_zero():
    close(tg.hessian(lambda x: (3 * x).sum())(X), np.zeros((4, 4)))


def test_hvp_is_the_hessian_times_the_vector():
    close(tg.hvp(smooth, X, V), tg.hessian(smooth)(X) @ V)
    assert isinstance(tg.hvp(smooth, (X,), (V,)), tuple)


def test_hvp_of_several_inputs_is_that_of_pytorch(torch):
    def product(a, b):
        return ((a @ b) ** 2).sum()

    found = tg.hvp(product, (A, B), (2 * A, 3 * B))
    inputs = (torch.tensor(A), torch.tensor(B))
    expected = torch.autograd.functional.hvp(product, inputs, (2 * inputs[0], 3 * inputs[1]))[1]
    for a, b in zip(found, expected):
        close(a, b)


def test_the_hessian_of_the_logistic_loss_is_its_closed_form():
    datasets = pytest.importorskip("sklearn.datasets")
    features, target = datasets.load_breast_cancer(return_X_y=True)
    features = (features - features.mean(0)) / features.std(0)
    n, design = len(target), np.column_stack([features, np.ones(len(target))])
    weights = np.random.default_rng(1).normal(size=31) * 0.3

    def loss(w, b):
        logits = features @ w + b
        return np.mean(np.logaddexp(0, logits) - target * logits)

    p = 1 / (1 + np.exp(-design @ weights))
    expected = design.T @ (design * (p * (1 - p))[:, None]) / n
    (ww, wb), (bw, bb) = tg.hessian(loss, argnums=(0, 1))(weights[:30], weights[30])
    close(ww, expected[:30, :30], 1e-12)
    close(wb, expected[:30, 30], 1e-12)
    close(bw, expected[30, :30], 1e-12)
    close(bb, expected[30, 30], 1e-12)

    fused = tg.hessian(lambda v: nn.functional.binary_cross_entropy_with_logits(design @ v, tg.tensor(target * 1.0)))
    close(fused(weights), expected, 1e-12)


# ---------------------------------------------------------------------- Modules


@pytest.fixture
def model():
    tg.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    for p in net.parameters():
        p.data = p.data.astype(np.float64)
    return net


def loss_of(model, x):
    return (model(x) ** 2).mean()


def test_the_gradient_for_a_module_is_a_dict_by_the_names_of_its_parameters(model):
    value, gradients = tg.value_and_grad(loss_of)(model, A.astype(np.float32))
    expected = loss_of(model, A.astype(np.float32))
    expected.backward()
    assert value.item() == expected.item()
    assert list(gradients) == [name for name, _ in model.named_parameters()]
    for name, p in model.named_parameters():
        close(gradients[name], p.grad)
        assert not gradients[name].requires_grad


def test_frozen_parameters_are_left_out(model):
    next(model.parameters()).requires_grad = False
    assert list(tg.grad(loss_of)(model, A.astype(np.float32))) == ["0.bias", "2.weight", "2.bias"]


def test_module_and_input_together(model):
    gradients, x_bar = tg.grad(loss_of, argnums=(0, 1))(model, A.astype(np.float32))
    assert set(gradients) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert x_bar.shape == A.shape


def test_hessian_and_hvp_for_a_module(model):
    x = A.astype(np.float32)
    blocks = tg.hessian(loss_of)(model, x)
    assert blocks["0.weight"]["2.bias"].shape == (4, 3, 2)
    tangents = {name: np.ones(p.shape) for name, p in model.named_parameters()}
    product = tg.hvp(lambda m: loss_of(m, x), (model,), (tangents,))[0]
    for name, row in blocks.items():
        summed = sum(
            block.numpy().reshape(*row[name].shape[: product[name].ndim], -1).sum(-1) for block in row.values()
        )
        np.testing.assert_allclose(product[name].numpy(), summed, rtol=1e-4, atol=1e-6)


def test_a_penalty_on_the_gradient_for_a_module_nests():
    class Cubic(nn.Module):
        def __init__(self):
            self.w = nn.Parameter(np.array([1.0, 2.0]))

    def penalty(model):
        return (tg.grad(lambda m: (m.w**3).sum())(model)["w"] ** 2).sum()  # sum of 9 w^4

    close(tg.grad(penalty)(Cubic())["w"], 36 * np.array([1.0, 8.0]))


# ---------------------------------------------------------------------- modes and threads


def test_inside_of_no_grad_derivatives_are_computed_but_not_recorded():
    x = tg.tensor(X, requires_grad=True)
    with tg.no_grad():
        value, g = tg.value_and_grad(smooth)(x)
        h = tg.hessian(smooth)(x)
        assert not tg.is_grad_enabled()
    assert not any(t.requires_grad for t in (value, g, h))
    close(g, tg.grad(smooth)(X))
    close(h, tg.hessian(smooth)(X))


def test_what_the_function_does_under_no_grad_is_a_constant():
    def partly(x):
        with tg.no_grad():
            constant = x * x
        return (constant * x).sum()

    close(tg.grad(partly)(X), X**2)


def test_modes_are_restored_when_the_function_raises():
    def wrong(x):
        raise KeyError("wrong")

    with tg.no_grad():
        with pytest.raises(KeyError, match="wrong"):
            tg.grad(wrong)(X)
        assert not tg.is_grad_enabled()
    assert not tg.grad(lambda m: (m.w * m.w).sum())(_Line())["w"].requires_grad


class _Line(nn.Module):
    def __init__(self):
        self.w = nn.Parameter([1.0])


def test_threads_do_not_disturb_one_another():
    shared = tg.tensor(X, requires_grad=True)
    expected = tg.hessian(smooth)(X)
    results = {}

    def work(k):
        with tg.no_grad() if k % 2 else tg.enable_grad():
            results[k] = [tg.hessian(smooth)(shared) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(4):
        for h in results[k]:
            close(h.detach(), expected)
            assert h.requires_grad == (k % 2 == 0)


def test_the_same_derivative_may_be_used_in_several_threads():
    derivative, found = tg.grad(smooth), [None] * 4

    def work(k):
        found[k] = derivative(X + k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(4):
        close(found[k], derivative(X + k))


# ---------------------------------------------------------------------- errors


@pytest.mark.parametrize("transform", [tg.grad, tg.value_and_grad, tg.hessian])
def test_a_value_that_is_not_a_single_number_is_refused(transform):
    with pytest.raises(ValueError, match=r"must return a single number, but its value has shape \(4,\)"):
        transform(lambda x: x * 2)(X)


@pytest.mark.parametrize("transform", [tg.grad, tg.jacobian, tg.hessian])
def test_whole_numbers_are_floats_to_transforms_and_bools_have_no_derivative(transform):
    for x in (3, [3, 4], np.array([3, 4]), tg.tensor([3, 4])):
        floating = np.asarray(x, float)
        close(transform(lambda x: (x**3).sum())(x), transform(lambda x: (x**3).sum())(floating))
    with pytest.raises(TypeError, match="argument 0 has dtype bool"):
        transform(lambda x: x.sum())(np.array([True]))
    with pytest.raises(TypeError, match="must return one floating Tensor, not Tensor of dtype int64"):
        transform(tg.argmax)(X)


def test_what_is_not_a_tensor_any_more_is_refused():
    with pytest.raises(TypeError, match=r"not float; what went through \.item"):
        tg.grad(lambda x: x.sum().item())(X)


def test_wrong_shapes_and_numbers_of_tangents_are_refused():
    with pytest.raises(ValueError, match=r"jvp: a tangent has shape \(3,\), but its input has shape \(4,\)"):
        tg.jvp(smooth, X, V[:3])
    with pytest.raises(ValueError, match="hvp: there are 1 inputs but 2 tangents"):
        tg.hvp(smooth, (X,), (V, V))
    with pytest.raises(ValueError, match=r"vjp: the cotangent has shape \(4,\), but the value has shape \(3,\)"):
        tg.vjp(field, X)[1](V)
    with pytest.raises(TypeError, match=r"input 0 is a Module, so its tangent must be a dict with the names \['w'\]"):
        tg.jvp(lambda m: m.w * 2, _Line(), np.ones(1))


def test_argnums_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="argnums has 1, but the function was called with 1 arguments"):
        tg.grad(smooth, argnums=1)(X)
    with pytest.raises(ValueError, match="called with 0 arguments by position; those to differentiate for cannot"):
        tg.grad(lambda x: x.sum())(x=X)
    with pytest.raises(ValueError, match=r"argnums has an argument twice: \(0, -2\)"):
        tg.grad(lambda x, y: (x * y).sum(), argnums=(0, -2))(X, X)


def _filled(x):
    y = np.zeros(4)
    for i in range(4):
        y[i] = x.numpy()[i] ** 2
    return y


@pytest.mark.parametrize(
    ("function", "x", "message"),
    [
        (_filled, X, r"not ndarray; what is written into an array .* np\.zeros_like\(x\)"),
        (lambda x: print(end=""), X, "not NoneType; does it lack its `return`"),
        (lambda x: {"a": x.sum()}, X, r"not dict; tg\.func"),
        (lambda x: (x.sum(), {"a": x}), X, r"not a tuple of \['Tensor', 'dict'\]; tg\.func .* has_aux=True"),
        (lambda x: [x.sum(), None], X, r"not a list of \['Tensor', 'NoneType'\]"),
        (smooth, {"a": X}, r"argument 0 is a dict, and must be one Tensor or array; tg\.func has"),
        (smooth, [np.ones(2), np.ones(3)], "argument 0 is a list, and must be one Tensor or array"),
    ],
)
@pytest.mark.parametrize("transform", [tg.grad, tg.value_and_grad, tg.jacobian, tg.hessian])
def test_what_is_no_tensor_is_refused_with_what_to_do(transform, function, x, message):
    with pytest.raises(TypeError, match=message):
        transform(function)(x)


def test_the_arguments_of_jax_lead_to_their_place():
    with pytest.raises(TypeError, match=r"'has_aux'; here it is tg\.func\.grad\(f, has_aux=True\)"):
        tg.grad(smooth, has_aux=True)


# ---------------------------------------------------------------------- a point in the place of argnums


@pytest.mark.parametrize("name", ["grad", "value_and_grad", "jacobian", "hessian"])
@pytest.mark.parametrize("second", [tg.ones(2), np.ones(2), 1.5, [1.0], (0, 1.0), "x", True, None])
def test_a_point_given_as_argnums_is_noticed_at_once(name, second):
    with pytest.raises(TypeError, match=rf"is argnums.*tg\.{name}\(f\)\(x\)"):
        getattr(tg, name)(lambda x: x.sum(), second)


@pytest.mark.parametrize("name", ["grad", "value_and_grad", "jacobian", "hessian"])
def test_a_computed_loss_in_the_place_of_the_function_is_noticed(name):
    w = tg.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match=r"tg\.autograd\.grad\(loss, w\)"):
        getattr(tg, name)((w * w).sum(), w)
    with pytest.raises(TypeError, match="takes a function, not int"):
        getattr(tg, name)(3)


@pytest.mark.parametrize("argnums", [0, np.int64(0), -1])
def test_argnums_may_be_any_integer(argnums):
    close(tg.grad(lambda x: (x**2).sum(), argnums)(X), 2 * X)
    close(tg.grad(lambda x: (x**2).sum(), [argnums])(X)[0], 2 * X)


# ---------------------------------------------------------------------- arrays in, arrays out


def _flat(result):
    """Return the leaves of a result."""
    if isinstance(result, dict):
        result = tuple(result.values())
    return [leaf for part in result for leaf in _flat(part)] if isinstance(result, tuple) else [result]


def _kinds(result):
    return {type(leaf) for leaf in _flat(result)}


TRANSFORMS = {
    "grad": lambda x: tg.grad(smooth)(x),
    "value_and_grad": lambda x: tg.value_and_grad(smooth)(x),
    "jacobian": lambda x: tg.jacobian(lambda x: x**2)(x),
    "jacobian by columns": lambda x: tg.jacobian(lambda x: tg.concatenate([x**k for k in range(20)]))(x),
    "hessian": lambda x: tg.hessian(smooth)(x),
    "hvp": lambda x: tg.hvp(smooth, x, x),
    "jvp": lambda x: tg.jvp(lambda x: x**2, x, x),
    "vjp": lambda x: (lambda value, pull: (value, pull(x)))(*tg.vjp(lambda x: x**2, x)),
    "vmap": lambda x: tg.vmap(lambda x: (x * 2, {"square": x * x}))(x),
    "func.grad": lambda x: tg.func.grad(lambda d: smooth(d["x"]))({"x": x}),
    "func.jacrev": lambda x: tg.func.jacrev(lambda x: (x**2, {"sum": x.sum()}))(x),
    "func.hessian": lambda x: tg.func.hessian(smooth)(x),
    "func.vjp": lambda x: (lambda value, pull: (value, pull(x)))(*tg.func.vjp(lambda x: x**2, x)),
    "aux": lambda x: tg.func.grad(lambda x: (smooth(x), {"x": x, "sums": (x.sum(), x * 2)}), has_aux=True)(x),
    # with a derivative in the function, for a variable of its own
    "slopes": lambda x: tg.value_and_grad(lambda w: (tg.jacobian(lambda t: w * t**3)(X) ** 2).sum())(x),
    "slope": lambda x: tg.hessian(lambda w: tg.grad(lambda t: smooth(w * t))(np.ones(4)).sum())(x),
    "curvature": lambda x: tg.jacobian(lambda w: tg.hessian(lambda t: (w * t**3).sum())(X))(x),
    "product": lambda x: tg.grad(lambda w: (tg.hvp(lambda t: (w * t**3).sum(), X, V) ** 2).sum())(x),
    "direction": lambda x: tg.grad(lambda w: (tg.jvp(lambda t: w * t**3, X, V)[1] ** 2).sum())(x),
    "pulled": lambda x: tg.grad(lambda w: (tg.vjp(lambda t: w * t**3, X)[1](V)[0] ** 2).sum())(x),
    "slope of each": lambda x: tg.grad(lambda w: tg.vmap(tg.grad(lambda t: (w * t**3).sum()))(X).sum())(x),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_arrays_in_arrays_out(name):
    x = X
    from_arrays, from_tensors = TRANSFORMS[name](x), TRANSFORMS[name](tg.tensor(x))
    assert _kinds(from_arrays) <= {np.ndarray, np.float64}
    assert _kinds(from_tensors) == {tg.Tensor}
    for one, other in zip(_flat(from_arrays), _flat(from_tensors), strict=True):
        np.testing.assert_array_equal(one, other)


def test_arrays_that_come_out_are_the_callers_own():
    x = np.array([1.0, 2.0])
    gradient = tg.grad(lambda x: x.sum())(x)
    gradient += 1
    value, pull = tg.vjp(lambda x: x * 1.0, x)
    value[:] = 7
    np.testing.assert_array_equal(pull(x)[0], [1, 2])
    np.testing.assert_array_equal(tg.grad(lambda x: x.sum())(x), [1, 1])


def test_one_number_comes_out_as_numpy_gives_it():
    cube = lambda x: x**3
    assert type(tg.grad(cube)(np.float64(2.0))) is np.float64
    assert type(tg.grad(cube)(np.array(2.0))) is np.float64
    assert type(tg.grad(tg.grad(cube))(np.float32(2.0))) is np.float32
    assert type(tg.grad(cube)(2.0)) is tg.Tensor
    assert type(tg.grad(cube)([2.0, 3.0][0])) is tg.Tensor


def test_what_is_mixed_or_recorded_is_a_tensor():
    product = lambda x, y: (x * y).sum()
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert _kinds(tg.grad(product, argnums=(0, 1))(x, tg.tensor(y))) == {tg.Tensor}
    assert _kinds(tg.grad(product, argnums=(0, 1))(x, 2.0)) == {np.ndarray, np.float32}
    assert _kinds(tg.grad(product)(x, tg.tensor(y))) == {np.ndarray}
    w = tg.tensor([3.0, 4.0], requires_grad=True, dtype=np.float64)
    found = tg.grad(lambda x: (x**2 * w).sum())(x)
    found.sum().backward()
    np.testing.assert_array_equal(w.grad, 2 * x)
    model = tg.nn.Linear(2, 1)
    assert _kinds(tg.grad(lambda model, x: model(x).sum())(model, x.astype(np.float32))) == {tg.Tensor}


def test_whole_numbers_of_numpy_have_the_digits_of_numpy():
    for x in (np.array([3, 4]), np.int64(3), np.array(3, np.int32)):
        found = tg.grad(lambda x: tg.sum(x**0.5))(x)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, 0.5 * x**-0.5, rtol=1e-15)


def test_a_variable_outside_counts_while_its_function_runs():
    x = np.array([1.0, 2.0])
    kept = []

    def outer(w):
        kept.append(tg.value_and_grad(lambda t: (w * t**2).sum())(x))
        return kept[0][1].sum()

    np.testing.assert_array_equal(tg.grad(outer)(x), 2 * x)
    assert all(isinstance(t, tg.Tensor) and t.requires_grad for t in kept[0])


def test_a_function_may_return_a_list_of_numbers_as_for_scipy():
    def motion(t, y):
        return [y[1], -t * y[0], 1.0]

    y = np.array([0.5, 2.0])
    np.testing.assert_array_equal(tg.jacobian(motion, argnums=1)(3.0, y), [[0, 1], [-3, 0], [0, 0]])
    np.testing.assert_array_equal(tg.jacobian(lambda y: (y[1], y[0] * y[1]))(y), [[0, 1], [2, 0.5]])
    np.testing.assert_array_equal(tg.jacobian(lambda y: [[y[1], 0.1], [2 * y[0], y[0]]])(y)[1], [[2, 0], [1, 0]])
    assert tg.vjp(lambda y: [y[0], 0.1], y)[0][1] == 0.1
    with pytest.raises(TypeError, match=r"not a tuple of the shapes \[\(2,\), \(\)\]"):
        tg.jacobian(lambda y: (y, y[0]))(y)


def test_under_vmap_arrays_give_arrays():
    x = np.arange(6.0).reshape(3, 2)
    found = tg.vmap(tg.grad(lambda x: (x**3).sum()))(x)
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, 3 * x**2)
    assert type(tg.vmap(lambda x, y: x * y, in_axes=(0, None))(x, tg.ones(2))) is np.ndarray
    assert type(tg.vmap(lambda x, y: x * y)(x, tg.tensor(x))) is tg.Tensor
