"""Real data sets of the course, each one call away, and small ones that are drawn.

    X, y, X_test, y_test = tg.datasets.mnist()
    housing = tg.datasets.california_housing()  # a frame of pandas
    X, y = tg.datasets.make_moons(200, noise=0.1, random_state=0)

A file is looked for in the folder that the environment variable TINYGRAD_ML_DATA names, then in the cache, and is
otherwise downloaded there (`pip install pooch`). Its sha256 is compared always. `.description` of what comes back, or
`tg.datasets.describe(name)`, says where a set is from and under which licence it may be used.
"""

from typing import TYPE_CHECKING

from ..foreign_names import module_getattr, take_foreign_names
from .dataset import Dataset, Text, describe
from .generated import make_circles, make_linear, make_moons, make_sine, make_spirals
from .images import digits, fashion_mnist, mnist
from .mail import sms_spam, spamassassin
from .tables import (
    california_housing,
    city_profits,
    exam_scores,
    house_prices,
    life_satisfaction,
    microchips,
    titanic,
)
from .texts import tiny_shakespeare, wikitext2

__all__ = [
    "Dataset",
    "Text",
    "california_housing",
    "city_profits",
    "describe",
    "digits",
    "exam_scores",
    "fashion_mnist",
    "house_prices",
    "life_satisfaction",
    "make_circles",
    "make_linear",
    "make_moons",
    "make_sine",
    "make_spirals",
    "microchips",
    "mnist",
    "sms_spam",
    "spamassassin",
    "tiny_shakespeare",
    "titanic",
    "wikitext2",
]

if not TYPE_CHECKING:  # which knows what there is
    take_foreign_names(globals(), __all__)
    __getattr__ = module_getattr("tg.datasets")
