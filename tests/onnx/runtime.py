"""Running files of ONNX by onnxruntime, and comparing what comes out with a model."""

import numpy as np
import onnxruntime

import tinygrad_ml as tg

onnxruntime.set_default_logger_severity(3)


def flat(result):
    """Return the leaves of nested results or inputs, without None."""
    if result is None:
        return []
    if isinstance(result, dict):
        return [leaf for part in result.values() for leaf in flat(part)]
    if isinstance(result, (tuple, list)):
        return [leaf for part in result for leaf in flat(part)]
    return [result]


def run(proto, *inputs):
    """Return the outputs of a file for arrays, in its order."""
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {entry.name: x for entry, x in zip(session.get_inputs(), inputs)})


def assert_equal(got, wanted, bound=1e-6):
    """Compare an array with the true one: the same shape and dtype, and 1e-6 of the largest element."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
    if wanted.dtype.kind != "f":
        assert np.array_equal(got, wanted)
        return
    finite = np.isfinite(wanted)
    assert np.array_equal(finite, np.isfinite(got))
    assert np.array_equal(got[~finite], wanted[~finite], equal_nan=True)
    if finite.any():
        assert np.abs(got[finite] - wanted[finite]).max() <= bound * max(np.abs(wanted[finite]).max(), 1e-30)


def with_batch(x, n, axis=0):
    """Return an example with another number of rows."""
    if isinstance(x, tuple):
        return tuple([with_batch(part, n, axis) for part in x])
    return np.take(x, np.arange(n) % x.shape[axis], axis) if np.ndim(x) > axis else x


def check(model, *inputs, axis=0, batches=(1, 2, 7), loads=True, **options):
    """Export a module, and compare onnxruntime and the loaded module with it at several batch sizes."""
    if isinstance(model, tg.nn.Module):
        model.eval()
    proto = tg.onnx.export(model, inputs if len(inputs) > 1 else inputs[0], **options)
    loaded = tg.onnx.load(proto).eval() if loads else None
    for n in batches:
        given = with_batch(inputs, n, axis)
        wanted = [x.numpy() for x in flat(model(*as_tensors(given)))]
        arrays = flat(given)
        results = run(proto, *arrays)
        assert len(results) == len(wanted)
        again = [x.numpy() for x in flat(loaded(*arrays))] if loads else wanted
        for got, restored, true in zip(results, again, wanted):
            assert_equal(got, true)
            assert_equal(restored, true)
    return proto


def as_tensors(x):
    """Return inputs as Tensors."""
    return tuple([as_tensors(part) if isinstance(part, tuple) else tg.tensor(part) for part in x])
