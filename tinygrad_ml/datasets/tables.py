"""Tables: houses, passengers, countries, and the small ones of the course's exercises."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np

from .dataset import DESCRIPTIONS, Dataset
from .fetch import fetch


def _pandas(name: str) -> Any:
    try:
        import pandas
    except ImportError:
        raise ImportError(f"tg.datasets.{name} is a frame of pandas: pip install pandas") from None
    return pandas


def _described(frame: Any, name: str) -> Any:
    frame.attrs["description"] = DESCRIPTIONS[name]
    return frame


def california_housing(part: str | None = None) -> Any:
    """Return block groups of California, as a frame of pandas; `median_house_value` is to be predicted.

    Parameters
    ----------
    part : "train" or "test", optional
        The parts of Google's course, 17,000 and 3,000 rows without missing values; by default all 20,640 rows, with
        `ocean_proximity` and 207 missing `total_bedrooms`.

    Returns
    -------
    pandas.DataFrame
        Its `attrs["description"]` says what the columns are.

    Examples
    --------
    >>> tg.datasets.california_housing("test").shape  # doctest: +SKIP
    (3000, 9)
    """
    if part not in (None, "train", "test"):
        raise ValueError(f'california_housing: part is "train", "test", or None for the whole, not {part!r}')
    pandas = _pandas("california_housing")
    name = f"california_housing {part}" if part else "california_housing"
    return _described(pandas.read_csv(fetch(name)), "california_housing")


def titanic(part: str = "train") -> Any:
    """Return passengers of the Titanic, as a frame of pandas; `Survived` is to be predicted.

    Parameters
    ----------
    part : "train" or "test"
        891 passengers, or 418 others without the column `Survived`.

    Examples
    --------
    >>> tg.datasets.titanic()["Survived"].sum()  # doctest: +SKIP
    342
    """
    if part not in ("train", "test"):
        raise ValueError(f'titanic: part is "train" or "test", not {part!r}')
    return _described(_pandas("titanic").read_csv(fetch(f"titanic {part}")), "titanic")


TEXTBOOK_LEAVES_OUT = (0, 1, 6, 8, 33, 34, 35)  # of the countries by their product


def life_satisfaction(countries: str = "all") -> Any:
    """Return product per head and life satisfaction of countries, as a frame of pandas, by ascending product.

    Parameters
    ----------
    countries : "all" or "textbook"
        All 36, or the 29 that the textbook fits its line to.

    Returns
    -------
    pandas.DataFrame
        With the columns `country`, `gdp_per_capita` (US dollars) and `life_satisfaction` (0 to 10).

    Examples
    --------
    >>> tg.datasets.life_satisfaction("textbook").shape  # doctest: +SKIP
    (29, 3)
    """
    if countries not in ("all", "textbook"):
        raise ValueError(f'life_satisfaction: countries is "all" or "textbook", not {countries!r}')
    pandas = _pandas("life_satisfaction")
    with fetch("life_satisfaction index").open(encoding="utf-8-sig", newline="") as file:
        satisfied = {
            row["Country"]: float(row["Value"])
            for row in csv.DictReader(file)
            if row["INEQUALITY"] == "TOT" and row["Indicator"] == "Life satisfaction"
        }
    with fetch("life_satisfaction product").open(encoding="latin-1", newline="") as file:
        product = {
            row["Country"]: float(row["2015"].replace(",", ""))
            for row in csv.DictReader(file, delimiter="\t")
            if row["Country"] in satisfied and row["2015"] not in (None, "n/a")
        }
    rows = sorted((product[name], name, satisfied[name]) for name in product)
    if countries == "textbook":
        rows = [row for k, row in enumerate(rows) if k not in TEXTBOOK_LEAVES_OUT]
    columns = {
        "country": [name for _, name, _ in rows],
        "gdp_per_capita": [p for p, _, _ in rows],
        "life_satisfaction": [s for _, _, s in rows],
    }
    return _described(pandas.DataFrame(columns), "life_satisfaction")


def city_profits() -> Dataset:
    """Return the population of cities, X (97, 1), and the profit of a food truck there, y (97,), both in 10,000.

    Examples
    --------
    >>> tg.datasets.city_profits()  # doctest: +SKIP
    Dataset(X: float64 (97, 1), y: float64 (97,))
    """
    return _exercise("city_profits", 2, np.float64)


def house_prices() -> Dataset:
    """Return size (square feet) and bedrooms of houses, X (47, 2), and their price (dollars), y (47,).

    Examples
    --------
    >>> X, y = tg.datasets.house_prices()  # doctest: +SKIP
    >>> X[0], y[0]  # doctest: +SKIP
    (array([2104.,    3.]), 399900.0)
    """
    return _exercise("house_prices", 3, np.float64)


def exam_scores() -> Dataset:
    """Return two exam scores of applicants, X (100, 2), and whether they were admitted, y (100,) of 0 and 1.

    Examples
    --------
    >>> tg.datasets.exam_scores().y.sum()  # doctest: +SKIP
    60
    """
    return _exercise("exam_scores", 3, np.int64)


def microchips() -> Dataset:
    """Return two test results of microchips, X (118, 2), and whether they were accepted, y (118,) of 0 and 1.

    Examples
    --------
    >>> tg.datasets.microchips()  # doctest: +SKIP
    Dataset(X: float64 (118, 2), y: int64 (118,))
    """
    return _exercise("microchips", 3, np.int64)


def _exercise(name: str, columns: int, dtype: Any) -> Dataset:
    text = fetch(name).read_text(encoding="ascii")
    table = np.loadtxt(io.StringIO(text), delimiter=",", ndmin=2)
    if table.shape[1] != columns:
        raise ValueError(f"{name}: the file has {table.shape[1]} columns, and must have {columns}")
    return Dataset([table[:, :-1].copy(), table[:, -1].astype(dtype)], "X y", DESCRIPTIONS[name])
