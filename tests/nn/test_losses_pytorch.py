"""Every loss equals PyTorch's, values and gradients of input and target, over a grid of options."""

import itertools

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.nn import functional as F
from tinygrad_ml.testing import gradcheck

torch = pytest.importorskip("torch")

REDUCTIONS = ("mean", "sum", "none")
SHAPE = (5, 4)
random = np.random.default_rng(0)
X, Y = random.normal(size=SHAPE) * 2, random.normal(size=SHAPE) * 2
P, Q = random.uniform(0.05, 0.95, SHAPE), random.uniform(0.05, 0.95, SHAPE)
COUNTS = random.poisson(2.0, SHAPE).astype(float)
W4 = random.uniform(0.2, 2.0, 4)
DISTRIBUTION = Q / Q.sum(1, keepdims=True)
LABELS = np.array([0, 3, 1, 1, 2])
SIGNS = np.array([1.0, -1.0, -1.0, 1.0, -1.0])
EITHER = (Q > 0.5) * 1.0
IGNORED = np.array([0, 3, -100, 1, -100])


def options(**choices):
    return [dict(zip(choices, values)) for values in itertools.product(*choices.values())]


# name, options, inputs, which of them have a gradient
LOSSES = [
    ("MSELoss", {}, (X, Y), (0, 1)),
    ("L1Loss", {}, (X, Y), (0, 1)),
    *[("HuberLoss", o, (X, Y), (0, 1)) for o in options(delta=[0.3, 1.0, 5.0])],
    *[("SmoothL1Loss", o, (X, Y), (0, 1)) for o in options(beta=[0.0, 0.3, 1.0])],
    *[("BCELoss", o, (P, Q), (0, 1)) for o in options(weight=[None, W4])],
    *[("BCEWithLogitsLoss", o, (X, Q), (0, 1)) for o in options(weight=[None, W4], pos_weight=[None, W4 * 2])],
    *[
        ("CrossEntropyLoss", o, (x, y), (0,))
        for o in options(weight=[None, W4], label_smoothing=[0.0, 0.2], ignore_index=[-100, 1])
        for x, y in [(X, LABELS), (X, IGNORED), (X[0], LABELS[1]), (X.reshape(1, 5, 4).swapaxes(1, 2), LABELS[None])]
        if y is not IGNORED or o["ignore_index"] == -100
    ],
    *[
        ("CrossEntropyLoss", o, (X, DISTRIBUTION), (0, 1))
        for o in options(weight=[None, W4], label_smoothing=[0.0, 0.2])
    ],
    *[
        ("NLLLoss", o, (x, y), (0,))
        for o in options(weight=[None, W4], ignore_index=[-100, 1])
        for x, y in [(X, LABELS), (X, IGNORED), (X.reshape(1, 5, 4).swapaxes(1, 2), LABELS[None])]
        if y is not IGNORED or o["ignore_index"] == -100
    ],
    ("KLDivLoss", {}, (np.log(P), Q), (0, 1)),
    ("KLDivLoss", {}, (np.log(P), (Q > 0.5) * 1.0), (0,)),
    ("KLDivLoss", {"log_target": True}, (np.log(P), np.log(Q)), (0, 1)),
    *[
        ("PoissonNLLLoss", o, (P, COUNTS), (0,))
        for o in options(log_input=[True, False], full=[True, False], eps=[1e-8, 0.1])
    ],
    *[
        ("GaussianNLLLoss", o, (X, Y, v), (0, 1, 2))
        for o in options(full=[True, False], eps=[1e-6, 0.5])
        for v in (P, P[:, :1], P[:, 0])
    ],
    *[("MarginRankingLoss", o, (X[:, 0], Y[:, 0], SIGNS), (0, 1)) for o in options(margin=[0.0, 0.7])],
    ("MarginRankingLoss", {}, (X, Y, SIGNS[:, None]), (0, 1)),
    *[("HingeEmbeddingLoss", o, (X[:, 0], SIGNS), (0,)) for o in options(margin=[1.0, 0.3])],
    *[("CosineEmbeddingLoss", o, (X, Y, SIGNS), (0, 1)) for o in options(margin=[0.0, -0.3])],
    ("CosineEmbeddingLoss", {}, (X[0], Y[0], SIGNS[0]), (0, 1)),
    *[
        ("TripletMarginLoss", o, (X, Y, X[::-1] * 0.7), (0, 1, 2))
        for o in options(margin=[1.0, 3.0], p=[2.0, 1.0, 3.0], swap=[False, True], eps=[1e-6, 0.1])
    ],
    ("TripletMarginLoss", {"margin": 4.0}, (X[0], Y[0], X[1]), (0, 1, 2)),
    *[
        ("MultiMarginLoss", o, (x, y), (0,))
        for o in options(p=[1, 2], margin=[1.0, 2.5], weight=[None, W4])
        for x, y in [(X, LABELS), (X[0], LABELS[1])]
    ],
    *[
        ("MultiLabelSoftMarginLoss", o, (x, t), (0,))
        for o in options(weight=[None, W4])
        for x, t in [(X, EITHER), (X[0], EITHER[0])]
    ],
]
NAMES = list(dict.fromkeys(loss[0] for loss in LOSSES))


