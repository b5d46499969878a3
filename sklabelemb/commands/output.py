"""Write results to stdout or atomically to a file, as JSON or as rows of a table."""

from __future__ import annotations

import contextlib
import csv
import json
import math
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

__all__ = ["opened", "print_json", "row_writer", "to_json"]


@contextlib.contextmanager
def opened(path: str | None) -> Iterator[TextIO]:
    """Stdout, or a file that appears once it is complete."""
    if path is None:
        # A JSON file may contain half of a surrogate pair, which no encoding can write.
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="backslashreplace")
        yield sys.stdout
        return
    target = Path(path).expanduser()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(
            handle, "w", encoding="utf-8", errors="backslashreplace", newline=""
        ) as file:
            yield file
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON of values with arrays and names of any type; NaN becomes null."""
    return json.dumps(_plain(value), ensure_ascii=False, indent=indent, allow_nan=False)


def print_json(value: Any, path: str | None = None) -> None:
    """Write a value as indented JSON."""
    with opened(path) as stream:
        stream.write(to_json(value, indent=2) + "\n")


def row_writer(kind: str, stream: TextIO, columns: Sequence[str]) -> Callable[[list[Any]], None]:
    """A function that writes one row.

    Parameters
    ----------
    kind : {"csv", "tsv", "json"}
        "json": an object on each line.
    stream : text file
    columns : sequence of str
    """
    if kind == "json":
        return lambda row: _print_object(stream, columns, row)
    table = csv.writer(stream, delimiter="\t" if kind == "tsv" else ",", lineterminator="\n")
    table.writerow(columns)
    return lambda row: table.writerow(["" if cell is None else cell for cell in row])


def _print_object(stream: TextIO, columns: Sequence[str], row: list[Any]) -> None:
    stream.write(to_json(dict(zip(columns, row, strict=True))) + "\n")


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(own) for key, own in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(own) for own in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
