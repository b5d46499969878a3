"""What is public: what dir shows, what __all__ says and what the reference lists are the same."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import sklabelemb

ROOT = Path(sklabelemb.__file__).resolve().parents[1]
PACKAGES = [
    name for name in sklabelemb.__all__ if isinstance(getattr(sklabelemb, name), ModuleType)
]
ALL_PACKAGES = sorted(
    path.parent.name
    for path in (ROOT / "sklabelemb").glob("*/__init__.py")
    if "__all__" in path.read_text()
)


def listed() -> list[tuple[str, str]]:
    """Module and name of all that the reference lists."""
    found, module, inside = [], "sklabelemb", False
    for line in (ROOT / "docs" / "api.rst").read_text().splitlines():
        if directive := re.match(r"\.\. currentmodule:: (\S+)", line):
            module = directive[1]
        if line.startswith(".. "):
            inside = line.startswith(".. autosummary::")
        elif inside and (name := re.fullmatch(r"   (\w+)", line)):
            found.append((module, name[1]))
        elif line and not line.startswith(" "):
            inside = False
    return found


def test_the_reference_lists_names_that_exist_each_once():
    names = listed()
    assert len(names) > 80
    assert len(set(names)) == len(names)
    missing = [f"{m}.{n}" for m, n in names if not hasattr(import_module(m), n)]
    assert missing == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_in_the_reference(package):
    objects = [getattr(import_module(module), name) for module, name in listed()]
    module = getattr(sklabelemb, package)
    left_out = [n for n in module.__all__ if not any(getattr(module, n) is o for o in objects)]
    assert left_out == []


def test_every_public_name_of_the_package_is_in_the_reference():
    names = {name for module, name in listed() if module == "sklabelemb"}
    assert set(sklabelemb.__all__) - set(PACKAGES) - {"__version__"} <= names


@pytest.mark.parametrize("package", ALL_PACKAGES)
def test_dir_of_a_package_shows_its_public_names(package):
    module = import_module(f"sklabelemb.{package}")
    shown = {name for name in dir(module) if not name.startswith("__")}
    assert shown == set(module.__all__)
    assert {"__doc__", "__file__", "__path__"} <= set(dir(module))
    assert all(hasattr(module, name) for name in shown)


def test_every_public_name_is_documented():
    undocumented = [
        f"{module}.{name}"
        for module, name in listed()
        if callable(value := getattr(import_module(module), name)) and not value.__doc__
    ]
    assert undocumented == []
