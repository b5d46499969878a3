"""Plots of classifiers and predictions, as displays like those of scikit-learn.

matplotlib is imported when a display is drawn; the extra ``plot`` installs it.
"""

from sklabelemb.lazy import public_names
from sklabelemb.plotting.attention_display import AttentionDisplay
from sklabelemb.plotting.cooccurrence_display import LabelCooccurrenceDisplay
from sklabelemb.plotting.frequency_display import F1ByFrequencyDisplay
from sklabelemb.plotting.label_map_display import LabelMapDisplay
from sklabelemb.plotting.learning_display import LearningDisplay
from sklabelemb.plotting.precision_recall_display import PrecisionRecallByLabelDisplay
from sklabelemb.plotting.reliability_display import ReliabilityDisplay
from sklabelemb.plotting.search_display import GridSearchDisplay
from sklabelemb.plotting.threshold_display import ThresholdDisplay

__all__ = [
    "AttentionDisplay",
    "F1ByFrequencyDisplay",
    "GridSearchDisplay",
    "LabelCooccurrenceDisplay",
    "LabelMapDisplay",
    "LearningDisplay",
    "PrecisionRecallByLabelDisplay",
    "ReliabilityDisplay",
    "ThresholdDisplay",
]

__dir__ = public_names(__name__)
