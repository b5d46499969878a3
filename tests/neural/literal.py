"""The systems as their papers print them: one text, one word after the other, in float64.

No padding, no batches, no reordering of sums. The arguments named ``p`` are the weights of a
network by their names below a prefix.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

Weights = Mapping[str, Tensor]


def below(p: Weights, prefix: str) -> dict[str, Tensor]:
    """The weights whose names start with a prefix, without it."""
    start = prefix + "."
    return {name[len(start) :]: value for name, value in p.items() if name.startswith(start)}


def linear(p: Weights, x: Tensor) -> Tensor:
    y = p["weight"] @ x
    return y + p["bias"] if "bias" in p else y


# -- encoders: from the vectors of words to states, and the final state ----------------------------


def convolved(p: Weights, x: list[Tensor]) -> list[Tensor]:
    """Filters over windows; an even window has one more word behind its own than before."""
    width = p["weight"].shape[2]
    found = []
    for i in range(len(x)):
        total = p.get("bias", x[0].new_zeros(len(p["weight"])))
        for j in range(width):
            at = i + j - (width - 1) // 2
            if 0 <= at < len(x):
                total = total + p["weight"][:, :, j] @ x[at]
        found.append(total)
    return found


def cnn(p: Weights, x: list[Tensor], activation=torch.relu) -> list[Tensor]:
    """Equation (2) of Kim (2014), for each width, side by side."""
    n_widths = sum(name.endswith("weight") for name in p)
    ways = [convolved(below(p, f"filters.{k}"), x) for k in range(n_widths)]
    return [torch.cat([activation(way[i]) for way in ways]) for i in range(len(x))]


def word_cnn(p: Weights, x: list[Tensor]) -> list[Tensor]:
    """Table 1 of Zhang et al. (2015)."""
    for layer in range(6):
        x = [torch.relu(state) for state in convolved(below(p, f"layers.{layer}"), x)]
        if layer in (0, 1, 5):
            x = [torch.stack(x[i : i + 3]).amax(0) for i in range(0, len(x), 3)]
    return x


def batch_normal(p: Weights, x: list[Tensor]) -> list[Tensor]:
    spread = torch.sqrt(p["running_var"] + 1e-5)
    return [(v - p["running_mean"]) / spread * p["weight"] + p["bias"] for v in x]


def vdcnn(p: Weights, x: list[Tensor], n_blocks: int) -> list[Tensor]:
    """Figures 1 and 2 of Conneau et al. (2017)."""
    x = convolved(below(p, "first"), x)
    for level in range(4):
        if level:
            x = [
                torch.stack([x[j] for j in (i - 1, i, i + 1) if 0 <= j < len(x)]).amax(0)
                for i in range(0, len(x), 2)
            ]
        for block in range(n_blocks):
            q = below(p, f"levels.{level}.{block}")
            y = batch_normal(below(q, "first_norm"), convolved(below(q, "first"), x))
            y = convolved(below(q, "second"), [torch.relu(v) for v in y])
            y = batch_normal(below(q, "second_norm"), y)
            beside = convolved(below(q, "shortcut"), x) if "shortcut.weight" in q else x
            x = [torch.relu(a + b) for a, b in zip(y, beside, strict=True)]
    return x


def lstm(p: Weights, x: list[Tensor]) -> list[Tensor]:
    size = p["weight_hh_l0"].shape[1]
    h = c = x[0].new_zeros(size)
    states = []
    for word in x:
        gates = p["weight_ih_l0"] @ word + p["bias_ih_l0"] + p["weight_hh_l0"] @ h + p["bias_hh_l0"]
        i, f, g, o = gates.split(size)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        states.append(h)
    return states


def gru(p: Weights, x: list[Tensor]) -> list[Tensor]:
    size = p["weight_hh_l0"].shape[1]
    h = x[0].new_zeros(size)
    states = []
    for word in x:
        r_in, z_in, n_in = (p["weight_ih_l0"] @ word + p["bias_ih_l0"]).split(size)
        r_of, z_of, n_of = (p["weight_hh_l0"] @ h + p["bias_hh_l0"]).split(size)
        r, z = torch.sigmoid(r_in + r_of), torch.sigmoid(z_in + z_of)
        h = (1 - z) * torch.tanh(n_in + r * n_of) + z * h
        states.append(h)
    return states


def recurrent(p: Weights, x: list[Tensor], cell, n_layers=1) -> tuple[list[Tensor], Tensor]:
    """States, and the last of each direction."""
    final = None
    for layer in range(n_layers):
        ways = [cell(below(p, f"forwards.{layer}"), x)]
        final = ways[0][-1]
        if any(name.startswith("backwards") for name in p):
            back = cell(below(p, f"backwards.{layer}"), x[::-1])
            final = torch.cat([final, back[-1]])
            ways.append(back[::-1])
        x = [torch.cat(states) for states in zip(*ways, strict=True)]
    return x, final


def han(
    p: Weights, x: list[Tensor], sentences: list[list[int]]
) -> tuple[list[Tensor], Tensor, Tensor]:
    """Equations (1) to (8) of Yang et al. (2016): states, the final one, attention of words."""
    vectors, shares = [], []
    for words in sentences:
        states, _ = recurrent(below(p, "words"), [x[i] for i in words], gru)
        weights = attention(below(p, "word_attention"), states)
        vectors.append(sum(w * h for w, h in zip(weights, states, strict=True)))
        shares += list(weights)
    states, final = recurrent(below(p, "sentences"), vectors, gru)
    return states, final, torch.stack(shares)


def masked_self_attention(p: Weights, x: list[Tensor], backward: bool) -> list[Tensor]:
    """Equations (9) to (14) of Shen et al. (2018)."""
    out = []
    for j, target in enumerate(x):
        others = range(j + 1, len(x)) if backward else range(j)
        if not len(others):
            out.append(torch.zeros_like(target))
            continue
        scores = torch.stack(
            [
                5.0
                * torch.tanh(
                    (p["source.weight"] @ x[i] + p["target.weight"] @ target + p["target.bias"]) / 5
                )
                for i in others
            ]
        )
        powers = scores.exp() / scores.exp().sum(0)
        out.append(sum(w * x[i] for w, i in zip(powers, others, strict=True)))
    return out


def source2token(p: Weights, x: list[Tensor]) -> Tensor:
    """Equations (7) and (8) of Shen et al. (2018)."""
    scores = torch.stack(
        [linear(below(p, "second"), torch.relu(linear(below(p, "first"), v))) for v in x]
    )
    weights = scores.exp() / scores.exp().sum(0)
    return sum(w * v for w, v in zip(weights, x, strict=True))


def bi_blosan(p: Weights, x: list[Tensor], r: int) -> list[Tensor]:
    """Section 3.2 of Shen et al. (2018), both directions side by side."""
    ways = []
    for number, backward in enumerate((False, True)):
        words = [torch.relu(linear(below(p, f"enter.{number}"), v)) for v in x]
        q = below(p, f"ways.{number}")
        blocks = [words[i : i + r] for i in range(0, len(words), r)]
        inner = [masked_self_attention(below(q, "inner"), block, backward) for block in blocks]
        v = [source2token(below(q, "summary"), block) for block in inner]
        o = masked_self_attention(below(q, "outer"), v, backward)
        out = []
        for i, word in enumerate(words):
            block = i // r
            gate = torch.sigmoid(linear(below(q, "gate"), torch.cat([o[block], v[block]])))
            e = gate * o[block] + (1 - gate) * v[block]
            every = torch.cat([word, inner[block][i % r], e])
            share = torch.sigmoid(linear(below(q, "fuse_gate"), every))
            fused = torch.relu(linear(below(q, "fuse"), every))
            out.append(share * fused + (1 - share) * word)
        ways.append(out)
    return [torch.cat(states) for states in zip(*ways, strict=True)]


def normal(p: Weights, x: Tensor) -> Tensor:
    return (x - x.mean()) / torch.sqrt(x.var(correction=0) + 1e-5) * p["weight"] + p["bias"]


def transformer(p: Weights, x: list[Tensor], n_heads: int, n_layers: int) -> list[Tensor]:
    """Sections 3.1 to 3.5 of Vaswani et al. (2017)."""
    if "enter.weight" in p:
        x = [linear(below(p, "enter"), v) for v in x]
    size = len(x[0])
    states = []
    for place, v in enumerate(x):
        where = torch.zeros_like(v)
        for k in range(0, size, 2):
            where[k] = math.sin(place / 10_000 ** (k / size))
            where[k + 1] = math.cos(place / 10_000 ** (k / size))
        states.append(math.sqrt(size) * v + where)
    for layer in range(n_layers):
        q = below(p, f"layers.{layer}")
        inputs = [q["self_attn.in_proj_weight"] @ v + q["self_attn.in_proj_bias"] for v in states]
        queries, keys, values = zip(*(v.split(size) for v in inputs), strict=True)
        after = []
        for i, v in enumerate(states):
            heads = []
            for head in torch.arange(size).chunk(n_heads):
                scores = torch.stack(
                    [queries[i][head] @ key[head] / math.sqrt(len(head)) for key in keys]
                )
                weights = scores.exp() / scores.exp().sum()
                heads.append(sum(w * value[head] for w, value in zip(weights, values, strict=True)))
            joined = linear(below(q, "self_attn.out_proj"), torch.cat(heads))
            v = normal(below(q, "norm1"), v + joined)
            inner = linear(below(q, "linear2"), torch.relu(linear(below(q, "linear1"), v)))
            after.append(normal(below(q, "norm2"), v + inner))
        states = after
    return states


# -- poolings: from states to a vector, or one for each label -------------------------------------


def attention(p: Weights, states: list[Tensor]) -> Tensor:
    """Equations (5) and (6) of Yang et al. (2016)."""
    scores = torch.stack(
        [torch.tanh(linear(below(p, "project"), h)) @ p["context"] for h in states]
    )
    return scores.exp() / scores.exp().sum()


def dynamic_max(states: list[Tensor], n_parts: int) -> Tensor:
    """Section 3.1 of Liu et al. (2017), over equal parts of the text."""
    vectors = []
    for part in range(n_parts):
        own = [h for i, h in enumerate(states) if i * n_parts // len(states) == part]
        vectors.append(torch.stack(own).amax(0) if own else torch.zeros_like(states[0]))
    return torch.cat(vectors)


def k_max(states: list[Tensor], k: int) -> Tensor:
    """The k largest values of each dimension, in the order of the text."""
    columns = []
    for column in torch.stack(states).T:
        largest = sorted(sorted(range(len(column)), key=lambda i: -float(column[i]))[:k])
        columns.append([float(column[i]) for i in largest] + [0.0] * (k - len(largest)))
    return torch.tensor(columns, dtype=torch.float64).T.flatten()


def label_wise(p: Weights, states: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Equations (2) and (3) of Mullenbach et al. (2018): attention and vector of each label."""
    weights, vectors = [], []
    for u in p["queries"]:
        scores = torch.stack([u @ h for h in states])
        alpha = scores.exp() / scores.exp().sum()
        weights.append(alpha)
        vectors.append(sum(a * h for a, h in zip(alpha, states, strict=True)))
    return weights, vectors


