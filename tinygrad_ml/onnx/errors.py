"""What goes wrong when a model is written to a file of ONNX, or read from one."""

from __future__ import annotations

__all__ = ["ExportError", "LoadError"]


class ExportError(ValueError):
    """A model, or a part of it, has no form in ONNX; the message says which operation it is, and where."""


class LoadError(ValueError):
    """A file cannot be read, or uses something that there is no counterpart of here."""
