"""Datasets: one's own files, folders with splits, and a corpus that ships with the package."""

from sklabelemb.datasets.folder import load_folder
from sklabelemb.datasets.support_requests import load_support_requests
from sklabelemb.datasets.table import load_table

__all__ = ["load_folder", "load_support_requests", "load_table"]
