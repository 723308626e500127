"""GeoPackage features read by SQLite itself, so that no GDAL driver opens a foreign database.

Source: OGC 12-128r18, GeoPackage 1.3, clause 2.1.
"""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from typing import TYPE_CHECKING, Any

import geopandas
import pandas as pd
import shapely

from eocene.model.errors import DamageError, InputError

if TYPE_CHECKING:
    from pathlib import Path

_ENVELOPE_BYTES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}


def read_geopackage(path: Path) -> geopandas.GeoDataFrame:
    """Return the features of the first feature table, with its CRS.

    Raises
    ------
    InputError
        If it has no feature table.
    DamageError
        If the file cannot be read.
    """
    try:
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        ) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA query_only = ON")
            _check_size(connection, path)
            return _read_features(connection, path)
    except (sqlite3.Error, struct.error, shapely.errors.ShapelyError, IndexError) as error:
        raise DamageError(
            f"The GeoPackage {str(path)!r} cannot be read: {error}.", "Fetch or write the file again."
        ) from error


def _check_size(connection: sqlite3.Connection, path: Path) -> None:
    (pages,), (size,) = (
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
    )
    if pages * size > path.stat().st_size:
        raise sqlite3.DatabaseError("it is cut off")
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


def _read_features(connection: sqlite3.Connection, path: Path) -> geopandas.GeoDataFrame:
    found = connection.execute(
        "SELECT c.table_name, g.column_name, s.organization, s.organization_coordsys_id "
        "FROM gpkg_contents c JOIN gpkg_geometry_columns g ON g.table_name = c.table_name "
        "JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id "
        "JOIN sqlite_master m ON m.name = c.table_name AND m.type = 'table' "
        "WHERE c.data_type = 'features' ORDER BY c.rowid LIMIT 1"
    ).fetchone()
    if found is None:
        raise InputError(f"The GeoPackage {str(path)!r} has no feature table.", "Add one.")
    table, geometry, organization, code = found
    quoted = '"' + str(table).replace('"', '""') + '"'
    cursor = connection.execute(f"SELECT * FROM {quoted}")  # noqa: S608  (an identifier, quoted)
    names = [column[0] for column in cursor.description]
    frame = pd.DataFrame(cursor.fetchall(), columns=names)
    shapes = shapely.from_wkb([_strip_header(blob) for blob in frame.pop(geometry)])
    crs = f"EPSG:{int(code)}" if str(organization).upper() == "EPSG" else None
    return geopandas.GeoDataFrame(frame, geometry=shapes, crs=crs)


def _strip_header(blob: Any) -> bytes | None:
    """Return the WKB inside a GeoPackage geometry; None stays None."""
    if blob is None:
        return None
    if blob[:2] != b"GP":
        raise struct.error("a geometry without the GeoPackage header")
    envelope = _ENVELOPE_BYTES.get((blob[3] >> 1) & 7)
    if envelope is None:
        raise struct.error("a geometry with an unknown envelope")
    return bytes(blob[8 + envelope :])
