"""What modules do besides computing: containers, hooks, dtypes, finding parts by name, state."""

import copy
import pickle
import threading
from contextlib import contextmanager

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn, optim
from tinygrad_ml.modes import Mode


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


def test_lists_and_dicts_of_parameters_are_pytorchs(torch):
    states = []
    for library, array in ((tg, tg.ones), (torch, torch.ones)):
        some = library.nn.ParameterList([library.nn.Parameter(array(2)), array(3)])
        some.append(library.nn.Parameter(array(1)))
        some.extend([array(4)])
        some[0] = library.nn.Parameter(array(5))
        named = library.nn.ParameterDict({"b": array(2), "a": library.nn.Parameter(array(3))})
        named["c"] = array(1)
        named.update({"d": array(4)})
        assert isinstance(some[1:], library.nn.ParameterList)
        assert isinstance(some[1], library.nn.Parameter)
        assert set(named.keys()) == {"a", "b", "c", "d"}
        named.pop("a")
        both = library.nn.ModuleDict({"some": some, "named": named})
        states.append({key: tuple(value.shape) for key, value in both.state_dict().items()})
        assert len(list(both.parameters())) == 7
    assert states[0] == states[1]
    some, named = nn.ParameterList([tg.ones(2), tg.ones(3)]), nn.ParameterDict()
    del some[0]
    assert [p.shape for p in some] == [(3,)]
    with pytest.raises(TypeError, match="entry 1 is a str, not a Parameter, Tensor or array"):
        some.append("x")
    with pytest.raises(TypeError, match=r"entry 'a' was computed by multiply.*give its .detach\(\)"):
        named["a"] = some[0] * 2


def test_containers_have_pytorchs_names(torch):

    def build(library):
        return library.nn.ModuleDict(
            {
                "trunk": library.nn.Sequential(library.nn.Linear(2, 3), library.nn.BatchNorm1d(3)),
                "heads": library.nn.ModuleList([library.nn.Linear(3, 1), library.nn.Linear(3, 2)]),
            }
        )

    assert list(build(tg).state_dict()) == list(build(torch).state_dict())


def with_own_parts(library, base, *arguments):
    """Return an instance of a container's subclass that has a parameter, a buffer and modules beside its entries."""

    class Own(getattr(library.nn, base)):
        def __init__(self):
            super().__init__(*arguments)
            self.gain = library.nn.Parameter(library.ones(2))
            self.drop = library.nn.Dropout(0.5)
            if library is tg:
                self.seen = nn.Buffer(0.0)
            else:
                self.register_buffer("seen", library.zeros(()))
            self.last = library.nn.Linear(2, 1)

    return Own()


@pytest.mark.parametrize("base", ["Sequential", "ModuleList", "ModuleDict"])
def test_own_attributes_of_a_container_belong_to_it_as_in_pytorch(base, torch):
    def build(library):
        layers = [library.nn.Linear(3, 2), library.nn.BatchNorm1d(2)]
        entries = {"Sequential": layers, "ModuleList": [layers], "ModuleDict": [dict(zip("ab", layers))]}[base]
        return with_own_parts(library, base, *entries)

    ours, theirs = build(tg), build(torch)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert sorted(n for n, _ in ours.named_parameters()) == sorted(n for n, _ in theirs.named_parameters())
    assert [name for name, _ in ours.named_children()] == [name for name, _ in theirs.named_children()]
    assert len(ours) == 2, "only the entries are counted (and called, by Sequential)"
    ours.eval()
    assert not ours.drop.training
    ours.requires_grad_(False)
    assert not ours.gain.requires_grad
    state = ours.state_dict()
    other = build(tg)
    other.load_state_dict({name: np.asarray(value) + 1 for name, value in state.items()})
    for name, value in other.state_dict().items():
        np.testing.assert_array_equal(value, state[name] + 1)
    for copied in (copy.deepcopy(ours), ours.double()):
        assert [name for name, _ in copied.named_parameters()] == [name for name, _ in ours.named_parameters()]
    assert ours.gain.dtype == np.float64


