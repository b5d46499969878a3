"""LACO as it stands in the paper: one document, one word, one label after the other, in float64.

No padding, no batches, and no library behind the encoder: what is written here can be held against
the descriptions of Devlin et al. (2019) and Zhang et al. (2021) with a finger on the page. At the
end, a pretrained encoder that is small enough for tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SHARPNESS = 5.0


# -- the encoder -----------------------------------------------------------------------------------


def linear(p: Mapping[str, np.ndarray], name: str, x: np.ndarray) -> np.ndarray:
    return p[f"{name}.weight"] @ x + p[f"{name}.bias"]


def normalised(p: Mapping[str, np.ndarray], name: str, x: np.ndarray, eps: float) -> np.ndarray:
    spread = math.sqrt(((x - x.mean()) ** 2).mean() + eps)
    return (x - x.mean()) / spread * p[f"{name}.weight"] + p[f"{name}.bias"]


def gelu(x: np.ndarray) -> np.ndarray:
    return np.array([0.5 * value * (1 + math.erf(value / math.sqrt(2))) for value in x])


def softmax(x: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """As though each x were there this many times, and the shares of its copies were added."""
    shares = counts * np.exp(x - x.max())
    return shares / shares.sum()


def literal_bert(
    p: Mapping[str, np.ndarray],
    inputs: Sequence[np.ndarray],
    positions: Sequence[int],
    segments: Sequence[int],
    counts: Sequence[float],
    configuration: Mapping[str, Any],
) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    """States of the last layer; and attention weights (T, T), by layer and head.

    A token counts in the attention as this many.
    """
    weight = np.array(counts, dtype=float)
    eps, n_heads = configuration["layer_norm_eps"], configuration["num_attention_heads"]
    size = configuration["hidden_size"] // n_heads
    states = []
    for x, position, segment in zip(inputs, positions, segments, strict=True):
        x = x + p["embeddings.position_embeddings.weight"][position]
        x = x + p["embeddings.token_type_embeddings.weight"][segment]
        states.append(normalised(p, "embeddings.LayerNorm", x, eps))
    attentions = []
    for layer in range(configuration["num_hidden_layers"]):
        name = f"encoder.layer.{layer}"
        query, key, value = (
            [linear(p, f"{name}.attention.self.{part}", x) for x in states]
            for part in ("query", "key", "value")
        )
        heads, mixed = [], [np.zeros(0) for _ in states]
        for head in range(n_heads):
            own = slice(head * size, (head + 1) * size)
            weights = np.array(
                [
                    softmax(np.array([q[own] @ k[own] for k in key]) / size**0.5, weight)
                    for q in query
                ]
            )
            heads.append(weights)
            for t, row in enumerate(weights):
                seen = sum(w * v[own] for w, v in zip(row, value, strict=True))
                mixed[t] = np.concatenate([mixed[t], seen])
        attentions.append(heads)
        after = []
        for x, z in zip(states, mixed, strict=True):
            x = x + linear(p, f"{name}.attention.output.dense", z)
            x = normalised(p, f"{name}.attention.output.LayerNorm", x, eps)
            wide = gelu(linear(p, f"{name}.intermediate.dense", x))
            x = x + linear(p, f"{name}.output.dense", wide)
            after.append(normalised(p, f"{name}.output.LayerNorm", x, eps))
        states = after
    return states, attentions


# -- LACO ------------------------------------------------------------------------------------------


def literal_reading(
    p: Mapping[str, np.ndarray],
    ids: Sequence[int],
    labels: Sequence[np.ndarray] | None,
    configuration: Mapping[str, Any],
    cls_id: int,
    sep_id: int,
    label_token_weight: float | None,
) -> dict[str, Any]:
    """Equation 1 for one document and the labels of one block; without labels, the document alone.

    `ids` as the encoder counts. States of words, labels and [CLS], and the mean attention of the
    labels to each other.
    """
    own = {name.removeprefix("encoder."): v for name, v in p.items() if name.startswith("encoder.")}
    words = own["embeddings.word_embeddings.weight"]
    inputs = [words[cls_id], *(words[i] for i in ids), words[sep_id]]
    m = len(ids)
    positions, segments, counts = list(range(m + 2)), [0] * (m + 2), [1.0] * (m + 2)
    if labels is not None:
        inputs += [*labels, words[sep_id]]
        positions += [m + 2] * len(labels) + [m + 3]
        segments += [1] * (len(labels) + 1)
        all_labels = len(labels) if label_token_weight is None else label_token_weight
        counts += [all_labels / len(labels)] * len(labels) + [1.0]
    states, attentions = literal_bert(own, inputs, positions, segments, counts, configuration)
    reading = {"words": states[1 : m + 1], "first": states[0]}
    if labels is not None:
        n = len(labels)
        reading["labels"] = states[m + 2 : m + 2 + n]
        affinity = np.zeros((n, n))
        for a in range(n):
            for b in range(n):
                of_heads = [w[m + 2 + a, m + 2 + b] for heads in attentions for w in heads]
                affinity[a, b] = sum(of_heads) / len(of_heads)
        reading["affinity"] = affinity
    return reading


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b) / (math.sqrt(a @ a) * math.sqrt(b @ b))


def dot(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b)


def literal_cross_attention(
    words: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    kernel: np.ndarray,
    bias: float,
    similarity: Callable[[np.ndarray, np.ndarray], float] = cosine,
) -> np.ndarray:
    """Equations 2 and 3, shape (n, m): a word is seen with r neighbours on each side."""
    r = len(kernel) // 2
    attention = np.zeros((len(labels), len(words)))
    for j, label in enumerate(labels):
        for i in range(len(words)):
            total = bias
            for offset in range(-r, r + 1):
                if 0 <= i + offset < len(words):
                    total += kernel[offset + r] * similarity(words[i + offset], label)
            attention[j, i] = math.log1p(math.exp(SHARPNESS * total)) / SHARPNESS
    return attention


def literal_weights(attention: np.ndarray) -> np.ndarray:
    """Equation 4, and shares of it: what each word counts."""
    omega = [math.tanh(max(column)) for column in attention.T]
    return np.array([value / sum(omega) for value in omega])


def literal_laco(
    p: Mapping[str, np.ndarray],
    ids: Sequence[int],
    configuration: Mapping[str, Any],
    *,
    n_labels: int,
    cls_id: int,
    sep_id: int,
    joint_embedding: bool = True,
    cross_attention: bool = True,
    block_size: int | None = None,
    label_token_weight: float | None = 1.0,
) -> dict[str, np.ndarray]:
    """Logits (n,), cross attention (n, m), labels (n, k), affinity (n, n)."""
    table = p.get("label_embedding.weight")
    size = block_size or n_labels
    whole = [list(range(n_labels))]
    blocks = [list(range(i, min(i + size, n_labels))) for i in range(0, n_labels, size)]
    logits, attention = np.zeros(n_labels), np.zeros((n_labels, len(ids)))
    affinity = np.zeros((n_labels, n_labels))
    states: list[np.ndarray] = []
    for block in blocks if joint_embedding else whole:
        tokens = [table[j] for j in block] if joint_embedding else None
        reading = literal_reading(p, ids, tokens, configuration, cls_id, sep_id, label_token_weight)
        words = reading["words"]
        labels = reading["labels"] if joint_embedding else ([] if table is None else list(table))
        states += labels
        if joint_embedding:
            for a, j in enumerate(block):
                affinity[j, block] = reading["affinity"][a] / reading["affinity"][a].sum()
        vector = reading["first"]
        if cross_attention:
            vector = np.zeros(configuration["hidden_size"])
            if words:
                kernel, bias = p["cross_attention.kernel"], float(p["cross_attention.bias"])
                attention[block] = literal_cross_attention(words, labels, kernel, bias)
                weights = literal_weights(attention[block])
                for i, word in enumerate(words):
                    vector = vector + weights[i] * word
        for j in block:
            logits[j] = vector @ p["output.weight"][j] + p["output.bias"][j]
    return {
        "logits": logits,
        "attention": attention,
        "labels": np.array(states),
        "affinity": affinity,
    }


# -- the tasks -------------------------------------------------------------------------------------


def cross_entropy(logit: float, truth: float) -> float:
    """Of one yes or no."""
    p = 1 / (1 + math.exp(-logit))
    return -math.log(p) if truth else -math.log(1 - p)


def literal_pairwise(
    weight: np.ndarray, bias: float, labels: np.ndarray, pairs: Any, together: Any
) -> float | None:
    """PLCP's loss of one document; None where nothing is asked."""
    losses = [
        cross_entropy(float(weight @ np.concatenate([labels[i], labels[j]])) + bias, truth)
        for (i, j), truth in zip(pairs, together, strict=True)
        if i >= 0
    ]
    return sum(losses) if losses else None


