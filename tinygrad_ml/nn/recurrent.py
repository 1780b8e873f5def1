"""Recurrent layers: Elman's network, the LSTM, the GRU, of any depth and in one or both directions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..arrays import like
from ..tensor import Tensor, as_floating, get_default_dtype
from . import init
from .dropout import check_probability, dropout
from .linear import linear
from .module import Module
from .parameter import Parameter

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]


class _Recurrent(Module):
    """What the recurrent layers share: weights, layers, directions, the order of the axes."""

    drawn_whole = True
    gates: int  # the weights have gates * hidden_size rows
    weight_hh_l0: Parameter

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: Any = None,
    ):
        check_probability(dropout)
        if num_layers < 1 or hidden_size < 1:
            raise ValueError(f"{type(self).__name__}: num_layers and hidden_size must be at least 1")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, dropout, bidirectional
        dtype = dtype or get_default_dtype()
        rows, bound, seen = self.gates * hidden_size, 1 / math.sqrt(hidden_size), self._state_size(0)
        for layer in range(num_layers):
            entering = input_size if layer == 0 else seen * len(self._directions)
            for direction in self._directions:
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, entering), "weight_hh": (rows, seen)}
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                if seen != hidden_size:
                    shapes |= {"weight_hr": (seen, hidden_size)}
                for name, shape in shapes.items():
                    parameter = Parameter(np.empty(shape, dtype))
                    init.uniform_(parameter, -bound, bound)
                    setattr(self, f"{name}_l{layer}{direction}", parameter)

    @property
    def _directions(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

    def _state_size(self, k: int) -> int:
        """Return the length of the k-th state: h, and of an LSTM c."""
        return self.hidden_size

    def _run(self, x: Any, states: tuple[Any, ...]) -> tuple[Tensor, list[Tensor]]:
        """Run all layers in all directions.

        `states` holds the first states, each (layers * directions, batch, hidden), or None for zeros. Returns the
        output and the last states, in the order of the axes that the caller uses.
        """
        x = as_floating(x)
        self._check(x)
        single = x.ndim == 2
        if single:
            x = ops.expand_dims(x, 1)
        elif self.batch_first:
            x = ops.swapaxes(x, 0, 1)
        initial = [self._first(state, k, x, single) for k, state in enumerate(states)]
        finals: list[list[Tensor]] = [[] for _ in states]
        for layer in range(self.num_layers):
            outs = []
            for k, direction in enumerate(self._directions):
                place = layer * len(self._directions) + k
                first = [state[place] for state in initial]
                out, last = self._one_layer(ops.flip(x, 0) if k else x, first, f"_l{layer}{direction}")
                outs.append(ops.flip(out, 0) if k else out)
                for final, state in zip(finals, last):
                    final.append(state)
            x = outs[0] if len(outs) == 1 else ops.concatenate(outs, axis=-1)
            if layer < self.num_layers - 1:
                x = dropout(x, self.dropout, self.training)
        last = [ops.stack(final) for final in finals]
        if single:
            return ops.squeeze(x, 1), [ops.squeeze(state, 1) for state in last]
        return ops.swapaxes(x, 0, 1) if self.batch_first else x, last

    def _one_layer(self, x: Tensor, first: list, suffix: str) -> tuple[Tensor, list[Tensor]]:
        """Run the layer and direction whose parameters have this suffix over x (time, batch, features)."""
        weight_ih, weight_hh = (getattr(self, name + suffix) for name in ("weight_ih", "weight_hh"))
        projection = getattr(self, "weight_hr" + suffix, None)
        if not self.bias:
            bias_hh: Any = like(weight_hh).zeros(len(weight_hh), weight_hh.dtype)
            return self._sweep(linear(x, weight_ih), first, weight_hh, bias_hh, projection)
        bias_ih, bias_hh = (getattr(self, name + suffix) for name in ("bias_ih", "bias_hh"))
        return self._sweep(linear(x, weight_ih, bias_ih), first, weight_hh, bias_hh, projection)

    def _sweep(
        self, gates: Tensor, first: list, weight: Tensor, bias: Any, projection: Any
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the output (time, batch, hidden) and the last states, given the input's part of the gates."""
        raise NotImplementedError

    def _check(self, x: Tensor) -> None:
        time = 1 if x.ndim == 3 and self.batch_first else 0
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size or not x.shape[time]:
            axes = "batch, time" if self.batch_first else "time, batch"
            raise ValueError(
                f"{type(self).__name__}(input_size={self.input_size}): input has shape {x.shape}; it must be ({axes}, "
                f"{self.input_size}), or (time, {self.input_size}) without a batch, with at least one time"
            )

    def _first(self, state: Any, k: int, x: Tensor, single: bool) -> Any:
        """Return the first state of every layer and direction, (layers * directions, batch, hidden)."""
        layers, batch = self.num_layers * len(self._directions), x.shape[1]
        size = self._state_size(k)
        if state is None:
            return like(self.weight_hh_l0).zeros((layers, batch, size), self.weight_hh_l0.dtype)
        wanted = (layers, size) if single else (layers, batch, size)
        if np.shape(state) != wanted:
            raise ValueError(
                f"{type(self).__name__}: the first state {'hc'[k]}_0 has shape {np.shape(state)}, it must be "
                f"{wanted} (layers * directions, batch, {'hidden_size' if size == self.hidden_size else 'proj_size'})"
            )
        state = as_floating(state)
        return ops.expand_dims(state, 1) if single else state

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        for name, usual in (
            ("num_layers", 1),
            ("bias", True),
            ("batch_first", False),
            ("dropout", 0.0),
            ("bidirectional", False),
            ("proj_size", 0),
        ):
            if getattr(self, name, usual) != usual:
                text += f", {name}={getattr(self, name)}"
        return text


