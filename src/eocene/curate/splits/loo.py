"""Leave one out, with as many neighbours as make it as hard as the prediction area is."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.splits.distances import measure_to_samples
from eocene.curate.splits.ground import check_buffer, outline, separate, stack_places
from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.curate.placed import Placed
    from eocene.curate.splits.ground import Split

MAX_SAMPLES = 5000


def nndm_split(
    placed: Placed, places: NDArray[np.float64], *, buffer_m: float = 0.0, least_share: float = 0.5
) -> list[Split]:
    """Test each sample by those not near it, so that test distances match those of the prediction area.

    From the shortest distance upwards, the nearest training neighbour of a sample is left out as long
    as the share of tested samples with a neighbour that near exceeds the share of prediction places
    that have one. Source: Milà et al. 2022, doi:10.1111/2041-210X.13851, algorithm 1.

    Parameters
    ----------
    placed : Placed
        At most 5,000 samples in a projected CRS with metres, since as many models are trained.
    places : (m, 2) float
        Where predictions will be made, in the same CRS; see :func:`spread_places`.
    buffer_m : float
        Least distance between training and tested footprints.
    least_share : float
        The least share of the samples that each fold keeps for training, above 0 and below 1.

    Returns
    -------
    list of (train, test)
        One pair for each sample, in their order.

    Raises
    ------
    InputError
        If there are fewer than three samples, or too many, or nothing is left to learn.
    """
    n = len(placed.x)
    check_buffer(placed, buffer_m)
    if not 3 <= n <= MAX_SAMPLES:
        raise InputError(
            f"{n} samples cannot be left out one by one.", f"Give 3 to {MAX_SAMPLES}, or use knndm_split."
        )
    if not 0 < least_share < 1:
        raise InputError(f"A share of {least_share} is none.", "Give one between 0 and 1.")
    wanted = np.sort(measure_to_samples(placed, places))
    points, shapes, own = stack_places(placed), outline(placed), np.arange(n)
    kept = [separate(shapes, own, row, buffer_m)[0] for row in range(n)]
    ranked = [_rank(points, row, train) for row, train in enumerate(kept)]
    left_out = _match([distance for _, distance in ranked], wanted, least_share * (n - 1))
    return [
        (np.sort(rows[skipped:]), np.array([row], dtype=np.intp))
        for row, ((rows, _), skipped) in enumerate(zip(ranked, left_out, strict=True))
    ]


def _rank(
    points: NDArray[np.float64], row: int, train: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return training rows with their distances, the nearest first."""
    distance = np.hypot(*(points[train] - points[row]).T)
    order = np.argsort(distance, kind="stable")
    return train[order], distance[order]


def _match(
    distances: list[NDArray[np.float64]], wanted: NDArray[np.float64], least: float
) -> NDArray[np.intp]:
    """Return how many of its nearest neighbours each sample goes without."""
    n = len(distances)
    skipped = np.zeros(n, dtype=np.intp)
    waiting = [(float(distance[0]), row) for row, distance in enumerate(distances)]
    heapq.heapify(waiting)
    settled = 0
    while waiting:
        reach = waiting[0][0]
        level = []
        while waiting and waiting[0][0] == reach:
            level.append(heapq.heappop(waiting)[1])
        near = settled + len(level)
        share = np.searchsorted(wanted, reach, side="right") / len(wanted)
        for row in level:
            if (near - 1) / n >= share and len(distances[row]) - skipped[row] - 1 >= least:
                skipped[row] += 1
                farther = float(distances[row][skipped[row]])
                heapq.heappush(waiting, (farther, row))
                near -= farther > reach
            else:
                settled += 1
    return skipped
