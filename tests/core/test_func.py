"""tg.func against torch.func, in float64."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.tensors import close
from tinygrad_ml import nn

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
random = np.random.default_rng(0)
W, B, X, Y = random.normal(size=(3, 2)), random.normal(size=2), random.normal(size=(5, 3)), random.normal(size=(5, 2))


def loss(params, x, y):
    return (((x @ params["w"] + params["b"]) ** 3 - y) ** 2).sum()


def with_more(params, x, y):
    out = (x @ params["w"] + params["b"]) ** 3
    return ((out - y) ** 2).sum(), out


def several(x, y):
    return {"a": x * y, "b": ((x**2).sum(), y**3)}


def both(torch, function):
    """Return what a function of (func, tensor) gives here and in PyTorch, as flat lists of arrays."""
    found = function(tg.func, lambda x: tg.tensor(np.asarray(x, float)))
    expected = function(torch.func, lambda x: torch.tensor(np.asarray(x, float)))
    return flat(found), flat(expected)


def flat(form):
    if isinstance(form, dict):
        form = [(key, form[key]) for key in sorted(form)]
    if isinstance(form, (tuple, list)):
        return [type(form).__name__ if isinstance(form, tuple) else "", *(leaf for part in form for leaf in flat(part))]
    return [form if isinstance(form, str) else np.asarray(form.detach())]


def params(t):
    return {"w": t(W), "b": t(B)}


CALLS = {
    "grad": lambda F, t: F.grad(loss)(params(t), t(X), t(Y)),
    "grad of two": lambda F, t: F.grad(loss, argnums=(1, 0))(params(t), t(X), t(Y)),
    "grad of the last": lambda F, t: F.grad(loss, argnums=-1)(params(t), t(X), t(Y)),
    "grad with aux": lambda F, t: F.grad(with_more, has_aux=True)(params(t), t(X), t(Y)),
    "grad and value": lambda F, t: F.grad_and_value(loss)(params(t), t(X), t(Y)),
    "grad and value with aux": lambda F, t: F.grad_and_value(with_more, has_aux=True)(params(t), t(X), t(Y)),
    "nested": lambda F, t: F.grad(lambda x: F.grad(lambda x: (x**4).sum())(x).sum())(t(B)),
    "jvp": lambda F, t: F.jvp(several, (t(B), t(Y[0])), (t(Y[1]), t(Y[2]))),
    "jvp with aux": lambda F, t: F.jvp(lambda x: (x**2, x), (t(B),), (t(Y[0]),), has_aux=True),
    "vjp": lambda F, t: F.vjp(lambda x: x**2, t(B))[1](t(Y[0])),
    "vjp of a form": lambda F, t: F.vjp(several, t(B), t(Y[0]))[1]({"a": t(Y[1]), "b": (t(2.0), t(Y[2]))}),
    "jacrev": lambda F, t: F.jacrev(lambda x: x**2 * x.sum())(t(B)),
    "jacrev of a form": lambda F, t: F.jacrev(several, argnums=(0, 1))(t(B), t(Y[0])),
    "jacrev for a dict": lambda F, t: F.jacrev(lambda p, x: x @ p["w"] + p["b"])(params(t), t(X)),
    "jacrev with aux": lambda F, t: F.jacrev(lambda x: (x**2, x), has_aux=True)(t(B)),
    "jacfwd": lambda F, t: F.jacfwd(lambda x: x**2 * x.sum())(t(B)),
    "jacfwd of a form": lambda F, t: F.jacfwd(several, argnums=(0, 1))(t(B), t(Y[0])),
    "hessian": lambda F, t: F.hessian(lambda x: (x**3).sum() * x[0])(t(B)),
    "hessian of two": lambda F, t: F.hessian(lambda x, y: (x**3 * y**2).sum(), argnums=(0, 1))(t(B), t(Y[0])),
    "hessian of several values": lambda F, t: F.hessian(lambda x: x**3 * x.sum())(t(B)),
    "hessian for a dict": lambda F, t: F.hessian(loss)(params(t), t(X), t(Y)),
    "per example": lambda F, t: F.vmap(F.grad(loss), in_dims=(None, 0, 0))(params(t), t(X), t(Y)),
    "vmap of jacrev": lambda F, t: F.vmap(F.jacrev(lambda x: x**2 * x.sum()))(t(X)),
    "jacrev of vmap": lambda F, t: F.jacrev(F.vmap(lambda x: x**2 * x.sum()))(t(X)),
    "vmap of a vjp": lambda F, t: F.vmap(F.vjp(lambda x: x**2 * x.sum(), t(B))[1])(t(Y)),
    "vmap of a jvp": lambda F, t: F.vmap(lambda v: F.jvp(lambda x: x**2 * x.sum(), (t(B),), (v,))[1])(t(Y)),
    "a dict in, a dict out": lambda F, t: F.vmap(several, in_dims=(0, None))(t(Y), t(B)),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_results_are_those_of_pytorch(name, torch):
    found, expected = both(torch, CALLS[name])
    assert len(found) == len(expected)
    for one, other in zip(found, expected):
        if isinstance(other, str):
            assert one == other
        else:
            close(one, other, 1e-11)


def test_functional_call_is_that_of_pytorch(torch):
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    peer = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).double()
    given = {name: random.normal(size=p.shape) for name, p in model.named_parameters()}

    def run(F, model, t):
        def loss(params, x, y):
            return ((F.functional_call(model, params, (x,)) - y) ** 2).sum()

        values = {name: t(value) for name, value in given.items()}
        return F.vmap(F.grad(loss), in_dims=(None, 0, 0))(values, t(X), t(Y)), F.grad(loss)(values, t(X), t(Y))

    before = model.state_dict()
    found = run(tg.func, model, tg.tensor)
    for one, other in zip(flat(found), flat(run(torch.func, peer, torch.tensor)), strict=True):
        if not isinstance(other, str):
            close(one, other, 1e-11)
    assert all((before[name] == value).all() for name, value in model.state_dict().items())
    assert all(p.is_leaf and p.requires_grad and p.grad is None for p in model.parameters())


def test_the_gradient_goes_to_the_values_that_were_given():
    model = nn.Linear(3, 2).double()
    w = tg.tensor(W.T, requires_grad=True)
    tg.func.functional_call(model, {"weight": w}, tg.tensor(X)).sum().backward()
    close(w.grad, np.tile(X.sum(axis=0), (2, 1)))
    assert model.weight.grad is None
    close(model.bias.grad, [5, 5])  # it was not named, so it is the module's own


def test_an_ensemble():
    models = [nn.Linear(3, 2).double() for _ in range(4)]
    params, buffers = tg.func.stack_module_state(models)

    def predict(params, x):
        return tg.func.functional_call(models[0], (params, buffers), (x,))

    out = tg.func.vmap(predict, in_dims=(0, None))(params, X)
    close(out.detach(), np.stack([model(tg.tensor(X)).detach() for model in models]))
    assert params["weight"].requires_grad


def test_messages():
    model, x = nn.Linear(3, 2), tg.ones(3)
    with pytest.raises(KeyError, match="not names of Linear"):
        tg.func.functional_call(model, {"weights": x}, (x,))
    with pytest.raises(KeyError, match="'bias'"):
        tg.func.functional_call(model, {"weight": model.weight}, (x,), strict=True)
    with pytest.raises(ValueError, match=r"weight has shape \(2, 3\)"):
        tg.func.functional_call(model, {"weight": x}, (x,))
    with pytest.raises(TypeError, match="tuples"):
        tg.func.jvp(lambda x: x, x, x)
    with pytest.raises(ValueError, match="one for each"):
        tg.func.jvp(lambda x: x, (x,), (x, x))
    with pytest.raises(RuntimeError, match="does not depend"):
        tg.func.jvp(lambda x: tg.ones(2), (x,), (x,), strict=True)
    with pytest.raises(ValueError, match="has_aux"):
        tg.func.grad(lambda x: x.sum(), has_aux=True)(x)
    with pytest.raises(TypeError, match="has_aux"):
        tg.func.grad(lambda x: (x.sum(), x))(x)
    with pytest.raises(ValueError, match="single number"):
        tg.func.grad(lambda x: x)(x)
    with pytest.raises(ValueError, match="cotangents"):
        tg.func.vjp(several, x, x)[1]({"a": x})
    with pytest.raises(ValueError, match="argnums has 3"):
        tg.func.grad(lambda x: x.sum(), argnums=3)(x)
