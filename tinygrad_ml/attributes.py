"""Attributes of Tensors that other libraries have as methods: called, they say what to write.

What `x.size` gives is an ordinary int, so nothing could be said once it is called: Python's "'int' object is not
callable" would be all. So the attribute looks at the instruction that reads it, which says whether a call follows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from opcode import opmap
from typing import Any

# `x.size(0)` loads a method; since Python 3.12 that is the instruction for attributes, with the lowest bit of its
# argument set. (https://docs.python.org/3/library/dis.html#opcode-LOAD_ATTR)
IMPORTS = opmap["IMPORT_FROM"]
LOADS, BIT = (opmap["LOAD_ATTR"], 1) if sys.version_info >= (3, 12) else (opmap.get("LOAD_METHOD", -1), 0)
CACHE = opmap.get("CACHE", 0)  # what follows an instruction: where Python 3.12 stands in it, once it has run before


def imports(frame: Any) -> bool:
    """Whether a frame is at `from module import name`.

    Python says no more than "cannot import name" where a module raises AttributeError for a name that it lacks.
    """
    return bool(frame.f_code.co_code[frame.f_lasti] == IMPORTS)


def attribute(name: str, read: Callable[[Any], Any], doc: str, instead: str = "") -> Any:
    """Return a property that raises TypeError where it is called: with `instead`, or to leave out the parentheses.

    Examples
    --------
    >>> tg.ones(2, 3).ndim
    2
    >>> tg.ones(2, 3).size(0)
    Traceback (most recent call last):
    ...
    TypeError: x.size is the number of elements, and no method: the length of an axis is x.shape[0], and of all x.shape
    """

    def get(self: Any) -> Any:
        frame = sys._getframe(1)
        code, at = frame.f_code.co_code, frame.f_lasti
        while code[at] == CACHE:
            at -= 2
        if code[at] == LOADS and code[at + 1] & BIT == BIT:
            __tracebackhide__ = True
            raise TypeError(f"x.{name} is {instead or f'an attribute, and no method: write x.{name}'}")
        return read(self)

    return property(get, doc=doc)
