"""Attention over dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from eocene.learn.networks.layers import LightAttention

if TYPE_CHECKING:
    from eocene.learn.models.l_tae import LtaeSettings
    from eocene.learn.networks.shape import Shape


class TemporalAttention(nn.Module):
    """Each date embedded alone, attention over the dates that are there, a perceptron.

    Source: Garnot & Landrieu 2020, "Lightweight temporal self-attention for classifying satellite image
    time series", arXiv:2007.00586.
    """

    def __init__(self, settings: LtaeSettings, shape: Shape) -> None:
        super().__init__()
        width = settings.heads * settings.head_width
        self.embed = nn.Sequential(
            nn.Linear(2 * shape.bands, width), nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, width)
        )
        self.norm = nn.LayerNorm(width)
        self.attend = LightAttention(width, settings.heads, settings.key, shape.days, settings.dropout)
        self.head = nn.Sequential(
            nn.Linear(width, settings.dense),
            nn.LayerNorm(settings.dense),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(settings.dense, shape.classes),
        )

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        """Return (n, k) scores of (n, t, bands) values."""
        embedded = self.norm(self.embed(torch.cat([values, present], dim=2)))
        summary, _ = self.attend(embedded, present.amax(2))
        answer: Tensor = self.head(summary)
        return answer


build = TemporalAttention
