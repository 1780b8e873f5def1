"""Where the path of a gradient is cut: detach(), numpy(), no_grad() and the like, each with the user's line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from types import CodeType, FrameType
from typing import Any, NamedTuple

from ..function import Function
from ..modes import Mode, in_library, modes, user_frame
from ..tensor import Tensor

METHODS: dict[Callable, str] = {
    Tensor.detach: "detach()",
    Tensor.numpy: "numpy()",
    Tensor.item: "item()",
    Tensor.tolist: "tolist()",
    Tensor.__float__: "float() or int()",  # one function for all of them
    Tensor.data.fget: ".data",  # type: ignore[attr-defined]
}
CUTS: dict[CodeType, str] = {method.__code__: name for method, name in METHODS.items()}
APPLY = Function.apply.__func__.__code__  # type: ignore[attr-defined]


class Cut(NamedTuple):
    """One place: what cuts there, the line, and the Tensor whose gradient does not pass."""

    how: str
    line: str
    source: Tensor


def cuts_in(function: Callable[[], Any]) -> list[Cut]:
    """Call a function and return where it took the value out of a Tensor that requires a gradient.

    Calls are watched by a profile function, which is that of this thread alone and changes no method. Under a profiler
    only no_grad() is found, since there cannot be two.
    """
    found: list[Cut] = []
    before, observer = sys.getprofile(), modes.observer

    def called(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code in CUTS and frame.f_back is not None and not in_library(frame.f_back):
            if _in_a_function(frame):
                return
            x = frame.f_locals["self"]
            if x.requires_grad:
                found.append(Cut(CUTS[frame.f_code], _place(frame.f_back), x))

    def observe(primitive: Any, inputs: Sequence, parameters: dict, output: Any) -> None:
        if not modes.recording and not _in_a_function(sys._getframe(1)):
            found.extend(
                Cut("no_grad()", _place(user_frame()), x) for x in inputs if isinstance(x, Tensor) and x.requires_grad
            )
        if observer is not None:
            observer(primitive, inputs, parameters, output)

    with Mode(observer=observe):
        if before is None:
            sys.setprofile(called)
        try:
            function()
        finally:
            if before is None:
                sys.setprofile(None)
    return found


def depends_on(x: Tensor, leaf: Tensor) -> bool:
    """Return whether a Tensor was computed from a leaf."""
    if x is leaf:
        return True
    seen, left = set(), [x.node]
    while left:
        node = left.pop()
        for edge in () if node is None else node.edges:
            if edge is leaf:
                return True
            if edge is not None and not isinstance(edge, Tensor) and edge not in seen:
                seen.add(edge)
                left.append(edge)
    return False


def _in_a_function(frame: FrameType | None) -> bool:
    """Return whether a frame stands in the forward of a Function, whose path goes through its own backward."""
    while frame is not None and frame.f_code is not APPLY:
        frame = frame.f_back
    return frame is not None


def _place(frame: FrameType) -> str:
    """Return the file, from the current folder if it is in there, and the line of a frame."""
    path = frame.f_code.co_filename
    folder = os.getcwd() + os.sep
    return f"{path.removeprefix(folder)}:{frame.f_lineno}"
