"""How far one has to look to read a model: its chain of bases, and the files that a fit passes through."""

import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml import models

MODELS = [getattr(models, name) for name in models.__all__]


@pytest.mark.parametrize("Model", MODELS)
def test_a_model_has_at_most_four_bases_among_the_models(Model):
    bases = [base for base in Model.__mro__[1:] if base.__module__.startswith("tinygrad_ml.models")]
    assert len(bases) <= 4, bases


def test_the_face_names_the_models_and_nothing_else():
    public = {name for name, thing in vars(models).items() if isinstance(thing, type)}
    assert public == set(models.__all__)
    assert all(Model.__doc__ for Model in MODELS)


def files_of(function):
    """Return the files of the library whose functions a call of `function` calls."""
    root, found = Path(tg.__file__).parents[1], set()

    def profile(frame, event, argument):
        path = Path(frame.f_code.co_filename)
        if event == "call" and any(path.is_relative_to(root / room) for room in ("tinygrad_ml", "models")):
            found.add(path.relative_to(root).as_posix())

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(before)
    return found


def test_a_fit_by_gradient_steps_passes_through_few_files():
    X = np.random.default_rng(0).normal(size=(8, 2))
    model = models.LinearRegression(solver="sgd", max_iter=1, tol=0.0)  # one epoch, which is not asked to converge
    files = files_of(lambda: model.fit(X, X[:, 0]))
    assert any(file.endswith("models/linear_regression.py") for file in files)
    assert len(files) <= 24, sorted(files)
