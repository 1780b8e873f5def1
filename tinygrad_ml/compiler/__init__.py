"""`tg.compile`: a whole training step as one program."""

from .entry import compile

__all__ = ["compile"]
