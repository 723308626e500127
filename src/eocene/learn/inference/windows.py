"""A model of chips on a window of a cube: tiles read in batches, their answers laid together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from eocene.learn.inference.tiling import Tiling
    from eocene.learn.predict import Predictor
    from eocene.model import Grid

BATCH_BYTES = 8 * 2**20
"""What the tiles of a batch may take while they are worked on: what is cached, since more is slower."""


def predict_window(
    predictor: Predictor,
    values: NDArray[np.float32],
    given: Grid,
    window: Grid,
    extent: Grid,
    tiling: Tiling,
) -> NDArray[np.float32]:
    """Return the (classes, y, x) probabilities of a window, NaN where nothing is known.

    They depend on the tiling and the pixels, not on the window.

    Parameters
    ----------
    predictor : Predictor
        Of a model of chips.
    values : (…, y, x) float32
        The layers of a sample on ``given``; NaN is a missing value.
    given : Grid
        Where the values lie: at least ``tiling.cover(window, extent)`` inside of the extent.
    window, extent : Grid
        What is asked for, and all that there is.
    """
    if tiling.exact:
        tile = tiling.cover(window, extent)
        answer = _run_one(predictor, crop(values, given, tile))
        scores = crop(answer, tile, window)
    else:
        scores = _lay_tiles(predictor, values, given, window, extent, tiling)
    if predictor.signature.dense:
        own = crop(values, given, window)
        first = np.isnan(own[(0,) * (own.ndim - 2)])  # what has it has data
        if first.any():
            scores[:, first & np.isnan(own).all(axis=tuple(range(own.ndim - 2)))] = np.nan
    return scores


def crop(values: NDArray[np.float32], given: Grid, window: Grid) -> NDArray[np.float32]:
    """Return a window of (…, y, x) values, NaN where it leaves them."""
    inside = given.intersect(window)
    if inside == window:
        part: NDArray[np.float32] = values[(..., *window.slices_in(given))]
        return part
    made = np.full((*values.shape[:-2], *window.shape), np.nan, np.float32)
    if inside is not None:
        made[(..., *inside.slices_in(window))] = values[(..., *inside.slices_in(given))]
    return made


def _run_one(predictor: Predictor, values: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(values).any():
        return np.full((predictor.signature.width, *values.shape[-2:]), np.nan, np.float32)
    answer: NDArray[np.float32] = predictor.run(values[None])[0]
    return answer


def _lay_tiles(
    predictor: Predictor,
    values: NDArray[np.float32],
    given: Grid,
    window: Grid,
    extent: Grid,
    tiling: Tiling,
) -> NDArray[np.float32]:
    scores = np.zeros((predictor.signature.width, *window.shape), np.float32)
    weights = np.zeros(window.shape, np.float32)
    ramp = np.outer(tiling.ramp(), tiling.ramp())
    tiles = [tile for tile in tiling.tiles(window) if tile.intersect(extent)]
    for tile, answer in _run_tiles(predictor, values, given, tiles, tiling):
        inner = tile.pad(-tiling.halo) if tiling.blend == "crop" else tile
        common = inner.intersect(window)
        if common is None:
            continue
        here, there = common.slices_in(window), common.slices_in(tile)
        if tiling.blend == "crop":
            scores[(slice(None), *here)] = answer[(slice(None), *there)]
            weights[here] = 1
        else:
            for layer, part in zip(scores, answer, strict=True):
                layer[here] += part[there] * ramp[there]
            weights[here] += ramp[there]
    if tiling.blend == "crop":
        scores[:, weights == 0] = np.nan
        return scores
    with np.errstate(invalid="ignore", divide="ignore"):
        scores /= weights  # where no tile has data 0 / 0 is NaN
    return scores


def _run_tiles(
    predictor: Predictor,
    values: NDArray[np.float32],
    given: Grid,
    tiles: Sequence[Grid],
    tiling: Tiling,
) -> Iterator[tuple[Grid, NDArray[np.float32]]]:
    """Yield tiles that have data with (classes, y, x) answers; one answer for a chip fills it."""
    batch = max(1, BATCH_BYTES // max(1, tile_bytes(predictor, tiling)))
    chips: list[tuple[Grid, NDArray[np.float32]]] = []
    for tile in tiles:
        chip = crop(values, given, tile)
        if not np.isnan(chip).all():
            chips.append((tile, chip))
        if len(chips) == batch:
            yield from _run_batch(predictor, chips)
            chips = []
    if chips:
        yield from _run_batch(predictor, chips)


def _run_batch(
    predictor: Predictor, chips: Sequence[tuple[Grid, NDArray[np.float32]]]
) -> Iterator[tuple[Grid, NDArray[np.float32]]]:
    answers = predictor.run(np.stack([chip for _, chip in chips]))
    for (tile, _), answer in zip(chips, answers, strict=True):
        if answer.ndim == 1:
            yield tile, np.broadcast_to(answer[:, None, None], (len(answer), *tile.shape))
        else:
            yield tile, answer


def tile_bytes(predictor: Predictor, tiling: Tiling) -> int:
    """Return what a tile takes while it is worked on."""
    rows, cols = predictor.signature.chip or (1, 1)
    return predictor.sample_bytes * tiling.edge**2 // (rows * cols)
