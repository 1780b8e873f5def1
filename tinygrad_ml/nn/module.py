"""Module: a plain object whose Parameters, Buffers and Modules belong to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from ..arrays import copied, is_other, like, together
from ..autograd import HookHandle
from ..foreign_names import HintsArguments, missing, takes_foreign_names, without_device
from ..modes import modes, modes_set
from ..tensor import Tensor, as_array, from_owned
from ..validation import check_array
from .hooks import Hooks, observed
from .outline import outline
from .parameter import Buffer, Parameter

__all__ = ["IncompatibleKeys", "Module"]

M = TypeVar("M", bound="Module")


# What everything that works with modules calls: an attribute of this name would hide it.
METHODS = {
    *("attributes", "modules", "named_modules", "children", "named_children", "parameters", "named_parameters"),
    *("buffers", "named_buffers", "train", "eval", "state_dict", "load_state_dict", "zero_grad", "requires_grad_"),
    "apply",
}


class IncompatibleKeys(NamedTuple):
    """The names in which a module and a state that was loaded into it differ.

    Examples
    --------
    >>> layer = tg.nn.Linear(2, 1)
    >>> layer.load_state_dict(layer.state_dict()).missing_keys
    []
    """

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module(HintsArguments):
    """A part of a model: it has parameters and computes `forward`.

    It is a plain object. Every attribute that is a `Parameter`, a `Buffer` or a `Module`, or a list,
    tuple or dict of them, belongs to it, in the order in which the attributes were set; nothing has
    to be registered or initialised. A parameter shared by two attributes is counted once.

    Examples
    --------
    >>> class Line(tg.nn.Module):
    ...     def __init__(self):
    ...         self.slope = tg.nn.Parameter(2.0)
    ...         self.offset = tg.nn.Parameter(1.0)
    ...
    ...     def forward(self, x):
    ...         return self.slope * x + self.offset
    >>> line = Line()
    >>> line(tg.tensor([0.0, 1.0])).numpy()
    array([1., 3.], dtype=float32)
    >>> [name for name, _ in line.named_parameters()]
    ['slope', 'offset']
    """

    training = True
    drawn_whole = False  # whether drawings show it as one box, and not the operations inside
    _hooks: Hooks | None = None

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Compute the output; every Module defines its own."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward(self, ...)")

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        __tracebackhide__ = True
        if modes_set and modes.call_observer is not None:
            output = observed(modes.call_observer, self, self._hooks or Hooks(), inputs, named)
        elif self._hooks is not None:
            output = self._hooks.run(self, inputs, named)
        else:
            output = self.forward(*inputs, **named)
        if output is None:
            raise TypeError(f"{type(self).__name__}.forward returned None: is `return` missing?")
        return output

    if not TYPE_CHECKING:  # which knows what there is

        def __getattr__(self, name):
            raise missing("Module", name, self, f"{type(self).__name__!r} object")

    # ------------------------------------------------------------------ what belongs to it

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Make a Tensor an attribute that belongs to the state of this module, but is not learned.

        It does the same as `self.name = tg.nn.Buffer(tensor)`. A Tensor that is assigned to the attribute later is a
        buffer too.

        Parameters
        ----------
        name : str
        tensor : Tensor, array or None
            None leaves the place for a buffer that is assigned later.
        persistent : bool
            Whether it is part of `state_dict()`.

        Raises
        ------
        KeyError
            If the name is empty, has a dot, or is that of another attribute.
        TypeError
            If the name is not a string, or the Tensor requires a gradient.

        Examples
        --------
        >>> module = tg.nn.Identity()
        >>> module.register_buffer("steps", tg.zeros(1))
        >>> module.steps = module.steps + 1
        >>> module.state_dict()
        {'steps': array([1.], dtype=float32)}
        """
        self._check_new("register_buffer", name, Buffer)
        if tensor is None:
            vars(self).setdefault("_awaited_buffers", {})[name] = persistent
            setattr(self, name, None)
        else:
            if isinstance(tensor, Tensor):
                _refuse_gradient(type(self).__name__, name, tensor)
            same = isinstance(tensor, Buffer) and tensor.persistent == persistent
            setattr(self, name, tensor if same else Buffer(tensor, persistent=persistent))

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make a Parameter an attribute of this module: the same as `self.name = param`, with checks.

        Raises
        ------
        KeyError
            If the name is empty, has a dot, or is that of another attribute.
        TypeError
            If the name is not a string, or `param` neither a Parameter nor None.

        Examples
        --------
        >>> module = tg.nn.Identity()
        >>> module.register_parameter("scale", tg.nn.Parameter(tg.ones(2)))
        >>> [name for name, _ in module.named_parameters()]
        ['scale']
        """
        self._check_new("register_parameter", name, Parameter)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"{type(self).__name__}.register_parameter({name!r}): a {type(param).__name__} is not a Parameter; "
                "wrap it, tg.nn.Parameter(...)"
            )
        setattr(self, name, param)

    def _check_new(self, method: str, name: Any, kind: type) -> None:
        where = f"{type(self).__name__}.{method}({name!r})"
        if not isinstance(name, str):
            raise TypeError(f"{where}: the name must be a string, not a {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(f"{where}: the name must not be empty, nor have a dot")
        if hasattr(self, name) and not isinstance(vars(self).get(name, ...), (kind, type(None))):
            raise KeyError(f"{where}: the module has an attribute of this name; choose another one")

    if not TYPE_CHECKING:  # to a type checker it would say that every attribute may be set

        def __setattr__(self, name: str, value: Any) -> None:
            if name in METHODS:
                raise AttributeError(
                    f"{type(self).__name__}: {name!r} is a method of every Module, which this attribute would hide: "
                    "take another name, for example self.layers"
                )
            if type(value) is Tensor:  # a buffer stays one when a new value is assigned to it
                old = vars(self).get(name)
                persistent = vars(self).get("_awaited_buffers", {}).get(name) if old is None else None
                if isinstance(old, Buffer):
                    persistent = old.persistent
                if persistent is not None:
                    _refuse_gradient(type(self).__name__, name, value)
                    value = Buffer(value, persistent=persistent)
            object.__setattr__(self, name, value)

    def attributes(self) -> Iterable[tuple[str, Any]]:
        """Return the attributes in which parameters and modules are looked for, with their names."""
        return vars(self).items()

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules directly below this one, with their names."""
        return ((name, thing) for name, thing in _flat(self.attributes()) if isinstance(thing, Module))

    def children(self) -> Iterator[Module]:
        """Yield the modules directly below this one."""
        return (child for _, child in self.named_children())

    def named_modules(self) -> Iterator[tuple[str, Module]]:
        """Yield this module (named "") and all below it, each once, with names like "encoder.layers.0"."""
        return ((name, thing) for name, thing in self._everything() if isinstance(thing, Module))

    def modules(self) -> Iterator[Module]:
        """Yield this module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield every parameter once, with a name like "layers.0.weight".

        Parameters that have no name yet get this one, for error messages and drawings.
        """
        for name, thing in self._everything():
            if isinstance(thing, Parameter):
                if thing.name is None:
                    thing.name = name
                yield name, thing

    def parameters(self) -> Iterator[Parameter]:
        """Yield every parameter once: what an optimizer takes."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Yield every buffer once, with its name."""
        return ((name, thing) for name, thing in self._everything() if isinstance(thing, Buffer))

    def buffers(self) -> Iterator[Buffer]:
        """Yield every buffer once."""
        return (buffer for _, buffer in self.named_buffers())

    def _everything(self) -> Iterator[tuple[str, Any]]:
        """Yield this module, and all modules, parameters and buffers below it, depth first, each once."""
        seen, names = set(), set()
        stack: list[tuple[str, Any]] = [("", self)]
        while stack:
            name, thing = stack.pop()
            if id(thing) not in seen:
                if name in names:
                    raise self._ambiguous(name)
                seen.add(id(thing))
                names.add(name)
                yield name, thing
                if isinstance(thing, Module):
                    prefix = name + "." if name else ""
                    stack += [(prefix + key, value) for key, value in _flat(thing.attributes())][::-1]

    def _ambiguous(self, name: str) -> ValueError:
        return ValueError(
            f"{type(self).__name__}: two of its parts are named {name!r}, so a state could hold only one of them; "
            "rename an attribute or a key (a dot in a key reads like a level of its own)"
        )

    def register_module(self, name: str, module: Any) -> None:
        """Make a module an attribute of this one: the same as `self.name = module`, with checks.

        Examples
        --------
        >>> block = tg.nn.Module()
        >>> block.register_module("first", tg.nn.ReLU())
        >>> [name for name, _ in block.named_children()]
        ['first']
        """
        self._check_new("register_module", name, Module)
        if module is not None and not isinstance(module, Module):
            raise TypeError(
                f"{type(self).__name__}.register_module({name!r}): a {type(module).__name__} is not a Module"
            )
        setattr(self, name, module)

    add_module = register_module

    def get_submodule(self, name: str) -> Module:
        """Return the module of a name like "encoder.layers.0"; "" is this module itself.

        Examples
        --------
        >>> tg.nn.Sequential(tg.nn.Linear(3, 2), tg.nn.ReLU()).get_submodule("1")
        ReLU()
        """
        return self._find(name, dict(self.named_modules()), "module")

    def get_parameter(self, name: str) -> Parameter:
        """Return the parameter of a name like "layers.0.weight".

        Examples
        --------
        >>> tg.nn.Linear(3, 2).get_parameter("bias").shape
        (2,)
        """
        return self._find(name, dict(self.named_parameters()), "parameter")

    def get_buffer(self, name: str) -> Buffer:
        """Return the buffer of a name like "layers.1.running_mean".

        Examples
        --------
        >>> tg.nn.BatchNorm1d(2).get_buffer("running_mean")
        tensor([0., 0.])
        """
        return self._find(name, dict(self.named_buffers()), "buffer")

    def _find(self, name: str, things: dict[str, Any], kind: str) -> Any:
        if name not in things:
            from difflib import get_close_matches  # only an error needs it

            close = get_close_matches(name, things, 3) or list(things)[:10]
            raise AttributeError(f"{type(self).__name__} has no {kind} {name!r}; it has {', '.join(map(repr, close))}")
        return things[name]

    # ------------------------------------------------------------------ modes

    def train(self: M, mode: bool = True) -> M:
        """Switch this module and all below it to training behaviour (dropout active, ...); return it.

        Examples
        --------
        >>> tg.nn.Dropout(0.5).eval().training
        False
        """
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: M) -> M:
        """Switch this module and all below it to the behaviour of use after training; return it."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Let all parameters require a gradient, or freeze them with False; return the module."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of all parameters: set them to None, or with `set_to_none=False` to zeros."""
        for parameter in self.parameters():
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad = from_owned(like(parameter).zeros(parameter.shape, parameter.dtype))

    def apply(self: M, function: Callable[[Module], Any]) -> M:
        """Call `function` on every module below this one and on itself last; return it."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    @takes_foreign_names()
    def to(self: M, dtype: Any = None, *where: Any, device: Any = None) -> M:
        """Turn all floating parameters and buffers, and their gradients, into another dtype; return the module.

        There is one device, "cpu". Make optimizers afterwards: one that was made before goes on with the old dtype.

        Examples
        --------
        >>> tg.nn.Linear(3, 2).to("float64").weight.dtype
        dtype('float64')
        """
        asked = without_device([dtype, *where, device])
        if asked is None:
            return self
        wanted = np.dtype(asked.dtype if isinstance(asked, Tensor) else asked)
        if wanted.kind != "f":
            raise TypeError(f"to(): parameters must have a floating dtype, not {wanted}")
        for _, thing in self._state():
            if thing.dtype.kind == "f" and thing.dtype != wanted:
                grad = thing.grad
                thing._replace(as_array(thing).astype(wanted))
                thing.grad = grad if grad is None else grad.astype(wanted)
        return self

    def float(self: M) -> M:
        """Turn all parameters and buffers into float32; return the module."""
        return self.to(np.float32)

    def cpu(self: M) -> M:
        """Return the module: its memory is that of the CPU."""
        return self

    def double(self: M) -> M:
        """Turn all parameters and buffers into float64; return the module."""
        return self.to(np.float64)

    # ------------------------------------------------------------------ hooks

    def register_forward_hook(self, hook: Callable[[Module, tuple[Any, ...], Any], Any]) -> HookHandle:
        """Call `hook(module, inputs, output)` after every forward pass.

        What it returns, unless it is None, takes the place of the output. Without hooks a call costs nothing more.

        Returns
        -------
        HookHandle, whose `remove()` takes the hook away again

        Examples
        --------
        >>> layer = tg.nn.Linear(3, 2)
        >>> handle = layer.register_forward_hook(lambda module, inputs, output: print(inputs[0].shape, output.shape))
        >>> y = layer(tg.ones(5, 3))
        (5, 3) (5, 2)
        >>> handle.remove()
        """
        self._hooks = self._hooks or Hooks()
        return HookHandle(self._hooks.after, hook)

    def register_forward_pre_hook(self, hook: Callable[[Module, tuple[Any, ...]], Any]) -> HookHandle:
        """Call `hook(module, inputs)` before every forward pass.

        What it returns, unless it is None, takes the place of the inputs: a tuple of them, or the only one.

        Returns
        -------
        HookHandle, whose `remove()` takes the hook away again

        Examples
        --------
        >>> layer = tg.nn.Identity()
        >>> handle = layer.register_forward_pre_hook(lambda module, inputs: inputs[0] * 2)
        >>> layer(tg.ones(2))
        tensor([2., 2.])
        """
        self._hooks = self._hooks or Hooks()
        return HookHandle(self._hooks.before, hook)

    # ------------------------------------------------------------------ state

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return copies of the values of all parameters and (persistent) buffers, by name.

        Examples
        --------
        >>> list(tg.nn.Linear(3, 2).state_dict())
        ['weight', 'bias']
        """
        return {name: copied(as_array(thing)) for name, thing in self._saved()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Take over values by name, from `state_dict()` or from PyTorch's.

        Parameters
        ----------
        state : mapping from names to arrays, Tensors or PyTorch tensors
        strict : bool
            Whether the names must be exactly those of this module; if not, only the common ones are taken.

        Returns
        -------
        IncompatibleKeys
            The names that were `missing_keys` in the state, and its `unexpected_keys`. A parameter with several names
            is missing if none of them is there.

        Raises
        ------
        ValueError
            If an entry has another shape or dtype, or with `strict` if one is missing or unexpected; all of them are
            listed, and nothing is changed.

        Examples
        --------
        >>> layer = tg.nn.Linear(2, 1)
        >>> layer.load_state_dict({"weight": [[1.0, 2.0]], "scale": [3.0]}, strict=False)
        IncompatibleKeys(missing_keys=['bias'], unexpected_keys=['scale'])
        """
        if not isinstance(state, Mapping):
            hint = ": read the file first, tg.load(path)" if isinstance(state, (str, os.PathLike)) else ""
            raise ValueError(f"a state is a dict from names to arrays, not a {type(state).__name__}{hint}")
        own = dict(self._saved())
        arrays = {
            name: value if is_other(value) else check_array(value, name, "the state")
            for name, value in state.items()
            if name in own
        }
        given = {id(own[name]) for name in arrays}
        keys = IncompatibleKeys(
            [name for name, thing in own.items() if id(thing) not in given], [name for name in state if name not in own]
        )
        problems = []
        if strict:
            problems += [f"missing: {name} {own[name].shape}" for name in keys.missing_keys]
            problems += [f"unexpected: {name}" for name in keys.unexpected_keys]
        for name, array in arrays.items():
            if array.shape != own[name].shape:
                problems.append(f"wrong shape: {name} is {array.shape}, must be {own[name].shape}")
            elif array.dtype.kind not in "fiub" or (array.dtype.kind == "f") != (own[name].dtype.kind == "f"):
                problems.append(f"wrong dtype: {name} is {array.dtype}, must be {own[name].dtype}")
        if problems:
            raise ValueError(f"the state does not fit this {type(self).__name__}:\n  " + "\n  ".join(problems))
        for name, array in arrays.items():
            own[name].data = together(array.astype(own[name].dtype), own[name])[0]
        return keys

    def _saved(self) -> Iterator[tuple[str, Tensor]]:
        """Yield what `state_dict` holds."""
        return ((name, t) for name, t in self._state() if not isinstance(t, Buffer) or t.persistent)

    def _state(self) -> Iterator[tuple[str, Tensor]]:
        """Yield parameters and buffers in PyTorch's order; a shared one comes with each of its names."""
        named: dict[str, Tensor] = {}
        stack: list[tuple[str, Module, tuple[Module, ...]]] = [("", self, ())]
        while stack:
            prefix, module, above = stack.pop()
            below = []
            for name, thing in _flat(module.attributes()):
                if not isinstance(thing, Module):
                    if named.setdefault(prefix + name, thing) is not thing:
                        raise self._ambiguous(prefix + name)
                    yield prefix + name, thing
                elif not any(thing is other for other in (*above, module)):
                    below.append((f"{prefix}{name}.", thing, (*above, module)))
            stack += below[::-1]

    # ------------------------------------------------------------------ as text

    def extra_repr(self) -> str:
        """Return the text between the parentheses of the repr, besides the modules below."""
        return ""

    def _repr_html_(self) -> str:
        return outline(self)

    @recursive_repr("...")  # a module may have an attribute that is its parent
    def __repr__(self) -> str:
        children = list(self.named_children())
        if not children:
            return f"{type(self).__name__}({self.extra_repr()})"
        lines = [f"  ({name}): " + repr(child).replace("\n", "\n  ") for name, child in children]
        return f"{type(self).__name__}({self.extra_repr()}\n" + "\n".join(lines) + "\n)"


def _flat(attributes: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return what belongs to a module, also out of lists, tuples and dicts, with names like "layers.0"."""
    found: list[tuple[str, Any]] = []
    for name, value in attributes:
        if isinstance(value, (Module, Parameter, Buffer)):
            found.append((name, value))
        elif isinstance(value, (list, tuple)):
            found += _flat([(f"{name}.{i}", item) for i, item in enumerate(value)])
        elif isinstance(value, dict):
            found += _flat([(f"{name}.{key}", item) for key, item in value.items()])
        elif isinstance(value, (set, frozenset)) and any(isinstance(item, (Module, Parameter)) for item in value):
            raise TypeError(f"{name!r} is a set, whose order changes from run to run; put them into a list or a dict")
        elif callable(value) and isinstance(getattr(value, "__wrapped__", None), Module):  # by tg.compile
            found.append((name, value.__wrapped__))
    return found


def _refuse_gradient(module: str, name: str, value: Tensor) -> None:
    if value.requires_grad:
        raise TypeError(
            f"{module}: {name!r} is a buffer, which is not learned, and this Tensor requires a gradient; "
            "assign its .detach(), or make it a tg.nn.Parameter"
        )
