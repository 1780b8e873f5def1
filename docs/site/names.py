"""A Sphinx extension: names in docstrings become links where the reference has them; formulas become MathML."""

import re

from docstrings import escape
from docutils import nodes
from latex2mathml.converter import convert
from sphinx import addnodes
from sphinx.roles import XRefRole

PREFIXES = {"tg.": "tinygrad_ml.", "nn.": "tinygrad_ml.nn.", "optim.": "tinygrad_ml.optim."}
NAME = re.compile(r"[A-Za-z_][\w.]*(\(\))?")


class NameRole(XRefRole):
    """The default role: a reference that may lead nowhere."""

    def process_link(self, env, refnode, has_explicit_title, title, target):
        """Say in which module and class the name stands, and write `tg` out."""
        refnode["py:module"] = env.ref_context.get("py:module")
        refnode["py:class"] = env.ref_context.get("py:class")
        for short, long in PREFIXES.items():
            if target.startswith(short):
                target = long + target.removeprefix(short)
        return title, target.removesuffix("()")


def name_role(name, rawtext, text, lineno, inliner, options=None, content=()):
    """Make a link of what looks like a name, and code of all else."""
    if not NAME.fullmatch(text):
        return [nodes.literal(rawtext, text, classes=["code"])], []
    role = NameRole(innernodeclass=nodes.literal)
    found, messages = role("py:obj", rawtext, text, lineno, inliner, options or {}, content)
    for node in found:
        if isinstance(node, addnodes.pending_xref):
            node["refwarn"] = False
            node["optional"] = True
    return found, messages


def leave_as_code(app, env, node, contnode):
    """Show as code, without a warning, a name of a docstring that the reference does not have."""
    target = node.get("reftarget", "")
    learned = target.endswith("_")  # an attribute that the docstring of the estimator describes
    alias = node.get("reftype") == "class" and target.startswith("tinygrad_ml")  # what autodoc says of an attribute
    return contnode if learned or alias or node.get("optional") else None


def formulas_as_written(app, what, name, thing, options, lines):
    """Escape what docstrings write as mathematics and reStructuredText would take as marks; before numpydoc reads."""
    in_example = parameters = False
    for i, line in enumerate(lines):
        in_example = line.lstrip().startswith(">>>") or (in_example and bool(line.strip()))
        if i + 1 < len(lines) and set(lines[i + 1].strip()) == {"-"}:
            parameters = line.strip() in ("Parameters", "Attributes", "Returns", "Yields", "Raises")
        if in_example:
            continue
        if parameters and line[:1].strip():  # numpydoc sees to the names
            names, colon, kind = line.partition(" : ")
            lines[i] = names + colon + escape(kind)
        else:
            lines[i] = escape(line)


def inline_formula(translator, node):
    """Write a formula as MathML, which browsers draw by themselves."""
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def formula(translator, node):
    """Write a formula that has lines of its own."""
    translator.body.append(f'<div class="formula">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def setup(app):
    """Register all of it."""
    app.add_html_math_renderer("mathml", (inline_formula, None), (formula, None))
    app.add_role("name", name_role)
    app.connect("autodoc-process-docstring", formulas_as_written, priority=100)
    app.connect("missing-reference", leave_as_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
