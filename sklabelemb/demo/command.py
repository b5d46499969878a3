"""The command line. Only the standard library is imported before the work begins."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import sklabelemb

__all__ = ["main"]

PROGRAM = "python -m sklabelemb"
PAGE = "highlights.html"

# What the functions call their arguments, and what the command line calls them.
_OPTIONS = {
    "text=... and labels=...": "--text and --labels",
    "pass delimiter.": "pass --delimiter.",
    "pass header=None and count them: text=0, labels=1": (
        "pass --no-header and count them: --text 0 --labels 1"
    ),
    "pass quotechar=None": "pass --no-quotes",
    "encoding='cp1252'": "--encoding cp1252",
}


class UserError(Exception):
    """Something that the user can put right; the message says how."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, default=None
        None: those that the program was started with.

    Returns
    -------
    int
        The exit code: 0, or 2 when the user has to put something right.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        _demo(options)
    except UserError as error:
        print(f"{PROGRAM} {options.command}: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description="Text classifiers with label embeddings, for scikit-learn."
    )
    parser.add_argument(
        "--version", action="version", version=f"sklabelemb {sklabelemb.__version__}"
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    demo = commands.add_parser(
        "demo",
        help="compare LEAM with linear baselines and show what the words said",
        description="Compare LEAM with linear baselines on a small corpus that ships with the "
        "package, or on a file of your own, and write a page that shows which words spoke for "
        "which label.",
    )
    own = demo.add_argument_group("your own texts")
    own.add_argument(
        "--data", metavar="FILE", help="CSV, TSV, JSON, fastText, Parquet or Excel; also compressed"
    )
    own.add_argument("--text", metavar="COLUMN", help="column with the texts (default: text)")
    own.add_argument(
        "--labels",
        metavar="COLUMN",
        nargs="+",
        help="column with the labels, or one column of 0 and 1 per label (default: labels)",
    )
    own.add_argument("--delimiter", metavar="SIGN", help="between columns (default: found out)")
    own.add_argument(
        "--label-separator",
        metavar="SIGN",
        help="between the labels of a cell (default: found out)",
    )
    own.add_argument("--encoding", metavar="NAME", help="of the file (default: utf-8)")
    own.add_argument(
        "--no-quotes", action="store_true", help="quotation marks are part of the texts"
    )
    own.add_argument(
        "--no-header",
        action="store_true",
        help="the first row is a text; --text and --labels count columns from 0 (default: 0 and 1)",
    )
    demo.add_argument(
        "--vectors",
        metavar="FILE",
        help="pretrained word vectors: GloVe, word2vec or fastText (default: none)",
    )
    demo.add_argument(
        "--test-size",
        metavar="SHARE",
        type=_share,
        default=0.25,
        help="share of the texts to test on (default: 0.25)",
    )
    demo.add_argument("--seed", type=_seed, default=0, help="random seed (default: 0)")
    demo.add_argument(
        "--no-search", action="store_true", help="leave out the search for the window size"
    )
    demo.add_argument(
        "--out",
        metavar="FOLDER",
        default="demo_output",
        help=f"where {PAGE} goes (default: demo_output)",
    )
    demo.add_argument("--save-model", metavar="FOLDER", help="save the trained LEAM there")
    return parser


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise argparse.ArgumentTypeError(f"must be a number between 0 and 1, but is {text!r}")
    return share


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(
            f"must be a whole number from 0 to {2**32 - 1}, but is {text!r}"
        )
    return int(text)


def _number(column: str) -> int:
    if not column.isdecimal():
        raise UserError(
            f"with --no-header columns are counted from 0, but {column!r} is not a number."
        )
    return int(column)


def _table_options(options: argparse.Namespace) -> dict[str, Any]:
    """Arguments for `load_table`."""
    given = {
        "text": options.text,
        "labels": options.labels,
        "delimiter": options.delimiter,
        "label_separator": options.label_separator,
        "encoding": options.encoding,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if options.no_quotes:
        given["quotechar"] = None
    if options.no_header:
        given["header"] = None
        given["text"] = _number(given.get("text", "0"))
        given["labels"] = [_number(name) for name in given.get("labels", ["1"])]
    if given and options.data is None:
        option = next(iter(given)).replace("_", "-")
        option = {"quotechar": "no-quotes", "header": "no-header"}.get(option, option)
        raise UserError(f"--{option} is about a file of your own: name it with --data FILE.")
    if len(given.get("labels", ())) == 1:
        given["labels"] = given["labels"][0]
    delimiter = given.get("delimiter", ",").replace("\\t", "\t")
    if len(delimiter) != 1:
        raise UserError(f"--delimiter must be a single sign, but is {delimiter!r}.")
    if "delimiter" in given:
        given["delimiter"] = delimiter
    return given


def _demo(options: argparse.Namespace) -> None:
    table = _table_options(options)
    folder = Path(options.out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder}: {error.strerror}.") from error

    print("Loading the libraries ...", file=sys.stderr, flush=True)
    from sklabelemb.demo import comparison, summary
    from sklabelemb.demo.texts import load_corpus, vectors_of_words

    try:
        corpus = load_corpus(
            options.data, test_size=options.test_size, seed=options.seed, columns=table
        )
        vectors = None if options.vectors is None else vectors_of_words(options.vectors, corpus)
    except (OSError, ValueError, LookupError) as error:
        raise UserError(_in_options(error)) from error
    _say(*corpus.description())
    if vectors is not None:
        _say(f"{options.vectors}: vectors for {len(vectors)} words")
    _say()

    models = comparison.baselines(corpus)
    leam = comparison.leam_pipeline(corpus, vectors=vectors, seed=options.seed)
    search = None
    results = []
    n_stages = len(models) + 2 + (not options.no_search)
    with _Stages(n_stages) as stages:
        for name, model in models.items():
            stages.begin(name)
            results.append(comparison.evaluate(name, model, corpus))
        name = "LEAM"
        if not options.no_search:
            n_fits = len(comparison.WINDOW_SIZES) * comparison.N_FOLDS
            stages.begin(f"LEAM, search: {n_fits} fits")
            search = comparison.search_window_size(leam, corpus, seed=options.seed)
            leam.set_params(leam__window_size=search.best)
            name = f"LEAM (best r = {search.best})"
        stages.begin("LEAM")
        leam.set_params(leam__verbose=int(sys.stderr.isatty()))
        results.append(comparison.evaluate(name, leam, corpus))
        stages.begin("highlights")
        page = _write_page(folder / PAGE, corpus, results[-1])

    bold = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    _say(summary.comparison_table(results, multilabel=corpus.multilabel, bold=bold), "")
    n_tests = len(corpus.test)
    _say(summary.verdict(results, multilabel=corpus.multilabel, n_tests=n_tests))
    if search is not None:
        n_texts = len(corpus.train)
        _say("", summary.search_summary(search, n_texts=n_texts, multilabel=corpus.multilabel))
    if options.save_model is not None:
        _save(results[-1].model["leam"], options.save_model)
    more = "--help" if options.data else "--data FILE --text COLUMN --labels COLUMN: your own texts"
    _say(
        "",
        f"Open   {page}: the words that spoke for each label",
        f"Run    {PROGRAM} demo {more}",
        "Read   README.rst: how to use the classifiers in your own code",
    )


def _write_page(path: Path, corpus: Any, result: Any) -> Path:
    """Show some texts that the model had not seen."""
    from sklabelemb.demo.comparison import explain
    from sklabelemb.demo.summary import instructive
    from sklabelemb.inspection import write_highlights

    texts, y = corpus.part(corpus.test)
    true = corpus.label_sets(y)
    chosen = instructive(texts, true, corpus.label_sets(result.predicted))
    explanations = explain(result.model, [texts[i] for i in chosen])
    n_right = sum(
        set(labels) == set(explanation.predicted_labels())
        for labels, explanation in zip([true[i] for i in chosen], explanations, strict=True)
    )
    return write_highlights(
        path,
        explanations,
        true_labels=[true[i] for i in chosen],
        label_texts=dict(zip(corpus.label_names, corpus.label_texts, strict=True)),
        title="Which words spoke for which label",
        note=f"{corpus.name}: {len(chosen)} of the {len(texts)} texts to test on, chosen to show "
        f"both successes and mistakes ({n_right} are entirely right). {result.name} had seen none "
        "of them.",
    )


def _save(model: Any, folder: str) -> None:
    try:
        sklabelemb.save(model, folder)
    except OSError as error:
        raise UserError(f"cannot save the model to {folder}: {error}") from error
    _say("", f"Model saved; sklabelemb.load({folder!r}) brings it back.")


def _say(*lines: str) -> None:
    print(*lines or [""], sep="\n", flush=True)


def _in_options(error: Exception) -> str:
    """Return the message of an error on one line, in terms of the command line."""
    message = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        message = f"{error.filename}: {error.strerror}."
    for python, option in _OPTIONS.items():
        message = message.replace(python, option)
    return message


class _Stages:
    """A progress bar over the stages on a terminal, and a line per stage elsewhere."""

    def __init__(self, n_stages: int, stream: TextIO | None = None) -> None:
        self.n_stages = n_stages
        self.stream = stream or sys.stderr
        self.begun = 0

    def __enter__(self) -> _Stages:
        from tqdm import tqdm

        self.bar = tqdm(
            total=self.n_stages,
            file=self.stream,
            disable=not self.stream.isatty(),
            unit="stage",
            leave=False,
            bar_format="{desc:<24} {bar:30} {n_fmt}/{total_fmt} [{elapsed}]",
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.close()

    def begin(self, name: str) -> None:
        """Say what is being done now; what was done before is finished."""
        if self.begun:
            self.bar.update(1)
        self.begun += 1
        self.bar.set_description_str(name)
        if self.bar.disable:
            print(f"[{self.begun}/{self.n_stages}] {name}", file=self.stream, flush=True)
