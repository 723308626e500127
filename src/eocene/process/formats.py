"""File formats that results can have, as GET /file_formats lists them."""

from __future__ import annotations

from typing import Any

from eocene.model import InputError

OUTPUT_FORMATS: dict[str, dict[str, Any]] = {
    "GTiff": {
        "title": "Cloud-optimised GeoTIFF",
        "description": "Tiled, deflate-compressed, with overviews.",
        "gis_data_types": ["raster"],
        "parameters": {},
    },
    "netCDF": {
        "title": "CF NetCDF-4",
        "description": "Dimensions t, bands, y, x with a spatial_ref variable.",
        "gis_data_types": ["raster"],
        "parameters": {},
    },
    "Zarr": {
        "title": "Zarr v3, sharded",
        "description": "Written by every batch job beside the requested format.",
        "gis_data_types": ["raster"],
        "parameters": {},
    },
    "PNG": {
        "title": "Portable Network Graphics",
        "description": "A picture: one or three bands, stretched between their 2nd and 98th percentile.",
        "gis_data_types": ["raster"],
        "parameters": {},
    },
    "JSON": {
        "title": "JSON",
        "description": "Tables of aggregate_spatial, and small cubes as nested arrays.",
        "gis_data_types": ["raster", "vector", "table"],
        "parameters": {},
    },
    "GeoParquet": {
        "title": "GeoParquet",
        "description": "Tables of aggregate_spatial with their geometries.",
        "gis_data_types": ["vector"],
        "parameters": {},
    },
}


def check_format(name: str) -> str:
    """Return the format's name as listed; upper and lower case do not matter.

    Raises
    ------
    InputError
        FormatUnsuitable, with those there are.
    """
    for known in OUTPUT_FORMATS:
        if str(name).lower() == known.lower():
            return known
    raise InputError(
        f"There is no output format {name!r}.",
        f"Use one of {', '.join(OUTPUT_FORMATS)}.",
        code="FormatUnsuitable",
    )
