"""Extents and summaries of collections, gathered from their items."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eocene.archive.catalogue.rows import Rows
    from eocene.model.grid import BBox

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RANGES = ("eo:cloud_cover", "view:sun_elevation")
_SETS = ("platform", "constellation", "instruments", "gsd", "proj:code", "sat:orbit_state")
_MOST_VALUES = 50


@dataclass(frozen=True)
class Extent:
    """A box in degrees, or None, and a closed interval in microseconds since 1970."""

    bbox: BBox | None
    first: int
    last: int

    @classmethod
    def from_columns(cls, columns: Sequence[Any]) -> Extent | None:
        """Read west, south, east, north, first, last of a table; None if there is no time."""
        west, south, east, north, first, last = columns
        if first is None:
            return None
        return cls(None if west is None else (west, south, east, north), first, last)

    @property
    def columns(self) -> tuple[float | int | None, ...]:
        """West, south, east, north, first, last."""
        return (*(self.bbox or (None,) * 4), self.first, self.last)

    def union(self, other: Extent | None) -> Extent:
        """Return the smallest extent around both; across the antimeridian it spans all longitudes."""
        if other is None:
            return self
        return Extent(
            _union_boxes(self.bbox, other.bbox), min(self.first, other.first), max(self.last, other.last)
        )


def extent_of(rows: Rows) -> Extent:
    """Return the extent of at least one row; items across the antimeridian are taken together first."""
    bbox: BBox | None = None
    west, _, east, _ = rows.boxes.T
    for boxes in (rows.boxes[west <= east], rows.boxes[west > east]):
        if len(boxes):
            west_south, east_north = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
            bbox = _union_boxes(bbox, (*west_south.tolist(), *east_north.tolist()))
    return Extent(bbox, min(rows.firsts), max(rows.lasts))


def _union_boxes(a: BBox | None, b: BBox | None) -> BBox | None:
    if a is None or b is None:
        return a or b
    south, north = min(a[1], b[1]), max(a[3], b[3])
    if a[0] <= a[2] and b[0] <= b[2]:
        return min(a[0], b[0]), south, max(a[2], b[2]), north
    if a[0] > a[2] and b[0] > b[2]:
        return min(a[0], b[0]), south, max(a[2], b[2]), north
    return -180.0, south, 180.0, north


def summarise(summaries: Mapping[str, Any], properties: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the summaries with more items' properties: ranges of numbers, sets of names."""
    result = dict(summaries)
    for key in _RANGES:
        values = [p[key] for p in properties if _is_number(p.get(key))]
        if key in result:
            values += result[key]["minimum"], result[key]["maximum"]
        if values:
            result[key] = {"minimum": min(values), "maximum": max(values)}
    for key in _SETS:
        known: dict[Any, None] = dict.fromkeys(result.get(key, ()))
        values = [p[key] for p in properties if key in p]
        for value in values:
            for one in value if isinstance(value, list) else (value,):
                if isinstance(one, str | int | float):
                    known[one] = None
        if known:
            result[key] = list(known)[:_MOST_VALUES]
    return result


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def describe_extent(document: dict[str, Any], extent: Extent, summaries: Mapping[str, Any]) -> dict[str, Any]:
    """Return a collection's document with the extent and summaries of its items put in."""
    declared = document.get("extent", {}).get("spatial", {}).get("bbox", [[-180.0, -90.0, 180.0, 90.0]])
    bbox = [list(extent.bbox)] if extent.bbox else declared
    interval = [[format_time(extent.first), format_time(extent.last)]]
    result = {
        **document,
        "extent": {"spatial": {"bbox": bbox}, "temporal": {"interval": interval}},
        "summaries": {**document.get("summaries", {}), **summaries},
    }
    dimensions = document.get("cube:dimensions")
    if isinstance(dimensions, dict):
        result["cube:dimensions"] = _describe_dimensions(dimensions, bbox[0], interval[0])
    return result


def _describe_dimensions(
    dimensions: Mapping[str, Any], bbox: Sequence[float], interval: Sequence[str]
) -> dict[str, Any]:
    result = {}
    for name, dimension in dimensions.items():
        extent = {"t": interval, "x": [bbox[0], bbox[2]], "y": [bbox[1], bbox[3]]}.get(name)
        result[name] = dimension if extent is None else {**dimension, "extent": list(extent)}
    return result


def format_time(microseconds: int) -> str:
    """Return an instant as RFC 3339 in UTC, with a fraction only where there is one."""
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.isoformat(timespec="auto").replace("+00:00", "Z")
