"""Splits that keep the labels' frequencies."""

from sklabelemb.model_selection.holdout import stratified_holdout
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
    "multilabel_train_test_split",
    "stratified_holdout",
]
