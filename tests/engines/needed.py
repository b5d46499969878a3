"""Skips what needs a package that no extra of development brings."""

from importlib.util import find_spec

import pytest

__all__ = ["needs"]


def needs(package):
    """A mark for tests of one engine, before their fixtures are made."""
    return pytest.mark.skipif(find_spec(package) is None, reason=f"needs {package}")
