"""Training: `fit`, its history, and callbacks that stop, save, and change the learning rate."""

from .callbacks import Callback, ClipGradients, EarlyStopping, LearningRate
from .checkpoint import Checkpoint
from .diverged import Diverged
from .history import History
from .run import Run, fit
