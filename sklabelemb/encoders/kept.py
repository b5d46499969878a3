"""Keep pretrained encoders in memory until their files change."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Kept"]


class Kept:
    """What was read last, by the name that it was read from.

    Parameters
    ----------
    n_most : int, default=2
        How many are kept; a fit mostly uses the encoder of the last one.
    """

    def __init__(self, n_most: int = 2) -> None:
        self.n_most = n_most
        self._found: OrderedDict[Any, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str | os.PathLike[str], read: Callable[[Any], Any]) -> Any:
        """What ``read(name)`` gives, from memory if no file of the folder has changed."""
        key = os.fspath(name), _state_of(Path(name))
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        found = read(name)
        with self._lock:
            self._found[key] = found
            while len(self._found) > self.n_most:
                self._found.popitem(last=False)
        return found


def _state_of(folder: Path) -> tuple[Any, ...]:
    """Sizes and times of the files of a folder; nothing for a name on the Hub."""
    if not folder.is_dir():
        return ()
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return tuple((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files)
