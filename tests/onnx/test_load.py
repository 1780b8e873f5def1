"""Files of other programs, and files that are none."""

import contextlib
import copy
import io
import pickle

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import tinygrad_ml as tg
from tests.onnx.runtime import assert_equal, run
from tinygrad_ml import nn

RNG = np.random.default_rng(7)
FLOAT, INT, TEXT, ML = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING, ("ai.onnx.ml", 3)


def f32(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def graph(nodes, inputs, arrays=None, outputs=("y",), opset=18, more=()):
    """Return a model of nodes; inputs are arrays by name, of free shapes."""
    given = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), [None] * x.ndim)
        for name, x in inputs.items()
    ]
    made = helper.make_graph(
        nodes,
        "made",
        given,
        [
            helper.make_tensor_value_info(entry[0], entry[1], [None] * entry[2])
            if isinstance(entry, tuple)
            else helper.make_empty_tensor_value_info(entry)
            for entry in outputs
        ],
        [numpy_helper.from_array(np.asarray(x), name) for name, x in (arrays or {}).items()],
    )
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(*entry) for entry in more)]
    model = helper.make_model(made, opset_imports=imports, ir_version=8)
    return onnx.shape_inference.infer_shapes(model)  # it knows the types of the outputs


def compare(proto, inputs, bound=1e-6):
    """Compare what onnxruntime and the loaded module make of the same inputs."""
    results = tg.onnx.load(proto)(*inputs.values())
    results = results if isinstance(results, tuple) else (results,)
    for got, wanted in zip(results, run(proto, *inputs.values())):
        assert_equal(got.numpy() if isinstance(got, tg.Tensor) else got, wanted, bound)


