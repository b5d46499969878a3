"""`sklabelemb predict`: names of labels for texts."""

from __future__ import annotations

import argparse
from typing import Any

from sklabelemb.commands.arguments import add_model_options, add_out, add_verbose, whole_number
from sklabelemb.commands.messages import UserError
from sklabelemb.commands.models import label_names, label_rows, load_served
from sklabelemb.commands.output import opened, row_writer, to_json
from sklabelemb.commands.sources import add_source, portions, read_source

__all__ = ["DESCRIPTION", "HELP", "add_options", "run"]

HELP = "predict labels by name"
DESCRIPTION = (
    "Predict the labels of texts. By default a line per text: the names with ; between them. The "
    "other formats keep all columns of the table and add one; what is written as CSV, TSV or JSON "
    "can be read again."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_model_options(parser)
    add_source(parser)
    parser.add_argument(
        "--top-k",
        metavar="K",
        type=whole_number,
        help="the K most probable labels, predicted or not",
    )
    parser.add_argument(
        "--scores",
        action="store_true",
        help="probability of each label, or decision value where the model has none",
    )
    parser.add_argument(
        "--format",
        choices=["plain", "csv", "tsv", "json"],
        help="default: by the ending of --out (.csv, .tsv, .jsonl), else plain",
    )
    parser.add_argument("--json", action="store_true", help="JSON lines, the same as --format json")
    add_out(parser)
    parser.add_argument(
        "--column",
        metavar="NAME",
        default="predicted",
        help="name of the new column (default: predicted)",
    )
    parser.add_argument(
        "--batch-size",
        metavar="N",
        type=whole_number,
        default=1000,
        help="texts between two writes (default: 1000); 1 answers each line of a stream at once",
    )
    add_verbose(parser)


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    kind = _format(options)
    model = load_served(options)
    source = read_source(options)
    added = [options.column, *([f"{options.column}_scores"] * options.scores)]
    columns = [str(name) for name in source.columns]
    if kind != "plain" and (taken := [name for name in added if name in columns]):
        raise UserError(f"{options.file} has a column {taken[0]!r} already: pass --column NAME.")
    as_list = kind == "json" or any(";" in str(name) for name in label_names(model, options))
    done = 0
    with opened(options.out) as stream:
        write = None if kind == "plain" else row_writer(kind, stream, [*columns, *added])
        for texts in portions(source.texts, options.batch_size):
            found = label_rows(
                model, texts, options, top_k=options.top_k, with_scores=options.scores
            )
            for number, (text, labels) in enumerate(zip(texts, found, strict=True), start=done):
                if write is None:
                    stream.write(_plain(labels, options.scores) + "\n")
                    continue
                row = {"text": text} if source.rows is None else source.rows[number]
                cells = [row.get(name) for name in source.columns]
                write([*cells, *_cells(labels, options.scores, kind, as_list)])
            done += len(texts)
            stream.flush()


def _format(options: argparse.Namespace) -> str:
    if options.json:
        if options.format not in (None, "json"):
            raise UserError(f"--json and --format {options.format} contradict each other.")
        return "json"
    if options.format is not None:
        return str(options.format)
    endings = {".csv": "csv", ".tsv": "tsv", ".jsonl": "json", ".json": "json"}
    ending = "" if options.out is None else options.out[options.out.rfind(".") :].lower()
    return endings.get(ending, "plain")


def _plain(labels: tuple[Any, ...], scores: bool) -> str:
    shown = [f"{name}={score:.3f}" for name, score in labels] if scores else map(str, labels)
    return ";".join(" ".join(label.split()) for label in shown)


def _cells(labels: tuple[Any, ...], scores: bool, kind: str, as_list: bool) -> list[Any]:
    """The new cells of a row: names, and scores in the same order."""
    names = [name for name, _ in labels] if scores else list(labels)
    values = [round(score, 6) for _, score in labels] if scores else []
    if kind == "json":
        return [names, *([values] * scores)]
    cell = to_json([str(name) for name in names]) if as_list else ";".join(map(str, names))
    return [cell, *([";".join(map(str, values))] * scores)]
