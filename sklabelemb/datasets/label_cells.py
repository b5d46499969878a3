"""Parse labels in the cells of a table."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sklabelemb.datasets.reader import shown

__all__ = ["is_set", "separator_of", "split_cells", "split_labels"]

# The first is the surest sign: names of labels contain commas now and then.
_SEPARATORS = (";", "|", ",")
_YES = {"1", "1.0", "true"}
_NO = {"0", "0.0", "false", ""}
_WRAPPED = re.compile(r"(?:array|set|frozenset|list|tuple)\((.*?)(?:,\s*dtype=[^)]*)?\)", re.DOTALL)
# Where the tool doccano has the place and the label of a span.
_SPAN = ("start_offset", "end_offset", "label")
# A NumPy array written as text separates its items by a mere space.
_STRING = r"""(?:'[^']*'|"[^"]*")"""
_SPACED = re.compile(rf"\[\s*{_STRING}(?:\s+{_STRING})+\s*\]")


def split_cells(
    cells: Sequence[Any], places: Sequence[str], separator: str | None
) -> tuple[list[list[str]], str]:
    """Labels of each cell of a column, and a phrase that says how they were separated.

    A separator of "" means that cells are never split, and None that it is inferred from most
    cells. Invalid cells raise an error with their position; a cell with another separator than the
    others raises a warning.
    """
    parsed = [_parsed(cell, place) for cell, place in zip(cells, places, strict=True)]
    _refuse_multi_hot(parsed, places)
    plain = {i: cell for i, cell in enumerate(parsed) if isinstance(cell, str)}
    how = "lists of labels" if len(plain) < len(parsed) else "one label a cell"
    if any(map(_is_spans, parsed)):
        parsed = [[span[2] for span in cell] if _is_spans(cell) else cell for cell in parsed]
        how = "labels of spans, wherever in the text they are"
    if separator is None:
        separator = _separator_of(list(plain.values()))
        _warn_about_others(plain, places, separator)
    if separator and any(separator in cell for cell in plain.values()):
        how = f"labels separated by {separator!r}"
    for i, cell in plain.items():
        parsed[i] = cell.split(separator) if separator else [cell]
    return [split_labels(cell, place) for cell, place in zip(parsed, places, strict=True)], how


def separator_of(cells: Sequence[Any], places: Sequence[str]) -> str:
    """The separator in most of these cells; "" if there is none."""
    parsed = [_parsed(cell, place) for cell, place in zip(cells, places, strict=True)]
    return _separator_of([cell for cell in parsed if isinstance(cell, str)])


def split_labels(value: Any, where: str) -> list[str]:
    """The names in a list of labels (or one label, or None for no label), each once.

    Whole numbers count as names.
    """
    if isinstance(value, bool):
        raise ValueError(
            f"{where}: a label must be a string, not {shown(value)}. For a column of 0 and 1, or "
            'true and false, pass its name in a list: labels=["urgent"].'
        )
    labels = [] if value is None else [value] if isinstance(value, (str, int)) else value
    if not isinstance(labels, list):
        raise ValueError(f"{where}: labels must be a list of strings, not {shown(value)}.")
    for label in labels:
        if not isinstance(label, (str, int)) or isinstance(label, bool):
            raise ValueError(f"{where}: a label must be a string, not {shown(label)}.")
    return _names(labels)


def is_set(value: Any, name: Any, where: str) -> bool:
    """Whether a cell of a column of 0 and 1 is set; a ValueError for anything else."""
    sign = "" if value is None or value != value else str(value).strip().lower()
    if sign in _YES or sign in _NO:
        return sign in _YES
    raise ValueError(
        f"{where}: the label column {name!r} holds {value!r}, expected 0 or 1. For a column of "
        f"label names, pass labels={name!r} instead of a list of columns."
    )


def _names(labels: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(name for label in labels if (name := str(label).strip())))


# -- one cell --------------------------------------------------------------------------------------


def _parsed(cell: Any, where: str) -> Any:
    """Text that is no list, or a list of names."""
    if isinstance(cell, str):
        text = cell.strip()
        if wrapped := _WRAPPED.fullmatch(text):
            text = wrapped[1].strip() or "[]"
        if text[:1] + text[-1:] not in ("[]", "{}", "()"):
            return cell
        cell = _read(text, where)
    for method in ("tolist", "to_list"):
        if hasattr(cell, method):
            cell = getattr(cell, method)()
    if isinstance(cell, (tuple, set, frozenset)):
        cell = list(cell) if isinstance(cell, tuple) else sorted(cell)
    if isinstance(cell, dict):
        return _of_dict(cell, where)
    if isinstance(cell, list) and cell and all(isinstance(item, dict) for item in cell):
        spans = [[item.get(key) for key in _SPAN] for item in cell]
        if _is_spans(spans):
            return spans
        return [label for item in cell for label in _of_dict(item, where)]
    if isinstance(cell, float):
        return [] if cell != cell else [int(cell)] if cell.is_integer() else cell
    return cell


