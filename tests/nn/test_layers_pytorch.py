"""Every layer equals PyTorch's: the same weights through state_dict, outputs and all gradients in float64."""

import itertools

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.counting import calls_in
from tinygrad_ml import nn
from tinygrad_ml.testing import gradcheck

torch = pytest.importorskip("torch")

RTOL = ATOL = 1e-10


def options(**choices):
    """Return every combination of the choices."""
    return [dict(zip(choices, values)) for values in itertools.product(*choices.values())]


# name, positional arguments, options, shapes of the inputs
LAYERS = [
    *[("Linear", (3, 4), o, [s]) for o in options(bias=[True, False]) for s in [(3,), (5, 3), (2, 5, 3)]],
    *[
        ("Conv1d", (4, 6, 3), o, [s])
        for o in options(stride=[1, 2], padding=[0, 1], dilation=[1, 2], groups=[1, 2], bias=[True, False])
        for s in [(2, 4, 9), (4, 9)]
    ],
    *[
        ("Conv2d", (4, 6, (3, 2)), o, [s])
        for o in options(stride=[1, (2, 1)], padding=[0, (1, 0)], dilation=[1, 2], groups=[1, 2], bias=[True, False])
        for s in [(2, 4, 7, 6), (4, 7, 6)]
    ],
    ("Conv2d", (2, 3, 3), {"padding": "same"}, [(2, 2, 5, 4)]),
    *[
        ("MaxPool1d", (3,), o, [(2, 3, 9)])
        for o in options(stride=[None, 2], padding=[0, 1], dilation=[1, 2], ceil_mode=[False, True])
    ],
    *[
        ("MaxPool2d", (3,), o, [(2, 3, 9, 7)])
        for o in options(stride=[None, 2], padding=[0, 1], dilation=[1, (2, 1)], ceil_mode=[False, True])
    ],
    *[
        (f"AvgPool{n}d", (3,), o, [(2, 3, 9, 7)[: n + 2]])
        for o in options(stride=[None, 2], padding=[0, 1], ceil_mode=[False, True], count_include_pad=[False, True])
        for n in (1, 2)
    ],
    *[("AdaptiveAvgPool1d", (n,), {}, [s]) for n in (1, 3, 4, 12) for s in [(2, 3, 9), (3, 8)]],
    *[("AdaptiveAvgPool2d", (n,), {}, [s]) for n in (1, 3, (2, None), (5, 8)) for s in [(2, 3, 6, 9), (3, 7, 5)]],
    *[("AdaptiveMaxPool1d", (n,), {}, [s]) for n in (1, 3, 4, 12) for s in [(2, 3, 9), (3, 8)]],
    *[("AdaptiveMaxPool2d", (n,), {}, [s]) for n in (1, 3, (2, None), (5, 8)) for s in [(2, 3, 6, 9), (3, 7, 5)]],
    *[
        ("AvgPool2d", (3,), o, [(2, 3, 9, 7)])
        for o in options(divisor_override=[1, 5], padding=[0, 1], ceil_mode=[False, True])
    ],
    *[
        (f"LPPool{n}d", (p, 2), o, [(2, 3, 9, 7)[: n + 2]])
        for n in (1, 2)
        for p in (1.0, 2.0)
        for o in options(stride=[None, 1], ceil_mode=[False, True])
    ],
    *[
        ("Upsample", (), {"mode": mode, **o}, [s])
        for mode, s in [("nearest", (2, 3, 5)), ("nearest", (2, 3, 4, 5)), ("nearest-exact", (2, 3, 4, 5))]
        for o in [{"scale_factor": 2}, {"scale_factor": 1.7}, {"scale_factor": 0.6}, {"size": 7}, {"size": 3}]
    ],
    ("Upsample", ((7, 3),), {}, [(2, 3, 4, 5)]),
    ("Upsample", (), {"scale_factor": (2, 3)}, [(2, 3, 4, 5)]),
    *[
        ("Upsample", (), {"mode": mode, "align_corners": a, **o}, [s])
        for mode, s in [("linear", (2, 3, 5)), ("bilinear", (2, 3, 4, 5))]
        for a in (None, True, False)
        for o in [{"scale_factor": 2}, {"scale_factor": 1.7}, {"scale_factor": 1.05}, {"size": 7}, {"size": 1}]
    ],
    ("TransformerEncoderLayer", (6, 3), {"dropout": 0.0, "layer_norm_eps": 0.1, "activation": "gelu"}, [(5, 6)]),
    *[
        ("TransformerEncoderLayer", (6, 2, 8, 0.0), o, [(5, 3, 6)])
        for o in options(
            activation=["relu", "gelu"], norm_first=[False, True], batch_first=[False, True], bias=[True, False]
        )
    ],
    ("Flatten", (), {}, [(2, 3, 4)]),
    ("Flatten", (0, 1), {}, [(2, 3, 4)]),
    ("Unflatten", (1, (2, 3)), {}, [(4, 6, 2)]),
    *[
        ("BatchNorm1d", (3,), o, [s])
        for o in options(affine=[True, False], eps=[1e-5, 0.1])
        for s in [(5, 3), (4, 3, 2)]
    ],
    *[
        ("BatchNorm2d", (3,), o, [(4, 3, 2, 5)])
        for o in options(momentum=[0.1, 0.7, None], affine=[True, False], track_running_stats=[True, False])
    ],
    *[
        ("LayerNorm", (n,), o, [(2, 4, 3)])
        for n in (3, (4, 3))
        for o in options(elementwise_affine=[True, False], bias=[True, False], eps=[1e-5, 0.1])
    ],
    *[
        ("GroupNorm", (n, 6), o, [s])
        for n in (1, 2, 6)
        for o in options(affine=[True, False], eps=[1e-5, 0.1])
        for s in [(4, 6, 3), (2, 6, 3, 2)]
    ],
    *[
        ("RMSNorm", (n,), o, [(2, 4, 3)])
        for n in (3, (4, 3))
        for o in options(elementwise_affine=[True, False], eps=[None, 0.1])
    ],
    *[
        (name, (3,), o, [s])
        for name, shapes in [("InstanceNorm1d", [(3, 5), (4, 3, 5)]), ("InstanceNorm2d", [(3, 5, 2), (4, 3, 5, 2)])]
        for o in options(affine=[False, True], track_running_stats=[True, False], momentum=[0.1, 0.6])
        for s in shapes
    ],
    *[
        ("ConvTranspose1d", (4, 6, 3), o, [s])
        for o in options(stride=[1, 2], padding=[0, 1], dilation=[1, 2], groups=[1, 2], bias=[True, False])
        for s in [(2, 4, 5), (4, 5)]
    ],
    *[
        ("ConvTranspose2d", (4, 6, (3, 2)), o, [s])
        for o in options(stride=[1, (2, 1)], padding=[0, (1, 0)], dilation=[1, 2], groups=[1, 2], bias=[True, False])
        for s in [(2, 4, 3, 4), (4, 3, 4)]
    ],
    *[
        ("ConvTranspose2d", (2, 3, (3, 2)), o, [(2, 2, 3, 2)])
        for o in [
            {"stride": 2, "output_padding": 1},
            {"stride": 2, "output_padding": (1, 0), "padding": 1},
            {"stride": 2, "dilation": 4, "output_padding": 3},
            {"stride": 2, "dilation": 4, "output_padding": 3, "padding": 1},
            {"stride": (3, 1), "dilation": (1, 3), "output_padding": (2, 2), "padding": (1, 2)},
        ]
    ],
    *[("Bilinear", (3, 4, 2), o, s) for o in options(bias=[True, False]) for s in [[(5, 3), (5, 4)], [(3,), (4,)]]],
    *[
        (name, (3, 4), o, s)
        for name in ("RNNCell", "GRUCell")
        for o in options(bias=[True, False])
        for s in [[(2, 3)], [(3,)], [(2, 3), (2, 4)], [(3,), (4,)]]
    ],
    ("RNNCell", (3, 4), {"nonlinearity": "relu"}, [(2, 3), (2, 4)]),
    *[("LSTMCell", (3, 4), o, [s]) for o in options(bias=[True, False]) for s in [(2, 3), (3,)]],
    *[
        ("LSTM", (3, 5), o, [(5, 2, 3)])
        for o in options(proj_size=[1, 2], num_layers=[1, 2], bias=[True, False], bidirectional=[False, True])
    ],
    *[
        ("RNN", (3, 4), o, [(5, 2, 3)])
        for o in options(
            num_layers=[1, 2], nonlinearity=["tanh", "relu"], bias=[True, False], bidirectional=[False, True]
        )
    ],
    *[
        (name, (3, 4), o, [(5, 2, 3)])
        for name in ("LSTM", "GRU")
        for o in options(num_layers=[1, 3], bias=[True, False], batch_first=[False, True], bidirectional=[False, True])
    ],
    *[(name, (3, 4), {"num_layers": 2}, [(5, 3)]) for name in ("RNN", "LSTM", "GRU")],
    *[("RNN", (3, 4), {}, [(5, 2, 3), (1, 2, 4)])],
    *[("GRU", (3, 4), {"bidirectional": True, "batch_first": True}, [(2, 5, 3), (2, 2, 4)])],
    *[("GRU", (3, 4), {}, [(1, 3), (1, 4)])],
    *[
        ("MultiheadAttention", (6, heads), o, [(5, 3, 6), (4, 3, 6), (4, 3, 6)])
        for heads in (1, 3)
        for o in options(bias=[True, False], batch_first=[False])
    ],
    ("MultiheadAttention", (6, 2), {"batch_first": True}, [(3, 5, 6), (3, 4, 6), (3, 4, 6)]),
    ("MultiheadAttention", (6, 2), {"kdim": 4, "vdim": 5}, [(5, 3, 6), (4, 3, 4), (4, 3, 5)]),
    ("MultiheadAttention", (6, 2), {"kdim": 4, "vdim": 6, "bias": False}, [(5, 6), (4, 4), (4, 6)]),
    *[(name, (), {}, [(4, 3)]) for name in ("ReLU", "ReLU6", "Sigmoid", "Tanh", "LogSigmoid", "LeakyReLU", "ELU")],
    *[(name, (), {}, [(4, 3)]) for name in ("SELU", "GELU", "SiLU", "Mish", "Softplus", "Softsign", "Hardtanh")],
    ("LeakyReLU", (0.3,), {}, [(4, 3)]),
    ("ELU", (0.3,), {}, [(4, 3)]),
    ("GELU", (), {"approximate": "tanh"}, [(4, 3)]),
    ("Softplus", (2.0, 1.0), {}, [(4, 3)]),
    ("Hardtanh", (-0.5, 0.7), {}, [(4, 3)]),
    *[("PReLU", (n,), {}, [s]) for n, s in [(1, (4, 3)), (1, (4,)), (3, (2, 3)), (3, (2, 3, 4, 2))]],
    ("PReLU", (3, 0.7), {}, [(2, 3, 5)]),
    ("Hardswish", (), {}, [(4, 3)]),
    ("Threshold", (0.2, 3.0), {}, [(4, 3)]),
    *[("GLU", (axis,), {}, [(4, 6, 2)]) for axis in (-1, 0, 1)],
    ("Softmin", (1,), {}, [(4, 3, 2)]),
    *[("CosineSimilarity", (axis,), {}, [(4, 3), s]) for axis in (0, 1) for s in [(4, 3), (1, 3)]],
    *[("PairwiseDistance", (p, 1e-6, k), {}, [(4, 3), (4, 3)]) for p in (1.0, 2.0, 3.5) for k in (False, True)],
    ("Softmax", (1,), {}, [(4, 3, 2)]),
    ("LogSoftmax", (0,), {}, [(4, 3)]),
    ("Identity", (), {}, [(4, 3)]),
    ("Dropout", (0.0,), {}, [(4, 3)]),
    ("Dropout", (1.0,), {}, [(4, 3)]),
    ("Dropout2d", (0.0,), {}, [(4, 3, 2, 2)]),
    ("Dropout1d", (0.0,), {}, [(4, 3, 2)]),
    ("AlphaDropout", (0.0,), {}, [(4, 3)]),
    ("AlphaDropout", (1.0,), {}, [(4, 3)]),
]


