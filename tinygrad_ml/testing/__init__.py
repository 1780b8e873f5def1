"""Tools for tests: gradient checks and sample inputs for every operation."""
