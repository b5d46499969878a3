"""Metrics and scorers for label sets that scikit-learn lacks."""

from sklabelemb.lazy import public_names
from sklabelemb.metrics.averages import average_precision, roc_auc
from sklabelemb.metrics.calibration import expected_calibration_error
from sklabelemb.metrics.cooccurrence import conditional_cooccurrence, cooccurrence_divergence
from sklabelemb.metrics.frequency import (
    FrequencyGroups,
    f1_by_label_frequency,
    micro_f1_without_frequent_labels,
)
from sklabelemb.metrics.label_sets import (
    label_cardinality,
    label_density,
    n_label_sets,
    n_unseen_label_sets,
)
from sklabelemb.metrics.ranking import (
    label_propensities,
    ndcg_at_k,
    precision_at_k,
    propensity_scored_precision_at_k,
    r_precision_at_k,
    recall_at_k,
)
from sklabelemb.metrics.report import MultilabelReport, multilabel_report
from sklabelemb.metrics.scorers import SCORERS, MultilabelScorer

__all__ = [
    "SCORERS",
    "FrequencyGroups",
    "MultilabelReport",
    "MultilabelScorer",
    "average_precision",
    "conditional_cooccurrence",
    "cooccurrence_divergence",
    "expected_calibration_error",
    "f1_by_label_frequency",
    "label_cardinality",
    "label_density",
    "label_propensities",
    "micro_f1_without_frequent_labels",
    "multilabel_report",
    "n_label_sets",
    "n_unseen_label_sets",
    "ndcg_at_k",
    "precision_at_k",
    "propensity_scored_precision_at_k",
    "r_precision_at_k",
    "recall_at_k",
    "roc_auc",
]

__dir__ = public_names(__name__)