def pair(name, arguments, given, seed=0):
    """Return our layer in float64 and PyTorch's with the same random weights."""
    ours = getattr(nn, name)(*arguments, **given).double()
    theirs = getattr(torch.nn, name)(*arguments, **given).double()
    random = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.tensor(random.normal(size=tuple(parameter.shape)) * 0.5))
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def flat(outs):
    """Return all Tensors in nested tuples; None is left out."""
    if isinstance(outs, tuple):
        return [x for out in outs for x in flat(out)]
    return [] if outs is None else [outs]


def assert_alike(ours, theirs, arrays, seed=1, **constants):
    """Compare outputs, the gradients of a random combination of them, and the state after it."""
    random = np.random.default_rng(seed)
    xs = [tg.tensor(a, requires_grad=True) for a in arrays]
    ts = [torch.tensor(a, requires_grad=True) for a in arrays]
    outs = flat(ours(*xs, **constants))
    their_outs = flat(
        theirs(*ts, **{k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in constants.items()})
    )
    assert len(outs) == len(their_outs)
    total, their_total = 0.0, 0.0
    for out, their_out in zip(outs, their_outs):
        assert out.shape == tuple(their_out.shape)
        assert out.dtype == np.float64
        np.testing.assert_allclose(out.numpy(), their_out.detach().numpy(), rtol=RTOL, atol=ATOL)
        weights = random.normal(size=out.shape)
        total, their_total = total + (out * weights).sum(), their_total + (their_out * torch.tensor(weights)).sum()
    if not their_total.requires_grad:
        return
    total.backward()
    their_total.backward()
    for x, t in zip(xs, ts):
        np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=RTOL, atol=ATOL)
    if hasattr(ours, "named_parameters"):
        named = dict(theirs.named_parameters())
        assert [name for name, _ in ours.named_parameters()] == list(named)
        for name, parameter in ours.named_parameters():
            np.testing.assert_allclose(
                parameter.grad.numpy(), named[name].grad.numpy(), rtol=RTOL, atol=ATOL, err_msg=name
            )
        assert_same_state(ours, theirs)


