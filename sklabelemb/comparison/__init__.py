"""Whether one classifier is better than another, or only luckier: tests for tables of results."""

from sklabelemb.comparison.bootstrap import PairedBootstrap, paired_bootstrap
from sklabelemb.comparison.picture import CriticalDifferenceDisplay
from sklabelemb.comparison.ranks import ClassifierComparison, compare_classifiers

__all__ = [
    "ClassifierComparison",
    "CriticalDifferenceDisplay",
    "PairedBootstrap",
    "compare_classifiers",
    "paired_bootstrap",
]
