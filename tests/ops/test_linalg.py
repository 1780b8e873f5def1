"""Linear algebra: values, first and second derivatives against PyTorch, and the points without a derivative."""

import itertools

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.samples.linalg import of_rank, positive_definite, regular, spread, symmetric
from tests.tensors import leaf

LinAlgError = np.linalg.LinAlgError


def numbers(*shape, seed=0, dtype="float64"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def scalar(out, seed=0):
    """Sum the numbers of all outputs, each with a weight of its own, in a library that has + and *."""
    outs = out if isinstance(out, (tuple, list)) else (out,)
    total = 0
    for k, part in enumerate(outs):
        w = numbers(*part.shape, seed=seed + k)
        weights = tg.tensor(w) if isinstance(part, tg.Tensor) else part.new_tensor(w)
        total = total + (part * weights).sum()
    return total


def assert_same_as_pytorch(ours, theirs, arrays, torch, tolerance=1e-10):
    """Compare the value, the gradients, and the derivatives of the gradients, all relative to the largest number."""

    def close(found, expected):
        expected = expected.numpy(force=True)
        scale = max(1.0, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(found.numpy() / scale, expected / scale, rtol=0, atol=tolerance)

    inputs, tensors = [leaf(a) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]
    out, expected = scalar(ours(*inputs)), scalar(theirs(*tensors))
    close(out, expected)
    first = tg.autograd.grad(out, inputs, create_graph=True)
    their_first = torch.autograd.grad(expected, tensors, create_graph=True)
    for g, h in zip(first, their_first):
        close(g, h)
    if not any(g.requires_grad for g in first):
        assert not any(g.requires_grad for g in their_first)
        return
    second = tg.autograd.grad(scalar(first, seed=9), inputs, allow_unused=True)
    their_second = [None] * len(tensors)
    if any(g.requires_grad for g in their_first):
        their_second = torch.autograd.grad(scalar(their_first, seed=9), tensors, allow_unused=True)
    for g, h, x in zip(second, their_second, tensors):
        close(tg.zeros(*x.shape) if g is None else g, torch.zeros_like(x) if h is None else h)


def slopes(function, x, h=1e-6):
    """Return the central differences of a function of one array."""
    x = np.asarray(x, "float64")
    g = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        g[i] = (function(x + step) - function(x - step)) / (2 * h)
    return g


# ---------------------------------------------------------------------- against PyTorch

SHAPES = [(3, 3), (2, 4, 4), (2, 1, 2, 2), (1, 1)]


@pytest.mark.parametrize("name", ["inv", "det", "slogdet", "pinv"])
@pytest.mark.parametrize("shape", SHAPES)
def test_functions_of_square_matrices_equal_pytorch(torch, name, shape):
    # PyTorch's second derivative of det needs a matrix that is not too small
    assert_same_as_pytorch(getattr(np.linalg, name), getattr(torch.linalg, name), [regular(shape, 3)], torch)


@pytest.mark.parametrize(("a", "b"), [((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 2)), ((2, 2), (4, 2, 3))])
def test_solve_equals_pytorch(torch, a, b):
    assert_same_as_pytorch(np.linalg.solve, torch.linalg.solve, [regular(a), numbers(*b, seed=1)], torch)


def test_solve_of_a_stack_and_one_vector_is_numpys():
    a, b = regular((2, 3, 3)), numbers(3)
    np.testing.assert_allclose(tg.linalg.solve(a, b).numpy(), np.linalg.solve(a, b), rtol=1e-14)


@pytest.mark.parametrize("shape", SHAPES)
def test_functions_of_symmetric_matrices_equal_pytorch(torch, shape):
    assert_same_as_pytorch(np.linalg.cholesky, torch.linalg.cholesky, [positive_definite(shape)], torch)
    assert_same_as_pytorch(np.linalg.eigvalsh, torch.linalg.eigvalsh, [symmetric(shape)], torch)

    def exponential(linalg, mul):  # of the matrix: whatever signs the eigenvectors have
        def function(x):
            w, v = linalg.eigh(x)
            return (v * mul(0.1 * w)[..., None, :]) @ v.mT

        return function

    assert_same_as_pytorch(
        exponential(np.linalg, np.exp), exponential(torch.linalg, torch.exp), [symmetric(shape)], torch, 1e-9
    )


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2), (2, 2, 3), (1, 3)])
def test_functions_of_any_matrices_equal_pytorch(torch, shape):
    x = spread(shape)
    for name in ("pinv", "qr", "svdvals"):
        if name == "qr" and shape[-2] < shape[-1]:
            continue  # PyTorch's second derivative of wide ones differs in what it supports
        assert_same_as_pytorch(getattr(np.linalg, name), getattr(torch.linalg, name), [x], torch, 1e-9)

    def squares(linalg):  # whatever signs the vectors have
        def function(x):
            u, s, vh = linalg.svd(x, full_matrices=False)
            return u**2, s, vh**2, u @ vh, (u * s[..., None, :] ** 2) @ u.mT

        return function

    assert_same_as_pytorch(squares(np.linalg), squares(torch.linalg), [x], torch, 1e-9)