def _read(text: str, where: str) -> Any:
    if text == "{}":
        return []
    if _SPACED.fullmatch(text):
        return [item[1:-1] for item in re.findall(_STRING, text)]
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
            continue
        # A name in brackets is a name.
        return value if not isinstance(value, str) else text
    if text[0] == "(":
        return text
    raise ValueError(
        f"{where}: the labels {text!r:.80} look like a list but cannot be read as one. Write them "
        'as ["a", "b"], or as a;b.'
    )


def _of_dict(cell: dict[Any, Any], where: str) -> list[Any]:
    """The labels in an object: those of Label Studio, numbers by label, or names by identifier."""
    for key in ("choices", "labels"):
        if isinstance(cell.get(key), list):
            return list(cell[key])
    values = list(cell.values())
    if all(isinstance(v, str) for v in values) and values:
        return values
    if all(_is_bit(v) for v in values):
        return [label for label, value in cell.items() if value]
    raise ValueError(
        f'{where}: the labels {cell!r:.80} are an object, of which {{"choices": [...]}}, 0 or 1 by '
        "label, and names by identifier are understood. Write them as a list of names."
    )


def _is_bit(value: Any) -> bool:
    return isinstance(value, (bool, int, float)) and value in (0, 1)


def _is_spans(cell: Any) -> bool:
    """Whether a cell holds spans of its text: start, end and the label of each."""
    return isinstance(cell, list) and bool(cell) and all(map(_is_span, cell))


def _is_span(item: Any) -> bool:
    return (
        isinstance(item, (list, tuple))
        and [type(part) for part in item] == [int, int, str]
        and 0 <= item[0] <= item[1]
    )


# -- all cells of a column -------------------------------------------------------------------------


def _refuse_multi_hot(cells: Sequence[Any], places: Sequence[str]) -> None:
    """Refuse rows of an indicator instead of names."""
    lists = {i: cell for i, cell in enumerate(cells) if isinstance(cell, list) and cell}
    hot = all(_is_bit(value) for cell in lists.values() for value in cell)
    sizes = set(map(len, lists.values()))
    if len(lists) > 1 and hot and len(sizes) == 1 and sizes != {1}:
        first, row = next(iter(lists.items()))
        raise ValueError(
            f"{places[first]}: the labels {row!r:.60} look like a row of 0 and 1, one number "
            "for each label. Give each label a column of its own, and name these: "
            'labels=["delivery", "refund"]; or make names of the numbers first.'
        )


def _separator_of(cells: list[str]) -> str:
    """The separator that most cells agree on; "" if there is none.

    Cells agree if they share a label. A comma on which none agree, while whole cells are repeated,
    belongs to a name.
    """
    found = []
    for rank, separator in enumerate(_SEPARATORS):
        parts = [set(_names(cell.split(separator))) for cell in cells]
        split = [own for own, cell in zip(parts, cells, strict=True) if separator in cell]
        if not split:
            continue
        times = Counter(label for own in parts for label in own)
        agreeing = sum(any(times[label] > 1 for label in own) for own in split)
        agrees = 2 * agreeing >= len(split) and agreeing > 0
        whole = Counter(cell.strip() for cell in cells if cell.strip())
        if separator == "," and not agreeing and max(whole.values()) > 1:
            continue
        found.append((agrees, 0 if agrees else len(split), -rank, separator))
    return max(found)[-1] if found else ""


def _warn_about_others(cells: dict[int, str], places: Sequence[str], separator: str) -> None:
    """Name a cell that has another separator, where that might be the right one."""
    others = _SEPARATORS[: _SEPARATORS.index(separator)] if separator else _SEPARATORS
    for other in others:
        strays = [i for i, cell in cells.items() if other in cell]
        if strays:
            taken = f"all cells are split at {separator!r}" if separator else "cells are not split"
            warnings.warn(
                f"{places[strays[0]]}: {cells[strays[0]]!r:.80} contains {other!r}, on which the "
                f"cells of the column do not agree, so {taken} ({len(strays)} such cells). Pass "
                f"label_separator to say what is right.",
                UserWarning,
                stacklevel=4,
            )
