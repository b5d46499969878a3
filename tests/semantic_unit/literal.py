"""The network as it stands in the paper: one text, one word, one step after the other, in float64.

No padding, no batches, no keys computed ahead: what is written here can be held against the
description of Lin et al. (2018) with a finger on the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["LiteralText", "literal_beam", "literal_encoder", "literal_sequences", "literal_units"]


def literal_lstm(
    p: Mapping[str, Tensor],
    inputs: Sequence[Tensor],
    start: tuple[Tensor, Tensor] | None = None,
    layer: int = 0,
) -> list[tuple[Tensor, Tensor]]:
    """State and cell after each of the inputs; gates in torch's order."""
    w, u = p[f"weight_ih_l{layer}"], p[f"weight_hh_l{layer}"]
    b = p[f"bias_ih_l{layer}"] + p[f"bias_hh_l{layer}"]
    m = u.shape[1]
    h, c = start or (torch.zeros(m, dtype=w.dtype), torch.zeros(m, dtype=w.dtype))
    seen = []
    for x in inputs:
        z = w @ x + u @ h + b
        enters, stays, leaves = (torch.sigmoid(z[g * m : (g + 1) * m]) for g in (0, 1, 3))
        c = stays * c + enters * torch.tanh(z[2 * m : 3 * m])
        h = leaves * torch.tanh(c)
        seen.append((h, c))
    return seen


