"""LEAM as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklabelemb.base import LabelEmbeddingClassifier, resolve_label_texts
from sklabelemb.decision import probabilities
from sklabelemb.inspection.explanation import Explanation
from sklabelemb.leam.network import LEAM, Reading
from sklabelemb.targets import Targets
from sklabelemb.text import (
    TokenIds,
    Tokenizer,
    Vocabulary,
    check_documents,
    load_vectors,
    token_spans,
)
from sklabelemb.training import LengthBuckets, TextDataset

__all__ = ["PAPER_SETTINGS", "LEAMClassifier"]

# Spread of the word vectors at the start; pretrained ones are scaled to it.
VECTOR_STD = 0.05
# Numbers per batch and dimension that an explanation may keep.
READING_ELEMENTS = 1 << 20

PAPER_SETTINGS: dict[str, Any] = {
    "embedding_dim": 300,
    "window_size": 50,
    "compatibility": "phrase",
    "phrase_filter": "shared",
    "attention": "shared",
    "attention_scale": 1.0,
    "head": "linear",
    "bag": False,
    "wide": False,
    "label_penalty": 1.0,
    "dropout": 0.0,
    "word_dropout": 0.0,
    "head_dropout": 0.5,
    "learning_rate": 1e-3,
    "warmup": 0.0,
    "batch_size": 100,
    "threshold": 0.5,
    "min_labels": 0,
    "min_df": 1,
}
"""Parameters of the paper's own model: ``LEAMClassifier(**PAPER_SETTINGS)``."""


