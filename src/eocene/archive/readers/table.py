"""Tables: Parquet and GeoParquet where they lie; GeoPackage and GeoJSON converted to GeoParquet."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import geopandas
import pandas as pd
from pyproj import CRS
from pyproj.exceptions import CRSError

from eocene.archive.product import (
    Product,
    Reader,
    find_date,
    format_instant,
    make_collection,
    make_item,
    missing_time,
    name_collection,
    read_times,
)
from eocene.archive.raster import PARQUET
from eocene.archive.readers.geopackage import read_geopackage
from eocene.archive.tables import read_table
from eocene.model.errors import DamageError, InputError
from eocene.model.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.archive.product import IngestOptions
    from eocene.model.grid import BBox

_PARQUET = (".parquet", ".geoparquet", ".pq")
_CONVERTED = (".gpkg", ".geojson", ".json")
_TIME_COLUMNS = ("datetime", "time", "t", "date", "timestamp")


def recognise(path: Path) -> bool:
    """Tell whether it is a table file."""
    return path.is_file() and path.suffix.lower() in (*_PARQUET, *_CONVERTED)


def read_product(path: Path, options: IngestOptions) -> Iterator[Product]:
    """Yield a collection with one item, whose asset ``data`` is the table as Parquet.

    Raises
    ------
    InputError
        If the time is unknown or the CRS is missing.
    DamageError
        If the file cannot be read.
    """
    name = options.collection or name_collection(path.stem)
    suffix = path.suffix.lower()
    if suffix in _PARQUET:
        frame, href = read_table(path), path.resolve()
    else:
        frame = read_geopackage(path) if suffix == ".gpkg" else _read_geojson(path)
        href = options.assets.resolve() / name / f"{path.stem}.parquet"
    times = _find_times(frame, path, options)
    bbox, geometry_fields = _find_place(frame, path)
    if suffix not in _PARQUET:
        existed = href.exists()
        with replace_file(href) as temporary:
            frame.to_parquet(temporary, index=False)
        options.written.extend([] if existed else [href])
    columns = [{"name": str(column), "type": str(kind)} for column, kind in frame.dtypes.items()]
    asset: dict[str, Any] = {
        "href": str(href),
        "type": PARQUET,
        "roles": ["data"],
        "table:columns": columns,
        "table:row_count": len(frame),
    } | geometry_fields
    item = make_item(name, path.stem, bbox, times, {"data": asset})
    yield make_collection(name, name, f"The table {path.name}."), [item]


READER = Reader(
    "table", "tables (.parquet, GeoParquet, .gpkg, .geojson)", recognise, read_product
)  # fmt: skip


def _read_geojson(path: Path) -> geopandas.GeoDataFrame:
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DamageError(
            f"The file {str(path)!r} is not JSON: {error}.", "Fetch or write the file again."
        ) from error
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or not features:
        raise InputError(
            f"The file {str(path)!r} is no GeoJSON feature collection.",
            'Give one of the form {"type": "FeatureCollection", "features": […]} with at least one feature.',
        )
    try:
        return geopandas.GeoDataFrame.from_features(features, crs=_read_crs(document))
    except CRSError as error:
        raise InputError(f"The CRS of {str(path)!r} is not known: {error}.", "Write EPSG codes.") from error
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise InputError(
            f"The file {str(path)!r} has a malformed feature: {error}.", "Correct it."
        ) from error


def _read_crs(document: dict[str, Any]) -> CRS:
    """Return the CRS of a GeoJSON: degrees, unless its ``crs`` member (2008) says otherwise."""
    named = document.get("crs")
    properties = named.get("properties") if isinstance(named, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return CRS.from_user_input(name or "EPSG:4326")


def _find_times(frame: pd.DataFrame, path: Path, options: IngestOptions) -> dict[str, str]:
    """Return the item's times: the user's, the range of a time column, or the date in the file's name."""
    if options.datetime:
        return read_times(options.datetime)
    for name in _TIME_COLUMNS:
        if name not in frame.columns or not len(frame):
            continue
        moments = pd.to_datetime(frame[name], utc=True, errors="coerce", format="ISO8601")
        if moments.notna().any() and frame[name].dtype.kind not in "iuf":
            span = [moment.tz_localize(None).to_datetime64() for moment in (moments.min(), moments.max())]
            start, end = (format_instant(moment) for moment in span)
            return {"datetime": start, "start_datetime": start, "end_datetime": end}
    moment = find_date(path.stem)
    if moment is None:
        raise missing_time(path)
    return {"datetime": moment}


def _find_place(frame: pd.DataFrame, path: Path) -> tuple[BBox | None, dict[str, Any]]:
    if not isinstance(frame, geopandas.GeoDataFrame) or not len(frame):
        return None, {}
    if frame.crs is None:
        raise InputError(f"The table {str(path)!r} has geometries without a CRS.", "Set its CRS.")
    west, south, east, north = (float(v) for v in frame.to_crs(4326).total_bounds)
    if not all(math.isfinite(v) for v in (west, south, east, north)):
        raise DamageError(
            f"The geometries of {str(path)!r} have no finite coordinates.", "Fetch or write the file again."
        )
    code = frame.crs.to_epsg()
    fields = {"table:primary_geometry": frame.geometry.name}
    return (west, south, east, north), fields | ({"proj:code": f"EPSG:{code}"} if code else {})
