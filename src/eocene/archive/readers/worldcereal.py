"""The minicubes of ESA WorldCereal: one folder a patch, one NetCDF-4 file a sensor.

Files are named by sensor, patch, EPSG code and period, such as
``S2_L2A_10m_0000280849BAC91C_32631_2018-08-01_2019-11-30.nc``; the elevation model of the patch's
tile lies in the folder ``dem`` beside. Nothing is copied: assets are slices of the files in place.
The crop calendar and the tables of features are not read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import describe_file
from eocene.archive.product import (
    Product,
    Reader,
    bounds_degrees,
    format_instant,
    make_item,
    name_extensions,
)
from eocene.archive.rasters.netcdf import read_variables, reading
from eocene.archive.rasters.netcdf_variable import plain_dataset, read_whole
from eocene.archive.readers.geotiff import read_header
from eocene.archive.readers.netcdf import read_times_of, slice_asset
from eocene.archive.readers.worldcereal_legend import (
    AGERA5,
    COLLECTIONS,
    LANDSAT,
    SENTINEL_1,
    SENTINEL_2,
    name_classes,
)
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from eocene.archive.product import IngestOptions
    from eocene.archive.rasters.netcdf_variable import Variable

_FILE = re.compile(
    r"^(?P<sensor>S2_L2A_10m|S2_L2A_20m|S1_GRD-(?:ASCENDING|DESCENDING)_20m|L8_L2-ST_10m|"
    r"AgERA5_DAILY_1000m|OUTPUT_POLY-110_10m)_(?P<patch>.+)_(?P<epsg>\d{4,6})_"
    r"(?P<start>\d{4}-\d{2}-\d{2})_(?P<end>\d{4}-\d{2}-\d{2})\.nc$"
)
_TILE = re.compile(r"^\d{2}[C-X][A-Z]{2}$")
_CLOUDY = (8, 9, 10)  # SCL: cloud of medium and high probability, thin cirrus


def recognise(path: Path) -> bool:
    """Tell whether it is a patch's folder, or a folder with patches one or two levels down."""
    return path.is_dir() and bool(_find_patches(path))


def find_roots(path: Path) -> tuple[Path, ...]:
    """Return the folder, and the elevation tiles beside the patches."""
    return path, *(dem for patch in _find_patches(path) if (dem := _find_dem(patch)) is not None)


def read_product(path: Path, _options: IngestOptions) -> Iterator[Product]:
    """Yield the collections of all patches, each with its items.

    Raises
    ------
    DamageError
        If a file cannot be read.
    """
    for patch in _find_patches(path):
        files = _list_files(patch)
        yield from _read_sentinel_2(files)
        for sensor, file in files.items():
            if sensor.startswith("S1_"):
                yield _read_series("sentinel-1-grd", file, SENTINEL_1, _orbit(sensor))
            elif sensor.startswith("L8_"):
                yield _read_series("landsat-l2-st", file, LANDSAT, {"platform": "landsat-8"})
            elif sensor.startswith("AgERA5"):
                yield _read_series("agera5", file, AGERA5, {})
            elif sensor.startswith("OUTPUT"):
                yield _read_labels(file)
        dem = _find_dem(patch)
        if dem is not None:
            yield _read_dem(dem)


READER = Reader(
    "worldcereal", "WorldCereal minicubes (a patch's folder)", recognise, read_product, find_roots
)


def _find_patches(path: Path) -> list[Path]:
    for folders in ([path], path.iterdir(), path.glob("*/*")):
        patches = sorted(folder for folder in folders if folder.is_dir() and _list_files(folder))
        if patches:
            return patches
    return []


def _list_files(folder: Path) -> dict[str, Path]:
    """Return the files of a patch by sensor."""
    matches = ((_FILE.match(file.name), file) for file in sorted(folder.glob("*.nc")))
    return {match["sensor"]: file for match, file in matches if match}


def _find_dem(patch: Path) -> Path | None:
    """Return the elevation file of the patch's tile; the name of the tile is in any of its files."""
    for file in _list_files(patch).values():
        with reading(describe_file(file)) as stream:
            tile = stream.attrs.get("tile", "")
        tile = tile.decode() if isinstance(tile, bytes) else str(tile)
        dem = patch.parent / "dem" / f"dem_{tile}.tif"
        if _TILE.match(tile):
            return dem if dem.is_file() else None
    return None


def _name(file: Path) -> re.Match[str]:
    match = _FILE.match(file.name)
    if match is None:
        raise InputError(f"The file {str(file)!r} is not named like a minicube.", "Keep its original name.")
    return match


def _orbit(sensor: str) -> dict[str, Any]:
    state = "ascending" if "ASCENDING" in sensor else "descending"
    state = "descending" if "DESCENDING" in sensor else state
    return {"constellation": "sentinel-1", "sat:orbit_state": state}


