"""The settings of papers, as parameters of `SemanticUnitSeq2SeqClassifier`."""

from __future__ import annotations

from typing import Any

__all__ = ["PAPER_SETTINGS", "PRESETS"]

PAPER_SETTINGS: dict[str, Any] = {
    "embedding_dim": 512,
    "hidden_size": 512,
    "n_layers": 2,
    "directions": "sum",
    "wide": False,
    "attention": "hybrid",
    "label_order": "frequency",
    "beam_size": 5,
    "label_texts": None,
    "dropout": 0.0,
    "word_dropout": 0.0,
    "mask_numbers": True,
    "max_features": 50_000,
    "min_df": 1,
    "max_length": 500,
    "min_labels": 0,
    "batch_size": 64,
    "learning_rate": 3e-4,
    "schedule": "halving",
    "warmup": 0.0,
    "max_grad_norm": 10.0,
}
"""Parameters of the paper's model: ``SemanticUnitSeq2SeqClassifier(**PAPER_SETTINGS)``."""

# What the sequence models that the paper compares with have in common with it, and among them.
_COMMON: dict[str, Any] = {
    **PAPER_SETTINGS,
    "attention": "words",
    "directions": "concat",
    "mask_numbers": False,
    "schedule": "linear",
    "learning_rate": 1e-3,
    "dropout": 0.5,
    "max_epochs": 50,
}

PRESETS: dict[str, dict[str, Any]] = {
    "SGM": {**_COMMON, "label_input": "global"},
    "Seq2Set": {
        **_COMMON,
        "embedding_dim": 256,
        "objective": "set_f1",
        "max_grad_norm": 8.0,
        "beam_size": 10,
    },
    "OCD": {
        **_COMMON,
        "objective": "completion",
        "batch_size": 128,
        "learning_rate": 5e-4,
        "beam_size": 6,
    },
    "Seq2Seq_T": {
        **_COMMON,
        "architecture": "transformer",
        "n_heads": 8,
        "n_layers": 6,
        "dropout": 0.1,
        "learning_rate": 7e-4,
        "warmup": 0.1,
    },
}
"""Parameters of sequence models by name: ``SemanticUnitSeq2SeqClassifier(**PRESETS["SGM"])``.

They follow the papers and their released code for RCV1-V2, as far as these could be consulted; page
"Label sequences" of the documentation says for each what differs and what is our choice.
"""
