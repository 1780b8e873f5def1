"""What data sets come back as, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

DESCRIPTIONS: dict[str, str] = {
    "mnist": """\
MNIST: handwritten digits, 60,000 images to learn from and 10,000 to test with, 28 x 28 pixels from 0 to 255, with
their class 0 to 9. Source: Y. LeCun, C. Cortes, C. J. C. Burges, from images of the NIST. Licence: not stated by the
publisher; commonly listed as CC BY-SA 3.0.""",
    "fashion_mnist": """\
Fashion-MNIST: articles of clothing in the form of MNIST. The classes 0 to 9 are T-shirt or top, trouser, pullover,
dress, coat, sandal, shirt, sneaker, bag, ankle boot. Source: H. Xiao, K. Rasul, R. Vollgraf, Zalando Research (2017).
Licence: MIT.""",
    "digits": """\
Digits: 1,797 handwritten digits of 8 x 8 pixels from 0 to 16, as rows of 64, with their class 0 to 9. Source: the test
part of E. Alpaydin, C. Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning Repository (1998), as
scikit-learn carries it. Licence: CC BY 4.0.""",
    "california_housing": """\
California housing: one row for each block group of the census of 1990, with its place, the median age of houses, the
numbers of rooms, bedrooms, people and households, the median income (in 10,000 dollars), the nearness of the ocean and
the median house value (in dollars, cut at 500,001), which is to be predicted. 207 numbers of bedrooms are missing.
Source: R. K. Pace, R. Barry, "Sparse spatial autoregressions" (1997), in the form of A. Geron's handson-ml2 (20,640
rows); the parts "train" (17,000) and "test" (3,000) are those of Google's Machine Learning Crash Course, without
missing values and nearness; "train" is sorted by longitude. Licence: data of the US census, public domain.""",
    "titanic": """\
Titanic: 891 passengers, with class, name, sex, age, relatives aboard, ticket, fare, cabin and port, and whether they
survived; 418 more without that. Missing: 177 ages, 687 cabins, 2 ports. Source: Kaggle's competition "Titanic - Machine
Learning from Disaster", after Encyclopedia Titanica. Licence: rules of the competition; no open licence is stated.""",
    "sms_spam": """\
SMS Spam Collection v.1: 5,574 short messages in English, 747 of them spam. Source: T. A. Almeida, J. M. Gomez Hidalgo,
UCI Machine Learning Repository (2012). Licence: CC BY 4.0.""",
    "spamassassin": """\
SpamAssassin public corpus: raw mails with headers, 2,500 wanted ("easy ham") and 500 spam, of 2002. They are others'
mails with names and addresses, and many are fraud: never show them as HTML, open their links or publish them. Source:
Apache SpamAssassin project (2003-02-28). Licence: the copyright stays with the senders.""",
    "wikitext2": """\
WikiText-2: good articles of Wikipedia as words and marks with spaces between them; rare words are <unk>, headings
stand between = signs. Source: S. Merity and others, Salesforce Research (2016). Licence: CC BY-SA.""",
    "tiny_shakespeare": """\
Tiny Shakespeare: 40,000 lines of W. Shakespeare's plays, 1,115,394 characters. Source: compiled by A. Karpathy (2015).
Licence: public domain.""",
    "life_satisfaction": """\
Life satisfaction: the gross domestic product per head (in US dollars, 2015) and the answer to "how satisfied are you
with your life" (0 to 10) of 36 countries; 29 of them are those of the textbook. Source: OECD Better Life Index 2015,
IMF World Economic Outlook 2016, in the form of A. Geron's handson-ml2. Licence: terms of use of OECD and IMF.""",
    "city_profits": """\
City profits: the population of 97 cities (in 10,000) and the profit of a food truck there (in 10,000 dollars). Source:
exercise data of the course "Machine Learning" by A. Ng, Stanford University (ex1data1). Licence: none stated.""",
    "house_prices": """\
House prices: size (square feet), bedrooms and price (dollars) of 47 houses in Portland. Source: exercise data of the
course "Machine Learning" by A. Ng, Stanford University (ex1data2). Licence: none stated.""",
    "exam_scores": """\
Exam scores: two scores (0 to 100) of 100 applicants, and whether they were admitted. Source: exercise data of the
course "Machine Learning" by A. Ng, Stanford University (ex2data1). Licence: none stated.""",
    "microchips": """\
Microchips: the results of two tests of 118 microchips, and whether they were accepted. Source: exercise data of the
course "Machine Learning" by A. Ng, Stanford University (ex2data2). Licence: none stated.""",
}


def describe(name: str) -> str:
    """Return what a data set is, where it is from, and under which licence.

    Examples
    --------
    >>> print(tg.datasets.describe("exam_scores"))
    Exam scores: two scores (0 to 100) of 100 applicants, and whether they were admitted. Source: exercise data of the
    course "Machine Learning" by A. Ng, Stanford University (ex2data1). Licence: none stated.
    """
    if name not in DESCRIPTIONS:
        raise ValueError(f"there is no data set {name!r}; there are {', '.join(DESCRIPTIONS)}")
    return DESCRIPTIONS[name]


class Dataset(tuple[Any, ...]):
    """Arrays of a data set: a tuple to unpack, whose parts have names, with a description.

    names : the names of the parts: `data.X`, or `data[0]`
    description : what the set is, where it is from, and under which licence

    Examples
    --------
    >>> data = tg.datasets.make_moons(4, random_state=0)
    >>> data
    Dataset(X: float64 (4, 2), y: int64 (4,))
    >>> X, y = data
    >>> X is data.X
    True
    """

    names: tuple[str, ...]
    description: str

    def __new__(cls, parts: Iterable[Any], names: str, description: str) -> Dataset:
        self = super().__new__(cls, parts)
        self.names, self.description = tuple(names.split()), description
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self), " ".join(self.names), self.description

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("names", ()):
            return self[self.names.index(name)]
        parts = ", ".join(self.__dict__.get("names", ()))
        raise AttributeError(f"this Dataset has no part {name!r}; it has {parts}, and a description")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.names]

    def __repr__(self) -> str:
        return f"Dataset({', '.join(f'{name}: {_kind(part)}' for name, part in zip(self.names, self))})"


class Text(str):
    """The text of a data set, a str with a description."""

    description: str = ""


def _kind(part: Any) -> str:
    return f"{part.dtype} {part.shape}" if isinstance(part, np.ndarray) else f"{type(part).__name__} of {len(part)}"