def cases(name):
    for loss, given, arrays, wanted in LOSSES:
        if loss == name:
            for how in (*REDUCTIONS, *(["batchmean"] if name == "KLDivLoss" else [])):
                yield given, arrays, wanted, how


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
def test_values_and_gradients_equal_those_of_pytorch(name):
    for given, arrays, wanted, how in cases(name):
        theirs_given = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in given.items()}
        xs = [tg.tensor(a, requires_grad=k in wanted) for k, a in enumerate(arrays)]
        ts = [torch.tensor(a, requires_grad=k in wanted) for k, a in enumerate(arrays)]
        out = getattr(nn, name)(reduction=how, **given)(*xs)
        expected = getattr(torch.nn, name)(reduction=how, **theirs_given)(*ts)
        what = f"{name} {given} {how} {[np.shape(a) for a in arrays]}"
        assert out.shape == tuple(expected.shape), what
        np.testing.assert_allclose(out.numpy(), expected.detach().numpy(), rtol=1e-10, atol=1e-10, err_msg=what)
        weights = np.random.default_rng(1).normal(size=out.shape)
        (out * weights).sum().backward()
        (expected * torch.tensor(weights)).sum().backward()
        for k in wanted:
            np.testing.assert_allclose(xs[k].grad.numpy(), ts[k].grad.numpy(), rtol=1e-10, atol=1e-10, err_msg=what)


@pytest.mark.parametrize("name", NAMES)
def test_losses_are_differentiable_twice(name):
    for given, arrays, wanted, how in list(cases(name))[::4]:
        loss = getattr(nn, name)(reduction=how, **given)
        if given.get("eps") == 0.5:  # the gradient of a variance below eps is by definition not that of the value
            continue
        inputs = tuple(tg.tensor(a, requires_grad=k in wanted) for k, a in enumerate(arrays))
        gradcheck(lambda *xs, loss=loss: loss(*xs), inputs, order=2, mode="random")


@pytest.mark.parametrize("name", NAMES)
def test_float32_stays_float32(name):
    for given, arrays, _, how in cases(name):
        xs = [tg.tensor(np.asarray(a, np.float32 if np.asarray(a).dtype.kind == "f" else None)) for a in arrays]
        xs[0].requires_grad_()
        out = getattr(nn, name)(reduction=how, **given)(*xs)
        out.sum().backward()
        assert out.dtype == xs[0].grad.dtype == np.float32, f"{name} {given} {how}"


def test_the_weights_of_a_loss_are_part_of_its_state_as_in_pytorch():
    ours, theirs = nn.CrossEntropyLoss(W4), torch.nn.CrossEntropyLoss(torch.tensor(W4))
    assert list(ours.state_dict()) == list(theirs.state_dict()) == ["weight"]
    assert not list(ours.parameters())


def test_binary_cross_entropy_is_bounded_at_impossible_events():
    x = tg.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    t = torch.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    target = np.array([1, 0, 0, 1], np.float32)
    out, theirs = nn.BCELoss(reduction="none")(x, target), torch.nn.BCELoss(reduction="none")(t, torch.tensor(target))
    np.testing.assert_array_equal(out.numpy(), theirs.detach().numpy())
    out.sum().backward()
    theirs.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy())


