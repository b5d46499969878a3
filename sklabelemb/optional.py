"""Libraries that not everyone has installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["import_optional"]


def import_optional(name: str, *, extra: str, purpose: str) -> Any:
    """Import a library that is an extra of this package.

    Parameters
    ----------
    name : str
        Of the module, for instance ``"matplotlib.pyplot"``.
    extra : str
        The extra of this package that installs it.
    purpose : str
        What it is wanted for, as the beginning of a sentence.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        When it is not there; the message says how to get it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        library = name.split(".")[0]
        raise ImportError(
            f"{purpose} needs {library}, which is not installed. Install it with: "
            f'pip install "sklabelemb[{extra}]"'
        ) from error
