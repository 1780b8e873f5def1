"""Modules, layers and losses."""

import copy
import pickle
from importlib import import_module

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.nn import functional as F

RNG = np.random.default_rng(0)


class Tower(nn.Module):
    """Everything that may hang in a module."""

    def __init__(self):
        self.first = nn.Linear(2, 3)
        self.stack = [nn.Linear(3, 3), (nn.ReLU(), nn.Linear(3, 3))]
        self.heads = {"a": nn.Linear(3, 1), "b": nn.Parameter([1.0])}
        self.running = nn.Buffer([0.0])
        self.number, self.words, self.nothing = 3, ["x"], None
        self.again = self.first
        self.tied = nn.Linear(3, 3)
        self.tied.weight = self.stack[0].weight


def test_parameters_are_found_in_the_order_of_definition_and_once():
    names = [name for name, _ in Tower().named_parameters()]
    assert names == [
        *("first.weight", "first.bias", "stack.0.weight", "stack.0.bias", "stack.1.1.weight", "stack.1.1.bias"),
        *("heads.a.weight", "heads.a.bias", "heads.b", "tied.bias"),
    ]


def test_modules_and_buffers_are_found():
    tower = Tower()
    assert [name for name, _ in tower.named_buffers()] == ["running"]
    assert [name for name, _ in tower.named_modules()] == [
        *("", "first", "stack.0", "stack.1.0", "stack.1.1", "heads.a", "tied")
    ]
    assert len(list(tower.children())) == 7  # `again` is a child by another name


def test_a_module_that_contains_itself_is_walked_once():
    tower = Tower()
    tower.parent = tower
    assert len(list(tower.modules())) == 7


def test_no_super_init_is_needed_and_forgotten_forward_is_named():
    class Empty(nn.Module):
        def __init__(self):
            self.w = nn.Parameter(1.0)

    assert len(list(Empty().parameters())) == 1
    with pytest.raises(NotImplementedError, match="Empty does not define forward"):
        Empty()(1)


def test_parameters_learn_their_names():
    tower = Tower()
    list(tower.parameters())
    assert tower.heads["a"].weight.name == "heads.a.weight"


def test_train_and_eval_reach_every_module():
    tower = Tower()
    assert tower.training
    assert not any(m.training for m in tower.eval().modules())
    assert all(m.training for m in tower.train().modules())


def test_freezing_and_forgetting():
    net = nn.Linear(2, 1)
    net(tg.ones(1, 2)).sum().backward()
    net.zero_grad()
    assert net.weight.grad is None
    net.requires_grad_(False)
    assert not net(tg.ones(1, 2)).requires_grad


def test_apply_visits_children_first():
    seen = []
    nn.Sequential(nn.ReLU(), nn.Tanh()).apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Tanh", "ReLU", "Sequential"]


def test_repr_is_a_tree():
    net = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Sequential(nn.Dropout(0.1)))
    assert repr(net) == (
        "Sequential(\n  (0): Linear(2, 3, bias=False)\n  (1): Sequential(\n    (0): Dropout(p=0.1)\n  )\n)"
    )


def test_sequential_is_a_list_of_layers():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert len(net) == 3
    assert net[-1].out_features == 1
    assert len(net[:2]) == 2
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    with pytest.raises(TypeError, match="layer 1 is a int"):
        nn.Sequential(nn.ReLU(), 3)


def test_copies_and_pickles_are_independent():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    x = tg.ones(1, 2)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(other(x).numpy(), net(x).numpy())
        other[0].weight.data += 1.0
        assert not np.array_equal(other(x).numpy(), net(x).numpy())


# ---------------------------------------------------------------------- state


def test_state_goes_over_to_another_module():
    first, second = nn.Linear(3, 2), nn.Linear(3, 2)
    second.load_state_dict(first.state_dict())
    x = tg.tensor(RNG.normal(size=(4, 3)))
    np.testing.assert_array_equal(first(x).numpy(), second(x).numpy())


