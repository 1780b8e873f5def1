"""`tg.onnx`: models as files of ONNX, which onnxruntime and many other tools read, and back."""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..foreign_names import missing
from .errors import ExportError, LoadError

__all__ = ["ExportError", "LoadError", "OnnxModule", "export", "load"]

if TYPE_CHECKING:
    from .exporting import export
    from .loading import OnnxModule, load
else:
    WHERE = {"export": "exporting", "load": "loading", "OnnxModule": "loading"}

    def __getattr__(name):
        """Import what needs the package onnx when it is first used: all else of the library works without it."""
        if name not in WHERE:
            raise missing("tg.onnx", name)
        if find_spec("onnx") is None:
            raise ImportError(f"tg.onnx.{name} needs the package onnx: pip install onnx")
        found = getattr(import_module("." + WHERE[name], __name__), name)
        sys.modules[__name__.partition(".")[0]]._hide_frames()
        return found


def __dir__() -> list[str]:
    return __all__
