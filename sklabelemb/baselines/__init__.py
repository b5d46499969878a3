"""Problem-transformation baselines over raw text, to hold the label-embedding methods against."""

from sklabelemb.baselines.binary_relevance import BinaryRelevance
from sklabelemb.baselines.classifier_chain import ClassifierChain
from sklabelemb.baselines.label_powerset import LabelPowerset

__all__ = ["BinaryRelevance", "ClassifierChain", "LabelPowerset"]
