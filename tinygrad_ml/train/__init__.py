"""Training: `fit`, its history, and callbacks that stop, save, log, average, and change the learning rate."""

from typing import TYPE_CHECKING

from ..foreign_names import module_getattr
from .averaging import EMA
from .callbacks import ClipGradients, EarlyStopping, GradientAccumulation, LearningRate
from .checkpoint import Checkpoint
from .diverged import Diverged
from .doctor import Doctor, Finding
from .history import History
from .logs import CSVLog, Log, MLflowLog, ModelSummary, TensorBoardLog, WandbLog
from .loop import fit
from .rate_finder import LearningRateFinder
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
    "LearningRateFinder",
    "ClipGradients",
    "GradientAccumulation",
    "EMA",
    "Log",
    "CSVLog",
    "TensorBoardLog",
    "MLflowLog",
    "WandbLog",
    "ModelSummary",
    "Doctor",
    "Finding",
]

if not TYPE_CHECKING:  # which knows what there is
    __getattr__ = module_getattr("tg.train")
