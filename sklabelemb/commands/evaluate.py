"""`sklabelemb evaluate`: the report of a model on texts with labels."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from sklabelemb.commands.arguments import (
    add_model_options,
    add_out,
    add_table,
    add_verbose,
    table_arguments,
)
from sklabelemb.commands.messages import note
from sklabelemb.commands.models import label_names, load_served
from sklabelemb.commands.output import opened, print_json, row_writer

__all__ = ["DESCRIPTION", "HELP", "add_options", "run"]

HELP = "report precision, recall, F1 and more on texts with labels"
DESCRIPTION = (
    "Report how good a model is on texts whose labels are known: per label, averaged, and overall. "
    "Of classes, each counts as a label, and subset accuracy is accuracy."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_model_options(parser)
    add_table(parser)
    parser.add_argument(
        "--unknown-labels",
        choices=["error", "warn", "ignore"],
        default="error",
        help="what to do about labels that the model does not have (default: error); left out, "
        "they do not count, but their texts do",
    )
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--csv", action="store_true", help="the rows of the labels, as CSV")
    shown.add_argument("--json", action="store_true", help="all of the report, as JSON")
    parser.add_argument("--html", metavar="PAGE", help="write the report as a page, too")
    add_out(parser)
    add_verbose(parser)


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    columns = table_arguments(options)
    model = load_served(options)
    from sklabelemb.commands.reports import report_as_json, report_of
    from sklabelemb.datasets import load_table

    names = label_names(model, options)
    table: Any = load_table(
        options.file, label_names=names, unknown_labels=options.unknown_labels, **columns
    )
    note(options, table.DESCR)
    report = report_of(model, table.data, table.target, options)
    if options.html is not None:
        from sklabelemb.inspection import write_report

        source = f"{len(table.data):,} texts of {Path(options.file).name}"
        write_report(options.html, report, title=Path(options.model).name, note=source)
    if options.json:
        print_json(report_as_json(report), options.out)
        return
    with opened(options.out) as stream:
        if options.csv:
            _write_rows(report, stream)
        else:
            stream.write(report.to_text() + "\n")


def _write_rows(report: Any, stream: Any) -> None:
    write = row_writer("csv", stream, ["label", *report.labels])
    for k, name in enumerate(report.label_names):
        values = (column[k].item() for column in report.labels.values())
        write([name, *("" if value != value else value for value in values)])
