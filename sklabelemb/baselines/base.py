"""Base class of the baselines: vectorise texts once, and predict in the form of `y`."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.svm import LinearSVC
from sklearn.utils import Tags, check_consistent_length
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from sklabelemb.baselines.answers import constant_answer, kept_inside, named_labels
from sklabelemb.clones import KnowsItsOrigin, warning_once_for_clones
from sklabelemb.decision.predicted_labels import check_top_k
from sklabelemb.display import brief_html, brief_repr
from sklabelemb.sklearn_internals import HasMethods, check_sample_weight
from sklabelemb.targets import Targets
from sklabelemb.text import check_documents
from sklabelemb.text.tfidf import default_tfidf, fitted_tfidf

__all__ = ["LabelClassifier", "TextBaseline"]


def _classifier_has(method: str) -> Callable[[Any], bool]:
    def check(estimator: Any) -> bool:
        # The classifier of the fit, even if the parameter has changed.
        fitted = estimator.__dict__.get("base_classifier_")
        return hasattr(estimator._classifier() if fitted is None else fitted, method)

    return check


class LabelClassifier(ClassifierMixin, BaseEstimator):
    """A binary classifier for one label that supports labels without positives or negatives.

    If the label varies, this is a clone of `classifier`. If it does not (most classifiers refuse a
    single class), it always predicts the only value seen, with the log-odds of the smoothed
    frequency, ``log((n_positive + 1) / (n_negative + 1))``, as the score.

    Parameters
    ----------
    classifier : estimator
        The binary classifier.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        ``[0, 1]``, also when only one of them was seen.
    classifier_ : estimator or None
        The fitted classifier; None for a constant label.
    log_odds_ : float
        Log-odds of the smoothed frequency: the score of a constant label.
    """

    # scikit-learn's chain passes sample weights through metadata routing only.
    __metadata_request__fit = {"sample_weight": True}

    def __init__(self, classifier: Any) -> None:
        self.classifier = classifier

    def fit(self, X: Any, y: Any, sample_weight: np.ndarray | None = None) -> Self:
        """Fit on features and one column of an indicator, dense or sparse."""
        y = y.toarray().ravel() if sp.issparse(y) else np.asarray(y)
        y = y.astype(np.int64)
        n_positive = np.count_nonzero(y)
        n_negative = len(y) - n_positive
        self.classes_ = np.array([0, 1])
        self.log_odds_ = float(np.log((n_positive + 1) / (n_negative + 1)))
        varies = n_positive > 0 and n_negative > 0
        self.classifier_ = fit_classifier(self.classifier, X, y, sample_weight) if varies else None
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Decide 0 or 1 for every row of features."""
        if self.classifier_ is None:
            return constant_answer(self.log_odds_, X.shape[0], "predict")
        return self.classifier_.predict(X)

    @available_if(_classifier_has("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Score the label, shape ``(n_samples,)``."""
        if self.classifier_ is None:
            return constant_answer(self.log_odds_, X.shape[0], "decision_function")
        return self.classifier_.decision_function(X)

    @available_if(_classifier_has("predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of 0 and of 1, shape ``(n_samples, 2)``."""
        if self.classifier_ is None:
            return constant_answer(self.log_odds_, X.shape[0], "predict_proba")
        return self.classifier_.predict_proba(X)

    def _classifier(self) -> Any:
        return self.classifier


def fit_classifier(
    classifier: Any, X: Any, y: np.ndarray, sample_weight: np.ndarray | None = None
) -> Any:
    """Fit a clone of `classifier`, with `sample_weight` only where there are any."""
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    # The weights are for this classifier; with routing enabled, a nested one would refuse them for
    # lack of a request that the caller had no reason to set.
    with config_context(enable_metadata_routing=False):
        return clone(classifier).fit(X, y, **weights)


def _classifier() -> Any:
    """The default classifier."""
    # A fixed seed, because liblinear would otherwise draw from NumPy's global random state.
    return LinearSVC(C=1.0, random_state=0)


class TextBaseline(KnowsItsOrigin, ClassifierMixin, BaseEstimator, metaclass=ABCMeta):
    """A classifier over raw text: vectorise once, then fit the subclass's classifiers.

    A subclass defines :meth:`_fit_model`, :meth:`_predict_model` and :meth:`_score_model`, which
    deal with feature matrices and indicators (or class codes) only.

    Parameters
    ----------
    vectorizer : transformer, default=None
        Turns a list of texts into a feature matrix; see the subclasses.
    classifier : estimator, default=None
        The classifier on these features; see the subclasses.
    label_names : sequence, default=None
        Names of the labels, if `y` has none.
    """

    _parameter_constraints: dict = {
        "label_names": ["array-like", None],
        "vectorizer": [HasMethods(["fit_transform", "transform"]), None],
        "classifier": [HasMethods(["fit", "predict"]), None],
    }

    def __init__(
        self, *, vectorizer: Any = None, classifier: Any = None, label_names: Any = None
    ) -> None:
        self.vectorizer = vectorizer
        self.classifier = classifier
        self.label_names = label_names

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the vectorizer, then the classifiers.

        Parameters
        ----------
        X : list, tuple, array or Series of str, shape (n_samples,)
            Raw texts.
        y : array-like of shape (n_samples,) or indicator of shape (n_samples, n_labels)
            1-D classes; or a 0/1 indicator: dense, scipy sparse, or a DataFrame whose columns name
            the labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights for the classifier; the vectorizer does not see them. A text of weight 0 is
            left out of the training of the classifier.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        self._validate_params()
        documents = check_documents(X)
        targets = Targets.infer(y, label_names=self.label_names)
        target = targets.encode(y, label_names=self.label_names)
        check_consistent_length(documents, target)
        sample_weight = self._check_weights(sample_weight, documents)
        vectorizer, features = self._vectorize(documents, y)
        if sample_weight is not None and not sample_weight.all():
            # Some classifiers refuse a class whose weights are all 0, so it is left out.
            kept = np.flatnonzero(sample_weight)
            features, target, sample_weight = features[kept], target[kept], sample_weight[kept]
        if targets.multilabel:
            with warning_once_for_clones(self):
                targets.warn_about_empty_labels(target)
        elif len(lost := np.setdiff1d(np.arange(targets.n_labels), target)):
            raise ValueError(
                f"Every text of the class {targets.classes[lost[0]]!r} has the weight 0. Leave "
                "these texts out, or give them a weight."
            )
        model = self._fit_model(features, target, targets, sample_weight)
        # Nothing is set before all is done: a fit that failed does not look fitted.
        self.vectorizer_ = vectorizer
        self.base_classifier_ = self._classifier()
        self.targets_ = targets
        self.classes_ = targets.classes
        self.label_names_ = targets.label_names
        for name, value in model.items():
            setattr(self, name, value)
        return self

    def predict(self, X: Any) -> Any:
        """Predict labels or classes, in the form that `y` had in :meth:`fit`.

        Parameters
        ----------
        X : list, tuple, array or Series of str, shape (n_samples,)
            Raw texts.

        Returns
        -------
        y : ndarray, sparse matrix or DataFrame
            Classes of shape (n_samples,), or an indicator of shape (n_samples, n_labels) with the
            container and dtype of the `y` that was fitted.
        """
        decisions = self._predict_model(self._features(X))
        return self.targets_.decode(decisions, index=getattr(X, "index", None))

    def predict_labels(
        self, X: Any, top_k: int | None = None, with_scores: bool = False
    ) -> list[tuple[Any, ...]]:
        """Predict label names, the most probable first.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)
        top_k : int, default=None
            Return this many labels with the highest scores, predicted or not. None: those that
            :meth:`predict` predicts, which may be none.
        with_scores : bool, default=False
            Whether each name comes in a pair with its probability, or its decision value
            where the classifier has no ``predict_proba``.

        Returns
        -------
        list of tuple
            For each text its labels: ``("refund", "delivery")``, or ``(("refund", 0.93), ...)``.
        """
        check_top_k(top_k)
        features = self._features(X)
        decisions = self._predict_model(features)
        methods = [m for m in ("predict_proba", "decision_function") if hasattr(self, m)]
        scores = self._score_model(features, methods[0]) if methods else None
        return named_labels(self.targets_, decisions, scores, top_k, with_scores)

    def set_params(self, **params: Any) -> Self:
        """Set parameters of this estimator, and of the vectorizer and classifier inside.

        Parameters
        ----------
        **params : dict
            ``classifier__C=10`` also works if `classifier` is None: the default becomes an explicit
            classifier, which is then changed; likewise for `vectorizer`.

        Returns
        -------
        self : estimator
        """
        for name, default in (("vectorizer", default_tfidf), ("classifier", _classifier)):
            inside = any(key.startswith(f"{name}__") for key in params)
            if inside and params.get(name, getattr(self, name)) is None:
                setattr(self, name, default())
                params.pop(name, None)
        super().set_params(**params)
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy; for multi-label targets subset accuracy (all labels of a text right).

        Parameters
        ----------
        X : list, tuple, array or Series of str, shape (n_samples,)
        y : array-like of shape (n_samples,) or indicator of shape (n_samples, n_labels)
            Columns of a DataFrame go by name.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        score : float
        """
        return self.targets_.accuracy(y, self.predict(X), sample_weight)

    @available_if(_classifier_has("decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """Score the labels; a positive score means that the label is predicted.

        Only there when the classifier has a ``decision_function``.

        Parameters
        ----------
        X : list, tuple, array or Series of str, shape (n_samples,)
            Raw texts.

        Returns
        -------
        scores : ndarray of shape (n_samples, n_labels)
            For 1-D targets, what scikit-learn's classifiers give: shape (n_samples, n_classes),
            or (n_samples,), the score of ``classes_[1]``, when there are two classes.
        """
        features = self._features(X)
        return self._score_model(features, "decision_function")

    @available_if(_classifier_has("predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each label or class.

        Only there when the classifier has a ``predict_proba``.

        Parameters
        ----------
        X : list, tuple, array or Series of str, shape (n_samples,)
            Raw texts.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_labels)
            Multi-label: one probability per label, strictly between 0 and 1. For 1-D targets, shape
            (n_samples, n_classes), each row summing to 1.
        """
        features = self._features(X)
        probabilities = self._score_model(features, "predict_proba")
        return kept_inside(probabilities, self.targets_.multilabel)

    @abstractmethod
    def _fit_model(
        self,
        features: Any,
        target: sp.csr_matrix | np.ndarray,
        targets: Targets,
        sample_weight: np.ndarray | None,
    ) -> dict[str, Any]:
        """Fit the classifiers and return the attributes to set, by name."""

    @abstractmethod
    def _predict_model(self, features: Any) -> np.ndarray:
        """Decisions as :meth:`sklabelemb.targets.Targets.decode` takes them."""

    @abstractmethod
    def _score_model(self, features: Any, method: str) -> np.ndarray:
        """Scores by ``"decision_function"`` or ``"predict_proba"``."""

    def _classifier(self) -> Any:
        return _classifier() if self.classifier is None else self.classifier

    def _vectorize(self, documents: Sequence[str], y: Any) -> tuple[Any, Any]:
        if self.vectorizer is None:
            return fitted_tfidf(documents)
        vectorizer = clone(self.vectorizer)
        return vectorizer, vectorizer.fit_transform(documents, y)

    def _features(self, X: Any) -> Any:
        check_is_fitted(self)
        return self.vectorizer_.transform(check_documents(X))

    def _check_weights(self, sample_weight: Any, documents: Sequence[str]) -> np.ndarray | None:
        if sample_weight is None:
            return None
        classifier = self._classifier()
        if not has_fit_parameter(classifier, "sample_weight"):
            raise ValueError(
                f"sample_weight was given, but {type(classifier).__name__}.fit has no argument "
                "sample_weight. Leave the weights out, or pass a classifier that takes them, such "
                "as LinearSVC."
            )
        return check_sample_weight(sample_weight, documents, ensure_non_negative=True)

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        return brief_repr(self, N_CHAR_MAX)

    _html_repr = brief_html

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.sparse = False
        tags.classifier_tags.multi_label = True
        tags.target_tags.one_d_labels = True
        return tags
