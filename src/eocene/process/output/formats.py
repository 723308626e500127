"""File formats that results can have and files can be read from, as GET /file_formats lists them."""

from __future__ import annotations

from typing import Any

from eocene.model import InputError

DATATYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
_DATATYPE = {
    "type": "string",
    "enum": list(DATATYPES),
    "description": "Data type of the stored values; what does not fit is clipped, and a warning says so.",
    "required": False,
}


def _format(title: str, description: str, *kinds: str, **parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": title,
        "description": description,
        "gis_data_types": list(kinds),
        "parameters": parameters,
    }


OUTPUT_FORMATS: dict[str, dict[str, Any]] = {
    "GTiff": _format(
        "Cloud-optimised GeoTIFF",
        "Tiled, deflate-compressed, with overviews.",
        "raster",
        datatype=_DATATYPE,
    ),
    "netCDF": _format(
        "CF NetCDF-4",
        "Cubes with their dimensions and a spatial_ref variable; of geometries a row for each, as WKT.",
        "raster",
        "vector",
        "table",
        datatype=_DATATYPE,
    ),
    "Zarr": _format(
        "Zarr v3, sharded",
        "Written by every batch job beside the requested format.",
        "raster",
        datatype=_DATATYPE,
    ),
    "PNG": _format(
        "Portable Network Graphics",
        "A picture: one or three bands, stretched between their 2nd and 98th percentile.",
        "raster",
    ),
    "JSON": _format(
        "JSON",
        "Records of geometries without their shapes, and small cubes as nested arrays.",
        "raster",
        "vector",
        "table",
        "other",
    ),
    "CSV": _format(
        "Comma-separated values", "A row for each geometry and time, the geometry as WKT.", "vector", "table"
    ),
    "GeoJSON": _format(
        "GeoJSON", "A feature for each geometry and time, in EPSG:4326 as RFC 7946 asks.", "vector"
    ),
    "GeoParquet": _format(
        "GeoParquet", "A row for each geometry and time, in the geometries' CRS.", "vector"
    ),
}
INPUT_FORMATS: dict[str, dict[str, Any]] = {
    "GeoJSON": _format(
        "GeoJSON", "Features with their properties; EPSG:4326 unless the member crs says otherwise.", "vector"
    ),
    "GeoParquet": _format("GeoParquet", "Geometries with their columns as properties.", "vector"),
    "GTiff": _format("GeoTIFF", "Images whose name or header says their date; stored values.", "raster"),
}


def check_format(name: str, formats: dict[str, dict[str, Any]] = OUTPUT_FORMATS) -> str:
    """Return the format's name as listed; upper and lower case do not matter.

    Raises
    ------
    InputError
        FormatUnsuitable, with those there are.
    """
    for known in formats:
        if str(name).lower() == known.lower():
            return known
    raise InputError(
        f"There is no {'output' if formats is OUTPUT_FORMATS else 'input'} format {name!r}.",
        f"Use one of {', '.join(formats)}.",
        code="FormatUnsuitable",
    )


def formats_for(kind: str) -> set[str]:
    """Return the output formats that hold data of a kind: raster, vector, table or other."""
    return {name for name, form in OUTPUT_FORMATS.items() if kind in form["gis_data_types"]}


def check_options(name: str, options: Any, formats: dict[str, dict[str, Any]]) -> None:
    """Raise InputError if there is an option that the format does not have."""
    known = formats[name]["parameters"]
    unknown = [key for key in options or {} if key not in known]
    if unknown:
        raise InputError(
            f"The format {name} has no option {', '.join(map(repr, unknown))}.",
            f"Its options are {', '.join(known)}." if known else "Leave the options out.",
            code="ProcessParameterInvalid",
        )
