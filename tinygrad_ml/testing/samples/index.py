"""Samples of indexing."""

from __future__ import annotations

from .sample import Sample

SAMPLES: dict[str, list[Sample]] = {}
