"""A table of one's own: CSV, TSV or JSON lines with a text column and labels in some form."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from sklearn.utils import Bunch

from sklabelemb.datasets.bunch import Corpus, all_single, check_choice
from sklabelemb.datasets.reader import (
    find_text,
    find_value,
    read_json_lines,
    read_lines,
    split_labels,
)

__all__ = ["load_table"]

_DELIMITERS = (",", "\t", ";", "|")
_SEPARATORS = (";", "|", ",")
_YES = {"1", "1.0", "true"}
_NO = {"0", "0.0", "false", ""}
# A NumPy array written as text separates its items by a mere space.
_MISSING_COMMA = re.compile(r"""['"]\s+['"]""")


def load_table(
    path: str | os.PathLike[str],
    *,
    text: str = "text",
    labels: str | Sequence[str] = "labels",
    delimiter: str | None = None,
    label_separator: str | None = None,
    quotechar: str | None = '"',
    encoding: str = "utf-8",
    as_classes: bool | Literal["auto"] = "auto",
    sparse: bool | Literal["auto"] = "auto",
    return_X_y: bool = False,
) -> Bunch | tuple[list[str], Any]:
    r"""Load texts and labels from a CSV or TSV file, or from JSON lines.

    The file may be compressed with gzip, bzip2 or xz. If its first sign is ``{`` it is read as
    JSON lines, else as a table whose first row names the columns.

    Parameters
    ----------
    path : str or path-like
        The file.
    text : str, default="text"
        The column with the texts.
    labels : str or sequence of str, default="labels"
        The column with the labels of a row; or several columns of 0 and 1, one per label. A cell
        of a single column holds a JSON list (``["refund", "returns"]``), a Python list
        (``['refund', 'returns']``), or names with a separator between them
        (``refund;returns``). An empty cell means no label.
    delimiter : str, default=None
        What stands between the columns. None takes the first of comma, tab, semicolon and ``|``
        for which the first row has the columns asked for.
    label_separator : str, default=None
        What stands between the labels in a cell. None takes the first of ``;``, ``|`` and ``,``
        that occurs in any cell of the column, lists left aside; if none does, a cell is one label.
        Pass an empty string if labels may contain these signs: cells are then never split.
    quotechar : str, default='"'
        What encloses a cell that contains the delimiter or a line end. None: nothing does, and
        quotation marks are part of the text, as is usual in TSV files.
    encoding : str, default="utf-8"
        How the bytes are to be understood.
    as_classes : bool or "auto", default="auto"
        Whether the target is a 1-D array of class names rather than an indicator. "auto": when
        `labels` is one column and every row has exactly one label.
    sparse : bool or "auto", default="auto"
        Whether an indicator is a CSR matrix. "auto": when there are more than 100 labels.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch
        Dictionary-like object with these attributes:

        data : list of str, length n_samples
            The texts.
        target : ndarray or csr_matrix
            1-D classes of str, shape (n_samples,); or an indicator of int64, dense or CSR, shape
            (n_samples, n_labels).
        target_names : list of str, length n_labels
            The labels in the order of the columns: that of `labels` if it names several columns,
            else sorted.
        label_texts : list of str, length n_labels
            The names again; replace them by descriptive texts if you have any.
        extra : dict of list
            The other columns.
        DESCR : str
            A description of the file.
        filename : str
            The file that was read.
    (data, target) : tuple
        With `return_X_y`.

    See Also
    --------
    load_folder : Read a dataset with splits and descriptive texts for its labels.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sklabelemb.datasets import load_table
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "requests.csv"
    >>> _ = file.write_text(
    ...     "text,labels\nStill no parcel,delivery;complaint\nMoney back please,refund\n"
    ... )
    >>> requests = load_table(file)
    >>> requests.target_names
    ['complaint', 'delivery', 'refund']
    >>> requests.target
    array([[1, 1, 0],
           [0, 0, 1]])
    """
    check_choice("as_classes", as_classes, (True, False, "auto"))
    check_choice("sparse", sparse, (True, False, "auto"))
    file = Path(path)
    if not file.is_file():
        hint = "; for a folder, use load_folder" if file.is_dir() else ""
        raise FileNotFoundError(f"{file} is not a file{hint}.")
    columns = [labels] if isinstance(labels, str) else list(labels)
    if not columns or not all(isinstance(name, str) for name in columns):
        raise ValueError(
            f"labels must be the name of a column or a list of such names, got {labels!r}."
        )
    records: Iterator[tuple[int, dict[str, Any]]]
    if _first_sign(file, encoding) == "{":
        records = read_json_lines(file, encoding=encoding)
    else:
        records = iter(_read_csv(file, [text, *columns], delimiter, quotechar, encoding))
    corpus = Corpus()
    cells: list[Any] = []
    for number, record in records:
        where = f"{file}, line {number}"
        document = find_text(record, text, where)
        cells.append([find_value(record, name, where) for name in columns])
        used = {text, *columns}
        others = {name: value for name, value in record.items() if name not in used}
        corpus.add(document, [], number, others)
    if not corpus.texts:
        raise ValueError(f"{file} has no rows: there is nothing after the names of the columns.")
    if isinstance(labels, str):
        split = _cell_splitter([row[0] for row in cells], label_separator)
        for i, row in enumerate(cells):
            corpus.label_lists[i] = split(row[0], f"{file}, line {corpus.places[i]}")
        names = sorted({label for row in corpus.label_lists for label in row})
    else:
        for i, row in enumerate(cells):
            corpus.label_lists[i] = [
                name
                for name, value in zip(columns, row, strict=True)
                if _is_set(value, name, f"{file}, line {corpus.places[i]}")
            ]
        names = columns
    if not any(corpus.label_lists):
        raise ValueError(
            f"{file}: no row has a label in {', '.join(map(repr, columns))}. Is it the right "
            "column?"
        )
    if as_classes == "auto":
        as_classes = isinstance(labels, str) and all_single(corpus.label_lists)
    bunch = corpus.to_bunch(
        names,
        {},
        as_classes=as_classes,
        sparse=sparse,
        filename=str(file),
        description=f"{file.name}: {len(corpus.texts)} documents, {len(names)} labels",
    )
    return (bunch.data, bunch.target) if return_X_y else bunch


