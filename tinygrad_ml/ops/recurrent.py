"""Recurrent layers over a whole sequence as one operation: Elman's network, the LSTM, the GRU.

All of them get the input's share of the gates for all times at once, x (time, batch, gates * hidden), and add the
share of the state before, m = h @ weight.T + bias. What differs is the cell: `step` goes from one time to the next,
`back` carries the gradient one time back. Both work on arrays and, when a gradient is itself differentiated, on
Tensors. Backpropagation through time: Werbos 1990.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Residuals, dispatch, primitive
from ..tensor import Tensor
from .activation import relu, sigmoid
from .blockwise import masked

__all__ = ["gru", "lstm", "rnn"]


class Steps(Residuals):
    """What the forward pass through time saves for the backward pass, and the gradients, which all rules share."""

    def __init__(self, states: list, steps: list):
        self.states, self.steps = states, steps
        self.arrived: Any = None
        self.found: Any = None

    def mapped(self, change: Callable[[Any], Any]) -> Steps:
        """Return the same with other values."""
        return Steps([change(h) for h in self.states], [change(step) for step in self.steps])


class _Elman:
    """The cell h' = f(x + m) with f = tanh or relu."""

    def __init__(self, nonlinearity: str):
        self.nonlinearity = nonlinearity

    def step(self, x: Any, m: Any, h: Any, c: Any) -> tuple:
        h = np.tanh(x + m) if self.nonlinearity == "tanh" else dispatch(relu, x + m)
        return h, c, h

    def back(self, g: Any, gc: Any, h: Any) -> tuple:
        d = g * (1 - h * h) if self.nonlinearity == "tanh" else masked(g, h > 0)
        return d, d, 0, gc


class _LSTM:
    """The long short-term memory with gates in the order input, forget, cell, output.

    Hochreiter and Schmidhuber 1997; the forget gate: Gers, Schmidhuber and Cummins 2000.
    """

    def step(self, x: Any, m: Any, h: Any, c: Any) -> tuple:
        a, n = x + m, h.shape[-1]
        entering = dispatch(sigmoid, a[:, : 2 * n])
        i, f = entering[:, :n], entering[:, n:]
        new = np.tanh(a[:, 2 * n : 3 * n])
        o = dispatch(sigmoid, a[:, 3 * n :])
        after = f * c + i * new
        shown = np.tanh(after)
        return o * shown, after, (i, f, new, o, c, shown)

    def back(self, g: Any, gc: Any, saved: tuple) -> tuple:
        i, f, new, o, c, shown = saved
        gc = gc + g * o * (1 - shown * shown)
        parts = [gc * new * i * (1 - i), gc * c * f * (1 - f), gc * i * (1 - new * new), g * shown * o * (1 - o)]
        d = np.concatenate(parts, axis=1)
        return d, d, 0, gc * f


class _GRU:
    """The gated recurrent unit with gates in the order reset, update, new (Cho and others 2014)."""

    def step(self, x: Any, m: Any, h: Any, c: Any) -> tuple:
        n = h.shape[-1]
        gates = dispatch(sigmoid, x[:, : 2 * n] + m[:, : 2 * n])
        r, z = gates[:, :n], gates[:, n:]
        past = m[:, 2 * n :]
        new = np.tanh(x[:, 2 * n :] + r * past)
        return new + z * (h - new), c, (r, z, new, past, h)

    def back(self, g: Any, gc: Any, saved: tuple) -> tuple:
        r, z, new, past, h = saved
        dn = g * (1 - z) * (1 - new * new)
        dr, dz = dn * past * r * (1 - r), g * (h - new) * z * (1 - z)
        return np.concatenate([dr, dz, dn], axis=1), np.concatenate([dr, dz, dn * r], axis=1), g * z, gc


Cell = _Elman | _LSTM | _GRU
LSTM, GRU = _LSTM(), _GRU()


def _through_time(cell: Cell, x: Any, h: Any, c: Any, weight: Any, bias: Any) -> tuple:
    """Return the states after every time, the last c, and the residuals."""
    states, steps, after = [], [], []
    across = weight.T.copy()  # in the order in which BLAS is quicker
    for t in range(len(x)):
        states.append(h)
        h, c, saved = cell.step(x[t], h @ across + bias, h, c)
        steps.append(saved)
        after.append(h)
    return np.stack(after), c, Steps(states, steps)


def _back(cell: Cell, g: Any, gc: Any, x: Any, h: Any, c: Any, weight: Any, bias: Any, residuals: Steps) -> tuple:
    """Return the gradients of x, h, c, weight and bias; they are computed once for all of them."""
    if residuals.arrived is not g:
        record = residuals
        if isinstance(x, Tensor):  # the gradient is itself recorded: so must be what the way forward saves
            record = _through_time(cell, x, h, c, weight, bias)[2]
        dxs, dms, dh = [], [], 0
        for t in range(len(x) - 1, -1, -1):
            dx, dm, direct, gc = cell.back(g[t] + dh, gc, record.steps[t])
            dxs.append(dx)
            dms.append(dm)
            dh = dm @ weight + direct
        dx = np.stack(dxs[::-1])
        dm = dx if dxs[0] is dms[0] else np.stack(dms[::-1])
        flat, before = dm.reshape(-1, dm.shape[-1]), np.stack(record.states).reshape(-1, h.shape[-1])
        residuals.arrived, residuals.found = g, (dx, dh, gc, flat.T @ before, flat.sum(axis=0))
    return residuals.found


