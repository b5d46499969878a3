"""Cross-validated scores of an encoder path."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklabelemb.learning.batches import TextDataset
from sklabelemb.learning.task import Task
from sklabelemb.linear import EncoderPath, LabelTexts
from sklabelemb.model_selection.stratification import iterative_stratification

__all__ = ["cross_fitted_scores"]

N_FOLDS = 5


def cross_fitted_scores(
    part: TextDataset, task: Task, vocabulary: Any, label_texts: LabelTexts | None, seed: int
) -> np.ndarray:
    """Scores of every text by an encoder path that was trained without it.

    With few texts, a hold-out is too small to tune anything, so all texts are used. Label texts are
    among the samples of each fold, so a label is known even if its only text is held out.

    Parameters
    ----------
    part : TextDataset of length n_texts
        With vectors.
    task : Task
    vocabulary : Vocabulary or WordPieces
    label_texts : LabelTexts or None
    seed : int

    Returns
    -------
    float32 ndarray of shape (n_texts, n_labels)
    """
    fold_of = _folds(part.targets, seed)
    scores = np.zeros((len(part), task.targets.n_labels), dtype=np.float32)
    for fold in range(N_FOLDS):
        held_out = np.flatnonzero(fold_of == fold)
        if not len(held_out):
            continue
        train = part.subset(np.flatnonzero(fold_of != fold))
        path = EncoderPath.fit(
            train.token_ids,
            train.targets,
            vocabulary,
            task.targets.n_labels,
            task.class_weight,
            train.sample_weight,
            label_texts=label_texts,
        )
        scores[held_out] = path.scores(part.token_ids.take(held_out), vocabulary)
    return scores


def _folds(targets: Any, seed: int) -> np.ndarray:
    """The fold of every text; each has its share of every label."""
    random = np.random.RandomState(seed)
    if sp.issparse(targets):
        indicator = sp.csr_matrix(targets != 0, dtype=np.int8)
        indicator.sort_indices()
        return iterative_stratification(indicator, np.full(N_FOLDS, 1 / N_FOLDS), random)
    order = random.permutation(len(targets))
    order = order[np.argsort(targets[order], kind="stable")]
    folds = np.empty(len(targets), dtype=np.int64)
    folds[order] = np.arange(len(targets)) % N_FOLDS
    return folds
