"""Convolutions along time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from eocene.learn.networks.layers import ChannelNorm

if TYPE_CHECKING:
    from eocene.learn.models.temp_cnn import TempCnnSettings
    from eocene.learn.networks.shape import Shape


class TemporalConvolutions(nn.Module):
    """Three convolutions along time and a dense layer.

    Source: Pelletier, Webb & Petitjean 2019, "Temporal convolutional neural network for the classification
    of satellite image time series", doi:10.3390/rs11050523.
    """

    def __init__(self, settings: TempCnnSettings, shape: Shape) -> None:
        super().__init__()
        filters, layers, inputs = settings.filters, [], 2 * shape.bands
        for _ in range(settings.depth):
            layers += [
                nn.Conv1d(inputs, filters, settings.kernel, padding=settings.kernel // 2),
                ChannelNorm(filters),
                nn.ReLU(),
                nn.Dropout(settings.dropout),
            ]
            inputs = filters
        self.convolutions = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Linear(filters * shape.dates, settings.dense),
            nn.LayerNorm(settings.dense),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(settings.dense, shape.classes),
        )

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        """Return (n, k) scores of (n, t, bands) values."""
        channels = torch.cat([values, present], dim=2).transpose(1, 2)
        answer: Tensor = self.head(self.convolutions(channels).flatten(1))
        return answer


build = TemporalConvolutions