def _elman(g: Any, x: Any, h: Any, weight: Any, bias: Any, nonlinearity: str, residuals: Steps) -> tuple:
    return _back(_Elman(nonlinearity), g, 0, x, h, 0, weight, bias, residuals)


@primitive(
    floating=True,
    residuals="residuals",
    formula="backpropagation through time",
    real_only=True,
    x=lambda g, x, h, weight, bias, nonlinearity, residuals: _elman(g, x, h, weight, bias, nonlinearity, residuals)[0],
    h=lambda g, x, h, weight, bias, nonlinearity, residuals: _elman(g, x, h, weight, bias, nonlinearity, residuals)[1],
    weight=lambda g, x, h, weight, bias, nonlinearity, residuals: _elman(
        g, x, h, weight, bias, nonlinearity, residuals
    )[3],
    bias=lambda g, x, h, weight, bias, nonlinearity, residuals: _elman(g, x, h, weight, bias, nonlinearity, residuals)[
        4
    ],
)
def rnn(x, h, weight, bias, *, nonlinearity="tanh"):
    """Return the states h' = tanh(x + h @ weight.T + bias), or with relu, after every time.

    For x (time, batch, hidden), the first state h (batch, hidden), weight (hidden, hidden) and bias (hidden,).

    >>> tg.ops.rnn(tg.ones((3, 1, 1)), tg.zeros((1, 1)), tg.ones((1, 1)), tg.zeros(1), nonlinearity="relu").ravel()
    tensor([1., 2., 3.])
    """
    out, _, residuals = _through_time(_Elman(nonlinearity), x, h, 0, weight, bias)
    return out, residuals


@primitive(
    floating=True,
    residuals="residuals",
    formula="backpropagation through time",
    real_only=True,
    x=lambda g, x, h, c, weight, bias, residuals: _lstm(g, x, h, c, weight, bias, residuals)[0],
    h=lambda g, x, h, c, weight, bias, residuals: _lstm(g, x, h, c, weight, bias, residuals)[1],
    c=lambda g, x, h, c, weight, bias, residuals: _lstm(g, x, h, c, weight, bias, residuals)[2],
    weight=lambda g, x, h, c, weight, bias, residuals: _lstm(g, x, h, c, weight, bias, residuals)[3],
    bias=lambda g, x, h, c, weight, bias, residuals: _lstm(g, x, h, c, weight, bias, residuals)[4],
)
def lstm(x, h, c, weight, bias):
    """Return the states h of a long short-term memory after every time, and its last cell state c.

    For x (time, batch, 4 * hidden) with the gates input, forget, cell, output, the first states h and c
    (batch, hidden), weight (4 * hidden, hidden) and bias (4 * hidden,).

    >>> h = c = tg.zeros((2, 3))
    >>> out, c = tg.ops.lstm(tg.ones((5, 2, 12)), h, c, tg.zeros((12, 3)), tg.zeros(12))
    >>> out.shape, c.shape
    ((5, 2, 3), (2, 3))
    """
    out, c, residuals = _through_time(LSTM, x, h, c, weight, bias)
    return (out, c), residuals


def _lstm(g: Any, x: Any, h: Any, c: Any, weight: Any, bias: Any, residuals: Steps) -> tuple:
    return _back(LSTM, g[0], g[1], x, h, c, weight, bias, residuals)


@primitive(
    floating=True,
    residuals="residuals",
    formula="backpropagation through time",
    real_only=True,
    x=lambda g, x, h, weight, bias, residuals: _back(GRU, g, 0, x, h, 0, weight, bias, residuals)[0],
    h=lambda g, x, h, weight, bias, residuals: _back(GRU, g, 0, x, h, 0, weight, bias, residuals)[1],
    weight=lambda g, x, h, weight, bias, residuals: _back(GRU, g, 0, x, h, 0, weight, bias, residuals)[3],
    bias=lambda g, x, h, weight, bias, residuals: _back(GRU, g, 0, x, h, 0, weight, bias, residuals)[4],
)
def gru(x, h, weight, bias):
    """Return the states of a gated recurrent unit after every time.

    For x (time, batch, 3 * hidden) with the gates reset, update, new, the first state h (batch, hidden),
    weight (3 * hidden, hidden) and bias (3 * hidden,).

    >>> tg.ops.gru(tg.ones((5, 2, 9)), tg.zeros((2, 3)), tg.zeros((9, 3)), tg.zeros(9)).shape
    (5, 2, 3)
    """
    out, _, residuals = _through_time(GRU, x, h, 0, weight, bias)
    return out, residuals
