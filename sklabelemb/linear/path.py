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
import torch
from torch import nn

from sklabelemb.linear.ngrams import CharacterTfidf, WordTfidf
from sklabelemb.targets import rearranged
from sklabelemb.text import TokenIds, Vocabulary, WordPieces

__all__ = ["WidePath", "has_few_texts"]

# The weights are dense: for many labels fewer features are kept.
MAX_WEIGHTS = 1 << 26
MAX_WORD_FEATURES = 300_000
MAX_CHARACTER_FEATURES = 200_000
# Under so many texts, or so many of the median label, nothing is left out for being rare: what one
# text has is all that is known of a label that has few.
FEW_TEXTS, FEW_OF_A_LABEL = 100, 16
# From so many labels on, a step moves all weights.
MANY_LABELS = 256
# So does a step of fewer features than this many times the values in its batch.
ROWS_PER_VALUE = 3
HALF = np.float32(math.sqrt(0.5))
BATCH_SIZE = 100
LEARNING_RATE = 10.0
EPOCHS = 8
# A small corpus has few batches an epoch; it goes round until it has had this many steps.
MIN_STEPS = 400


@dataclass(frozen=True)
class WidePath:
    """One linear function of TF-IDF features per label, trained by squared hinge loss.

    The features are words and word pairs in one half, letter groups within words in the other. It
    learns what a linear support vector machine per label does, for all labels at once and in a
    fraction of the time: plain stochastic gradient descent with a step size that falls to zero.

    Attributes
    ----------
    words : WordTfidf
    characters : CharacterTfidf
    weights : float32 ndarray of shape (n_features, n_labels)
        Words first, then letter groups.
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
    ) -> WidePath:
        """Train on some texts; the order of the batches comes from torch's generator.

        Parameters
        ----------
        texts : TokenIds of length n_texts
        targets : csr_matrix of shape (n_texts, n_labels), or int codes of shape (n_texts,)
        vocabulary : Vocabulary or WordPieces
        n_labels : int
        class_weight : ndarray of shape (n_labels,), default=None
            Of each class, or of each label's positives.
        sample_weight : float32 ndarray of shape (n_texts,), default=None

        Raises
        ------
        FloatingPointError
            When the weights are no longer finite.
        """
        start = cls.untrained(texts, targets, vocabulary, n_labels)
        # Most labels are absent from most texts.
        start = replace(start, bias=np.full(n_labels, -1.0, dtype=np.float32))
        n_batches = math.ceil(len(texts) / BATCH_SIZE)
        epochs = max(EPOCHS, math.ceil(MIN_STEPS / n_batches))
        X = start.features(texts, vocabulary)
        return start._trained(X, targets, class_weight, sample_weight, epochs, LEARNING_RATE)

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
        anew: np.ndarray | None = None,
    ) -> WidePath:
        """One more epoch over further texts, with small steps; the features stay the same.

        Labels that have learnt little so far, at the positions `anew`, learn as in a fit.
        """
        X = self.features(texts, vocabulary)
        path = self._trained(X, targets, class_weight, sample_weight, 1, LEARNING_RATE / 10)
        if anew is None:
            return path
        columns = replace(self, weights=self.weights[:, anew], bias=self.bias[anew])
        n_batches = math.ceil(len(texts) / BATCH_SIZE)
        epochs = max(EPOCHS, math.ceil(MIN_STEPS / n_batches))
        own = targets if sp.issparse(targets) else sp.csr_matrix(np.eye(path.n_labels)[targets])
        weight = None if class_weight is None else class_weight[anew]
        own = sp.csr_matrix(own[:, anew], dtype=np.float32)
        learnt = columns._trained(X, own, weight, sample_weight, epochs, LEARNING_RATE)
        path.weights[:, anew], path.bias[anew] = learnt.weights, learnt.bias
        return path

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
        """The path with more labels, for which the n-grams of their texts speak.

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
        features = path.features(texts.take(new), vocabulary).toarray()
        norms = np.linalg.norm(features, axis=1, keepdims=True)
        path.weights[:, labels[new]] = (length * features / np.maximum(norms, 1e-6)).T
        return path

    def _trained(
        self,
        X: sp.csr_matrix,
        targets: sp.csr_matrix | np.ndarray,
        class_weight: np.ndarray | None,
        sample_weight: np.ndarray | None,
        epochs: int,
        learning_rate: float,
    ) -> WidePath:
        n_features, n_labels = self.weights.shape
        ones = np.ones(n_labels) if class_weight is None else class_weight
        weight = torch.from_numpy(np.asarray(ones, dtype=np.float32))
        table = nn.EmbeddingBag(max(1, n_features), n_labels, mode="sum")
        weights = table.weight
        with torch.no_grad():
            weights[:n_features] = torch.from_numpy(self.weights)
        bias = nn.Parameter(torch.from_numpy(self.bias.copy()))
        rates = _stable_rates(X, ones, sp.issparse(targets)).clip(max=learning_rate)
        rate = float(rates.max())
        # A label of large weight takes smaller steps, and no other label does.
        scale = None
        if rates.min() < rate:
            scale = torch.from_numpy((rates / rate).astype(np.float32))
        optimizers = [torch.optim.SGD([weights], lr=rate), torch.optim.Adam([bias], lr=0.005)]
        n_batches = math.ceil(X.shape[0] / BATCH_SIZE)
        schedules = [
            torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.0, total_iters=epochs * n_batches)
            for o in optimizers
        ]
        for _ in range(epochs):
            for members in torch.randperm(X.shape[0]).split(BATCH_SIZE):
                indices = members.numpy()
                batch = X[indices]
                present = _present(targets, indices, n_labels)
                sign = 2 * present - 1
                with torch.no_grad():
                    short = torch.relu(1 - (_scores(table, batch) + bias) * sign)
                    # Of the squared hinge, by the scores.
                    gradient = -2 / len(indices) * short * sign
                    weights_now = _weights_of(weight, present, sp.issparse(targets))
                    if sample_weight is not None:
                        own = torch.from_numpy(sample_weight[indices]).unsqueeze(1)
                        weights_now = weights_now * own
                    gradient *= weights_now
                bias.grad = gradient.sum(dim=0)
                if scale is not None:
                    gradient *= scale
                weights.grad = _weight_gradient(weights, batch, gradient)
                for optimizer, schedule in zip(optimizers, schedules, strict=True):
                    optimizer.step()
                    schedule.step()
        learnt = weights.detach().numpy()[:n_features]
        if not np.isfinite(learnt).all():
            raise FloatingPointError(
                "Training of the wide path diverged. Check sample_weight and class_weight for huge "
                "values, or use wide=False."
            )
        return WidePath(self.words, self.characters, learnt, bias.detach().numpy())

    def features(self, texts: TokenIds, vocabulary: Vocabulary | WordPieces) -> sp.csr_matrix:
        """TF-IDF features, each half of length ``sqrt(0.5)``."""
        halves = [self.words.transform(texts), self.characters.transform(texts, vocabulary)]
        return HALF * sp.hstack(halves, format="csr", dtype=np.float32)

    def scores(self, texts: TokenIds, vocabulary: Vocabulary | WordPieces) -> np.ndarray:
        """Scores of the labels, float32 of shape ``(n_texts, n_labels)``; positive for present."""
        return self.features(texts, vocabulary) @ self.weights + self.bias

    def contributions(self, texts: TokenIds, vocabulary: Vocabulary | WordPieces) -> np.ndarray:
        """What every token adds to every score, float32 of shape ``(n_tokens, n_labels)``.

        A feature's part is divided among the tokens that it comes from; with the bias they sum to
        :meth:`scores`.
        """
        halves = [self.words.shares(texts), self.characters.shares(texts, vocabulary)]
        return HALF * sp.hstack(halves, format="csr", dtype=np.float32) @ self.weights


