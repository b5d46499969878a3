"""Reading text files: plain, gzip, bzip2 or xz by their first bytes; JSON lines with positions."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import zlib
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any, NoReturn

__all__ = [
    "find_text",
    "find_value",
    "open_binary",
    "read_json_lines",
    "read_lines",
    "split_labels",
]

_MAGIC: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}


def open_binary(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a file for reading bytes, decompressed if its first bytes say so.

    Parameters
    ----------
    path : str or path-like
        The file; its name does not matter.

    Returns
    -------
    stream : binary file object
    """
    with open(path, "rb") as stream:
        start = stream.read(6)
    for magic, opener in _MAGIC.items():
        if start.startswith(magic):
            return opener(path, "rb")
    return open(path, "rb")


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
        if encoding.lower().replace("-", "") == "utf8":
            with open_binary(path) as start:
                if start.read(2) in (b"\xff\xfe", b"\xfe\xff"):
                    encoding = "utf-16"
        with TextIOWrapper(open_binary(path), encoding=encoding, newline="") as stream:
            for line in stream:
                n_lines += 1
                yield line.removeprefix("\ufeff") if n_lines == 1 else line
    except UnicodeDecodeError:
        _raise_undecodable(path, encoding)
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"{path}: the compressed file is damaged or cut off after line {n_lines} ({error}). "
            "Copy or download it again."
        ) from error


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
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"{path}, line {number}: not valid JSON ({error.msg}, column {error.colno})."
            ) from error
        if not isinstance(record, dict):
            raise ValueError(
                f"{path}, line {number}: expected a JSON object such as "
                f'{{"text": "...", "labels": ["..."]}}, got a {type(record).__name__}.'
            )
        yield number, record


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


def _raise_undecodable(path: str | os.PathLike[str], encoding: str) -> NoReturn:
    """Find the first byte that cannot be decoded; the stream reads ahead and cannot tell."""
    with open_binary(path) as stream:
        data = stream.read()
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
