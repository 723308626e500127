"""Where the simulated world lies: its plane, and two tiles of two UTM zones that overlap.

The world is drawn once, in metres on a transverse Mercator plane around 12°E, the border of the
zones 32 and 33. Each tile samples that plane from its own zone, so a point of the ground has one
truth whichever tile looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import shapely
from pyproj import Transformer

from eocene.model.grid import Grid, transformer

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGITUDE, LATITUDE = 12.0, 48.3
PLANE = f"+proj=tmerc +lat_0={LATITUDE} +lon_0={LONGITUDE} +k=1 +x_0=0 +y_0=0 +ellps=WGS84 +units=m"
PIXEL_M = 10
OVERLAP = 0.25


@lru_cache(maxsize=8)
def from_plane(epsg: int) -> Transformer:
    """Return the transformation from the world plane into a CRS, x before y."""
    return Transformer.from_crs(PLANE, epsg, always_xy=True)


def project(geometry: NDArray[np.object_], epsg: int) -> NDArray[np.object_]:
    """Return geometries of the world plane in another CRS."""
    to_crs = from_plane(epsg)

    def forward(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(to_crs.transform(points[:, 0], points[:, 1]))

    moved: NDArray[np.object_] = shapely.transform(geometry, forward)
    return moved


@dataclass(frozen=True)
class Tile:
    """One tile: its name in the military grid, and its 10 m and 20 m grids."""

    name: str
    grid: Grid

    @property
    def epsg(self) -> int:
        """The UTM zone."""
        return self.grid.epsg

    @property
    def coarse(self) -> Grid:
        """The same ground at 20 m."""
        a, _, west, _, e, north = self.grid.transform
        half = (2 * a, 0.0, west, 0.0, 2 * e, north)
        return Grid.from_transform(self.epsg, half, self.grid.width // 2, self.grid.height // 2)

    @property
    def outline(self) -> shapely.Polygon:
        """The footprint in EPSG:4326, with vertices along its edges."""
        west, south, east, north = self.grid.bounds
        edge = shapely.segmentize(shapely.box(west, south, east, north), (east - west) / 8)
        degrees = transformer(self.epsg, 4326).transform(*shapely.get_coordinates(edge).T)
        return shapely.set_precision(shapely.Polygon(np.column_stack(degrees)), 1e-7)

    def to_plane(self) -> NDArray[np.complex128]:
        """Return the polynomial from (column + i·row) of a pixel centre to the plane's x + i·y.

        Both projections are conformal, so the map between them is an analytic function; its
        Taylor polynomial of degree 6 is exact to less than a millimetre over a whole tile. The
        argument is scaled to the unit square: (column - i·row) / width.
        """
        size = self.grid.width
        west, _, _, north = self.grid.bounds
        steps = np.linspace(0.0, 1.0, 17)
        u, v = (a.ravel() for a in np.meshgrid(steps, steps))
        easting = west + (u * size + 0.5) * PIXEL_M
        northing = north - (v * size + 0.5) * PIXEL_M
        x, y = from_plane(self.epsg).transform(easting, northing, direction="INVERSE")
        powers = np.vander(u - 1j * v, 7, increasing=True)
        fitted: NDArray[np.complex128] = np.linalg.lstsq(powers, x + 1j * y, rcond=None)[0]
        return fitted


def lay_tiles(size: int) -> tuple[Tile, Tile]:
    """Return the western tile (zone 32) and the eastern one (zone 33), ``size``² pixels of 10 m each."""
    extent = size * PIXEL_M
    tiles = []
    for name, epsg, side in (("32UQU", 32632, -1), ("33UTP", 32633, 1)):
        centre_x, centre_y = from_plane(epsg).transform(side * (1 - OVERLAP) / 2 * extent, 0.0)
        west = round((centre_x - extent / 2) / 20) * 20
        north = round((centre_y + extent / 2) / 20) * 20
        transform = (PIXEL_M, 0.0, west, 0.0, -PIXEL_M, north)
        tiles.append(Tile(name, Grid.from_transform(epsg, transform, size, size)))
    return tiles[0], tiles[1]


def frame(size: int) -> tuple[float, float, float, float]:
    """Return the box of the world plane that the tiles see, with a margin for their tilt."""
    extent = size * PIXEL_M
    half_width, half_height = (2 - OVERLAP) / 2 * extent, extent / 2
    margin = 0.06 * extent + 200.0
    return -half_width - margin, -half_height - margin, half_width + margin, half_height + margin


def feature_size(size: int) -> float:
    """Return how large the world's features are, 1 from 1024² pixels on and less below.

    Small worlds have smaller features, so that every class is there; larger ones have more.
    """
    return min(max(size / 1024.0, 0.2), 1.0)
