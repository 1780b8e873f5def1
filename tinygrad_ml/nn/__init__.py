"""Modules: layers, losses, their functions and initial values, with PyTorch's names."""

from . import functional, init
from .layers import Dropout, Linear, ReLU, Sequential, Sigmoid, Tanh
from .losses import BCEWithLogitsLoss, CrossEntropyLoss, MSELoss
from .module import Buffer, Module, Parameter
