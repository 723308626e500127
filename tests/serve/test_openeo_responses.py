"""Every openEO response has the form that the specification gives it."""

from __future__ import annotations

import re
import time

import jsonschema
import pytest
from tests.serve.conftest import make_ndvi, read_error

OPENEO = "/openeo/1.2"
SUM = {"process_graph": {"add": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}}


def find_schema(specification, path, method="get", status="200"):
    response = specification["paths"][path][method]["responses"][status]
    if "$ref" in response:
        response = specification["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return response["content"]["application/json"]["schema"]


def to_json_schema(node):
    """Turn OpenAPI 3.0 into JSON Schema: nullable, and examples that are no schema.

    "oneOf" becomes "anyOf": the specification lists alternatives there that include each other.
    """
    if isinstance(node, list):
        return [to_json_schema(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    fresh = {
        k: to_json_schema(v) for k, v in node.items() if k not in ("example", "examples", "discriminator")
    }
    if "oneOf" in fresh:
        fresh["anyOf"] = fresh.pop("oneOf")
    if fresh.pop("nullable", False):
        fresh = {"anyOf": [fresh, {"type": "null"}]}
    return fresh


@pytest.fixture(scope="module")
def check(specification):
    components = to_json_schema(specification["components"]["schemas"])

    def validate(body, path, **where):
        schema = to_json_schema(find_schema(specification, path, **where))
        document = schema | {"components": {"schemas": components}}
        jsonschema.Draft4Validator(document).validate(body)

    return validate


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/conformance",
        "/file_formats",
        "/collections",
        "/processes",
        "/service_types",
        "/me",
        "/jobs",
        "/services",
    ],
)
def test_lists_are_valid(server, check, path):
    answer = server.get(OPENEO + path, headers=server.as_user())
    assert answer.status_code == 200
    check(answer.json(), path)


def test_discovery_is_valid(server, check):
    body = server.get("/.well-known/openeo").json()
    check(body, "/.well-known/openeo")
    assert server.get(body["versions"][0]["url"]).json()["api_version"] == "1.2.0"


def test_every_collection_is_valid_and_has_a_cube(server, check):
    for collection in server.get(f"{OPENEO}/collections").json()["collections"]:
        body = server.get(f"{OPENEO}/collections/{collection['id']}").json()
        check(body, "/collections/{collection_id}")
        assert body["cube:dimensions"]
        assert "summaries" in body
        assert None not in body.values()


def test_the_endpoints_are_those_of_the_specification_and_answer(server, specification):
    listed = server.get(f"{OPENEO}/").json()["endpoints"]
    for endpoint in listed:
        operations = specification["paths"][endpoint["path"]]
        assert {method.lower() for method in endpoint["methods"]} <= operations.keys()
        if "GET" in endpoint["methods"] and "{" not in endpoint["path"]:
            headers = {} if endpoint["path"] == "/credentials/basic" else server.as_user()
            answer = server.client.get(
                OPENEO + endpoint["path"],
                headers=headers,
                auth=(server.user, server.password) if not headers else None,
            )
            assert answer.status_code == 200, endpoint["path"]
    assert len(listed) == len({endpoint["path"] for endpoint in listed}) > 15


def test_a_job_is_valid_in_every_state(server, check, extent):
    body = {"title": "NDVI", "description": "monthly", "process": {"process_graph": make_ndvi(extent)}}
    made = server.post(f"{OPENEO}/jobs", body)
    assert made.status_code == 201
    home = made.headers["Location"]
    assert home == f"{server.url}{OPENEO}/jobs/{made.headers['OpenEO-Identifier']}"
    created = server.get(home, headers=server.as_user()).json()
    check(created, "/jobs/{job_id}")
    assert (created["status"], created["title"]) == ("created", "NDVI")
    assert read_error(server.get(f"{home}/results", headers=server.as_user())) == (400, "JobNotStarted")
    estimate = server.get(f"{home}/estimate", headers=server.as_user()).json()
    check(estimate, "/jobs/{job_id}/estimate")
    assert estimate["size"] > 0
    assert server.post(f"{home}/results", None).status_code == 202
    seen = wait_for_end(server, home, check)
    assert seen[-1]["status"] == "finished"
    assert seen[-1]["progress"] == 100
    results = server.get(f"{home}/results", headers=server.as_user()).json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", results["expires"])
    logs = server.get(f"{home}/logs", headers=server.as_user()).json()
    check(logs, "/jobs/{job_id}/logs")
    assert logs["logs"][0]["message"] == "The job was created."
    later = server.get(f"{home}/logs?offset={logs['logs'][1]['id']}", headers=server.as_user()).json()
    assert later["logs"] == logs["logs"][2:]


def wait_for_end(server, home, check):
    seen = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        seen.append(server.get(home, headers=server.as_user()).json())
        check(seen[-1], "/jobs/{job_id}")
        if seen[-1]["status"] in ("finished", "error", "canceled"):
            break
        time.sleep(0.05)
    progress = [job.get("progress", 0) for job in seen]
    assert progress == sorted(progress)
    return seen


def test_a_failed_job_answers_424_with_its_last_error(server, check, extent):
    graph = make_ndvi(extent)
    graph["load"]["arguments"]["bands"] = ["B04", "B99"]
    home = server.post(f"{OPENEO}/jobs", {"process": {"process_graph": graph}}).headers["Location"]
    server.post(f"{home}/results", None)
    assert wait_for_end(server, home, check)[-1]["status"] == "error"
    answer = server.get(f"{home}/results", headers=server.as_user())
    assert answer.status_code == 424
    check(answer.json(), "/jobs/{job_id}/results", status="424")
    assert "B99" in answer.json()["message"]


def test_jobs_are_changed_paged_canceled_and_deleted(server):
    homes = [
        server.post(f"{OPENEO}/jobs", {"process": SUM, "title": f"{n}"}).headers["Location"] for n in range(3)
    ]
    user = server.as_user()
    assert server.client.patch(homes[0], json={"title": "new"}, headers=user).status_code == 204
    assert server.get(homes[0], headers=user).json()["title"] == "new"
    assert server.client.patch(homes[0], json={}, headers=user).status_code == 204
    assert read_error(server.client.patch(homes[0], json={"x": 1}, headers=user)) == (400, "NoDataForUpdate")
    assert read_error(server.client.patch(homes[0], json={"status": "x"}, headers=user)) == (
        400,
        "PropertyNotEditable",
    )
    page = server.get(f"{OPENEO}/jobs?limit=2", headers=user).json()
    following = next(link["href"] for link in page["links"] if link["rel"] == "next")
    ids = {job["id"] for job in page["jobs"] + server.get(following, headers=user).json()["jobs"]}
    assert len(ids) >= 3
    assert server.client.delete(f"{homes[1]}/results", headers=user).status_code == 204
    for home in homes:
        assert server.client.delete(home, headers=user).status_code == 204
        assert read_error(server.get(home, headers=user)) == (404, "JobNotFound")
