"""Losses at masks and limits: what is ignored or has the weight 0 is not looked at, and targets are in their range."""

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.tensors import leaf
from tinygrad_ml import nn
from tinygrad_ml.nn import functional as F

INF, NAN = np.inf, np.nan
random = np.random.default_rng(0)
LOGITS = random.normal(size=(6, 4))
LABELS = np.array([0, 3, 1, 2, 2, 0])
BAD = [[NAN] * 4, [INF, 1, 2, -INF], [-INF] * 4, [NAN, -INF, 0, 1]]  # what may stand in a row that is ignored
CLASS_WEIGHT = np.array([0.5, 2.0, 1.0, 3.0])


def values(y, *inputs):
    """Return the value and the gradients of the sum of a result."""
    y.sum().backward()
    return y.numpy(), *[x.grad.numpy() for x in inputs]


# ---------------------------------------------------------------------- rows that are ignored

OPTIONS = {
    "plain": {},
    "smoothed": {"label_smoothing": 0.2},
    "weighted": {"weight": CLASS_WEIGHT},
    "weighted and smoothed": {"weight": CLASS_WEIGHT, "label_smoothing": 0.2},
    "all smoothed away": {"label_smoothing": 1.0},
}


def ignoring(bad, ignore_index):
    logits, labels = np.insert(LOGITS, [1, 4], bad, axis=0), np.insert(LABELS, [1, 4], ignore_index)
    return logits, labels, labels != ignore_index


@pytest.mark.parametrize("ignore_index", [-100, -1, 7])
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", OPTIONS)
def test_a_row_that_is_ignored_counts_nothing_whatever_stands_there(name, reduction, bad, ignore_index):
    logits, labels, kept = ignoring(bad, ignore_index)
    x, good = leaf(logits), leaf(LOGITS)
    options = OPTIONS[name] | {"reduction": reduction}
    found, g = values(F.cross_entropy(x, labels, ignore_index=ignore_index, **options), x)
    expected, expected_g = values(F.cross_entropy(good, LABELS, **options), good)
    if reduction == "none":
        assert (found[~kept] == 0).all()
        found = found[kept]
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    np.testing.assert_array_equal(g[~kept], 0)
    np.testing.assert_allclose(g[kept], expected_g, rtol=1e-13, atol=1e-16)


def test_an_ignored_class_is_not_a_class_of_the_others(special):
    x = leaf(LOGITS)
    found, g = values(F.cross_entropy(x, LABELS, ignore_index=2), x)
    kept = LABELS != 2
    expected = -special.log_softmax(LOGITS, axis=1)[kept, LABELS[kept]].mean()
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert (g[~kept] == 0).all()


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("weight", [None, CLASS_WEIGHT])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_nll_loss_ignores_rows_as_well(reduction, weight, bad):
    logs, labels, kept = ignoring(bad, -100)
    x, good = leaf(logs), leaf(LOGITS)
    found, g = values(F.nll_loss(x, labels, weight, reduction=reduction), x)
    expected, expected_g = values(F.nll_loss(good, LABELS, weight, reduction=reduction), good)
    np.testing.assert_allclose(found[kept] if reduction == "none" else found, expected, rtol=1e-14)
    np.testing.assert_allclose(g[kept], expected_g, rtol=1e-14)
    np.testing.assert_array_equal(g[~kept], 0)


@pytest.mark.parametrize("options", OPTIONS.values())
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_without_anything_to_count_the_loss_and_the_gradient_are_those_of_pytorch(torch, reduction, options):
    theirs = {k: torch.tensor(v) if k == "weight" else v for k, v in options.items()} | {"reduction": reduction}
    for labels in (np.full(6, -100), np.zeros(0, int)):
        x = leaf(LOGITS[: len(labels)])
        t = torch.tensor(x.numpy(), requires_grad=True)
        found, g = values(F.cross_entropy(x, labels, reduction=reduction, **options), x)
        expected = torch.nn.functional.cross_entropy(t, torch.tensor(labels), **theirs)
        np.testing.assert_array_equal(found, expected.detach().numpy())
        np.testing.assert_array_equal(g, np.zeros(t.shape))


