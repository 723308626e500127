"""Folds by chance: what most scores are measured on, and flattered by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.splits.ground import check_folds

if TYPE_CHECKING:
    from eocene.curate.placed import Placed
    from eocene.curate.splits.ground import Split


def random_split(placed: Placed, folds: int, seed: int) -> list[Split]:
    """Deal the samples of each class into folds at random.

    Neighbouring pixels fall on both sides, so the score flatters the model: report it only beside
    that of a split that keeps places apart.

    Returns
    -------
    list of (train, test)
        Sorted row numbers, one pair a fold; the test parts are disjoint and cover all samples.

    Raises
    ------
    InputError
        If there are fewer than two folds or fewer samples than folds.
    """
    check_folds(folds, len(placed.x), "samples")
    rng = np.random.default_rng(seed)
    fold = np.empty(len(placed.x), dtype=np.intp)
    dealt = 0
    for value in np.unique(placed.labels):
        rows = rng.permutation(np.flatnonzero(placed.labels == value))
        # Going on where the last class ended keeps the folds equally large.
        fold[rows] = (np.arange(len(rows)) + dealt) % folds
        dealt += len(rows)
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(folds)]
