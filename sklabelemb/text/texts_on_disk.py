"""Texts in a file, read on demand."""

from __future__ import annotations

import os
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, overload

import numpy as np

from sklabelemb.text.documents import CheckedTexts, check_documents

__all__ = ["TextsOnDisk"]

# Bytes per read, for sequential access.
BUFFER = 1 << 20


class TextsOnDisk(CheckedTexts):
    """More texts than memory holds: a sequence of texts in a temporary file.

    Every classifier accepts it as `X`. Each text takes eight bytes of memory; classifiers with a
    network read the file once, to tokenise it.

    Parameters
    ----------
    texts : iterable of str, or of lists, arrays or Series of str
        The texts, or chunks of them: a generator, a column of `datasets`, a column of what
        ``read_csv`` of pandas gives with ``chunksize``. It is read once.
    folder : path, default=None
        Folder of the file; None: the default for temporary files. The file is removed with the last
        reference to this object, in the process that created it.

    Raises
    ------
    ValueError, TypeError
        When something in it is not a text; the message says where and what to do.

    See Also
    --------
    sklabelemb.datasets.stream_table : Texts and labels of a file that is too large for memory.

    Examples
    --------
    >>> from sklabelemb.text import TextsOnDisk
    >>> texts = TextsOnDisk(f"parcel number {i}" for i in range(100_000))
    >>> len(texts), texts[99_999]
    (100000, 'parcel number 99999')
    """

    def __init__(self, texts: Iterable[Any], folder: str | os.PathLike[str] | None = None) -> None:
        if isinstance(texts, (str, bytes)):
            raise TypeError(
                f"texts must be an iterable of texts or of chunks, got {type(texts).__name__}; "
                "sklabelemb.datasets.stream_table(path) reads a file."
            )
        if folder is not None:
            folder = os.path.expanduser(os.fspath(folder))
        handle, path = tempfile.mkstemp(prefix="sklabelemb-", suffix=".txt", dir=folder)
        self._path = path
        self._remove = weakref.finalize(self, _removed, path, os.getpid())
        offsets = array("q", [0])
        with open(handle, "wb", buffering=BUFFER) as file:
            for number, chunk in enumerate(texts):
                for text in _of_chunk(chunk, number, len(offsets) - 1):
                    written = file.write(text.encode("utf-8", "surrogatepass"))
                    offsets.append(offsets[-1] + written)
        self._offsets = np.frombuffer(offsets, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: Any) -> Any:
        """One text; or a list of those in a slice or at an array of positions."""
        if isinstance(index, slice) or np.ndim(index):
            places = np.arange(len(self))[index]
            with open(self._path, "rb") as file:
                return [self._read(file, place) for place in places.tolist()]
        place = range(len(self))[index]
        with open(self._path, "rb") as file:
            return self._read(file, place)

    def __iter__(self) -> Iterator[str]:
        with open(self._path, "rb", buffering=BUFFER) as file:
            for start, stop in pairwise(self._offsets.tolist()):
                yield file.read(stop - start).decode("utf-8", "surrogatepass")

    def __repr__(self) -> str:
        return f"<{len(self):,} texts on disk, {self._offsets[-1] / 1e6:,.0f} MB>"

    def __deepcopy__(self, memo: Any) -> TextsOnDisk:
        return self  # they do not change, and scikit-learn copies parameters

    def __getstate__(self) -> dict[str, Any]:
        # Another process reads the same file; this one removes it.
        return {"_path": self._path, "_offsets": self._offsets}

    def _read(self, file: Any, place: int) -> str:
        start, stop = self._offsets[place], self._offsets[place + 1]
        file.seek(start)
        text: str = file.read(stop - start).decode("utf-8", "surrogatepass")
        return text


def _of_chunk(chunk: Any, number: int, n_before: int) -> Sequence[str]:
    """The texts of a chunk; an error counts rows from the first chunk on."""
    if isinstance(chunk, str):
        return [chunk]
    if chunk is None or isinstance(chunk, (bytes, float, int)):
        try:
            return check_documents([chunk])
        except (ValueError, TypeError) as error:
            raise type(error)(str(error).replace("in row 0", f"in row {n_before}")) from None
    name = f"chunk {number} (from row {n_before} on)"
    return check_documents(chunk, ensure_min_samples=0, name=name)


def _removed(path: str, process: int) -> None:
    # A child of fork has the same object, but the file is not its to remove.
    if os.getpid() == process:
        Path(path).unlink(missing_ok=True)
