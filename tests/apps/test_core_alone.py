"""Without the extras the core does its work, and each missing room says what to install."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
HIDDEN = (
    "sklearn", "onnx", "onnxruntime", "skl2onnx", "pyoxigraph", "fastapi", "uvicorn", "starlette", "argon2",
    "PIL", "multipart", "python_multipart", "torch", "psycopg", "psycopg_pool", "pypgstac", "stac_geoparquet",
    "obstore", "eccodes", "dask", "distributed", "lightgbm", "s2cloudless",
)  # fmt: skip

# As on a machine where they were never installed: found nowhere, rather than failing to load.
HIDE = f"""
import sys
HIDDEN = {HIDDEN!r}
class Without:
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in HIDDEN else self.finder.find_spec(name, path, target)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
"""

TOUR = """
import json, sys
from pathlib import Path
import numpy as np
import eocene as eo
from eocene.jobs import run_worker
from tests.process.graphs import monthly_ndvi

archive, folder = map(Path, sys.argv[1:])
with eo.open(folder) as ws:
    items = ws.ingest(archive)
    found = ws.search("sentinel-2-l2a", datetime="2024-06")
    cube = ws.load("sentinel-2-l2a", bands=["B04"], datetime="2024-06").compute()
    graph = monthly_ndvi(temporal_extent=["2024-06-01", "2024-08-01"])
    ndvi = eo.run(graph, workspace=ws)
    job = ws.jobs.queue(ws.jobs.create({"process_graph": graph}).id)
    run_worker(ws.archive, ws.jobs, once=True)
    print(json.dumps({
        "items": len(items), "found": len(found), "shape": cube.shape,
        "ndvi": float(np.nanmean(ndvi)), "status": ws.jobs.get(job.id).status,
        "files": sorted(p.suffix for p in ws.jobs.results_folder(job.id).iterdir()),
        "parcels": len(ws.table("parcels")),
        "loaded": sorted(set(HIDDEN) & set(sys.modules)),
    }))
"""

ROOMS = """
import contextlib, io, json, sys
from pathlib import Path
from eocene import cli

folder = Path(sys.argv[1])
said = {}
graph = folder.parent / "graph.json"
graph.write_text(json.dumps({"load": {"process_id": "load_collection", "result": True, "arguments": {
    "id": "sentinel-2-l2a", "bands": ["B04", "B08"], "spatial_extent": None,
    "temporal_extent": ["2024-06-10", "2024-06-20"]}}}))

def call(*arguments):
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["eocene", *map(str, arguments), "-w", str(folder)]
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
    said[arguments[0]] = [code or 0, out.getvalue(), err.getvalue()]
    return out.getvalue()

made = json.loads(call("dataset", "build", graph, "--labels", "reference:classes", "--per-class", 20))
call("train", made["id"])
call("query", "ASK { ?s ?p ?o }")
call("link", folder / "absent.parquet", "--layer", "x")
call("serve")
call("models")
print(json.dumps(said))
"""

ARCHIVE = """
import json, os, sys
from pathlib import Path
import eocene as eo
from eocene.archive.catalogue.exchange import export_geoparquet
from eocene.archive.fetch import Door
from tests.process.graphs import monthly_ndvi

folder, scratch = map(Path, sys.argv[1:])
said = {}

def told(extra, ask, **environment):
    os.environ.update(environment)
    try:
        said[extra] = [None, repr(ask())]
    except eo.EoceneError as error:
        said[extra] = [type(error).__name__, f"{error.message} {error.remedy}"]
    for name in environment:
        del os.environ[name]

message = b"GRIB" + bytes(3) + bytes([2]) + (100).to_bytes(8, "big") + bytes(80) + b"7777"
(scratch / "weather.grib2").write_bytes(message)
graph = monthly_ndvi(temporal_extent=["2024-06-01", "2024-08-01"])
keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
with eo.open(folder) as ws:
    told("grib", lambda: ws.ingest(scratch / "weather.grib2"))
    told("exchange", lambda: export_geoparquet(ws.archive.catalogue, scratch / "items.parquet"))
    told("cluster", lambda: eo.run(graph, workspace=ws), EOCENE_SCHEDULER="tcp://127.0.0.1:1")
    told("s3", lambda: Door.of(("s3://bucket/",)).open("s3://bucket/file.tif").size, **keys)
told("postgres", lambda: eo.open(scratch / "other").search(), EOCENE_CATALOGUE="postgresql://u@127.0.0.1:1/x")
print(json.dumps(said))
"""


def run_without_extras(code: str, *arguments: object) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", HIDE + code, *map(str, arguments)],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def tour(simulated_world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("core") / "workspace"
    return folder, run_without_extras(TOUR, simulated_world.folder, folder)


def test_the_core_ingests_searches_loads_runs_and_works_without_any_extra(tour, simulated_world):
    _, told = tour
    assert told["items"] == simulated_world.items
    assert told["found"] == 6
    assert told["shape"][:2] == [3, 1]
    assert 0.2 < told["ndvi"] < 0.9
    assert told["status"] == "finished"
    assert {".tif", ".json", ".zarr"} <= set(told["files"])
    assert told["parcels"] > 100
    assert told["loaded"] == []


def test_learn_link_and_serve_each_say_what_to_install(tour):
    said = run_without_extras(ROOMS, tour[0])
    assert said["dataset"][0] == 0
    assert said["models"][:2] == [0, "[]\n"]
    for command, extra in (("train", "learn"), ("query", "link"), ("link", "link"), ("serve", "serve")):
        code, out, err = said[command]
        assert (code, out) == (2, ""), (command, err)
        assert err.count("\n") == 1
        assert "pip install" in err
        assert f"eocene[{extra}]" in err


def test_catalogue_readers_and_clusters_each_say_what_to_install(tour, tmp_path):
    said = run_without_extras(ARCHIVE, tour[0], tmp_path)
    assert set(said) == {"grib", "exchange", "cluster", "s3", "postgres"}
    for extra, (error, text) in said.items():
        assert error == "UnavailableError", (extra, text)
        assert f"eocene[{extra}]" in text