def test_state_is_a_copy():
    layer = nn.Linear(3, 2)
    layer.state_dict()["weight"][:] = 0
    assert layer.weight.numpy().any()


def test_a_state_that_does_not_fit_is_refused_as_a_whole():
    layer = nn.Linear(3, 2)
    before = layer.state_dict()
    with pytest.raises(ValueError, match="missing: bias") as caught:
        layer.load_state_dict({"weight": np.ones((3, 2)), "extra": np.ones(1)})
    assert "unexpected: extra" in str(caught.value)
    assert "wrong shape: weight is (3, 2), must be (2, 3)" in str(caught.value)
    for name, value in before.items():
        np.testing.assert_array_equal(layer.state_dict()[name], value)


def test_a_state_is_loaded_in_part_when_it_is_not_strict():
    layer = nn.Linear(3, 2)
    layer.load_state_dict({"bias": np.array([1.0, 2.0]), "extra": np.ones(1)}, strict=False)
    np.testing.assert_array_equal(layer.bias.numpy(), [1, 2])


def test_states_go_over_from_pytorch_and_back(torch):
    ours = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    x = RNG.normal(size=(5, 3)).astype(np.float32)
    ours.load_state_dict(theirs.state_dict())
    np.testing.assert_allclose(ours(x).numpy(), theirs(torch.tensor(x)).detach().numpy(), atol=1e-6)
    ours[0].weight.data *= 2.0
    theirs.load_state_dict({name: torch.tensor(value) for name, value in ours.state_dict().items()})
    np.testing.assert_allclose(ours(x).numpy(), theirs(torch.tensor(x)).detach().numpy(), atol=1e-6)


# ---------------------------------------------------------------------- layers


def test_linear_names_the_axis_that_is_wrong():
    with pytest.raises(
        ValueError, match=r"Linear\(in_features=30\): input has shape \(32, 31\); its last axis must be 30"
    ):
        nn.Linear(30, 1)(tg.ones(32, 31))


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3), (0, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_equals_the_matrix_product_over_any_leading_axes(shape, bias):
    layer = nn.Linear(3, 2, bias=bias, dtype=np.float64)
    x = RNG.normal(size=shape)
    expected = x @ layer.weight.numpy().T + (layer.bias.numpy() if bias else 0)
    np.testing.assert_allclose(layer(x).numpy(), expected, rtol=1e-12)


def test_dropout_keeps_the_mean_and_drops_the_right_share():
    tg.manual_seed(0)
    y = nn.Dropout(0.3)(tg.ones(200_000)).numpy()
    dropped = (y == 0).mean()
    assert abs(dropped - 0.3) < 0.01
    np.testing.assert_allclose(y[y != 0], 1 / 0.7, rtol=1e-6)


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.Philox])
@pytest.mark.parametrize("shape", [(200_001,), (0,), ()])
def test_dropout_takes_any_generator(kind, shape):
    draws = [F.dropout(tg.ones(shape), 0.25, generator=np.random.Generator(kind(5))).numpy() for _ in range(2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert draws[0].shape == shape
    if draws[0].size > 1:
        assert abs((draws[0] == 0).mean() - 0.25) < 0.005


def test_dropout_passes_the_gradient_where_it_passed_the_value():
    x = tg.ones(1000, requires_grad=True)
    y = nn.Dropout(0.5)(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.numpy())


def test_dropout_at_its_ends():
    x = tg.ones(10, requires_grad=True)
    np.testing.assert_array_equal(nn.Dropout(0.0)(x).numpy(), 1)
    nothing = nn.Dropout(1.0)(x)
    nothing.sum().backward()
    np.testing.assert_array_equal(nothing.numpy(), 0)
    np.testing.assert_array_equal(x.grad.numpy(), 0)
    np.testing.assert_array_equal(nn.Dropout(1.0).eval()(x).numpy(), 1)
    for p in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            nn.Dropout(p)


# ---------------------------------------------------------------------- losses


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(4,), (4, 3), (0,), (2, 3, 5)])
@pytest.mark.parametrize("name", ["MSELoss", "BCEWithLogitsLoss"])
def test_losses_of_equal_shapes_equal_pytorch(name, shape, reduction, torch):
    a, b = RNG.normal(size=shape) * 3, RNG.uniform(size=shape)
    x, t = tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    ours = getattr(nn, name)(reduction=reduction)(x, b)
    theirs = getattr(torch.nn, name)(reduction=reduction)(t, torch.tensor(b))
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-12)
    ours.sum().backward()
    theirs.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(4,), (5, 4), (3, 4, 2), (2, 4, 3, 3)])
