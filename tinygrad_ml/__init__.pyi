"""What type checkers and editors see of the package: the parts that are loaded when first used, too."""

from . import array_api as array_api
from . import autograd as autograd
from . import data as data
from . import datasets as datasets
from . import distributed as distributed
from . import features as features
from . import fft as fft
from . import func as func
from . import graph as graph
from . import linalg as linalg
from . import metrics as metrics
from . import models as models
from . import nn as nn
from . import onnx as onnx
from . import ops as ops
from . import optim as optim
from . import plot as plot
from . import testing as testing
from . import train as train
from .aliases import *  # noqa: F403
from .aliases import bool as bool
from .aliases import float as float
from .aliases import int as int
from .autograd import detect_anomaly as detect_anomaly
from .autograd import enable_grad as enable_grad
from .autograd import is_grad_enabled as is_grad_enabled
from .autograd import no_grad as no_grad
from .compiler import compile as compile
from .graph import draw as draw
from .ops import *  # noqa: F403
from .random import get_rng_state as get_rng_state
from .random import manual_seed as manual_seed
from .random import set_rng_state as set_rng_state
from .serialization import load as load
from .serialization import save as save
from .tensor import LostGradientWarning as LostGradientWarning
from .tensor import Tensor as Tensor
from .tensor import get_default_dtype as get_default_dtype
from .tensor import set_default_dtype as set_default_dtype
from .tensor import tensor as tensor
from .transforms import grad as grad
from .transforms import hessian as hessian
from .transforms import hvp as hvp
from .transforms import jacobian as jacobian
from .transforms import jvp as jvp
from .transforms import value_and_grad as value_and_grad
from .transforms import vjp as vjp
from .vectorize import vmap as vmap

__version__: str
