"""Compare linear baselines with LEAM, including a search over its window size."""

from __future__ import annotations

import html
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from joblib import cpu_count
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    hamming_loss,
    make_scorer,
    precision_recall_fscore_support,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from sklabelemb.baselines import BinaryRelevance, ClassifierChain, LabelPowerset
from sklabelemb.demo.texts import Corpus, stratified_folds
from sklabelemb.inspection.explanation import Explanations
from sklabelemb.leam import LEAMClassifier
from sklabelemb.meta import ThresholdTuner

__all__ = [
    "WINDOW_SIZES",
    "Result",
    "Search",
    "baselines",
    "clean_texts",
    "evaluate",
    "explain",
    "leam_pipeline",
    "search_window_size",
]

WINDOW_SIZES = (0, 1, 2, 5)
N_FOLDS = 3
# A chain of classifiers, or one class per label set, takes long where there are many labels.
MANY_LABELS = 100
# With fewer texts than this, two threads of torch wait for each other more than they work.
FEW_TEXTS = 2000


@dataclass(frozen=True)
class Result:
    """Results of one fitted model on the test texts.

    Attributes
    ----------
    name : str
    scores : dict of str to float
        By the names of `sklabelemb.demo.summary`'s columns.
    predicted : indicator or ndarray of classes
    model : estimator
    """

    name: str
    scores: dict[str, float]
    predicted: Any
    model: Any


@dataclass(frozen=True)
class Search:
    """What the search for the window size found.

    Attributes
    ----------
    best : int
    means, deviations : dict of int to float
        Mean and standard deviation over the folds of micro-F1, by window size.
    seconds : float
    """

    best: int
    means: dict[int, float]
    deviations: dict[int, float]
    seconds: float


def clean_texts(texts: Sequence[str]) -> list[str]:
    """Resolve HTML entities and collapse white space, as in texts from web forms.

    Examples
    --------
    >>> clean_texts(["Fish &amp;  chips "])
    ['Fish & chips']
    """
    return [" ".join(html.unescape(text).split()) for text in texts]


def baselines(corpus: Corpus) -> dict[str, Any]:
    """Return the baselines: TF-IDF and a linear SVM, in one to four variants."""
    models: dict[str, Any] = {"BinaryRelevance": BinaryRelevance()}
    if corpus.multilabel:
        # With tuned thresholds, as LEAM has them, for a fair comparison.
        models["BinaryRelevance*"] = ThresholdTuner(BinaryRelevance(), random_state=0)
    if corpus.multilabel and len(corpus.label_names) <= MANY_LABELS:
        models["ClassifierChain"] = ClassifierChain()
        models["LabelPowerset"] = LabelPowerset()
    return models


def leam_pipeline(corpus: Corpus, *, vectors: Any, seed: int) -> Pipeline:
    """LEAM behind a cleaning step, knowing what the labels mean.

    Parameters
    ----------
    corpus : Corpus
    vectors : mapping from words to vectors, or None
    seed : int
    """
    # A class may be missing from the part to learn from: by name, a text too many does no harm.
    leam = LEAMClassifier(
        label_names=corpus.label_names if corpus.multilabel else None,
        label_texts=dict(zip(corpus.label_names, corpus.label_texts, strict=True)),
        vectors=vectors,
        random_state=seed,
    )
    if vectors:
        leam.set_params(embedding_dim=max(leam.embedding_dim, len(next(iter(vectors.values())))))
    return Pipeline([("clean", FunctionTransformer(clean_texts)), ("leam", leam)])


def search_window_size(pipeline: Pipeline, corpus: Corpus, *, seed: int) -> Search:
    """Search for the window size r by cross-validation on the part to learn from.

    Parameters
    ----------
    pipeline : Pipeline
    corpus : Corpus
    seed : int
        For the folds.
    """
    texts, y = corpus.part(corpus.train)
    search = GridSearchCV(
        pipeline,
        {"leam__window_size": list(WINDOW_SIZES)},
        scoring=make_scorer(f1_score, average="micro", zero_division=0),
        cv=stratified_folds(y, N_FOLDS, seed),
        n_jobs=min(2, cpu_count()),
        refit=False,
        error_score="raise",
    )
    started = time.perf_counter()
    with without_noise():
        search.fit(texts, y)
    found = search.cv_results_
    return Search(
        best=search.best_params_["leam__window_size"],
        means=dict(zip(WINDOW_SIZES, found["mean_test_score"].tolist(), strict=True)),
        deviations=dict(zip(WINDOW_SIZES, found["std_test_score"].tolist(), strict=True)),
        seconds=time.perf_counter() - started,
    )


def evaluate(name: str, model: Any, corpus: Corpus) -> Result:
    """Fit a clone of a model to the one part, and score it on the other.

    Parameters
    ----------
    name : str
    model : estimator
    corpus : Corpus

    Returns
    -------
    Result
    """
    texts, y = corpus.part(corpus.train)
    test_texts, truth = corpus.part(corpus.test)
    model = clone(model)
    with without_noise(), few_threads(len(texts)):
        fit_seconds, _ = _timed(lambda: model.fit(texts, y))
        predict_seconds, predicted = _timed(lambda: model.predict(test_texts))
    scores = {
        "accuracy": float(accuracy_score(truth, predicted)),
        "fit": fit_seconds,
        "predict": predict_seconds,
    }
    if corpus.multilabel:
        scores["hamming"] = float(hamming_loss(truth, predicted))
    for average in ("micro", "macro"):
        values = precision_recall_fscore_support(truth, predicted, average=average, zero_division=0)
        for measure, value in zip(("precision", "recall", "f1"), values, strict=False):
            scores[f"{average}_{measure}"] = float(value)
    return Result(name, scores, predicted, model)


def explain(model: Pipeline, texts: Sequence[str]) -> Explanations:
    """Explain the predictions for some texts, cleaned as they are for the model."""
    explanations: Explanations = model["leam"].explain(model[:-1].transform(texts))
    return explanations


@contextmanager
def without_noise() -> Iterator[None]:
    """Leave out warnings that tell the user of the demo nothing new."""
    with warnings.catch_warnings():
        # Rare labels are named before anything is fitted.
        warnings.filterwarnings("ignore", message=".* labels have no positive sample in y")
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        yield


@contextmanager
def few_threads(n_texts: int) -> Iterator[None]:
    """Keep torch to one thread for few texts.

    Such small matrices gain nothing from a second thread, and where another program wants the
    same core, waiting for each other took fifty times as long as the work.
    """
    n_threads = torch.get_num_threads()
    if n_texts < FEW_TEXTS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    value = work()
    return time.perf_counter() - started, value
