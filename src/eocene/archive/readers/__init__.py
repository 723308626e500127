"""Readers of products, one file a format; the first that recognises a path reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eocene.archive.readers import (
    eopatch,
    fiboa,
    geotiff,
    grib,
    landsat,
    modis,
    netcdf,
    sentinel1,
    sentinel2,
    sentinel3,
    stac_catalog,
    table,
    worldcereal,
    zarr,
)
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.archive.product import Reader

READERS: tuple[Reader, ...] = (
    stac_catalog.READER,
    sentinel2.READER,
    sentinel3.READER,
    landsat.READER,
    modis.READER,
    worldcereal.READER,
    eopatch.READER,
    zarr.READER,
    sentinel1.READER,
    fiboa.READER,
    table.READER,
    geotiff.READER,
    netcdf.READER,
    grib.READER,
)
"""A new format is a file beside this one and a line here; the more particular stands first."""


def find_reader(path: Path) -> Reader:
    """Return the reader of a file or folder.

    Raises
    ------
    InputError
        If no reader knows it; the error lists what is supported.
    """
    if not path.exists():
        raise InputError(
            f"The path {str(path)!r} does not exist.", "Check its spelling.", code="FilePathInvalid"
        )
    try:
        for reader in READERS:
            if reader.recognise(path):
                return reader
    except OSError as error:
        raise InputError(
            f"The path {str(path)!r} cannot be read: {error.strerror}.", "Check its permissions."
        ) from error
    kind = "folder" if path.is_dir() else "file"
    raise InputError(
        f"The {kind} {str(path)!r} is of no format that can be ingested.",
        "Supported are " + "; ".join(reader.formats for reader in READERS) + ".",
        code="FormatUnsuitable",
    )
