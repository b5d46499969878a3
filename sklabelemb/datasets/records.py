"""Read the rows of a table, from files of several formats or a DataFrame."""

from __future__ import annotations

import csv
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from sklabelemb.datasets.reader import (
    check_record,
    parsed_json,
    read_bytes,
    read_json_lines,
    read_lines,
)
from sklabelemb.optional import import_optional
from sklabelemb.targets.forms import frame_kind

__all__ = ["read_records"]

_DELIMITERS = (",", "\t", ";", "|")
_ADVICE = "If quotation marks are part of the texts, pass quotechar=None."
# The position of a row (file and line), and its cells by column.
Records = list[tuple[str, dict[Any, Any]]]


def read_records(
    source: Any,
    needed: Sequence[Any],
    *,
    delimiter: str | None,
    quotechar: str | None,
    encoding: str,
    header: str | None,
) -> tuple[Records, str]:
    """All rows of a table with the required columns, and a phrase that describes it.

    The source is a path or a DataFrame; the other parameters are those of :func:`.load_table`.
    """
    if frame_kind(source) is not None:
        return _rows_of(source, "the table", needed), f"a DataFrame of {frame_kind(source)}"
    start = read_bytes(source, 8)
    if start.startswith(b"PAR1"):
        frame = _read_by_pandas("read_parquet", "file of Parquet", source)
        return _rows_of(frame, str(source), needed), "Parquet"
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        frame = _read_by_pandas("read_excel", "sheet of Excel", source)
        return _rows_of(frame, str(source), needed, first=2), "a sheet of Excel"
    lines = list(read_lines(source, encoding=encoding))
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise ValueError(f"{source} is empty.")
    sign = first.lstrip()[0]
    if sign == "[":
        return _json_array("".join(lines), source, needed), "a JSON array"
    if sign == "{":
        return _json_objects(lines, source, needed), "JSON lines"
    if first.startswith("__label__"):
        return list(_fasttext(lines, source, needed)), "lines of fastText"
    return _table(lines, source, needed, delimiter, quotechar, header)


# -- frames and sheets -----------------------------------------------------------------------------


def _rows_of(frame: Any, name: str, needed: Sequence[Any], first: int = 0) -> Records:
    if frame_kind(frame) == "pandas":
        columns = list(frame.columns)
        cells = [frame.iloc[:, k].tolist() for k in range(len(columns))]
    elif frame_kind(frame) == "polars":
        columns, cells = list(frame.columns), [column.to_list() for column in frame.get_columns()]
    else:
        columns, cells = list(frame.column_names), [c.to_pylist() for c in frame.columns]
    _check_columns(name, columns, needed)
    return [
        (f"{name}, row {number}", dict(zip(columns, row, strict=True)))
        for number, row in enumerate(zip(*cells, strict=True), start=first)
    ]


def _read_by_pandas(function: str, kind: str, path: Path) -> Any:
    pd = import_optional("pandas", purpose=f"A {kind}")
    try:
        return getattr(pd, function)(BytesIO(read_bytes(path)))
    except ImportError as error:
        raise ImportError(
            f"{path} is a {kind}, which pandas reads with the help of another library: {error} Or "
            "save the table as CSV."
        ) from error
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is a {kind} that is damaged ({error}), or another kind of file. Save the "
            "table as CSV."
        ) from error


# -- JSON and lines of fastText --------------------------------------------------------------------


def _json_array(text: str, path: Path, needed: Sequence[Any]) -> Records:
    rows = ((f"{path}, item {n}", row) for n, row in enumerate(parsed_json(text, path)))
    return [(where, _unpacked(check_record(row, where), needed)) for where, row in rows]


def _json_objects(lines: list[str], path: Path, needed: Sequence[Any]) -> Records:
    rows = read_json_lines(lines, path)
    found = [(f"{path}, line {n}", _unpacked(row, needed)) for n, row in rows]
    whole = found[0][1]
    if len(found) == 1 and whole and all(isinstance(column, dict) for column in whole.values()):
        # A whole table in one object, as pandas' to_json writes it: {"text": {"0": ...}, ...}.
        keys = dict.fromkeys(key for column in whole.values() for key in column)
        return [
            (f"{path}, row {key}", {name: column.get(key) for name, column in whole.items()})
            for key in keys
        ]
    return found


def _unpacked(record: dict[str, Any], needed: Sequence[Any]) -> dict[Any, Any]:
    """The text and the choices of a task that Label Studio exported; other records as they are."""
    data, annotations = record.get("data"), record.get("annotations")
    if needed[0] in record or not isinstance(data, dict) or not isinstance(annotations, list):
        return record
    choices: list[Any] = []
    try:
        for annotation in annotations:
            for result in annotation.get("result", ()):
                choices += result.get("value", {}).get("choices", ())
    except (AttributeError, TypeError):
        return record
    return {**dict.fromkeys(needed[1:2], choices), **data}


