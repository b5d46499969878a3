"""The parameters that all classifiers have, and what "auto" among them stands for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklabelemb.decision import SHRINKAGES, tuned_thresholds
from sklabelemb.text import Tokenizer

__all__ = ["Budget", "Settings"]


@dataclass(frozen=True)
class Settings:
    """The parameters that all classifiers have; each is described where it is a parameter."""

    tokenizer: Callable[[str], Sequence[str]] | None
    lowercase: bool
    mask_numbers: bool
    max_features: int | None
    min_df: float
    max_length: int | None
    label_names: Any
    label_texts: Any
    class_weight: Any
    threshold: float | Sequence[float] | Mapping[Any, float] | str
    threshold_shrinkage: float | str
    min_labels: int | str
    max_epochs: int | str
    batch_size: int | str
    learning_rate: float
    warmup: float
    weight_decay: float
    validation_fraction: float
    patience: int | None
    device: str
    mixed_precision: bool
    random_state: Any
    verbose: int | bool
    net_params: Mapping[str, Any] | None

    @property
    def text_tokenizer(self) -> Callable[[str], Sequence[str]]:
        """What cuts texts, and texts of labels, into words."""
        if self.tokenizer is not None:
            return self.tokenizer
        return Tokenizer(lowercase=self.lowercase, mask_numbers=self.mask_numbers)

    @property
    def tunes_thresholds(self) -> bool:
        """Whether thresholds are chosen on held-out texts."""
        return isinstance(self.threshold, str)

    def tuned_thresholds(self, targets: Any, logits: np.ndarray) -> np.ndarray:
        """Thresholds that are best for texts which were held out."""
        measure = str(self.threshold)
        shrinkage = self.threshold_shrinkage
        if isinstance(shrinkage, str):
            shrinkage = SHRINKAGES[measure]
        return tuned_thresholds(targets, logits, shrinkage, measure)


@dataclass(frozen=True)
class Budget:
    """How long training takes, and in which steps, where parameters say "auto".

    Attributes
    ----------
    steps : int
        After this many steps there have been enough epochs,
    fewest_epochs, most_epochs : int
        within these bounds;
    most_steps : int
        and no more than two where the fewest would be more steps than these;
    fewest_steps : int
        but in any case as many as make this many steps.
    batches_an_epoch : int
        Batches are so small that an epoch has this many of them,
    smallest_batch, largest_batch : int
        within these bounds.
    """

    steps: int = 2000
    # The learning rate should be back at zero before the network overfits.
    fewest_epochs: int = 5
    most_epochs: int = 12
    most_steps: int = 10_000
    fewest_steps: int = 0
    # The largest is that of LEAM's paper.
    batches_an_epoch: int = 40
    smallest_batch: int = 16
    largest_batch: int = 100

    def epochs(self, n_batches: int) -> int:
        """Epochs for an epoch of `n_batches`."""
        fewest = min(self.fewest_epochs, max(2, math.ceil(self.most_steps / n_batches)))
        epochs = min(max(math.ceil(self.steps / n_batches), fewest), self.most_epochs)
        return max(epochs, math.ceil(self.fewest_steps / n_batches))

    @property
    def upper_bound(self) -> int:
        """No fit has more epochs."""
        return max(self.most_epochs, self.fewest_steps)

    def batch_size(self, n_samples: int) -> int:
        """Texts a batch for this many training texts."""
        batch = max(n_samples // self.batches_an_epoch, self.smallest_batch)
        return min(batch, self.largest_batch)
