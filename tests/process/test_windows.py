"""One graph, any window: every way of cutting a plan gives the same bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eocene.model import Grid
from eocene.process import make_plan
from eocene.process.executors import map_blocks
from tests.cube.scenes import UTM32, make_archive, make_scene, random_numbers
from tests.process.graphs import DATA, call, callback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.archive import Archive
    from eocene.process.run import Plan

X = {"from_parameter": "x"}
TILE = Grid(UTM32, 60_000, -520_000, 90, 70)
EAST = Grid(UTM32, 60_060, -519_980, 60, 80)
DATES = ("2024-04-03", "2024-04-13", "2024-05-03", "2024-06-02", "2024-06-12")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Two overlapping tiles, five dates, three bands of integers and one of floats."""
    folder = tmp_path_factory.mktemp("windows")
    items = []
    for number, date in enumerate(DATES):
        for tile, grid in (("w", TILE), ("e", EAST)):
            bands = {
                name: random_numbers(10 * number + position + ord(tile), grid.shape, dtype)
                for position, (name, dtype) in enumerate(
                    {"red": "uint16", "nir": "uint16", "scl": "uint8", "temp": "float32"}.items()
                )
            }
            items.append(make_scene(folder, f"{tile}{date}", f"{date}T10:00:00Z", grid, bands))
    archive = make_archive(folder, items)
    yield archive
    archive.close()


def ref(node: str) -> dict[str, str]:
    return {"from_node": node}


def mapper(process: str, **arguments: Any) -> dict[str, Any]:
    return {"process_graph": {"only": call(process, x=X, result=True, **arguments)}}


STEPS: dict[str, Any] = {
    "scaled": lambda n: call("apply", data=n, process=mapper("multiply", y=0.37)),
    "clipped": lambda n: call("apply", data=n, process=mapper("clip", min=10, max=900)),
    "masked": lambda n: call("mask", data=n, mask=ref("clouds")),
    "filled": lambda n: call(
        "apply_dimension", data=n, dimension="t", process=callback("array_interpolate_linear")
    ),
    "monthly": lambda n: call(
        "aggregate_temporal_period", data=n, period="month", reducer=callback("median")
    ),
    "halves": lambda n: call(
        "aggregate_temporal",
        data=n,
        intervals=[["2024-01-01", "2024-05-01"], ["2024-05-01", "2025-01-01"]],
        reducer=callback("mean"),
    ),
    "spring": lambda n: call("filter_temporal", data=n, extent=["2024-04-05", "2024-06-10"]),
    "anomaly": lambda n: call(
        "merge_cubes",
        cube1=n,
        cube2=ref("mean"),
        overlap_resolver={
            "process_graph": {"d": call("subtract", x=X, y={"from_parameter": "y"}, result=True)}
        },
    ),
    "box": lambda n: call(
        "filter_bbox",
        data=n,
        extent={"west": 600_155, "south": 5_199_410, "east": 600_800, "north": 5_199_900, "crs": 32632},
    ),
    "coarser": lambda n: call("resample_spatial", data=n, resolution=30),
    "degrees": lambda n: call("resample_spatial", data=n, resolution=0.00015, projection=4326),
    "mercator": lambda n: call("resample_spatial", data=n, resolution=15, projection=3857),
    "zone 33": lambda n: call("resample_spatial", data=n, resolution=10, projection="EPSG:32633"),
}
ENDS: dict[str, Any] = {
    "as it is": None,
    "mean": lambda n: call("reduce_dimension", data=n, dimension="t", reducer=callback("mean")),
    "sd": lambda n: call("reduce_dimension", data=n, dimension="t", reducer=callback("sd")),
    "sum of bands": lambda n: call("reduce_dimension", data=n, dimension="bands", reducer=callback("sum")),
    "last": lambda n: call("reduce_dimension", data=n, dimension="t", reducer=callback("last")),
}
WARPS = {"coarser", "degrees", "mercator", "zone 33"}


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """Return a load, a chain of steps and an end; masks and means branch off and come back."""
    nodes: dict[str, Any] = {"load": call("load_collection", id="tiny", bands=["red", "nir", "temp"])}
    last, has_dates, warped = "load", True, False
    for name in draw(st.lists(st.sampled_from(sorted(STEPS)), max_size=4, unique=True)):
        if name == "masked":
            if not has_dates or warped:
                continue
            nodes["scl"] = call("load_collection", id="tiny", bands=["scl"])
            if any(n.startswith("spring") for n in nodes):
                nodes["scl_spring"] = STEPS["spring"](ref("scl"))
            inner = call("gt", x={"from_node": "v"}, y=200, result=True)
            nodes["clouds"] = call(
                "reduce_dimension",
                data=ref("scl_spring" if "scl_spring" in nodes else "scl"),
                dimension="bands",
                reducer={"process_graph": {"v": call("array_element", data=DATA, index=0), "gt": inner}},
            )
        if name == "anomaly":
            nodes["mean"] = ENDS["mean"](ref(last))
        if name in ("monthly", "halves"):
            if not has_dates:
                continue
            has_dates = False
        # 30 degrees, and metres again after that, make a cube that is refused.
        if (name == "spring" and not has_dates) or (name == "coarser" and "degrees" in nodes):
            continue
        warped = warped or name in WARPS or name == "box"
        nodes[name] = STEPS[name](ref(last))
        last = name
    end = draw(st.sampled_from(sorted(ENDS)))
    if ENDS[end]:
        nodes["end"] = ENDS[end](ref(last))
        last = "end"
    nodes[last]["result"] = True
    return nodes