def has_few_texts(targets: Iterable[sp.csr_matrix | np.ndarray]) -> bool:
    """Whether texts are so few, in all or of the median label, that no word is too rare.

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
    # Labels without a text are no reason to keep what is rare.
    median = np.median(found[found > 0]) if found.any() else 0
    return bool(n_texts < FEW_TEXTS or median < FEW_OF_A_LABEL)


def _scores(table: nn.EmbeddingBag, X: sp.csr_matrix) -> torch.Tensor:
    return table(
        torch.from_numpy(X.indices.astype(np.int64)),
        torch.from_numpy(X.indptr[:-1].astype(np.int64)),
        per_sample_weights=torch.from_numpy(X.data),
    )


def _weight_gradient(
    weights: torch.Tensor, batch: sp.csr_matrix, gradient: torch.Tensor
) -> torch.Tensor:
    """Return ``batch.T @ gradient``, sparse where there are few labels and many features."""
    # Adding up a sparse gradient costs a row of the table more than going through it does.
    many = weights.shape[0] > ROWS_PER_VALUE * batch.nnz
    if many and weights.shape[1] < MANY_LABELS:
        rows = torch.from_numpy(np.repeat(np.arange(batch.shape[0]), np.diff(batch.indptr)))
        values = torch.from_numpy(batch.data).unsqueeze(1) * gradient[rows]
        places = torch.from_numpy(batch.indices.astype(np.int64)).unsqueeze(0)
        return torch.sparse_coo_tensor(places, values, weights.shape, check_invariants=False)
    # The weights are no more than MAX_WEIGHTS, while the values above, one for every label and
    # every feature of every text, would be gigabytes.
    product = torch.from_numpy(batch.T @ gradient.numpy())
    return product if len(product) else torch.zeros_like(weights)


def _present(
    targets: sp.csr_matrix | np.ndarray, indices: np.ndarray, n_labels: int
) -> torch.Tensor:
    """1 for the labels that a text carries, 0 for the others."""
    if sp.issparse(targets):
        return torch.from_numpy(targets[indices].toarray())
    return nn.functional.one_hot(torch.from_numpy(targets[indices]), n_labels).float()


def _weights_of(weight: torch.Tensor, present: torch.Tensor, multilabel: bool) -> torch.Tensor:
    """Weight of every text and label in the loss."""
    if multilabel:
        return torch.where(present > 0, weight, 1.0)
    # Of a single class: that of the text's own class, for all of its scores.
    return (present * weight).sum(dim=1, keepdim=True)


def _stable_rates(X: sp.csr_matrix, weights: np.ndarray, multilabel: bool) -> np.ndarray:
    """Largest step size of each label that is safe, where texts are alike or weights are large.

    Gradient descent on squared hinge is stable while the step is below the inverse of the largest
    eigenvalue of ``X.T X / n``, which is small unless the texts share most of their words; and a
    single text of large weight must not overshoot. The weight of a label's positives counts for
    that label alone; that of a class, for all scores of its texts.
    """
    direction = np.asarray(X.mean(axis=0)).ravel()
    largest = 0.0
    for _ in range(5):
        direction /= max(float(np.linalg.norm(direction)), 1e-12)
        direction = X.T @ (X @ direction) / X.shape[0]
        largest = float(np.linalg.norm(direction))
    stable = 0.7 / max(largest, 1e-12)
    # Negatives weigh 1.
    weights = np.maximum(weights, 1.0) if multilabel else np.full(len(weights), weights.max())
    # Weighted positives of a rare label are alike, but they are never all of the texts.
    crowding = np.clip(weights, 1.0, 5.0)
    rates: np.ndarray = np.minimum(stable / crowding, BATCH_SIZE / (2 * weights))
    return rates
