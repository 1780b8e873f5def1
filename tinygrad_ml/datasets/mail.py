"""Mails and short messages, wanted and not."""

from __future__ import annotations

import bz2
import hashlib
import io
import re
import tarfile
from pathlib import Path

import numpy as np

from .dataset import DESCRIPTIONS, Dataset
from .fetch import fetch

LARGEST = 2**26  # bytes that an archive of mails may unpack to; the real ones have 9 million
MOST_STREAMS = 100
NAMED = re.compile(r"^\d{4,5}\.([0-9a-f]{32})$")  # a number, and the md5 of the mail


def sms_spam() -> Dataset:
    """Return short messages and whether each is spam.

    Returns
    -------
    Dataset
        messages, a list of 5,574 str, and y (5574,) of int64: 1 for spam.

    Examples
    --------
    >>> messages, y = tg.datasets.sms_spam()  # doctest: +SKIP
    >>> len(messages), y.sum()  # doctest: +SKIP
    (5574, 747)
    """
    path = fetch("sms_spam")
    messages, labels = [], []
    for number, line in enumerate(path.read_bytes().decode("utf-8").replace("\r\n", "\n").split("\n"), 1):
        if line:
            label, tab, message = line.partition("\t")
            if label not in ("ham", "spam") or not tab:
                raise ValueError(
                    f"{path}: line {number} must be ham or spam, a tab, and the message; it is {line[:40]!r}"
                )
            messages.append(message)
            labels.append(label == "spam")
    return Dataset([messages, np.array(labels, np.int64)], "messages y", DESCRIPTIONS["sms_spam"])


def spamassassin() -> Dataset:
    """Return raw mails with headers, and whether each is spam.

    Returns
    -------
    Dataset
        mails, a list of 3,000 bytes, and y (3000,) of int64: 1 for spam. `tg.features.read_mail` reads one, and
        `tg.features.TextCounts` counts the words of all.

    Examples
    --------
    >>> mails, y = tg.datasets.spamassassin()  # doctest: +SKIP
    >>> len(mails), y.sum()  # doctest: +SKIP
    (3000, 500)
    """
    ham, spam = (read_mails(fetch(f"spamassassin {kind}")) for kind in ("ham", "spam"))
    y = np.repeat(np.array([0, 1], np.int64), [len(ham), len(spam)])
    return Dataset([ham + spam, y], "mails y", DESCRIPTIONS["spamassassin"])


def read_mails(path: str | Path) -> list[bytes]:
    """Return the mails in a .tar.bz2 archive of the corpus, by their numbers; nothing is written anywhere.

    A mail is a file whose name is a number and its md5, which is compared; others (lists of commands) are left out.

    Raises
    ------
    ValueError
        If the archive is damaged, not of that form, or unpacks to more than a corpus could hold.
    """
    path = Path(path)
    rest, data = path.read_bytes(), b""
    for _ in range(MOST_STREAMS):  # what was packed by several processes has several
        unpacker = bz2.BZ2Decompressor()
        try:
            data += unpacker.decompress(rest, LARGEST + 1 - len(data))
        except OSError as error:
            raise ValueError(f"{path} is not a whole archive of bzip2: {error}") from None
        if len(data) > LARGEST:
            raise ValueError(f"{path} unpacks to more than {LARGEST} bytes, which no corpus of mails does")
        if not unpacker.eof:
            raise ValueError(f"{path} is not a whole archive of bzip2: it ends too early")
        rest = unpacker.unused_data
        if not rest:
            break
    else:
        raise ValueError(f"{path} has more than {MOST_STREAMS} streams of bzip2, which no corpus of mails does")
    mails = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                named = NAMED.match(name)
                if not member.isfile() or not named:
                    continue
                file = archive.extractfile(member)
                mail = file.read() if file is not None else b""
                if hashlib.md5(mail, usedforsecurity=False).hexdigest() != named[1]:
                    raise ValueError(f"{path} is damaged: the mail {name} is not the one whose md5 its name has")
                mails[name] = mail
    except (tarfile.TarError, EOFError, OverflowError) as error:
        raise ValueError(f"{path} is not an archive of mails: {error}") from None
    if not mails:
        raise ValueError(f"{path} holds no mail whose name is a number and an md5")
    return [mails[name] for name in sorted(mails)]
