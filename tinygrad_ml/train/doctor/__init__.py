"""A doctor for networks: it watches a training run, and names illnesses with their place and cure."""

from .doctor import Doctor
from .finding import Finding

__all__ = ["Doctor", "Finding"]
