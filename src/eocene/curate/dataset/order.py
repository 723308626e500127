"""The order in which samples are streamed: a pure function of the seed, whoever decodes them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def order_rows(
    rows: NDArray[np.intp], shard: int, window: int, seed: int | None, epoch: int = 0
) -> NDArray[np.intp]:
    """Return rows so that shards come in random order, and samples in random order within some of them.

    Samples were shuffled when they were stored, so neighbours in a shard are strangers on the ground.

    Parameters
    ----------
    rows : (n,)
        Sorted.
    shard : int
        Samples a shard.
    window : int
        How many shards are mixed.
    seed : int or None
        Decides the order; None keeps that of the rows.
    epoch : int
        Another order for each.
    """
    if seed is None or not len(rows):
        return rows
    rng = np.random.default_rng([seed, epoch])
    shards, first = np.unique(rows // shard, return_index=True)
    parts = np.split(rows, first[1:])
    turn = rng.permutation(len(shards))
    groups = [turn[i : i + window] for i in range(0, len(turn), window)]
    mixed = [np.concatenate([parts[k] for k in group]) for group in groups]
    return np.concatenate([rng.permutation(group) for group in mixed])
