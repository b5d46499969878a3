"""Texts, and the texts of labels, as a frozen encoder reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sklabelemb.device import resolved_device
from sklabelemb.encoders import text_vectors
from sklabelemb.learning.model import Model
from sklabelemb.learning.recipe import Recipe
from sklabelemb.learning.task import Task
from sklabelemb.linear import LabelTexts
from sklabelemb.text import TokenIds

__all__ = ["embedded", "read_label_texts"]


def embedded(recipe: Recipe, texts: TokenIds, documents: Sequence[str], encoder: Any) -> TokenIds:
    """The texts with what a frozen encoder makes of them, if there is one."""
    if encoder is None:
        return texts
    device = resolved_device(recipe.settings.device)
    verbose = bool(recipe.settings.verbose)
    vectors = text_vectors(encoder, documents, memory=recipe.memory, device=device, verbose=verbose)
    return texts.with_vectors(vectors)


def read_label_texts(task: Task, model: Model) -> LabelTexts | None:
    """The texts of a task's labels as texts are read; None where no label has one."""
    texts = task.label_texts or []
    labels = np.array([i for i, text in enumerate(texts) if text.strip()], dtype=np.int64)
    if not len(labels):
        return None
    own = [texts[i] for i in labels]
    tokenizer = model.recipe.settings.text_tokenizer
    ids = model.vocabulary.encode(own, tokenizer, keep_unknown=True)
    return LabelTexts(labels, embedded(model.recipe, ids, own, model.encoder))
