"""Pages of HTML: their templates, and how they are written."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

__all__ = ["render", "render_texts", "write_page"]

# Limits of a fragment for notebooks: texts that are shown, texts including those that unfold, and
# labels shown per text.
TEXTS_SHOWN, MOST_TEXTS, LABELS_SHOWN = 2, 50, 3

_TEMPLATES = Environment(
    loader=PackageLoader("sklabelemb.pages"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
# Lone surrogates, which broken texts contain and no encoding can write.
_SURROGATES = re.compile("[\ud800-\udfff]")


def render(template: str, **values: Any) -> str:
    """Fill in a template; characters that cannot be encoded become U+FFFD."""
    return _SURROGATES.sub("\ufffd", _TEMPLATES.get_template(template).render(**values))


def render_texts(
    template: str,
    explanations: Sequence[Any],
    describe: Callable[[int, Any], dict[str, Any]],
    *,
    page: bool,
    **values: Any,
) -> str:
    """Fill in a template with texts: all on a page, or the first ones and others folded.

    Parameters
    ----------
    template : str
    explanations : sequence of Explanation
    describe : callable
        ``describe(number, explanation)`` gives what the template shows of a text.
    page : bool
        A whole page, or a fragment.
    **values
        Further values for the template.
    """
    n_texts = len(explanations) if page else min(len(explanations), MOST_TEXTS)
    texts = [describe(i, explanations[i]) for i in range(n_texts)]
    for text, explanation in zip(texts, explanations, strict=False):
        beginning = " ".join(explanation.text[:400].split())
        text["beginning"] = beginning if len(beginning) <= 80 else beginning[:79] + "…"
        text["predicted"] = ", ".join(map(str, explanation.predicted_labels()[:5])) or "no label"
    return render(
        template,
        texts=texts,
        n_left_out=len(explanations) - n_texts,
        texts_shown=n_texts if page else TEXTS_SHOWN,
        labels_shown=None if page else LABELS_SHOWN,
        page=page,
        **values,
    )


def write_page(path: str | os.PathLike[str], page: str) -> Path:
    """Write a page to a file, whole or not at all, and return its path."""
    target = Path(path).expanduser()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(page)
        Path(name).chmod(0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
