"""The comparison systems of the literature, as parameters of `DocumentClassifier`."""

from __future__ import annotations

from typing import Any

__all__ = ["PRESETS"]

# What all papers have in common: nothing is tuned but weights and the epoch.
COMMON: dict[str, Any] = {
    "wide": False,
    "threshold": 0.5,
    "min_labels": 0,
    "warmup": 0.0,
    "min_df": 1,
    "dropout": 0.0,
    "head_dropout": 0.0,
    "learning_rate": 1e-3,
    "max_epochs": 50,
}

_SYSTEMS: dict[str, dict[str, Any]] = {
    "NBOW": {"encoder": "words", "pooling": "mean", "batch_size": 50},
    "SWEM-max": {"encoder": "words", "pooling": "max", "hidden_layers": (300,), "dropout": 0.2},
    "KimCNN": {
        "encoder": "cnn",
        "pooling": "max",
        "widths": (3, 4, 5),
        "hidden_size": 100,
        "head_dropout": 0.5,
        "batch_size": 50,
    },
    "XML-CNN": {
        "encoder": "cnn",
        "pooling": "dynamic_max",
        "widths": (2, 4, 8),
        "hidden_size": 128,
        "n_parts": 2,
        "hidden_layers": (512,),
        "dropout": 0.2,
        "head_dropout": 0.5,
        "batch_size": 64,
    },
    "small word CNN": {
        "encoder": "word_cnn",
        "pooling": "dynamic_max",
        "hidden_size": 256,
        "hidden_layers": (1024, 1024),
        "head_dropout": 0.5,
        "batch_size": 128,
    },
    "large word CNN": {
        "encoder": "word_cnn",
        "pooling": "dynamic_max",
        "hidden_size": 1024,
        "hidden_layers": (2048, 2048),
        "head_dropout": 0.5,
        "batch_size": 128,
    },
    "VDCNN": {
        "encoder": "vdcnn",
        "pooling": "k_max",
        "hidden_size": 64,
        "n_layers": 1,
        "n_parts": 8,
        "hidden_layers": (2048, 2048),
        "batch_size": 128,
    },
    "LSTM": {"encoder": "lstm", "pooling": "mean", "hidden_size": 512, "batch_size": 128},
    "attentive LSTM": {
        "encoder": "lstm",
        "pooling": "attention",
        "hidden_size": 128,
        "attention_size": 128,
        "batch_size": 64,
    },
    "BiLSTM": {"encoder": "bilstm", "pooling": "last", "hidden_size": 100, "batch_size": 32},
    "BiGRU": {
        "encoder": "bigru",
        "pooling": "last",
        "embedding_dim": 100,
        "hidden_size": 512,
        "learning_rate": 3e-3,
        "batch_size": 16,
    },
    "C-LSTM": {
        "encoder": "cnn_lstm",
        "pooling": "last",
        "widths": (3,),
        "hidden_size": 150,
        "dropout": 0.5,
        "head_dropout": 0.5,
        "batch_size": 32,
    },
    "HAN": {
        "encoder": "han",
        "pooling": "attention",
        "embedding_dim": 200,
        "hidden_size": 50,
        "attention_size": 100,
        "block_length": 50,
        "batch_size": 64,
    },
    "Bi-BloSAN": {
        "encoder": "bi_blosan",
        "pooling": "source2token",
        "hidden_size": 300,
        "block_length": 10,
        "dropout": 0.25,
        "head_dropout": 0.25,
        "batch_size": 64,
    },
    "transformer": {
        "encoder": "transformer",
        "pooling": "mean",
        "hidden_size": 256,
        "n_layers": 2,
        "n_heads": 4,
        "dropout": 0.1,
        "learning_rate": 3e-4,
        "warmup": 0.1,
        "batch_size": 32,
    },
    "CAML": {
        "encoder": "cnn",
        "pooling": "label_wise",
        "embedding_dim": 100,
        "widths": (10,),
        "hidden_size": 50,
        "activation": "tanh",
        "dropout": 0.2,
        "learning_rate": 1e-4,
        "batch_size": 16,
        "max_epochs": 200,
        "patience": 10,
    },
    "BiGRU-LWAN": {
        "encoder": "bigru",
        "pooling": "label_wise",
        "embedding_dim": 200,
        "hidden_size": 300,
        "dropout": 0.4,
        "batch_size": 16,
        "patience": 10,
    },
    "LSAN": {
        "encoder": "bilstm",
        "pooling": "label_specific",
        "hidden_size": 300,
        "attention_size": 200,
        "hidden_layers": (300,),
        "dropout": 0.2,
        "batch_size": 64,
    },
}
_SYSTEMS["DR-CAML"] = {**_SYSTEMS["CAML"], "description_penalty": 10.0}

PRESETS: dict[str, dict[str, Any]] = {name: {**COMMON, **own} for name, own in _SYSTEMS.items()}
"""Parameters of each system by its name: ``DocumentClassifier(**PRESETS["CAML"])``.

They are the printed ones of the systems' papers, as far as there are such; page "Comparison
systems" of the documentation says for each what differs.
"""
