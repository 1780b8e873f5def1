"""Modules made of modules: one after the other, as a list, as a dict, beside a shortcut; and functions as modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from typing import Any

import numpy as np

from ..tensor import Tensor, as_tensor
from .module import Module
from .parameter import Parameter

__all__ = ["Identity", "Lambda", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Residual", "Sequential"]


class _Container(Module):
    """What containers share: entries named by their places or keys, beside the attributes that any module may have."""

    holds = "entries"  # the attribute with the entries, a list or a dict

    def attributes(self) -> Iterator[tuple[str, Any]]:
        for name, value in vars(self).items():
            if name == self.holds:
                entries = value.items() if isinstance(value, dict) else enumerate(value)
                yield from ((str(key), entry) for key, entry in entries)
            else:
                yield name, value


class Sequential(_Container):
    """Modules one after the other: each gets the output of the one before.

    What a subclass sets as an attribute belongs to it, too, but only `layers` are called.

    Examples
    --------
    >>> net = tg.nn.Sequential(tg.nn.Linear(4, 8), tg.nn.ReLU(), tg.nn.Linear(8, 2))
    >>> net(tg.ones(5, 4)).shape
    (5, 2)
    >>> net
    Sequential(
      (0): Linear(4, 8)
      (1): ReLU()
      (2): Linear(8, 2)
    )
    """

    holds = "layers"

    def __init__(self, *layers: Module):
        for i, layer in enumerate(layers):
            if not callable(layer):
                hint = ""
                if isinstance(layer, (list, tuple)):
                    hint = ": write Sequential(a, b), or Sequential(*layers) of a list"
                elif isinstance(layer, Tensor):
                    hint = ": give the layers themselves, nn.ReLU(), and the data to the Sequential"
                elif isinstance(layer, dict):
                    hint = ": write Sequential(*layers.values())"
                raise TypeError(f"Sequential: layer {i} is a {type(layer).__name__}, which cannot be called{hint}")
            if isinstance(layer, type) and issubclass(layer, Module):
                raise TypeError(f"Sequential: layer {i} is the class {layer.__name__}: write {layer.__name__}(...)")
        self.layers = list(layers)

    def forward(self, x: Any) -> Any:
        __tracebackhide__ = True
        layer: Any = None
        given: Any = x
        try:
            for layer in self.layers:
                given = x
                x = layer(x)
        except Exception as error:
            i = next((i for i, other in enumerate(self.layers) if other is layer), 0)
            if i and type(given) is tuple:
                before, after = (type(self.layers[k]).__name__ for k in (i - 1, i))
                what = "(output, state)" if len(given) == 2 else f"{len(given)} values"
                raise TypeError(
                    f"Sequential: layer {i}, {after}, got a tuple: {before} returns {what}. Call them in a forward of "
                    f"your own, `y, _ = self.first(x)`, or put nn.Lambda(lambda pair: pair[0]) between them"
                ) from error
            raise
        return x

    def append(self, layer: Module) -> Sequential:
        """Add a layer at the end; return the Sequential itself.

        Examples
        --------
        >>> len(tg.nn.Sequential(tg.nn.Linear(4, 8)).append(tg.nn.ReLU()))
        2
        """
        self.layers = Sequential(*self.layers, layer).layers  # which checks what it gets
        return self

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, int) and not -len(self) <= index < len(self):
            raise IndexError(f"there is no layer {index}: this Sequential has {len(self)}, counted from 0")
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)


class ModuleList(_Container, MutableSequence):
    """A list of modules that is itself a module.

    An ordinary list as an attribute of a module works as well; this one can stand alone.

    Parameters
    ----------
    modules : iterable of Modules

    Examples
    --------
    >>> layers = tg.nn.ModuleList([tg.nn.Linear(2, 3)])
    >>> layers.append(tg.nn.Linear(3, 1))
    >>> len(layers), [name for name, _ in layers.named_parameters()]
    (2, ['0.weight', '0.bias', '1.weight', '1.bias'])
    """

    def __init__(self, modules: Iterable[Module] = ()):
        self.entries = [_checked("ModuleList", i, module) for i, module in enumerate(modules)]

    def insert(self, index: int, module: Module) -> None:
        """Put a module before the one at `index`."""
        self.entries.insert(index, _checked("ModuleList", index, module))

    def __getitem__(self, index: Any) -> Any:
        return ModuleList(self.entries[index]) if isinstance(index, slice) else self.entries[index]

    def __setitem__(self, index: Any, module: Any) -> None:
        self.entries[index] = _checked("ModuleList", index, module)

    def __delitem__(self, index: Any) -> None:
        del self.entries[index]

    def __len__(self) -> int:
        return len(self.entries)


class ModuleDict(_Container, MutableMapping):
    """A dict of modules that is itself a module.

    An ordinary dict as an attribute of a module works as well; this one can stand alone.

    Parameters
    ----------
    modules : mapping from names to Modules

    Examples
    --------
    >>> heads = tg.nn.ModuleDict({"age": tg.nn.Linear(4, 1)})
    >>> heads["sex"] = tg.nn.Linear(4, 2, bias=False)
    >>> [name for name, _ in heads.named_parameters()]
    ['age.weight', 'age.bias', 'sex.weight']
    """

    __eq__, __hash__ = object.__eq__, object.__hash__  # as of every module, and not as of a mapping

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] = ()):
        self.entries: dict[str, Module] = {}
        self.update(modules)

    def __getitem__(self, name: str) -> Module:
        return self.entries[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self.entries[name] = _checked("ModuleDict", name, module)

    def __delitem__(self, name: str) -> None:
        del self.entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


class ParameterList(_Container, MutableSequence):
    """A list of Parameters that is itself a module.

    An ordinary list as an attribute of a module works as well; this one can stand alone.

    Parameters
    ----------
    values : iterable of Parameters
        Tensors and arrays become Parameters.

    Examples
    --------
    >>> weights = tg.nn.ParameterList([tg.ones(2), tg.ones(3)])
    >>> len(weights), [name for name, _ in weights.named_parameters()]
    (2, ['0', '1'])
    """

    def __init__(self, values: Iterable[Any] = ()):
        self.entries = [_parameter("ParameterList", i, value) for i, value in enumerate(values)]

    def insert(self, index: int, value: Any) -> None:
        """Put a Parameter before the one at `index`."""
        self.entries.insert(index, _parameter("ParameterList", index, value))

    def __getitem__(self, index: Any) -> Any:
        return ParameterList(self.entries[index]) if isinstance(index, slice) else self.entries[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.entries[index] = _parameter("ParameterList", index, value)

    def __delitem__(self, index: Any) -> None:
        del self.entries[index]

    def __len__(self) -> int:
        return len(self.entries)


class ParameterDict(_Container, MutableMapping):
    """A dict of Parameters that is itself a module.

    An ordinary dict as an attribute of a module works as well; this one can stand alone.

    Parameters
    ----------
    parameters : mapping from names to Parameters
        Tensors and arrays become Parameters.

    Examples
    --------
    >>> scales = tg.nn.ParameterDict({"age": tg.ones(2)})
    >>> scales["fare"] = tg.nn.Parameter(tg.ones(3))
    >>> [name for name, _ in scales.named_parameters()]
    ['age', 'fare']
    """

    __eq__, __hash__ = object.__eq__, object.__hash__  # as of every module, and not as of a mapping

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()):
        self.entries: dict[str, Parameter] = {}
        self.update(parameters)

    def __getitem__(self, name: str) -> Parameter:
        return self.entries[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.entries[name] = _parameter("ParameterDict", name, value)

    def __delitem__(self, name: str) -> None:
        del self.entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


def _parameter(where: str, key: Any, value: Any) -> Parameter:
    if isinstance(value, Parameter):
        return value
    if not isinstance(value, (Tensor, np.ndarray)):
        raise TypeError(f"{where}: entry {key!r} is a {type(value).__name__}, not a Parameter, Tensor or array")
    if isinstance(value, Tensor) and value.node is not None:
        raise TypeError(
            f"{where}: entry {key!r} was computed by {value.node.primitive.name}, and a Parameter would not pass its "
            "gradient on; give its .detach()"
        )
    return Parameter(value)


def _checked(where: str, key: Any, module: Any) -> Module:
    if not isinstance(module, Module):
        raise TypeError(f"{where}: entry {key!r} is a {type(module).__name__}, not a Module")
    return module


class Residual(Module):
    """x + module(x): a module beside a shortcut (He and others, Deep residual learning, 2016).

    Parameters
    ----------
    module : Module
        Its output has the shape of its input.

    Raises
    ------
    ValueError
        If it has not.

    Examples
    --------
    >>> block = tg.nn.Residual(tg.nn.Sequential(tg.nn.Linear(4, 4), tg.nn.ReLU()))
    >>> block(tg.ones(2, 4)).shape
    (2, 4)
    """

    def __init__(self, module: Module):
        self.module = module

    def forward(self, x: Any) -> Tensor:
        x = as_tensor(x)
        y = self.module(x)
        if y.shape != x.shape:
            raise ValueError(
                f"Residual: the module maps shape {x.shape} to {y.shape}; they are added, so they must be equal"
            )
        return x + y


class Identity(Module):
    """The input itself: a place that another module may take.

    Examples
    --------
    >>> tg.nn.Identity()(3)
    3
    """

    def forward(self, x: Any) -> Any:
        return x


class Lambda(Module):
    """A function as a module.

    Parameters
    ----------
    function : callable
        A function of Tensors. For a module that can be pickled, a named one.

    Examples
    --------
    >>> net = tg.nn.Sequential(tg.nn.Linear(3, 2), tg.nn.Lambda(tg.exp))
    >>> bool((net(tg.ones(1, 3)) > 0).all())
    True
    """

    def __init__(self, function: Callable[..., Any]):
        if not callable(function):
            raise TypeError(f"Lambda: a {type(function).__name__} cannot be called")
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)

    def extra_repr(self) -> str:
        return getattr(self.function, "__name__", repr(self.function))
