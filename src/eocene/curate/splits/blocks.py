"""Folds of whole blocks of ground, with a buffer about those that are tested."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from eocene.curate.splits.ground import (
    check_buffer,
    check_folds,
    find_near,
    locate_blocks,
    outline,
    separate,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.curate.placed import Placed
    from eocene.curate.splits.ground import Split


class SplitWarning(UserWarning):
    """A class cannot be tested fairly with these blocks."""


def block_split(
    placed: Placed, folds: int, block_size_m: float, seed: int, buffer_m: float = 0.0
) -> list[Split]:
    """Deal whole blocks of ground into folds, balanced by class as far as blocks allow.

    Blocks are squares of an absolute grid through the origin of the CRS, so the same place lies in
    the same block in every data set. Source: Roberts et al. 2017, doi:10.1111/ecog.02881.

    Parameters
    ----------
    placed : Placed
        In a projected CRS with metres.
    folds : int
        At least 2 and at most the number of blocks.
    block_size_m : float
        Edge of a block.
    seed : int
        Decides the order in which blocks are dealt, and so which fold each comes to.
    buffer_m : float
        Training samples whose footprint is nearer than this to a test block or a test footprint are
        left out of that fold, and at any buffer those whose footprint overlaps a tested one.

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
    check_buffer(placed, buffer_m)
    blocks = locate_blocks(placed, block_size_m)
    unique, which = np.unique(blocks, axis=0, return_inverse=True)
    which = which.reshape(-1)
    check_folds(folds, len(unique), f"blocks of {block_size_m:g} m")
    _warn_lonely(placed, which, block_size_m)
    fold_of_block = _assign_blocks(placed, which, len(unique), folds, seed)
    fold = fold_of_block[which]
    shapes = outline(placed)
    squares = np.asarray(shapely.box(*(unique * block_size_m).T, *((unique + 1) * block_size_m).T))
    splits = []
    for number in range(folds):
        near = _find_near_squares(shapes, squares[fold_of_block == number], buffer_m)
        splits.append(separate(shapes, fold, number, buffer_m, left_out=near))
    return splits


def _find_near_squares(
    shapes: NDArray[Any], squares: NDArray[Any], buffer_m: float
) -> NDArray[np.bool_] | None:
    """Tell which footprints lie nearer to a tested block than the buffer."""
    if buffer_m == 0:
        return None  # blocks beside each other touch
    return find_near(shapes, squares, buffer_m)


def _assign_blocks(
    placed: Placed, which: NDArray[np.intp], blocks: int, folds: int, seed: int
) -> NDArray[np.intp]:
    """Put large blocks first, each where the folds become most alike; return a fold a block."""
    _, kind = np.unique(placed.labels, return_inverse=True)
    counts = np.zeros((blocks, int(kind.max()) + 2))
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


def _warn_lonely(placed: Placed, which: NDArray[np.intp], size: float) -> None:
    for value in np.unique(placed.labels).tolist():
        if len(np.unique(which[placed.labels == value])) == 1:
            warnings.warn(
                f"Class {value} ({placed.class_names[value]}) lies in a single block of {size:g} m, "
                "so it is never both learnt and tested. Sample it elsewhere too, or take smaller blocks.",
                SplitWarning,
                stacklevel=3,
            )
