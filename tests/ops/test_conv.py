"""Convolution and pooling: every option against PyTorch, to second order, and the errors."""

import itertools

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.ops import conv, direct


def numbers(*shape, seed=0, dtype="float64"):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def assert_same_as_pytorch(ours, theirs, arrays, torch, tolerance=1e-10):
    """Compare values, gradients, and gradients of the gradients for inputs and for what arrives."""
    inputs = [tg.tensor(a, requires_grad=True) for a in arrays]
    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    out, expected = ours(*inputs), theirs(*tensors)
    close = {"rtol": tolerance, "atol": tolerance}
    np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), **close)
    assert out.dtype == arrays[0].dtype

    arriving = numbers(*out.shape, seed=1, dtype=out.dtype)
    arrived, their_arrived = tg.tensor(arriving, requires_grad=True), torch.tensor(arriving, requires_grad=True)
    first = tg.autograd.grad(out, inputs, arrived, create_graph=True)
    their_first = torch.autograd.grad(expected, tensors, their_arrived, create_graph=True)
    for g, h in zip(first, their_first):
        np.testing.assert_allclose(g.numpy(), h.detach().numpy(), **close)

    turned = [numbers(*g.shape, seed=2 + k, dtype=g.dtype) for k, g in enumerate(first)]
    second = tg.autograd.grad(list(first), [*inputs, arrived], [tg.tensor(v) for v in turned], allow_unused=True)
    their_second = torch.autograd.grad(
        their_first, [*tensors, their_arrived], [torch.tensor(v) for v in turned], allow_unused=True
    )
    for g, h, x in zip(second, their_second, [*inputs, arrived]):
        g = np.zeros(x.shape) if g is None else g.numpy()
        np.testing.assert_allclose(g, np.zeros(x.shape) if h is None else h.detach().numpy(), **close)


# ---------------------------------------------------------------------- convolution


@pytest.fixture(params=["patches", "C"])
def way(request, monkeypatch):
    """Compute convolutions as products of patches, or all of them in C."""
    monkeypatch.setattr(direct, "WORTH", 0 if request.param == "C" else np.inf)
    monkeypatch.setattr(direct, "is_faster", lambda *_: True)


