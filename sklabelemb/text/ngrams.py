"""TF-IDF of words and word pairs, straight from token ids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sklabelemb.text.token_ids import TokenIds
from sklabelemb.text.vocabulary import UNKNOWN_ID

__all__ = ["NgramTfidf"]


@dataclass(frozen=True)
class NgramTfidf:
    """Which words and pairs of neighbouring words count, and how much.

    The texts are tokenised already, so nothing is tokenised again. The weights are those of
    scikit-learn's ``TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))``: ``1 + log(count)``
    times the smoothed inverse document frequency, rows of length one. Unknown words count for
    nothing and break pairs.

    Attributes
    ----------
    n_words : int
        Size of the vocabulary that the ids come from.
    keys : int64 ndarray of shape (n_features,), sorted
        A word's id; or ``(first + 1) * n_words + second`` for a pair.
    idf : float32 ndarray of shape (n_features,)

    Examples
    --------
    >>> from sklabelemb.text import NgramTfidf, Tokenizer, Vocabulary
    >>> vocabulary, ids = Vocabulary.build(["a late parcel", "a late refund"], Tokenizer())
    >>> ngrams = NgramTfidf.fit(ids, len(vocabulary), min_df=2)
    >>> ngrams.transform(ids).toarray().round(2)  # "a", "late" and "a late" occur twice
    array([[0.58, 0.58, 0.58],
           [0.58, 0.58, 0.58]], dtype=float32)
    """

    n_words: int
    keys: np.ndarray
    idf: np.ndarray

    @classmethod
    def fit(
        cls, texts: TokenIds, n_words: int, *, min_df: int = 2, max_features: int | None = None
    ) -> NgramTfidf:
        """Choose the n-grams.

        Parameters
        ----------
        texts : TokenIds
        n_words : int
            Size of the vocabulary.
        min_df : int, default=2
            Leave out what fewer texts contain.
        max_features : int, default=None
            Keep at most so many, those that most texts contain.
        """
        keys, rows = _occurrences(texts, n_words)
        order = np.lexsort((rows, keys))
        keys, rows = keys[order], rows[order]
        first = np.ones(len(keys), dtype=bool)
        first[1:] = (keys[1:] != keys[:-1]) | (rows[1:] != rows[:-1])
        distinct, document_frequency = np.unique(keys[first & (keys >= 0)], return_counts=True)
        kept = np.flatnonzero(document_frequency >= min_df)
        if max_features is not None and len(kept) > max_features:
            most = np.argsort(-document_frequency[kept], kind="stable")[:max_features]
            kept = kept[np.sort(most)]
        idf = np.log((1 + len(texts)) / (1 + document_frequency[kept])) + 1
        return cls(n_words, distinct[kept], idf.astype(np.float32))

    @property
    def n_features(self) -> int:
        """Number of words and pairs."""
        return len(self.keys)

    def transform(self, texts: TokenIds) -> sp.csr_matrix:
        """TF-IDF matrix of some texts, float32 of shape ``(n_texts, n_features)``."""
        columns, rows = self.columns(texts)[:2]
        counts = sp.csr_matrix(
            (np.ones(len(columns), dtype=np.float32), (rows, columns)),
            shape=(len(texts), self.n_features),
        )
        counts.sum_duplicates()
        counts.data = (1 + np.log(counts.data)) * self.idf[counts.indices]
        norms = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
        counts.data /= np.repeat(np.maximum(norms, 1e-12), np.diff(counts.indptr))
        return counts.astype(np.float32)

    def columns(self, texts: TokenIds) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every occurrence of a feature: its column, its text, and its first token.

        Returns
        -------
        columns, rows, tokens : int64 ndarrays of shape (n_occurrences,)
            `tokens` are positions in the flat ``texts.ids``. Words come first, then pairs; the
            pair at ``token`` spans that token and the next.
        """
        keys, rows = _occurrences(texts, self.n_words)
        tokens = np.concatenate([np.arange(len(texts.ids))] * 2)[: len(keys)]
        if not self.n_features:
            keep = np.zeros(len(keys), dtype=bool)
            position = np.zeros(len(keys), dtype=np.int64)
        else:
            position = np.minimum(np.searchsorted(self.keys, keys), self.n_features - 1)
            keep = self.keys[position] == keys
        return position[keep], rows[keep], tokens[keep]


def _occurrences(texts: TokenIds, n_words: int) -> tuple[np.ndarray, np.ndarray]:
    """Key (-1 where there is none) and text of every word, then of every pair."""
    ids = texts.ids.astype(np.int64)
    rows = np.repeat(np.arange(len(texts)), texts.lengths)
    # A vocabulary may have grown since; words it did not have then are unknown here.
    known = (ids > UNKNOWN_ID) & (ids < n_words)
    words = np.where(known, ids, -1)
    if len(ids) < 2:
        return words, rows
    paired = known[:-1] & known[1:] & (rows[:-1] == rows[1:])
    pairs = np.where(paired, (ids[:-1] + 1) * n_words + ids[1:], -1)
    return np.concatenate([words, pairs]), np.concatenate([rows, rows[:-1]])
