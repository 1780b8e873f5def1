"""Training: `fit`, its history, and callbacks that stop, save, and change the learning rate."""

from typing import TYPE_CHECKING

from ..foreign_names import module_getattr
from .callbacks import ClipGradients, EarlyStopping, LearningRate
from .checkpoint import Checkpoint
from .diverged import Diverged
from .history import History
from .loop import fit
from .run import Callback, Run

__all__ = [
    "fit",
    "Run",
    "History",
    "Diverged",
    "Callback",
    "EarlyStopping",
    "Checkpoint",
    "LearningRate",
    "ClipGradients",
]

if not TYPE_CHECKING:  # which knows what there is
    __getattr__ = module_getattr("tg.train")
