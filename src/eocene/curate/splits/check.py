"""Proof that a split does not leak, whoever made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.splits.ground import check_buffer, find_near, outline
from eocene.model import InputError

if TYPE_CHECKING:
    from eocene.curate.placed import Placed
    from eocene.curate.splits.ground import Split


def check_split(
    placed: Placed, splits: Sequence[Split], buffer_m: float = 0.0, *, same_places: bool = False
) -> None:
    """Refuse a split that leaks: the one test that all ways to split must pass.

    Parameters
    ----------
    placed : Placed
    splits : sequence of (train, test)
    buffer_m : float
        The least distance between a training and a test footprint of one fold.
    same_places : bool
        Footprints may overlap, since years or sensors are tested and not places.

    Raises
    ------
    InputError
        If a part is empty, out of range or repeats a row, a sample is learnt and tested in one fold, a
        training footprint overlaps a tested one, or one is nearer than the buffer. Names the fold and
        the first such sample.
    """
    check_buffer(placed, buffer_m)
    shapes = None if same_places else outline(placed)
    if not splits:
        raise InputError("The split has no folds.", "Make one by a function of eocene.curate.splits.")
    for number, (train, test) in enumerate(splits):
        _check_rows(number, len(placed.x), train, test)
        if shapes is None:
            continue
        near = find_near(shapes[train], shapes[test], buffer_m)
        if near.any():
            raise InputError(
                f"In fold {number}, {int(near.sum())} training samples overlap a tested one or lie nearer "
                f"than {buffer_m:g} m to it; the first is sample {int(train[near][0])}.",
                "Split by places, such as block_split, with this buffer.",
            )


def _check_rows(number: int, n: int, train: np.ndarray, test: np.ndarray) -> None:
    for what, rows in (("training", train), ("test", test)):
        if not len(rows):
            raise InputError(f"Fold {number} has an empty {what} part.", "Use fewer folds.")
        if rows.min() < 0 or rows.max() >= n or len(np.unique(rows)) != len(rows):
            raise InputError(
                f"The {what} part of fold {number} repeats rows or leaves 0 to {n - 1}.",
                "Name each row once.",
            )
    shared = np.intersect1d(train, test)
    if shared.size:
        raise InputError(
            f"Fold {number} tests what it learnt, such as sample {int(shared[0])}.", "Keep the parts apart."
        )
