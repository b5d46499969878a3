"""Options that several commands share, and what they mean as arguments of functions."""

from __future__ import annotations

import argparse
from typing import Any

from sklabelemb.commands.messages import UserError

__all__ = [
    "TABLES",
    "add_label_options",
    "add_model_options",
    "add_out",
    "add_seed",
    "add_table",
    "add_table_options",
    "add_verbose",
    "minutes",
    "share",
    "share_or_none",
    "table_arguments",
    "whole_number",
]


TABLES = "CSV, TSV, JSON, fastText, Parquet or Excel"


def add_table(parser: Any, options: Any = None) -> None:
    """Add a table of texts and labels, and the options that say how to read it.

    Parameters
    ----------
    parser : ArgumentParser
    options : argument group, default=None
        Where the options go; None: beside the file.
    """
    parser.add_argument("file", metavar="FILE", help=f"{TABLES}; also compressed")
    options = parser if options is None else options
    add_table_options(options)
    add_label_options(options)


def add_table_options(parser: Any, *, file: str = "the file") -> None:
    """Add options that say how a table is to be read, its labels left aside."""
    parser.add_argument("--text", metavar="COLUMN", help="column with the texts (default: text)")
    parser.add_argument(
        "--delimiter",
        "--separator",
        metavar="SIGN",
        help="between columns (default: found out)",
    )
    parser.add_argument("--encoding", metavar="NAME", help=f"of {file} (default: utf-8)")
    parser.add_argument(
        "--no-quotes", action="store_true", help="quotation marks are part of the texts"
    )
    parser.add_argument(
        "--no-header",
        action="store_true",
        help="the first row is a text; columns are counted from 0",
    )


def add_label_options(parser: Any) -> None:
    """Add options that say where labels are, and what they are."""
    parser.add_argument(
        "--labels",
        metavar="COLUMN",
        nargs="+",
        help="column with the labels, or one column of 0 and 1 per label (default: labels)",
    )
    parser.add_argument(
        "--label-separator",
        metavar="SIGN",
        help="between the labels of a cell (default: found out)",
    )


def add_model_options(parser: Any) -> None:
    """Add the saved model, and where to find its encoder."""
    parser.add_argument("model", metavar="MODEL", help="folder that `train` or save() wrote")
    parser.add_argument(
        "--encoder",
        metavar="NAME",
        help="where the pretrained encoder lies here, for a model that was saved without it",
    )
    parser.add_argument(
        "--device", metavar="NAME", default="auto", help="cpu or cuda (default: auto)"
    )
    parser.add_argument("--task", metavar="NAME", help="of a model of several tasks: which one")


def add_out(parser: Any) -> None:
    """Add the file that results go to."""
    parser.add_argument("--out", metavar="FILE", help="write to this file instead of stdout")


def add_verbose(parser: Any) -> None:
    """Add the option for progress if stderr is not a terminal."""
    parser.add_argument(
        "--verbose", action="store_true", help="show progress though stderr is no terminal"
    )


def add_seed(parser: Any) -> None:
    """Add the random seed."""
    parser.add_argument("--seed", type=_seed, default=0, help="random seed (default: 0)")


def share(text: str) -> float:
    """A share of the texts, as an argument."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < 1:
        raise argparse.ArgumentTypeError(f"must be a number between 0 and 1, but is {text!r}")
    return found


def share_or_none(text: str) -> float:
    """A share of the texts, or 0 for none, as an argument."""
    return 0.0 if text in ("0", "0.0") else share(text)


def minutes(text: str) -> float:
    """A time in minutes, as an argument."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, but is {text!r}")
    return found


def whole_number(text: str) -> int:
    """A whole number from 1 on, as an argument."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, but is {text!r}")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(
            f"must be a whole number from 0 to {2**32 - 1}, but is {text!r}"
        )
    return int(text)


def table_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments of `load_table`; only those that were given.

    Raises
    ------
    UserError
        When a column is not a number though columns are numbered, or the delimiter is not a single
        character.
    """
    names = ("text", "labels", "delimiter", "label_separator", "encoding")
    found: dict[str, Any] = {name: getattr(options, name, None) for name in names}
    given = {name: value for name, value in found.items() if value is not None}
    if options.no_quotes:
        given["quotechar"] = None
    if options.no_header:
        given["header"] = None
        given["text"] = _number(given.get("text", "0"))
        if hasattr(options, "labels"):
            given["labels"] = [_number(name) for name in given.get("labels", ["1"])]
    if len(given.get("labels", ())) == 1:
        given["labels"] = given["labels"][0]
    if "delimiter" in given:
        given["delimiter"] = given["delimiter"].replace("\\t", "\t")
        if len(given["delimiter"]) != 1:
            raise UserError(f"--delimiter must be a single sign, but is {given['delimiter']!r}.")
    return given


def _number(column: str) -> int:
    if not column.isdecimal():
        raise UserError(
            f"with --no-header columns are counted from 0, but {column!r} is not a number."
        )
    return int(column)
