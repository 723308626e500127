"""What is loaded: two tiles of neighbouring UTM zones, the grid between them, the classes that are masked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

BANDS = ("B02", "B03", "B04", "B08", "B11")
CLOUDY = (0, 3, 8, 9, 10)
"""Classes of SCL that are left out: none, shadow, clouds, cirrus."""
COUNT = 24
TILE = 2560
"""Pixels of 10 m along an edge of a tile; SCL has half as many."""
SIZE = 1024
EPSG = 32633
LEFT, TOP = 272_000, 5_349_120
"""Corner of the grid that is loaded: the western tile covers three quarters of it, the eastern too."""
TILES = {"T32": (32632, 699_800, 5_360_000), "T33": (32633, 274_560, 5_360_000)}
"""Tile → EPSG code and upper left corner."""


def dates() -> list[datetime]:
    """Return the dates: every fifth day, four months."""
    return [datetime(2025, 4, 1, 10) + timedelta(days=5 * k) for k in range(COUNT)]


def box() -> tuple[float, float, float, float]:
    """Return the grid's edges in its CRS: west, south, east, north."""
    return LEFT, TOP - 10 * SIZE, LEFT + 10 * SIZE, TOP


def path_of(tile: str, number: int, band: str) -> str:
    """Return where a band lies, relative to the data's folder."""
    return f"{tile}/{dates()[number]:%Y%m%d}/{band}.tif"


def items(root: str) -> list[dict[str, Any]]:
    """Return the STAC items, their files below a folder or URL."""
    return [_item(root, tile, number) for number in range(COUNT) for tile in TILES]


def _item(root: str, tile: str, number: int) -> dict[str, Any]:
    from rasterio.warp import transform_bounds

    epsg, left, top = TILES[tile]
    edge = 10 * TILE
    west, south, east, north = transform_bounds(f"EPSG:{epsg}", 4326, left, top - edge, left + edge, top)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": f"{tile}-{number:02d}", "collection": "s2",
        "stac_extensions": ["https://stac-extensions.github.io/projection/v2.0.0/schema.json"],
        "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": [west, south, east, north],
        "properties": {"datetime": f"{dates()[number]:%Y-%m-%dT%H:%M:%SZ}", "proj:code": f"EPSG:{epsg}"},
        "links": [],
        "assets": {b: _asset(f"{root}/{path_of(tile, number, b)}", b, TILES[tile]) for b in (*BANDS, "SCL")},
    }  # fmt: skip


def _asset(href: str, band: str, tile: tuple[int, int, int]) -> dict[str, Any]:
    epsg, left, top = tile
    pixel, dtype = (20, "uint8") if band == "SCL" else (10, "uint16")
    length = TILE * 10 // pixel
    return {
        "href": href, "type": "image/tiff; application=geotiff; profile=cloud-optimized", "roles": ["data"],
        "proj:code": f"EPSG:{epsg}",
        "proj:shape": [length, length], "proj:transform": [pixel, 0, left, 0, -pixel, top],
        "data_type": dtype, "nodata": 0, "gsd": pixel,
    }  # fmt: skip


def collection() -> dict[str, Any]:
    """Return the STAC collection."""
    fields = {b: {"data_type": "uint8" if b == "SCL" else "uint16", "nodata": 0} for b in (*BANDS, "SCL")}
    interval = [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (dates()[0], dates()[-1])]
    return {
        "type": "Collection", "stac_version": "1.1.0", "id": "s2", "description": "Made for a benchmark.",
        "license": "CC0-1.0", "links": [],
        "item_assets": {b: {"roles": ["data"], "gsd": 10, **f} for b, f in fields.items()},
        "extent": {"spatial": {"bbox": [[11.5, 47.7, 12.8, 48.6]]}, "temporal": {"interval": [interval]}},
    }  # fmt: skip
