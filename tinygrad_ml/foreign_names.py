"""What names and arguments of PyTorch, NumPy, Keras, JAX and scikit-learn are called here.

It stands below everything else, and is asked only once something is missing: an attribute of a module or of a Tensor,
or an argument that nobody takes. `docs/coming-from.md` is made from the same tables.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from .attributes import imports

Function = TypeVar("Function", bound=Callable)

NO_DEVICE = "everything is computed on the CPU: leave it out"
IN_PLACE = "Tensors are not changed in place: write x = x {} (or, of a parameter, w {} under tg.no_grad())"

# Names that mean exactly what they mean there, beside the names that they have here: ours -> theirs.
SAME = {
    "concatenate": "cat concat",
    "clip": "clamp",
    "expand_dims": "unsqueeze",
    "transpose": "permute permute_dims",
    "moveaxis": "movedim",
    "swapaxes": "swapdims",
    "matmul": "mm bmm",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div true_divide",
    "negative": "neg",
    "power": "pow",
    "abs": "absolute",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctan2": "atan2",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "equal": "eq",
    "not_equal": "ne",
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
    "sigmoid": "expit",
    "tensor": "array",
}

# Names that do not exist, and what takes their place. A text that begins with a name is "here it is ...".
NAMES: dict[str, dict[str, str]] = {
    "tg": {
        "addmm": "write b + x @ y",
        "addcmul": "write a + value * x * y",
        "argwhere": "write tg.stack(tg.nonzero(x), axis=1)",
        "autocast": "leave it out, or choose dtypes with x.astype",
        "baddbmm": "write b + x @ y",
        "bernoulli": "write tg.rand(*p.shape) < p",
        "bincount": "use np.bincount(x.numpy())",
        "cdist": "write tg.sqrt(((x[:, None] - y[None]) ** 2).sum(axis=-1))",
        "cholesky": "tg.linalg.cholesky",
        "chunk": "tg.array_split",
        "column_stack": "tg.hstack or tg.stack(arrays, axis=1)",
        "config": "leave it out",
        "constant": "tg.tensor",
        "convert_to_tensor": "tg.tensor",
        "cosine_similarity": "write (x * y).sum(axis=-1) / (tg.linalg.norm(x, axis=-1) * tg.linalg.norm(y, axis=-1))",
        "count_nonzero": "write (x != 0).sum()",
        "cross_entropy": "tg.nn.functional.cross_entropy",
        "cuda": NO_DEVICE,
        "det": "tg.linalg.det",
        "device": NO_DEVICE,
        "device_put": NO_DEVICE,
        "digitize": "tg.searchsorted",
        "dist": "tg.linalg.norm(x - y)",
        "distributions": "draw with tg.randn, tg.rand or tg.multinomial",
        "dsplit": "tg.split",
        "dtype": "np.dtype",
        "expand": "tg.broadcast_to",
        "finfo": "np.finfo",
        "float_power": "tg.power",
        "fill_diagonal": "write x * (1 - tg.eye(n)) + value * tg.eye(n)",
        "FloatTensor": "tg.tensor(data, dtype=tg.float32)",
        "functional": "tg.nn.functional",
        "geomspace": "tg.exp of tg.linspace of the logarithms",
        "GradientTape": "leave it out: operations on a Tensor that requires a gradient are recorded; then x.backward",
        "gradcheck": "tg.testing.gradcheck",
        "gradient": "np.gradient for differences of an array; tg.grad for the derivative of a function",
        "hardmax": "tg.one_hot(tg.argmax(x, axis=-1))",
        "heaviside": "tg.where(x > 0, 1.0, 0.0)",
        "histc": "use np.histogram(x.numpy())",
        "histogram": "use np.histogram(x.numpy())",
        "hsplit": "tg.split",
        "iinfo": "np.iinfo",
        "index_add": "tg.add_at",
        "index_select": "tg.take(x, indices, axis)",
        "inference_mode": "tg.no_grad",
        "inv": "tg.linalg.inv",
        "inverse": "tg.linalg.inv",
        "is_grad_enabled_": "tg.is_grad_enabled",
        "jacfwd": "tg.jacobian",
        "jacrev": "tg.jacobian",
        "jit": "tg.compile",
        "keras": "tg.nn.Sequential and tg.train.fit, or tg.models",
        "lax": "the functions of tg and tg.nn.functional, and Python's own loops",
        "layers": "tg.nn",
        "lerp": "write x + weight * (y - x)",
        "logcumsumexp": "write tg.log(tg.cumsum(tg.exp(x - x.max()), axis=0)) + x.max()",
        "logspace": "write 10 ** tg.linspace(a, b, n)",
        "LongTensor": "tg.tensor(data, dtype=tg.int64)",
        "lstsq": "tg.linalg.lstsq",
        "masked_select": "write x[mask]",
        "matrix_power": "tg.linalg.matrix_power",
        "memory_allocated": NO_DEVICE,
        "Module": "tg.nn.Module",
        "multiprocessing": "Python's multiprocessing",
        "mv": "tg.matmul",
        "nanmean": "write tg.where(tg.isnan(x), 0.0, x).sum() / (~tg.isnan(x)).sum()",
        "nansum": "write tg.where(tg.isnan(x), 0.0, x).sum()",
        "narrow": "a slice: x[:, start:stop]",
        "ndarray": "tg.Tensor",
        "newaxis": "write x[:, None]",
        "norm": "tg.linalg.norm",
        "normal": "tg.randn: mean + std * tg.randn(*shape)",
        "numpy": "leave it out: tg.exp, tg.sum and the like have NumPy's names",
        "pinverse": "tg.linalg.pinv",
        "polyfit": "tg.linalg.lstsq",
        "random_normal": "tg.randn",
        "random_uniform": "tg.rand",
        "ravel_": "tg.ravel",
        "reduce_max": "tg.max",
        "reduce_mean": "tg.mean",
        "reduce_sum": "tg.sum",
        "repeat_interleave": "tg.repeat",
        "result_type": "np.result_type",
        "rsqrt": "write 1 / tg.sqrt(x)",
        "scatter_add": "tg.add_at",
        "seed": "tg.manual_seed",
        "select": "an index: x[:, i]",
        "set_default_device": NO_DEVICE,
        "set_default_tensor_type": "tg.set_default_dtype",
        "set_grad_enabled": "write `with tg.enable_grad() if training else tg.no_grad():`",
        "set_num_threads": "set the environment variable OMP_NUM_THREADS before NumPy is imported",
        "sgn": "tg.sign",
        "shape": "x.shape",
        "size": "x.size",
        "ndim": "x.ndim",
        "slogdet": "tg.linalg.slogdet",
        "solve": "tg.linalg.solve",
        "std_mean": "tg.std and tg.mean",
        "stop_gradient": "x.detach",
        "sum_to_size": "tg.sum",
        "svd": "tg.linalg.svd",
        "symeig": "tg.linalg.eigh",
        "to_numpy": "x.numpy",
        "to_onnx": "tg.onnx.export",
        "tril_indices": "np.tril_indices",
        "triu_indices": "np.triu_indices",
        "unbind": "write list(x)",
        "unstack": "write list(x)",
        "use_deterministic_algorithms": "leave it out: after tg.manual_seed every result is repeated exactly",
        "utils": "tg.data.DataLoader, tg.optim.clip_grad_norm_",
        "vander": "write x[:, None] ** tg.arange(n)",
        "Variable": "tg.tensor(data, requires_grad=True)",
        "var_mean": "tg.var and tg.mean",
        "vector_norm": "tg.linalg.vector_norm",
        "vectorize": "write it with whole arrays: operations broadcast",
        "view_as_real": "x.real and x.imag",
        "vsplit": "tg.split",
        "polygamma": "scipy.special.polygamma(n, x)",
        "digamma": "scipy.special.digamma(x)",
        "lgamma": "scipy.special.gammaln(x)",
        "erfinv": "scipy.special.erfinv(x)",
        "erfc": "write 1 - tg.erf(x)",
        "i0": "scipy.special.i0(x)",
        "logit": "write tg.log(p) - tg.log1p(-p)",
        "kthvalue": "write tg.sort(x, axis)[..., k - 1]",
        "cummax": "np.maximum.accumulate(x.numpy(), axis)",
        "cummin": "np.minimum.accumulate(x.numpy(), axis)",
        "trapz": "np.trapezoid(y, x)",
        "block_diag": "scipy.linalg.block_diag, of arrays",
        "cartesian_prod": "tg.stack([a.ravel() for a in tg.meshgrid(x, y, indexing='ij')], axis=1)",
        "combinations": "Python's itertools.combinations",
        "tensor_split": "tg.array_split(x, n, axis)",
        "index_fill": "tg.ops.setitem(x, value, index)",
        "index_put": "tg.ops.setitem(x, value, index), or tg.add_at(x, index, value)",
        "scatter_reduce": "tg.add_at(x, index, value) for sums",
        "bucketize": "tg.searchsorted(boundaries, x)",
        "frac": "write x - tg.trunc(x)",
        "random_seed": "tg.manual_seed",
        "initial_seed": "tg.get_rng_state",
        "load_state_dict": "a method: module.load_state_dict",
        "Size": "a tuple: x.shape",
        "Generator": "np.random.default_rng(seed)",
        "chain_matmul": "tg.linalg.multi_dot",
        "matrix_exp": "scipy.linalg.expm, of an array",
        "stft": "tg.fft.rfft of windows of x",
        "istft": "tg.fft.irfft of each window",
        "hann_window": "np.hanning(n)",
        "unfold": "np.lib.stride_tricks.sliding_window_view(x.numpy(), n)",
        "pdist": "write tg.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=-1))",
        "pixel_shuffle": "x.reshape and x.transpose, or tg.nn.Upsample",
        "frombuffer": "tg.tensor(np.frombuffer(buffer, dtype))",
        "polar": "write r * tg.exp(1j * angle)",
        "aminmax": "x.min() and x.max()",
        "ogrid": "tg.meshgrid(x, y, sparse=True)",
        "mgrid": "tg.meshgrid(x, y, indexing='ij')",
        "identity": "tg.eye",
        "diagflat": "tg.diag",
        "lu": "scipy.linalg.lu, of an array",
        "addr": "write x + tg.outer(a, b)",
        "ger": "tg.outer",
        "mode": "np.unique(x.numpy(), return_counts=True)",
        "msort": "tg.sort(x, axis=0)",
        "cond": "Python's if, which is recorded as it runs",
        "scan": "Python's for, which is recorded as it runs",
        "while_loop": "Python's while, which is recorded as it runs",
        "fori_loop": "Python's for, which is recorded as it runs",
        "checkpoint": "leave it out: nothing is computed again to save memory",
        "remat": "leave it out: nothing is computed again to save memory",
        "custom_vjp": "tg.autograd.primitive or tg.autograd.Function",
        "custom_jvp": "tg.autograd.primitive",
        "pmap": "tg.vmap",
        "tree_map": "a comprehension over the dict or list",
        "tree_util": "leave it out: write comprehensions over dicts and lists",
        "take_along_dim": "tg.take_along_axis",
        "is_nonzero": "write bool(x)",
        "complex": "write real + 1j * imag",
        "unsqueeze_": "tg.expand_dims",
        "get_default_device": "everything is computed on the CPU: leave it out",
        "euler_gamma": "np.euler_gamma",
        "bool_": "tg.bool",
        "int_": "tg.int64",
        "object_": "not built: Tensors are numeric",
        "watch": "tg.train.Doctor: with tg.train.Doctor(model) as doctor: ...",
    },
    "Tensor": {
        "add_": IN_PLACE.format("+ y", "+= y"),
        "addcdiv_": IN_PLACE.format("+ y / z", "+= y / z"),
        "apply_": "use an operation on the whole Tensor, or np.vectorize(f)(x.numpy())",
        "at": "an index: y = x.copy(), y[index] = value (the gradient flows), or tg.add_at",
        "astype_": "x.astype",
        "bernoulli_": "write tg.rand(*x.shape) < p",
        "byte": "x.astype(tg.uint8)",
        "chunk": "tg.array_split(x, n, axis)",
        "clamp_": IN_PLACE.format(".clip(...)", "[...] = w.clip(...)"),
        "contiguous_": "leave it out",
        "copy_": "write x[...] = y (of a parameter under tg.no_grad)",
        "cuda": NO_DEVICE,
        "ctypes": "x.numpy gives the array",
        "detach_": "write x = x.detach()",
        "div_": IN_PLACE.format("/ y", "/= y"),
        "element_size": "x.itemsize",
        "exp_": IN_PLACE.format(".exp()", "[...] = w.exp()"),
        "expand": "tg.broadcast_to(x, shape)",
        "expand_as": "tg.broadcast_to(x, y.shape)",
        "fill": "tg.full_like(x, value), or write x[...] = value",
        "fill_": "write x[...] = value (of a parameter under tg.no_grad)",
        "flags": "x.numpy gives the array",
        "get_device": NO_DEVICE,
        "grad_fn": "x.node",
        "index_add_": "tg.add_at",
        "index_select": "tg.take(x, indices, axis)",
        "inverse": "tg.linalg.inv(x)",
        "is_cuda": NO_DEVICE,
        "map": "use an operation on the whole Tensor",
        "masked_fill_": "write x = x.masked_fill(mask, value)",
        "masked_select": "write x[mask]",
        "mul_": IN_PLACE.format("* y", "*= y"),
        "narrow": "a slice: x[:, start:stop]",
        "new_ones": "tg.ones(*shape, dtype=x.dtype)",
        "new_tensor": "tg.tensor(data, dtype=x.dtype)",
        "new_zeros": "tg.zeros(*shape, dtype=x.dtype)",
        "norm": "tg.linalg.norm(x)",
        "normal_": "tg.randn; of a parameter, tg.nn.init.normal_",
        "numpy_": "x.numpy",
        "pow_": IN_PLACE.format("** y", "**= y"),
        "repeat_interleave": "x.repeat",
        "relu_": "write x = x.relu()",
        "resize": "x.reshape",
        "resize_": "x.reshape",
        "scatter_": "write y = x.copy() and y[index] = value, or tg.one_hot",
        "scatter_add_": "tg.add_at",
        "share_memory_": "leave it out",
        "slogdet": "tg.linalg.slogdet(x)",
        "split": "tg.split(x, range(n, len(x), n)) for pieces of n rows, and tg.split(x, n) for n equal pieces",
        "storage": "x.numpy gives the array",
        "stride": "x.numpy().strides",
        "strides": "x.numpy().strides",
        "sub_": IN_PLACE.format("- y", "-= y"),
        "tobytes": "write x.numpy().tobytes()",
        "type": "x.astype",
        "unbind": "write list(x)",
        "unfold": "write tg.stack([x[i : i + size] for i in range(n)])",
        "uniform_": "tg.rand; of a parameter, tg.nn.init.uniform_",
        "zero_": "write x[...] = 0; for gradients, x.grad = None or optimizer.zero_grad()",
    },
    "tg.nn": {
        "BatchNormalization": "tg.nn.BatchNorm1d or tg.nn.BatchNorm2d",
        "BatchNorm": "tg.nn.BatchNorm1d or tg.nn.BatchNorm2d",
        "Conv": "tg.nn.Conv1d or tg.nn.Conv2d",
        "Conv2D": "tg.nn.Conv2d(in_channels, out_channels, kernel_size)",
        "DataParallel": NO_DEVICE,
        "Dense": "tg.nn.Linear(in_features, out_features)",
        "GlobalAveragePooling2D": "tg.nn.AdaptiveAvgPool2d(1) and tg.nn.Flatten",
        "Input": "leave it out: Sequential needs no input layer",
        "Layer": "tg.nn.Module",
        "LayerNormalization": "tg.nn.LayerNorm",
        "MaxPooling2D": "tg.nn.MaxPool2d",
        "Model": "tg.nn.Module",
        "SoftMax": "tg.nn.Softmax",
        "Softmax2d": "tg.nn.Softmax(axis=1)",
        "SyncBatchNorm": "tg.nn.BatchNorm2d",
        "optim": "tg.optim",
        "DataLoader": "tg.data.DataLoader",
        "TransformerDecoderLayer": "tg.nn.MultiheadAttention, tg.nn.LayerNorm and tg.nn.Linear",
        "Transformer": "tg.nn.MultiheadAttention, tg.nn.LayerNorm and tg.nn.Linear",
        "BCEWithLogits": "tg.nn.BCEWithLogitsLoss",
        "CTCLoss": "not built; tg.nn.CrossEntropyLoss is for targets that are aligned",
        "Hardshrink": "a lambda in tg.nn.Lambda: x * (abs(x) > 0.5)",
        "Softshrink": "a lambda in tg.nn.Lambda: x - tg.clip(x, -0.5, 0.5)",
        "Tanhshrink": "a lambda in tg.nn.Lambda: x - tg.tanh(x)",
        "Swish": "tg.nn.SiLU",
        "CELU": "tg.nn.ELU",
        "RReLU": "tg.nn.LeakyReLU",
        "Conv3d": "not built; tg.nn.Conv2d is the nearest",
        "ConvTranspose3d": "not built; tg.nn.ConvTranspose2d is the nearest",
        "MaxPool3d": "not built; tg.nn.MaxPool2d is the nearest",
        "AdaptiveAvgPool3d": "not built; tg.nn.AdaptiveAvgPool2d is the nearest",
        "BatchNorm3d": "not built; tg.nn.BatchNorm2d is the nearest",
        "LazyLinear": "tg.nn.Linear, whose in_features are given",
        "LazyConv2d": "tg.nn.Conv2d, whose in_channels are given",
        "ReflectionPad2d": "tg.pad(x, pad_width, mode='reflect') in a forward",
        "ZeroPad2d": "tg.pad(x, pad_width) in a forward",
        "ConstantPad1d": "tg.pad(x, pad_width, constant_values=c) in a forward",
        "ZeroPadding2D": "tg.pad(x, pad_width) in a forward",
        "LocalResponseNorm": "tg.nn.GroupNorm",
        "SpectralNorm": "write weight / tg.linalg.svdvals(weight)[0] in a forward",
        "RNNBase": "tg.nn.RNN, tg.nn.LSTM or tg.nn.GRU",
        "PixelShuffle": "tg.nn.Upsample, or x.reshape and x.transpose",
        "UpsamplingNearest2d": "tg.nn.Upsample",
        "UpSampling2D": "tg.nn.Upsample",
        "Unfold": "np.lib.stride_tricks.sliding_window_view, of an array",
        "Fold": "tg.nn.ConvTranspose2d",
        "parallel": "leave it out: one process computes everything",
        "AdaptiveLogSoftmaxWithLoss": "tg.nn.SampledSoftmaxLoss",
        "EmbeddingBag": "tg.nn.Embedding, and .mean(axis=1)",
        "TransformerDecoder": "tg.nn.MultiheadAttention in a module of your own",
        "SoftMarginLoss": "tg.nn.functional.softplus(-target * x).mean()",
        "MultiLabelMarginLoss": "tg.nn.MultiLabelSoftMarginLoss",
        "Dropout3d": "tg.nn.Dropout2d",
        "SeparableConv2D": "tg.nn.Conv2d(n, n, 3, groups=n) and tg.nn.Conv2d(n, m, 1)",
        "DepthwiseConv2D": "tg.nn.Conv2d(n, n, 3, groups=n)",
        "Conv2DTranspose": "tg.nn.ConvTranspose2d",
        "Bidirectional": "an argument: tg.nn.LSTM(..., bidirectional=True)",
        "TimeDistributed": "leave it out: layers take any leading axes",
        "Reshape": "tg.nn.Unflatten, or x.reshape in a forward",
        "Permute": "x.transpose in a forward",
        "RepeatVector": "tg.repeat in a forward",
        "Masking": "a mask in the loss: ignore_index= of tg.nn.CrossEntropyLoss",
        "Concatenate": "tg.concatenate in a forward",
        "Add": "write x + y in a forward",
        "Multiply": "write x * y in a forward",
        "Average": "write (x + y) / 2 in a forward",
        "Normalization": "tg.nn.BatchNorm1d, or tg.features.Scale before",
        "Rescaling": "write x * scale in a forward",
        "RandomFlip": "tg.flip of the batch, in a callback or a loop",
        "GroupNormalization": "tg.nn.GroupNorm",
        "SpatialDropout2D": "tg.nn.Dropout2d",
        "GaussianNoise": "x + std * tg.randn(*x.shape) in a forward, while self.training",
        "ActivityRegularization": "a term of the loss",
        "Attention": "tg.nn.MultiheadAttention",
        "AdditiveAttention": "tg.nn.MultiheadAttention",
        "CategoricalCrossentropy": "tg.nn.CrossEntropyLoss",
        "SparseCategoricalCrossentropy": "tg.nn.CrossEntropyLoss",
        "BinaryCrossentropy": "tg.nn.BCEWithLogitsLoss",
        "MeanSquaredError": "tg.nn.MSELoss",
        "MeanAbsoluteError": "tg.nn.L1Loss",
        "Huber": "tg.nn.HuberLoss",
        "KLDivergence": "tg.nn.KLDivLoss",
        "Hinge": "tg.nn.HingeLoss",
        "ChannelShuffle": "x.reshape and x.swapaxes",
    },
    "tg.nn.functional": {
        "binary_crossentropy": "tg.nn.functional.binary_cross_entropy",
        "categorical_crossentropy": "tg.nn.functional.cross_entropy",
        "log_sigmoid": "tg.nn.functional.logsigmoid",
        "mse": "tg.nn.functional.mse_loss",
        "pad": "tg.pad(x, pad_width), with a pair (before, after) for each axis, the first axis first",
        "swish": "tg.nn.functional.silu",
        "hardshrink": "write x * (abs(x) > 0.5)",
        "softshrink": "write x - tg.clip(x, -0.5, 0.5)",
        "tanhshrink": "write x - tg.tanh(x)",
        "gumbel_softmax": "write tg.softmax((logits - tg.log(-tg.log(tg.rand(*logits.shape)))) / tau)",
        "unfold": "np.lib.stride_tricks.sliding_window_view, of an array",
        "fold": "tg.conv_transpose2d",
        "pixel_shuffle": "x.reshape and x.transpose",
        "grid_sample": "not built; tg.nn.functional.interpolate is the nearest",
        "affine_grid": "not built; tg.nn.functional.interpolate is the nearest",
        "upsample": "tg.nn.functional.interpolate",
        "ctc_loss": "not built",
        "local_response_norm": "tg.nn.functional.group_norm",
        "multi_head_attention_forward": "tg.nn.functional.scaled_dot_product_attention",
        "pdist": "write tg.sqrt(((x[:, None] - x[None]) ** 2).sum(axis=-1))",
        "standardize": "tg.nn.functional.layer_norm",
        "soft_margin_loss": "tg.nn.functional.softplus(-target * x).mean()",
        "embedding_bag": "tg.nn.functional.embedding(i, weight).mean(axis=1)",
    },
    "tg.optim": {
        "Lion": "tg.optim.Adam, or an optimizer of one's own: tg.optim.Optimizer",
        "Nadam": "tg.optim.Adam",
        "NAdam": "tg.optim.Adam",
        "Momentum": "tg.optim.SGD(params, lr, momentum=0.9)",
        "RMSProp": "tg.optim.RMSprop",
        "SparseAdam": "tg.optim.Adam, which takes sparse gradients",
        "adam": "tg.optim.Adam",
        "sgd": "tg.optim.SGD",
        "schedules": "tg.optim.lr_scheduler",
        "zero_grad": "optimizer.zero_grad",
        "Adafactor": "tg.optim.Adam",
        "Adamax": "tg.optim.Adam",
        "RAdam": "tg.optim.Adam with a warmup of tg.optim.lr_scheduler.LinearLR",
        "Rprop": "tg.optim.RMSprop",
        "ASGD": "tg.optim.SGD",
        "swa_utils": "tg.train.EMA",
        "Ftrl": "tg.optim.Adagrad(params, l1=...)",
        "adamw": "tg.optim.AdamW",
        "lamb": "tg.optim.AdamW",
        "chain": "tg.optim.clip_grad_norm_ before optimizer.step",
        "clip_by_global_norm": "tg.optim.clip_grad_norm_",
    },
    "tg.optim.lr_scheduler": {
        "_LRScheduler": "tg.optim.lr_scheduler.LRScheduler",
        "CosineDecay": "tg.optim.lr_scheduler.CosineAnnealingLR",
        "ExponentialDecay": "tg.optim.lr_scheduler.ExponentialLR",
        "PolynomialLR": "tg.optim.lr_scheduler.LambdaLR(optimizer, lambda t: (1 - t / total) ** power)",
        "CosineAnnealingWarmRestarts": "tg.optim.lr_scheduler.SequentialLR of several CosineAnnealingLR",
        "ChainedScheduler": "tg.optim.lr_scheduler.LambdaLR with the product of the factors",
        "CyclicLR": "tg.optim.lr_scheduler.LambdaLR with a wave",
        "MultiplicativeLR": "tg.optim.lr_scheduler.LambdaLR with the product",
    },
    "tg.autograd": {
        "Variable": "tg.tensor(data, requires_grad=True)",
        "functional": "tg.jacobian, tg.hessian, tg.vjp, tg.jvp",
        "gradcheck": "tg.testing.gradcheck",
        "gradgradcheck": "tg.testing.gradcheck",
        "hessian": "tg.hessian",
        "jacobian": "tg.jacobian",
        "profiler": "Python's cProfile",
        "set_detect_anomaly": "tg.detect_anomaly",
        "set_grad_enabled": "write `with tg.enable_grad() if training else tg.no_grad():`",
    },
    "tg.data": {
        "Dataset": "arrays: tg.data.DataLoader((X, y))",
        "TensorDataset": "tg.data.DataLoader((X, y)), which takes the arrays themselves",
        "random_split": "tg.data.split",
        "train_test_split": "tg.data.split",
        "Subset": "an index: X[rows], y[rows]",
        "utils": "tg.data.DataLoader",
        "ConcatDataset": "np.concatenate of the arrays",
        "IterableDataset": "a loop of your own over the batches",
        "Sampler": "an index: X[rows], y[rows]",
        "WeightedRandomSampler": "rows = np.random.default_rng().choice(len(X), n, p=weights), and X[rows]",
        "RandomSampler": "shuffle= of tg.data.DataLoader",
        "BatchSampler": "batch_size= of tg.data.DataLoader",
        "SubsetRandomSampler": "an index: X[rows], y[rows]",
        "default_collate": "leave it out: batches are rows of the arrays",
        "KFold": "sklearn.model_selection.KFold",
        "StratifiedKFold": "sklearn.model_selection.StratifiedKFold",
        "from_tensor_slices": "tg.data.DataLoader((X, y))",
    },
    "tg.datasets": {
        "FashionMNIST": "tg.datasets.fashion_mnist",
        "MNIST": "tg.datasets.mnist",
        "fetch_california_housing": "tg.datasets.california_housing",
        "fetch_openml": "tg.datasets.mnist, or scikit-learn's own",
        "load_data": "tg.datasets.mnist",
        "load_digits": "tg.datasets.digits",
        "load_iris": "scikit-learn's own, sklearn.datasets.load_iris",
        "make_blobs": "scikit-learn's own, sklearn.datasets.make_blobs",
        "make_regression": "tg.datasets.make_linear",
    },
    "tg.linalg": {
        "eig": "tg.linalg.eigh for symmetric matrices; np.linalg.eig(x.numpy()) for others",
        "eigvals": "tg.linalg.eigvalsh for symmetric matrices",
        "inv_ex": "tg.linalg.inv",
        "matrix_rank": "np.linalg.matrix_rank(x)",
        "cond": "np.linalg.cond(x), with gradients",
        "solve_ex": "tg.linalg.solve",
        "lu": "scipy.linalg.lu, of an array",
        "lu_factor": "scipy.linalg.lu_factor, of an array",
        "expm": "scipy.linalg.expm, of an array",
        "matrix_exp": "scipy.linalg.expm, of an array",
        "householder_product": "tg.linalg.qr",
        "null_space": "write tg.linalg.svd(x).Vh[rank:]",
    },
    "tg.onnx": {
        "checker": "onnx.checker, of the package onnx: tg.onnx.export has checked what it writes",
        "convert_sklearn": "tg.onnx.export",
        "dynamo_export": "tg.onnx.export",
        "InferenceSession": "onnxruntime.InferenceSession(path)",
        "load_model": "tg.onnx.load",
        "run": "onnxruntime.InferenceSession(path).run(None, {name: array}), or tg.onnx.load(path)(array)",
        "save": "tg.onnx.export",
        "to_onnx": "tg.onnx.export",
    },
    "tg.train": {
        "BackupAndRestore": "tg.train.Checkpoint(path, resume=True)",
        "CSVLogger": "tg.train.CSVLog",
        "EMAWeightAveraging": "tg.train.EMA",
        "ExponentialMovingAverage": "tg.train.EMA",
        "GradientAccumulationScheduler": "tg.train.GradientAccumulation",
        "LRFinder": "tg.train.LearningRateFinder",
        "LambdaCallback": "a function of the Run in callbacks=, or tg.train.Callback",
        "LearningRateMonitor": "history['learning_rate'], of every epoch",
        "LearningRateScheduler": "tg.train.LearningRate",
        "MLFlowLogger": "tg.train.MLflowLog",
        "ModelCheckpoint": "tg.train.Checkpoint",
        "ProgbarLogger": "the argument progress= of tg.train.fit",
        "ReduceLROnPlateau": "tg.train.LearningRate with tg.optim.lr_scheduler.ReduceLROnPlateau",
        "StochasticWeightAveraging": "tg.train.EMA",
        "SummaryWriter": "tg.train.TensorBoardLog",
        "SwapEMAWeights": "tg.train.EMA",
        "TQDMProgressBar": "the argument progress= of tg.train.fit",
        "TensorBoard": "tg.train.TensorBoardLog",
        "TensorBoardLogger": "tg.train.TensorBoardLog",
        "TerminateOnNaN": "not needed: tg.train.fit raises tg.train.Diverged",
        "Trainer": "tg.train.fit",
        "WandbCallback": "tg.train.WandbLog",
        "WandbLogger": "tg.train.WandbLog",
        "WandbMetricsLogger": "tg.train.WandbLog",
        "lr_find": "tg.train.LearningRateFinder",
        "evaluate": "a loop under tg.no_grad, or validation= of tg.train.fit",
        "predict": "module.eval(), and then module(x) under tg.no_grad",
        "train_on_batch": "one step of a loop: loss.backward(), optimizer.step()",
        "RemoteMonitor": "tg.train.Callback, with on_epoch_end of your own",
        "CallbackList": "a list: callbacks=[...] of tg.train.fit",
        "DebugUnderflowOverflow": "tg.train.Doctor",
        "detect_anomaly": "tg.detect_anomaly; tg.train.Doctor names the operation too",
        "watch": "tg.train.Doctor: with tg.train.Doctor(model) as doctor: ...",
    },
    "tg.features": {
        "Binarizer": "tg.features.Bucketize(edges=[threshold])",
        "CategoryEncoding": "tg.features.OneHot",
        "ColumnTransformer": "tg.features.Columns; scikit-learn's takes these transformers, too",
        "CountVectorizer": "tg.features.TextCounts",
        "Discretization": "tg.features.Bucketize",
        "FeatureHasher": "tg.features.Hash",
        "FunctionTransformer": "scikit-learn's, or a line of your own before tg.data.split",
        "HashingVectorizer": "tg.features.TextCounts, or scikit-learn's own",
        "HashedCrossing": "tg.features.Cross(max_columns=...)",
        "IntegerLookup": "tg.features.EmbeddingIds",
        "KBinsDiscretizer": "tg.features.Bucketize(quantiles=...) or (width=...)",
        "LabelEncoder": "write np.unique(y, return_inverse=True)[1]; models take strings as y",
        "MinMaxScaler": "tg.features.Scale('min-max')",
        "MissingIndicator": "tg.features.Impute(flag=True)",
        "Normalization": "tg.features.Scale",
        "OneHotEncoder": "tg.features.OneHot",
        "OrdinalEncoder": "tg.features.Ordinal",
        "Pipeline": "scikit-learn's, which takes these transformers",
        "PolynomialFeatures": "tg.features.Polynomial",
        "PowerTransformer": "tg.features.Log, or scikit-learn's own",
        "QuantileTransformer": "tg.features.Bucketize(quantiles=...), or scikit-learn's own",
        "RobustScaler": "tg.features.Scale('robust')",
        "SimpleImputer": "tg.features.Impute",
        "StandardScaler": "tg.features.Scale",
        "StringLookup": "tg.features.EmbeddingIds",
        "TextVectorization": "tg.features.TextCounts",
        "TfidfVectorizer": "tg.features.TextCounts, or scikit-learn's own",
        "Tokenizer": "tg.features.TextCounts",
        "get_dummies": "tg.features.OneHot, which remembers the categories",
        "make_column_transformer": "tg.features.Columns; scikit-learn's takes these transformers, too",
        "qcut": "tg.features.Bucketize(quantiles=...)",
    },
    "tg.models": {
        "MLP": "tg.models.MLPClassifier or tg.models.MLPRegressor",
        "SGDClassifier": "tg.models.LogisticRegression(solver='sgd')",
        "OneVsRestClassifier": "tg.models.OneVsRest",
        "OneVsOneClassifier": "tg.models.OneVsOne",
        "MultiOutputClassifier": "tg.models.LogisticRegression or tg.models.MLPClassifier, with y of (samples, labels)",
        "MultiOutputRegressor": "leave it out: tg.models.LinearRegression and MLPRegressor take several columns of y",
        "DummyClassifier": "tg.models.BaselineClassifier",
        "DummyRegressor": "tg.models.BaselineRegressor",
        "PoissonRegressor": "tg.models.PoissonRegression",
        "GammaRegressor": "a tg.models.Regressor of your own with link = 'log' (docs/models.md)",
        "TweedieRegressor": "a tg.models.Regressor of your own with link = 'log' (docs/models.md)",
        "LogisticRegressionCV": "tg.models.LogisticRegression in scikit-learn's GridSearchCV",
        "NMF": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "MatrixFactorization": "two tg.nn.Embedding whose rows are multiplied, or another package (docs/models.md)",
        "VAE": "an encoder and a decoder of your own (docs/models.md); tg.models.DenoisingAutoencoder is the nearest",
        "Autoencoder": "tg.models.DenoisingAutoencoder, or tg.models.PCA for a linear one",
        "RidgeClassifier": "tg.models.LogisticRegression, or scikit-learn's own",
        "HuberRegressor": "tg.models.LinearRegression(loss='huber')",
        "QuantileRegressor": "tg.models.LinearRegression(loss='mae') for the median",
        "TruncatedSVD": "tg.models.PCA, or scikit-learn's own",
        "SVC": "not built; tg.models.LinearSVM is the nearest",
        "Sequential": "tg.nn.Sequential",
        "load_model": "model.load_state_dict(tg.load(path))",
        "LinearSVC": "tg.models.LinearSVM",
        "SVR": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "KNeighborsClassifier": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "KNeighborsRegressor": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "RandomForestClassifier": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "RandomForestRegressor": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "DecisionTreeClassifier": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "GradientBoostingClassifier": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "GaussianNB": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "MultinomialNB": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "KMeans": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "Pipeline": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "StandardScaler": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "GridSearchCV": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "clone": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "XGBClassifier": "scikit-learn's; tg.models are made for its Pipeline and GridSearchCV",
        "SGDRegressor": "tg.models.LinearRegression(solver='sgd')",
        "save_model": "tg.save(model, path)",
    },
    "tg.metrics": {
        "Accuracy": "tg.metrics.accuracy_score",
        "accuracy": "tg.metrics.accuracy_score",
        "f1": "tg.metrics.f1_score",
        "mse": "tg.metrics.mean_squared_error",
        "root_mean_squared_error_": "tg.metrics.root_mean_squared_error",
        "ConfusionMatrixDisplay": "sklearn.metrics.ConfusionMatrixDisplay, with the same arguments",
        "cohen_kappa_score": "sklearn.metrics.cohen_kappa_score, with the same arguments",
        "matthews_corrcoef": "sklearn.metrics.matthews_corrcoef, with the same arguments",
        "jaccard_score": "sklearn.metrics.jaccard_score, with the same arguments",
        "silhouette_score": "sklearn.metrics.silhouette_score, with the same arguments",
        "max_error": "sklearn.metrics.max_error, with the same arguments",
        "explained_variance_score": "sklearn.metrics.explained_variance_score, with the same arguments",
        "calibration_curve": "sklearn.calibration.calibration_curve, with the same arguments",
        "top_k_accuracy_score": "sklearn.metrics.top_k_accuracy_score, with the same arguments",
        "median_absolute_error": "sklearn.metrics.median_absolute_error, with the same arguments",
        "mean_absolute_percentage_error": "sklearn.metrics.mean_absolute_percentage_error, with the same arguments",
        "AUC": "tg.metrics.roc_auc_score",
        "Precision": "tg.metrics.precision_score",
        "Recall": "tg.metrics.recall_score",
        "MeanIoU": "sklearn.metrics.jaccard_score, with the same arguments",
        "mae": "tg.metrics.mean_absolute_error",
        "rmse": "tg.metrics.root_mean_squared_error",
    },
    "tg.random": {
        "seed": "tg.manual_seed",
        "PRNGKey": "tg.manual_seed",
        "key": "tg.manual_seed",
        "normal": "tg.randn",
        "rand": "tg.rand",
        "randint": "tg.randint",
        "randn": "tg.randn",
        "permutation": "tg.randperm",
        "uniform": "tg.rand",
        "standard_normal": "tg.randn",
        "choice": "tg.multinomial",
        "categorical": "tg.multinomial",
        "bernoulli": "write tg.rand(*p.shape) < p",
        "truncated_normal": "tg.nn.init.trunc_normal_",
        "fold_in": "tg.manual_seed",
        "RandomState": "np.random.default_rng",
        "default_rng": "np.random.default_rng",
        "get_state": "tg.get_rng_state",
        "shuffle": "write x[tg.randperm(len(x))]",
    },
    "Module": {
        "to_onnx": "tg.onnx.export(module, example, path)",
        "add": "module.append, of an nn.Sequential",
        "cuda": NO_DEVICE,
        "compile": "tg.train.fit(module, loss, optimizer, data) for what Keras compiles; tg.compile(step) for speed",
        "evaluate": "a loop under tg.no_grad, or validation= of tg.train.fit",
        "fit": "tg.train.fit(module, loss, optimizer, data, epochs=...)",
        "get_weights": "module.state_dict",
        "load_weights": "module.load_state_dict(tg.load(path))",
        "named_children_": "module.named_children",
        "predict": "module.eval(), and then module(x) under tg.no_grad",
        "predict_proba": "module(x).softmax(axis=-1)",
        "register_full_backward_hook": "x.register_hook, on the Tensor that the module returns",
        "save": "tg.save(module.state_dict(), path)",
        "save_weights": "tg.save(module.state_dict(), path)",
        "set_weights": "module.load_state_dict",
        "share_memory": "leave it out",
        "summary": "tg.nn.summary(module, x)",
        "to_empty": "leave it out",
        "trainable_variables": "module.parameters",
        "trainable_weights": "module.parameters",
        "variables": "module.parameters",
        "weights": "module.parameters",
    },
    "History": {
        "history": "the History itself: history['loss']",
        "epoch": "history.epochs",
        "params": "the arguments of tg.train.fit",
        "loss": "history['loss']",
        "val_loss": "history['validation_loss']",
        "validation_loss": "history['validation_loss']",
        "batch_loss": "history.steps['loss'], of every step",
        "periods": "history.epochs",
        "to_dict": "write dict(history)",
        "loss_curve_": "history['loss']",
    },
    "Graph": {
        "pipe": "graph.to_svg()",
        "plot": "graph.render('net.png'), which writes a file; a notebook shows the graph itself",
        "save": "graph.render('net.svg')",
        "show": "graph.render('net.png'), which writes a file; a notebook shows the graph itself",
        "source": "graph.to_dot()",
        "to_html": "graph.explorer('net.html')",
        "to_png": "graph.render('net.png')",
        "view": "graph.render('net.png'), which writes a file; a notebook shows the graph itself",
        "visual_graph": "the Graph itself",
    },
}

# Arguments: their name -> ours, of every operation (which takes them, too) ...
ARGUMENTS = {
    "dim": ("axis", "axes"),
    "dims": ("axis", "axes", "shift", "repeats", "reps"),
    "keepdim": ("keepdims",),
    "keep_dims": ("keepdims",),
    "axes": ("axis",),
    "axis": ("axes",),
    "correction": ("ddof",),
    "shifts": ("shift",),
    "dim0": ("axis1",),
    "dim1": ("axis2",),
    "dim2": ("axis2",),
    "axis0": ("axis1",),
    "start_dim": ("start_axis",),
    "end_dim": ("end_axis",),
    "tensors": ("arrays",),
    "diagonal": ("k",),
    "steps": ("num",),
    "end": ("stop",),
    "p": ("ord",),
    "a_min": ("min",),
    "a_max": ("max",),
    "newshape": ("shape", "new"),
    "size": ("shape", "new"),
    "shape": ("new",),
    "exponent": ("y",),
    "index": ("indices",),
    "operands": ("arrays",),
    "logits": ("input",),
    "y_pred": ("input",),
    "y_true": ("target",),
    "labels": ("target",),
    "targets": ("target",),
    "f": ("path",),
    "filename": ("path",),
    "filepath": ("path",),
}
# what the first input is called elsewhere, and the second
FIRST = ("input", "a", "x1", "self", "m", "array", "x", "tensors", "condition")
SECOND = ("other", "b", "x2", "mat2", "vec2", "exponent", "y", "values", "tensor2")
INPUTS = ("x", "input", "arrays", "data", "a")  # what functions call their first array here


class Keepdim(TypedDict, total=False):
    """What type checkers see of a function that takes `keepdim` for `keepdims`."""

    keepdim: bool


class Dim(TypedDict, total=False):
    """What type checkers see of a function that takes `dim` for `axis` or `axes`."""

    dim: Any


class DimAndKeepdim(Dim, Keepdim):
    """What type checkers see of a function that takes both."""


class StartAndEndDim(TypedDict, total=False):
    """What type checkers see of a function that takes `start_dim` for `start_axis` and `end_dim` for `end_axis`."""

    start_dim: int
    end_dim: int


# ... and of functions and classes, where they are refused: the hint.
KEYWORDS = {
    "accumulate_grad_batches": "callbacks=[tg.train.GradientAccumulation(batches)]",
    "activation": "a layer of its own behind this one: tg.nn.ReLU()",
    "allow_int": "leave it out: integers become floats",
    "alpha": "weight_decay= of optimizers and tg.models regularises",
    "amsgrad": "leave it out",
    "baseline": "a callback of your own, which calls run.stop(reason)",
    "beta_1": "betas=(beta_1, beta_2)",
    "beta_2": "betas=(beta_1, beta_2)",
    "bias_initializer": "tg.nn.init, after the layer is made",
    "bias_regularizer": "weight_decay= of the optimizer",
    "bidirectional_": "bidirectional=",
    "capturable": "leave it out",
    "check_finite": "leave it out: what is not finite always ends the training run",
    "check_backward_ad": "leave it out",
    "check_batched_grad": "leave it out",
    "check_forward_ad": "leave it out",
    "check_grad_dtypes": "leave it out: dtypes are always checked",
    "check_undefined_grad": "leave it out",
    "class_weight": "weight= of the loss: tg.nn.CrossEntropyLoss(weight=...)",
    "clipnorm": "callbacks=[tg.train.ClipGradients(norm)] of tg.train.fit, or tg.optim.clip_grad_norm_",
    "clipvalue": "tg.optim.clip_grad_value_",
    "collate_fn": "transform= of tg.data.DataLoader, which gets the parts of a batch",
    "dampening": "leave it out",
    "do_constant_folding": "leave it out: runtimes fold constants themselves",
    "dynamic": "leave it out: other shapes get a program of their own",
    "dynamic_shapes": "dynamic_axes=",
    "dynamo": "leave it out: there is one way to export",
    "donate_argnums": "leave it out: memory is used again by itself",
    "export_params": "leave it out: the parameters are in the file",
    "initial_types": "leave it out: the example decides the types",
    "opset_version": "leave it out: files are of version 18 of the operators",
    "target_opset": "leave it out: files are of version 18 of the operators",
    "data_format": "leave it out: images are (batch, channels, height, width)",
    "dataset": "data=",
    "decay": "weight_decay=, or a schedule of tg.optim.lr_scheduler",
    "descending": "tg.flip(tg.sort(x, axis), axis), or tg.argsort(-x, axis) for the places",
    "device": NO_DEVICE,
    "differentiable": "leave it out",
    "dilation_rate": "dilation=",
    "dim": "axis=",
    "dims": "axis=",
    "dirpath": "path=",
    "drop_last": "drop_last= of tg.data.DataLoader",
    "dtype": "x.astype(dtype), before",
    "early_stopping": "callbacks=[tg.train.EarlyStopping()]",
    "ema_momentum": "decay=",
    "epsilon": "eps=",
    "eta0": "lr= of optimizers, learning_rate= of tg.models",
    "eval_set": "validation=(X, y)",
    "every_n_epochs": "every=",
    "factor": "an argument of tg.optim.lr_scheduler.ReduceLROnPlateau",
    "filename": "path=",
    "filepath": "path=",
    "filters": "out_channels=",
    "foreach": "leave it out",
    "fullgraph": "leave it out: report() says what stayed as it is",
    "from_logits": "the loss that takes logits: tg.nn.CrossEntropyLoss or tg.nn.BCEWithLogitsLoss",
    "fast_mode": "mode='random'",
    "fused": "leave it out",
    "generator": "seed=, or tg.manual_seed",
    "gradient_accumulation_steps": "callbacks=[tg.train.GradientAccumulation(batches)]",
    "gradient_clip_val": "callbacks=[tg.train.ClipGradients(max_norm)]",
    "has_aux": "tg.func.grad(f, has_aux=True), as in the other transforms of tg.func",
    "hidden_layers": "hidden_layer_sizes=",
    "initial_epoch": "tg.train.Checkpoint goes on where a training run stopped",
    "inplace": "leave it out: nothing is computed in place",
    "input_dim": "in_features=",
    "input_shape": "in_features= (or in_channels=), as the first argument",
    "jit_compile": "leave it out",
    "keepdim": "keepdims=",
    "kernel_constraint": "a change of the weight under tg.no_grad, after each step",
    "kernel_initializer": "tg.nn.init, after the layer is made",
    "kernel_regularizer": "weight_decay= of the optimizer",
    "layers": "the layers one after the other: tg.nn.Sequential(a, b)",
    "layout": "leave it out",
    "learning_rate": "lr=",
    "learning_rate_init": "learning_rate=",
    "log_dir": "folder=",
    "logdir": "folder=",
    "logger": "callbacks=[tg.train.CSVLog(path)], or another log of tg.train",
    "loss_weights": "the weighted sum, written in a loss of your own",
    "lr": "learning_rate=",
    "map_location": "leave it out: everything is computed on the CPU",
    "max_epochs": "epochs=",
    "max_grad_norm": "callbacks=[tg.train.ClipGradients(max_norm)]",
    "max_iter": "epochs=",
    "max_steps": "steps=",
    "memory_format": "leave it out",
    "metrics": "metrics= of tg.train.fit, a list of names or functions",
    "min_lr": "an argument of tg.optim.lr_scheduler.ReduceLROnPlateau",
    "model": "module=",
    "n_epochs": "epochs=",
    "n_iter_no_change": "patience=",
    "n_jobs": "leave it out: NumPy uses the cores by itself",
    "n_steps": "steps=",
    "nb_epoch": "epochs=",
    "nesterov_": "nesterov=",
    "non_blocking": "leave it out",
    "nondet_tol": "leave it out",
    "num_epochs": "epochs=",
    "num_steps": "steps=",
    "num_workers": "prefetch= of tg.data.DataLoader: how many batches a thread prepares ahead",
    "only_inputs": "leave it out",
    "out": "leave it out: the result is a new Tensor",
    "padding_mode": "tg.pad(x, pad_width, mode=...) before the layer",
    "padding_value": "constant_values=",
    "pin_memory": "leave it out",
    "pool_size": "kernel_size=",
    "prefetch_factor": "prefetch= of tg.data.DataLoader",
    "random_state": "seed= of tg.train.fit and tg.data.DataLoader, or tg.manual_seed",
    "raise_exception": "leave it out: tg.testing.GradientCheckError can be caught",
    "rate": "p=",
    "recompute_scale_factor": "leave it out",
    "reduce": "reduction='mean', 'sum' or 'none'",
    "restore_best_weights": "restore_best=",
    "return_sequences": "leave it out: the output has all steps, and output[:, -1] is the last (batch_first=True)",
    "return_state": "leave it out: the state is the second result",
    "rho": "alpha= of tg.optim.RMSprop",
    "run_eagerly": "leave it out",
    "sample_weight": "a third array of the data: (X, y, sample_weight), if the loss takes it",
    "sampler": "leave it out, or give the rows in the order that you want",
    "save_best_only": "best= of tg.train.Checkpoint, the name of a column",
    "save_dir": "folder=",
    "save_freq": "every=",
    "save_top_k": "best= of tg.train.Checkpoint, the name of a column",
    "save_weights_only": "leave it out: tg.load(path)['module'] has the weights of a checkpoint",
    "set_to_none": "leave it out: gradients are set to None",
    "size_average": "reduction='mean' or 'sum'",
    "some": "full_matrices=",
    "sorted": "leave it out",
    "stable": "kind='stable'",
    "start_from_epoch": "leave it out",
    "static_argnames": "leave it out: values of Python are compared in each call",
    "static_argnums": "leave it out: values of Python are compared in each call",
    "steps_per_epoch": "steps= and periods=",
    "stopping_threshold": "a callback of your own, which calls run.stop(reason)",
    "strides": "stride=",
    "tol": "min_delta=",
    "track_running_stats": "leave it out",
    "unbiased": "ddof=1 for unbiased=True, ddof=0 for unbiased=False",
    "units": "out_features=",
    "use_bias": "bias=",
    "use_ema": "callbacks=[tg.train.EMA(decay)]",
    "val_check_interval": "periods= with steps=",
    "val_data": "validation=(X, y)",
    "valid_data": "validation=(X, y)",
    "validation_data": "validation=(X, y)",
    "validation_fraction": "validation=(X, y): divide the rows with tg.data.split",
    "validation_split": "validation=(X, y): divide the rows with tg.data.split",
    "verbose": "progress=",
    "warm_start": "the partial_fit of models",
    "weights_only": "leave it out: nothing but arrays is read",
    "workers": "leave it out",
    "X": "data=(X, y)",
    "x": "data=(X, y)",
    "y": "data=(X, y)",
    "return_X_y": "leave it out: arrays are unpacked, X, y = ..., and frames have a column for y",
    "as_frame": "leave it out: tables are frames, the others arrays",
    "sentences": "fit(sentences)",
    "train_size": "validation= and test= of tg.data.split: the training part gets the others",
}

# ... and of the models, whose arguments have scikit-learn's names.
OF_MODELS = {
    "early_stopping_rounds": "early_stopping=True, n_iter_no_change=",
    "epochs": "max_iter=",
    "eta0": "learning_rate=",
    "gradient_clip_val": "clip_norm=",
    "clipnorm": "clip_norm=",
    "clipvalue": "clip_value=",
    "criterion": "loss=",
    "hidden_dim": "hidden_layer_sizes=",
    "hidden_layers": "hidden_layer_sizes=",
    "hidden_size": "hidden_layer_sizes=",
    "iterations": "max_iter=",
    "loss_fn": "loss=",
    "lr": "learning_rate=",
    "max_epochs": "max_iter=",
    "max_grad_norm": "clip_norm=",
    "n_epochs": "max_iter=",
    "n_iter": "max_iter=",
    "nb_epoch": "max_iter=",
    "num_epochs": "max_iter=",
    "optim": "optimizer=",
    "patience": "early_stopping=True, n_iter_no_change=",
    "progress": "verbose=",
    "schedule": "learning_rate=, which may be a function of the step",
    "scheduler": "learning_rate=, which may be a function of the step",
    "seed": "random_state=",
    "sg": "architecture=",
    "units": "hidden_layer_sizes=",
    "validation_split": "early_stopping=True, validation_fraction=",
    "weight_decay": "alpha=",
}

# ... of scikit-learn's transformers, text counters and splits, and of the layers of Keras and columns of TensorFlow.
OF_FEATURES = {
    "a_max": "upper=",
    "a_min": "lower=",
    "add_indicator": "flag=",
    "bins": "edges=",
    "binary": "presence=",
    "boundaries": "edges=",
    "feature_range": 'method="min-max"',
    "handle_unknown": "unknown=",
    "lowercase": "lower=",
    "max": "upper=",
    "max_categories": "min_count=",
    "max_features": "max_words=",
    "min": "lower=",
    "min_df": "min_count=",
    "min_frequency": "min_count=",
    "n_bins": "quantiles=",
    "n_classes": "classes=",
    "n_features": "n=",
    "ngram_range": "phrase=, the length of the longest",
    "num_bins": "quantiles=",
    "num_buckets": "n=",
    "remainder": "rest=",
    "sparse_output": "sparse=",
    "split": "part=",
    "strategy": "method=",
    "test_size": "test=",
    "train": "part=",
    "transformers": "columns=",
}

# Names that both have, with another meaning: NumPy's stays. The name -> what it does here, and what to write.
DIFFERENT = {
    "x.max(axis), x.min(axis)": "the values alone, as in NumPy; the places: `x.argmax(axis)`; both: `tg.topk`",
    "x.repeat(2)": "each element twice, as in NumPy; the whole array twice is `tg.tile(x, 2)`",
    "x.size": "the number of elements, and no method; the lengths of the axes are `x.shape`, `x.shape[0]`",
    "tg.split(x, 2)": "two equal pieces, as in NumPy; pieces of two rows are `tg.split(x, range(2, len(x), 2))`",
    "x.var(), x.std()": "divided by n (`ddof=0`), as in NumPy; PyTorch's divide by n - 1: `x.std(ddof=1)`",
    "x.sort(), tg.sort(x)": "the sorted values alone; their places are `x.argsort()`. It does not sort in place",
    "x.transpose(0, 1)": "the order of all axes, as in NumPy; two axes are exchanged by `x.swapaxes(-2, -1)`, `x.mT`",
    "x.nonzero(), tg.nonzero(x)": "one array for each axis; rows of places are `tg.stack(tg.nonzero(x), axis=1)`",
    "tg.equal(x, y)": "element by element, as in NumPy; one answer is `tg.array_equal(x, y)`",
    "tg.median(x)": "the mean of the two middle elements if their number is even; and the values alone",
    "tg.meshgrid(x, y)": "`indexing='xy'`, as in NumPy",
    "tg.dot(x, y)": "of matrices their product, as in NumPy; PyTorch's takes vectors alone",
    "tg.pad(x, width)": "NumPy's `pad_width`, a pair for each axis from the first on; PyTorch counts from the last",
    "tg.take(x, indices)": "along `axis`; without it, of the flattened array (there PyTorch and NumPy agree)",
    "tg.from_numpy(a)": "a copy: what is written to the array later does not change the Tensor",
    "tg.empty(shape)": "zeros, so that no result depends on what was in the memory before",
    "tg.tensor([1.0])": "float32, as in PyTorch and JAX (`tg.set_default_dtype`); arrays of NumPy keep their float64",
    "x += y": "of a Tensor with a history a new value; a parameter is changed under `tg.no_grad()` only",
    "model.predict": "modules are called; estimators (`tg.models`) have `fit` and `predict` as in scikit-learn",
}


def here(hint: str) -> str:
    """Say where a hint leads: a name is "here it is ...", and a sentence stays as it is."""
    is_name = hint.startswith(("tg.", "x.", "np.", "module.", "optimizer.", "history", "graph.", "an ", "a ", "the "))
    elsewhere = hint.startswith(("scipy.", "sklearn.", "Python's", "scikit-learn's"))
    return f"here it is {hint}" if is_name else f"use {hint}" if elsewhere else hint


def hint_for(place: str, name: str) -> str:
    """Return what a name that `place` lacks is called here, or "": from the table, another room, or a similar name.

    Examples
    --------
    >>> from tinygrad_ml.foreign_names import hint_for
    >>> hint_for("Tensor", "expand")
    'here it is tg.broadcast_to(x, shape)'
    >>> hint_for("tg.nn", "Liner")
    'did you mean Linear?'
    """
    if name in NAMES.get(place, ()):
        return here(NAMES[place][name])
    if place == "Tensor":
        if name in _public("tg"):
            return f"here it is tg.{name}(x)"
        return _of_numpy(place, name) or _similar(name, dir(sys.modules[PACKAGE].Tensor))
    if place == "Module":
        return _similar(name, dir(sys.modules[PACKAGE].nn.Module))
    if place not in ROOMS:
        return ""
    for room in ROOMS:
        if room != place and name in _public(room):
            return f"here it is {room}.{name}"
    if place == "tg" and name in dir(sys.modules[PACKAGE].Tensor):
        return f"here it is a method: x.{name}"
    return _of_numpy(place, name) or _similar(name, _public(place))


def _of_numpy(place: str, name: str) -> str:
    """Return how NumPy's function of that name is called on Tensors, or "" if it has none.

    >>> from tinygrad_ml.foreign_names import hint_for
    >>> hint_for("tg", "cov"), hint_for("tg.random", "beta")
    ('here it is np.cov, which takes Tensors', 'here it is np.random.default_rng(seed).beta, and tg.tensor of it')
    """
    numpy = sys.modules["numpy"]
    if place == "tg.random" and hasattr(numpy.random.Generator, name):
        return f"here it is np.random.default_rng(seed).{name}, and tg.tensor of it"
    room = {"tg": "np", "Tensor": "np", "tg.linalg": "np.linalg", "tg.fft": "np.fft"}.get(place)
    function = getattr(numpy if room == "np" else getattr(numpy, (room or "").partition(".")[2], None), name, None)
    if room is None or not callable(function) or isinstance(function, type):
        return ""
    known = sys.modules[PACKAGE + ".primitive"].IMPLEMENTATIONS
    takes = "which takes Tensors" if function in known else "of x.numpy()"
    return f"here it is {room}.{name}, {takes}"


PACKAGE = __name__.partition(".")[0]
ROOMS = (
    *("tg", "tg.nn", "tg.nn.functional", "tg.optim", "tg.optim.lr_scheduler", "tg.autograd", "tg.data", "tg.linalg"),
    *("tg.fft", "tg.nn.init", "tg.train", "tg.models", "tg.metrics", "tg.testing", "tg.random"),
    *("tg.datasets", "tg.distributed", "tg.features", "tg.onnx", "tg.plot", "tg.array_api"),
)


def _public(room: str) -> Iterable[str]:
    """Return the public names of a part of the library, if it is loaded."""
    return getattr(sys.modules.get(PACKAGE + room[2:]), "__all__", ())


def _similar(name: str, names: Iterable[str]) -> str:
    from difflib import get_close_matches  # only an error needs it

    names = [n for n in names if not n.startswith("_")]
    close = [n for n in names if n.lower() == name.lower()] or get_close_matches(name, names, 1, 0.75)
    return f"did you mean {close[0]}?" if close else ""


def without_device(where: Iterable[Any]) -> Any:
    """Return what is asked of `to()` beside the CPU, a dtype or what has one, or None; refuse other devices.

    Examples
    --------
    >>> from tinygrad_ml.foreign_names import without_device
    >>> without_device(["cpu", "float64"])
    'float64'
    """
    wanted = None
    for thing in where:
        device = thing.partition(":")[0] if isinstance(thing, str) else ""
        if device in ("cuda", "gpu", "mps", "xla"):
            raise ValueError(f"to(): there is no device {thing!r}; {NO_DEVICE}")
        if thing is not None and device != "cpu":
            wanted = thing
    return wanted


class MissingName(AttributeError):
    """The error for a name that a part of the library lacks. Its hint is looked for when somebody reads it.

    `hasattr(x, "columns")`, with which many libraries find out what they got, does not read it.
    """

    def __init__(self, place: str, name: str, obj: Any, start: str):
        super().__init__(name=name, obj=obj)
        self.place, self.start = place, start

    def __str__(self) -> str:
        name = str(self.name)
        hint = "" if name.startswith("__") else hint_for(self.place, name)
        return f"{self.start} has no attribute {name!r}" + (hint and f"; {hint}")

    def __repr__(self) -> str:
        return f"AttributeError({str(self)!r})"

    def __reduce__(self) -> Any:
        return AttributeError, (str(self),)


# in a traceback it is an AttributeError like any other
MissingName.__module__, MissingName.__name__, MissingName.__qualname__ = "builtins", "AttributeError", "AttributeError"


def missing(place: str, name: str, obj: Any = None, start: str = "") -> AttributeError | ImportError:
    """Return the error for a name that `place` ("tg", "tg.nn", "Tensor", ...) does not have, with a hint.

    Examples
    --------
    >>> from tinygrad_ml.foreign_names import missing
    >>> print(missing("tg", "index_select"))
    module 'tinygrad_ml' has no attribute 'index_select'; here it is tg.take(x, indices, axis)
    """
    module = PACKAGE + place[2:]
    if not start and imports(sys._getframe(2)):
        hint = hint_for(place, name)
        return ImportError(f"cannot import name {name!r} from {module!r}" + (hint and f"; {hint}"), name=module)
    return MissingName(place, name, obj, start or f"module {module!r}")


def module_getattr(place: str) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module that has nothing else to look up.

    Examples
    --------
    >>> tg.linalg.eig
    Traceback (most recent call last):
    ...
    AttributeError: module 'tinygrad_ml.linalg' has no attribute 'eig'; here it is tg.linalg.eigh for symmetric ...
    """

    def __getattr__(name: str) -> Any:
        raise missing(place, name)

    return __getattr__


