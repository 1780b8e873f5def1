"""Finding: an illness of a network, its place, a number, what it means and what helps; and the report of several."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...notebook import escaped

__all__ = ["Finding", "as_html", "as_text"]

WIDTH = 80


@dataclass(frozen=True)
class Finding:
    """An illness of a network.

    Attributes
    ----------
    illness : str
        Its name, such as "vanishing gradient".
    layer : str
        Where it is: the name of a module in `named_modules()`; "" is the module as a whole.
    number : float
        What was measured; `meaning` says what it is.
    meaning : str
    advice : str
        What helps.
    severity : float
        From 0 to 1; reports begin with the worst.

    Examples
    --------
    >>> finding = tg.train.Finding(
    ...     "dead ReLU", "1", 0.9, "90 % of the units are never on.", "Lower the learning rate.", 0.8
    ... )
    >>> print(finding)
    dead ReLU in '1': 90 % of the units are never on. Lower the learning rate.
    """

    illness: str
    layer: str
    number: float
    meaning: str
    advice: str
    severity: float = 0.5
    follows: bool = field(default=False, repr=False, compare=False)  # it was not there when the training run began

    @property
    def title(self) -> str:
        """The illness and its place."""
        return f"{self.illness} in {self.layer!r}" if self.layer else self.illness

    def __str__(self) -> str:
        return f"{self.title}: {self.meaning} {self.advice}"


def as_text(headline: str, findings: Sequence[Finding], remarks: Sequence[str]) -> str:
    """Return the report for a terminal of 80 columns."""
    lines = textwrap.wrap(headline, WIDTH)
    for k, finding in enumerate(findings, 1):
        lines += ["", *_wrapped(f"{k}. ", finding.title)]
        lines += [*_wrapped("   ", finding.meaning), *_wrapped("   -> ", finding.advice)]
    if remarks:
        lines.append("")
    for remark in remarks:
        lines += _wrapped("Remark: ", remark)
    return "\n".join(lines)


def _wrapped(first: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False)


def as_html(headline: str, findings: Sequence[Finding], remarks: Sequence[str]) -> str:
    """Return the report for a notebook: a list with the worst first."""
    items = "".join(
        f"<li style='margin:.4em 0'><b>{escaped(finding.title)}</b><br/>{escaped(finding.meaning)}<br/>"
        f"<span style='opacity:.75'>&#8594; {escaped(finding.advice)}</span></li>"
        for finding in findings
    )
    rest = "".join(f"<div style='opacity:.75'>Remark: {escaped(remark)}</div>" for remark in remarks)
    return f"<div><div><b>{escaped(headline)}</b></div>{f'<ol>{items}</ol>' if items else ''}{rest}</div>"
