"""Indexing with duplicates, writing to parts, sorting with ties: the traps, each against what is true."""

import itertools
import operator

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.tensors import close

random = np.random.default_rng(0)
TABLE = random.normal(size=(5, 3, 2))


def gradient_of(function, *arrays, weights_seed=1):
    """Return the value and the gradients of a random linear functional of it."""
    inputs = [tg.tensor(a, requires_grad=True) for a in arrays]
    out = function(*inputs)
    weights = np.random.default_rng(weights_seed).normal(size=out.shape)
    found = tg.autograd.grad((out * weights).sum(), inputs, allow_unused=True)
    return out.detach().numpy(), weights, found


# ---------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    "index",
    [
        np.array([0, 0, 0]),
        np.array([-1, 4, -5, 0]),  # the same two elements by two names each
        np.array([[1, 1], [-4, 2]]),
        (np.array([0, -5]), np.array([2, -1])),
        (np.array([0, 0]), slice(None), np.array([1, 1])),
        (slice(None), np.array([[0, 0], [2, 0]])),
        random.integers(-5, 5, 100),  # more indices than rows
    ],
)
def test_an_element_that_is_named_several_times_collects_all_gradients(index):
    _, weights, (found,) = gradient_of(lambda x: x[index], TABLE)
    expected = np.zeros(TABLE.shape)
    np.add.at(expected, index, weights)
    close(found, expected)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint64, np.int32])
@pytest.mark.parametrize("kind", [list, np.array, tg.tensor])
def test_indices_may_be_lists_arrays_and_tensors_of_any_integer_dtype(dtype, kind):
    index = np.array([3, 0, 3], dtype)
    given = index.tolist() if kind is list else kind(index)
    _, weights, (found,) = gradient_of(lambda x: x[given], TABLE)
    expected = np.zeros(TABLE.shape)
    np.add.at(expected, index, weights)
    close(found, expected)


def test_a_tensor_without_axes_is_an_index_like_a_number():
    x = tg.tensor(TABLE)
    close(x[tg.tensor(2, dtype=int)], TABLE[2])
    close(x[np.int64(-1), 0], TABLE[-1, 0])


def test_the_index_that_was_used_counts_when_it_is_changed_afterwards():
    x, index = tg.tensor([1.0, 2.0, 3.0], requires_grad=True), np.array([0, 0])
    y = x[index]
    index[:] = 2
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 0.0]


@pytest.mark.parametrize("index", [0.5, [0.5], "name", np.array(["a"]), [slice(1)]])
def test_what_is_no_index_is_refused(index):
    with pytest.raises(IndexError, match="an index must be made of integers, slices or booleans"):
        tg.tensor(TABLE)[index]


def test_an_index_out_of_range_names_the_shape():
    with pytest.raises(IndexError, match=r"getitem: index 7 is out of bounds.*shape \(5, 3, 2\)"):
        tg.tensor(TABLE)[7]


def test_a_slice_of_a_leaf_does_not_change_with_it():
    for x in (tg.tensor(TABLE), tg.tensor(TABLE, requires_grad=True)):
        part = x[1:3]
        x.data[...] = 0
        close(part.detach(), TABLE[1:3])


def test_the_gradient_of_an_embedding_is_exact_for_few_and_for_many_collisions():
    table = random.normal(size=(1000, 8)).astype(np.float32)
    for n, vocabulary in [(64, 1000), (900, 1000), (5000, 1000), (64, 3)]:
        index = random.integers(0, vocabulary, (n, 2))
        w = tg.tensor(table, requires_grad=True)
        g = random.integers(-8, 8, (n, 2, 8)).astype(np.float32)  # sums of small integers have no rounding
        w[index].backward(g)
        expected = np.zeros_like(table)
        np.add.at(expected, index, g)
        np.testing.assert_array_equal(w.grad.numpy(), expected)


def test_indexing_twice_with_duplicates_is_right_to_second_order():
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (g,) = tg.autograd.grad((x[[0, 0, 2]] ** 3).sum(), x, create_graph=True)
    close(g.detach(), [6.0, 0.0, 27.0])
    (h,) = tg.autograd.grad(g.sum(), x)
    close(h, [12.0, 0.0, 18.0])