def test_qr_of_wide_matrices_equals_pytorch(torch):
    x = spread((2, 2, 4))
    theirs = torch.tensor(x, requires_grad=True)
    expected = torch.autograd.grad(scalar(torch.linalg.qr(theirs)), theirs)[0]
    ours = leaf(x)
    scalar(tg.linalg.qr(ours)).backward()
    np.testing.assert_allclose(ours.grad.numpy(), expected.numpy(), rtol=0, atol=1e-10)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (1, 0)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_vector_norms_equal_pytorch(torch, axis, keepdims):
    for p in (1, 2, 3, 0.5, -2, np.inf, -np.inf):
        assert_same_as_pytorch(
            lambda x, p=p: tg.linalg.vector_norm(x, ord=p, axis=axis, keepdims=keepdims),
            lambda x, p=p: torch.linalg.vector_norm(x, ord=p, dim=axis, keepdim=keepdims),
            [numbers(2, 3, 4)],
            torch,
        )


@pytest.mark.parametrize("order", [None, "fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf])
def test_matrix_norms_equal_numpy_and_pytorch(torch, order):
    for axis, keepdims in itertools.product([(0, 1), (2, 0), (-1, -3)], [False, True]):
        x = numbers(2, 3, 4)
        expected = np.linalg.norm(x, order, axis, keepdims)
        np.testing.assert_allclose(np.linalg.norm(tg.tensor(x), order, axis, keepdims).numpy(), expected, rtol=1e-12)
        if order is not None:
            assert_same_as_pytorch(
                lambda x, axis=axis, keepdims=keepdims: tg.linalg.norm(x, order, axis, keepdims),
                lambda x, axis=axis, keepdims=keepdims: torch.linalg.matrix_norm(x, order, axis, keepdims),
                [x],
                torch,
                1e-9,
            )


EXPRESSIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ba,b", (3, 2), (3,)),
    ("...ij,...jk", (4, 1, 2, 3), (5, 3, 2)),
    ("i...->...i", (2, 3, 4)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("ijji->j", (2, 3, 3, 2)),
    ("ij->", (2, 3)),
    ("ij,kl->jl", (2, 3), (4, 5)),
    ("bhqd,bkhd->bhqk", (2, 3, 4, 5), (2, 6, 3, 5)),
    ("ij,jk,kl,lm->im", (2, 3), (3, 4), (4, 2), (2, 3)),
    ("ea,fb,abcd,gc,hd->efgh", *[(2, 3)] * 2, (3, 3, 3, 3), *[(2, 3)] * 2),
    (",ij->ji", (), (2, 3)),
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=lambda e: e[0])
def test_einsum_equals_numpy_and_pytorch(torch, expression):
    subscripts, *shapes = expression
    arrays = [numbers(*shape, seed=k) for k, shape in enumerate(shapes)]
    np.testing.assert_allclose(
        np.einsum(subscripts, *map(tg.tensor, arrays)).numpy(), np.einsum(subscripts, *arrays), rtol=1e-12, atol=1e-12
    )
    assert_same_as_pytorch(lambda *a: np.einsum(subscripts, *a), lambda *a: torch.einsum(subscripts, *a), arrays, torch)


def test_einsum_broadcasts_lengths_of_one_as_numpy():
    for subscripts, *shapes in [("ij,ij->j", (1, 3), (2, 3)), ("ij,jk->ik", (2, 1), (3, 4)), ("ii,i", (1, 1), (3,))]:
        arrays = [numbers(*shape, seed=k) for k, shape in enumerate(shapes)]
        inputs = [leaf(a) for a in arrays]
        out = tg.einsum(subscripts, *inputs)
        np.testing.assert_allclose(out.numpy(), np.einsum(subscripts, *arrays), rtol=1e-12)
        weights = numbers(*out.shape, seed=5)
        out.backward(weights)
        for k, x in enumerate(inputs):

            def value(a, k=k, arrays=arrays, subscripts=subscripts, weights=weights):
                return np.sum(weights * np.einsum(subscripts, *arrays[:k], a, *arrays[k + 1 :]))

            np.testing.assert_allclose(x.grad.numpy(), slopes(value, arrays[k]), rtol=1e-6, atol=1e-8)


def test_einsum_takes_lists_of_indices():
    a, b = numbers(2, 3), numbers(3, 4, seed=1)
    expected = np.einsum(a, [0, 1], b, [1, 2], [2, 0])
    np.testing.assert_allclose(np.einsum(tg.tensor(a), [0, 1], tg.tensor(b), [1, 2], [2, 0]).numpy(), expected)
    np.testing.assert_allclose(np.einsum(tg.tensor(a), [..., 1], [1, ...]).numpy(), a.T)


@pytest.mark.parametrize(
    ("subscripts", "shapes", "message"),
    [
        ("ij,jk", [(2, 3), (4, 5)], "'j' is 3 long before, but 4 in operand 1"),
        ("ij", [(2,)], "operand 0 has 1 axes, but 'ij' in 'ij' is for 2"),
        ("ij", [(2, 3, 4)], "operand 0 has 3 axes"),
        ("i->j", [(2,)], "each letter of the output must be in an operand, once"),
        ("i->ii", [(2,)], "each letter of the output must be in an operand, once"),
        ("i,j", [(2,)], "'i,j' is for 2 operands, there are 1"),
        ("i1", [(2, 3)], "subscripts are letters, commas"),
    ],
)
def test_einsum_says_what_does_not_fit(subscripts, shapes, message):
    with pytest.raises(ValueError, match=f"^einsum: .*{message}"):
        tg.einsum(subscripts, *[np.zeros(shape) for shape in shapes])


def test_products_are_numpys():
    shapes = {
        np.dot: [((3,), (3,)), ((2, 3), (3,)), ((2, 3, 4), (5, 4, 2)), ((), (3,)), ((2, 3, 4), (4, 2))],
        np.inner: [((3,), (3,)), ((2, 3), (4, 3)), ((), (3,))],
        np.outer: [((3,), (2,)), ((2, 3), (4,))],
        np.vdot: [((2, 3), (3, 2))],
        np.kron: [((2, 3), (4, 5)), ((3,), (2, 2)), ((), (2,))],
        np.tensordot: [((2, 3, 4), (3, 4, 5))],
        np.matmul: [((2, 3), (3, 4)), ((5, 2, 3), (3,))],
    }
    for function, pairs in shapes.items():
        for a, b in pairs:
            x, y = numbers(*a), numbers(*b, seed=1)
            expected = function(x, y)
            np.testing.assert_allclose(function(tg.tensor(x), tg.tensor(y)).numpy(), expected, rtol=1e-12)
            np.testing.assert_allclose(function(x, leaf(y)).numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ((3, 4), (5, 6), r"\(3, 4\) @ \(5, 6\): 4 and 5 must be equal"),
        ((2, 2, 3), (3, 3, 2), "the leading axes do not broadcast"),
        ((), (2,), "use \\* instead of @"),
    ],
)
def test_matmul_says_what_does_not_fit(a, b, message):
    with pytest.raises(ValueError, match=f"^matmul: .*{message}"):
        tg.matmul(np.zeros(a), np.zeros(b))


def test_powers_and_chains_equal_repeated_products():
    x = regular((2, 3, 3)) / 3
    for n in (-3, -1, 0, 1, 2, 7):
        t = leaf(x)
        out = np.linalg.matrix_power(t, n)
        np.testing.assert_allclose(out.numpy(), np.linalg.matrix_power(x, n), rtol=1e-10, atol=1e-12)
        weights = numbers(*x.shape, seed=4)
        out.backward(weights)
        expected = slopes(lambda a, n=n, w=weights: np.sum(w * np.linalg.matrix_power(a, n)), x)
        np.testing.assert_allclose(t.grad.numpy(), expected, rtol=1e-5, atol=1e-6)
    arrays = [numbers(4, seed=1), numbers(4, 5), numbers(5, 2), numbers(2, seed=2)]
    np.testing.assert_allclose(
        np.linalg.multi_dot([tg.tensor(a) for a in arrays]).numpy(), np.linalg.multi_dot(arrays), rtol=1e-12
    )


@pytest.mark.parametrize("b", [(5,), (5, 2)])
def test_lstsq_gives_what_numpy_gives_and_differentiates_the_solution(b):
    for a in (numbers(5, 3), numbers(5, 7), numbers(5, 2, seed=2) @ numbers(2, 3, seed=3)):
        rhs = numbers(*b, seed=1)
        found, expected = np.linalg.lstsq(tg.tensor(a), tg.tensor(rhs)), np.linalg.lstsq(a, rhs)
        for ours, theirs in zip(found, expected):
            np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-10, atol=1e-12)
    a, rhs = numbers(5, 3), numbers(*b, seed=1)
    inputs = leaf(a), leaf(rhs)
    solution, residuals, _, s = tg.linalg.lstsq(*inputs)
    assert not residuals.requires_grad
    assert not s.requires_grad
    weights = numbers(*solution.shape, seed=2)
    solution.backward(weights)
    np.testing.assert_allclose(
        inputs[0].grad.numpy(), slopes(lambda x: np.sum(weights * np.linalg.lstsq(x, rhs)[0]), a), rtol=1e-6, atol=1e-7
    )
    np.testing.assert_allclose(
        inputs[1].grad.numpy(), slopes(lambda x: np.sum(weights * np.linalg.lstsq(a, x)[0]), rhs), rtol=1e-6, atol=1e-7
    )


