"""Rasters in GRIB files, editions 1 and 2: one message on a regular grid of longitudes and latitudes."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from cachetools import LRUCache, cached

from eocene.archive.fetch.decoded import check_decoded
from eocene.archive.grib_decoder import GribError, decoder
from eocene.archive.raster import check_window
from eocene.model.errors import DamageError, InputError
from eocene.model.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from eocene.archive.fetch import Content

OFFSET, LENGTH, PART = "eocene:offset", "eocene:length", "eocene:part"
"""Fields of an asset: where its message begins in the file, its bytes, and 1 for what is east of 180°."""
_MOST_MESSAGES = 200_000
_HEAD_BYTES = 4096
_LARGEST_MESSAGE = 2**30
_DECODING_BYTES = 16
"""Of a value, while it goes from one process to the other."""
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


@dataclass(frozen=True)
class FieldLayout:
    """In which order a message stores its values.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    transposed, flip, mirror : bool
        Whether they are stored by columns, from south to north, from east to west.
    """

    shape: tuple[int, int]
    transposed: bool
    flip: bool
    mirror: bool


@dataclass(frozen=True)
class FieldGrid:
    """A north-up grid of values of a message, none of them east of the antimeridian.

    Parameters
    ----------
    grid : Grid
        The pixels; the values stand in their middles.
    layout : FieldLayout
        Of the message.
    first : int
        The column of the message, from the west, that is the first here; after the last comes column 0.
    """

    grid: Grid
    layout: FieldLayout
    first: int

    def arrange(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values, as stored one after another, on the grid (height, width)."""
        height, width = self.layout.shape
        field = values.reshape(width, height).T if self.layout.transposed else values.reshape(height, width)
        field = field[::-1] if self.layout.flip else field
        field = field[:, ::-1] if self.layout.mirror else field
        return np.roll(field, -self.first, axis=1)[:, : self.grid.width]


class GribRaster:
    """A message of a GRIB file; it has no overviews."""

    def __init__(self, content: Content, asset: Mapping[str, Any]) -> None:
        self._content = content
        self._place = _whole(asset.get(OFFSET), content), _whole(asset.get(LENGTH), content)
        fields = place_field(_describe(content, *self._place), content.name)
        part = asset.get(PART, 0)
        if part not in range(len(fields)):
            raise _unplaced(content)
        self._field = fields[part]
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        self.nodata: float | None = math.nan
        self.levels: tuple[Grid, ...] = (self._field.grid,)

    def read(self, window: Grid, level: int = 0, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the values (height, width) of a window of ``levels[level]``, in ``out`` if given."""
        place = check_window(window, self.levels[level], self._content.name)
        values = _decode(self._content, *self._place)
        if values.size != math.prod(self._field.layout.shape):
            raise damaged_grib(self._content.name, f"it holds {values.size} values", self._place[0])
        pixels: NDArray[Any] = self._field.arrange(values)[place]
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
        yield Message(offset, length, _describe(content, offset, length))
        offset += length


def _message_length(head: bytes) -> int | None:
    """Return the length that the first 16 bytes of a message tell, None if it is none."""
    if len(head) < 16 or not head.startswith(b"GRIB") or head[7] not in (1, 2):
        return None
    length = int.from_bytes(head[4:7] if head[7] == 1 else head[8:16], "big")
    return length if 16 < length <= _LARGEST_MESSAGE else None


def place_field(keys: Mapping[str, Any], name: str) -> list[FieldGrid]:
    """Return the grid on which the values of a message stand; two where it reaches across the antimeridian.

    Raises
    ------
    InputError
        If the message is on no regular grid of longitudes and latitudes; ``name`` is the file's.
    DamageError
        If its headers contradict each other.
    """
    kind = keys.get("gridType")
    if kind != "regular_ll" or keys.get("alternativeRowScanning"):
        raise InputError(
            f"The GRIB file {name!r} has a field on the grid {kind!r}.",
            "Regular grids of longitudes and latitudes are read; regrid it first, as with cdo remapbil.",
        )
    try:
        width, height, points = (int(keys[k]) for k in ("Ni", "Nj", "numberOfDataPoints"))
        first_y, first_x, last_y, last_x = (
            float(keys[f"{axis}Of{end}GridPointInDegrees"])
            for end in ("First", "Last")
            for axis in ("latitude", "longitude")
        )
        mirror, south_up, transposed = (
            bool(keys.get(k)) for k in ("iScansNegatively", "jScansPositively", "jPointsAreConsecutive")
        )
    except (KeyError, ValueError, OverflowError) as error:
        raise damaged_grib(name, f"a field has no grid ({error})") from error
    if min(width, height) < 2 or width * height != points:
        raise damaged_grib(name, f"a field of {points} values has {height} rows and {width} columns")
    check_decoded(name, "a field", (height, width), _DECODING_BYTES)
    west, east = (last_x, first_x) if mirror else (first_x, last_x)
    south, north = (first_y, last_y) if south_up else (last_y, first_y)
    x_step, y_step = ((east - west) % 360 or 360.0) / (width - 1), (north - south) / (height - 1)
    inside = abs(west) <= 360 and -90 <= south < north <= 90
    if not inside or not x_step * width < 360 + 1.5 * x_step:
        raise damaged_grib(name, f"a field reaches from {west}, {south} to {east}, {north} degrees")
    layout = FieldLayout((height, width), transposed, south_up, mirror)
    return _make_fields(west, north, (x_step, y_step), layout)


def _make_fields(
    west: float, north: float, step: tuple[float, float], layout: FieldLayout
) -> list[FieldGrid]:
    """Return the grid of a field whose first column is at ``west``, or the two beside the antimeridian."""
    (x_step, y_step), (height, width) = step, layout.shape
    west = (west + 180) % 360 - 180
    before = min(width, max(0, math.ceil((180 - west) / x_step - 1e-6)))  # columns west of the antimeridian

    def make(first: int, count: int, at: float) -> FieldGrid:
        affine = (x_step, 0.0, at - x_step / 2, 0.0, -y_step, north + y_step / 2)
        return FieldGrid(Grid.from_transform(4326, affine, count, height), layout, first)

    if before == width:
        return [make(0, width, west)]
    beyond = west + before * x_step - 360
    if width * x_step > 360 - x_step / 2:  # around the Earth: it begins anew at the antimeridian
        return [make(before, width, beyond)]
    return [make(0, before, west), make(before, width - before, beyond)]


def damaged_grib(name: str, why: str, offset: int | None = None) -> DamageError:
    """Return the error of a GRIB file that cannot be read."""
    where = "" if offset is None else f" at byte {offset}"
    return DamageError(f"The GRIB file {name!r} cannot be read{where}: {why}.", "Fetch the file again.")


def _whole(value: Any, content: Content) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= content.size:
        raise _unplaced(content)
    return value


def _unplaced(content: Content) -> InputError:
    return InputError(
        f"An asset of {content.name!r} does not say where its message is.", "Ingest the file again."
    )


@cached(LRUCache(16_384), key=lambda content, *place: (content.identity, *place), lock=threading.Lock())
def _describe(content: Content, offset: int, length: int) -> dict[str, Any]:
    try:
        return decoder.describe(content.read(offset, length))
    except GribError as error:
        raise damaged_grib(content.name, str(error), offset) from error


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
