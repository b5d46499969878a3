"""Text classifiers with label embeddings, for scikit-learn.

Labels are not mere numbers here: each has a vector in the space of the words, and a text is read
with its possible labels in view. Every classifier takes raw texts, follows scikit-learn's
conventions and works with its pipelines, searches and scorers.

Public names are imported on first use, so importing the package itself is cheap: torch,
scikit-learn and skorch are loaded with the first classifier.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sklabelemb._version import __version__

if TYPE_CHECKING:
    from sklabelemb import (
        baselines,
        comparison,
        datasets,
        inspection,
        laco,
        leam,
        meta,
        metrics,
        model_selection,
        mtle,
        neural,
        plotting,
        semantic_unit,
        serving,
        text,
        tree,
    )
    from sklabelemb.baselines import BinaryRelevance, ClassifierChain, LabelPowerset
    from sklabelemb.laco import LACOClassifier
    from sklabelemb.leam import LEAMClassifier
    from sklabelemb.meta import LabelwiseCalibrator, ThresholdTuner
    from sklabelemb.mtle import MTLEClassifier
    from sklabelemb.neural import DocumentClassifier
    from sklabelemb.persistence import load, model_card, save
    from sklabelemb.search import autotune
    from sklabelemb.semantic_unit import SemanticUnitSeq2SeqClassifier
    from sklabelemb.tree import LabelTreeClassifier

__all__ = [
    "BinaryRelevance",
    "ClassifierChain",
    "DocumentClassifier",
    "LACOClassifier",
    "LEAMClassifier",
    "LabelPowerset",
    "LabelTreeClassifier",
    "LabelwiseCalibrator",
    "MTLEClassifier",
    "SemanticUnitSeq2SeqClassifier",
    "ThresholdTuner",
    "__version__",
    "autotune",
    "baselines",
    "comparison",
    "datasets",
    "inspection",
    "laco",
    "leam",
    "load",
    "meta",
    "metrics",
    "model_card",
    "model_selection",
    "mtle",
    "neural",
    "plotting",
    "save",
    "semantic_unit",
    "serving",
    "text",
    "tree",
]

_SUBMODULES = frozenset(
    {
        "baselines",
        "comparison",
        "datasets",
        "inspection",
        "laco",
        "leam",
        "meta",
        "metrics",
        "model_selection",
        "mtle",
        "neural",
        "plotting",
        "semantic_unit",
        "serving",
        "text",
        "tree",
    }
)

_HOME = {
    "BinaryRelevance": "baselines",
    "ClassifierChain": "baselines",
    "DocumentClassifier": "neural",
    "LACOClassifier": "laco",
    "LEAMClassifier": "leam",
    "LabelPowerset": "baselines",
    "LabelTreeClassifier": "tree",
    "LabelwiseCalibrator": "meta",
    "MTLEClassifier": "mtle",
    "SemanticUnitSeq2SeqClassifier": "semantic_unit",
    "ThresholdTuner": "meta",
    "autotune": "search",
    "load": "persistence",
    "model_card": "persistence",
    "save": "persistence",
}


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    if name in _HOME:
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value  # the next access does not come through here
        return value

    from difflib import get_close_matches

    message = f"module {__name__!r} has no attribute {name!r}"
    if close := get_close_matches(name, __all__, n=1):
        message += f". Did you mean {close[0]!r}?"
    # With `name` given, Python does not add a suggestion of its own to ours.
    raise AttributeError(message, name=name)


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
