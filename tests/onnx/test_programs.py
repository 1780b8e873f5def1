"""Models as people write them: indices, joins, several inputs and outputs, loops, sizes that are free."""

import json
from typing import ClassVar

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.onnx.runtime import assert_equal, check, flat, run
from tinygrad_ml import nn

RNG = np.random.default_rng(4)
X = RNG.normal(size=(4, 5, 6))
MAP = nn.Linear(6, 6, dtype=np.float64)
PLACES = np.array([[0, 2], [1, 1]])
MASK = np.array([True, False, True, False, True])
SIX = np.arange(6.0)

PROGRAMS = {
    # indices
    "one place": lambda x: (x[:, 0], x[:, -1], x[..., 0], x[0], x[-1]),
    "slices": lambda x: (x[:, 1:4:2], x[:, ::-1], x[1:], x[:-1], x[::2], x[:, -2:]),
    "new axes": lambda x: (x[:, None, :, 0], x[..., None]),
    "arrays": lambda x: (
        x[:, [0, 2, 2]],
        x[:, [0, 2], [1, 3]],
        x[:, :, PLACES],
        x[:, None, [0, 2], 1],
        x[:, [0, 2], :, None],
    ),
    "a constant mask": lambda x: x[:, MASK],
    "each row another place": lambda x: (x[np.arange(len(x)), x[:, :, 0].argmax(axis=1)], x[tg.arange(len(x)), 0]),
    "take": lambda x: (tg.take(x, [0, 2], axis=1), tg.take_along_axis(x, tg.argsort(x, axis=1), axis=1)),
    "writing": lambda x: (
        tg.ops.setitem(x, 1.5, (slice(None), 0)),
        tg.add_at(x, (slice(None), np.array([0, 0, 2])), 1.0),
    ),
    "one hot": lambda x: tg.one_hot(x.argmax(axis=-1), 6),
    # shapes
    "reshape": lambda x: (x.reshape(len(x), -1), x.reshape(-1, 6), x.reshape(len(x), 2, 15), x.reshape(len(x) * 5, 6)),
    "axes": lambda x: (x.transpose(0, 2, 1), x.T, tg.moveaxis(x, 0, -1), tg.swapaxes(x, 1, 2), x[:, :1].squeeze(1)),
    "turns": lambda x: (tg.flip(x, (0, 1)), tg.roll(x, 2, axis=1), tg.roll(x, 1, axis=0), tg.rot90(x, 1, (1, 2))),
    "triangles": lambda x: (tg.tril(x, 1), tg.triu(x), tg.diagonal(x, 1, 1, 2), tg.diag(x[0, 0], -2)),
    "copies": lambda x: (
        tg.tile(x, (1, 2, 3)),
        tg.tile(x, (2, 1, 1)),
        tg.repeat(x, 2, axis=1),
        tg.repeat(x, 2, axis=0),
    ),
    "broadcasting": lambda x: (x + SIX.astype(x.dtype), x * x.mean(axis=0) + x.sum(axis=(1, 2), keepdims=True)),
    "spread": lambda x: tg.broadcast_to(x[:, None], (len(x), 3, 5, 6)),
    "padding": lambda x: tuple(
        [
            tg.pad(x, ((0, 0), (1, 2), (0, 3)), mode=mode)
            for mode in ("constant", "edge", "reflect", "wrap", "symmetric")
        ]
    ),
    "padding with a number": lambda x: tg.pad(x, ((0, 0), (1, 2), (0, 3)), constant_values=2.0),
    "joins": lambda x: (tg.concatenate([x, x * 2], axis=-1), tg.stack([x, x + 1], axis=1)),
    "pieces": lambda x: (tg.split(x, 3, axis=2), tg.split(x, [1, 4], axis=1)),
    # reductions, sorting, products
    "statistics": lambda x: (x.var(axis=1), x.std(axis=(0, 1), ddof=1), x.var(), tg.median(x, axis=1)),
    "quantile": lambda x: tg.quantile(x, 0.3, axis=1),
    "sums": lambda x: (tg.cumsum(x, axis=1), tg.cumprod(x, axis=2), x.prod(axis=1), tg.logsumexp(x, axis=1)),
    "norms": lambda x: tuple([tg.linalg.vector_norm(x, ord=p, axis=1) for p in (0, 1, 2, 3, np.inf)]),
    "places": lambda x: (x.argmax(axis=1), x.argmin(axis=-1, keepdims=True), x[0].argmax()),
    "order": lambda x: (tg.sort(x, axis=1), tg.argsort(x), tg.topk(x, 2), tg.topk(x, 2, largest=False)),
    "einsum": lambda x: (
        tg.einsum("nij,nkj->nik", x, x),
        tg.einsum("nij->nj", x),
        tg.einsum("...ij,...kj->...ik", x, x),
    ),
    "products": lambda x: (x.mT @ x, x @ x[0].T, tg.outer(x[0, 0], x[0, 1]), tg.tensordot(x, x[0].T, axes=1)),
    # elements
    "choice": lambda x: (tg.where(x > 0, x, 0.1 * x), tg.clip(x, -0.5, 0.5), x.clip(0), tg.maximum(x, 0.2)),
    "truth": lambda x: ((x > 0) & (x < 1), ~(x > 0), (x > 0).any(axis=1), (x > -1).all(axis=2), (x > 0).sum(axis=1)),
    "no numbers": lambda x: (
        tg.nan_to_num(tg.log(x)),
        tg.isnan(tg.log(x)),
        tg.isfinite(1 / (x - x)),
        tg.isclose(x, x + 1e-9),
    ),
    "exponential": lambda x: (
        tg.expm1(x),
        tg.log1p(abs(x)),
        tg.logaddexp(x, 2 * x),
        tg.exp2(x),
        tg.log2(abs(x)),
        tg.log10(abs(x)),
    ),
    "trigonometric": lambda x: (
        tg.sin(x),
        tg.tan(x / 9),
        tg.arcsin(x / 9),
        tg.arccos(x / 9),
        tg.arctan2(x, x - 1),
        tg.sinc(x),
    ),
    "hyperbolic": lambda x: (tg.sinh(x), tg.cosh(x), tg.arcsinh(x), tg.arccosh(abs(x) + 1), tg.arctanh(x / 9)),
    "rounding": lambda x: (tg.sign(x), tg.floor(x), tg.ceil(x), tg.trunc(x), tg.rint(x), tg.round(x, 2)),
    "powers": lambda x: (x**2, x**3, abs(x) ** 0.5, 2.0**x, 1 / x, tg.hypot(x, x + 1), np.cbrt(x), tg.erf(x)),
    "integers": lambda x: ((x * 3).astype(np.int64) // 2, (x * 3).astype(np.int64) % 3, x % 0.7, tg.fmod(x, 0.7)),
    "dtypes": lambda x: (
        x.astype(np.float32).astype(x.dtype),
        x.astype(np.float64) * np.array([2.0]),
        x + tg.arange(6),
    ),
    "a vmap": tg.vmap(lambda row: tg.tanh(row).sum()),
    "a vmap of a layer": tg.vmap(lambda row: MAP(row) * row.sum()),
    "a gradient": lambda x: tg.grad(lambda z: (z**3).sum())(x),
    "more of NumPy's": lambda x: (np.diff(x, axis=1), np.nanmean(x, axis=1), np.trapezoid(x, axis=1)),
    "NumPy's functions": lambda x: np.exp(x) + np.where(np.isnan(x), 0, x),
    # sizes
    "the number of rows": lambda x: (x.sum(axis=0) / len(x), x * float(len(x)), x + tg.arange(len(x))[:, None, None]),
    "arrays of that size": lambda x: (
        tg.concatenate([tg.zeros(len(x), 1, 6, dtype=x.dtype), x], axis=1),
        tg.ones_like(x) + x,
    ),
    "inputs and constants returned": lambda x: (x, x, x.detach(), tg.ones(3)),
    "a mask of the size of the sequence": lambda x: tg.where(np.tri(5, 6, dtype=bool), x, -np.inf),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_exported(name, dtype):
    with np.errstate(all="ignore"):
        check(PROGRAMS[name], X.astype(dtype))


class Several(nn.Module):
    def __init__(self):
        self.first, self.second = nn.Linear(3, 4), nn.Linear(2, 4)

    def forward(self, table, more, mask=None):
        hidden = self.first(table) + self.second(more)
        if mask is not None:
            hidden = tg.where(mask, hidden, 0.0)
        return {"hidden": hidden, "sums": (hidden.sum(axis=1), hidden.mean())}


class Loop(nn.Module):
    def __init__(self):
        self.cell = nn.GRUCell(3, 4)
        self.layers = [nn.Linear(4, 4) for _ in range(3)]

    def forward(self, x):
        h = tg.zeros(len(x), 4, dtype=x.dtype)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
        for layer in self.layers:
            h = tg.relu(layer(h)) + h
        return h


def f32(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def test_several_inputs_and_outputs_keep_their_names():
    table, more, mask = f32(4, 3), f32(4, 2), f32(4, 4) > 0
    model = Several()
    proto = check(model, table, more, mask)
    assert [entry.name for entry in proto.graph.input] == ["table", "more", "mask"]
    assert [entry.name for entry in proto.graph.output] == ["hidden", "sums_0", "sums_1"]
    by_name = tg.onnx.export(model, {"more": more, "table": table})
    assert_equal(run(by_name, more, table)[0], model(table, more)["hidden"].numpy())
    loaded = tg.onnx.load(proto)
    result = loaded(table, more, mask=mask)
    assert set(result) == {"hidden", "sums"}
    assert len(result["sums"]) == 2
    with pytest.raises(TypeError, match="takes the inputs"):
        loaded(table, more)


def test_loops_and_lists_of_layers():
    check(Loop(), f32(2, 5, 3))


def test_a_transformer_with_masks():
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    mask = np.zeros((2, 5), bool)
    mask[:, 4] = mask[1, 3] = True

    def masked(x, ignored):
        return attention(x, x, x, key_padding_mask=ignored, is_causal=True)[0]

    check(masked, f32(2, 5, 8), mask)
    check(nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2), f32(5, 2, 8), axis=1)


def test_axes_that_are_free_are_those_asked_for():
    model = nn.Sequential(nn.Embedding(20, 8), nn.LSTM(8, 6, batch_first=True))
    ids = np.array([[1, 2, 3], [4, 5, 6]])
    proto = tg.onnx.export(model, ids, dynamic_axes={"x": {0: "n", 1: "time"}})
    assert [d.dim_param for d in proto.graph.input[0].type.tensor_type.shape.dim] == ["n", "time"]
    for shape in ((1, 1), (3, 7), (2, 4)):
        given = RNG.integers(0, 20, shape)
        for got, true in zip(run(proto, given), flat(model(given))):
            assert_equal(got, true.numpy())
    images = tg.onnx.export(nn.Conv2d(1, 2, 3), f32(1, 1, 5, 5), dynamic_axes={"x": [0, 2, 3]})
    assert run(images, f32(3, 1, 9, 4))[0].shape == (3, 2, 7, 2)
    fixed = tg.onnx.export(nn.Linear(3, 2), f32(4, 3), dynamic_axes={})
    assert [d.dim_value for d in fixed.graph.input[0].type.tensor_type.shape.dim] == [4, 3]


OF_TIME = {
    "what lies above": lambda n: np.triu(np.ones((n, n), bool), 1),
    "what lies below, by a Tensor": lambda n: tg.tril(tg.ones((n, n))) == 1,
    "which came before": lambda n: tg.arange(n)[:, None] >= tg.arange(n),
    "what is near": lambda n: abs(np.arange(n)[:, None] - np.arange(n)) <= 1,
    "itself": lambda n: np.eye(n, dtype=bool)[None],
    "infinities": lambda n: np.triu(np.full((n, n), -np.inf, np.float32), 1),
    "penalties": lambda n: -0.1 * (np.arange(n)[:, None] - np.arange(n)).astype(np.float32),
    "counts of places": lambda n: np.arange(n)[:, None] * 2 - np.arange(n),
    "even steps": lambda n: (np.arange(n) / 10).astype(np.float32),
}


@pytest.mark.parametrize("name", OF_TIME)
def test_masks_and_places_of_a_free_time(name):
    def model(x):
        places = OF_TIME[name](x.shape[1])
        scores = x @ x.mT
        scores = tg.where(places, scores, -1e4) if places.dtype == bool else scores + places.astype(np.float32)
        return tg.softmax(scores, axis=-1) @ x

    proto = tg.onnx.export(model, f32(2, 5, 3), dynamic_axes={"x": {0: "batch", 1: "time"}})
    for shape in ((2, 5, 3), (1, 1, 3), (3, 2, 3), (1, 11, 3)):
        x = f32(*shape)
        assert_equal(run(proto, x)[0], model(tg.tensor(x)).numpy())


def test_an_array_of_the_free_size_that_is_no_pattern_is_refused():
    drawn = {n: f32(n, n) for n in range(2, 12)}
    with pytest.raises(tg.onnx.ExportError, match=r"an array of shape \(5, 5\) of add .* in a way that a file cannot"):
        tg.onnx.export(lambda x: x @ x.mT + drawn[x.shape[1]], f32(2, 5, 3), dynamic_axes={"x": [0, 1]})


def test_a_table_of_an_embedding_is_shortened_in_the_file_only():
    model = nn.Sequential(nn.Embedding(9, 4, max_norm=1.0, norm_type=1.0), nn.Flatten(), nn.Linear(12, 2)).train()
    before = model.state_dict()["0.weight"].copy()
    proto = tg.onnx.export(model, np.array([[1, 2, 3], [4, 5, 6]]))
    assert np.array_equal(model.state_dict()["0.weight"], before)
    assert model[0].max_norm == 1.0
    ids = np.array([[0, 8, 8], [7, 1, 2], [3, 3, 3]])
    wanted = model.eval()(ids).numpy()
    assert not np.array_equal(model.state_dict()["0.weight"], before)
    assert_equal(run(proto, ids)[0], wanted)
    assert_equal(tg.onnx.load(proto)(ids).numpy(), wanted)


EDGES = np.array([0.0, 0.5, 1, 2, -1, np.nan, np.inf, -np.inf, 30, -30, 1e-3])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "name", ["expit", "log_expit", "logit", "entr", "erf", "erfc", "ndtr", "xlogy", "rel_entr", "kl_div"]
)
def test_special_functions_of_scipy(name, dtype):
    function = getattr(pytest.importorskip("scipy.special"), name)
    inputs = np.meshgrid(EDGES, EDGES)[: getattr(function, "nin", 1)]
    with np.errstate(all="ignore"):
        check(lambda *inputs: function(*inputs), *(x.astype(dtype) for x in inputs), batches=(11,))


def test_tangents_in_double_precision():
    x = np.array([1.5707, -1.5707, 0.3, 100.0])
    assert_equal(run(tg.onnx.export(tg.tan, x, dynamic_axes={}), x)[0], np.tan(x), 1e-12)


def test_time_first_layers_have_a_free_batch_and_time():
    gru = nn.GRU(3, 4)
    proto = tg.onnx.export(gru, f32(5, 2, 3))
    for shape in ((5, 1, 3), (7, 4, 3), (1, 2, 3)):
        x = f32(*shape)
        for got, true in zip(run(proto, x), flat(gru(x))):
            assert_equal(got, true.numpy())


def test_names_of_inputs_and_outputs_can_be_given(tmp_path):
    path = tmp_path / "model.onnx"
    tg.onnx.export(nn.Linear(3, 2), tg.ones(1, 3), path, input_names=["features"], output_names=["score"])
    loaded = tg.onnx.load(path)
    assert (loaded.input_names, loaded.output_names) == (["features"], ["score"])
    assert loaded(features=tg.ones(2, 3)).shape == (2, 2)


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    tg.onnx.export(nn.Linear(3, 2), tg.ones(1, 3), path)
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *names: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        tg.onnx.export(nn.Linear(4, 2), tg.ones(1, 4), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"]


def test_examples_of_integers_lists_and_frames():
    pandas = pytest.importorskip("pandas")
    layer = nn.Linear(2, 1)
    for example, dtype in (
        ([[1.0, 2.0]], 1),
        (np.array([[1, 2]]), 7),
        (pandas.DataFrame({"a": [1.0], "b": [2.0]}), 11),
    ):
        proto = tg.onnx.export(layer, example)
        assert proto.graph.input[0].type.tensor_type.elem_type == dtype
        given = np.asarray(example, {1: np.float32, 7: np.int64, 11: np.float64}[dtype])
        assert_equal(run(proto, given)[0], layer(given).numpy())
    with pytest.raises(TypeError, match="encode them as numbers"):
        tg.onnx.export(layer, pandas.DataFrame({"a": ["x"], "b": ["y"]}))


def test_the_state_goes_back_into_the_model():
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(32, 3))
    loaded = tg.onnx.load(tg.onnx.export(model, f32(2, 1, 4, 4)))
    learned = {name for name, _ in model.named_parameters()}
    assert {name for name, _ in loaded.named_parameters()} == learned
    optimizer = tg.optim.SGD(loaded.parameters(), lr=0.1)
    x = f32(8, 1, 4, 4)
    loaded.train()
    for _ in range(3):
        optimizer.zero_grad()
        (loaded(x) ** 2).mean().backward()
        optimizer.step()
    assert model.load_state_dict(loaded.state_dict(), strict=False).missing_keys == ["1.num_batches_tracked"]
    assert_equal(loaded.eval()(x).numpy(), model.eval()(x).numpy())


def test_gradients_of_a_loaded_model_are_those_of_the_model():
    model = nn.Sequential(nn.Embedding(20, 6), nn.LSTM(6, 4, 2, batch_first=True, bidirectional=True)).double().eval()
    ids = np.array([[1, 2, 3], [4, 5, 6]])
    loaded = tg.onnx.load(tg.onnx.export(model, ids)).eval()
    for part in (model, loaded):
        (flat(part(ids))[0] ** 2).sum().backward()
    own = dict(model.named_parameters())
    for name, parameter in loaded.named_parameters():
        assert np.allclose(parameter.grad.numpy(), own[name].grad.numpy(), rtol=1e-10, atol=1e-14)


class Notes(nn.Module):
    names: ClassVar = ["a"]

    def forward(self, x):
        return {"a": x, "nothing": None, "deep": {"b": [x + 1, None]}}


def test_none_among_the_results_stays():
    loaded = tg.onnx.load(tg.onnx.export(Notes(), f32(2, 3)))
    result = loaded(f32(2, 3))
    assert result["nothing"] is None
    assert result["deep"]["b"][1] is None
    assert json.loads(loaded.metadata["tinygrad_ml"])["result"]["deep"]["b"] == ["deep_b_0", None]


def test_outputs_that_are_called_as_weights_are():
    class Named(nn.Linear):
        def forward(self, x):
            return {"weight": super().forward(x), "x": x * 2}

    model = Named(3, 2)
    proto = check(model, f32(4, 3))
    assert set(tg.onnx.load(proto)(f32(1, 3))) == {"weight", "x"}
