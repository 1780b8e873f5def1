"""Tests of files of ONNX: all are skipped where onnx or onnxruntime is missing."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("onnx") and find_spec("onnxruntime") else ["test_*.py"]