def _fasttext(
    lines: list[str], path: Path, needed: Sequence[Any]
) -> Iterator[tuple[str, dict[Any, Any]]]:
    text, labels = (*needed, "labels")[:2]
    for number, line in enumerate(lines, start=1):
        if words := line.split():
            own = [word.removeprefix("__label__") for word in words if word.startswith("__label__")]
            rest = " ".join(word for word in words if not word.startswith("__label__"))
            yield f"{path}, line {number}", {text: rest, labels: own}


# -- CSV and its like ------------------------------------------------------------------------------


def _table(
    lines: list[str],
    path: Path,
    needed: Sequence[Any],
    delimiter: str | None,
    quotechar: str | None,
    header: str | None,
) -> tuple[Records, str]:
    at = next(i for i, line in enumerate(lines) if line.strip())
    if told := re.fullmatch(r"sep=(.)\s*", lines[at]):
        delimiter = delimiter or told[1]
        # An empty line in its place, so that lines are counted as they stand in the file.
        lines[at] = "\n"
    quoting: dict[str, Any] = {"quotechar": quotechar}
    if quotechar is None:
        quoting = {"quoting": csv.QUOTE_NONE}
    if delimiter is None:
        delimiter = _guess_delimiter(lines[at], needed if header else [], quoting)
    what = f"columns separated by {delimiter!r}"
    # The module refuses cells of more than 128 KiB, and the limit is global.
    limit = csv.field_size_limit(2**31 - 1)
    try:
        return _parsed(lines, path, needed, delimiter, header, quoting), what
    except ValueError:
        # Some tools write a quotation mark in a text as \" and not as "".
        if quotechar is None or not any(f"\\{quotechar}" in line for line in lines):
            raise
        quoting = {"quotechar": quotechar, "escapechar": "\\", "doublequote": False}
        what += f", quotation marks written as \\{quotechar}"
        return _parsed(lines, path, needed, delimiter, header, quoting), what
    finally:
        csv.field_size_limit(limit)


def _parsed(
    lines: list[str],
    path: Path,
    needed: Sequence[Any],
    delimiter: str,
    header: str | None,
    quoting: dict[str, Any],
) -> Records:
    """Rows as dictionaries, each with the line that it ends on."""
    rows: Records = []
    columns: list[Any] = []
    reader = csv.reader(lines, delimiter=delimiter, strict=True, **quoting)
    before = 0
    try:
        for row in reader:
            began, before = before + 1, reader.line_num
            if not row or (len(row) == 1 and not row[0].strip() and len(columns) != 1):
                continue
            if not columns:
                columns = [name.strip() for name in row] if header else list(range(len(row)))
                _check_columns(str(path), columns, needed)
                if header:
                    continue
            where = f"{path}, line {reader.line_num}"
            if len(row) != len(columns):
                raise ValueError(
                    f"{where}: {len(row)} cells, but the first row names {len(columns)} columns. A "
                    f"text that contains {delimiter!r} must stand in quotation marks; if another "
                    "sign separates the columns, pass delimiter."
                )
            _warn_about_swallowed_rows(row, delimiter, f"{path}, lines {began} to {before}")
            rows.append((where, dict(zip(columns, row, strict=True))))
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {reader.line_num}: not a valid table ({error}). {_ADVICE}"
        ) from error
    return rows


def _warn_about_swallowed_rows(row: list[str], delimiter: str, where: str) -> None:
    """Warn about a cell that may contain several rows."""
    for cell in row:
        lines = cell.splitlines()
        if len(lines) > 1 and all(line.count(delimiter) == len(row) - 1 for line in lines[:-1]):
            warnings.warn(
                f"{where}: a cell that begins with a quotation mark holds {len(lines)} lines, each "
                f"of which could be a row of its own. {_ADVICE}",
                UserWarning,
                stacklevel=6,
            )


def _guess_delimiter(line: str, needed: Sequence[Any], quoting: dict[str, Any]) -> str:
    """The first delimiter that gives the required columns, or else the one with most columns."""
    headers = {}
    for delimiter in _DELIMITERS:
        row = next(csv.reader([line], delimiter=delimiter, **quoting), [])
        headers[delimiter] = [name.strip() for name in row]
        if needed and set(needed) <= set(headers[delimiter]):
            return delimiter
    return max(headers, key=lambda delimiter: len(headers[delimiter]))


def _check_columns(name: str, columns: list[Any], needed: Sequence[Any]) -> None:
    if missing := [column for column in needed if column not in columns]:
        raise ValueError(
            f"{name} has no column {', '.join(map(repr, missing))}; its columns are: "
            f"{', '.join(map(repr, columns))}. Name the right ones with text=... and labels=...; "
            "for a table without a row of names, pass header=None and count them: text=0, labels=1."
        )
    if twice := [column for column in needed if columns.count(column) > 1]:
        raise ValueError(f"{name} has more than one column {twice[0]!r}: rename all but one.")
