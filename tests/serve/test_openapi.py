"""Every GET of the openEO API answers as the official specification says, formats included."""

from __future__ import annotations

import re
import time

import pytest
from tests.serve.test_openeo_responses import OPENEO, check  # noqa: F401  the fixture is used here, too

from eocene.serve.schemas import OPERATIONS

ELSEWHERE = {
    "/credentials/basic": "needs HTTP Basic and is checked with the logins",
    "/credentials/oidc": "needs a provider and is checked with the logins",
    "/collections/{collection_id}/queryables": "sends JSON Schema, of which the specification has no schema",
    "/jobs/{job_id}/results": "its schema names versions of STAC; checked with pystac",
    "/files/{path}": "sends the file itself",
}


@pytest.fixture(scope="module")
def places(server):
    """One of each thing that a path names, by the name of its parameter."""
    user = server.as_user()
    graph = {"add": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}
    job = server.post(f"{OPENEO}/jobs", {"process": {"process_graph": graph}, "title": "Sum"})
    server.client.put(f"{OPENEO}/process_graphs/three", json={"process_graph": graph}, headers=user)
    server.client.put(f"{OPENEO}/files/folder/a.txt", content=b"x", headers=user)
    load = {
        "process_id": "load_collection",
        "arguments": {
            "id": "sentinel-2-l2a",
            "bands": ["B04"],
            "spatial_extent": None,
            "temporal_extent": ["2024-01-01", "2025-01-01"],
        },
        "result": True,
    }
    service = server.post(f"{OPENEO}/services", {"type": "XYZ", "process": {"process_graph": {"load": load}}})
    yield {
        "job_id": job.headers["OpenEO-Identifier"],
        "process_graph_id": "three",
        "service_id": service.headers["OpenEO-Identifier"],
        "collection_id": "sentinel-2-l2a",
    }
    server.client.delete(job.headers["Location"], headers=user)
    server.client.delete(service.headers["Location"], headers=user)
    server.client.delete(f"{OPENEO}/process_graphs/three", headers=user)
    server.client.delete(f"{OPENEO}/files/folder/a.txt", headers=user)


def test_every_get_that_is_listed_answers_as_specified(server, specification, places, check):  # noqa: F811
    listed = server.get(f"{OPENEO}/").json()["endpoints"]
    seen = set()
    for endpoint in listed:
        path = endpoint["path"]
        if "GET" not in endpoint["methods"] or path in ELSEWHERE or path not in specification["paths"]:
            continue
        filled = re.sub(r"\{(\w+)\}", lambda found: places[found[1]], path)
        answer = server.get(OPENEO + filled, headers=server.as_user())
        assert answer.status_code == 200, (path, answer.text)
        check(answer.json(), path)
        seen.add(path)
    assert len(seen) >= 17


def test_all_paths_of_the_specification_are_there(server, specification):
    listed = {
        (endpoint["path"], method.lower())
        for endpoint in server.get(f"{OPENEO}/").json()["endpoints"]
        for method in endpoint["methods"]
    }
    wanted = {
        (path, method)
        for path, operations in specification["paths"].items()
        for method in operations
        if method in ("get", "put", "post", "patch", "delete")
    }
    missing = wanted - listed - {("/", "get"), ("/.well-known/openeo", "get")}
    # Logs of services are of the profile beyond the advanced one; providers are listed where there are some.
    assert missing <= {("/services/{service_id}/logs", "get"), ("/credentials/oidc", "get")}


def test_every_operation_says_what_it_takes_and_answers(server):
    document = server.get("/openapi.json").json()
    assert server.get("/openapi").json() == document
    known = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    # Providers are listed where there are some.
    assert known == OPERATIONS.keys() - {f"GET {OPENEO}/credentials/oidc"}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert "422" not in operation["responses"], path
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and "content" in answer:
                    assert "application/json" in answer["content"] or int(status) == 416, (path, status)


def test_the_document_is_openapi(server):
    from openapi_spec_validator import validate

    validate(server.get("/openapi.json").json())


def test_what_version_1_3_adds_is_there(server):
    home = server.get(f"{OPENEO}/").json()
    assert home["type"] == "Catalog"
    assert home["conformsTo"] == server.get(f"{OPENEO}/conformance").json()["conformsTo"]
    assert server.get(f"{OPENEO}/processes").json()["version"] == "2.0.0-rc.2"
    graph = {"add": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}
    answer = server.post(f"{OPENEO}/result", {"process": {"process_graph": graph}})
    assert answer.headers["OpenEO-Identifier"].startswith("r-")


def test_tokens_are_announced_only_where_some_are_taken(server):
    assert not any("jwt" in name for name in server.get(f"{OPENEO}/").json()["conformsTo"])


def test_a_job_and_its_results_tell_their_instants_as_version_1_3_names_them(server):
    graph = {"add": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}
    home = server.post(f"{OPENEO}/jobs", {"process": {"process_graph": graph}}).headers["Location"]
    created = server.get(home, headers=server.as_user()).json()
    assert not {"queued", "started", "unpublished"} & created.keys()
    server.post(f"{home}/results", None)
    deadline = time.monotonic() + 120
    while (job := server.get(home, headers=server.as_user()).json())["status"] in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert job["created"] <= job["queued"] <= job["started"] <= job["ended"] <= job["updated"]
    results = server.get(f"{home}/results", headers=server.as_user()).json()
    assert {n: results[n] for n in ("queued", "started", "updated")} == {
        n: job[n] for n in ("queued", "started", "updated")
    }
    server.client.delete(home, headers=server.as_user())


def test_a_slash_too_many_does_no_harm(server):
    assert server.get(f"{OPENEO}//processes").status_code == 200
    assert server.get(f"{OPENEO}//jobs/none", headers=server.as_user()).json()["code"] == "JobNotFound"
