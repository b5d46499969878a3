"""Significance tests: whether one classifier is better than another, or only luckier."""

from sklabelemb.comparison.bootstrap import PairedBootstrap, paired_bootstrap
from sklabelemb.comparison.one_test_set import DifferenceDisplay, TestSetComparison, compare_on_test
from sklabelemb.comparison.picture import CriticalDifferenceDisplay
from sklabelemb.comparison.ranks import ClassifierComparison, compare_classifiers
from sklabelemb.lazy import public_names

__all__ = [
    "ClassifierComparison",
    "CriticalDifferenceDisplay",
    "DifferenceDisplay",
    "PairedBootstrap",
    "TestSetComparison",
    "compare_classifiers",
    "compare_on_test",
    "paired_bootstrap",
]

__dir__ = public_names(__name__)