class RNN(_Recurrent):
    """Elman's recurrent network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh) at every time.

    Elman, "Finding structure in time" (1990).

    Parameters
    ----------
    input_size, hidden_size : int
        The lengths of the vectors that enter and of the state.
    num_layers : int
        The number of networks stacked on one another, each fed with the states of the one below.
    nonlinearity : "tanh" or "relu"
    bias : bool
    batch_first : bool
        Whether input and output are (batch, time, features) and not (time, batch, features). The states are always
        (layers * directions, batch, hidden_size).
    dropout : float
        The probability with which the states between layers are dropped while training.
    bidirectional : bool
        Whether a second network goes backwards in time; the states of both are put side by side.
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l0_reverse, ... : Parameter
        Named as in PyTorch.

    Examples
    --------
    >>> rnn = tg.nn.RNN(3, 5, batch_first=True)
    >>> out, h = rnn(tg.ones(2, 7, 3))
    >>> out.shape, h.shape
    ((2, 7, 5), (1, 2, 5))
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: Any = None,
    ):
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: nonlinearity must be 'tanh' or 'relu', not {nonlinearity!r}")
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype)
        self.nonlinearity = nonlinearity

    def forward(self, x: Any, h: Any = None) -> tuple[Tensor, Tensor]:
        out, (last,) = self._run(x, (h,))
        return out, last

    def _sweep(
        self, gates: Tensor, first: list, weight: Tensor, bias: Any, projection: Any
    ) -> tuple[Tensor, list[Tensor]]:
        (h,) = first
        out = ops.rnn(gates, h, weight, bias, nonlinearity=self.nonlinearity)
        return out, [out[-1]]


class LSTM(_Recurrent):
    """The long short-term memory: a state h and a cell c that gates write to, keep and read.

    Hochreiter and Schmidhuber, "Long short-term memory" (1997), with the forget gate of Gers and others (2000).

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype
        As for `RNN`.
    proj_size : int
        If it is not 0, h is what a matrix makes of the hidden_size elements of each time, and has this length, which
        must be smaller (Sak, Senior and Beaufays 2014).

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, ... : Parameter
        The gates input, forget, cell, output one below the other, as in PyTorch.
    weight_hr_l0, ... : Parameter (proj_size, hidden_size)
        With `proj_size` only.

    Examples
    --------
    >>> lstm = tg.nn.LSTM(3, 5, num_layers=2, bidirectional=True)
    >>> out, (h, c) = lstm(tg.ones(7, 2, 3))
    >>> out.shape, h.shape, c.shape
    ((7, 2, 10), (4, 2, 5), (4, 2, 5))
    """

    gates = 4

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        dtype: Any = None,
    ):
        if not 0 <= proj_size < max(hidden_size, 1):
            raise ValueError(f"LSTM: proj_size {proj_size} must be smaller than hidden_size {hidden_size} (0: none)")
        self.proj_size = proj_size
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype=dtype)

    def _state_size(self, k: int) -> int:
        return self.proj_size or self.hidden_size if k == 0 else self.hidden_size

    def forward(self, x: Any, states: Any = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        if states is not None and len(states) != 2:
            raise ValueError(f"LSTM: the first states are a pair (h_0, c_0), not {len(states)} of them")
        out, (h, c) = self._run(x, (None, None) if states is None else tuple(states))
        return out, (h, c)

    def _sweep(
        self, gates: Tensor, first: list, weight: Tensor, bias: Any, projection: Any
    ) -> tuple[Tensor, list[Tensor]]:
        h, c = first
        if projection is None:
            out, c = ops.lstm(gates, h, c, weight, bias)
            return out, [out[-1], c]
        # With h = weight_hr @ q, what reaches the gates is (weight_hh @ weight_hr) @ q: so an ordinary LSTM computes q,
        # of which the first is zero, while the first h goes into the gates of the first time.
        gates = ops.concatenate([gates[:1] + linear(h, weight), gates[1:]])
        out, c = ops.lstm(gates, like(gates).zeros(c.shape, gates.dtype), c, ops.matmul(weight, projection), bias)
        out = linear(out, projection)
        return out, [out[-1], c]


class GRU(_Recurrent):
    """The gated recurrent unit: a state that one gate resets and another updates.

    Cho and others, "Learning phrase representations using RNN encoder-decoder" (2014).

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype
        As for `RNN`.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, ... : Parameter
        The gates reset, update, new one below the other, as in PyTorch.

    Examples
    --------
    >>> gru = tg.nn.GRU(3, 5)
    >>> out, h = gru(tg.ones(7, 2, 3))
    >>> out.shape, h.shape
    ((7, 2, 5), (1, 2, 5))
    """

    gates = 3

    def forward(self, x: Any, h: Any = None) -> tuple[Tensor, Tensor]:
        out, (last,) = self._run(x, (h,))
        return out, last

    def _sweep(
        self, gates: Tensor, first: list, weight: Tensor, bias: Any, projection: Any
    ) -> tuple[Tensor, list[Tensor]]:
        (h,) = first
        out = ops.gru(gates, h, weight, bias)
        return out, [out[-1]]


# ---------------------------------------------------------------------- one time


class _Cell(Module):
    """What the cells share: weights, and states with or without a batch."""

    drawn_whole = True
    gates: int

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, *, dtype: Any = None):
        if hidden_size < 1:
            raise ValueError(f"{type(self).__name__}: hidden_size must be at least 1, not {hidden_size}")
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        dtype = dtype or get_default_dtype()
        rows, bound = self.gates * hidden_size, 1 / math.sqrt(hidden_size)
        self.weight_ih = Parameter(np.empty((rows, input_size), dtype))
        self.weight_hh = Parameter(np.empty((rows, hidden_size), dtype))
        self.bias_ih = Parameter(np.empty(rows, dtype)) if bias else None
        self.bias_hh = Parameter(np.empty(rows, dtype)) if bias else None
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _prepare(self, x: Any, states: tuple[Any, ...]) -> tuple[bool, Tensor, Any, list[Any]]:
        """Return whether there is no batch, the input's part of the gates for one time, the bias and the states."""
        x, name = as_floating(x), type(self).__name__
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ValueError(
                f"{name}(input_size={self.input_size}): input has shape {x.shape}; it must be "
                f"(batch, {self.input_size}), or ({self.input_size},) without a batch"
            )
        single, wanted = x.ndim == 1, (*x.shape[:-1], self.hidden_size)
        ready = []
        for k, state in enumerate(states):
            if state is not None and np.shape(state) != wanted:
                raise ValueError(f"{name}: the state {'hc'[k]} has shape {np.shape(state)}, it must be {wanted}")
            state = like(x).zeros(wanted, self.weight_hh.dtype) if state is None else as_floating(state)
            ready.append(ops.expand_dims(state, 0) if single else state)
        gates = linear(x, self.weight_ih, self.bias_ih)
        weight, bias = self.weight_hh, self.bias_hh
        bias = like(weight).zeros(len(weight), weight.dtype) if bias is None else bias
        return single, gates.reshape(1, -1, gates.shape[-1]), bias, ready

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Cell):
    """One time of Elman's recurrent network: h' = tanh(W_ih x + b_ih + W_hh h + b_hh).

    `RNN` goes over a whole sequence, and faster than this in a loop.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
    nonlinearity : "tanh" or "relu"
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    weight_ih, weight_hh, bias_ih, bias_hh : Parameter

    Examples
    --------
    >>> cell = tg.nn.RNNCell(3, 5)
    >>> h = cell(tg.ones(2, 3))
    >>> cell(tg.ones(2, 3), h).shape
    (2, 5)
    """

    gates = 1

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", *, dtype: Any = None
    ):
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNNCell: nonlinearity must be 'tanh' or 'relu', not {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, bias, dtype=dtype)

    def forward(self, x: Any, h: Any = None) -> Tensor:
        single, gates, bias, (state,) = self._prepare(x, (h,))
        out = ops.rnn(gates, state, self.weight_hh, bias, nonlinearity=self.nonlinearity)[0]
        return out[0] if single else out


