"""`sklabelemb explain`: the words that spoke for the predicted labels."""

from __future__ import annotations

import argparse
from itertools import islice
from typing import Any

from sklabelemb.commands.arguments import add_model_options, add_out, add_verbose, whole_number
from sklabelemb.commands.estimators import CLASSIFIERS
from sklabelemb.commands.messages import UserError, note
from sklabelemb.commands.models import load_model, task_arguments
from sklabelemb.commands.output import opened, to_json
from sklabelemb.commands.sources import add_source, read_source

__all__ = ["DESCRIPTION", "HELP", "add_options", "run"]

HELP = "show the words that spoke for the predicted labels"
DESCRIPTION = (
    "Show, for each text and each predicted label (or the most probable one, if none is "
    "predicted), the words with the largest contributions. +0.69 doubles the odds of the label."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_model_options(parser)
    add_source(parser)
    parser.add_argument(
        "--words", metavar="N", type=whole_number, default=5, help="words per label (default: 5)"
    )
    parser.add_argument(
        "--max-texts",
        metavar="N",
        type=whole_number,
        default=100,
        help="only the first N texts (default: 100)",
    )
    parser.add_argument("--json", action="store_true", help="JSON, a line per text")
    parser.add_argument("--html", metavar="PAGE", help="write a page of coloured words instead")
    add_out(parser)
    add_verbose(parser)


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    source = read_source(options)
    model = load_model(options)
    if not hasattr(model, "explain"):
        raise UserError(
            f"a {type(model).__name__} cannot explain its predictions. These can: train "
            f"--classifier {', '.join(_that_explain())}."
        )
    texts = list(islice(source.texts, options.max_texts))
    if next(source.texts, None) is not None:
        note(options, f"only the first {len(texts)} texts: see --max-texts")
    explanations = model.explain(texts, **task_arguments(model, options))
    if options.html is not None:
        from sklabelemb.inspection import write_highlights

        write_highlights(options.html, explanations)
        return
    with opened(options.out) as stream:
        for explanation in explanations:
            found = _explained(explanation, options.words)
            shown = to_json(found) if options.json else _as_text(found)
            stream.write(shown + "\n")


def _that_explain() -> list[str]:
    """Names for `train --classifier` of the classifiers that have `explain`."""
    import sklabelemb

    return [
        name
        for name, (kind, _) in CLASSIFIERS.items()
        if hasattr(getattr(sklabelemb, kind), "explain")
    ]


def _explained(explanation: Any, n_words: int) -> dict[str, Any]:
    predicted = explanation.predicted_labels()
    names = predicted or [explanation.label_names[int(explanation.proba.argmax())]]
    labels = []
    for name in names:
        k = explanation.label_names.index(name)
        # Punctuation has contributions too, but they are not informative.
        words = [
            (word, round(c, 4))
            for word, c in explanation.top(name, len(explanation.tokens))
            if c > 0 and any(map(str.isalnum, word))
        ][:n_words]
        label = {
            "label": name,
            "probability": round(float(explanation.proba[k]), 4),
            "predicted": name in predicted,
            "words": [{"word": word, "contribution": c} for word, c in words],
        }
        if explanation.meaning is not None:
            label["whole_text"] = round(float(explanation.meaning[k]), 4)
        labels.append(label)
    return {"text": explanation.text, "labels": labels}


def _as_text(found: dict[str, Any]) -> str:
    lines = [" ".join(found["text"].split())]
    for label in found["labels"]:
        words = [f"{word['word']} {word['contribution']:+.2f}" for word in label["words"]]
        if "whole_text" in label:
            words.append(f"(whole text {label['whole_text']:+.2f})")
        missed = "" if label["predicted"] else ", below its threshold"
        said = f": {', '.join(words)}" if words else ""
        lines.append(f"  {label['label']} ({label['probability']:.2f}{missed}){said}")
    return "\n".join(lines)
