"""The wide path: a linear model over TF-IDF features beside a network.

A network reads words in context and forgets rare ones; a linear model over n-grams is the reverse.
Trained on a common loss the wide path takes over what the network should learn (measured: worse
than either), so each has its own loss and a small regression on held-out texts weighs their scores.
The idea of a wide path is that of Cheng et al. (2016), "Wide & Deep Learning for Recommender
Systems".
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from sklabelemb.linear.descent import BATCH_SIZE, descend
from sklabelemb.linear.features import MANY_TOKENS, FeaturesOnDemand
from sklabelemb.linear.ngrams import CharacterTfidf, WordTfidf, tfidf
from sklabelemb.targets import rearranged
from sklabelemb.text import TokenIds, Vocabulary, WordPieces

__all__ = ["WidePath", "has_few_texts"]

# The weights are dense: for many labels fewer features are kept.
MAX_WEIGHTS = 1 << 26
MAX_WORD_FEATURES = 300_000
MAX_CHARACTER_FEATURES = 200_000
# Below this many texts, or this many of the median label, rare features are kept: a single text may
# be all that is known about a rare label.
FEW_TEXTS, FEW_OF_A_LABEL = 100, 16
HALF = np.float32(math.sqrt(0.5))
TOKENS_A_BLOCK = 1 << 16
LEARNING_RATE = 10.0
# Epochs make this many steps, within these bounds. The distance that weights travel regularises
# them: if the fewest epochs exceed this number of steps, each step is shorter.
STEPS, FEWEST_EPOCHS, MOST_EPOCHS = 800, 2, 8
# The same, for texts most of which were trained on before.
STEPS_AGAIN, MOST_AGAIN = 300, 4
# Initial norm of a label's weights, which point to the features of its text. A larger norm found
# still more rare labels (reuters21578), but was corrected too little with few texts.
LABEL_TEXT = 2.0
# A small corpus has few batches per epoch, so it repeats until it has had this many steps.
MIN_STEPS = 400


@dataclass(frozen=True)
class WidePath:
    """One linear function of TF-IDF features per label, trained by squared hinge loss.

    Half of the features are words and word pairs, half character n-grams within words. It
    learns much the same as a linear support vector machine per label, but for all labels at once
    and in a fraction of the time, by plain stochastic gradient descent with a step size that falls
    to zero.
    Weights start at the features of the labels' texts (:meth:`begun`), where labels have any.

    Attributes
    ----------
    words : WordTfidf
    characters : CharacterTfidf
    weights : float32 ndarray of shape (n_features, n_labels)
        Words first, then character n-grams.
    bias : float32 ndarray of shape (n_labels,)
    """

    words: WordTfidf
    characters: CharacterTfidf
    weights: np.ndarray
    bias: np.ndarray

    @classmethod
    def fit(
        cls,
        texts: TokenIds,
        targets: sp.csr_matrix | np.ndarray,
        vocabulary: Vocabulary | WordPieces,
        n_labels: int,
        class_weight: np.ndarray | None = None,
        sample_weight: np.ndarray | None = None,
        seed: int = 0,
    ) -> WidePath:
        """Train on some texts.

        Parameters
        ----------
        texts : TokenIds of length n_texts
        targets : csr_matrix of shape (n_texts, n_labels), or int codes of shape (n_texts,)
        vocabulary : Vocabulary or WordPieces
        n_labels : int
        class_weight : ndarray of shape (n_labels,), default=None
            Of each class, or of each label's positives.
        sample_weight : float32 ndarray of shape (n_texts,), default=None
        seed : int, default=0
            The order of the batches.

        Raises
        ------
        FloatingPointError
            When the weights are no longer finite.
        """
        start = cls.untrained(texts, targets, vocabulary, n_labels)
        X = start.features(texts, vocabulary)
        return start.trained(X, targets, class_weight, sample_weight, seed)

    def trained(
        self,
        X: sp.csr_matrix | FeaturesOnDemand,
        targets: sp.csr_matrix | np.ndarray,
        class_weight: np.ndarray | None = None,
        sample_weight: np.ndarray | None = None,
        seed: int = 0,
        *,
        again: bool = False,
        verbose: bool = False,
    ) -> WidePath:
        """The path after training on the :meth:`features` of some texts.

        Parameters
        ----------
        X : csr_matrix or FeaturesOnDemand, shape (n_texts, n_features)
        targets, class_weight, sample_weight, seed
            As in :meth:`fit`.
        again : bool, default=False
            Whether most of these texts were trained on before, so that fewer epochs are enough.
        verbose : bool, default=False
            Whether to show a progress bar.
        """
        if again:
            epochs, rate = _schedule(X.shape[0], STEPS_AGAIN, 1, MOST_AGAIN)
            return self._after(X, targets, class_weight, sample_weight, seed, epochs, rate, verbose)
        epochs, rate = _first_schedule(X.shape[0])
        # Most labels are absent from most texts.
        start = replace(self, bias=np.full(self.n_labels, -1.0, dtype=np.float32))
        return start._after(X, targets, class_weight, sample_weight, seed, epochs, rate, verbose)

    @classmethod
    def untrained(
        cls,
        texts: TokenIds,
        targets: sp.csr_matrix | np.ndarray,
        vocabulary: Vocabulary | WordPieces,
        n_labels: int,
    ) -> WidePath:
        """The features of some texts, with weights of zero."""
        few = has_few_texts([targets])
        room = MAX_WEIGHTS // n_labels
        words = WordTfidf.fit(
            texts,
            len(vocabulary),
            min_df=1 if few else 2,
            max_features=min(MAX_WORD_FEATURES, room // 2),
        )
        characters = CharacterTfidf.fit(
            texts,
            vocabulary,
            min_df=1 if few else 5,
            max_features=min(MAX_CHARACTER_FEATURES, room // 2),
        )
        n_features = words.n_features + characters.n_features
        weights = np.zeros((n_features, n_labels), dtype=np.float32)
        return cls(words, characters, weights, np.zeros(n_labels, dtype=np.float32))

    def updated(
        self,
        texts: TokenIds,
        targets: sp.csr_matrix | np.ndarray,
        vocabulary: Vocabulary | WordPieces,
        class_weight: np.ndarray | None = None,
        sample_weight: np.ndarray | None = None,
        seed: int = 0,
        anew: np.ndarray | None = None,
    ) -> WidePath:
        """One more epoch over further texts, with small steps; the features stay the same.

        Labels with little training so far, at the positions `anew`, are trained as in a fit.
        """
        X = self.features(texts, vocabulary)
        rate = LEARNING_RATE / 10
        path = self._after(X, targets, class_weight, sample_weight, seed, 1, rate)
        if anew is None:
            return path
        own: sp.csr_matrix = targets if sp.issparse(targets) else _one_hot(targets, self.n_labels)
        own = sp.csr_matrix(own[:, anew], dtype=np.float32)
        weight = None if class_weight is None else class_weight[anew]
        columns = replace(self, weights=self.weights[:, anew], bias=self.bias[anew])
        found = columns._after(X, own, weight, sample_weight, seed, *_first_schedule(len(texts)))
        path.weights[:, anew], path.bias[anew] = found.weights, found.bias
        return path

    @property
    def n_features(self) -> int:
        """Number of n-grams."""
        return len(self.weights)

    @property
    def n_labels(self) -> int:
        """Number of labels."""
        return len(self.bias)

    def with_columns(self, order: np.ndarray, bias: float = 0.0) -> WidePath:
        """The path with more labels, whose weights are zero.

        Parameters
        ----------
        order : int ndarray of shape (n_labels,)
            Where each label stood before; -1 for new ones.
        bias : float, default=0.0
            That of new ones.
        """
        return replace(
            self,
            weights=rearranged(self.weights, order),
            bias=rearranged(self.bias, order, np.float32(bias)),
        )

    def with_labels(
        self,
        order: np.ndarray,
        labels: np.ndarray,
        texts: TokenIds,
        vocabulary: Vocabulary | WordPieces,
    ) -> WidePath:
        """The path with additional labels, scored by the n-grams of their texts.

        The weights of a new label are the features of its text, as long as those of other labels
        are in the median; they have no fewer or more n-grams to go by than these.

        Parameters
        ----------
        order : int ndarray of shape (n_labels,)
            Where each label stood before; -1 for new ones.
        labels : int ndarray of shape (n_texts,)
            Labels that have a text.
        texts : TokenIds of length n_texts
        vocabulary : Vocabulary or WordPieces
        """
        path = self.with_columns(order, float(np.median(self.bias)))
        length = float(np.median(np.linalg.norm(self.weights, axis=0)))
        new = np.flatnonzero(order[labels] < 0)
        return path.begun(labels[new], texts.take(new), vocabulary, length)

    def begun(
        self,
        labels: np.ndarray,
        texts: TokenIds,
        vocabulary: Vocabulary | WordPieces,
        length: float = LABEL_TEXT,
    ) -> WidePath:
        """The path with the features of the texts of some labels as their weights.

        Parameters
        ----------
        labels : int ndarray of shape (n_texts,)
        texts : TokenIds of length n_texts
        vocabulary : Vocabulary or WordPieces
        length : float, default=2.0
            Norm of the weights of each.
        """
        # Kept sparse: dense features would take as much memory as the weights, several times over.
        features = self.features(texts, vocabulary).tocoo()
        squares = np.bincount(features.row, features.data**2, minlength=len(labels))
        scale = (length / np.maximum(np.sqrt(squares), 1e-6)).astype(np.float32)
        weights = self.weights.copy()
        weights[:, labels] = 0
        weights[features.col, labels[features.row]] = scale[features.row] * features.data
        return replace(self, weights=weights)

    def _after(
        self,
        X: sp.csr_matrix | FeaturesOnDemand,
        targets: sp.csr_matrix | np.ndarray,
        class_weight: np.ndarray | None,
        sample_weight: np.ndarray | None,
        seed: int,
        epochs: int,
        learning_rate: float,
        verbose: bool = False,
    ) -> WidePath:
        weights, bias = descend(
            X,
            targets,
            self.weights,
            self.bias,
            epochs=epochs,
            learning_rate=learning_rate,
            class_weight=class_weight,
            sample_weight=sample_weight,
            seed=seed,
            verbose=verbose,
        )
        if not np.isfinite(weights).all():
            raise FloatingPointError(
                "Training of the wide path diverged. Check sample_weight and class_weight for huge "
                "values, or use wide=False."
            )
        return replace(self, weights=weights, bias=bias)

    def features(self, texts: TokenIds, vocabulary: Vocabulary | WordPieces) -> sp.csr_matrix:
        """TF-IDF features, each half of length ``sqrt(0.5)``."""
        # Some texts at a time: each occurrence of a feature takes memory of its own until counted.
        blocks = [self._features(some, vocabulary) for some in texts.blocks(TOKENS_A_BLOCK)]
        if not blocks:
            return sp.csr_matrix((0, self.n_features), dtype=np.float32)
        return blocks[0] if len(blocks) == 1 else sp.vstack(blocks, format="csr")

    def features_or_later(
        self, texts: TokenIds, vocabulary: Vocabulary | WordPieces
    ) -> sp.csr_matrix | FeaturesOnDemand:
        """The features; computed on demand if they would take gigabytes."""
        if len(texts.ids) < MANY_TOKENS:
            return self.features(texts, vocabulary)
        return FeaturesOnDemand(self, texts, vocabulary, np.arange(len(texts)))

    def _features(self, texts: TokenIds, vocabulary: Vocabulary | WordPieces) -> sp.csr_matrix:
        of_words, rows, _ = self.words.occurrences(texts)
        of_letters, more, _ = self.characters.occurrences(texts, vocabulary)
        X = tfidf(
            np.concatenate([rows, more]),
            np.concatenate([of_words, of_letters + self.words.n_features]),
            len(texts),
            [self.words.idf, self.characters.idf],
        )
        X.data *= HALF
        return X

    def scores(self, texts: TokenIds, vocabulary: Vocabulary | WordPieces) -> np.ndarray:
        """Scores of the labels, float32 of shape ``(n_texts, n_labels)``; positive for present."""
        scores = [
            self._features(some, vocabulary) @ self.weights + self.bias
            for some in texts.blocks(TOKENS_A_BLOCK)
        ]
        if not scores:
            return np.empty((0, self.n_labels), dtype=np.float32)
        return scores[0] if len(scores) == 1 else np.concatenate(scores)

    def contributions(self, texts: TokenIds, vocabulary: Vocabulary | WordPieces) -> np.ndarray:
        """What every token adds to every score, float32 of shape ``(n_tokens, n_labels)``.

        A feature's part is divided among the tokens that it comes from; with the bias they sum to
        :meth:`scores`.
        """
        halves = [self.words.shares(texts), self.characters.shares(texts, vocabulary)]
        return HALF * sp.hstack(halves, format="csr", dtype=np.float32) @ self.weights


def has_few_texts(targets: Iterable[sp.csr_matrix | np.ndarray]) -> bool:
    """Whether texts are so few, in total or for the median label, that all words are kept.

    Parameters
    ----------
    targets : iterable of csr_matrix, or of int codes
        Of one task or several.
    """
    n_texts, counts = 0, []
    for some in targets:
        n_texts += some.shape[0]
        if sp.issparse(some):
            counts.append(np.asarray((some != 0).sum(axis=0)).ravel())
        else:
            counts.append(np.bincount(some))
    found = np.concatenate(counts)
    # Labels without texts are no reason to keep rare words.
    median = np.median(found[found > 0]) if found.any() else 0
    return bool(n_texts < FEW_TEXTS or median < FEW_OF_A_LABEL)


def _first_schedule(n_texts: int) -> tuple[int, float]:
    """Epochs and step size of a fit."""
    epochs, rate = _schedule(n_texts, STEPS, FEWEST_EPOCHS, MOST_EPOCHS)
    return max(epochs, math.ceil(MIN_STEPS / math.ceil(n_texts / BATCH_SIZE))), rate


def _schedule(n_texts: int, steps: int, fewest: int, most: int) -> tuple[int, float]:
    """Epochs for about this many steps, within bounds, and the step size."""
    n_batches = math.ceil(n_texts / BATCH_SIZE)
    epochs = min(max(math.ceil(steps / n_batches), fewest), most)
    return epochs, LEARNING_RATE * min(1.0, steps / (epochs * n_batches))


def _one_hot(codes: np.ndarray, n_labels: int) -> sp.csr_matrix:
    ones = np.ones(len(codes), dtype=np.float32)
    return sp.csr_matrix((ones, (np.arange(len(codes)), codes)), shape=(len(codes), n_labels))
