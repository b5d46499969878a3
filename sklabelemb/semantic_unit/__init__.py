"""Label sequences from phrases: the semantic-unit Seq2Seq of Lin et al. (2018)."""

from sklabelemb.lazy import public_names
from sklabelemb.semantic_unit.classifier import SemanticUnitSeq2SeqClassifier
from sklabelemb.semantic_unit.label_sequence import (
    LabelSequence,
    LabelSequences,
    SequenceExplanation,
)
from sklabelemb.semantic_unit.network import SemanticUnitNetwork
from sklabelemb.semantic_unit.presets import PAPER_SETTINGS, PRESETS

__all__ = [
    "PAPER_SETTINGS",
    "PRESETS",
    "LabelSequence",
    "LabelSequences",
    "SemanticUnitNetwork",
    "SemanticUnitSeq2SeqClassifier",
    "SequenceExplanation",
]

__dir__ = public_names(__name__)