def assert_same_state(ours, theirs):
    state, theirs = ours.state_dict(), theirs.state_dict()
    assert list(state) == list(theirs)
    for name, value in state.items():
        assert value.dtype == theirs[name].numpy().dtype, name
        np.testing.assert_allclose(value, theirs[name].numpy(), rtol=RTOL, atol=ATOL, err_msg=name)


def normal(shapes, seed=2):
    random = np.random.default_rng(seed)
    return [random.normal(size=shape) for shape in shapes]


@pytest.mark.parametrize("name", dict.fromkeys(layer[0] for layer in LAYERS))
@pytest.mark.filterwarnings("ignore:.*batch_first.*:UserWarning", "ignore:.*dropout.*:UserWarning")
@pytest.mark.filterwarnings("ignore:Using padding='same':UserWarning")
def test_values_gradients_and_state_equal_those_of_pytorch(name):
    for layer, arguments, given, shapes in LAYERS:
        if layer == name:
            ours, theirs = pair(name, arguments, given)
            assert_alike(ours, theirs, normal(shapes))
            ours.zero_grad()
            theirs.zero_grad()
            assert_alike(ours.eval(), theirs.eval(), normal(shapes, 3))  # after the running statistics have moved


@pytest.mark.parametrize("name", dict.fromkeys(layer[0] for layer in LAYERS))
def test_float32_stays_float32(name):
    for layer, arguments, given, shapes in LAYERS:
        if layer == name:
            module = getattr(nn, name)(*arguments, **given)
            xs = [tg.tensor(a.astype(np.float32), requires_grad=True) for a in normal(shapes)]
            outs = flat(module(*xs))
            sum((out.sum() for out in outs[1:]), outs[0].sum()).backward()
            assert {out.dtype for out in outs} == {np.dtype(np.float32)}
            assert {x.grad.dtype for x in xs} == {np.dtype(np.float32)}
            assert {p.grad.dtype for p in module.parameters()} <= {np.dtype(np.float32)}
            assert {b.dtype for b in module.buffers()} <= {np.dtype(np.float32), np.dtype(np.int64)}


CHECKED = {}
for _name, _arguments, _given, _shapes in LAYERS:
    if "Dropout" not in _name and "relu" not in _given.values():
        CHECKED[_name] = (_arguments, _given, _shapes)  # the last of each, which has the most options


@pytest.mark.parametrize(
    ("name", "order"),
    [
        pytest.param(name, order, marks=[pytest.mark.slow] if (name, order) == ("LSTM", 2) else [])
        for name in CHECKED
        for order in (1, 2)
    ],
)
def test_gradients_are_those_of_differences(name, order):
    arguments, given, shapes = CHECKED[name]
    module = getattr(nn, name)(*arguments, **given).double()
    for buffer in [b for n, b in module.named_buffers() if "running" in n]:
        buffer.data = buffer.numpy() + 0.5
    random = np.random.default_rng(4)
    small = [random.permutation(np.linspace(-1.0, 1.0, int(np.prod(s)))).reshape(s) + 0.003 for s in shapes]
    gradcheck(
        lambda *xs: sum((out * out).mean() for out in flat(module(*xs))),
        tuple(small),
        params=module if list(module.parameters()) else None,
        order=order,
        mode="random" if order == 2 else "full",
    )


@pytest.mark.parametrize("name", ["Hardswish", "Threshold", "PReLU"])
def test_the_slopes_at_the_kinks_are_those_of_pytorch(name):
    arguments = (3.0, -1.0) if name == "Threshold" else ()
    ours, theirs = pair(name, arguments, {})
    assert_alike(ours, theirs, [np.array([-3.0, 3.0, 0.0, -7.0, 8.0])])


def test_hardsigmoid_is_pytorchs_formula():
    """Its derivative in PyTorch is 1 / 6 in float32, in float64 too: so it is compared with its formula."""
    x = np.concatenate([normal([17])[0] * 3, [-3.0, 3.0]])
    assert_alike(nn.functional.hardsigmoid, lambda x: torch.nn.functional.relu6(x + 3) / 6, [x])
    single = nn.Hardsigmoid()(x.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single.numpy(), torch.nn.Hardsigmoid()(torch.tensor(x)).numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, np.inf])
def test_normalized_vectors_equal_pytorchs(p):
    for axis in (0, 1, -1):
        assert_alike(
            lambda x, axis=axis: nn.functional.normalize(x, p, axis),
            lambda x, axis=axis: torch.nn.functional.normalize(x, p, axis),
            [np.concatenate([normal([(4, 3)])[0], np.zeros((1, 3))])],
        )


