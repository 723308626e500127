"""The world as shapes on its plane: every piece of ground with what it is and how it differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
import shapely.affinity

from eocene.testing.simulate.classes import Cover, Event
from eocene.testing.simulate.fields import cut_fields, lay_cells, subtract
from eocene.testing.simulate.noise import derive, rough_points
from eocene.testing.simulate.places import PIXEL_M, feature_size, frame
from eocene.testing.simulate.terrain import draw_blob, flood_river, grow_forest, line_banks, run_river

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.testing.simulate.fields import Box

SHARES = {Cover.WHEAT: 0.31, Cover.MAIZE: 0.26, Cover.RAPESEED: 0.14, Cover.BEET: 0.12, Cover.GRASS: 0.17}


@dataclass(frozen=True)
class Units:
    """Pieces of ground, one row each; rasters of the world hold row numbers.

    Attributes
    ----------
    shape : (n,) polygons on the plane; empty for row 0, which is the ground between the others.
    cover : (n,) uint8, codes of :class:`Cover`.
    shift : (n,) float32, days by which its seasons are late.
    vigour : (n,) float32, how dense its plants grow, about 1.
    partner, mix : (n,) the cover that grows among its own, and its share (weeds, catch crops, failures).
    trait : (n,) float32 in [0, 1]: share of broad-leaved trees, roofs of a quarter, soil tone of a field.
    """

    shape: NDArray[np.object_]
    cover: NDArray[np.uint8]
    shift: NDArray[np.float32]
    vigour: NDArray[np.float32]
    partner: NDArray[np.uint8]
    mix: NDArray[np.float32]
    trait: NDArray[np.float32]


@dataclass(frozen=True)
class World:
    """The world: its units, its water by name, and the shapes of its events."""

    seed: int
    size: int
    box: Box
    feature: float
    units: Units
    water: dict[str, NDArray[np.object_]]
    events: dict[Event, NDArray[np.object_]]

    @property
    def parcels(self) -> NDArray[np.int64]:
        """Rows of the units that farmers declared."""
        return np.flatnonzero((self.units.cover >= Cover.WHEAT) & (self.units.cover <= Cover.GRASS))


def build_world(size: int, seed: int) -> World:
    """Draw the world that two tiles of ``size``² pixels look at."""
    box, feature = frame(size), feature_size(size)
    detail = feature**0.5
    places = derive(seed, "places")
    river_line = run_river(box, feature, derive(seed, "river"))
    river = _cut(shapely.buffer(river_line, 32.0 * detail), box, 4000.0)
    lakes = _dig_lakes(size, feature, places)
    water = shapely.union_all(np.concatenate([river, lakes]))
    towns = _found_towns(size, feature, river_line, places)
    towns = np.array([shapely.difference(t, shapely.buffer(water, 25 * detail)) for t in towns], dtype=object)
    roads = _join_towns(towns, box, detail)
    wood = grow_forest(box, feature, 0.22, int(places.integers(1 << 30)))
    banks = line_banks(river_line, 120.0 * detail, derive(seed, "banks"))
    wood = np.append(wood, _cut(shapely.difference(banks, shapely.union_all(wood)), box, 2000.0))
    obstacles = np.concatenate([river, lakes, towns, roads])
    wood = subtract(wood, np.array([shapely.buffer(o, 12 * detail) for o in obstacles], dtype=object), 2000.0)
    wet: shapely.Geometry = flood_river(
        river_line, (-0.42 * size * PIXEL_M, 0.42 * size * PIXEL_M), 330 * detail, places
    )
    wet = shapely.difference(wet, shapely.union_all(towns))
    rows = _Rows(derive(seed, "units"), detail, int(places.integers(1 << 30)))
    rows.add(Cover.EDGE, [shapely.Polygon()])
    # A large forest has many vertices; a field need meet only those of its neighbourhood.
    groves = _pieces(lay_cells(box, 900.0 * detail, places), wood)
    rows.add_fields(box, np.concatenate([obstacles, groves]), wet)
    rows.add_forest(box, wood)
    rows.add_towns(box, towns)
    rows.add(Cover.ROAD, roads)
    rows.add(Cover.WATER, river, trait=0.0)
    rows.add(Cover.WATER, lakes, trait=1.0)
    events = {
        Event.FLOOD: np.array([wet], dtype=object),
        Event.CLEAR_CUT: _fell_trees(wood, size, feature, places),
        Event.BURN: _set_fire(wood, size, feature, places),
    }
    return World(seed, size, box, feature, rows.table(), {"river": river, "lake": lakes}, events)


def _cut(shape: shapely.Geometry, box: Box, step: float) -> NDArray[np.object_]:
    """Cut a long shape into pieces by columns of the plane, so that few of its vertices are met at once."""
    columns = np.arange(box[0], box[2], step)
    parts = [shapely.intersection(shape, shapely.box(w, box[1], w + step, box[3])) for w in columns]
    return np.array([p for p in shapely.get_parts(parts) if p.geom_type == "Polygon"], dtype=object)


def _dig_lakes(size: int, feature: float, rng: np.random.Generator) -> NDArray[np.object_]:
    extent, detail = size * PIXEL_M, feature**0.5
    lakes = [draw_blob(0.035 * extent, 0.24 * extent, 560 * feature, rng, 1.35)]
    for _ in range(round(2.5 * (extent / 10_240 / feature) ** 2)):
        x, y = rng.uniform(-0.85, 0.85) * extent, rng.uniform(-0.48, 0.48) * extent
        lakes.append(draw_blob(x, y, rng.uniform(90, 190) * detail, rng, 1.2))
    return np.array(lakes, dtype=object)


def _found_towns(
    size: int, feature: float, river: shapely.LineString, rng: np.random.Generator
) -> NDArray[np.object_]:
    extent = size * PIXEL_M
    at = shapely.get_coordinates(river)
    y = float(np.interp(-0.36 * extent, at[:, 0], at[:, 1]))
    towns = [draw_blob(-0.36 * extent, y + 520 * feature, 760 * feature, rng, 1.2)]
    for i in range(round(9 * (extent / 10_240 / feature) ** 2)):
        x = (-0.78 + 1.56 * ((i * 0.618) % 1.0)) * extent
        y = rng.uniform(-0.45, 0.45) * extent
        towns.append(draw_blob(x, y, rng.uniform(150, 380) * feature**0.7, rng, 1.25))
    return np.array(towns, dtype=object)


def _join_towns(towns: NDArray[np.object_], box: Box, detail: float) -> NDArray[np.object_]:
    """Return roads between each town and its nearest neighbours, and one across the world."""
    middles = shapely.get_coordinates(shapely.centroid(towns))
    far = np.hypot(*(middles[:, None] - middles[None]).transpose(2, 0, 1))
    pairs = {(min(i, j), max(i, j)) for i in range(len(towns)) for j in np.argsort(far[i])[1:3]}
    lines = [_bend(middles[i], middles[j], 0.12) for i, j in sorted(pairs)]
    lines.append(_bend(np.array([box[0], 0.3 * box[3]]), middles[0], 0.08))
    lines.append(_bend(middles[0], np.array([0.15 * box[2], box[1]]), -0.1))
    built = shapely.union_all(towns)
    roads = [shapely.difference(shapely.buffer(line, 6.5 * detail), built) for line in lines]
    return np.array([r for r in shapely.get_parts(roads) if r.area > 100], dtype=object)


def _bend(start: NDArray[np.float64], end: NDArray[np.float64], bow: float) -> shapely.LineString:
    t = np.linspace(0.0, 1.0, 40)[:, None]
    across = np.array([start[1] - end[1], end[0] - start[0]])
    sway = bow * np.sin(np.pi * t) + 0.35 * bow * np.sin(3 * np.pi * t)
    return shapely.LineString(start + t * (end - start) + sway * across)


def _fell_trees(
    wood: NDArray[np.object_], size: int, feature: float, rng: np.random.Generator
) -> NDArray[np.object_]:
    """Return straight-edged clearings inside the largest forests."""
    clearings = []
    for stand in wood[np.argsort(-shapely.area(wood))[:6]]:
        x, y = stand.representative_point().coords[0]
        if abs(x) < 0.85 * size * PIXEL_M and abs(y) < 0.48 * size * PIXEL_M:
            side = 300 * feature**0.7
            patch = shapely.box(x - side, y - 0.6 * side, x + side, y + 0.6 * side)
            clearings.append(shapely.intersection(shapely.affinity.rotate(patch, rng.uniform(0, 180)), stand))
    return np.array(clearings[:3], dtype=object)


def _set_fire(
    wood: NDArray[np.object_], size: int, feature: float, rng: np.random.Generator
) -> NDArray[np.object_]:
    """Return the patch that burns: at the edge of a large forest, into the grass before it."""
    limit = np.array([0.8, 0.42]) * size * PIXEL_M
    for stand in wood[np.argsort(-shapely.area(wood))]:
        edge = shapely.get_coordinates(stand.exterior)
        edge = edge[(np.abs(edge) < limit).all(axis=1)]
        if len(edge) > 20:
            x, y = edge[rng.integers(len(edge))]
            return np.array([draw_blob(x, y, 330 * feature**0.7, rng, 1.3)], dtype=object)
    return np.array([draw_blob(0.2 * limit[0], -0.5 * limit[1], 330 * feature**0.7, rng)], dtype=object)


class _Rows:
    """Collects units."""

    def __init__(self, rng: np.random.Generator, detail: float, soil_seed: int) -> None:
        self.rng, self.detail, self.soil_seed = rng, detail, soil_seed
        self.shapes: list[NDArray[np.object_]] = []
        self.columns: list[dict[str, NDArray[np.float64]]] = []

    def add(
        self, cover: Cover | NDArray[np.int64], shapes: NDArray[np.object_] | list[object], **given: object
    ) -> None:
        n = len(shapes)
        row: dict[str, object] = {
            "cover": cover,
            "shift": 0,
            "vigour": 1,
            "partner": cover,
            "mix": 0,
            "trait": 0.5,
        }
        row.update(given)
        array = np.empty(n, dtype=object)
        array[:] = shapes
        self.shapes.append(array)
        self.columns.append({k: np.broadcast_to(np.asarray(v, np.float64), n) for k, v in row.items()})

    def add_fields(self, box: Box, obstacles: NDArray[np.object_], wet: shapely.Geometry) -> None:
        """Cut the open land into parcels and sow them."""
        rng, detail = self.rng, self.detail
        blocks = lay_cells(box, 1150.0 * detail, rng)
        fields = cut_fields(blocks, 52_000.0 * detail**2, rng)
        fields = subtract(fields, obstacles, 0.0)
        fields = shapely.buffer(fields, -5.5 * detail - 1.0, join_style="mitre")
        fields = fields[(shapely.get_type_id(fields) == 3) & (shapely.area(fields) > 3500.0 * detail**2)]
        n = len(fields)
        crops = np.array(list(SHARES))
        cover = rng.choice(crops, n, p=list(SHARES.values()))
        flooded = np.flatnonzero(shapely.contains_properly(wet, fields))
        by_size = flooded[np.argsort(-shapely.area(fields[flooded]))]
        cover[by_size[: max(4, len(by_size) // 2)]] = Cover.MAIZE
        odd = rng.random(n) < 0.22
        middle = shapely.get_coordinates(shapely.centroid(fields))
        soil = rough_points(middle[:, 0].copy(), middle[:, 1].copy(), 2500.0 * detail, 3, self.soil_seed)
        self.add(
            cover,
            fields,
            shift=np.clip(rng.normal(0.0, 7.5, n), -14.0, 18.0),
            vigour=np.clip(rng.normal(0.95, 0.1, n) - 0.2 * (rng.random(n) < 0.04), 0.5, 1.1),
            partner=rng.choice(crops, n, p=list(SHARES.values())),
            mix=np.where(odd, rng.uniform(0.2, 0.68, n), 0.0) * (np.isin(np.arange(n), flooded, invert=True)),
            trait=np.clip(0.5 + 0.35 * soil + rng.normal(0.0, 0.12, n), 0.0, 1.0),
        )

    def add_forest(self, box: Box, wood: NDArray[np.object_]) -> None:
        """Divide the forests into stands of other trees."""
        stands = _pieces(lay_cells(box, 330.0 * self.detail, self.rng), wood)
        n = len(stands)
        leaf = np.where(self.rng.random(n) < 0.45, self.rng.beta(1, 5, n), self.rng.beta(4, 2, n))
        self.add(
            Cover.FOREST,
            stands,
            trait=leaf,
            vigour=self.rng.normal(1.0, 0.09, n),
            shift=self.rng.normal(0.0, 4.0, n),
        )

    def add_towns(self, box: Box, towns: NDArray[np.object_]) -> None:
        """Divide the towns into quarters: gardens, roofs, yards."""
        self.add(Cover.BUILT, towns, trait=0.55, vigour=0.9)
        spacing = 44.0 * self.detail**0.5
        cells = [lay_cells(town.bounds, spacing, self.rng) for town in towns if not town.is_empty]
        pieces = [_pieces(c, np.array([t])) for c, t in zip(cells, towns, strict=True)]
        quarters = shapely.buffer(np.concatenate(pieces), -2.5)
        quarters = quarters[(shapely.get_type_id(quarters) == 3) & (shapely.area(quarters) > 150.0)]
        n = len(quarters)
        self.add(Cover.BUILT, quarters, trait=self.rng.random(n), vigour=self.rng.normal(1.0, 0.12, n))

    def table(self) -> Units:
        def column(name: str) -> NDArray[np.float64]:
            return np.concatenate([c[name] for c in self.columns])

        return Units(
            np.concatenate(self.shapes),
            column("cover").astype(np.uint8),
            column("shift").astype(np.float32),
            column("vigour").astype(np.float32),
            column("partner").astype(np.uint8),
            column("mix").astype(np.float32),
            column("trait").astype(np.float32),
        )


def _pieces(cells: NDArray[np.object_], wholes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the polygons in which cells and wholes overlap."""
    which, cell = shapely.STRtree(cells).query(wholes, predicate="intersects")
    parts = shapely.get_parts(shapely.intersection(wholes[which], cells[cell]))
    polygons: NDArray[np.object_] = parts[(shapely.get_type_id(parts) == 3) & (shapely.area(parts) > 150.0)]
    return polygons
