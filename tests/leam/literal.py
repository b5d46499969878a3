"""LEAM as it stands in the paper: one text, one word, one label after the other, in float64.

No padding, no batches, no blocks, no reordering of sums: what is written here can be held against
the equations with a finger on the page. The numbers are those of Wang et al. (2018).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

__all__ = ["literal_attention", "literal_label_penalty", "literal_logits", "literal_matches"]


def literal_matches(
    p: Mapping[str, Tensor], text: Sequence[int], *, compatibility: str, phrase_filter: str, r: int
) -> Tensor:
    """Equations (2) and (3) of one text: how well word l matches label k, shape (K, s)."""
    words = p["embedding.weight"]
    labels = p["label_embedding"]
    cosines = torch.stack(
        [torch.stack([c @ words[i] / (c.norm() * words[i].norm()) for i in text]) for c in labels]
    )
    if compatibility == "linear":
        return cosines
    columns = []
    for position in range(len(text)):
        column = p["filter_bias"]
        for j in range(2 * r + 1):
            at = position + j - r
            if not 0 <= at < len(text):
                continue
            if phrase_filter == "shared":
                column = column + p["filter_weight"][j] * cosines[:, at]
            else:
                column = column + p["filter_weight"][:, :, j] @ cosines[:, at]
        columns.append(torch.relu(column))
    return torch.stack(columns, dim=1)


def literal_attention(
    p: Mapping[str, Tensor],
    text: Sequence[int],
    *,
    n_labels: int,
    compatibility: str,
    phrase_filter: str,
    attention: str,
    r: int,
) -> list[Tensor]:
    """Equations (4) and (5) of one text: a weight per word, for each label."""
    if compatibility == "uniform":
        words = p["embedding.weight"]
        return [words.new_full((len(text),), 1 / len(text)) for _ in range(n_labels)]
    matches = literal_matches(
        p, text, compatibility=compatibility, phrase_filter=phrase_filter, r=r
    )
    scale = torch.exp(p["log_scale"])
    if attention == "shared":
        best = torch.stack([matches[:, position].max() for position in range(len(text))])
        powers = torch.exp(scale * best)
        return [powers / powers.sum()] * n_labels
    weights = []
    for k in range(n_labels):
        powers = torch.exp(scale * matches[k])
        weights.append(powers / powers.sum())
    return weights


def literal_head(p: Mapping[str, Tensor], z: Tensor) -> Tensor:
    """Equation (7): logits of all labels from one vector."""
    if "hidden.weight" in p:
        z = torch.relu(p["hidden.weight"] @ z + p["hidden.bias"])
    return p["output.weight"] @ z + p["output.bias"]


def literal_logits(
    p: Mapping[str, Tensor],
    texts: Sequence[Sequence[int]],
    *,
    compatibility: str,
    phrase_filter: str,
    attention: str,
    r: int,
) -> Tensor:
    """Equations (2) to (7) and the bag path; texts are lists of ids without padding."""
    words = p["embedding.weight"]
    n_labels = len(p["output.bias"])
    rows = []
    for text in texts:
        nothing = words.new_zeros(words.shape[1])
        vectors = [nothing] * n_labels
        if len(text):
            weights = literal_attention(
                p,
                text,
                n_labels=n_labels,
                compatibility=compatibility,
                phrase_filter=phrase_filter,
                attention=attention,
                r=r,
            )
            # Equation (6).
            vectors = [
                sum((beta[l] * words[i] for l, i in enumerate(text)), nothing)  # noqa: E741
                for beta in weights
            ]
        if attention == "shared":
            logits = literal_head(p, vectors[0])
        else:
            logits = torch.stack([literal_head(p, z)[k] for k, z in enumerate(vectors)])
        if "bag.weight" in p:
            total = sum((words[i] for i in text), nothing)
            logits = logits + p["bag.weight"] @ total / max(1, len(text)) ** 0.5
        rows.append(logits)
    return torch.stack(rows)


def literal_label_penalty(p: Mapping[str, Tensor], *, weight: float, multilabel: bool) -> Tensor:
    """Equation (9): the mean cross-entropy of each label's own vector."""
    labels = p["label_embedding"]
    losses = []
    for k, c in enumerate(labels):
        logits = literal_head(p, c)
        if multilabel:
            for j, logit in enumerate(logits):
                sign = 1 if j == k else -1
                losses.append(-torch.log(1 / (1 + torch.exp(-sign * logit))))
        else:
            losses.append(-torch.log(torch.exp(logits[k]) / torch.exp(logits).sum()))
    return weight * torch.stack(losses).mean()
