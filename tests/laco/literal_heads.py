"""The heads of SeqTagBert and ML-Reasoner, one document and one label after the other, in float64.

The tagger goes through all sets of labels there are, and the reasoner scores labels with the text
beside them, as Huang et al. (2015) and Wang et al. (2021) have it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


# -- the tagger ------------------------------------------------------------------------------------


def literal_lstm(
    p: Mapping[str, np.ndarray], inputs: Sequence[np.ndarray], backwards: bool
) -> list[np.ndarray]:
    """States of one direction, in the order of the inputs."""
    suffix = "l0_reverse" if backwards else "l0"
    of_input, of_state = p[f"weight_ih_{suffix}"], p[f"weight_hh_{suffix}"]
    bias = p[f"bias_ih_{suffix}"] + p[f"bias_hh_{suffix}"]
    size = of_state.shape[1]
    h, c, states = np.zeros(size), np.zeros(size), []
    for x in reversed(inputs) if backwards else inputs:
        gates = of_input @ x + of_state @ h + bias
        i, f, g, o = (gates[k * size : (k + 1) * size] for k in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states.append(h)
    return states[::-1] if backwards else states


def literal_emissions(p: Mapping[str, np.ndarray], labels: Sequence[np.ndarray]) -> np.ndarray:
    """What speaks for each label; parameters by their names in the tagger."""
    own = {name.removeprefix("lstm."): v for name, v in p.items() if name.startswith("lstm.")}
    forwards, backwards = literal_lstm(own, labels, False), literal_lstm(own, labels, True)
    weight, bias = p["emission.weight"][0], float(p["emission.bias"][0])
    both = (np.concatenate(pair) for pair in zip(forwards, backwards, strict=True))
    return np.array([weight @ state + bias for state in both])


def literal_field(emissions: np.ndarray, transitions: np.ndarray) -> dict[tuple[int, ...], float]:
    """The probability of each set of labels."""
    scores = {}
    for tags in itertools.product((0, 1), repeat=len(emissions)):
        score = sum(u for u, tag in zip(emissions, tags, strict=True) if tag)
        score += sum(transitions[a, b] for a, b in itertools.pairwise(tags))
        scores[tags] = math.exp(score)
    total = sum(scores.values())
    return {tags: value / total for tags, value in scores.items()}


def literal_tagger(p: Mapping[str, np.ndarray], labels: Sequence[np.ndarray]) -> np.ndarray:
    """Log-odds of the marginal probabilities."""
    field = literal_field(literal_emissions(p, labels), p["transitions"])
    marginals = [sum(v for tags, v in field.items() if tags[j]) for j in range(len(labels))]
    return np.array([math.log(m / (1 - m)) for m in marginals])


# -- the reasoner ----------------------------------------------------------------------------------


def literal_reasoner(
    text: np.ndarray,
    labels: Sequence[np.ndarray],
    *,
    of_text: np.ndarray,
    of_labels: np.ndarray,
    bias: np.ndarray,
    score_text: np.ndarray,
    score_label: np.ndarray,
    score_bias: float,
    n_rounds: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Logits and attention of the last round."""
    n = len(labels)
    z = np.zeros(n)
    score_weight = np.concatenate([score_text, score_label])
    output_weight = np.concatenate([of_text, of_labels], axis=1)
    for _ in range(n_rounds):
        encoded = [z[j] * labels[j] for j in range(n)]
        scores = [score_weight @ np.concatenate([text, e]) + score_bias for e in encoded]
        shares = np.array([math.exp(s) for s in scores])
        alpha = shares / shares.sum()
        attended = sum(a * e for a, e in zip(alpha, encoded, strict=True))
        logits = output_weight @ np.concatenate([text, attended]) + bias
        z = sigmoid(logits)
    return logits, alpha
