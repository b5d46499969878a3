"""Pages of HTML: their templates, and how they are written."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

__all__ = ["render", "write_page"]

_TEMPLATES = Environment(
    loader=PackageLoader("sklabelemb.inspection"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
# Halves of characters, which broken texts contain, and which no encoding can write.
_SURROGATES = re.compile("[\ud800-\udfff]")


def render(template: str, **values: Any) -> str:
    """Fill in a template; what cannot be encoded is shown as U+FFFD."""
    return _SURROGATES.sub("\ufffd", _TEMPLATES.get_template(template).render(**values))


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
