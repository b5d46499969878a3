"""How Sphinx builds the documentation: `make docs`.

The build works without a network: formulas become MathML (mathml.py), and links to the
documentation of other libraries are left out where their servers cannot be reached.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import sklabelemb

sys.path.insert(0, str(Path(__file__).parent))  # mathml

project = "sklabelemb"
author = "the sklabelemb developers"
copyright = f"2026, {author}"
release = sklabelemb.__version__
version = ".".join(release.split(".")[:2])

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "mathml",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
default_role = "py:obj"

# The examples are run, those alone that changed since the last build.
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "generated/gallery",
    "write_computation_times": False,
    "filename_pattern": r"/plot_",
    "show_memory": False,
    "min_reported_time": 5,
    "abort_on_example_error": True,
}

autosummary_generate = True
autosummary_imported_members = False
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "inherited-members": True}

# autodoc lists the members of a class; numpydoc would list them a second time.
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "furo"
html_title = f"sklabelemb {release}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["custom.css"]
# The prompts and the output are not copied.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True


def is_online() -> bool:
    """Whether the inventories of other libraries can be fetched."""
    try:
        socket.create_connection(("docs.python.org", 443), timeout=2).close()
    except OSError:
        return False
    return True


LIBRARIES = {
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "pandas": "https://pandas.pydata.org/docs/",
    "scipy": "https://docs.scipy.org/doc/scipy/",
    "sklearn": "https://scikit-learn.org/stable/",
    "skorch": "https://skorch.readthedocs.io/en/stable/",
}
# `tags` is Sphinx's own; the tests build with `-t offline`.
online = not tags.has("offline") and is_online()  # noqa: F821
intersphinx_mapping = {name: (url, None) for name, url in LIBRARIES.items()} if online else {}


def skip_foreign(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what classes inherit from other libraries.

    Their docstrings refer to pages that are not here, and each broken reference is a warning.
    """
    home = getattr(obj, "__module__", None) or "sklabelemb"
    return True if what == "class" and not home.startswith("sklabelemb") else None


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-skip-member", skip_foreign)
