"""What would have to be different for another answer: few features, with values that occur.

Source: Brughmans et al. 2023, "NICE", doi:10.1007/s10618-023-00930-y.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.explain.batches import ask_all, cut_rows
from eocene.learn.explain.goals import Past, choose_goal
from eocene.learn.explain.parts import Answering, cut_parts
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.learn.explain.goals import Goal

    _Row = NDArray[np.float32]


class UnmetError(InputError):
    """No background sample is answered as wanted, so none can lend what would have to change."""


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """A sample that is answered otherwise.

    Parameters
    ----------
    features : (…) float32
        Like the sample in all but the changed parts.
    changed : tuple of str
        The parts that were taken from ``donor``, in the order in which they were.
    donor : int
        Row of the background sample that lent them.
    score : float
        The probability of the wanted class, or the value of a regression.
    """

    features: NDArray[np.float32]
    changed: tuple[str, ...]
    donor: int
    score: float


@dataclass(frozen=True, eq=False)
class _Search:
    """A walk from a sample towards a donor."""

    model: Answering
    goal: Goal
    shape: tuple[int, ...]
    part: NDArray[np.intp]

    def ask(self, now: _Row, other: _Row, parts: Sequence[int]) -> NDArray[np.float64]:
        """Return the (parts, k) answers for a sample that takes one part of another each time."""
        tried = (
            np.stack([np.where(self.part == n, other, now) for n in parts[some]])
            for some in cut_rows(len(parts), len(now))
        )
        return ask_all(self.model, tried, self.shape)

    def approach(self, now: _Row, lent: _Row, left: list[int]) -> tuple[_Row, list[int]]:
        """Take over the part that leads nearest to the goal, until it is reached."""
        taken: list[int] = []
        reached = self.goal.is_reached(self.ask_one(now))
        while not reached and left:
            answers = self.ask(now, lent, left)
            best = int(self.goal.rate(answers).argmax())
            taken.append(left.pop(best))
            now = np.where(self.part == taken[-1], lent, now)
            reached = self.goal.is_reached(answers[best : best + 1])
        return now, taken

    def give_back(self, now: _Row, own: _Row, taken: list[int]) -> tuple[_Row, list[int]]:
        """Give back the parts without which the goal is reached, too."""
        while len(taken) > 1:
            answers = self.ask(now, own, taken)
            spare = np.flatnonzero(self.goal.reaches(answers))
            if not len(spare):
                break
            best = int(spare[self.goal.rate(answers[spare]).argmax()])
            now = np.where(self.part == taken.pop(best), own, now)
        return now, taken

    def ask_one(self, row: _Row) -> NDArray[np.float64]:
        """Return the (1, k) answer for a sample."""
        return ask_all(self.model, [row[None]], self.shape)


def find_counterfactual(
    model: Answering,
    sample: NDArray[Any],
    background: Samples,
    classes: Sequence[int],
    wanted: int | Past,
    *,
    by: str | None = None,
    by_truth: bool = True,
) -> Counterfactual:
    """Find the change of few parts that makes a model answer with another class, or past a value.

    The nearest background sample that is answered so, and rightly, lends its parts, each time the one that
    leads nearest to the goal, until it is reached; then those are given back that were not needed. So no
    part can be left out of the change; that no other change of fewer parts exists is not proved.

    Parameters
    ----------
    model : Answering
        One that answers for each pixel is asked through ``MeanOverPixels``.
    sample : (…) float
        Features of one sample, of the background's axes.
    background : Samples
        Such as the training samples.
    classes : sequence of int
        Class values in the order of the probabilities; none of a regression.
    wanted : int or Past
        The class value to reach; of a regression the value to get past.
    by : str, optional
        A dimension whose labels are the parts; by default each feature, of chips each band at each date.
    by_truth : bool
        Whether the label of a sample that lends, or its "target" if there are such, must be what is wanted,
        too; False for samples of which only the features are known, and for classes of pixels.

    Raises
    ------
    InputError
        If the class is unknown.
    UnmetError
        If no background sample is answered as wanted.
    """
    goal = choose_goal(wanted, classes)
    names, part = cut_parts(background.axes, by)
    own = np.array(sample, dtype=np.float32).reshape(-1)
    search = _Search(model, goal, background.features.shape[1:], part)
    donor = _find_donor(search, own, background, by_truth=by_truth)
    lent = background.features[donor].reshape(-1)
    unlike = np.unique(part[~((own == lent) | (np.isnan(own) & np.isnan(lent)))])
    now, taken = search.approach(own, lent, unlike.tolist())
    now, taken = search.give_back(now, own, taken)
    score = goal.tell(search.ask_one(now)[0])
    return Counterfactual(now.reshape(search.shape), tuple(names[n] for n in taken), donor, score)


def describe_changes(
    found: Counterfactual, sample: NDArray[Any], background: Samples, by: str | None
) -> list[dict[str, Any]]:
    """Return name, "from" and "to" of each changed part: the means of its known values, null without one."""
    names, part = cut_parts(background.axes, by)
    told = []
    for name in found.changed:
        mine = part == names.index(name)
        old, new = (_mean(np.asarray(values).reshape(-1)[mine]) for values in (sample, found.features))
        told.append({"name": name, "from": old, "to": new})
    return told


def _mean(values: NDArray[Any]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean(dtype=np.float64)) if len(known) else None


def _find_donor(search: _Search, row: _Row, background: Samples, *, by_truth: bool) -> int:
    flat = background.features.reshape(len(background), -1)
    parts = (flat[some] for some in cut_rows(len(flat), flat.shape[1]))
    fits = search.goal.reaches(ask_all(search.model, parts, search.shape))
    if by_truth:
        fits &= search.goal.is_truth(background)
    rows = np.flatnonzero(fits)
    if not len(rows):
        raise UnmetError(
            f"No sample of {search.goal} is answered rightly.", "Give more of them, or a better model."
        )
    gaps = _measure_gaps(flat, row, rows)
    return int(rows[gaps.argmin()])


def _measure_gaps(flat: NDArray[np.float32], row: _Row, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return how far some rows (m,) lie from one, in squared standard deviations.

    A value that only one of them has counts 1.
    """
    known = np.isfinite(flat)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, flat, 0).sum(axis=0, dtype=np.float64) / count
    spread = np.sqrt((np.where(known, flat - mean, 0) ** 2).sum(axis=0) / count)
    scale = np.where(spread > 0, spread, 1)
    gaps = np.empty(len(rows))
    for i, n in enumerate(rows):
        there = np.isfinite(row)
        unlike = there != known[n]
        gap = np.where(there & known[n], (flat[n] - row) / scale, unlike)
        gaps[i] = (gap**2).sum()
    return gaps
