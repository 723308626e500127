"""Folds of clusters, as large as make testing as hard as the prediction area is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy  # its parts are loaded when they are first used

from eocene.curate.splits.chance import random_split
from eocene.curate.splits.distances import measure_folds, measure_to_samples
from eocene.curate.splits.ground import check_buffer, check_folds, outline, separate, stack_places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.curate.placed import Placed
    from eocene.curate.splits.ground import Split

MAX_CLUSTERED, CUTS = 3000, 40


def knndm_split(
    placed: Placed,
    places: NDArray[np.float64],
    folds: int,
    seed: int,
    *,
    buffer_m: float = 0.0,
    largest_share: float = 0.5,
) -> list[Split]:
    """Deal clusters of samples into folds so that test distances match those of the prediction area.

    Samples are clustered (Ward) and cut into ever more clusters, which are dealt to the folds along the
    main axis of the samples; of all cuts, and of folds by chance, the one whose distances from tested
    to training samples are most like those from prediction places to samples is taken (Wasserstein
    distance). Source: Linnenbrink et al. 2024, doi:10.5194/gmd-17-5897-2024. Above 3,000 samples, the
    clusters of 3,000 drawn at random are extended to the nearest others, which keeps it near n log n.

    Parameters
    ----------
    placed : Placed
        In a projected CRS with metres.
    places : (m, 2) float
        Where predictions will be made, in the same CRS; see :func:`spread_places`.
    folds : int
        At least 2 and at most the number of samples.
    seed : int
        Decides the folds by chance, and which samples are clustered where there are too many.
    buffer_m : float
        Least distance between training and tested footprints.
    largest_share : float
        No fold tests more than this share of the samples, where that can be had.

    Returns
    -------
    list of (train, test)
        Sorted row numbers; the test parts are disjoint and cover all samples.

    Raises
    ------
    InputError
        If there are fewer samples than folds, the CRS has no metres, or nothing is left to learn.
    """
    check_buffer(placed, buffer_m)
    check_folds(folds, len(placed.x), "samples")
    wanted = measure_to_samples(placed, places)
    points = stack_places(placed)
    best = _fold_by_chance(placed, folds, seed)
    least = _measure_mismatch(placed, best, folds, wanted)
    for clusters in _cut_clusters(points, folds, np.random.default_rng(seed)):
        fold = _deal(points, clusters, folds)
        sizes = np.bincount(fold, minlength=folds)
        if sizes.min() == 0 or sizes.max() > max(largest_share, 1.5 / folds) * len(points):
            continue
        mismatch = _measure_mismatch(placed, fold, folds, wanted)
        if mismatch < least:
            best, least = fold, mismatch
    shapes = outline(placed)
    return [separate(shapes, best, number, buffer_m) for number in range(folds)]


def _fold_by_chance(placed: Placed, folds: int, seed: int) -> NDArray[np.intp]:
    fold = np.empty(len(placed.x), dtype=np.intp)
    for number, (_, test) in enumerate(random_split(placed, folds, seed)):
        fold[test] = number
    return fold


def _measure_mismatch(
    placed: Placed, fold: NDArray[np.intp], folds: int, wanted: NDArray[np.float64]
) -> float:
    splits = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(folds)]
    return float(scipy.stats.wasserstein_distance(measure_folds(placed, splits), wanted))


def _cut_clusters(
    points: NDArray[np.float64], folds: int, rng: np.random.Generator
) -> Iterator[NDArray[np.intp]]:
    """Yield the cluster of each point, from as many clusters as folds to nearly as many as points."""
    some = np.arange(len(points))
    if len(points) > MAX_CLUSTERED:
        some = np.sort(rng.choice(len(points), MAX_CLUSTERED, replace=False))
    tree: Any = scipy.cluster.hierarchy.linkage(points[some], method="ward")
    nearest = scipy.spatial.cKDTree(points[some]).query(points)[1]
    last = max(folds, len(some) - 2)
    for count in np.unique(np.geomspace(folds, last, CUTS).round().astype(int)):
        yield np.asarray(scipy.cluster.hierarchy.fcluster(tree, count, criterion="maxclust"), dtype=np.intp)[
            nearest
        ]


def _deal(points: NDArray[np.float64], clusters: NDArray[np.intp], folds: int) -> NDArray[np.intp]:
    """Return a fold for each point: large clusters get one of their own, the others turn by turn."""
    _, which, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    which = which.reshape(-1)
    centred = points - points.mean(axis=0)
    axis = np.linalg.svd(centred.T @ centred)[0][:, 0]
    along = np.bincount(which, centred @ axis) / sizes
    fold = np.empty(len(sizes), dtype=np.intp)
    large = np.flatnonzero(sizes >= len(points) / folds)[: folds - 1]
    fold[large] = np.arange(len(large))
    small = np.setdiff1d(np.argsort(along, kind="stable"), large, assume_unique=True)
    free = np.arange(len(large), folds)
    fold[small] = free[np.arange(len(small)) % len(free)]
    return fold[which]
