"""Splits that keep the labels' frequencies."""

from sklabelemb.lazy import public_names
from sklabelemb.model_selection.holdout import stratified_holdout
from sklabelemb.model_selection.search_progress import SearchProgress
from sklabelemb.model_selection.splitters import (
    MultilabelStratifiedKFold,
    MultilabelStratifiedShuffleSplit,
    RepeatedMultilabelStratifiedKFold,
)
from sklabelemb.model_selection.train_test import multilabel_train_test_split

__all__ = [
    "MultilabelStratifiedKFold",
    "MultilabelStratifiedShuffleSplit",
    "RepeatedMultilabelStratifiedKFold",
    "SearchProgress",
    "multilabel_train_test_split",
    "stratified_holdout",
]

__dir__ = public_names(__name__)
