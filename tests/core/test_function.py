"""tg.autograd.Function: what is written for torch.autograd.Function gives the same here."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.tensors import close, leaf
from tinygrad_ml import autograd

X, Y = np.random.default_rng(0).normal(size=(2, 3))


def functions(library):
    """Return the same Functions for PyTorch or for this library, written in what both have."""

    class Exp(library.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            result = library.exp(x)
            ctx.save_for_backward(result)
            return result

        @staticmethod
        def backward(ctx, g):
            (result,) = ctx.saved_tensors
            return g * result

    class Scaled(library.autograd.Function):
        @staticmethod
        def forward(ctx, x, n, y, text):
            ctx.save_for_backward(x, y)
            ctx.n, ctx.text = n, text
            return n * x * y, x + y

        @staticmethod
        def backward(ctx, g, h):
            x, y = ctx.saved_tensors
            assert ctx.text == "text"
            first = g * ctx.n * y + h if ctx.needs_input_grad[0] else None
            return first, None, g * ctx.n * x + h if ctx.needs_input_grad[2] else None, None

    class Largest(library.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            at = x.argmax()
            ctx.mark_non_differentiable(at)
            ctx.save_for_backward(x, at)
            return x[at] ** 2, at

        @staticmethod
        def backward(ctx, g, of_at):
            x, at = ctx.saved_tensors
            return 2 * x * g * (x == x[at])

    class Square(library.autograd.Function):
        @staticmethod
        def forward(x):
            return x**2

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            return 2 * ctx.saved_tensors[0] * g

    return {
        "exp": lambda x, y: (Exp.apply(x) * y).sum(),
        "two results": lambda x, y: sum(
            (k + 1) * (part**2).sum() for k, part in enumerate(Scaled.apply(x, 3.0, y, "text"))
        ),
        "one of two results": lambda x, y: (Scaled.apply(x, 3.0, y, "text")[1] ** 3).sum(),
        "an input twice": lambda x, y: (Scaled.apply(x, 3.0, x, "text")[0] ** 2).sum() + (y**2).sum(),
        "not differentiable": lambda x, y: Largest.apply(x)[0] * y.sum(),
        "setup_context": lambda x, y: (Square.apply(x) * y).sum(),
        "nested": lambda x, y: (Exp.apply(Square.apply(x)) * Exp.apply(y)).sum(),
    }


@pytest.mark.parametrize("name", functions(tg))
def test_the_derivatives_are_those_of_pytorch(name, torch):
    results = []
    for library, xs in ((tg, (leaf(X), leaf(Y))), (torch, [torch.tensor(v, requires_grad=True) for v in (X, Y)])):
        value = functions(library)[name](*xs)
        first = library.autograd.grad(value, xs, create_graph=True)
        second = library.autograd.grad(sum((g**2).sum() for g in first), xs, allow_unused=True)
        results.append(
            [value.detach(), *(g.detach() for g in first), *(np.zeros(3) if g is None else g for g in second)]
        )
    for found, expected in zip(*results, strict=True):
        close(found, expected, 1e-10)


@pytest.mark.parametrize("name", functions(tg))
def test_gradcheck(name):
    tg.testing.gradcheck(functions(tg)[name], (leaf(X), leaf(Y)))


class OnNumPy(autograd.Function):
    """Written with arrays: it has no second derivative."""

    calls = 0

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return tg.tensor(np.sin(x.numpy()) * y.numpy())

    @staticmethod
    def backward(ctx, g):
        OnNumPy.calls += 1
        x, y = (t.numpy() for t in ctx.saved_tensors)
        return tg.tensor(g.numpy() * np.cos(x) * y), tg.tensor(g.numpy() * np.sin(x))


def test_numpy_inside():
    x, y = leaf(X), leaf(Y)
    before = OnNumPy.calls
    OnNumPy.apply(x, y).sum().backward()
    close(x.grad, np.cos(X) * Y)
    close(y.grad, np.sin(X))
    assert OnNumPy.calls == before + 1
    (first,) = autograd.grad(OnNumPy.apply(x, y).sum(), x, create_graph=True)
    close(first.detach(), np.cos(X) * Y)
    with pytest.raises(RuntimeError, match="no second derivative"):
        first.sum().backward()


def test_inside_of_vmap_and_jacobian():
    f = functions(tg)["setup_context"]
    close(tg.vmap(f)(np.stack([X, Y]), np.stack([Y, X])), [(X**2 * Y).sum(), (Y**2 * X).sum()])
    close(tg.vmap(tg.grad(f))(np.stack([X, Y]), np.stack([Y, X])), [2 * X * Y, 2 * X * Y])
    close(tg.jacobian(lambda x: OnNumPy.apply(x, tg.tensor(Y)))(X), np.diag(np.cos(X) * Y))


def test_without_gradients():
    x = tg.tensor(X)
    assert not OnNumPy.apply(x, x).requires_grad
    with tg.no_grad():
        assert not OnNumPy.apply(leaf(X), x).requires_grad


def broken(gradients):
    class Broken(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            ctx.saved_tensors  # noqa: B018
            return gradients(g)

    return Broken


def test_messages():
    x = leaf(X)
    with pytest.raises(RuntimeError, match="returned 2 gradients, but apply\\(\\) got 1"):
        broken(lambda g: (g, g)).apply(x).sum().backward()
    with pytest.raises(RuntimeError, match=r"shape \(1, 3\) for argument 0, which has shape \(3,\)"):
        broken(lambda g: g[None]).apply(x).sum().backward()
    with pytest.raises(TypeError, match="apply"):
        broken(lambda g: g)()
    y = broken(lambda g: g).apply(x).sum()
    x.data *= 2
    with pytest.raises(RuntimeError, match="changed after"):
        y.backward()

    class Nothing(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)

    with pytest.raises(RuntimeError, match="new Tensor"):
        Nothing.apply(x)
    Nothing.forward = staticmethod(lambda ctx, x: None)
    with pytest.raises(TypeError, match="returned NoneType"):
        Nothing.apply(x)
    Nothing.forward = staticmethod(lambda ctx, x: ctx.save_for_backward(3))
    with pytest.raises(TypeError, match="make it an attribute"):
        Nothing.apply(x)


def modulus(library):
    """Return an operation of complex numbers as PyTorch's users write it, of either library: z conj(z) w."""

    class Modulus(library.autograd.Function):
        @staticmethod
        def forward(ctx, z, w):
            ctx.save_for_backward(z, w)
            return z * z.conj() * w

        @staticmethod
        def backward(ctx, g):
            z, w = ctx.saved_tensors
            real = (g * w.conj()).real
            return 2 * real * z, g * (z * z.conj()).conj()

    return Modulus.apply


def test_complex_gradients_come_as_in_pytorch(torch):
    z, w = np.array([1 + 2j, 3 - 1j]), np.array([0.5 - 1j, 2 + 3j])
    found = [tg.tensor(x, requires_grad=True) for x in (z, w)]
    wanted = [torch.tensor(x, requires_grad=True) for x in (z, w)]
    for apply, inputs in ((modulus(tg), found), (modulus(torch), wanted)):
        out = apply(*inputs)
        (out.real * 3 - out.imag).sum().backward()
    for mine, theirs in zip(found, wanted):
        np.testing.assert_allclose(mine.grad.numpy(), theirs.grad.numpy(), rtol=1e-14)
    assert tg.testing.gradcheck(modulus(tg), (z, w), order=2)
