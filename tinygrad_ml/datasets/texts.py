"""Texts to learn words or characters from."""

from __future__ import annotations

import zipfile

from .dataset import DESCRIPTIONS, Text
from .fetch import fetch


def _text(text: str, name: str) -> Text:
    result = Text(text)
    result.description = DESCRIPTIONS[name]
    return result


def tiny_shakespeare() -> Text:
    """Return 40,000 lines of Shakespeare's plays.

    Returns
    -------
    Text
        A str of 1,115,394 characters, with a `description`.

    Examples
    --------
    >>> tg.datasets.tiny_shakespeare()[:14]  # doctest: +SKIP
    'First Citizen:'
    """
    return _text(fetch("tiny_shakespeare").read_text(encoding="ascii"), "tiny_shakespeare")


def wikitext2(part: str = "valid") -> Text:
    """Return articles of Wikipedia, as words with spaces between them.

    Parameters
    ----------
    part : "valid", "test" or "train"
        About 210,000, 240,000 or 2,090,000 words.

    Returns
    -------
    Text
        A str, with a `description`.

    Examples
    --------
    >>> words = tg.datasets.wikitext2("valid").split()  # doctest: +SKIP
    >>> len(words)  # doctest: +SKIP
    213886
    """
    if part == "train":
        path = fetch("wikitext2 archive")
        try:
            with zipfile.ZipFile(path) as archive:  # one member is read, nothing is unpacked
                return _text(archive.read("wikitext-2/wiki.train.tokens").decode("utf-8"), "wikitext2")
        except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is not the archive of WikiText-2: {error}") from None
    if part not in ("valid", "test"):
        raise ValueError(f'wikitext2: part is "valid", "test" or "train", not {part!r}')
    return _text(fetch(f"wikitext2 {part}").read_text(encoding="utf-8"), "wikitext2")
