"""Thousands of labels: a tree of linear models, and sparse matrices throughout."""

from typing import TYPE_CHECKING

from sklabelemb.lazy import public_names, resolver

if TYPE_CHECKING:
    from sklabelemb.tree.classifier import LabelTreeClassifier

__all__ = ["LabelTreeClassifier"]

__getattr__ = resolver(__name__, {"LabelTreeClassifier": "classifier"})

__dir__ = public_names(__name__)