def test_own_attributes_come_in_the_order_in_which_they_were_set():
    class First(nn.Sequential):
        def __init__(self):
            self.head = nn.Linear(1, 1)
            super().__init__(nn.Linear(2, 2))

    assert list(First().state_dict()) == ["head.weight", "head.bias", "0.weight", "0.bias"]


def test_keys_of_a_module_dict_need_not_be_strings():
    net = nn.ModuleDict({1: nn.Linear(2, 1)})
    assert list(net.state_dict()) == ["1.weight", "1.bias"]


def nested_keys():
    return nn.ModuleDict({"a.b": nn.Linear(1, 1), "a": nn.ModuleDict({"b": nn.Linear(1, 1)})})


def plain_keys():
    net = nn.Module()
    net.heads = {"x.y": nn.Parameter(1.0), "x": {"y": nn.Parameter(2.0)}}
    return net


def plain_attributes():
    net = nn.Module()
    net.heads = [nn.Buffer(1.0)]
    setattr(net, "heads.0", nn.Buffer(2.0))
    return net


def entry_and_attribute():
    net = nn.Sequential(nn.Linear(1, 1))
    setattr(net, "0", nn.Linear(1, 1))
    return net


def module_and_parameter():
    net = nn.ModuleDict({"gain": nn.Linear(1, 1)})
    net.gain = nn.Parameter(1.0)
    return net


def keys_of_two_types():
    return nn.ModuleDict({1: nn.ReLU(), "1": nn.Tanh()})


ALIKE = [nested_keys, lambda: nn.Sequential(nested_keys()), plain_keys, plain_attributes, entry_and_attribute]
COLLISION = "two of its parts are named '[^']+', so a state could hold only one of them; rename"


@pytest.mark.parametrize("make", [*ALIKE, module_and_parameter, keys_of_two_types])
def test_names_that_would_collide_are_refused_when_the_module_is_used(make):
    net = make()
    for use in (net.named_modules, net.parameters, net.buffers, net.modules):
        with pytest.raises(ValueError, match=COLLISION):
            list(use())
    for use in (net.eval, net.zero_grad, lambda: optim.SGD(net.parameters())):
        with pytest.raises(ValueError, match=COLLISION):
            use()


@pytest.mark.parametrize("make", ALIKE)
def test_a_state_with_names_that_collide_is_neither_saved_nor_loaded(make, tmp_path):
    net = make()
    for use in (net.state_dict, lambda: net.load_state_dict({}, strict=False), lambda: tg.save(net, tmp_path / "net")):
        with pytest.raises(ValueError, match=COLLISION):
            use()
    assert not list(tmp_path.iterdir())


def test_one_part_under_one_name_twice_does_not_collide():
    layer = nn.Linear(1, 1)
    net = nn.ModuleDict({"a.b": layer, "a": nn.ModuleDict({"b": layer})})
    assert list(net.state_dict()) == ["a.b.weight", "a.b.bias"]
    assert len(list(net.parameters())) == 2


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


def test_the_repr_of_a_module_whose_child_knows_its_parent_ends():
    class Child(nn.Module):
        def __init__(self, parent):
            self.parent, self.layer = parent, nn.ReLU()

    parent = nn.Module()
    parent.child = Child(parent)
    assert repr(parent) == "Module(\n  (child): Child(\n    (parent): ...\n    (layer): ReLU()\n  )\n)"
    loop = nn.Sequential()
    loop.layers += [nn.ModuleList([loop]), nn.ModuleDict({"again": loop})]
    assert repr(loop).count("...") == 2
    assert repr(nn.Sequential(nn.ReLU(), nn.ReLU())).count("ReLU()") == 2


def test_a_module_whose_child_knows_its_parent_is_used_as_any_other(torch):
    """Its parts count once, and it is copied, switched and saved (PyTorch cannot: it recurses without end)."""
    parent = nn.Sequential(nn.Linear(2, 2))
    parent[0].parent = parent
    assert list(parent.state_dict()) == ["0.weight", "0.bias"]
    assert [name for name, _ in parent.named_modules()] == ["", "0"]
    assert not parent.eval()[0].training
    other = copy.deepcopy(parent)
    assert other[0].parent is other
    assert parent.load_state_dict(other.state_dict()) == ([], [])


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