def test_the_cross_entropy_of_nothing_but_ignored_targets_is_nan_and_has_no_warning():
    for how in ("mean", "sum"):
        out = F.cross_entropy(tg.zeros(2, 3), np.array([-100, -100]), reduction=how)
        assert np.isnan(out.item()) if how == "mean" else out.item() == 0


@pytest.mark.parametrize("classes", [2, 4])
def test_the_hinge_loss_of_classes_is_that_of_scikit_learn(classes):
    metrics = pytest.importorskip("sklearn.metrics")
    scores, labels = random.normal(size=(20, classes)), np.arange(20) % classes
    expected = metrics.hinge_loss(labels, scores if classes > 2 else scores[:, 1] - scores[:, 0])
    np.testing.assert_allclose(nn.HingeLoss()(scores, labels).item(), expected, rtol=1e-12)


def test_the_hinge_loss_of_decisions_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    scores, signs = random.normal(size=20) * 2, np.where(np.arange(20) % 3, 1, -1)
    np.testing.assert_allclose(nn.HingeLoss()(scores, signs).item(), metrics.hinge_loss(signs, scores), rtol=1e-12)
    gradcheck(lambda x: nn.HingeLoss(reduction="sum")(x, signs), scores)
    gradcheck(lambda x: nn.HingeLoss(margin=0.5)(x, LABELS), X)


@pytest.mark.parametrize(
    ("loss", "inputs", "error", "message"),
    [
        (nn.L1Loss(), (X, Y[:, :1]), ValueError, r"l1_loss: input has shape \(5, 4\) and target \(5, 1\)"),
        (nn.BCELoss(), (X, P), ValueError, "probabilities from 0 to 1, and goes from"),
        (nn.HingeLoss(), (X[0], np.array([0, 1, 0, 1])), ValueError, "must be -1 or 1; for 0 and 1"),
        (nn.HingeLoss(), (X, np.array([0.0, 1, 0, 1, 0])), TypeError, r"astype\(int\)"),
        (nn.NLLLoss(), (X, np.array([0, 1, 0, 1, 4])), IndexError, "nll_loss: target holds class 4"),
        (nn.CrossEntropyLoss(np.ones(3)), (X, LABELS), ValueError, r"weight must have shape \(4,\), not \(3,\)"),
        (nn.GaussianNLLLoss(), (X, Y, -P), ValueError, "negative variance"),
        (nn.GaussianNLLLoss(), (X, Y, P[:, :2]), ValueError, r"var has \(5, 2\)"),
    ],
)
def test_wrong_inputs_are_explained(loss, inputs, error, message):
    with pytest.raises(error, match=message):
        loss(*inputs)


def test_wrong_options_are_explained():
    with pytest.raises(ValueError, match="'mean', 'batchmean', 'sum' or 'none', not 'average'"):
        nn.KLDivLoss(reduction="average")
    with pytest.raises(ValueError, match="delta must be positive"):
        nn.HuberLoss(delta=0.0)
    with pytest.raises(ValueError, match="label_smoothing"):
        nn.CrossEntropyLoss(label_smoothing=1.5)


@pytest.mark.parametrize(
    ("function", "arrays", "message"),
    [
        (F.margin_ranking_loss, (X, Y, SIGNS), r"inputs have shape \(5, 4\) and target \(5,\)"),
        (F.margin_ranking_loss, (X, Y, EITHER), "target must hold 1 and -1 alone; for 1 and 0 use 2 \\* target - 1"),
        (F.hinge_embedding_loss, (X, SIGNS), r"input has shape \(5, 4\) and target \(5,\); they must be equal"),
        (F.cosine_embedding_loss, (X, Y, SIGNS[:, None]), r"they must be \(batch, features\) and \(batch,\)"),
        (F.triplet_margin_loss, (X, Y, X[0]), "must have the same number of axes"),
        (F.triplet_margin_loss, (X, Y[:, :3], X), r"x1 has shape \(5, 4\) and x2 \(5, 3\); they must broadcast"),
        (F.multi_margin_loss, (X, LABELS[:2]), r"input has shape \(5, 4\) and target \(2,\)"),
        (F.multilabel_soft_margin_loss, (X, X[0]), "they must be equal"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_wrong_shape_or_target_of_a_margin_loss_is_explained(function, arrays, message):
    with pytest.raises(ValueError, match=message):
        function(*map(tg.tensor, arrays))
