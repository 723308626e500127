"""How far a run is: blocks that are finished of all that it computes, and whether it is to go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eocene.process.cost.cutting import StageCost

Progress = Callable[[int, int], None]
"""Is told (finished, all); what is finished never falls."""


class Stopped(Exception):  # noqa: N818 (not a fault)
    """Raised when ``should_stop`` said so between two blocks."""


@dataclass(eq=False)
class Steps:
    """Counts what is finished, tells it, and stops the run where that is asked for.

    Parameters
    ----------
    total : int
        Of so many.
    progress : callable, optional
        Is told.
    should_stop : callable
        Is asked after each step.
    """

    total: int = 0
    progress: Progress | None = None
    should_stop: Callable[[], bool] = bool
    _done: float = 0

    def take(self, share: float = 1) -> None:
        """Count a step, or a part of one; see :meth:`reach`."""
        self.reach(self._done + share)

    def reach(self, done: float) -> None:
        """Note that so many steps are finished.

        Raises
        ------
        Stopped
            If ``should_stop`` says so.
        """
        if self.should_stop():
            raise Stopped
        self._done = max(self._done, min(done, self.total))
        if self.progress:
            self.progress(int(self._done), self.total)


def part_of(progress: Progress | None, first: int, last: int, total: int) -> Progress | None:
    """Return the progress of a part of the work, which is told as the steps from first to last of all."""
    if progress is None:
        return None
    tell = progress

    def tell_part(done: int, of: int) -> None:
        tell(first + (last - first) * done // of if of else last, total)

    return tell_part


def steps_of(stages: list[StageCost]) -> int:
    """Return how many steps stages take: blocks of their inputs, and the parts then handed in."""
    return sum(stage.slices + sum(done.count for done in stage.passes) for stage in stages)
