"""Zarr groups of version 2 and 3: opened inside their folder, by plain codecs, sizes checked.

A kilobyte of metadata may announce chunks of terabytes or name a codec that runs code, so both are looked at
before the first chunk is read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import check_decoded, check_tree
from eocene.archive.rasters.netcdf_variable import Encoding, read_encoding
from eocene.model.errors import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

METADATA = ("zarr.json", ".zgroup")
"""The file at the top of a group, in version 3 and 2."""
_CODECS = {
    "blosc", "bytes", "bz2", "crc32c", "delta", "fixedscaleoffset", "gzip", "lz4", "shuffle", "bitshuffle",
    "sharding_indexed", "transpose", "zlib", "zstd", "adler32", "crc32", "fletcher32", "bitround", "lzma",
    "vlen-utf8",
}  # fmt: skip
_ARRAYS = ("zarr.json", ".zarray")
"""The file of an array, in version 3 and 2."""
_MOST_ARRAYS = 10_000
MOST_BYTES = 2**20
"""Of one metadata document."""
_FAULTS = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError, OverflowError)
"""What zarr-python raises on metadata or chunks that are damaged."""


@dataclass(frozen=True, eq=False)
class Group:
    """An open group whose metadata were checked.

    Parameters
    ----------
    path : Path or str
        Its folder or URL.
    root : zarr.Group
        Read-only.
    find : callable
        Returns a metadata document by its place in the group, None where there is none.
    """

    path: Path | str
    root: Any
    find: Callable[[str], dict[str, Any] | None]

    def arrays(self) -> Iterator[tuple[str, Any]]:
        """Yield the arrays of all groups inside by their paths, in order."""
        found, folder = 0, Path(self.path)
        for file in sorted(folder.rglob("*")):
            if file.name not in (".zarray", "zarr.json") or file.parent == folder:
                continue
            if not file.is_file():
                raise self.damaged(f"{file.relative_to(folder)} is a folder")
            found += 1
            if found > _MOST_ARRAYS:
                raise InputError(
                    f"The Zarr {str(self.path)!r} has more than {_MOST_ARRAYS} arrays.", "Split it."
                )
            document = _read_file(file)
            if file.name == ".zarray" or document.get("node_type") == "array":
                name = file.parent.relative_to(folder).as_posix()
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
            self._check_codecs(name)
            array = self.root[name]
        except _FAULTS as error:
            raise self.damaged(error) from error
        if not hasattr(array, "chunks") or array.dtype.kind not in "biufMmTUSO":
            raise self.damaged(f"{name} is no array of numbers")
        check_decoded(
            f"{self.path}/{name}", "a chunk", array.shards or array.chunks, max(1, array.dtype.itemsize)
        )
        return array

    def has(self, name: str) -> bool:
        """Tell whether there is an array of that path."""
        return any(self.find(f"{name}/{file}") is not None for file in _ARRAYS)

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
            check_decoded(f"{self.path}/{name}", "the array", array.shape, max(1, array.dtype.itemsize))
        try:
            return np.asarray(array[place])
        except _FAULTS as error:
            raise self.damaged(error) from error

    def _check_codecs(self, name: str) -> None:
        """Raise InputError if an array names a codec that is not among the plain ones."""
        version = 0 if self.root.metadata.zarr_format == 3 else 1
        for codec in _list_codecs(self.find(f"{name}/{_ARRAYS[version]}") or {}):
            if codec.removeprefix("numcodecs.").lower() not in _CODECS:
                raise InputError(
                    f"The array '{self.path}/{name}' is stored by the codec {codec!r}, which is not opened.",
                    f"Write it again by one of {', '.join(sorted(_CODECS))}.",
                    code="FormatUnsuitable",
                )

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
    from zarr.storage import LocalStore

    del stamp
    check_tree(path)

    def find(place: str) -> dict[str, Any] | None:
        file = path / place
        return _read_file(file) if file.is_file() else None

    return make_group(path, LocalStore(path, read_only=True), find)


def make_group(
    path: Path | str, store: Any, find: Callable[[str], dict[str, Any] | None], version: int | None = None
) -> Group:
    """Return the group at the top of a store of zarr-python; raises DamageError if it cannot be read."""
    import zarr

    try:
        root = zarr.open_group(store, mode="r", use_consolidated=False, zarr_format=version)  # type: ignore[arg-type]
    except _FAULTS as error:
        raise Group(path, None, find).damaged(error) from error
    return Group(path, root, find)


def group_at(path: Path) -> Group:
    """Return the group whose metadata file this is."""
    return open_group(path.parent, path.stat().st_mtime_ns)


def parse_metadata(document: bytes) -> dict[str, Any]:
    """Return a metadata document, {} if it is no JSON object of a sensible size."""
    try:
        found = json.loads(document) if len(document) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read_file(file: Path) -> dict[str, Any]:
    """Return the metadata document in a file, of which no more is read than a sensible one has."""
    with file.open("rb") as stream:
        return parse_metadata(stream.read(MOST_BYTES + 1))


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