# ---------------------------------------------------------------------- x[index] = value


def test_writing_to_a_result_is_differentiable_for_both():
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    v = tg.tensor(10.0, requires_grad=True)
    y = x * 2
    y[1] = v
    (y * tg.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 200.0]
    assert v.grad.item() == 10.0


def test_writing_replaces_the_value_and_nobody_else_sees_it():
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    part, whole, total = y[:2], y.reshape(3, 1), (y * y).sum()
    y[0] = 100.0
    assert y.tolist() == [100.0, 2.0, 3.0]
    assert part.tolist() == [1.0, 2.0]
    assert whole.tolist() == [[1.0], [2.0], [3.0]]
    total.backward()  # through the value before the write
    assert x.grad.tolist() == [2.0, 4.0, 6.0]


def test_writing_to_a_part_of_a_part_changes_only_the_part():
    y = tg.tensor(TABLE) * 1
    row = y[0]
    row[0] = 5.0
    close(y, TABLE)


class Holder:
    """Something with a Tensor as an attribute."""

    def __init__(self, held):
        self.held = held


@pytest.mark.parametrize(
    "program",
    [
        *("x[0][1] = 5.0", "x[0, :][1:] = 5.0", "x[1:][x[1:] == 0] = 5.0", "x[0][1] += 5.0", "x.T[0] = 5.0"),
        *("x.reshape(-1)[0] = 5.0", "x.detach()[0] = 5.0", "(2 * x)[0] = 5.0", "np.zeros_like(x)[1:][0] = 5.0"),
    ],
)
@pytest.mark.parametrize("where", ["in a function", "in a module"])
def test_writing_to_what_nobody_keeps_raises(program, where):
    names = {"x": tg.zeros(2, 3), "np": np}
    if where == "in a function":
        program = f"def run(x):\n    {program}\nrun(x)"
    with pytest.raises(RuntimeError, match="would be lost"):
        exec(program, names)
    assert not names["x"].numpy().any()


def test_writing_to_what_somebody_keeps_does_not():
    x, held, listed = tg.zeros(2, 3), Holder(tg.zeros(2)), [tg.zeros(2)]
    part = x[0]
    part[1], x[1], held.held[0], listed[0][1] = 5.0, part, 1.0, 2.0
    held.held[1] += 3.0

    def of_argument(y):
        y[0] = 4.0
        return y

    def of_closure():
        part[2] = 6.0

    of_closure()
    for y in (tg.zeros(2),):
        y[0] = 7.0
    layer = tg.nn.Linear(2, 1)
    with tg.no_grad():
        layer.weight[0] = 8.0
    for _ in range(20):  # by the name of the method, also where Python has adapted its calls
        held.held.__setitem__(0, 1.0)
        operator.setitem(held.held, 0, 1.0)
    assert [part.tolist(), x[1].tolist(), held.held.tolist()] == [[0.0, 5.0, 6.0], [0.0, 5.0, 0.0], [1.0, 3.0]]
    assert [listed[0].tolist(), of_argument(tg.zeros(1)).tolist(), y.tolist()] == [[0.0, 2.0], [4.0], [7.0, 0.0]]
    assert layer.weight.tolist() == [[8.0, 8.0]]


def test_writing_in_a_loop_records_every_step():
    x = tg.tensor(0.5, requires_grad=True)
    y = tg.zeros(5)
    y[0] = x
    for i in range(1, 5):
        y[i] = y[i - 1] * x
    y.sum().backward()  # x + x^2 + ... + x^5
    close(x.grad, sum(k * 0.5 ** (k - 1) for k in range(1, 6)))


def test_writing_in_place_adds_up():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    y[0] += y[1]
    y[:] *= 3.0
    y.sum().backward()
    assert y.tolist() == [9.0, 6.0]
    assert x.grad.tolist() == [3.0, 6.0]


