"""Recurrent layers: Elman's network, the LSTM, the GRU, of any depth and in one or both directions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import ops
from ..tensor import Tensor, as_floating, get_default_dtype
from . import init
from .dropout import check_probability, dropout
from .linear import linear
from .module import Module
from .parameter import Parameter

__all__ = ["GRU", "LSTM", "RNN"]


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
        rows, bound = self.gates * hidden_size, 1 / math.sqrt(hidden_size)
        for layer in range(num_layers):
            entering = input_size if layer == 0 else hidden_size * len(self._directions)
            for direction in self._directions:
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, entering), "weight_hh": (rows, hidden_size)}
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                for name, shape in shapes.items():
                    parameter = Parameter(np.empty(shape, dtype))
                    init.uniform_(parameter, -bound, bound)
                    setattr(self, f"{name}_l{layer}{direction}", parameter)

    @property
    def _directions(self) -> tuple[str, ...]:
        return ("", "_reverse") if self.bidirectional else ("",)

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
        if not self.bias:
            return self._sweep(linear(x, weight_ih), first, weight_hh, np.zeros(len(weight_hh), weight_hh.dtype))
        bias_ih, bias_hh = (getattr(self, name + suffix) for name in ("bias_ih", "bias_hh"))
        return self._sweep(linear(x, weight_ih, bias_ih), first, weight_hh, bias_hh)

    def _sweep(self, gates: Tensor, first: list, weight: Tensor, bias: Any) -> tuple[Tensor, list[Tensor]]:
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
        if state is None:
            return np.zeros((layers, batch, self.hidden_size), self.weight_hh_l0.dtype)
        wanted = (layers, self.hidden_size) if single else (layers, batch, self.hidden_size)
        if np.shape(state) != wanted:
            raise ValueError(
                f"{type(self).__name__}: the first state {'hc'[k]}_0 has shape {np.shape(state)}, it must be "
                f"{wanted} (layers * directions, batch, hidden_size)"
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
        ):
            if getattr(self, name) != usual:
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

    def _sweep(self, gates: Tensor, first: list, weight: Tensor, bias: Any) -> tuple[Tensor, list[Tensor]]:
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

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, ... : Parameter
        The gates input, forget, cell, output one below the other, as in PyTorch.

    Examples
    --------
    >>> lstm = tg.nn.LSTM(3, 5, num_layers=2, bidirectional=True)
    >>> out, (h, c) = lstm(tg.ones(7, 2, 3))
    >>> out.shape, h.shape, c.shape
    ((7, 2, 10), (4, 2, 5), (4, 2, 5))
    """

    gates = 4

    def forward(self, x: Any, states: Any = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        if states is not None and len(states) != 2:
            raise ValueError(f"LSTM: the first states are a pair (h_0, c_0), not {len(states)} of them")
        out, (h, c) = self._run(x, (None, None) if states is None else tuple(states))
        return out, (h, c)

    def _sweep(self, gates: Tensor, first: list, weight: Tensor, bias: Any) -> tuple[Tensor, list[Tensor]]:
        h, c = first
        out, c = ops.lstm(gates, h, c, weight, bias)
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

    def _sweep(self, gates: Tensor, first: list, weight: Tensor, bias: Any) -> tuple[Tensor, list[Tensor]]:
        (h,) = first
        out = ops.gru(gates, h, weight, bias)
        return out, [out[-1]]
