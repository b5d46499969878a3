"""From scores to decisions: everything about thresholds."""

from sklabelemb.decision.responses import label_scores
from sklabelemb.decision.rules import check_threshold, decide, probabilities
from sklabelemb.decision.thresholds import (
    best_thresholds,
    decision_scores,
    validation_score,
    validation_scores,
)
from sklabelemb.decision.tuning import SHRINKAGES, tuned_thresholds
from sklabelemb.lazy import public_names

__all__ = [
    "SHRINKAGES",
    "best_thresholds",
    "check_threshold",
    "decide",
    "decision_scores",
    "label_scores",
    "probabilities",
    "tuned_thresholds",
    "validation_score",
    "validation_scores",
]

__dir__ = public_names(__name__)
