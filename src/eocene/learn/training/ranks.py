"""The processes that train one network together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this one is."""

    rank: int = 0
    count: int = 1

    def share(self, length: int) -> slice:
        """Return which samples of a batch are this process's."""
        return slice(self.rank * length // self.count, (self.rank + 1) * length // self.count)

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their sum over all processes."""
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1).float() for tensor in tensors])
        torch.distributed.all_reduce(flat)
        start = 0
        for tensor in tensors:
            tensor.copy_(flat[start : start + tensor.numel()].reshape(tensor.shape))
            start += tensor.numel()

    def add_gradients(self, network: nn.Module) -> None:
        """Sum the gradients over all processes, which measured shares of one batch."""
        self.add([p.grad for p in network.parameters() if p.grad is not None])

    def wait(self) -> None:
        """Wait for all others."""
        if self.count > 1:
            torch.distributed.barrier()


def current_ranks() -> Ranks:
    """Return what torch.distributed was set up for, or this process alone."""
    group = torch.distributed
    if group.is_available() and group.is_initialized():
        return Ranks(group.get_rank(), group.get_world_size())
    return Ranks()
