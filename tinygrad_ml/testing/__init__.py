"""Tools for tests: gradient checks of functions, modules and operations."""

from .gradcheck import gradcheck
from .report import GradientCheckError, Report

__all__ = ["gradcheck", "GradientCheckError", "Report"]