# ---------------------------------------------------------------------- arguments


def renamed(function: str, given: dict[str, Any], known: Iterable[str], inputs: Iterable[str] = ()) -> dict[str, Any]:
    """Return arguments under our names, or raise TypeError for one that nobody knows.

    Parameters
    ----------
    function : str
        Its name, for errors.
    given : dict
    known : the names that it takes
    inputs : those of them that are its arrays, of which other libraries have names of their own

    Examples
    --------
    >>> from tinygrad_ml.foreign_names import renamed
    >>> renamed("sum", {"input": 1, "dim": 0}, ["x", "axis", "keepdims"], ["x"])
    {'x': 1, 'axis': 0}
    """
    known, result = list(known), {}
    inputs = [name for name in inputs if name != "condition"]  # where(condition, input, other)
    for name, value in given.items():
        ours = name
        if name not in known:
            candidates = [n for n in ARGUMENTS.get(name, ()) if n in known]
            candidates += inputs[:1] if name in FIRST else inputs[1:2] if name in SECOND else []
            if not candidates:
                raise unknown_argument(function, name, known)
            ours = candidates[0]
            if ours in given:
                raise TypeError(f"{function}() got both {name!r} and {ours!r}, which mean the same: give one of them")
        if ours in result:
            raise TypeError(f"{function}() got two values for {ours!r}")
        result[ours] = value
    return result


