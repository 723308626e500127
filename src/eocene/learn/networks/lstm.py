"""A long short-term memory over dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from eocene.learn.networks.layers import encode_season

if TYPE_CHECKING:
    from eocene.learn.models.lstm import LstmSettings
    from eocene.learn.networks.shape import Shape


class Memory(nn.Module):
    """Cells that read values, what is missing and the season date by date, there and back.

    Source: Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735. The states are averaged over
    the dates that have a value.
    """

    season: Tensor

    def __init__(self, settings: LstmSettings, shape: Shape) -> None:
        super().__init__()
        self.register_buffer("season", encode_season(shape.days), persistent=False)
        inputs, width = 2 * shape.bands + 2, settings.width
        self.cells = nn.LSTM(inputs, width, settings.depth, batch_first=True, bidirectional=True)
        self.head = nn.Sequential(
            nn.LayerNorm(2 * width), nn.Dropout(settings.dropout), nn.Linear(2 * width, shape.classes)
        )

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        """Return (n, k) scores of (n, t, bands) values."""
        season = self.season[None].expand(values.shape[0], -1, -1)
        states, _ = self.cells(torch.cat([values, present, season], dim=2))
        there = present.amax(2)[..., None]
        mean = (states * there).sum(1) / there.sum(1).clamp(min=1.0)
        answer: Tensor = self.head(mean)
        return answer


build = Memory
