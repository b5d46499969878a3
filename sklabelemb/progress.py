"""Progress bars for everything that takes long, with the remaining time.

They are shown with ``verbose=1``, on the error stream; in a notebook as widgets if ipywidgets is
installed, and as text otherwise.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any, Self

__all__ = ["progress_bar"]


class _Nothing:
    """What shows no progress."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def update(self, n: int = 1) -> None:
        """Do nothing."""


def progress_bar(what: str, total: int, unit: str, verbose: Any = True, keep: bool = True) -> Any:
    """A progress bar as a context manager; call its ``update(n)`` after `n` units.

    Parameters
    ----------
    what : str
        What is done, written before the bar.
    total : int
    unit : str
        Of what, in the singular.
    verbose : int or bool, default=True
        Nothing is shown if it is 0 or False.
    keep : bool, default=True
        Whether the bar stays when it is full.

    Returns
    -------
    tqdm
    """
    if not verbose:
        return _Nothing()
    # Not above: models are served without it.
    from tqdm import TqdmWarning

    with warnings.catch_warnings():
        # In a notebook without ipywidgets the bar is plain text, which is good enough.
        warnings.simplefilter("ignore", TqdmWarning)
        from tqdm.auto import tqdm
    # What a kernel writes to its error stream has the colour of errors.
    kernel = sys.modules.get("ipykernel.kernelapp")
    stream = sys.stdout if kernel is not None and kernel.IPKernelApp.initialized() else None
    return tqdm(file=stream, total=total, desc=what, unit=f" {unit}", leave=keep)
