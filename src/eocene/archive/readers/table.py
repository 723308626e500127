"""Tables: Parquet and GeoParquet where they lie; other vectors, series and posts converted to GeoParquet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas
import numpy as np
import pandas as pd
from pyproj.exceptions import CRSError, ProjError

from eocene.archive.epsg import find_epsg
from eocene.archive.product import (
    Product,
    Reader,
    find_times,
    format_instant,
    make_collection,
    make_item,
    name_collection,
    read_times,
)
from eocene.archive.raster import PARQUET
from eocene.archive.readers.geopackage import read_geopackage
from eocene.archive.tables.parquet import read_table
from eocene.archive.tables.station_files import is_sensorthings, read_csv, read_posts, read_sensorthings
from eocene.archive.tables.vector_files import frame_of_features, read_geojson, read_json, read_shapefile
from eocene.model.errors import DamageError, InputError
from eocene.model.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from eocene.archive.product import IngestOptions
    from eocene.model.grid import BBox

PARQUET_SUFFIXES = (".parquet", ".geoparquet", ".pq")
_TIME_COLUMNS = ("datetime", "time", "t", "date", "timestamp")


def recognise(path: Path) -> bool:
    """Tell whether it is a table file."""
    return path.is_file() and path.suffix.lower() in (*PARQUET_SUFFIXES, *_CONVERTED)


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
    frame = read_table(path) if suffix in PARQUET_SUFFIXES else _CONVERTED[suffix](path)
    times = find_table_times(frame, path, options, _TIME_COLUMNS)
    yield (
        make_collection(name, name, f"The table {path.name}."),
        [make_table_item(frame, path, name, times, options)],
    )


def make_table_item(
    frame: pd.DataFrame, path: Path, collection: str, times: dict[str, str], options: IngestOptions
) -> dict[str, Any]:
    """Return the item of a table; what is not Parquet is written as such into the workspace.

    Raises
    ------
    InputError
        If its CRS is missing or leads nowhere, or there is no folder to write to.
    DamageError
        If its geometries do not lie on the Earth.
    """
    bbox, geometry_fields = _find_place(frame, path)
    href = path.resolve()
    if path.suffix.lower() not in PARQUET_SUFFIXES:
        href = options.folder_for(path).resolve() / collection / f"{path.stem}.parquet"
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
    return make_item(collection, path.stem, bbox, times, {"data": asset})


READER = Reader(
    "table",
    "tables (.parquet, GeoParquet, .gpkg, .geojson, .shp, .csv), SensorThings (.json) and posts (.jsonl)",
    recognise,
    read_product,
)


def _read_json_table(path: Path) -> geopandas.GeoDataFrame:
    document = read_json(path)
    return (
        read_sensorthings(document, path) if is_sensorthings(document) else frame_of_features(document, path)
    )


_CONVERTED: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".gpkg": read_geopackage,
    ".geojson": read_geojson,
    ".json": _read_json_table,
    ".shp": read_shapefile,
    ".csv": read_csv,
    ".jsonl": read_posts,
    ".ndjson": read_posts,
}
"""How each format is read that is converted to Parquet."""


def find_table_times(
    frame: pd.DataFrame, path: Path, options: IngestOptions, columns: Iterable[str]
) -> dict[str, str]:
    """Return the item's times: the user's, the range of a time column, or the date in the file's name.

    Raises
    ------
    InputError
        If there is none of them.
    """
    if options.datetime:
        return read_times(options.datetime)
    for name in columns:
        if name not in frame.columns or not len(frame):
            continue
        moments = pd.to_datetime(frame[name], utc=True, errors="coerce", format="ISO8601")
        if moments.notna().any() and frame[name].dtype.kind not in "iuf":
            span = [moment.tz_localize(None).to_datetime64() for moment in (moments.min(), moments.max())]
            start, end = (format_instant(moment) for moment in span)
            return {"datetime": start, "start_datetime": start, "end_datetime": end}
    return find_times(path, options)


def _find_place(frame: pd.DataFrame, path: Path) -> tuple[BBox | None, dict[str, Any]]:
    if not isinstance(frame, geopandas.GeoDataFrame) or not len(frame):
        return None, {}
    if frame.crs is None:
        raise InputError(f"The table {str(path)!r} has geometries without a CRS.", "Set its CRS.")
    try:
        with np.errstate(all="ignore"):
            west, south, east, north = (float(v) for v in frame.to_crs(4326).total_bounds)
    except (ProjError, CRSError) as error:
        raise InputError(
            f"The CRS of {str(path)!r} leads to no place on the Earth: {error}.", "Correct it."
        ) from error
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise DamageError(
            f"The geometries of {str(path)!r} lie beyond the Earth: from {west}, {south} to {east}, {north}.",
            "Correct its coordinates or its CRS, or fetch the file again.",
        )
    code = find_epsg(frame.crs.to_wkt())
    fields = {"table:primary_geometry": frame.geometry.name}
    return (west, south, east, north), fields | ({"proj:code": f"EPSG:{code}"} if code else {})
