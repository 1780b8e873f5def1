"""Gradient checks of functions of PyTorch and JAX."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.testing import GradientCheckError, from_jax, from_torch, gradcheck

X = np.random.default_rng(0).normal(size=(3, 4))


def wrong_in_torch(torch):
    """Return functions whose gradients are wrong on purpose, each with what the check must say."""

    def square(rule):
        class Square(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x**2

            @staticmethod
            def backward(ctx, g):
                return rule(ctx.saved_tensors[0], g)

        return Square.apply

    return {
        "5 times too large": square(lambda x, g: 10 * x * g),
        "wrong sign": square(lambda x, g: -2 * x * g),
        "gets no gradient": lambda x: torch.tensor(x.detach().numpy() ** 2),
        "2 times too small": lambda x: x.detach() * x,
        "Square": square(lambda x, g: 3 * x * g),
    }


@pytest.mark.parametrize(
    "verdict", ["5 times too large", "wrong sign", "gets no gradient", "2 times too small", "Square"]
)
def test_the_verdict_on_a_wrong_function_of_pytorch(verdict, torch):
    with pytest.raises(GradientCheckError, match=verdict):
        gradcheck(from_torch(wrong_in_torch(torch)[verdict]), X)


def test_a_transposed_gradient(torch):
    class Flip(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.T.clone()

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(GradientCheckError, match="axes of the incoming gradient are exchanged"):
        gradcheck(from_torch(Flip.apply), X[:, :3])


def test_right_functions_of_pytorch_pass_to_second_order(torch):
    assert gradcheck(from_torch(torch.tanh), X, order=2)
    assert gradcheck(from_torch(lambda a, b: (a @ b, a.sum())), (X, X.T.copy()), order=2)
    assert gradcheck(from_torch(lambda x, i: torch.nn.functional.cross_entropy(x, i)), (X, np.array([0, 3, 1])))
    assert "kink" in str(gradcheck(from_torch(lambda x: x.relu()), np.array([0.0, 1.0, -1.0])))


def test_a_module_of_pytorch_is_checked_with_its_parameters_and_stays_as_it_is(torch):
    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Tanh(), torch.nn.Linear(3, 2))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    report = gradcheck(from_torch(net), X)
    assert {c.name for c in report.comparisons} >= {"0.weight", "0.bias", "1.weight", "3.bias"}
    assert "Sequential" in str(report)
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])
        assert value.dtype == before[name].dtype
    assert all(p.grad is None for p in net.parameters())


def test_a_wrong_module_of_pytorch_is_named(torch):
    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(4))
            self.bias = torch.nn.Parameter(torch.ones(4))

        def forward(self, x):
            return x * self.weight + self.bias.detach() * 2

    with pytest.raises(GradientCheckError, match="bias gets no gradient"):
        gradcheck(from_torch(Layer()), X)


def test_functions_of_jax():
    jax = pytest.importorskip("jax")
    assert gradcheck(from_jax(jax.numpy.tanh), X, order=2)
    assert gradcheck(from_jax(jax.jit(lambda a, i: a[i].sum() * a)), (X, np.array([0, 1])))

    @jax.custom_vjp
    def square(x):
        return x**2

    square.defvjp(lambda x: (x**2, x), lambda x, g: (10 * x * g,))
    with pytest.raises(GradientCheckError, match="5 times too large"):
        gradcheck(from_jax(square), X)
    assert jax.numpy.ones(1).dtype == np.float32  # the configuration is as it was


def test_they_are_functions_of_tensors_like_others(torch):
    x = tg.tensor(X, requires_grad=True)
    y = from_torch(torch.exp)(x) * 2
    y.sum().backward()
    np.testing.assert_allclose(x.grad, 2 * np.exp(X), rtol=1e-12)


@pytest.mark.parametrize("adapter", [from_torch, from_jax])
def test_mistakes(adapter):
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    with pytest.raises(TypeError, match="must be callable, not ndarray"):
        adapter(X)


def test_pytorch_is_seen_by_the_module_or_by_the_inputs(torch):
    x = torch.tensor(X, dtype=torch.float32)
    assert gradcheck(torch.nn.Linear(4, 2), X).entries == gradcheck(torch.nn.Linear(4, 2), x).entries == 12 + 10
    wrong = wrong_in_torch(torch)["5 times too large"]
    for inputs in (x, (x,), [x]):
        with pytest.raises(GradientCheckError, match="5 times too large"):
            gradcheck(wrong, inputs)
    asking = torch.ones(2, dtype=torch.double, requires_grad=True)
    report = gradcheck(lambda a, b: (a.detach() * b).sum(), (torch.ones(2, dtype=torch.double), asking))
    assert report.entries == 2  # only what requires a gradient, as in PyTorch
    assert asking.grad is None


def test_a_pair_of_functions_of_pytorch_is_checked_as_one_of_arrays(torch):
    x, y = torch.tensor(X), torch.tensor(X.T.copy())

    def f(w):
        return (torch.tanh(w) @ y).sum()

    report = gradcheck((f, lambda w: (1 - torch.tanh(w) ** 2) * y.sum(1)), x)
    assert report.entries == 12
    assert [part.name for part in report.comparisons] == ["w"]
    with pytest.raises(GradientCheckError, match="w: the gradient has the wrong sign"):
        gradcheck((f, lambda w: -(1 - torch.tanh(w) ** 2) * y.sum(1)), (x,))
    pair = (lambda a, b: a @ b, lambda g, a, b: (g @ b.T, a.T @ g))
    assert gradcheck(pair, (x, y)).entries == 24


def test_jax_is_seen_by_the_inputs():
    jax = pytest.importorskip("jax")
    x = jax.numpy.asarray(X)
    assert gradcheck(lambda x, y: jax.numpy.tanh(x) @ y, (x, x.T)).entries == 24


COMPLEX = {
    "squares of sizes": lambda z, lib: (z * z.conj()).real.sum(),
    "a product": lambda z, lib: z * z * (2 - 1j),
    "sizes": lambda z, lib: lib.abs(z),
    "conjugates": lambda z, lib: lib.conj(z) * 1j,
    "an exponential": lambda z, lib: lib.exp(z).imag,
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_functions(name, torch):
    z = np.random.default_rng(0).normal(size=(3, 2)) + 1j
    assert tg.testing.gradcheck(tg.testing.from_torch(lambda z: COMPLEX[name](z, torch)), z, order=2)
    jax = pytest.importorskip("jax")
    assert tg.testing.gradcheck(tg.testing.from_jax(lambda z: COMPLEX[name](z, jax.numpy)), z, order=2)


def test_a_complex_gradient_that_is_not_conjugated(torch):
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            ctx.save_for_backward(z)
            return z * z

        @staticmethod
        def backward(ctx, g):
            return g * 2 * ctx.saved_tensors[0]

    with pytest.raises(AssertionError, match=r"a missing conj\(\)"):
        tg.testing.gradcheck(tg.testing.from_torch(Square.apply), np.array([1 + 2j, 3 - 1j]))
