"""What a run tells of itself, and that it stops: over its stages, its zones, its trimming and its blocks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from shapely.geometry import box, mapping

from eocene.jobs import JobStore
from eocene.jobs.worker import run_worker
from eocene.model import Layout
from eocene.process import Stopped, make_plan, whole
from eocene.process.cost import cutting
from eocene.process.executors import ThreadExecutor
from eocene.process.methods import zone_pixels
from eocene.process.output.results import ResultInfo, save_file, write_results
from eocene.process.progress import Steps, part_of
from tests.process.graphs import call, callback
from tests.process.test_stages import CUBE, EXPECTED, INPUT, TWICE, ref

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eocene.process.run import Plan

BLOCKS = 5 * 6
"""Of 16 pixels of the cube of 70 rows and 90 columns."""
INFO = ResultInfo("r", "", "2024-01-01T00:00:00Z", {})
TRIM = {"rows": TWICE["rows"], "trim": call("trim_cube", data=ref("rows"), result=True)}
FIELDS = {
    "type": "FeatureCollection",
    "crs": {"type": "name", "properties": {"name": "EPSG:32632"}},
    "features": [
        {"type": "Feature", "properties": {}, "geometry": mapping(box(x, 5_199_310, x + 300, 5_199_990))}
        for x in (600_000, 600_310, 600_620)
    ],
}
MEANS = call("aggregate_spatial", data=INPUT, geometries=FIELDS, reducer=callback("mean"), result=True)


class Told:
    """Keeps what a run tells, and stops it after some of that."""

    def __init__(self, most: int | None = None) -> None:
        self.said: list[tuple[int, int]] = []
        self._most = most

    def __call__(self, done: int, total: int) -> None:
        self.said.append((done, total))

    def should_stop(self) -> bool:
        return self._most is not None and len(self.said) > self._most

    def assert_counts_to(self, total: int) -> None:
        done = [d for d, _ in self.said]
        assert {t for _, t in self.said} == {total}
        assert done == sorted(done)
        assert done[-1] == total


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "SIZES", (16,))
    monkeypatch.setattr(zone_pixels, "_READ_BYTES", 2**16)


def plan_of(graph: dict[str, Any]) -> Plan:
    return make_plan(graph, parameters={"cube": CUBE})


def test_stages_and_blocks_are_counted_together_and_a_second_run_has_the_blocks_left() -> None:
    plan, first, second = plan_of(TWICE), Told(), Told()
    np.testing.assert_array_equal(plan.run(first).values, EXPECTED)
    # The blocks of the input, three dates each of two stages, and the blocks of the result.
    first.assert_counts_to(BLOCKS + 3 + 3 + BLOCKS)
    assert {done for done, _ in first.said} >= set(range(1, BLOCKS + 3 + 3 + BLOCKS))
    plan.run(second)
    second.assert_counts_to(BLOCKS)


def test_the_windows_of_zones_are_counted() -> None:
    told = Told()
    plan_of({"means": MEANS}).run(told)
    told.assert_counts_to(told.said[0][1])
    assert len(told.said) >= 3 * 2


def test_zones_that_are_read_date_by_date_are_counted_by_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = plan_of({"means": MEANS}).run()
    monkeypatch.setattr(zone_pixels, "_ZONE_BYTES", 1)
    told = Told()
    found = plan_of({"means": MEANS}).run(told)
    assert found.drop(columns="geometry").equals(expected.drop(columns="geometry"))
    told.assert_counts_to(told.said[0][1])
    # Three zones of two or more windows each, which come once for each date.
    assert len(told.said) > 3 * 2 * 3


def test_trimming_is_the_first_half_of_a_run() -> None:
    told = Told()
    plan_of(TRIM).run(told)
    told.assert_counts_to(2 * (BLOCKS + 3 + 1))


@pytest.mark.parametrize("graph", [TWICE, TRIM, {"means": MEANS}], ids=["stages", "trimming", "zones"])
@pytest.mark.parametrize("most", [0, 1, 2])
def test_a_run_that_is_stopped_in_what_it_computes_first_can_be_run_again(
    graph: dict[str, Any], most: int
) -> None:
    plan, told = plan_of(graph), Told(most)
    with pytest.raises(Stopped):
        plan.run(told, should_stop=told.should_stop)
    assert len(told.said) <= most + 2
    again, fresh = plan.run(), plan_of(graph).run()
    assert again.equals(fresh)


def test_nothing_of_a_job_that_is_stopped_in_a_stage_is_left(tmp_path: Path) -> None:
    told = Told(2)
    with pytest.raises(Stopped):
        write_results(plan_of(TWICE), tmp_path / "r", INFO, progress=told, should_stop=told.should_stop)
    assert not list(tmp_path.iterdir())


def test_writing_counts_stages_blocks_and_files(tmp_path: Path) -> None:
    told = Told()
    write_results(plan_of(TWICE), tmp_path / "r", INFO, progress=told)
    told.assert_counts_to(BLOCKS + 3 + 3 + BLOCKS + 3 * 2)


def test_a_job_that_is_canceled_while_a_stage_is_computed_ends_between_two_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = JobStore(Layout(tmp_path))
    job = store.queue(store.create({"process_graph": TWICE}).id)
    begun, count = threading.Event(), 0
    evaluate: Callable[..., Any] = whole.evaluate

    def slowly(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        begun.set()
        threading.Event().wait(0.1)
        return evaluate(*arguments)

    monkeypatch.setattr(whole, "evaluate", slowly)
    thread = threading.Thread(
        target=run_worker,
        args=(None, store),
        kwargs={"once": True, "beat_s": 0.02, "make_plan": lambda *_: plan_of(TWICE)},
    )
    thread.start()
    assert begun.wait(10)
    store.cancel(job.id)
    thread.join(20)
    assert not thread.is_alive()
    assert store.get(job.id).status == "created"
    assert count < BLOCKS
    store.close()


def test_stages_are_there_before_the_threads_of_a_plan_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(TWICE)
    blocks = ThreadExecutor(plan).map("compute", list(plan.parts()))
    assert not plan.stages.missing()
    monkeypatch.setattr(whole, "map_blocks", None)
    assert len(list(blocks)) == BLOCKS


def test_what_a_trimmed_cube_is_read_from_stays_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "fits_in_memory", lambda *_: False)
    path, _ = save_file(plan_of(TRIM), tmp_path, "netCDF")
    with xr.open_dataset(path) as found:
        np.testing.assert_array_equal(found["data"].values, np.sort(CUBE.values, axis=3))


def test_a_part_of_the_work_is_told_between_its_ends() -> None:
    told = Told()
    steps = Steps(4, part_of(told, 10, 20, 40))
    for share in (1, 0.5, 0.5, 5):
        steps.take(share)
    assert told.said == [(12, 40), (12, 40), (15, 40), (20, 40)]
    assert part_of(None, 0, 1, 2) is None
