"""Calibrated probabilities, label by label."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import logit
from sklearn.utils.validation import check_is_fitted

from sklabelemb.decision.rules import EPSILON
from sklabelemb.meta.base import LabelMetaEstimator
from sklabelemb.meta.calibration_maps import fit_calibration_maps
from sklabelemb.meta.cross_fit import CrossFit
from sklabelemb.sklearn_internals import StrOptions
from sklabelemb.targets import Targets

__all__ = ["LabelwiseCalibrator"]


class LabelwiseCalibrator(LabelMetaEstimator):
    """Calibrate probabilities of any multi-label classifier, label by label.

    Probabilities are calibrated if 30 % of the samples with a probability of 0.3 have the label.
    scikit-learn's `CalibratedClassifierCV` does this for single-label targets only. Here a monotone
    map from score to probability is fitted for each label on cross-validated scores. Classifiers
    without probabilities, such as ``LinearSVC``, get them.

    Parameters
    ----------
    estimator : classifier
        Multi-label, with ``predict_proba`` or ``decision_function``: one of this package, one of
        scikit-learn, or a pipeline. It is cloned, unless `cv` is "prefit".
    label_names : sequence, default=None
        Names of the labels, if neither `y` nor the fitted classifier has any.
    method : {"sigmoid", "isotonic", "temperature"}, default="sigmoid"
        "sigmoid" (Platt): a logistic curve for each label, shrunk towards a common one for labels
        with few positives; the best of the three for a few hundred samples and for decision values
        of any scale. "isotonic": a rising step function; needs hundreds of positives per label, and
        labels with few get the sigmoid. "temperature": only scales the logits, so that 0.5 and the
        decisions of the classifier do not change.
    response_method : {"auto", "predict_proba", "decision_function"}, default="auto"
        Which scores are mapped. "auto": ``predict_proba`` (as logits) if it is there.
    cv : int, float, "prefit", splitter or iterable of splits, default=None
        How the scores are obtained. None and int: 5 or as many stratified folds
        (:class:`~sklabelemb.model_selection.MultilabelStratifiedKFold`). A float: that share of the
        samples is held out, once, which costs one fit instead of five. "prefit": `estimator` is
        fitted, to other samples; all of X is for calibration. (Inside another search or
        cross-validation wrap it in ``sklearn.frozen.FrozenEstimator``, which survives cloning.)
    refit : bool, default=True
        Whether the classifier is fitted to all samples in the end. False only where `cv` makes a
        single split: keep the classifier whose scores were mapped.
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
    maps_ : object
        The fitted maps, called with logits of shape (n_samples, n_labels).
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
    ThresholdTuner : Leaves the probabilities alone and moves the thresholds. Both go together:
        ``ThresholdTuner(LabelwiseCalibrator(model))``.
    sklabelemb.metrics.expected_calibration_error : The error that calibration reduces.
    sklearn.calibration.CalibratedClassifierCV : For classes.

    Notes
    -----
    Sample weights are for fitting the classifier; all samples count the same in calibration.

    References
    ----------
    .. [1] J. Platt. "Probabilistic outputs for support vector machines and comparisons to
       regularized likelihood methods". Advances in Large Margin Classifiers, 1999.
    .. [2] B. Zadrozny, C. Elkan. "Transforming classifier scores into accurate multiclass
       probability estimates". KDD 2002.
    .. [3] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger. "On calibration of modern neural networks".
       ICML 2017.

    Examples
    --------
    >>> from sklabelemb import BinaryRelevance, LabelwiseCalibrator
    >>> from sklabelemb.datasets import load_support_requests
    >>> X, y = load_support_requests(return_X_y=True)
    >>> model = LabelwiseCalibrator(BinaryRelevance(), random_state=0).fit(X[:400], y[:400])
    >>> model.predict_proba(X[400:402]).shape  # of a LinearSVC
    (2, 12)
    """

    _parameter_constraints: dict = {
        **LabelMetaEstimator._parameter_constraints,
        "method": [StrOptions({"sigmoid", "isotonic", "temperature"})],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        label_names: Any = None,
        method: str = "sigmoid",
        response_method: str = "auto",
        cv: Any = None,
        refit: bool = True,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int | bool = 0,
    ) -> None:
        self.estimator = estimator
        self.label_names = label_names
        self.method = method
        self.response_method = response_method
        self.cv = cv
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def predict_proba(self, X: Any) -> np.ndarray:
        """Calibrated probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, n_features)
            What the classifier takes.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_labels)
            Strictly between 0 and 1.
        """
        check_is_fitted(self)
        scores = self._answers(X, self.response_method_)
        if self.response_method_ == "predict_proba":
            scores = logit(np.clip(scores, EPSILON, 1 - EPSILON))
        return self.maps_(scores)

    def predict(self, X: Any) -> Any:
        """Predict the labels whose calibrated probability is above 0.5.

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

    def _scores_and_decisions(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        proba = self.predict_proba(X)
        return proba, proba > 0.5

    def _learn(
        self, cross_fit: CrossFit, targets: Targets, indicator: sp.csr_matrix
    ) -> dict[str, Any]:
        maps = fit_calibration_maps(self.method, cross_fit.scores, cross_fit.truth)
        return {"maps_": maps}

    def _with_labels(self, order: np.ndarray) -> dict[str, Any]:
        return {"maps_": self.maps_.with_labels(order)}
