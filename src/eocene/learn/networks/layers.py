"""Small layers that several networks share. No norm looks at other samples, pixels or dates.

So a sample's answer does not depend on those beside it, a batch may be cut over processes, a map over tiles,
and the level of a chip, which a norm over its pixels takes away, is kept. Papers often normed over the batch.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence


class ChannelNorm(nn.Module):
    """A norm over the channels of each pixel or date alone (Ba, Kiros & Hinton 2016, arXiv:1607.06450)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, values: Tensor) -> Tensor:
        """Return (n, channels, …) values of the same shape."""
        normed: Tensor = self.norm(values.movedim(1, -1)).movedim(-1, 1)
        return normed


def convolve(inputs: int, outputs: int, *, dropout: float = 0.0) -> nn.Sequential:
    """Return two 3 × 3 convolutions with norms."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        ChannelNorm(outputs),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Conv2d(outputs, outputs, 3, padding=1),
        ChannelNorm(outputs),
        nn.ReLU(),
    )


def encode_days(days: Sequence[float], width: int, period: float = 1000.0) -> Tensor:
    """Return the (t, width) sines and cosines of dates, irregular as they are.

    Source: Vaswani et al. 2017, arXiv:1706.03762, with the day in place of the position and the period of
    1000 days as in Garnot & Landrieu 2020, arXiv:2007.00586.
    """
    rates = torch.pow(period, -2 * (torch.arange(width) // 2) / width)
    angles = torch.tensor(days, dtype=torch.float32)[:, None] * rates[None]
    even = (torch.arange(width) % 2 == 0)[None]
    return torch.where(even, torch.sin(angles), torch.cos(angles))


def encode_season(days: Sequence[float]) -> Tensor:
    """Return the (t, 2) sine and cosine of the place in the year."""
    angles = torch.tensor(days, dtype=torch.float32) * (2 * math.pi / 365.25)
    return torch.stack([torch.sin(angles), torch.cos(angles)], dim=1)


class LightAttention(nn.Module):
    """Lightweight temporal attention: each head asks its own channels with one learnt query.

    Source: Garnot & Landrieu 2020, "Lightweight temporal self-attention", arXiv:2007.00586.

    Parameters
    ----------
    width : int
        Channels, a multiple of ``heads``.
    heads : int
    key : int
        Length of queries and keys.
    days : sequence of float
    dropout : float
        Part of the attention that is left out while learning.
    """

    positions: Tensor

    def __init__(self, width: int, heads: int, key: int, days: Sequence[float], dropout: float) -> None:
        super().__init__()
        self.heads, self.key = heads, key
        self.query = nn.Parameter(torch.randn(heads, key) * math.sqrt(2.0 / key))
        self.keys = nn.Linear(width, heads * key)
        self.dropout = nn.Dropout(dropout)
        positions = encode_days(days, width // heads).repeat(1, heads)
        self.register_buffer("positions", positions, persistent=False)

    def forward(self, embedded: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """Return the (n, width) summary and the (n, heads, t) attention.

        Parameters
        ----------
        embedded : (n, t, width)
        there : (n, t)
            1 where a date has a value, 0 where it is missing.
        """
        _, dates, width = embedded.shape
        values = embedded + self.positions
        keys = self.keys(values).reshape(-1, dates, self.heads, self.key).transpose(1, 2)
        scores = (keys * self.query[None, :, None]).sum(-1) / math.sqrt(self.key)
        # Finite, so that a sample without any date has even attention and no NaN.
        attention = torch.softmax(scores + (there[:, None] - 1) * 1e4, dim=-1)
        parts = values.reshape(-1, dates, self.heads, width // self.heads).transpose(1, 2)
        summary = (self.dropout(attention)[..., None] * parts).sum(2)
        return summary.reshape(-1, width), attention
