"""`sklabelemb train`: from a table to a saved model with its card."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from sklabelemb.commands.arguments import (
    add_seed,
    add_table,
    add_verbose,
    minutes,
    share_or_none,
    table_arguments,
)
from sklabelemb.commands.estimators import CLASSIFIERS, make_estimator, settings_of
from sklabelemb.commands.messages import UserError, note, shows_progress
from sklabelemb.commands.output import print_json

__all__ = ["DESCRIPTION", "HELP", "add_options", "run"]

HELP = "train a classifier on a table of texts and labels, and save it"
DESCRIPTION = (
    "Train a classifier and save it, with a model card. A tenth of the texts is kept aside "
    "(stratified) and the model is scored on it; the scores are printed and go into the card. "
    "The model that is saved is the one that was scored, unless --refit trains it again on all "
    "texts."
)
# Selected by `autotune`.
AUTO = "auto"
# With fewer test texts, a score is not informative.
FEW_TESTS = 30


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    data = parser.add_argument_group("data")
    add_table(parser, data)
    parser.add_argument("--model", metavar="FOLDER", required=True, help="where the model goes")
    parser.add_argument("--force", action="store_true", help="replace a model that is there")
    form = data.add_mutually_exclusive_group()
    form.add_argument(
        "--classes",
        action="store_true",
        help="each text has exactly one label (default: found out)",
    )
    form.add_argument(
        "--label-sets", action="store_true", help="a text may have any number of labels"
    )
    data.add_argument(
        "--label-texts", metavar="FILE", help="JSON: an object that maps each label to a text"
    )
    data.add_argument(
        "--valid",
        metavar="FILE",
        help="texts to choose epoch and thresholds by (default: a part of FILE, by the classifier)",
    )
    scored = data.add_mutually_exclusive_group()
    scored.add_argument("--test", metavar="FILE", help="texts to score the model on")
    scored.add_argument(
        "--test-size",
        metavar="SHARE",
        type=share_or_none,
        default=0.1,
        help="share of FILE that is kept aside to score the model on (default: 0.1); 0: none",
    )
    model = parser.add_argument_group("model")
    model.add_argument(
        "--classifier",
        choices=[*CLASSIFIERS, AUTO],
        default="leam",
        help="default: leam; auto: the best of several, within --minutes",
    )
    model.add_argument(
        "--minutes", metavar="M", type=minutes, help="for --classifier auto (default: 10)"
    )
    model.add_argument("--encoder", metavar="NAME", help="pretrained encoder: its name or folder")
    model.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a parameter of the classifier; may come several times",
    )
    add_seed(model)
    model.add_argument(
        "--refit", action="store_true", help="after scoring, train again on all texts of FILE"
    )
    parser.add_argument("--json", action="store_true", help="print the scores as JSON")
    add_verbose(parser)


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    columns = table_arguments(options)
    _check_auto(options)
    settings = settings_of(options.set)
    if options.encoder is not None:
        settings.setdefault("encoder", options.encoder)
    note(options, "Loading the libraries ...")
    import sklabelemb
    from sklabelemb.persistence.saving import check_free
    from sklabelemb.sklearn_internals import safe_indexing

    folder = Path(options.model).expanduser().resolve()
    check_free(folder, options.force)
    table = _table(options, columns)
    print(table.DESCR, file=sys.stderr)
    texts, y, names = table.data, table.target, table.target_names
    train, test = _parts(y, options)
    held_out: Any = None
    of = ""
    if options.test is not None:
        other = _table_like(options.test, table, columns)
        held_out = other.data, other.target
        of = f"the {len(other.data):,} texts of {_name(options.test)}"
    elif len(test):
        held_out = safe_indexing(texts, test), y[test]
        of = (
            f"{len(test):,} of the {len(texts):,} texts of {_name(options.file)}, kept aside "
            "(stratified)"
        )
    label_texts = _label_texts(options.label_texts, names)
    began = time.perf_counter()
    fit_arguments: dict[str, Any] = {}
    if options.classifier == AUTO:
        estimator = _best(options, safe_indexing(texts, train), y[train], names, label_texts)
    else:
        estimator = make_estimator(
            options.classifier,
            settings,
            multilabel=y.ndim == 2,
            label_names=names,
            label_texts=label_texts,
            seed=options.seed,
            verbose=shows_progress(options),
        )
        fit_arguments = _validation(options, estimator, table, columns)
        note(options, f"Training {type(estimator).__name__} on {len(train):,} texts ...")
        estimator.fit(safe_indexing(texts, train), y[train], **fit_arguments)
    seconds = time.perf_counter() - began
    model, scores = estimator, None
    if held_out is not None:
        scores = _scores(estimator, *held_out)
    if options.refit and len(train) < len(texts):
        from sklearn.base import clone

        note(options, f"Training it again on all {len(texts):,} texts ...")
        model = clone(estimator).fit(texts, y, **fit_arguments)
        train = range(len(texts))
        of += ", by the same model trained on the others"
    card = sklabelemb.model_card(
        model,
        y=y[train] if len(train) < len(texts) else y,
        data=table.DESCR,
        scores=scores,
        scored_on=of if scores else "",
    )
    sklabelemb.save(model, folder, overwrite=options.force, card=card)
    if options.json:
        print_json(
            {
                "model": str(folder),
                "classifier": type(model).__name__,
                "train_texts": len(train),
                "test_texts": 0 if held_out is None else len(held_out[0]),
                "labels": names,
                "scores": scores,
                "seconds": round(seconds, 2),
            }
        )
        return
    if scores:
        print(f"Scores on {of}:")
        width = max(map(len, scores))
        print(*(f"  {name:<{width}}  {value:.3f}" for name, value in scores.items()), sep="\n")
        if len(held_out[0]) < FEW_TESTS:
            print(f"  ({len(held_out[0])} texts are few: the scores are rough)")
    print(f"Saved {options.model}: {type(model).__name__}, trained on {len(train):,} texts.")


def _check_auto(options: argparse.Namespace) -> None:
    auto = options.classifier == AUTO
    if auto and (options.set or options.valid):
        given = "--set" if options.set else "--valid"
        raise UserError(f"--classifier auto chooses by itself: leave out {given}.")
    if not auto and options.minutes is not None:
        raise UserError("--minutes is for --classifier auto.")


def _name(file: str) -> str:
    return Path(file).name


def _table(options: argparse.Namespace, columns: dict[str, Any]) -> Any:
    from sklabelemb.datasets import load_table

    form: Any = True if options.classes else False if options.label_sets else "auto"
    table: Any = load_table(options.file, as_classes=form, **columns)
    if len(table.target_names) < 2 and table.target.ndim == 1:
        raise UserError(
            f"{options.file} has only one class, {table.target_names[0]!r}: there is nothing to "
            "learn."
        )
    return table


def _table_like(file: str, table: Any, columns: dict[str, Any]) -> Any:
    """A second table, with the labels of the first."""
    from sklabelemb.datasets import load_table

    if table.target.ndim == 1:
        return load_table(file, as_classes=True, **columns)
    return load_table(file, label_names=table.target_names, **columns)


def _parts(y: Any, options: argparse.Namespace) -> tuple[Any, Any]:
    """Training texts, and those held out for scoring."""
    import numpy as np
    import scipy.sparse as sp

    from sklabelemb.model_selection import stratified_holdout

    if options.test is not None or options.test_size == 0:
        return np.arange(y.shape[0]), np.arange(0)
    codes = sp.csr_matrix(y) if y.ndim == 2 else np.unique(y, return_inverse=True)[1]
    return stratified_holdout(codes, options.test_size, options.seed)


def _best(
    options: argparse.Namespace, texts: Any, y: Any, names: list[str], label_texts: Any
) -> Any:
    """The best classifier within the time limit; prints the table of all."""
    from sklabelemb import autotune

    found = autotune(
        texts,
        y,
        minutes=options.minutes or 10.0,
        label_names=names if y.ndim == 2 else None,
        label_texts=label_texts,
        encoder=options.encoder,
        random_state=options.seed,
        verbose=shows_progress(options),
    )
    print(found, file=sys.stderr)
    return found.estimator


def _label_texts(file: str | None, names: list[str]) -> dict[str, str] | None:
    if file is None:
        return None
    from sklabelemb.datasets.folder import read_label_texts

    path = Path(file).expanduser()
    if not path.is_file():
        raise UserError(f"{path} is not a file.")
    texts = read_label_texts(path)
    if unknown := [name for name in texts if name not in names]:
        raise UserError(
            f"{file} has texts of {len(unknown)} labels that the table does not have: "
            f"{', '.join(map(repr, unknown[:8]))}."
        )
    if missing := [name for name in names if name not in texts]:
        raise UserError(
            f"{file} has no text of {len(missing)} labels of the table: "
            f"{', '.join(map(repr, missing[:8]))}."
        )
    return texts


def _validation(
    options: argparse.Namespace, estimator: Any, table: Any, columns: dict[str, Any]
) -> dict[str, Any]:
    """`X_val` and `y_val`, if they were given."""
    if options.valid is None:
        return {}
    from sklearn.utils.validation import has_fit_parameter

    if not has_fit_parameter(estimator, "X_val"):
        raise UserError(
            f"a {type(estimator).__name__} takes no validation texts: leave out --valid; it "
            "cross-validates, or chooses nothing."
        )
    valid = _table_like(options.valid, table, columns)
    return {"X_val": valid.data, "y_val": valid.target}


def _scores(model: Any, texts: list[str], y: Any) -> dict[str, float]:
    from sklabelemb.commands.models import label_names
    from sklabelemb.commands.reports import multilabel_truth, report_of

    meant = argparse.Namespace(task=None)
    truth = multilabel_truth(y, label_names(model, meant))
    report = report_of(model, texts, truth, meant)
    if y.ndim == 1:
        # An unknown class in the truth counts as a wrong prediction.
        right = sum(a == b for (a,), b in zip(model.predict_labels(texts), y, strict=True))
        return {"accuracy": right / len(y), "macro-F1": report.averages["macro"]["f1"]}
    return {
        **{f"{average}-F1": report.averages[average]["f1"] for average in ("micro", "macro")},
        "micro-precision": report.averages["micro"]["precision"],
        "micro-recall": report.averages["micro"]["recall"],
        "subset accuracy": report.summary["subset_accuracy"],
        "Hamming loss": report.summary["hamming_loss"],
    }
