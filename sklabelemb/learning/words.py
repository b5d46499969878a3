"""The training texts, read once: their words, and their token ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from sklabelemb.learning.settings import Settings
from sklabelemb.text import TokenIds, Vocabulary

__all__ = ["read_words"]


def read_words(
    settings: Settings,
    documents: Sequence[str],
    known: Vocabulary | None,
    trained_on: np.ndarray | None,
    further_words: Iterable[str] = (),
    few_texts: bool = False,
) -> tuple[Vocabulary, TokenIds]:
    """Tokenise the texts, once, and learn (or extend) a vocabulary.

    Parameters
    ----------
    settings : Settings
    documents : sequence of str
    known : Vocabulary, default=None
        That of a previous fit, whose ids stay.
    trained_on : bool ndarray of shape (n_documents,), or None
        Words that occur only in held-out texts are unknown, as they would be at prediction time.
        None: all texts are trained on.
    further_words : iterable of str, default=()
        Words that get a row each, whether or not a text has them.
    few_texts : bool, default=False
        Whether texts are so few that the usual `min_df` is 1.

    Returns
    -------
    vocabulary : Vocabulary
    token_ids : TokenIds
        Ignored words keep their letters, for character n-grams.
    """
    vocabulary, token_ids = Vocabulary.build(
        documents,
        settings.text_tokenizer,
        max_features=settings.max_features,
        # Pruning that removes typing mistakes from a corpus would remove nearly all words of a few
        # texts.
        min_df=1 if few_texts and settings.min_df == 2 else settings.min_df,
        max_length=settings.max_length,
        keep_unknown=True,
    )
    if trained_on is not None:
        vocabulary, token_ids = _without_unseen(vocabulary, token_ids, trained_on)
    further_words = tuple(further_words)
    if known is None and not further_words:
        return vocabulary, token_ids
    words = known.including(vocabulary) if known is not None else vocabulary
    return renumbered(words.extended(further_words), vocabulary, token_ids)


def renumbered(
    known: Vocabulary, vocabulary: Vocabulary, token_ids: TokenIds
) -> tuple[Vocabulary, TokenIds]:
    """The texts by the ids of a vocabulary that has all words of theirs, and perhaps more.

    Parameters
    ----------
    known : Vocabulary
    vocabulary : Vocabulary
        The one that the texts are encoded with.
    token_ids : TokenIds
        With the unknown words kept apart; some of them may be known.
    """
    spelling = [*vocabulary.words, *token_ids.unknown_words]
    missing = [word for word in spelling if word not in known]
    unknown = {word: len(known) + i for i, word in enumerate(missing)}
    ids = [0, 1, *(unknown.get(word) or known.id(word) for word in spelling)]
    new_ids = np.array(ids, dtype=token_ids.ids.dtype)
    return known, token_ids.renumbered(new_ids, tuple(unknown))


def _without_unseen(
    vocabulary: Vocabulary, token_ids: TokenIds, trained_on: np.ndarray
) -> tuple[Vocabulary, TokenIds]:
    """Leave out the words that no training text has."""
    seen = token_ids.take(trained_on).counts(len(vocabulary))[2:] > 0
    if seen.all():
        return vocabulary, token_ids
    frequency = vocabulary.document_frequency
    assert frequency is not None
    words = (word for word, kept in zip(vocabulary.words, seen, strict=True) if kept)
    smaller = Vocabulary(words, frequency[np.concatenate([[True, True], seen])])
    return renumbered(smaller, vocabulary, token_ids)
