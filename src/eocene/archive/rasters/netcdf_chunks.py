"""Chunks of NetCDF-4 files that unpack to more than they say.

The HDF5 library lets DEFLATE unpack a chunk to whatever length it has, however small the header says it is:
0.6 MB took 600. So a stored chunk that could become larger than the memory budget is unpacked here first,
piece by piece, up to the length that its header tells. Other filters tell the library how much comes out.
"""

from __future__ import annotations

import zlib
from math import prod
from typing import Any
from weakref import WeakKeyDictionary

from eocene.model.budget import memory_budget
from eocene.model.errors import DamageError

_DEFLATE = 1
_MOST_TIMES = 1032
"""How much longer DEFLATE makes what it unpacks (source: zlib's technical details)."""
_PIECE = 2**20
_checked: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
"""Datasets by open file: they are looked at once."""


def check_chunks(stream: Any, dataset: Any, path: object) -> None:
    """Refuse a dataset with a chunk that unpacks to more than its header says.

    Parameters
    ----------
    stream : h5py.File
        The open file.
    dataset : h5py.Dataset
        One of it.
    path : object
        What errors call it.

    Raises
    ------
    DamageError
        If there is such a chunk.
    """
    seen = _checked.setdefault(stream, set())
    if dataset.name in seen:
        return
    if dataset.chunks and dataset.compression == "gzip":
        suspect = memory_budget() // _MOST_TIMES
        if dataset.id.get_storage_size() > suspect:
            for offset in _find_large(dataset, suspect):
                _unpack(dataset, offset, path)
    seen.add(dataset.name)


def _find_large(dataset: Any, size: int) -> list[tuple[int, ...]]:
    """Return where the chunks begin that are stored in more than so many bytes."""
    found: list[tuple[int, ...]] = []

    def look(chunk: Any) -> None:
        if chunk.size > size:
            found.append(tuple(chunk.chunk_offset))

    dataset.id.chunk_iter(look)
    return found


def _unpack(dataset: Any, offset: tuple[int, ...], path: object) -> None:
    mask, stored = dataset.id.read_direct_chunk(offset)
    filters = dataset.id.get_create_plist()
    place = next(i for i in range(filters.get_nfilters()) if filters.get_filter(i)[0] == _DEFLATE)
    if mask >> place & 1:  # this chunk was stored as it is
        return
    left = prod(dataset.chunks) * dataset.dtype.itemsize
    unpacker = zlib.decompressobj()
    try:
        while not unpacker.eof and left >= 0:
            piece = unpacker.decompress(stored, _PIECE)
            stored = unpacker.unconsumed_tail
            left -= len(piece)
            if not piece and not stored:
                break  # cut off: the library says so when it is read
    except zlib.error:
        return  # likewise, or a filter before this one has changed it
    if left < 0:
        raise DamageError(
            f"The variable {dataset.name.lstrip('/')!r} of {str(path)!r} is damaged: "
            "a chunk of it unpacks to more than its header says.",
            "Fetch or write the file again.",
        )
