"""Samples of operations that work element by element."""

from __future__ import annotations

from .sample import Sample

SAMPLES: dict[str, list[Sample]] = {}
