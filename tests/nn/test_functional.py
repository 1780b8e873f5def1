"""The functions of nn.functional take PyTorch's arguments in PyTorch's order."""

import inspect

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import nn
from tinygrad_ml.nn import functional as F

random = np.random.default_rng(0)
X, IMAGES, SIGNALS = random.normal(size=(5, 4)), random.normal(size=(2, 4, 7, 6)), random.normal(size=(2, 4, 9))
UNIT = random.uniform(0.05, 0.95, (5, 4))
SIGNS = random.choice([-1.0, 1.0], (5, 4))
LABELS = np.array([0, 3, 1, 1, 2])


def weights(*shape):
    return np.random.default_rng(1).uniform(0.5, 1.5, shape)


# name, positional arguments
CALLS = [
    ("linear", X, weights(3, 4), weights(3)),
    ("conv1d", SIGNALS, weights(6, 2, 3), weights(6), 2, 1, 1, 2),
    ("conv2d", IMAGES, weights(6, 2, 3, 2), weights(6), 2, 1, 1, 2),
    ("conv_transpose1d", SIGNALS, weights(4, 3, 3), weights(6), 2, 1, 1, 2, 1),
    ("conv_transpose2d", IMAGES, weights(4, 3, 3, 2), weights(6), 2, 1, 1, 2, 1),
    ("bilinear", X, UNIT, weights(3, 4, 4), weights(3)),
    ("group_norm", IMAGES, 2, weights(4), weights(4), 1e-3),
    ("rms_norm", X, (4,), weights(4), 1e-3),
    ("instance_norm", IMAGES, weights(4), weights(4), weights(4), weights(4), True, 0.1, 1e-3),
    ("instance_norm", IMAGES, weights(4), weights(4), weights(4), weights(4), False, 0.1, 1e-3),
    ("dropout1d", SIGNALS, 0.5, False),
    ("alpha_dropout", X, 0.5, False),
    ("max_pool1d", SIGNALS, 3, 2, 1, 2, True),
    ("max_pool2d", IMAGES, 3, 2, 1, 2, True),
    ("avg_pool1d", SIGNALS, 3, 2, 1, True, False),
    ("avg_pool2d", IMAGES, 3, 2, 1, True, False),
    ("avg_pool2d", IMAGES, 3, 2, 1, True, False, 5),
    ("max_unpool1d", np.array([[[3.0, 4.0]]]), np.array([[[1, 2]]]), 3, 2, 1),
    ("max_unpool2d", np.array([[[[3.0, 4.0]]]]), np.array([[[[5, 2]]]]), 2),
    ("adaptive_max_pool1d", SIGNALS, 4),
    ("adaptive_max_pool2d", IMAGES, (3, None)),
    ("lp_pool1d", SIGNALS, 2.0, 3, 2, True),
    ("lp_pool2d", IMAGES, 2.0, 3, 2, True),
    ("interpolate", IMAGES, (9, 3), None, "bilinear", True),
    ("interpolate", SIGNALS, None, 1.7, "linear"),
    ("adaptive_avg_pool1d", SIGNALS, 4),
    ("adaptive_avg_pool2d", IMAGES, (3, None)),
    ("layer_norm", X, (4,), weights(4), weights(4), 1e-3),
    ("batch_norm", X, weights(4), weights(4), weights(4), weights(4), False, 0.1, 1e-3),
    ("batch_norm", X, None, None, weights(4), weights(4), True, 0.1, 1e-3),
    ("embedding", LABELS, weights(4, 3), 1),
    ("scaled_dot_product_attention", IMAGES, IMAGES, IMAGES, weights(7, 7), 0.0, False),
    ("dropout", X, 0.5, False),
    ("dropout2d", IMAGES, 0.5, False),
    ("relu", X),
    ("relu6", X),
    ("leaky_relu", X, 0.2),
    ("elu", X, 0.3),
    ("selu", X),
    ("gelu", X),
    ("silu", X),
    ("mish", X),
    ("softplus", X, 2.0, 1.0),
    ("softsign", X),
    ("hardtanh", X, -0.5, 0.7),
    ("logsigmoid", X),
    ("sigmoid", X),
    ("tanh", X),
    ("softmax", X, 0),
    ("log_softmax", X, 1),
    ("one_hot", LABELS, 5),
    ("mse_loss", X, UNIT),
    ("l1_loss", X, UNIT),
    ("huber_loss", X, UNIT),
    ("smooth_l1_loss", X, UNIT),
    ("binary_cross_entropy", UNIT, UNIT[::-1].copy(), weights(4)),
    ("binary_cross_entropy_with_logits", X, UNIT, weights(4)),
    ("cross_entropy", X, LABELS, weights(4)),
    ("nll_loss", X, LABELS, weights(4)),
    ("kl_div", X, UNIT),
    ("poisson_nll_loss", UNIT, 3 * UNIT, False, True),
    ("gaussian_nll_loss", X, UNIT, UNIT, True),
    ("margin_ranking_loss", X, UNIT, SIGNS, 0.3),
    ("hinge_embedding_loss", X, SIGNS, 0.3),
    ("cosine_embedding_loss", X, UNIT, SIGNS[:, 0], 0.3),
    ("triplet_margin_loss", X, UNIT, X[::-1].copy(), 2.0, 3.0, 1e-3, True),
    ("multi_margin_loss", X, LABELS, 2, 0.7, weights(4)),
    ("multilabel_soft_margin_loss", X, (UNIT > 0.5) * 1.0, weights(4)),
    ("prelu", X, weights(4)),
    ("hardsigmoid", X),
    ("hardswish", X),
    ("threshold", X, 0.2, 3.0),
    ("glu", X, 1),
    ("softmin", X, 0),
    ("cosine_similarity", X, UNIT, 0, 1e-3),
    ("pairwise_distance", X, UNIT, 3.0, 0.1, True),
    ("normalize", X, 3.0, 0, 1e-3),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0])
@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
def test_positional_arguments_mean_what_they_mean_in_pytorch(call, torch):
    name, *arguments = call
    ours = getattr(F, name)(*[tg.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments])
    theirs = getattr(torch.nn.functional, name)(
        *[torch.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments]
    )
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-10, atol=1e-12)


def test_every_function_is_called_here_but_our_own():
    assert set(F.__all__) - {name for name, *_ in CALLS} == {"flatten", "hinge_loss"}


@pytest.mark.parametrize("where", [nn, F, nn.init], ids=["nn", "functional", "init"])
def test_everything_public_is_documented_with_an_example(where):
    for name, thing in vars(where).items():
        if callable(thing) and name[0] != "_" and name != "default_generator" and "tinygrad_ml" in thing.__module__:
            assert ">>>" in (inspect.getdoc(thing) or ""), f"{name} needs an example"