def test_prelu_leaves_infinity_alone():
    layer = nn.PReLU()
    x = tg.tensor([np.inf, -1.0], requires_grad=True)
    layer(x).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad.numpy(), [-1.0])
    np.testing.assert_array_equal(x.grad.numpy(), [1.0, 0.25])


# ---------------------------------------------------------------------- what only some layers have


@pytest.mark.parametrize("padding_idx", [None, 2, -1])
def test_embedding_equals_pytorch(padding_idx):
    ours, theirs = pair("Embedding", (5, 3), {"padding_idx": padding_idx})
    rows = np.array([[0, 2, 2], [4, 1, 4]])
    out, their_out = ours(rows), theirs(torch.tensor(rows))
    np.testing.assert_array_equal(out.numpy(), their_out.detach().numpy())
    (out * out).sum().backward()
    (their_out * their_out).sum().backward()
    np.testing.assert_allclose(ours.weight.grad.numpy(), theirs.weight.grad.numpy(), rtol=RTOL)


@pytest.mark.parametrize(
    "given",
    options(max_norm=[None, 0.5], norm_type=[2.0, 1.0], scale_grad_by_freq=[False, True], padding_idx=[None, 2]),
)
def test_embedding_limits_norms_and_scales_gradients_as_pytorch(given):
    ours, theirs = pair("Embedding", (5, 3), given)
    rows = np.array([[0, 2, 2], [4, 1, 4]])
    out, their_out = ours(rows), theirs(torch.tensor(rows))
    np.testing.assert_allclose(out.numpy(), their_out.detach().numpy(), rtol=RTOL)
    (out * out).sum().backward()
    (their_out * their_out).sum().backward()
    np.testing.assert_allclose(ours.weight.grad.numpy(), theirs.weight.grad.numpy(), rtol=RTOL)
    assert_same_state(ours, theirs)
    sparse = nn.Embedding(5, 3, **given, sparse=True).double()
    sparse.load_state_dict(ours.state_dict())
    out = sparse(rows)
    (out * out).sum().backward()
    np.testing.assert_allclose(sparse.weight.grad.numpy(), ours.weight.grad.numpy(), rtol=RTOL)


def test_a_table_that_was_computed_is_not_shortened():
    table = tg.ones(4, 2, requires_grad=True)
    with pytest.raises(ValueError, match="max_norm changes the table itself"):
        nn.functional.embedding(np.array([1]), table * 2, max_norm=1.0)
    with pytest.raises(TypeError, match="give max_norm= by its name"):
        nn.functional.embedding(np.array([1]), table, None, 2.0)


def test_a_table_that_is_shortened_counts_as_changed():
    layer, rows = nn.Embedding(4, 2, max_norm=0.1), np.array([1, 2])
    y = (layer.weight * layer.weight).sum()
    layer(rows)
    with pytest.raises(RuntimeError, match="changed"):
        y.backward()


@pytest.mark.parametrize(
    "given", options(kernel_size=[2, 3], stride=[None, 1], padding=[0, 1], dilation=[1, 2], ceil_mode=[False, True])
)
@pytest.mark.parametrize("n", [1, 2])
def test_max_pooling_says_where_the_largest_stand(n, given):
    for shape in [(2, 3, 9, 7)[: n + 2], (3, 9, 7)[: n + 1]]:
        (x,) = normal([shape])
        out, places = getattr(nn, f"MaxPool{n}d")(**given, return_indices=True)(x)
        expected, where = getattr(torch.nn, f"MaxPool{n}d")(**given, return_indices=True)(torch.tensor(x))
        np.testing.assert_array_equal(out.numpy(), expected.numpy())
        np.testing.assert_array_equal(places.numpy(), where.numpy())
        assert places.dtype == np.int64


@pytest.mark.parametrize(
    ("n", "lengths", "given", "output_size"),
    [
        (2, (8, 6), {"kernel_size": 2}, None),
        (2, (7, 9), {"kernel_size": 2}, (7, 9)),
        (2, (7, 8), {"kernel_size": (3, 2), "stride": (3, 3), "padding": (1, 0)}, None),
        (1, (9,), {"kernel_size": 3}, None),
        (1, (7,), {"kernel_size": 3, "stride": 3, "padding": 1}, None),
        (1, (9,), {"kernel_size": 2}, (2, 3, 9)),
    ],
)
def test_unpooling_puts_back_what_pooling_kept_as_pytorch(n, lengths, given, output_size):
    x = np.random.default_rng(0).normal(size=(2, 3, *lengths))
    found = []
    for library in (nn, torch.nn):
        t = (tg if library is nn else torch).tensor(x, requires_grad=True)
        pooled, places = getattr(library, f"MaxPool{n}d")(**given, return_indices=True)(t)
        out = getattr(library, f"MaxUnpool{n}d")(**given)(pooled, places, output_size=output_size)
        (out * out).sum().backward()
        found.append((out.detach().numpy(), t.grad.numpy()))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x, i: nn.functional.max_unpool1d(x, i[:, :1], 2),
            ValueError,
            "they must be the two results of max_pool1d",
        ),
        (lambda x, i: nn.functional.max_unpool1d(x, i * 1.0, 2), ValueError, "of float64"),
        (
            lambda x, i: nn.functional.max_unpool1d(x, i, 2, output_size=(9,)),
            ValueError,
            r"output_size \(9,\) must differ by less",
        ),
        (
            lambda x, i: nn.functional.max_unpool1d(x, i + 4, 2),
            IndexError,
            r"indices go to 7, but an image of \(4,\) has fewer",
        ),
    ],
)
def test_unpooling_refuses_what_no_pooling_gave(call, error, message):
    with pytest.raises(error, match=message):
        call(tg.ones(1, 2), np.array([[1, 3]]))


