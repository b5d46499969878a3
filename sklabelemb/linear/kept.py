"""Wide paths, kept on disk from one fit to the next."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb._version import __version__
from sklabelemb.linear.path import WidePath
from sklabelemb.text import TokenIds

__all__ = ["KeptPaths"]


class KeptPaths:
    """Cache of wide paths: each is trained once, and then loaded from a folder.

    In a search over parameters of the network, such as the window, all candidates share them.

    Parameters
    ----------
    memory : path, joblib.Memory or None
        None keeps nothing.
    texts : TokenIds
    targets : csr_matrix or int codes
    words : tuple of str
        Those of the vocabulary.
    *others : arrays or None
        What else a path depends on.
    """

    def __init__(
        self, memory: Any, texts: TokenIds, targets: Any, words: tuple[str, ...], *others: Any
    ) -> None:
        import joblib  # not above: models are served without it

        if memory is not None and not hasattr(memory, "cache"):
            memory = joblib.Memory(os.path.expanduser(os.fspath(memory)), verbose=0)
        self.memory = memory
        if memory is not None:
            if sp.issparse(targets):
                targets = targets.indptr, targets.indices, targets.data
            spelling = "\0".join([*words, "\0", *texts.unknown_words])
            known = __version__, texts.ids, texts.offsets, targets, spelling, others
            self.key = joblib.hash(known)

    def get(self, train: Callable[[], WidePath], rows: np.ndarray, *how: Any) -> WidePath:
        """The path that ``train()`` makes of these rows of the texts."""
        if self.memory is None:
            return train()
        import joblib

        cached = self.memory.cache(_trained, ignore=["train"])
        path: WidePath = cached(train, self.key, joblib.hash(rows), how)
        return path


def _trained(train: Callable[[], WidePath], key: str, rows: str, how: tuple[Any, ...]) -> WidePath:
    return train()
