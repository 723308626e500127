"""Rasters in GRIB files, editions 1 and 2: one message, as it is or as it is seen on a grid in degrees."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from cachetools import LRUCache, cached

from eocene.archive.raster import check_window
from eocene.archive.rasters.grib_decoder import GribError, decoder
from eocene.archive.rasters.grib_fields import damaged_grib
from eocene.archive.rasters.grib_grids import place_field
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.archive.fetch import Content
    from eocene.model.grid import Grid

OFFSET, LENGTH, PART = "eocene:offset", "eocene:length", "eocene:part"
"""Fields of an asset: where its message begins in the file, its bytes, and 1 for what is east of 180°."""
_MOST_MESSAGES = 200_000
_HEAD_BYTES = 4096
_TOGETHER, _TOGETHER_BYTES = 256, 16 * 2**20
_LARGEST_MESSAGE = 2**30
_KEPT_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Message:
    """One field of a GRIB file.

    Parameters
    ----------
    offset, length : int
        Where its bytes are.
    keys : mapping
        What its headers say, by ecCodes' names.
    """

    offset: int
    length: int
    keys: Mapping[str, Any]


class GribRaster:
    """A message of a GRIB file; it has no overviews."""

    def __init__(self, content: Content, asset: Mapping[str, Any]) -> None:
        self._content = content
        self._place = _whole(asset.get(OFFSET), content), _whole(asset.get(LENGTH), content)
        fields = place_field(_describe(content, [self._place])[0], content.name)
        part = asset.get(PART, 0)
        if part not in range(len(fields)):
            raise _unplaced(content)
        self._field = fields[part]
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        self.nodata: float | None = math.nan
        self.levels: tuple[Grid, ...] = (self._field.grid,)

    def read(self, window: Grid, level: int = 0, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the values (height, width) of a window of ``levels[level]``, in ``out`` if given."""
        check_window(window, self.levels[level], self._content.name)
        values = _decode(self._content, *self._place)
        if values.size != self._field.count:
            raise damaged_grib(self._content.name, f"it holds {values.size} values", self._place[0])
        pixels: NDArray[Any] = self._field.pick(values, window)
        if out is None:
            return pixels
        out[...] = pixels
        return out

    def close(self) -> None:
        """Nothing to let go of."""


def list_messages(content: Content) -> Iterator[Message]:
    """Yield the messages of a file in their order.

    Raises
    ------
    DamageError
        If the file is cut off, or something in it is no message.
    """
    for places in _gather(_find_messages(content)):
        yield from (Message(*p, keys) for p, keys in zip(places, _describe(content, places), strict=True))


def _gather(places: Iterator[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Yield messages some together, so many that asking takes no time and so few that they take no memory."""
    some: list[tuple[int, int]] = []
    for place in places:
        some.append(place)
        if len(some) == _TOGETHER or sum(length for _, length in some) > _TOGETHER_BYTES:
            yield some
            some = []
    if some:
        yield some


def _find_messages(content: Content) -> Iterator[tuple[int, int]]:
    """Yield the offset and length of each message."""
    offset = count = 0
    while offset < content.size:
        head = content.read(offset, _HEAD_BYTES)
        padding = len(head) - len(head.lstrip(b"\0"))  # as tapes had it
        if padding:
            offset += padding
            continue
        length = _message_length(head)
        if length is None or offset + length > content.size:
            raise damaged_grib(content.name, "no whole message begins here", offset)
        count += 1
        if count > _MOST_MESSAGES:
            raise damaged_grib(content.name, f"it has more than {_MOST_MESSAGES} messages", offset)
        yield offset, length
        offset += length


def _message_length(head: bytes) -> int | None:
    """Return the length that the first 16 bytes of a message tell, None if it is none."""
    if len(head) < 16 or not head.startswith(b"GRIB") or head[7] not in (1, 2):
        return None
    length = int.from_bytes(head[4:7] if head[7] == 1 else head[8:16], "big")
    return length if 16 < length <= _LARGEST_MESSAGE else None


def _whole(value: Any, content: Content) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= content.size:
        raise _unplaced(content)
    return value


def _unplaced(content: Content) -> InputError:
    return InputError(
        f"An asset of {content.name!r} does not say where its message is.", "Ingest the file again."
    )


_described: LRUCache[Any, dict[str, Any]] = LRUCache(65_536)
_lock = threading.Lock()


def _describe(content: Content, places: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """Return what the headers of messages say; remembered, since items are opened one by one."""
    with _lock:
        known = {place: _described.get((content.identity, place)) for place in places}
    missing = [place for place, keys in known.items() if keys is None]
    try:
        found = decoder.describe([content.read(*place) for place in missing]) if missing else []
    except GribError as error:
        if len(missing) == 1:
            raise damaged_grib(content.name, str(error), missing[0][0]) from error
        # One of them is damaged: asked one by one they tell which.
        return [_describe(content, [place])[0] for place in places]
    known |= dict(zip(missing, found, strict=True))
    with _lock:
        _described.update({(content.identity, place): known[place] or {} for place in missing})
    return [known[place] or {} for place in places]


@cached(
    LRUCache(_KEPT_BYTES, getsizeof=lambda values: min(values.nbytes, _KEPT_BYTES)),
    key=lambda content, *place: (content.identity, *place),
    lock=threading.Lock(),
)
def _decode(content: Content, offset: int, length: int) -> NDArray[np.float32]:
    try:
        return decoder.decode(content.read(offset, length))
    except GribError as error:
        raise damaged_grib(content.name, str(error), offset) from error
