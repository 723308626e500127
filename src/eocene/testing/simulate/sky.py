"""The sky of a date: sun, clouds with their shadows, and the edge of the swath."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from eocene.testing.simulate.noise import compiled, derive, rough, rough_points
from eocene.testing.simulate.places import LATITUDE, LONGITUDE, feature_size, frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.testing.simulate.fields import Box
    from eocene.testing.simulate.places import Tile

FIRST = datetime(2024, 3, 5, 10, 10, 31, tzinfo=UTC)
EVERY_DAYS = 10
THIN, THICK = 0.16, 0.6
"""Opacities from which a pixel is cloud of medium and of high probability; below the first it is clear."""


@dataclass(frozen=True)
class Sky:
    """One overpass.

    Attributes
    ----------
    time : datetime of the western tile; the eastern one follows 7 s later.
    azimuth, elevation : of the sun, degrees (clockwise from north; above the horizon).
    seed, wavelength, threshold, height_m : of the cloud field on the plane.
    edge : (a, b, c) or None; ground where a·x + b·y > c lies outside the swath.
    """

    time: datetime
    azimuth: float
    elevation: float
    seed: int
    wavelength: float
    threshold: float
    height_m: float
    edge: tuple[float, float, float] | None

    @property
    def day(self) -> int:
        """Day of the year."""
        return self.time.timetuple().tm_yday


def list_skies(size: int, seed: int, dates: int) -> list[Sky]:
    """Return the overpasses, every ten days from 5 March 2024 on; June is the clearest month."""
    return [_make_sky(frame(size), feature_size(size), seed, number) for number in range(dates)]


def _make_sky(box: Box, feature: float, world_seed: int, number: int) -> Sky:
    rng = derive(world_seed, "sky", number)
    time = FIRST + timedelta(days=EVERY_DAYS * number)
    share = rng.uniform(0.10, 0.14) if time.month == 6 else rng.uniform(0.10, 0.45)
    seed, wavelength = int(rng.integers(1 << 30)), feature * rng.uniform(1300.0, 2800.0)
    west, south, east, north = box
    points = rng.uniform((west, south), (east, north), (20_000, 2))
    field = rough_points(points[:, 0].copy(), points[:, 1].copy(), wavelength, 6, seed)
    edge = None
    if number % 6 == 3 and time.month != 6:
        side, tilt = (1.0 if number % 12 == 3 else -1.0), math.radians(12.0)
        limit = rng.uniform(0.55, 0.8) * (east - west) / 2
        edge = side * math.cos(tilt), side * math.sin(tilt), limit
    azimuth, elevation = find_sun(time)
    return Sky(
        time, azimuth, elevation, seed, wavelength, float(np.quantile(field, 1 - share)), 1300 * feature, edge
    )


def find_sun(time: datetime) -> tuple[float, float]:
    """Return azimuth and elevation of the sun over the middle of the world, degrees, within a degree."""
    day = time.timetuple().tm_yday
    declination = math.radians(-23.44 * math.cos(2 * math.pi * (day + 10) / 365.0))
    hours = time.hour + time.minute / 60 + time.second / 3600 + LONGITUDE / 15.0
    angle, latitude = math.radians(15.0 * (hours - 12.0)), math.radians(LATITUDE)
    up = math.sin(latitude) * math.sin(declination)
    up += math.cos(latitude) * math.cos(declination) * math.cos(angle)
    east = -math.cos(declination) * math.sin(angle)
    north = math.sin(declination) * math.cos(latitude)
    north -= math.cos(declination) * math.sin(latitude) * math.cos(angle)
    return math.degrees(math.atan2(east, north)) % 360.0, math.degrees(math.asin(up))


@dataclass(frozen=True)
class Cloudiness:
    """The sky over a tile at 20 m: opacity and shade as uint8 (255 = 1), and where the swath lies."""

    opacity: NDArray[np.uint8]
    shade: NDArray[np.uint8]
    seen: NDArray[np.bool_]


def cover_tile(sky: Sky, tile: Tile) -> Cloudiness:
    """Return clouds, shadows and swath over a tile."""
    shape = tile.coarse.shape
    opacity, shade, seen = np.empty(shape, np.uint8), np.empty(shape, np.uint8), np.empty(shape, np.bool_)
    toward = sky.height_m / math.tan(math.radians(sky.elevation))
    sun = toward * math.sin(math.radians(sky.azimuth)), toward * math.cos(math.radians(sky.azimuth))
    edge = sky.edge or (0.0, 0.0, 1.0)
    _cast(tile.to_plane(), sky.seed, sky.wavelength, sky.threshold, sun, edge, opacity, shade, seen)
    return Cloudiness(opacity, shade, seen)


@compiled
def _cast(  # noqa: PLR0913, PLR0917 - compiled loops take flat arrays
    to_plane: NDArray[np.complex128],
    seed: int,
    wavelength: float,
    threshold: float,
    sun: tuple[float, float],
    edge: tuple[float, float, float],
    opacity: NDArray[np.uint8],
    shade: NDArray[np.uint8],
    seen: NDArray[np.bool_],
) -> None:
    rows, columns = opacity.shape
    for row in range(rows):
        for column in range(columns):
            # The middle of the four 10 m pixels lies half of one beyond the centre of the first.
            z = complex((2 * column + 0.5) / (2 * columns), -(2 * row + 0.5) / (2 * columns))
            at = to_plane[6]
            for k in range(5, -1, -1):
                at = at * z + to_plane[k]
            x, y = at.real, at.imag
            seen[row, column] = edge[0] * x + edge[1] * y <= edge[2]
            thick = _veil(rough(x, y, wavelength, 6, seed) - threshold)
            opacity[row, column] = int(np.rint(255.0 * thick)) if thick >= THIN else 0
            dark = _veil(rough(x + sun[0], y + sun[1], wavelength, 6, seed) - threshold)
            shade[row, column] = int(np.rint(255.0 * dark)) if dark >= THIN else 0


@compiled
def _veil(above: float) -> float:
    """Return the opacity of a cloud where its field lies ``above`` the threshold."""
    t = min(max(above / 0.34 + 0.1, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t) if above > 0 else 0.0
