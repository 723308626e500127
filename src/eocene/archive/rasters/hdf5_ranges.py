"""HDF5 files that lie on a server: the library reads a file object, what it will want is fetched before.

HDF5 reads one chunk after the other and serves one thread at a time. So where the chunks of a window lie is
asked of the file's index, they come with several requests at a time while other threads read, and only then
the library unpacks them.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import ContentStream
from eocene.archive.rasters.netcdf_classic import ClassicVariable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eocene.archive.fetch import Content

_KEPT_PAGES = 16
_MOST_AHEAD = 64 * 2**20


class RangeStream(ContentStream):
    """A file object over content that holds some parts of it ready."""

    def __init__(self, content: Content) -> None:
        super().__init__(content)
        self._ahead: Mapping[int, bytes | memoryview] = {}

    @contextmanager
    def holding(self, ahead: Mapping[int, bytes | memoryview]) -> Iterator[None]:
        """Read from these parts, by their offset, where they have what is wanted."""
        self._ahead = ahead
        try:
            yield
        finally:
            self._ahead = {}

    def read(self, size: int | None = -1) -> bytes:
        """Return the bytes from the position on."""
        part = self._ahead.get(self._position, b"")
        if size is not None and 0 <= size <= len(part):
            self._position += size
            return bytes(part[:size])
        return super().read(size)

    def _page(self, number: int) -> bytes:
        page = super()._page(number)
        while len(self._pages) > _KEPT_PAGES:
            self._pages.popitem(last=False)
        return page


def find_chunks(dataset: Any, key: tuple[int | slice, ...]) -> list[tuple[int, int]]:
    """Return offset and length of the stored chunks that a part of a dataset lies in.

    None are returned where the values lie in one piece, or the chunks are so large together that they are
    better read one by one.
    """
    if isinstance(dataset, ClassicVariable) or not dataset.chunks:
        return []
    spans = [(one.start, one.stop) if isinstance(one, slice) else (one, one + 1) for one in key]
    axes = [
        range(start // chunk * chunk, stop, chunk)
        for (start, stop), chunk in zip(spans, dataset.chunks, strict=True)
    ]
    found: list[tuple[int, int]] = []
    total = 0
    for place in product(*axes):
        chunk = dataset.id.get_chunk_info_by_coord(place)
        if chunk.byte_offset is None or not chunk.size:
            continue  # it was never written
        total += chunk.size
        if total > _MOST_AHEAD:
            return []
        found.append((int(chunk.byte_offset), int(chunk.size)))
    return found
