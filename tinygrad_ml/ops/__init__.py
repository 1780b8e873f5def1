"""The table of operations, one file per family; every name here is NumPy's where NumPy has the function."""

from types import ModuleType as _ModuleType

from . import numpy_protocol
from .activation import *
from .complex_numbers import *
from .composed import *
from .conv import *
from .create import *
from .cumulative import *
from .einsum import *
from .elementwise import *
from .embedding import *
from .exponential import *
from .index import *
from .join import *
from .linear import *
from .logic import *
from .losses import *
from .normalize import *
from .pool import *
from .products import *
from .recurrent import *
from .reduce import *
from .rounding import *
from .shape import *
from .special import *
from .statistics import *
from .tensor_methods import *
from .trigonometric import *

# What `from tinygrad_ml.ops import *` gives: the functions, and not the files that they come from.
__all__ = [name for name, value in list(globals().items()) if name[0] != "_" and not isinstance(value, _ModuleType)]
