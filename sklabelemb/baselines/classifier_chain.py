"""Classifier chain: every label sees the labels before it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import config_context, multioutput

from sklabelemb.baselines.base import LabelClassifier, TextBaseline, fit_classifier
from sklabelemb.sklearn_internals import StrOptions
from sklabelemb.targets import Targets

__all__ = ["ClassifierChain"]


class ClassifierChain(TextBaseline):
    """Classifier chain over raw text: each binary classifier sees the labels before it.

    The first classifier sees the features of a text; every further one sees, in addition, the
    labels that come earlier in the chain: the true ones in :meth:`fit`, the predicted ones in
    :meth:`predict`. So it can learn that two labels go together or exclude each other.

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
    order : array-like of shape (n_labels,) or "random", default=None
        Label indices in the order of the chain. None keeps the order of the columns of `y`;
        ``"random"`` draws one.
    random_state : int, RandomState instance or None, default=None
        Draws the order when ``order="random"``; pass an int to draw the same one again.

    Attributes
    ----------
    base_classifier_ : classifier
        The one that was cloned, as given at the time of the fit.
    vectorizer_ : transformer
        The fitted vectorizer.
    chain_ : sklearn.multioutput.ClassifierChain, or the classifier for 1-D classes
        The fitted chain over the feature matrix.
    order_ : ndarray of shape (n_labels,)
        Label indices in the order of the chain; ``[0]`` for 1-D classes.
    classes_ : ndarray of shape (n_labels, 2) or (n_classes,)
        ``[0, 1]`` for every label, or the classes of 1-D targets.
    label_names_ : ndarray of object, shape (n_labels,)
        Columns of a DataFrame, or `label_names`, else column numbers; classes of 1-D targets.
    targets_ : Targets
        The form of `y`.

    See Also
    --------
    BinaryRelevance : Every label on its own; far cheaper with many labels.
    LabelPowerset : Predicts whole label sets that were seen in training.

    Notes
    -----
    1-D classes are a single output, hence a chain of one: the classifier is fitted on the classes
    themselves. A label with positives only, or negatives only, is predicted as it was seen.
    Training needs a dense copy of `y` and one pass over the features per label: chains suit tens
    of labels, not thousands.

    References
    ----------
    .. [1] J. Read, B. Pfahringer, G. Holmes, E. Frank. "Classifier chains for multi-label
       classification". Machine Learning 85, 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelemb.baselines import ClassifierChain
    >>> X = ["late parcel", "money back please", "late parcel, money back", "late again"]
    >>> y = np.array([[1, 0], [0, 1], [1, 1], [1, 0]])  # delivery, refund
    >>> chain = ClassifierChain(order=[1, 0]).fit(X, y)
    >>> chain.predict(["my parcel is late", "money back"])
    array([[1, 0],
           [0, 1]])
    """

    _parameter_constraints: dict = {
        **TextBaseline._parameter_constraints,
        "order": ["array-like", StrOptions({"random"}), None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        vectorizer: Any = None,
        classifier: Any = None,
        label_names: Any = None,
        order: Any = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(vectorizer=vectorizer, classifier=classifier, label_names=label_names)
        self.order = order
        self.random_state = random_state

    def _fit_model(
        self,
        features: Any,
        target: Any,
        targets: Targets,
        sample_weight: np.ndarray | None,
    ) -> dict[str, Any]:
        if not targets.multilabel:
            chain = fit_classifier(self._classifier(), features, target, sample_weight)
            return {"chain_": chain, "order_": np.array([0])}
        chain = multioutput.ClassifierChain(
            LabelClassifier(self._classifier()),
            order=self._check_order(targets.n_labels),
            random_state=self.random_state,
        )
        indicator = target.astype(np.uint8).toarray()
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        # The chain takes sample weights only while metadata routing is on.
        with config_context(enable_metadata_routing=True):
            chain.fit(features, indicator, **weights)
        return {"chain_": chain, "order_": np.asarray(chain.order_)}

    def _predict_model(self, features: Any) -> np.ndarray:
        decisions = self.chain_.predict(features)
        return decisions.astype(bool) if self.targets_.multilabel else decisions

    def _score_model(self, features: Any, method: str) -> np.ndarray:
        return getattr(self.chain_, method)(features)

    def _check_order(self, n_labels: int) -> Any:
        if self.order is None or isinstance(self.order, str):
            return self.order
        order = np.asarray(self.order)
        if not np.array_equal(np.sort(order), np.arange(n_labels)):
            raise ValueError(
                f"order must hold every label index from 0 to {n_labels - 1} exactly once, got "
                f"{self.order!r}."
            )
        return order
