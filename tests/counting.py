"""The cost of a call, counted instead of timed: the same on every machine and under every load. And its way."""

import sys
from pathlib import Path

import tinygrad_ml as tg


def calls_in(function):
    """Return how many calls, of functions of Python and of C, a call of `function` makes."""
    number = 0

    def profile(frame, event, argument):
        nonlocal number
        number += event in ("call", "c_call")

    _run(function, profile)
    return number


def files_of(function):
    """Return the files of the library whose functions a call of `function` calls: where a reader has to look.

    Not counted is the one that looks at the names of arguments for those of other libraries, and does nothing else.
    """
    root, found = Path(tg.__file__).parents[1], set()

    def profile(frame, event, argument):
        path = Path(frame.f_code.co_filename)
        if event == "call" and any(path.is_relative_to(root / room) for room in ("tinygrad_ml", "models")):
            found.add(path.relative_to(root).as_posix())

    _run(function, profile)
    return found - {"tinygrad_ml/foreign_names.py"}


def _run(function, profile):
    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(before)
