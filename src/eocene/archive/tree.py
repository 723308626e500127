"""The catalogue's R*Tree: boxes in space, time and cloud cover as whole numbers, rounded outwards.

The tree splits its nodes by the plain sizes of their sides, so the units decide how good it is: 1e-7 degrees
beside seconds keep nodes compact on the map (a month is as long as 0.26 degrees), which made searches of
10 degrees and a year 25 times faster than degrees and seconds did. Space comes out to the centimetre; whether
an item that only touches is meant, is decided by its exact columns.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

Box = tuple[int, int, int, int, int, int, int, int, int]


def split_antimeridian(bbox: BBox) -> list[BBox]:
    """Return the box as one box, or two where it crosses the antimeridian."""
    west, south, east, north = bbox
    if west <= east:
        return [bbox]
    return [(west, south, 180.0, north), (-180.0, south, east, north)]


def make_boxes(key: int, bbox: BBox, first: int, last: int, cover: float | None) -> list[Box]:
    """Return the tree's rows of an item; its times are microseconds since 1970."""
    low, high = (UNKNOWN, UNKNOWN) if cover is None else cover_bounds(cover, cover)
    mint, maxt = seconds(first), seconds(last)
    return [
        (2 * key + half, *square(part), mint, maxt, low, high)
        for half, part in enumerate(split_antimeridian(bbox))
    ]


def square(bbox: BBox) -> tuple[int, int, int, int]:
    """Return minx, maxx, miny, maxy around a box that does not cross the antimeridian."""
    west, south, east, north = bbox
    return (
        math.floor(west * PER_DEGREE),
        math.ceil(east * PER_DEGREE),
        math.floor(south * PER_DEGREE),
        math.ceil(north * PER_DEGREE),
    )


def seconds(microseconds: int) -> int:
    """Return the tree's time, rounded down; times beyond its range become its ends."""
    return max(-_MOST, min(microseconds // 1_000_000 - _EPOCH, _MOST))


def cover_bounds(low: float, high: float) -> tuple[int, int]:
    """Return bounds around cloud covers in percent; all known ones lie above ``UNKNOWN``."""
    least = max(-_MOST_COVER, min(100 * low, _MOST_COVER))
    most = max(-_MOST_COVER, min(100 * high, _MOST_COVER))
    return math.floor(least), math.ceil(most)
