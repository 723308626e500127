"""Estimates beside what was measured, blocks that fit into the budget, and graphs that are refused."""

from __future__ import annotations

import gc
import json
import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import eocene
from eocene.archive.tiff import geotiff
from eocene.model import InputError
from eocene.process import make_plan
from eocene.process.cost.cutting import choose_cut
from eocene.process.output.results import write_results
from eocene.process.output.stac import ResultInfo
from eocene.process.schema import PlannedNode
from tests.process.graphs import call, callback
from tests.process.invariance.strategies import box, finish, graphs
from tests.process.invariance.world import make_world
from tests.process.measured import count_reads, measure, measure_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.archive import Archive

TILED = {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate"}
MANY = 500
DIRECTORIES = 2**16
"""Bytes by which a small read may be off: before a plan runs, some files of each grid are looked into."""
INFO = ResultInfo("r", "r", "2024-01-01T00:00:00Z", {})


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    archive = make_world(tmp_path_factory.mktemp("small"))
    yield archive
    archive.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """The small world with 36 times as many pixels, in tiles."""
    archive = make_world(tmp_path_factory.mktemp("large"), enlarged=6, **TILED)
    yield archive
    archive.close()


def load(**arguments: Any) -> dict[str, Any]:
    return call("load_collection", **{"id": "tiny", "bands": ["red", "nir"], **arguments})


def ref(node: str) -> dict[str, str]:
    return {"from_node": node}


TRIANGLE = {
    "type": "Polygon", "coordinates": [[[11.992, 48.001], [12.008, 48.002], [12.0, 48.01], [11.992, 48.001]]],
}  # fmt: skip
GRAPHS: dict[str, dict[str, Any]] = {
    "a box across the seam": {"load": load(spatial_extent=box(0.3, 0.3, 0.8, 0.9))},
    "an index and a median": {
        "load": load(),
        "ndvi": call("ndvi", data=ref("load")),
        "end": call("reduce_dimension", data=ref("ndvi"), dimension="t", reducer=callback("median")),
    },
    "zones": {
        "load": load(),
        "end": call("aggregate_spatial", data=ref("load"), geometries=TRIANGLE, reducer=callback("mean")),
    },
    "another grid": {
        "load": load(bands=["red"]),
        "end": call(
            "resample_spatial", data=ref("load"), resolution=0.0001, projection=4326, method="average"
        ),
    },
}  # fmt: skip


def graph_of(name: str) -> dict[str, Any]:
    return finish(GRAPHS[name], list(GRAPHS[name])[-1])


@pytest.mark.parametrize("name", GRAPHS)
def test_memory_stays_below_the_estimate_and_bytes_read_near_it(
    small: Archive, large: Archive, name: str
) -> None:
    found = measure(graph_of(name), large, small)
    estimate = found["estimate"]
    # Blocks of two workers peak together or one after the other, as the machine has it.
    assert found["peak"] <= estimate["peak_memory"] <= 16 * found["peak"]
    assert found["read"] == pytest.approx(estimate["bytes_read"], rel=0.1)


def many_graphs(archive: Archive) -> list[dict[str, Any]]:
    """Return different graphs; others in each run."""
    found: dict[str, dict[str, Any]] = {}

    @given(graphs(archive, largest=30_000_000))
    @settings(
        max_examples=700, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck)
    )
    def collect(graph: dict[str, Any]) -> None:
        found[json.dumps(graph, sort_keys=True)] = graph

    collect()
    return list(found.values())[:MANY]


@pytest.fixture(scope="module")
def many(large: Archive) -> list[dict[str, Any]]:
    return many_graphs(large)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_estimates_of_hundreds_of_graphs_bound_what_was_measured(
    small: Archive, large: Archive, many: list[dict[str, Any]]
) -> None:
    found = measure_all(many, large, small)
    ratios = [f["estimate"]["peak_memory"] / max(f["peak"], 1) for f in found]
    reads = [(f["estimate"]["bytes_read"], f["read"]) for f in found]
    shares = [told / read for told, read in reads if read > 10 * DIRECTORIES]
    near = sum(abs(told - read) <= max(0.1 * read, DIRECTORIES) for told, read in reads)
    heavy = sum(f["peak"] > 60e6 for f in found)
    print(
        f"\n{len(found)} graphs, {heavy} above 60 MB, at most {max(f['peak'] for f in found) / 1e6:.0f} MB; "
        f"estimate / peak {min(ratios):.2f} to {max(ratios):.2f}, median {statistics.median(ratios):.2f}; "
        f"bytes of {near} within 10 %, estimate / read {min(shares):.3f} to {max(shares):.3f}"
    )
    for ratio, (told, read), graph in zip(ratios, reads, many, strict=True):
        if ratio < 1 or abs(told - read) > max(0.1 * read, DIRECTORIES):
            print(f"estimate / peak {ratio:.2f}, bytes {told} told, {read} read: {json.dumps(graph)}")
    assert len(found) == MANY
    assert heavy >= 150
    assert min(ratios) >= 1
    assert statistics.median(ratios) <= 3
    assert near >= 0.99 * MANY  # docs/costs.md says where images that overlap are told of and not read


