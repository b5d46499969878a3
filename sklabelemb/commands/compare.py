"""`sklabelemb compare`: LEAM beside linear baselines on a file, or on two."""

from __future__ import annotations

import argparse
from pathlib import Path

from sklabelemb.commands.arguments import add_table, table_arguments
from sklabelemb.commands.comparing import Comparison, add_comparison_options, compared
from sklabelemb.commands.messages import note, shows_progress
from sklabelemb.commands.output import print_json

__all__ = ["DESCRIPTION", "HELP", "add_options", "run"]

HELP = "compare LEAM with linear baselines on your own texts"
DESCRIPTION = (
    "Fit linear baselines and LEAM to a file, and score them on a second file or on a part of the "
    "first."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_table(parser)
    parser.add_argument(
        "test_file", metavar="TEST_FILE", nargs="?", help="to test on (default: a part of FILE)"
    )
    add_comparison_options(parser)
    parser.add_argument(
        "--html", metavar="PAGE", help="write a page of test texts, highlighted by LEAM"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON")


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    columns = table_arguments(options)
    note(options, "Loading the libraries ...")
    from sklabelemb.demo.texts import load_corpus, vectors_of_words

    corpus = load_corpus(
        options.file,
        test_file=options.test_file,
        test_size=options.test_size,
        seed=options.seed,
        columns=columns,
    )
    vectors = None if options.vectors is None else vectors_of_words(options.vectors, corpus)
    page = None if options.html is None else Path(options.html)
    found = compared(options, corpus, vectors, page, show=shows_progress(options))
    if options.json:
        print_json(_as_json(found))
        return
    print(*corpus.description(), "", found.text(), sep="\n")
    if page is not None:
        print("", f"Open   {page}: the words that spoke for each label", sep="\n")


def _as_json(found: Comparison) -> dict[str, object]:
    corpus = found.corpus
    search = None
    if found.search is not None:
        search = {"window_size": found.search.best, "f1_micro": found.search.means}
    return {
        "train_texts": len(corpus.train),
        "test_texts": len(corpus.test),
        "labels": corpus.label_names,
        "results": [{"name": result.name, **result.scores} for result in found.results],
        "search": search,
    }
