"""How Sphinx builds the documentation: `make docs`.

Nothing is fetched from the network, so the build works offline and a warning is always ours.
"""

from __future__ import annotations

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
