"""Where each label lies when labels are read in blocks."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["label_slots"]


def label_slots(block_of_label: list[int], block_size: int) -> tuple[Tensor, Tensor]:
    """Which label lies where, and the way back.

    Parameters
    ----------
    block_of_label : list of int, length n
        The block that each label is read in, counted from 0.
    block_size : int
        Labels of the largest block.

    Returns
    -------
    slots : int64 Tensor of shape (g, B)
        The labels of each block, in their order; -1 where a block has room left.
    slot_of_label : int64 Tensor of shape (n,)
        The place of each label in the flat `slots`.

    Examples
    --------
    >>> slots, slot_of_label = label_slots([0, 1, 0], 2)
    >>> slots.tolist(), slot_of_label.tolist()
    ([[0, 2], [1, -1]], [0, 2, 1])
    """
    slots = torch.full((max(block_of_label) + 1, block_size), -1)
    filled = [0] * len(slots)
    for label, block in enumerate(block_of_label):
        slots[block, filled[block]] = label
        filled[block] += 1
    slot_of_label = torch.empty(len(block_of_label), dtype=torch.long)
    slot_of_label[slots[slots >= 0]] = torch.nonzero(slots.flatten() >= 0).flatten()
    return slots, slot_of_label