@pytest.mark.parametrize("size", [1, 3, 4])
def test_adaptive_max_pooling_says_where_the_largest_stand(size):
    for n, shape in [(1, (2, 3, 9)), (2, (2, 3, 9, 8)), (2, (3, 5, 4))]:
        (x,) = normal([shape])
        x = np.round(x)  # ties
        out, places = getattr(nn, f"AdaptiveMaxPool{n}d")(size, return_indices=True)(x)
        expected, where = getattr(torch.nn, f"AdaptiveMaxPool{n}d")(size, return_indices=True)(torch.tensor(x))
        np.testing.assert_array_equal(out.numpy(), expected.numpy())
        np.testing.assert_array_equal(places.numpy(), where.numpy())


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "linear", "area"])
def test_interpolation_equals_pytorchs_for_all_lengths(mode):
    for length in range(1, 12):
        (x,) = normal([(1, 2, length)], length)
        for size in range(1, 26):
            ours = nn.functional.interpolate(x, size, mode=mode)
            theirs = torch.nn.functional.interpolate(torch.tensor(x), size, mode=mode)
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=RTOL, atol=ATOL, err_msg=f"{length} {size}")
        for factor in (0.5, 0.7, 1.1, 1.5, 2.0, 2.3, 3.0) if mode != "area" else ():
            if int(length * factor) >= 1:
                ours = nn.functional.interpolate(x, scale_factor=factor, mode=mode)
                theirs = torch.nn.functional.interpolate(torch.tensor(x), scale_factor=factor, mode=mode)
                np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=RTOL, atol=ATOL, err_msg=f"{length}")


ENCODER_MASKS = {
    "nothing": {},
    "mask": {"mask": np.triu(np.ones((5, 5), bool), 1)},
    "float": {"mask": np.random.default_rng(6).normal(size=(5, 5))},
    "padding": {"src_key_padding_mask": np.arange(5) >= np.array([[4], [2], [3]])},
    "both": {
        "mask": np.triu(np.ones((5, 5), bool), 1),
        "src_key_padding_mask": np.arange(5) >= np.array([[4], [2], [3]]),
    },
}


@pytest.mark.parametrize("mask", ENCODER_MASKS)
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.filterwarnings("ignore:.*nested.*:UserWarning")
def test_an_encoder_equals_pytorchs(norm_first, mask):
    def build(library):
        layer = library.nn.TransformerEncoderLayer(6, 2, 8, 0.0, batch_first=True, norm_first=norm_first)
        return library.nn.TransformerEncoder(layer, 2, library.nn.LayerNorm(6)).double()

    ours, theirs = build(tg), build(torch)
    ours.load_state_dict(theirs.state_dict())
    assert_alike(ours, theirs, normal([(3, 5, 6)]), **ENCODER_MASKS[mask])


def test_an_encoder_is_causal_when_it_is_told_to_be():
    layer = nn.TransformerEncoderLayer(6, 2, 8, 0.0)
    encoder = nn.TransformerEncoder(layer, 2)
    assert encoder.layers[0].linear1.weight is not encoder.layers[1].linear1.weight
    np.testing.assert_array_equal(encoder.layers[0].linear1.weight.numpy(), layer.linear1.weight.numpy())
    x = tg.tensor(normal([(5, 3, 6)])[0].astype(np.float32))
    mask = np.triu(np.ones((5, 5), bool), 1)
    np.testing.assert_array_equal(encoder(x, is_causal=True).numpy(), encoder(x, mask).numpy())
    x.requires_grad = True
    encoder(x, is_causal=True)[2].sum().backward()
    assert x.grad.numpy()[:3].any(axis=(1, 2)).all()
    assert not x.grad.numpy()[3:].any()


def test_an_encoder_layer_takes_a_function_as_its_activation():
    given = {"dropout": 0.0, "dim_feedforward": 8}
    ours = nn.TransformerEncoderLayer(6, 2, **given, activation=tg.tanh).double()
    theirs = torch.nn.TransformerEncoderLayer(6, 2, **given, activation=torch.tanh).double()
    ours.load_state_dict(theirs.state_dict())
    assert_alike(ours, theirs, normal([(5, 3, 6)]))
    with pytest.raises(ValueError, match="activation must be 'relu', 'gelu' or a function, not 'swish'"):
        nn.TransformerEncoderLayer(6, 2, activation="swish")


@pytest.mark.parametrize("features", [5, 6])
def test_positions_are_waves_of_growing_length(features):
    encoding = nn.PositionalEncoding(features, dropout=0.0, max_len=9).double()
    out = encoding(np.ones((7, 2, features))).numpy() - 1
    for t, k in itertools.product(range(7), range(features)):
        angle = t / 10000 ** ((k - k % 2) / features)
        np.testing.assert_allclose(out[t, :, k], np.cos(angle) if k % 2 else np.sin(angle), atol=1e-6)
    first = nn.PositionalEncoding(features, dropout=0.0, max_len=9, batch_first=True).double()
    np.testing.assert_array_equal(first(np.ones((2, 7, features))).numpy().swapaxes(0, 1), out + 1)
    assert not encoding.state_dict()
    gradcheck(lambda x: (encoding(x) ** 2).sum(), tg.ones(3, 2, features).astype(np.float64))


def test_the_padding_row_of_an_embedding_begins_as_zeros():
    layer = nn.Embedding(4, 3, padding_idx=-2)
    np.testing.assert_array_equal(layer.weight.numpy()[2], 0)
    assert layer.weight.numpy()[[0, 1, 3]].all()


@pytest.mark.parametrize("given", options(num_layers=[1, 2], bidirectional=[False, True], batch_first=[False, True]))
def test_lstm_goes_on_from_given_states(given):
    ours, theirs = pair("LSTM", (3, 4), given)
    k = given["num_layers"] * (1 + given["bidirectional"])
    (x,), states = normal([(2, 2, 3)]), normal([(k, 2, 4), (k, 2, 4)], 5)
    assert_alike(lambda x, h, c: ours(x, (h, c)), lambda x, h, c: theirs(x, (h, c)), [x, *states])


@pytest.mark.parametrize("given", options(num_layers=[1, 2], bidirectional=[False, True], proj_size=[2]))
def test_a_projected_lstm_goes_on_from_given_states(given):
    ours, theirs = pair("LSTM", (3, 4), given)
    k = given["num_layers"] * (1 + given["bidirectional"])
    (x,), states = normal([(3, 2, 3)]), normal([(k, 2, 2), (k, 2, 4)], 5)
    assert_alike(lambda x, h, c: ours(x, (h, c)), lambda x, h, c: theirs(x, (h, c)), [x, *states])
    ours.batch_first = theirs.batch_first = False
    assert_alike(
        lambda x, h, c: ours(x, (h, c)),
        lambda x, h, c: theirs(x, (h, c)),
        [x[:, 0], *(state[:, 0] for state in states)],
    )