def same_bits(found: np.ndarray, expected: np.ndarray) -> bool:
    return (
        found.shape == expected.shape
        and found.dtype == expected.dtype
        and found.tobytes() == expected.tobytes()
    )


def assemble(plan: Plan, size: int, workers: int) -> np.ndarray:
    grid = plan.schema.grid
    values = np.full(plan.schema.shape, -7, plan.read(next(plan.blocks(8))).dtype)
    for block in map_blocks(plan.compute, list(grid.blocks(size)), workers=workers):
        assert block.grid is not None
        values[(..., *block.grid.slices_in(grid))] = block.filled()
    return values


@given(graphs(), st.data())
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_every_window_block_size_and_choice_of_dates_gives_the_same_bits(
    archive: Archive, graph: dict[str, Any], data: st.DataObject
) -> None:
    plan = make_plan(graph, archive)
    whole = plan.run(workers=1).values
    grid = plan.schema.grid
    left, top = data.draw(st.integers(0, grid.width - 1)), data.draw(st.integers(0, grid.height - 1))
    width = data.draw(st.integers(1, grid.width - left))
    height = data.draw(st.integers(1, grid.height - top))
    window = Grid(grid.lattice, grid.left + left, grid.top + top, width, height)
    expected = whole[..., top : top + height, left : left + width]
    assert same_bits(plan.read(window).values, expected)
    if plan.schema.times:
        wanted = data.draw(st.lists(st.sampled_from(plan.schema.times), min_size=1, unique=True))
        places = [plan.schema.times.index(t) for t in wanted]
        part = np.take(expected, places, plan.schema.dims.index("t"))
        assert same_bits(plan.read(window, times=wanted).values, part)


@given(graphs(), st.integers(20, 100), st.sampled_from([1, 2]))
@settings(max_examples=8, suppress_health_check=list(HealthCheck))
def test_blocks_by_one_or_two_workers_assemble_to_the_whole(
    archive: Archive, graph: dict[str, Any], size: int, workers: int
) -> None:
    plan = make_plan(graph, archive)
    assert same_bits(assemble(plan, size, workers), plan.run(workers=1).values)


@given(graphs())
@settings(max_examples=8, suppress_health_check=list(HealthCheck))
def test_the_schema_is_known_before_a_pixel_is_read(archive: Archive, graph: dict[str, Any]) -> None:
    plan = make_plan(graph, archive)
    cube = plan.run()
    assert cube.dims == plan.schema.dims
    assert cube.shape == plan.schema.shape
    assert plan.compute(next(plan.blocks(16))).values.dtype == plan.schema.dtype


def test_a_window_beyond_the_extent_is_no_data_there(archive: Archive) -> None:
    plan = make_plan({"load": call("load_collection", id="tiny", bands=["red"], result=True)}, archive)
    grid = plan.schema.grid
    whole = plan.run().values
    wide = plan.read(grid.pad(5)).values
    assert same_bits(np.ascontiguousarray(wide[..., 5:-5, 5:-5]), whole)
    wide[..., 5:-5, 5:-5] = np.nan
    assert np.isnan(wide).all()


def box(west: int, south: int, east: int, north: int) -> dict[str, Any]:
    return {"west": west, "south": south, "east": east, "north": north, "crs": 32632}


