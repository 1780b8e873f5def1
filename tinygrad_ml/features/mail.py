"""Mail, as features of it are made: who sent it, when, and its text. Nothing of it is run, opened or unpacked.

Mails that people send are often malformed, and spam more than others: an unknown character set, a part that is cut off
or a date that is none do not keep the rest from being read, and `Mail.defects` names them. What would keep a reader
busy for hours is refused (parts in parts in parts) or cut off (headers: Python's reader of them needs the square of
their length), and character sets whose decoders need the square of the length count as unknown.
"""

from __future__ import annotations

import codecs
import email
import email.message
import email.policy
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Any

LARGEST = 2**25  # bytes; what mail servers take is less
MOST_PARTS = 500
MOST_WORK = 5_000_000  # lines times the parts in one another that each may end
MOST_HEADERS = 300  # that stand in `Mail.headers`
LONGEST = 2000  # characters of a header that are read
SLOW = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf-7")  # no mail has them in its text
ADDRESS = re.compile(r"[^\s<>@,;:\"()\[\]]{1,200}@[^\s<>@,;:\"()\[\]]{1,255}")
INVISIBLE = ("script", "style", "head", "title")  # elements of a page whose text nobody sees
ENTITY = re.compile(r"&#?\w{1,32};")


@dataclass(frozen=True)
class Mail:
    """A mail that `read_mail` has read.

    Attributes
    ----------
    sender : str
        The address, in lower case; "" if there is none.
    subject : str
    date : datetime or None
        When it was sent, by the clock of the sender.
    text : str
        The body: of a page of HTML what is read of it, with the addresses of its links.
    headers : str
        All headers as lines "Name: value".
    html : bool
        Whether a part is a page of HTML.
    attachments : int
    defects : tuple of str
        What was wrong with it.
    """

    sender: str = ""
    subject: str = ""
    date: datetime | None = None
    text: str = ""
    headers: str = field(default="", repr=False)
    html: bool = False
    attachments: int = 0
    defects: tuple[str, ...] = ()

    @property
    def domain(self) -> str:
        """What follows the @ of the sender."""
        return self.sender.partition("@")[2]

    @property
    def hour(self) -> float:
        """The hours from midnight to when it was sent; NaN if it does not say."""
        return float("nan") if self.date is None else self.date.hour + self.date.minute / 60 + self.date.second / 3600


def read_mail(mail: bytes | str | email.message.Message) -> Mail:
    r"""Read a raw mail with its headers.

    Parameters
    ----------
    mail : bytes, str or email.message.Message
        What a mail file holds: headers, an empty line, the body. To read a file, give its bytes.

    Raises
    ------
    TypeError
        If it is none of these.
    ValueError
        If it is empty, larger than 32 MiB, or has more parts than anyone sends.

    Examples
    --------
    >>> mail = tg.features.read_mail(
    ...     b"From: Ada <Ada@example.org>\nSubject: Engines\nDate: Tue, 3 Mar 2020 21:30:00 +0100\n\nThey weave!\n"
    ... )
    >>> mail.sender, mail.domain, mail.hour, mail.text
    ('ada@example.org', 'example.org', 21.5, 'They weave!\n')
    """
    if isinstance(mail, email.message.Message):
        mail = mail.as_bytes(policy=email.policy.compat32)
    if isinstance(mail, str):
        mail = mail.encode("utf-8", "replace")
    if not isinstance(mail, (bytes, bytearray, memoryview)):
        hint = ": give path.read_bytes()" if isinstance(mail, os.PathLike) else ""
        raise TypeError(
            f"read_mail: a mail is bytes, str or a message of Python's email, not {type(mail).__name__}{hint}"
        )
    raw = bytes(mail)
    _check_size(raw)
    try:
        message = email.message_from_bytes(raw, policy=Limited(seen=Counter()))  # type: ignore[call-arg]
    except RecursionError:
        raise ValueError("read_mail: its parts lie in one another more deeply than anyone sends") from None
    defects: list[str] = []
    texts: list[str] = []
    html, attachments = False, 0
    for part in _parts(message):
        defects += [type(defect).__name__ for defect in part.defects]
        if part.is_multipart():
            continue
        attached = "attachment" in str(part.get("Content-Disposition", "")).lower()
        if attached or part.get_content_maintype() != "text":
            attachments += 1
            continue
        text = _decoded(part, defects)
        if part.get_content_subtype() == "html":
            html = True
            text = text_of_html(text)
        texts.append(text)
    found = ADDRESS.search(_header(message, "From", defects))
    return Mail(
        found[0].lower() if found else "",
        _header(message, "Subject", defects),
        _date(message, defects),
        "\n".join(texts).replace("\r\n", "\n"),
        "\n".join(f"{name}: {_plain(value, defects)}" for name, value in message.items()[:MOST_HEADERS]),
        html,
        attachments,
        tuple(dict.fromkeys(defects)),
    )


