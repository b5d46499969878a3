"""LEAM as a torch module: the label-embedding attentive model of Wang et al. (2018).

Shapes: ``b`` texts, ``s`` words of the batch's longest text, ``u`` distinct words of the batch,
``P`` dimensions, ``K`` labels. Equation numbers are the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from sklabelemb.layers import Dropout, drop_words
from sklabelemb.leam.compatibility import (
    at_positions,
    best_label_scores,
    cosines,
    filter_phrases,
    masked_softmax,
)
from sklabelemb.leam.label_wise import label_wise_scores

__all__ = ["LEAM", "Reading"]

# Label-wise attention keeps a few numbers per word and label. Beyond this many it goes through the
# labels in blocks and computes each block again in the backward pass.
LABEL_BLOCK_ELEMENTS = 1 << 24


@dataclass(frozen=True)
class Reading:
    """What the network saw in a batch of texts.

    Attributes
    ----------
    logits : Tensor of shape (b, K)
    attention : Tensor of shape (b, s, K)
        How much each word counts for each label; sums to one over a text. With shared attention
        all labels have the same column.
    contributions : Tensor of shape (b, s, K)
        What each word adds to each logit: ``logits = bias + contributions.sum(1)``, exactly for a
        linear head; for the MLP head, the gradient times the input (exact within the linear piece
        of the ReLU network in which the text lies, up to its bias).
    vectors : Tensor of shape (b, P)
        The document vectors z of equation (6). With label-wise attention the mean of the labels' z,
        weighted by the labels' probabilities.
    """

    logits: Tensor
    attention: Tensor
    contributions: Tensor
    vectors: Tensor


class LEAM(nn.Module):
    """Joint embedding of words and labels; words count by how well they match a label.

    Parameters
    ----------
    n_words : int
        Rows of the word table, padding (row 0) included.
    n_labels : int
    embedding_dim : int, default=300
    window_size : int, default=2
        r of equation (3): a phrase spans ``2 r + 1`` words.
    compatibility : {"phrase", "linear", "uniform"}, default="phrase"
        Equations (3) and (4); the cosines alone ("LEAM (linear)"); or every word alike (SWEM).
    phrase_filter : {"shared", "full"}, default="shared"
        One filter for all labels (the paper), or a convolution that mixes labels (the code).
    attention : {"shared", "label_wise"}, default="label_wise"
        One weight per word (the paper), or one per word and label.
    attention_scale : float or None, default=None
        Factor before the softmax of equation (5); None learns it, 1.0 is the paper.
    head : {"linear", "mlp"}, default="linear"
        f2 of equation (7).
    head_size : int, default=300
        Hidden units of the MLP head.
    bag : bool, default=True
        Add a linear function of the sum of the word vectors over the square root of their number.
    label_penalty : float, default=0.0
        Weight of equation (9).
    dropout : float, default=0.5
        On the dimensions of word vectors.
    word_dropout : float, default=0.5
        Probability of leaving out a word.
    head_dropout : float, default=0.0
        On input and hidden layer of the MLP head, or on z before the linear head.
    multilabel : bool, default=True
        Which loss the label penalty uses.
    sparse : bool, default=False
        Whether the word table's gradient is sparse.
    """

    def __init__(
        self,
        n_words: int,
        n_labels: int,
        *,
        embedding_dim: int = 300,
        window_size: int = 2,
        compatibility: str = "phrase",
        phrase_filter: str = "shared",
        attention: str = "label_wise",
        attention_scale: float | None = None,
        head: str = "linear",
        head_size: int = 300,
        bag: bool = True,
        label_penalty: float = 0.0,
        dropout: float = 0.5,
        word_dropout: float = 0.5,
        head_dropout: float = 0.0,
        multilabel: bool = True,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        self.window_size = window_size
        self.compatibility = compatibility
        self.phrase_filter = phrase_filter
        self.attention = attention
        self.head = head
        self.label_penalty = label_penalty
        self.word_dropout = word_dropout
        self.multilabel = multilabel
        span = 2 * window_size + 1

        self.embedding = nn.Embedding(n_words, embedding_dim, padding_idx=0, sparse=sparse)
        self.dropout = Dropout(dropout)
        if compatibility != "uniform" or label_penalty:
            self.label_embedding = nn.Parameter(torch.empty(n_labels, embedding_dim))
            nn.init.normal_(self.label_embedding, std=0.05)
        else:
            self.register_parameter("label_embedding", None)
        if compatibility == "phrase":
            # Start from the mean over the window: already a phrase, and no label is preferred.
            mean = torch.full((span,), 1.0 / span)
            if phrase_filter == "full":
                mean = torch.diag_embed(mean.expand(n_labels, span).T).permute(1, 2, 0)
            self.filter_weight = nn.Parameter(mean.contiguous())
            self.filter_bias = nn.Parameter(torch.zeros(n_labels))
        if compatibility != "uniform":
            if attention_scale is None:
                self.log_scale = nn.Parameter(torch.zeros(()))
            else:
                self.register_buffer("log_scale", torch.tensor(float(attention_scale)).log())
        if head == "mlp":
            self.hidden = nn.Linear(embedding_dim, head_size)
        self.head_dropout = nn.Dropout(head_dropout)
        self.output = nn.Linear(head_size if head == "mlp" else embedding_dim, n_labels)
        self.bag = nn.Linear(embedding_dim, n_labels, bias=False) if bag else None
        nn.init.normal_(self.embedding.weight, std=0.05)
        nn.init.normal_(self.output.weight, std=0.05)
        with torch.no_grad():
            self.embedding.weight[0] = 0
            self.output.bias.zero_()
            if self.bag is not None:
                self.bag.weight.zero_()

    def forward(self, ids: Tensor) -> Tensor:
        """Logits of a batch.

        Parameters
        ----------
        ids : int64 Tensor of shape (b, s)
            Word ids, padded with 0.

        Returns
        -------
        Tensor of shape (b, K)
        """
        words, positions, mask = self._embed(ids)
        if self.attention == "label_wise":
            logits = self._label_wise_logits(words, positions, mask)
        else:
            logits = self._head(self._shared_vectors(words, positions, mask))
        if self.bag is not None:
            logits = logits + self._bag_logits(words, positions, mask)
        return logits

    def auxiliary_loss(self) -> Tensor:
        """Equation (9): the head should tell each label from its own embedding."""
        if not self.label_penalty:
            return self.output.bias.new_zeros(())
        logits = self._head(self.label_embedding)
        if self.multilabel:
            loss = F.binary_cross_entropy_with_logits(logits, torch.eye(len(logits)).to(logits))
        else:
            loss = F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))
        return self.label_penalty * loss

    @torch.no_grad()
    def read(self, ids: Tensor) -> Reading:
        """Logits of a batch with everything that led to them."""
        words, positions, mask = self._embed(ids)
        vectors = F.embedding(positions, words)
        if self.attention == "label_wise":
            attention = self._label_wise_attention(words, positions, mask, slice(None))
            z = torch.einsum("bsk,bsp->bkp", attention, vectors)
        else:
            attention = self._shared_attention(words, positions, mask).unsqueeze(-1)
            z = torch.einsum("bsk,bsp->bkp", attention, vectors)
            attention = attention.expand(-1, -1, self.output.out_features)
            z = z.expand(-1, self.output.out_features, -1)
        logits = self._head_per_label(z)
        contributions = attention * torch.einsum("bkp,bsp->bsk", self._head_slopes(z), vectors)
        if self.bag is not None:
            lengths = mask.sum(dim=1).clamp_min(1).to(vectors.dtype)
            contributions += self.bag(vectors) / lengths.sqrt()[:, None, None]
            logits = logits + self._bag_logits(words, positions, mask)
        if self.attention == "label_wise":
            # In logarithms, so that a text without any probable label is no division of 0 by 0.
            weight = torch.softmax(F.logsigmoid(logits) if self.multilabel else logits, dim=1)
            summary = torch.einsum("bk,bkp->bp", weight, z)
        else:
            summary = z[:, 0]
        return Reading(logits, attention, contributions * mask.unsqueeze(-1), summary)

    def _embed(self, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Distinct words (u, P), the row of each position (b, s), and the mask of real words."""
        if self.training and self.word_dropout:
            ids = drop_words(ids, self.word_dropout)
        distinct, positions = torch.unique(ids, return_inverse=True)
        return self.dropout(self.embedding(distinct)), positions, ids != 0

    def _shared_vectors(self, words: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """Equation (6): z, shape (b, P)."""
        beta = self._shared_attention(words, positions, mask)
        return F.embedding_bag(positions, words, per_sample_weights=beta.to(words), mode="sum")

    def _shared_attention(self, words: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """Equations (2) to (5) with one weight per word, shape (b, s)."""
        if self.compatibility == "uniform":
            return masked_softmax(mask.to(words.dtype), mask)
        if self.compatibility == "phrase" and self.phrase_filter == "full":
            scores = self._label_scores(words, positions, slice(None)).amax(dim=-1)
        else:
            phrase = self.compatibility == "phrase"
            scores = best_label_scores(
                words,
                positions,
                self.label_embedding,
                self.filter_weight if phrase else None,
                self.filter_bias if phrase else None,
            )
        return masked_softmax(self.log_scale.exp() * scores, mask)

    def _label_scores(self, words: Tensor, positions: Tensor, labels: slice) -> Tensor:
        """Equations (2) and (3) for some labels, shape (b, s, k)."""
        if self.compatibility == "phrase" and self.phrase_filter == "full":
            scores = F.embedding(positions, cosines(words, self.label_embedding)).transpose(1, 2)
            scores = F.conv1d(scores, self.filter_weight, self.filter_bias, padding="same")
            return torch.relu(scores.transpose(1, 2)[..., labels])
        scores = at_positions(cosines(words, self.label_embedding[labels]), positions)
        if self.compatibility == "phrase":
            scores = torch.relu(
                filter_phrases(scores, self.filter_weight) + self.filter_bias[labels]
            )
        return scores

    def _label_wise_attention(
        self, words: Tensor, positions: Tensor, mask: Tensor, labels: slice
    ) -> Tensor:
        """Equation (5) for each label on its own, shape (b, s, k)."""
        if self.compatibility == "uniform":
            uniform = masked_softmax(mask.to(words.dtype), mask).unsqueeze(-1)
            n_labels = len(range(*labels.indices(self.output.out_features)))
            return uniform.expand(-1, -1, n_labels)
        scores = self.log_scale.exp() * self._label_scores(words, positions, labels)
        return masked_softmax(scores, mask)

    def _label_wise_logits(self, words: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """Logits with one attention per label, a block of labels at a time, shape (b, K)."""
        n_labels = self.output.out_features
        dim = words.shape[1] + self.output.in_features if self._needs_vectors() else 1
        block = max(1, LABEL_BLOCK_ELEMENTS // (positions.numel() + len(positions) * dim))
        if n_labels <= block or self._mixes_labels:
            return self._block_logits(words, positions, mask, 0, n_labels)
        return torch.cat(
            [
                checkpoint(
                    self._block_logits,
                    words,
                    positions,
                    mask,
                    start,
                    min(start + block, n_labels),
                    use_reentrant=False,
                )
                for start in range(0, n_labels, block)
            ],
            dim=1,
        )

    def _block_logits(
        self, words: Tensor, positions: Tensor, mask: Tensor, start: int, stop: int
    ) -> Tensor:
        labels = slice(start, stop)
        if self._needs_vectors():
            beta = self._label_wise_attention(words, positions, mask, labels)
            z = torch.einsum("bsk,bsp->bkp", beta, F.embedding(positions, words))
            return self._head_per_label(z, labels)
        # <a_k, sum_l beta_kl v_l> = sum_l beta_kl <a_k, v_l>: the inner products are needed once
        # per distinct word, and z_k never.
        values = words @ self.output.weight[labels].T
        if self.compatibility == "uniform" or self._mixes_labels:
            beta = self._label_wise_attention(words, positions, mask, labels)
            scores = (beta * at_positions(values, positions)).sum(dim=1)
        else:
            phrase = self.compatibility == "phrase"
            scores = label_wise_scores(
                cosines(words, self.label_embedding[labels]),
                values,
                positions,
                mask,
                self.filter_weight if phrase else None,
                self.filter_bias[labels] if phrase else None,
                self.log_scale.exp(),
            )
        return scores + self.output.bias[labels]

    @property
    def _mixes_labels(self) -> bool:
        """Whether the filter takes a label's score from those of others."""
        return self.compatibility == "phrase" and self.phrase_filter == "full"

    def _needs_vectors(self) -> bool:
        """Whether the head needs every z_k itself, not only its product with the output weights."""
        return self.head == "mlp" or bool(self.training and self.head_dropout.p)

    def _bag_logits(self, words: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """The bag path: sum of the word vectors over the root of their number, shape (b, K)."""
        assert self.bag is not None
        lengths = mask.sum(dim=1).clamp_min(1).to(words.dtype)
        total = F.embedding_bag(positions, words, mode="sum")
        return self.bag(total / lengths.sqrt().unsqueeze(-1))

    def _hidden(self, z: Tensor) -> Tensor:
        z = self.head_dropout(z)
        return self.head_dropout(torch.relu(self.hidden(z))) if self.head == "mlp" else z

    def _head(self, z: Tensor) -> Tensor:
        """Equation (7): logits of all labels from vectors of shape (n, P)."""
        return self.output(self._hidden(z))

    def _head_per_label(self, z: Tensor, labels: slice = slice(None)) -> Tensor:
        """Logit k from the k-th vector alone: (b, k, P) to (b, k)."""
        weight = self.output.weight[labels]
        return (self._hidden(z) * weight).sum(dim=-1) + self.output.bias[labels]

    def _head_slopes(self, z: Tensor) -> Tensor:
        """Gradient of logit k with respect to the k-th vector, shape (b, k, P)."""
        if self.head == "linear":
            return self.output.weight.expand(len(z), -1, -1)
        active = (self.hidden(z) > 0).to(z.dtype)
        return (active * self.output.weight) @ self.hidden.weight