def below(p: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The parameters of one part of the network."""
    return {k.removeprefix(prefix): v for k, v in p.items() if k.startswith(prefix)}


def literal_encoder(
    p: Mapping[str, Tensor], words: list[Tensor], n_layers: int, directions: str
) -> tuple[list[Tensor], list[tuple[Tensor, Tensor]]]:
    """States of the last layer, and state and cell after the last word, layer by layer."""

    def join(one: Tensor, other: Tensor) -> Tensor:
        return torch.cat([one, other]) if directions == "concat" else one + other

    finals, inputs = [], words
    for layer in range(n_layers):
        both = []
        for way in ("forwards", "backwards"):
            weights = below(p, f"encoder.{way}.{layer}.")
            # The last column is that of the flag, which is 0 at words.
            weights["weight_ih_l0"] = weights["weight_ih_l0"][:, :-1]
            in_order = inputs if way == "forwards" else inputs[::-1]
            both.append(literal_lstm(weights, in_order))
        there, mirrored = both
        if words:
            finals.append(tuple(join(there[-1][i], mirrored[-1][i]) for i in (0, 1)))
        else:
            size = p["output.weight"].shape[1]
            finals.append((torch.zeros(size).double(), torch.zeros(size).double()))
        back = mirrored[::-1]
        states = [join(a[0], b[0]) for a, b in zip(there, back, strict=True)]
        inputs = [torch.cat([a[0], b[0]]) for a, b in zip(there, back, strict=True)]
    return states, finals


def literal_units(
    p: Mapping[str, Tensor], states: list[Tensor], hierarchical: int | None
) -> list[Tensor]:
    """The units: three dilated convolutions, or an LSTM over the states at ends of k words."""
    if not states:
        return []
    if hierarchical is not None:
        ends = [*range(hierarchical - 1, len(states), hierarchical)]
        if len(states) % hierarchical:
            ends.append(len(states) - 1)
        picked = [states[at] for at in ends]
        return [h for h, _ in literal_lstm(below(p, "hierarchy."), picked)]
    rows = list(states)
    while len(rows) < 13:
        rows.append(torch.zeros_like(states[0]))
    for number, dilation in enumerate((1, 2, 3)):
        weight, bias = p[f"convolutions.{number}.weight"], p[f"convolutions.{number}.bias"]
        longer, rows = rows, []
        for at in range(len(longer) - 2 * dilation):
            value = bias
            for tap in range(3):
                value = value + weight[:, :, tap] @ longer[at + tap * dilation]
            rows.append(value.clamp_min(0))
    return rows


def literal_attention(
    p: Mapping[str, Tensor], query: Tensor, memory: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """What a query becomes, and how it is shared out over the memory."""
    found = torch.zeros_like(query)
    weights = torch.zeros(len(memory), dtype=query.dtype)
    if memory:
        scores = torch.stack([query @ p["key.weight"] @ value for value in memory])
        weights = scores.exp() / scores.exp().sum()
        for weight, value in zip(weights, memory, strict=True):
            found = found + weight * value
    joined = p["join.weight"] @ torch.cat([found, query]) + p["join.bias"]
    return torch.tanh(joined), weights


class LiteralTransformer:
    """The transformer of Vaswani et al. (2017), sections 3.1 to 3.5, place by place."""

    def __init__(self, p: Mapping[str, Tensor], network: Any, words: list[Tensor]) -> None:
        self.p, self.n_heads = p, network.decoder.layers[0].words.n_heads
        self.n_layers, self.size = len(network.decoder.layers), network.hidden_size
        self.states = self.entered("encoder.", words)
        for number in range(self.n_layers):
            own = below(p, f"encoder.layers.{number}.")
            weight, bias = own["self_attn.in_proj_weight"], own["self_attn.in_proj_bias"]
            parts = zip(weight.chunk(3), bias.chunk(3), strict=True)
            q, k, v = ([w @ x + b for x in self.states] for w, b in parts)
            values = []
            for x, query in zip(self.states, q, strict=True):
                found, _ = self.attention(query, k, v)
                out = own["self_attn.out_proj.weight"] @ found + own["self_attn.out_proj.bias"]
                x = norm(own, "norm1", x + out)
                inner = (own["linear1.weight"] @ x + own["linear1.bias"]).clamp_min(0)
                inner = own["linear2.weight"] @ inner + own["linear2.bias"]
                values.append(norm(own, "norm2", x + inner))
            self.states = values

    def entered(self, prefix: str, vectors: list[Tensor]) -> list[Tensor]:
        """Vectors at their places: scaled, and with sines and cosines of the place."""
        rows = []
        for place, x in enumerate(vectors):
            if f"{prefix}enter.weight" in self.p:
                x = self.p[f"{prefix}enter.weight"] @ x + self.p[f"{prefix}enter.bias"]
            x = x * self.size**0.5
            signal = torch.zeros_like(x)
            for i in range(0, self.size, 2):
                angle = torch.tensor(place / 10_000 ** (i / self.size), dtype=torch.float64)
                signal[i], signal[i + 1] = angle.sin(), angle.cos()
            rows.append(x + signal)
        return rows

    def attention(
        self, query: Tensor, keys: list[Tensor], values: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """What all heads find, side by side, and the mean of where they look."""
        if not keys:
            return torch.zeros_like(query), torch.zeros(0).double()
        d = self.size // self.n_heads
        found, shares = [], torch.zeros(len(keys)).double()
        for head in range(self.n_heads):
            own = slice(head * d, (head + 1) * d)
            scores = torch.stack([query[own] @ key[own] for key in keys]) / d**0.5
            weights = scores.exp() / scores.exp().sum()
            found.append(sum(w * value[own] for w, value in zip(weights, values, strict=True)))
            shares += weights / self.n_heads
        return torch.cat(found), shares

    def decoded(self, labels: list[Tensor]) -> tuple[Tensor, Tensor]:
        """The last place of the decoder, and where its last layer looked at the words."""
        rows = self.entered("decoder.", labels)
        for number in range(self.n_layers):
            own = below(self.p, f"decoder.layers.{number}.")
            values = []
            for place, x in enumerate(rows):
                # Nothing that comes later is seen.
                found, _ = self.asked(own, "labels.", x, rows[: place + 1])
                x = norm(own, "norms.0", x + found)
                found, shares = self.asked(own, "words.", x, self.states)
                x = norm(own, "norms.1", x + found)
                inner = (own["inner.0.weight"] @ x + own["inner.0.bias"]).clamp_min(0)
                inner = own["inner.3.weight"] @ inner + own["inner.3.bias"]
                values.append(norm(own, "norms.2", x + inner))
            rows = values
        return rows[-1], shares

    def asked(
        self, own: Mapping[str, Tensor], prefix: str, x: Tensor, memory: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """What a place finds in a memory."""
        p = below(own, prefix)
        both = [p["key_value.weight"] @ row + p["key_value.bias"] for row in memory]
        keys, values = [row[: self.size] for row in both], [row[self.size :] for row in both]
        found, shares = self.attention(p["query.weight"] @ x + p["query.bias"], keys, values)
        return p["join.weight"] @ found + p["join.bias"], shares


def norm(p: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    """Layer normalisation."""
    centred = x - x.mean()
    scaled = centred / (centred.square().mean() + 1e-5).sqrt()
    return scaled * p[f"{name}.weight"] + p[f"{name}.bias"]


class LiteralText:
    """One text, read; its decoder can be started and be told one label after the other."""

    def __init__(self, network: Any, text: Sequence[int]) -> None:
        self.p = {name: value.detach().double() for name, value in network.state_dict().items()}
        self.attention = network.attention
        self.n_labels = network.n_labels
        self.multilabel = network.multilabel
        self.has_global_embedding = network.global_embedding is not None
        self.transformer = None
        words = [self.p["embedding.weight"][word] for word in text]
        if network.architecture == "transformer":
            self.transformer = LiteralTransformer(self.p, network, words)
            self.states, self.units, self.start = self.transformer.states, [], []
            return
        self.n_layers = network.decoder.num_layers
        self.states, self.start = literal_encoder(
            self.p, words, self.n_layers, network.encoder.directions
        )
        self.units = []
        if self.attention in ("hybrid", "additive", "units"):
            self.units = literal_units(self.p, self.states, network.hierarchical)

    def step(self, label: int, state: list) -> tuple[Tensor, list, Tensor, Tensor]:
        """Logits after a label, the decoder's state, and where it looked (words, units)."""
        x, after = self.p["label_embedding.weight"][label], []
        gone = set()
        if self.has_global_embedding and label != self.n_labels:
            *state, (distribution, gone) = state
            x, gone = self.global_embedding(x, distribution), gone | {label}
        if self.transformer is not None:
            after = [*state, x]
            x, over_words = self.transformer.decoded(after)
            over_units = None
        else:
            x, after = self.lstm_step(x, state)
            x, over_words, over_units = self.attended(x)
        logits = self.p["output.weight"] @ x + self.p["output.bias"]
        if self.has_global_embedding:
            left = {k: logits[k].exp() for k in range(len(logits)) if k not in gone}
            after.append(({k: some / sum(left.values()) for k, some in left.items()}, gone))
        return logits, after, over_words, over_units

    def lstm_step(self, x: Tensor, state: list) -> tuple[Tensor, list]:
        """The decoder's output after it has read a label, and its state."""
        after = []
        for layer in range(self.n_layers):
            weights = below(self.p, "decoder.")
            ((h, c),) = literal_lstm(weights, [x], state[layer], layer)
            after.append((h, c))
            x = h
        return x, after

    def global_embedding(self, e: Tensor, distribution: dict[int, Tensor]) -> Tensor:
        """What SGM's decoder reads, dimension by dimension."""
        mean = torch.zeros_like(e)
        for label in range(self.n_labels):
            mean += distribution.get(label, 0.0) * self.p["label_embedding.weight"][label]
        w, b = self.p["global_embedding.gate.weight"], self.p["global_embedding.gate.bias"]
        size = len(e)
        read = []
        for i in range(size):
            gate = torch.sigmoid(w[i, :size] @ e + w[i, size:] @ mean + b[i])
            read.append((1 - gate) * e[i] + gate * mean[i])
        return torch.stack(read)

    def attended(self, s: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The decoder's output after it has looked around."""
        words, units = below(self.p, "word_attention."), below(self.p, "unit_attention.")
        if self.attention == "none":
            return s, None, None
        if self.attention == "words":
            output, over_words = literal_attention(words, s, self.states)
            return output, over_words, None
        first, over_units = literal_attention(units, s, self.units)
        if self.attention == "units":
            return first, None, over_units
        query = first if self.attention == "hybrid" else s
        second, over_words = literal_attention(words, query, self.states)
        return first + second, over_words, over_units

    def log_probs(self, labels: Sequence[int]) -> list[float]:
        """Of every label and of the end after some labels; -inf for what was emitted."""
        return self.all_log_probs(labels)[-1]

    def all_log_probs(self, labels: Sequence[int]) -> list[list[float]]:
        """The same, at every step."""
        rows, state = [], self.start
        for place, label in enumerate([self.n_labels, *labels]):
            logits, state, _, _ = self.step(label, state)
            logits = logits.clone()
            logits[list(labels[:place])] = -torch.inf
            rows.append((logits - logits.exp().sum().log()).tolist())
        return rows


def literal_sequences(log_probs: Any, n_labels: int, fewest: int, most: int) -> dict:
    """Every sequence with its log-probability."""
    found = {}

    def follow(labels: tuple[int, ...], score: float) -> None:
        rows = log_probs(labels)
        if len(labels) >= fewest:
            found[labels] = score + rows[n_labels]
        if len(labels) < most:
            for label in range(n_labels):
                if label not in labels:
                    follow((*labels, label), score + rows[label])

    follow((), 0.0)
    return found


def literal_beam(
    log_probs: Any, n_labels: int, beam_size: int, fewest: int, most: int
) -> list[tuple[float, tuple[int, ...]]]:
    """The beam of one text: its finished sequences, the most probable first.

    At every step all continuations of the open hypotheses are ranked; those that end and are among
    the best finish, the best that do not end stay open.
    """
    alive: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    finished: list[tuple[float, tuple[int, ...]]] = []
    for length in range(most + 1):
        continuations = []
        for score, labels in alive:
            rows = log_probs(labels)
            if length >= fewest:
                continuations.append((score + rows[n_labels], labels, True))
            if length < most:
                for label in range(n_labels):
                    if label not in labels:
                        continuations.append((score + rows[label], (*labels, label), False))
        continuations.sort(key=lambda continuation: -continuation[0])
        finished += [(s, labels) for s, labels, ends in continuations[:beam_size] if ends]
        finished = sorted(finished, key=lambda one: -one[0])[:beam_size]
        alive = [(s, labels) for s, labels, ends in continuations if not ends][:beam_size]
        if not alive:
            break
        if len(finished) == beam_size and finished[-1][0] >= alive[0][0]:
            break
    return finished
