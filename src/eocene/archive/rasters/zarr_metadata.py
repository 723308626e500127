"""Metadata documents of Zarr: read up to a sensible size, and looked at before zarr-python sees them.

A kilobyte of them may name a codec that runs code, or a type of a gigabyte, whose fill value is made at once.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

METADATA = ("zarr.json", ".zgroup")
"""The file at the top of a group, in version 3 and 2."""
ARRAYS = ("zarr.json", ".zarray")
"""The file of an array, in version 3 and 2."""
DOCUMENTS = (*METADATA, ".zarray", ".zattrs", ".zmetadata")
"""All that are no chunks."""
MOST_BYTES = 2**20
"""Of the document of an array."""
PARSED_BYTES = 32
"""What a byte of JSON becomes at most: a list that is empty takes 56, and two or three are written."""
_MOST_CODECS = 8
_CODECS = {
    "blosc", "bytes", "bz2", "crc32c", "delta", "fixedscaleoffset", "gzip", "lz4", "shuffle",
    "sharding_indexed", "transpose", "zlib", "zstd", "adler32", "crc32", "fletcher32", "bitround", "lzma",
    "vlen-utf8",
}  # fmt: skip
_TYPES = re.compile(
    r"bool|u?int(8|16|32|64)|float(16|32|64)|complex(64|128)|string|fixed_length_\w+|null_terminated_bytes"
    r"|variable_length_\w+|numpy\.(datetime|timedelta)64"
)
_KINDS = "biufcmMTUSO"


def parse_metadata(document: bytes) -> dict[str, Any]:
    """Return a metadata document, {} if it is no JSON object of a sensible size."""
    try:
        found = json.loads(document) if len(document) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def read_metadata(file: Path) -> dict[str, Any]:
    """Return the metadata document in a file, of which no more is read than a sensible one has."""
    with file.open("rb") as stream:
        return parse_metadata(stream.read(MOST_BYTES + 1))


def check_document(document: dict[str, Any], label: str) -> None:
    """Refuse an array that is stored by codecs or as a type that are not opened.

    Parameters
    ----------
    document : dict
        Its ``.zarray`` or ``zarr.json``.
    label : str
        What errors call it.

    Raises
    ------
    InputError
        If it is.
    """
    codecs = list(_list_codecs(document))
    for codec in codecs:
        if codec.removeprefix("numcodecs.").lower() not in _CODECS:
            raise InputError(
                f"The array {label!r} is stored by the codec {codec!r}, which is not opened.",
                f"Write it again by one of {', '.join(sorted(_CODECS))}.",
                code="FormatUnsuitable",
            )
    if len(codecs) > _MOST_CODECS:
        raise InputError(
            f"The array {label!r} is stored by {len(codecs)} codecs, one upon the other.",
            f"Write it again by at most {_MOST_CODECS}.",
            code="FormatUnsuitable",
        )
    if not _is_plain(document):
        raise InputError(
            f"The array {label!r} is of a type that is not opened.",
            "Write it again as numbers, times or texts.",
            code="FormatUnsuitable",
        )


def _is_plain(document: dict[str, Any]) -> bool:
    """Tell whether values are numbers, times or texts; records and raw bytes are not."""
    kind = document.get("data_type")
    if kind is not None:
        name = kind.get("name") if isinstance(kind, dict) else kind
        return isinstance(name, str) and _TYPES.fullmatch(name) is not None
    kind = document.get("dtype", "u1")
    try:
        return isinstance(kind, str) and np.dtype(kind).kind in _KINDS
    except (TypeError, ValueError):
        return False


def _list_codecs(metadata: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the codecs of an array, those inside of shards too."""
    for codec in _as_list(metadata.get("codecs")):
        if isinstance(codec, dict):
            yield str(codec.get("name"))
            inner = codec.get("configuration")
            if isinstance(inner, dict):
                yield from _list_codecs(inner)
                yield from _list_codecs({"codecs": inner.get("index_codecs")})
    for codec in (*_as_list(metadata.get("filters")), metadata.get("compressor")):
        if isinstance(codec, dict):
            yield str(codec.get("id"))


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
