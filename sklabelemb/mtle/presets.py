"""The paper's settings, and the multi-task systems that it compares MTLE with."""

from __future__ import annotations

from typing import Any

from torch.optim import SGD

__all__ = ["PAPER_SETTINGS", "PRESETS"]

PAPER_SETTINGS: dict[str, Any] = {
    "encoder": "bilstm",
    "embedding_dim": 300,
    "hidden_size": 100,
    "pooling": "last",
    "matcher": "mlp",
    "task_sampling": "uniform",
    "dropout": 0.0,
    "word_dropout": 0.0,
    "learning_rate": 0.1,
    "warmup": 0.0,
    "batch_size": 32,
    "max_epochs": 30,
    "patience": 10,
    "threshold": 0.5,
    "min_labels": 0,
    "min_df": 1,
    "net_params": {"optimizer": SGD, "optimizer__weight_decay": 1e-5},
}
"""Parameters of the paper: ``MTLEClassifier(**PAPER_SETTINGS)``, trained by plain SGD.

The printed matcher, ``"concat"``, decides without the text, so this has ``"mlp"``. The paper says
nothing of epochs, patience or a schedule; its LSTM has peepholes and no bias at the output, which
torch's has not and has, and its word vectors of 300 dimensions are word2vec's (`vectors`).
"""

PRESETS: dict[str, dict[str, Any]] = {
    "MT-DNN": {"heads": "task", "encoder": "dnn", "embedding_dim": 300, "hidden_size": 128},
    "MT-CNN": {"heads": "task", "encoder": "cnn", "window_size": 3, "hidden_size": 100},
    "MT-RNN": {"heads": "task", "encoder": "shared_layer", "pooling": "last"},
    "DSM": {"heads": "task", "encoder": "shared_memory", "pooling": "last"},
}
"""The systems that the paper compares MTLE with: ``MTLEClassifier(**PRESETS["MT-RNN"])``.

Each says what the system is and nothing of how it is trained, which is as all else is trained.
"MT-DNN" has the sizes of its paper. Page :doc:`methods` says for each what differs.
"""