@pytest.mark.parametrize("shape", [(2,), ()])
def test_an_lstm_cell_goes_on_from_given_states(shape):
    ours, theirs = pair("LSTMCell", (3, 4), {})
    arrays = normal([(*shape, 3), (*shape, 4), (*shape, 4)])
    assert_alike(lambda x, h, c: ours(x, (h, c)), lambda x, h, c: theirs(x, (h, c)), arrays)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_a_cell_in_a_loop_is_the_layer(name):
    layer, cell = getattr(nn, name)(3, 4).double(), getattr(nn, name + "Cell")(3, 4).double()
    cell.load_state_dict({key[:-3]: value for key, value in layer.state_dict().items()})
    (x,) = normal([(5, 2, 3)])
    state = None
    for t in range(5):
        state = cell(tg.tensor(x[t]), state)
    out = state[0] if name == "LSTM" else state
    np.testing.assert_allclose(out.numpy(), layer(tg.tensor(x))[0][-1].numpy(), rtol=RTOL)


@pytest.mark.parametrize("size", [9, 10, (9,), [10]])
def test_a_transposed_convolution_gives_the_size_that_is_asked_for(size):
    ours, theirs = pair("ConvTranspose1d", (2, 3, 3), {"stride": 2})
    (x,) = normal([(2, 2, 4)])
    expected = theirs(torch.tensor(x), output_size=[size] if isinstance(size, int) else list(size))
    np.testing.assert_allclose(ours(x, output_size=size).numpy(), expected.detach().numpy(), rtol=RTOL, atol=ATOL)
    with pytest.raises(
        ValueError, match=r"output_size 11 cannot be made of an input of size \(4,\); it must be from \(9,"
    ):
        ours(x, output_size=11)


@pytest.mark.parametrize(
    ("name", "arguments", "bound"),
    [
        ("ConvTranspose2d", (4, 6, 3), 1 / np.sqrt(6 * 9)),
        ("Bilinear", (9, 40, 50), 1 / 3),
        ("LSTMCell", (30, 25), 1 / 5),
    ],
)
def test_new_weights_are_spread_as_pytorchs(name, arguments, bound):
    tg.manual_seed(0)
    ours, theirs = getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments)
    for (key, a), (_, b) in zip(ours.named_parameters(), theirs.named_parameters()):
        assert np.abs(a.numpy()).max() <= bound, key
        assert b.abs().max() <= bound, key
        assert np.abs(a.numpy()).max() > (0.9 if a.size > 50 else 0.3) * bound, key


def test_dropout1d_drops_whole_channels():
    tg.manual_seed(0)
    for shape in [(100, 10, 9), (1000, 9)]:
        y = nn.Dropout1d(0.5)(tg.ones(shape)).numpy().reshape(1000, 9)
        assert ((y == 0).all(axis=1) | (y == 2).all(axis=1)).all()
        assert abs((y[:, 0] == 0).mean() - 0.5) < 0.06


def test_alpha_dropout_keeps_mean_and_variance():
    tg.manual_seed(0)
    x = np.random.default_rng(0).normal(size=200_000)
    y = nn.AlphaDropout(0.3)(tg.tensor(x)).numpy()
    assert abs(y.mean()) < 0.01
    assert abs(y.var() - 1) < 0.02
    torch.manual_seed(0)
    theirs = torch.nn.AlphaDropout(0.3)(torch.zeros(10_000, dtype=torch.float64)).numpy()
    np.testing.assert_allclose(np.unique(nn.AlphaDropout(0.3)(np.zeros(10_000)).numpy()), np.unique(theirs), rtol=1e-6)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_dropout_between_recurrent_layers_is_active_while_training_only(name):
    tg.manual_seed(0)
    layer = getattr(nn, name)(3, 4, num_layers=2, dropout=0.5)
    x = tg.ones(5, 2, 3)
    assert not np.allclose(layer(x)[0].numpy(), layer(x)[0].numpy())
    layer.eval()
    np.testing.assert_array_equal(layer(x)[0].numpy(), layer(x)[0].numpy())