class LEAMClassifier(ClassNamePrefixFeaturesOutMixin, TransformerMixin, LabelEmbeddingClassifier):
    """Label-embedding attentive classifier over raw text."""

    _parameter_constraints: dict[str, Any] = {
        **LabelEmbeddingClassifier._parameter_constraints,
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "window_size": [Interval(Integral, 0, None, closed="left")],
        "compatibility": [StrOptions({"phrase", "linear", "uniform"})],
        "phrase_filter": [StrOptions({"shared", "full"})],
        "attention": [StrOptions({"shared", "label_wise"})],
        "attention_scale": [Interval(Real, 0, None, closed="neither"), StrOptions({"learned"})],
        "head": [StrOptions({"linear", "mlp"})],
        "head_size": [Interval(Integral, 1, None, closed="left")],
        "bag": ["boolean"],
        "wide": ["boolean"],
        "label_penalty": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "word_dropout": [Interval(Real, 0, 1, closed="left")],
        "head_dropout": [Interval(Real, 0, 1, closed="left")],
        "vectors": [
            str,
            tuple,
            Mapping,
            HasMethods(["__fspath__"]),
            HasMethods(["get_vector"]),
            None,
        ],
    }

    def __init__(
        self,
        *,
        window_size: int = 2,
        embedding_dim: int = 300,
        compatibility: str = "phrase",
        phrase_filter: str = "shared",
        attention: str = "label_wise",
        attention_scale: float | str = "learned",
        head: str = "linear",
        head_size: int = 300,
        bag: bool = True,
        wide: bool = True,
        label_penalty: float = 0.0,
        label_texts: Mapping[Any, str] | Sequence[str] | str | None = "auto",
        vectors: Any = None,
        dropout: float = 0.5,
        word_dropout: float = 0.25,
        head_dropout: float = 0.0,
        tokenizer: Callable[[str], Sequence[str]] | None = None,
        lowercase: bool = True,
        mask_numbers: bool = False,
        max_features: int | None = None,
        min_df: float = 2,
        max_length: int | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        threshold: float | Sequence[float] | str = "tuned",
        threshold_shrinkage: float = 40.0,
        min_labels: int | str = "auto",
        max_epochs: int = 12,
        batch_size: int = 100,
        learning_rate: float = 5e-3,
        warmup: float = 0.1,
        weight_decay: float = 0.0,
        validation_fraction: float = 0.1,
        patience: int | None = 4,
        device: str = "auto",
        mixed_precision: bool = False,
        warm_start: bool = False,
        random_state: Any = None,
        verbose: int | bool = 0,
        net_params: dict[str, Any] | None = None,
    ) -> None:
        self.window_size = window_size
        self.embedding_dim = embedding_dim
        self.compatibility = compatibility
        self.phrase_filter = phrase_filter
        self.attention = attention
        self.attention_scale = attention_scale
        self.head = head
        self.head_size = head_size
        self.bag = bag
        self.wide = wide
        self.label_penalty = label_penalty
        self.label_texts = label_texts
        self.vectors = vectors
        self.dropout = dropout
        self.word_dropout = word_dropout
        self.head_dropout = head_dropout
        self.tokenizer = tokenizer
        self.lowercase = lowercase
        self.mask_numbers = mask_numbers
        self.max_features = max_features
        self.min_df = min_df
        self.max_length = max_length
        self.class_weight = class_weight
        self.threshold = threshold
        self.threshold_shrinkage = threshold_shrinkage
        self.min_labels = min_labels
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.warmup = warmup
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.device = device
        self.mixed_precision = mixed_precision
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.net_params = net_params

    # -- the network -----------------------------------------------------------------------------

    def _network_class(self) -> type[nn.Module]:
        return LEAM

    def _has_wide_path(self) -> bool:
        return self.wide

    def _network_options(self, targets: Targets, vocabulary: Vocabulary) -> dict[str, Any]:
        return {
            "n_words": len(vocabulary),
            "n_labels": targets.n_labels,
            "embedding_dim": self.embedding_dim,
            "window_size": self.window_size,
            "compatibility": self.compatibility,
            "phrase_filter": self.phrase_filter,
            "attention": self.attention,
            "attention_scale": None if self.attention_scale == "learned" else self.attention_scale,
            "head": self.head,
            "head_size": self.head_size,
            "bag": self.bag,
            "label_penalty": self.label_penalty,
            "dropout": self.dropout,
            "word_dropout": self.word_dropout,
            "head_dropout": self.head_dropout,
            "multilabel": targets.multilabel,
        }

    @torch.no_grad()
    def _initialize_network(
        self, network: nn.Module, targets: Targets, vocabulary: Vocabulary, encoded: Any
    ) -> None:
        assert isinstance(network, LEAM)
        tokenizer = self._tokenizer()
        texts = resolve_label_texts(self.label_texts, targets)
        label_words = [list(tokenizer(text)) for text in texts] if texts else []
        known = vocabulary.extended(word for words in label_words for word in words)
        table = network.embedding.weight.new_empty(len(known), self.embedding_dim)
        nn.init.normal_(table, std=VECTOR_STD)
        if self.vectors is not None:
            found, values = self._pretrained(known)
            table[found, : values.shape[1]] = torch.from_numpy(values[found]).to(table)
        table[0] = 0
        network.embedding.weight.copy_(table[: len(vocabulary)])
        if network.label_embedding is not None:
            for label, words in enumerate(label_words):
                if words:
                    rows = torch.tensor([known.id(word) for word in words], device=table.device)
                    network.label_embedding[label] = table[rows].mean(dim=0)
        if sp.issparse(encoded):
            frequency = (np.asarray(encoded.sum(axis=0)).ravel() + 0.5) / (encoded.shape[0] + 1)
            prior = np.log(frequency / (1 - frequency))
        else:
            counts = np.bincount(encoded, minlength=targets.n_labels)
            prior = np.log((counts + 0.5) / (len(encoded) + 1))
        network.output.bias.copy_(torch.from_numpy(prior))

    def _pretrained(self, vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
        """Which ids have a pretrained vector, and the vectors, scaled like the others."""
        values, found = load_vectors(self.vectors, ["", "", *vocabulary.words])
        found[:2] = False
        if values.shape[1] > self.embedding_dim:
            raise ValueError(
                f"The pretrained vectors have {values.shape[1]} dimensions, but embedding_dim is "
                f"{self.embedding_dim}. Set embedding_dim={values.shape[1]} or more: further "
                "dimensions start at random."
            )
        spread = values[found].std() if found.any() else 1.0
        return found, values * (VECTOR_STD / spread)

    # -- what the model saw ----------------------------------------------------------------------

    @property
    def label_embeddings_(self) -> np.ndarray:
        """Vectors of the labels in the space of the words, shape ``(n_labels, embedding_dim)``."""
        check_is_fitted(self)
        embedding = self.net_.module_.label_embedding
        if embedding is None:
            raise AttributeError(
                "With compatibility='uniform' and label_penalty=0 the labels have no embeddings."
            )
        return embedding.detach().cpu().numpy().copy()

    @property
    def _n_features_out(self) -> int:
        return int(self.net_.module_.embedding.embedding_dim)

    def transform(self, X: Any) -> np.ndarray:
        """Document vectors z of equation (6)."""
        check_is_fitted(self)
        documents = check_documents(X)
        result = np.empty((len(documents), self._n_features_out), dtype=np.float32)
        for indices, reading in self._readings(self._encode(documents)):
            result[indices] = reading.vectors.float().cpu().numpy()
        return result

    def explain(self, X: Any) -> list[Explanation]:
        """Tokens with what they contributed to each label."""
        check_is_fitted(self)
        documents = check_documents(X)
        explanations: list[Any] = [None] * len(documents)
        token_ids = self._encode(documents)
        for indices, reading in self._readings(token_ids):
            logits = reading.logits.float().cpu().numpy()
            attention = reading.attention.float().cpu().numpy()
            contributions = reading.contributions.float().cpu().numpy()
            some = token_ids.take(indices)
            if self.wide_ is not None:
                logits = self.mixture_(logits, self.wide_.scores(some))
                contributions = self.mixture_.deep * contributions
                wide = np.split(self.wide_.contributions(some), some.offsets[1:-1])
                for row, shares in enumerate(wide):
                    contributions[row, : len(shares)] += self.mixture_.wide * shares
            proba = probabilities(logits, self.targets_.multilabel)
            predicted = self._label_decisions(logits)
            for row, index in enumerate(indices):
                tokens, spans = self._tokens_with_spans(documents[index])
                explanations[index] = Explanation(
                    text=documents[index],
                    tokens=tokens,
                    spans=spans,
                    label_names=list(self.label_names_),
                    proba=proba[row],
                    predicted=predicted[row],
                    attention=attention[row, : len(tokens)],
                    contributions=contributions[row, : len(tokens)],
                )
        return explanations

    def _tokens_with_spans(self, text: str) -> tuple[list[str], list[tuple[int, int] | None]]:
        """The tokens that the network reads, and where they stand in the text."""
        tokenizer = self._tokenizer()
        tokens = list(tokenizer(text))[: self.max_length]
        if isinstance(tokenizer, Tokenizer):
            return tokens, list(tokenizer.spans(text)[: len(tokens)])
        return tokens, list(token_spans(text, tokens))

    def _readings(self, token_ids: TokenIds) -> Iterator[tuple[np.ndarray, Reading]]:
        """The network's readings, batch by batch, with the indices of the batch's texts."""
        data = TextDataset(token_ids)
        # Everything is kept per word, label and dimension here, so batches are small.
        tokens = max(64, READING_ELEMENTS // self.targets_.n_labels)
        network = self.net_.module_
        network.eval()
        for indices in LengthBuckets(data, batch_size=32, max_tokens=tokens).batches():
            ids = data.batch(indices)[0]["ids"].to(self.net_.device)
            yield indices, network.read(ids)