@pytest.mark.parametrize("kind", ["indices", "probabilities"])
def test_cross_entropy_equals_pytorch(shape, reduction, kind, torch):
    logits = RNG.normal(size=shape) * 3
    axis = 0 if len(shape) == 1 else 1
    if kind == "indices":
        target = np.asarray(RNG.integers(0, 4, shape[:axis] + shape[axis + 1 :]))
    else:
        target = RNG.uniform(size=shape)
        target /= target.sum(axis, keepdims=True)
    x, t = tg.tensor(logits, requires_grad=True), torch.tensor(logits, requires_grad=True)
    ours = nn.CrossEntropyLoss(reduction=reduction)(x, target)
    theirs = torch.nn.CrossEntropyLoss(reduction=reduction)(t, torch.tensor(target))
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-12)
    weights = RNG.normal(size=ours.shape)
    (ours * weights).sum().backward()
    (theirs * torch.tensor(weights)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_losses_are_right_at_huge_logits_in_float32(size):
    x = tg.tensor([[size, 0.0]], requires_grad=True)
    loss = nn.CrossEntropyLoss()(x, np.array([0]))
    loss.backward()
    assert loss.dtype == np.float32
    assert loss.item() == max(0.0, -size)
    np.testing.assert_array_equal(x.grad.numpy(), [[0, 0]] if size > 0 else [[-1, 1]])
    z = tg.tensor([size], requires_grad=True)
    loss = nn.BCEWithLogitsLoss()(z, tg.ones(1))
    loss.backward()
    assert loss.item() == max(0.0, -size)
    assert z.grad.item() == (0.0 if size > 0 else -1.0)


def test_losses_keep_float32():
    x = tg.randn(4, 3, requires_grad=True)
    for loss in (
        nn.MSELoss()(x, tg.zeros(4, 3)),
        nn.BCEWithLogitsLoss()(x, tg.zeros(4, 3)),
        nn.CrossEntropyLoss()(x, np.array([0, 1, 2, 0])),
        nn.CrossEntropyLoss()(x, tg.full((4, 3), 1 / 3)),
    ):
        x.grad = None
        loss.backward()
        assert loss.dtype == x.grad.dtype == np.float32


def test_a_loss_of_different_shapes_is_refused():
    with pytest.raises(ValueError, match=r"\(32, 1\) and target \(32,\)"):
        nn.MSELoss()(tg.ones(32, 1), tg.ones(32))


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        (np.array([0, 4]), IndexError, "class 4, but input has the classes 0 to 3"),
        (np.array([0, -1]), IndexError, "class -1"),
        (np.array([0.0, 1.0]), TypeError, r"astype\(int\)"),
        (np.array([0, 1, 2]), ValueError, r"\(2,\) class indices"),
        (np.array([[0], [1]]), ValueError, r"\(2,\) class indices"),
    ],
)
def test_cross_entropy_says_what_is_wrong_with_a_target(target, error, message):
    with pytest.raises(error, match=message):
        nn.CrossEntropyLoss()(tg.zeros(2, 4), target)


def test_an_unknown_reduction_is_refused():
    with pytest.raises(ValueError, match="'mean', 'sum' or 'none'"):
        nn.MSELoss(reduction="average")