def test_cubes_of_different_extents_are_merged_over_both(archive: Archive) -> None:
    west, east = box(600_000, 5_199_500, 600_300, 5_200_000), box(600_200, 5_199_500, 600_600, 5_200_000)
    graph = {
        "a": call("load_collection", id="tiny", bands=["red"], spatial_extent=west),
        "b": call("load_collection", id="tiny", bands=["nir"], spatial_extent=east),
        "both": call("merge_cubes", cube1=ref("a"), cube2=ref("b"), result=True),
    }
    plan = make_plan(graph, archive)
    cube = plan.run(workers=1)
    assert cube.sizes["x"] == cube.x.size == plan.schema.grid.width
    for node, band in (("a", "red"), ("b", "nir")):
        alone = make_plan({node: {**graph[node], "result": True}}, archive).run().sel(bands=band)
        part = cube.sel(bands=band, x=alone.x, y=alone.y)
        assert same_bits(part.values, alone.values)
        assert np.isnan(cube.sel(bands=band)).sum() == np.isnan(alone).sum() + cube[:, 0].size - alone.size
    assert same_bits(assemble(plan, 17, 1), cube.values)


def test_a_node_that_is_wanted_with_all_dates_and_with_one_is_right_for_both(archive: Archive) -> None:
    graph = {
        "load": call("load_collection", id="tiny", bands=["red"]),
        "temp": call("load_collection", id="tiny", bands=["temp"]),
        "clear": call("mask", data=ref("load"), mask=ref("clouds")),
        "flat": call("reduce_dimension", data=ref("temp"), dimension="bands", reducer=callback("max")),
        "clouds": call("apply", data=ref("flat"), process=mapper("gt", y=20)),
        "mean": ENDS["mean"](ref("load")),
        "anomaly": {**STEPS["anomaly"](ref("clear")), "result": True},
    }
    plan = make_plan(graph, archive)
    whole = plan.run()
    for position, time in enumerate(plan.schema.times):
        assert same_bits(plan.read(times=[time]).values, whole.values[position : position + 1])


def test_periods_merged_along_time_may_be_asked_for_singly(archive: Archive) -> None:
    graph: dict[str, Any] = {"load": call("load_collection", id="tiny", bands=["red"])}
    for name, span in (("a", ["2024-04-01", "2024-05-01"]), ("b", ["2024-05-01", "2024-08-01"])):
        graph[name + "s"] = call("filter_temporal", data=ref("load"), extent=span)
        graph[name] = STEPS["monthly"](ref(name + "s"))
    graph["both"] = call("merge_cubes", cube1=ref("a"), cube2=ref("b"), result=True)
    plan = make_plan(graph, archive)
    assert plan.schema.times == ("2024-04", "2024-05", "2024-06")
    whole = plan.run().values
    for position, month in enumerate(plan.schema.times):
        assert same_bits(plan.read(times=[month]).values, whole[position : position + 1])


FILTERS = {
    "dates": lambda n: call("filter_temporal", data=n, extent=["2024-04-05", "2024-06-10"]),
    "half a day": lambda n: call(
        "filter_temporal", data=n, extent=["2024-04-13T05:00:00Z", "2024-06-12T05:00:00Z"]
    ),
    "box": STEPS["box"],
    "bands": lambda n: call("filter_bands", data=n, bands=["temp", "red"]),
}


@pytest.mark.parametrize("names", [["dates"], ["half a day"], ["box"], ["bands"], ["bands", "dates", "box"]])
def test_pushing_filters_down_changes_nothing(
    archive: Archive, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph: dict[str, Any] = {"load": call("load_collection", id="tiny")}
    last = "load"
    for name in names:
        graph[name] = FILTERS[name](ref(last))
        last = name
    graph[last]["result"] = True
    pushed = make_plan(graph, archive)
    found = pushed.run()
    monkeypatch.setattr("eocene.process.planning.plan.push_down", lambda *_: {})
    plain = make_plan(graph, archive)
    assert pushed.schema.grid == plain.schema.grid
    assert pushed.schema.times == plain.schema.times
    # Bands of several dtypes share a wider one.
    assert np.array_equal(found.values, plain.run().values.astype(found.dtype), equal_nan=True)


def test_a_filter_that_the_result_does_not_use_filters_nothing(archive: Archive) -> None:
    graph = {
        "load": call("load_collection", id="tiny", result=True),
        "unused": call("filter_bands", data=ref("load"), bands=["red"]),
    }
    assert make_plan(graph, archive).schema.bands == ("red", "nir", "scl", "temp")


def test_a_filter_after_the_result_filters_nothing(archive: Archive) -> None:
    graph = {
        "load": call("load_collection", id="tiny", bands=["red"]),
        "first": call("filter_temporal", data=ref("load"), extent=["2024-04-01", "2024-06-01"], result=True),
        "unused": STEPS["box"](ref("first")),
    }
    assert make_plan(graph, archive).schema.grid.width == 120
