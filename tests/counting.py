"""The cost of a call, counted instead of timed: the same on every machine and under every load."""

import sys


def calls_in(function):
    """Return how many calls, of functions of Python and of C, a call of `function` makes."""
    number = 0

    def profile(frame, event, argument):
        nonlocal number
        number += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(before)
    return number