def test_trace_and_diagonal_are_of_the_last_two_axes():
    x = numbers(5, 2, 3)
    np.testing.assert_allclose(np.linalg.trace(tg.tensor(x)).numpy(), np.linalg.trace(x))
    np.testing.assert_array_equal(tg.linalg.diagonal(x, offset=1).numpy(), np.linalg.diagonal(x, offset=1))
    np.testing.assert_array_equal(np.linalg.matrix_transpose(tg.tensor(x)).numpy(), x.swapaxes(1, 2))


def test_results_have_numpys_names():
    x = tg.tensor(symmetric((3, 3)))
    assert np.linalg.svd(x).S.shape == np.linalg.eigh(x).eigenvalues.shape == (3,)
    assert np.linalg.qr(x).Q.shape == np.linalg.qr(x, mode="r").shape == (3, 3)
    assert np.linalg.svd(x, compute_uv=False).shape == (3,)
    sign, logarithm = np.linalg.slogdet(x)
    np.testing.assert_allclose((sign * np.exp(logarithm)).numpy(), np.linalg.det(x).numpy())


# ---------------------------------------------------------------------- points without a derivative, and near them


@pytest.mark.parametrize("order", [None, 1, 2, 3, 1.5, np.inf])
def test_the_gradient_of_a_norm_at_zero_is_zero(order):
    for x in (leaf(np.zeros(3)), leaf(np.zeros((2, 3)))):
        tg.linalg.norm(x, order, axis=-1).sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), np.zeros(x.shape))
    for matrix_order in ("fro", "nuc", 2):
        x = leaf(np.zeros((2, 3)))
        tg.linalg.norm(x, matrix_order).backward()
        np.testing.assert_array_equal(x.grad.numpy(), np.zeros(x.shape))


