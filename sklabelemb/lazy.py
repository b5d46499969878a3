"""Packages whose names are imported on first use, and what their ``dir`` lists."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["public_names", "resolver"]


def resolver(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of such a package.

    A part of the package that needs no torch or no scikit-learn can then be imported without it.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : dict of str to str
        For each public name the module of the package that it lives in.
    """

    def found(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)  # the next access does not come through here
        return value

    return found


def public_names(package: str) -> Callable[[], list[str]]:
    """The ``__dir__`` of a package: its public names, and those that every module has.

    Names that it imports for itself, and its modules, are left out.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    """

    def listed() -> list[str]:
        names = vars(sys.modules[package])
        return sorted({*names["__all__"], *(n for n in names if n.startswith("__"))})

    return listed
