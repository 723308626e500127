"""The same plan on a Dask cluster of real processes: equal bits, whatever happens to its workers."""

from __future__ import annotations

import pickle
import pickletools
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
import zarr

import eocene
from eocene.model import StateError, UnavailableError
from eocene.process import Stopped, make_plan
from eocene.process.executors import cluster as cluster_module
from eocene.process.executors import executor_for, remote
from eocene.process.output.results import ResultInfo, save_file, write_results
from eocene.process.run import Plan
from eocene.process.udf import UdfError
from tests.process.clusters import (
    LocalCluster,
    local_cluster,
    measure,
    measure_with_kills,
    simulated_plan,
)
from tests.process.graphs import call, callback, load
from tests.process.udf.places import needs_walls

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.testing.simulate import SimulatedArchive
    from eocene.workspace import Workspace

pytest.importorskip("distributed")
# Its event loop may close a socket after the test that opened it.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

SPRING = ["2024-03-01", "2024-05-10"]
INFO = ResultInfo("job-1", "A test", "2024-12-01T00:00:00Z", {})


def median_graph(**changes: Any) -> dict[str, Any]:
    arguments = {"data": {"from_node": "load"}, "dimension": "t", "reducer": callback("median")}
    return {
        "load": load(temporal_extent=SPRING, bands=["B04", "B08"], **changes),
        "median": call("reduce_dimension", **arguments, result=True),
    }


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with local_cluster(tmp_path_factory.mktemp("cluster"), workers=2) as running:
        yield running


