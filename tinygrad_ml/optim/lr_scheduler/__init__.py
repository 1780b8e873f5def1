"""Learning rates that change during training, with PyTorch's arguments and numbers.

A scheduler sets `optimizer.param_groups[i]["lr"]`. Call its `step()` after the steps of each epoch (or after each step,
if you count in steps). Several on one optimizer multiply their factors. To go on after an interruption, load the
optimizer's state and the scheduler's (`load_state_dict`), in any order.

Warm-up, then a cosine:

>>> w = tg.zeros(1, requires_grad=True)
>>> optimizer = tg.optim.SGD([w], lr=1.0)
>>> warm_up = tg.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.25, total_iters=3)
>>> cosine = tg.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)
>>> scheduler = tg.optim.lr_scheduler.SequentialLR(optimizer, [warm_up, cosine], milestones=[3])
>>> rates = []
>>> for epoch in range(8):
...     rates += scheduler.get_last_lr()
...     scheduler.step()
>>> np.round(rates, 2).tolist()
[0.25, 0.5, 0.75, 1.0, 0.85, 0.5, 0.15, 0.0]
"""

from typing import TYPE_CHECKING

from ...foreign_names import module_getattr
from .base import LRScheduler
from .decay import ConstantLR, CosineAnnealingLR, ExponentialLR, LambdaLR, LinearLR, MultiStepLR, StepLR
from .one_cycle import OneCycleLR
from .plateau import ReduceLROnPlateau
from .sequential import SequentialLR

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]

if not TYPE_CHECKING:  # which knows what there is
    __getattr__ = module_getattr("tg.optim.lr_scheduler")