def test_a_norm_at_zero_is_finite_at_second_order():
    x = leaf(np.array([[3.0, 4.0], [0.0, 0.0]]))
    (g,) = tg.autograd.grad(tg.linalg.norm(x, axis=1).sum(), x, create_graph=True)
    (h,) = tg.autograd.grad(g.sum(), x)
    np.testing.assert_allclose(h.numpy(), [[0.04 * 0.8, -0.03 * 0.8], [0, 0]], atol=1e-12)


def test_numbers_that_tie_for_the_largest_share_the_gradient_of_the_norm():
    x = leaf(np.array([2.0, -2.0, 1.0]))
    tg.linalg.norm(x, np.inf).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0.5, -0.5, 0])


@pytest.mark.parametrize("rank", [0, 1, 2, 3, 4])
def test_the_derivatives_of_det_are_right_for_singular_matrices(rank):
    x = of_rank(rank, 4, seed=3) if rank else np.zeros((4, 4))

    def cofactors(a):  # each is the determinant of a minor: nothing is divided
        minors = [[np.delete(np.delete(a, i, 0), j, 1) for j in range(4)] for i in range(4)]
        return np.array([[(-1) ** (i + j) * np.linalg.det(minors[i][j]) for j in range(4)] for i in range(4)])

    t = leaf(x)
    (g,) = tg.autograd.grad(tg.linalg.det(t), t, create_graph=True)
    np.testing.assert_allclose(g.numpy(), cofactors(x), rtol=1e-9, atol=1e-10)
    weights = numbers(4, 4)
    (h,) = tg.autograd.grad((g * tg.tensor(weights)).sum(), t)
    np.testing.assert_allclose(h.numpy(), slopes(lambda a: np.sum(weights * cofactors(a)), x), rtol=1e-6, atol=1e-7)


