"""The rows of a table, whatever it lies in: files of several kinds, or a DataFrame."""

from __future__ import annotations

import csv
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import islice
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
    """All rows of a table as dictionaries, with the place of each, and what the table is.

    Parameters
    ----------
    source : Path or DataFrame
    needed : sequence
        The columns that must be there.
    delimiter, quotechar, encoding, header
        See :func:`.load_table`.

    Returns
    -------
    records : list of (str, dict)
        Where a row stands (file and line), and its cells by column.
    what : str
        A phrase for the description.
    """
    if frame_kind(source) is not None:
        return _rows_of(source, "the table", needed), f"a DataFrame of {frame_kind(source)}"
    start = read_bytes(source, 8)
    if start.startswith(b"PAR1"):
        return _rows_of(_parquet(source), str(source), needed), "Parquet"
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return _rows_of(_excel(source), str(source), needed, first=2), "a sheet of Excel"
    lines = read_lines(source, encoding=encoding)
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise ValueError(f"{source} is empty.")
    sign = first.lstrip()[0]
    if sign == "[":
        return _json_array(source, encoding, needed), "a JSON array"
    if sign == "{":
        return _json_objects(source, encoding, needed), "JSON lines"
    if first.startswith("__label__"):
        return list(_fasttext(source, encoding, needed)), "lines of fastText"
    return _table(source, needed, delimiter, quotechar, encoding, header)


# -- frames and sheets -----------------------------------------------------------------------------


def _rows_of(frame: Any, name: str, needed: Sequence[Any], first: int = 0) -> Records:
    if frame_kind(frame) == "pandas":
        columns = list(frame.columns)
        cells = [frame.iloc[:, k].tolist() for k in range(len(columns))]
    elif frame_kind(frame) == "pyarrow":
        columns = list(frame.column_names)
        cells = [frame.column(k).to_pylist() for k in range(len(columns))]
    else:
        columns = list(frame.columns)
        cells = [frame[column].to_list() for column in columns]
    _check_columns(name, columns, needed)
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*cells, strict=True))
    return [(f"{name}, row {number}", row) for number, row in enumerate(rows, start=first)]


def _parquet(path: Path) -> Any:
    pd = import_optional("pandas", purpose="A file of Parquet")
    try:
        return pd.read_parquet(BytesIO(read_bytes(path)))
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} is a file of Parquet that is damaged ({error}).") from error


def _excel(path: Path) -> Any:
    pd = import_optional("pandas", purpose="A sheet of Excel")
    try:
        return pd.read_excel(BytesIO(read_bytes(path)))
    except ImportError as error:
        raise ImportError(
            f"{path} is a sheet of Excel, which pandas reads with the help of another library: "
            f"{error} Or save the sheet as CSV."
        ) from error
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is no sheet of Excel that could be read ({error}). Save the table as CSV."
        ) from error


# -- JSON ------------------------------------------------------------------------------------------


def _json_array(path: Path, encoding: str, needed: Sequence[Any]) -> Records:
    rows = parsed_json("".join(read_lines(path, encoding=encoding)), path)
    places = [f"{path}, item {number}" for number in range(len(rows))]
    return [
        (place, _task_of_label_studio(check_record(row, place), needed))
        for place, row in zip(places, rows, strict=True)
    ]


def _json_objects(path: Path, encoding: str, needed: Sequence[Any]) -> Records:
    found = [
        (f"{path}, line {number}", _task_of_label_studio(record, needed))
        for number, record in read_json_lines(path, encoding=encoding)
    ]
    whole = found[0][1]
    if len(found) == 1 and whole and all(isinstance(column, dict) for column in whole.values()):
        # A whole table in one object, as pandas' to_json writes it: {"text": {"0": ...}, ...}.
        keys = list(dict.fromkeys(key for column in whole.values() for key in column))
        return [
            (f"{path}, row {key}", {name: column.get(key) for name, column in whole.items()})
            for key in keys
        ]
    return found


def _task_of_label_studio(record: dict[str, Any], needed: Sequence[Any]) -> dict[Any, Any]:
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


# -- lines of fastText -----------------------------------------------------------------------------


def _fasttext(
    path: Path, encoding: str, needed: Sequence[Any]
) -> Iterator[tuple[str, dict[Any, Any]]]:
    text, labels = (*needed, "labels")[:2]
    for number, line in enumerate(read_lines(path, encoding=encoding), start=1):
        if line.strip():
            words = line.split()
            own = [word.removeprefix("__label__") for word in words if word.startswith("__label__")]
            rest = " ".join(word for word in words if not word.startswith("__label__"))
            yield f"{path}, line {number}", {text: rest, labels: own}


