"""Plain GeoTIFF and COG files without STAC: items are made from their headers and names."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
from pyproj import CRS
from rasterio.errors import RasterioIOError

from eocene.archive.fetch import GDAL_DRIVER, open_dataset
from eocene.archive.product import (
    Product,
    Reader,
    bounds_degrees,
    find_date,
    grid_fields,
    make_collection,
    make_item,
    missing_time,
    name_collection,
    number_json,
    read_times,
    union_bbox,
)
from eocene.archive.raster import COG, GEOTIFF, refuse_complex
from eocene.archive.tiff.askew import ASKEW, empty_number, find_geometry
from eocene.archive.tiff.geotiff import damaged, read_grid
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.archive.product import IngestOptions
    from eocene.model.grid import BBox, Grid

_SUFFIXES = (".tif", ".tiff")
_BAND = re.compile(r"^(.+)[_.-](B\d{1,2}A?|SCL|BQA|QA_?\w+|VV|VH|HH|HV)$", re.IGNORECASE)


def recognise(path: Path) -> bool:
    """Tell whether it is a GeoTIFF file or a folder that has some."""
    if path.is_dir():
        return any(True for _ in _list_files(path))
    return path.suffix.lower() in _SUFFIXES


def read_product(path: Path, options: IngestOptions) -> Iterator[Product]:
    """Yield one collection; files of one name but for the band at its end make one item.

    Raises
    ------
    InputError
        If a file is not georeferenced or its time is unknown.
    DamageError
        If a file cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    name = options.collection or name_collection(folder.name)
    groups: dict[tuple[Path, str], list[tuple[str | None, Path]]] = defaultdict(list)
    for file in _list_files(path) if path.is_dir() else [path]:
        match = _BAND.match(file.stem)
        key = file.parent, match.group(1) if match else file.stem
        groups[key].append((match.group(2) if match else None, file))
    stems = Counter(stem for _, stem in groups)
    items = []
    for (parent, stem), files in sorted(groups.items()):
        label = stem if stems[stem] == 1 else "_".join((*parent.relative_to(folder).parts, stem))
        items.append(_read_item(name, label, files, options))
    title = name if options.collection else folder.name
    yield make_collection(name, title, f"GeoTIFF files of the folder {folder.name}."), items


READER = Reader("geotiff", "GeoTIFF and COG (.tif, or a folder of them)", recognise, read_product)


def _list_files(folder: Path) -> Iterator[Path]:
    return (f for f in sorted(folder.rglob("*")) if f.suffix.lower() in _SUFFIXES and f.is_file())


def _read_item(
    collection: str, name: str, files: list[tuple[str | None, Path]], options: IngestOptions
) -> dict[str, Any]:
    assets: dict[str, Any] = {}
    boxes, times = [], read_times(options.datetime) if options.datetime else None
    for band, path in sorted(files, key=lambda file: file[1].name):
        header = read_header(path, band)
        boxes.append(header["bbox"])
        twice = assets.keys() & header["assets"].keys()
        if twice:
            raise InputError(
                f"The file {str(path)!r} has the band {min(twice)!r}, and so has another of item {name!r}.",
                "Rename one of the files, or describe them by STAC.",
            )
        assets.update(header["assets"])
        moment = find_date(path.stem) or header["datetime"]
        times = times or ({"datetime": moment} if moment else None)
    if times is None:
        raise missing_time(files[0][1])
    codes = {asset["proj:code"] for asset in assets.values()}
    properties = times | ({"proj:code": codes.pop()} if len(codes) == 1 else {})
    bbox = boxes[0] if len(boxes) == 1 else union_bbox(boxes)
    return make_item(collection, name, bbox, properties, assets)


def read_header(path: Path, band: str | None = None) -> dict[str, Any]:
    """Return what the header of a GeoTIFF says: its assets by band name, bbox in degrees and datetime.

    Parameters
    ----------
    path : Path
        The file.
    band : str, optional
        The name of its band where the file has one and does not name it.
    """
    try:
        dataset = open_dataset(str(path), GDAL_DRIVER)
    except RasterioIOError as error:
        raise damaged(path, str(error)) from error
    except TypeError as error:  # numpy does not know GDAL's complex integers
        if "complex" not in str(error):
            raise
        raise refuse_complex(str(path)) from error
    with dataset:
        askew = find_geometry(dataset, path)
        grid = askew[1] if askew else read_grid(dataset, path)
        bbox = _locate(grid, path)
        kind = COG if dataset.tags(ns="IMAGE_STRUCTURE").get("LAYOUT") == "COG" else GEOTIFF
        common = {"href": str(path.resolve()), "type": kind, "roles": ["data"]} | grid_fields(grid)
        if any(str(kind).startswith("complex") for kind in dataset.dtypes):
            raise refuse_complex(str(path))
        names = _name_bands(dataset, band)
        assets = {
            name: common | {"gsd": grid.lattice.resolution_m} | _describe_band(dataset, number, name)
            for number, name in enumerate(names, start=1)
        }
        if askew:
            for asset in assets.values():
                dtype = np.dtype(asset["data_type"])
                asset |= {
                    ASKEW: True,
                    "nodata": asset.get("nodata", number_json(empty_number(dtype), dtype.kind)),
                }
        moment = _read_tag(dataset.tags().get("TIFFTAG_DATETIME"))
    return {"assets": assets, "bbox": bbox, "datetime": moment}


def _locate(grid: Grid, path: Path) -> BBox:
    if CRS.from_epsg(grid.epsg).is_geocentric:
        raise InputError(
            f"The CRS EPSG:{grid.epsg} of {str(path)!r} has no longitude and latitude, nor a map.",
            "Warp the file to a geographic or projected CRS.",
        )
    try:
        return bounds_degrees(grid)
    except InputError as error:
        raise InputError(f"{str(path)!r}: {error.message}", error.remedy) from error


def _name_bands(dataset: Any, band: str | None) -> list[str]:
    if band and dataset.count == 1:
        return [band]
    described = [text for text in dataset.descriptions if text]
    if len(set(described)) == dataset.count:
        return described
    return [f"band{number}" for number in range(1, dataset.count + 1)]


def _describe_band(dataset: Any, number: int, name: str) -> dict[str, Any]:
    nodata = dataset.nodatavals[number - 1]
    fields: dict[str, Any] = {"data_type": dataset.dtypes[number - 1], "bands": [{"name": name}]}
    if nodata is not None:
        fields["nodata"] = number_json(nodata, np.dtype(dataset.dtypes[number - 1]).kind)
    if dataset.scales[number - 1] != 1.0 or dataset.offsets[number - 1] != 0.0:
        fields |= {"raster:scale": dataset.scales[number - 1], "raster:offset": dataset.offsets[number - 1]}
    if dataset.count > 1:
        fields["eocene:band"] = number
    return fields


def _read_tag(text: str | None) -> str | None:
    """Read TIFF's DateTime, "YYYY:MM:DD HH:MM:SS"."""
    date, _, clock = (text or "").partition(" ")
    return find_date(f"{date.replace(':', '-')}T{clock}") if clock else None