def test_a_stack_may_mix_singular_and_regular_matrices():
    x = np.stack([np.zeros((2, 2)), np.eye(2), np.ones((2, 2))])
    t = leaf(x)
    tg.linalg.det(t).sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), [[[0, 0], [0, 0]], [[1, 0], [0, 1]], [[1, -1], [-1, 1]]], atol=1e-12)


def test_singular_matrices_raise_with_the_name_of_the_operation():
    x = leaf(np.array([[1.0, 2.0], [2.0, 4.0]]))
    with pytest.raises(LinAlgError, match=r"^inv: Singular matrix \(got shape \(2, 2\)\)"):
        tg.linalg.inv(x)
    with pytest.raises(LinAlgError, match=r"^solve: Singular matrix"):
        np.linalg.solve(x, np.ones(2))
    with pytest.raises(LinAlgError, match=r"^cholesky: Matrix is not positive definite"):
        tg.linalg.cholesky(-tg.eye(2))
    with pytest.raises(
        LinAlgError, match=r"slogdet: the matrix \(2, 2\) is singular, where the derivative is infinite"
    ):
        tg.linalg.slogdet(leaf(np.zeros((2, 2))))[1].backward()
    with pytest.raises(
        LinAlgError, match="qr: there is no derivative where the first 2 columns are linearly dependent"
    ):
        tg.linalg.qr(leaf(np.zeros((3, 2)))).R.sum().backward()


def test_a_zero_gradient_that_arrives_at_a_singular_matrix_stays_zero():
    x = leaf(np.stack([np.zeros((2, 2)), 2 * np.eye(2)]))
    logarithm = tg.linalg.slogdet(x)[1]
    tg.where(logarithm > -np.inf, logarithm, 0.0).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [np.zeros((2, 2)), 0.5 * np.eye(2)])


def test_equal_eigenvalues_have_the_right_derivative_of_what_treats_them_alike():
    q = np.linalg.qr(numbers(4, 4)).Q
    for x in (np.eye(4), q @ np.diag([1.0, 1.0, 2.0, 2.0]) @ q.T):
        for function in (lambda a: (tg.linalg.eigvalsh(a) ** 3).sum(), lambda a: (tg.linalg.eigh(a)[0] ** 3).sum()):
            t = leaf(x)
            function(t).backward()
            np.testing.assert_allclose(t.grad.numpy(), 3 * x @ x, atol=1e-10)
        t = leaf(x)
        (tg.linalg.svdvals(t) ** 2).sum().backward()
        np.testing.assert_allclose(t.grad.numpy(), 2 * x, atol=1e-10)


def test_one_of_several_equal_eigenvalues_shares_its_gradient_with_them():
    t = leaf(np.eye(3))
    tg.linalg.eigvalsh(t)[-1].backward()
    np.testing.assert_allclose(t.grad.numpy(), np.eye(3) / 3, atol=1e-12)
    t = leaf(2 * np.eye(2))
    tg.linalg.norm(t, 2).backward()
    np.testing.assert_allclose(t.grad.numpy(), np.eye(2) / 2, atol=1e-12)


def test_the_vectors_of_equal_values_raise_and_say_what_to_do():
    q = np.linalg.qr(numbers(3, 3)).Q
    x = q @ np.diag([1.0, 1.0, 2.0]) @ q.T
    message = "{}s . and . are equal, so the vectors that belong to them have no derivative: use only the values, or"
    with pytest.raises(LinAlgError, match="^eigh: " + message.format("eigenvalue")):
        (tg.linalg.eigh(leaf(x)).eigenvectors ** 3).sum().backward()
    with pytest.raises(LinAlgError, match="^svd: " + message.format("singular value")):
        (tg.linalg.svd(leaf(x)).Vh ** 3).sum().backward()
    t = leaf(np.eye(2))
    (g,) = tg.autograd.grad((tg.linalg.eigvalsh(t) ** 2).sum(), t, create_graph=True)
    with pytest.raises(LinAlgError, match="eigh: eigenvalues 0 and 1 are equal"):
        g.sum().backward()


