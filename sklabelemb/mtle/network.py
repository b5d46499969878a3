"""MTLE as a torch module: the multi-task label embedding of Zhang et al. (2018).

A text and the words of a label's name become one vector each, and a matcher scores the pair. No
weight belongs to a task or a label, so a task that was never trained needs nothing but the words
of its labels.

Shapes: ``b`` texts, ``s`` words of the batch's longest text, ``C`` labels of the batch's task,
``P`` dimensions of a word, ``d`` of a text, ``k`` of the matcher.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain, pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sklabelemb.layers import Dropout, drop_words, lstm, reversed_rows
from sklabelemb.mtle.matchers import (
    BilinearMatcher,
    ConcatMatcher,
    CosineMatcher,
    MLPMatcher,
)
from sklabelemb.mtle.text_vectors import pooled, weighted_mean, weights_in_text

__all__ = ["MTLE", "check_one_of", "task_number"]

# Standard deviation of the numbers of a word that has no pretrained vector.
WORD_STD = 0.4
ENCODERS = ("bilstm", "mean")
POOLINGS = ("last", "max", "mean")
MATCHERS = ("mlp", "bilinear", "cosine", "concat")


class MTLE(nn.Module):
    r"""Texts and label names are both embedded; to classify is to match them.

    Text encoder and label encoder, with word tables :math:`v` and :math:`u` that start from the
    same vectors and are both trained:

    .. math::
        X = [\overrightarrow{h}_n ; \overleftarrow{h}_1] = \mathrm{BiLSTM}(v_{w_1}, \dots, v_{w_n}),
        \qquad Y_j = \frac{1}{|l_j|} \sum_{w \in l_j} u_w

    A matcher then scores :math:`(X, Y_j)` for each label of the text's task. An empty text and a
    label without known words are zero vectors.

    Parameters
    ----------
    n_words : int
        Rows of the word tables, padding (row 0) included.
    label_words : list of lists of lists of int
        For each task, for each of its labels, the ids of the words of its text, between 1 and
        ``n_words - 1``. A label may have no word at all.
    embedding_dim : int, default=300
        P.
    encoder : {"bilstm", "mean"}, default="bilstm"
        How a text becomes a vector: from the states of a BiLSTM, d = 2 ``hidden_size`` (the paper),
        or the weighted mean of its word vectors, d = P, with a weight for each word that is 1 at
        first. Matchers take either size.
    hidden_size : int, default=100
        m, the state of each direction of the BiLSTM. Of no use to ``encoder="mean"``.
    pooling : {"last", "max", "mean"}, default="last"
        What of the BiLSTM's states is the text's vector: each direction's last (the paper), or the
        largest or mean value of each dimension over the text.
    matcher : {"mlp", "bilinear", "cosine", "concat"}, default="mlp"
        :class:`MLPMatcher`, :class:`BilinearMatcher`, :class:`CosineMatcher`, or the printed
        :class:`ConcatMatcher`, whose decisions never depend on the text.
    matcher_size : int, default=100
        k, of projections and hidden layer. Of no use to ``"bilinear"`` and ``"concat"``.
    dropout : float, default=0.5
        On the dimensions of word vectors (the same ones wherever a word occurs in a batch) and of
        the text vector; never on labels.
    word_dropout : float, default=0.0
        Probability of leaving out a word of a text, never of a label. To the BiLSTM it becomes a
        zero vector at its place; the mean is over the other words. A text never loses all of its
        words: one that would, keeps them all.
    multilabel : bool or list of bool, default=False
        Whether a text may have several labels; for all tasks, or for each one.
    sparse : bool, default=False
        Whether the gradients of both word tables are sparse.

    Notes
    -----
    The weights start from Xavier's distribution (each gate of the LSTM on its own), the biases at
    zero but for the forget gates, which start open (1); words from a normal distribution with
    standard deviation 0.4.

    A number that is added to all scores alike, such as the bias of a matcher, matters to
    multi-label tasks only: a softmax does not see it.

    References
    ----------
    .. [1] Zhang, H., Xiao, L., Chen, W., Wang, Y., & Jin, Y. (2018). Multi-Task Label Embedding
       for Text Classification. Proceedings of EMNLP 2018, 4545-4553.

    Examples
    --------
    Two tasks over a vocabulary of ten words: one with two labels of one word each, and one with
    three labels, the last of which has no known word.

    >>> import torch
    >>> network = MTLE(10, [[[2], [3]], [[4, 5], [6], []]], embedding_dim=8)
    >>> ids = torch.tensor([[7, 8, 9], [9, 2, 0]])
    >>> network(ids).shape, network(ids, task=1).shape
    (torch.Size([2, 2]), torch.Size([2, 3]))
    """

    label_ids: Tensor
    label_starts: Tensor
    vector_mean: Tensor
    vector_scale: Tensor
    _multilabel: list[bool]

    def __init__(
        self,
        n_words: int,
        label_words: Sequence[Sequence[Sequence[int]]],
        *,
        embedding_dim: int = 300,
        encoder: str = "bilstm",
        hidden_size: int = 100,
        pooling: str = "last",
        matcher: str = "mlp",
        matcher_size: int = 100,
        dropout: float = 0.5,
        word_dropout: float = 0.0,
        multilabel: bool | Sequence[bool] = False,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        check_one_of("encoder", encoder, ENCODERS)
        check_one_of("pooling", pooling, POOLINGS)
        check_one_of("matcher", matcher, MATCHERS)
        self.encoder = encoder
        self.pooling = pooling
        self.word_dropout = word_dropout
        self.embedding = nn.Embedding(n_words, embedding_dim, padding_idx=0, sparse=sparse)
        self.label_embedding = nn.EmbeddingBag(
            n_words, embedding_dim, mode="mean", padding_idx=0, sparse=sparse
        )
        self.dropout = Dropout(dropout)
        text_size = embedding_dim if encoder == "mean" else 2 * hidden_size
        if encoder == "mean":
            self.log_weight = nn.Embedding(n_words, 1, padding_idx=0, sparse=sparse)
            nn.init.zeros_(self.log_weight.weight)
        else:
            self.forwards = lstm(embedding_dim, hidden_size)
            self.backwards = lstm(embedding_dim, hidden_size)
        self.matcher: MLPMatcher | BilinearMatcher | CosineMatcher | ConcatMatcher
        if matcher == "mlp":
            self.matcher = MLPMatcher(text_size, embedding_dim, matcher_size)
        elif matcher == "bilinear":
            self.matcher = BilinearMatcher(text_size, embedding_dim)
        elif matcher == "cosine":
            self.matcher = CosineMatcher(text_size, embedding_dim, matcher_size)
        else:
            self.matcher = ConcatMatcher(text_size, embedding_dim)
        with torch.no_grad():
            nn.init.normal_(self.embedding.weight, std=WORD_STD)
            self.embedding.weight[0] = 0
            self.label_embedding.weight.copy_(self.embedding.weight)
        # Not part of the weights: weights must fit whatever the tasks are.
        for name in ("label_ids", "label_starts"):
            self.register_buffer(name, torch.empty(0, dtype=torch.int64), persistent=False)
        # What was taken from pretrained vectors, and what they were then multiplied with; 0 before
        # any came.
        self.register_buffer("vector_mean", torch.zeros(embedding_dim))
        self.register_buffer("vector_scale", torch.zeros(()))
        self._set_tasks(label_words, multilabel)

    @property
    def n_tasks(self) -> int:
        """The number of tasks."""
        return len(self._multilabel)

    def _set_tasks(
        self, label_words: Sequence[Sequence[Sequence[int]]], multilabel: bool | Sequence[bool]
    ) -> None:
        if not len(label_words):
            raise ValueError("label_words is empty: there must be at least one task.")
        if isinstance(multilabel, bool):
            multilabel = [multilabel] * len(label_words)
        if len(multilabel) != len(label_words):
            raise ValueError(
                f"multilabel has {len(multilabel)} values for {len(label_words)} tasks. Give one "
                "for each task, or a single bool for all."
            )
        ids: list[int] = []
        # Where each label's words start, counted from the first word of its task.
        starts: list[int] = []
        first_words, first_labels = [0], [0]
        for task, labels in enumerate(label_words):
            self._check_labels(task, labels)
            starts += accumulate((len(words) for words in labels[:-1]), initial=0)
            ids += chain.from_iterable(labels)
            first_words.append(len(ids))
            first_labels.append(len(starts))
        device = self.label_ids.device
        self.label_ids = torch.tensor(ids, dtype=torch.int64, device=device)
        self.label_starts = torch.tensor(starts, dtype=torch.int64, device=device)
        self._words_of = [slice(*bounds) for bounds in pairwise(first_words)]
        self._labels_of = [slice(*bounds) for bounds in pairwise(first_labels)]
        self._multilabel = list(multilabel)

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
            What a softmax (multi-label: a sigmoid) turns into probabilities. With
            ``matcher="concat"``, single-label tasks get the sigmoids of the scores: the paper's
            softmax is over these.
        """
        task = task_number(task, self.n_tasks)
        scores = self.match(self.text_vectors(ids), self.label_vectors(task))
        if isinstance(self.matcher, ConcatMatcher) and not self._multilabel[task]:
            return torch.sigmoid(scores)
        return scores

    def text_vectors(self, ids: Tensor) -> Tensor:
        """X of each text, shape (b, d)."""
        if self.training and self.word_dropout:
            ids = drop_words(ids, self.word_dropout, leave_one=True)
        lengths = (ids != 0).sum(dim=1)
        distinct, positions = torch.unique(ids, return_inverse=True)
        words = self.dropout(self.embedding(distinct))
        if self.encoder == "mean":
            vectors = weighted_mean(ids, positions, words, self.log_weight(distinct))
        else:
            vectors = self._states(positions, words, lengths)
        return self.dropout(vectors)

    def _states(self, positions: Tensor, words: Tensor, lengths: Tensor) -> Tensor:
        backwards = F.embedding(reversed_rows(positions, lengths), words)
        return torch.cat(
            [
                pooled(self.forwards(F.embedding(positions, words))[0], lengths, self.pooling),
                pooled(self.backwards(backwards)[0], lengths, self.pooling),
            ],
            dim=1,
        )

    def label_vectors(self, task: int | Tensor = 0) -> Tensor:
        """Y of each label of a task, shape (C, P)."""
        task = task_number(task, self.n_tasks)
        words, starts = self._words_of[task], self._labels_of[task]
        return self.label_embedding(self.label_ids[words], self.label_starts[starts])

    def match(self, X: Tensor, Y: Tensor) -> Tensor:
        """Scores of texts X, shape (b, d), and labels Y, shape (C, P): shape (b, C)."""
        return self.matcher(X, Y)

    def shares(self, ids: Tensor, task: int | Tensor = 0) -> Tensor | None:
        """What each word adds to each label's logit, where that can be said exactly.

        Parameters
        ----------
        ids : int64 Tensor of shape (b, s)
        task : int, or Tensor that holds one and the same number, default=0

        Returns
        -------
        Tensor of shape (b, s, C), or None
            With the mean encoder and the cosine or bilinear matcher a logit is a constant of the
            label and a sum over words (the cosine's length is that of the whole text). Otherwise
            None. Padding has 0.
        """
        if self.encoder != "mean" or isinstance(self.matcher, MLPMatcher | ConcatMatcher):
            return None
        parts = self.embedding(ids) * weights_in_text(ids, self.log_weight)
        return self.matcher.shares(parts, self.label_vectors(task))

    def _check_labels(self, task: int, labels: Sequence[Sequence[int]]) -> None:
        if not len(labels):
            raise ValueError(f"Task {task} has no labels: give it at least one.")
        n_words = self.embedding.num_embeddings
        for label, words in enumerate(labels):
            for word in words:
                if not 0 < word < n_words:
                    raise ValueError(
                        f"Label {label} of task {task} has the word id {word}, but ids go from 1 "
                        f"to {n_words - 1} (0 is padding)."
                    )


def check_one_of(option: str, value: str, allowed: Sequence[str]) -> None:
    """Raise a ValueError if an option of the network has an unknown value."""
    if value not in allowed:
        raise ValueError(f"{option}={value!r} must be one of {', '.join(allowed)}.")


def task_number(task: int | Tensor, n_tasks: int) -> int:
    """The number of the one task that a batch belongs to."""
    if isinstance(task, Tensor):
        first = int(task.reshape(-1)[0])
        if (task != first).any():
            raise ValueError(
                "task has several numbers, but the texts of a batch belong to one task."
            )
        task = first
    if not 0 <= task < n_tasks:
        raise ValueError(f"task={task}, but tasks go from 0 to {n_tasks - 1}.")
    return task
