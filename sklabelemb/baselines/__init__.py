"""Problem-transformation baselines over raw text."""

from typing import TYPE_CHECKING

from sklabelemb.lazy import public_names, resolver

if TYPE_CHECKING:
    from sklabelemb.baselines.binary_relevance import BinaryRelevance
    from sklabelemb.baselines.classifier_chain import ClassifierChain
    from sklabelemb.baselines.label_powerset import LabelPowerset

__all__ = ["BinaryRelevance", "ClassifierChain", "LabelPowerset"]

__getattr__ = resolver(
    __name__,
    {
        "BinaryRelevance": "binary_relevance",
        "ClassifierChain": "classifier_chain",
        "LabelPowerset": "label_powerset",
    },
)

__dir__ = public_names(__name__)
