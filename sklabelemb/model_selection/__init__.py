"""Splits that keep the labels' frequencies."""

from sklabelemb.model_selection.holdout import stratified_holdout

__all__ = ["stratified_holdout"]
