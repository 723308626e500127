"""Where a model may be applied: how unlike the training samples a pixel is, and where that is too much.

Source: Meyer & Pebesma 2021, doi:10.1111/2041-210X.13650.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy  # its parts are loaded when they are first used

from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.curate.splits import Split

MAX_REFERENCES, MAX_PAIRED = 5000, 2000


@dataclass(frozen=True, eq=False)
class Applicability:
    """The space of features that a model has learnt, and the dissimilarity up to which its scores hold.

    Parameters
    ----------
    centre, stretch : (f,) float64
        What is subtracted from each feature, and what the difference is multiplied by: its importance
        over its standard deviation, 0 for features that do not count.
    references : (m, f) float64
        Training samples, stretched; missing values are 0, the mean of training.
    mean_distance : float
        Between two training samples; the unit of the index.
    threshold : float
        The largest index of a training sample from those outside its fold, outliers left out.
    """

    centre: NDArray[np.float64]
    stretch: NDArray[np.float64]
    references: NDArray[np.float64]
    mean_distance: float
    threshold: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tree", scipy.spatial.cKDTree(self.references))

    def estimate_dissimilarity(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Return the (n,) dissimilarity index of (n, f) features; NaN where a row has no value at all.

        0 is a training sample, 1 as far from the nearest as training samples are from each other in
        the mean. The index of a pixel does not depend on what else is asked.

        Raises
        ------
        InputError
            If the number of columns is not that of the training samples.
        """
        rows = np.asarray(features, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.centre):
            raise InputError(
                f"The features have shape {rows.shape}, the training samples {len(self.centre)} features.",
                "Give the same features in the same order.",
            )
        there = np.isfinite(rows).any(axis=1)
        index = np.full(len(rows), np.nan, dtype=np.float32)
        tree: scipy.spatial.cKDTree = object.__getattribute__(self, "_tree")
        distance, _ = tree.query(_stretch(rows[there], self.centre, self.stretch))
        index[there] = distance / self.mean_distance
        return index

    def find_inside(self, features: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which rows lie in the area of applicability; none without any value does."""
        return self.estimate_dissimilarity(features) <= self.threshold


def measure_applicability(
    features: NDArray[Any],
    splits: Sequence[Split],
    importance: NDArray[np.float64] | None = None,
    *,
    seed: int = 0,
) -> Applicability:
    """Learn the area of applicability of a model from its training samples.

    Parameters
    ----------
    features : (n, f) float
        Of the training samples; NaN is a missing value.
    splits : list of (train, test)
        By which the model was scored; the score is expected to hold as far as test samples were from
        training ones. Folds by chance make the area small, folds that keep places apart make it wide.
    importance : (f,) float, optional
        Of each feature to the model, such as of :func:`eocene.learn.explain.permute_features`; below 0
        counts as 0. By default all count alike.
    seed : int
        Decides which samples are kept where there are more than 5,000.

    Raises
    ------
    InputError
        If no feature that counts varies, shapes disagree, or a fold has too few samples.
    """
    rows = np.asarray(features, dtype=np.float64)
    if rows.ndim != 2 or len(rows) < 3:
        raise InputError(f"Features of shape {rows.shape} span no space.", "Give at least 3 rows of them.")
    rng = np.random.default_rng(seed)
    kept = np.arange(len(rows))
    if len(rows) > MAX_REFERENCES:
        kept = np.sort(rng.choice(len(rows), MAX_REFERENCES, replace=False))
    centre, stretch = _scale(rows, importance)
    stretched = _stretch(rows[kept], centre, stretch)
    paired = stretched if len(kept) <= MAX_PAIRED else rng.permutation(stretched)[:MAX_PAIRED]
    mean_distance = float(scipy.spatial.distance.pdist(paired).mean())
    if not mean_distance > 0:
        raise InputError("All samples have equal features.", "Give features that vary.")
    distance = _measure_between_folds(stretched, kept, len(rows), splits)
    threshold = _largest_within_whiskers(distance / mean_distance)
    return Applicability(centre, stretch, stretched, mean_distance, threshold)


def _scale(
    rows: NDArray[np.float64], importance: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    weight = np.ones(rows.shape[1]) if importance is None else np.asarray(importance, dtype=np.float64)
    if weight.shape != rows.shape[1:] or not np.isfinite(weight).all():
        raise InputError(
            f"The importance has shape {weight.shape} for {rows.shape[1]} features, or is not finite.",
            "Give a number for each feature.",
        )
    masked = np.ma.masked_invalid(rows)
    centre, spread = masked.mean(axis=0).filled(0.0), masked.std(axis=0).filled(0.0)
    weight = np.where(spread > 0, np.maximum(weight, 0), 0)
    if not weight.any():
        raise InputError("No feature that counts varies.", "Give features with some importance.")
    return centre, weight / weight.max() / np.where(spread > 0, spread, 1)


def _stretch(
    rows: NDArray[np.float64], centre: NDArray[np.float64], stretch: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.where(np.isfinite(rows), (rows - centre) * stretch, 0.0)


def _measure_between_folds(
    stretched: NDArray[np.float64], kept: NDArray[np.intp], n: int, splits: Sequence[Split]
) -> NDArray[np.float64]:
    """Return the distance from each tested reference to the nearest that its fold has learnt from."""
    place = np.full(n, -1)
    place[kept] = np.arange(len(kept))
    found = []
    for train, test in splits:
        learnt, tested = (place[rows][place[rows] >= 0] for rows in (train, test))
        if len(learnt) and len(tested):
            found.append(scipy.spatial.cKDTree(stretched[learnt]).query(stretched[tested])[0])
    if not found:
        raise InputError("No fold has samples in both parts.", "Give the splits of these samples.")
    return np.concatenate(found)


def _largest_within_whiskers(index: NDArray[np.float64]) -> float:
    low, high = np.percentile(index, [25, 75])
    return float(index[index <= high + 1.5 * (high - low)].max())
