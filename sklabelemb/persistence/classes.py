"""Classes that may be part of a saved model, by their names in files."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["COMPOSED", "INSIDE", "TRAINED", "class_of", "known_name"]

# Classifiers with a network.
TRAINED = {
    "DocumentClassifier": "sklabelemb.neural",
    "LACOClassifier": "sklabelemb.laco",
    "LEAMClassifier": "sklabelemb.leam",
    "MTLEClassifier": "sklabelemb.mtle",
    "SemanticUnitSeq2SeqClassifier": "sklabelemb.semantic_unit",
}
# What may be saved on its own. A file names classes, never modules.
COMPOSED = {
    "BinaryRelevance": "sklabelemb.baselines",
    "ClassifierChain": "sklabelemb.baselines",
    "LabelPowerset": "sklabelemb.baselines",
    "LabelTreeClassifier": "sklabelemb.tree",
    "LabelwiseCalibrator": "sklabelemb.meta",
    "ThresholdTuner": "sklabelemb.meta",
    "Pipeline": "sklearn.pipeline",
}
# What else they may contain; renamed if the name is taken.
INSIDE = {
    "LabelClassifier": "sklabelemb.baselines.base",
    "LabelForest": "sklabelemb.tree.forest",
    "LabelTree": "sklabelemb.tree.label_tree",
    "Level": "sklabelemb.tree.label_tree",
    "Rescoring": "sklabelemb.tree.rescoring",
    "IsotonicMaps": "sklabelemb.meta.calibration_maps",
    "SigmoidMaps": "sklabelemb.meta.calibration_maps",
    "TemperatureMaps": "sklabelemb.meta.calibration_maps",
    "MultilabelStratifiedKFold": "sklabelemb.model_selection",
    "MultilabelStratifiedShuffleSplit": "sklabelemb.model_selection",
    "CountVectorizer": "sklearn.feature_extraction.text",
    "HashingVectorizer": "sklearn.feature_extraction.text",
    "TfidfTransformer": "sklearn.feature_extraction.text",
    "TfidfVectorizer": "sklearn.feature_extraction.text",
    "FeatureUnion": "sklearn.pipeline",
    "FrozenEstimator": "sklearn.frozen",
    "LinearSVC": "sklearn.svm",
    "LogisticRegression": "sklearn.linear_model",
    "RidgeClassifier": "sklearn.linear_model",
    "ComplementNB": "sklearn.naive_bayes",
    "MultinomialNB": "sklearn.naive_bayes",
    "LabelBinarizer": "sklearn.preprocessing",
    "MultiLabelBinarizer": "sklearn.preprocessing",
    "KFold": "sklearn.model_selection",
    "OneVsRestClassifier": "sklearn.multiclass",
    "sklearn.ClassifierChain": "sklearn.multioutput",
}
_NAMES = TRAINED | COMPOSED | INSIDE


def class_of(name: str) -> Any:
    """The class of a name; a ValueError if it may not be part of a saved model."""
    if name not in _NAMES:
        raise ValueError(f"{name!r} is not a class that a saved model may hold")
    return getattr(import_module(_NAMES[name]), name.rpartition(".")[2])


def known_name(value: Any) -> str | None:
    """The name of an estimator's class in files; subclasses have none."""
    kind = type(value)
    for name in (kind.__name__, f"sklearn.{kind.__name__}"):
        if name in _NAMES and kind is class_of(name):
            return name
    return None