def unknown_argument(function: str, name: str, known: Iterable[str]) -> TypeError:
    """Return the error for an argument that a function does not take, with what takes its place."""
    known = [n for n in known if n != "self"]
    hint = _hint(OF_MODELS.get(name, ""), known) or _hint(OF_FEATURES.get(name, ""), known)
    hint = hint or _hint(KEYWORDS.get(name, ""), known)
    hint = hint or _similar(name, known) or "it takes " + (", ".join(known) or "none")
    return TypeError(f"{function}() does not know the argument {name!r}; {hint}")


def _hint(text: str, known: list[str]) -> str:
    """Return what to say of an argument, if that leads to one that is known."""
    ours, is_keyword, _ = text.partition("=")
    if is_keyword and ours.isidentifier():
        return f"use {text}" if ours in known or "= of " in text or "] of " in text else ""
    return text and here(text)


def takes_foreign_names(*inputs: str, too_many: str = "") -> Callable[[Function], Function]:
    """Let a function take `dim=` for `axis=` and the like, and refuse other arguments with a hint: a decorator.

    So that type checkers know them too, its signature has `**foreign: Unpack[Dim]`, of which it never gets one.

    Parameters
    ----------
    inputs : the names of its arrays, of which other libraries have names of their own
    too_many : str
        What to say about more arguments by position than it takes.

    Examples
    --------
    >>> tg.stack([tg.ones(2), tg.zeros(2)], dim=1).shape
    (2, 2)
    """

    def decorate(function: Function) -> Function:
        code, called = function.__code__, function.__qualname__.removesuffix(".__init__").lstrip("_")
        by_position, count = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
        known = frozenset(code.co_varnames[:count])
        rest = code.co_varnames[count] if code.co_flags & inspect.CO_VARARGS else ""  # zeros(*shape)

        @wraps(function)
        def call(*positional: Any, **named: Any) -> Any:
            __tracebackhide__ = True
            if named and not known.issuperset(named):
                arguments = [*code.co_varnames[:count], *([rest] if rest else [])]
                named = renamed(called, named, arguments, inputs)
                if rest in named:
                    positional = (*positional, *_several(named.pop(rest)))
            if len(positional) > by_position and not rest:
                takes = code.co_varnames[:by_position]
                bound = takes[:1] == ("self",)
                why = f": {too_many}" if too_many else f", got {len(positional) - bound} arguments by position"
                raise TypeError(f"{called}() takes {', '.join(takes[bound:])}{why}")
            return function(*positional, **named)

        if code.co_flags & inspect.CO_VARKEYWORDS:  # which type checkers alone are to see
            signature = inspect.signature(function)
            shown = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
            call.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
        return call  # type: ignore[return-value]

    return decorate


