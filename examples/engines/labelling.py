"""What Dask and Spark send to their workers: the model is loaded once in each process."""

import functools

import pandas as pd

from sklabelemb import serving


@functools.cache
def model(folder: str):
    """The model of a folder that every worker can read."""
    return serving.load(folder)


def labelled(part: pd.DataFrame, folder: str) -> pd.DataFrame:
    """The rows of a partition, with the names of their labels; a partition may be empty."""
    names = model(folder).predict_labels(part["text"]) if len(part) else []
    labels = pd.Series([";".join(row) for row in names], index=part.index, dtype="str")
    return part.assign(labels=labels)
