"""Fits that torchrun starts, once in one process and once in two; what they found as JSON."""

import json
import sys
import warnings

from sklabelemb import LACOClassifier, LEAMClassifier, SemanticUnitSeq2SeqClassifier
from sklabelemb.datasets import load_support_requests

BERT = {"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
BERT |= {"intermediate_size": 24, "max_position_embeddings": 64}
BERT |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def main(folder):
    from accelerate import Accelerator  # tests are collected where it is missing

    accelerator = Accelerator(cpu=True)
    shared = {"max_epochs": 2, "batch_size": 16, "device": "cpu", "random_state": 0}
    shared |= {"dropout": 0.0, "net_params": {"accelerator": accelerator}}
    small = {"embedding_dim": 16, "word_dropout": 0.0}
    classifiers = {
        "laco": LACOClassifier(encoder=BERT, **shared),
        "accumulated": LACOClassifier(encoder=BERT, accumulation_steps=2, **shared),
        "sequences": SemanticUnitSeq2SeqClassifier(hidden_size=16, **small, **shared),
        "leam": LEAMClassifier(**small, **shared),
    }
    data = load_support_requests()
    found = {}
    for name, classifier in classifiers.items():
        # 205 texts: the last batch of an epoch is smaller, and an odd one.
        classifier.fit(data.data[:205], data.target[:205])
        found[name] = {
            "train_loss": [row["train_loss"] for row in classifier.history_],
            "valid_loss": [row["valid_loss"] for row in classifier.history_],
            "proba": classifier.predict_proba(data.data[205:215]).tolist(),
        }
    name = f"{accelerator.num_processes}-{accelerator.process_index}.json"
    with open(f"{folder}/{name}", "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1])
