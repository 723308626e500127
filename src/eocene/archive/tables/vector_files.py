"""Vector files as GeoDataFrames, none of them opened by a GDAL driver: GeoJSON and Shapefile.

GeoPackage: :mod:`eocene.archive.readers.geopackage`.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import geopandas
import numpy as np
import pandas as pd
import shapefile
from pyproj import CRS
from pyproj.exceptions import CRSError
from shapely.errors import ShapelyError
from shapely.geometry import shape

from eocene.archive.epsg import find_epsg
from eocene.archive.fetch import check_decoded, read_crs
from eocene.model.errors import DamageError, InputError

if TYPE_CHECKING:
    from pathlib import Path

_JSON_BYTES = 12
"""What a byte of JSON becomes in memory at most: a list of one digit numbers."""


def read_json(path: Path) -> Any:
    """Return a JSON document.

    Raises
    ------
    InputError
        If it would not fit into memory.
    DamageError
        If it is no JSON.
    """
    check_decoded(path, "the document", (path.stat().st_size,), _JSON_BYTES)
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DamageError(
            f"The file {str(path)!r} is not JSON: {error}.", "Fetch or write the file again."
        ) from error


def read_geojson(path: Path) -> geopandas.GeoDataFrame:
    """Return the features of a GeoJSON feature collection.

    Raises
    ------
    InputError
        If it is something else, or a feature is malformed.
    DamageError
        If it is no JSON.
    """
    return frame_of_features(read_json(path), path)


def frame_of_features(document: Any, path: Path) -> geopandas.GeoDataFrame:
    """Return the features of a GeoJSON document that was read from a file."""
    features = document.get("features") if isinstance(document, dict) else None
    if not isinstance(features, list) or not features:
        raise InputError(
            f"The file {str(path)!r} is no GeoJSON feature collection.",
            'Give one of the form {"type": "FeatureCollection", "features": […]} with at least one feature.',
        )
    try:
        with np.errstate(all="ignore"):  # coordinates that are no numbers are refused with the whole table
            return geopandas.GeoDataFrame.from_features(features, crs=_read_crs(document))
    except CRSError as error:
        raise InputError(f"The CRS of {str(path)!r} is not known: {error}.", "Write EPSG codes.") from error
    except (ShapelyError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise InputError(
            f"The file {str(path)!r} has a malformed feature: {error}.", "Correct it."
        ) from error


def _read_crs(document: dict[str, Any]) -> CRS:
    """Return the CRS of a GeoJSON: degrees, unless its ``crs`` member (2008) says otherwise."""
    named = document.get("crs")
    properties = named.get("properties") if isinstance(named, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    return read_crs(name or "EPSG:4326")


def read_shapefile(path: Path) -> geopandas.GeoDataFrame:
    """Return the features of a Shapefile; its .dbf, .shx and .prj lie beside it.

    Raises
    ------
    InputError
        If it has no features or its CRS is not known.
    DamageError
        If a file of it is missing or cannot be read.
    """
    parts = {suffix: _beside(path, suffix) for suffix in (".shp", ".dbf", ".prj")}
    missing = [suffix for suffix in (".dbf", ".prj") if parts[suffix] is None]
    if missing:
        raise DamageError(
            f"The Shapefile {str(path)!r} is not complete: there is no {path.stem}{missing[0]}.",
            "Put the file with this suffix beside it.",
        )
    try:
        _check_length(path)
        with (
            path.open("rb") as shp,
            parts[".dbf"].open("rb") as dbf,  # type: ignore[union-attr]
            shapefile.Reader(shp=shp, dbf=dbf, encodingErrors="replace") as reader,
        ):
            check_decoded(path, "the table", (len(reader), len(reader.fields)), 64)
            rows = [(shape_of(record.shape), record.record.as_dict()) for record in reader.iterShapeRecords()]
        crs = _name_crs(parts[".prj"].read_text("utf-8", "replace"))  # type: ignore[union-attr]
    except CRSError as error:
        raise InputError(
            f"The CRS of {str(path)!r} is not known: {error}.", "Write a .prj with a known CRS."
        ) from error
    except _FAULTS as error:
        raise DamageError(
            f"The Shapefile {str(path)!r} cannot be read: {error}.", "Fetch or write its files again."
        ) from error
    if not rows:
        raise InputError(f"The Shapefile {str(path)!r} has no features.", "Add one.")
    table = pd.DataFrame([attributes for _, attributes in rows])
    return geopandas.GeoDataFrame(table, geometry=[geometry for geometry, _ in rows], crs=crs)


_FAULTS = (
    shapefile.ShapefileException, ShapelyError, struct.error, OSError, ValueError, TypeError,
    IndexError, KeyError, AttributeError, EOFError, OverflowError, MemoryError,
)  # fmt: skip
"""What a damaged Shapefile makes its reader raise."""


def _check_length(path: Path) -> None:
    """Raise ValueError unless the file is as long as its header says, in 16-bit words from byte 24 on."""
    with path.open("rb") as stream:
        (words,) = struct.unpack_from(">i", stream.read(28), 24)
    if 2 * words != path.stat().st_size:
        raise ValueError(f"its header says {2 * words} bytes, it has {path.stat().st_size}")


def _name_crs(wkt: str) -> CRS:
    """Return the CRS of a .prj, which says it without its code: the EPSG's own if it is the same."""
    crs, code = read_crs(wkt), find_epsg(wkt)
    return CRS.from_epsg(code) if code else crs


def shape_of(record: Any) -> Any:
    """Return the geometry of a Shapefile's record, None where it has none."""
    return None if record.shapeType == shapefile.NULL else shape(record.__geo_interface__)


def _beside(path: Path, suffix: str) -> Path | None:
    """Return the file of the same name with another suffix, in either case of letters."""
    found = (path.with_suffix(suffix), path.with_suffix(suffix.upper()))
    return next((file for file in found if file.is_file() and not file.is_symlink()), None)
