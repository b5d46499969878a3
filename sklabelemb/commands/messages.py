"""Messages on stderr: errors in terms of the command line, and progress."""

from __future__ import annotations

import argparse
import sys

__all__ = ["UserError", "in_options", "note", "shows_progress"]

# Names of arguments in Python, and on the command line.
_OPTIONS = {
    "text=... and labels=...": "--text and --labels",
    "pass delimiter.": "pass --delimiter.",
    "pass header=None and count them: text=0, labels=1": (
        "pass --no-header and count them: --text 0 --labels 1"
    ),
    "pass quotechar=None": "pass --no-quotes",
    "encoding='cp1252'": "--encoding cp1252",
    "Pass label_separator": "Pass --label-separator",
    'Pass unknown_labels="ignore"': "Pass --unknown-labels ignore",
    "label_names. There": "labels of the model. There",
    "Pass as_classes=False for an indicator": "Leave out --classes for label sets",
    "pass as_classes=False": "pass --label-sets",
    'pass its name in a list: labels=["urgent"]': "name it, and all others like it, with --labels",
    'name these: labels=["delivery", "refund"]': "name these: --labels delivery refund",
    "or pass overwrite=True to replace it": "or pass --force to replace it",
}


class UserError(ValueError):
    """An error that the user can fix; the message says how."""


def in_options(error: Exception | str) -> str:
    """The message of an error or a warning on one line, in terms of the command line."""
    message = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        message = f"{error.filename}: {error.strerror}." if error.filename else error.strerror
    for python, option in _OPTIONS.items():
        message = message.replace(python, option)
    return message


def shows_progress(options: argparse.Namespace) -> bool:
    """Whether stderr is a terminal, or progress was requested."""
    return bool(options.verbose) or sys.stderr.isatty()


def note(options: argparse.Namespace, message: str) -> None:
    """Report progress, if it is shown."""
    if shows_progress(options):
        print(message, file=sys.stderr, flush=True)
