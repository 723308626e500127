"""Many answers of a model: asked in batches that fit into memory, and only as long as is allowed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from eocene.learn.explain.parts import Answering

AT_ONCE_BYTES = 16 << 20
"""Of features that a model is asked about at once."""


def ask_all(
    model: Answering, parts: Iterable[NDArray[np.float32]], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return the (n, k) answers for flattened samples that come part by part.

    Parameters
    ----------
    model : Answering
    parts : iterable of (m, f) float32
        None of them larger than what is asked at once, see ``cut_rows``; small ones are put together.
    shape : tuple of int
        Of one sample.
    """
    answers = [
        np.asarray(model.estimate_probabilities(rows.reshape(-1, *shape)), dtype=np.float64)
        for rows in _gather(parts)
    ]
    return np.concatenate(answers)


def _gather(parts: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    held: list[NDArray[np.float32]] = []
    size = 0
    for part in parts:
        held.append(part)
        size += part.nbytes
        if size >= AT_ONCE_BYTES:
            yield np.concatenate(held)
            held, size = [], 0
    if held:
        yield np.concatenate(held)


def cut_rows(count: int, row: int) -> Iterator[slice]:
    """Yield slices of so many samples of ``row`` float32 values each that are asked about at once."""
    step = max(1, AT_ONCE_BYTES // (4 * max(row, 1)))
    for first in range(0, count, step):
        yield slice(first, min(first + step, count))


@dataclass
class Bounded:
    """A model that answers as long as the processor time of its thread lasts.

    Parameters
    ----------
    model : Answering
    most_s : float
        Processor seconds from now on.
    clock : callable
        Gives the seconds that have been taken.
    """

    model: Answering
    most_s: float
    clock: Callable[[], float] = time.thread_time
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = self.clock() + self.most_s

    def estimate_probabilities(self, features: NDArray[np.float32]) -> NDArray[Any]:
        """Return what the model answers.

        Raises
        ------
        InputError
            ProcessGraphComplexity, if the time is over.
        """
        if self.clock() > self._end:
            raise refuse_long(self.most_s)
        return self.model.estimate_probabilities(features)


def refuse_long(most_s: float) -> InputError:
    """Return the error of an explanation that takes longer than is allowed."""
    return InputError(
        f"The explanation takes more than {most_s:g} s.",
        "Ask by bands or by t, for fewer rows, or run `eocene models explain`.",
        code="ProcessGraphComplexity",
    )
