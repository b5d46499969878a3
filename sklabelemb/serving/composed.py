"""Baselines and meta-estimators, built from their saved attributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import logit

from sklabelemb.baselines.answers import (
    kept_inside,
    named_labels,
    relevance_decisions,
    relevance_scores,
    set_decisions,
    set_scores,
)
from sklabelemb.decision import decide
from sklabelemb.decision.predicted_labels import check_top_k, labels_by_score
from sklabelemb.decision.responses import label_answers
from sklabelemb.decision.rules import EPSILON
from sklabelemb.serving.classifiers import (
    METHODS,
    ChainClassifier,
    LinearClassifier,
    NaiveBayes,
    OneLabelClassifier,
)
from sklabelemb.serving.refusing import refuse
from sklabelemb.serving.vectorizer import Vectorizer
from sklabelemb.targets import FRAMES, Targets
from sklabelemb.text import check_documents
from sklabelemb.tree.answers import decided, dense_probabilities, logits, scores_of

__all__ = ["SavedEstimator", "served"]


@dataclass(frozen=True)
class SavedEstimator:
    """The saved attributes of an estimator.

    Attributes
    ----------
    name : str
        Of its class.
    attributes : dict of str to object
    """

    name: str
    attributes: dict[str, Any]

    def __getitem__(self, attribute: str) -> Any:
        return self.attributes[attribute]


def served(saved: Any) -> Any:
    """The predictor for a saved estimator.

    Raises
    ------
    TypeError
        When it is not supported; the message says why.
    """
    if not isinstance(saved, SavedEstimator):
        return saved
    if saved.name == "FrozenEstimator":
        return served(saved["estimator"])
    if saved.name in BASELINES:
        return BASELINES[saved.name](saved)
    if saved.name == "ThresholdTuner":
        return ServedTuner(saved)
    if saved.name == "LabelwiseCalibrator":
        return ServedCalibrator(saved)
    refuse(
        saved.name,
        "of scikit-learn's estimators only those inside a baseline are served, such as "
        "BinaryRelevance(vectorizer=..., classifier=...)",
    )


def _without_frame(targets: Targets) -> Targets:
    return replace(targets, container="array") if targets.container in FRAMES else targets


class _Answering:
    """The form of predictions: labels by name, and predictions in the form of `y`."""

    def __init__(self, saved: SavedEstimator) -> None:
        self.name = saved.name
        self.targets_ = _without_frame(saved["targets_"])

    def __repr__(self) -> str:
        return f"<{self.name} of {self.targets_.n_labels} labels, served without scikit-learn>"

    @property
    def label_names_(self) -> np.ndarray:
        """Names of the labels."""
        return self.targets_.label_names

    @property
    def classes_(self) -> np.ndarray:
        """Single-label: the classes. Multi-label: one ``[0, 1]`` per label."""
        return self.targets_.classes

    @property
    def predict_proba(self) -> Callable[[Any], np.ndarray]:
        """Probabilities of texts, where the saved classifier has them."""
        return self._method("predict_proba", self._probabilities)

    @property
    def decision_function(self) -> Callable[[Any], np.ndarray]:
        """Decision values of texts, where the saved classifier has them."""
        return self._method("decision_function", self._decision_values)

    def _method(self, name: str, method: Callable[[Any], np.ndarray]) -> Any:
        if not self._has(name):
            raise AttributeError(f"This {self.name} has no {name}: nor has the classifier inside.")
        return method

    def _has(self, method: str) -> bool:
        raise NotImplementedError

    def _probabilities(self, X: Any) -> np.ndarray:
        raise NotImplementedError

    def _decision_values(self, X: Any) -> np.ndarray:
        raise NotImplementedError


class _ServedBaseline(_Answering):
    """A baseline: texts are vectorised once."""

    def __init__(self, saved: SavedEstimator) -> None:
        super().__init__(saved)
        self.saved = saved
        self.vectorizer = _vectorizer(saved.name, saved["vectorizer_"])
        base = saved["base_classifier_"]
        self.methods = METHODS.get(base.name)
        if self.methods is None:
            _refuse_classifier(saved.name, base.name)

    def predict(self, X: Any) -> Any:
        """Predict labels or classes, in the form of `y`; an array instead of a DataFrame."""
        return self.targets_.decode(self._decisions(self._features(X)))

    def predict_labels(
        self, X: Any, top_k: int | None = None, with_scores: bool = False
    ) -> list[tuple[Any, ...]]:
        """Predict label names, the most probable first."""
        check_top_k(top_k)
        features = self._features(X)
        method = "predict_proba" if self._has("predict_proba") else "decision_function"
        scores = self._scores(features, method)
        decisions = self._decisions(features)
        return named_labels(self.targets_, decisions, scores, top_k, with_scores)

    def _has(self, method: str) -> bool:
        return method in (self.methods or ())

    def _probabilities(self, X: Any) -> np.ndarray:
        found = self._scores(self._features(X), "predict_proba")
        return kept_inside(found, self.targets_.multilabel)

    def _decision_values(self, X: Any) -> np.ndarray:
        return self._scores(self._features(X), "decision_function")

    def _features(self, X: Any) -> Any:
        return self.vectorizer.transform(check_documents(X))

    def _decisions(self, features: Any) -> np.ndarray:
        raise NotImplementedError

    def _scores(self, features: Any, method: str) -> np.ndarray:
        raise NotImplementedError


class ServedRelevance(_ServedBaseline):
    """A saved :class:`.BinaryRelevance`."""

    def __init__(self, saved: SavedEstimator) -> None:
        super().__init__(saved)
        self.estimators = [_classifier(saved.name, one) for one in saved["estimators_"]]

    def _decisions(self, features: Any) -> np.ndarray:
        has_scores = self._has("decision_function")
        method = "decision_function" if has_scores else "predict_proba"
        return relevance_decisions(self.estimators, features, self.targets_.multilabel, method)

    def _scores(self, features: Any, method: str) -> np.ndarray:
        return relevance_scores(self.estimators, features, self.targets_.multilabel, method)


class ServedChain(_ServedBaseline):
    """A saved :class:`.ClassifierChain`."""

    def __init__(self, saved: SavedEstimator) -> None:
        super().__init__(saved)
        self.chain = _classifier(saved.name, saved["chain_"])

    def _decisions(self, features: Any) -> np.ndarray:
        decisions: np.ndarray = self.chain.predict(features)
        return decisions.astype(bool) if self.targets_.multilabel else decisions

    def _scores(self, features: Any, method: str) -> np.ndarray:
        return np.asarray(getattr(self.chain, method)(features))


class ServedPowerset(_ServedBaseline):
    """A saved :class:`.LabelPowerset`."""

    def __init__(self, saved: SavedEstimator) -> None:
        super().__init__(saved)
        inside = saved["classifier_"]
        self.classifier = None if inside is None else _classifier(saved.name, inside)
        self.label_sets = saved["label_sets_"]

    def _decisions(self, features: Any) -> np.ndarray:
        multilabel = self.targets_.multilabel
        return set_decisions(self.classifier, self.label_sets, features, multilabel)

    def _scores(self, features: Any, method: str) -> np.ndarray:
        multilabel = self.targets_.multilabel
        return set_scores(self.classifier, self.label_sets, features, multilabel, method)


class ServedTree(_Answering):
    """A saved :class:`.LabelTreeClassifier`."""

    def __init__(self, saved: SavedEstimator) -> None:
        super().__init__(saved)
        self.vectorizer = _vectorizer(saved.name, saved["vectorizer_"])
        self.forest = saved["forest_"]
        self.thresholds_ = saved["thresholds_"]
        self.min_labels_: int = saved["min_labels_"]
        self.nearest_by: str = saved.attributes.get("nearest_by_", "scores")
        self.sparse_output_: bool = saved["sparse_output_"]

    def predict(self, X: Any) -> Any:
        """Predict labels or classes, in the form of `y`; an array instead of a DataFrame."""
        decisions = decided(self._scores(X), self.thresholds_, self.min_labels_, self.nearest_by)
        return self.targets_.decode(decisions if self.targets_.multilabel else decisions.indices)

    def predict_labels(
        self, X: Any, top_k: int | None = None, with_scores: bool = False
    ) -> list[tuple[Any, ...]]:
        """Names of the labels of each text, the most probable first."""
        check_top_k(top_k)
        scores = self._scores(X)
        decisions = decided(scores, self.thresholds_, self.min_labels_, self.nearest_by)
        return labels_by_score(self.label_names_, scores, decisions, top_k, with_scores)

    def _has(self, method: str) -> bool:
        return True

    def _probabilities(self, X: Any) -> Any:
        scores = self._scores(X)
        if self.sparse_output_:
            return scores
        return dense_probabilities(scores, self.targets_.multilabel)

    def _decision_values(self, X: Any) -> np.ndarray:
        return logits(self._scores(X), self.targets_.multilabel)

    def _scores(self, X: Any) -> Any:
        features = self.vectorizer.transform(check_documents(X))
        return scores_of(self.forest, features, self.targets_.multilabel)


BASELINES: dict[str, type[_ServedBaseline | ServedTree]] = {
    "LabelTreeClassifier": ServedTree,
    "BinaryRelevance": ServedRelevance,
    "ClassifierChain": ServedChain,
    "LabelPowerset": ServedPowerset,
}


class _Around(_Answering):
    """A meta-estimator, which decides by the scores of its classifier."""

    def __init__(self, saved: SavedEstimator) -> None:
        super().__init__(saved)
        self.estimator_ = served(saved["estimator_"])
        self.method: str = saved["response_method_"]

    def predict(self, X: Any) -> Any:
        """Predict labels, in the form of `y`; an array instead of a DataFrame."""
        return self.targets_.decode(self._scores_and_decisions(X)[1])

    def predict_labels(
        self, X: Any, top_k: int | None = None, with_scores: bool = False
    ) -> list[tuple[Any, ...]]:
        """Predict label names, the most probable first."""
        check_top_k(top_k)
        scores, decisions = self._scores_and_decisions(X)
        return labels_by_score(self.label_names_, scores, decisions, top_k, with_scores)

    def _answers(self, X: Any, method: str, keep_sparse: bool = False) -> Any:
        names = list(self.label_names_) if self.targets_.named else None
        n_labels = self.targets_.n_labels
        return label_answers(self.estimator_, X, n_labels, method, names, keep_sparse)

    def _scores_and_decisions(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        raise NotImplementedError


class ServedTuner(_Around):
    """A saved :class:`.ThresholdTuner`."""

    def __init__(self, saved: SavedEstimator) -> None:
        super().__init__(saved)
        self.thresholds_ = np.asarray(saved["thresholds_"], dtype=np.float64)
        self.min_labels_: int = saved["min_labels_"]
        self.nearest_by: str = saved.attributes.get("nearest_by_", "scores")

    def _has(self, method: str) -> bool:
        return hasattr(self.estimator_, method)

    def _probabilities(self, X: Any) -> np.ndarray:
        proba = self._answers(X, "predict_proba", keep_sparse=True)
        return proba if sp.issparse(proba) else np.clip(proba, EPSILON, 1 - EPSILON)

    def _decision_values(self, X: Any) -> np.ndarray:
        return self._answers(X, "decision_function")

    def _scores_and_decisions(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        scores = self._answers(X, self.method, keep_sparse=True)
        margins = self.nearest_by == "scores"
        return scores, decide(scores, self.thresholds_, self.min_labels_, margins=margins)


class ServedCalibrator(_Around):
    """A saved :class:`.LabelwiseCalibrator`."""

    def __init__(self, saved: SavedEstimator) -> None:
        super().__init__(saved)
        self.maps = saved["maps_"]

    def _has(self, method: str) -> bool:
        return method == "predict_proba"

    def _probabilities(self, X: Any) -> np.ndarray:
        scores = self._answers(X, self.method)
        if self.method == "predict_proba":
            scores = logit(np.clip(scores, EPSILON, 1 - EPSILON))
        return np.asarray(self.maps(scores))

    def _scores_and_decisions(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        proba = self._probabilities(X)
        return proba, proba > 0.5


def _vectorizer(owner: str, saved: Any) -> Vectorizer:
    if saved.name not in ("TfidfVectorizer", "CountVectorizer"):
        refuse(
            owner,
            f"its vectorizer is a {saved.name}; served are TfidfVectorizer and CountVectorizer",
        )
    weighting = saved.attributes.get("_tfidf")
    return Vectorizer(owner, saved.attributes, weighting and weighting.attributes)


def _classifier(owner: str, saved: SavedEstimator) -> Any:
    """Predictions of a classifier of features."""
    name = saved.name
    if name == "LabelClassifier":
        inside = saved["classifier_"]
        own = None if inside is None else _classifier(owner, inside)
        return OneLabelClassifier(own, saved["log_odds_"])
    if name == "sklearn.ClassifierChain":
        estimators = [_classifier(owner, one) for one in saved["estimators_"]]
        return ChainClassifier(estimators, np.asarray(saved["order_"]), saved["chain_method_"])
    if name in ("LinearSVC", "LogisticRegression", "RidgeClassifier"):
        return LinearClassifier(saved.attributes)
    if name in ("MultinomialNB", "ComplementNB"):
        return NaiveBayes(saved.attributes, complement=name == "ComplementNB")
    _refuse_classifier(owner, name)


def _refuse_classifier(owner: str, name: str) -> Any:
    refuse(owner, f"the classifier inside is a {name}; served are {', '.join(sorted(METHODS))}")
