"""Optional dependencies."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["import_optional"]


def import_optional(
    name: str, *, purpose: str, extra: str | None = None, distribution: str | None = None
) -> Any:
    """Import an optional dependency.

    Parameters
    ----------
    name : str
        Of the module, for instance ``"matplotlib.pyplot"``.
    purpose : str
        What needs it, as the beginning of a sentence.
    extra : str, default=None
        The extra of this package that installs it, if one does.
    distribution : str, default=None
        What to install, where it has another name than the module.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        When it is not installed; the message says how to install it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        library = name.split(".")[0]
        wanted = distribution or library if extra is None else f'"sklabelemb[{extra}]"'
        raise ImportError(
            f"{purpose} needs {library}, which is not installed. Install it with: pip install "
            f"{wanted}"
        ) from error
