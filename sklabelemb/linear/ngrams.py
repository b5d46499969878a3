"""TF-IDF of words, word pairs and letter groups, straight from token ids.

The texts are tokenised already, and a word's letters are looked at once per distinct word. The
weights are those of scikit-learn's ``TfidfVectorizer(sublinear_tf=True)``: ``1 + log(count)`` times
the smoothed inverse document frequency, rows of length one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import scipy.sparse as sp

from sklabelemb.text import UNKNOWN_ID, TokenIds, Vocabulary, WordPieces

__all__ = ["CharacterTfidf", "WordTfidf"]

# Letter groups of these lengths, the word's bounds counting as letters.
SHORTEST, LONGEST = 3, 5


@dataclass(frozen=True)
class WordTfidf:
    """Which words and pairs of neighbouring words count, and how much.

    Unknown words count for nothing and break pairs; the unknown piece of `WordPieces` is one like
    any other.

    Attributes
    ----------
    n_words : int
        Size of the vocabulary that the ids come from.
    keys : int64 ndarray of shape (n_features,), sorted
        A word's id; or ``(first + 1) * n_words + second`` for a pair.
    idf : float32 ndarray of shape (n_features,)

    Examples
    --------
    >>> from sklabelemb.linear import WordTfidf
    >>> from sklabelemb.text import Tokenizer, Vocabulary
    >>> vocabulary, ids = Vocabulary.build(["a late parcel", "a late refund"], Tokenizer())
    >>> words = WordTfidf.fit(ids, len(vocabulary), min_df=2)
    >>> words.transform(ids).toarray().round(2)  # "a", "late" and "a late" occur twice
    array([[0.58, 0.58, 0.58],
           [0.58, 0.58, 0.58]], dtype=float32)
    """

    n_words: int
    keys: np.ndarray
    idf: np.ndarray

    @classmethod
    def fit(
        cls, texts: TokenIds, n_words: int, *, min_df: int = 2, max_features: int | None = None
    ) -> WordTfidf:
        """Choose the features.

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
        distinct, frequency = np.unique(keys[first & (keys >= 0)], return_counts=True)
        kept = _most_frequent(frequency, min_df, max_features)
        return cls(n_words, distinct[kept], _idf(frequency[kept], len(texts)))

    @property
    def n_features(self) -> int:
        """Number of words and pairs."""
        return len(self.keys)

    def transform(self, texts: TokenIds) -> sp.csr_matrix:
        """TF-IDF matrix of some texts, float32 of shape ``(n_texts, n_features)``."""
        columns, rows, _ = self.occurrences(texts)
        return _tfidf(_counts(rows, columns, (len(texts), self.n_features)), self.idf)

    def occurrences(self, texts: TokenIds) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Every occurrence of a feature: its column, its text, and its first token.

        Returns
        -------
        columns, rows, tokens : int64 ndarrays of shape (n_occurrences,)
            `tokens` are positions in the flat ``texts.ids``; a pair spans that token and the next.
        """
        keys, rows = _occurrences(texts, self.n_words)
        tokens = np.concatenate([np.arange(len(texts.ids))] * 2)[: len(keys)]
        if not self.n_features:
            return tuple(np.zeros(0, dtype=np.int64) for _ in range(3))  # type: ignore[return-value]
        columns = np.minimum(np.searchsorted(self.keys, keys), self.n_features - 1)
        kept = self.keys[columns] == keys
        return columns[kept], rows[kept], tokens[kept]

    def shares(self, texts: TokenIds) -> sp.csr_matrix:
        """The rows of :meth:`transform` divided among the tokens that made them.

        Returns
        -------
        csr_matrix of shape (n_tokens, n_features)
            A feature's value is divided equally among its occurrences, a pair's between its words;
            the rows of a text's tokens sum to the text's row.
        """
        columns, rows, tokens = self.occurrences(texts)
        if not len(columns):
            return sp.csr_matrix((len(texts.ids), self.n_features), dtype=np.float32)
        X = self.transform(texts)
        counts = _counts(rows, columns, X.shape)
        counts.data = X.data / counts.data
        share = np.asarray(counts[rows, columns]).ravel()
        paired = self.keys[columns] >= self.n_words
        share = np.where(paired, share / 2, share)
        return sp.csr_matrix(
            (
                np.concatenate([share, share[paired]]),
                (
                    np.concatenate([tokens, tokens[paired] + 1]),
                    np.concatenate([columns, columns[paired]]),
                ),
            ),
            shape=(len(texts.ids), self.n_features),
        )


@dataclass(frozen=True)
class CharacterTfidf:
    """Which groups of three to five letters within words count, and how much.

    They see what words that were never met have in common with known ones: stems, endings, typing
    mistakes. Words need ids of their own for that, see ``keep_unknown`` of
    :meth:`.Vocabulary.encode`.

    Attributes
    ----------
    groups : dict of str to int
        Letter groups and their columns; a word's bounds are spaces.
    idf : float32 ndarray of shape (n_features,)

    Examples
    --------
    >>> from sklabelemb.linear import CharacterTfidf
    >>> from sklabelemb.text import Tokenizer, Vocabulary
    >>> vocabulary, ids = Vocabulary.build(["late parcel", "late parcels"], Tokenizer())
    >>> characters = CharacterTfidf.fit(ids, vocabulary, min_df=2)
    >>> [group for group in characters.groups if "cel" in group]
    ['arcel', 'cel', 'rcel']
    """

    groups: dict[str, int]
    idf: np.ndarray

    @classmethod
    def fit(
        cls,
        texts: TokenIds,
        vocabulary: Vocabulary | WordPieces,
        *,
        min_df: int = 5,
        max_features: int | None = None,
    ) -> CharacterTfidf:
        """Choose the letter groups; parameters as in :meth:`WordTfidf.fit`."""
        by_word, words = _word_counts(texts, vocabulary)
        columns: dict[str, int] = {}
        table = _spelling(words, columns, grow=True)
        # How many texts contain a group: that of words that share it is a union, so count texts.
        frequency = np.bincount((by_word @ table).indices, minlength=len(columns))
        names = np.array(list(columns), dtype=object)
        alphabetical = np.argsort(names.astype(str), kind="stable") if len(names) else names
        alphabetical = alphabetical.astype(np.int64)
        kept = alphabetical[_most_frequent(frequency[alphabetical], min_df, max_features)]
        groups = {str(name): column for column, name in enumerate(names[kept])}
        return cls(groups, _idf(frequency[kept], len(texts)))

    @property
    def n_features(self) -> int:
        """Number of letter groups."""
        return len(self.groups)

    def transform(self, texts: TokenIds, vocabulary: Vocabulary | WordPieces) -> sp.csr_matrix:
        """TF-IDF matrix of some texts, float32 of shape ``(n_texts, n_features)``."""
        by_word, words = _word_counts(texts, vocabulary)
        return _tfidf(by_word @ _spelling(words, self.groups), self.idf)

    def shares(self, texts: TokenIds, vocabulary: Vocabulary | WordPieces) -> sp.csr_matrix:
        """The rows of :meth:`transform` divided among the tokens that made them.

        Returns
        -------
        csr_matrix of shape (n_tokens, n_features)
        """
        by_word, words = _word_counts(texts, vocabulary)
        table = _spelling(words, self.groups)
        counts = (by_word @ table).tocsr()
        counts.sort_indices()
        X = _tfidf(counts.copy(), self.idf)
        X.sort_indices()
        X.data = X.data / counts.data
        position = np.searchsorted(np.unique(texts.ids), texts.ids)
        shares = table[position].tocsr()
        # Look each token's groups up in its text's row: a copy of the row for each would be large.
        rows = np.repeat(np.arange(len(texts)), texts.lengths)
        there = np.repeat(np.arange(len(texts)), np.diff(X.indptr)) * self.n_features + X.indices
        wanted = np.repeat(rows, np.diff(shares.indptr)) * self.n_features + shares.indices
        shares.data = shares.data * X.data[np.searchsorted(there, wanted)]
        return shares


def _occurrences(texts: TokenIds, n_words: int) -> tuple[np.ndarray, np.ndarray]:
    """Key (-1 where there is none) and text of every word, then of every pair."""
    ids = texts.ids.astype(np.int64)
    rows = np.repeat(np.arange(len(texts)), texts.lengths)
    # Ids beyond the vocabulary are words that it did not have when the features were chosen.
    known = (ids > UNKNOWN_ID) & (ids < n_words)
    words = np.where(known, ids, -1)
    if len(ids) < 2:
        return words, rows
    paired = known[:-1] & known[1:] & (rows[:-1] == rows[1:])
    pairs = np.where(paired, (ids[:-1] + 1) * n_words + ids[1:], -1)
    return np.concatenate([words, pairs]), np.concatenate([rows, rows[:-1]])


def _word_counts(
    texts: TokenIds, vocabulary: Vocabulary | WordPieces
) -> tuple[sp.csr_matrix, list[str]]:
    """How often each text has each distinct word, and the words; specials are spelt empty."""
    distinct, position = np.unique(texts.ids, return_inverse=True)
    spelling = ["", "", *vocabulary.words, *texts.unknown_words]
    rows = np.repeat(np.arange(len(texts)), texts.lengths)
    shape = (len(texts), len(distinct))
    return _counts(rows, position, shape), [spelling[i] for i in distinct.tolist()]


def _spelling(
    words: Sequence[str], columns: dict[str, int], *, grow: bool = False
) -> sp.csr_matrix:
    """How often each word has each letter group, shape ``(n_words, n_groups)``."""
    indptr, indices = [0], []
    for word in words:
        for group in _letter_groups(word):
            column = columns.setdefault(group, len(columns)) if grow else columns.get(group)
            if column is not None:
                indices.append(column)
        indptr.append(len(indices))
    table = sp.csr_matrix(
        (np.ones(len(indices), dtype=np.float32), indices, indptr),
        shape=(len(words), len(columns)),
    )
    table.sum_duplicates()
    return table


def _letter_groups(word: str) -> Iterable[str]:
    if not word:
        return ()
    padded = f" {word} "
    return chain.from_iterable(
        (padded[i : i + length] for i in range(len(padded) - length + 1))
        for length in range(SHORTEST, LONGEST + 1)
    )


def _counts(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> sp.csr_matrix:
    ones = np.ones(len(columns), dtype=np.float32)
    counts = sp.csr_matrix((ones, (rows, columns)), shape=shape)
    counts.sum_duplicates()
    return counts


def _tfidf(counts: sp.csr_matrix, idf: np.ndarray) -> sp.csr_matrix:
    """Weigh the counts, in place."""
    counts.data = ((1 + np.log(counts.data)) * idf[counts.indices]).astype(np.float32)
    norms = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    counts.data /= np.repeat(np.maximum(norms, 1e-12), np.diff(counts.indptr)).astype(np.float32)
    return counts


def _most_frequent(frequency: np.ndarray, min_df: int, max_features: int | None) -> np.ndarray:
    kept = np.flatnonzero(frequency >= min_df)
    if max_features is not None and len(kept) > max_features:
        most = np.argsort(-frequency[kept], kind="stable")[:max_features]
        kept = kept[np.sort(most)]
    return kept


def _idf(frequency: np.ndarray, n_texts: int) -> np.ndarray:
    return (np.log((1 + n_texts) / (1 + frequency)) + 1).astype(np.float32)
