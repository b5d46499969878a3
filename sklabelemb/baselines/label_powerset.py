"""Label powerset: every distinct label set is a class."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.baselines.answers import set_decisions, set_scores
from sklabelemb.baselines.base import TextBaseline, fit_classifier
from sklabelemb.targets import Targets

__all__ = ["LabelPowerset"]


class LabelPowerset(TextBaseline):
    """Label powerset over raw text: each label set seen in training is one class.

    It models which labels go together, and never predicts a set that did not occur.

    Parameters
    ----------
    vectorizer : transformer, default=None
        Turns a list of texts into a feature matrix; a clone is fitted, once. None means
        ``TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)``, with ``min_df=1``
        where that would leave no term.
    classifier : estimator, default=None
        Multi-class classifier. None means ``LinearSVC(C=1)``. Pass one explicitly to search over
        its parameters (``classifier__C``).
    label_names : sequence, default=None
        Names of the labels where `y` is an array or a sparse matrix, in the order of its columns,
        such as the ``classes_`` of a ``MultiLabelBinarizer``. For 1-D classes: names for them.

    Attributes
    ----------
    base_classifier_ : classifier
        The one that was cloned, as given at the time of the fit.
    vectorizer_ : transformer
        The fitted vectorizer.
    classifier_ : estimator or None
        The fitted classifier over the label sets; None when `y` held one distinct set only.
    label_sets_ : csr_matrix of bool, shape (n_sets, n_labels)
        The label sets in order of first appearance in `y`; for 1-D classes, one class a row.
    classes_ : ndarray of shape (n_labels, 2) or (n_classes,)
        ``[0, 1]`` for every label, or the classes of 1-D targets.
    label_names_ : ndarray of object, shape (n_labels,)
        Columns of a DataFrame, or `label_names`, else column numbers; classes of 1-D targets.
    targets_ : Targets
        The form of `y`.

    See Also
    --------
    BinaryRelevance : Every label on its own; also predicts sets that never occurred.
    ClassifierChain : Lets every label see the labels before it.

    Notes
    -----
    The score of a label (:meth:`decision_function`) is the best score of a set that holds the
    label, minus the best score of a set that does not; so it is positive exactly for the labels
    of the best set. Where every set holds the label, or none does, the missing best score is taken
    to lie 1 below the lowest score of that text. The probability of a label is the sum over the
    sets that hold it, hence a label above 0.5 may be missing from the most probable set.

    With 1-D classes every class is a set of its own, and the scores are those of the classifier.
    Thousands of distinct sets make thousands of classes: memory grows with sets times features.

    References
    ----------
    .. [1] G. Tsoumakas, I. Katakis. "Multi-label classification: an overview". International
       Journal of Data Warehousing and Mining 3 (3), 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.baselines import LabelPowerset
    >>> X = ["late parcel", "money back please", "late parcel, money back", "late again"]
    >>> y = np.array([[1, 0], [0, 1], [1, 1], [1, 0]])  # delivery, refund
    >>> powerset = LabelPowerset().fit(X, y)
    >>> powerset.predict(["my parcel is late", "money back please"])
    array([[1, 0],
           [0, 1]])
    >>> powerset.label_sets_.toarray().astype(int)
    array([[1, 0],
           [0, 1],
           [1, 1]])
    """

    def _fit_model(
        self,
        features: Any,
        target: sp.csr_matrix | np.ndarray,
        targets: Targets,
        sample_weight: np.ndarray | None,
    ) -> dict[str, Any]:
        if targets.multilabel:
            codes, label_sets = _code_label_sets(target)
        else:
            codes, label_sets = target, sp.identity(targets.n_labels, dtype=bool, format="csr")
        classifier = None
        if label_sets.shape[0] > 1:
            classifier = fit_classifier(self._classifier(), features, codes, sample_weight)
        return {"classifier_": classifier, "label_sets_": label_sets}

    def _predict_model(self, features: Any) -> np.ndarray:
        multilabel = self.targets_.multilabel
        return set_decisions(self.classifier_, self.label_sets_, features, multilabel)

    def _score_model(self, features: Any, method: str) -> np.ndarray:
        multilabel = self.targets_.multilabel
        return set_scores(self.classifier_, self.label_sets_, features, multilabel, method)


def _code_label_sets(indicator: sp.csr_matrix) -> tuple[np.ndarray, sp.csr_matrix]:
    """Give every distinct row of a canonical indicator a code, without making it dense."""
    bounds = indicator.indptr
    codes = np.empty(indicator.shape[0], dtype=np.int64)
    known: dict[bytes, int] = {}
    first_rows = []
    for row in range(indicator.shape[0]):
        key = indicator.indices[bounds[row] : bounds[row + 1]].tobytes()
        if key not in known:
            known[key] = len(known)
            first_rows.append(row)
        codes[row] = known[key]
    return codes, indicator[first_rows].astype(bool)
