"""How Sphinx builds the documentation: `make docs`.

Nothing is fetched from the network, so the build works offline and a warning is always ours.
"""

from __future__ import annotations

from typing import Any

import sklabelemb

project = "sklabelemb"
author = "the sklabelemb developers"
copyright = f"2026, {author}"
release = sklabelemb.__version__
version = ".".join(release.split(".")[:2])

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
default_role = "py:obj"

autosummary_generate = True
autosummary_imported_members = False
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "inherited-members": True}

# autodoc lists the members of a class; numpydoc would list them a second time.
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "furo"
html_title = f"sklabelemb {release}"


def skip_foreign(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what classes inherit from other libraries.

    Their docstrings refer to pages that are not here, and each broken reference is a warning.
    """
    home = getattr(obj, "__module__", None) or "sklabelemb"
    return True if what == "class" and not home.startswith("sklabelemb") else None


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-skip-member", skip_foreign)
