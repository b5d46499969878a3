"""A network with an output layer for each task: what label embeddings are compared with.

Shapes: ``b`` texts, ``s`` words of the batch's longest text, ``P`` dimensions of a word, ``d`` of a
text, ``C`` labels of the batch's task.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sklabelemb.layers import BidirectionalLSTM, Dropout, drop_words, linear
from sklabelemb.mtle.network import POOLINGS, WORD_STD, check_one_of, task_number
from sklabelemb.mtle.task_layers import (
    ExternalMemory,
    GatedLSTM,
    HiddenLayer,
    MemoryLSTM,
    WordFilters,
)
from sklabelemb.mtle.text_vectors import pooled, weighted_mean, weights_in_text

__all__ = ["OF_TASKS", "MultiTaskNetwork"]

# Encoders with layers that belong to a task, and those that all tasks share wholly.
OF_TASKS = ("dnn", "cnn", "shared_layer", "shared_memory")
ENCODERS = ("bilstm", "mean", *OF_TASKS)


class MultiTaskNetwork(nn.Module):
    r"""Multi-task network of the literature: shared word vectors, an output layer for each task.

    .. math:: z = W^{(k)} X + b^{(k)}, \qquad X \in \mathbb{R}^{d}

    for a text of task k: MT-DNN, MT-CNN, MT-RNN and DSM. They differ in how the text becomes X, and
    in what of that the tasks share. Texts of labels are not read, so a task is known by nothing but
    its samples.

    Parameters
    ----------
    n_words : int
        Rows of the word table, padding (row 0) included.
    n_labels : sequence of int
        C of each task.
    embedding_dim : int, default=300
        P.
    encoder : str, default="bilstm"
        What makes X; what is not the task's is shared by all.

        - "bilstm": a shared BiLSTM, as in :class:`MTLE`; d = 2 ``hidden_size``.
        - "mean": a shared weighted mean of the words, as there; d = P.
        - "dnn": a shared hidden layer :math:`l_2 = \tanh(W_1 l_1)` over the bag of words
          :math:`l_1`, equation (1) of [1]_, and one of the task: :class:`HiddenLayer`.
        - "cnn": filters and a hidden layer of the task, after [2]_: :class:`WordFilters`.
        - "shared_layer": a shared BiLSTM, whose states go to an LSTM of the task, after [3]_:
          :class:`GatedLSTM`.
        - "shared_memory": an LSTM of the task that reads and writes a shared memory and one of the
          task, after [4]_: :class:`MemoryLSTM`.

    hidden_size : int, default=100
        Of a task's own layer (its d), and of each direction of a BiLSTM.
    pooling : {"last", "max", "mean"}, default="last"
        What of an LSTM's states is the text's vector.
    window_size : int, default=3
        Of the filters of "cnn", in words.
    n_segments : int, default=10
    segment_size : int, default=20
        Of each memory of "shared_memory".
    dropout : float, default=0.5
        On the dimensions of word vectors (the same ones wherever a word occurs in a batch) and of
        the text vector.
    word_dropout : float, default=0.0
        Probability of leaving out a word of a text; a text that would lose all keeps them all.
    sparse : bool, default=False
        Whether the gradients of word tables are sparse.

    Notes
    -----
    In "dnn" :math:`W_1` is the word table, so that the hidden layer has ``embedding_dim`` units and
    may start from pretrained vectors. The bag of words has relative frequencies: the sum over a
    long text would leave nothing of the hyperbolic tangent but signs. [1]_ has letter trigrams.

    References
    ----------
    .. [1] Liu, X., Gao, J., He, X., Deng, L., Duh, K., & Wang, Y.-Y. (2015). Representation
       Learning Using Multi-Task Deep Neural Networks for Semantic Classification and Information
       Retrieval. NAACL.
    .. [2] Collobert, R., & Weston, J. (2008). A Unified Architecture for Natural Language
       Processing: Deep Neural Networks with Multitask Learning. ICML.
    .. [3] Liu, P., Qiu, X., & Huang, X. (2016). Recurrent Neural Network for Text Classification
       with Multi-Task Learning. IJCAI.
    .. [4] Liu, P., Qiu, X., & Huang, X. (2016). Deep Multi-Task Learning with Shared Memory for
       Text Classification. EMNLP.

    Examples
    --------
    Two tasks over a vocabulary of ten words, with two labels and with three.

    >>> import torch
    >>> network = MultiTaskNetwork(10, [2, 3], embedding_dim=8, encoder="shared_layer")
    >>> ids = torch.tensor([[7, 8, 9], [9, 2, 0]])
    >>> network(ids).shape, network(ids, task=1).shape
    (torch.Size([2, 2]), torch.Size([2, 3]))
    """

    shared: BidirectionalLSTM | ExternalMemory
    vector_mean: Tensor
    vector_scale: Tensor

    def __init__(
        self,
        n_words: int,
        n_labels: Sequence[int],
        *,
        embedding_dim: int = 300,
        encoder: str = "bilstm",
        hidden_size: int = 100,
        pooling: str = "last",
        window_size: int = 3,
        n_segments: int = 10,
        segment_size: int = 20,
        dropout: float = 0.5,
        word_dropout: float = 0.0,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        check_one_of("encoder", encoder, ENCODERS)
        check_one_of("pooling", pooling, POOLINGS)
        self.encoder = encoder
        self.pooling = pooling
        self.word_dropout = word_dropout
        self.embedding = nn.Embedding(n_words, embedding_dim, padding_idx=0, sparse=sparse)
        with torch.no_grad():
            nn.init.normal_(self.embedding.weight, std=WORD_STD)
            self.embedding.weight[0] = 0
        self.dropout = Dropout(dropout)
        if encoder == "mean":
            self.log_weight = nn.Embedding(n_words, 1, padding_idx=0, sparse=sparse)
            nn.init.zeros_(self.log_weight.weight)
        elif encoder in ("bilstm", "shared_layer"):
            self.shared = BidirectionalLSTM(embedding_dim, 2 * hidden_size, n_layers=1)
        elif encoder == "shared_memory":
            self.shared = ExternalMemory(hidden_size, n_segments, segment_size)

        def own_layer() -> nn.Module | None:
            match encoder:
                case "dnn":
                    return HiddenLayer(embedding_dim, hidden_size)
                case "cnn":
                    return WordFilters(embedding_dim, hidden_size, window_size)
                case "shared_layer":
                    return GatedLSTM(embedding_dim, hidden_size, 2 * hidden_size, pooling)
                case "shared_memory":
                    memory = (n_segments, segment_size)
                    return MemoryLSTM(embedding_dim, hidden_size, *memory, pooling)
            return None

        text_size = {"mean": embedding_dim, "bilstm": 2 * hidden_size}.get(encoder, hidden_size)
        self.heads = nn.ModuleList(TaskHead(own_layer(), text_size, n) for n in n_labels)
        # What was taken from pretrained vectors, and what they were then multiplied with; 0 before
        # any came.
        self.register_buffer("vector_mean", torch.zeros(embedding_dim))
        self.register_buffer("vector_scale", torch.zeros(()))

    @property
    def n_tasks(self) -> int:
        """The number of tasks."""
        return len(self.heads)

    def forward(self, ids: Tensor, task: int | Tensor = 0) -> Tensor:
        """Logits of a batch, all of whose texts belong to one task.

        Parameters
        ----------
        ids : int64 Tensor of shape (b, s)
            Word ids, padded with 0 at the end.
        task : int, or Tensor that holds one and the same number, default=0

        Returns
        -------
        Tensor of shape (b, C)
        """
        logits: Tensor = self._head(task).output(self.text_vectors(ids, task))
        return logits

    def text_vectors(self, ids: Tensor, task: int | Tensor = 0) -> Tensor:
        """X of each text, shape (b, d)."""
        if self.training and self.word_dropout:
            ids = drop_words(ids, self.word_dropout, leave_one=True)
        distinct, positions = torch.unique(ids, return_inverse=True)
        vectors = self.dropout(self.embedding(distinct))
        if self.encoder == "mean":
            weights = self.log_weight(distinct)
            return self.dropout(weighted_mean(ids, positions, vectors, weights))
        words, lengths = F.embedding(positions, vectors), (ids != 0).sum(dim=1)
        shared = self._shared(words, lengths)
        own = self._head(task).own
        return self.dropout(shared if own is None else own(words, lengths, shared))

    def shares(self, ids: Tensor, task: int | Tensor = 0) -> Tensor | None:
        """What each word adds to each label's logit, where that can be said exactly.

        Returns
        -------
        Tensor of shape (b, s, C), or None
            With the mean encoder a logit is the bias of the label and a sum over words. Otherwise
            None. Padding has 0.
        """
        if self.encoder != "mean":
            return None
        parts = self.embedding(ids) * weights_in_text(ids, self.log_weight)
        return F.linear(parts, self._head(task).output.weight)

    def _shared(self, words: Tensor, lengths: Tensor) -> Any:
        """What all tasks share of texts, but for their words: as the task's own layer takes it."""
        match self.encoder:
            case "dnn":
                return torch.tanh(words.sum(dim=1) / lengths.clamp_min(1).unsqueeze(1))
            case "bilstm":
                states, (final, _) = self.shared(words, lengths)
                return (
                    final[-1] if self.pooling == "last" else pooled(states, lengths, self.pooling)
                )
            case "shared_layer":
                return self.shared(words, lengths)[0]
            case "shared_memory":
                return self.shared
        return None

    def _head(self, task: int | Tensor) -> TaskHead:
        return cast(TaskHead, self.heads[task_number(task, self.n_tasks)])


class TaskHead(nn.Module):
    """What belongs to one task: a layer that reads its texts, or None, and the output."""

    def __init__(self, own: nn.Module | None, text_size: int, n_labels: int) -> None:
        super().__init__()
        self.own = own
        self.output = linear(text_size, n_labels)