def test_pixels_are_ignored_one_by_one(special):
    logits, labels = random.normal(size=(2, 3, 4, 5)), random.integers(0, 3, (2, 4, 5))
    labels[0, 1:3], labels[1, 0, 0] = 255, 255
    mask = labels == 255
    x = leaf(np.where(mask[:, None], NAN, logits))
    found, g = values(F.cross_entropy(x, labels.astype(np.uint8), ignore_index=255), x)
    logs = special.log_softmax(logits, axis=1)
    picked = np.take_along_axis(logs, np.where(mask, 0, labels)[:, None], axis=1)[:, 0]
    np.testing.assert_allclose(found, -picked[~mask].mean(), rtol=1e-14)
    assert (g[np.broadcast_to(mask[:, None], g.shape)] == 0).all()
    assert np.isfinite(g).all()


# ---------------------------------------------------------------------- weights and probabilities of 0


def test_a_class_of_weight_0_takes_nothing_from_the_loss(special):
    weight = np.array([1.0, 0.0, 2.0, 1.0])
    logits = LOGITS.copy()
    logits[:, 1] = -INF  # no row may be of that class
    for smoothing in (0.0, 0.3):
        x = leaf(logits)
        found, g = values(F.cross_entropy(x, LABELS, weight, label_smoothing=smoothing, reduction="sum"), x)
        logs = special.log_softmax(logits, axis=1)
        logs[:, 1] = 0.0
        each = -(1 - smoothing) * (weight[LABELS] * logs[np.arange(6), LABELS]) - smoothing / 4 * (weight * logs).sum(1)
        np.testing.assert_allclose(found, each.sum(), rtol=1e-13)
        assert np.isfinite(g).all()


