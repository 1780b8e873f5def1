"""The files here are read by type checkers (`make lint`), not by pytest."""

collect_ignore_glob = ["*.py"]
