"""The array API standard: the namespace of Tensors for code that is written for any array library.

`x.__array_namespace__()` returns it. SciPy's and scikit-learn's functions that ask for it compute on Tensors then, and
gradients flow through them. Names, arguments and results are those of the standard's version 2024.12
(https://data-apis.org/array-api/2024.12/); those of `tg` itself are NumPy's, with some more arguments and names.

>>> xp = tg.ones(2).__array_namespace__()
>>> xp.std(xp.asarray([1.0, 2.0, 4.0]), correction=1)
tensor(1.527525)
"""

import math as _math
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from . import creation as _creation
from . import data_types as _data_types
from . import elementwise as _elementwise
from . import fft, linalg, special
from . import manipulation as _manipulation
from . import statistics as _statistics
from .creation import *
from .data_types import *
from .elementwise import *
from .manipulation import *
from .statistics import *

__array_api_version__ = "2024.12"
e, inf, nan, pi, newaxis = _math.e, _math.inf, _math.nan, _math.pi, None
globals().update(_data_types.TYPES)

__all__ = [
    *("__array_api_version__", "e", "inf", "nan", "pi", "newaxis", "fft", "linalg", "special"),
    *_creation.__all__,
    *_data_types.TYPES,
    *_data_types.__all__,
    *_elementwise.__all__,
    *_manipulation.__all__,
    *_statistics.__all__,
]

if _TYPE_CHECKING:

    def __getattr__(name: str) -> _Any: ...  # the functions that are made from the table of operations, and the dtypes