class Limited(email.policy.Compat32):
    """How Python's parser reads headers: cut off where they are long; too many parts are refused."""

    seen: Any = None

    def header_source_parse(self, sourcelines: Sequence[str]) -> tuple[str, str]:
        """Return the name and the value of a header."""
        name, value = super().header_source_parse(list(sourcelines))
        kind = name.strip().lower()
        self.seen[kind] += 1
        if kind == "content-type" and self.seen[kind] > MOST_PARTS:
            raise ValueError(f"read_mail: it has more than {MOST_PARTS} parts, which nobody sends")
        return name[:LONGEST], value[: LONGEST // 2 if kind.startswith("content-") else LONGEST]


def _check_size(raw: bytes) -> None:
    if not raw.strip():
        raise ValueError("read_mail: the mail is empty")
    if len(raw) > LARGEST:
        raise ValueError(f"read_mail: {len(raw):,} bytes are more than {LARGEST:,}, the largest mail that is read")
    lower = raw.lower()
    parts = lower.count(b"multipart/") + lower.count(b"message/")  # at least as many as there are
    lines = raw.count(b"\n") + raw.count(b"\r")
    if parts > MOST_PARTS or lines * (parts + 1) > MOST_WORK:
        raise ValueError(
            f"read_mail: {lines:,} lines in {parts} parts that hold parts take too long to read; nobody sends such mail"
        )


def _parts(message: email.message.Message) -> Iterable[email.message.Message]:
    """Yield a message and all its parts, in order, without recursion."""
    pending = [message]
    while pending:
        part = pending.pop()
        yield part
        if part.is_multipart():
            pending += [inner for inner in reversed(part.get_payload()) if isinstance(inner, email.message.Message)]  # type: ignore[arg-type]


def _decoded(part: email.message.Message, defects: list[str]) -> str:
    """Return the text of a part, with the sign for unknown characters where it cannot be decoded."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        charset = str(part.get_content_charset() or "utf-8")
    except (LookupError, ValueError):  # its own name is malformed
        charset = "utf-8"
    return _text(payload, charset, defects)


def _text(data: bytes, charset: str, defects: list[str]) -> str:
    try:
        if codecs.lookup(charset).name in SLOW:
            raise LookupError(charset)
        return data.decode(charset)
    except (LookupError, UnicodeError, ValueError) as error:
        defects.append("UnknownCharset" if isinstance(error, LookupError) else "UndecodableText")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _header(message: email.message.Message, name: str, defects: list[str]) -> str:
    return _plain(message.get(name, ""), defects)


def _plain(value: Any, defects: list[str]) -> str:
    """Return a header as text: its encoded words decoded, its lines joined."""
    text = str(value)[:LONGEST].encode("utf-8", "replace").decode("utf-8")  # of stray bytes "?" remains
    if "=?" in text:
        try:
            pieces = decode_header(text)
        except (HeaderParseError, ValueError):
            defects.append("MalformedHeader")
            pieces = []
        words = [
            word if isinstance(word, str) else _text(word, charset or "latin-1", defects) for word, charset in pieces
        ]
        text = "".join(words) if pieces else text
    return " ".join(text.split())


def _date(message: email.message.Message, defects: list[str]) -> datetime | None:
    value = str(message.get("Date", ""))[:200]
    if not value:
        return None
    try:
        return parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        defects.append("MalformedDate")
        return None


# ---------------------------------------------------------------------- HTML


def text_of_html(page: str) -> str:
    """Return what is read of a page of HTML, and the addresses that its links and pictures have.

    It goes through the page once, whatever is in it.

    Examples
    --------
    >>> from tinygrad_ml.features.mail import text_of_html
    >>> text_of_html("<style>p {color: red}</style><p>Click <a href='http://x.example/'>here</a> &amp; win")
    '  Click  http://x.example/ here & win'
    """
    out, lower, at = [], page.translate(LOWER), 0
    while at < len(page):
        start = page.find("<", at)
        if start < 0:
            out.append(page[at:])
            break
        out.append(page[at:start])
        if page.startswith("<!--", start):
            end = page.find("-->", start + 4)
            at = len(page) if end < 0 else end + 3
            continue
        end = page.find(">", start)
        if end < 0:  # a tag that is cut off
            break
        name = NAME.match(lower, start + 1)
        if name and name[0] in INVISIBLE:
            close = lower.find("</" + name[0], end)
            closed = -1 if close < 0 else page.find(">", close)
            at = len(page) if closed < 0 else closed + 1
        else:
            out.append(_spaced(page[start : end + 1], name[0] if name else ""))
            at = end + 1
    return ENTITY.sub(lambda entity: unescape(entity[0]), "".join(out))


LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}  # `str.lower` makes two characters of some
NAME = re.compile(r"[a-z][a-z0-9]{0,20}")
LINK = re.compile(r"""\b(?:href|src)\s{0,5}=\s{0,5}["']?([^\s"'>]{1,2000})""", re.I)
INLINE = ("b", "i", "u", "em", "font", "span", "strong", "small", "big", "sub", "sup")


def _spaced(tag: str, name: str) -> str:
    """Return what stands in the text for a tag: a space, with the address of a link; nothing within a line."""
    link = LINK.search(tag) if name in ("a", "area", "img", "form", "iframe") else None
    if link:
        return f" {link[1]} "
    inline = name in INLINE or (tag[1:2] == "/" and tag[2:-1].strip().lower() in (*INLINE, "a"))
    return "" if inline else " "


# ---------------------------------------------------------------------- many mails


def mail_table(mails: Iterable[bytes | str | email.message.Message]) -> Any:
    r"""Return mails as a frame of pandas, for `Columns`: one row each, whose features are learned later.

    Its columns: sender, domain, subject, hour (of the day, by the sender's clock), text, headers, html, attachments,
    links (their number), defects (their number).

    Examples
    --------
    >>> frame = tg.features.mail_table([b"From: a@b.example\nSubject: Hi\n\nSee http://c.example"])
    >>> frame[["domain", "subject", "links"]].to_dict("records")
    [{'domain': 'b.example', 'subject': 'Hi', 'links': 1}]
    """
    try:
        import pandas
    except ImportError:
        raise ImportError("mail_table makes a frame of pandas: pip install pandas") from None
    if isinstance(mails, (bytes, str)):
        raise TypeError("mail_table takes a list of mails; of one it is [mail]")
    rows = []
    for number, raw in enumerate(mails):
        try:
            mail = raw if isinstance(raw, Mail) else read_mail(raw)
        except (TypeError, ValueError) as error:
            raise type(error)(f"mail number {number}: {error}") from None
        rows.append(
            {
                "sender": mail.sender,
                "domain": mail.domain,
                "subject": mail.subject,
                "hour": mail.hour,
                "text": mail.text,
                "headers": mail.headers,
                "html": mail.html,
                "attachments": mail.attachments,
                "links": len(URL.findall(mail.text)),
                "defects": len(mail.defects),
            }
        )
    return pandas.DataFrame(rows, columns=None if rows else COLUMNS)


COLUMNS = ["sender", "domain", "subject", "hour", "text", "headers", "html", "attachments", "links", "defects"]
URL = re.compile(r"(?:https?://|www\.)[^\s<>\"']+", re.I)