def literal_conditional(
    weight: np.ndarray, bias: float, labels: np.ndarray, given: Any, present: Any
) -> float | None:
    """CLCP's loss of one document; None where nothing is asked."""
    known = [labels[j] for j in range(len(labels)) if given[j]]
    if not known:
        return None
    mean = sum(known) / len(known)
    losses = [
        cross_entropy(float(weight @ np.concatenate([mean, labels[j]])) + bias, present[j])
        for j in range(len(labels))
        if not given[j]
    ]
    return sum(losses)


def mean_over_documents(losses: Sequence[float | None], weights: Sequence[float]) -> float:
    """Mean over all documents, times their sample weights; nothing asked is no loss."""
    weighted = [w * (x or 0.0) for w, x in zip(weights, losses, strict=True)]
    return sum(weighted) / len(weighted)


# -- a pretrained encoder --------------------------------------------------------------------------

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ",", ".", "my", "is", "the", "due", "late"]
PIECES += ["parcel", "refund", "lost", "pay", "##ment", "##ed", "##s", "un", "##paid", "re", "call"]
PIECES += ["wrong", "bill", "delivery", "p", "##ar", "##cel", "[", "]", "sep"]

BERT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
BERT |= {"intermediate_size": 24, "max_position_embeddings": 64, "pad_token_id": 0}


def word_piece_tokenizer(pieces: Sequence[str] = PIECES) -> Any:
    """A tokenizer of BERT's kind, from the library that BERT's own are from."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    ids = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    if "[CLS]" in ids:
        tokenizer.post_processor = processors.BertProcessing(
            ("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"])
        )
    marks = [piece for piece in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]") if piece in ids]
    tokenizer.add_special_tokens(marks)
    return tokenizer


def write_encoder(folder: Path, seed: int = 0, **configuration: Any) -> Path:
    """A folder as a pretrained encoder of BERT's kind has it; its weights are random."""
    import json

    import torch
    from transformers import BertConfig, BertModel

    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BertModel(BertConfig(**{**BERT, "vocab_size": len(PIECES), **configuration}))
        with torch.no_grad():
            # As after a training: rows that differ, biases that are not 0.
            for parameter in model.parameters():
                parameter.add_(torch.randn(parameter.shape) * 0.1)
            model.embeddings.word_embeddings.weight.mul_(3.0)
    model.save_pretrained(folder)
    word_piece_tokenizer().save(str(folder / "tokenizer.json"))
    marks = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    content = {f"{name}_token": mark for name, mark in marks.items()}
    content |= {"tokenizer_class": "BertTokenizer", "model_max_length": 64}
    (folder / "tokenizer_config.json").write_text(json.dumps(content))
    return folder
