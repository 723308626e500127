"""Items as rows of STAC-GeoParquet and back: what the format adds is taken away again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson
from shapely.geometry import mapping, shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

EXACT = "eocene:exact"
_TIMES = ("datetime", "start_datetime", "end_datetime", "created", "updated", "expires", "published")
_NOWHERE = {"type": "MultiPolygon", "coordinates": []}
_ZEROS = re.compile(r"\.?0*Z$")


def prepare(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item as columns can have it: no nulls, no empty objects, a plain geometry and a flat box."""
    stripped = {name: _strip(value) for name, value in item.items()}
    geometry = item.get("geometry") or _NOWHERE
    box = item.get("bbox") or shape(geometry).bounds
    if "coordinates" not in geometry:  # a collection of geometries, which the package does not read
        geometry = mapping(shape(geometry).convex_hull)
    return {**stripped, "geometry": geometry, "bbox": _flatten(box)}


def _flatten(box: Sequence[float]) -> list[float]:
    half = len(box) // 2
    return [float(value) for value in (*box[:2], *box[half : half + 2])]


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        stripped = {name: _strip(inner) for name, inner in value.items()}
        return {name: inner for name, inner in stripped.items() if inner is not None and inner != {}}
    return [_strip(inner) for inner in value] if isinstance(value, list) else value


def filled_columns(schema: pa.Schema) -> list[str]:
    """Return the names of columns without those of objects that have no fields, which Parquet cannot keep."""
    import pyarrow as pa

    return [field.name for field in schema if not pa.types.is_struct(field.type) or field.type.num_fields]


def fit_table(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the table with all columns of a schema that has at least its own; those it lacks are null."""
    import pyarrow as pa

    for field in schema:
        if field.name not in table.schema.names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
    return table.select(schema.names).cast(schema)


def read_back(table: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield the items of a table: exactly, where their JSON stands beside them."""
    from stac_geoparquet.arrow import stac_table_to_items

    names = table.schema.names
    exact = table.column(EXACT).to_pylist() if EXACT in names else [None] * len(table)
    plain = table.select([name for name in names if name != EXACT])
    for item, text in zip(stac_table_to_items(plain), exact, strict=True):
        yield _clean(item) if text is None else orjson.loads(text)


def _clean(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item without the nulls of columns that it has no value for, its times as short as can be."""
    geometry, properties = item.get("geometry"), item.get("properties") or {}
    cleaned: dict[str, Any] = _without_nulls({**item, "properties": _shorten_times(properties)})
    cleaned["geometry"] = geometry
    if properties.get("datetime") is None:
        cleaned["properties"]["datetime"] = None
    return cleaned


def _shorten_times(properties: dict[str, Any]) -> dict[str, Any]:
    times = {name: properties[name] for name in _TIMES if isinstance(properties.get(name), str)}
    return {**properties, **{name: _shorten(text) for name, text in times.items()}}


def _shorten(text: str) -> str:
    return _ZEROS.sub("Z", text) if "." in text else text


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value
