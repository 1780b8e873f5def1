"""What modules do besides computing: containers, hooks, dtypes, finding parts by name, state."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


# ---------------------------------------------------------------------- containers


def test_a_module_list_is_a_list():
    layers = nn.ModuleList([nn.Linear(2, 3)])
    layers.append(nn.Tanh())
    layers += [nn.Linear(3, 1)]
    layers.insert(1, nn.ReLU())
    assert [type(layer).__name__ for layer in layers] == ["Linear", "ReLU", "Tanh", "Linear"]
    assert [name for name, _ in layers.named_parameters()] == ["0.weight", "0.bias", "3.weight", "3.bias"]
    del layers[1]
    layers[1] = nn.Sigmoid()
    assert isinstance(layers[-2], nn.Sigmoid)
    assert isinstance(layers[:2], nn.ModuleList)
    assert len(layers[:2]) == 2
    with pytest.raises(TypeError, match="entry 3 is a int, not a Module"):
        layers.append(3)
    with pytest.raises(TypeError, match="entry 0 is a str"):
        nn.ModuleList(["x"])


def test_a_module_dict_is_a_dict():
    heads = nn.ModuleDict([("a", nn.Linear(2, 1))])
    heads["b"] = nn.Linear(2, 2, bias=False)
    heads.update({"c": nn.ReLU()})
    assert list(heads) == list(heads.keys()) == ["a", "b", "c"]
    assert [name for name, _ in heads.named_parameters()] == ["a.weight", "a.bias", "b.weight"]
    assert heads.pop("b").out_features == 2
    assert "b" not in heads
    assert heads == heads
    assert heads != nn.ModuleDict(heads.items())
    assert {heads: 1}[heads] == 1
    with pytest.raises(TypeError, match="entry 'd' is a dict"):
        heads["d"] = {}


def test_containers_have_pytorchs_names(torch):

    def build(library):
        return library.nn.ModuleDict(
            {
                "trunk": library.nn.Sequential(library.nn.Linear(2, 3), library.nn.BatchNorm1d(3)),
                "heads": library.nn.ModuleList([library.nn.Linear(3, 1), library.nn.Linear(3, 2)]),
            }
        )

    assert list(build(tg).state_dict()) == list(build(torch).state_dict())


def test_residual_adds_what_the_module_makes():
    layer, x = nn.Linear(3, 3, dtype=np.float64), normal(2, 3)
    np.testing.assert_allclose(nn.Residual(layer)(x).numpy(), x + layer(x).numpy())
    assert list(nn.Residual(layer).state_dict()) == ["module.weight", "module.bias"]


def test_every_container_is_copied_and_pickled():
    net = nn.Sequential(
        nn.ModuleList([nn.Linear(2, 2)])[0],
        nn.Residual(nn.ModuleDict({"a": nn.Linear(2, 2)})["a"]),
        nn.Lambda(tg.exp),
        nn.LSTM(2, 2),
    )
    x = tg.ones(1, 1, 2)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(other(x)[0].numpy(), net(x)[0].numpy())
        assert not {id(p) for p in other.parameters()} & {id(p) for p in net.parameters()}


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (nn.Conv2d(3, 8, 3, stride=2, bias=False), "Conv2d(3, 8, kernel_size=(3, 3), stride=2, bias=False)"),
        (nn.MaxPool2d(2), "MaxPool2d(kernel_size=2)"),
        (nn.BatchNorm1d(4, momentum=None), "BatchNorm1d(4, eps=1e-05, momentum=None)"),
        (nn.LayerNorm(4), "LayerNorm((4,), eps=1e-05)"),
        (nn.LSTM(3, 4, num_layers=2), "LSTM(3, 4, num_layers=2)"),
        (nn.Embedding(5, 3, padding_idx=-1), "Embedding(5, 3, padding_idx=4)"),
        (nn.Softmax(axis=1), "Softmax(axis=1)"),
        (nn.Lambda(tg.exp), "Lambda(exp)"),
        (nn.HuberLoss(delta=2.0, reduction="sum").eval(), "HuberLoss(reduction='sum', delta=2.0)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "text",
)
def test_repr_says_what_is_unusual(module, text):
    assert repr(module) == text


# ---------------------------------------------------------------------- dtypes


def test_a_module_goes_to_another_dtype_and_back():
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    x = tg.tensor(normal(4, 3))
    net(x.astype(np.float32)).sum().backward()
    parameters = list(net.parameters())
    assert net.double() is net
    assert [p.dtype for p in net.parameters()] == [np.float64] * 4
    assert all(a is b for a, b in zip(parameters, net.parameters()))
    assert net[0].weight.grad.dtype == np.float64
    assert [b.dtype for b in net.buffers()] == [np.float64, np.float64, np.int64]
    net.zero_grad()
    out = net(x)
    out.sum().backward()
    assert out.dtype == net[0].weight.grad.dtype == np.float64
    assert net.float()[0].weight.dtype == np.float32
    assert net.to("float16")[1].running_mean.dtype == np.float16
    with pytest.raises(TypeError, match="floating dtype, not int64"):
        net.to(int)


def test_a_parameter_that_changed_its_dtype_after_it_was_used_is_noticed():
    layer = nn.Linear(3, 2)
    loss = layer(tg.ones(1, 3, requires_grad=True)).sum()
    layer.double()
    with pytest.raises(RuntimeError, match="was changed after"):
        loss.backward()


# ---------------------------------------------------------------------- hooks


def test_hooks_see_and_replace_inputs_and_outputs():
    layer, seen = nn.Linear(3, 2), []
    x = tg.ones(1, 3)
    plain = layer(x).numpy()
    handles = [
        layer.register_forward_pre_hook(lambda module, inputs: seen.append((module, len(inputs)))),
        layer.register_forward_pre_hook(lambda module, inputs: (inputs[0] * 0,)),
        layer.register_forward_hook(lambda module, inputs, output: seen.append(output.numpy())),
        layer.register_forward_hook(lambda module, inputs, output: output + 1),
    ]
    np.testing.assert_array_equal(layer(x).numpy(), [layer.bias.numpy() + 1])
    assert seen[0] == (layer, 1)
    np.testing.assert_array_equal(seen[1], [layer.bias.numpy()])
    for handle in handles:
        handle.remove()
        handle.remove()
    np.testing.assert_array_equal(layer(x).numpy(), plain)
    assert len(seen) == 2


def test_a_hook_may_remove_itself():
    layer, calls = nn.Identity(), []

    def once(module, inputs, output):
        calls.append(output)
        handle.remove()

    handle = layer.register_forward_hook(once)
    layer(1)
    layer(2)
    assert calls == [1]


def test_gradients_flow_through_what_a_hook_returns():
    layer = nn.Linear(2, 1, bias=False)
    layer.register_forward_hook(lambda module, inputs, output: output * 3)
    layer(tg.ones(1, 2)).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad.numpy(), [[3, 3]])


def test_hooks_are_no_part_of_the_state_and_belong_to_one_module():
    one, other = nn.Linear(2, 1), nn.Linear(2, 1)
    one.register_forward_hook(nn.Linear(1, 1).forward)
    assert list(one.state_dict()) == ["weight", "bias"]
    assert other._hooks is None


# ---------------------------------------------------------------------- parts by name


def test_parts_are_found_by_name():
    net = nn.Sequential(nn.Linear(2, 3), nn.Residual(nn.Linear(3, 3)))
    assert net.get_submodule("1.module") is net[1].module
    assert net.get_submodule("") is net
    assert net.get_parameter("1.module.bias") is net[1].module.bias
    with pytest.raises(AttributeError, match=r"no parameter '1.module.wieght'; it has '1.module.weight'"):
        net.get_parameter("1.module.wieght")
    with pytest.raises(AttributeError, match="no module 'nothing'"):
        net.get_submodule("nothing")


# ---------------------------------------------------------------------- state


def test_buffers_and_integers_are_part_of_the_state():
    net, other = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    for _ in range(3):
        net(tg.tensor(normal(4, 2).astype(np.float32)))
    state = net.state_dict()
    assert list(state) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    assert state["num_batches_tracked"].dtype == np.int64
    other.load_state_dict(state)
    assert other.num_batches_tracked.item() == 3
    x = tg.ones(5, 2)
    np.testing.assert_array_equal(other.eval()(x).numpy(), net.eval()(x).numpy())
    with pytest.raises(ValueError, match="wrong dtype: num_batches_tracked is float64, must be int64"):
        other.load_state_dict({**state, "num_batches_tracked": np.array(1.0)})


def test_training_goes_on_bit_for_bit_from_a_loaded_state():
    def steps(net, seed, n):
        for i in range(n):
            x = tg.tensor(normal(6, 3, seed=seed + i).astype(np.float32))
            net.zero_grad()
            (net(x) ** 2).sum().backward()
            for p in net.parameters():
                p.data -= 0.01 * p.grad.numpy()

    def build():
        return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ELU(), nn.Linear(4, 2))

    whole, half = build(), build()
    half.load_state_dict(whole.state_dict())
    steps(whole, 0, 6)
    steps(half, 0, 3)
    resumed = build()
    resumed.load_state_dict(half.state_dict())
    steps(resumed, 3, 3)
    for name, value in whole.state_dict().items():
        np.testing.assert_array_equal(resumed.state_dict()[name], value)
