"""A U-Net over series of chips, whose dates are weighed by attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from eocene.learn.networks.layers import LightAttention
from eocene.learn.networks.u_net import Ascent, Descent

if TYPE_CHECKING:
    from eocene.learn.models.u_tae import UtaeSettings
    from eocene.learn.networks.shape import Shape


class UTae(nn.Module):
    """Each date goes down alone; attention at the smallest size weighs the dates at every size.

    Source: Garnot & Landrieu 2021, "Panoptic segmentation of satellite image time series with
    convolutional temporal attention networks", arXiv:2107.07933.
    """

    def __init__(self, settings: UtaeSettings, shape: Shape) -> None:
        super().__init__()
        self.per_pixel, self.dates, self.heads = shape.per_pixel, shape.dates, settings.heads
        deepest = settings.width * 2 ** (settings.depth - 1)
        self.down = Descent(2 * shape.bands, settings.width, settings.depth, settings.dropout)
        self.attend = LightAttention(deepest, settings.heads, settings.key, shape.days, settings.dropout)
        self.up = Ascent(settings.width, settings.depth, settings.dropout)
        self.head = nn.Conv2d(settings.width, shape.classes, 1)

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        """Return (n, k, y, x) scores of (n, t, bands, y, x) values; their mean where a chip has one label."""
        seen = self.down(torch.cat([values, present], dim=2).flatten(0, 1))
        there = present.amax((2, 3, 4))
        summary, attention = self._attend(seen[-1], there)
        merged = [self._weigh(level, attention) for level in seen[:-1]]
        scores: Tensor = self.head(self.up([*merged, summary]))
        return scores if self.per_pixel else scores.mean((2, 3))

    def _attend(self, deepest: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """(n·t, c, y, x) → the (n, c, y, x) summary and the (n, heads, t, y, x) attention."""
        _, channels, height, width = deepest.shape
        pixels = deepest.reshape(-1, self.dates, channels, height * width).permute(0, 3, 1, 2)
        repeated = there[:, None].expand(-1, height * width, -1)
        summary, attention = self.attend(
            pixels.reshape(-1, self.dates, channels), repeated.reshape(-1, self.dates)
        )
        summary = summary.reshape(-1, height * width, channels).transpose(1, 2)
        shaped = attention.reshape(-1, height * width, self.heads, self.dates).permute(0, 2, 3, 1)
        return (
            summary.reshape(-1, channels, height, width),
            shaped.reshape(-1, self.heads, self.dates, height, width),
        )

    def _weigh(self, level: Tensor, attention: Tensor) -> Tensor:
        """Sum (n·t, c, y, x) over the dates, each head weighing its own channels."""
        _, channels, height, width = level.shape
        small = attention.flatten(0, 1)
        large = nn.functional.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)
        weights = large.reshape(-1, self.heads, self.dates, 1, height, width)
        parts = level.reshape(-1, self.dates, self.heads, channels // self.heads, height, width)
        return (weights * parts.transpose(1, 2)).sum(2).flatten(1, 2)


build = UTae
