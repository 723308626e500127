"""The area of a search: its boxes and geometries, and which items' geometries touch it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import shapely
from shapely.geometry import LineString, Point

from eocene.archive.catalogue.search import read_geometry
from eocene.archive.tree import split_antimeridian

if TYPE_CHECKING:
    from eocene.archive.catalogue.schema import RegionTest
    from eocene.archive.catalogue.search import Search
    from eocene.model.grid import BBox

_ONE_RING = struct.pack("<BII", 1, 3, 1)  # how the WKB of a polygon without holes begins


def read_area(query: Search) -> tuple[list[BBox], list[Any]]:
    """Return the boxes and the geometries of the area that is searched; empty for anywhere."""
    if query.bbox is not None:
        parts = split_antimeridian(query.bbox)
        return parts, [draw_box(part) for part in parts]
    if query.intersects is not None:
        geometry = read_geometry(query.intersects)
        return [geometry.bounds], [geometry]
    return [], []


def draw_box(bbox: BBox) -> Any:
    """Return a box as shapely's polygon, or as a line or point where it has no area."""
    west, south, east, north = bbox
    if west == east and south == north:
        return Point(west, south)
    if west == east or south == north:
        return LineString([(west, south), (east, north)])
    return shapely.box(west, south, east, north)


def touches_region(boxes: list[BBox], regions: list[Any]) -> RegionTest:
    """Return the test of geometries near the regions; ``boxes`` are those of them that are boxes."""
    shapely.prepare(regions)

    def meets_region(wkb: bytes | None, west: float, south: float, east: float, north: float) -> bool:
        if wkb is not None and any(_has_vertex_inside(wkb, box) for box in boxes):
            return True
        geometry = draw_box((west, south, east, north)) if wkb is None else shapely.from_wkb(wkb)
        return any(region.intersects(geometry) for region in regions)

    return meets_region


def _has_vertex_inside(wkb: bytes, box: BBox) -> bool:
    """Tell whether a polygon has a vertex in the box, as most that touch one have: GEOS takes longer."""
    if not wkb.startswith(_ONE_RING):
        return False
    west, south, east, north = box
    ring = struct.unpack_from(f"<{(len(wkb) - 13) // 8}d", wkb, 13)
    for x, y in zip(ring[::2], ring[1::2], strict=True):  # noqa: SIM110  (a loop is twice as fast as any())
        if west <= x <= east and south <= y <= north:
            return True
    return False
