"""Zarr groups of version 2 and 3: opened inside their folder, by plain codecs, sizes checked.

Metadata may announce chunks of terabytes, and chunks unpack to more than the metadata announce: so both are
bounded before the first chunk is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.buffer.cpu import NDBuffer

from eocene.archive.fetch import check_decoded, check_tree
from eocene.archive.fetch.decoded import is_decodable
from eocene.archive.rasters.netcdf_variable import Encoding, read_encoding
from eocene.archive.rasters.zarr_codecs import Bound, bound
from eocene.archive.rasters.zarr_folder import FolderStore
from eocene.archive.rasters.zarr_metadata import ARRAYS, check_document, read_metadata
from eocene.archive.rasters.zarr_window import Place, count_chunks, cut, measure
from eocene.model.errors import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from zarr.abc.store import Store

_MOST_ARRAYS = 10_000
_CHUNK_BYTES = 4096
"""What zarr-python takes for each chunk of a window beside its values; it was measured as 1,800 to 2,700."""
_FAULTS = (
    OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError, ArithmeticError
)  # fmt: skip
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
    make_store : callable
        Returns its store, of whose chunks none may have more bytes than it is told.
    """

    path: Path | str
    root: Any
    find: Callable[[str], dict[str, Any] | None]
    make_store: Callable[[int], Store]

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
            document = read_metadata(file)
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
        return self._open(name)[0]

    def _open(self, name: str) -> tuple[Any, Bound]:
        """Return an array, and what its chunks take."""
        label = f"{self.path}/{name}"
        version = 0 if self.root.metadata.zarr_format == 3 else 1
        at_once = zarr.config.get("async.concurrency")
        try:
            check_document(self.find(f"{name}/{ARRAYS[version]}") or {}, label)
            array = self.root[name]
            if not hasattr(array, "chunks") or array.dtype.kind not in "biufMmTUSO":
                raise self.damaged(f"{name} is no array of numbers")
            if 0 in array.chunks:
                raise self.damaged(f"the chunks of {name} hold nothing")
            check_decoded(label, "a chunk", array.shards or array.chunks, max(1, array.dtype.itemsize))
            array, told = bound(array, self.make_store, at_once)
        except _FAULTS as error:
            raise self.damaged(error) from error
        check_decoded(label, "a chunk, with what it is unpacked from,", (told.decoding,))
        return array, told

    def has(self, name: str) -> bool:
        """Tell whether there is an array of that path."""
        return any(self.find(f"{name}/{file}") is not None for file in ARRAYS)

    def attributes(self, name: str = "") -> dict[str, Any]:
        """Return the attributes of a group or array; raises DamageError if they cannot be read."""
        try:
            return dict((self.root[name] if name else self.root).attrs)
        except _FAULTS as error:
            raise self.damaged(error) from error

    def read(self, name: str, place: Place | None = None, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return part of an array; raises as :meth:`array`, and DamageError with the chunk's name.

        Parameters
        ----------
        name : str
            Its path.
        place : tuple of int and slice, optional
            What of it; all of it by default.
        out : ndarray, optional
            Of the shape of that part; it is filled and returned.
        """
        array, told = self._open(name)
        place = tuple(slice(0, length) for length in array.shape) if place is None else place
        size = check_decoded(
            f"{self.path}/{name}", "what is read of it", measure(place), max(1, array.dtype.itemsize)
        )
        inner, outer = (count_chunks(place, shape) for shape in (array.chunks, array.shards or array.chunks))
        check_decoded(f"{self.path}/{name}", "the list of its chunks", (inner,), _CHUNK_BYTES)
        values = np.empty(measure(place), array.dtype) if out is None else out
        try:
            at_once = min(outer, zarr.config.get("async.concurrency"))
            if at_once == 1 or is_decodable(size + at_once * told.decoding):
                _fill(array, place, values)
            else:
                for source, target in cut(place, array.shards or array.chunks):
                    _fill(array, source, values[target])
        except _FAULTS as error:
            raise self.damaged(_find_fault(array, name, place) or error) from error
        return values

    def damaged(self, why: object) -> DamageError:
        """Return the error of a group that cannot be read."""
        return DamageError(
            f"The Zarr {str(self.path)!r} cannot be read: {_first_line(why)}.", "Fetch or write it again."
        )


def _fill(array: Any, place: Place, values: NDArray[Any]) -> None:
    """Read part of an array into values of its shape."""
    array.get_basic_selection(place, out=NDBuffer.from_numpy_array(values))


def _find_fault(array: Any, name: str, place: Place) -> str | None:
    """Return which chunk of a window cannot be read, and why; None if each of them can."""
    chunk = array.shards or array.chunks
    for source, _ in cut(place, chunk):
        try:
            array[source]
        except _FAULTS as error:
            first = (at if isinstance(at, int) else at.start for at in source)
            key = array.metadata.encode_chunk_key(tuple(f // c for f, c in zip(first, chunk, strict=True)))
            return f"its chunk '{name}/{key}': {_first_line(error)}"
    return None


def _first_line(why: object) -> str:
    return (str(why).splitlines() or [type(why).__name__])[0].rstrip(".")


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
    del stamp
    check_tree(path)

    def find(place: str) -> dict[str, Any] | None:
        file = path / place
        return read_metadata(file) if file.is_file() else None

    return make_group(path, lambda most: FolderStore(path, most), find)


def make_group(
    path: Path | str,
    make_store: Callable[[int | None], Store],
    find: Callable[[str], dict[str, Any] | None],
    version: int | None = None,
) -> Group:
    """Return the group at the top of a store of zarr-python; raises DamageError if it cannot be read."""
    store: Any = make_store(None)
    try:
        root = zarr.open_group(store, mode="r", use_consolidated=False, zarr_format=version)  # type: ignore[arg-type]
    except _FAULTS as error:
        raise Group(path, None, find, make_store).damaged(error) from error
    return Group(path, root, find, make_store)


def group_at(path: Path) -> Group:
    """Return the group whose metadata file this is."""
    return open_group(path.parent, path.stat().st_mtime_ns)


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
