"""Which of many samples are taken: balanced, stratified, weighted by density, diverse.

Every design is a choice of rows, so it works on a stored data set before its pixels are read:
``dataset.read(rows)`` and ``dataset.stream(…, rows=rows)`` take what it returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.curate.placed import Placed

_STEP = np.uint64(0x9E3779B97F4A7C15)


def choose_balanced(samples: Placed, per_class: int, seed: int = 0) -> NDArray[np.intp]:
    """Return the rows of at most ``per_class`` random samples of each class, sorted."""
    return choose_stratified(samples, per_class, ("label",), seed)


def choose_stratified(
    samples: Placed,
    per_stratum: int,
    by: Sequence[str] = ("label", "region", "season", "cloud"),
    seed: int = 0,
) -> NDArray[np.intp]:
    """Return the rows of at most ``per_stratum`` random samples of each stratum, sorted.

    Parameters
    ----------
    samples : Placed
        Samples or a stored data set.
    per_stratum : int
        How many.
    by : sequence of str
        "label" and columns; a column of shares or other fractions is cut into quarters of 0 to 1.
    seed : int
        Decides which.

    Raises
    ------
    InputError
        If a column is missing or the number is below 1.
    """
    strata = number_strata([_read_level(samples, name) for name in by])
    keys = np.random.default_rng(seed).uniform(size=len(strata))
    return take_lowest(strata, keys, per_stratum)


def choose_weighted(
    samples: Placed, count: int, cell_m: float, seed: int = 0, strength: float = 1.0
) -> NDArray[np.intp]:
    """Return the rows of random samples, the likelier the fewer others lie in the same cell, sorted.

    The weight of a sample is the number in its cell to the power of ``-strength``: 0 draws evenly from
    samples, 1 evenly from cells. Source of the drawing: Efraimidis and Spirakis 2006,
    doi:10.1016/j.ipl.2005.11.003.

    Parameters
    ----------
    samples : Placed
        In a CRS of metres.
    count : int
        How many, at most all.
    cell_m : float
        Edge of the cells in which samples are counted.
    seed : int
        Decides which.
    strength : float
        0 or more.
    """
    if not (cell_m > 0 and strength >= 0):
        raise InputError(
            f"Cells of {cell_m} m and a strength of {strength} weigh nothing.", "Give positive ones."
        )
    cells = number_strata([np.floor(samples.x / cell_m), np.floor(samples.y / cell_m)])
    weights = np.bincount(cells)[cells].astype(float) ** -strength
    draws = np.random.default_rng(seed).exponential(size=len(cells)) / weights
    return take_lowest(np.zeros(len(cells), np.intp), draws, count)


def choose_diverse(embeddings: NDArray[Any], count: int, seed: int = 0) -> NDArray[np.intp]:
    """Return rows that cover a space: each next one is the furthest from all before (a core-set).

    It is at most twice as far from the rest as the best choice would be. Source: Gonzalez 1985,
    doi:10.1016/0304-3975(85)90224-5; for learning, Sener and Savarese 2018, arXiv:1708.00489.

    Parameters
    ----------
    embeddings : (n, d)
        Finite.
    count : int
        How many, at most n.
    seed : int
        Decides the first.

    Returns
    -------
    (count,)
        In the order of choice, so that the first k are the choice of k.
    """
    points = np.asarray(embeddings, dtype=np.float32)
    if points.ndim != 2 or not np.isfinite(points).all():
        raise InputError("Embeddings must be finite numbers (n, d).", "Fill what is missing.")
    _check_count(count)
    count = min(count, len(points))
    chosen = np.empty(count, np.intp)
    squares = (points**2).sum(axis=1)
    nearest = np.full(len(points), np.inf, np.float32)
    row = int(np.random.default_rng(seed).integers(len(points))) if count else 0
    for k in range(count):
        chosen[k] = row
        distance = squares - 2 * (points @ points[row]) + squares[row]
        nearest = np.minimum(nearest, distance)
        nearest[row] = -np.inf  # is taken
        row = int(np.argmax(nearest))
    return chosen


def number_strata(levels: Sequence[NDArray[Any]]) -> NDArray[np.intp]:
    """Return a number for each combination of levels that occurs."""
    codes = np.zeros(len(levels[0]) if levels else 0, np.intp)
    for level in levels:
        found = np.unique(level, return_inverse=True)[1].reshape(-1)
        codes = np.unique(codes * (found.max(initial=0) + 1) + found, return_inverse=True)[1].reshape(-1)
    return codes


def take_lowest(strata: NDArray[np.intp], keys: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """Return the rows with the ``most`` lowest keys of each stratum, sorted."""
    _check_count(most)
    order = np.lexsort((keys, strata))
    ordered = strata[order]
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else ordered
    rank = np.arange(len(order)) - np.repeat(begins, np.diff(np.r_[begins, len(order)]))
    return np.sort(order[rank < most])


def draw_keys(columns: NDArray[np.int64], rows: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Return a random number in [0, 1) for each pixel of a lattice, the same in every window.

    Source of the mixing: Steele et al. 2014, SplittableRandom, doi:10.1145/2660193.2660195.
    """
    mixed = _mix(np.full(len(columns), seed, np.int64).view(np.uint64))
    for part in (columns, rows):
        mixed = _mix(mixed ^ np.ascontiguousarray(part, np.int64).view(np.uint64))
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = state + _STEP
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _read_level(samples: Placed, name: str) -> NDArray[Any]:
    if name == "label":
        return samples.labels
    if name not in samples.columns:
        known = ", ".join(["label", *samples.columns])
        raise InputError(f"The samples have no column {name!r}.", f"They have {known}.")
    return cut_levels(samples.columns[name])


def cut_levels(values: NDArray[Any]) -> NDArray[Any]:
    """Return a column as levels: shares and other fractions are cut into quarters of 0 to 1."""
    if values.dtype.kind == "f":
        quarters = np.floor(np.clip(np.nan_to_num(values, nan=-0.25), -0.25, 1.0) * 4)
        return np.asarray(np.minimum(quarters, 3))
    return values


def _check_count(count: int) -> None:
    if count < 1:
        raise InputError(f"{count} samples are none.", "Give a number of 1 or more.")