# ---------------------------------------------------------------------- the observer of calls


class Log:
    """Note what an observer of calls is told, in its order."""

    def __init__(self):
        self.lines = []

    def __call__(self, module, args, kwargs):
        @contextmanager
        def call():
            self.lines.append(f"{type(module).__name__} enters with {len(args)} and {sorted(kwargs)}")
            try:
                yield lambda output: self.lines.append(f"{type(module).__name__} gives {output.shape}")
            except ValueError:
                self.lines.append(f"{type(module).__name__} fails")
                raise
            else:
                self.lines.append(f"{type(module).__name__} leaves")

        return call()


def test_an_observer_sees_each_call_with_its_hooks_inside():
    net, log = nn.Sequential(nn.Linear(3, 2), nn.ReLU()), Log()
    net.register_forward_pre_hook(lambda module, inputs: log.lines.append("before"))
    net.register_forward_hook(lambda module, inputs, output: output[0])
    x = tg.ones(4, 3)
    expected = net(x)
    log.lines.clear()
    with Mode(call_observer=log):
        found = net(x)
    assert log.lines == [
        "Sequential enters with 1 and []",
        "before",
        "Linear enters with 1 and []",
        "Linear gives (4, 2)",
        "Linear leaves",
        "ReLU enters with 1 and []",
        "ReLU gives (4, 2)",
        "ReLU leaves",
        "Sequential gives (2,)",
        "Sequential leaves",
    ]
    np.testing.assert_array_equal(found.numpy(), expected.numpy())
    net(x)
    assert len(log.lines) == 11, "outside the mode nobody is told, but the hook"


def test_an_observer_sees_named_arguments_and_errors():
    net, log = nn.Linear(3, 2), Log()
    with Mode(call_observer=log):
        net(x=tg.ones(3))
        with pytest.raises(ValueError, match="its last axis must be 3"):
            net(tg.ones(4))
    assert log.lines[0] == "Linear enters with 0 and ['x']"
    assert log.lines[-2:] == ["Linear enters with 1 and []", "Linear fails"]


def test_an_observer_sees_the_calls_of_its_own_thread():
    net, log = nn.ReLU(), Log()
    with Mode(call_observer=log):
        thread = threading.Thread(target=net, args=(tg.ones(1),))
        thread.start()
        thread.join()
    assert log.lines == []


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


STATES = [
    {"0.weight": np.ones((2, 3)), "0.bias": np.ones(2), "1.weight": np.ones((1, 2)), "1.bias": np.ones(1)},
    {"0.weight": np.ones((2, 3)), "scale": np.ones(2)},
    {},
    {"0.bias": np.ones(2), "a.b": np.ones(1), "0": np.ones(1)},
]


@pytest.mark.parametrize("state", STATES, ids=["all", "some", "none", "others"])
def test_loading_says_which_names_differ_as_in_pytorch(state, torch):
    ours = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    expected = theirs.load_state_dict({name: torch.tensor(value) for name, value in state.items()}, strict=False)
    found = ours.load_state_dict(state, strict=False)
    assert found.missing_keys == expected.missing_keys
    assert found.unexpected_keys == expected.unexpected_keys
    missing, unexpected = found
    assert (missing, unexpected) == tuple(expected)
    for name, value in ours.state_dict().items():
        assert (value == 1).all() == (name in state)
    if not missing and not unexpected:
        assert ours.load_state_dict(state) == found
    else:
        with pytest.raises(ValueError, match="|".join([f"missing: {name}" for name in missing] + unexpected)):
            ours.load_state_dict(state)


def test_of_a_shared_parameter_one_name_is_enough():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    state = net.state_dict()
    del state["1.weight"]
    assert net.load_state_dict(state) == ([], [])
    del state["0.weight"]
    assert net.load_state_dict(state, strict=False).missing_keys == ["0.weight", "1.weight"]


