"""The part of the training samples by which training is stopped: whole blocks of ground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BLOCKS_ALONG = 10


def hold_out(
    x: NDArray[Any], y: NDArray[Any], answers: NDArray[Any], part: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return sorted row numbers to learn from and to check by.

    The extent is cut into 10 × 10 blocks, of which some are held out whole until ``part`` of the samples is
    reached; each class keeps a sample to learn from. Where all samples lie in one block, or no block can be
    spared, nothing is held out.

    Parameters
    ----------
    x, y : (n,) float64
    answers : (n,) or (n, y, x) int64
        Classes; those of pixels are not looked at.
    part : float
    seed : int
    """
    everyone = np.arange(len(x))
    if not part or not len(x):
        return everyone, everyone[:0]
    blocks = _number_blocks(x, y)
    names = np.random.default_rng([seed, 2]).permutation(np.unique(blocks))
    left = np.ones(len(x), dtype=bool)
    for name in names:
        without = left & (blocks != name)
        if (~without).sum() <= 1.25 * part * len(x) and _keeps_classes(answers, without):
            left = without
        if (~left).sum() >= part * len(x):
            break
    return np.flatnonzero(left), np.flatnonzero(~left)


def _number_blocks(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.int64]:
    def cut(values: NDArray[Any]) -> NDArray[np.int64]:
        low, high = values.min(), values.max()
        size = (high - low) / _BLOCKS_ALONG or 1.0
        numbers: NDArray[np.int64] = np.minimum((values - low) // size, _BLOCKS_ALONG - 1).astype(np.int64)
        return numbers

    return cut(x) * _BLOCKS_ALONG + cut(y)


def _keeps_classes(answers: NDArray[Any], left: NDArray[np.bool_]) -> bool:
    if answers.ndim > 1:
        return bool(left.any())
    return len(np.unique(answers[left])) == len(np.unique(answers))
