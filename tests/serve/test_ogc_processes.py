"""OGC API – Processes: described as the standard says, executed by an unmodified client, the same jobs."""

from __future__ import annotations

import hashlib
import json
import time

import pytest
from owslib.ogcapi.processes import Processes
from owslib.util import Authentication
from requests.auth import AuthBase
from tests.command import call
from tests.serve.conftest import run_server, start_app

OGC, OPENEO = "/ogc", "/openeo/1.2"
SUM = {
    "summary": "A sum",
    "process_graph": {
        "add": {
            "process_id": "add",
            "arguments": {"x": {"from_parameter": "x"}, "y": {"from_parameter": "y"}},
            "result": True,
        }
    },
    "parameters": [
        {"name": "x", "description": "One number.", "schema": {"type": "number"}},
        {"name": "y", "schema": {"type": ["number", "null"], "minimum": 0}, "default": 2, "optional": True},
    ],
}


class Bearer(AuthBase):
    """Lets OWSLib send a token."""

    def __init__(self, token):
        self.token = token

    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer basic//{self.token}"
        return request


@pytest.fixture
def client(server):
    client = Processes(f"{server.url}{OGC}", auth=Authentication(auth_delegate=Bearer(server.token)))
    client.headers = dict(client.headers)  # else all clients of a program share them
    return client


@pytest.fixture(scope="module")
def adding(server):
    """A process of the user."""
    path = f"{OPENEO}/process_graphs/adding"
    assert server.client.put(path, json=SUM, headers=server.as_user()).status_code == 200
    yield "adding"
    server.client.delete(path, headers=server.as_user())


def execute(server, name, inputs=None, prefer="", **more):
    body = {"inputs": inputs or {}} | more
    headers = server.as_user(**({"Prefer": prefer} if prefer else {}))
    return server.client.post(f"{OGC}/processes/{name}/execution", json=body, headers=headers)


def await_end(server, location):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        status = server.client.get(location, headers=server.as_user()).json()
        if status["status"] not in ("accepted", "running"):
            return status
        time.sleep(0.1)
    raise TimeoutError(location)


def fetch(server, collection):
    """SHA-256 of each file of a result, through its signed links."""
    contents = {name: server.get(asset["href"]).content for name, asset in collection["assets"].items()}
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def test_an_unmodified_client_finds_describes_and_executes(server, client, adding):
    assert {link["rel"].rpartition("/")[2] for link in client.links} >= {"conformance", "processes", "job-list"}
    assert any(one.endswith("/conf/core") for one in client.conformance()["conformsTo"])
    listed = {process["id"]: process for process in client.processes()}
    assert listed.keys() >= {"monthly_ndvi", "true_colour", "land_cover", "radar_change", adding}
    described = client.process(adding)
    assert described["inputs"]["x"]["minOccurs"] == 1
    assert described["inputs"]["y"] == {
        "title": "y",
        "description": "y",
        "minOccurs": 0,
        "maxOccurs": 1,
        "schema": {"type": "number", "nullable": True, "minimum": 0, "default": 2},
    }
    results = client.execute(adding, {"x": 40})["results"]["value"]
    (asset,) = results["assets"].values()
    assert server.get(asset["href"]).json() == 42

    status = client.execute(adding, {"x": 1, "y": 1}, async_=True)
    assert client.response_headers["Location"].endswith(f"{OGC}/jobs/{status['jobID']}")
    assert await_end(server, client.response_headers["Location"])["status"] == "successful"


def test_the_same_job_by_ogc_openeo_and_command_line_gives_the_same_files(server, extent, tmp_path):
    span = ["2024-03-01", "2024-06-01"]
    box = {"bbox": [extent[side] for side in ("west", "south", "east", "north")]}
    answer = execute(server, "monthly_ndvi", {"area": box, "span": span}, response="raw")
    assert answer.status_code == 200, answer.text
    by_ogc = fetch(server, answer.json())
    images = {name: digest for name, digest in by_ogc.items() if name.endswith(".tif")}
    assert images

    described = server.get(f"{OGC}/processes/monthly_ndvi").json()
    assert described["inputs"].keys() == {"area", "span"}
    graph = json.loads(json.dumps(load_application()))
    load = graph["load"]["arguments"]
    load |= {"spatial_extent": extent, "temporal_extent": span}
    job = server.post(f"{OPENEO}/jobs", {"process": {"process_graph": graph}}).headers["Location"]
    server.client.post(f"{job}/results", headers=server.as_user())
    assert await_end(server, f"{OGC}/jobs/{job.rpartition('/')[2]}")["status"] == "successful"
    results = server.client.get(f"{job}/results", headers=server.as_user()).json()
    by_openeo = fetch(server, results)
    assert {name: by_openeo[name] for name in images} == images

    arguments = {"area": json.dumps(extent), "span": json.dumps(span)}
    given = [part for name, text in arguments.items() for part in ("-p", f"{name}={text}")]
    root = server.app.state.rooms.layout.root
    call("run", "monthly_ndvi", "-w", root, *given, "-o", tmp_path / "out")
    by_command = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.glob("out/*.tif")
    }
    assert by_command == images


def load_application():
    """The graph of the application as it stands in the package that anybody may fetch."""
    from eocene.jobs.applications import find_application

    return find_application("monthly_ndvi")["process_graph"]
