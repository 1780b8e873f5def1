"""Every operation of the table at its sample inputs: exported and loaded again, or refused by its own name."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.onnx.runtime import assert_equal, flat, run
from tests.samples import SAMPLES

REFUSED = {
    *("inv", "solve", "solve_triangular", "pinv", "cofactor", "slogdet", "cholesky", "qr", "svd", "svdvals", "eigh"),
    *("eigvalsh", "fft", "ifft", "rfft", "irfft", "imag", "angle"),
    *("sinc_derivative", "cumprod_tangent", "cumprod_gradient", "conv2d_weight", "avg_pool2d_input"),  # of derivatives
    *("bitwise_left_shift", "bitwise_right_shift"),
}


def function_of(name):
    operation = tg.autograd.OPERATIONS.get(name)
    return operation.operation if operation is not None else getattr(tg, name, None) or getattr(tg.linalg, name)


@pytest.mark.parametrize("name", SAMPLES)
def test_an_operation(name):
    function = function_of(name)
    for sample in SAMPLES[name][:6]:
        arrays = [np.asarray(x) for x in sample.inputs]
        if not arrays or any(x.dtype.kind not in "fiub" or not x.size for x in arrays):
            continue

        def call(*inputs, parameters=sample.parameters):
            return function(*inputs, **parameters)

        with np.errstate(all="ignore"):
            wanted = [x.numpy() for x in flat(call(*map(tg.tensor, arrays)))]
            if any(x.dtype.kind == "c" for x in wanted):
                continue
            try:
                proto = tg.onnx.export(tg.nn.Lambda(call), tuple(arrays), dynamic_axes={})
            except tg.onnx.ExportError as refused:
                assert any(f"operation {known!r} has no form in ONNX" in str(refused) for known in REFUSED)  # noqa: PT017
                continue
            loaded = flat(tg.onnx.load(proto)(*arrays))
        for got, again, true in zip(run(proto, *arrays), loaded, wanted):
            assert_equal(got, true)
            assert_equal(again.numpy(), true)
