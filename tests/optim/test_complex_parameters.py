"""Complex parameters: every optimizer treats both parts as PyTorch does; clipping, states, what is refused."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.samples import plane, real
from tinygrad_ml import optim

A, B, C, T = plane((4, 3), 1), plane((3,), 2), plane((), 3), plane((4,), 4)
R = np.arange(1.0, 5.0)
OPTIMIZERS = [
    ("SGD", {"lr": 0.01}),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.001, "maximize": True}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.5, "centered": True, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.1}),
    ("Adadelta", {"lr": 1.0}),
]


def leaves(make):
    return [make(a) for a in (A, C, R)]


def loss_of(w, c, r, absolute):
    return (absolute(w @ B + c - T * r) ** 2).sum() + absolute(c) ** 4


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_the_steps_are_those_of_pytorch(name, options, torch):
    params = leaves(lambda a: tg.tensor(a, requires_grad=True))
    theirs = leaves(lambda a: torch.tensor(a, requires_grad=True))
    optimizer, their_optimizer = getattr(optim, name)(params, **options), getattr(torch.optim, name)(theirs, **options)
    b, t = torch.tensor(B), torch.tensor(T)
    for step in range(20):
        optimizer.zero_grad()
        loss_of(*params, tg.abs).backward()
        optimizer.step()
        their_optimizer.zero_grad()
        w, c, r = theirs
        ((torch.abs(w @ b + c - t * r) ** 2).sum() + torch.abs(c) ** 4).backward()
        their_optimizer.step()
        for p, q in zip(params, theirs):
            np.testing.assert_allclose(p.numpy(), q.detach().numpy(), rtol=1e-8)
        if step == 9:  # states go over in both directions
            state = their_optimizer.state_dict()
            for k, entry in optimizer.state_dict()["state"].items():
                for key, value in entry.items():
                    np.testing.assert_allclose(value, np.asarray(state["state"][k][key]), rtol=1e-8)
                    assert key == "step" or np.asarray(value).dtype == params[k].dtype
            optimizer = getattr(optim, name)(params, **options)
            optimizer.load_state_dict(state)


@pytest.mark.parametrize("options", [{"max_iter": 8}, {"line_search_fn": "strong_wolfe"}])
def test_lbfgs_finds_the_complex_solution_of_least_squares(options):
    a, b = plane((6, 3), 1), plane((6,), 2)
    w = tg.tensor(np.zeros(3, complex), requires_grad=True)
    optimizer = optim.LBFGS([w], **options)

    def closure():
        optimizer.zero_grad()
        loss = 0.01 * (tg.abs(a @ w - b) ** 2).sum()
        loss.backward()
        return loss

    for _ in range(20):
        optimizer.step(closure)
    np.testing.assert_allclose(w.numpy(), np.linalg.lstsq(a, b, rcond=None)[0], atol=1e-4)


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adagrad"])
def test_sparse_gradients_of_a_complex_table_give_the_same_steps(name):
    tables = [tg.tensor(A, requires_grad=True) for _ in range(2)]
    optimizers = [getattr(optim, name)([table], lr=0.1) for table in tables]
    for _ in range(3):
        for table, optimizer, sparse in zip(tables, optimizers, (True, False)):
            optimizer.zero_grad()
            rows = tg.embedding(np.array([0, 1, 1, 3, 2]), table, sparse=sparse)
            (tg.abs(rows) ** 3 + rows.imag).sum().backward()
            assert isinstance(table.grad, tg.sparse.SparseRows) == sparse
            expected = 3 * np.abs(table.numpy()) * table.numpy() + 1j
            np.testing.assert_allclose(table.grad.numpy(), expected * np.array([[1], [2], [1], [1]]))
            optimizer.step()
    np.testing.assert_allclose(tables[0].numpy(), tables[1].numpy(), rtol=1e-12)


@pytest.mark.parametrize("norm_type", [0.0, 0.5, 1.0, 2.0, 3.0, float("inf"), float("-inf")])
def test_the_norm_of_complex_gradients_is_clipped_as_in_pytorch(norm_type, torch):
    ours, theirs = tg.tensor(A, requires_grad=True), torch.tensor(A, requires_grad=True)
    ours.grad, theirs.grad = 3 * A, torch.tensor(3 * A)
    found = optim.clip_grad_norm_([ours], 1.0, norm_type)
    expected = torch.nn.utils.clip_grad_norm_([theirs], 1.0, norm_type)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.numpy(), expected.numpy())
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-6)


def test_what_has_no_meaning_for_complex_parameters_is_refused():
    w = tg.tensor(A, requires_grad=True)
    w.grad = A
    with pytest.raises(TypeError, match="clip_grad_value_ is not defined for complex gradients; use clip_grad_norm_"):
        optim.clip_grad_value_([w], 1.0)
    for name in ("SGD", "Adam", "Adagrad"):
        with pytest.raises(TypeError, match="l1 is for real parameters"):
            getattr(optim, name)([w], lr=0.1, l1=0.1).step()
    x = tg.tensor(real((2,)), requires_grad=True)
    optimizer = optim.Adam([x])
    x.grad = [1.0, 2.0]
    optimizer.step()
    state = optimizer.state_dict()
    state["state"][0]["exp_avg"] = np.ones(2, complex)
    with pytest.raises(ValueError, match="wrong dtype: exp_avg"):
        optimizer.load_state_dict(state)