def test_the_vectors_of_the_other_values_still_have_a_derivative():
    q = np.linalg.qr(numbers(3, 3)).Q
    t = leaf(q @ np.diag([1.0, 1.0, 2.0]) @ q.T)
    v = tg.linalg.eigh(t).eigenvectors[:, 2]
    w = numbers(3, seed=1)
    (v * tg.tensor(w)).sum().backward()

    def value(a):
        vector = np.linalg.eigh((a + a.T) / 2).eigenvectors[:, 2]
        return w @ vector * np.sign(vector @ v.numpy())

    np.testing.assert_allclose(t.grad.numpy(), slopes(value, t.numpy()), rtol=1e-6, atol=1e-8)


def test_the_leading_vectors_of_a_matrix_of_small_rank_have_a_derivative():
    x = numbers(5, 2) @ numbers(2, 4, seed=1)
    t = leaf(x)
    u, s, vh = tg.linalg.svd(t, full_matrices=False)
    weights = numbers(5, 4, seed=2)
    ((u[:, :2] * s[:2]) @ vh[:2] * tg.tensor(weights)).sum().backward()
    # moving x within its rank moves the sum just so
    for seed in range(3):
        move = numbers(5, 5, seed=seed) @ x + x @ numbers(4, 4, seed=seed + 9)
        np.testing.assert_allclose(np.sum(t.grad.numpy() * move), np.sum(weights * move), rtol=1e-9)
    with pytest.raises(LinAlgError, match="svd: "):
        (tg.linalg.svd(leaf(x), full_matrices=False).U ** 3).sum().backward()


def test_svd_with_full_matrices_has_a_value_but_no_derivative_of_what_is_not_square():
    x = leaf(numbers(4, 2))
    u, s, _ = tg.linalg.svd(x)
    assert u.shape == (4, 4)
    with pytest.raises(LinAlgError, match="use full_matrices=False"):
        s.sum().backward()


def test_pinv_is_differentiable_among_matrices_of_one_rank():
    x = numbers(4, 2) @ numbers(2, 3, seed=1)
    left, right = numbers(4, 4, seed=2), numbers(3, 3, seed=3)
    weights, h = numbers(3, 4, seed=4), 1e-6
    t = leaf(x)
    out = np.linalg.pinv(t)
    np.testing.assert_allclose(out.numpy(), np.linalg.pinv(x), rtol=1e-10, atol=1e-12)
    out.backward(weights)

    def moved(step):
        a = (np.eye(4) + step * left) @ x @ (np.eye(3) + step * right)
        return np.sum(weights * np.linalg.pinv(a, rcond=1e-10))

    slope = (moved(h) - moved(-h)) / (2 * h)
    np.testing.assert_allclose(np.sum(t.grad.numpy() * (left @ x + x @ right)), slope, rtol=1e-6)


def test_the_gradient_of_a_symmetric_decomposition_is_symmetric():
    x = leaf(positive_definite((3, 3)))
    (scalar(tg.linalg.cholesky(x)) + scalar(tg.linalg.eigh(x))).backward()
    np.testing.assert_allclose(x.grad.numpy(), x.grad.numpy().T, atol=1e-12)


# ---------------------------------------------------------------------- dtypes, stacks, sizes


def everything(x):
    """Return the outputs of every function of square matrices."""
    spd = x @ x.mT + np.eye(x.shape[-1], dtype=x.dtype)
    linalg = tg.linalg
    yield from (linalg.inv(spd), linalg.det(x), linalg.slogdet(spd)[1], linalg.cholesky(spd), linalg.pinv(spd))
    yield from (*linalg.qr(x), *linalg.svd(x), *linalg.eigh(spd), linalg.eigvalsh(spd), linalg.svdvals(x))
    yield from (linalg.solve(spd, x), linalg.norm(x, "nuc", axis=(-2, -1)), linalg.norm(x, axis=-1))
    yield from (linalg.matrix_power(x, 3), tg.einsum("...ij,...kj->...ik", x, x))


