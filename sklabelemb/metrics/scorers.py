"""Scorers for label sets: correct with two labels, with one, and with sparse indicators."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator
from sklearn.exceptions import UndefinedMetricWarning

from sklabelemb.decision import label_scores
from sklabelemb.decision.responses import METHODS
from sklabelemb.metrics.averages import roc_auc
from sklabelemb.metrics.checks import check_indicator
from sklabelemb.metrics.decisions import hamming, precision_recall_f1, subset_accuracy
from sklabelemb.metrics.ranking import ndcg_at_k, precision_at_k
from sklabelemb.sklearn_internals import BaseScorer
from sklabelemb.targets import column_names, names_of, positions

__all__ = ["SCORERS", "MultilabelScorer"]


class MultilabelScorer(BaseScorer):
    """A scorer, as `make_scorer` makes them, for classifiers of label sets.

    scikit-learn's own scorers inspect ``classes_``, and mistake two labels for the two classes of a
    binary problem, and an indicator with one column for classes.

    Parameters
    ----------
    score_func : callable
        ``score_func(y_true, y_pred, **kwargs)``, on indicators, or with scores for `y_pred`.
    sign : {1, -1}
    kwargs : dict
        Further arguments of `score_func`.
    response_method : str or list of str
        "predict", or the methods that give scores.
    """

    def _score(
        self, method_caller: Callable, estimator: Any, X: Any, y_true: Any, **kwargs: Any
    ) -> float:
        truth = _in_order_of(estimator, check_indicator(y_true, "y_true"), y_true)
        n_labels = truth.shape[1]
        scored = _Scored(estimator, n_labels)
        if self._response_method == "predict":
            answer = method_caller(scored, "predict", X, pos_label=None)
            if n_labels == 1 and np.ndim(answer) == 1 and not sp.issparse(answer):
                answer = np.asarray(answer)[:, np.newaxis]
        else:
            # Under its own name, because the response is cached for the other scorers of a search,
            # and scikit-learn's expect another form.
            answer = method_caller(scored, "label_scores", X, pos_label=None)
        return self._sign * self._score_func(truth, answer, **{**self._kwargs, **kwargs})


def _in_order_of(estimator: Any, truth: sp.csr_matrix, y_true: Any) -> sp.csr_matrix:
    """The truth, its columns in the order of the classifier's labels where both have names."""
    columns, known = column_names(y_true, "y_true"), names_of(estimator)
    if columns is None or known is None:
        return truth
    order = positions(columns, known, name="y_true", owner="the classifier")
    return truth if order is None else truth[:, order]


class _Scored(BaseEstimator):
    """A fitted classifier with scores in one form, and without ``classes_``."""

    def __init__(self, estimator: Any, n_labels: int) -> None:
        self.estimator = estimator
        self.n_labels = n_labels

    def predict(self, X: Any) -> Any:
        return self.estimator.predict(X)

    def label_scores(self, X: Any) -> Any:
        return label_scores(self.estimator, X, self.n_labels, keep_sparse=True)


def _precision_recall_f1(
    y_true: Any, y_pred: Any, *, measure: int, average: str, sample_weight: Any = None
) -> float:
    """Precision (0), recall (1) or F1 (2)."""
    values = precision_recall_f1(y_true, y_pred, average=average, sample_weight=sample_weight)
    return float(values[measure])


def _precision_at(y_true: Any, y_score: Any, *, k: int, sample_weight: Any = None) -> float:
    k = min(k, y_true.shape[1])
    return precision_at_k(y_true, y_score, k=k, sample_weight=sample_weight)


def _ndcg_at(y_true: Any, y_score: Any, *, k: int, sample_weight: Any = None) -> float:
    k = min(k, y_true.shape[1])
    with _quiet():
        return ndcg_at_k(y_true, y_score, k=k, sample_weight=sample_weight)


def _roc_auc(y_true: Any, y_score: Any, *, average: str, sample_weight: Any = None) -> float:
    with _quiet():
        return roc_auc(y_true, y_score, average=average, sample_weight=sample_weight)


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress warnings about undefined metrics, which every fold would repeat."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        yield


class Scorers(dict[str, MultilabelScorer]):
    """Scorers by name, found under both spellings: ``f1_micro`` and ``micro_f1``."""

    def __missing__(self, name: str) -> MultilabelScorer:
        average, _, measure = name.partition("_") if isinstance(name, str) else ("", "", "")
        if (other := f"{measure}_{average}") in self:
            return self[other]
        raise KeyError(f"{name!r} is no scorer; there are {', '.join(self)}.")


def _all_scorers() -> dict[str, MultilabelScorer]:
    scorers = {
        "neg_hamming_loss": MultilabelScorer(hamming, -1, {}),
        "accuracy": MultilabelScorer(subset_accuracy, 1, {}),
    }
    for average in ("micro", "macro", "samples"):
        for measure, name in enumerate(("precision", "recall", "f1")):
            scorers[f"{name}_{average}"] = MultilabelScorer(
                _precision_recall_f1, 1, {"measure": measure, "average": average}
            )
    by_scores: list[tuple[str, Callable, dict[str, Any]]] = [
        *((f"precision_at_{k}", _precision_at, {"k": k}) for k in (1, 3, 5)),
        ("ndcg_at_5", _ndcg_at, {"k": 5}),
        *((f"roc_auc_{average}", _roc_auc, {"average": average}) for average in ("micro", "macro")),
    ]
    for name, function, options in by_scores:
        scorers[name] = MultilabelScorer(function, 1, options, list(METHODS))
    return scorers


#: Scorers by name; the names are those of scikit-learn where it has such a scorer. The dictionary
#: is a value for ``scoring`` in `GridSearchCV` and `cross_validate`; so is each entry. Larger is
#: better in all of them. Labels and samples for which a measure is undefined count 0 in precision,
#: recall and F1, and are left out of AUC and nDCG. With fewer than k labels, k is their number.
SCORERS = Scorers(_all_scorers())
