"""How the values of a GRIB message stand on a regular grid: north-up, and west of the antimeridian."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch.decoded import check_decoded
from eocene.model.errors import DamageError
from eocene.model.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

DECODING_BYTES = 16
"""Of a value, while it goes from one process to the other."""


@dataclass(frozen=True)
class FieldLayout:
    """In which order a message stores its values.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    transposed, flip, mirror : bool
        Whether they are stored by columns, from south to north, from east to west.
    zigzag : bool
        Whether every second line is stored against the direction of the first.
    """

    shape: tuple[int, int]
    transposed: bool
    flip: bool
    mirror: bool
    zigzag: bool = False

    def turn(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values, as stored one after another, from north to south and from west to east."""
        height, width = self.shape
        lines = values.reshape((width, height) if self.transposed else (height, width))
        if self.zigzag:
            lines = lines.copy()
            lines[1::2] = lines[1::2, ::-1].copy()
        field = lines.T if self.transposed else lines
        field = field[::-1] if self.flip else field
        return field[:, ::-1] if self.mirror else field


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

    @property
    def count(self) -> int:
        """How many values the message has."""
        return math.prod(self.layout.shape)

    def pick(self, values: NDArray[np.float32], window: Grid) -> NDArray[np.float32]:
        """Return the pixels (height, width) of a window of the grid from the values as stored."""
        return self.arrange(values)[window.slices_in(self.grid)]

    def arrange(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values, as stored one after another, on the grid (height, width)."""
        field = self.layout.turn(values)
        return np.roll(field, -self.first, axis=1)[:, : self.grid.width]


@dataclass(frozen=True)
class PointGrid:
    """Where the points of a regular grid are: the first from the north-west, and the steps in degrees."""

    west: float
    north: float
    step: tuple[float, float]
    layout: FieldLayout


def place_regular(keys: Mapping[str, Any], name: str) -> list[FieldGrid]:
    """Return the grid of a message on longitudes and latitudes; two where it crosses the antimeridian.

    Raises
    ------
    DamageError
        If its headers contradict each other; ``name`` is the file's.
    """
    points = read_points(keys, name)
    return _make_fields(points.west, points.north, points.step, points.layout)


def read_layout(keys: Mapping[str, Any], name: str) -> FieldLayout:
    """Return the order in which a message stores its values.

    Raises
    ------
    InputError
        If they would not fit into memory.
    DamageError
        If they are not in rows and columns; ``name`` is the file's.
    """
    try:
        width, height, points = (int(keys[k]) for k in ("Ni", "Nj", "numberOfDataPoints"))
    except (KeyError, ValueError, OverflowError) as error:
        raise damaged_grib(name, f"a field has no grid ({error})") from error
    if min(width, height) < 2 or width * height != points:
        raise damaged_grib(name, f"a field of {points} values has {height} rows and {width} columns")
    check_decoded(name, "a field", (height, width), DECODING_BYTES)
    order = ("jPointsAreConsecutive", "jScansPositively", "iScansNegatively", "alternativeRowScanning")
    return FieldLayout((height, width), *(bool(keys.get(key)) for key in order))


def read_points(keys: Mapping[str, Any], name: str) -> PointGrid:
    """Return where the points of a message stand that is regular in its own coordinates.

    Raises
    ------
    InputError
        If it would not fit into memory.
    DamageError
        If its headers contradict each other; ``name`` is the file's.
    """
    layout = read_layout(keys, name)
    height, width = layout.shape
    try:
        first_y, first_x, last_y, last_x = (
            float(keys[f"{axis}Of{end}GridPointInDegrees"])
            for end in ("First", "Last")
            for axis in ("latitude", "longitude")
        )
    except (KeyError, ValueError) as error:
        raise damaged_grib(name, f"a field has no grid ({error})") from error
    west, east = (last_x, first_x) if layout.mirror else (first_x, last_x)
    south, north = (first_y, last_y) if layout.flip else (last_y, first_y)
    x_step, y_step = ((east - west) % 360 or 360.0) / (width - 1), (north - south) / (height - 1)
    inside = abs(west) <= 360 and -90 <= south < north <= 90
    if not inside or not x_step * width < 360 + 1.5 * x_step:
        raise damaged_grib(name, f"a field reaches from {west}, {south} to {east}, {north} degrees")
    return PointGrid(west, north, (x_step, y_step), layout)


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
