"""Parcels and other cells: convex pieces of land, cut as people cut it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray

Ring = list[tuple[float, float]]
Box = tuple[float, float, float, float]


def lay_cells(box: Box, spacing: float, rng: np.random.Generator, jitter: float = 0.8) -> NDArray[np.object_]:
    """Return the Voronoi cells of jittered points, which cover ``box``; ``spacing`` in metres."""
    west, south, east, north = box
    columns = np.arange(west - 2 * spacing, east + 2 * spacing, spacing)
    rows = np.arange(south - 2 * spacing, north + 2 * spacing, spacing)
    x, y = np.meshgrid(columns, rows)
    x[1::2] += spacing / 2
    x = x + rng.uniform(-jitter, jitter, x.shape) * spacing / 2
    y = y + rng.uniform(-jitter, jitter, y.shape) * spacing / 2
    points = shapely.MultiPoint(np.column_stack([x.ravel(), y.ravel()]))
    cells: NDArray[np.object_] = shapely.get_parts(shapely.voronoi_polygons(points))
    inside: NDArray[np.object_] = cells[shapely.intersects(cells, shapely.box(*box))]
    return inside


def cut_fields(blocks: NDArray[np.object_], area_m2: float, rng: np.random.Generator) -> NDArray[np.object_]:
    """Cut convex blocks into fields of about ``area_m2``, long and short, large and small."""
    fields: list[Ring] = []
    for block in blocks:
        target = area_m2 * math.exp(rng.normal(0.0, 0.5))
        pending = [[(float(x), float(y)) for x, y in block.exterior.coords[:-1]]]
        while pending:
            ring = pending.pop()
            if _area(ring) < target * math.exp(rng.normal(0.0, 0.35)) * 1.4:
                fields.append(ring)
            else:
                pending.extend(_halve(ring, rng))
    polygons: NDArray[np.object_] = np.array([shapely.Polygon(r) for r in fields if len(r) > 2], dtype=object)
    return polygons


def _area(ring: Ring) -> float:
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True))) / 2


def _halve(ring: Ring, rng: np.random.Generator) -> list[Ring]:
    """Cut a convex ring in two, mostly across its longer side, never quite at a right angle."""
    edges = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(ring, ring[1:] + ring[:1], strict=True)]
    ux, uy = max(edges, key=lambda e: math.hypot(*e))
    angle = math.atan2(uy, ux)
    along = _reach(ring, angle)
    across = _reach(ring, angle + math.pi / 2)
    aspect = (along[1] - along[0]) / max(across[1] - across[0], 1e-9)
    if not (aspect > 2.6 or (aspect > 0.5 and rng.random() < 0.45)):
        angle, along = angle + math.pi / 2, across
    place = along[0] + (along[1] - along[0]) * rng.uniform(0.36, 0.64)
    turned = angle + rng.normal(0.0, 0.05)
    middle_x = sum(p[0] for p in ring) / len(ring)
    middle_y = sum(p[1] for p in ring) / len(ring)
    # The cut passes where the straight one would have crossed the middle of the piece.
    shift = place - (middle_x * math.cos(angle) + middle_y * math.sin(angle))
    normal = math.cos(turned), math.sin(turned)
    level = (middle_x + shift * math.cos(angle)) * normal[0] + (middle_y + shift * math.sin(angle)) * normal[
        1
    ]
    sides = [_clip(ring, normal, level), _clip(ring, (-normal[0], -normal[1]), -level)]
    return [side for side in sides if len(side) > 2]


def _reach(ring: Ring, angle: float) -> tuple[float, float]:
    c, s = math.cos(angle), math.sin(angle)
    places = [x * c + y * s for x, y in ring]
    return min(places), max(places)


def _clip(ring: Ring, normal: tuple[float, float], level: float) -> Ring:
    """Return the part of a convex ring where normal · point ≤ level."""
    kept: Ring = []
    for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
        below = a[0] * normal[0] + a[1] * normal[1] - level
        after = b[0] * normal[0] + b[1] * normal[1] - level
        if below <= 0:
            kept.append(a)
        if (below < 0 < after) or (after < 0 < below):
            part = below / (below - after)
            kept.append((a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1])))
    return kept


def subtract(
    pieces: NDArray[np.object_], obstacles: NDArray[np.object_], smallest_m2: float
) -> NDArray[np.object_]:
    """Return the pieces without what the obstacles cover, one polygon each; small rests are dropped."""
    tree = shapely.STRtree(obstacles)
    which, hit = tree.query(pieces, predicate="intersects")
    left = pieces.copy()
    order = np.argsort(which, kind="stable")
    starts = np.flatnonzero(np.diff(which[order], prepend=-1))
    for group in np.split(order, starts[1:]) if order.size else ():
        piece = which[group[0]]
        cover = shapely.union_all(obstacles[np.sort(hit[group])])
        left[piece] = shapely.difference(left[piece], cover)
    return _largest(left, smallest_m2)


def _largest(shapes: NDArray[np.object_], smallest_m2: float) -> NDArray[np.object_]:
    for i in np.flatnonzero(shapely.get_type_id(shapes) != 3):
        parts = shapely.get_parts(shapes[i])
        shapes[i] = parts[np.argmax(shapely.area(parts))] if parts.size else shapely.Polygon()
    kept: NDArray[np.object_] = shapes[shapely.area(shapes) >= smallest_m2]
    return kept
