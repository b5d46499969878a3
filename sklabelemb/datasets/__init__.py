"""Datasets: your own files, folders with splits, and a corpus that ships with the package."""

from typing import TYPE_CHECKING

from sklabelemb.lazy import public_names, resolver

if TYPE_CHECKING:
    from sklabelemb.datasets.folder import load_folder
    from sklabelemb.datasets.stream import stream_table
    from sklabelemb.datasets.support_requests import load_support_requests
    from sklabelemb.datasets.table import load_table

__all__ = ["load_folder", "load_support_requests", "load_table", "stream_table"]

# `records.py` reads rows without scikit-learn, for the commands that do not load it.
__getattr__ = resolver(
    __name__,
    {
        "load_folder": "folder",
        "load_support_requests": "support_requests",
        "load_table": "table",
        "stream_table": "stream",
    },
)

__dir__ = public_names(__name__)
