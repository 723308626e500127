"""Sentinel-2 products as the agency delivers them: SAFE folders and zip files, Level-1C and Level-2A.

An item is a tile. Its assets have the names of bands (B02 … B12, AOT, WVP, SCL) at the resolution that the
instrument has; what Level-2A repeats at others has it in its name, such as B02_20m.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from eocene.archive.footprint import draw_footprint
from eocene.archive.packing.product_files import find_products, holds_product
from eocene.archive.packing.xml import Metadata
from eocene.archive.product import Product, Reader, make_collection, make_item
from eocene.archive.readers.sentinel2_assets import list_images, list_metadata
from eocene.archive.readers.sentinel2_metadata import (
    describe_product,
    describe_tile,
    read_corners,
    read_granules,
    read_grids,
    read_radiometry,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from eocene.archive.packing.product_files import ProductFiles
    from eocene.archive.product import IngestOptions
    from eocene.archive.readers.sentinel2_metadata import Granule

LICENCE = {
    "rel": "license",
    "href": "https://sentinel.esa.int/documents/247904/690755/Sentinel_Data_Legal_Notice",
}
PROVIDER = {
    "name": "ESA",
    "roles": ["producer", "processor", "licensor"],
    "url": "https://earth.esa.int/web/guest/home",
}

_MARKER = re.compile(r"MTD_MSIL(1C|2A)\.xml")
_NAMES = re.compile(r"S2[A-D]_MSIL(1C|2A)_")
_GRANULE = re.compile(r"GRANULE/L[12][AC]_(T\w{5})_A\d{6}_(\d{8}T\d{6})")


def recognise(path: Path) -> bool:
    """Tell whether it is a SAFE folder of Sentinel-2, or a zip file with one."""
    return holds_product(path, _MARKER, _NAMES)


def read_product(path: Path, options: IngestOptions) -> Iterator[Product]:
    """Yield the collection of the product's level with an item for each tile.

    Raises
    ------
    DamageError
        If metadata are missing or damaged; the file is named.
    InputError
        If metadata name files outside the product.
    """
    for files in find_products(path, _MARKER):
        names = files.names()
        marker = next(name for name in names if _MARKER.fullmatch(name))
        product = Metadata.parse(files.read(marker), files.label(marker))
        level = product.text("PROCESSING_LEVEL").removeprefix("Level-")
        if level not in ("1C", "2A"):
            raise product.damage(f"its processing level is {level!r}, not 1C or 2A")
        name = options.collection or f"sentinel-2-l{level.lower()}"
        granules = read_granules(product)
        items = [_read_item(files, names, product, granule, name) for granule in granules]
        yield _describe_collection(name, level), items


READER = Reader(
    "sentinel-2", "Sentinel-2 L1C and L2A (a .SAFE folder, or a zip file of it)", recognise, read_product
)


def _describe_collection(name: str, level: str) -> dict[str, Any]:
    kind = "surface" if level == "2A" else "top-of-atmosphere"
    return make_collection(
        name,
        f"Sentinel-2 Level-{level}",
        f"Copernicus Sentinel-2 MSI Level-{level}: {kind} reflectance on tiles of the MGRS in UTM.",
        providers=[PROVIDER],
        links=[LICENCE],
    )


def _read_item(
    files: ProductFiles, names: Sequence[str], product: Metadata, granule: Granule, collection: str
) -> dict[str, Any]:
    place = f"{granule.folder}/MTD_TL.xml"
    tile = Metadata.parse(files.read(place), files.label(place))
    geometry, bbox = draw_footprint(read_corners(product), product.name)
    properties = {**describe_product(product), **describe_tile(tile), "providers": [PROVIDER]}
    assets = list_images(files, granule, read_radiometry(product), read_grids(tile), product)
    assets.update(list_metadata(files, names, granule))
    item = make_item(collection, _name_item(product, granule), bbox, properties, assets)
    return item | {"geometry": geometry, "links": [LICENCE]}


def _name_item(product: Metadata, granule: Granule) -> str:
    """Return an id that a reprocessed product has too, so that it takes the place of the older one."""
    match = _GRANULE.fullmatch(granule.folder)
    if not match:
        raise product.damage(f"its granule lies in {granule.folder!r}")
    mission = product.text("SPACECRAFT_NAME").replace("Sentinel-", "S")
    level = product.text("PROCESSING_LEVEL").replace("Level-", "L")
    return "_".join((mission, *match.groups(), level))
