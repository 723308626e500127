"""Merging beside xarray, and its rules where pixels meet."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from eocene.cube.block import Block
from eocene.cube.feature import Feature
from eocene.model import EoceneError, Grid
from eocene.process import registry
from eocene.process.callback import Callback
from eocene.process.graph import parse_graph
from tests.cube.scenes import TINY
from tests.process.graphs import call
from tests.process.test_periods import run

X, Y = {"from_parameter": "x"}, {"from_parameter": "y"}
POOLS: dict[str, list[Any]] = {
    "t": [np.datetime64(f"2024-05-{day:02d}", "s") for day in (1, 4, 9, 20)],
    "bands": ["red", "nir", "blue", "swir"],
    "model": [0, 1, 2],
}


def resolver(process: str, **arguments: Any) -> Callback:
    return Callback(parse_graph({"only": call(process, result=True, **arguments)}), {}, "test")


MINUS = resolver("subtract", x=X, y=Y)
MAX = resolver("max", data=[X, Y])


@st.composite
def cubes(draw: st.DrawFn) -> Block:
    dims = tuple(draw(st.permutations(draw(st.lists(st.sampled_from(sorted(POOLS)), unique=True)))))
    labels = {}
    for dim in dims:
        chosen = draw(st.lists(st.sampled_from(POOLS[dim]), min_size=1, max_size=3, unique=True))
        labels[dim] = tuple(sorted(chosen) if dim == "t" else chosen)
    shape = tuple(len(labels[d]) for d in dims)
    random = np.random.default_rng(draw(st.integers(0, 99)))
    dtype = draw(st.sampled_from(["int16", "float32", "float64"]))
    valid = random.random(shape) < 0.7 if draw(st.booleans()) else None
    return Block(random.integers(-50, 50, shape).astype(dtype), dims, labels, valid)


def cell(block: Block, place: dict[str, Any]) -> Any:
    """Return the value under labels: None for no-data; raises ValueError where the cube lacks a label."""
    at = tuple(block.labels[dim].index(place[dim]) for dim in block.dims)
    return block.values[at].item() if block.valid is None or block.valid[at] else None


def merged_cell(one: Block, two: Block, place: dict[str, Any]) -> tuple[Any, bool]:
    """Return what a merge has under labels, x minus y where both cubes have them, and whether they do."""
    given = []
    for block in (one, two):
        try:
            given.append(cell(block, place))
        except ValueError:
            given.append("no label")
    there = [value for value in given if value != "no label"]
    if len(there) < 2:
        return (there or [None])[0], False
    return None if None in there else there[0] - there[1], True


@settings(max_examples=100)
@given(one=cubes(), two=cubes())
def test_labels_are_joined_and_the_resolver_called_where_both_cubes_have_them(one: Block, two: Block) -> None:
    found = run("merge_cubes", cube1=one, cube2=two, overlap_resolver=MINUS)
    assert set(found.dims) == set(one.dims) | set(two.dims)
    for dim in found.dims:
        mine, other = (b.labels.get(dim, ()) for b in (one, two))
        joined = (*mine, *(label for label in other if label not in mine))
        assert found.labels[dim] == (tuple(sorted(joined)) if dim == "t" else joined)
    overlap = False
    for labels in product(*(found.labels[d] for d in found.dims)):
        place = dict(zip(found.dims, labels, strict=True))
        expected, resolved = merged_cell(one, two, place)
        overlap |= resolved
        assert cell(found, place) == expected
    if overlap:
        with pytest.raises(EoceneError) as caught:
            run("merge_cubes", cube1=one, cube2=two)
        assert caught.value.code == "OverlapResolverMissing"
    else:
        apart = run("merge_cubes", cube1=one, cube2=two)
        assert apart.values.dtype == np.result_type(one.values, two.values)
        assert np.array_equal(apart.values, found.values)


def test_cubes_with_other_bands_and_dates_are_joined_as_xarray_does() -> None:
    random = np.random.default_rng(3)
    parts = [
        xr.DataArray(
            random.random((2, 2)),
            dims=("t", "bands"),
            coords={"t": POOLS["t"][i : i + 2], "bands": POOLS["bands"][j : j + 2]},
        )
        for i, j in ((0, 0), (1, 2))
    ]
    blocks = [
        Block(
            p.values,
            p.dims,
            {"t": tuple(np.datetime64(t, "s") for t in p.t.values), "bands": tuple(p.bands.values.tolist())},
        )
        for p in parts
    ]
    found = run("merge_cubes", cube1=blocks[0], cube2=blocks[1])
    expected = xr.concat(parts, "bands", join="outer")
    assert found.labels["bands"] == tuple(expected.bands.values.tolist())
    assert np.array_equal(found.filled(), expected.transpose(*found.dims).values, equal_nan=True)


@settings(max_examples=60)
@given(one=cubes(), two=cubes(), data=st.data())
def test_the_dates_that_some_dates_of_a_merge_need_suffice_for_them(
    one: Block, two: Block, data: st.DataObject
) -> None:
    arguments = {"cube1": one, "cube2": two, "overlap_resolver": MAX}
    whole = run("merge_cubes", **arguments)
    if "t" not in whole.dims:
        return
    wanted = tuple(data.draw(st.lists(st.sampled_from(whole.labels["t"]), min_size=1, unique=True)))
    definition = registry.get("merge_cubes")
    some = {}
    for name, cube in (("cube1", one), ("cube2", two)):
        needed = "t" in cube.dims and definition.times(wanted, {**arguments, "data": cube})
        some[name] = cube.take("t", [cube.labels["t"].index(t) for t in needed]) if needed else cube
    part = run("merge_cubes", **{**arguments, **some})
    here, there = (b.take("t", [b.labels["t"].index(t) for t in wanted]) for b in (part, whole))
    assert here.values.dtype == there.values.dtype
    assert np.array_equal(here.filled(), there.filled(), equal_nan=True)


def raster(grid: Grid, seed: int, **fields: Any) -> Block:
    values = np.random.default_rng(seed).random((2, *grid.shape))
    return Block(values, ("bands", "y", "x"), {"bands": ("a", "b")}, None, grid, **fields)


def move(grid: Grid, right: int, down: int) -> Grid:
    return Grid(grid.lattice, grid.left + right, grid.top + down, grid.width, grid.height)


def test_pixels_are_resolved_only_where_both_extents_lie() -> None:
    one, two = raster(TINY, 1), raster(move(TINY, 2, 1), 2)
    found = run("merge_cubes", cube1=one, cube2=two, overlap_resolver=MINUS)
    assert found.grid == TINY.union(two.grid)
    mine, other = one.crop(found.grid), two.crop(found.grid)
    both = mine.valid & other.valid
    expected = np.where(both, mine.values - other.values, np.where(mine.valid, mine.values, other.values))
    assert np.array_equal(found.valid, mine.valid | other.valid)
    assert np.array_equal(found.values[found.valid], expected[found.valid])
    assert not both.all()


def test_the_extents_hold_in_each_window_and_decide_the_dtype_there() -> None:
    one, two = raster(TINY, 1), raster(move(TINY, 2, 1), 2)
    one = one.with_(values=(one.values * 100).astype(np.int16))
    two = two.with_(values=(two.values * 100).astype(np.int16))
    whole = run("merge_cubes", cube1=one, cube2=two, overlap_resolver=MINUS)
    extents = {"cube1": one.grid, "cube2": two.grid}
    for window in whole.grid.blocks(2, 2):
        part = registry.get("merge_cubes").call(
            {"cube1": one.crop(window), "cube2": two.crop(window), "overlap_resolver": MINUS},
            _extents=extents,
        )
        assert part.values.dtype == whole.values.dtype
        assert np.array_equal(part.filled(), whole.crop(window).filled(), equal_nan=True)


def test_neighbours_need_no_resolver() -> None:
    one, two = raster(TINY, 1), raster(move(TINY, TINY.width + 1, 0), 2)
    found = run("merge_cubes", cube1=one, cube2=two)
    assert found.grid.width == 2 * TINY.width + 1
    assert np.array_equal(found.crop(TINY).values, one.values)
    assert np.array_equal(found.crop(two.grid).values, two.values)
    assert not found.valid[..., TINY.width].any()


def test_a_series_is_repeated_over_the_pixels_of_a_raster() -> None:
    cube = raster(TINY, 1)
    series = Block(np.array([10.0, 20.0]), ("bands",), {"bands": ("b", "c")})
    found = run("merge_cubes", cube1=series, cube2=cube, overlap_resolver=MINUS)
    assert found.dims == ("bands", "y", "x")
    assert found.labels["bands"] == ("b", "c", "a")
    assert np.array_equal(found.values[0], 10 - cube.values[1])
    assert (found.values[1] == 20).all()
    assert np.array_equal(found.values[2], cube.values[0])


@pytest.mark.parametrize("constant", [7, None])
def test_a_resolver_may_return_a_constant(constant: Any) -> None:
    cube = raster(TINY, 1)
    fixed = resolver("if", value=True, accept=constant)
    found = run("merge_cubes", cube1=cube, cube2=cube, overlap_resolver=fixed)
    assert found.values.shape == cube.values.shape
    assert found.valid is None if constant else not found.valid.any()
    assert not constant or (found.values == constant).all()


def test_dates_match_however_they_are_written() -> None:
    one = Block(np.array([1.0, 2.0]), ("t",), {"t": tuple(POOLS["t"][:2])})
    two = Block(np.array([3.0, 4.0]), ("t",), {"t": ("2024-05-04T00:00:00Z", "2024-05-02")})
    found = run("merge_cubes", cube1=one, cube2=two, overlap_resolver=MAX)
    assert found.values.tolist() == [1, 4, 3]


def vector(*shapes: Any) -> Block:
    features = tuple(Feature(shape) for shape in shapes)
    return Block(
        np.arange(float(len(shapes))), ("geometry",), {"geometry": features}, kinds={"geometry": "geometry"}
    )


def test_geometries_are_equal_by_their_shape() -> None:
    square, turned = shapely.box(0, 0, 1, 1), shapely.Polygon([(1, 1), (1, 0), (0, 0), (0, 1)])
    found = run(
        "merge_cubes",
        cube1=vector(square),
        cube2=vector(turned, shapely.box(5, 5, 6, 6)),
        overlap_resolver=MAX,
    )
    assert found.values.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("one", "two", "code"),
    [
        (vector(shapely.Point(0, 0)), vector(shapely.box(0, 0, 1, 1)), "IncompatibleGeometryTypes"),
        (vector(shapely.Point(0, 0)), raster(TINY, 1), "ProcessParameterInvalid"),
        (raster(TINY, 1), raster(TINY, 1, kinds={"bands": "other"}), "ProcessParameterInvalid"),
    ],
)
def test_what_does_not_go_together_is_refused(one: Block, two: Block, code: str) -> None:
    with pytest.raises(EoceneError) as caught:
        run("merge_cubes", cube1=one, cube2=two, overlap_resolver=MAX)
    assert caught.value.code == code
