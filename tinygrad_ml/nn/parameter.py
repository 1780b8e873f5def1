"""The Tensors that belong to Modules: those that are learned, and those that are only saved with them."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor

__all__ = ["Buffer", "Parameter"]


def _state(self: Tensor) -> dict[str, Any]:
    """Return what `__setstate__` takes, for savers that do without pickle, such as skops."""
    return {"data": self.numpy().copy(), "requires_grad": self.requires_grad, "name": self.name}


def _restore(self: Tensor, state: dict[str, Any]) -> None:
    data, requires_grad, name = state["data"], state["requires_grad"], state["name"]
    self._become(Tensor(data, requires_grad=requires_grad, name=name))


class Parameter(Tensor):
    """A Tensor that a Module learns: it requires a gradient and belongs to the Module that has it as an attribute.

    Examples
    --------
    >>> tg.nn.Parameter([1.0, 2.0])
    tensor([1., 2.], requires_grad=True)
    """

    __slots__ = ()
    __getstate__, __setstate__ = _state, _restore

    def __init__(self, data: Any, dtype: Any = None, *, requires_grad: bool = True, name: str | None = None):
        super().__init__(data, dtype, requires_grad=requires_grad, name=name)


class Buffer(Tensor):
    """A Tensor that belongs to the state of a Module but is not learned by gradients, such as a running mean.

    Parameters
    ----------
    data : array_like
    dtype : dtype, optional
    persistent : bool
        Whether it is part of `state_dict()`; False is for what can be computed again.

    Examples
    --------
    >>> tg.nn.Buffer([0.0, 0.0])
    tensor([0., 0.])
    """

    __slots__ = ()
    __getstate__, __setstate__ = _state, _restore
    persistent = True

    def __init__(
        self,
        data: Any,
        dtype: Any = None,
        *,
        requires_grad: bool = False,
        name: str | None = None,
        persistent: bool = True,
    ):
        super().__init__(data, dtype, requires_grad=requires_grad, name=name)
        if not persistent:
            self.__class__ = _TransientBuffer


class _TransientBuffer(Buffer):
    """A Buffer that is not part of `state_dict()`: a class, and not a slot, so that it is pickled as any Tensor."""

    __slots__ = ()
    persistent = False
