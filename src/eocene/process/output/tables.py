"""Tables, lists and plain values as files: what results are that have no pixels."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import xarray as xr

from eocene.model.files import write_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GEOPARQUET = "application/vnd.apache.parquet"
GEOJSON = "application/geo+json"
NETCDF = "application/x-netcdf"
_ISO = "%Y-%m-%dT%H:%M:%SZ"


def table_json(table: gpd.GeoDataFrame) -> str:
    """Return a table of zones as JSON records without geometry; times in ISO 8601, NaN as null."""
    frame = pd.DataFrame(table.drop(columns=table.geometry.name))
    text: str = frame.to_json(orient="records", date_format="iso")
    return text


def table_geojson(table: gpd.GeoDataFrame) -> str:
    """Return a table as a GeoJSON FeatureCollection in EPSG:4326, a feature for each row."""
    in_degrees = table.to_crs(4326)
    geometries = in_degrees.geometry.__geo_interface__["features"]
    features = [
        {"type": "Feature", "properties": properties, "geometry": feature["geometry"]}
        for properties, feature in zip(json.loads(table_json(table)), geometries, strict=True)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, allow_nan=False)


def table_csv(table: gpd.GeoDataFrame) -> str:
    """Return a table as CSV: its columns, times in ISO 8601, the geometry as WKT in the last one."""
    name = table.geometry.name
    frame = pd.DataFrame(table.drop(columns=name)).assign(**{name: table.geometry.to_wkt()})
    text: str = frame.to_csv(index=False, date_format=_ISO, lineterminator="\n")
    return text


_TEXTS: dict[str, tuple[Callable[[Any], str], str, str]] = {
    "JSON": (table_json, "json", "application/json"),
    "GeoJSON": (table_geojson, "geojson", GEOJSON),
    "CSV": (table_csv, "csv", "text/csv"),
}


def save_table(table: gpd.GeoDataFrame, folder: Path, wanted: str, stem: str = "result") -> tuple[Path, str]:
    """Write a table of geometries in a format of GET /file_formats; return the file and its media type."""
    if wanted == "GeoParquet":
        path = folder / f"{stem}.parquet"
        table.to_parquet(path)
        return path, GEOPARQUET
    if wanted == "netCDF":
        return _save_netcdf(table, folder / f"{stem}.nc"), NETCDF
    write, suffix, kind = _TEXTS[wanted]
    path = folder / f"{stem}.{suffix}"
    path.write_text(write(table), encoding="utf-8")
    return path, kind


def save_series(array: xr.DataArray, folder: Path, wanted: str, stem: str = "result") -> tuple[Path, str]:
    """Write a cube without pixels and geometries: JSON, CSV with a column for each band, or netCDF."""
    if wanted == "netCDF":
        path = folder / f"{stem}.nc"
        array.to_dataset(name="data").to_netcdf(path, engine="h5netcdf")
        return path, NETCDF
    if wanted == "CSV":
        path = folder / f"{stem}.csv"
        is_wide = "bands" in array.dims and array.ndim > 1
        columns = array.to_dataset("bands") if is_wide else array.to_dataset(name="value")
        frame = columns.to_dataframe().reset_index()
        frame.to_csv(path, index=False, date_format=_ISO, lineterminator="\n")
        return path, "text/csv"
    path = folder / f"{stem}.json"
    write_json(path, cube_json(array))
    return path, "application/json"


def save_records(value: Any, folder: Path, wanted: str, stem: str = "result") -> tuple[Path, str]:
    """Write what has no pixels: a table of geometries, a series, or a list or plain value as JSON."""
    if isinstance(value, gpd.GeoDataFrame):
        return save_table(value, folder, wanted, stem)
    if isinstance(value, xr.DataArray):
        return save_series(value, folder, wanted, stem)
    save_value(value, folder / f"{stem}.json")
    return folder / f"{stem}.json", "application/json"


def _save_netcdf(table: gpd.GeoDataFrame, path: Path) -> Path:
    """Write a table as a CF data set of columns along ``row``, the geometry as WKT with its CRS."""
    name = table.geometry.name
    columns = {str(c): _plain_column(table[c]) for c in table.columns if c != name}
    data = pd.DataFrame({**columns, name: table.geometry.to_wkt()}).rename_axis("row").to_xarray()
    data[name].attrs["crs_wkt"] = table.crs.to_wkt()
    data.to_netcdf(path, engine="h5netcdf")
    return path


def _plain_column(column: Any) -> Any:
    """Return numbers and times as they are, all else as text."""
    return column if column.dtype.kind in "iufbM" else column.map(lambda v: "" if v is None else str(v))


def save_value(value: Any, path: Path) -> None:
    """Write a plain value, or lists and objects of such, as JSON."""
    write_json(path, as_json(value))


def as_json(value: Any) -> Any:
    """Return a plain value with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {str(k): as_json(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def cube_json(cube: Any) -> dict[str, Any]:
    """Return a small cube as nested lists with its dimensions and labels; no-data and infinity as null."""
    labels = {
        d: [float(v) if d in ("y", "x") else str(v) for v in cube[d].values]
        for d in cube.dims
        if d in cube.coords
    }
    place = {"crs": cube.attrs["crs"]} if "crs" in cube.attrs else {}
    return {"dims": list(cube.dims), "coords": labels, "values": as_json(cube.values.tolist()), **place}