def test_a_recurrent_layer_is_differentiable_twice_through_a_shared_weight():
    """The weight of the second layer comes from that of the first: only the direct dependence is the layer's."""
    random = np.random.default_rng(0)
    x, w = tg.tensor(random.normal(size=(3, 2, 2))), random.normal(size=(2, 2))

    def twice(w):
        h = tg.ops.rnn(x, np.zeros((2, 2)), w, np.zeros(2))
        return tg.ops.rnn(h @ w, np.zeros((2, 2)), w, np.zeros(2)).sum()

    gradcheck(twice, w, order=2)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_a_recurrent_layer_goes_back_twice_with_other_gradients(name):
    layer, x = getattr(nn, name)(3, 4).double(), tg.tensor(normal([(5, 2, 3)])[0], requires_grad=True)
    out, _ = layer(x)
    one, two = normal([(5, 2, 4)], 1)[0], normal([(5, 2, 4)], 2)[0]
    first, second, both = (
        tg.autograd.grad(out, x, tg.tensor(g), retain_graph=True)[0].numpy() for g in (one, two, one + 2 * two)
    )
    np.testing.assert_allclose(both, first + 2 * second, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_the_work_grows_in_proportion_to_the_length_of_a_sequence(name):
    layer = getattr(nn, name)(2, 4)

    def step(length):
        layer(tg.ones(length, 1, 2, requires_grad=True))[0].sum().backward()

    step(10)  # what is made once is made
    short, long = (calls_in(lambda n=n: step(n)) for n in (100, 1000))
    assert long < 10.5 * short
    # no step is an operation of its own, whose gradient would be an array for the whole sequence
    short, long = (len(tg.graph.trace(layer, tg.ones(n, 1, 2)).operations) for n in (100, 1000))
    assert long == short


def test_half_precision_is_normalised_without_overflow():
    x = tg.tensor(normal([(4, 300)])[0].astype(np.float16) * 300, requires_grad=True)
    out = nn.LayerNorm(300).to("float16")(x)
    out.sum().backward()
    assert out.dtype == x.grad.dtype == np.float16
    np.testing.assert_allclose(out.numpy().std(axis=1), 1, atol=2e-3)


def test_integers_are_normalised_as_numbers():
    x = np.array([[1, 2], [3, 5]])
    for layer in (nn.LayerNorm(2), nn.BatchNorm1d(2)):
        np.testing.assert_allclose(layer(x).numpy(), layer(x * 1.0).numpy(), rtol=1e-6)


MASKS = {
    "nothing": {},
    "bool": {"attn_mask": np.triu(np.ones((5, 4), bool), 1)},
    "float": {"attn_mask": np.random.default_rng(6).normal(size=(5, 4))},
    "for each head": {"attn_mask": np.random.default_rng(6).normal(size=(6, 5, 4))},
    "padding": {"key_padding_mask": np.arange(4) >= np.array([[4], [2], [3]])},
    "both": {
        "key_padding_mask": np.arange(4) >= np.array([[4], [2], [3]]),
        "attn_mask": np.triu(np.ones((5, 4), bool), 1),
    },
    "float padding": {"key_padding_mask": np.random.default_rng(6).normal(size=(3, 4))},
    "heads apart": {"average_attn_weights": False},
    "no weights": {"need_weights": False},
}


@pytest.mark.parametrize("mask", MASKS)
def test_attention_masks_equal_pytorchs(mask):
    ours, theirs = pair("MultiheadAttention", (6, 2), {})
    arrays = normal([(5, 3, 6), (4, 3, 6), (4, 3, 6)])
    assert_alike(ours, theirs, arrays, **MASKS[mask])


def test_self_attention_equals_pytorch():
    ours, theirs = pair("MultiheadAttention", (6, 2), {"batch_first": True})
    (x,) = normal([(3, 5, 6)])
    assert_alike(lambda x: ours(x, x, x), lambda x: theirs(x, x, x), [x])
    future = np.triu(np.ones((5, 5), bool), 1)
    a, b = ours(x, x, x, is_causal=True), ours(x, x, x, attn_mask=future)
    np.testing.assert_array_equal(a[0].numpy(), b[0].numpy())


@pytest.mark.parametrize(
    ("given", "mask"),
    [*itertools.product([{}, {"scale": 0.3}], [None, "bool", "float"]), ({"is_causal": True}, None)],
)
def test_scaled_dot_product_attention_equals_pytorch(given, mask):
    masks = {None: None, "bool": np.tri(5, 4, dtype=bool), "float": normal([(2, 5, 4)])[0]}
    arrays = normal([(2, 5, 3), (2, 4, 3), (2, 4, 6)])
    assert_alike(
        nn.functional.scaled_dot_product_attention,
        torch.nn.functional.scaled_dot_product_attention,
        arrays,
        attn_mask=masks[mask],
        **given,
    )


def test_a_query_that_may_see_nothing_gets_zeros_and_no_nan():
    x = tg.tensor(normal([(4, 3)])[0], requires_grad=True)
    seen = np.array([[False] * 4, *[[True] * 4] * 3])
    out = nn.functional.scaled_dot_product_attention(x, x, x, seen)
    out.sum().backward()
    np.testing.assert_array_equal(out.numpy()[0], 0)
    assert np.isfinite(x.grad.numpy()).all()


def test_running_statistics_follow_the_batches_as_pytorchs():
    for momentum in (0.1, None):
        ours, theirs = pair("BatchNorm1d", (3,), {"momentum": momentum})
        for seed in range(4):
            (x,) = normal([(6, 3)], seed)
            ours(x)
            theirs(torch.tensor(x))
            assert_same_state(ours, theirs)


def test_batch_norm_refuses_one_number_in_each_channel():
    with pytest.raises(ValueError, match="no variance"):
        nn.BatchNorm1d(3)(tg.ones(1, 3))
    assert nn.BatchNorm1d(3).eval()(tg.ones(1, 3)).shape == (1, 3)


def test_dropout2d_drops_whole_channels():
    tg.manual_seed(0)
    y = nn.Dropout2d(0.5)(tg.ones(200, 10, 3, 3)).numpy().reshape(2000, 9)
    assert ((y == 0).all(axis=1) | (y == 2).all(axis=1)).all()
    assert abs((y[:, 0] == 0).mean() - 0.5) < 0.05


# ---------------------------------------------------------------------- files


@pytest.mark.parametrize("name", ["Linear", "Conv2d", "BatchNorm2d", "LayerNorm", "LSTM", "MultiheadAttention"])
def test_weights_go_over_through_safetensors_in_both_directions(name, tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    arguments, given, shapes = CHECKED[name]
    ours, theirs = pair(name, arguments, given)
    safetensors.save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    new = getattr(nn, name)(*arguments, **given).double()
    new.load_state_dict(tg.load(tmp_path / "theirs.safetensors"))
    assert_same_state(new, theirs)
    for parameter in ours.parameters():
        parameter.data *= 2.0
    theirs.load_state_dict(safetensors.load_file(tg.save(ours, tmp_path / "ours.safetensors")))
    assert_same_state(ours, theirs)
    assert_alike(ours, theirs, normal(shapes))


# ---------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.Conv2d(3, 4, 3), (2, 4, 8, 8), r"Conv2d\(in_channels=3\): input has shape \(2, 4, 8, 8\)"),
        (nn.Conv1d(3, 4, 3), (3,), r"it must be \(batch, 3, length\)"),
        (nn.BatchNorm1d(3), (2, 4), r"BatchNorm1d\(3\): input has shape \(2, 4\); it must be \(batch, 3\) or"),
        (nn.BatchNorm2d(3), (2, 3), r"it must be \(batch, 3, height, width\)"),
        (nn.LayerNorm((4, 3)), (2, 3, 4), r"its last axes must be \(4, 3\)"),
        (nn.LSTM(3, 4), (5, 2, 4), r"LSTM\(input_size=3\): input has shape \(5, 2, 4\); it must be \(time, batch, 3\)"),
        (nn.GRU(3, 4, batch_first=True), (2, 0, 3), "at least one time"),
        (nn.AdaptiveAvgPool2d(2), (3,), "adaptive_avg_pool2d: input has shape"),
        (nn.Dropout2d(), (3, 2), r"it must be \(batch, channels, height, width\)"),
        (nn.Flatten(3), (2, 3), "has no axes from 3"),
        (nn.GroupNorm(2, 4), (2, 3), r"GroupNorm\(2, 4\): input has shape \(2, 3\); it must be \(batch, 4, ...\)"),
        (nn.RMSNorm((4, 3)), (2, 3, 4), r"RMSNorm\(\(4, 3\)\): input has shape \(2, 3, 4\)"),
        (nn.InstanceNorm2d(3), (2, 4, 5, 5), r"it must be \(batch, 3, height, width\), or \(3, height, width\)"),
        (nn.InstanceNorm1d(3), (2, 3, 1), "one element in each channel has no variance"),
        (
            nn.ConvTranspose2d(3, 4, 3),
            (2, 4, 8, 8),
            r"ConvTranspose2d\(in_channels=3\): input has shape \(2, 4, 8, 8\)",
        ),
        (nn.ConvTranspose1d(3, 4, 3, padding=3), (2, 3, 2), "nothing is left of the output; use less padding="),
        (nn.ConvTranspose1d(3, 4, 3, output_padding=1), (2, 3, 2), "must be smaller than"),
        (nn.GRUCell(3, 4), (2, 4), r"GRUCell\(input_size=3\): input has shape \(2, 4\); it must be \(batch, 3\)"),
        (nn.Dropout1d(), (3,), r"it must be \(batch, channels, length\)"),
        (nn.Unflatten(1, (2, 2)), (2, 3), r"the 3 elements of this axis do not make \(2, 2\)"),
        (nn.Unflatten(1, (2, -1)), (2, 3), r"the 3 elements of this axis do not make \(2, -1\)"),
        (nn.Upsample(3, mode="bilinear"), (2, 3, 4), r"Upsample\(mode='bilinear'\): input has shape \(2, 3, 4\)"),
        (nn.Upsample(scale_factor=0.1), (2, 3, 4), "the output would have the lengths"),
        (
            nn.TransformerEncoderLayer(6, 2),
            (2, 3, 4),
            r"TransformerEncoderLayer\(d_model=6\): input has shape \(2, 3, 4",
        ),
        (nn.PositionalEncoding(6, max_len=3), (4, 3, 6), "with at most 3 places"),
        (nn.AdaptiveMaxPool1d(2), (3,), "adaptive_max_pool1d: input has shape"),
        (nn.PReLU(4), (2, 3), r"PReLU\(4\): input has shape \(2, 3\); it must be \(batch, 4, ...\)"),
        (nn.GLU(), (2, 3), r"glu\(axis=-1\): input has shape \(2, 3\); that axis must have an even length"),
        (nn.Unflatten(4, (2, 2)), (2, 3), r"Unflatten\(axis=4\)"),
        (nn.Residual(nn.Linear(3, 2)), (5, 3), r"maps shape \(5, 3\) to \(5, 2\)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_a_wrong_shape_is_explained(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer(tg.ones(shape))


def test_wrong_states_and_masks_are_explained():
    with pytest.raises(ValueError, match=r"first state h_0 has shape \(1, 3, 4\), it must be \(1, 2, 4\)"):
        nn.GRU(3, 4)(tg.ones(5, 2, 3), tg.ones(1, 3, 4))
    with pytest.raises(ValueError, match="a pair"):
        nn.LSTM(3, 4)(tg.ones(5, 2, 3), (tg.ones(1, 2, 4),))
    attention, x = nn.MultiheadAttention(6, 2), tg.ones(5, 3, 6)
    with pytest.raises(ValueError, match=r"key has shape \(4, 3, 5\); its last axis must be 6"):
        attention(x, tg.ones(4, 3, 5), x)
    with pytest.raises(ValueError, match="batch_first is False"):
        attention(x, tg.ones(4, 2, 6), tg.ones(4, 2, 6))
    with pytest.raises(ValueError, match=r"attn_mask has shape \(5, 4\); it must be \(5, 5\)"):
        attention(x, x, x, attn_mask=np.ones((5, 4), bool))
    with pytest.raises(ValueError, match=r"key_padding_mask has shape \(5, 3\); it must be \(3, 5\)"):
        attention(x, x, x, key_padding_mask=np.ones((5, 3), bool))
    with pytest.raises(ValueError, match=r"kernel_size must be an integer >= 1 or 2 of them, not \(3, 3, 3\)"):
        nn.Conv2d(3, 4, (3, 3, 3))
    with pytest.raises(ValueError, match="groups=2 must divide"):
        nn.Conv1d(3, 4, 3, groups=2)
    with pytest.raises(ValueError, match="must divide embed_dim 6"):
        nn.MultiheadAttention(6, 4)
    with pytest.raises(ValueError, match=r"Bilinear\(3, 4, 2\): the inputs have shapes \(5, 3\) and \(4, 4\)"):
        nn.Bilinear(3, 4, 2)(tg.ones(5, 3), tg.ones(4, 4))
    with pytest.raises(ValueError, match=r"LSTMCell: the state c has shape \(2, 3\), it must be \(2, 4\)"):
        nn.LSTMCell(3, 4)(tg.ones(2, 3), (tg.ones(2, 4), tg.ones(2, 3)))
    with pytest.raises(ValueError, match=r"first state h_0 has shape \(1, 2, 4\), it must be \(1, 2, 2\) .*proj_size"):
        nn.LSTM(3, 4, proj_size=2)(tg.ones(5, 2, 3), (tg.ones(1, 2, 4), tg.ones(1, 2, 4)))
    with pytest.raises(ValueError, match="proj_size 4 must be smaller than hidden_size 4"):
        nn.LSTM(3, 4, proj_size=4)
    for given in ({}, {"size": 3, "scale_factor": 2}):
        with pytest.raises(ValueError, match="Upsample: give either size or scale_factor"):
            nn.Upsample(**given)
    with pytest.raises(ValueError, match="align_corners is for the modes 'linear' and 'bilinear', not for 'nearest'"):
        nn.Upsample(3, align_corners=True)
    with pytest.raises(ValueError, match="divisor_override must not be 0"):
        nn.AvgPool2d(2, divisor_override=0)(tg.ones(1, 1, 4, 4))
    with pytest.raises(ValueError, match="num_groups 4 must divide num_channels 6"):
        nn.GroupNorm(4, 6)
    with pytest.raises(IndexError, match="the rows 0 to 4"):
        nn.Embedding(5, 3)(np.array([5]))
    with pytest.raises(TypeError, match="integers"):
        nn.Embedding(5, 3)(np.array([1.0]))
