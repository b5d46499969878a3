"""`demo` and `compare`: fit the baselines and LEAM, and show their scores."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from sklabelemb.commands.arguments import add_seed, add_verbose, share

__all__ = ["Comparison", "add_comparison_options", "compared"]


@dataclass(frozen=True)
class Comparison:
    """Results of a comparison.

    Attributes
    ----------
    corpus : Corpus
    results : list of Result
        LEAM comes last.
    search : Search or None
        For LEAM's window size.
    page : Path or None
        Where the highlighted texts are.
    """

    corpus: Any
    results: list[Any]
    search: Any
    page: Path | None

    def text(self) -> str:
        """The table, the verdict, and the result of the search."""
        from sklabelemb.demo import summary

        multilabel = self.corpus.multilabel
        bold = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        parts = [
            summary.comparison_table(self.results, multilabel=multilabel, bold=bold),
            "",
            summary.verdict(self.results, multilabel=multilabel, n_tests=len(self.corpus.test)),
        ]
        if self.search is not None:
            n_texts = len(self.corpus.train)
            found = summary.search_summary(self.search, n_texts=n_texts, multilabel=multilabel)
            parts += ["", found]
        return "\n".join(parts)


def add_comparison_options(parser: Any) -> None:
    """Add the options of both commands."""
    parser.add_argument(
        "--vectors",
        metavar="FILE",
        help="pretrained word vectors: GloVe, word2vec or fastText (default: none)",
    )
    parser.add_argument(
        "--test-size",
        metavar="SHARE",
        type=share,
        default=0.25,
        help="share of the texts to test on (default: 0.25)",
    )
    add_seed(parser)
    parser.add_argument(
        "--no-search", action="store_true", help="leave out the search for the window size"
    )
    add_verbose(parser)


def compared(
    options: argparse.Namespace, corpus: Any, vectors: Any, page: Path | None, *, show: bool
) -> Comparison:
    """Fit and score all models.

    Parameters
    ----------
    options : Namespace
    corpus : Corpus
    vectors : mapping from words to vectors, or None
    page : Path or None
        Where some highlighted texts go.
    show : bool
        Whether to show progress.
    """
    from sklabelemb.demo import comparison

    models = comparison.baselines(corpus)
    leam = comparison.leam_pipeline(corpus, vectors=vectors, seed=options.seed)
    search = None
    results = []
    n_stages = len(models) + 1 + (page is not None) + (not options.no_search)
    with _Stages(n_stages, show) as stages:
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
        if page is not None:
            stages.begin("highlights")
            _write_page(page, corpus, results[-1])
    return Comparison(corpus, results, search, page)


def _write_page(path: Path, corpus: Any, result: Any) -> None:
    """Write a page of test texts with highlights."""
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
    write_highlights(
        path,
        explanations,
        true_labels=[true[i] for i in chosen],
        label_texts=dict(zip(corpus.label_names, corpus.label_texts, strict=True)),
        title="Which words spoke for which label",
        note=f"{corpus.name}: {len(chosen)} of the {len(texts)} texts to test on, chosen to show "
        f"both successes and mistakes ({n_right} are entirely right). {result.name} had seen none "
        "of them.",
    )


class _Stages:
    """A progress bar over the stages on a terminal, and a line per stage elsewhere."""

    def __init__(self, n_stages: int, show: bool, stream: TextIO | None = None) -> None:
        self.n_stages = n_stages
        self.show = show
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
        """Start a stage, which ends the one before."""
        if self.begun:
            self.bar.update(1)
        self.begun += 1
        self.bar.set_description_str(name)
        if self.bar.disable and self.show:
            print(f"[{self.begun}/{self.n_stages}] {name}", file=self.stream, flush=True)
