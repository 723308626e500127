"""Readers of products, one file a format; the first that recognises a path reads it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from eocene.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.archive.product import Reader

_FORMATS = (
    "stac_catalog",
    "sentinel2",
    "sentinel3",
    "landsat",
    "modis",
    "worldcereal",
    "eopatch",
    "zarr",
    "sentinel1",
    "fiboa",
    "table",
    "geotiff",
    "netcdf",
    "grib",
)
"""A new format is a file beside this one and a line here; the more particular stands first."""


@cache
def readers() -> tuple[Reader, ...]:
    """Return the readers; what they need is loaded when something is ingested for the first time."""
    return tuple(import_module(f"{__name__}.{name}").READER for name in _FORMATS)


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
        for reader in readers():
            if reader.recognise(path):
                return reader
    except OSError as error:
        raise InputError(
            f"The path {str(path)!r} cannot be read: {error.strerror}.", "Check its permissions."
        ) from error
    kind = "folder" if path.is_dir() else "file"
    raise InputError(
        f"The {kind} {str(path)!r} is of no format that can be ingested.",
        "Supported are " + "; ".join(reader.formats for reader in readers()) + ".",
        code="FormatUnsuitable",
    )