def _several(value: Any) -> tuple:
    """Return what stands for *shape or *arrays as a tuple."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def take_foreign_names(module: dict[str, Any], names: Iterable[str]) -> None:
    """Let all functions of a public module take foreign names; inside of the library they are called without.

    Parameters
    ----------
    module : its `globals()`, in which the functions are replaced
    names : those of its functions, and of others, which stay

    Examples
    --------
    >>> tg.zeros(size=(2, 3)).shape
    (2, 3)
    >>> tg.zeros(2, device="cpu")
    Traceback (most recent call last):
    ...
    TypeError: zeros() does not know the argument 'device'; everything is computed on the CPU: leave it out
    """
    replaced: dict[Any, Any] = {}
    for name in names:
        function = module.get(name)
        if not inspect.isfunction(function) or hasattr(function, "primitive") or hasattr(function, "__wrapped__"):
            continue
        if function.__code__.co_flags & inspect.CO_VARKEYWORDS:  # it passes on what it does not know
            continue
        if function not in replaced:
            first = function.__code__.co_varnames[: min(function.__code__.co_argcount, 1)]
            replaced[function] = takes_foreign_names(*[key for key in first if key in INPUTS])(function)
        if function.__name__ == name:
            replaced[function].__module__ = module["__name__"]  # where pickle finds it
        module[name] = replaced[function]


class _ConstructorSignature:
    """The signature of a class: that of its `__init__`, although `__new__` takes everything."""

    def __get__(self, obj: Any, cls: type) -> inspect.Signature:
        if obj is not None or cls.__init__ is object.__init__:  # type: ignore[misc]
            if obj is None:
                return inspect.Signature()
            raise AttributeError("__signature__")
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        return signature.replace(parameters=list(signature.parameters.values())[1:])


class HintsArguments:
    """The base of classes whose constructors refuse arguments of other libraries with a hint.

    Examples
    --------
    >>> tg.train.EarlyStopping(restore_best_weights=True)
    Traceback (most recent call last):
    ...
    TypeError: EarlyStopping() does not know the argument 'restore_best_weights'; use restore_best=
    """

    __slots__ = ()

    if not TYPE_CHECKING:  # which know the constructors by their __init__
        __signature__ = _ConstructorSignature()

        def __new__(cls, *positional, **named):
            __tracebackhide__ = True
            if positional or named:  # copies and pickles are made without arguments
                if cls.__init__ is object.__init__:
                    raise cls._takes_no_arguments(positional, named)
                cls._check_arguments(positional, named)
            return super().__new__(cls)

    @classmethod
    def _check_arguments(cls, positional: tuple, named: dict[str, Any]) -> None:
        """Raise TypeError if `__init__` does not know an argument, or gets too many or too few of them."""
        init = cls.__init__
        code = getattr(init, "__code__", None)
        if code is None or code.co_flags & inspect.CO_VARKEYWORDS:
            return
        most = code.co_argcount - 1
        takes = code.co_varnames[1 : most + 1 + code.co_kwonlyargcount]
        for name in named:
            if name not in takes:
                raise unknown_argument(cls.__name__, name, takes)
        if code.co_flags & inspect.CO_VARARGS:
            return
        names = takes[:most]
        if twice := [name for name in names[: len(positional)] if name in named]:
            arrays = sum(hasattr(thing, "shape") for thing in positional)
            hint = "; several arrays are one argument: write (X, y)" if arrays > 1 else ""
            if hasattr(cls, "fit") and isinstance(positional[0], (list, tuple)):
                hint = f": data are for fit, {cls.__name__}(...).fit(data)"
            raise TypeError(f"{cls.__name__}() gets {twice[0]!r} twice, by position and by name{hint}")
        needed = names[len(positional) : most - len(init.__defaults__ or ())]
        lacking = [name for name in needed if name not in named]
        if len(positional) <= most and not lacking:
            return
        is_data = any(hasattr(thing, "shape") for thing in positional)
        hint = f": make it first, and call it with the data: {cls.__name__}(...)(x)" if is_data else ""
        if lacking:
            raise TypeError(
                f"{cls.__name__}() is missing {len(lacking)} of its positional arguments, {', '.join(lacking)}{hint}; "
                f"it takes {', '.join(names)}"
            )
        if not most:
            some = ", ".join([f"{name}=..." for name in takes[:3]])
            given = f"got {len(positional)} by position{hint}"
            raise TypeError(f"{cls.__name__}() takes its arguments by name ({some}), {given}")
        raise TypeError(
            f"{cls.__name__}() takes {most} positional argument{'s' * (most != 1)} ({', '.join(names)}), got "
            f"{len(positional)}{hint}"
        )

    @classmethod
    def _takes_no_arguments(cls, positional: tuple, named: dict[str, Any]) -> TypeError:
        if named:
            return unknown_argument(cls.__name__, next(iter(named)), ())
        if hasattr(positional[0], "shape"):
            return TypeError(
                f"{cls.__name__}() takes no arguments: make it first, and call it with the data: {cls.__name__}()(x)"
            )
        return TypeError(f"{cls.__name__}() takes no arguments, got {len(positional)}")