X, IMAGES = f32(3, 4, 5), f32(2, 4, 9, 9)
KERNEL = f32(6, 4, 3, 3)
NODES = {
    # (operator, attributes, further inputs)
    **{
        f"pads of Conv {k}": ("Conv", {"pads": [1, 0, 2, 1]} if not k else {"auto_pad": k, "strides": [2, 2]}, [KERNEL])
        for k in ("", "SAME_UPPER", "SAME_LOWER", "VALID")
    },
    "ConvTranspose": (
        "ConvTranspose",
        {"strides": [2, 2], "pads": [1, 0, 0, 1], "output_padding": [1, 1]},
        [f32(4, 3, 3, 3)],
    ),
    "ConvTranspose to a shape": ("ConvTranspose", {"strides": [2, 2], "output_shape": [18, 18]}, [f32(4, 3, 3, 3)]),
    "MaxPool": ("MaxPool", {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1], "ceil_mode": 1}, []),
    "AveragePool": ("AveragePool", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 0, 1, 1]}, []),
    "AveragePool, all counted": (
        "AveragePool",
        {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
        [],
    ),
    "GlobalAveragePool": ("GlobalAveragePool", {}, []),
    "GlobalMaxPool": ("GlobalMaxPool", {}, []),
    "LRN": ("LRN", {"size": 3, "alpha": 0.1}, []),
    "DepthToSpace": ("DepthToSpace", {"blocksize": 2, "mode": "CRD"}, []),
    "InstanceNormalization": ("InstanceNormalization", {}, [f32(4), f32(4)]),
    "MeanVarianceNormalization": ("MeanVarianceNormalization", {}, []),
    "Resize, nearest": (
        "Resize",
        {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        [np.array([], np.float32), np.array([1, 1, 2, 1.5], np.float32)],
    ),
    "Resize, linear": ("Resize", {"mode": "linear"}, [np.array([], np.float32), np.array([1, 1, 2, 1.5], np.float32)]),
    "Resize to a size": (
        "Resize",
        {"mode": "cubic", "coordinate_transformation_mode": "align_corners"},
        [np.array([], np.float32), np.array([], np.float32), np.array([2, 4, 5, 12])],
    ),
    "Softmax": ("Softmax", {"axis": 1}, []),
    "LogSoftmax": ("LogSoftmax", {}, []),
    "Hardmax": ("Hardmax", {"axis": 1}, []),
    "PRelu": ("PRelu", {}, [f32(4, 1, 1)]),
    "Celu": ("Celu", {"alpha": 0.5}, []),
    "ThresholdedRelu": ("ThresholdedRelu", {"alpha": 0.2}, []),
    "HardSigmoid": ("HardSigmoid", {}, []),
    "HardSwish": ("HardSwish", {}, []),
    "Clip": ("Clip", {}, [np.float32(-0.5), np.float32(0.5)]),
    "Gather": ("Gather", {"axis": 1}, [np.array([[0, -1], [2, 2]])]),
    "GatherElements": ("GatherElements", {"axis": 2}, [np.array([[[[1, 0], [2, -1]]]])]),
    "ScatterElements": (
        "ScatterElements",
        {"axis": 3, "reduction": "add"},
        [np.zeros((2, 4, 9, 1), int), f32(2, 4, 9, 1)],
    ),
    "Slice": ("Slice", {}, [np.array([-1, 1]), np.array([-100, 100]), np.array([2, 3]), np.array([-2, 3])]),
    "Split": ("Split", {"axis": 1, "num_outputs": 2}, []),
    "Pad": ("Pad", {"mode": "reflect"}, [np.array([0, 0, 1, 2, 0, 0, 0, 3])]),
    "Pad, cutting": ("Pad", {}, [np.array([0, 0, 1, -2, 0, 0, 0, -3]), np.float32(7)]),
    "Flatten": ("Flatten", {"axis": 2}, []),
    "Reshape with zeros": ("Reshape", {}, [np.array([0, -1, 9])]),
    "Expand": ("Expand", {}, [np.array([3, 1, 1, 1, 1])]),
    "Trilu": ("Trilu", {"upper": 0}, [np.array(1)]),
    "TopK": ("TopK", {"axis": 1, "largest": 0}, [np.array([2])]),
    "CumSum": ("CumSum", {"exclusive": 1, "reverse": 1}, [np.array(2)]),
    "ArgMax": ("ArgMax", {"axis": -1, "select_last_index": 1, "keepdims": 0}, []),
    **{
        name: (name, {"keepdims": 0}, [np.array([1, 3])])
        for name in (
            "ReduceSum",
            "ReduceMean",
            "ReduceMax",
            "ReduceMin",
            "ReduceProd",
            "ReduceL1",
            "ReduceL2",
            "ReduceSumSquare",
            "ReduceLogSumExp",
        )
    },
    "Pow": ("Pow", {}, [np.array([2], np.int64)]),
    "Mod": ("Mod", {"fmod": 1}, [np.float32(0.7)]),
    "Einsum": ("Einsum", {"equation": "nchw,cd->ndhw"}, [f32(4, 2)]),
    "BatchNormalization": ("BatchNormalization", {"epsilon": 0.1}, [f32(4), f32(4), f32(4), f32(4) ** 2]),
    "LayerNormalization": ("LayerNormalization", {"axis": 2}, [f32(9, 9), f32(9, 9)]),
    "GroupNormalization": ("GroupNormalization", {"num_groups": 2}, [f32(4), f32(4)]),
    "Dropout": ("Dropout", {}, [np.float32(0.5)]),
}


@pytest.mark.parametrize("name", NODES)
def test_a_node_as_other_programs_write_it(name):
    kind, attributes, more = NODES[name]
    names = ["x", *(f"a{k}" for k in range(len(more)))]
    count = {"Split": 2, "TopK": 2}.get(kind, 1)
    outputs: list = [f"y{k}" for k in range(count)]
    typed = [("y0", FLOAT, 4)] if kind in ("MeanVarianceNormalization", "GroupNormalization") else outputs
    proto = graph(
        [helper.make_node(kind, names, outputs, **attributes)],
        {"x": IMAGES},
        dict(zip(names[1:], more)),
        typed,
        21 if kind.startswith("Group") else 18,
    )
    compare(proto, {"x": IMAGES}, 2e-6)


OLD = {
    "Squeeze, version 11": (11, [helper.make_node("Squeeze", ["x"], ["y"], axes=[1])], f32(3, 1, 5)),
    "ReduceSum, version 11": (11, [helper.make_node("ReduceSum", ["x"], ["y"], axes=[1], keepdims=0)], X),
    "Softmax, version 11": (11, [helper.make_node("Softmax", ["x"], ["y"], axis=1)], X),
    "Slice, version 9": (9, [helper.make_node("Slice", ["x"], ["y"], starts=[0, 1], ends=[2, 9])], X),
    "Clip, version 6": (9, [helper.make_node("Clip", ["x"], ["y"], min=-0.5, max=0.5)], X),
    "Pad, version 9": (9, [helper.make_node("Pad", ["x"], ["y"], pads=[0, 1, 0, 0, 2, 0], value=3.0)], X),
    "Upsample, version 9": (9, [helper.make_node("Upsample", ["x", "s"], ["y"], mode="nearest")], IMAGES),
}


@pytest.mark.parametrize("name", OLD)
def test_older_versions_of_operators(name):
    version, nodes, x = OLD[name]
    arrays = {"s": np.array([1, 1, 2, 2], np.float32)} if name.startswith("Upsample") else {}
    compare(graph(nodes, {"x": x}, arrays, opset=version), {"x": x})


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN", "GRU of Keras"])
def test_recurrent_nodes(kind, direction):
    count, gates = 1 + (direction == "bidirectional"), {"LSTM": 4, "RNN": 1}.get(kind, 3)
    arrays = {
        "w": f32(count, gates * 4, 3),
        "r": f32(count, gates * 4, 4),
        "b": f32(count, gates * 8),
        "h": f32(count, 2, 4),
    }
    outputs = ["y", "last", "cell"][: 3 if kind == "LSTM" else 2]
    more = {"linear_before_reset": 1} if kind == "GRU" else {}
    node = helper.make_node(
        kind.partition(" ")[0], ["x", "w", "r", "b", "", "h"], outputs, hidden_size=4, direction=direction, **more
    )
    compare(graph([node], {"x": f32(5, 2, 3)}, arrays, outputs), {"x": f32(5, 2, 3)}, 2e-6)


def test_branches_and_integer_arithmetic():
    shape = [helper.make_node("Shape", ["x"], ["s"]), helper.make_node("Gather", ["s", "first"], ["n"], axis=0)]
    yes, no = (
        helper.make_graph(
            [helper.make_node(kind, ["x"], [name])], kind, [], [helper.make_tensor_value_info(name, FLOAT, [None] * 3)]
        )
        for kind, name in (("Neg", "minus"), ("Abs", "size"))
    )
    rest = [
        helper.make_node("Greater", ["n", "two"], ["many"]),
        helper.make_node("If", ["many"], ["chosen"], then_branch=yes, else_branch=no),
        helper.make_node("Unsqueeze", ["n", "axes"], ["rows"]),
        helper.make_node("Concat", ["rows", "minus_one"], ["shape"], axis=0),
        helper.make_node("Reshape", ["chosen", "shape"], ["y"]),
    ]
    arrays = {"first": np.array(0), "two": np.array(2), "axes": np.array([0]), "minus_one": np.array([-1])}
    for n in (2, 3):
        compare(graph([*shape, *rest], {"x": X[:n]}, arrays), {"x": X[:n]})


# ---------------------------------------------------------------------- scikit-learn's converter


def ml(kind, inputs, outputs, **attributes):
    return helper.make_node(kind, inputs, outputs, domain="ai.onnx.ml", **attributes)


def test_a_linear_classifier_of_scikit_learns_converter():
    x = f32(5, 3)
    scaler = ml("Scaler", ["x"], ["scaled"], offset=[0.1, 0.2, 0.3], scale=[1.0, 2.0, 0.5])
    classifier = ml(
        "LinearClassifier",
        ["scaled"],
        ["label", "scores"],
        classlabels_strings=["a", "b", "c"],
        post_transform="SOFTMAX",
        coefficients=f32(9).tolist(),
        intercepts=[0.1, 0.2, -0.3],
    )
    proto = graph([scaler, classifier], {"x": x}, outputs=[("label", TEXT, 1), ("scores", FLOAT, 2)], more=[ML])
    label, scores = tg.onnx.load(proto)(x)
    wanted = run(proto, x)
    assert label.tolist() == wanted[0].tolist()
    assert_equal(scores.numpy(), wanted[1])


def test_a_binary_classifier_and_a_regressor():
    x = f32(5, 3)
    binary = ml(
        "LinearClassifier",
        ["x"],
        ["label", "scores"],
        classlabels_ints=[3, 7],
        post_transform="LOGISTIC",
        coefficients=[*f32(3).tolist()] * 2,
        intercepts=[0.1, -0.1],
    )
    compare(graph([binary], {"x": x}, outputs=[("label", INT, 1), ("scores", FLOAT, 2)], more=[ML]), {"x": x})
    regressor = ml("LinearRegressor", ["x"], ["y"], coefficients=f32(6).tolist(), intercepts=[0.1, 0.2], targets=2)
    compare(graph([regressor], {"x": x}, outputs=[("y", FLOAT, 2)], more=[ML]), {"x": x})


def test_preparations_of_scikit_learns_converter():
    x = f32(5, 3)
    for node in (
        ml("Normalizer", ["x"], ["y"], norm="L2"),
        ml("Binarizer", ["x"], ["y"], threshold=0.2),
        ml("ArrayFeatureExtractor", ["x", "places"], ["y"]),
        ml("FeatureVectorizer", ["x", "x"], ["y"], inputdimensions=[3, 3]),
    ):
        compare(graph([node], {"x": x}, {"places": np.array([2, 0])}, [("y", FLOAT, 2)], more=[ML]), {"x": x})


# ---------------------------------------------------------------------- PyTorch


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["cnn", "lstm", "transformer"])
def test_networks_that_pytorch_exported(kind, torch):
    pytest.importorskip("onnxscript")
    network, x = networks_of_pytorch(torch)[kind]
    network.eval()
    file = io.BytesIO()
    torch.onnx.export(network, (x,), dynamo=True, verbose=False, dynamic_shapes=({0: torch.export.Dim("n")},)).save(
        file
    )
    loaded = tg.onnx.load(file.getvalue())
    for rows in (x, torch.cat([x, x[:1]])):
        assert_equal(loaded(rows.numpy()).numpy(), network(rows).detach().numpy(), 2e-6)
    assert sum(p.size for p in loaded.parameters()) > 0
    (loaded(x.numpy()) ** 2).sum().backward()
    assert all(p.grad is not None for p in loaded.parameters())


