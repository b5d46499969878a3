"""Reading files, plain or compressed, whatever their names; JSON lines with positions."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, NoReturn

__all__ = [
    "check_record",
    "find_text",
    "find_value",
    "parsed_json",
    "read_bytes",
    "read_json_lines",
    "read_lines",
    "split_labels",
]

_MAGIC: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_ZIP = b"PK\x03\x04"
# What readers of compressed files raise. bz2 and gzip raise OSError, but without a number.
_DAMAGE = (EOFError, OSError, lzma.LZMAError, zlib.error, zipfile.BadZipFile)
# An archive with a password, or packed in a way that Python does not know.
_LOCKED = (RuntimeError, NotImplementedError)


def _open_binary(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a file for reading bytes, decompressed if its first bytes say so."""
    with open(path, "rb") as stream:
        start = stream.read(6)
    for magic, opener in _MAGIC.items():
        if start.startswith(magic):
            return opener(path, "rb")
    if start.startswith(_ZIP) and not _is_office_file(path):
        return _only_member(path)
    return open(path, "rb")


def _is_office_file(path: str | os.PathLike[str]) -> bool:
    """Whether a zip archive is one of Excel or OpenDocument."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return not {"[Content_Types].xml", "mimetype"}.isdisjoint(archive.namelist())


def _only_member(path: str | os.PathLike[str]) -> IO[bytes]:
    with zipfile.ZipFile(path) as archive:
        # macOS adds a folder of its own.
        names = [
            info.filename
            for info in archive.infolist()
            if not info.is_dir() and not info.filename.startswith("__MACOSX/")
        ]
        if len(names) != 1:
            raise ValueError(
                f"{path} is a zip archive of {len(names)} files ({', '.join(names[:5])}), of which "
                "one alone is read. Unpack it, and give the file or the folder."
            )
        return archive.open(names[0])


def read_bytes(path: str | os.PathLike[str], size: int = -1) -> bytes:
    """Read the first bytes of a file, or all of them, decompressed.

    Raises
    ------
    ValueError
        When the compressed data are damaged or cut off.
    """
    try:
        with _open_binary(path) as stream:
            return stream.read(size)
    except (*_DAMAGE, *_LOCKED) as error:
        _raise_unreadable(path, error)


def read_lines(path: str | os.PathLike[str], *, encoding: str = "utf-8") -> Iterator[str]:
    """Read a text file line by line, in constant memory.

    Parameters
    ----------
    path : str or path-like
        The file, plain or compressed.
    encoding : str, default="utf-8"
        How the bytes are to be understood. A byte-order mark at the start is skipped, and
        that of UTF-16 says what the file is.

    Yields
    ------
    line : str
        One line with its line end.

    Raises
    ------
    ValueError
        When the compressed data are damaged or cut off, or a byte cannot be decoded; the message
        says where.
    """
    n_lines = 0
    try:
        is_utf8 = encoding.lower().replace("-", "") == "utf8"
        if is_utf8 and read_bytes(path, 2) in (b"\xff\xfe", b"\xfe\xff"):
            encoding = "utf-16"
        with TextIOWrapper(_open_binary(path), encoding=encoding, newline="") as stream:
            for line in stream:
                n_lines += 1
                yield line.removeprefix("\ufeff") if n_lines == 1 else line
    except UnicodeDecodeError:
        _raise_undecodable(path, encoding)
    except _DAMAGE as error:
        _raise_unreadable(path, error, n_lines)


def read_json_lines(
    path: str | os.PathLike[str], *, encoding: str = "utf-8"
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read a file with one JSON object per line.

    Parameters
    ----------
    path : str or path-like
        The file, plain or compressed. Blank lines are skipped.
    encoding : str, default="utf-8"
        How the bytes are to be understood.

    Yields
    ------
    number : int
        Line number, from 1.
    record : dict
        The object on that line.

    Raises
    ------
    ValueError
        For a line that is not a JSON object, with file, line and column.
    """
    for number, line in enumerate(read_lines(path, encoding=encoding), start=1):
        if not line.strip():
            continue
        yield (
            number,
            check_record(parsed_json(line.strip(), path, number), f"{path}, line {number}"),
        )


def parsed_json(text: str, path: str | os.PathLike[str], line: int = 1) -> Any:
    """What a text of JSON says, which begins on a line of a file.

    Raises
    ------
    ValueError
        When it is not JSON, with file, line and column.
    """
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
    """Take the text from a record, or say what is wrong with it.

    Parameters
    ----------
    record : dict
        One record of a file.
    key : str
        The key of the text.
    where : str
        File and line, for error messages.

    Returns
    -------
    text : str
    """
    text = find_value(record, key, where)
    if not isinstance(text, str):
        raise ValueError(
            f"{where}: {key!r} must be a string, but holds {_describe(text)}. Use an empty string "
            "for a document without text."
        )
    return text


def find_value(record: dict[Any, Any], key: Any, where: str) -> Any:
    """Take the value of a key, naming the keys that are there when it is missing."""
    if key not in record:
        present = ", ".join(repr(name) for name in record) or "none"
        raise ValueError(f"{where}: no key {key!r}; the keys there are: {present}.")
    return record[key]


def split_labels(value: Any, where: str) -> list[str]:
    """Turn the labels of a JSON record into a list of names, each once.

    Parameters
    ----------
    value : list of str, str or None
        A list of labels (whole numbers count as names), a single label, or None for no label.
    where : str
        File and line, for error messages.

    Returns
    -------
    labels : list of str
    """
    if isinstance(value, bool):
        raise ValueError(
            f"{where}: a label must be a string, not {_describe(value)}. For a column of 0 and 1, "
            'or true and false, pass its name in a list: labels=["urgent"].'
        )
    labels = [] if value is None else [value] if isinstance(value, (str, int)) else value
    if not isinstance(labels, list):
        raise ValueError(f"{where}: labels must be a list of strings, not {_describe(value)}.")
    for label in labels:
        if not isinstance(label, (str, int)) or isinstance(label, bool):
            raise ValueError(f"{where}: a label must be a string, not {_describe(label)}.")
    names = (str(label).strip() for label in labels)
    return list(dict.fromkeys(name for name in names if name))


def _describe(value: Any) -> str:
    shown = repr(value)
    shown = shown if len(shown) <= 40 else shown[:37] + "..."
    return f"{shown} of type {type(value).__name__}"


def _raise_unreadable(path: str | os.PathLike[str], error: Exception, n_lines: int = 0) -> NoReturn:
    if isinstance(error, OSError) and error.errno is not None:
        raise error
    if isinstance(error, _LOCKED):
        raise ValueError(
            f"{path} cannot be unpacked here ({error}). Unpack it yourself."
        ) from error
    raise ValueError(
        f"{path}: the compressed file is damaged or cut off after line {n_lines} ({error}). "
        "Copy or download it again."
    ) from error


def _raise_undecodable(path: str | os.PathLike[str], encoding: str) -> NoReturn:
    """Find the first byte that cannot be decoded; the stream reads ahead and cannot tell."""
    data = read_bytes(path)
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{Path(path)}, line {line}: byte 0x{data[error.start]:02x} at offset {error.start} is "
            f"not {encoding} ({error.reason}). Pass the encoding that the file was saved in, for "
            "instance encoding='cp1252' for a file written on Windows."
        ) from error
    raise AssertionError(f"{path} can be decoded after all")  # pragma: no cover
