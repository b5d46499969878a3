"""The beam: the most probable label sequences of a whole batch of texts at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from sklabelemb.semantic_unit.network import SemanticUnitNetwork

__all__ = ["Beams", "beam_search"]

# Texts leave the batch together, when one in this many is done.
LEAVING = 4


@dataclass(frozen=True)
class Beams:
    """The finished hypotheses of each text, the most probable first.

    Attributes
    ----------
    labels : int64 Tensor of shape (b, k, T)
        The labels in the order in which they were emitted, padded with -1.
    log_probs : Tensor of shape (b, k)
        Of the whole sequence, its end included; -inf where there are fewer than k.
    steps : Tensor of shape (b, k, T)
        Log-probability of each label when it was emitted; 0 at padding.
    elsewhere : Tensor of shape (b, k, L)
        Probability that the label came up at one of the steps, whatever was emitted there.
    unfound : float64 Tensor of shape (b,)
        Probability of the sequences of allowed lengths that are not in the beam.
    """

    labels: Tensor
    log_probs: Tensor
    steps: Tensor
    elsewhere: Tensor
    unfound: Tensor

    def members(self) -> Tensor:
        """Which labels each sequence has, bool of shape (b, k, L)."""
        n_labels = self.elsewhere.shape[2]
        columns = torch.where(self.labels >= 0, self.labels, n_labels)
        members = columns.new_zeros((*columns.shape[:2], n_labels + 1), dtype=torch.bool)
        return members.scatter_(2, columns, True)[..., :n_labels]

    def marginals(self) -> Tensor:
        """Probability of each label, shape (b, L).

        Of the sequences in the beam, the share of the probability on those that have the label;
        and of what the beam has not found, the share that the label had at the steps, which is an
        estimate. Exact where the beam holds all sequences.
        """
        log_probs = self.log_probs.double()
        found = log_probs.exp()
        held = (found.unsqueeze(2) * self.members()).sum(dim=1)
        weights = torch.softmax(log_probs, dim=1).unsqueeze(2)
        beside = self.unfound.unsqueeze(1) * (weights * self.elsewhere).sum(dim=1)
        total = found.sum(dim=1) + self.unfound
        return (held + beside) / total.clamp_min(torch.finfo(total.dtype).tiny).unsqueeze(1)


@torch.inference_mode()
def beam_search(
    network: SemanticUnitNetwork,
    ids: Tensor,
    beam_size: int = 5,
    min_labels: int = 0,
    max_labels: int | None = None,
    scale: float = 1.0,
    bias: Tensor | None = None,
) -> Beams:
    """Find the most probable label sequences of a batch of texts.

    At every step all continuations of the `beam_size` open hypotheses of a text are ranked. Those
    that end, and are among the best `beam_size`, are finished; the best that do not end stay open.
    A text is done when it has `beam_size` finished hypotheses that no open one can beat any more
    (probabilities only fall), and leaves the batch. With a beam of 1 this is greedy decoding; with
    one as wide as there are sequences it finds them all.

    Parameters
    ----------
    network : SemanticUnitNetwork
        For label sets, in evaluation mode.
    ids : int64 Tensor of shape (b, s)
        Word ids, padded with 0 at the end.
    beam_size : int, default=5
    min_labels : int, default=0
        Shorter sequences are not considered.
    max_labels : int, default=None
        Nor are longer ones. None: as many as there are labels.
    scale : float, default=1.0
        Factor on the network's logits.
    bias : Tensor of shape (b, n_labels + 1), default=None
        Added to the logits at every step: what else is known of each label, and of the end.

    Returns
    -------
    Beams

    Examples
    --------
    >>> network = SemanticUnitNetwork(10, 3, embedding_dim=8, hidden_size=16).eval()
    >>> beams = beam_search(network, torch.tensor([[7, 8, 9]]), beam_size=2, min_labels=1)
    >>> beams.log_probs.shape, bool((beams.labels[..., 0] >= 0).all())
    (torch.Size([1, 2]), True)
    """
    n_labels = network.n_labels
    max_labels = n_labels if max_labels is None else min(max_labels, n_labels)
    min_labels = min(min_labels, max_labels)
    memory = network.encode(ids)
    state = memory.start
    texts = torch.arange(len(ids), device=ids.device)
    alive = _Hypotheses.at_the_start(len(ids), n_labels, memory.start[0])
    finished = replace(alive, scores=torch.full_like(alive.scores, -torch.inf))
    forbidden = torch.zeros(len(ids), dtype=torch.float64, device=ids.device)
    results: list[tuple[Tensor, _Hypotheses, Tensor]] = []
    for length in range(max_labels + 1):
        logits, state = network.step(alive.last, state, memory)
        logits = scale * logits.float()
        if bias is not None:
            logits = logits + bias[texts].unsqueeze(1)
        log_probs = logits.masked_fill(alive.emitted, -torch.inf).log_softmax(dim=2)
        scores = alive.scores.unsqueeze(2) + log_probs
        alive = alive.passing(log_probs)
        if length < min_labels:
            forbidden += scores[..., n_labels].double().exp().sum(dim=1)
            scores[..., n_labels] = -torch.inf
        if length == max_labels:
            forbidden += scores[..., :n_labels].double().exp().sum(dim=(1, 2))
            scores[..., :n_labels] = -torch.inf
        onward, where = _best(scores[..., :n_labels].flatten(1), beam_size)
        ends = scores[..., n_labels]
        worst = _best(torch.cat([onward, ends], dim=1), beam_size)[0][:, -1:]
        ended = replace(alive, scores=ends.masked_fill(ends < worst, -torch.inf))
        finished = finished.joined(ended).best(beam_size)
        parents, labels = where // n_labels, where % n_labels
        done = (finished.n >= beam_size) & (finished.scores[:, -1] >= onward[:, 0])
        done |= onward[:, 0] == -torch.inf
        # What is done cannot change any more; to take it out is to copy the rest.
        if done.all():
            results.append((texts, finished, forbidden))
            break
        if leaving := bool(LEAVING * done.sum() >= len(done)):
            results.append((texts[done], finished.of(done), forbidden[done]))
        else:
            done = torch.zeros_like(done)
        rows = (torch.arange(len(texts), device=ids.device) * alive.n).unsqueeze(1) + parents
        rows = (rows[~done] if leaving else rows).flatten()
        state = tuple(part[:, rows] for part in state)
        steps = log_probs.flatten(1).gather(1, parents * (n_labels + 1) + labels)
        alive = alive.continued(parents, labels, onward, steps)
        finished = finished.lengthened()
        if leaving:
            texts, memory, forbidden = texts[~done], memory.take(~done), forbidden[~done]
            alive, finished = alive.of(~done), finished.of(~done)
    return _assembled(results)


@dataclass(frozen=True)
class _Hypotheses:
    """Some hypotheses of each of b texts: q of them, with t labels at most.

    `scores` (b, q); `labels` and `steps` (b, q, t), as in `Beams`; `emitted` (b, q, L + 1), the
    last column being the end; `missed` (b, q, L), the logarithm of the probability that the label
    came up at none of the steps.
    """

    scores: Tensor
    labels: Tensor
    steps: Tensor
    emitted: Tensor
    missed: Tensor

    @classmethod
    def at_the_start(cls, n_texts: int, n_labels: int, like: Tensor) -> _Hypotheses:
        """The empty sequence for each text."""
        device = like.device
        return cls(
            scores=torch.zeros(n_texts, 1, device=device),
            labels=torch.empty(n_texts, 1, 0, dtype=torch.int64, device=device),
            steps=torch.empty(n_texts, 1, 0, device=device),
            emitted=torch.zeros(n_texts, 1, n_labels + 1, dtype=torch.bool, device=device),
            missed=torch.zeros(n_texts, 1, n_labels, device=device),
        )

    @property
    def n(self) -> int:
        """Hypotheses a text."""
        return self.scores.shape[1]

    @property
    def last(self) -> Tensor:
        """What was emitted last; the number of labels at the start."""
        if self.labels.shape[2]:
            return self.labels[..., -1]
        return self.labels.new_full(self.scores.shape, self.missed.shape[2])

    def passing(self, log_probs: Tensor) -> _Hypotheses:
        """One step further, whatever is emitted there."""
        missed = self.missed + torch.log1p(-log_probs[..., :-1].exp().clamp_max(1))
        return replace(self, missed=missed)

    def continued(
        self, parents: Tensor, labels: Tensor, scores: Tensor, steps: Tensor
    ) -> _Hypotheses:
        """Hypotheses `parents` (b, q), each with one more label."""
        old = self._map(lambda part: _picked(part, parents))
        return replace(
            old,
            scores=scores,
            labels=torch.cat([old.labels, labels.unsqueeze(2)], dim=2),
            steps=torch.cat([old.steps, steps.unsqueeze(2)], dim=2),
            emitted=old.emitted.scatter(2, labels.unsqueeze(2), True),
        )

    def lengthened(self, by: int = 1) -> _Hypotheses:
        """Room for more labels."""
        return replace(
            self,
            labels=F.pad(self.labels, (0, by), value=-1),
            steps=F.pad(self.steps, (0, by)),
        )

    def joined(self, others: _Hypotheses) -> _Hypotheses:
        """These and others of the same texts."""
        return _Hypotheses(
            *(torch.cat([getattr(self, f.name), getattr(others, f.name)], 1) for f in fields(self))
        )

    def best(self, n: int) -> _Hypotheses:
        """The `n` most probable ones, in that order."""
        where = _best(self.scores, n)[1]
        return self._map(lambda part: _picked(part, where))

    def of(self, texts: Tensor) -> _Hypotheses:
        """Those of some texts, which a mask says."""
        return self._map(lambda part: part[texts])

    def _map(self, change: Callable[[Tensor], Tensor]) -> _Hypotheses:
        return _Hypotheses(*(change(getattr(self, field.name)) for field in fields(self)))


def _best(scores: Tensor, n: int) -> tuple[Tensor, Tensor]:
    values, places = scores.topk(min(n, scores.shape[1]), dim=1)
    return values, places


def _picked(part: Tensor, where: Tensor) -> Tensor:
    """Along the second dimension."""
    shape = (*where.shape, *part.shape[2:])
    return part.gather(1, where.reshape(*where.shape, *[1] * (part.dim() - 2)).expand(shape))


def _assembled(results: list[tuple[Tensor, _Hypotheses, Tensor]]) -> Beams:
    """The hypotheses of all texts in the order of the texts."""
    longest = max(some.labels.shape[2] for _, some, _ in results)
    n_found = max(some.n for _, some, _ in results)
    parts: dict[str, list[Tensor]] = {field.name: [] for field in fields(Beams)}
    for _, some, forbidden in results:
        some = some.lengthened(longest - some.labels.shape[2])
        gap = n_found - some.n
        nothing = (some.scores == -torch.inf).unsqueeze(2)
        labels = some.labels.masked_fill(nothing, -1)
        parts["labels"].append(F.pad(labels, (0, 0, 0, gap), value=-1))
        parts["log_probs"].append(F.pad(some.scores, (0, gap), value=-torch.inf))
        parts["steps"].append(F.pad(some.steps.masked_fill(nothing, 0), (0, 0, 0, gap)))
        parts["elsewhere"].append(F.pad(-torch.expm1(some.missed), (0, 0, 0, gap)))
        rest = 1 - forbidden - some.scores.double().exp().sum(dim=1)
        parts["unfound"].append(rest.clamp_min(0))
    back = torch.cat([texts for texts, _, _ in results]).argsort()
    return Beams(**{name: torch.cat(some)[back] for name, some in parts.items()})
