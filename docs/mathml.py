"""Formulas as MathML, which browsers display themselves: no script, no network, no TeX."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert


def inline(writer: Any, node: nodes.math) -> None:
    """A formula in a line of text."""
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def block(writer: Any, node: nodes.math_block) -> None:
    """A displayed formula, with the paper's equation number (``\\tag``) to the right of it."""
    tags = re.findall(r"\\tag\{(.*?)\}", node.astext())
    source = re.sub(r"\\tag\{.*?\}", "", node.astext())
    number = "".join(f'<span class="eqno">({escape(tag)})</span>' for tag in tags)
    writer.body.append(f'<div class="math">{convert(source, display="block")}{number}</div>\n')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