def test_the_second_derivative_of_the_cross_entropy_is_that_of_softmax():
    z = RNG.normal(size=(1, 4))
    x = tg.tensor(z, requires_grad=True)
    (g,) = tg.autograd.grad(F.cross_entropy(x, np.array([2])), x, create_graph=True)
    p = np.exp(z[0]) / np.exp(z[0]).sum()
    for i in range(4):
        (row,) = tg.autograd.grad(g[0, i], x, retain_graph=True)
        np.testing.assert_allclose(row.numpy()[0], p[i] * (np.eye(4)[i] - p), atol=1e-14)


# ---------------------------------------------------------------------- initial values


@pytest.mark.parametrize(
    ("fill", "std"),
    [
        (lambda w: nn.init.xavier_uniform_(w, gain=2.0), 2 * np.sqrt(2 / 500)),
        (lambda w: nn.init.xavier_normal_(w), np.sqrt(2 / 500)),
        (lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"), np.sqrt(2 / 300)),
        (lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="tanh"), 5 / 3 / np.sqrt(200)),
        (lambda w: nn.init.uniform_(w, -1, 1), np.sqrt(1 / 3)),
        (lambda w: nn.init.normal_(w, 0.0, 0.5), 0.5),
    ],
)
def test_initial_values_have_the_spread_of_their_formula(fill, std):
    tg.manual_seed(0)
    w = fill(nn.Parameter(np.zeros((200, 300), np.float32)))
    assert w.dtype == np.float32
    assert abs(w.numpy().mean()) < 4 * std / np.sqrt(60_000)
    np.testing.assert_allclose(w.numpy().std(), std, rtol=0.02)


def test_initial_values_can_be_seeded():
    one, two = (nn.init.uniform_(tg.zeros(5), generator=np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(one.numpy(), two.numpy())


def test_fans_need_two_axes_and_gains_a_known_name():
    with pytest.raises(ValueError, match="two or more axes"):
        nn.init.xavier_uniform_(tg.zeros(3))
    with pytest.raises(ValueError, match="'swish'"):
        nn.init.kaiming_uniform_(tg.zeros(3, 3), nonlinearity="swish")
    with pytest.raises(ValueError, match="fan_in"):
        nn.init.kaiming_uniform_(tg.zeros(3, 3), mode="fan")


@pytest.mark.parametrize("target", [np.array([1, 0, 1]), np.array([True, False, True]), np.array([1.0, 0.0, 1.0])])
@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.BCEWithLogitsLoss(), nn.L1Loss(), nn.HuberLoss()])
def test_a_loss_has_the_dtype_of_its_input(loss, target):
    x = tg.randn(3, requires_grad=True)
    assert loss(x, target).dtype == loss(x, tg.tensor(target)).dtype == np.float32
    np.testing.assert_allclose(loss(x, target).item(), loss(x, target.astype(np.float32)).item(), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.LayerNorm(6), (5, 4, 6)),
        (nn.GroupNorm(3, 6), (4, 6, 5)),
        (nn.GroupNorm(1, 6), (4, 6)),
        (nn.InstanceNorm2d(3, affine=True), (4, 3, 2, 5)),
        (nn.BatchNorm2d(3), (4, 3, 2, 5)),
    ],
)
def test_a_large_array_is_normalised_in_pieces_as_a_small_one_at_once(layer, shape, dtype, monkeypatch):
    module = import_module("tinygrad_ml.ops.normalize")
    layer = copy.deepcopy(layer).to(dtype)
    for p in layer.parameters():
        p.data = RNG.normal(size=p.shape)
    x, g = tg.tensor(RNG.normal(size=shape), dtype, requires_grad=True), RNG.normal(size=shape).astype(dtype)
    found = []
    for piece, saved in ((2**20, 2**20), (5, 2**20), (5, 0)):
        monkeypatch.setattr(module, "PIECE", piece)
        monkeypatch.setattr(module, "SAVED", saved)
        x.grad = None
        layer.zero_grad()
        y = layer(x)
        y.backward(g)
        found.append([y.numpy(), x.grad.numpy(), *[p.grad.numpy() for p in layer.parameters()]])
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-4 if dtype == np.float32 else 1e-11, atol=1e-5)