def test_a_probability_of_0_takes_nothing_from_the_loss(special):
    logits = np.array([[1.0, -INF, 2.0], [0.5, 3.0, -INF]])
    target = np.array([[0.25, 0.0, 0.75], [0.5, 0.5, 0.0]])
    x = leaf(logits)
    found, g = values(F.cross_entropy(x, target, reduction="none"), x)
    softmax = special.softmax(logits, axis=1)
    expected = -np.where(target > 0, target * np.log(np.where(target > 0, softmax, 1)), 0).sum(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    np.testing.assert_allclose(g, softmax - target, rtol=1e-13, atol=1e-16)
    assert F.cross_entropy(leaf(logits), np.array([[0.25, 0.5, 0.25], [1.0, 0.0, 0.0]])).item() == INF


@pytest.mark.parametrize(("x", "t"), [(INF, 1.0), (-INF, 0.0), (NAN, 1.0), (5.0, 0.0)])
@pytest.mark.parametrize("loss", ["binary_cross_entropy_with_logits", "binary_cross_entropy"])
def test_a_term_of_weight_0_is_not_looked_at(loss, x, t):
    if loss == "binary_cross_entropy":
        x = {INF: 1.0, -INF: 0.0, 5.0: 0.9}.get(x, x)
    good, t_good = np.array([0.25, 0.75]), np.array([1.0, 0.5])
    y = leaf(np.append(good, x))
    function = getattr(F, loss)
    found, g = values(function(y, np.append(t_good, t), np.array([1.0, 3.0, 0.0]), reduction="sum"), y)
    z = leaf(good)
    expected, expected_g = values(function(z, t_good, np.array([1.0, 3.0]), reduction="sum"), z)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    np.testing.assert_allclose(g, np.append(expected_g, 0.0), rtol=1e-14)


# ---------------------------------------------------------------------- infinite logits


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("pos_weight", [None, 3.0, 0.0])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_an_infinite_logit_of_the_right_sign_costs_nothing(reduction, pos_weight, dtype):
    x = tg.tensor(np.array([INF, -INF, 0.0, 1e30, -1e30], dtype), requires_grad=True)
    target = np.array([1, 0, 0.5, 1, 0], dtype)
    options = {"reduction": reduction, "pos_weight": pos_weight}
    found, g = values(F.binary_cross_entropy_with_logits(x, target, **options), x)
    z = tg.tensor(np.zeros(1, dtype), requires_grad=True)
    half, half_g = values(F.binary_cross_entropy_with_logits(z, [0.5], reduction="sum", pos_weight=pos_weight), z)
    expected = {"mean": half / 5, "sum": half, "none": np.array([0, 0, half, 0, 0])}[reduction]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(g, np.array([0, 0, half_g[0], 0, 0]) / (5 if reduction == "mean" else 1), rtol=1e-6)


@pytest.mark.parametrize(("x", "t"), [(INF, 0.0), (-INF, 1.0), (INF, 0.5), (-INF, 0.5)])
def test_an_infinite_logit_that_is_not_right_costs_infinitely_much(x, t):
    y = leaf(x, 1.0)
    found, g = values(F.binary_cross_entropy_with_logits(y, [t, 1.0], reduction="none"), y)
    assert found[0] == INF
    assert np.isfinite(found[1])
    assert g[0] == (x > 0) - t


def test_second_derivatives_at_infinite_logits_are_0(special):
    target = np.array([1.0, 0.0, 1.0])
    found = tg.hessian(lambda x: F.binary_cross_entropy_with_logits(x, target, reduction="sum"))(
        np.array([INF, -INF, 0.5])
    )
    s = special.expit(0.5)
    np.testing.assert_allclose(found, np.diag([0, 0, s * (1 - s)]), rtol=1e-13)


def test_cross_entropy_takes_infinite_logits_as_limits():
    logits = np.array([[INF, 1.0, 2.0], [-INF, 1.0, 2.0], [-INF, -INF, 0.0]])
    x = leaf(logits)
    found, g = values(F.cross_entropy(x, np.array([0, 2, 2]), reduction="none"), x)
    np.testing.assert_allclose(found, [0.0, np.log1p(np.exp(-1.0)), 0.0], rtol=1e-14)
    p = 1 / (1 + np.e)
    np.testing.assert_allclose(g, [[0, 0, 0], [0, p, -p], [0, 0, 0]], rtol=1e-14)
    assert F.cross_entropy(tg.tensor(logits), np.array([1, 2, 2])).item() == INF
    weighted = F.cross_entropy(tg.tensor(logits), np.array([0, 2, 2]), np.ones(3), reduction="none")
    np.testing.assert_allclose(weighted.numpy(), found, rtol=1e-14)


# ---------------------------------------------------------------------- divergences and counts


def test_kl_div_of_what_is_impossible_on_both_sides_is_0(special):
    p = np.array([0.0, 0.25, 0.75])
    with np.errstate(divide="ignore"):
        x, t = leaf(np.log([0.0, 0.5, 0.5])), leaf(np.log(p))
    expected = special.rel_entr(p, [0.0, 0.5, 0.5])
    for target, log_target in ((p, False), (t, True)):
        x.grad = None
        found, g = values(F.kl_div(x, target, reduction="none", log_target=log_target), x)
        np.testing.assert_allclose(found, expected, rtol=1e-14)
        np.testing.assert_allclose(g, -p, rtol=1e-14)
    assert t.grad.numpy()[0] == 0
    assert F.kl_div(np.array([-INF]), np.array([0.5])).item() == INF


def test_poisson_nll_of_a_rate_of_0_and_a_count_of_0_is_0():
    x = leaf(-INF, 0.0)
    found, g = values(F.poisson_nll_loss(x, [0.0, 2.0], reduction="none"), x)
    np.testing.assert_array_equal(found, [0.0, 1.0])
    np.testing.assert_array_equal(g, [0.0, -1.0])
    found = F.poisson_nll_loss(leaf(0.0, 1.0), [0, 1], log_input=False, eps=0.0, reduction="none")
    np.testing.assert_array_equal(found.numpy(), [0.0, 1.0])


def test_a_drawn_class_that_is_the_right_one_is_left_out_whatever_its_logit():
    class Drawn:
        num_classes = 3

        def sample(self, shape):
            return np.broadcast_to([0, 1], shape)

    weight = leaf(np.array([[1e150], [1e-3], [2.0]]))
    loss = nn.NegativeSamplingLoss(Drawn(), 2)(tg.tensor(np.array([[1e150]])), np.array([0]), weight)
    assert loss.item() == 1e147  # log(1 + exp(1e-3 * 1e150)), and log(1 + exp(-1e300)), which is 0


@pytest.mark.parametrize("sparse", [False, True])
def test_the_padding_row_of_a_table_gets_no_gradient_whatever_arrives(sparse):
    table = leaf(np.ones((3, 2)))
    rows = tg.embedding(np.array([0, 1, 1]), table, padding_idx=0, sparse=sparse)
    (rows * np.array([[INF], [1.0], [2.0]])).sum().backward()
    np.testing.assert_array_equal(table.grad.numpy(), [[0, 0], [3, 3], [0, 0]])


def test_a_score_without_bound_has_no_margin_to_itself():
    x = leaf(np.array([[INF, 1.0, 2.0], [0.5, 1.0, -INF]]))
    found, g = values(F.multi_margin_loss(x, np.array([0, 1]), reduction="none"), x)
    np.testing.assert_array_equal(found, [0.0, 0.5 / 3])
    np.testing.assert_allclose(g, [[0, 0, 0], [1 / 3, -1 / 3, 0]])
    weight = np.array([0.0, 1.0, 1.0])
    found, g = values(F.multi_margin_loss(leaf(np.array([[NAN, 1.0, 2.0]])), np.array([0]), weight=weight), x)
    assert found == 0


def test_labels_of_which_the_logits_are_sure_cost_nothing():
    x = leaf(np.array([[INF, -INF, 0.0, NAN]]))
    target, weight = np.array([[1.0, 0.0, 1.0, 1.0]]), np.array([1.0, 2.0, 4.0, 0.0])
    found, g = values(F.multilabel_soft_margin_loss(x, target, weight), x)
    np.testing.assert_allclose(found, np.log(2), rtol=1e-14)
    np.testing.assert_allclose(g, [[0, 0, -0.5, 0]], rtol=1e-14)


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_angles_do_not_depend_on_lengths(size):
    a, b = np.array([[3.0, 4.0], [1.0, 0.0]]), np.array([[4.0, 3.0], [0.0, 2.0]])
    for function in (F.cosine_embedding_loss, lambda x, y, _: F.cosine_similarity(x, y)):
        scale = max(size, 1e3) if function is F.cosine_embedding_loss else max(size, 1e-5)  # beyond what eps counts
        x, y = (tg.tensor((v * scale).astype(np.float32)) for v in (a, b))
        found = function(x, y, np.array([1, -1]))
        expected = [0.96, 0.0] if found.ndim else 0.02
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-7)