@pytest.mark.parametrize("strict", [True, False])
def test_what_is_no_state_is_explained(strict):
    net = nn.Linear(2, 1)
    for state, message in (
        ([1, 2], "a state is a dict from names to arrays, not a list"),
        (None, "not a NoneType"),
        ({"weight": "text", "bias": [0]}, "wrong shape: weight"),
        ({"weight": [["a", "b"]], "bias": [0.0]}, "wrong dtype: weight is <U1"),
    ):
        with pytest.raises(ValueError, match=message):
            net.load_state_dict(state, strict)


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


# ---------------------------------------------------------------------- registering, as in PyTorch


def test_registered_buffers_and_parameters_are_pytorchs(torch):
    states = []
    for library, tensor in ((tg, tg.tensor), (torch, torch.tensor)):

        class Net(library.nn.Module):
            def __init__(self, library=library, tensor=tensor):
                super().__init__()
                self.register_parameter("scale", library.nn.Parameter(tensor([1.0, 2.0])))
                self.register_parameter("nothing", None)
                self.register_buffer("count", tensor([3.0]))
                self.register_buffer("table", tensor([4.0]), persistent=False)
                self.register_buffer("later", None)
                self.register_buffer("later_table", None, persistent=False)

        net = Net()
        names = [list(net.state_dict()), [n for n, _ in net.named_buffers()], [n for n, _ in net.named_parameters()]]
        net.count = net.count + 1  # a new value of a buffer is a buffer
        net.table = net.table + 1
        net.later, net.later_table, net.scale.requires_grad = net.count * 2, net.count * 2, False
        names += [list(net.state_dict()), [n for n, _ in net.named_buffers()]]
        names += [net.state_dict()["count"].tolist(), net.get_buffer("later_table").tolist()]
        net.later = None
        states.append([*names, list(net.state_dict())])
    assert states[0] == states[1]


def test_a_buffer_that_is_not_persistent_is_copied_and_converted_with_its_module():
    net = nn.Identity()
    net.register_buffer("table", tg.ones(2), persistent=False)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert not other.table.persistent
        assert not other.state_dict()
        assert other.double().table.dtype == np.float64
        other.load_state_dict({})
    given = nn.Buffer(tg.ones(2))
    net.register_buffer("given", given)
    assert net.given is given


@pytest.mark.parametrize(
    ("register", "error", "message"),
    [
        (lambda net: net.register_buffer("a.b", tg.ones(1)), KeyError, "nor have a dot"),
        (lambda net: net.register_buffer("", tg.ones(1)), KeyError, "must not be empty"),
        (lambda net: net.register_buffer(3, tg.ones(1)), TypeError, "must be a string, not a int"),
        (lambda net: net.register_buffer("forward", tg.ones(1)), KeyError, "has an attribute of this name"),
        (lambda net: net.register_buffer("weight", tg.ones(1)), KeyError, "has an attribute of this name"),
        (lambda net: net.register_buffer("b", tg.ones(1, requires_grad=True)), TypeError, r"assign its .detach\(\)"),
        (lambda net: net.register_parameter("p", tg.ones(1)), TypeError, "a Tensor is not a Parameter; wrap it"),
        (lambda net: net.register_parameter("extra_repr", None), KeyError, "has an attribute of this name"),
    ],
)
def test_what_cannot_be_registered_is_explained(register, error, message):
    with pytest.raises(error, match=message):
        register(nn.Linear(2, 1))


def test_a_value_with_a_gradient_does_not_become_a_buffer_silently():
    norm = nn.BatchNorm1d(2)
    with pytest.raises(TypeError, match="'running_mean' is a buffer, which is not learned"):
        norm.running_mean = norm.weight * 2
    norm.running_mean = (norm.weight * 2).detach()
    np.testing.assert_array_equal(norm.state_dict()["running_mean"], [2.0, 2.0])


def test_gradients_are_cleared_to_none_or_to_zeros():
    layer = nn.Linear(2, 1)
    layer.weight.grad = tg.ones(1, 2)
    layer.zero_grad(set_to_none=False)
    np.testing.assert_array_equal(layer.weight.grad.numpy(), [[0.0, 0.0]])
    assert layer.bias.grad is None
    layer.zero_grad()
    assert layer.weight.grad is None
