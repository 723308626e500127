"""The one door to the outside: every path and URL that the archive opens passes here."""

from eocene.archive.fetch.content import Content, LocalContent, describe_file
from eocene.archive.fetch.door import Door, parse_href
from eocene.archive.fetch.gdal import GDAL_CACHE_BYTES, GDAL_DRIVER, GDAL_OPTIONS, gdal_environment

__all__ = [
    "GDAL_CACHE_BYTES",
    "GDAL_DRIVER",
    "GDAL_OPTIONS",
    "Content",
    "Door",
    "LocalContent",
    "describe_file",
    "gdal_environment",
    "parse_href",
]
