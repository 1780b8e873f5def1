"""Optimizers and gradient clipping, with PyTorch's arguments and numbers."""

from .adagrad import Adagrad
from .adam import Adam
from .clip import clip_grad_norm_, clip_grad_value_
from .optimizer import Optimizer
from .sgd import SGD