# ---------------------------------------------------------------------- targets outside their range

BINARY = ["binary_cross_entropy", "binary_cross_entropy_with_logits"]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, np.int8])
@pytest.mark.parametrize("loss", BINARY)
def test_targets_of_yes_or_no_lie_between_0_and_1(loss, dtype):
    function, module = getattr(F, loss), {BINARY[0]: nn.BCELoss, BINARY[1]: nn.BCEWithLogitsLoss}[loss]()
    x = tg.tensor(np.array([0.25, 0.5, 0.75]), requires_grad=True)
    for target in ([0, 2, 1], [0, -1, 1], [-3, 0, 1], [0, 0, 100]):
        for given in (np.array(target, dtype), tg.tensor(np.array(target, dtype)), np.array(target, dtype)[::-1]):
            for call in (function, module):
                with pytest.raises(
                    ValueError, match=f"{loss}: target must be from 0 to 1, and goes from .* use cross_"
                ):
                    call(x, given)
    with pytest.raises(ValueError, match=r"for the labels -1 and 1 use \(target \+ 1\) / 2"):
        function(x, np.array([-1, 1, 1], dtype))
    for target in ([0, 1, 1], [0, 0, 0], [1, 1, 1]):
        function(x, np.array(target, dtype))


@pytest.mark.parametrize("loss", BINARY)
def test_soft_targets_stay_allowed(loss):
    function = getattr(F, loss)
    for dtype in (np.float16, np.float32, np.float64):
        x = tg.tensor(np.array([0.25, 0.5, 0.75], dtype))
        third = dtype(1) / dtype(3)
        for target in ([0.0, 0.5, 1.0], [-0.0, third + third + third, 1 + np.finfo(dtype).eps], [1e-7, 0.999, 0.3]):
            assert np.isfinite(function(x, np.array(target, dtype)).item())
        with pytest.raises(ValueError, match="scale it"):
            function(x, np.array([0.5, 1.01, 0.0], dtype))
        with pytest.raises(ValueError, match="scale it"):
            function(x, np.array([0.5, -0.001, 0.0], dtype))
    assert np.isfinite(function(x, [0, 1, 1]).item())
    assert np.isfinite(function(x, [True, False, True]).item())
    assert np.isnan(function(x, np.array([0.5, NAN, 0.0])).item())
    assert np.isnan(function(tg.zeros(0), np.zeros(0)).item())