def networks_of_pytorch(torch):
    class Reader(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.out = torch.nn.Embedding(20, 6), torch.nn.Linear(10, 3)
            self.recurrent = torch.nn.LSTM(6, 5, 2, batch_first=True, bidirectional=True)

        def forward(self, ids):
            return self.out(self.recurrent(self.table(ids))[0][:, -1])

    part = torch.nn
    cnn = part.Sequential(
        part.Conv2d(3, 6, 3, padding=1),
        part.BatchNorm2d(6),
        part.SiLU(),
        part.MaxPool2d(2),
        part.Flatten(),
        part.Linear(96, 3),
    )
    return {
        "cnn": (cnn, torch.randn(2, 3, 8, 8)),
        "lstm": (Reader(), torch.randint(0, 20, (2, 7))),
        "transformer": (part.TransformerEncoderLayer(8, 2, 16, batch_first=True), torch.randn(2, 5, 8)),
    }


# ---------------------------------------------------------------------- as a module


def made_elsewhere():
    """Return a file in PyTorch's style: weights as arrays, batch norm, a constant that is no weight."""
    nodes = [
        helper.make_node("Gemm", ["x", "fc1.weight", "fc1.bias"], ["a"], transB=1),
        helper.make_node(
            "BatchNormalization", ["a", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"], ["b"]
        ),
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node("Mul", ["c", "half"], ["d"]),
        helper.make_node("MatMul", ["d", "onnx::MatMul_7"], ["y"]),
    ]
    arrays = {
        "fc1.weight": f32(6, 3),
        "fc1.bias": f32(6),
        "bn.weight": f32(6),
        "bn.bias": f32(6),
        "bn.running_mean": f32(6),
        "bn.running_var": f32(6) ** 2,
        "half": np.float32(0.5),
        "onnx::MatMul_7": f32(6, 2),
    }
    return graph(nodes, {"x": f32(4, 3)}, arrays)


def test_weights_of_other_programs_become_parameters():
    loaded = tg.onnx.load(made_elsewhere())
    assert {name for name, _ in loaded.named_parameters()} == {
        "fc1.weight",
        "fc1.bias",
        "bn.weight",
        "bn.bias",
        "onnx_MatMul_7",
    }
    assert {name for name, _ in loaded.named_buffers()} == {"bn.running_mean", "bn.running_var"}


def test_a_mask_is_no_parameter():
    mask = np.triu(np.full((4, 4), -np.inf, np.float32), 1)
    loaded = tg.onnx.load(graph([helper.make_node("Add", ["x", "mask"], ["y"])], {"x": f32(3, 4, 4)}, {"mask": mask}))
    assert list(loaded.parameters()) == []
    assert_equal(loaded(np.zeros((1, 4, 4), np.float32)).numpy()[0], mask)


def test_inputs_and_outputs_without_a_shape():
    x = f32(4, 3)
    proto = made_elsewhere()
    for entry in (*proto.graph.input, *proto.graph.output):
        entry.type.tensor_type.ClearField("shape")
    content = proto.SerializeToString()
    assert_equal(tg.onnx.load(proto)(x).numpy(), run(proto, x)[0])
    assert proto.SerializeToString() == content


def test_a_loaded_module_trains_with_fit():
    loaded = tg.onnx.load(made_elsewhere())
    x, y = f32(32, 3), f32(32, 2)
    before = loaded.state_dict()
    optimizer = tg.optim.Adam(loaded.parameters(), lr=0.05)
    history = tg.train.fit(loaded, nn.MSELoss(), optimizer, (x, y), batch_size=8, epochs=20)
    assert history["loss"][-1] < history["loss"][0]
    after = loaded.state_dict()
    assert all(not np.array_equal(before[name], after[name]) for name in before)  # the running statistics, too


def test_a_loaded_module_is_copied_pickled_drawn_and_exported_again():
    loaded = tg.onnx.load(made_elsewhere())
    x = f32(4, 3)
    wanted = loaded(x).numpy()
    for other in (copy.deepcopy(loaded), pickle.loads(pickle.dumps(loaded))):
        assert_equal(other(x).numpy(), wanted)
        other.fc1.weight.data = other.fc1.weight.data * 2
        assert not np.array_equal(other(x).numpy(), wanted)
    assert_equal(loaded(x).numpy(), wanted)
    assert "affine" in str(tg.graph.trace(loaded, x))
    again = tg.onnx.export(loaded, x)
    assert_equal(run(again, x)[0], wanted)
    assert loaded.double()(x.astype(np.float64)).dtype == np.float64


def test_inputs_that_do_not_fit():
    loaded = tg.onnx.load(made_elsewhere())
    with pytest.raises(TypeError, match=r"takes the inputs \['x'\]"):
        loaded(f32(1, 3), f32(1, 3))
    with pytest.raises(ValueError, match=r"Gemm.* of the loaded model, for \(1, 4\)"):
        loaded(f32(1, 4))
    ids = tg.onnx.load(tg.onnx.export(nn.Embedding(5, 2), np.array([1, 2])))
    with pytest.raises(TypeError, match="is int64, and what was given is float32"):
        ids(f32(2))
    assert ids(np.array([1], np.int32)).shape == (1, 2)


# ---------------------------------------------------------------------- files that cannot be read


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        tg.onnx.load(tmp_path / "none.onnx")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        tg.onnx.load(tmp_path)
    with pytest.raises(TypeError, match="takes a path"):
        tg.onnx.load(3)


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 40, b"hello, this is text", b"\x80\x04\x95", b"PK\x03\x04" + b"\x00" * 30]
)
def test_files_of_other_kinds(content, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(tg.onnx.LoadError, match=r"model\.onnx is not a file of ONNX, or is damaged"):
        tg.onnx.load(path)


def test_truncated_files_are_refused_wherever_they_end():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(72, 3))
    content = tg.onnx.export(model, f32(2, 1, 8, 8)).SerializeToString()
    end = content.index(b"tinygrad_ml\x12") if b"tinygrad_ml\x12" in content else len(content)
    for stop in [*range(0, end - 20, 97), end - 20]:
        with pytest.raises(tg.onnx.LoadError):
            tg.onnx.load(content[:stop])


