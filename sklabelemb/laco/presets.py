"""The systems of the LACO paper that read with a pretrained encoder, as parameters by name."""

from __future__ import annotations

from typing import Any

__all__ = ["PAPER_SETTINGS", "PRESETS"]

PAPER_SETTINGS: dict[str, Any] = {
    "encoder": "bert-base-uncased",
    "window_size": 10,
    "similarity": "dot",
    "label_token_weight": None,
    "cooccurrence": None,
    "gamma": 0.5,
    "cooccurrence_weight": 1.0,
    "attention_dropout": None,
    "wide": False,
    "label_texts": None,
    "learning_rate": 5e-5,
    "encoder_learning_rate": 5e-5,
    "weight_decay": 0.0,
    "warmup": 0.0,
    "max_grad_norm": None,
    "batch_size": 32,
    "max_epochs": 20,
    "max_length": 263,
    "threshold": 0.5,
    "min_labels": 0,
}
"""Parameters of the paper: ``LACOClassifier(**PAPER_SETTINGS)``; 320 tokens with aapd's labels.

The paper has the encoder, 320 tokens, a window of 10, pairs by halves, batches of 32, Adam with the
step size 5e-5, and stops by the micro-F1 of held-out texts. It does not mention the rest. Like the
released code, these settings have a dropout of 0.1 of the document's vector, and a step size that
falls linearly to zero. The code also has a warm-up over a tenth of the steps, a weight decay of
0.01, gradients cut to the norm 1, step sizes that shrink by 0.8 from layer to layer, and 100
epochs. These settings have none of that: of at most 20 epochs they keep the best by micro-F1 and a
quarter of macro-F1, and stop after three without a better one. The softplus for the ReLU of
equation 3 and the mean for the sum of equation 4 stay (see :doc:`/methods`).
"""

# The encoder reads the document alone; its 320 tokens include [CLS] and [SEP].
_BERT = {
    **PAPER_SETTINGS,
    "joint_embedding": False,
    "cross_attention": False,
    "max_length": 318,
}

PRESETS: dict[str, dict[str, Any]] = {
    "LACO": PAPER_SETTINGS,
    "LACO+plcp": {**PAPER_SETTINGS, "cooccurrence": "plcp"},
    "LACO+clcp": {**PAPER_SETTINGS, "cooccurrence": "clcp"},
    "BERT": _BERT,
    "SeqTagBert": {**PAPER_SETTINGS, "head": "tagger", "cross_attention": False},
    "ML-Reasoner": {**_BERT, "head": "reasoner", "n_rounds": 2},
}
"""Parameters of each system by its name: ``LACOClassifier(**PRESETS["SeqTagBert"])``.

All are trained like :data:`PAPER_SETTINGS`. About SeqTagBert the paper only says that a BiLSTM-CRF
tags the labels; its size is our choice, and so is deciding by marginal probabilities with a
threshold instead of by the most probable sequence. ML-Reasoner is the variant over BERT; its paper
also has one over a word CNN, which is not included. Its label vectors have the encoder's hidden
size instead of the paper's 300, and the fully connected layer between text and classifier is
omitted: without a nonlinearity, which the paper does not mention, both are one linear map.
"""
