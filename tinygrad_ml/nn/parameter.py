"""The Tensors that belong to Modules: those that are learned, and those that are only saved with them."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor

__all__ = ["Buffer", "Parameter"]


class Parameter(Tensor):
    """A Tensor that a Module learns: it requires a gradient and belongs to the Module that has it as an attribute.

    Examples
    --------
    >>> tg.nn.Parameter([1.0, 2.0])
    tensor([1., 2.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any, dtype: Any = None, *, requires_grad: bool = True, name: str | None = None):
        super().__init__(data, dtype, requires_grad=requires_grad, name=name)


class Buffer(Tensor):
    """A Tensor that belongs to the state of a Module but is not learned by gradients, such as a running mean.

    Examples
    --------
    >>> tg.nn.Buffer([0.0, 0.0])
    tensor([0., 0.])
    """

    __slots__ = ()
