"""Sentinel-1 GRD products in SAFE folders, zip and tar files: backscatter on a map grid, read in place.

An item is a scene; a band is a polarisation, named vv, vh, hh or hv. Its ``proj:`` fields describe the map
grid on which it is given (:mod:`eocene.archive.rasters.sentinel1`), since the measurement itself has none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.footprint import draw_footprint
from eocene.archive.packing.product_files import find_products
from eocene.archive.packing.xml import Metadata
from eocene.archive.packing.zips import MEMBER
from eocene.archive.product import (
    Product,
    Reader,
    grid_fields,
    make_collection,
    make_item,
    name_extensions,
)
from eocene.archive.raster import GEOTIFF
from eocene.archive.rasters.sentinel1 import COEFFICIENT, DEFAULT_COEFFICIENT, NOISE_REMOVED
from eocene.archive.rasters.sentinel1_annotation import Annotation, read_annotation
from eocene.archive.rasters.sentinel1_files import locate_annotations
from eocene.archive.readers.sentinel1_manifest import describe_scene, read_objects
from eocene.model.errors import DamageError, InputError
from eocene.model.grid import transformer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from eocene.archive.packing.product_files import ProductFiles
    from eocene.archive.product import IngestOptions
    from eocene.archive.readers.sentinel1_manifest import DataObject

COLLECTION = "sentinel-1-grd"
_MANIFEST = "manifest.safe"
_NAME = re.compile(r"S1[A-Z]_\w{2}_GRD[FHM]_")
_MARKER = re.compile(re.escape(_MANIFEST))
_MEASUREMENT = re.compile(r"measurement/s1[a-z]-\w+-grd-(vv|vh|hh|hv)-[\w-]+\.tiff?", re.IGNORECASE)
_ANNOTATION = re.compile(r"annotation/s1[a-z]-\w+-grd-[\w-]+\.xml", re.IGNORECASE)
_LICENCE = {
    "rel": "license",
    "href": "https://sentinels.copernicus.eu/documents/247904/690755/Sentinel_Data_Legal_Notice",
    "title": "Legal notice on the use of Copernicus Sentinel data",
}
_PROVIDERS = [
    {"name": "ESA", "roles": ["producer", "processor", "licensor"], "url": "https://earth.esa.int/eogateway"}
]
_WAYS = {"v": "vertical", "h": "horizontal"}
_KINDS = {"annotation": "schema-product", "calibration": "schema-calibration", "noise": "schema-noise"}
_POINTS_A_CELL = 2


@dataclass(frozen=True)
class _Image:
    """One polarisation: its name and where it is in the product."""

    polarisation: str
    name: str
    annotation: Annotation
    told: DataObject


def recognise(path: Path) -> bool:
    """Tell whether it is a GRD product, as a folder or packed, or a folder of such."""
    try:
        return any(True for _ in _find_products(path))
    except DamageError:
        return _NAME.match(path.name) is not None


def read_product(path: Path, options: IngestOptions) -> Iterator[Product]:
    """Yield one collection with an item for each product.

    Raises
    ------
    InputError
        If a product is not what it says, or names files outside of it.
    DamageError
        If a file is missing or cannot be read; it is named.
    """
    name = options.collection or COLLECTION
    items = [_read_item(name, files) for files in _find_products(path)]
    collection = make_collection(
        name,
        "Sentinel-1 GRD",
        "Radar backscatter of Sentinel-1: sigma nought on the ellipsoid, linear power without thermal noise. "
        "It lies where the product's tie points say; between them there is no correction for the terrain, so "
        "that in mountains it can be hundreds of metres off.",
        license="other",
        providers=_PROVIDERS,
        keywords=["sentinel", "copernicus", "sar", "backscatter"],
    )
    yield collection | {"links": [_LICENCE]}, items


READER = Reader(
    "sentinel-1", "Sentinel-1 GRD products (.SAFE folders, zip and tar files)", recognise, read_product
)


def _find_products(path: Path) -> Iterator[ProductFiles]:
    found = list(find_products(path, _MARKER))
    if not found and path.is_dir():
        found = [files for child in sorted(path.iterdir()) for files in find_products(child, _MARKER)]
    return (files for files in found if any(_ANNOTATION.fullmatch(name) for name in files.names()))


def _read_item(collection: str, files: ProductFiles) -> dict[str, Any]:
    manifest = Metadata.parse(files.read(_MANIFEST), files.label(_MANIFEST))
    objects = read_objects(manifest)
    images = _read_images(files, objects)
    if not images:
        raise DamageError(
            f"The manifest of {str(files.root)!r} names no measurement of a GRD product.",
            "Fetch the product again; SLC and OCN products are not read.",
        )
    first = images[0].annotation
    geometry, bbox = draw_footprint(_outline(first), manifest.name)
    scene = _name_scene(files, manifest)
    properties = describe_scene(manifest, scene, first)
    properties |= {"proj:code": f"EPSG:{first.levels[0].epsg}", "providers": _PROVIDERS, "license": "other"}
    assets = {image.polarisation: _describe_image(files, image) for image in images}
    for key, name in _list_others(files, images).items():
        kind = "image/png" if name.endswith(".png") else "application/xml"
        roles = ["thumbnail"] if name.endswith(".png") else ["metadata"]
        located = _locate(files, name, objects.get(name))
        assets[key] = {**located, "type": kind, "roles": roles}
    item = make_item(collection, scene, bbox, properties, assets)
    item |= {"geometry": geometry, "links": [_LICENCE]}
    return item | {"stac_extensions": name_extensions(item)}


def _name_scene(files: ProductFiles, manifest: Metadata) -> str:
    """Return the name of the SAFE folder without its suffix; a zip file names it or is named after it."""
    name = files.prefix.strip("/") or files.root.name
    name = re.sub(r"\.(SAFE|zip)$", "", name, flags=re.IGNORECASE)
    if not re.fullmatch(r"[\w.-]+", name):
        raise manifest.damage(f"the product has no name: {name!r}")
    return name


def _read_images(files: ProductFiles, objects: Mapping[str, DataObject]) -> list[_Image]:
    images: dict[str, _Image] = {}
    for name, told in objects.items():
        match = _MEASUREMENT.fullmatch(name)
        if match is None:
            continue
        polarisation = match[1].lower()
        annotation = locate_annotations(name)["annotation"]
        if polarisation in images:
            raise InputError(
                f"The product {str(files.root)!r} has two measurements of {polarisation.upper()}.",
                "Products of stripmap and of interferometric and extra wide swath are read.",
            )
        read = read_annotation(files.read(annotation), files.label(annotation))
        images[polarisation] = _Image(polarisation, name, read, told)
    return [images[key] for key in sorted(images, key=("vv", "hh", "vh", "hv").index)]


def _locate(files: ProductFiles, name: str, told: DataObject | None) -> dict[str, Any]:
    """Return where an asset is, and the size and checksum of a file that is its own."""
    located = files.locate(name)
    return located if told is None or MEMBER in located else located | told.checksum_fields()


def _describe_image(files: ProductFiles, image: _Image) -> dict[str, Any]:
    grid = image.annotation.levels[0]
    sent, received = (_WAYS[letter] for letter in (image.polarisation[0], image.polarisation[1]))
    band = {"name": image.polarisation, "description": f"{sent} sent, {received} received"}
    return {
        **_locate(files, image.name, image.told),
        "type": GEOTIFF,
        "title": image.polarisation.upper(),
        "roles": ["data"],
        **grid_fields(grid),
        "gsd": grid.lattice.resolution_m,
        "data_type": "float32",
        "nodata": "nan",
        "bands": [band],
        "sar:polarizations": [image.polarisation.upper()],
        COEFFICIENT: DEFAULT_COEFFICIENT,
        NOISE_REMOVED: True,
    }


def _list_others(files: ProductFiles, images: list[_Image]) -> dict[str, str]:
    """Return the metadata and the quick look of the product, as far as they are there, by asset key."""
    others = {"safe-manifest": _MANIFEST, "thumbnail": "preview/quick-look.png"}
    for image in images:
        for kind, place in locate_annotations(image.name).items():
            others[f"{_KINDS[kind]}-{image.polarisation}"] = place
    there = set(files.names())
    return {key: name for key, name in others.items() if name in there}


def _outline(annotation: Annotation) -> list[tuple[float, float]]:
    """Return the edge of the image in degrees, so close that between the points it is straight to a metre."""
    points = annotation.points
    height, width = points.shape
    down = np.linspace(0.0, height, _POINTS_A_CELL * len(points.rows))
    right = np.linspace(0.0, width, _POINTS_A_CELL * len(points.columns))
    rows = np.concatenate([np.zeros_like(right), down[1:], np.full_like(right, height)[1:], down[::-1][1:-1]])
    columns = np.concatenate(
        [right, np.full_like(down, width)[1:], right[::-1][1:], np.zeros_like(down)[1:-1]]
    )
    x, y = (points.interpolate(values, rows, columns) for values in (points.x, points.y))
    longitude, latitude = transformer(points.epsg, 4326).transform(x, y)
    return [(round(float(a), 6), round(float(b), 6)) for a, b in zip(longitude, latitude, strict=True)]
