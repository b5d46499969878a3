"""Files of word vectors, read as a stream: GloVe, word2vec and fastText in their own formats."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.lib import format as npy_format

__all__ = ["VectorFile"]

_SAMPLE = 1 << 16
_CHUNK = 1 << 22
_LONGEST_WORD = 10_000
_FASTTEXT_MAGIC = (793712314).to_bytes(4, "little")
_CONTROL = frozenset(range(9)) | frozenset(range(14, 32))
_DECOMPRESSORS: tuple[tuple[bytes, Any], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"\xfd7zXZ\x00", lzma.open),
    (b"BZh", bz2.open),
)


class Wants(Protocol):
    """Which words to read from a file, and where their vectors go."""

    def wants(self, word: bytes) -> bool: ...

    def put(self, word: bytes, vector: Any, where: str) -> None: ...


class VectorFile:
    """A file of word vectors, whose format is recognised by its content, never by its name.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    kind : {"text", "binary", "npz"}
    dim : int
        Length of a vector.
    n_vectors : int or None
        Number of vectors according to the first line; None for a file without such a line.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is empty or of a format that cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path = path.expanduser()
        self.n_vectors: int | None = None
        try:
            with path.open("rb") as raw:
                head = raw.read(6)
        except FileNotFoundError:
            raise FileNotFoundError(f"there is no file of word vectors at {str(path)!r}") from None
        if head.startswith(b"PK"):
            self.kind = "npz"
            self.dim = self._npz_dim()
            return
        with self._errors("at its beginning"), self.open() as stream:
            sample = stream.read(_SAMPLE)
        self._reject(sample)
        lines = sample.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        if len(sample) == _SAMPLE and len(lines) > 1:
            lines.pop()  # the sample cut it off
        header = lines[0].split()
        if len(header) == 2 and all(field.isdigit() for field in header):
            self.n_vectors, self.dim = int(header[0]), int(header[1])
            if self.dim < 1:
                raise ValueError(f"{self}, line 1: the header promises vectors of length 0")
            self.kind = "binary" if self._is_binary(sample, lines) else "text"
        else:
            self.kind, self.dim = "text", self._dim_of_lines(lines)
        line = (lines[1] if len(lines) > 1 else b"") or lines[0]
        self.separator = b"\t" if b"\t" in line and b" " not in line.strip() else b" "

    def __str__(self) -> str:
        return repr(str(self.path))

    def read(self, sink: Wants) -> int:
        """Hand every wanted vector to `sink`; return how many vectors the file holds."""
        return {"text": self._text, "binary": self._binary, "npz": self._npz}[self.kind](sink)

    def open(self) -> Any:
        """Open the file for reading bytes, decompressing as its first bytes demand."""
        with self.path.open("rb") as raw:
            head = raw.read(6)
        for magic, opener in _DECOMPRESSORS:
            if head.startswith(magic):
                return io.BufferedReader(opener(self.path, "rb"), _SAMPLE)
        return self.path.open("rb")

    @contextmanager
    def _errors(self, where: str) -> Iterator[None]:
        try:
            yield
        except EOFError:
            raise ValueError(
                f"{self} ends in the middle of its compressed data ({where}): it is truncated; "
                "download it again"
            ) from None
        except (zlib.error, lzma.LZMAError, OSError) as error:
            # The decompressors' own complaints, unlike those of the system, have no number.
            if getattr(error, "errno", None) is not None:
                raise
            raise ValueError(f"{self} cannot be decompressed ({where}): {error}") from None

    def _reject(self, sample: bytes) -> None:
        if not sample.strip():
            raise ValueError(f"{self} is empty: no word vectors in it")
        if sample.startswith(_FASTTEXT_MAGIC):
            raise ValueError(
                f"{self} is a fastText model (.bin), not a file of vectors; use the .vec file that "
                "is published or written beside it"
            )
        if sample.startswith(b"\x93NUMPY"):
            raise ValueError(
                f"{self} is a .npy array, which has no words; pass a pair (words, matrix)"
            )
        if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise ValueError(f"{self} is encoded in UTF-16; save it as UTF-8")
        if sample.startswith(b"version https://git-lfs"):
            raise ValueError(
                f"{self} is a pointer of Git LFS, not the file itself: fetch it with git lfs pull"
            )
        if sample.lstrip().startswith((b"<!DOCTYPE", b"<!doctype", b"<html")):
            raise ValueError(f"{self} is a web page, not a file of vectors: download it again")
        if sample.startswith(b"\x80"):
            raise ValueError(
                f"{self} is a Python pickle, which is not opened because it can run code; load it "
                "with the library that wrote it and pass the vectors themselves"
            )

    def _is_binary(self, sample: bytes, lines: list[bytes]) -> bool:
        if len(lines) > 1 and len(lines[1].split()) > self.dim:
            fields = lines[1].split()
            if _trailing_numbers(fields) >= self.dim:
                return False
        after = sample[sample.find(b"\n") + 1 :]
        return not _CONTROL.isdisjoint(after)

    def _dim_of_lines(self, lines: list[bytes]) -> int:
        # The first line alone would mislead where it is the broken one, or where its word has
        # spaces and digits; most lines are neither.
        lengths = Counter(_trailing_numbers(line.split()) for line in lines[:100])
        lengths.pop(0, None)
        if not lengths:
            raise ValueError(
                f"{self}, line 1: expected a word and its numbers, or a header 'n d', got "
                f"{lines[0][:40]!r}"
            )
        return max(lengths, key=lambda length: (lengths[length], length))

    def _text(self, sink: Wants) -> int:
        dim, sep, number, n_read = self.dim, self.separator, 0, 0
        with self.open() as stream:
            lines = iter(stream)
            while True:
                with self._errors(f"after line {number}"):
                    line = next(lines, b"")
                if not line:
                    break
                number += 1
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                    if self.n_vectors is not None:
                        continue
                line = line.rstrip()
                if not line:
                    continue
                n_read += 1
                if sep + sep in line:
                    # Some tools align the numbers, or write two spaces after the word.
                    line = sep.join(field for field in line.split(sep) if field)
                excess = line.count(sep) - dim
                if not excess:
                    word = line[: line.find(sep)]
                    if not sink.wants(word):
                        continue
                word, *fields = line.rsplit(sep, dim)
                if excess < 0 or (excess and _is_decimal(word.rsplit(sep, 1)[-1])):
                    raise ValueError(
                        f"{self}, line {number}: expected a word and {dim} numbers, got "
                        f"{len(line.split(sep))} fields{self._hint(excess)}"
                    )
                if sink.wants(word):
                    sink.put(word, self._numbers(fields, number), f"{self}, line {number}")
        self._check_count(n_read, f"line {number}")
        return n_read

    def _hint(self, excess: int) -> str:
        return "; is the file truncated?" if excess < 0 else ""

    def _numbers(self, fields: list[bytes], number: int) -> Any:
        try:
            return np.array(fields, dtype=np.float64)
        except ValueError:
            bad = next(field for field in fields if not _is_number(field))
            raise ValueError(
                f"{self}, line {number}: {bad.decode('utf-8', 'replace')!r} is not a number"
            ) from None

    def _check_count(self, n_read: int, where: str) -> None:
        if self.n_vectors is not None and n_read != self.n_vectors:
            state = "is truncated" if n_read < self.n_vectors else "has a wrong header"
            raise ValueError(
                f"{self} {state}: line 1 promises {self.n_vectors} vectors, but there are {n_read} "
                f"(up to {where}). For a part of a file, cut off with head for instance, write the "
                f"right number into line 1: {n_read} {self.dim}"
            )

    def _binary(self, sink: Wants) -> int:
        n_bytes = 4 * self.dim
        expected = self.n_vectors or 0
        with self.open() as stream:
            with self._errors("in line 1"):
                offset = len(stream.readline())
            buffer, position = b"", 0
            for index in range(expected):
                where = f"vector {index} of {expected}, byte {offset + position}"
                end = buffer.find(b" ", position)
                while end < 0 or len(buffer) < end + 1 + n_bytes:
                    if end < 0 and len(buffer) - position > _LONGEST_WORD + _CHUNK:
                        raise ValueError(f"{self}, {where}: no word ends here; the file is broken")
                    with self._errors(where):
                        more = stream.read(_CHUNK)
                    if not more:
                        raise ValueError(f"{self} is truncated: it ends within {where}")
                    offset += position
                    buffer, position = buffer[position:] + more, 0
                    end = buffer.find(b" ", position)
                # Some writers end each vector with a line break, others do not.
                word = buffer[position:end].lstrip(b"\n")
                if sink.wants(word):
                    vector = np.frombuffer(buffer, "<f4", self.dim, end + 1)
                    sink.put(word, vector, f"{self}, {where}")
                position = end + 1 + n_bytes
            with self._errors("after the last vector"):
                rest = buffer[position:] + stream.read(_CHUNK)
            if rest.strip():
                raise ValueError(
                    f"{self} has a wrong header: line 1 promises {expected} vectors, but more "
                    f"follows at byte {offset + position}"
                )
        return expected

    def _npz_dim(self) -> int:
        """Read the shape of the matrix from its header, without the matrix."""
        try:
            with (
                zipfile.ZipFile(self.path) as archive,
                archive.open(f"{self._npz_matrix(archive.namelist())}.npy") as stream,
            ):
                # numpy writes version 1 unless a header is longer than 64 KiB; ours is a shape.
                npy_format.read_magic(stream)
                shape = npy_format.read_array_header_1_0(stream)[0]
        except zipfile.BadZipFile as error:
            raise ValueError(f"{self} is a broken or truncated archive: {error}") from None
        if len(shape) != 2:
            raise ValueError(f"{self}: the matrix must be 2-D, got shape {shape}")
        return int(shape[1])

    def _npz_matrix(self, members: list[str]) -> str:
        names = [name.removesuffix(".npy") for name in members if name.endswith(".npy")]
        for matrix in ("X", "vectors"):
            if "words" in names and matrix in names:
                return matrix
        raise ValueError(
            f"{self} must hold the arrays 'words' and 'X' (or 'vectors'), got {sorted(members)}; "
            "a zip archive of text files must be unpacked first"
        )

    def _npz(self, sink: Wants) -> int:
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                matrix = archive[self._npz_matrix([f"{name}.npy" for name in archive.files])]
                words = archive["words"]
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{self} is a broken or truncated archive: {error}") from None
        except ValueError as error:
            if "allow_pickle" not in str(error):
                raise
            raise ValueError(
                f"{self}: 'words' is an object array, which only pickle can read; save it as "
                "np.array(words, dtype=str)"
            ) from None
        if words.shape != matrix.shape[:1]:
            raise ValueError(f"{self}: {words.shape} words but a matrix of shape {matrix.shape}")
        for index, word in enumerate(words.tolist()):
            key = word if isinstance(word, bytes) else str(word).encode("utf-8", "surrogatepass")
            if sink.wants(key):
                sink.put(key, matrix[index], f"{self}, vector {index}")
        return len(words)


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _is_decimal(field: bytes) -> bool:
    return b"." in field and _is_number(field)


def _trailing_numbers(fields: list[bytes]) -> int:
    """Count the numbers at the end of a line, whose first field is a word even if it is one."""
    count = 0
    for field in reversed(fields[1:]):
        if not _is_number(field):
            break
        count += 1
    return count
