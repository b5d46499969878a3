"""`sklabelemb demo`: LEAM beside baselines on the corpus that ships, or on a file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from sklabelemb.commands.arguments import (
    TABLES,
    add_label_options,
    add_table_options,
    table_arguments,
)
from sklabelemb.commands.comparing import add_comparison_options, compared
from sklabelemb.commands.messages import UserError

__all__ = ["DESCRIPTION", "HELP", "add_options", "run"]

HELP = "compare LEAM with linear baselines and show what the words said"
DESCRIPTION = (
    "Compare LEAM with linear baselines on a small corpus that ships with the package, or on a "
    "file of your own, and write a page that shows which words spoke for which label."
)
PAGE = "highlights.html"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    own = parser.add_argument_group("your own texts")
    own.add_argument("--data", metavar="FILE", help=f"{TABLES}; also compressed")
    add_table_options(own)
    add_label_options(own)
    add_comparison_options(parser)
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        default="demo_output",
        help=f"where {PAGE} goes (default: demo_output)",
    )
    parser.add_argument("--save-model", metavar="FOLDER", help="save the trained LEAM there")


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    table = _table_arguments(options)
    folder = Path(options.out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {error.strerror}.") from error

    print("Loading the libraries ...", file=sys.stderr, flush=True)
    from sklabelemb.demo.texts import load_corpus, vectors_of_words

    corpus = load_corpus(
        options.data, test_size=options.test_size, seed=options.seed, columns=table
    )
    vectors = None if options.vectors is None else vectors_of_words(options.vectors, corpus)
    _say(*corpus.description())
    if vectors is not None:
        _say(f"{options.vectors}: vectors for {len(vectors)} words")
    _say()

    found = compared(options, corpus, vectors, folder / PAGE, show=True)
    _say(found.text())
    if options.save_model is not None:
        _save(found.results[-1].model["leam"], options.save_model)
    more = "--help" if options.data else "--data FILE --text COLUMN --labels COLUMN: your own texts"
    _say(
        "",
        f"Open   {found.page}: the words that spoke for each label",
        f"Run    {options.program} demo {more}",
        "Read   README.rst: how to use the classifiers in your own code",
    )


def _table_arguments(options: argparse.Namespace) -> dict[str, Any]:
    given = table_arguments(options)
    if given and options.data is None:
        option = next(iter(given)).replace("_", "-")
        option = {"quotechar": "no-quotes", "header": "no-header"}.get(option, option)
        raise UserError(f"--{option} is about a file of your own: name it with --data FILE.")
    return given


def _save(model: Any, folder: str) -> None:
    import sklabelemb

    try:
        sklabelemb.save(model, folder)
    except OSError as error:
        raise UserError(f"cannot save the model to {folder}: {error}") from error
    _say("", f"Model saved; sklabelemb.load({folder!r}) brings it back.")


def _say(*lines: str) -> None:
    print(*lines or [""], sep="\n", flush=True)
