"""The catalogue's R*Tree: boxes in space, time and cloud cover as whole numbers, rounded outwards.

The tree splits its nodes by the plain sizes of their sides, so the units decide how good it is: 1e-7 degrees
beside seconds keep nodes compact on the map (a month is as long as 0.26 degrees), which made searches of
10 degrees and a year 25 times faster than degrees and seconds did. Space comes out to the centimetre; whether
an item that only touches is meant, is decided by its exact columns.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from eocene.model.grid import BBox

TABLE = """
CREATE VIRTUAL TABLE boxes USING rtree_i32 (
    box,           -- twice the key of its item, plus one for its half east of the antimeridian
    minx, maxx, miny, maxy,    -- 1e-7 degrees
    mint, maxt,                -- seconds since 2000, at most 68 years away
    minc, maxc                 -- hundredths of a percent of cloud cover, or UNKNOWN
)
"""
PER_DEGREE = 10_000_000
UNKNOWN = -2_000_000
_EPOCH = 946_684_800
_MOST = 2**31 - 1
_MOST_COVER = 1_000_000


def split_antimeridian(bbox: BBox) -> list[BBox]:
    """Return the box as one box, or two where it crosses the antimeridian."""
    west, south, east, north = bbox
    if west <= east:
        return [bbox]
    return [(west, south, 180.0, north), (-180.0, south, east, north)]


def make_boxes(
    keys: Sequence[int],
    boxes: NDArray[np.float64],
    firsts: Sequence[int],
    lasts: Sequence[int],
    covers: Sequence[float | None],
) -> Iterator[tuple[int, ...]]:
    """Yield the tree's rows of items: boxes (n, 4) in degrees, times in microseconds since 1970.

    Items without a box, NaN, have none; those across the antimeridian have two: their halves east of it come
    last.
    """
    located = ~np.isnan(boxes[:, 0])
    west, south, east, north = boxes[located].T
    cover = np.array(covers, np.float64)[located]  # NaN where it is None
    low, high = (np.where(np.isnan(cover), UNKNOWN, bound) for bound in _cover_bounds(cover))
    times = (_seconds(np.array(moments, np.int64)[located]) for moments in (firsts, lasts))
    rest = *times, low, high
    numbers, crossing = 2 * np.array(keys, np.int64)[located], west > east
    rows = [numbers, *square(west, south, np.where(crossing, 180.0, east), north), *rest]
    halves = [numbers + 1, *square(np.full_like(west, -180.0), south, east, north), *rest]
    yield from _zip_integers(rows)
    yield from _zip_integers([column[crossing] for column in halves])


def _zip_integers(columns: Sequence[NDArray[Any]]) -> Iterator[tuple[int, ...]]:
    return zip(*(column.astype(np.int64).tolist() for column in columns), strict=True)


def square(west: Any, south: Any, east: Any, north: Any) -> tuple[Any, Any, Any, Any]:
    """Return minx, maxx, miny, maxy around boxes that do not cross the antimeridian: whole numbers."""
    return (
        np.floor(west * PER_DEGREE),
        np.ceil(east * PER_DEGREE),
        np.floor(south * PER_DEGREE),
        np.ceil(north * PER_DEGREE),
    )


def _seconds(microseconds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the tree's time, rounded down; times beyond its range become its ends."""
    return np.clip(microseconds // 1_000_000 - _EPOCH, -_MOST, _MOST)


def ask_time(start: int, end: int) -> tuple[int, int]:
    """Return what ``mint`` is at most and ``maxt`` at least in a search; microseconds since 1970."""
    latest, earliest = (min(max(t // 1_000_000 - _EPOCH, -_MOST), _MOST) for t in (end, start))
    return latest, earliest


def _cover_bounds(cover: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return bounds around cloud covers in percent; all known ones lie above ``UNKNOWN``."""
    hundredths = np.clip(100 * cover, -_MOST_COVER, _MOST_COVER)
    return np.floor(hundredths), np.ceil(hundredths)


def ask_cover(low: float, high: float) -> tuple[int, int]:
    """Return what ``minc`` is at most and ``maxc`` at least in a search for covers in percent."""
    most, least = (min(max(100 * cover, -_MOST_COVER), _MOST_COVER) for cover in (high, low))
    return math.ceil(most), math.floor(least)
