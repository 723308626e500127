"""OGC API – Processes: described as the standard says, executed by an unmodified client, the same jobs."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from owslib.ogcapi.processes import Processes
from owslib.util import Authentication
from requests.auth import AuthBase
from tests.command import SCRIPT, call
from tests.test_packaging import find_runner

from eocene.jobs.applications import find_application, list_applications
from eocene.process.structure import check_calls
from eocene.serve.ogc_documents import convert_schema
from eocene.testing.faults import FaultServer

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
    assert {link["rel"].rpartition("/")[2] for link in client.links} >= {
        "conformance",
        "processes",
        "job-list",
    }
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
    graph = copy.deepcopy(find_application("monthly_ndvi")["process_graph"])
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


@pytest.mark.long
def test_a_package_run_by_cwltool_gives_the_files_of_both_kinds_of_execution(
    server, simulated, extent, tmp_path
):
    inputs = {"area": {"value": extent}, "span": ["2024-03-01", "2024-06-01"]}
    at_once = execute(server, "monthly_ndvi", inputs).json()
    job = execute(server, "monthly_ndvi", inputs, prefer="respond-async").headers["Location"]
    assert await_end(server, job)["status"] == "successful"
    later = server.client.get(f"{job}/results", headers=server.as_user()).json()

    package = tmp_path / "monthly_ndvi.cwl"
    package.write_bytes(server.get("/packages/applications/monthly_ndvi", headers=server.as_user()).content)
    products = [{"class": "Directory", "location": str(simulated)}]
    given = {"area": json.dumps(extent), "span": json.dumps(inputs["span"]), "products": products}
    (tmp_path / "inputs.json").write_text(json.dumps(given))
    environment = os.environ | {"PATH": f"{Path(SCRIPT).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [find_runner(), "--no-container", "--outdir", tmp_path / "out", f"{package}#monthly_ndvi",
         tmp_path / "inputs.json"],
        capture_output=True, text=True, check=False, timeout=500, env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    files = tmp_path.glob("out/results/*.tif")
    by_package = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert len(by_package) == 3
    for collection in (at_once, later):
        found = fetch(server, collection)
        assert {name: found[name] for name in by_package} == by_package


@pytest.fixture(scope="module")
def ada(server):
    """The headers of another user."""
    server.app.state.rooms.users.set_password("ada", "a-long-password")
    answer = server.get(f"{OPENEO}/credentials/basic", auth=("ada", "a-long-password"))
    return {"Authorization": f"Bearer basic//{answer.json()['access_token']}"}


def read_problem(answer):
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"] == body["code"]
    assert body["detail"]
    return answer.status_code, body["type"].rpartition("/")[2]


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"response": "document"}, 200),
        ({"outputs": {"results": {"transmissionMode": "reference"}}}, 204),
        ({"outputs": {"results": {"transmissionMode": "reference"}}, "response": "document"}, 200),
    ],
)
def test_results_come_as_they_are_asked_for_at_once_and_later(server, adding, more, status):
    answer = execute(server, adding, {"x": 1, "y": {"value": 3}}, **more)
    assert answer.status_code == status, answer.text
    monitor = next(link for link in answer.headers.get_list("link") if 'rel="monitor"' in link)
    job = monitor.partition("<")[2].partition(">")[0]
    again = server.client.get(f"{job}/results", headers=server.as_user())
    assert again.status_code == status
    if status == 204:
        links = ",".join(again.headers.get_list("link"))
        collection = server.get(links.partition("<")[2].partition(">")[0]).json()
    else:
        results = again.json()["results"]
        collection = results["value"] if "value" in results else server.get(results["href"]).json()
    (asset,) = collection["assets"].values()
    assert server.get(asset["href"]).json() == 4


def test_what_takes_longer_than_one_waits_goes_on_as_a_job(server, adding):
    answer = execute(server, adding, {"x": 1}, prefer="wait=0")
    assert (answer.status_code, answer.json()["processID"]) == (201, adding)
    assert "Preference-Applied" not in answer.headers
    assert await_end(server, answer.headers["Location"])["status"] == "successful"


def test_jobs_are_those_of_openeo_and_their_owners_alone(server, adding, ada):
    made = execute(server, adding, {"x": 1}, prefer="respond-async").json()
    name = made["jobID"]
    await_end(server, f"{OGC}/jobs/{name}")
    openeo = server.get(f"{OPENEO}/jobs/{name}", headers=server.as_user()).json()
    assert (openeo["status"], openeo["title"]) == ("finished", "A sum")
    for method, path in (("GET", ""), ("GET", "/results"), ("DELETE", "")):
        answer = server.client.request(method, f"{OGC}/jobs/{name}{path}", headers=ada)
        assert read_problem(answer) == (404, "no-such-job")
    assert read_problem(server.client.post(f"{OGC}/processes/{adding}/execution", json={}, headers=ada)) == (
        404,
        "no-such-process",
    )
    assert server.get(f"{OGC}/jobs", headers=ada).json()["jobs"] == []
    assert server.get(f"{OGC}/jobs").status_code == 401
    dismissed = server.client.delete(f"{OGC}/jobs/{name}", headers=server.as_user())
    assert dismissed.json()["status"] == "dismissed"
    assert server.get(f"{OPENEO}/jobs/{name}", headers=server.as_user()).status_code == 404


def test_the_list_of_jobs_is_narrowed_and_paged(server, adding):
    names = {execute(server, adding, {"x": x}).headers["link"].partition("/jobs/")[2][:18] for x in (1, 2, 3)}

    def ask(query):
        answer = server.get(f"{OGC}/jobs?{query}", headers=server.as_user())
        assert answer.status_code == 200, answer.text
        return answer.json()

    def find(query):
        return {job["jobID"] for job in ask(query)["jobs"]}

    assert find(f"processID={adding}&processID=other&status=successful&limit=1000") >= names
    assert find("processID=other") == set()
    assert find("status=failed&status=accepted") & names == set()
    assert find("type=process&minDuration=0&maxDuration=3600&limit=1000") >= names
    assert find("datetime=2020-01-01T00:00:00Z/2020-02-01T00:00:00Z") == set()
    assert find("datetime=2024-01-01T00:00:00Z/..&limit=1000") >= names
    page = ask(f"limit=2&processID={adding}")
    following = next(link["href"] for link in page["links"] if link["rel"] == "next")
    rest = server.client.get(following, headers=server.as_user()).json()
    assert len(page["jobs"]) == 2
    assert not {job["jobID"] for job in page["jobs"]} & {job["jobID"] for job in rest["jobs"]}
    for wrong in ("limit=0", "status=happy", "type=dog", "datetime=yesterday", "minDuration=-1"):
        assert server.get(f"{OGC}/jobs?{wrong}", headers=server.as_user()).status_code == 400


@pytest.mark.parametrize(
    ("inputs", "more", "why"),
    [
        ({}, {}, "'x' is missing"),
        ({"x": 1, "z": 1}, {}, "no input 'z'"),
        ({"x": "1"}, {}, "'x' has a wrong type"),
        ({"x": {"value": [1]}}, {}, "'x' has a wrong type"),
        ({"x": {"href": "file:///etc/passwd"}}, {}, "file:///etc/passwd.* is refused"),
        ({"x": 1}, {"outputs": {"other": {}}}, "an output that there is not"),
        ({"x": 1}, {"response": "smoke"}, "its response"),
        ({"x": 1}, {"subscriber": {"successUri": "http://a.example"}}, "subscriber"),
        ({"x": 1}, {"outputs": {"results": {"format": {"mediaType": "text/csv"}}}}, "another format"),
    ],
)
def test_a_wrong_request_is_refused_and_leaves_no_job(server, adding, inputs, more, why):
    def list_jobs():
        return [job["id"] for job in server.get(f"{OPENEO}/jobs", headers=server.as_user()).json()["jobs"]]

    before = list_jobs()
    answer = execute(server, adding, inputs, **more)
    assert answer.status_code in (400, 403), answer.text
    assert re.search(why, answer.json()["detail"])
    assert list_jobs() == before


def test_an_input_is_fetched_from_where_the_operator_allows_it(server, adding, tmp_path, monkeypatch):
    (tmp_path / "x.json").write_text("40")
    with FaultServer(tmp_path) as served:
        refused = execute(server, adding, {"x": {"href": f"{served.url}/x.json"}})
        assert refused.status_code == 400
        for name, value in served.environment().items():
            monkeypatch.setenv(name, value)
        answer = execute(server, adding, {"x": {"href": f"{served.url}/x.json"}})
    (asset,) = answer.json()["assets"].values()
    assert server.get(asset["href"]).json() == 42


def test_results_that_are_not_there_yet_or_failed_are_told_as_such(server):
    job = server.post(f"{OPENEO}/jobs", {"process": {"process_graph": SUM["process_graph"]}})
    path = f"{OGC}/jobs/{job.headers['OpenEO-Identifier']}"
    assert server.get(path, headers=server.as_user()).json()["status"] == "accepted"
    answer = server.get(f"{path}/results", headers=server.as_user())
    assert read_problem(answer) == (404, "result-not-ready")
    server.post(f"{job.headers['Location']}/results", None)
    assert await_end(server, path)["status"] == "failed"
    answer = server.get(f"{path}/results", headers=server.as_user())
    assert (answer.status_code, answer.json()["code"]) == (400, "ProcessParameterRequired")


def test_a_process_that_its_owner_shares_is_everybodys_with_what_it_calls(server, ada, adding):
    def put(name, node, **more):
        graph = {"n": node | {"result": True}}
        body = {"process_graph": graph, "parameters": SUM["parameters"][:1]} | more
        assert server.client.put(f"{OPENEO}/process_graphs/{name}", json=body, headers=ada).status_code == 200

    x = {"from_parameter": "x"}
    put("double", {"process_id": "add", "arguments": {"x": x, "y": x}})
    put("twice", {"process_id": "double", "arguments": {"x": x}}, public=True)
    listed = {
        one["id"] for one in server.get(f"{OGC}/processes", headers=server.as_user()).json()["processes"]
    }
    assert "ada:twice" in listed
    assert not listed & {"twice", "double", "ada:double"}
    assert server.get(f"{OGC}/processes/ada:double", headers=server.as_user()).status_code == 404
    assert server.get(f"{OGC}/processes/ada:twice").status_code == 404  # without a login
    anybodys = {one["id"] for one in server.get(f"{OGC}/processes").json()["processes"]}
    assert anybodys == set(list_applications())
    (asset,) = execute(server, "ada:twice", {"x": 21}).json()["assets"].values()
    assert server.get(asset["href"]).json() == 42

    put("twice", {"process_id": "double", "arguments": {"x": x}})  # shared no more
    assert server.get(f"{OGC}/processes/ada:twice", headers=server.as_user()).status_code == 404


@pytest.mark.parametrize("name", sorted(list_applications()))
def test_each_application_calls_what_there_is_and_becomes_a_package(server, name):
    process = find_application(name)
    check_calls(process, {})
    package = server.get(f"/packages/applications/{name}", headers=server.as_user()).json()
    assert package["$graph"][0]["inputs"].keys() == {p["name"] for p in process["parameters"]} | {
        "products",
        "workspace",
    }


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        ({"type": "null"}, {"nullable": True}),
        ([{"type": "string"}], {"type": "string"}),
        ([{"type": "string", "subtype": "date"}, {"type": "null"}],
         {"oneOf": [{"type": "string"}, {"nullable": True}]}),
        ({"type": ["array", "object"]}, {"oneOf": [{"type": "array"}, {"type": "object"}]}),
        ({"properties": {"a": {"const": 1}}}, {"properties": {"a": {"enum": [1]}}}),
    ],
)  # fmt: skip
def test_schemas_are_written_in_the_words_of_openapi(schema, expected):
    assert convert_schema(schema) == expected
