"""MODIS and VIIRS land products: GeoTIFF and JPEG 2000 as archives convert them, and HDF-EOS of HDF4 and 5.

Files are known by their names. Images in the sinusoidal projection are seen on a grid in degrees. HDF4, in
which NASA keeps MODIS, needs a library of its own, eocene[hdf4].
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rasterio.errors import RasterioError

from eocene.archive.fetch import describe_file, open_dataset
from eocene.archive.fetch.gdal import GDAL_DRIVER, JP2_DRIVER
from eocene.archive.product import (
    Product,
    Reader,
    bounds_degrees,
    make_collection,
    make_item,
    number_json,
    union_bbox,
)
from eocene.archive.raster import GEOTIFF, HDF4, HDF5, JP2, SINUSOIDAL
from eocene.archive.rasters.eos_grid import list_fields
from eocene.archive.rasters.hdf4 import list_hdf4_fields
from eocene.archive.rasters.sinusoidal import SinusoidalImage, find_image
from eocene.archive.readers.modis_layers import count_days, describe_layer, name_layer
from eocene.archive.tiff.geotiff import damaged, read_grid
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.archive.product import IngestOptions
    from eocene.model.grid import BBox

_PRODUCT = r"(?P<product>(?:M[OYC]D|VNP|VJ[12])\d{2}\w{1,3})"
_LAYOUTS = tuple(
    re.compile(text)
    for text in (
        _PRODUCT
        + r"\.A(?P<day>\d{7})\.(?P<tile>h\d\dv\d\d)\.(?P<version>\d{3})\.\d{13}(?:[._](?P<layer>[\w ]+))?",
        _PRODUCT + r"\.(?P<version>\d{3})_+(?P<layer>\w+?)_doy(?P<day>\d{7})\d*_(?P<tile>aid\d{4})",
        r"(?P<product>TERRA|AQUA)_MODIS_(?P<tile>\d{6})_(?P<layer>\w+)_(?P<day>\d{4}-\d\d-\d\d)",
    )
)
"""Names of files: of NASA and its mirrors, of AppEEARS, of the Brazil Data Cube and sits."""

_KINDS = {
    ".tif": GEOTIFF, ".tiff": GEOTIFF, ".jp2": JP2, ".h5": HDF5, ".he5": HDF5, ".hdf": HDF4,
}  # fmt: skip
_PLATFORMS = {
    "MOD": ("terra", "modis"), "MYD": ("aqua", "modis"), "TER": ("terra", "modis"), "AQU": ("aqua", "modis"),
    "VNP": ("suomi-npp", "viirs"), "VJ1": ("noaa-20", "viirs"), "VJ2": ("noaa-21", "viirs"),
    "MCD": ("terra,aqua", "modis"),
}  # fmt: skip
PROVIDERS = [{"name": "NASA LP DAAC", "roles": ["producer", "licensor"], "url": "https://lpdaac.usgs.gov/"}]
LICENCE = {"rel": "license", "href": "https://lpdaac.usgs.gov/data/data-citation-and-policies/"}


@dataclass(frozen=True)
class _Scene:
    """What the name of a file tells, without its layer."""

    product: str
    tile: str
    day: str
    version: str

    @property
    def name(self) -> str:
        """The id of the item."""
        return "_".join(part for part in (self.product, self.tile, self.day, self.version) if part)


def recognise(path: Path) -> bool:
    """Tell whether it is a file with a name of these products, or a folder whose rasters all have one."""
    if path.is_dir():
        rasters = [entry for entry in path.iterdir() if entry.suffix.lower() in _KINDS]
        return bool(rasters) and all(_match(entry) for entry in rasters)
    return path.is_file() and _match(path) is not None


def read_product(path: Path, options: IngestOptions) -> Iterator[Product]:
    """Yield a collection for each product, with an item for each tile and date.

    Raises
    ------
    UnavailableError
        If it is HDF4 and the library for it is not installed.
    InputError, DamageError
        If a file's name has no date, or it cannot be read; it is named.
    """
    groups: dict[tuple[str, str], dict[_Scene, list[tuple[str, Path]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        match = _match(file)
        if match is not None:
            found = match.groupdict()
            scene = _Scene(found["product"], found["tile"], found["day"], found.get("version") or "")
            groups[scene.product, scene.version][scene].append((found.get("layer") or "", file))
    for (product, version), scenes in groups.items():
        name = options.collection or _name_collection(product, version)
        items = [
            _read_item(name, scene, files) for scene, files in sorted(scenes.items(), key=lambda s: s[0].name)
        ]
        title = f"{product} version {version}" if version else product
        text = f"{title}: a land product of MODIS or VIIRS."
        yield make_collection(name, title, text, providers=PROVIDERS, links=[LICENCE]), items


READER = Reader(
    "modis", "MODIS and VIIRS land products (GeoTIFF, JPEG 2000 or HDF-EOS, known by their names)",
    recognise, read_product,
)  # fmt: skip


def _match(path: Path) -> re.Match[str] | None:
    if path.suffix.lower() not in _KINDS:
        return None
    return next((match for layout in _LAYOUTS if (match := layout.fullmatch(path.stem))), None)


def _name_collection(product: str, version: str) -> str:
    family = "viirs" if product.startswith("V") else "modis"
    kind = re.sub(r"^(M[OYC]D|VNP|VJ[12])", "", product).lower()
    return "-".join(part for part in (family, kind, version) if part)


def _read_item(collection: str, scene: _Scene, files: list[tuple[str, Path]]) -> dict[str, Any]:
    assets: dict[str, Any] = {}
    boxes = []
    for layer, path in files:
        for name, asset, bbox in _read_file(scene.product, layer, path):
            if name in assets:
                raise InputError(
                    f"The file {str(path)!r} has the layer {name!r}, and so has another of {scene.name!r}.",
                    "Ingest one of them.",
                )
            assets[name] = asset
            boxes.append(bbox)
    platform, instrument = _PLATFORMS[scene.product[:3]]
    properties = {
        **_read_times(scene, files[0][1]),
        "platform": platform,
        "instruments": [instrument],
        "providers": PROVIDERS,
    }
    if scene.version:
        properties["processing:version"] = scene.version
    item = make_item(collection, scene.name, union_bbox(boxes), properties, assets)
    return item | {"links": [LICENCE]}


def _read_times(scene: _Scene, path: Path) -> dict[str, str]:
    """Return start and end of a composite."""
    try:
        start = datetime.strptime(scene.day, "%Y%j" if scene.day.isdigit() else "%Y-%m-%d").replace(
            tzinfo=UTC
        )
    except ValueError as error:
        raise InputError(
            f"The name of the file {str(path)!r} has the date {scene.day!r}, which there is not.",
            "Correct the name.",
        ) from error
    end = start + timedelta(days=count_days(scene.product), seconds=-1)
    first, last = (moment.isoformat().replace("+00:00", "Z") for moment in (start, end))
    return {"datetime": first, "start_datetime": first, "end_datetime": last}


def _read_file(product: str, layer: str, path: Path) -> Iterator[tuple[str, dict[str, Any], BBox]]:
    """Yield name, asset and bounds in degrees of each layer of a file."""
    kind = _KINDS[path.suffix.lower()]
    common = {"href": str(path.absolute()), "type": kind, "roles": ["data"]}
    if kind in (HDF5, HDF4):
        fields = (list_fields if kind == HDF5 else list_hdf4_fields)(describe_file(path))
        if not fields:
            raise damaged(path, "it has no field on a grid in the sinusoidal projection")
        for field in fields:
            grid = field.grid
            image = SinusoidalImage(grid.west, grid.north, grid.size, grid.shape)
            name = name_layer(field.variable.rpartition("/")[2])
            told = {"raster:scale": field.encoding.scale} if field.encoding.scale != 1.0 else {}
            facts = {
                **describe_layer(product, name),
                **told,
                SINUSOIDAL: True,
                "eocene:variable": field.variable,
            }
            if field.encoding.nodata is not None:
                facts["nodata"] = number_json(field.encoding.nodata, field.encoding.dtype.kind)
            yield name, common | facts, _bounds(image, path)
        return
    name = name_layer(layer) if layer else "data"
    image_or_none, bbox = _read_place(path, GDAL_DRIVER if kind == GEOTIFF else JP2_DRIVER)
    marked = {SINUSOIDAL: True} if image_or_none else {}
    yield name, {**common, **describe_layer(product, name), **marked}, bbox


def _read_place(path: Path, driver: str) -> tuple[SinusoidalImage | None, BBox]:
    try:
        with open_dataset(str(path), driver) as dataset:
            image = find_image(dataset)
            if image is not None:
                return image, _bounds(image, path)
            return None, bounds_degrees(read_grid(dataset, path))
    except RasterioError as error:
        raise damaged(path, str(error)) from error


def _bounds(image: SinusoidalImage, path: Path) -> BBox:
    try:
        return bounds_degrees(image.cover())
    except InputError as error:
        raise damaged(path, error.message) from error
