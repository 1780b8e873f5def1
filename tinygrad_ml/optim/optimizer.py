"""What all optimizers share: parameter groups, state, and flat memory so that a step is a few NumPy calls."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from ..arrays import kind_of, like, together
from ..autograd import enable_grad
from ..foreign_names import HintsArguments
from ..modes import modes, modes_set
from ..tensor import Tensor, as_array, from_owned
from ..validation import is_integer, is_number
from .flat_parameters import FlatParameters

__all__ = ["Optimizer"]

# Options of PyTorch's optimizers that choose how, not what, it computes.
PYTORCH_ONLY = ("foreach", "fused", "capturable", "differentiable", "decoupled_weight_decay")

# What a compiled step saves, about, and what it takes to compile it, in seconds: it begins when it would have paid.
SAVED, SAVED_EACH, COMPILATION = 4e-6, 4e-10, 0.5
FEW = 4  # compiled steps, for other sets of parameters that have a gradient


class Optimizer(HintsArguments):
    """The base of all optimizers: it changes parameters by their gradients.

    A new optimizer defines `defaults` in `__init__`, `buffers` (the names of the arrays that it keeps for
    every parameter) and `update`, which changes `value` in place, element by element. `update` gets long
    one-dimensional arrays: the parameters of a group lie one after the other in one array, so that a step costs
    the same few NumPy calls for two parameters as for two hundred.

    One that is written as in PyTorch overrides `step` instead, goes through `param_groups`, and keeps what it likes in
    `self.state[p]`, which `state_dict` saves. The optimizers of this package leave that empty.

    A copy (`copy.deepcopy`, pickle) has copies of the parameters, so copy it together with the model:
    `copy.deepcopy((model, optimizer))`.

    Parameters
    ----------
    params : iterable of Tensors, or of dicts with "params" and the options of that group
        The leaves to change, for example `model.parameters()`. Those that do not require a gradient stay as they are,
        until they do.
    defaults : dict
        The options of groups that do not set them.

    Examples
    --------
    >>> class SignDescent(tg.optim.Optimizer):
    ...     def __init__(self, params, lr=0.1):
    ...         super().__init__(params, {"lr": lr})
    ...
    ...     def update(self, value, gradient, state, step, lr):
    ...         value -= lr * np.sign(gradient)
    >>> w = tg.tensor([1.0, -1.0], requires_grad=True)
    >>> optimizer = SignDescent([w])
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([ 0.9, -0.9], requires_grad=True)
    """

    buffers: tuple[str, ...] = ()
    counts_steps = True  # whether a parameter's number of steps belongs to its state

    def __init_subclass__(cls, **options: Any) -> None:
        """Accept what optimizers define under the names of 0.1.0."""
        super().__init_subclass__(**options)
        for old, new in (("start", "init_state"), ("rows_only", "supports_sparse")):
            if old in vars(cls):
                setattr(cls, new, vars(cls)[old])

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]):
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self._flat: list[list[FlatParameters]] = []
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self._countdown = math.inf  # steps until one is compiled
        self._compiled: Callable | None = None
        if isinstance(params, Tensor):
            raise TypeError(f"{type(self).__name__}: params must be a list of Tensors; write [w] instead of w")
        if callable(params) and not hasattr(params, "parameters"):
            name = getattr(params, "__name__", "params")
            raise TypeError(f"{type(self).__name__}: params is the method {name} itself: call it, {name}()")
        if hasattr(params, "parameters"):
            raise TypeError(f"{type(self).__name__}: params must be a list of Tensors; write model.parameters()")
        _refuse_set(type(self).__name__, params)
        groups = list(params)
        if not groups:
            raise ValueError(
                f"{type(self).__name__}: there are no parameters (a generator is used up by whoever reads it first: "
                "call model.parameters() again)"
            )
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)
        if not any(p.requires_grad for group in self.param_groups for p in group["params"]):
            raise ValueError(
                f"{type(self).__name__}: no parameter requires a gradient, so nothing could be learned: make them with "
                "requires_grad=True, or unfreeze some with p.requires_grad_()"
            )

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add parameters with options of their own: {"params": [...], "lr": 0.1}.

        Examples
        --------
        >>> w, b = tg.ones(2, requires_grad=True), tg.zeros(1, requires_grad=True)
        >>> optimizer = tg.optim.SGD([{"params": [w], "weight_decay": 0.1}], lr=0.5)
        >>> optimizer.add_param_group({"params": [b], "lr": 1.0})
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.5, 1.0]
        """
        name = type(self).__name__
        params = group["params"]
        _refuse_set(name, params)
        params = [params] if isinstance(params, Tensor) else list(params)
        unknown = sorted(set(group) - {"params", *self.defaults})
        if unknown:
            raise ValueError(
                f"{name}: unknown option {', '.join(unknown)}; valid options are {', '.join(self.defaults)}"
            )
        seen = {id(p) for other in self.param_groups for p in other["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"{name}: parameter {i} is a {type(p).__name__}, not a Tensor{_hint(p)}")
            if not p.is_leaf or p.dtype.kind not in "fc":
                kind = f"has dtype {p.dtype}, not a floating one" if p.is_leaf else "is a result, not a leaf"
                raise ValueError(f"{name}: parameter {i} (shape {p.shape}) {kind}, so it cannot be learned")
            if id(p) in seen:
                raise ValueError(f"{name}: parameter {p.name or i} (shape {p.shape}) is given twice")
            seen.add(id(p))
        full = {**self.defaults, **group, "params": params}
        self.check(full)
        self.param_groups.append(full)
        self._flat.append(self._lay_out(full))
        self._count_down()

    def _lay_out(self, group: dict[str, Any]) -> list[FlatParameters]:
        alike: dict[Any, list[Tensor]] = {}
        for p in group["params"]:
            alike.setdefault((p.dtype, kind_of(p)), []).append(p)
        parts = [FlatParameters(same, self.buffers) for same in alike.values()]
        for flat in parts:
            self.init_state(flat.buffers, group)
        return parts

    # ------------------------------------------------------------------ what a new optimizer defines

    def check(self, options: dict[str, Any]) -> None:
        """Raise ValueError if an option of a group is out of its range."""
        at_least_0 = ("lr", "weight_decay", "eps", "momentum", "lr_decay", "initial_accumulator_value", "l1", "alpha")
        for key in at_least_0:
            if key in options and not is_number(options[key]):
                raise TypeError(f"{type(self).__name__}: {key} must be a number, not {options[key]!r}")
            if key in options and not options[key] >= 0:
                raise ValueError(f"{type(self).__name__}: {key} must be at least 0, not {options[key]}")

    def init_state(self, state: dict[str, np.ndarray], options: dict[str, Any]) -> None:
        """Fill the buffers of new parameters, which are zero.

        An optimizer that defines this has a state of each parameter before its first step.
        """

    @property
    def _has_initial_state(self) -> bool:
        return type(self).init_state is not Optimizer.init_state

    @property
    def _steps_by_itself(self) -> bool:
        return type(self).update is Optimizer.update and type(self).step is not Optimizer.step

    def used(self, options: dict[str, Any]) -> tuple[str, ...]:
        """Return the buffers that `update` needs with these options."""
        return self.buffers

    def supports_sparse(self, options: dict[str, Any]) -> bool:
        """Whether `update` may be applied to the rows of a sparse gradient alone; if not, it is made dense."""
        return False

    def update(
        self, value: np.ndarray, gradient: np.ndarray, state: dict[str, np.ndarray], step: int, **options: Any
    ) -> None:
        """Change `value` in place, given its gradient, the buffers, and the number of this step (from 1).

        All are one-dimensional, and may be a part of a parameter or several of them, so every element must be treated
        by itself. `state["scratch"]` is memory of the same shape to compute in. The gradient may be the caller's own
        and must not be changed.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define update(...)")

    # ------------------------------------------------------------------ what users call

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of all parameters, or set them to zero; the next `backward` starts from there."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None if set_to_none or p.grad is None else from_owned(like(p).zeros(p.shape, p.dtype))

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient.

        Parameters
        ----------
        closure : callable, optional
            Computes the loss again and its gradients; its result is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self._countdown -= 1
        if self._countdown == 0:
            compiler = import_module(f"{__package__.rpartition('.')[0]}.compiler.entry")
            self._compiled = compiler.Compiled(self._step, "c", quiet=True, limit=FEW)
        (self._compiled or self._step)()
        return loss

    def _count_down(self) -> None:
        """Find out after how many steps one that is compiled, in C if there is a compiler, will have paid."""
        self._compiled = None
        ours = type(self).__module__.startswith(f"{__package__}.") and "update" not in vars(self)
        parts = [flat for parts in self._flat for flat in parts]
        if ours and all(flat.new is np for flat in parts):
            self._countdown = math.ceil(COMPILATION / (SAVED + SAVED_EACH * sum(len(flat.values) for flat in parts)))

    def _step(self) -> None:
        if modes_set and modes.tracer is not None and modes.tracer.step(self):
            return
        for group, parts in zip(self.param_groups, self._flat):
            options = {key: group[key] for key in self.defaults}
            maximize = options.pop("maximize", False)
            for flat in parts:
                if flat.complex and options.get("l1"):
                    raise TypeError(f"{type(self).__name__}: l1 is for real parameters, not for {flat.dtype}")
                for value, gradient, state, step in flat.chunks(self, group):
                    self.update(value, -gradient if maximize else gradient, state, step, **options)

    def state_dict(self) -> dict[str, Any]:
        """Return copies of the state of every parameter and the options of the groups, in PyTorch's layout.

        Examples
        --------
        >>> w = tg.tensor([1.0], requires_grad=True)
        >>> optimizer = tg.optim.SGD([w], lr=0.1, momentum=0.9)
        >>> w.grad = [2.0]
        >>> optimizer.step()
        >>> optimizer.state_dict()["state"]
        {0: {'momentum_buffer': array([2.], dtype=float32)}}
        """
        state, groups, i = {}, [], 0
        for group, parts in zip(self.param_groups, self._flat):
            used = self.used(group)
            for flat, k in _places(group, parts):
                if self._has_initial_state or flat.steps[k]:
                    entry: dict[str, Any] = {"step": flat.steps[k]} if self.counts_steps else {}
                    for name in used:
                        entry[name] = flat.part(flat.buffers[name], k).copy()
                    if entry:
                        state[i] = entry
                if flat.params[k] in self.state:
                    state[i] = {name: _copied(value) for name, value in self.state[flat.params[k]].items()}
                i += 1
            numbers = list(range(i - len(group["params"]), i))
            groups.append({key: value for key, value in group.items() if key != "params"} | {"params": numbers})
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, here or in PyTorch; the parameters are told apart by their order.

        To give a state to PyTorch, make tensors of its arrays with `torch.as_tensor`.

        Raises
        ------
        ValueError
            If it is the state of another optimizer or of other parameters; all that is wrong is listed, and nothing
            is changed.

        Examples
        --------
        >>> w, v = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)
        >>> one, other = tg.optim.Adam([w], lr=0.1), tg.optim.Adam([v])
        >>> w.grad = [1.0, 2.0]
        >>> one.step()
        >>> other.load_state_dict(one.state_dict())
        >>> other.param_groups[0]["lr"], other.state_dict()["state"][0]["step"]
        (0.1, 1)
        """
        saved, states = self._layout(state_dict)
        options = [self._options(group) for group in saved]
        problems, entries, own = [], [], {}
        for group, parts, old, wanted in zip(self.param_groups, self._flat, saved, options):
            used = self.used(group | wanted)
            for (flat, k), number in zip(_places(group, parts), old["params"]):
                if self._steps_by_itself and number in states:
                    own[flat.params[k]] = {name: _restored(value) for name, value in states[number].items()}
                    continue
                entry, wrong = self._entry(states.get(number, {}), used, flat.params[k])
                problems += [f"{text} of parameter {number}{more}" for text, more in wrong]
                entries.append((flat, k, entry))
        if problems:
            raise ValueError(f"the state does not fit this {type(self).__name__}:\n  " + "\n  ".join(problems))
        for group, wanted in zip(self.param_groups, options):
            group.update(wanted)
        self.state = defaultdict(dict, own)
        for flat, k, entry in entries:
            flat.steps[k] = entry.pop("step")
            for name, buffer in flat.buffers.items():
                if name in entry or not self._has_initial_state:
                    flat.part(buffer, k)[...] = together(entry.get(name, 0), buffer)[0]

    def _layout(self, state_dict: Any) -> tuple[Sequence[Mapping[str, Any]], Mapping[Any, Any]]:
        """Return the groups and the states of a state dict, or raise if it is none, or one of other groups."""
        name = f"the state does not fit this {type(self).__name__}: "
        for key, kind in (("param_groups", (list, tuple)), ("state", Mapping)):
            if not isinstance(state_dict, Mapping) or not isinstance(state_dict.get(key), kind):
                raise ValueError(name + "it must be a dict with 'param_groups', a list, and 'state', a dict")
        saved = state_dict["param_groups"]
        for i, group in enumerate(saved):
            if not isinstance(group, Mapping) or not isinstance(group.get("params"), (list, tuple)):
                raise ValueError(name + f"its group {i} must be a dict with 'params', a list")
        sizes = [len(group["params"]) for group in self.param_groups]
        if [len(group["params"]) for group in saved] != sizes:
            raise ValueError(
                f"the state is of groups with {[len(group['params']) for group in saved]} parameters; "
                f"this {type(self).__name__} has groups with {sizes}"
            )
        numbers = [number for group in saved for number in group["params"]]
        if not all(is_integer(number, 0) for number in numbers):
            raise ValueError(name + f"its parameters must be numbered from 0, not {numbers!r:.100}")
        extra = [number for number in state_dict["state"] if number not in numbers]
        if extra:
            raise ValueError(name + f"it has a state of {extra[0]!r}, which is the number of no parameter")
        return saved, state_dict["state"]

    def _options(self, saved: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options of a saved group, with what schedulers keep there."""
        options = {key: _value(value) for key, value in saved.items() if key not in ("params", *PYTORCH_ONLY)}
        options = {key: tuple(v) if isinstance(v, list) else v for key, v in options.items()}
        for key, value in options.items():
            known = key in self.defaults
            if not (_alike(value, self.defaults[key]) if known else isinstance(value, (int, float, str, type(None)))):
                raise ValueError(f"the state does not fit this {type(self).__name__}: its option {key} is {value!r}")
        self.check({**self.defaults, **options})
        return options

    def _entry(self, saved: Any, used: Sequence[str], p: Tensor) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Return the state of one parameter, with its number of steps, and what is wrong with it."""
        if not isinstance(saved, Mapping):
            return {}, [("wrong: the state", f" is a {type(saved).__name__}, must be a dict")]
        entry = {name: _value(value) for name, value in saved.items() if value is not None}
        step = entry.pop("step", 1 if entry else 0)
        if not is_number(step) or step < 0 or step % 1:
            return {}, [("wrong: the step", f" is {step!r}, must be an integer from 0")]
        wrong = []
        if entry or step:
            wrong += [(f"missing: {name}", "") for name in used if name not in entry]
        for name, value in entry.items():
            if name not in self.buffers:
                wrong.append((f"unexpected: {name}", ""))
            elif name in used and np.shape(value) != p.shape:
                wrong.append((f"wrong shape: {name}", f" is {np.shape(value)}, must be {p.shape}"))
            elif as_array(value).dtype.kind not in ("fiubc" if p.dtype.kind == "c" else "fiub"):
                wrong.append((f"wrong dtype: {name}", f" is {as_array(value).dtype}, must be a number's"))
        return entry | {"step": int(step)}, wrong

    def __getstate__(self) -> dict[str, Any]:
        own = {key: value for key, value in vars(self).items() if key not in ("_flat", "_countdown", "_compiled")}
        return own | {"state": self.state_dict()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        saved = state.pop("state")
        vars(self).update(state)
        self.state = defaultdict(dict)
        self._countdown = math.inf
        self._flat = [self._lay_out(group) for group in self.param_groups]
        self._count_down()
        self.load_state_dict(saved)

    def __repr__(self) -> str:
        lines = []
        for i, group in enumerate(self.param_groups):
            options = ", ".join(f"{key}={value}" for key, value in group.items() if key != "params")
            lines.append(f"  group {i}: {len(group['params'])} parameters, {options}")
        return f"{type(self).__name__}(\n" + "\n".join(lines) + "\n)"


def _places(group: dict[str, Any], parts: list[FlatParameters]) -> Iterator[tuple[FlatParameters, int]]:
    """Yield where each parameter of a group lies: the array, and its position there."""
    where = {id(p): (flat, k) for flat in parts for k, p in enumerate(flat.params)}
    return (where[id(p)] for p in group["params"])


def _value(value: Any) -> Any:
    """Make arrays and numbers of what PyTorch saves as tensors, and Python numbers of NumPy's."""
    if hasattr(value, "detach"):
        value = np.asarray(value.detach())
    if isinstance(value, (np.ndarray, np.generic)) and not value.ndim:
        return value.item()
    return value


def _copied(value: Any) -> Any:
    """Return an array that later steps do not change; numbers stay."""
    return np.array(value.detach() if isinstance(value, Tensor) else value) if hasattr(value, "shape") else value


def _restored(value: Any) -> Any:
    """Return a Tensor of an array of a state, and a number as it is."""
    value = _value(value)
    return from_owned(np.array(value)) if isinstance(value, np.ndarray) else value


def _alike(value: Any, default: Any) -> bool:
    """Whether a saved option is of the kind of its default: a number, a tuple of numbers, or None or a name."""
    if isinstance(default, tuple):
        return isinstance(value, tuple) and len(value) == len(default) and all(map(_alike, value, default))
    if default is None or isinstance(default, str):
        return value is None or isinstance(value, str)
    return isinstance(value, (int, float)) or not isinstance(default, (int, float))


def _refuse_set(name: str, params: Any) -> None:
    if isinstance(params, (set, frozenset)):
        raise TypeError(
            f"{name}: params must not be a set, whose order changes from run to run, so that a saved state would go to "
            "other parameters: use a list"
        )


def _hint(p: Any) -> str:
    """Return what to do about a wrong parameter that is common: a name, or a pair with a name."""
    named = isinstance(p, str) or (isinstance(p, tuple) and len(p) == 2 and isinstance(p[1], Tensor))
    return "; write model.parameters()" if named else ""