def _first_sign(file: Path, encoding: str) -> str:
    for line in read_lines(file, encoding=encoding):
        if line.strip():
            return line.lstrip()[0]
    raise ValueError(f"{file} is empty.")


def _read_csv(
    file: Path,
    needed: list[str],
    delimiter: str | None,
    quotechar: str | None,
    encoding: str,
) -> list[tuple[int, dict[str, str]]]:
    """Rows as dictionaries, each with the line that it ends on."""
    quoting: dict[str, Any] = {"quotechar": quotechar}
    if quotechar is None:
        quoting = {"quoting": csv.QUOTE_NONE}
    if delimiter is None:
        header_line = next(line for line in read_lines(file, encoding=encoding) if line.strip())
        delimiter = _guess_delimiter(header_line, needed, quoting)
    rows: list[tuple[int, dict[str, str]]] = []
    # The module refuses cells of more than 128 KiB, and the limit is one for the whole process.
    limit = csv.field_size_limit(2**31 - 1)
    try:
        lines = read_lines(file, encoding=encoding)
        reader = csv.reader(lines, delimiter=delimiter, strict=True, **quoting)
        header: list[str] = []
        for row in reader:
            if not row or (len(row) == 1 and not row[0].strip() and len(header) != 1):
                continue
            if not header:
                header = [name.strip() for name in row]
                _check_header(file, header, needed)
                continue
            if len(row) != len(header):
                raise ValueError(
                    f"{file}, line {reader.line_num}: {len(row)} cells, but the first row names "
                    f"{len(header)} columns. A text that contains {delimiter!r} must stand in "
                    "quotation marks; if another sign separates the columns, pass delimiter."
                )
            rows.append((reader.line_num, dict(zip(header, row, strict=True))))
    except csv.Error as error:
        raise ValueError(
            f"{file}, line {reader.line_num}: not a valid table ({error}). If quotation marks "
            "are part of the texts, pass quotechar=None."
        ) from error
    finally:
        csv.field_size_limit(limit)
    return rows


def _guess_delimiter(line: str, needed: list[str], quoting: dict[str, Any]) -> str:
    headers = {}
    for delimiter in _DELIMITERS:
        row = next(csv.reader([line], delimiter=delimiter, **quoting), [])
        headers[delimiter] = [name.strip() for name in row]
        if set(needed) <= set(headers[delimiter]):
            return delimiter
    return max(headers, key=lambda delimiter: len(headers[delimiter]))


def _check_header(file: Path, header: list[str], needed: list[str]) -> None:
    missing = [name for name in needed if name not in header]
    if missing:
        raise ValueError(
            f"{file} has no column {', '.join(map(repr, missing))}; its columns are: "
            f"{', '.join(map(repr, header))}. Name the right ones with text=... and labels=..."
        )
    twice = [name for name in needed if header.count(name) > 1]
    if twice:
        raise ValueError(f"{file} has more than one column {twice[0]!r}: rename all but one.")


def _cell_splitter(cells: list[Any], separator: str | None) -> Callable[[Any, str], list[str]]:
    """Decide how the cells of a label column are split, from all of them together."""
    plain = [cell for cell in cells if isinstance(cell, str) and not _looks_like_list(cell)]
    if separator is None:
        found = (s for s in _SEPARATORS if any(s in cell for cell in plain))
        separator = next(found, "")

    def split(cell: Any, where: str) -> list[str]:
        if not isinstance(cell, str):
            return split_labels(cell, where)
        if _looks_like_list(cell):
            return split_labels(_parse_list(cell.strip(), where), where)
        parts = cell.split(separator) if separator else [cell]
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))

    return split


def _looks_like_list(cell: str) -> bool:
    cell = cell.strip()
    return cell.startswith("[") and cell.endswith("]")


def _parse_list(cell: str, where: str) -> Any:
    try:
        return json.loads(cell)
    except json.JSONDecodeError:
        pass
    try:
        if _MISSING_COMMA.search(cell):
            raise SyntaxError("no comma between the items")
        return ast.literal_eval(cell)
    except (SyntaxError, ValueError) as error:
        raise ValueError(
            f"{where}: the labels {cell!r} look like a list but cannot be read as one. Write "
            'them as ["a", "b"], or as a;b.'
        ) from error


def _is_set(value: Any, name: str, where: str) -> bool:
    sign = "" if value is None else str(value).strip().lower()
    if sign in _YES or sign in _NO:
        return sign in _YES
    raise ValueError(
        f"{where}: the label column {name!r} holds {value!r}, expected 0 or 1. For a column of "
        f"label names, pass labels={name!r} instead of a list of columns."
    )
