"""Low-rank adaptation: of each attention only a small product of two matrices is learnt beside its weights.

Source: Hu et al. 2022, "LoRA: low-rank adaptation of large language models", arXiv:2106.09685.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class LowRank(nn.Module):
    """A linear layer that stays as it is, and a product of two thin matrices that is added.

    Parameters
    ----------
    layer : nn.Linear
        Is frozen.
    rank : int
    """

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.down = nn.Parameter(torch.empty(rank, layer.in_features))
        self.up = nn.Parameter(torch.zeros(layer.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the layer's answer and the small product's."""
        answer: Tensor = self.layer(tokens) + 2.0 * nn.functional.linear(
            nn.functional.linear(tokens, self.down), self.up
        )
        return answer

    def merge(self) -> nn.Linear:
        """Return one plain layer that answers the same."""
        with torch.no_grad():
            self.layer.weight += 2.0 * self.up @ self.down
        return self.layer.requires_grad_(True)


def adapt(network: nn.Module, rank: int) -> None:
    """Freeze a network and put a low-rank product beside the layers of its attention."""
    network.requires_grad_(False)
    for name, layer in list(network.named_modules()):
        if isinstance(layer, nn.Linear) and name.rpartition(".")[2] in ("qkv", "project"):
            network.set_submodule(name, LowRank(layer, rank))


def merge(network: nn.Module) -> None:
    """Add each product to the layer that it stands beside, so that nothing is left of it."""
    for name, layer in list(network.named_modules()):
        if isinstance(layer, LowRank):
            network.set_submodule(name, layer.merge())
