"""Data for training: parts that share no row, batches in an order that a seed decides, and a look before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..foreign_names import module_getattr, take_foreign_names
from .correlations import Correlation, correlation
from .loader import DataLoader
from .parts import split
from .reports import Report, report

__all__ = ["Correlation", "DataLoader", "Report", "correlation", "report", "split"]

if not TYPE_CHECKING:  # which knows what there is
    take_foreign_names(globals(), __all__)
    __getattr__ = module_getattr("tg.data")
