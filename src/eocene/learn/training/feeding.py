"""Batches on the device that computes, brought there while those before are learnt."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import NDArray
    from torch import Tensor

    from eocene.learn.training.batches import Batch

T = TypeVar("T")
_AHEAD = 2
"""Batches that wait on a GPU: one to be learnt next, and one on its way."""
_END: Any = object()


@dataclass(frozen=True, eq=False)
class Portion:
    """What one process learns of a batch.

    Parameters
    ----------
    features, answers, others, share : Tensor
        As in ``Batch``; the last two only where samples were mixed.
    weights : Tensor
        What each answer counts, as its loss weighs it.
    total : float
        The sum of these weights over all processes.
    """

    features: Tensor
    answers: Tensor
    weights: Tensor
    total: float
    others: Tensor | None = None
    share: Tensor | None = None

    def map(self, change: Callable[[Tensor], Tensor]) -> Portion:
        """Return a portion of other tensors."""
        return Portion(
            features=change(self.features),
            answers=change(self.answers),
            weights=change(self.weights),
            total=self.total,
            others=None if self.others is None else change(self.others),
            share=None if self.share is None else change(self.share),
        )


def cut_portion(batch: Batch, weights: NDArray[Any], own: slice) -> Portion:
    """Return copies of a part of a batch; ``weights`` are those of all of its answers."""

    def copy(values: NDArray[Any]) -> Tensor:
        return torch.tensor(values[own])  # a copy: what is stored may not be written

    return Portion(
        features=copy(batch.features),
        answers=copy(batch.answers),
        weights=copy(weights),
        total=float(weights.sum(dtype=np.float64)),
        others=None if batch.others is None else copy(batch.others),
        share=None if batch.share is None else copy(batch.share),
    )


def feed(portions: Generator[Portion], device: torch.device) -> Generator[Portion]:
    """Yield portions on a device.

    For a GPU a thread makes them, and copies them from pinned memory on a stream of its own, so that neither
    the processor nor the GPU waits for the other. A processor gets them where it asks for them.
    """
    if device.type != "cuda":
        yield from portions
        return
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    with closing(look_ahead(_copy_to(portions, device, stream), _AHEAD)) as copied:
        for portion, there in copied:
            current = torch.cuda.current_stream(device)
            current.wait_event(there)
            yield portion.map(partial(_keep, stream=current))


def look_ahead(items: Generator[T], ahead: int) -> Generator[T]:
    """Yield items that a thread makes while those before are used, so many ahead."""
    with closing(items), ThreadPoolExecutor(1, thread_name_prefix="eocene-feed") as pool:
        waiting = deque(pool.submit(next, items, _END) for _ in range(ahead + 1))
        try:
            while (item := waiting.popleft().result()) is not _END:
                yield item
                waiting.append(pool.submit(next, items, _END))
        finally:
            for future in waiting:
                future.cancel()


def _copy_to(
    portions: Generator[Portion], device: torch.device, stream: Any
) -> Generator[tuple[Portion, Any]]:
    """Yield portions whose copies are under way, each with the event of their end."""
    for portion in portions:
        with torch.cuda.stream(stream):
            moved = portion.map(lambda tensor: tensor.pin_memory().to(device, non_blocking=True))
            there = stream.record_event()
        yield moved, there


def _keep(tensor: Tensor, stream: Any) -> Tensor:
    """Let the memory of a tensor be used again only after what a stream computes with it."""
    tensor.record_stream(stream)
    return tensor
