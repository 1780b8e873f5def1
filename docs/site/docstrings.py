"""Text of docstrings as reStructuredText takes it."""

import re


def escape(text):
    """Let stars, bars and trailing underscores be what they are, outside of code."""
    parts = re.split(r"(``.+?``|`[^`]+`)", text)
    parts[::2] = [re.sub(r"\*|\||(?<=\w)_(?!\w)", r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)