class LSTMCell(_Cell):
    """One time of the long short-term memory: from x (batch, input_size) and (h, c) to the next (h, c).

    `LSTM` goes over a whole sequence, and faster than this in a loop.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    weight_ih, weight_hh, bias_ih, bias_hh : Parameter
        The gates input, forget, cell, output one below the other, as in PyTorch.

    Examples
    --------
    >>> cell = tg.nn.LSTMCell(3, 5)
    >>> h, c = cell(tg.ones(2, 3))
    >>> h, c = cell(tg.ones(2, 3), (h, c))
    >>> h.shape, c.shape
    ((2, 5), (2, 5))
    """

    gates = 4

    def forward(self, x: Any, states: Any = None) -> tuple[Tensor, Tensor]:
        if states is not None and len(states) != 2:
            raise ValueError(f"LSTMCell: the states are a pair (h, c), not {len(states)} of them")
        single, gates, bias, (h, c) = self._prepare(x, (None, None) if states is None else tuple(states))
        out, c = ops.lstm(gates, h, c, self.weight_hh, bias)
        return (out[0, 0], c[0]) if single else (out[0], c)


class GRUCell(_Cell):
    """One time of the gated recurrent unit: from x (batch, input_size) and h to the next h.

    `GRU` goes over a whole sequence, and faster than this in a loop.

    Parameters
    ----------
    input_size, hidden_size : int
    bias : bool
    dtype : dtype, optional
        By default the default float.

    Attributes
    ----------
    weight_ih, weight_hh, bias_ih, bias_hh : Parameter
        The gates reset, update, new one below the other, as in PyTorch.

    Examples
    --------
    >>> tg.nn.GRUCell(3, 5)(tg.ones(2, 3), tg.zeros(2, 5)).shape
    (2, 5)
    """

    gates = 3

    def forward(self, x: Any, h: Any = None) -> Tensor:
        single, gates, bias, (state,) = self._prepare(x, (h,))
        out = ops.gru(gates, state, self.weight_hh, bias)[0]
        return out[0] if single else out
