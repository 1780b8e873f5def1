"""What turns a program into a plan, by name."""

from __future__ import annotations

from collections.abc import Callable

from ..modes import warn
from . import c_plan, numpy_plan
from .build import CannotCompile
from .program import Code, Program

__all__ = ["BACK_ENDS"]

said: set[str] = set()  # why there is no C: each reason is told once


def c_or_numpy(program: Program, code: Code) -> list[str]:
    """Write a program as C, or as NumPy where nothing can be compiled."""
    try:
        return c_plan.build(program, code)
    except CannotCompile as error:
        reason = str(error)
        if reason not in said:
            said.add(reason)
            warn(f"tg.compile: NumPy is used in place of C, which is slower: {reason}")
        return numpy_plan.build(program, code)


BACK_ENDS: dict[str, Callable[[Program, Code], list[str]]] = {
    "auto": c_or_numpy,
    "c": c_or_numpy,
    "numpy": numpy_plan.build,
}
