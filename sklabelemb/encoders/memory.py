"""Vectors of texts, kept on disk from one fit to the next."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["VectorMemory", "folder_of"]

FILE = Path("sklabelemb", "vectors.sqlite")
# Vectors per transaction: an interruption loses at most this many.
TEXTS_A_WRITE = 2000
# Older versions of SQLite take no more variables than 999.
KEYS_A_QUERY = 900
# Seconds to wait for a process that is writing.
PATIENCE = 120.0


class VectorMemory:
    """The vectors of texts by an encoder, in an SQLite file.

    Several processes may use it at once. A killed process leaves what it had written.

    Parameters
    ----------
    folder : path
        Created if missing.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.path = Path(folder).expanduser() / FILE

    def vectors(
        self,
        texts: Sequence[str],
        key: str,
        dim: int,
        encode: Callable[[list[str]], np.ndarray],
        progress: Callable[[int], Any] = lambda n_texts: None,
    ) -> np.ndarray:
        """The vectors of some texts: cached, or computed by `encode`.

        Parameters
        ----------
        texts : sequence of str, length n_texts
        key : str
            Identifies the encoder.
        dim : int
            Dimensions of a vector.
        encode : callable
            ``encode(texts)``: the vectors of texts, float32 of shape ``(n_texts, dim)``.
        progress : callable
            Told how many texts were found here.

        Returns
        -------
        float32 ndarray of shape (n_texts, dim)

        Raises
        ------
        OSError
            When the file cannot be used.
        """
        names = [_name(text, key) for text in texts]
        found = dict.fromkeys(names, b"")
        with self._opened() as connection:
            for start in range(0, len(names), KEYS_A_QUERY):
                some = names[start : start + KEYS_A_QUERY]
                marks = ",".join("?" * len(some))
                query = f"SELECT name, vector FROM vectors WHERE name IN ({marks})"
                found.update(connection.execute(query, some))
        size = dim * np.dtype(np.float32).itemsize
        missing = {
            name: text for name, text in zip(names, texts, strict=True) if len(found[name]) != size
        }
        progress(len(names) - len(missing))
        # Texts of similar length are encoded together, and written soon afterwards.
        waiting = sorted(missing, key=lambda name: len(missing[name]))
        for start in range(0, len(waiting), TEXTS_A_WRITE):
            some = waiting[start : start + TEXTS_A_WRITE]
            made = np.ascontiguousarray(encode([missing[name] for name in some]), np.float32)
            rows = [(name, vector.tobytes()) for name, vector in zip(some, made, strict=True)]
            with self._opened() as connection, connection:
                connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
            found.update(rows)
        whole = b"".join(found[name] for name in names)
        return np.frombuffer(whole, dtype=np.float32).reshape(len(names), dim)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The file, with its table; an OSError says what is wrong with it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, timeout=PATIENCE)
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        try:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS vectors (name BLOB PRIMARY KEY, vector BLOB NOT NULL) "
                "WITHOUT ROWID"
            )
            yield connection
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        finally:
            connection.close()

    def _unusable(self, error: Exception) -> OSError:
        return OSError(
            f"The vectors that memory keeps in {self.path} cannot be used ({error}). Remove the "
            "file, or give memory another folder."
        )


def folder_of(memory: Any) -> str | None:
    """The folder that `memory` means: a path, a `joblib.Memory`, or None."""
    if memory is None or isinstance(memory, (str, os.PathLike)):
        return None if memory is None else os.fspath(memory)
    location = memory.location
    return None if location is None else os.fspath(location)


def _name(text: str, key: str) -> bytes:
    whole = f"{key}\0{text}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(whole, digest_size=16).digest()
