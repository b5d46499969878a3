"""The error for unsupported classifiers."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["refuse"]


def refuse(name: str, reason: str) -> NoReturn:
    """Raise a TypeError that names a class.

    Parameters
    ----------
    name : str
    reason : str
        A main clause.
    """
    raise TypeError(
        f"A {name} is not served without torch and scikit-learn: {reason}. Use sklabelemb.load "
        "for it, which needs both."
    )
