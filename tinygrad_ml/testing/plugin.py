"""The pytest plugin: nothing to import in a test file."""
