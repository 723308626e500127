"""The U-Net: down in steps, up again with what each step had seen."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from eocene.learn.networks.layers import convolve

if TYPE_CHECKING:
    from eocene.learn.models.u_net import UnetSettings
    from eocene.learn.networks.shape import Shape


class Descent(nn.Module):
    """Stages of convolutions, each at half the size of the one before."""

    def __init__(self, inputs: int, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth)]
        self.stages = nn.ModuleList(
            convolve(a, b, dropout=dropout) for a, b in zip([inputs, *widths], widths, strict=False)
        )
        self.halve = nn.MaxPool2d(2)

    def forward(self, chips: Tensor) -> list[Tensor]:
        """Return what each stage saw, the largest first."""
        seen: list[Tensor] = []
        for stage in self.stages:
            chips = stage(self.halve(chips) if seen else chips)
            seen.append(chips)
        return seen


class Ascent(nn.Module):
    """From the smallest stage back to the full size."""

    def __init__(self, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth)]
        pairs = list(pairwise(widths))
        self.grow = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairs)
        self.merge = nn.ModuleList(convolve(2 * a, a, dropout=dropout) for a, _ in pairs)

    def forward(self, seen: list[Tensor]) -> Tensor:
        """Return (n, width, y, x)."""
        chips = seen[-1]
        for level in range(len(seen) - 2, -1, -1):
            chips = self.merge[level](torch.cat([self.grow[level](chips), seen[level]], dim=1))
        return chips


class UNet(nn.Module):
    """Classes of every pixel of a chip whose edges are multiples of 2 to the power of depth − 1.

    Source: Ronneberger, Fischer & Brox 2015, arXiv:1505.04597.
    """

    def __init__(self, settings: UnetSettings, shape: Shape) -> None:
        super().__init__()
        self.per_pixel = shape.per_pixel
        self.down = Descent(2 * shape.bands, settings.width, settings.depth, settings.dropout)
        self.up = Ascent(settings.width, settings.depth, settings.dropout)
        self.head = nn.Conv2d(settings.width, shape.classes, 1)

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        """Return (n, k, y, x) scores of (n, bands, y, x) values; their mean where a chip has one label."""
        scores: Tensor = self.head(self.up(self.down(torch.cat([values, present], dim=1))))
        return scores if self.per_pixel else scores.mean((2, 3))


build = UNet
