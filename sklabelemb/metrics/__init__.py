"""Metrics and scorers for label sets that scikit-learn lacks."""
