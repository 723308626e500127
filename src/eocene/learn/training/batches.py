"""The order in which samples are learnt: a function of seed and epoch, to be taken up anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Batch:
    """Samples of one step, over all processes.

    Parameters
    ----------
    features : (n, …) float32
    answers : (n,) or (n, y, x) int64, or (n, k) float32
        Positions of the classes; negative where there is no label. Or the shares of all classes.
    weights : (n,) float32
    others, share : as answers and (n,) float32, optional
        A second answer of each sample, and what the first one counts, if samples were mixed.
    """

    features: NDArray[Any]
    answers: NDArray[Any]
    weights: NDArray[Any]
    others: NDArray[Any] | None = None
    share: NDArray[Any] | None = None


class Source(Protocol):
    """Where batches come from: arrays in memory, or a stored data set."""

    @property
    def steps(self) -> int:
        """Batches of an epoch."""

    def batches(self, epoch: int, start: int) -> Iterator[Batch]:
        """Yield the batches of an epoch from number ``start`` on; the same for the same numbers."""


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Batches of arrays in memory, each epoch in an order of its own.

    Parameters
    ----------
    features, answers, weights : arrays
        As in ``Batch``, of all samples.
    batch_size : int
    seed : int
    """

    features: NDArray[Any]
    answers: NDArray[Any]
    weights: NDArray[Any]
    batch_size: int
    seed: int

    @property
    def steps(self) -> int:
        """Batches of an epoch; the last one may be smaller."""
        return -(-len(self.answers) // self.batch_size)

    def batches(self, epoch: int, start: int) -> Iterator[Batch]:
        """Yield the batches of an epoch from number ``start`` on."""
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.answers))
        for step in range(start, self.steps):
            rows = order[step * self.batch_size : (step + 1) * self.batch_size]
            yield Batch(self.features[rows], self.answers[rows], self.weights[rows])
