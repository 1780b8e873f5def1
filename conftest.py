"""What the examples in docstrings may use without importing it."""

import numpy as np
import pytest

import tinygrad_ml as tg


@pytest.fixture(autouse=True)
def _names_in_docstrings(doctest_namespace, request):
    doctest_namespace.update(np=np, tg=tg)
    if isinstance(request.node, pytest.DoctestItem) and request.node.name.endswith((".from_torch", ".from_jax")):
        library = request.node.name.rpartition("_")[2]
        doctest_namespace[library] = pytest.importorskip(library)
