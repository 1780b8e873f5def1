"""Every layer of tg.nn, exported, run by onnxruntime and loaded again, in both precisions."""

import inspect

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.onnx.runtime import check
from tinygrad_ml import nn

RNG = np.random.default_rng(3)


def floats(*shape):
    """Return normal numbers."""
    return RNG.normal(size=shape)


TABLE, ROWS, SEQUENCE, IMAGES = floats(4, 6), floats(4, 3), floats(2, 4, 11), floats(2, 4, 9, 9)
PAIR, LABELS, SIGNS = (floats(4, 3), floats(4, 3)), np.array([0, 2, 1, 1]), np.sign(floats(4, 3))
PROBABILITIES, TRUTH = 1 / (1 + np.exp(floats(4, 3))), (floats(4, 3) > 0).astype(float)
BATCH_FIRST, TIME_FIRST = floats(2, 5, 3), floats(5, 2, 3)
TOKENS = floats(2, 5, 8)
PLACES = np.tile(np.array([[0, 3, 4], [12, 14, 17], [24, 27, 34]]), (2, 4, 1, 1))

# (class, arguments, inputs); with "axis" in the arguments, that is where the batch is
LAYERS = [
    *(
        (getattr(nn, name), {}, (3 * TABLE,))
        for name in (
            *("ELU", "GELU", "GLU", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid", "Mish", "PReLU"),
            *("ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus", "Softsign", "Tanh", "Identity", "AlphaDropout"),
            *("Dropout",),
        )
    ),
    *((getattr(nn, name), {"axis": 1}, (5 * TABLE,)) for name in ("LogSoftmax", "Softmax", "Softmin")),
    (nn.GELU, {"approximate": "tanh"}, (TABLE,)),
    (nn.Softmax, {"axis": -1}, (floats(3, 4, 5),)),
    (nn.Threshold, {"threshold": 0.1, "value": 2.0}, (TABLE,)),
    (nn.Softplus, {"beta": 2.0, "threshold": 1.0}, (TABLE,)),
    (nn.Linear, {"in_features": 6, "out_features": 2}, (TABLE,)),
    (nn.Linear, {"in_features": 8, "out_features": 2, "bias": False}, (TOKENS,)),
    (nn.Bilinear, {"in1_features": 3, "in2_features": 4, "out_features": 5}, (floats(4, 3), floats(4, 4))),
    (nn.Flatten, {}, (IMAGES,)),
    (nn.Flatten, {"start_dim": 2}, (IMAGES,)),
    (nn.Unflatten, {"dim": 1, "unflattened_size": (2, 3)}, (TABLE,)),
    (nn.Embedding, {"num_embeddings": 9, "embedding_dim": 4, "padding_idx": 0}, (np.array([[1, 2, 0], [8, 3, 5]]),)),
    (nn.CosineSimilarity, {}, PAIR),
    (nn.PairwiseDistance, {}, PAIR),
    (nn.Dropout1d, {}, (SEQUENCE,)),
    (nn.Dropout2d, {}, (IMAGES,)),
    # windows
    (nn.Conv1d, {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "stride": 2, "padding": 1}, (SEQUENCE,)),
    (nn.Conv2d, {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "groups": 2, "padding": (1, 2)}, (IMAGES,)),
    (nn.Conv2d, {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "dilation": 2, "bias": False}, (IMAGES,)),
    (nn.Conv2d, {"in_channels": 4, "out_channels": 4, "kernel_size": (2, 3), "padding": "same"}, (IMAGES,)),
    (
        nn.ConvTranspose1d,
        {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "stride": 2, "padding": 1},
        (SEQUENCE,),
    ),
    (
        nn.ConvTranspose2d,
        {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "stride": 2, "output_padding": 1},
        (IMAGES,),
    ),
    (
        nn.ConvTranspose2d,
        {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "groups": 2, "dilation": 2},
        (IMAGES,),
    ),
    (nn.MaxPool1d, {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True}, (SEQUENCE,)),
    (nn.MaxPool2d, {"kernel_size": 3, "stride": 2, "padding": 1}, (IMAGES,)),
    (nn.MaxPool2d, {"kernel_size": 2, "ceil_mode": True}, (IMAGES,)),
    (nn.MaxPool2d, {"kernel_size": 2, "stride": 3, "padding": 1, "dilation": 2, "ceil_mode": True}, (IMAGES,)),
    (nn.MaxPool2d, {"kernel_size": 2, "return_indices": True}, (IMAGES,)),
    (nn.MaxUnpool1d, {"kernel_size": 2}, (SEQUENCE[:, :, :3], np.tile(np.array([1, 2, 5]), (2, 4, 1)))),
    (nn.MaxUnpool2d, {"kernel_size": 2}, (IMAGES[:, :, :3, :3], PLACES)),
    (nn.AvgPool1d, {"kernel_size": 3, "stride": 2, "padding": 1}, (SEQUENCE,)),
    (nn.AvgPool2d, {"kernel_size": 3, "stride": 2, "padding": 1}, (IMAGES,)),
    (nn.AvgPool2d, {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}, (IMAGES,)),
    (nn.AvgPool2d, {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, (IMAGES,)),
    (nn.AvgPool2d, {"kernel_size": 3, "divisor_override": 5}, (IMAGES,)),
    (nn.LPPool1d, {"norm_type": 2, "kernel_size": 3}, (SEQUENCE,)),
    (nn.LPPool2d, {"norm_type": 2, "kernel_size": 3}, (IMAGES,)),
    (nn.AdaptiveAvgPool1d, {"output_size": 3}, (SEQUENCE,)),
    (nn.AdaptiveAvgPool2d, {"output_size": (3, 4)}, (IMAGES,)),
    (nn.AdaptiveMaxPool1d, {"output_size": 4}, (SEQUENCE,)),
    (nn.AdaptiveMaxPool2d, {"output_size": (3, 4)}, (IMAGES,)),
    (nn.Upsample, {"scale_factor": 2}, (IMAGES,)),
    (nn.Upsample, {"size": (5, 12), "mode": "bilinear", "align_corners": True}, (IMAGES,)),
    # norms
    (nn.BatchNorm1d, {"num_features": 6}, (TABLE,)),
    (nn.BatchNorm1d, {"num_features": 4, "affine": False}, (SEQUENCE,)),
    (nn.BatchNorm2d, {"num_features": 4, "eps": 0.1}, (IMAGES,)),
    (nn.BatchNorm2d, {"num_features": 4, "track_running_stats": False}, (IMAGES,)),
    (nn.InstanceNorm1d, {"num_features": 4}, (SEQUENCE,)),
    (nn.InstanceNorm2d, {"num_features": 4, "affine": True, "track_running_stats": True}, (IMAGES,)),
    (nn.GroupNorm, {"num_groups": 2, "num_channels": 4}, (IMAGES,)),
    (nn.LayerNorm, {"normalized_shape": (9, 9)}, (IMAGES,)),
    (nn.LayerNorm, {"normalized_shape": 6, "elementwise_affine": False}, (TABLE,)),
    (nn.RMSNorm, {"normalized_shape": 6}, (TABLE,)),
    # sequences
    *(
        (kind, {"input_size": 3, "hidden_size": 4, "batch_first": True, **options}, (BATCH_FIRST,))
        for kind in (nn.RNN, nn.LSTM, nn.GRU)
        for options in ({"num_layers": 2, "bidirectional": True}, {"bias": False})
    ),
    *((kind, {"input_size": 3, "hidden_size": 4, "at": 1}, (TIME_FIRST,)) for kind in (nn.RNN, nn.LSTM, nn.GRU)),
    (nn.RNN, {"input_size": 3, "hidden_size": 4, "nonlinearity": "relu", "at": 1}, (TIME_FIRST, floats(1, 2, 4))),
    (nn.GRU, {"input_size": 3, "hidden_size": 4, "at": 1}, (TIME_FIRST, floats(1, 2, 4))),
    (nn.LSTM, {"input_size": 3, "hidden_size": 4, "at": 1}, (TIME_FIRST, (floats(1, 2, 4), floats(1, 2, 4)))),
    (nn.LSTM, {"input_size": 3, "hidden_size": 4, "proj_size": 2, "batch_first": True}, (BATCH_FIRST,)),
    *((kind, {"input_size": 3, "hidden_size": 4}, (floats(2, 3),)) for kind in (nn.RNNCell, nn.LSTMCell, nn.GRUCell)),
    (nn.LSTMCell, {"input_size": 3, "hidden_size": 4}, (floats(2, 3), (floats(2, 4), floats(2, 4)))),
    (
        nn.MultiheadAttention,
        {"embed_dim": 8, "num_heads": 2, "batch_first": True},
        (TOKENS, floats(2, 6, 8), floats(2, 6, 8)),
    ),
    (
        nn.MultiheadAttention,
        {"embed_dim": 8, "num_heads": 2, "at": 1},
        (floats(5, 2, 8), floats(5, 2, 8), floats(5, 2, 8)),
    ),
    (nn.PositionalEncoding, {"d_model": 8}, (TOKENS,)),
    (nn.TransformerEncoderLayer, {"d_model": 8, "nhead": 2, "dim_feedforward": 16, "batch_first": True}, (TOKENS,)),
    # losses
    *((getattr(nn, name), {}, PAIR) for name in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss")),
    (nn.MSELoss, {"reduction": "none"}, PAIR),
    (nn.BCELoss, {}, (PROBABILITIES, TRUTH)),
    (nn.BCEWithLogitsLoss, {"reduction": "sum"}, (PAIR[0], TRUTH)),
    (nn.CrossEntropyLoss, {}, (PAIR[0], LABELS)),
    (nn.CrossEntropyLoss, {"label_smoothing": 0.1}, (PAIR[0], LABELS)),
    (nn.NLLLoss, {}, (PAIR[0], LABELS)),
    (nn.KLDivLoss, {"reduction": "batchmean"}, (PAIR[0], PROBABILITIES)),
    (nn.HingeLoss, {}, (PAIR[0], SIGNS)),
    (nn.HingeEmbeddingLoss, {}, (PAIR[0], SIGNS)),
    (nn.CosineEmbeddingLoss, {}, (*PAIR, SIGNS[:, 0])),
    (nn.MarginRankingLoss, {}, (PAIR[0][:, 0], PAIR[1][:, 0], SIGNS[:, 0])),
    (nn.MultiLabelSoftMarginLoss, {}, (PAIR[0], TRUTH)),
    (nn.MultiMarginLoss, {}, (PAIR[0], LABELS)),
    (nn.PoissonNLLLoss, {}, (PAIR[0], PROBABILITIES)),
    (nn.GaussianNLLLoss, {}, (*PAIR, PROBABILITIES)),
    (nn.TripletMarginLoss, {}, (*PAIR, ROWS)),
]
# made of other modules, and tested as parts of models; or no layers but what draws words to compare with
ELSEWHERE = {"Module", "Lambda", "ModuleDict", "ModuleList", "Residual", "Sequential", "TransformerEncoder"}
DRAWING = {"LogUniformSampler", "UnigramSampler", "NegativeSamplingLoss", "SampledSoftmaxLoss"}


def cast(x, dtype):
    """Return floats in a dtype, also inside of tuples."""
    if isinstance(x, tuple):
        return tuple([cast(part, dtype) for part in x])
    return x.astype(dtype) if x.dtype.kind == "f" else x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("kind", "options", "inputs"), LAYERS, ids=[f"{k}-{kind.__name__}" for k, (kind, _, _) in enumerate(LAYERS)]
)
def test_onnxruntime_and_the_loaded_layer_compute_the_same(kind, options, inputs, dtype):
    options = dict(options)
    at = options.pop("at", 0)
    before = tg.get_default_dtype()
    tg.set_default_dtype(dtype)
    try:
        layer = kind(**options)
        for name, buffer in layer.named_buffers():  # statistics that have seen something
            if name.startswith("running"):
                buffer.data = np.abs(floats(*buffer.shape)).astype(dtype) + 0.5
        proto = check(layer, *cast(inputs, dtype), axis=at)
    finally:
        tg.set_default_dtype(before)
    used = {entry.name for entry in proto.graph.initializer}
    assert {name for name, _ in layer.named_parameters()} <= used


def test_every_layer_is_tried():
    layers = {
        name for name in nn.__all__ if inspect.isclass(getattr(nn, name)) and issubclass(getattr(nn, name), nn.Module)
    }
    assert (
        layers - {kind.__name__ for kind, _, _ in LAYERS} - ELSEWHERE - DRAWING
        == {"ParameterDict", "ParameterList"} & layers
    )


def test_layers_keep_their_operators_and_names():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Dropout(0.1), nn.Flatten(), nn.Linear(72, 3)
    )
    proto = tg.onnx.export(model, np.ones((2, 1, 8, 8), np.float32))
    kinds = [node.op_type for node in proto.graph.node]
    assert kinds == ["Conv", "BatchNormalization", "Relu", "Dropout", "Reshape", "Gemm"]
    assert proto.graph.node[0].name == "0/Conv"
    used = {entry.name for entry in proto.graph.initializer if "." in entry.name}
    assert used == set(model.state_dict()) - {"1.num_batches_tracked"}
    recurrent = tg.onnx.export(nn.LSTM(3, 4, batch_first=True), BATCH_FIRST.astype(np.float32))
    assert [node.op_type for node in recurrent.graph.node].count("LSTM") == 1
    assert "MatMul" not in [node.op_type for node in recurrent.graph.node]


def test_modules_come_back_into_their_modes():
    model = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.Dropout(0.5)), nn.BatchNorm1d(3))
    model[1].eval()
    before = [part.training for part in model.modules()]
    tg.onnx.export(model, np.ones((2, 3), np.float32))
    assert [part.training for part in model.modules()] == before
    assert all(type(p.data) is np.ndarray for p in model.parameters())
    with pytest.raises(tg.onnx.ExportError):
        tg.onnx.export(nn.Sequential(model, nn.Lambda(lambda x: x * x.max().item())), np.ones((2, 3), np.float32))
    assert [part.training for part in model.modules()] == before
    assert all(type(p.data) is np.ndarray for p in model.parameters())
