"""Sentinel-3 OLCI, SLSTR and SYN products in NetCDF: a .SEN3 folder, or a zip file of it.

Every image that has longitudes and latitudes beside it is an asset named after its variable. Values are what
the product has: radiance, brightness temperature, indices. NetCDF in a zip file is unpacked into the
workspace, since HDF5 cannot seek in what is compressed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import describe_file
from eocene.archive.footprint import draw_footprint
from eocene.archive.packing.product_files import ProductFiles, find_products, holds_product
from eocene.archive.packing.unpacking import unpack_product
from eocene.archive.packing.xml import Metadata
from eocene.archive.product import Product, Reader, make_collection, make_item, number_json
from eocene.archive.raster import GEOLOCATION, NETCDF
from eocene.archive.rasters.netcdf import reading
from eocene.archive.rasters.netcdf_variable import plain_dataset, read_encoding
from eocene.archive.rasters.swath import empty_number
from eocene.archive.readers.sentinel3_bands import (
    INSTRUMENTS,
    describe_band,
    find_geolocations,
    find_gsd,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.archive.product import IngestOptions
    from eocene.archive.readers.sentinel3_bands import Geolocation

LICENCE = {
    "rel": "license",
    "href": "https://sentinel.esa.int/documents/247904/690755/Sentinel_Data_Legal_Notice",
}
PROVIDERS = [
    {"name": "ESA", "roles": ["producer", "licensor"], "url": "https://sentinels.copernicus.eu"},
    {"name": "EUMETSAT", "roles": ["processor"], "url": "https://www.eumetsat.int"},
]

_MARKER = re.compile(r"xfdumanifest\.xml")
_NAMES = re.compile(r"S3[A-D]_(OL|SL|SY)_")
_ID = re.compile(r"(S3[A-D])_(OL|SL|SY)_([12])_(\w{3})_*(\d{8}T\d{6})_\w+")
_OTHER = re.compile(r"(geo|geodetic|geolocation|cartesian|indices|tie|time|instrument|met_|viscal|removed)")


def recognise(path: Path) -> bool:
    """Tell whether it is a .SEN3 folder, or a zip file with one."""
    return holds_product(path, _MARKER, _NAMES) and (path.is_file() or any(path.glob("*.nc")))


def read_product(path: Path, options: IngestOptions) -> Iterator[Product]:
    """Yield the collection of the product's type with its scene.

    Raises
    ------
    DamageError
        If metadata or files are missing or damaged; the file is named.
    """
    for packed in find_products(path, _MARKER):
        files = unpack_product(packed, options)
        manifest = Metadata.parse(files.read("xfdumanifest.xml"), files.label("xfdumanifest.xml"))
        product = manifest.text("productName").removesuffix(".SEN3")
        match = _ID.fullmatch(product)
        if not match:
            raise manifest.damage(f"its product is {product!r}, neither OLCI, SLSTR nor SYN")
        kind = f"{INSTRUMENTS[match.group(2)]}-{match.group(3)}-{match.group(4).lower()}"
        name = options.collection or f"sentinel-3-{kind}"
        title = f"Sentinel-3 {kind.upper()}"
        description = f"Copernicus Sentinel-3 {kind.upper()} scenes, on a map grid of about their pixel size."
        collection = make_collection(name, title, description, providers=PROVIDERS, links=[LICENCE])
        yield collection, [_read_item(files, manifest, match, name)]


READER = Reader(
    "sentinel-3",
    "Sentinel-3 OLCI, SLSTR and SYN (a .SEN3 folder, or a zip file of it)",
    recognise,
    read_product,
)


def _read_item(
    files: ProductFiles, manifest: Metadata, match: re.Match[str], collection: str
) -> dict[str, Any]:
    geometry, bbox = draw_footprint(_read_corners(manifest), manifest.name)
    assets = dict(_list_images(files, manifest, match.group(4)))
    assets["manifest"] = {
        **files.locate("xfdumanifest.xml"),
        "type": "application/xml",
        "roles": ["metadata"],
    }
    item = make_item(collection, match.group(0), bbox, _describe_scene(manifest, match), assets)
    return item | {"geometry": geometry, "links": [LICENCE]}


def _read_corners(manifest: Metadata) -> list[tuple[float, float]]:
    numbers = [manifest.parse_number(text, "footprint") for text in manifest.text("posList").split()]
    if len(numbers) % 2:
        raise manifest.damage("its footprint has an odd count of coordinates")
    return list(zip(numbers[1::2], numbers[::2], strict=True))


def _describe_scene(manifest: Metadata, match: re.Match[str]) -> dict[str, Any]:
    mission, instrument, level, kind = match.groups()[:4]
    start, end = manifest.time("startTime"), manifest.time("stopTime")
    if start > end:
        raise manifest.damage(f"it ends at {end}, before it starts at {start}")
    properties: dict[str, Any] = {
        "datetime": start,
        "start_datetime": start,
        "end_datetime": end,
        "platform": f"sentinel-3{mission[-1].lower()}",
        "constellation": "sentinel-3",
        "instruments": ["olci", "slstr"] if instrument == "SY" else [INSTRUMENTS[instrument]],
        "processing:level": f"L{level}",
        "s3:product_type": f"{instrument}_{level}_{kind}___",
        "providers": PROVIDERS,
    }
    for key, tag in {
        "sat:relative_orbit": "relativeOrbitNumber",
        "sat:absolute_orbit": "orbitNumber",
    }.items():
        number = manifest.optional_number(tag)
        if number is not None:
            properties[key] = int(number)
    for element in manifest.all("relativeOrbitNumber"):
        direction = (element.get("groundTrackDirection") or "").lower()
        if direction in ("ascending", "descending"):
            properties["sat:orbit_state"] = direction
    software = {e.get("name"): e.get("version") for e in manifest.all("software")}
    named = {key: value for key, value in software.items() if key and value}
    return properties | ({"processing:software": named} if named else {})


def _list_images(files: ProductFiles, manifest: Metadata, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    names = [name for name in files.names() if name.endswith(".nc") and "/" not in name]
    geolocations = find_geolocations(names)
    if not geolocations:
        raise manifest.damage("its product has no file with longitudes and latitudes")
    count = 0
    for name in (name for name in names if not _OTHER.match(name)):
        path = files.root / name
        for variable, shape, facts in _list_variables(path):
            ending = next((e for e in geolocations if e and variable.endswith(e)), "")
            place = geolocations.get(ending)
            if place is None or shape != _read_shape(files.root / place.file, place):
                continue
            count += 1
            yield (
                variable,
                {
                    **files.locate(name),
                    "type": NETCDF,
                    "roles": ["data"],
                    "gsd": find_gsd(kind, ending),
                    "bands": [describe_band(variable)],
                    "eocene:variable": variable,
                    GEOLOCATION: place.as_field(),
                    **facts,
                },
            )
    if not count:
        raise manifest.damage("its product has no image")
    for place in geolocations.values():
        key = place.file.removesuffix(".nc")
        yield key, {**files.locate(place.file), "type": NETCDF, "roles": ["metadata"]}


def _list_variables(path: Path) -> Iterator[tuple[str, tuple[int, ...], dict[str, Any]]]:
    """Yield name, shape and how numbers are stored of the images in a file."""
    found = []
    with reading(describe_file(path)) as stream:
        for name in stream:
            if getattr(stream[name], "ndim", 0) != 2:
                continue
            dataset = plain_dataset(stream, name, path)
            encoding = read_encoding(dataset)
            empty = empty_number(encoding)
            if encoding.dtype.kind not in "iuf" or empty is None:
                continue
            facts: dict[str, Any] = {"data_type": str(encoding.dtype)}
            facts["nodata"] = number_json(empty, encoding.dtype.kind)
            if (encoding.scale, encoding.offset) != (1.0, 0.0):
                facts |= {"raster:scale": encoding.scale, "raster:offset": encoding.offset}
            found.append(
                (name, tuple(dataset.shape), facts | ({"unit": encoding.unit} if encoding.unit else {}))
            )
    yield from found


def _read_shape(path: Path, place: Geolocation) -> tuple[int, ...]:
    with reading(describe_file(path)) as stream:
        return tuple(plain_dataset(stream, place.longitude, path).shape)
