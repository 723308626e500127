"""An item as a row of the catalogue; here it is checked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import shapely
from shapely.geometry import box, shape

from eocene.archive.extents import Extent
from eocene.archive.search import dump, split_antimeridian
from eocene.model.errors import InputError
from eocene.model.grid import BBox

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """What the catalogue stores of an item; ``boxes`` is empty without geometry, two at the antimeridian."""

    collection: str
    id: str
    moment: int | None
    first: int
    last: int
    cloud_cover: float | None
    shape: bytes | None
    document: str
    boxes: tuple[BBox, ...]
    bbox: BBox | None
    properties: dict[str, Any]

    @property
    def columns(self) -> tuple[Any, ...]:
        """The values of the table's columns, in its order."""
        return (
            self.collection, self.id, self.moment, self.first, self.last,
            self.cloud_cover, self.shape, self.document,
        )  # fmt: skip

    @property
    def extent(self) -> Extent:
        """The item's extent in space and time."""
        return Extent(self.bbox, self.first, self.last)


def check_collection(collection: dict[str, Any]) -> str:
    """Return the id of a collection; raises InputError if it has none."""
    name = collection.get("id") if isinstance(collection, dict) else None
    if not isinstance(name, str) or not name:
        raise InputError("A collection has no id.", "Give it an id, a short text.")
    try:
        dump(collection)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The collection {name!r} is not JSON: {error}.", "Remove NaN and objects."
        ) from error
    return name


def make_row(item: dict[str, Any]) -> Row:
    """Check a STAC item and return its row.

    Raises
    ------
    InputError
        If a field is missing or wrong; the item and the field are named.
    """
    name, collection = _text(item, "id"), _text(item, "collection")
    properties = item.get("properties")
    if not isinstance(properties, dict):
        raise _wrong(item, "properties", "is not an object")
    if not isinstance(item.get("assets"), dict):
        raise _wrong(item, "assets", "is not an object")
    moment, first, last = _read_times(item, properties)
    bbox, wkb = _read_place(item)
    cloud = properties.get("eo:cloud_cover")
    cover = float(cloud) if isinstance(cloud, int | float) and not isinstance(cloud, bool) else None
    try:
        document = dump(item)
    except (TypeError, ValueError) as error:
        raise _wrong(item, "JSON", f"cannot be written: {error}") from error
    boxes = tuple(split_antimeridian(bbox)) if bbox else ()
    return Row(
        collection, name, moment, first, last, cover, wkb, document,
        boxes, bbox, properties,
    )  # fmt: skip


def _text(item: dict[str, Any], field: str) -> str:
    value = item.get(field) if isinstance(item, dict) else None
    if not isinstance(value, str) or not value or "\x00" in value:
        raise _wrong(item, field, f"is {value!r}, not a text")
    return value


def _read_times(item: dict[str, Any], properties: dict[str, Any]) -> tuple[int | None, int, int]:
    instant = properties.get("datetime")
    moment = None if instant is None else _microseconds(item, "datetime", instant)
    start, end = properties.get("start_datetime"), properties.get("end_datetime")
    if start is None and end is None:
        if moment is None:
            raise _wrong(
                item, "properties.datetime", "is missing, and so are start_datetime and end_datetime"
            )
        return moment, moment, moment
    first = _microseconds(item, "start_datetime", start)
    last = _microseconds(item, "end_datetime", end)
    if first > last:
        raise _wrong(item, "properties.end_datetime", f"({end}) is before start_datetime ({start})")
    return moment, first, last


def _microseconds(item: dict[str, Any], field: str, text: object) -> int:
    try:
        moment = datetime.fromisoformat(text)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise _wrong(item, f"properties.{field}", f"is {text!r}, not an RFC 3339 time") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _read_place(item: dict[str, Any]) -> tuple[BBox | None, bytes | None]:
    """Return the item's box, and its geometry as WKB unless that is the box itself."""
    geojson = item.get("geometry")
    if geojson is None:
        return None, None
    try:
        geometry = shape(geojson)
    except Exception as error:
        raise _wrong(item, "geometry", f"is not GeoJSON ({error})") from error
    if geometry.is_empty:
        raise _wrong(item, "geometry", "is empty")
    bbox = _read_bbox(item, geometry.bounds)
    if len(split_antimeridian(bbox)) == 1 and geometry.equals(box(*bbox)):
        return bbox, None
    return bbox, shapely.to_wkb(geometry)


def _read_bbox(item: dict[str, Any], bounds: BBox) -> BBox:
    values = item.get("bbox")
    if values is None:
        values = list(bounds)
    numbers = isinstance(values, list | tuple) and len(values) in (4, 6)
    if not numbers or not all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values
    ):
        raise _wrong(item, "bbox", f"is {values!r}, not 4 or 6 numbers")
    half = len(values) // 2
    west, south, east, north = (
        _snap(float(v), limit)
        for v, limit in zip((*values[:2], *values[half : half + 2]), (180, 90, 180, 90), strict=True)
    )
    if not (-180.0 <= west <= 180.0 and -180.0 <= east <= 180.0 and -90.0 <= south <= north <= 90.0):
        raise _wrong(item, "bbox", f"is {values!r}, not west, south, east, north in degrees")
    return west, south, east, north


def _snap(degrees: float, limit: float) -> float:
    """Return the limit for what misses it by rounding, such as 180.00000000000014."""
    return math.copysign(limit, degrees) if limit < abs(degrees) <= limit + 1e-6 else degrees


def _wrong(item: object, field: str, why: str) -> InputError:
    name = item.get("id") if isinstance(item, dict) else item
    return InputError(
        f"The item {name!r} is not valid: {field} {why}.",
        "Correct the item by the STAC specification; nothing was written.",
    )
