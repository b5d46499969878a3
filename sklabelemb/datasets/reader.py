"""Read plain and compressed files, recognised by content; JSON errors with positions."""

from __future__ import annotations

import bz2
import codecs
import gzip
import json
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from typing import IO, Any

__all__ = [
    "check_record",
    "find_text",
    "find_value",
    "parsed_json",
    "read_bytes",
    "read_json_lines",
    "read_lines",
    "shown",
]

StrPath = str | os.PathLike[str]
_MAGIC: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
# What readers of compressed files raise. bz2 and gzip raise OSError, but without a number; a
# RuntimeError is of an archive with a password, or packed in a way that Python does not know.
_TROUBLE = (EOFError, OSError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, RuntimeError)


def read_bytes(path: StrPath, size: int = -1) -> bytes:
    """Read the first bytes of a file, or all of them, decompressed if its first bytes say so."""
    try:
        with _opened(path) as stream:
            return stream.read(size)
    except _TROUBLE as error:
        raise _unreadable(path, error) from error


def read_lines(path: StrPath, *, encoding: str = "utf-8") -> Iterator[str]:
    """Read a text file line by line with line ends, in constant memory.

    A byte-order mark at the start is skipped, and that of UTF-16 sets the encoding. Damaged data
    and bytes that cannot be decoded raise a ValueError with their position.
    """
    n_lines = 0
    codecs.lookup(encoding)  # a LookupError before anything is open
    is_utf16 = read_bytes(path, 2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if is_utf16 and encoding.lower().replace("-", "") == "utf8":
        encoding = "utf-16"
    try:
        with TextIOWrapper(_opened(path), encoding=encoding, newline="") as stream:
            for line in stream:
                n_lines += 1
                yield line.removeprefix("\ufeff") if n_lines == 1 else line
    except UnicodeDecodeError:
        # The stream reads ahead and cannot tell where it is.
        _raise_undecodable(read_bytes(path), path, encoding)
    except _TROUBLE as error:
        raise _unreadable(path, error, n_lines) from error


def _unreadable(path: StrPath, error: Exception, n_lines: int = 0) -> Exception:
    if isinstance(error, OSError) and error.errno is not None:
        return error
    if isinstance(error, RuntimeError):
        return ValueError(f"{path} cannot be unpacked here ({error}). Unpack it yourself.")
    return ValueError(
        f"{path}: the compressed file is damaged or cut off after line {n_lines} ({error}). "
        "Copy or download it again."
    )


def _raise_undecodable(data: bytes, path: StrPath, encoding: str) -> None:
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} at offset {error.start} is not "
            f"{encoding} ({error.reason}). Pass the encoding that the file was saved in, for "
            "instance encoding='cp1252' for a file written on Windows."
        ) from error


def _opened(path: StrPath) -> IO[bytes]:
    with open(path, "rb") as stream:
        start = stream.read(6)
    for magic, opener in _MAGIC.items():
        if start.startswith(magic):
            return opener(path, "rb")
    if start.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            # macOS adds a folder of its own.
            names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
            names = [name for name in names if not name.endswith("/")]
            # Files of Excel and OpenDocument are such archives, too.
            if {"[Content_Types].xml", "mimetype"}.isdisjoint(names):
                if len(names) == 1:
                    return archive.open(names[0])
                raise ValueError(
                    f"{path} is a zip archive of {len(names)} files ({', '.join(names[:5])}), of "
                    "which one alone is read. Unpack it, and give the file or the folder."
                )
    return open(path, "rb")


def read_json_lines(lines: Iterable[str], path: StrPath) -> Iterator[tuple[int, dict[str, Any]]]:
    """The JSON objects on the lines of a file, each with the number of its line."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            record = parsed_json(line.strip(), path, number)
            yield number, check_record(record, f"{path}, line {number}")


def parsed_json(text: str, path: StrPath, line: int = 1) -> Any:
    """Parse JSON that begins on a line of a file; a ValueError says where it is invalid."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}, line {line + error.lineno - 1}: not valid JSON ({error.msg}, column "
            f"{error.colno})."
        ) from error
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{path}, line {line}: JSON that cannot be read ({error}).") from error


def check_record(value: Any, where: str) -> dict[str, Any]:
    """The value, if it is a JSON object; otherwise a ValueError."""
    if not isinstance(value, dict):
        raise ValueError(
            f'{where}: expected a JSON object such as {{"text": "...", "labels": ["..."]}}, got a '
            f"{type(value).__name__}."
        )
    return value


def find_text(record: dict[Any, Any], key: Any, where: str) -> str:
    """The text in a record; a ValueError if there is none."""
    text = find_value(record, key, where)
    if not isinstance(text, str):
        raise ValueError(
            f"{where}: {key!r} must be a string, but holds {shown(text)}. Use an empty string for "
            "a document without text."
        )
    return text


def find_value(record: dict[Any, Any], key: Any, where: str) -> Any:
    """The value of a key; if it is missing, a ValueError lists the keys."""
    if key not in record:
        present = ", ".join(map(repr, record)) or "none"
        raise ValueError(f"{where}: no key {key!r}; the keys there are: {present}.")
    return record[key]


def shown(value: Any) -> str:
    """A value and its type, for an error message."""
    text = repr(value)
    return f"{text if len(text) <= 40 else text[:37] + '...'} of type {type(value).__name__}"
