"""How far one has to look to read a model: its chain of bases, and the files that a fit passes through."""

import numpy as np
import pytest

from tests.counting import files_of
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


def test_a_fit_by_gradient_steps_passes_through_few_files():
    X = np.random.default_rng(0).normal(size=(8, 2))
    model = models.LinearRegression(solver="sgd", max_iter=1, tol=0.0)  # one epoch, which is not asked to converge
    files = files_of(lambda: model.fit(X, X[:, 0]))
    assert any(file.endswith("models/linear_regression.py") for file in files)
    files -= {"tinygrad_ml/attributes.py"}  # a door: it lets what is known pass
    assert len(files) <= 24, sorted(files)
