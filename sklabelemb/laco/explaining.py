"""What a fitted LACO saw in texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklabelemb.decision import probabilities
from sklabelemb.inspection.joint_explanation import JointExplanation
from sklabelemb.inspection.occlusion import occlusion
from sklabelemb.laco.network import LabelReading
from sklabelemb.targets import Targets
from sklabelemb.text import TokenIds, Vocabulary, WordPieces, check_documents, tokens_with_spans
from sklabelemb.training import LengthBuckets, TextDataset, TextNet
from sklabelemb.training.net import explained_memory_errors
from sklabelemb.training.wide import Mixture, WidePath

__all__ = ["JointExplanations"]

# Numbers that an explanation may keep at a time.
READING_ELEMENTS = 1 << 24
# Tokens, labels included, that are read at a time to see what is lost without each.
OCCLUSION_TOKENS = 1 << 11


class JointExplanations:
    """`explain` of `LACOClassifier`; a mixin, not for direct use."""

    # What the classifier sets.
    net_: TextNet
    vocabulary_: Vocabulary | WordPieces
    targets_: Targets
    wide_: WidePath | None
    mixture_: Mixture
    label_names_: np.ndarray
    _dataset: Callable[[TokenIds], TextDataset]
    _encode: Callable[[list[str]], TokenIds]
    _label_decisions: Callable[[np.ndarray], np.ndarray]
    _tokenizer: Callable[[], Any]

    def explain(self, X: Any) -> list[JointExplanation]:
        """Which words each label was seen in, and which labels were seen beside it.

        Parameters
        ----------
        X : list, array or Series of str, shape (n_samples,)

        Returns
        -------
        list of JointExplanation
            One a text. Pieces of a word are put together again. With cross attention the
            contributions of the words and a constant of the label sum to the label's logit, wide
            path included; words that only the wide path has read get no attention. Without cross
            attention, what the network adds to a contribution is by how much its logit falls
            without the word (of several pieces, the sum over leaving out each), times
            ``mixture_.deep`` beside a wide path, and there is no attention.
        """
        check_is_fitted(self)
        documents = check_documents(X)
        token_ids = self._encode(documents)
        data = self._dataset(token_ids)
        shown = token_ids.lengths if self.wide_ is not None else data.lengths
        explanations: list[Any] = [None] * len(documents)
        for indices, reading in self._readings(data):
            logits = reading.logits.float().cpu().numpy()
            if self.wide_ is not None:
                scores = self.wide_.scores(token_ids.take(indices), self.vocabulary_)
                logits = self.mixture_(logits, scores)
            proba = probabilities(logits, self.targets_.multilabel)
            predicted = self._label_decisions(logits)
            for row, index in enumerate(indices):
                ids = token_ids.row(index)[: shown[index]]
                tokens, spans, owners = self._words(documents[index], len(ids))
                contributions, attention = self._of_tokens(ids[: data.max_length], reading, row)
                if self.wide_ is not None:
                    shares = self.wide_.contributions(token_ids.take([index]), self.vocabulary_)
                    shares *= self.mixture_.wide
                    shares[: len(contributions)] += self.mixture_.deep * contributions
                    contributions = shares
                explanations[index] = JointExplanation(
                    text=documents[index],
                    tokens=tokens,
                    spans=spans,
                    label_names=list(self.label_names_),
                    proba=proba[row],
                    predicted=predicted[row],
                    attention=None
                    if attention is None
                    else _shares(_means(attention, owners, len(tokens))),
                    contributions=_added(contributions, owners, len(tokens)),
                    affinity=None
                    if reading.affinity is None
                    else reading.affinity[row].float().cpu().numpy(),
                )
        return explanations

    def _words(
        self, text: str, n_tokens: int
    ) -> tuple[list[str], list[tuple[int, int] | None], list[int]]:
        """Words to show, where they stand, and the word that each token belongs to."""
        if isinstance(self.vocabulary_, WordPieces):
            words, places, owners = self.vocabulary_.words_of(text, n_tokens)
            return words, list(places), owners
        tokens, spans = tokens_with_spans(text, self._tokenizer(), n_tokens)
        return tokens, spans, list(range(len(tokens)))

    def _of_tokens(
        self, ids: np.ndarray, reading: LabelReading, row: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Contributions and attention of a text's tokens, each of shape (n_tokens, n_labels)."""
        if reading.attention is None or reading.contributions is None:
            beside = self.net_.get_params_for("iterator_valid")["tokens_beside"]
            known = self._dataset(TokenIds(ids, np.array([0, len(ids)]))).batch(np.array([0]))[0][
                "ids"
            ]
            tokens = known[0, : len(ids)].to(self.net_.device)
            with explained_memory_errors(self.net_.device):
                falls = occlusion(
                    lambda some, left_out: self.net_.module_(some),
                    tokens,
                    OCCLUSION_TOKENS,
                    max_texts=max(1, OCCLUSION_TOKENS // (len(ids) + beside)),
                )
            return falls.float().cpu().numpy(), None
        attention = reading.attention[row, : len(ids)].float().cpu().numpy()
        return reading.contributions[row, : len(ids)].float().cpu().numpy(), attention

    def _readings(self, data: TextDataset) -> Iterator[tuple[np.ndarray, LabelReading]]:
        """The network's readings, batch by batch, with the indices of the batch's texts."""
        network = self.net_.module_
        network.eval()
        shown = network.showing_encoder()
        config = network.encoder.config
        heads = config.num_attention_heads * config.num_hidden_layers
        # Explanations keep the encoder's attention weights, which grow with the square.
        longest = int(data.lengths.max(initial=0)) + self.targets_.n_labels
        size = max(1, min(32, READING_ELEMENTS // (heads * longest * longest)))
        for indices in LengthBuckets(data, batch_size=size).batches():
            ids = data.batch(indices)[0]["ids"].to(self.net_.device)
            with explained_memory_errors(self.net_.device):
                yield indices, network.read(ids, shown)


def _means(values: np.ndarray, owners: Sequence[int], n_words: int) -> np.ndarray:
    """Values of pieces, averaged by the word that they belong to; words beyond them get 0."""
    read = np.asarray(owners[: len(values)], dtype=np.int64)
    sizes = np.bincount(read, minlength=n_words)[:, None]
    return _added(values, read, n_words) / np.maximum(sizes, 1)


def _shares(attention: np.ndarray) -> np.ndarray:
    """Attention of words, each label's column scaled to the sum one."""
    return attention / np.maximum(attention.sum(axis=0, keepdims=True), 1e-12)


def _added(values: np.ndarray, owners: Sequence[int] | np.ndarray, n_words: int) -> np.ndarray:
    """Values of pieces, added up by the word that they belong to."""
    sums = np.zeros((n_words, *values.shape[1:]), dtype=values.dtype)
    np.add.at(sums, np.asarray(owners, dtype=np.int64), values)
    return sums
