"""Showing a Graph: as text, as a picture, step by step, as a page."""
