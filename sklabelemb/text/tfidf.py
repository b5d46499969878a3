"""The default vectorizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer

__all__ = ["default_tfidf", "fitted_tfidf"]


def default_tfidf(min_df: int = 2, **options: Any) -> TfidfVectorizer:
    """TF-IDF of words and word pairs, term frequencies by their logarithm.

    Parameters
    ----------
    min_df : int, default=2
        Terms in fewer texts are left out.
    **options : dict
        Other parameters of the vectorizer.
    """
    return TfidfVectorizer(
        **{"ngram_range": (1, 2), "sublinear_tf": True, **options}, min_df=min_df
    )


def fitted_tfidf(documents: Sequence[str], **options: Any) -> tuple[TfidfVectorizer, Any]:
    """Fit the vectorizer and transform the texts; if no term occurs twice, rare ones are kept.

    Parameters
    ----------
    documents : list of str
    **options : dict
        See :func:`default_tfidf`.

    Returns
    -------
    vectorizer : TfidfVectorizer
    features : csr_matrix of shape (n_documents, n_features)

    Raises
    ------
    ValueError
        When the texts do not contain a single word.
    """
    for min_df in (2, 1):
        vectorizer = default_tfidf(min_df, **options)
        try:
            return vectorizer, vectorizer.fit_transform(documents)
        except ValueError as error:
            reason = error
    raise ValueError(
        "X holds no word to learn from: every text is empty or made of single letters and "
        "signs. Check the texts, or pass a vectorizer that sees what is in them, for instance "
        "TfidfVectorizer(analyzer='char')."
    ) from reason