@pytest.mark.long
def test_hundreds_of_graphs_that_do_not_fit_are_refused_at_once(
    large: Archive, many: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EOCENE_MEMORY", "1MB")
    seconds = []
    gc.collect()
    gc.freeze()  # so that what hundreds of tests have left is not gone through meanwhile
    for graph in many:
        start = time.process_time()
        with pytest.raises(InputError) as error:
            make_plan(graph, large).run()
        seconds.append(time.process_time() - start)
        assert error.value.code == "ProcessGraphComplexity"
    gc.unfreeze()
    print(f"\nrefused after {1000 * statistics.median(seconds):.1f} ms, at most {1000 * max(seconds):.0f} ms")
    assert max(seconds) < 0.1


def test_bytes_of_a_window_read_tile_by_tile_are_those_that_were_counted(
    large: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan(finish({"load": load(bands=["scl"], spatial_extent=box(0, 0, 0.3, 0.3))}, "load"), large)
    sizes = count_reads(monkeypatch)
    plan.run(workers=1)
    assert sum(sizes) == pytest.approx(plan.estimate().bytes_read, rel=0.1)


def test_a_small_budget_makes_smaller_blocks_and_fewer_at_a_time_and_the_same_result(
    large: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = graph_of("an index and a median")
    plenty = make_plan(graph, large)
    expected = plenty.run(workers=2)
    monkeypatch.setenv("EOCENE_MEMORY", f"{plenty.estimate().peak_memory - 60_000_000}")
    tight = make_plan(graph, large)
    assert tight.cut is not None
    assert plenty.cut is not None
    assert (tight.cut.size, tight.cut.workers) < (plenty.cut.size, plenty.cut.workers)
    assert tight.estimate().peak_memory < plenty.estimate().peak_memory
    np.testing.assert_array_equal(tight.run().values, expected.values)


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_large_blocks_of_dear_surroundings_leave_work_for_every_worker(
    large: Archive, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    plan = make_plan(graph_of("an index and a median"), large)
    monkeypatch.setattr(PlannedNode, "is_heavy", True)
    cut = choose_cut(plan.nodes, plan.schema.node, 10**12, workers)
    assert cut.size <= 512 or cut.blocks >= 2 * workers


def refused(plan: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the message with which a plan is refused: at once, without opening a file for its pixels."""

    def read(*_: Any) -> None:
        raise AssertionError("a pixel was read")

    monkeypatch.setattr(geotiff.GeotiffRaster, "read", read)
    start = time.process_time()
    with pytest.raises(InputError) as error:
        plan.run()
    assert time.process_time() - start < 0.1
    assert error.value.code == "ProcessGraphComplexity"
    return f"{error.value.message} {error.value.remedy}"


def test_a_result_that_does_not_fit_is_refused_at_once_and_can_be_written(
    large: Archive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    graph = finish({"load": load(bands=["scl", "red"])}, "load")
    plan = make_plan(graph, large)
    in_memory, to_files = plan.estimate().peak_memory, plan.estimate().peak_memory_to_files
    monkeypatch.setenv("EOCENE_MEMORY", "130MB")
    plan = make_plan(graph, large)
    assert plan.estimate().peak_memory_to_files < 130e6 < min(in_memory, to_files)
    with monkeypatch.context() as patch:
        text = refused(plan, patch)
    assert "130 MB may be taken" in text
    assert "Write it to files" in text
    assert write_results(plan, tmp_path / "result", INFO)["assets"]


def test_a_graph_that_goes_to_huge_pixels_and_back_is_refused(
    large: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = {
        "load": load(),
        "far": call("resample_spatial", data=ref("load"), resolution=30, projection=4326),
        "back": call("resample_spatial", data=ref("far"), resolution=10, projection=3857),
    }
    plan = make_plan(finish(graph, "back"), large)
    assert np.prod(plan.schema.shape) > 1e11
    text = refused(plan, monkeypatch)
    assert "its result alone" in text
    assert "coarser resolution" in text


def test_a_node_that_needs_everything_at_once_is_named(
    large: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = {"load": load(), "all": call("reduce_spatial", data=ref("load"), reducer=callback("median"))}
    monkeypatch.setenv("EOCENE_MEMORY", "60MB")
    text = refused(make_plan(finish(graph, "all"), large), monkeypatch)
    assert "'all'" in text
    assert "the whole of its input" in text


def test_a_window_that_does_not_fit_is_refused_and_a_block_is_not(
    large: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EOCENE_MEMORY", "20MB")
    plan = make_plan(finish({"load": load()}, "load"), large)
    with pytest.raises(InputError, match=r"for a window of \d+ × \d+ pixels"):
        plan.compute(plan.grid)
    assert plan.compute(next(plan.blocks())).grid == next(plan.blocks())


def test_a_plain_value_costs_next_to_nothing() -> None:
    graph = {"sum": call("add", x=1, y=2, result=True)}
    estimate = eocene.estimate(graph)
    assert (estimate.bytes_read, estimate.blocks, estimate.result_bytes) == (0, 0, 0)
    assert estimate.cpu_seconds < 0.1


def test_an_estimate_is_read_as_text_as_a_table_and_as_plain_values(small: Archive) -> None:
    estimate = make_plan(graph_of("an index and a median"), small).estimate()
    assert estimate.to_dict()["block_size"] == 512
    assert "blocks: 1 of 512²" in str(estimate)
    html = estimate._repr_html_()
    assert html.startswith("<table>")
    assert "memory budget" in html


@given(data=st.data())
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
def test_every_plan_has_an_estimate(small: Archive, data: st.DataObject) -> None:
    plan = make_plan(data.draw(graphs(small)), small)
    estimate = plan.estimate()
    assert estimate.peak_memory > 0
    assert estimate.bytes_read >= 0
    assert estimate.blocks == (len(list(plan.blocks())) if plan.is_cube else 0)
