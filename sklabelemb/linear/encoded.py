"""The encoder path: a linear model over the vectors of a frozen encoder, beside a network.

A pretrained encoder knows what words mean before a label has a single text, and it embeds label
texts like any other. So the weights of a label are shrunk towards the vector of its text (a
Gaussian prior with that mean instead of zero), and the text of a label is also a sample of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import expit, logit, logsumexp, softmax

from sklabelemb.linear.path import WidePath
from sklabelemb.targets import rearranged
from sklabelemb.text import TokenIds, Vocabulary, WordPieces

__all__ = ["EncoderPath", "LabelTexts", "is_joint"]

# Up to this many texts, n-grams and vectors form one model, solved in the space that the texts
# span; with more, separate paths with mixed scores are as good and cost less.
MOST_JOINT, MOST_MOVES = 3000, 1 << 21
# Length of the n-grams beside vectors of length 1; half of it with this few texts, which cannot
# show which n-grams are informative.
NGRAMS, FEWEST = 0.6, 4
# How far weights may move from their prior mean: the C of a support vector machine.
C_OF_CLASSES, C_OF_LABEL_SETS = 10.0, 3.0
# How much higher the text of a label scores for this label than for others; more without any
# samples, so that probabilities are not all alike.
PRIOR, ZERO_SHOT = 4.5, 12.0
# Numbers of texts times labels that are computed at a time.
BLOCK = 1 << 22
MOST_STEPS = 200


@dataclass(frozen=True)
class LabelTexts:
    """The texts of the labels, read as other texts are.

    Attributes
    ----------
    labels : int64 ndarray of shape (n_texts,)
        Which label each text belongs to; some labels may have none.
    token_ids : TokenIds of length n_texts
        With vectors, where there is an encoder.
    """

    labels: np.ndarray
    token_ids: TokenIds


@dataclass(frozen=True)
class EncoderPath:
    """One linear function of a frozen encoder's vector of the text per label.

    It is logistic regression (multinomial for single classes) with a quadratic penalty on how far
    the weights are from the vectors of the label texts. With up to 3,000 texts it has TF-IDF
    n-grams beside the vectors, and then needs no other linear model.

    Attributes
    ----------
    weights : float32 ndarray of shape (dim, n_labels)
    bias : float32 ndarray of shape (n_labels,)
    ngrams : WidePath or None
        The weights of the n-grams, if they were trained as well; without a bias.
    scale : float
        What vectors are multiplied with, so that they have a length of about 1.
    """

    weights: np.ndarray
    bias: np.ndarray
    ngrams: WidePath | None = None
    scale: float = 1.0

    @classmethod
    def fit(
        cls,
        texts: TokenIds,
        targets: sp.csr_matrix | np.ndarray,
        vocabulary: Vocabulary | WordPieces,
        n_labels: int,
        class_weight: np.ndarray | None = None,
        sample_weight: np.ndarray | None = None,
        *,
        label_texts: LabelTexts | None = None,
        joint: bool = True,
    ) -> EncoderPath:
        """Train on some texts.

        Parameters
        ----------
        texts : TokenIds of length n_texts
            With vectors.
        targets : csr_matrix of shape (n_texts, n_labels), or int codes of shape (n_texts,)
        vocabulary : Vocabulary or WordPieces
        n_labels : int
        class_weight : ndarray of shape (n_labels,), default=None
            Of each class, or of each label's positives.
        sample_weight : float32 ndarray of shape (n_texts,), default=None
        label_texts : LabelTexts, default=None
            None: weights are shrunk towards zero.
        joint : bool, default=True
            Whether to learn weights of n-grams too, as :func:`is_joint` says of all texts.
        """
        assert texts.vectors is not None
        dim = texts.vectors.shape[1]
        bias = np.zeros(n_labels)
        if sp.issparse(targets):
            share = (np.asarray(targets.sum(axis=0)).ravel() + 0.5) / (len(texts) + 1)
            bias = logit(share)
        ngrams = None
        if joint:
            ngrams = WidePath.untrained(texts, targets, vocabulary, n_labels)
        scale = _scale(texts.vectors)
        start = cls(np.zeros((dim, n_labels), dtype=np.float32), bias, ngrams, scale)
        if label_texts is None:
            return start._trained(texts, targets, vocabulary, class_weight, sample_weight)
        own = label_texts.token_ids
        assert own.vectors is not None
        start = start._drawn(label_texts, PRIOR, vocabulary)
        codes: Any = label_texts.labels
        if sp.issparse(targets):
            ones = np.ones(len(own), dtype=np.float32)
            places = (ones, (np.arange(len(own)), codes))
            codes = sp.csr_matrix(places, shape=(len(own), n_labels))
            both = sp.vstack([targets, codes], format="csr")
        else:
            both = np.concatenate([targets, codes])
        if sample_weight is not None:
            # The weights of texts are 1 on average.
            sample_weight = np.concatenate([sample_weight, np.ones(len(own), np.float32)])
        return start._trained(texts, both, vocabulary, class_weight, sample_weight, own)

    @classmethod
    def of_label_texts(
        cls, label_texts: LabelTexts, n_labels: int, multilabel: bool
    ) -> EncoderPath:
        """Zero-shot scores of labels: the similarity of their texts to a text.

        Labels are ranked by similarity; the spread of the probabilities follows from the distances
        between the labels' vectors.
        """
        own = label_texts.token_ids.vectors
        assert own is not None
        # Assume that a text has one of many labels.
        bias = np.full(n_labels, logit(1 / max(2, n_labels)) if multilabel else 0.0, np.float32)
        weights = np.zeros((own.shape[1], n_labels), dtype=np.float32)
        return cls(weights, bias, None, _scale(own))._drawn(label_texts, ZERO_SHOT, None)

    def with_labels(
        self, order: np.ndarray, label_texts: LabelTexts, multilabel: bool, vocabulary: Any
    ) -> EncoderPath:
        """The path with more labels, which are known by their texts; others stay as they are.

        Parameters
        ----------
        order : int ndarray of shape (n_labels,)
            Where each label stood before; -1 for new ones.
        label_texts : LabelTexts
            Of all labels that have one.
        multilabel : bool
        vocabulary : Vocabulary or WordPieces
        """
        first = logit(1 / max(2, len(order))) if multilabel else float(np.mean(self.bias))
        path = replace(
            self,
            weights=rearranged(self.weights, order),
            bias=rearranged(self.bias, order, np.float32(first)),
            ngrams=None if self.ngrams is None else self.ngrams.with_columns(order),
        )
        return path._drawn(label_texts, ZERO_SHOT, vocabulary, only=order < 0)

    def _drawn(
        self,
        label_texts: LabelTexts,
        strength: float,
        vocabulary: Any,
        only: np.ndarray | None = None,
    ) -> EncoderPath:
        """The path with weights moved to the vectors of the label texts.

        What all label texts have in common does not distinguish labels, so it is subtracted. Moves
        the weights of all labels, or of `only` some.
        """
        own, labels = label_texts.token_ids, label_texts.labels
        vectors, ngrams = self._features(own, vocabulary)
        alike = vectors @ vectors.T
        if ngrams is not None:
            alike = alike + (ngrams @ ngrams.T).toarray()
        n_texts = len(own)
        others = (alike.sum(axis=1) - alike.diagonal()) / max(1, n_texts - 1)
        apart = float(np.mean(alike.diagonal() - others))
        towards = np.zeros((n_texts, self.weights.shape[1]))
        towards[np.arange(n_texts), labels] = 1.0
        towards[:, labels] -= 1.0 / n_texts
        if only is not None:
            towards[:, ~only] = 0.0
        return self._moved_by(vectors, ngrams, towards * strength / max(apart, 0.1))

    def updated(
        self,
        texts: TokenIds,
        targets: sp.csr_matrix | np.ndarray,
        vocabulary: Vocabulary | WordPieces,
        class_weight: np.ndarray | None = None,
        sample_weight: np.ndarray | None = None,
    ) -> EncoderPath:
        """Train on further texts, shrunk towards the current weights; the features stay the same.

        Too many texts for one model come in portions, each shrunk towards the weights before it.
        """
        path, n_texts = self, len(texts)
        portion = n_texts if self.ngrams is None else MOST_JOINT
        for start in range(0, n_texts, portion):
            some = np.arange(start, min(start + portion, n_texts))
            weight = None if sample_weight is None else sample_weight[some]
            path = path._trained(texts.take(some), targets[some], vocabulary, class_weight, weight)
        return path

    def scores(self, texts: TokenIds, vocabulary: Vocabulary | WordPieces) -> np.ndarray:
        """Scores of the labels, float32 of shape ``(n_texts, n_labels)``: logits of its own."""
        scores = self.meaning(texts) + self.bias
        if self.ngrams is not None:
            scores += self.ngrams.scores(texts, vocabulary)
        return np.asarray(scores, dtype=np.float32)

    def meaning(self, texts: TokenIds) -> np.ndarray:
        """What the vectors of whole texts add to the scores, shape ``(n_texts, n_labels)``."""
        assert texts.vectors is not None
        return np.asarray(self.scale * texts.vectors @ self.weights)

    def contributions(self, texts: TokenIds, vocabulary: Vocabulary | WordPieces) -> np.ndarray:
        """What every token adds to every score by its n-grams; zero where there are none."""
        if self.ngrams is None:
            return np.zeros((len(texts.ids), self.weights.shape[1]), dtype=np.float32)
        return self.ngrams.contributions(texts, vocabulary)

    def _trained(
        self,
        texts: TokenIds,
        targets: sp.csr_matrix | np.ndarray,
        vocabulary: Vocabulary | WordPieces,
        class_weight: np.ndarray | None,
        sample_weight: np.ndarray | None,
        label_texts: TokenIds | None = None,
    ) -> EncoderPath:
        from scipy.linalg import cholesky, solve_triangular

        vectors, ngrams = self._features(texts, vocabulary)
        start = self.scores(texts, vocabulary)
        if label_texts is not None:
            more = self._features(label_texts, vocabulary)
            vectors = np.concatenate([vectors, more[0]])
            ngrams = None if ngrams is None else sp.vstack([ngrams, more[1]], format="csr")
            start = np.concatenate([start, self.scores(label_texts, vocabulary)])
        multilabel = sp.issparse(targets)
        loss = _Loss(targets, class_weight, sample_weight, self.weights.shape[1])
        C = C_OF_LABEL_SETS if multilabel else C_OF_CLASSES
        if len(vectors) > vectors.shape[1] and ngrams is None:
            found, bias = _solved(vectors, start, loss, C)
            return replace(
                self,
                weights=self.weights + found.astype(np.float32),
                bias=(self.bias + bias).astype(np.float32),
            )
        # With fewer texts than features, weights only move within the span of the texts.
        gram = vectors.astype(np.float64) @ vectors.T
        if ngrams is not None:
            gram += (ngrams @ ngrams.T).toarray()
        gram[np.diag_indices_from(gram)] += 1e-6 * max(1.0, gram.diagonal().mean())
        root = cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
        found, bias = _solved(root, start, loss, C)
        moves = solve_triangular(root.T, found, lower=False, check_finite=False)
        moved = self._moved_by(vectors, ngrams, moves)
        return replace(moved, bias=(self.bias + bias).astype(np.float32))

    def _features(
        self, texts: TokenIds, vocabulary: Vocabulary | WordPieces
    ) -> tuple[np.ndarray, sp.csr_matrix | None]:
        assert texts.vectors is not None
        vectors = np.asarray(self.scale * texts.vectors)
        if self.ngrams is None:
            return vectors, None
        return vectors, self._length * self.ngrams.features(texts, vocabulary)

    @property
    def _length(self) -> np.float32:
        """The length of the n-grams of a text beside its vector."""
        assert self.ngrams is not None
        idf = np.concatenate([self.ngrams.words.idf, self.ngrams.characters.idf])
        # An n-gram of one text out of n has the largest, log((1 + n) / 2) + 1.
        n_texts = max(1.0, 2 * float(np.exp(idf.max(initial=1.0) - 1)) - 1)
        return np.float32(NGRAMS * n_texts / (n_texts + FEWEST))

    def _moved_by(
        self, vectors: np.ndarray, ngrams: sp.csr_matrix | None, moves: np.ndarray
    ) -> EncoderPath:
        path = self.ngrams
        if path is not None:
            assert ngrams is not None
            # The path has features of its own length.
            weights = path.weights + self._length * (ngrams.T @ moves)
            path = replace(path, weights=weights.astype(np.float32))
        weights = self.weights + vectors.T @ moves
        return replace(self, weights=weights.astype(np.float32), ngrams=path)


def is_joint(n_texts: int, n_labels: int) -> bool:
    """Whether this many texts train n-grams and vectors as one model."""
    return n_texts <= MOST_JOINT and n_texts * n_labels <= MOST_MOVES


def _scale(vectors: np.ndarray) -> float:
    """Factor that gives vectors a root mean square length of 1; 1.0 if they have it already."""
    length = float(np.sqrt(np.mean(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))))
    return 1.0 if abs(length - 1) < 1e-3 or length < 1e-12 else 1.0 / length


class _Loss:
    """Sum of the log-losses of texts, and its gradient by their scores."""

    def __init__(
        self,
        targets: sp.csr_matrix | np.ndarray,
        class_weight: np.ndarray | None,
        sample_weight: np.ndarray | None,
        n_labels: int,
    ) -> None:
        self.targets: Any = targets
        self.class_weight = np.ones(n_labels) if class_weight is None else class_weight
        n_texts = targets.shape[0]
        self.weight = np.ones(n_texts) if sample_weight is None else sample_weight.astype(float)
        self.n_labels = n_labels

    def __call__(self, scores: np.ndarray) -> tuple[float, np.ndarray]:
        total, gradient = 0.0, np.empty_like(scores)
        rows = max(1, BLOCK // self.n_labels)
        for start in range(0, len(scores), rows):
            some = slice(start, start + rows)
            loss, gradient[some] = self._of(scores[some].astype(np.float64), some)
            total += loss
        return total, gradient

    def _of(self, z: np.ndarray, some: slice) -> tuple[float, np.ndarray]:
        weight = self.weight[some][:, None]
        if sp.issparse(self.targets):
            y = self.targets[some].toarray()
            each = weight * np.where(y > 0, self.class_weight, 1.0)
            return float((each * (np.logaddexp(0, z) - y * z)).sum()), each * (expit(z) - y)
        codes = self.targets[some]
        each = weight * self.class_weight[codes][:, None]
        rows = np.arange(len(codes))
        loss = float((each[:, 0] * (logsumexp(z, axis=1) - z[rows, codes])).sum())
        gradient = softmax(z, axis=1)
        gradient[rows, codes] -= 1
        return loss, each * gradient


def _solved(
    features: np.ndarray, start: np.ndarray, loss: _Loss, C: float
) -> tuple[np.ndarray, np.ndarray]:
    """How far weights and bias move from where scores are `start`."""
    from scipy.optimize import minimize  # slow to load, and of no use where models are served

    n_features, n_labels = features.shape[1], start.shape[1]

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        moved = flat[: n_features * n_labels].reshape(n_features, n_labels)
        bias = flat[n_features * n_labels :]
        scores = start + features @ moved.astype(features.dtype) + bias
        value, by_score = loss(scores)
        gradient = features.T @ by_score.astype(features.dtype) + moved / C
        by_bias = by_score.sum(axis=0, dtype=np.float64)
        whole = np.concatenate([gradient.ravel(), by_bias]).astype(np.float64)
        return value + float((moved**2).sum()) / (2 * C), whole

    found = minimize(
        objective,
        np.zeros(n_features * n_labels + n_labels),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": MOST_STEPS, "ftol": 1e-7, "gtol": 1e-3},
    ).x
    return found[:-n_labels].reshape(n_features, n_labels), found[-n_labels:]
