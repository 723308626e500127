"""The command line: JSON and nothing else on stdout, words on stderr, codes that scripts can use."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import httpx
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr

import eocene
from tests.command import SCRIPT, call, shell
from tests.ports import claim_port
from tests.snapshot import take_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

S2 = "sentinel-2-l2a"


@pytest.fixture(scope="module")
def desk(simulated_world, tmp_path_factory) -> Path:
    """A workspace that the command line made, with the simulated archive in it."""
    folder = tmp_path_factory.mktemp("cli") / "workspace"
    said = shell("ingest", simulated_world.folder, "-w", folder)
    assert said.json["ingested"] == simulated_world.items
    assert said.json["collections"] == sorted(simulated_world.collections)
    return folder


@pytest.fixture(scope="module")
def write(tmp_path_factory) -> Callable[[Any], Path]:
    """Write JSON to a new file and return its path."""
    folder = tmp_path_factory.mktemp("graphs")

    def write(value: Any) -> Path:
        path = folder / f"{len(list(folder.iterdir()))}.json"
        path.write_text(json.dumps(value))
        return path

    return write


def load_node(**arguments: Any) -> dict[str, Any]:
    defaults = {"id": S2, "bands": ["B04", "B08"], "temporal_extent": ["2024-06-01", "2024-07-01"]}
    return {"process_id": "load_collection", "arguments": {**defaults, **arguments}}


def final(node: dict[str, Any]) -> dict[str, Any]:
    return {**node, "result": True}


def median_graph(**arguments: Any) -> dict[str, Any]:
    """The median over time: a cube of bands, y and x."""
    pixel = final({"process_id": "median", "arguments": {"data": {"from_parameter": "data"}}})
    reduce = {"data": {"from_node": "load"}, "dimension": "t", "reducer": {"process_graph": {"m": pixel}}}
    return {
        "load": load_node(**arguments),
        "median": final({"process_id": "reduce_dimension", "arguments": reduce}),
    }


def table_graph(zones: dict[str, Any]) -> dict[str, Any]:
    pixel = final({"process_id": "mean", "arguments": {"data": {"from_parameter": "data"}}})
    arguments = {
        "data": {"from_node": "load"},
        "geometries": zones,
        "reducer": {"process_graph": {"m": pixel}},
    }
    return {
        "load": load_node(),
        "zones": final({"process_id": "aggregate_spatial", "arguments": arguments}),
    }


SUM = {"sum": final({"process_id": "add", "arguments": {"x": {"from_parameter": "x"}, "y": 2}})}


def test_search_prints_the_items_that_python_finds(desk):
    said = call("search", S2, "-w", desk, "--datetime", "2024-06", "--filter", "eo:cloud_cover < 60").json
    assert said["type"] == "FeatureCollection"
    with eocene.open(desk) as ws:
        found = ws.search(S2, datetime="2024-06", filter="eo:cloud_cover < 60")
    assert [f["id"] for f in said["features"]] == [i.id for i in found]
    assert len(found) == 6
    assert all(Path(f["assets"]["B04"]["href"]).is_file() for f in said["features"])
    assert len(call("search", "-w", desk, "--limit", 4).json["features"]) == 4
    assert call("search", S2, "-w", desk, "--bbox=-1,0,1,1").json["features"] == []


def test_load_writes_the_cube_that_python_loads(desk, tmp_path):
    with eocene.open(desk) as ws:
        west, south, east, north = ws.archive.catalogue.collection(S2)["extent"]["spatial"]["bbox"][0]
        box = (west, (south + north) / 2, (west + east) / 2, north)
        expected = ws.load(S2, bands=["B04", "SCL"], bbox=box, datetime="2024-06").compute()
    options = ("--bands", "B04,SCL", "--bbox", ",".join(map(str, box)), "--datetime", "2024-06", "-w", desk)
    said = call("load", S2, "-o", tmp_path / "cube.nc", *options).json
    assert said["output"] == str(tmp_path / "cube.nc")
    assert said["items"] >= expected.sizes["t"]
    with xr.open_dataset(tmp_path / "cube.nc", engine="h5netcdf") as file:
        (name,) = (n for n in file.data_vars if n != "spatial_ref")
        np.testing.assert_array_equal(file[name].transpose(*expected.dims), expected)
    assert call("load", S2, "-o", tmp_path / "cube.tif", *options).json["type"].startswith("image/tiff")
    with rasterio.open(tmp_path / "cube.tif") as file:
        np.testing.assert_array_equal(file.read(), expected.to_numpy().reshape(-1, *expected.shape[2:]))
        assert file.crs.to_epsg() == 32632
    assert {p.name for p in tmp_path.iterdir()} == {"cube.nc", "cube.tif"}


def test_run_prints_a_value_and_takes_parameters(desk, write):
    assert call("run", write(SUM), "-w", desk, "-p", "x=40").json == 42
    said = call("run", write(SUM), "-w", desk, "-p", "x")
    assert said.code == 2
    assert "NAME=JSON" in said.err
    assert call("run", write(SUM), "-w", desk).code == 2


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")  # a picture has no place
def test_run_writes_a_cube_as_geotiff_netcdf_and_picture(desk, write, tmp_path):
    graph = write(median_graph())
    expected = eocene.run(graph, workspace=desk)
    types = {".tif": "image/tiff", ".nc": "application/x-netcdf", ".png": "image/png"}
    for suffix, media_type in types.items():
        said = call("run", graph, "-w", desk, "-o", tmp_path / f"out{suffix}")
        if suffix == ".png":  # a picture has one or three bands
            one = write(median_graph(bands=["B08"]))
            assert said.code == 2
            assert "band" in said.err
            said = call("run", one, "-w", desk, "-o", tmp_path / "out.png")
        assert said.json["type"].startswith(media_type)
    with rasterio.open(tmp_path / "out.tif") as file:
        np.testing.assert_array_equal(file.read(), expected)
    with rasterio.open(tmp_path / "out.png") as file:
        assert file.shape == expected.shape[1:]


def test_run_writes_a_table_as_parquet_and_json(desk, write, tmp_path):
    with eocene.open(desk) as ws:
        parcels = ws.table("parcels").iloc[:5]
    graph = write(table_graph(json.loads(parcels[["id", "geometry"]].to_json())))
    call("run", graph, "-w", desk, "-o", tmp_path / "t.parquet").json  # noqa: B018 - checks the answer
    call("run", graph, "-w", desk, "-o", tmp_path / "t.json").json  # noqa: B018
    table = gpd.read_parquet(tmp_path / "t.parquet")
    assert set(table["id"]) == set(parcels["id"])
    assert {"B04", "B08", "t"} <= set(table.columns)
    assert json.loads((tmp_path / "t.json").read_text())
    said = call("run", graph, "-w", desk, "-o", tmp_path / "t.tif")
    assert (said.code, said.out) == (2, "")
    assert "FormatUnsuitable" in said.err
    assert not (tmp_path / "t.tif").exists()


def test_a_job_is_submitted_listed_run_by_a_worker_and_looked_into(desk, write):
    submitted = call("jobs", "--submit", write(median_graph()), "--title", "June", "-w", desk).json
    dropped = call("jobs", "--submit", write(median_graph()), "-w", desk).json
    assert submitted["status"] == "queued"
    # openEO: a queued job that is canceled is one that was only created.
    assert call("jobs", dropped["id"], "--cancel", "-w", desk).json["status"] == "created"
    said = shell("worker", "--once", "-w", desk)
    assert submitted["id"] in json.dumps(said.json) or said.json["ended"] == 1
    listed = {job["id"]: job for job in call("jobs", "-w", desk).json}
    assert listed[submitted["id"]]["status"] == "finished"
    assert listed[submitted["id"]]["title"] == "June"
    assert listed[dropped["id"]]["status"] == "created"
    full = call("jobs", submitted["id"], "-w", desk).json
    assert "median" in full["process"]["process_graph"]
    logs = call("jobs", submitted["id"], "--logs", "-w", desk).json
    assert {"info"} <= {line["level"] for line in logs}
    assert list((desk / "results" / submitted["id"]).glob("*.tif"))


def test_a_job_that_would_fail_is_refused_when_it_is_submitted(desk, write):
    call("jobs", "-w", desk)  # which makes the state, should no test before have done so
    before = take_snapshot(desk)
    said = call("jobs", "--submit", write(median_graph(bands=["B99"])), "-w", desk)
    assert said.code == 2
    assert "B99" in said.err
    assert call("jobs", "j-0", "-w", desk).code == 2
    assert call("jobs", "j-0", "--cancel", "-w", desk).code == 2
    assert take_snapshot(desk) == before


def test_a_data_set_becomes_a_model_that_maps_an_area(desk, write, tmp_path):
    graph = write({"load": final(load_node())})
    drawn = call(
        "dataset", "build", graph, "--labels", "reference:classes", "--per-class", 60, "-w", desk
    ).json
    assert drawn["samples"] == sum(drawn["counts"].values())
    assert max(drawn["counts"].values()) == 60
    assert [d["id"] for d in call("dataset", "list", "-w", desk).json] == [drawn["id"]]
    assert call("dataset", "show", drawn["id"], "-w", desk).json["samples"] == drawn["samples"]
    assert call("dataset", "verify", drawn["id"], "-w", desk).json["verified"]
    written = tmp_path / "places.csv"
    call("dataset", "export", drawn["id"], "-o", written, "-w", desk)
    assert len(written.read_text().splitlines()) == drawn["samples"] + 1
    spec = json.dumps({"settings": {"n_estimators": 10}})
    trained = call("train", drawn["id"], "--spec", spec, "--folds", 2, "--block-m", 320, "-w", desk).json
    assert 0.2 < trained["accuracy_block"] <= 1
    report = call("evaluate", trained["model"], "-w", desk).json
    assert report["splits"]["block"]["pooled"]["accuracy"] == trained["accuracy_block"]
    (model,) = call("models", "-w", desk).json
    assert model["id"] == trained["model"]
    call("predict", trained["model"], graph, "-o", tmp_path / "map.tif", "-w", desk).json  # noqa: B018
    with rasterio.open(tmp_path / "map.tif") as file:
        classes, confidence = file.read()
    known = np.isfinite(classes)
    assert set(np.unique(classes[known])) <= {int(c) for c in range(1, 9)}
    assert ((confidence[known] > 0) & (confidence[known] <= 1)).all()


def test_a_table_is_linked_and_asked_for(desk, tmp_path):
    shapes = [shapely.box(12, 48, 12.01, 48.01), shapely.box(12.1, 48, 12.11, 48.01)]
    ponds = gpd.GeoDataFrame({"id": ["a", "b"]}, geometry=shapes, crs=4326)
    ponds.to_parquet(tmp_path / "ponds.parquet")
    linked = call("link", tmp_path / "ponds.parquet", "--layer", "ponds", "--kind", "WaterBody", "-w", desk)
    assert linked.json["features"] == 2
    assert linked.json["triples"] > 8
    sparql = "SELECT ?name { ?pond a ecn:WaterBody ; rdfs:label ?name } ORDER BY ?name"
    (tmp_path / "q.rq").write_text(sparql)
    for question in (sparql, f"@{tmp_path / 'q.rq'}"):
        bindings = call("query", question, "-w", desk).json["results"]["bindings"]
        assert [row["name"]["value"] for row in bindings] == ["a", "b"]
    assert call("query", "ASK { ?pond a ecn:WaterBody }", "-w", desk).json["boolean"] is True
    made = call("query", "CONSTRUCT { ?p a ecn:Pond } { ?p a ecn:WaterBody }", "-w", desk).json
    assert len(made["triples"]) == 2


@pytest.mark.parametrize("ending", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_the_server_starts_answers_and_ends_when_it_is_told_to(desk, ending):
    with claim_port() as port:
        command = [SCRIPT, "serve", "-w", str(desk), "--port", str(port)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert wait_for(f"http://127.0.0.1:{port}/health").status_code == 200
            server.send_signal(ending)
            out, err = server.communicate(timeout=60)
        finally:
            server.kill()
    assert server.returncode == 0, err
    assert out == ""
    assert "Traceback" not in err


def wait_for(url: str) -> httpx.Response:
    deadline = time.monotonic() + 30
    while True:
        try:
            return httpx.get(url, timeout=5)
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_a_fault_is_one_sentence_with_code_and_remedy_in_a_process_of_its_own(desk, write, tmp_path):
    said = shell("run", write(median_graph(bands=["B99"])), "-w", desk, "-o", tmp_path / "out.tif")
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert said.err.startswith("eocene: ")
    assert "B99" in said.err
    assert "B02" in said.err
    assert list(tmp_path.iterdir()) == []


def test_damage_ends_with_code_1(simulated_world, tmp_path, write):
    scene = next((simulated_world.folder / S2).glob("S2?_32UQU_*"))
    copy = tmp_path / scene.name
    copy.mkdir()
    for file in scene.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    call("ingest", copy / f"{scene.name}.json", "--collection", S2, "-w", tmp_path / "w").json  # noqa: B018
    band = next(copy.glob("*B04*"))
    os.truncate(band, band.stat().st_size // 2)
    graph = write({"load": final(load_node(temporal_extent=None))})
    said = shell("run", graph, "-w", tmp_path / "w", "-o", tmp_path / "out.tif")
    assert (said.code, said.out) == (1, "")
    assert said.err.count("\n") == 1
    assert band.name in said.err
    assert not (tmp_path / "out.tif").exists()
    said = call("run", graph, "-w", tmp_path / "w", "-o", tmp_path / "out.tif", "--on-error", "skip")
    assert [fault["asset"] for fault in said.json["skipped"]] == ["B04"]
    assert (tmp_path / "out.tif").exists()
    call("jobs", "--submit", graph, "-w", tmp_path / "w").json  # noqa: B018
    assert call("worker", "--once", "-w", tmp_path / "w").code == 0
    (job,) = call("jobs", "-w", tmp_path / "w").json
    assert job["status"] == "error"
    assert band.name in json.dumps(call("jobs", job["id"], "--logs", "-w", tmp_path / "w").json)


def test_an_archive_is_verified_and_a_source_that_is_none_is_refused(desk):
    said = call("verify", "-w", desk)
    assert said.code == 0
    assert said.json["damaged"] == []
    assert said.json["files"] > 0
    said = call("sync", "ftp://example.org/stac", "s2", "-w", desk)
    assert said.code == 2
    assert "no source" in said.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("search", "S9", "-w", "{desk}"), "CollectionNotFound"),
        (("search", "-w", "{desk}", "--bbox", "1,2,3"), "west,south,east,north"),
        (("search", "-w", "{desk}", "--bbox", "12,49,13,48"), "BoundingBoxInvalid"),
        (("search", "-w", "{desk}", "--datetime", "never"), "2024-04-30"),
        (("search", "-w", "{desk}", "--filter", "x <"), "CQL2"),
        (("search", "-w", "{tmp}/absent"), "There is no workspace"),
        (("search", "-w", "{tmp}"), "There is no workspace"),
        (("search", "-w", "{graph}"), "not an Eocene workspace"),
        (("ingest", "{tmp}/absent.tif", "-w", "{desk}"), "absent.tif"),
        (("ingest", "{graph}", "-w", "{desk}"), "{graph}"),
        (("ingest", "{tmp}", "-w", "{graph}"), "not an Eocene workspace"),
        (("load", S2, "-w", "{desk}", "-o", "{tmp}/x.doc"), "--output"),
        (("load", S2, "-w", "{desk}", "-o", "{tmp}/x.tif", "--bands", "B99"), "B99"),
        (("load", S2, "-w", "{desk}", "-o", "{tmp}/x.tif", "--bbox", "0,0,1,1"), "covers"),
        (("load", S2, "-w", "{desk}", "-o", "{tmp}/x.tif", "--bbox", "12,48,12,48"), "box"),
        (("load", "parcels", "-w", "{desk}", "-o", "{tmp}/x.tif"), "parcels"),
        (("run", "{tmp}/absent.json", "-w", "{desk}"), "absent.json"),
        (("run", "{text}", "-w", "{desk}"), "JSON"),
        (("run", "{graph}", "-w", "{desk}"), "--output"),
        (("jobs", "--submit", "{tmp}/absent.json", "-w", "{desk}"), "absent.json"),
        (("dataset", "build", "{graph}", "--labels", "reference", "-w", "{desk}"), "COLLECTION:BAND"),
        (("dataset", "build", "{graph}", "--labels", "reference:B99", "-w", "{desk}"), "B99"),
        (("train", "absent", "-w", "{desk}"), "absent"),
        (("train", "../datasets", "-w", "{desk}"), "data set"),
        (("evaluate", "absent", "-w", "{desk}"), "absent"),
        (("predict", "absent", "{graph}", "-o", "{tmp}/x.tif", "-w", "{desk}"), "absent"),
        (("link", "{tmp}/absent.parquet", "--layer", "x", "-w", "{desk}"), "absent.parquet"),
        (("link", "{text}", "--layer", "x", "-w", "{desk}"), "GeoParquet"),
        (("query", "SELECT", "-w", "{desk}"), "SPARQL|line"),
        (("query", "@{tmp}/absent.rq", "-w", "{desk}"), "absent.rq"),
        (("serve", "-w", "{graph}"), "not an Eocene workspace"),
        (("demo", "--no-serve", "--folder", "{tmp}/d", "--size", "100"), "100"),
        (("demo", "--no-serve", "--folder", "{tmp}/d", "--data", "{tmp}/absent"), "absent"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_wrong_input_ends_with_code_2_and_changes_nothing(desk, write, tmp_path, arguments, told):
    places = {"desk": desk, "tmp": tmp_path / "empty", "graph": write(median_graph()), "text": write("plain")}
    (tmp_path / "empty").mkdir()
    with eocene.open(desk) as ws:
        assert ws.jobs.list() is not None  # so that the database is there before
    before = take_snapshot(desk), take_snapshot(tmp_path)
    said = call(*(a.format(**places) for a in arguments))
    assert said.code == 2, said
    assert said.out == ""
    assert said.err.startswith("eocene: ")
    assert said.err.count("\n") == 1
    assert any(word.format(**places) in said.err for word in told.split("|"))
    assert (take_snapshot(desk), take_snapshot(tmp_path)) == before


def test_a_word_that_is_no_command_is_told_with_code_2():
    assert call("frobnicate").code == 2
    assert call("load").code == 2
    help_text = call("--help")
    assert help_text.code == 0
    for verb in ("demo", "ingest", "search", "load", "run", "jobs", "worker", "serve", "dataset", "train",
                 "evaluate", "predict", "models", "link", "query", "verify", "sync"):  # fmt: skip
        assert verb in help_text.out
