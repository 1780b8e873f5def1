"""What the examples in docstrings may use without importing it."""

import numpy as np
import pytest

import tinygrad_ml as tg


@pytest.fixture(autouse=True)
def _names_in_docstrings(doctest_namespace):
    doctest_namespace.update(np=np, tg=tg)
