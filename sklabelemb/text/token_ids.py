"""Texts of different lengths as two flat arrays, from which batches are cheap to gather."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["TokenIds"]

# Tokens per block, for operations that need more memory per token than its id.
TOKENS_A_BLOCK = 1 << 21


@dataclass(frozen=True, eq=False)
class TokenIds:
    """The token ids of many texts, one after the other.

    A list of lists would take ten times the memory and a Python loop for every batch; here a
    batch is a few numpy calls, whatever its size.

    Parameters
    ----------
    ids : array-like of int, shape (n_tokens,)
        The ids of all texts, end to end. Kept as int32.
    offsets : array-like of int, shape (n_texts + 1,)
        Text ``i`` is ``ids[offsets[i]:offsets[i + 1]]``. Kept as int64, because a large corpus has
        more than 2**31 words.
    unknown_words : tuple of str, default=()
        Where unknown words were kept apart (`Vocabulary.encode` with ``keep_unknown=True``): the
        words of the ids that follow those of the vocabulary.
    vectors : ndarray of shape (n_texts, dim), default=None
        The frozen encoder's vector of each text, if there is one.

    Raises
    ------
    ValueError
        If the offsets do not start at 0, decrease, or do not end at the number of ids.

    Examples
    --------
    >>> from sklabelemb.text import TokenIds
    >>> texts = TokenIds([5, 6, 7, 8], [0, 3, 3, 4])
    >>> len(texts), texts.lengths.tolist()
    (3, [3, 0, 1])
    >>> texts.padded([2, 0])
    array([[8, 0, 0],
           [5, 6, 7]])
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    unknown_words: tuple[str, ...] = ()
    vectors: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        ids = np.asarray(self.ids, dtype=np.int32)
        offsets = np.asarray(self.offsets, dtype=np.int64)
        if ids.ndim != 1 or offsets.ndim != 1:
            raise ValueError(f"ids and offsets must be 1-D, got {ids.ndim}-D and {offsets.ndim}-D")
        if not offsets.size or offsets[0] != 0 or offsets[-1] != ids.size:
            raise ValueError(
                f"offsets must run from 0 to the number of ids ({ids.size}), got {offsets}"
            )
        if np.any(offsets[1:] < offsets[:-1]):
            raise ValueError("offsets must not decrease")
        if self.vectors is not None and len(self.vectors) != offsets.size - 1:
            raise ValueError(
                f"there must be one vector for each of the {offsets.size - 1} texts, got "
                f"{len(self.vectors)}"
            )
        object.__setattr__(self, "ids", ids)
        object.__setattr__(self, "offsets", offsets)

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of tokens of each text, shape (n_texts,)."""
        return np.diff(self.offsets)

    def row(self, i: int) -> NDArray[np.int32]:
        """Return the ids of text `i`, as a view; negative `i` counts from the end."""
        return self.ids[self.offsets[:-1][i] : self.offsets[1:][i]]

    def take(self, indices: ArrayLike) -> TokenIds:
        """Pick texts.

        Parameters
        ----------
        indices : array-like of int or of bool, shape (n_picked,) or (n_texts,)
            Positions, in any order, possibly repeated or negative; or a mask.

        Returns
        -------
        picked : TokenIds
            The texts in the order of `indices`.

        Raises
        ------
        IndexError
            If an index is out of range, or the mask has the wrong length.
        """
        starts, lengths = self._locate(indices)
        picked = self._gather(starts, lengths)
        if self.vectors is None:
            return picked
        rows: NDArray[Any] = np.asarray(indices)
        return picked.with_vectors(self.vectors[rows if rows.size else rows.astype(np.int64)])

    def with_vectors(self, vectors: NDArray[np.float32] | None) -> TokenIds:
        """The same texts, with an encoder's vectors."""
        return replace(self, vectors=vectors)

    def followed_by(self, others: TokenIds, n_known: int) -> TokenIds:
        """These texts and then others, without vectors.

        Parameters
        ----------
        others : TokenIds
            Encoded with the same vocabulary; they may have further unknown words.
        n_known : int
            Size of the vocabulary, whose ids both share.
        """
        number = {word: n_known + i for i, word in enumerate(self.unknown_words)}
        further = [number.setdefault(w, n_known + len(number)) for w in others.unknown_words]
        new_ids = np.array([*range(n_known), *further], dtype=np.int32)
        ids = np.concatenate([self.ids, new_ids[others.ids]])
        offsets = np.concatenate([self.offsets, self.offsets[-1] + others.offsets[1:]])
        return TokenIds(ids, offsets, tuple(number))

    def padded(
        self, indices: ArrayLike, pad: int = 0, *, max_length: int | None = None
    ) -> NDArray[np.int64]:
        """Make the matrix that a network reads.

        Parameters
        ----------
        indices : array-like of int or of bool, shape (n_picked,) or (n_texts,)
            The texts of the batch, as for `take`.
        pad : int, default=0
            Padding value; 0 is the id of padding in a `Vocabulary`.
        max_length : int or None, default=None
            Only this many tokens of each text.

        Returns
        -------
        batch : ndarray of int64, shape (n_picked, n_columns)
            One text to a row; as many columns as the longest row has tokens, but at least one, so
            that a batch of empty texts still has a shape to compute with.
        """
        starts, lengths = self._locate(indices)
        if max_length is not None:
            lengths = np.minimum(lengths, max_length)
        batch = np.full((len(lengths), max(1, lengths.max(initial=0))), pad, dtype=np.int64)
        # A mask is filled row by row, which is the order of the gathered ids.
        batch[np.arange(batch.shape[1]) < lengths[:, None]] = self._gather(starts, lengths).ids
        return batch

    def truncated(self, max_length: int) -> TokenIds:
        """Keep the first `max_length` tokens of each text.

        Parameters
        ----------
        max_length : int
            At least 0.

        Returns
        -------
        shortened : TokenIds
            ``self`` where no text is longer.

        Raises
        ------
        ValueError
            If `max_length` is negative.
        """
        if max_length < 0:
            raise ValueError(f"max_length must be at least 0, got {max_length}")
        lengths = self.lengths
        if lengths.max(initial=0) <= max_length:
            return self
        shorter = self._gather(self.offsets[:-1], np.minimum(lengths, max_length))
        return shorter.with_vectors(self.vectors)

    def _locate(self, indices: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        picked: NDArray[Any] = np.asarray(indices)
        if not picked.size:
            # An empty list becomes an array of floats, which cannot index.
            picked = picked.astype(np.int64)
        starts = self.offsets[:-1][picked]
        return starts, self.offsets[1:][picked] - starts

    def _gather(self, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> TokenIds:
        offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        ids = np.empty(offsets[-1], dtype=np.int32)
        for first, last in _ranges(offsets, TOKENS_A_BLOCK):
            low, high = offsets[first], offsets[last]
            shift = np.repeat(starts[first:last] - offsets[first:last], lengths[first:last])
            ids[low:high] = self.ids[np.arange(low, high) + shift]
        return TokenIds(ids, offsets, self.unknown_words)

    def blocks(self, n_tokens: int | None = None) -> Iterator[TokenIds]:
        """The texts in blocks of about this many tokens, without vectors.

        For operations that take memory for each token.
        """
        for first, last in _ranges(self.offsets, n_tokens or TOKENS_A_BLOCK):
            low, high = self.offsets[first], self.offsets[last]
            offsets = self.offsets[first : last + 1] - low
            yield TokenIds(self.ids[low:high], offsets, self.unknown_words)

    def counts(self, n_ids: int) -> NDArray[np.int64]:
        """How often each id occurs, shape (n_ids,); ids from `n_ids` on are left out."""
        found = np.zeros(n_ids, dtype=np.int64)
        for start in range(0, len(self.ids), TOKENS_A_BLOCK):
            some = self.ids[start : start + TOKENS_A_BLOCK]
            found += np.bincount(some, minlength=n_ids)[:n_ids]
        return found

    def renumbered(self, new_ids: NDArray[np.int32], unknown_words: tuple[str, ...]) -> TokenIds:
        """The texts with other ids: ``new_ids[id]`` for each."""
        ids = np.empty_like(self.ids)
        for start in range(0, len(ids), TOKENS_A_BLOCK):
            stop = start + TOKENS_A_BLOCK
            ids[start:stop] = new_ids[self.ids[start:stop]]
        return TokenIds(ids, self.offsets, unknown_words)


def _ranges(offsets: NDArray[np.int64], n_tokens: int) -> Iterator[tuple[int, int]]:
    """Start and stop of blocks of texts with about this many tokens."""
    first, n_texts = 0, len(offsets) - 1
    while first < n_texts:
        last = int(np.searchsorted(offsets, offsets[first] + n_tokens, side="right")) - 1
        last = min(max(last, first + 1), n_texts)
        yield first, last
        first = last