@pytest.mark.parametrize("kernel", [(1, 1), (3, 2), (4, 3)])
@pytest.mark.parametrize("padding", ["valid", 0, 1, (2, 0), (0, 3)])
def test_conv2d_equals_pytorch_over_strides_dilations_and_groups(torch, way, kernel, padding):
    for stride, dilation, groups in itertools.product([1, 2, (1, 3), (3, 2)], [1, (2, 1), 2], [1, 2]):
        arrays = numbers(2, 4, 9, 8), numbers(6, 4 // groups, *kernel, seed=3), numbers(6, seed=4)
        how = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        assert_same_as_pytorch(
            lambda x, w, b, how=how: tg.conv2d(x, w, b, **how),
            lambda x, w, b, how=how: torch.nn.functional.conv2d(x, w, b, **how),
            arrays,
            torch,
        )


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("kernel", [(1, 1), (2, 3), (3, 4), (4, 2)])
@pytest.mark.parametrize("dilation", [1, 2, (3, 1)])
def test_same_padding_equals_pytorch_also_for_even_kernels(torch, kernel, dilation):
    arrays = numbers(2, 3, 7, 8), numbers(4, 3, *kernel, seed=3)
    assert tg.conv2d(*arrays, padding="same", dilation=dilation).shape == (2, 4, 7, 8)
    assert_same_as_pytorch(
        lambda x, w: tg.conv2d(x, w, padding="same", dilation=dilation),
        lambda x, w: torch.nn.functional.conv2d(x, w, padding="same", dilation=dilation),
        arrays,
        torch,
    )


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"stride": 2},
        {"padding": 3},
        {"padding": "same"},
        {"padding": "same", "dilation": 2},
        {"stride": (3,), "padding": (1,), "dilation": (2,)},
        {"groups": 2},
        {"groups": 4, "stride": 2},
    ],
)
def test_conv1d_equals_pytorch(torch, how):
    for length in (3, 4):
        arrays = numbers(2, 4, 11), numbers(8, 4 // how.get("groups", 1), length, seed=3), numbers(8, seed=4)
        assert_same_as_pytorch(
            lambda x, w, b: tg.conv1d(x, w, b, **how),
            lambda x, w, b: torch.nn.functional.conv1d(x, w, b, **how),
            arrays,
            torch,
        )


def test_an_image_without_a_batch_gives_one_without(torch):
    assert_same_as_pytorch(
        lambda x, w: tg.conv2d(x, w, padding=1),
        lambda x, w: torch.nn.functional.conv2d(x, w, padding=1),
        (numbers(2, 5, 6), numbers(3, 2, 3, 3)),
        torch,
    )
    assert_same_as_pytorch(tg.conv1d, torch.nn.functional.conv1d, (numbers(2, 6), numbers(3, 2, 3)), torch)


@pytest.mark.parametrize("channels", [(1, 8), (16, 24), (40, 64)])
def test_images_larger_than_a_block_equal_pytorch(torch, channels):
    (c, o), size = channels, (37, 41)
    for stride in (1, 2):
        assert_same_as_pytorch(
            lambda x, w, stride=stride: tg.conv2d(x, w, stride=stride, padding=1),
            lambda x, w, stride=stride: torch.nn.functional.conv2d(x, w, stride=stride, padding=1),
            (numbers(3, c, *size), numbers(o, c, 3, 3, seed=3) / c),
            torch,
        )


def test_float32_is_kept_and_near_to_float64():
    x, w, b = numbers(4, 3, 12, 12), numbers(5, 3, 3, 3, seed=3), numbers(5, seed=4)
    exact = tg.conv2d(x, w, b, padding=1)
    leaves = [tg.tensor(a.astype("float32"), requires_grad=True) for a in (x, w, b)]
    out = tg.conv2d(*leaves, padding=1)
    out.sum().backward()
    assert [out.dtype, *[leaf.grad.dtype for leaf in leaves]] == [np.float32] * 4
    np.testing.assert_allclose(out.numpy(), exact.numpy(), rtol=1e-5, atol=1e-5)


def test_only_the_wanted_gradients_are_computed(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("the gradient of the images is not wanted")

    monkeypatch.setattr(conv.conv2d_input.primitive, "forward", fail)
    w = tg.tensor(numbers(2, 3, 3, 3), requires_grad=True)
    tg.conv2d(numbers(4, 3, 8, 8), w).sum().backward()
    assert w.grad.shape == w.shape


def test_an_empty_batch_gives_an_empty_result_and_zero_gradients():
    for stride in (1, 2):
        x, w, b = (
            tg.tensor(a, requires_grad=True) for a in (np.zeros((0, 3, 8, 8)), numbers(2, 3, 3, 3), numbers(2, seed=1))
        )
        out = tg.conv2d(x, w, b, stride=stride)
        assert out.shape[:2] == (0, 2)
        out.sum().backward()
        assert x.grad.shape == (0, 3, 8, 8)
        assert not w.grad.numpy().any()
        assert not b.grad.numpy().any()


def test_inputs_of_any_layout_give_the_same():
    x, w = numbers(2, 3, 8, 6), numbers(4, 3, 3, 3, seed=1)
    expected = tg.conv2d(x, w).numpy()
    np.testing.assert_array_equal(tg.conv2d(np.asfortranarray(x), np.asfortranarray(w)).numpy(), expected)
    backwards = x[:, :, ::-1].copy()[:, :, ::-1]
    np.testing.assert_array_equal(tg.conv2d(backwards, w).numpy(), expected)


@pytest.mark.parametrize(
    ("x", "weight", "how", "message"),
    [
        ((2, 3, 8, 8), (4, 2, 3, 3), {}, "x has 3 channels, but weight is for 2"),
        ((2, 4, 8, 8), (4, 4, 3, 3), {"groups": 2}, "x has 4 channels, but weight is for 8"),
        ((2, 3, 8, 8), (4, 3, 3, 3), {"groups": 2}, "groups=2 must divide the channels, 3 in and 4 out"),
        ((2, 3, 2, 2), (4, 3, 3, 3), {}, "larger than the padded input; use more padding="),
        ((3, 8), (4, 3, 3, 3), {}, r"x must be \(batch, in, height, width\)"),
        ((1, 3, 8, 8), (4, 3, 3), {}, r"weight \(out, in / groups, height, width\)"),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"padding": "same", "stride": 2}, "only with stride 1"),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"padding": "full"}, "'same', 'valid' or numbers, not 'full'"),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"padding": -1}, "padding must be an integer >= 0 or 2 of them, not -1"),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"stride": 0}, "stride must be an integer >= 1"),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"dilation": (1, 2, 3)}, "dilation must be an integer >= 1 or 2 of them"),
        ((1, 3, 8, 8), (4, 3, 3, 3), {"bias": np.zeros(3)}, r"bias has shape \(3,\), it must be \(4,\)"),
    ],
)
def test_conv2d_says_what_does_not_fit(x, weight, how, message):
    with pytest.raises(ValueError, match=f"^conv2d: .*{message}"):
        tg.conv2d(np.zeros(x), np.zeros(weight), **how)


def test_conv1d_speaks_of_its_own_shapes():
    with pytest.raises(ValueError, match=r"^conv1d: x \(1, 3, 2\) and weight \(4, 3, 3\): the kernel is"):
        tg.conv1d(np.zeros((1, 3, 2)), np.zeros((4, 3, 3)))


