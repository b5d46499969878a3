"""Progress bars over all that takes long: what is done, how much of it, and the time that remains.

All of them are for ``verbose=1``. They go to the error stream; in a notebook they are widgets where
ipywidgets is installed, and otherwise letters.
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
    """A bar to be used as a context, whose ``update(n)`` is called after `n` units.

    Parameters
    ----------
    what : str
        What is done, written before the bar.
    total : int
    unit : str
        Of what, in the singular.
    verbose : int or bool, default=True
        Nothing is shown where it is 0 or False.
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
        # In a notebook without ipywidgets the bar is one of letters, which does as well.
        warnings.simplefilter("ignore", TqdmWarning)
        from tqdm.auto import tqdm
    # What a kernel writes to its error stream has the colour of errors.
    kernel = sys.modules.get("ipykernel.kernelapp")
    stream = sys.stdout if kernel is not None and kernel.IPKernelApp.initialized() else None
    return tqdm(file=stream, total=total, desc=what, unit=f" {unit}", leave=keep)