def test_damaged_bytes_never_raise_anything_but_a_load_error():
    content = bytearray(tg.onnx.export(nn.GRU(3, 4, batch_first=True), f32(2, 2, 3)).SerializeToString())
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 0x5A
        with contextlib.suppress(tg.onnx.LoadError):
            tg.onnx.load(bytes(damaged))


def test_all_unknown_operators_are_named():
    nodes = [
        helper.make_node("Unique", ["x"], ["u"], name="first"),
        helper.make_node("StringNormalizer", ["u"], ["v"]),
        ml("TreeEnsembleRegressor", ["x"], ["y"], n_targets=1),
    ]
    proto = graph(nodes, {"x": f32(4, 3)}, outputs=[("y", FLOAT, 2)], more=[ML])
    with pytest.raises(tg.onnx.LoadError, match=r"StringNormalizer, TreeEnsembleRegressor \(of ai\.onnx\.ml\), Unique"):
        tg.onnx.load(proto)


def test_options_of_operators_that_are_not_known():
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    with pytest.raises(tg.onnx.LoadError, match="Conv over 3 axes"):
        tg.onnx.load(graph([node], {"x": f32(1, 1, 4, 4, 4)}, {"w": f32(1, 1, 2, 2, 2)}))(f32(1, 1, 4, 4, 4))


def test_a_graph_that_is_not_valid_says_why():
    proto = graph([helper.make_node("Relu", ["nothing"], ["y"])], {"x": X}, outputs=[("y", FLOAT, 3)])
    with pytest.raises(tg.onnx.LoadError, match="nothing"):
        tg.onnx.load(proto)


def test_arrays_beside_the_file(tmp_path):
    layer, x, path = nn.Linear(40, 40), f32(2, 40), tmp_path / "model.onnx"
    onnx.save(tg.onnx.export(layer, x), path, save_as_external_data=True, location="weights.bin", size_threshold=10)
    assert_equal(tg.onnx.load(path)(x).numpy(), layer(x).numpy())
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(tg.onnx.LoadError, match=r"model\.onnx"):
        tg.onnx.load(path)
