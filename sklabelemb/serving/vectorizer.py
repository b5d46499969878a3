"""The transform of scikit-learn's TfidfVectorizer and CountVectorizer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.serving.refusing import refuse

__all__ = ["Vectorizer"]


class Vectorizer:
    """Counts of words or letters, perhaps as TF-IDF.

    Parameters
    ----------
    owner : str
        The class that owns it, for errors.
    attributes : dict of str to object
        Those of the fitted vectorizer.
    weighting : dict of str to object, or None
        Those of its fitted TfidfTransformer.
    """

    def __init__(
        self, owner: str, attributes: Mapping[str, Any], weighting: Mapping[str, Any] | None
    ) -> None:
        _check(owner, attributes)
        self.columns: dict[str, int] = attributes["vocabulary_"]
        self.binary: bool = attributes["binary"]
        self.dtype = np.dtype(attributes["dtype"])
        self.weighting = weighting
        self._accents = attributes["strip_accents"]
        self._lowercase: bool = attributes["lowercase"]
        self._terms = _ANALYZERS[attributes["analyzer"]](attributes)

    def transform(self, documents: Sequence[str]) -> sp.csr_matrix:
        """The features of texts, of shape (n_texts, n_features)."""
        indptr, indices = [0], []
        for document in documents:
            found = map(self.columns.get, self._terms(self._prepared(document)))
            indices += [column for column in found if column is not None]
            indptr.append(len(indices))
        shape = (len(documents), len(self.columns))
        ones = np.ones(len(indices), dtype=self.dtype)
        counts = sp.csr_matrix((ones, indices, indptr), shape=shape)
        counts.sum_duplicates()
        if self.binary:
            counts.data[:] = 1
        return counts if self.weighting is None else self._weighted(counts, self.weighting)

    def _prepared(self, document: str) -> str:
        text = document.lower() if self._lowercase else document
        if self._accents is None or text.isascii():
            return text
        decomposed = unicodedata.normalize("NFKD", text)
        if self._accents == "ascii":
            return decomposed.encode("ascii", "ignore").decode("ascii")
        return "".join(c for c in decomposed if not unicodedata.combining(c))

    @staticmethod
    def _weighted(counts: sp.csr_matrix, weighting: Mapping[str, Any]) -> sp.csr_matrix:
        if weighting["sublinear_tf"]:
            counts.data = np.log(counts.data) + 1
        if weighting["use_idf"]:
            counts.data = counts.data * weighting["idf_"][counts.indices]
        if weighting["norm"] is None:
            return counts
        size = abs(counts) if weighting["norm"] == "l1" else counts.multiply(counts)
        length = np.asarray(size.sum(axis=1)).ravel()
        length = length if weighting["norm"] == "l1" else np.sqrt(length)
        length[length == 0] = 1
        counts.data = counts.data / np.repeat(length, np.diff(counts.indptr))
        return counts


def _check(owner: str, attributes: Mapping[str, Any]) -> None:
    if attributes["input"] != "content":
        refuse(owner, f"its vectorizer reads texts from files (input={attributes['input']!r})")
    if isinstance(attributes["stop_words"], str):
        refuse(
            owner,
            f"its vectorizer has the stop words {attributes['stop_words']!r}, a list that "
            "scikit-learn holds; give that list itself, "
            "stop_words=list(sklearn.feature_extraction.text.ENGLISH_STOP_WORDS), when fitting",
        )


def _words(attributes: Mapping[str, Any]) -> Callable[[str], Iterable[str]]:
    find = re.compile(attributes["token_pattern"]).findall
    stop_words = frozenset(attributes["stop_words"] or ())
    shortest, longest = attributes["ngram_range"]

    def terms(text: str) -> Iterable[str]:
        tokens = [token for token in find(text) if token not in stop_words]
        return chain.from_iterable(
            tokens if n == 1 else (" ".join(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
            for n in range(shortest, longest + 1)
        )

    return terms


def _letters(attributes: Mapping[str, Any]) -> Callable[[str], Iterable[str]]:
    shortest, longest = attributes["ngram_range"]

    def terms(text: str) -> Iterable[str]:
        text = re.sub(r"\s\s+", " ", text)
        lengths = range(shortest, min(longest, len(text)) + 1)
        return (text[i : i + n] for n in lengths for i in range(len(text) - n + 1))

    return terms


def _letters_in_words(attributes: Mapping[str, Any]) -> Callable[[str], Iterable[str]]:
    shortest, longest = attributes["ngram_range"]

    def terms(text: str) -> Iterable[str]:
        for word in text.split():
            padded = f" {word} "
            for n in range(shortest, longest + 1):
                yield from (padded[i : i + n] for i in range(max(1, len(padded) - n + 1)))
                if n >= len(padded):
                    break  # a short word counts once

    return terms


_ANALYZERS = {"word": _words, "char": _letters, "char_wb": _letters_in_words}
