"""Pictures of models, data and training runs, with matplotlib: each function returns its axes."""

from typing import TYPE_CHECKING

from ..foreign_names import module_getattr
from .boundary import decision_boundary
from .curves import learning_curve
from .images import images
from .judgement import residuals, scores
from .layers import activations, filters
from .surface import loss_surface
from .weights import weights

__all__ = [
    # models
    "decision_boundary",
    "loss_surface",
    "filters",
    "activations",
    "weights",
    # training runs
    "learning_curve",
    # what is predicted
    "scores",
    "residuals",
    # data
    "images",
]

if not TYPE_CHECKING:  # which knows what there is
    __getattr__ = module_getattr("tg.plot")
