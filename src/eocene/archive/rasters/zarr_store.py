"""Zarr groups in folders, of version 2 and 3: opened inside their folder, by plain codecs, sizes checked.

A kilobyte of metadata may announce chunks of terabytes or name a codec that runs code, so both are looked at
before the first chunk is read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import check_decoded, check_tree
from eocene.archive.rasters.netcdf_variable import Encoding, read_encoding
from eocene.model.errors import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

METADATA = ("zarr.json", ".zgroup")
"""The file at the top of a group, in version 3 and 2."""
_CODECS = {
    "blosc", "bytes", "bz2", "crc32c", "delta", "fixedscaleoffset", "gzip", "lz4", "shuffle", "bitshuffle",
    "sharding_indexed", "transpose", "zlib", "zstd", "adler32", "crc32", "fletcher32", "bitround", "lzma",
    "vlen-utf8",
}  # fmt: skip
_MOST_ARRAYS = 10_000
_MOST_BYTES = 2**20
"""Of one metadata document."""
_FAULTS = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError, OverflowError)
"""What zarr-python raises on metadata or chunks that are damaged."""


@dataclass(frozen=True, eq=False)
class Group:
    """An open group whose metadata were checked.

    Parameters
    ----------
    path : Path
        Its folder.
    root : zarr.Group
        Read-only.
    """

    path: Path
    root: Any

    def arrays(self) -> Iterator[tuple[str, Any]]:
        """Yield the arrays of all groups inside by their paths, in order."""
        found = 0
        for file in sorted(self.path.rglob("*")):
            if file.name not in (".zarray", "zarr.json") or file.parent == self.path:
                continue
            if not file.is_file():
                raise self.damaged(f"{file.relative_to(self.path)} is a folder")
            found += 1
            if found > _MOST_ARRAYS:
                raise InputError(
                    f"The Zarr {str(self.path)!r} has more than {_MOST_ARRAYS} arrays.", "Split it."
                )
            document = read_metadata(file)
            if file.name == ".zarray" or document.get("node_type") == "array":
                name = file.parent.relative_to(self.path).as_posix()
                yield name, self.array(name)

    def array(self, name: str) -> Any:
        """Return an array.

        Raises
        ------
        InputError
            If it is stored by codecs that are not opened, or its chunks would not fit into memory.
        DamageError
            If it is not there, or its metadata cannot be read.
        """
        try:
            check_codecs(self.path / name)
            array = self.root[name]
        except _FAULTS as error:
            raise self.damaged(error) from error
        if not hasattr(array, "chunks") or array.dtype.kind not in "biufMmTUSO":
            raise self.damaged(f"{name} is no array of numbers")
        check_decoded(self.path / name, "a chunk", array.shards or array.chunks, max(1, array.dtype.itemsize))
        return array

    def has(self, name: str) -> bool:
        """Tell whether there is an array of that path."""
        return any((self.path / name / file).is_file() for file in ("zarr.json", ".zarray"))

    def attributes(self, name: str = "") -> dict[str, Any]:
        """Return the attributes of a group or array; raises DamageError if they cannot be read."""
        try:
            return dict((self.root[name] if name else self.root).attrs)
        except _FAULTS as error:
            raise self.damaged(error) from error

    def read(self, name: str, place: Any = ...) -> NDArray[Any]:
        """Return part of an array; raises as :meth:`array`."""
        array = self.array(name)
        if place is ...:
            check_decoded(self.path / name, "the array", array.shape, max(1, array.dtype.itemsize))
        try:
            return np.asarray(array[place])
        except _FAULTS as error:
            raise self.damaged(error) from error

    def damaged(self, why: object) -> DamageError:
        """Return the error of a group that cannot be read."""
        text = str(why).splitlines() or [type(why).__name__]
        return DamageError(
            f"The Zarr {str(self.path)!r} cannot be read: {text[0].rstrip('.')}.", "Fetch or write it again."
        )


@lru_cache(maxsize=32)
def open_group(path: Path, stamp: int) -> Group:
    """Return the group in a folder; ``stamp`` is the time of change of its metadata.

    Raises
    ------
    InputError
        If a link in it leads out of the folder.
    DamageError
        If it cannot be read.
    """
    import zarr
    from zarr.storage import LocalStore

    del stamp
    check_tree(path)
    try:
        return Group(
            path, zarr.open_group(LocalStore(path, read_only=True), mode="r", use_consolidated=False)
        )
    except _FAULTS as error:
        raise Group(path, None).damaged(error) from error


def group_at(path: Path) -> Group:
    """Return the group whose metadata file this is."""
    return open_group(path.parent, path.stat().st_mtime_ns)


def read_metadata(file: Path) -> dict[str, Any]:
    """Return a metadata document, {} if it is no JSON object of a sensible size."""
    if file.stat().st_size > _MOST_BYTES:
        return {}
    try:
        document = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def check_codecs(folder: Path) -> None:
    """Raise InputError if an array names a codec that is not among the plain ones."""
    for file in (folder / "zarr.json", folder / ".zarray"):
        if file.is_file():
            for name in _list_codecs(read_metadata(file)):
                if name.removeprefix("numcodecs.").lower() not in _CODECS:
                    raise InputError(
                        f"The array {str(folder)!r} is stored by the codec {name!r}, which is not opened.",
                        f"Write it again by one of {', '.join(sorted(_CODECS))}.",
                        code="FormatUnsuitable",
                    )


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


def dimensions_of(array: Any) -> tuple[str, ...]:
    """Return the names of an array's dimensions; version 2 keeps them in an attribute. () if it has none."""
    named = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS") or ()
    names = tuple(str(name) for name in named if isinstance(name, str))
    return names if len(names) == array.ndim else ()


def encoding_of(array: Any) -> Encoding:
    """Return how stored numbers become values. Version 2 keeps the fill value in place of an attribute."""
    encoding = read_encoding(array)
    if encoding.nodata is not None or array.metadata.zarr_format != 2 or array.fill_value is None:
        return encoding
    fill = float(array.fill_value)
    return Encoding(encoding.dtype, fill, encoding.scale, encoding.offset, encoding.unit)
