"""Metrics with scikit-learn's names, argument order and results; prediction bias; pictures."""

from typing import TYPE_CHECKING

from ..foreign_names import module_getattr, take_foreign_names
from .bias import PredictionBias, prediction_bias
from .classification import accuracy_score, balanced_accuracy_score, confusion_matrix, hamming_loss
from .curves import auc, choose_threshold, precision_recall_curve, roc_curve
from .inputs import UndefinedMetricWarning
from .pictures import plot_confusion_matrix, plot_precision_recall_curve, plot_roc_curve
from .precision_recall import (
    f1_score,
    false_positive_rate,
    fbeta_score,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
)
from .probability import brier_score_loss, log_loss
from .ranking import average_precision_score, roc_auc_score
from .regression import mean_absolute_error, mean_squared_error, r2_score, root_mean_squared_error
from .report import classification_report

__all__ = [
    # classes
    "accuracy_score",
    "balanced_accuracy_score",
    "hamming_loss",
    "confusion_matrix",
    "precision_score",
    "recall_score",
    "f1_score",
    "fbeta_score",
    "false_positive_rate",
    "precision_recall_fscore_support",
    "classification_report",
    # scores and probabilities
    "roc_curve",
    "roc_auc_score",
    "precision_recall_curve",
    "average_precision_score",
    "auc",
    "choose_threshold",
    "log_loss",
    "brier_score_loss",
    "prediction_bias",
    "PredictionBias",
    # numbers
    "mean_squared_error",
    "root_mean_squared_error",
    "mean_absolute_error",
    "r2_score",
    # pictures
    "plot_confusion_matrix",
    "plot_roc_curve",
    "plot_precision_recall_curve",
    # warnings
    "UndefinedMetricWarning",
]

if not TYPE_CHECKING:  # which knows what there is
    take_foreign_names(globals(), __all__)
    __getattr__ = module_getattr("tg.metrics")
