"""The powers and products of features."""

from __future__ import annotations

import math
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np

import tinygrad_ml as tg
from tinygrad_ml import Tensor


class Monomials(NamedTuple):
    """All products of 1 to `degree` features, the short ones first.

    Attributes
    ----------
    terms : the features that each product multiplies: (0, 0, 1) is x0² · x1
    steps : for each degree, the first feature of each product, and the place of the rest among the shorter ones
    """

    terms: list[tuple[int, ...]]
    steps: list[tuple[np.ndarray, np.ndarray]]

    @classmethod
    def of(cls, n_features: int, degree: int) -> Monomials:
        """Return the products of this number of features."""
        # each product of k features is one feature times a product of k - 1, which starts with it or a later one
        terms: list[tuple[int, ...]] = []
        steps: list[tuple[np.ndarray, np.ndarray]] = []
        shorter: dict[tuple[int, ...], int] = {(): 0}
        for k in range(1, degree + 1):
            products = list(combinations_with_replacement(range(n_features), k))
            steps.append((np.array([p[0] for p in products]), np.array([shorter[p[1:]] for p in products])))
            terms += products
            shorter = {p: i for i, p in enumerate(products)}
        return cls(terms, steps)


def number_of_monomials(n_features: int, degree: int) -> int:
    """Return how many products there are."""
    return math.comb(n_features + degree, degree) - 1


def products(x: Tensor, steps: list[tuple[np.ndarray, np.ndarray]]) -> Tensor:
    """Return the products of features (..., features), (..., terms), for the `steps` of `Monomials`."""
    parts = [x]
    for first, rest in steps[1:]:
        parts.append(x[..., first] * parts[-1][..., rest])
    return tg.concatenate(parts, axis=-1)
