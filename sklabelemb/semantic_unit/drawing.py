"""Draw label sequences from the network's own distribution, for training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["drawn_sequences", "emissions"]


def drawn_sequences(
    step: Callable[[Tensor, Any], tuple[Tensor, Any]],
    state: Any,
    n_labels: int,
    most: Tensor,
    greedy: bool = False,
) -> tuple[Tensor, Tensor]:
    """Let a decoder emit labels until each text has its end; gradients reach every step.

    Parameters
    ----------
    step : callable
        ``step(labels, state) -> (logits, state)``; from what was emitted last, int64 of shape
        (b, 1), to logits of shape (b, 1, L + 1). `n_labels` is emitted before the first label.
    state : object
        Where the decoder starts.
    n_labels : int
        L.
    most : int64 Tensor of shape (b,)
        Most labels of each text.
    greedy : bool, default=False
        Whether to take the most probable label at each step rather than to draw one.

    Returns
    -------
    labels : int64 Tensor of shape (b, T)
        In the order in which they were emitted, padded with -1.
    log_probs : Tensor of shape (b, T + 1, L + 1)
        At each step, -inf for labels that were emitted before. Where there is no room for another
        label, the end has 0 and all else -inf; after the end all have -inf.
    """
    last = torch.full_like(most, n_labels)
    gone = torch.zeros(len(most), n_labels + 1, dtype=torch.bool, device=most.device)
    is_open = torch.ones_like(most, dtype=torch.bool)
    labels, rows = [], []
    for length in range(int(most.max()) + 1):
        logits, state = step(last.unsqueeze(1), state)
        # A softmax in bfloat16 would round probabilities to two digits.
        logits = logits.squeeze(1)
        logits = logits.float() if logits.dtype == torch.bfloat16 else logits
        barred = gone | (length >= most).unsqueeze(1)
        barred[:, n_labels] = False
        log_probs = logits.masked_fill(barred, -torch.inf).log_softmax(dim=1)
        rows.append(log_probs.masked_fill(~is_open.unsqueeze(1), -torch.inf))
        if greedy:
            last = log_probs.argmax(dim=1)
        else:
            # After training has diverged anything may be drawn; the loss reports it.
            proba = log_probs.detach().exp().nan_to_num(1.0)
            last = torch.multinomial(proba, 1).squeeze(1)
        is_open = is_open & (last < n_labels)
        if not is_open.any():
            break
        labels.append(last.masked_fill(~is_open, -1))
        # After its end a text keeps emitting label 0, which is never read.
        last = last.masked_fill(~is_open, 0)
        gone = gone.scatter(1, last.unsqueeze(1), True)
    emitted = torch.stack(labels, dim=1) if labels else most.new_empty(len(most), 0)
    return emitted, torch.stack(rows, dim=1)


def emissions(labels: Tensor, log_probs: Tensor) -> Tensor:
    """Log-probability with which each label of a sequence was emitted, and its end.

    Parameters
    ----------
    labels : int64 Tensor of shape (b, T)
        Padded with -1.
    log_probs : Tensor of shape (b, T + 1, L + 1)

    Returns
    -------
    Tensor of shape (b, L + 1)
        -inf for labels that are not in the sequence. The last column is the end.
    """
    n_columns = log_probs.shape[2]
    lengths = (labels >= 0).sum(dim=1, keepdim=True)
    emitted = F.pad(labels, (0, 1), value=-1).scatter(1, lengths, n_columns - 1)
    values = log_probs.gather(2, emitted.clamp_min(0).unsqueeze(2)).squeeze(2)
    # What is padding goes to a column of its own, which is left out.
    columns = torch.where(emitted >= 0, emitted, n_columns)
    found = torch.full_like(log_probs[:, 0], -torch.inf)
    return F.pad(found, (0, 1)).scatter(1, columns, values)[:, :n_columns]
