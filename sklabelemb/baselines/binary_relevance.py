"""Binary relevance: one independent classifier per label."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.multioutput import MultiOutputClassifier

from sklabelemb.baselines.answers import relevance_decisions, relevance_scores
from sklabelemb.baselines.base import LabelClassifier, TextBaseline
from sklabelemb.targets import Targets

__all__ = ["BinaryRelevance"]


class BinaryRelevance(TextBaseline):
    """Binary relevance (one-vs-rest) over raw text: one binary classifier per label.

    By default this is TF-IDF with one linear SVM per label, a fast and strong baseline. For 1-D
    classes it is one-vs-rest: the class with the highest score is predicted.

    Parameters
    ----------
    vectorizer : transformer, default=None
        Turns a list of texts into a feature matrix; a clone is fitted, once. None means
        ``TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)``, with ``min_df=1``
        where that would leave no term.
    classifier : estimator, default=None
        Binary classifier, cloned for every label. None means ``LinearSVC(C=1)``. Pass one
        explicitly to search over its parameters (``classifier__C``).
    label_names : sequence, default=None
        Names of the labels where `y` is an array or a sparse matrix, in the order of its columns,
        such as the ``classes_`` of a ``MultiLabelBinarizer``. For 1-D classes: names for them.
    n_jobs : int, default=None
        Number of labels that are fitted in parallel; None means 1, -1 all processors. With joblib's
        threading backend, LinearSVCs share random numbers, and scores may differ from those of one
        job in the last digits; processes, the default, do not.

    Attributes
    ----------
    base_classifier_ : classifier
        The one that was cloned, as given at the time of the fit.
    vectorizer_ : transformer
        The fitted vectorizer.
    estimators_ : list of LabelClassifier
        One per label, in the order of the columns of `y` (per class for 1-D classes; a single one
        when there are two classes).
    classes_ : ndarray of shape (n_labels, 2) or (n_classes,)
        ``[0, 1]`` for every label, or the classes of 1-D targets.
    label_names_ : ndarray of object, shape (n_labels,)
        Columns of a DataFrame, or `label_names`, else column numbers; classes of 1-D targets.
    targets_ : Targets
        The form of `y`.

    See Also
    --------
    ClassifierChain : Lets every label see the labels before it.
    LabelPowerset : Predicts whole label sets that were seen in training.

    Notes
    -----
    A label with positives only, or negatives only, gets no classifier and is predicted as it was
    seen. For 1-D classes the probabilities of the binary classifiers are scaled to sum to 1.

    References
    ----------
    .. [1] M. R. Boutell, J. Luo, X. Shen, C. M. Brown. "Learning multi-label scene
       classification". Pattern Recognition 37 (9), 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.baselines import BinaryRelevance
    >>> X = ["late parcel", "money back please", "late parcel, money back", "late again"]
    >>> y = np.array([[1, 0], [0, 1], [1, 1], [1, 0]])  # delivery, refund
    >>> BinaryRelevance().fit(X, y).predict(["my parcel is late", "money back"])
    array([[1, 0],
           [0, 1]])

    The parameters of a classifier that you pass can be searched over:

    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.svm import LinearSVC
    >>> search = GridSearchCV(
    ...     BinaryRelevance(classifier=LinearSVC(random_state=0)),
    ...     {"classifier__C": [0.1, 1, 10]},
    ...     scoring="f1_micro",
    ...     cv=2,
    ... )
    >>> search.fit(X * 5, np.tile(y, (5, 1))).best_score_
    np.float64(1.0)
    """

    _parameter_constraints: dict = {
        **TextBaseline._parameter_constraints,
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        *,
        vectorizer: Any = None,
        classifier: Any = None,
        label_names: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(vectorizer=vectorizer, classifier=classifier, label_names=label_names)
        self.n_jobs = n_jobs

    def _fit_model(
        self,
        features: Any,
        target: sp.csr_matrix | np.ndarray,
        targets: Targets,
        sample_weight: np.ndarray | None,
    ) -> dict[str, Any]:
        classifier = self._classifier()
        if not targets.multilabel:
            if not any(hasattr(classifier, m) for m in ("decision_function", "predict_proba")):
                raise ValueError(
                    "One-vs-rest compares the classes by their scores, but "
                    f"{type(classifier).__name__} has neither decision_function nor "
                    "predict_proba. Pass another classifier."
                )
            target = _one_vs_rest(target, targets.n_labels)
        # Not OneVsRestClassifier: it refuses sample weights unless metadata routing is on, and
        # takes its threshold from the first label, wrongly when that label is constant.
        fitted = MultiOutputClassifier(LabelClassifier(classifier), n_jobs=self.n_jobs).fit(
            features, target, sample_weight=sample_weight
        )
        return {"estimators_": fitted.estimators_}

    def _predict_model(self, features: Any) -> np.ndarray:
        has_scores = hasattr(self, "decision_function")
        method = "decision_function" if has_scores else "predict_proba"
        return relevance_decisions(self.estimators_, features, self.targets_.multilabel, method)

    def _score_model(self, features: Any, method: str) -> np.ndarray:
        return relevance_scores(self.estimators_, features, self.targets_.multilabel, method)


def _one_vs_rest(codes: np.ndarray, n_classes: int) -> sp.csr_matrix:
    """One column per class, or only that of the second if there are two."""
    if n_classes == 2:
        return sp.csr_matrix(codes[:, np.newaxis].astype(np.float32))
    rows = np.arange(len(codes))
    ones = np.ones(len(codes), dtype=np.float32)
    return sp.csr_matrix((ones, (rows, codes)), shape=(len(codes), n_classes))