def test_probabilities_of_classes_lie_between_0_and_1():
    for target in ([[0.5, -0.5], [0, 1]], [[0.5, 1.5], [0, 1]], [[-1.0, 2.0], [0, 1]]):
        with pytest.raises(ValueError, match=r"cross_entropy: target must be from 0 to 1.*divide by their sum"):
            F.cross_entropy(np.zeros((2, 2)), np.array(target))


def test_a_distribution_has_no_negative_probabilities_and_counts_are_not_negative():
    with pytest.raises(ValueError, match=r"kl_div: target must not be negative.* -0.5; .*log_target=True"):
        F.kl_div(np.zeros(2), np.array([1.0, -0.5]))
    with pytest.raises(ValueError, match=r"log_target=True"):
        nn.KLDivLoss()(np.zeros(2), np.log([0.5, 0.5]))
    with pytest.raises(ValueError, match=r"poisson_nll_loss: target must not be negative.* -1; it holds counts"):
        nn.PoissonNLLLoss()(np.zeros(2), np.array([1, -1]))


@pytest.mark.parametrize("target", [["cat", "dog"], np.array(["cat", "dog"]), np.array(["1", "0"]), [b"a", b"b"]])
@pytest.mark.parametrize(
    "loss",
    [
        *("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "kl_div", "poisson_nll_loss", "hinge_loss"),
        *("hinge_embedding_loss", "multilabel_soft_margin_loss", *BINARY),
    ],
)
def test_strings_are_no_targets(loss, target):
    for x in (np.full(2, 0.5), [0.5, 0.5], tg.tensor([0.5, 0.5])):
        with pytest.raises(TypeError, match=rf"{loss}: target holds strings; .*np.unique\(target"):
            getattr(F, loss)(x, target)


@pytest.mark.parametrize("loss", ["cross_entropy", "nll_loss", "hinge_loss"])
def test_strings_are_no_classes(loss):
    with pytest.raises(TypeError, match=rf"{loss}: target holds strings; .*np.unique\(target"):
        getattr(F, loss)(np.zeros((2, 3)), ["cat", "dog"])


def test_objects_are_no_targets():
    for loss in (F.mse_loss, F.binary_cross_entropy_with_logits):
        with pytest.raises(TypeError, match=r"target must be numeric, and is object; use target.astype\(float\)"):
            loss(np.zeros(2), np.array([0, 1], object))


def test_labels_of_several_classes_lie_between_0_and_1():
    for target in ([[2.0, 0.0]], [[-1.0, 0.0]]):
        with pytest.raises(ValueError, match=r"multilabel_soft_margin_loss: target must be from 0 to 1"):
            F.multilabel_soft_margin_loss(np.zeros((1, 2)), np.array(target))


def test_labels_of_the_hinge_loss_are_minus_1_and_1():
    for target in ([0, 1], [True, True], [0.5, 1.0], [-1, 2]):
        with pytest.raises(ValueError, match=r"hinge_loss: target must be -1 or 1"):
            F.hinge_loss(np.zeros(2), np.array(target))
