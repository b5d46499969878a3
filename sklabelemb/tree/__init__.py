"""Thousands of labels: a tree of linear models, and sparse matrices throughout."""

from sklabelemb.tree.classifier import LabelTreeClassifier

__all__ = ["LabelTreeClassifier"]
