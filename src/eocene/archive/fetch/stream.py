"""Content as a file object, for libraries that read files: HDF5, GDAL, zip archives, Parquet."""

from __future__ import annotations

import io
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eocene.archive.fetch.content import Content

_PAGE = 256 * 2**10
_PAGES = 64


class ContentStream(io.RawIOBase):
    """A read-only file over content; pages of it are kept, since libraries read in small pieces.

    Like any file object it has one position, so it belongs to one thread at a time.

    Parameters
    ----------
    content : Content
        As a door has opened it.
    """

    def __init__(self, content: Content) -> None:
        super().__init__()
        self.name = content.name
        self._content, self._position = content, 0
        self._pages: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that its position can be set."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._content.size}[whence]
        if start + offset < 0:
            raise ValueError("a position before the beginning")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: object) -> int:
        """Fill a buffer from the position on and return how many bytes it got."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1) -> bytes:
        """Return the bytes from the position on, all of them by default."""
        left = max(0, self._content.size - self._position)
        length = left if size is None or size < 0 else min(size, left)
        start = self._position
        self._position += length
        if length > _PAGE:
            return self._content.read(start, length)
        first, last = start // _PAGE, (start + length - 1) // _PAGE
        data = b"".join(self._page(number) for number in range(first, last + 1))
        return data[start - first * _PAGE :][:length]

    def readall(self) -> bytes:
        """Return the bytes from the position on."""
        return self.read()

    def _page(self, number: int) -> bytes:
        if number not in self._pages:
            self._pages[number] = self._content.read(number * _PAGE, _PAGE)
            if len(self._pages) > _PAGES:
                self._pages.popitem(last=False)
        self._pages.move_to_end(number)
        return self._pages[number]
