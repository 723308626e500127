"""What nature drew: river, lakes, forests, and what happens to them in the year."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import rasterio.features
import rasterio.transform
import shapely

from eocene.testing.simulate.noise import rough_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.testing.simulate.fields import Box


def run_river(box: Box, feature: float, rng: np.random.Generator) -> shapely.LineString:
    """Return the middle line of a meandering river from the western to the eastern edge of ``box``.

    Its direction swings as a sine of the way along it (the sine-generated curve of Langbein and
    Leopold, 1966), with an amplitude and a wavelength that wander.
    """
    west, south, east, north = box
    step = 14.0 * feature
    wave = 2100.0 * feature
    x, y, phase, home = west - wave, 0.0, rng.uniform(0, 2 * math.pi), 0.0
    tempo, swing = 1.0, 1.1
    points = []
    while x < east + wave:
        points.append((x, y))
        tempo += 0.02 * (1.0 - tempo) + rng.normal(0.0, 0.035)
        swing += 0.02 * (1.05 - swing) + rng.normal(0.0, 0.03)
        phase += 2 * math.pi * step / wave * min(max(tempo, 0.6), 1.6)
        home = -0.35 * math.atan(y / (0.16 * (north - south)))
        heading = min(max(swing, 0.55), 1.5) * math.sin(phase) + home
        x += step * math.cos(heading)
        y += step * math.sin(heading)
    line = np.array(points)
    line[:, 1] += south + 0.36 * (north - south)
    return shapely.LineString(line)


def draw_blob(
    x: float, y: float, radius: float, rng: np.random.Generator, stretch: float = 1.0
) -> shapely.Polygon:
    """Return a smooth closed shape around a point; ``radius`` in metres."""
    angle = np.linspace(0.0, 2 * math.pi, 96, endpoint=False)
    r = np.ones_like(angle)
    for k in range(2, 7):
        r += rng.normal(0.0, 0.26 / k) * np.cos(k * angle + rng.uniform(0, 2 * math.pi))
    r = radius * np.clip(r, 0.45, 1.7)
    turn = rng.uniform(0.0, math.pi)
    u, v = r * np.cos(angle) * stretch, r * np.sin(angle) / stretch
    return shapely.Polygon(
        np.column_stack(
            [x + u * math.cos(turn) - v * math.sin(turn), y + u * math.sin(turn) + v * math.cos(turn)]
        )
    )


def flood_river(
    line: shapely.LineString, reach: tuple[float, float], width: float, rng: np.random.Generator
) -> shapely.Polygon:
    """Return the ground that a flood covers along the river between two eastings of the plane.

    It fills the low ground within reach of the river: a wide band, broken by what lies higher.
    """
    points = shapely.get_coordinates(line)
    points = points[(points[:, 0] > reach[0]) & (points[:, 0] < reach[1])]
    part = shapely.LineString(points)
    belt = shapely.buffer(shapely.simplify(part, 0.2 * width), 1.5 * width)
    low = grow_forest(belt.bounds, width / 480.0, 0.62, int(rng.integers(1 << 30)))
    filled = shapely.union_all([*shapely.intersection(low, belt), shapely.buffer(part, 0.3 * width)])
    lakes = [p for p in shapely.get_parts(filled) if p.distance(part) < 1.0]
    largest: shapely.Polygon = max(lakes, key=lambda p: float(p.area))
    return largest


def line_banks(line: shapely.LineString, width: float, rng: np.random.Generator) -> shapely.Geometry:
    """Return the trees along the river: thickets here, none there."""
    points = shapely.get_coordinates(line)[::3]
    way = np.arange(len(points), dtype=np.float64) * 30.0
    dense = rough_points(way, np.zeros_like(way), 1100.0, 3, int(rng.integers(1 << 30)))
    radius = np.clip((dense - 0.05) * 1.6, 0.0, 1.0) * width
    grown = radius > 0.35 * width
    return shapely.union_all(shapely.buffer(shapely.points(points[grown]), radius[grown]))


def grow_forest(box: Box, feature: float, share: float, seed: int) -> NDArray[np.object_]:
    """Return forest polygons that cover about ``share`` of ``box``, edges frayed and rounded."""
    west, south, east, north = box
    cell = 24.0 * max(feature, 0.5)
    columns = np.arange(west, east, cell) + cell / 2
    rows = np.arange(north, south, -cell) - cell / 2
    dense = np.empty((rows.size, columns.size), np.float32)
    for i, row in enumerate(rows):
        at = np.full(columns.size, row)
        dense[i] = rough_points(columns, at, 2300.0 * feature, 7, seed)
    wood = dense > np.quantile(dense[::2, ::2], 1.0 - share)
    wood = rasterio.features.sieve(wood.astype(np.uint8), 12)
    transform = rasterio.transform.from_origin(west, north, cell, cell)
    shapes = rasterio.features.shapes(wood, mask=wood == 1, connectivity=4, transform=transform)
    raw = [shapely.Polygon(s["coordinates"][0], s["coordinates"][1:]) for s, _ in shapes]
    # Rounding may cross a narrow neck over itself; a buffer of 0 m unties it.
    rounded = [shapely.buffer(_round_corners(shapely.simplify(p, 0.9 * cell)), 0.0) for p in raw]
    parts = shapely.get_parts(np.array(rounded, dtype=object))
    large: NDArray[np.object_] = parts[shapely.area(parts) > 6 * cell**2]
    return large


def _round_corners(polygon: shapely.Polygon) -> shapely.Polygon:
    """Cut the corners twice (Chaikin, 1974)."""

    def cut(ring: shapely.LinearRing) -> NDArray[np.float64]:
        points = np.asarray(ring.coords)[:-1]
        for _ in range(2):
            after = np.roll(points, -1, axis=0)
            points = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], axis=1)
            points = points.reshape(-1, 2)
        return points

    return shapely.Polygon(cut(polygon.exterior), [cut(hole) for hole in polygon.interiors])
