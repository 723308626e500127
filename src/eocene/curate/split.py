"""Splits into training and test: at random, and by blocks of ground that cannot leak."""

from __future__ import annotations

import math
import warnings
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from pyproj import CRS

from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.curate.samples import Samples


class SplitWarning(UserWarning):
    """A class cannot be tested fairly with these blocks."""


def random_split(samples: Samples, folds: int, seed: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Deal the samples of each class into folds at random.

    Neighbouring pixels fall on both sides, so the score flatters the model: report it only beside
    that of :func:`block_split`.

    Returns
    -------
    list of (train, test)
        Sorted row numbers, one pair a fold; the test parts are disjoint and cover all samples.

    Raises
    ------
    InputError
        If there are fewer than two folds or fewer samples than folds.
    """
    _check_folds(folds, len(samples), "samples")
    rng = np.random.default_rng(seed)
    fold = np.empty(len(samples), dtype=np.intp)
    dealt = 0
    for value in samples.classes:
        rows = rng.permutation(np.flatnonzero(samples.labels == value))
        # Going on where the last class ended keeps the folds equally large.
        fold[rows] = (np.arange(len(rows)) + dealt) % folds
        dealt += len(rows)
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(folds)]


def block_split(
    samples: Samples, folds: int, block_size_m: float, seed: int, buffer_m: float = 0.0
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Deal whole blocks of ground into folds, balanced by class as far as blocks allow.

    Blocks are squares of an absolute grid through the origin of the CRS, so the same place lies in
    the same block in every data set. Source: Roberts et al. 2017, doi:10.1111/ecog.02881.

    Parameters
    ----------
    samples : Samples
        In a projected CRS with metres.
    folds : int
        At least 2 and at most the number of blocks.
    block_size_m : float
        Edge of a block.
    seed : int
        Decides the order in which blocks are dealt, and so which fold each comes to.
    buffer_m : float
        Training samples nearer than this to a test block are left out of that fold.

    Returns
    -------
    list of (train, test)
        Sorted row numbers; the test parts are disjoint and cover all samples.

    Raises
    ------
    InputError
        If there are fewer blocks than folds, the CRS has no metres, or the buffer leaves a fold
        without training samples.

    Warns
    -----
    SplitWarning
        If a class lies in a single block, so that it is never both learnt and tested.
    """
    if not (math.isfinite(buffer_m) and buffer_m >= 0):
        raise InputError(f"A buffer of {buffer_m} m is no distance.", "Give 0 or more.")
    blocks = locate_blocks(samples, block_size_m)
    unique, which = np.unique(blocks, axis=0, return_inverse=True)
    which = which.reshape(-1)
    _check_folds(folds, len(unique), f"blocks of {block_size_m:g} m")
    _warn_lonely(samples, which, block_size_m)
    fold_of_block = _assign_blocks(samples, which, len(unique), folds, seed)
    fold = fold_of_block[which]
    splits = []
    for k in range(folds):
        near = _near_blocks(samples, blocks, unique[fold_of_block == k], block_size_m, buffer_m)
        train = np.flatnonzero((fold != k) & ~near)
        if not len(train):
            raise InputError(
                f"A buffer of {buffer_m:g} m leaves fold {k} without training samples.",
                "Take a smaller buffer or a larger area.",
            )
        splits.append((train, np.flatnonzero(fold == k)))
    return splits


def locate_blocks(samples: Samples, block_size_m: float) -> NDArray[np.int64]:
    """Return the (n, 2) column and row numbers of the absolute blocks that hold the samples."""
    if not (math.isfinite(block_size_m) and block_size_m > 0):
        raise InputError(f"A block of {block_size_m} m has no size.", "Give a size above 0 m.")
    units = {axis.unit_name for axis in CRS.from_epsg(samples.epsg).axis_info}
    if units != {"metre"}:
        raise InputError(
            f"EPSG:{samples.epsg} is measured in {', '.join(sorted(units))}, blocks in metres.",
            "Load the cube in a projected CRS, such as the UTM zone, and sample again.",
        )
    places = np.stack([samples.x, samples.y], axis=1)
    return np.floor(places / block_size_m).astype(np.int64)


def _assign_blocks(
    samples: Samples, which: NDArray[np.intp], blocks: int, folds: int, seed: int
) -> NDArray[np.intp]:
    """Put large blocks first, each where the folds become most alike; return a fold a block."""
    _, kind = np.unique(samples.labels, return_inverse=True)
    counts = np.zeros((blocks, len(samples.classes) + 1))
    np.add.at(counts, (which, kind.reshape(-1)), 1.0)
    # The total counts as a class of its own, so that no fold stays empty.
    counts[:, -1] = counts.sum(axis=1)
    shares = counts / (counts.sum(axis=0) / folds)
    # Large first balances best; the random factor makes every seed another draw, even where no two
    # blocks are equally large.
    luck = np.random.default_rng(seed).uniform(0.5, 1.0, blocks)
    order = np.argsort(-counts[:, -1] * luck, kind="stable")
    load = np.zeros((folds, shares.shape[1]))
    fold = np.empty(blocks, dtype=np.intp)
    for block in order:
        growth = ((load + shares[block]) ** 2 - load**2).sum(axis=1)
        fold[block] = int(np.argmin(growth))
        load[fold[block]] += shares[block]
    return fold


def _near_blocks(
    samples: Samples,
    blocks: NDArray[np.int64],
    test_blocks: NDArray[np.int64],
    size: float,
    buffer_m: float,
) -> NDArray[np.bool_]:
    """Tell which samples lie nearer than the buffer to one of the test blocks."""
    near = np.zeros(len(samples), dtype=bool)
    if buffer_m == 0:
        return near
    tested = {(int(i), int(j)) for i, j in test_blocks}
    own, which = np.unique(blocks, axis=0, return_inverse=True)
    which = which.reshape(-1)
    reach = math.ceil(buffer_m / size)
    # No two blocks are further apart than the samples reach, however wide the buffer.
    across, along = (min(reach, int(np.ptp(own[:, axis]))) for axis in (0, 1))
    for di, dj in product(range(-across, across + 1), range(-along, along + 1)):
        if (di, dj) == (0, 0):
            continue
        beside = np.array([(int(i) + di, int(j) + dj) in tested for i, j in own])[which]
        if not beside.any():
            continue
        left, low = (blocks[:, 0] + di) * size, (blocks[:, 1] + dj) * size
        dx = np.maximum(np.maximum(left - samples.x, samples.x - (left + size)), 0)
        dy = np.maximum(np.maximum(low - samples.y, samples.y - (low + size)), 0)
        near |= beside & (np.hypot(dx, dy) < buffer_m)
    return near


def _check_folds(folds: int, parts: int, what: str) -> None:
    if folds < 2 or parts < folds:
        raise InputError(
            f"{parts} {what} cannot be split into {folds} folds.",
            "Take at least 2 folds and at most as many as there are parts.",
        )


def _warn_lonely(samples: Samples, which: NDArray[np.intp], size: float) -> None:
    for value in samples.classes:
        if len(np.unique(which[samples.labels == value])) == 1:
            warnings.warn(
                f"Class {value} ({samples.class_names[value]}) lies in a single block of {size:g} m, "
                "so it is never both learnt and tested. Sample it elsewhere too, or take smaller blocks.",
                SplitWarning,
                stacklevel=3,
            )
