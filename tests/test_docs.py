"""The documentation builds without a warning, and links of the pages outside it lead somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from urllib.parse import urlsplit

import pytest

# Sphinx checks the references within docs/; these pages are read on the platform that hosts them.
PAGES = ["README.rst", "CONTRIBUTING.rst", "CHANGELOG.rst", "benchmarks/README.rst"]
EXTENSIONS = ["sphinx", "furo", "latex2mathml", "numpydoc", "sphinx_copybutton", "sphinx_design"]


@pytest.mark.slow
@pytest.mark.skipif(
    not all(map(find_spec, [*EXTENSIONS, "sphinx_gallery"])), reason="needs the extra docs"
)
def test_the_documentation_builds_without_warnings(repository, tmp_path):
    # A copy, because Sphinx writes generated pages beside the sources; examples are not run.
    for folder in ("docs", "examples", "benchmarks/results"):
        ignored = shutil.ignore_patterns("_build", "generated")
        shutil.copytree(repository / folder, tmp_path / folder, ignore=ignored)
    shutil.copy(repository / "CHANGELOG.rst", tmp_path)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "dummy"]
    options = ["-t", "offline", "-D", "plot_gallery=0", "docs", "docs/_build"]
    done = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_relative_links_lead_to_files(repository, page):
    path = repository / page
    text = path.read_text("utf-8")
    links = re.findall(r"`[^`<]+<([^`>]+)>`_|\.\. image:: (\S+)", text)
    targets = [target for pair in links for target in pair if target and "://" not in target]
    missing = [target for target in targets if not (path.parent / target).exists()]
    assert missing == []


def test_external_links_are_well_formed(repository):
    pages = [*repository.glob("*.rst"), *repository.glob("docs/*.rst")]
    links = {
        (link, page.name)
        for page in pages
        for link in re.findall(r"https?:[^\s`<>\"')\]}]*", page.read_text("utf-8"))
    }
    assert links
    for link, name in links:
        assert "." in urlsplit(link.rstrip(".,;:")).netloc, (link, name)