@pytest.mark.parametrize(
    ("index", "shape"),
    [
        (slice(None), ()),
        (slice(1, 3), (2,)),
        (0, (3, 1)),
        (0, (1, 1, 3, 2)),  # leading axes that the place does not have
        (np.array([0, 2]), (1, 3, 1)),
        (np.array([0, 2]), (1, 1, 2, 3, 2)),
        (Ellipsis, (5, 1, 1)),
        (TABLE > 0, ()),
        (TABLE > 0, (int((TABLE > 0).sum()),)),
    ],
)
def test_values_broadcast_and_collect_their_gradients(index, shape):
    value = random.normal(size=shape)
    expected = TABLE.copy()
    expected[index] = value

    def write(x, v):
        y = x * 1
        y[index] = v
        return y

    found, weights, (x_bar, v_bar) = gradient_of(write, TABLE, value)
    close(found, expected)
    kept = weights.copy()
    kept[index] = 0
    close(x_bar, kept)
    spread = weights[index]
    if spread.ndim < len(shape):
        spread = spread.reshape((1,) * (len(shape) - spread.ndim) + spread.shape)
    axes = [k for k in range(spread.ndim) if k < spread.ndim - len(shape) or shape[k - spread.ndim + len(shape)] == 1]
    close(v_bar, spread.sum(tuple(axes), keepdims=True).reshape(shape))


@pytest.mark.parametrize("layout", [lambda a: a, lambda a: np.asfortranarray(a), lambda a: a[::-1, ::-1]])
def test_of_several_values_for_one_element_the_last_stays_and_gets_the_gradient(layout):
    rows, columns = np.array([[0, 1, 0], [1, 0, 0]]), np.array([[0, 0, 0], [1, 0, 0]])
    value = layout(np.arange(6.0).reshape(2, 3))
    expected = np.zeros((2, 2))
    winner = {}
    for i, j in itertools.product(range(2), range(3)):
        expected[rows[i, j], columns[i, j]] = value[i, j]
        winner[rows[i, j], columns[i, j]] = (i, j)

    def write(v):
        y = tg.zeros((2, 2), dtype=np.float64)
        y[rows, columns] = v
        return y

    found, weights, (v_bar,) = gradient_of(write, value)
    close(found, expected)
    expected_bar = np.zeros((2, 3))
    for place, position in winner.items():
        expected_bar[position] = weights[place]
    close(v_bar, expected_bar)


def test_writing_to_a_constant_makes_it_a_result_when_the_value_requires_a_gradient():
    w = tg.tensor(2.0, requires_grad=True)
    y = tg.zeros(3)
    y[1:] = w
    assert y.requires_grad
    y.sum().backward()
    assert w.grad.item() == 2.0


def test_writing_to_a_leaf_that_requires_a_gradient_is_refused():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match=r"cannot be written to in part.*tg\.no_grad\(\)"):
        x[0] = 5.0
    assert x.tolist() == [1.0, 2.0]


def test_under_no_grad_a_leaf_is_written_in_place_and_backward_through_the_old_value_raises():
    x = tg.tensor([1.0, 2.0], requires_grad=True, name="weights")
    y = (x * x).sum()
    with tg.no_grad():
        x[0] = 5.0
        x[tg.tensor([False, True])] = tg.tensor(7.0)
    assert x.tolist() == [5.0, 7.0]
    assert x.requires_grad
    with pytest.raises(RuntimeError, match="'weights' was changed"):
        y.backward()
    (x * x).sum().backward()
    assert x.grad.tolist() == [10.0, 14.0]


def test_under_no_grad_a_leaf_without_axes_can_be_written_to():
    x = tg.tensor(1.0, requires_grad=True)
    with tg.no_grad():
        x[...] = 3.0
    assert x.item() == 3.0
    assert x.requires_grad


def test_under_no_grad_a_result_keeps_its_value_and_its_history():
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    with tg.no_grad(), pytest.raises(RuntimeError, match="lose its history"):
        y[0] = 0.0
    assert y.tolist() == [2.0, 4.0]
    assert y.requires_grad


def test_a_value_that_does_not_fit_is_refused_and_nothing_changes():
    y = tg.tensor(TABLE) * 1
    with pytest.raises(ValueError, match=r"setitem: .*\(3,\).*\(2,\)"):
        y[0, 0] = np.ones(3)
    close(y, TABLE)