def test_float32_stays_float32():
    for out in everything(leaf(spread((3, 3)).astype("float32"))):
        assert out.dtype == np.float32
    x = leaf(spread((3, 3)).astype("float32"))
    sum(out.sum() for out in everything(x)).backward()
    assert x.grad.dtype == np.float32


def test_empty_stacks_and_empty_matrices():
    for shape in ((0, 3, 3), (0, 0), (2, 0, 0)):
        x = leaf(np.zeros(shape))
        total = sum(out.sum() for out in everything(x) if out.requires_grad)
        total.backward()
        assert x.grad.shape == shape


def test_each_matrix_of_a_stack_is_as_it_is_alone():
    stack = np.stack([spread((3, 3), seed) for seed in range(4)])
    t = leaf(stack)
    sum(scalar(out[:1]) for out in everything(t) if out.ndim and len(out) == 4).backward()
    assert not t.grad.numpy()[1:].any()
    single = leaf(stack[:1])
    sum(scalar(out) for out in everything(single) if out.ndim and len(out) == 1).backward()
    np.testing.assert_allclose(t.grad.numpy()[:1], single.grad.numpy(), rtol=1e-9, atol=1e-10)


def test_what_numpy_has_and_no_gradient_goes_through_gives_values_alone():
    x = tg.tensor([[2.0, 0.0], [0.0, 3.0]])
    np.testing.assert_array_equal(np.linalg.eigvals(x), [2.0, 3.0])
    with pytest.raises((TypeError, RuntimeError), match="eigvals"):
        np.linalg.eigvals(tg.tensor(x.numpy(), requires_grad=True)).sum().backward()


# ---------------------------------------------------------------------- which triangle is read


