"""The one door to the outside: every path and URL that the archive opens passes here."""

from eocene.archive.fetch.answer import Limits
from eocene.archive.fetch.checksum import Checksum, digest_file
from eocene.archive.fetch.content import Content, Identity, LocalContent, MissingError, describe_file
from eocene.archive.fetch.crs import read_crs
from eocene.archive.fetch.decoded import check_decoded
from eocene.archive.fetch.door import Door
from eocene.archive.fetch.gdal import (
    GDAL_CACHE_BYTES,
    GDAL_DRIVER,
    GDAL_OPTIONS,
    JP2_DRIVER,
    gdal_environment,
    open_dataset,
)
from eocene.archive.fetch.paths import parse_href
from eocene.archive.fetch.policy import Policy
from eocene.archive.fetch.stream import ContentStream
from eocene.archive.fetch.trees import check_tree
from eocene.archive.fetch.urls import is_remote

__all__ = [
    "GDAL_CACHE_BYTES",
    "GDAL_DRIVER",
    "GDAL_OPTIONS",
    "JP2_DRIVER",
    "Checksum",
    "Content",
    "ContentStream",
    "Door",
    "Identity",
    "Limits",
    "LocalContent",
    "MissingError",
    "Policy",
    "check_decoded",
    "check_tree",
    "describe_file",
    "digest_file",
    "gdal_environment",
    "is_remote",
    "open_dataset",
    "parse_href",
    "read_crs",
]