# -- CSV and its like ------------------------------------------------------------------------------


def _table(
    path: Path,
    needed: Sequence[Any],
    delimiter: str | None,
    quotechar: str | None,
    encoding: str,
    header: str | None,
) -> tuple[Records, str]:
    first = next(line for line in read_lines(path, encoding=encoding) if line.strip())
    told = re.fullmatch(r"sep=(.)\s*", first)
    if told and delimiter is None:
        delimiter = told[1]
    skip = 1 if told else 0
    quoting: dict[str, Any] = {"quotechar": quotechar}
    if quotechar is None:
        quoting = {"quoting": csv.QUOTE_NONE}
    if delimiter is None:
        delimiter = _guess_delimiter(first, needed if header else [], quoting)
    what = f"columns separated by {delimiter!r}"
    # The module refuses cells of more than 128 KiB, and the limit is one for the whole process.
    limit = csv.field_size_limit(2**31 - 1)
    arguments = (path, needed, delimiter, encoding, header, skip)
    try:
        return _parsed(*arguments, quoting), what
    except ValueError:
        # Some tools write a quotation mark in a text as \" and not as "".
        if quotechar is None or not any(
            f"\\{quotechar}" in line for line in read_lines(path, encoding=encoding)
        ):
            raise
        escaped = {"quotechar": quotechar, "escapechar": "\\", "doublequote": False}
        return _parsed(*arguments, escaped), f"{what}, quotation marks written as \\{quotechar}"
    finally:
        csv.field_size_limit(limit)


def _parsed(
    path: Path,
    needed: Sequence[Any],
    delimiter: str,
    encoding: str,
    header: str | None,
    skip: int,
    quoting: dict[str, Any],
) -> Records:
    """Rows as dictionaries, each with the line that it ends on."""
    rows: Records = []
    columns: list[Any] = []
    lines = islice(read_lines(path, encoding=encoding), skip, None)
    reader = csv.reader(lines, delimiter=delimiter, strict=True, **quoting)
    before = 0
    try:
        for row in reader:
            began, before = before + skip + 1, reader.line_num
            if not row or (len(row) == 1 and not row[0].strip() and len(columns) != 1):
                continue
            if not columns:
                columns = [name.strip() for name in row] if header else list(range(len(row)))
                _check_columns(str(path), columns, needed)
                if header:
                    continue
            where = f"{path}, line {reader.line_num + skip}"
            if len(row) != len(columns):
                raise ValueError(
                    f"{where}: {len(row)} cells, but the first row names {len(columns)} columns. A "
                    f"text that contains {delimiter!r} must stand in quotation marks; if another "
                    "sign separates the columns, pass delimiter."
                )
            _warn_about_swallowed_rows(row, delimiter, f"{path}, lines {began} to {before + skip}")
            rows.append((where, dict(zip(columns, row, strict=True))))
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {reader.line_num + skip}: not a valid table ({error}). {_ADVICE}"
        ) from error
    return rows


def _warn_about_swallowed_rows(row: list[str], delimiter: str, where: str) -> None:
    """Warn about a cell that looks as if several rows had become one."""
    for cell in row:
        lines = cell.splitlines()
        if (
            len(lines) > 1
            and all(line.count(delimiter) == len(row) - 1 for line in lines[1:-1])
            and lines[0].count(delimiter) == len(row) - 1
        ):
            warnings.warn(
                f"{where}: a cell that begins with a quotation mark holds {len(lines)} lines, each "
                f"of which could be a row of its own. {_ADVICE}",
                UserWarning,
                stacklevel=6,
            )


def _guess_delimiter(line: str, needed: Sequence[Any], quoting: dict[str, Any]) -> str:
    headers = {}
    for delimiter in _DELIMITERS:
        row = next(csv.reader([line], delimiter=delimiter, **quoting), [])
        headers[delimiter] = [name.strip() for name in row]
        if needed and set(needed) <= set(headers[delimiter]):
            return delimiter
    return max(headers, key=lambda delimiter: len(headers[delimiter]))


def _check_columns(name: str, columns: list[Any], needed: Sequence[Any]) -> None:
    missing = [column for column in needed if column not in columns]
    if missing:
        raise ValueError(
            f"{name} has no column {', '.join(map(repr, missing))}; its columns are: "
            f"{', '.join(map(repr, columns))}. Name the right ones with text=... and labels=...; "
            "for a table without a row of names, pass header=None and count them: text=0, labels=1."
        )
    twice = [column for column in needed if columns.count(column) > 1]
    if twice:
        raise ValueError(f"{name} has more than one column {twice[0]!r}: rename all but one.")