def test_a_gradient_cannot_vanish_in_an_integer_tensor():
    counts = tg.tensor([1, 2], dtype=int)
    with pytest.raises(TypeError, match=r"dtype int64.*its gradient would be lost"):
        counts[0] = tg.tensor(1.5, requires_grad=True)
    counts[0] = 7
    assert counts.tolist() == [7, 2]


def test_a_constant_keeps_its_name_when_it_is_written_to():
    x = tg.tensor([1.0, 2.0], name="mask")
    x[0] = 0.0
    assert x.name == "mask"


def test_second_derivatives_through_a_write():
    def function(x):
        y = x * x
        y[0] = y[1] * x[2]
        return (y * y).sum()  # x1^4 x2^2 + x1^4 + x2^4

    x1, x2 = 2.0, 3.0
    expected = np.zeros((3, 3))
    expected[1:, 1:] = [[12 * x1**2 * x2**2 + 12 * x1**2, 8 * x1**3 * x2], [8 * x1**3 * x2, 2 * x1**4 + 12 * x2**2]]
    close(tg.hessian(function)(np.array([1.0, x1, x2])), expected)


# ---------------------------------------------------------------------- scatter-add


def test_add_at_is_numpys_add_at():
    index, value = (np.array([0, 4, 0]), slice(None), np.array([1, 0, 1])), random.normal(size=(3, 3))
    found, weights, (x_bar, v_bar) = gradient_of(lambda x, v: tg.add_at(x, index, v), TABLE, value)
    expected = TABLE.copy()
    np.add.at(expected, index, value)
    close(found, expected)
    close(x_bar, weights)
    close(v_bar, weights[index])


def test_add_at_promotes_like_addition():
    assert tg.add_at(tg.zeros(3), [0], 1.0).dtype == np.float32
    assert tg.add_at(tg.zeros(3), [0], np.ones(1)).dtype == np.float64
    assert tg.add_at(tg.zeros(3, dtype=int), [0, 0], 1.5).tolist() == [3.0, 0.0, 0.0]


# ---------------------------------------------------------------------- sorting and picking


def test_in_a_sort_with_ties_every_element_gets_the_gradient_of_its_own_place():
    x = np.array([2.0, 1.0, 2.0, 1.0, 2.0])
    _, weights, (found,) = gradient_of(tg.sort, x)
    close(found, weights[[2, 0, 3, 1, 4]])  # the places of 2, 1, 2, 1, 2 in 1, 1, 2, 2, 2
    close(sorted(found.tolist()), sorted(weights))


def test_topk_takes_the_first_of_equal_numbers():
    x = tg.tensor([1.0, 3.0, 3.0, 2.0, 3.0], requires_grad=True)
    values, indices = tg.topk(x, 2)
    assert indices.tolist() == [1, 2]
    values.sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 1.0, 0.0, 0.0]
    assert tg.topk(x, 2, largest=False)[1].tolist() == [0, 3]


def test_topk_counts_nan_as_the_largest():
    assert tg.topk(tg.tensor([1.0, np.nan, np.inf]), 2)[1].tolist() == [1, 2]


def test_topk_of_too_many_is_refused():
    with pytest.raises(ValueError, match=r"topk: k is 4, but axis -1 of shape \(3,\) has 3 elements"):
        tg.topk(tg.zeros(3), 4)


def test_median_of_several_ties_through_sort_is_a_subgradient():
    x = tg.tensor([1.0, 1.0, 1.0], requires_grad=True)
    tg.sort(x)[1].backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


def test_one_hot_is_a_row_of_the_unit_matrix():
    indices = random.integers(0, 4, (2, 3))
    close(tg.one_hot(indices, 4), np.eye(4)[indices])
    assert tg.one_hot(tg.tensor(indices)).shape == (2, 3, int(indices.max()) + 1)
    assert tg.one_hot([1], 2, dtype=np.int64).dtype == np.int64
    assert tg.one_hot([1]).dtype == tg.get_default_dtype()
    assert tg.one_hot(np.array([], int), 3).shape == (0, 3)


