"""The words of labels, and whether they are known."""

from __future__ import annotations

import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from sklabelemb.learning.task import Task
from sklabelemb.text import Vocabulary, load_vectors

__all__ = [
    "distinct_words",
    "have_vectors",
    "meaning",
    "texts_in_order",
    "warn_about_labels",
]


def texts_in_order(texts: Sequence[str], classes: Any) -> dict[Any, str]:
    """Texts by class, from texts in the order of the classes.

    Raises
    ------
    ValueError
        When there is not one string per class.
    """
    texts = list(texts)
    if len(texts) != len(classes) or not all(isinstance(text, str) for text in texts):
        raise ValueError(
            f"label_texts must hold one string for each of the {len(classes)} classes, in their "
            f"order, but it has {len(texts)} entries."
        )
    return dict(zip(classes, texts, strict=True))


def meaning(words: Sequence[str]) -> tuple[Any, ...]:
    """What the mean of word vectors depends on: the words and their proportions."""
    return tuple(sorted((word, Fraction(n, len(words))) for word, n in Counter(words).items()))


def distinct_words(task: Task, tokenizer: Callable[[str], Sequence[str]]) -> list[list[str]]:
    """The words of each label of a trained task.

    A label without words, or with the same words as another label of the task, could not be
    distinguished; it gets an artificial word with a trained vector.
    """
    words = task.words_of_labels(tokenizer) or [[] for _ in task.label_names]
    kinds = [meaning(some) for some in words]
    number = Counter(kinds)
    return [
        some if some and number[kind] == 1 else [*some, f"<label {label} of task {task.name!r}>"]
        for label, (some, kind) in enumerate(zip(words, kinds, strict=True))
    ]


def warn_about_labels(
    task: Task, tasks: Iterable[Task], vocabulary: Vocabulary, vectors: Any
) -> None:
    """Warn about labels of a task without samples whose scores are meaningless or identical.

    Parameters
    ----------
    task : Task
    tasks : iterable of Task
        All of the model.
    vocabulary : Vocabulary
        With the document frequency of the words that texts had.
    vectors : path, pair, mapping, KeyedVectors or None
        Pretrained vectors.
    """
    known = _known_words(task, tasks, vocabulary, vectors)
    labels = list(zip(task.label_names, task.label_words, strict=True))
    if strange := [label for label, words in labels if known.isdisjoint(words)]:
        warnings.warn(
            f"No word of {_listed(strange)} is known, neither from training nor from vectors: what "
            f"task {task.name!r} says about {'it' if len(strange) == 1 else 'them'} means nothing. "
            "Describe the label in label_texts with more common words, or pass vectors that have "
            "them.",
            UserWarning,
            stacklevel=4,
        )
    alike: dict[tuple[Any, ...], list[Any]] = {}
    for label, words in labels:
        alike.setdefault(meaning(words), []).append(label)
    for mean, same in alike.items():
        if mean and len(same) > 1:
            warnings.warn(
                f"{_listed(same)} of task {task.name!r} have the same words "
                f"({' '.join(word for word, _ in mean)}) and cannot be told apart without samples. "
                "Describe them differently in label_texts.",
                UserWarning,
                stacklevel=4,
            )


def have_vectors(words: Sequence[str], vectors: Any) -> np.ndarray:
    """Which words have a pretrained vector; without a warning if none of them has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return load_vectors(vectors, words)[1]


def _known_words(
    task: Task, tasks: Iterable[Task], vocabulary: Vocabulary, vectors: Any
) -> set[str]:
    """Which words of a task's labels have a meaningful vector."""
    words = {
        word
        for some in task.label_words
        for word in some
        # Letters, numbers and signs such as emoji, but not punctuation.
        if any(unicodedata.category(character)[0] in "LNS" for character in word)
    }
    frequency = vocabulary.document_frequency
    known = {word for word in words if frequency is None or frequency[vocabulary[word]] > 0}
    for other in tasks:
        if other.trained:
            known |= words.intersection(word for some in other.label_words for word in some)
    if vectors is not None and (rest := sorted(words - known)):
        found = have_vectors(rest, vectors)
        known |= {word for word, has in zip(rest, found, strict=True) if has}
    return known


def _listed(labels: Sequence[Any]) -> str:
    shown = ", ".join(repr(label) for label in labels[:5])
    more = f" and {len(labels) - 5} more" if len(labels) > 5 else ""
    return f"{'label' if len(labels) == 1 else 'labels'} {shown}{more}"