def label_specific(
    p: Weights, states: list[Tensor], directions: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Equations (3) to (10) of Xiao et al. (2019)."""
    attentions, vectors = [], []
    for label, c in enumerate(p["label_embedding"]):
        scores = torch.stack(
            [
                p["second.weight"][label] @ torch.tanh(linear(below(p, "first"), h))
                + p["second.bias"][label]
                for h in states
            ]
        )
        weights = scores.exp() / scores.exp().sum()
        learnt = sum(w * h for w, h in zip(weights, states, strict=True))
        of_text = sum(torch.cat([(c @ way) * way for way in h.chunk(directions)]) for h in states)
        alpha = torch.sigmoid(linear(below(p, "learnt_weight"), learnt))
        beta = torch.sigmoid(linear(below(p, "text_weight"), of_text))
        alpha, beta = alpha / (alpha + beta), beta / (alpha + beta)
        attentions.append(weights)
        vectors.append(alpha * learnt + beta * of_text)
    return attentions, vectors


def head(p: Weights, vector: Tensor, n_hidden: int) -> Tensor:
    """Hidden layers before the output."""
    for layer in range(n_hidden):
        vector = torch.relu(linear(below(p, f"hidden.{layer}"), vector))
    return vector


def description_penalty(p: Weights, label_words: list[list[int]], shares: Tensor) -> Tensor:
    """Section 2.4 of Mullenbach et al. (2018), the norm as a mean."""
    q, total = below(p, "descriptions"), torch.zeros((), dtype=torch.float64)
    for label, words in enumerate(label_words):
        if not words:
            continue
        x = [p["embedding.weight"][i] for i in words]
        phrases = torch.stack([torch.tanh(v) for v in convolved(below(q, "convolution"), x)])
        z = linear(below(q, "project"), phrases.amax(0))
        total = total + shares[label] * ((z - p["output.weight"][label]) ** 2).mean()
    return total
