"""Data for training: parts that share no row, and batches in an order that a seed decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..foreign_names import module_getattr, take_foreign_names
from .loader import DataLoader
from .parts import split

__all__ = ["DataLoader", "split"]

if not TYPE_CHECKING:  # which knows what there is
    take_foreign_names(globals(), __all__)
    __getattr__ = module_getattr("tg.data")