@pytest.mark.parametrize(("indices", "wrong"), [([0, 3], "3"), ([-1, 0], "-1")])
def test_one_hot_of_a_class_that_does_not_exist_is_refused(indices, wrong):
    with pytest.raises(IndexError, match=f"one_hot: index {wrong} is not one of the 3 classes"):
        tg.one_hot(indices, 3)


def test_take_along_axis_with_duplicates_adds_up():
    x = random.normal(size=(2, 3))
    index = np.array([[0, 0, 1, 0], [2, 2, 2, 2]])
    _, weights, (found,) = gradient_of(lambda x: tg.take_along_axis(x, index, axis=1), x)
    expected = np.zeros((2, 3))
    np.add.at(expected, (np.arange(2)[:, None], index), weights)
    close(found, expected)


# ---------------------------------------------------------------------- joining and repeating


def test_split_at_indices_that_fall_back_is_refused():
    with pytest.raises(ValueError, match=r"split: the indices to split at must rise, not \[3, 1\]"):
        tg.split(tg.zeros(5), [3, 1])
    with pytest.raises(ValueError, match="split: array split does not result in an equal division"):
        tg.split(tg.zeros(5), 2)


def test_pieces_of_a_split_that_are_not_used_get_zeros():
    x = tg.tensor(np.arange(6.0), requires_grad=True)
    first, _, last = tg.split(x, 3)
    (first.sum() + 10 * last[0]).backward()
    assert x.grad.tolist() == [1.0, 1.0, 0.0, 0.0, 10.0, 0.0]


def test_the_pieces_of_a_split_do_not_change_with_the_leaf():
    for x in (tg.tensor(np.arange(4.0)), tg.tensor(np.arange(4.0), requires_grad=True)):
        pieces = tg.split(x, 2)
        x.data[...] = 0
        assert [piece.tolist() for piece in pieces] == [[0.0, 1.0], [2.0, 3.0]]


def test_a_reflected_margin_wider_than_the_array_adds_up_all_copies():
    x = np.array([1.0, 2.0, 3.0])
    padded, weights, (found,) = gradient_of(lambda x: tg.pad(x, 5, mode="reflect"), x)
    close(padded, np.pad(x, 5, mode="reflect"))
    close(found, [weights[padded == v].sum() for v in x])


def test_many_arrays_join_and_get_their_pieces_back():
    arrays = [tg.tensor(random.normal(size=n % 4), requires_grad=True) for n in range(200)]
    joined = tg.concatenate(arrays)
    joined.backward(np.arange(joined.size))
    close(np.concatenate([a.grad.numpy() for a in arrays]), np.arange(joined.size))


# ---------------------------------------------------------------------- the functions behind x[index]


@pytest.mark.parametrize(
    "index", [(0, [1, 1]), [0, 0, 2], ([0, 0], [1, 1]), (slice(None), [2, 1, 1]), [True, False] * 2 + [True]]
)
def test_lists_in_an_index_are_arrays_also_for_the_functions(index):
    x, y = tg.tensor(TABLE, requires_grad=True), tg.tensor(TABLE, requires_grad=True)
    arrays = (
        tuple(np.array(part) if isinstance(part, list) else part for part in index)
        if isinstance(index, tuple)
        else np.array(index)
    )
    close(tg.getitem(x, index).detach(), TABLE[arrays])
    tg.getitem(x, index).sum().backward()
    y[arrays].sum().backward()
    close(x.grad, y.grad)
    value = tg.tensor(np.ones_like(TABLE[arrays]), requires_grad=True)
    written = tg.setitem(tg.tensor(TABLE), value, index)
    expected = TABLE.copy()
    expected[arrays] = 1
    close(written.detach(), expected)
    written.sum().backward()
    assert value.grad.numpy().sum() == (expected != TABLE).sum()  # of several values for one place the last one stays


def test_an_index_that_changes_after_the_call_does_not_reach_the_gradient():
    x, rows = tg.tensor(TABLE, requires_grad=True), np.array([0, 0])
    y = tg.getitem(x, (rows, 1))
    rows[...] = 3
    y.sum().backward()
    assert x.grad.numpy()[0].sum() == 4.0
    assert x.grad.numpy()[3].sum() == 0.0
