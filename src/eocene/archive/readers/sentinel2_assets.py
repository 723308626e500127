"""The assets of a Sentinel-2 tile: its images, its metadata, its preview."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from eocene.archive.raster import JP2
from eocene.archive.readers.sentinel2_bands import BANDS, LAYER_GSD, LAYERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eocene.archive.packing.product_files import ProductFiles
    from eocene.archive.packing.xml import Metadata
    from eocene.archive.readers.sentinel2_metadata import Granule, Radiometry

_IMAGE = re.compile(r"_([A-Z0-9]{3})(?:_(10|20|60)m)?$")
_METADATA = {
    "safe_manifest": r"manifest\.safe",
    "product_metadata": r"MTD_MSIL(1C|2A)\.xml",
    "granule_metadata": r"{granule}/MTD_TL\.xml",
    "datastrip_metadata": r"DATASTRIP/[^/]+/MTD_DS\.xml",
    "inspire_metadata": r"INSPIRE\.xml",
}
_PREVIEW = r"{granule}/QI_DATA/[^/]+_PVI\.jp2"
_ORDER = (*BANDS, *LAYERS)


def list_images(
    files: ProductFiles,
    granule: Granule,
    radiometry: Radiometry,
    grids: Mapping[int, Mapping[str, Any]],
    product: Metadata,
) -> dict[str, dict[str, Any]]:
    """Return an asset for each image of a tile, those at the instrument's own resolution first.

    Raises
    ------
    DamageError
        If an image is of no known band or resolution.
    """
    found = [(*_parse_image(image, product), image) for image in granule.images]
    assets: dict[str, dict[str, Any]] = {}
    for band, gsd, image in sorted(found, key=lambda one: (one[1] != _own_gsd(one[0]), _ORDER.index(one[0]))):
        if gsd not in grids:
            raise product.damage(f"its tile has no grid of {gsd} m, as {image!r} needs")
        key = band if gsd == _own_gsd(band) else f"{band}_{gsd}m"
        assets[key] = {
            **files.locate(f"{image}.jp2"),
            "type": JP2,
            **_describe(band, gsd, radiometry),
            "gsd": gsd,
            "nodata": 0,
            **grids[gsd],
        }
    return assets


def list_metadata(
    files: ProductFiles, names: Sequence[str], granule: Granule
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the assets of the metadata files and the preview that are in the product."""
    for key, pattern in _METADATA.items():
        for name in _find(names, pattern, granule):
            yield key, {**files.locate(name), "type": "application/xml", "roles": ["metadata"]}
    for name in _find(names, _PREVIEW, granule):
        facts = {"title": "True color preview", "type": JP2, "roles": ["overview"], "gsd": 320}
        yield "preview", {**files.locate(name), **facts}


def _find(names: Sequence[str], pattern: str, granule: Granule) -> Iterator[str]:
    wanted = re.compile(pattern.replace("{granule}", re.escape(granule.folder)))
    return (name for name in names if wanted.fullmatch(name))


def _own_gsd(band: str) -> int:
    return BANDS[band].gsd if band in BANDS else LAYER_GSD[band]


def _parse_image(image: str, product: Metadata) -> tuple[str, int]:
    """Return band and resolution that the name of an image tells; Level-1C names no resolution."""
    match = _IMAGE.search(image)
    if not match or match.group(1) not in _ORDER:
        raise product.damage(f"it lists the image {image!r}, which is of no band of Sentinel-2")
    band, gsd = match.groups()
    return band, int(gsd) if gsd else _own_gsd(band)


def _describe(band: str, gsd: int, radiometry: Radiometry) -> dict[str, Any]:
    if band in BANDS:
        known = BANDS[band]
        return {
            "title": f"{known.title} - {gsd}m",
            "roles": ["data", "reflectance"],
            "data_type": "uint16",
            "bands": [known.describe()],
            **radiometry.scale_band(known.number),
        }
    scale = {"AOT": radiometry.aerosol, "WVP": radiometry.vapour}.get(band)
    return LAYERS[band] | ({"raster:scale": 1.0 / scale} if scale else {})