def _read_steps(
    file: Path, fields: Mapping[str, Mapping[str, Any]]
) -> dict[np.datetime64, dict[str, dict[str, Any]]]:
    """Return the assets by instant, then by band."""
    variables = [v for v in read_variables(describe_file(file)) if v.time is not None]
    steps: dict[np.datetime64, dict[str, dict[str, Any]]] = {}
    for index, moment in enumerate(read_times_of(file, str(variables[0].time)) if variables else []):
        steps[moment] = {v.name: _asset(file, v, index, fields) for v in variables}
    return steps


def _asset(
    file: Path, variable: Variable, index: int | None, fields: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    return slice_asset(file, variable, index, **fields.get(variable.name, {}))


def _item(
    collection: str, file: Path, moment: np.datetime64, assets: dict[str, Any], properties: Mapping[str, Any]
) -> dict[str, Any]:
    name, instant = _name(file), format_instant(moment)
    label = f"{name['patch']}_{collection}_{instant.replace('-', '').replace(':', '')}"
    bbox = bounds_degrees(read_variables(describe_file(file))[0].grid)
    fixed = {"datetime": instant, "proj:code": f"EPSG:{name['epsg']}"}
    return make_item(collection, label, bbox, fixed | dict(properties), assets)


def _read_series(
    collection: str, file: Path, fields: Mapping[str, Mapping[str, Any]], properties: Mapping[str, Any]
) -> Product:
    steps = _read_steps(file, fields)
    items = [_item(collection, file, moment, assets, properties) for moment, assets in steps.items()]
    return COLLECTIONS[collection], items


def _read_sentinel_2(files: Mapping[str, Path]) -> Iterator[Product]:
    """Yield the collection with one item a date, from the files of 10 m and 20 m."""
    present = [files[sensor] for sensor in ("S2_L2A_10m", "S2_L2A_20m") if sensor in files]
    if not present:
        return
    dates: dict[np.datetime64, dict[str, Any]] = {}
    for file in present:
        for moment, assets in _read_steps(file, SENTINEL_2).items():
            dates.setdefault(moment, {}).update(assets)
    more = _read_scene_properties(files.get("S2_L2A_20m"))
    items = [
        _item("sentinel-2-l2a", present[0], moment, dates[moment], more.get(moment, {}))
        for moment in sorted(dates)
    ]
    for item in items:
        item["properties"]["constellation"] = "sentinel-2"
    yield COLLECTIONS["sentinel-2-l2a"], items


def _read_scene_properties(file: Path | None) -> dict[np.datetime64, dict[str, Any]]:
    """Return the cloud cover of the patch by its SCL, in percent, and the sun's elevation, by instant."""
    if file is None:
        return {}
    with reading(describe_file(file)) as stream:
        if "SCL" not in stream:
            return {}
        axis = str(plain_dataset(stream, "SCL", file).dims[0].keys()[0])
        cloudy = np.isin(read_whole(stream, "SCL", file), _CLOUDY).mean(axis=(1, 2)) * 100.0
        has_sun = "sunZenithAngles" in stream
        zenith = read_whole(stream, "sunZenithAngles", file) if has_sun else None
    found = {}
    for index, moment in enumerate(read_times_of(file, axis)):
        found[moment] = {"eo:cloud_cover": round(float(cloudy[index]), 2)}
        if zenith is not None and 0.0 < zenith[index] <= 180.0:
            found[moment]["view:sun_elevation"] = round(90.0 - float(zenith[index]), 3)
    return found


def _read_labels(file: Path) -> Product:
    name = _name(file)
    assets: dict[str, Any] = {}
    for variable in read_variables(describe_file(file)):
        with reading(describe_file(file)) as stream:
            present = np.unique(read_whole(stream, variable.name, file))
        fields = {variable.name: {"classification:classes": name_classes(variable.name, present.tolist())}}
        assets[variable.name] = _asset(file, variable, None, fields)
    period = {"start_datetime": f"{name['start']}T00:00:00Z", "end_datetime": f"{name['end']}T00:00:00Z"}
    moment = np.datetime64(name["start"], "s")
    item = _item("reference", file, moment, assets, period)
    return COLLECTIONS["reference"], [item]


def _read_dem(path: Path) -> Product:
    """Return the elevation model; its time is that of the mission TanDEM-X."""
    header = read_header(path, "DEM")
    header["assets"]["DEM"]["unit"] = "m"
    times = {
        "datetime": "2010-12-12T00:00:00Z",
        "start_datetime": "2010-12-12T00:00:00Z",
        "end_datetime": "2015-01-16T00:00:00Z",
        "proj:code": header["assets"]["DEM"]["proj:code"],
    }
    item = make_item("cop-dem", path.stem, header["bbox"], times, header["assets"])
    return COLLECTIONS["cop-dem"], [item | {"stac_extensions": name_extensions(item)}]
