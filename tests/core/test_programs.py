"""Random programs against PyTorch: some of them, and what a longer search (`tests/fuzz_programs.py`) has found."""

import os

import numpy as np
import pytest

import tinygrad_ml as tg
from tests.tensors import leaf

pytest.importorskip("torch")
pytest.importorskip("hypothesis")

from tests import fuzz_programs  # which needs both


def test_random_programs_give_what_pytorch_gives():
    assert fuzz_programs.fuzz(programs_at_most=100, first_seed=0) >= 100


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_random_programs_for_a_minute():
    seconds = float(os.environ.get("TINYGRAD_ML_FUZZ_SECONDS", "60"))
    assert fuzz_programs.fuzz(seconds) > 0


def test_a_wrong_rule_would_be_found(monkeypatch):
    row = tg.sigmoid.primitive
    wrong = (lambda g, out: g * out,)
    monkeypatch.setattr(row, "rules", wrong)
    monkeypatch.setattr(row, "every_rule", wrong)
    with pytest.raises(AssertionError, match=r"(gradient|product) of v\d\n"):
        fuzz_programs.fuzz(programs_at_most=500, first_seed=0, shrink=False)


def test_pytorch_is_right_but_for_the_curvature_of_sinc():
    x = leaf(0.0)
    np.testing.assert_allclose(tg.hessian(lambda x: tg.sinc(x).sum())(x.detach()).numpy(), [[-(np.pi**2) / 3]])
