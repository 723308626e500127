"""Samples that came later, window by window beside those that a model knows: features, and its answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.naming import join_names
from eocene.learn.drift import watch_drift
from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.learn.drift import Drift
    from eocene.learn.predict import Predictor

_GROUND = ("y", "x")


@dataclass(frozen=True)
class Window:
    """Some samples beside the reference.

    Parameters
    ----------
    first, last : str or None
        The times of its first and last sample, where samples have times.
    drift : Drift
    """

    first: str | None
    last: str | None
    drift: Drift


def check_windows(
    reference: Samples,
    later: Samples,
    *,
    predictor: Predictor | None = None,
    window: int = 200,
    false_alarm_rate: float = 0.01,
    seed: int = 0,
) -> list[Window]:
    """Compare windows of later samples, in the order of their column "time", with a reference.

    Parameters
    ----------
    reference, later : Samples
        Of equal shape; of chips the means of bands are compared. What fills no window is left out.
    predictor : Predictor, optional
        Its probabilities are watched, too: for a reference that it has not learnt from, since it is surer of
        what it knows by heart.
    window : int
        Samples at once; fewer where ``later`` has not as many.
    false_alarm_rate : float
        Share of windows like the reference that raise an alarm.
    seed : int

    Raises
    ------
    InputError
        If shapes differ, or the reference is too small for such windows.
    """
    if reference.features.shape[1:] != later.features.shape[1:]:
        raise InputError(
            f"Samples of shape {later.features.shape[1:]} cannot be compared with such of "
            f"{reference.features.shape[1:]}.",
            "Draw both from one graph.",
        )
    (names, usual), (_, found) = (_tabulate(each, predictor) for each in (reference, later))
    size = min(window, len(later))
    watch = watch_drift(usual, names, window=size, false_alarm_rate=false_alarm_rate, seed=seed)
    times = later.columns.get("time")
    times = times if times is not None and times.dtype.kind == "M" else None
    order = np.arange(len(later)) if times is None else np.argsort(times, kind="stable")
    windows = []
    for first in range(0, len(order) - size + 1, size):
        rows = order[first : first + size]
        begin, end = (None, None) if times is None else (str(times[rows[0]]), str(times[rows[-1]]))
        windows.append(Window(begin, end, watch.check(found[rows])))
    return windows


def _tabulate(samples: Samples, predictor: Predictor | None) -> tuple[list[str], NDArray[np.float64]]:
    """Return (n, f) numbers with their names: features, of chips means over the ground, and answers."""
    dims = list(samples.axes)
    over = tuple(1 + dims.index(dim) for dim in _GROUND if dim in dims)
    kept = [labels for dim, labels in samples.axes.items() if dim not in _GROUND]
    known = np.isfinite(samples.features)
    count = known.sum(axis=over)
    total = np.where(known, samples.features, 0).sum(axis=over, dtype=np.float64)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(len(samples), -1)
    names = list(join_names(kept))
    if predictor is None:
        return names, means
    answers: NDArray[Any] = predictor.estimate_probabilities(samples.features)
    shares = answers.reshape(*answers.shape[:2], -1).mean(axis=2)
    titles = [f"answer {title}" for title in predictor.class_names.values()]
    return [*names, *titles], np.concatenate([means, shares], axis=1)
