"""Tools for tests: gradient checks and sample inputs for every operation."""

from .gradcheck import gradcheck
from .report import GradientCheckError, Report