# ---------------------------------------------------------------------- pooling


@pytest.mark.parametrize("kernel", [1, 2, 3, (2, 3), (4, 2)])
@pytest.mark.parametrize("stride", [None, 1, 2, (3, 2)])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_pooling_equals_pytorch(torch, kernel, stride, ceil_mode):
    functional = torch.nn.functional
    for padding in (0, 1, (1, 0)):
        how = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
        if any(2 * p > k for p, k in zip(np.broadcast_to(padding, 2), np.broadcast_to(kernel, 2))):
            continue
        for shape in ((2, 3, 8, 7), (3, 5, 5)):
            x = numbers(*shape)
            assert_same_as_pytorch(
                lambda x, how=how: tg.max_pool2d(x, **how),
                lambda x, how=how: functional.max_pool2d(x, **how),
                [x],
                torch,
            )
            for include in (True, False):
                assert_same_as_pytorch(
                    lambda x, how=how, include=include: tg.avg_pool2d(x, **how, count_include_pad=include),
                    lambda x, how=how, include=include: functional.avg_pool2d(x, **how, count_include_pad=include),
                    [x],
                    torch,
                )


@pytest.mark.parametrize("how", [{}, {"stride": 1}, {"padding": 1}, {"stride": 2, "padding": 1, "ceil_mode": True}])
def test_pooling_in_one_dimension_equals_pytorch(torch, how):
    for shape in ((2, 3, 8), (3, 7)):
        for name in ("max_pool1d", "avg_pool1d"):
            assert_same_as_pytorch(
                lambda x, name=name: getattr(tg, name)(x, 3, **how),
                lambda x, name=name: getattr(torch.nn.functional, name)(x, 3, **how),
                [numbers(*shape)],
                torch,
            )


def test_the_first_of_ties_gets_the_gradient_of_max_pooling(torch):
    ties = np.array([[[1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 2.0, 2.0]], [[-np.inf] * 4] * 2, [[0.0] * 4] * 2])
    x = tg.tensor(ties, requires_grad=True)
    tg.max_pool2d(x, 2).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy()[0], [[1, 0, 0, 1], [0, 0, 0, 0]])
    for how in ({"kernel_size": 2}, {"kernel_size": 2, "stride": 1}, {"kernel_size": 3, "stride": 1, "padding": 1}):
        assert_same_as_pytorch(
            lambda x, how=how: tg.max_pool2d(x, **how),
            lambda x, how=how: torch.nn.functional.max_pool2d(x, **how),
            [ties],
            torch,
        )


@pytest.mark.parametrize("dilation", [2, (1, 3)])
def test_dilated_windows_share_numbers_also_where_the_stride_is_the_kernel(torch, dilation):
    for x in (numbers(2, 3, 9, 11), np.round(numbers(2, 3, 9, 11))):
        assert_same_as_pytorch(
            lambda x: tg.max_pool2d(x, 2, dilation=dilation),
            lambda x: torch.nn.functional.max_pool2d(x, 2, dilation=dilation),
            [x],
            torch,
        )


def test_max_pooling_passes_nan_on():
    x = tg.tensor([[[1.0, float("nan"), 3.0, 4.0]]], requires_grad=True)
    out = tg.max_pool1d(x, 2)
    np.testing.assert_array_equal(out.numpy(), np.array([[[np.nan, 4.0]]], "float32"))
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[[0, 1, 0, 1]]])


def test_pooling_keeps_float32_and_empty_batches():
    for pool in (tg.max_pool2d, tg.avg_pool2d):
        x = tg.tensor(numbers(2, 3, 4, 4, dtype="float32"), requires_grad=True)
        out = pool(x, 2)
        out.sum().backward()
        assert (out.dtype, x.grad.dtype) == (np.float32, np.float32)
        empty = tg.zeros(0, 3, 4, 4, requires_grad=True)
        out = pool(empty, 2)
        assert out.shape == (0, 3, 2, 2)
        out.sum().backward()
        assert empty.grad.shape == empty.shape


@pytest.mark.parametrize(
    ("shape", "how", "message"),
    [
        ((1, 1, 2, 2), {"kernel_size": 3}, "the window 3 is larger than the padded input"),
        ((1, 1, 4, 4), {"kernel_size": 2, "padding": 2}, "padding=2 must be at most half of kernel_size=2"),
        ((4, 4), {"kernel_size": 2}, r"x \(4, 4\) must be \(batch, channels, height, width\)"),
        ((1, 1, 4, 4), {"kernel_size": 0}, "kernel_size must be an integer >= 1"),
    ],
)
def test_pooling_says_what_does_not_fit(shape, how, message):
    for name in ("max_pool2d", "avg_pool2d"):
        with pytest.raises(ValueError, match=f"^{name}: .*{message}"):
            getattr(tg, name)(np.zeros(shape), **how)
