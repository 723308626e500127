"""Paths and ``file:`` URLs, read strictly; the disk is not touched."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from eocene.archive.fetch.refusal import refuse_path
from eocene.model.errors import UnavailableError

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):")
_REMOTE = {"http", "https", "s3", "gs", "gcs", "az", "abfs", "abfss", "ftp", "ftps", "hdfs", "oss", "sftp"}
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f<>|\\]|/vsi|^vsi", re.IGNORECASE)
_SUFFIXES = (".vrt", ".mrf", ".wms", ".url")
_LONGEST = 4096


def parse_href(href: str) -> str:
    """Return the local path that an href spells, without touching the disk.

    Raises
    ------
    InputError
        If it spells a GDAL virtual file, a virtual data set or another trick.
    UnavailableError
        If it is remote.
    """
    if not isinstance(href, str) or not href.strip():
        raise refuse_path(href, "it is not a path")
    if len(href) > _LONGEST:
        raise refuse_path(href[:60] + "…", f"it is longer than {_LONGEST} characters")
    text, scheme = href, _SCHEME.match(href.strip())
    if scheme:
        text = _local_path(href.strip(), scheme.group(1).lower())
    elif href.startswith("//"):
        raise refuse_path(href, "it names another machine")
    if _FORBIDDEN.search(text) or text.lower().endswith(_SUFFIXES):
        raise refuse_path(href, "only plain files of the supported formats are opened")
    return text


def _local_path(href: str, scheme: str) -> str:
    if scheme in _REMOTE:
        raise UnavailableError(
            f"The asset {href!r} is remote, and a local file is needed here.",
            "Download the product and ingest the local copy.",
        )
    try:
        parts = urlsplit(href)
    except ValueError as error:
        raise refuse_path(href, f"it is not well-formed ({error})") from error
    if scheme != "file" or parts.netloc not in ("", "localhost"):
        raise refuse_path(href, f"the scheme {scheme!r} is not supported")
    return unquote(parts.path)
