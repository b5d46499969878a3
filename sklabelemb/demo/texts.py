"""The texts of the demonstration: the shipped corpus or a file, split in two."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.datasets import load_support_requests, load_table
from sklabelemb.model_selection import stratified_holdout
from sklabelemb.text import Tokenizer, load_vectors

__all__ = ["Corpus", "load_corpus", "stratified_folds", "vectors_of_words"]

# Fewer leave too little to train on, after splits for the test and the search.
MIN_TEXTS = 20


@dataclass
class Corpus:
    """Texts with their labels, split into training and test sets.

    Attributes
    ----------
    name : str
        What the texts are, for a heading.
    texts : ndarray of str objects, shape (n_texts,)
    y : indicator of shape (n_texts, n_labels), dense or CSR; or ndarray of classes, (n_texts,)
    label_names : list of str, length n_labels
    label_texts : list of str, length n_labels
        Descriptions; a label without one has its name.
    train, test : int ndarrays
        Indices of the two parts.
    found : str
        What was inferred about the file.
    test_file : str or None
        Where the test set is from; None: split off.
    """

    name: str
    texts: np.ndarray
    y: Any
    label_names: list[str]
    label_texts: list[str]
    train: np.ndarray
    test: np.ndarray
    found: str = ""
    test_file: str | None = None

    @property
    def multilabel(self) -> bool:
        """Whether a text may have several labels."""
        return self.y.ndim == 2

    def part(self, indices: np.ndarray) -> tuple[list[str], Any]:
        """Return texts and target of some rows."""
        return self.texts[indices].tolist(), self.y[indices]

    def label_sets(self, y: Any) -> list[list[str]]:
        """Names of the labels in each row of a target."""
        if not self.multilabel:
            return [[str(label)] for label in y]
        rows = sp.csr_matrix(y)
        return [
            [self.label_names[k] for k in np.sort(rows.indices[start:stop])]
            for start, stop in zip(rows.indptr[:-1], rows.indptr[1:], strict=True)
        ]

    def positives(self) -> np.ndarray:
        """Return how many texts carry each label, in the order of `label_names`."""
        if self.multilabel:
            return np.asarray(self.y.sum(axis=0)).ravel()
        return np.array([np.count_nonzero(self.y == name) for name in self.label_names])

    def description(self) -> list[str]:
        """Lines that describe the corpus."""
        n_labels = len(self.label_names)
        positives = self.positives()
        if self.multilabel:
            kind = f"{n_labels} labels, {positives.sum() / len(self.texts):.1f} a text"
        else:
            kind = f"{n_labels} classes, one per text"
        how = " (stratified)" if self.test_file is None else f" ({self.test_file})"
        lines = [
            f"{self.name}: {len(self.texts)} texts, {kind}",
            *([self.found] if self.found else []),
            f"{len(self.train)} to learn from, {len(self.test)} to test on{how}",
        ]
        rare = [name for name, n in zip(self.label_names, positives, strict=True) if n < 2]
        if rare:
            shown = ", ".join(rare[:5]) + (", ..." if len(rare) > 5 else "")
            lines.append(
                f"Note: {len(rare)} of {n_labels} labels have fewer than 2 texts ({shown}). They "
                "are kept, but cannot be in both training and test texts."
            )
        return lines


def load_corpus(
    file: str | None,
    *,
    test_size: float,
    seed: int,
    columns: dict[str, Any] | None = None,
    test_file: str | None = None,
) -> Corpus:
    """Load the texts, and load or split off a test set.

    Parameters
    ----------
    file : str or None
        A CSV file or JSON lines; None: the corpus that ships with the package.
    test_size : float
        Share of the texts to test on.
    seed : int
        For the split.
    columns : dict, default=None
        Further arguments of :func:`sklabelemb.datasets.load_table`.
    test_file : str, default=None
        A table with the same columns to test on. None: split off a part of the first.

    Returns
    -------
    Corpus

    Raises
    ------
    OSError, ValueError
        When the file cannot be read or is too small.
    """
    if file is None:
        found = ""
        bunch: Any = load_support_requests()
        name = "Support requests (shipped with the package)"
    else:
        bunch = load_table(file, **(columns or {}))
        name = file
        found = f"Read as: {bunch.DESCR.partition(' (')[2].removesuffix(')')}"
    y = bunch.target
    if len(bunch.data) < MIN_TEXTS:
        raise ValueError(
            f"{name} has {len(bunch.data)} texts: too few to learn from and to test on. The demo "
            f"needs {MIN_TEXTS} at least, and some hundreds to show anything."
        )
    if len(bunch.target_names) < 2:
        raise ValueError(
            f"{name} has only one label, {bunch.target_names[0]!r}: nothing to choose from."
        )
    texts = list(bunch.data)
    if test_file is None:
        train, test = stratified_holdout(_for_stratification(y), test_size, seed)
    else:
        own = _like(bunch, test_file, columns or {})
        train = np.arange(len(texts))
        test = len(texts) + np.arange(len(own.data))
        texts += own.data
        y = (
            sp.vstack([y, own.target]).tocsr()
            if sp.issparse(y)
            else np.concatenate([y, own.target])
        )
    if test_file is None and min(len(train), len(test)) < 3:
        raise ValueError(
            f"A test size of {test_size} cuts {len(bunch.data)} texts into {len(train)} to learn "
            f"from and {len(test)} to test on: choose one closer to 0.25."
        )
    return Corpus(
        name,
        np.array(texts, dtype=object),
        y,
        list(bunch.target_names),
        list(bunch.label_texts),
        train,
        test,
        found,
        test_file,
    )


def _like(bunch: Any, file: str, columns: dict[str, Any]) -> Any:
    """Load a second table with the labels of the first."""
    if bunch.target.ndim == 1:
        own: Any = load_table(file, as_classes=True, **columns)
        if new := sorted(set(own.target) - set(bunch.target_names)):
            raise ValueError(
                f"{file}: {len(new)} classes do not occur in the first file: "
                f"{', '.join(map(repr, new[:8]))}."
            )
        return own
    sparse = bool(sp.issparse(bunch.target))
    return load_table(file, label_names=bunch.target_names, sparse=sparse, **columns)


def stratified_folds(y: Any, n_folds: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Cross-validation folds in which every label is about equally frequent.

    Parameters
    ----------
    y : indicator of shape (n_samples, n_labels), or classes of shape (n_samples,)
    n_folds : int
    seed : int

    Returns
    -------
    list of (train, test) index arrays

    Examples
    --------
    >>> import numpy as np
    >>> folds = stratified_folds(np.array(["a", "b"] * 6), 3, 0)
    >>> [len(test) for train, test in folds]
    [4, 4, 4]
    """
    target = _for_stratification(y)
    everything = rest = np.arange(target.shape[0])
    tests = []
    for remaining in range(n_folds, 1, -1):
        kept, cut = stratified_holdout(target[rest], 1 / remaining, seed)
        tests.append(rest[cut])
        rest = rest[kept]
    tests.append(rest)
    return [(np.setdiff1d(everything, test), test) for test in tests]


def vectors_of_words(file: str, corpus: Corpus) -> dict[str, np.ndarray]:
    """Read the vectors of the words in texts and labels from a file.

    Parameters
    ----------
    file : str
    corpus : Corpus

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or has none of the words.
    """
    tokenizer = Tokenizer()
    texts = [*corpus.texts[corpus.train], *corpus.label_texts]
    words = list(dict.fromkeys(word for text in texts for word in tokenizer(text)))
    with warnings.catch_warnings():
        # It becomes an error below.
        warnings.filterwarnings("ignore", message="0 of .* words have a vector")
        matrix, found = load_vectors(file, words)
    if not found.any():
        raise ValueError(
            f"{file} has a vector for none of the {len(words)} words of the texts. Is it for "
            "another language, or are its words spelt otherwise?"
        )
    return {words[i]: matrix[i] for i in np.flatnonzero(found)}


def _for_stratification(y: Any) -> Any:
    if y.ndim == 2:
        return sp.csr_matrix(y)
    return np.unique(y, return_inverse=True)[1]
