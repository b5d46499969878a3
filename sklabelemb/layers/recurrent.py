"""LSTMs over padded texts, exact and fast.

Packed sequences keep padding out of an LSTM, but on a CPU torch is many times faster at padded
ones. So texts are padded at their end, the second direction reads each text reversed within its own
length, and what lies beyond a text's end is never read.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

__all__ = ["BidirectionalLSTM", "lstm", "reversed_rows"]

# Drives a gate's sigmoid to exactly 0 or 1 in every precision.
SATURATED = 1e4


@torch.no_grad()
def lstm(input_size: int, hidden_size: int, n_layers: int = 1, dropout: float = 0.0) -> nn.LSTM:
    """An LSTM at its start: Glorot's weights gate by gate, and forgetting little."""
    layer = nn.LSTM(input_size, hidden_size, n_layers, batch_first=True, dropout=dropout)
    for name, parameter in layer.named_parameters():
        gates = parameter.chunk(4)
        if "weight" in name:
            for gate in gates:
                nn.init.xavier_uniform_(gate)
        else:
            parameter.zero_()
            # torch adds two biases; the gates are those of input, forgetting, cell and output.
            if "bias_ih" in name:
                gates[1].fill_(1)
    return layer


def reversed_rows(rows: Tensor, lengths: Tensor) -> Tensor:
    """Each row backwards, what lies beyond its length staying where it is.

    Parameters
    ----------
    rows : Tensor of shape (b, s) or (b, s, d)
    lengths : int64 Tensor of shape (b,)

    Examples
    --------
    >>> import torch
    >>> reversed_rows(torch.tensor([[1, 2, 3], [4, 5, 0]]), torch.tensor([3, 2]))
    tensor([[3, 2, 1],
            [5, 4, 0]])
    """
    places = torch.arange(rows.shape[1], device=rows.device)
    mirrored = lengths.unsqueeze(1) - 1 - places
    mirrored = torch.where(mirrored >= 0, mirrored, places)
    if rows.dim() == 3:
        mirrored = mirrored.unsqueeze(2).expand_as(rows)
    return rows.gather(1, mirrored)


class BidirectionalLSTM(nn.Module):
    """Several layers of LSTMs that read padded texts in both directions.

    Parameters
    ----------
    input_size : int
    hidden_size : int
        Size of what comes out.
    n_layers : int, default=2
    directions : {"concat", "sum"}, default="concat"
        How the directions are joined in what comes out: side by side, each of ``hidden_size / 2``;
        or added, each of ``hidden_size``.
    dropout : float, default=0.0
        On what goes from a layer to the next.

    Notes
    -----
    Each LSTM has one additional input, which is 1 at padding. Its weights close the input gate and
    open the forget gate there, so the cell passes through the padding unchanged: the final cell of
    a short text is its own, bit for bit, without packing. These weights get no gradient, because
    the gates are saturated, and weight decay is undone.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        n_layers: int = 2,
        directions: str = "concat",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if directions == "concat" and hidden_size % 2:
            raise ValueError(
                f"hidden_size={hidden_size} cannot be shared by two directions: give an even "
                "number, or directions='sum'."
            )
        self.directions = directions
        size = hidden_size // 2 if directions == "concat" else hidden_size
        self.forwards = nn.ModuleList()
        self.backwards = nn.ModuleList()
        for layer in range(n_layers):
            width = (2 * size if layer else input_size) + 1
            for way in (self.forwards, self.backwards):
                way.append(_with_flag(lstm(width, size)))
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Read texts.

        Parameters
        ----------
        inputs : Tensor of shape (b, s, input_size)
        lengths : int64 Tensor of shape (b,)

        Returns
        -------
        states : Tensor of shape (b, s, hidden_size)
            Of the last layer; 0 beyond a text's end.
        final : pair of Tensors of shape (n_layers, b, hidden_size)
            States and cells after the last word of each direction; 0 for an empty text.
        """
        if self.training:
            # Weight decay knows no exceptions.
            for layer in (*self.forwards, *self.backwards):
                if layer.weight_ih_l0[0, -1] != -SATURATED:
                    _with_flag(layer)
        beyond = torch.arange(inputs.shape[1], device=inputs.device) >= lengths.unsqueeze(1)
        flag = beyond.unsqueeze(2).to(inputs.dtype)
        last = (lengths - 1).clamp_min(0).reshape(-1, 1, 1)
        empty = (lengths == 0).unsqueeze(1)
        finals = []
        states = there = back = inputs
        for layer, (forwards, backwards) in enumerate(
            zip(self.forwards, self.backwards, strict=True)
        ):
            if layer:
                states = self.dropout(torch.cat([there, back], dim=2))
            flagged = torch.cat([states, flag.to(states.dtype)], dim=2)
            there, (_, cell_there) = forwards(flagged)
            mirrored, (_, cell_back) = backwards(reversed_rows(flagged, lengths))
            back = reversed_rows(mirrored, lengths)
            ends = [way.gather(1, last.expand(-1, 1, way.shape[2])) for way in (there, mirrored)]
            state = self._joined(ends[0].squeeze(1), ends[1].squeeze(1))
            cell = self._joined(cell_there.squeeze(0), cell_back.squeeze(0))
            finals.append((state.masked_fill(empty, 0), cell.masked_fill(empty, 0)))
        states = self._joined(there, back).masked_fill(beyond.unsqueeze(2), 0)
        state, cell = (torch.stack(parts) for parts in zip(*finals, strict=True))
        return states, (state, cell)

    def _joined(self, there: Tensor, back: Tensor) -> Tensor:
        return torch.cat([there, back], dim=-1) if self.directions == "concat" else there + back


@torch.no_grad()
def _with_flag(layer: nn.LSTM) -> nn.LSTM:
    """The last input becomes the one that carries the cell through padding."""
    column = cast(Tensor, layer.weight_ih_l0)[:, -1]
    column.zero_()
    gate_input, forget, _, _ = column.chunk(4)
    gate_input.fill_(-SATURATED)
    forget.fill_(SATURATED)
    return layer
