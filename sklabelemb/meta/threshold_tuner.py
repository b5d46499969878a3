"""Thresholds tuned on cross-validated scores."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.metaestimators import available_if

from sklabelemb.decision import decide
from sklabelemb.decision.objectives import OBJECTIVES, CallableObjective, Objective
from sklabelemb.decision.rules import EPSILON
from sklabelemb.meta.base import LabelMetaEstimator, estimator_has
from sklabelemb.meta.cross_fit import CrossFit
from sklabelemb.meta.threshold_search import SHRINKAGES, as_probabilities, search_thresholds
from sklabelemb.sklearn_internals import Interval, StrOptions
from sklabelemb.targets import Targets, rearranged

__all__ = ["ThresholdTuner"]


class ThresholdTuner(LabelMetaEstimator):
    """Tune decision thresholds of any multi-label classifier for F1 or another metric.

    By default a classifier predicts a label if its probability is at least 0.5 (or its decision
    value at least 0), which is rarely best for F1, least of all for rare labels. Here thresholds
    are tuned on cross-validated scores: one for all labels, or one per label, shrunk towards the
    common one for labels with few positives. Cross-validation also decides which of these is used
    and how much thresholds are shrunk; leaving them untuned is one of the candidates.

    Parameters
    ----------
    estimator : classifier
        Multi-label, with ``predict_proba`` or ``decision_function``: one of this package, one of
        scikit-learn, or a pipeline. It is cloned, unless `cv` is "prefit".
    label_names : sequence, default=None
        Names of the labels, if neither `y` nor the fitted classifier has any.
    objective : {"micro_f1", "macro_f1", "samples_f1"} or callable, default="micro_f1"
        The metric to maximise: F1 over all pairs of a sample and a label, the mean of
        the labels' F1, or the mean of the samples' F1 (each with ``zero_division=0``). No grid
        is tried for these. A callable is ``objective(y_true, y_pred) -> float``, larger
        being better, with two indicators in the container of `y` (dense or CSR); it is tried at a
        hundred candidates.
    per_label : {"auto"} or bool, default="auto"
        False: one threshold for all labels. True: one for each. "auto": whichever is better in
        cross-validation (for a callable, one for all, since each label costs twenty calls).
    shrinkage : {"auto"} or float, default="auto"
        A label with n positives goes ``n / (n + shrinkage)`` of the way from the common threshold
        to the one that is best for itself; a threshold tuned on two positives is mostly noise.
        "auto": chosen among 0, 3, 10, 30, 100 and 300 by cross-validation.
    min_labels : {"auto"} or int, default="auto"
        Smallest number of labels per sample; if fewer reach their thresholds, those that miss them
        by the least are added. "auto": 0, or the smallest number in the training samples, whichever
        is better in cross-validation.
    response_method : {"auto", "predict_proba", "decision_function"}, default="auto"
        Which scores the thresholds apply to. "auto": ``predict_proba`` if it is there.
    cv : int, float, "prefit", splitter or iterable of splits, default=None
        How the scores are obtained. None and int: 5 or as many stratified folds
        (:class:`~sklabelemb.model_selection.MultilabelStratifiedKFold`). A float: that share of the
        samples is held out, once, which costs one fit instead of five. "prefit": `estimator` is
        fitted, to other samples; all of X is for tuning. (Inside another search or
        cross-validation wrap it in ``sklearn.frozen.FrozenEstimator``, which survives cloning.)
    refit : bool, default=True
        Whether the classifier is fitted to all samples in the end. False only where `cv` makes a
        single split: keep the classifier that the thresholds were tuned with.
    n_jobs : int, default=None
        How many fits run at the same time; None means 1, -1 all processors.
    random_state : int, RandomState instance or None, default=None
        For the folds. An int makes results repeatable.
    verbose : int, default=0
        1 shows a progress bar with the remaining time; the classifier has a ``verbose`` of its own.

    Attributes
    ----------
    estimator_ : classifier
        The fitted classifier.
    thresholds_ : ndarray of shape (n_labels,)
        As probabilities, or as decision values if the scores are; a label is predicted at its
        threshold or above, and never if the threshold is infinite.
    strategy_ : {"default", "common", "per_label"}
        What was chosen; "default" is no tuning.
    shrinkage_ : float
        Infinite unless `strategy_` is "per_label".
    nearest_by_ : {"logits", "scores"}
        How the distance to the threshold is measured to fill a prediction up to `min_labels_`.
    min_labels_ : int
        How many labels each sample gets at least.
    best_score_, default_score_ : float
        The objective with and without tuning, each sample judged by thresholds that were tuned
        without it. `best_score_` is never below `default_score_`.
    cv_results_ : dict of lists
        For each candidate its "strategy", "shrinkage", "min_labels" and "score"; ready for
        ``pandas.DataFrame``.
    response_method_ : {"predict_proba", "decision_function"}
        Which scores were used.
    classes_ : ndarray of shape (n_labels, 2)
        ``[0, 1]`` for every label.
    label_names_ : ndarray of object, shape (n_labels,)
        Names of the labels: columns of a DataFrame, `label_names`, those of the classifier; else
        column numbers.
    targets_ : Targets
        The form of `y`.

    Raises
    ------
    ValueError
        In `fit`: when `y` is not an indicator; when scores are not finite or do not have one column
        per label.

    See Also
    --------
    LabelwiseCalibrator : Better probabilities, decided at 0.5.
    sklearn.model_selection.TunedThresholdClassifierCV : For two classes.

    Notes
    -----
    The scores of all folds are pooled, as the thresholds will be used for classifiers fitted to all
    samples. Within these scores another five stratified parts decide on the strategy. If the winner
    does worse on all scores than the untuned threshold, the untuned one is kept.

    Micro-F1 with one threshold for each label is maximised exactly by Dinkelbach's method [2]_,
    macro-F1 by sorting [1]_, samples-F1 by coordinate ascent, label by label. For macro-F1, a label
    that would reach less than 0.1 keeps the common threshold: if scores are uninformative for a
    label, its F1 is best when every sample gets it.

    Sample weights are for fitting the classifier; all samples count the same in tuning.

    References
    ----------
    .. [1] Z. C. Lipton, C. Elkan, B. Naryanaswamy. "Optimal thresholding of classifiers to maximize
       F1 measure". ECML PKDD 2014.
    .. [2] W. Dinkelbach. "On nonlinear fractional programming". Management Science 13 (7), 1967.
    .. [3] Y. Yang. "A study of thresholding strategies for text categorization". SIGIR 2001.

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklabelemb import ThresholdTuner
    >>> from sklabelemb.datasets import load_support_requests
    >>> X, y = load_support_requests(return_X_y=True)
    >>> model = make_pipeline(TfidfVectorizer(), OneVsRestClassifier(LogisticRegression()))
    >>> tuner = ThresholdTuner(model, objective="macro_f1", random_state=0).fit(X, y)
    >>> print(f"{tuner.default_score_:.2f} -> {tuner.best_score_:.2f} ({tuner.strategy_})")
    0.03 -> 0.66 (per_label)
    """

    _parameter_constraints: dict = {
        **LabelMetaEstimator._parameter_constraints,
        "objective": [StrOptions(set(OBJECTIVES)), callable],
        "per_label": ["boolean", StrOptions({"auto"})],
        "shrinkage": [Interval(Real, 0, None, closed="left"), StrOptions({"auto"})],
        "min_labels": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        label_names: Any = None,
        objective: str | Callable[[Any, Any], float] = "micro_f1",
        per_label: bool | str = "auto",
        shrinkage: float | str = "auto",
        min_labels: int | str = "auto",
        response_method: str = "auto",
        cv: Any = None,
        refit: bool = True,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int | bool = 0,
    ) -> None:
        self.estimator = estimator
        self.label_names = label_names
        self.objective = objective
        self.per_label = per_label
        self.shrinkage = shrinkage
        self.min_labels = min_labels
        self.response_method = response_method
        self.cv = cv
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def predict(self, X: Any) -> Any:
        """Predict labels by the tuned thresholds.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, n_features)
            What the classifier takes.

        Returns
        -------
        y : ndarray, sparse matrix or DataFrame of shape (n_samples, n_labels)
            In the container and dtype of the `y` that was fitted.
        """
        return self._predict(X)

    @property
    def _takes_candidates(self) -> bool:
        return isinstance(self.objective, str) and OBJECTIVES[self.objective].takes_candidates

    def _scores_and_decisions(self, X: Any) -> tuple[Any, Any]:
        scores = self._answers(X, self.response_method_, keep_sparse=True)
        thresholds = np.asarray(self.thresholds_, dtype=np.float64)
        # Tuners that were saved before format 7 do not have it.
        margins = getattr(self, "nearest_by_", "scores") == "scores"
        return scores, decide(scores, thresholds, self.min_labels_, margins=margins)

    @available_if(estimator_has("predict_proba"))
    def predict_proba(self, X: Any) -> Any:
        """Probabilities by the fitted classifier.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, n_features)
            What the classifier takes.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_labels)
            One column per label, also where the classifier gives a list of arrays. CSR where the
            classifier's are sparse.
        """
        proba = self._answers(X, "predict_proba", keep_sparse=True)
        return proba if sp.issparse(proba) else np.clip(proba, EPSILON, 1 - EPSILON)

    @available_if(estimator_has("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Decision values by the fitted classifier.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, n_features)
            What the classifier takes.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_labels)
        """
        return self._answers(X, "decision_function")

    def _learn(
        self, cross_fit: CrossFit, targets: Targets, indicator: sp.csr_matrix
    ) -> dict[str, Any]:
        fewest = int(indicator.sum(axis=1).min())
        least = sorted({0, fewest}) if self.min_labels == "auto" else [int(self.min_labels)]
        shrinkages = SHRINKAGES if self.shrinkage == "auto" else (float(self.shrinkage),)
        is_sparse = sp.issparse(cross_fit.scores)
        are_logits = cross_fit.method == "predict_proba" and not is_sparse
        search = search_thresholds(
            cross_fit.truth,
            cross_fit.scores,
            self._objective(dense=not targets.container.startswith("csr")),
            strategies=self._strategies(),
            shrinkages=shrinkages,
            min_labels=least,
            samples=cross_fit.samples,
            are_logits=are_logits,
            random_state=self.random_state,
            verbose=self.verbose,
        )
        thresholds = search.thresholds
        columns = ("strategy", "shrinkage", "min_labels")
        results: dict[str, list[Any]] = {
            name: [getattr(candidate, name) for candidate in search.scores] for name in columns
        }
        results["score"] = list(search.scores.values())
        return {
            "thresholds_": as_probabilities(thresholds) if are_logits else thresholds,
            "strategy_": search.best.strategy,
            "shrinkage_": search.best.shrinkage,
            "min_labels_": search.best.min_labels,
            "nearest_by_": "logits" if cross_fit.method == "predict_proba" else "scores",
            "best_score_": search.scores[search.best],
            "default_score_": results["score"][0],
            "cv_results_": results,
        }

    def _with_labels(self, order: np.ndarray) -> dict[str, Any]:
        untuned = 0.5 if self.response_method_ == "predict_proba" else 0.0
        return {"thresholds_": rearranged(np.asarray(self.thresholds_), order, untuned)}

    def _objective(self, dense: bool) -> Objective:
        if isinstance(self.objective, str):
            return OBJECTIVES[self.objective]()
        if hasattr(self.objective, "_score_func"):
            raise ValueError(
                "objective is a scorer, which wants an estimator and X. Pass the metric itself, a "
                "function of y_true and y_pred, for instance "
                'functools.partial(sklearn.metrics.fbeta_score, beta=2, average="micro").'
            )
        return CallableObjective(self.objective, dense)

    def _strategies(self) -> tuple[str, ...]:
        if self.per_label == "auto":
            return ("common", "per_label") if isinstance(self.objective, str) else ("common",)
        return ("per_label",) if self.per_label else ("common",)
