"""What the examples in docstrings may use without importing it."""

from importlib.util import find_spec

import numpy as np
import pytest

import tinygrad_ml as tg

# this room cannot be imported without the package that it writes for
collect_ignore_glob = [] if find_spec("onnx") else ["tinygrad_ml/onnx/*"]


@pytest.fixture(autouse=True)
def _names_in_docstrings(doctest_namespace, request):
    doctest_namespace.update(np=np, tg=tg)
    if isinstance(request.node, pytest.DoctestItem) and request.node.name.endswith((".from_torch", ".from_jax")):
        library = request.node.name.rpartition("_")[2]
        doctest_namespace[library] = pytest.importorskip(library)
