"""What stands around every network: scaling, the mask of missing values, and class probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eocene.learn.networks.shape import Shape


class Frame(nn.Module):
    """Scale samples, fill what is missing by 0 (the mean), tell the core what was there.

    Parameters
    ----------
    core : nn.Module
        ``core(values, present) -> scores``; both (n, …) float32 as the samples, present 1 or 0. Scores
        are (n, k), or (n, k, y, x).
    shape : Shape
    mean, deviation : Tensor
        Broadcast over one sample.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, core: nn.Module, shape: Shape, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.core = core
        self.sizes = shape.sizes
        self.of_pixels = shape.of_pixels
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, features: Tensor) -> Tensor:
        """Return the scores of (n, features) pixels or (n, …) chips; NaN is a missing value."""
        shaped = features.reshape(-1, *self.sizes) if self.of_pixels else features
        present = torch.isfinite(shaped)
        filled = torch.where(present, shaped, self.mean)
        scores: Tensor = self.core((filled - self.mean) / self.deviation, present.to(features.dtype))
        return scores


class Probabilities(nn.Module):
    """The mean of the class probabilities of some networks."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, features: Tensor) -> Tensor:
        """Return (n, k) or (n, k, y, x) probabilities."""
        total = torch.softmax(self.members[0](features), dim=1)
        for member in list(self.members)[1:]:
            total = total + torch.softmax(member(features), dim=1)
        return total / len(self.members)
