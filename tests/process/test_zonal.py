"""Pixels of geometries reduced, beside numpy on the whole cube with shapely's masks."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eocene.cube.block import Block
from eocene.cube.feature import Feature, make_vector_cube, to_geodataframe
from eocene.model import Grid, InputError, Lattice
from eocene.process.methods import zone_pixels
from eocene.process.processes.zonal import aggregate_spatial

GRID = Grid(Lattice(32632, (10.0, 10.0)), 64_000, -536_000, 160, 120)
TIMES = tuple(np.array(["2024-01-01", "2024-02-01", "2024-03-01"], "datetime64[s]"))


@dataclass(eq=False)
class Reader:
    """A cube in memory that counts what is read of it."""

    block: Block
    windows: list[tuple[Grid, Any]] = field(default_factory=list)

    @property
    def schema(self) -> Any:
        probe = self.block.crop(Grid(GRID.lattice, GRID.left, GRID.top, 1, 1))
        return SimpleNamespace(probe=probe.with_(valid=np.zeros(probe.values.shape, bool)), grid=GRID)

    def read(self, window: Grid, times: tuple[Any, ...] | None = None) -> Block:
        self.windows.append((window, times))
        block = self.block.crop(window)
        return block if times is None else block.take("t", [TIMES.index(t) for t in times])

    def read_all(self, parts: Any) -> Any:
        return (self.read(*part) for part in parts)


def make_cube(seed: int = 0, dtype: Any = np.float32) -> Block:
    random = np.random.default_rng(seed)
    values = (random.random((3, 2, *GRID.shape)) * 1000).astype(dtype)
    valid = random.random(values.shape) > 0.2
    return Block(values, ("t", "bands", "y", "x"), {"t": TIMES, "bands": ("B04", "B08")}, valid, GRID)


def reduce_with(function: Any) -> Any:
    """Return a reducer of the valid pixels, one array after another; no-data of none."""

    def reducer(data: Block, context: Any = None) -> Block:
        valid = np.ones(data.values.shape, bool) if data.valid is None else data.valid
        lead = data.values.shape[:-1]
        result = np.zeros(lead, np.float64)
        some = valid.any(axis=-1)
        for place in np.ndindex(lead):
            if some[place]:
                result[place] = function(data.values[place][valid[place]])
        return data.without(data.axis or "", result, some)

    return reducer


FIRST_TO_LAST = reduce_with(lambda v: np.add.accumulate(v.astype(np.float64))[-1])
"""A sum whose last bit depends on the order of the pixels."""


def star(seed: int, size: float = 300) -> shapely.Polygon:
    random = np.random.default_rng(seed)
    west, south, east, north = GRID.bounds
    centre = random.uniform((west - 50, south - 50), (east + 50, north + 50))
    angles = np.sort(random.uniform(0, 2 * np.pi, 8))
    radii = random.uniform(size / 10, size, 8)
    return shapely.Polygon(centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1))


def zones(count: int = 12, size: float = 300) -> list[Feature]:
    return [Feature(star(n, size), 32632, {"name": f"zone {n}"}, f"id{n}") for n in range(count)]


def expected(cube: Block, geometry: Any, function: Any) -> np.ndarray:
    x, y = np.meshgrid(GRID.x, GRID.y)
    inside = shapely.intersects_xy(geometry, x, y)
    assert cube.valid is not None
    result = np.full(cube.values.shape[:2], np.nan)
    for place in np.ndindex(*result.shape):
        chosen = cube.values[place][inside & cube.valid[place]]
        result[place] = function(chosen) if chosen.size else np.nan
    return result


def run(reader: Reader, features: list[Feature], reducer: Any = FIRST_TO_LAST, **arguments: Any) -> Block:
    return aggregate_spatial(reader, make_vector_cube(features), reducer, **arguments)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int16])
def test_each_geometry_has_the_value_of_its_pixels(dtype: Any) -> None:
    cube, features = make_cube(dtype=dtype), zones()
    result = run(Reader(cube), features)
    assert result.dims == ("geometry", "t", "bands")
    assert result.labels["geometry"] == tuple(features)
    assert result.grid is result.axis is None
    for row, feature in enumerate(features):
        wanted = expected(cube, feature.geometry, lambda v: np.add.accumulate(v.astype(float))[-1])
        assert np.array_equal(result.filled()[row], wanted, equal_nan=True)


def test_a_table_has_a_row_for_each_geometry_and_date() -> None:
    table = to_geodataframe(run(Reader(make_cube()), zones(4)))
    assert list(table.columns) == ["geometry", "name", "t", "B04", "B08"]
    assert table.name.tolist() == [f"zone {n}" for n in range(4) for _ in TIMES]
    assert table.t.tolist() == list(TIMES) * 4
    assert table.crs.to_epsg() == 32632


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    read_bytes=st.sampled_from([1, 10_000, 400_000, 2**26]),
    zone_bytes=st.sampled_from([1, 5_000, 2**28]),
    size=st.sampled_from([40.0, 300.0, 2500.0]),
)
def test_the_result_does_not_depend_on_how_the_cube_is_read(
    seed: int, read_bytes: int, zone_bytes: int, size: float
) -> None:
    cube, features = make_cube(seed), zones(5, size)
    whole = run(Reader(cube), features, target_dimension="counts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zone_pixels, "_READ_BYTES", read_bytes)
        patch.setattr(zone_pixels, "_ZONE_BYTES", zone_bytes)
        parts = run(Reader(cube), features, target_dimension="counts")
    assert parts.values.tobytes() == whole.values.tobytes()
    assert np.array_equal(parts.filled(), whole.filled(), equal_nan=True)


def test_neighbours_are_read_together_and_nothing_else() -> None:
    west, _, _, north = GRID.bounds
    squares = [shapely.box(west + 50 * n, north - 40, west + 50 * n + 40, north) for n in range(30)]
    reader = Reader(make_cube())
    run(reader, [Feature(s, 32632) for s in squares])
    assert len(reader.windows) <= 2
    assert sum(w.width * w.height for w, _ in reader.windows) <= 4 * 150


def test_a_zone_beyond_memory_is_read_one_date_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zone_pixels, "_READ_BYTES", 1)
    monkeypatch.setattr(zone_pixels, "_ZONE_BYTES", 1)
    reader = Reader(make_cube())
    run(reader, [Feature(shapely.box(*GRID.bounds), 32632)])
    assert {times for _, times in reader.windows} == {(t,) for t in TIMES}
    assert max(max(w.shape) for w, _ in reader.windows) <= 64


def test_points_and_lines_have_their_pixels() -> None:
    cube = make_cube().with_(valid=None)
    x, y = GRID.x[7], GRID.y[5]
    features = [
        Feature(shapely.Point(x + 4, y - 4), 32632),
        Feature(shapely.LineString([(x - 3, y), (x + 18, y)]), 32632),
    ]
    result = run(Reader(cube), features).values
    assert np.array_equal(result[0], cube.values[:, :, 5, 7].astype(float))
    line = np.add.accumulate(cube.values[:, :, 5, 7:10].astype(float), axis=-1)[..., -1]
    assert np.array_equal(result[1], line)


def test_geometries_beside_the_data_and_empty_ones_have_no_data() -> None:
    features = [Feature(shapely.box(0, 0, 10, 10), 32632), Feature(shapely.Polygon(), 32632), zones(1)[0]]
    result = run(Reader(make_cube()), features, target_dimension="counts")
    assert result.dims == ("geometry", "t", "bands", "counts")
    assert result.valid is not None
    assert result.valid[0, 0, 0].tolist() == [False, True, True]
    assert result.values[0, 0, 0, 1:].tolist() == [0, 0]
    assert not result.valid[1].any()


def test_counts_stand_beside_the_values() -> None:
    cube = make_cube()
    values = cube.values.copy()
    values[0, 0, :, ::2] = np.nan
    cube = cube.with_(values=values)
    feature = Feature(shapely.box(*GRID.bounds), 32632)
    result = run(Reader(cube), [feature], target_dimension="counts")
    assert result.labels["counts"] == ("value", "total_count", "valid_count")
    assert result.kind_of("counts") == "other"
    assert cube.valid is not None
    assert (result.values[0, ..., 1] == GRID.width * GRID.height).all()
    assert np.array_equal(result.values[0, ..., 2], (cube.valid & np.isfinite(values)).sum(axis=(2, 3)))


def test_a_cube_of_pixels_alone_gives_a_value_a_geometry() -> None:
    cube = make_cube()
    flat = cube.pick("t", 0).pick("bands", 1)
    result = run(Reader(flat), zones(3))
    assert result.dims == ("geometry",)
    assert list(to_geodataframe(result).columns) == ["geometry", "name", "value"]
    assert np.array_equal(result.filled(), run(Reader(cube), zones(3)).filled()[:, 0, 1], equal_nan=True)


def test_geojson_in_degrees_finds_its_pixels() -> None:
    feature = zones(1)[0]
    document = feature.to_epsg(4326).geometry.__geo_interface__
    result = aggregate_spatial(Reader(make_cube()), document, FIRST_TO_LAST)
    assert result.labels["geometry"][0].epsg == 4326
    assert np.array_equal(result.filled(), run(Reader(make_cube()), [feature]).filled(), equal_nan=True)


def test_a_constant_as_reducer_is_the_value_everywhere() -> None:
    assert (run(Reader(make_cube()), zones(2), lambda **_: 4).values == 4).all()
    nothing = run(Reader(make_cube()), zones(2), lambda **_: None).valid
    assert nothing is not None
    assert not nothing.any()


def test_the_reducer_gets_its_context() -> None:
    seen = []
    run(Reader(make_cube()), zones(1), lambda data, context: seen.append(context) or 1.0, context={"a": 2})
    assert seen[0] == {"a": 2}


def test_faults_are_named_before_anything_is_read() -> None:
    reader = Reader(make_cube())
    with pytest.raises(InputError) as caught:
        run(reader, zones(1), target_dimension="bands")
    assert caught.value.code == "TargetDimensionExists"
    with pytest.raises(InputError, match="one value is needed"):
        run(reader, zones(1), lambda data, context: data)
    with pytest.raises(InputError, match="no geometry"):
        run(reader, [])
    with pytest.raises(InputError, match="vector cube"):
        aggregate_spatial(reader, Block(np.zeros(1), ("t",), {"t": (1,)}), FIRST_TO_LAST)
    assert not reader.windows
