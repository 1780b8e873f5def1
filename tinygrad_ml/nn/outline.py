"""The outline of a module for a notebook: a row for each module, with its own parameters, foldable."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ..notebook import LINE, escaped, foldable

if TYPE_CHECKING:
    from .module import Module

__all__ = ["outline"]

SMALL = 20  # modules: that many are all unfolded
ROWS = 100  # below one module


def outline(module: Module) -> str:
    """Return HTML with a row for the module and for each below it: name, class, shapes, number of parameters.

    Examples
    --------
    >>> from tinygrad_ml.nn.outline import outline
    >>> page = outline(tg.nn.Sequential(tg.nn.Linear(4, 8), tg.nn.ReLU()))
    >>> "weight 8×4, bias 8" in page
    True
    """
    modules = dict(module.named_modules())
    own: dict[str, list[str]] = defaultdict(list)
    buffers: dict[str, list[str]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for name, p in module.named_parameters():
        owner = _owner(name, modules)
        own[owner].append(_shape(name, owner, p) + ("" if p.requires_grad else " (frozen)"))
        counts[owner] += p.size
    for name, buffer in module.named_buffers():
        owner = _owner(name, modules)
        buffers[owner].append(_shape(name, owner, buffer))
    below: dict[str, list[str]] = defaultdict(list)
    for name in modules:
        if name:
            below[_owner(name, modules)].append(name)
    pages: dict[str, str] = {}
    for name in sorted(modules, key=lambda name: -len(_path(name, modules))):  # the innermost first
        children = below[name]
        counts[name] += sum(counts[child] for child in children)
        label = name if not name else name[len(_owner(name, modules)) :].lstrip(".")
        shapes = ", ".join(own[name]) + (f"; buffers {', '.join(buffers[name])}" if buffers[name] else "")
        row = _row(label, _title(modules[name]), shapes.removeprefix("; "), counts[name])
        if children:
            more = f"<div>... and {len(children) - ROWS:,} more</div>" if len(children) > ROWS else ""
            rows = "".join(pages.pop(child) for child in children[:ROWS])
            body = f"<div style='margin-left:.35em;padding-left:.75em;border-left:{LINE}'>{rows}{more}</div>"
            pages[name] = foldable(row, body, is_open=not name or len(modules) <= SMALL)
        else:
            pages[name] = f"<div><span style='display:inline-block;width:1.1em'></span>{row}</div>"
    return f"<div style='max-width:56em'>{pages['']}</div>"


def _owner(name: str, modules: dict[str, Any]) -> str:
    """Return the name of the module that has this parameter or module."""
    owner = name.rpartition(".")[0]
    while owner not in modules:
        owner = owner.rpartition(".")[0]
    return owner


def _path(name: str, modules: dict[str, Any]) -> list[str]:
    path = []
    while name:
        name = _owner(name, modules)
        path.append(name)
    return path


def _shape(name: str, owner: str, value: Any) -> str:
    return f"{name[len(owner) :].lstrip('.')} {'×'.join(map(str, value.shape)) or 'scalar'}"


def _title(module: Module) -> str:
    return f"<b>{escaped(type(module).__name__)}</b>({escaped(module.extra_repr())})"


def _row(name: str, title: str, shapes: str, count: int) -> str:
    before = f"<span style='opacity:.7'>{escaped(name)}</span> " if name else ""
    size = f"{count:,} parameter{'s' * (count != 1)}" if not name else f"{count:,}" if count else "-"
    return (
        "<span style='display:inline-flex;gap:1em;width:calc(100% - 1.5em);vertical-align:top'>"
        f"<span style='flex:1 1 50%'>{before}{title}</span>"
        f"<span style='flex:1 1 35%;opacity:.8'>{escaped(shapes)}</span>"
        f"<span style='flex:0 0 9em;text-align:right;font-variant-numeric:tabular-nums'>{size}</span></span>"
    )
