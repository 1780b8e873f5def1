"""Optimizers and gradient clipping, with PyTorch's arguments and numbers."""

from typing import TYPE_CHECKING

from ..foreign_names import module_getattr, take_foreign_names
from . import lr_scheduler
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .clip import clip_grad_norm_, clip_grad_value_
from .lbfgs import LBFGS
from .minimize import minimize
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = [
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "LBFGS",
    "Optimizer",
    "RMSprop",
    "SGD",
    "clip_grad_norm_",
    "clip_grad_value_",
    "lr_scheduler",
    "minimize",
]

if not TYPE_CHECKING:  # which knows what there is
    take_foreign_names(globals(), __all__)
    __getattr__ = module_getattr("tg.optim")
