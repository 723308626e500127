"""A multilayer perceptron on rows of features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from eocene.learn.models.mlp import MlpSettings
    from eocene.learn.networks.shape import Shape


class Perceptron(nn.Module):
    """Hidden layers of one width, each with a norm over its units."""

    def __init__(self, settings: MlpSettings, shape: Shape) -> None:
        super().__init__()
        width = settings.width
        inputs = 2
        for size in shape.sizes:
            inputs *= size
        layers: list[nn.Module] = [nn.Linear(inputs, width), nn.LayerNorm(width), nn.ReLU()]
        for _ in range(settings.depth - 1):
            layers += [nn.Dropout(settings.dropout), nn.Linear(width, width), nn.LayerNorm(width), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Dropout(settings.dropout), nn.Linear(width, shape.classes))

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        """Return (n, k) scores of (n, …) values."""
        answer: Tensor = self.layers(torch.cat([values.flatten(1), present.flatten(1)], dim=1))
        return answer


build = Perceptron