@pytest.fixture
def plan(world: Workspace, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setattr(Plan, "block_size", 48)
    return make_plan(median_graph(), world.archive)


@pytest.fixture
def on_cluster(cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> LocalCluster:
    monkeypatch.setenv("EOCENE_SCHEDULER", cluster.address)
    return cluster


def test_a_cluster_gives_the_bits_of_one_thread_and_tells_its_progress(
    plan: Plan, on_cluster: LocalCluster
) -> None:
    expected = plan.run(workers=1)
    seen: list[tuple[int, int]] = []
    found = plan.run(lambda done, total: seen.append((done, total)))
    assert found.identical(expected)
    assert found.values.tobytes() == expected.values.tobytes()
    total = len(list(plan.blocks()))
    assert seen == [(number, total) for number in range(total + 1)]


def test_workers_write_zarr_and_cogs_with_the_bits_of_one_process(
    plan: Plan, tmp_path: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = write_results(plan, tmp_path / "here", INFO)
    monkeypatch.setenv("EOCENE_SCHEDULER", cluster.address)
    there = write_results(plan, tmp_path / "there", INFO)
    assert there == here  # checksums of the COGs included
    assert {p.name for p in (tmp_path / "there").iterdir()} == {p.name for p in (tmp_path / "here").iterdir()}
    one, two = (zarr.open_array(tmp_path / f / "cube.zarr" / "data", mode="r")[:] for f in ("here", "there"))
    assert one.tobytes() == two.tobytes()


def test_one_file_is_made_on_the_cluster_too(plan: Plan, tmp_path: Path, on_cluster: LocalCluster) -> None:
    path, _ = save_file(plan, tmp_path, "GTiff")
    with rasterio.open(path) as file:
        assert file.read().tobytes() == plan.run(workers=1).values.tobytes()


def test_parameters_reach_the_workers(world: Workspace, on_cluster: LocalCluster) -> None:
    graph = median_graph()
    graph["median"].pop("result")
    arguments = {"x": {"from_parameter": "x"}, "y": {"from_parameter": "factor"}}
    process = {"process_graph": {"times": call("multiply", **arguments, result=True)}}
    graph["scaled"] = call("apply", data={"from_node": "median"}, process=process, result=True)
    plan = make_plan(graph, world.archive, {"factor": 3})
    assert plan.run().identical(plan.run(workers=1))


def test_a_cube_in_memory_reaches_the_workers(plan: Plan, on_cluster: LocalCluster) -> None:
    given = plan.run(workers=1)
    absolute = {"only": call("absolute", x={"from_parameter": "x"}, result=True)}
    arguments = {"data": {"from_parameter": "cube"}, "process": {"process_graph": absolute}}
    graph = {"apply": call("apply", **arguments, result=True)}
    found = make_plan(graph, parameters={"cube": given}).run()
    assert found.values.tobytes() == np.abs(given.values).tobytes()


def test_what_travels_to_the_workers_is_plain_data(plan: Plan) -> None:
    sent = remote.describe_plan(plan)
    operations = pickletools.genops(pickle.dumps(sent, protocol=4))
    texts: list[str] = []
    for operation, argument, _ in operations:
        if operation.name == "STACK_GLOBAL":
            assert texts[-2].split(".")[0] in ("eocene", "numpy", "builtins")
        if isinstance(argument, str):
            texts.append(argument)
    assert sent["graph"] == plan.graph.source


def test_a_lost_worker_costs_nothing_but_its_block(plan: Plan, on_cluster: LocalCluster) -> None:
    expected = plan.run(workers=1)
    killed = []

    def kill_one(done: int, total: int) -> None:
        if done == total // 3:
            on_cluster.kill_worker(0)
            killed.append(done)

    assert plan.run(kill_one).identical(expected)
    assert len(killed) == 1


def test_a_job_that_is_stopped_takes_its_tasks_back(
    plan: Plan, tmp_path: Path, on_cluster: LocalCluster
) -> None:
    progress: list[int] = []
    with pytest.raises(Stopped):
        write_results(
            plan,
            tmp_path / "r",
            INFO,
            progress=lambda done, _: progress.append(done),
            should_stop=lambda: len(progress) > 3,
        )
    client = cluster_module.connect(on_cluster.address)
    until = time.monotonic() + 20
    while (any(client.processing().values()) or list(tmp_path.iterdir())) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(client.processing().values())
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_a_block_is_told_as_it_is(plan: Plan, on_cluster: LocalCluster, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(
            executor_for(plan).map(
                "write", list(plan.parts()), {"path": str(tmp_path / "no"), "datatype": None}
            )
        )


@pytest.fixture
def own_world(simulated_world: SimulatedArchive, tmp_path: Path) -> Iterator[Workspace]:
    with eocene.open(tmp_path / "ws") as workspace:
        workspace.archive.ingest(simulated_world.folder)
        yield workspace


def test_a_catalogue_that_has_changed_is_noticed(own_world: Workspace, on_cluster: LocalCluster) -> None:
    plan = make_plan(median_graph(), own_world.archive)
    item = plan.items[0]
    own_world.archive.catalogue.delete_items(item["collection"], [item["id"]])
    with pytest.raises(StateError, match="other items"):
        plan.run()


def test_a_workspace_that_workers_do_not_see_is_named(own_world: Workspace, on_cluster: LocalCluster) -> None:
    plan = make_plan(median_graph(), own_world.archive)
    root = own_world.layout.root
    own_world.close()
    root.rename(root.with_name("moved"))
    with pytest.raises(StateError, match=str(root)):
        plan.run()


def test_another_version_on_the_workers_is_refused(
    plan: Plan, on_cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "__version__", "99.0")
    with pytest.raises(UnavailableError, match=r"the client 99\.0"):
        plan.run()


def test_a_scheduler_that_does_not_answer_is_named(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOCENE_SCHEDULER", "tcp://127.0.0.1:1")
    monkeypatch.setattr(cluster_module, "_CONNECT_S", 0.5)
    with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:1") as caught:
        plan.run()
    assert "EOCENE_SCHEDULER" in caught.value.remedy


def test_without_the_extra_the_error_says_what_to_install(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setenv("EOCENE_SCHEDULER", "tcp://127.0.0.1:1")
    monkeypatch.setattr(cluster_module, "import_module", fail)
    with pytest.raises(UnavailableError) as caught:
        plan.run()
    assert "eocene[cluster]" in caught.value.remedy


@needs_walls
def test_code_of_users_runs_behind_walls_on_every_worker(
    world: Workspace, on_cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import os\ndef apply_datacube(cube, context):\n"
        "    alone = os.getpid() == 1 and not os.path.exists('/proc') and os.getuid() == 65534\n"
        "    return cube * 2 if alone else cube * 0\n"
    )
    step = call("run_udf", data={"from_parameter": "x"}, udf=code, runtime="Python", result=True)
    graph = {"load": load(temporal_extent=SPRING, bands=["B04"])}
    graph["apply"] = call(
        "apply", data={"from_node": "load"}, process={"process_graph": {"u": step}}, result=True
    )
    monkeypatch.setattr(Plan, "block_size", 48)
    plain = make_plan({"load": load(temporal_extent=SPRING, bands=["B04"]) | {"result": True}}, world.archive)
    found = make_plan(graph, world.archive).run()
    np.testing.assert_array_equal(found.values, plain.run().values * 2)
    assert np.nanmax(found.values) > 0

    fails = "    if cube.shape[-1] > 1: raise ValueError('here')\n"  # not where one pixel is tried
    step["arguments"]["udf"] = f"def apply_datacube(cube, context):\n{fails}    return cube\n"
    with pytest.raises(UdfError, match=r"line 2.*ValueError: here"):
        make_plan(graph, world.archive).run()


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_worker_killed_at_random_five_times_changes_no_bit_and_costs_less_than_half_the_time(
    tmp_path: Path, cluster: LocalCluster
) -> None:
    with simulated_plan(tmp_path, size=512, steps=400) as plan:
        measure(plan, cluster)  # warm
        calm_s, expected = measure(plan, cluster)
        disturbed_s, found = measure_with_kills(plan, cluster, calm_s, kills=5)
    assert found.tobytes() == expected.tobytes()
    assert disturbed_s <= 1.5 * calm_s, (calm_s, disturbed_s)
