"""Training: `fit`, its history, and callbacks that stop, save, log, average, and change the learning rate."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..foreign_names import missing
from .averaging import EMA
from .callbacks import ClipGradients, EarlyStopping, GradientAccumulation, LearningRate
from .checkpoint import Checkpoint
from .diverged import Diverged
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

if TYPE_CHECKING:  # which knows what there is
    from .doctor import Doctor, Finding
else:

    def __getattr__(name: str) -> Any:
        """Import the doctor when it is first used: it draws."""
        if name in ("Doctor", "Finding"):
            return getattr(import_module(".doctor", __name__), name)
        raise missing("tg.train", name)
