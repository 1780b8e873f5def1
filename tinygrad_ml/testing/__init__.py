"""Tools for tests: gradient checks of functions, modules and operations."""

from .foreign import from_jax, from_torch
from .gradcheck import gradcheck
from .operation import OperationReport, Sample, check_operation
from .report import GradientCheckError, Report

__all__ = [
    "gradcheck",
    "check_operation",
    "GradientCheckError",
    "OperationReport",
    "Report",
    "Sample",
    "from_jax",
    "from_torch",
]