def triangle(x, upper):
    """Return the symmetric (or Hermitian) matrices with that triangle of x."""
    one = np.triu(x, 1) if upper else np.tril(x, -1)
    return one + one.conj().swapaxes(-1, -2) + np.real(x) * np.eye(x.shape[-1])


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3), (1, 1), (0, 2, 2)])
@pytest.mark.parametrize("imaginary", [0, 0.3j])
def test_one_triangle_is_read_as_in_numpy_and_the_gradient_is_pytorchs(torch, imaginary, shape, upper):
    x = 0.3 * (numbers(*shape) + imaginary * numbers(*shape, seed=1)) + np.diag(2.0 + np.arange(shape[-1]))
    letter, weights = "U" if upper else "L", numbers(*shape[:-1], seed=2)
    matrix = numbers(*shape, seed=3)
    functions = {
        "eigvalsh": lambda lib, a, w, m: (lib.linalg.eigvalsh(a, UPLO=letter) * w).sum(),
        "eigh": lambda lib, a, w, m: (lib.linalg.eigh(a, UPLO=letter)[0] * w).sum(),
        "eigenvectors": lambda lib, a, w, m: (lib.abs(lib.linalg.eigh(a, UPLO=letter)[1]) ** 2 * m).sum(),
        "cholesky": lambda lib, a, w, m: (lib.abs(lib.linalg.cholesky(a, upper=upper)) ** 2 * m).sum(),
    }
    values = {
        "eigvalsh": lambda a: (tg.linalg.eigvalsh(a, UPLO=letter), np.linalg.eigvalsh(x, letter)),
        "eigh": lambda a: (tg.linalg.eigh(a, letter)[0], np.linalg.eigh(triangle(x, upper))[0]),
        "cholesky": lambda a: (tg.linalg.cholesky(a, upper=upper), np.linalg.cholesky(x, upper=upper)),
    }
    for name, function in functions.items():
        a, t = leaf(x), torch.tensor(x, requires_grad=True)
        if name in values:
            found, expected = values[name](a)
            np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-14)
        y, z = function(tg, a, weights, matrix), function(torch, t, torch.tensor(weights), torch.tensor(matrix))
        np.testing.assert_allclose(y.item(), z.item(), rtol=1e-12, atol=1e-14)
        (g,) = tg.autograd.grad(y, a, create_graph=True)
        (h,) = torch.autograd.grad(z, t, create_graph=True)
        np.testing.assert_allclose(g.numpy(), h.detach().resolve_conj().numpy(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(g.numpy(), g.numpy().conj().swapaxes(-1, -2), rtol=1e-10, atol=1e-12)
        if not imaginary:
            (g,) = tg.autograd.grad((g**2).sum(), a)
            (h,) = torch.autograd.grad((h**2).sum(), t)
            np.testing.assert_allclose(g.numpy(), h.numpy(), rtol=1e-9, atol=1e-11)


def test_what_stands_in_the_other_triangle_does_not_matter():
    x = positive_definite((3, 3))
    for upper, letter in ((False, "L"), (True, "U"), (False, "l"), (True, "u")):
        dirty = np.where(np.tri(3, k=-1 if upper else 0, dtype=bool) != upper, x, np.nan)
        np.testing.assert_allclose(tg.linalg.cholesky(dirty, upper=upper).numpy(), np.linalg.cholesky(x, upper=upper))
        np.testing.assert_allclose(np.linalg.eigvalsh(tg.tensor(dirty), letter).numpy(), np.linalg.eigvalsh(x))
        np.testing.assert_allclose(np.linalg.eigh(tg.tensor(dirty), UPLO=letter)[0].numpy(), np.linalg.eigvalsh(x))
    with pytest.raises(ValueError, match="UPLO"):
        tg.linalg.eigvalsh(x, UPLO="X")


def test_along_symmetric_directions_the_gradient_is_the_slope():
    x = positive_definite((3, 3))
    for function in (np.linalg.eigvalsh, np.linalg.cholesky, lambda a: np.linalg.eigvalsh(a, "U")):
        t = leaf(x)
        out = function(t)
        weights = numbers(*out.shape, seed=4)
        out.backward(weights)
        for seed in range(3):
            move = numbers(3, 3, seed=seed)
            move = move + move.T
            h = 1e-6
            slope = (np.sum(weights * function(x + h * move)) - np.sum(weights * function(x - h * move))) / (2 * h)
            np.testing.assert_allclose(np.sum(t.grad.numpy() * move), slope, rtol=1e-7)


# ---------------------------------------------------------------------- triangles


@pytest.mark.parametrize("n", [1, 5, 49, 130])
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("unitriangular", [False, True])
def test_triangular_systems_are_solved_as_by_scipy(n, upper, unitriangular):
    scipy_linalg = pytest.importorskip("scipy.linalg")
    random = np.random.default_rng(n)
    a, b = random.normal(size=(n, n)) / n + 3 * np.eye(n), random.normal(size=(n, 3))
    how = {"upper": upper, "unitriangular": unitriangular}
    x = tg.linalg.solve_triangular(tg.tensor(a), tg.tensor(b), **how).numpy()
    expected = scipy_linalg.solve_triangular(a, b, lower=not upper, unit_diagonal=unitriangular)
    np.testing.assert_allclose(x, expected, rtol=1e-12, atol=1e-13)
    right = tg.linalg.solve_triangular(tg.tensor(a), tg.tensor(b.T), left=False, **how).numpy()
    expected = scipy_linalg.solve_triangular(a, b, trans="T", lower=not upper, unit_diagonal=unitriangular)
    np.testing.assert_allclose(right, expected.T, rtol=1e-12, atol=1e-13)


def test_only_one_triangle_is_looked_at():
    a = tg.tensor([[2.0, np.nan], [1.0, 4.0]], requires_grad=True)
    x = tg.linalg.solve_triangular(a, tg.tensor([[2.0], [9.0]]), upper=False)
    np.testing.assert_array_equal(x.numpy(), [[1.0], [2.0]])
    x.sum().backward()
    assert a.grad.numpy()[0, 1] == 0
    assert np.isfinite(a.grad.numpy()).all()
    complex_a = np.array([[2j, 0], [1, 4]])
    y = tg.linalg.solve_triangular(complex_a, np.array([[2j], [9]]), upper=False)
    np.testing.assert_allclose(complex_a @ y.numpy(), [[2j], [9]])


def test_systems_that_are_not_triangular_are_explained():
    with pytest.raises(np.linalg.LinAlgError, match="has a zero on its diagonal"):
        tg.linalg.solve_triangular(tg.zeros(2, 2), tg.ones(2, 1), upper=True)
    with pytest.raises(ValueError, match=r"a has shape \(2, 2\) and b \(2,\).*expand_dims"):
        tg.linalg.solve_triangular(tg.ones(2, 2), tg.ones(2), upper=True)
    with pytest.raises(ValueError, match=r"left=False.*\(..., m, n\)"):
        tg.linalg.solve_triangular(tg.ones(2, 2), tg.ones(2, 3), upper=True, left=False)
