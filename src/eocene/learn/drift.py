"""Alarms where what a model is fed, or what it answers, is no longer like what it was trained on.

The statistic is the largest gap between two distributions (Kolmogorov–Smirnov), over all features; its
threshold comes from windows of the reference itself, so that the rate of false alarms is the one asked for,
whatever the features and however they depend on each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Drift:
    """What a window was found to be.

    Parameters
    ----------
    is_drift : bool
        Whether the strongest gap is above the threshold.
    statistic : float
        The strongest gap, 0 to 1.
    threshold : float
        What it may be.
    false_alarm_rate : float
        Share of windows like the reference that would raise an alarm.
    features : tuple of (str, float)
        Those above the threshold with their gaps, the strongest first.
    """

    is_drift: bool
    statistic: float
    threshold: float
    false_alarm_rate: float
    features: tuple[tuple[str, float], ...]


@dataclass(frozen=True, eq=False)
class DriftWatch:
    """Sorted reference values of each feature, and the gap that a window may have; see ``watch_drift``."""

    names: tuple[str, ...]
    reference: NDArray[np.float64]
    window: int
    threshold: float
    false_alarm_rate: float

    def check(self, features: NDArray[Any]) -> Drift:
        """Compare a window of (window, f) features with the reference.

        Raises
        ------
        InputError
            If the window has another size or other features than those watched.
        """
        rows = np.asarray(features, dtype=np.float64).reshape(len(features), -1)
        if rows.shape != (self.window, len(self.names)):
            raise InputError(
                f"The window has shape {rows.shape}.",
                f"Give {self.window} samples of {len(self.names)} features, or watch for such windows.",
            )
        gaps = _measure_gaps(self.reference, rows)
        order = np.argsort(-gaps, kind="stable")
        found = tuple((self.names[i], float(gaps[i])) for i in order if gaps[i] > self.threshold)
        return Drift(bool(found), float(gaps.max()), self.threshold, self.false_alarm_rate, found)


def watch_drift(
    features: NDArray[Any],
    names: Sequence[str],
    *,
    window: int = 200,
    false_alarm_rate: float = 0.01,
    rounds: int = 1000,
    seed: int = 0,
) -> DriftWatch:
    """Learn what is usual, to see by the windows that follow whether it still is.

    Parameters
    ----------
    features : (n, …) float
        The reference: features, or a model's probabilities on what it had not learnt from. A missing value
        counts as one above all others, so that more gaps are a drift too.
    names : sequence of str
        Of the features.
    window : int
        Samples that will be compared at once; at most a quarter of the reference.
    false_alarm_rate : float
        Share of windows drawn from the reference that raise an alarm, over all features together. It
        holds for samples that are independent of each other: neighbouring pixels of one scene are not.
    rounds : int
        Windows that the threshold is estimated from; at least 10 over the rate.
    seed : int

    Raises
    ------
    InputError
        If the reference is too small for such windows, or the rounds too few for such a rate.
    """
    rows = np.asarray(features, dtype=np.float64).reshape(len(features), -1)
    if rows.shape[1] != len(names) or not 1 < window <= len(rows) // 4:
        raise InputError(
            f"A reference of shape {rows.shape} with {len(names)} names cannot judge windows of {window}.",
            "Give a name a feature, and a reference of four windows or more.",
        )
    if not 0 < false_alarm_rate < 1 or rounds * false_alarm_rate < 10:
        raise InputError(
            f"A rate of {false_alarm_rate} cannot be told from {rounds} rounds.",
            "Give a rate between 0 and 1, and at least ten rounds over it.",
        )
    rng = np.random.default_rng(seed)
    filled = np.where(np.isnan(rows), np.inf, rows)
    worst = np.empty(rounds)
    for number in range(rounds):
        drawn = np.zeros(len(rows), dtype=bool)
        drawn[rng.choice(len(rows), window, replace=False)] = True
        worst[number] = _measure_gaps(np.sort(filled[~drawn], axis=0), filled[drawn]).max()
    threshold = float(np.quantile(worst, 1 - false_alarm_rate, method="higher"))
    return DriftWatch(tuple(names), np.sort(filled, axis=0), window, threshold, false_alarm_rate)


def _measure_gaps(reference: NDArray[np.float64], window: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (f,) largest differences of the two cumulative distributions; the reference is sorted."""
    filled = np.sort(np.where(np.isnan(window), np.inf, window), axis=0)
    n, gaps = len(filled), np.empty(filled.shape[1])
    for column in range(filled.shape[1]):
        mine, theirs = filled[:, column], reference[:, column]
        upto = np.searchsorted(theirs, mine, side="right") / len(theirs)
        below = np.searchsorted(theirs, mine, side="left") / len(theirs)
        own_upto = np.searchsorted(mine, mine, side="right") / n
        own_below = np.searchsorted(mine, mine, side="left") / n
        gaps[column] = max(np.abs(own_upto - upto).max(), np.abs(own_below - below).max())
    return gaps
