"""LACO: document and labels read together (Zhang et al., 2021).

Shapes: b documents of a batch, m tokens of a document, n labels, k hidden units, g blocks of B
labels (one block of all labels, unless they are too many for the encoder).
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sklabelemb.encoders import build_encoder, first_position
from sklabelemb.laco.cooccurrence_tasks import ConditionalCooccurrence, PairwiseCooccurrence
from sklabelemb.laco.cross_attention import CrossAttention
from sklabelemb.laco.frozen_layers import lowest
from sklabelemb.laco.label_slots import label_slots
from sklabelemb.laco.reasoning import Reasoning
from sklabelemb.laco.tagging import LabelTagger

__all__ = ["LACO", "LabelReading"]

# Spread of the labels' vectors at the start; that of the encoders' own tables.
LABEL_STD = 0.02


@dataclass(frozen=True)
class LabelReading:
    """What the network saw in a batch, for explanations.

    Attributes
    ----------
    logits : float Tensor of shape (b, n)
    attention : float Tensor of shape (b, m, n), or None
        Cross attention of each token and each label before the maximum over the labels; None
        without cross attention.
    affinity : float Tensor of shape (b, n, n), or None
        Row i: how the encoder, computing the state of label i, divided its attention among the
        labels, itself included; the mean over heads and layers. Each row sums to one. Where the
        labels are not read but reasoned with: what each weighed in the last round, which is the
        same for all. Else None.
    """

    logits: Tensor
    attention: Tensor | None
    affinity: Tensor | None


class LACO(nn.Module):
    """The network of `LACOClassifier`.

    Parameters
    ----------
    encoder : dict
        Configuration of a `transformers` encoder.
    n_labels : int
    cls_id, sep_id : int
        Its tokens [CLS] and [SEP].
    id_shift : int, default=0
        What ids are larger than the encoder's own (0 is padding here).
    joint_embedding : bool, default=True
        Whether the encoder reads the labels beside the words (JE).
    cross_attention : bool, default=True
        Whether words are weighed by the labels (CA); else [CLS] stands for the document.
    window_size : int, default=10
    similarity : {"cosine", "dot"}, default="cosine"
        Of words and labels in the cross attention.
    head : {"linear", "tagger", "reasoner"}, default="linear"
        What makes logits: a linear layer over the document's vector; a BiLSTM-CRF over the states
        of the labels, which leaves that vector alone; or the linear layer, told in each round what
        was thought of the labels in the one before.
    n_rounds : int, default=2
        Rounds of "reasoner".
    block_size : int, default=None
        At most this many labels are read beside the words at a time. None: all.
    block_of_label : list of int, default=None
        The block that each label is read in; no label sees those of other blocks. None: one block
        after the other is filled.
    label_token_weight : float or None, default=1.0
        What the labels of a block weigh together in the encoder's attention, in tokens. None: each
        as much as a token.
    cooccurrence : {"plcp", "clcp", "both"} or None, default=None
    alpha : float, default=0.5
        Share of PLCP in "both".
    cooccurrence_weight : float, default=0.1
    freeze_layers : int, default=0
        The embeddings and the first `freeze_layers` layers of the encoder are not trained.
    freeze_labels : bool, default=True
        Whether the labels' tokens are frozen too, when layers are.
    dropout : float, default=0.1
        Of the document's vector; with "tagger", of the labels' states.
    """

    # Typed loosely: the library may make any model, whose parts are known by name only.
    encoder: Any
    slots: Tensor
    slot_of_label: Tensor

    def __init__(
        self,
        encoder: dict[str, Any],
        n_labels: int,
        cls_id: int,
        sep_id: int,
        id_shift: int = 0,
        joint_embedding: bool = True,
        cross_attention: bool = True,
        window_size: int = 10,
        similarity: str = "cosine",
        head: str = "linear",
        n_rounds: int = 2,
        block_size: int | None = None,
        block_of_label: list[int] | None = None,
        label_token_weight: float | None = 1.0,
        cooccurrence: str | None = None,
        alpha: float = 0.5,
        cooccurrence_weight: float = 0.1,
        freeze_layers: int = 0,
        freeze_labels: bool = True,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.encoder = build_encoder(encoder)
        self.n_labels = n_labels
        self.cls_id = cls_id
        self.sep_id = sep_id
        self.id_shift = id_shift
        self.joint_embedding = joint_embedding
        self.block_size = block_size or n_labels
        of_label = block_of_label or [i // self.block_size for i in range(n_labels)]
        slots, slot_of_label = label_slots(of_label, self.block_size)
        # They follow from the arguments, so they are not part of the state.
        self.register_buffer("slots", slots, persistent=False)
        self.register_buffer("slot_of_label", slot_of_label, persistent=False)
        self.label_token_weight = label_token_weight
        self.alpha = {"plcp": 1.0, "clcp": 0.0}.get(cooccurrence or "", alpha)
        self.cooccurrence_weight = cooccurrence_weight
        size = self.encoder.config.hidden_size
        self.label_embedding: nn.Embedding | None = None
        if joint_embedding or cross_attention or cooccurrence or head == "reasoner":
            width = self.embedding.embedding_dim if joint_embedding else size
            self.label_embedding = nn.Embedding(n_labels, width)
            nn.init.normal_(self.label_embedding.weight, std=LABEL_STD)
        self.cross_attention = None
        if cross_attention and head != "tagger":
            self.cross_attention = CrossAttention(window_size, similarity)
        self.dropout = nn.Dropout(dropout)
        self.output = LabelTagger(size) if head == "tagger" else nn.Linear(size, n_labels)
        self.pairwise = PairwiseCooccurrence(size) if cooccurrence in ("plcp", "both") else None
        self.conditional = (
            ConditionalCooccurrence(size) if cooccurrence in ("clcp", "both") else None
        )
        self.reasoning = Reasoning(n_labels, size, n_rounds) if head == "reasoner" else None
        self._auxiliary: Tensor | float = 0.0
        self._frozen = lowest(self.encoder, freeze_layers)
        if self._frozen and freeze_labels and joint_embedding and self.label_embedding is not None:
            self._frozen.append(self.label_embedding)
        for module in self._frozen:
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> LACO:
        """Set the mode; frozen layers stay in evaluation mode, without dropout."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    @property
    def embedding(self) -> nn.Embedding:
        """The encoder's table of words or word pieces."""
        return cast(nn.Embedding, self.encoder.get_input_embeddings())

    def forward(
        self,
        ids: Tensor,
        pairs: Tensor | None = None,
        together: Tensor | None = None,
        given: Tensor | None = None,
        present: Tensor | None = None,
        document_weight: Tensor | None = None,
    ) -> Tensor:
        """Logits of the labels, float Tensor of shape (b, n).

        Parameters
        ----------
        ids : int64 Tensor of shape (b, m)
            0 is padding.
        pairs, together : Tensors of shapes (b, P, 2), (b, P)
            What PLCP asks, and the answers.
        given, present : Tensors of shapes (b, n), (b, n)
            The same for CLCP. A tagger that is given `present` says how probable each label is
            after the label before it.
        document_weight : Tensor of shape (b,)
            What each document weighs in both.
        """
        words, labels, first = self.states(ids)
        logits, _ = self._logits(words, labels, first, ids > 0, present)
        if self.training and document_weight is not None:
            losses = torch.zeros_like(document_weight)
            if self.pairwise is not None and pairs is not None:
                of_pairs = self.pairwise.loss(cast(Tensor, labels), pairs, cast(Tensor, together))
                losses = losses + self.alpha * of_pairs
            if self.conditional is not None and given is not None:
                of_given = self.conditional.loss(cast(Tensor, labels), given, cast(Tensor, present))
                losses = losses + (1 - self.alpha) * of_given
            # The paper sums all losses over labels and pairs; that of the labels is a mean here.
            share = self.cooccurrence_weight / self.n_labels
            self._auxiliary = share * (losses * document_weight).mean()
        return logits

    def auxiliary_loss(self) -> Tensor | float:
        """What equation 8 adds to the loss of the labels in the last batch."""
        loss, self._auxiliary = self._auxiliary, 0.0
        return loss

    def states(self, ids: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        """What the encoder makes of words and labels (equation 1).

        Parameters
        ----------
        ids : int64 Tensor of shape (b, m)

        Returns
        -------
        words : float Tensor of shape (b, g, m, k)
            H_D, once for each block of labels.
        labels : float Tensor of shape (b, n, k), or None
            H_Y; without joint embedding the labels' own vectors.
        first : float Tensor of shape (b, g, k)
            The state of [CLS].
        """
        hidden = self._encode(ids).last_hidden_state
        b, m = ids.shape
        hidden = hidden.reshape(b, -1, *hidden.shape[1:])
        words, first = hidden[:, :, 1 : m + 1], hidden[:, :, 0]
        if self.joint_embedding:
            labels = hidden[:, :, m + 2 : m + 2 + self.block_size]
            return words, self._of_labels(labels.reshape(b, -1, labels.shape[3]), 1), first
        if self.label_embedding is None:
            return words, None, first
        return words, self.label_embedding.weight.expand(b, -1, -1), first

    def showing_encoder(self) -> Any:
        """A copy of the encoder that gives its attention weights; None where it reads no labels.

        The library leaves hooks in an encoder that returned its attention, and these do not pickle.
        """
        if not self.joint_embedding:
            return None
        shown = copy.deepcopy(self.encoder).eval()
        shown.set_attn_implementation("eager")
        return shown

    @torch.no_grad()
    def text_vectors(self, ids: Tensor) -> Tensor:
        """Vectors of texts that are read alone, without labels, float Tensor of shape (b, k).

        The mean of the states of their tokens; without cross attention that of [CLS].

        Parameters
        ----------
        ids : int64 Tensor of shape (b, m)
        """
        hidden = self._encode(ids, beside_labels=False).last_hidden_state
        if self.cross_attention is None:
            return hidden[:, 0]
        words, mask = hidden[:, 1 : ids.shape[1] + 1], (ids > 0).unsqueeze(2)
        return (words * mask).sum(dim=1) / mask.sum(dim=1).clamp_min(1)

    @torch.inference_mode()
    def read(self, ids: Tensor, shown: nn.Module | None) -> LabelReading:
        """What the network sees in documents, beside the logits.

        Parameters
        ----------
        ids : int64 Tensor of shape (b, m)
        shown : nn.Module or None
            From :meth:`showing_encoder`; None leaves out the affinity.
        """
        words, labels, first = self.states(ids)
        mask = ids > 0
        logits, reasoned = self._logits(words, labels, first, mask)
        attention = None
        if self.cross_attention is not None:
            blocks, masks = self._by_block(words, cast(Tensor, labels), mask)
            attention = self.cross_attention(words.flatten(0, 1), blocks, masks)
            attention = attention.reshape(len(ids), -1, ids.shape[1])
            attention = self._of_labels(attention, 1).transpose(1, 2)
        affinity = None
        if shown is not None:
            affinity = self._affinity(ids, shown)
        elif reasoned is not None:
            affinity = reasoned.unsqueeze(1).repeat(1, self.n_labels, 1)
        return LabelReading(logits, attention, affinity)

    # -- steps -----------------------------------------------------------------------------------

    def _encode(
        self,
        ids: Tensor,
        encoder: nn.Module | None = None,
        beside_labels: bool = True,
        **how: Any,
    ) -> Any:
        """Let the encoder (or `encoder`) read [CLS] words [SEP] padding labels [SEP]."""
        b, m = ids.shape
        lengths = (ids > 0).sum(dim=1, keepdim=True)
        place = torch.arange(m + 2, device=ids.device)
        tokens = F.pad(ids - self.id_shift, (1, 1)).clamp_min(0)
        tokens[:, 0] = self.cls_id
        tokens = tokens.scatter(1, lengths + 1, self.sep_id)
        embedded = self.embedding(tokens)
        positions, types = place.expand(b, -1), torch.zeros_like(tokens)
        # What is added to the attention to each token.
        bias = _masked(embedded.new_zeros(tokens.shape), place <= lengths + 1)
        if self.joint_embedding and beside_labels:
            assert self.label_embedding is not None
            # All labels, and the token after them, directly follow the document's own end.
            n_blocks = len(self.slots)
            end = self.embedding.weight[self.sep_id].reshape(1, 1, -1).expand(n_blocks, -1, -1)
            # Slots without a label get the last row: zeros, which nothing attends to.
            labels = F.pad(self.label_embedding.weight, (0, 0, 0, 1))[self.slots]
            labels = torch.cat([labels, end], dim=1)
            real = F.pad(self.slots >= 0, (0, 1), value=True)
            beside = embedded.new_zeros(real.shape)
            if self.label_token_weight is not None:
                n_real = real[:, :-1].sum(dim=1, keepdim=True).to(beside.dtype)
                beside[:, :-1] = math.log(self.label_token_weight) - n_real.log()
            embedded, labels = _each_with_each(embedded, labels)
            embedded = torch.cat([embedded, labels], dim=1)
            bias = torch.cat(_each_with_each(bias, _masked(beside, real)), dim=1)
            after = F.pad(lengths.expand(-1, self.block_size) + 2, (0, 1))
            after[:, -1] = lengths.squeeze(1) + 3
            positions = torch.cat([positions, after], dim=1).repeat_interleave(n_blocks, dim=0)
            types = F.pad(types, (0, self.block_size + 1), value=self._label_type())
            types = types.repeat_interleave(n_blocks, dim=0)
        arguments = {
            "inputs_embeds": embedded,
            "attention_mask": bias[:, None, None, :],
            # Positions after a document's end are masked, but must be valid indices.
            "position_ids": positions.clamp_max(self._last_position()) + self._first_position,
        }
        if self._has_types:
            arguments["token_type_ids"] = types
        return (encoder or self.encoder)(**arguments, return_dict=True, **how)

    def _logits(
        self,
        words: Tensor,
        labels: Tensor | None,
        first: Tensor,
        mask: Tensor,
        present: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Logits (b, n); and what each label weighed (b, n) when they were reasoned with."""
        if isinstance(self.output, LabelTagger):
            return self.output(self.dropout(labels), present), None
        vectors = first
        if self.cross_attention is not None:
            blocks, masks = self._by_block(words, cast(Tensor, labels), mask)
            scores = self.cross_attention.scores(words.flatten(0, 1), blocks, masks)
            omega = self.cross_attention.omega(scores, masks).reshape(words.shape[:3])
            vectors = torch.einsum("bgm,bgmk->bgk", _weights(omega), words)
        logits = self.output(self.dropout(vectors))
        if logits.shape[1] == 1:
            logits = logits.squeeze(1)
        else:
            of_label = self._block_of_label()
            every = torch.arange(self.n_labels, device=logits.device)
            logits = logits[:, of_label, every]
        return (logits, None) if self.reasoning is None else self.reasoning(logits, labels)

    def _by_block(self, words: Tensor, labels: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """States of labels (b g, B, k) and masks of words (b g, m), a row for each block."""
        b, g = words.shape[:2]
        size = labels.shape[1] if g == 1 else self.block_size
        if g > 1:
            # A duplicated label does not change the maximum.
            again = torch.where(self.slots >= 0, self.slots, self.slots[:, :1])
            labels = labels[:, again.flatten()]
        return labels.reshape(b * g, size, -1), mask.repeat_interleave(g, dim=0)

    def _block_of_label(self) -> Tensor:
        of_label = self.slot_of_label // self.block_size
        return of_label if self.joint_embedding else torch.zeros_like(of_label)

    def _of_labels(self, values: Tensor, dim: int) -> Tensor:
        """What lies in all slots along an axis, as a row per label."""
        if len(self.slots) == 1:
            return values.narrow(dim, 0, self.n_labels)
        return values.index_select(dim, self.slot_of_label)

    def _affinity(self, ids: Tensor, shown: nn.Module) -> Tensor:
        """The encoder's attention among the labels of a block."""
        attentions = self._encode(ids, shown, output_attentions=True).attentions
        b, m = ids.shape
        own = slice(m + 2, m + 2 + self.block_size)
        among = torch.stack([layer.mean(dim=1)[:, own, own] for layer in attentions]).mean(dim=0)
        among = among.reshape(b, -1, *among.shape[1:])
        affinity = among.new_zeros(b, self.n_labels, self.n_labels)
        for g, slots in enumerate(self.slots):
            labels = slots[slots >= 0]
            size = len(labels)
            affinity[:, labels[:, None], labels] = among[:, g, :size, :size]
        return affinity / affinity.sum(dim=2, keepdim=True)

    @property
    def _first_position(self) -> int:
        return first_position(self.encoder)

    def _last_position(self) -> int:
        table = self.encoder.embeddings.position_embeddings
        return int(table.num_embeddings) - 1 - self._first_position

    @property
    def _has_types(self) -> bool:
        return hasattr(self.encoder.embeddings, "token_type_embeddings")

    def _label_type(self) -> int:
        """The segment of the labels: the second, where the encoder tells two apart."""
        if not self._has_types:
            return 0
        return min(1, self.encoder.embeddings.token_type_embeddings.num_embeddings - 1)


def _masked(bias: Tensor, mask: Tensor) -> Tensor:
    return bias.masked_fill(~mask, torch.finfo(bias.dtype).min)


def _weights(omega: Tensor) -> Tensor:
    return omega / omega.sum(dim=-1, keepdim=True).clamp_min(1e-6)


def _each_with_each(rows: Tensor, blocks: Tensor) -> tuple[Tensor, Tensor]:
    """Every row before every block: (b, ...) and (g, ...) to (b g, ...) and (b g, ...)."""
    b, g = len(rows), len(blocks)
    return rows.repeat_interleave(g, dim=0), blocks.repeat(b, *[1] * (blocks.dim() - 1))
