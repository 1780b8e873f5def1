"""`tg.onnx`: models as files of ONNX, which onnxruntime and many other tools read, and back."""

try:
    import onnx as _onnx
except ImportError as _error:
    raise ImportError("tg.onnx needs the package onnx: pip install 'tinygrad_ml[onnx]'") from _error

from typing import TYPE_CHECKING

from ..foreign_names import module_getattr
from .errors import ExportError, LoadError
from .exporting import export
from .loading import OnnxModule, load

__all__ = ["ExportError", "LoadError", "OnnxModule", "export", "load"]

if not TYPE_CHECKING:  # which knows what there is
    __getattr__ = module_getattr("tg.onnx")
