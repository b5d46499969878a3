"""Read texts: from a column of a table or one per line, from a file or stdin."""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sklabelemb.commands.arguments import TABLES, add_table_options, table_arguments
from sklabelemb.commands.messages import UserError, note

__all__ = ["Source", "add_source", "portions", "read_source"]


@dataclass(frozen=True)
class Source:
    """Texts, one after the other.

    Attributes
    ----------
    texts : iterator of str
    columns : list
        Those of the table, "text" alone for lines.
    rows : list of dict, or None for lines
        The rows of the table.
    text_column : str or int
    """

    texts: Iterator[str]
    columns: list[Any]
    rows: list[dict[Any, Any]] | None
    text_column: Any


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add the file with the texts."""
    parser.add_argument(
        "file",
        metavar="FILE",
        help=f"table with a column of texts ({TABLES}), or - for stdin, one text per line unless "
        "--text names a column",
    )
    parser.add_argument("--lines", action="store_true", help="FILE has a text per line")
    add_table_options(parser)


def read_source(options: argparse.Namespace) -> Source:
    """The texts of the file; lines are read lazily."""
    given = table_arguments(options)
    piped = options.file == "-"
    if options.lines or (piped and options.text is None and not options.no_header):
        if options.text is not None:
            raise UserError("--lines are texts, without columns: leave out --text.")
        encoding = given.get("encoding", "utf-8")
        lines = _stdin_lines(encoding) if piped else _file_lines(options.file, encoding)
        return Source(lines, ["text"], None, "text")
    if not piped:
        return _table(Path(options.file).expanduser(), given, options)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stdin")
        path.write_bytes(sys.stdin.buffer.read())
        return _table(path, given, options)


def portions(texts: Iterator[str], size: int) -> Iterator[list[str]]:
    """Texts in lists of this size."""
    while portion := list(islice(texts, size)):
        yield portion


def _table(path: Path, given: dict[str, Any], options: argparse.Namespace) -> Source:
    from sklabelemb.datasets.reader import find_text
    from sklabelemb.datasets.records import read_records

    if not path.is_file():
        raise UserError(f"{path} is not a file.")
    column = given.pop("text", "text")
    usual = {"delimiter": None, "quotechar": '"', "encoding": "utf-8", "header": "infer"}
    try:
        records, what = read_records(path, [column], **(usual | given))
    except ValueError as error:
        if "no column" not in str(error):
            raise
        raise UserError(f"{error} For a text per line, pass --lines.") from error
    note(options, f"{path.name}: {len(records)} texts ({what})")
    rows = [row for _, row in records]
    texts = [find_text(row, column, where) for where, row in records]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return Source(iter(texts), columns, rows, column)


def _file_lines(file: str, encoding: str) -> Iterator[str]:
    from sklabelemb.datasets.reader import read_lines

    for line in read_lines(Path(file).expanduser(), encoding=encoding):
        yield line.rstrip("\r\n")


def _stdin_lines(encoding: str) -> Iterator[str]:
    stream = io.TextIOWrapper(sys.stdin.buffer, encoding=encoding, newline="\n")
    try:
        for number, line in enumerate(stream):
            yield (line if number else line.removeprefix("\ufeff")).rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UserError(f"stdin is not {encoding} ({error.reason}). Pass --encoding.") from error
    finally:
        stream.detach()
