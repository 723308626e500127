"""A plain small network for chips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from eocene.learn.networks.layers import convolve

if TYPE_CHECKING:
    from eocene.learn.models.small_cnn import SmallCnnSettings
    from eocene.learn.networks.shape import Shape


class ChipConvolutions(nn.Module):
    """Stages of two convolutions, halved in size from one to the next, averaged in the end."""

    def __init__(self, settings: SmallCnnSettings, shape: Shape) -> None:
        super().__init__()
        stages, inputs = [], 2 * shape.bands
        for level in range(settings.depth):
            outputs = settings.width * 2**level
            stages += [convolve(inputs, outputs), nn.AvgPool2d(2, ceil_mode=True)]
            inputs = outputs
        self.stages = nn.Sequential(*stages)
        self.head = nn.Sequential(nn.Dropout(settings.dropout), nn.Linear(inputs, shape.classes))

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        """Return (n, k) scores of (n, bands, y, x) values."""
        answer: Tensor = self.head(self.stages(torch.cat([values, present], dim=1)).mean((2, 3)))
        return answer


build = ChipConvolutions
