"""Wrong requests get an error that names the fault, and nothing is changed by them."""

from __future__ import annotations

import base64
import re

import httpx
import pytest
from tests.serve.conftest import make_ndvi, read_error, run_server, start_app

from eocene.jobs import Users
from eocene.model import InputError, Layout
from eocene.serve import create_app, serve

OPENEO = "/openeo/1.2"
FAR = {"west": 100.0, "south": 10.0, "east": 100.1, "north": 10.1}
EMPTY = {"west": 12.0, "south": 48.0, "east": 11.0, "north": 47.0}


def change(graph, node, **arguments):
    graph[node]["arguments"] |= arguments
    return graph


@pytest.mark.parametrize("path", ["/result", "/validation"])
@pytest.mark.parametrize(
    ("node", "arguments", "fault"),
    [
        ("load", {"bands": ["B04", "B99"]}, "B99"),
        ("load", {"id": "sentinel-9"}, "sentinel-9"),
        ("load", {"spatial_extent": FAR}, "touches the box (100"),
        ("load", {"spatial_extent": EMPTY}, ""),
        ("load", {"temporal_extent": ["2024-05-01", "2024-05-01"]}, ""),
        ("month", {"period": "fortnight"}, "fortnight"),
        ("ndvi", {"sharpness": 3}, "sharpness"),
        ("save", {"format": "papyrus"}, "papyrus"),
    ],
)
def test_a_wrong_graph_is_refused_before_anything_runs(server, extent, path, node, arguments, fault):
    process = {"process_graph": change(make_ndvi(extent), node, **arguments)}
    body = process if path == "/validation" else {"process": process}
    answer = server.post(OPENEO + path, body)
    if path == "/validation":
        assert answer.status_code == 200
        (error,) = answer.json()["errors"]
    else:
        status, _ = read_error(answer)
        assert 400 <= status < 500
        error = answer.json()
    assert error["code"] != "Internal"
    assert fault in error["message"]


SUM = {"process_graph": {"a": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}}


@pytest.mark.parametrize("path", ["/result", "/jobs"])
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"plan": "gold"}, "BillingPlanInvalid"),
        ({"budget": -1}, "BudgetInvalid"),
        ({"budget": 0}, "BudgetInvalid"),
        ({"budget": 10**400}, "InvalidParameterValue"),
        ({"title": "a\x00b"}, "InvalidParameterValue"),
        ({"title": "x" * 1001}, "InvalidParameterValue"),
    ],
)
def test_what_cannot_be_paid_or_kept_is_refused(server, path, fields, code):
    answer = server.post(OPENEO + path, {"process": SUM, **fields})
    assert read_error(answer) == (400, code)


def test_a_job_has_the_only_plan_however_it_is_written(server):
    for plan in ({}, {"plan": None}, {"plan": "OPEN"}):
        job = server.post(f"{OPENEO}/jobs", {"process": SUM, **plan}).headers["OpenEO-Identifier"]
        assert server.get(f"{OPENEO}/jobs/{job}", headers=server.as_user()).json()["plan"] == "open"


def test_a_result_at_once_keeps_to_its_budget(server, extent):
    body = {"process": {"process_graph": make_ndvi(extent)}, "budget": 1e-9}
    answer = server.post(f"{OPENEO}/result", body)
    assert read_error(answer) == (400, "BudgetInvalid")
    assert "estimated to cost" in answer.json()["message"]


def test_titles_of_tokens_and_projects_are_texts(server):
    for path, body in (
        ("/account/tokens", {"title": "a\x00b"}),
        ("/account/projects", {"name": "water", "title": "a\x00b"}),
    ):
        assert server.post(path, body).status_code == 400


def test_there_is_no_port_beyond_65535(tmp_path):
    with pytest.raises(InputError, match="port 99999"):
        serve(tmp_path, port=99999)


@pytest.mark.parametrize("process", ["load_stac", "load_url"])
def test_an_address_that_the_operator_does_not_allow_is_the_fault_of_the_client(server, process):
    url = "https://user-data.example/collection.json?token=abc"
    arguments = {"url": url} | ({"format": "GTiff"} if process == "load_url" else {})
    graph = {"a": {"process_id": process, "arguments": arguments, "result": True}}
    answer = server.post(f"{OPENEO}/result", {"process": {"process_graph": graph}})
    assert read_error(answer) == (400, "ProcessParameterInvalid")
    assert "https://user-data.example/collection.json" in answer.json()["message"]
    assert "abc" not in answer.text
    (told,) = server.post(f"{OPENEO}/validation", {"process_graph": graph}).json()["errors"]
    assert told["code"] == "ProcessParameterInvalid"


def test_an_unknown_process_is_named(server):
    graph = {"a": {"process_id": "alchemy", "arguments": {}, "result": True}}
    answer = server.post(f"{OPENEO}/result", {"process": {"process_graph": graph}})
    assert read_error(answer) == (400, "ProcessUnsupported")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b'{"process": ', 400, "ContentTypeInvalid"),
        (b"", 400, "ContentTypeInvalid"),
        (b"[1, 2]", 400, "ContentTypeInvalid"),
        (b'{"process": NaN}', 400, "ContentTypeInvalid"),
        (b'{"process": 1e999}', 400, "ContentTypeInvalid"),
        (b'{"process": {}, "process": {}}', 400, "ContentTypeInvalid"),
        (b'{"title": "\\ud800", "process": {}}', 400, "ContentTypeInvalid"),
        (b"[" + b"0," * 400_000 + b"0]", 400, "ContentTypeInvalid"),
        (b"\xff\xfe\x00", 400, "ContentTypeInvalid"),
        (b'{"a":' * 20_000, 400, "ContentTypeInvalid"),
        (b"{}", 400, "ProcessInvalid"),
        (b'{"process": {"process_graph": {}}}', 400, "ProcessGraphMissing"),
        (b'{"process": 7}', 400, "ProcessInvalid"),
        (b'{"x": "' + b"a" * (5 << 20) + b'"}', 413, "FileSizeExceeded"),
    ],
)
@pytest.mark.parametrize("path", ["/jobs", "/result"])
def test_malformed_bodies_are_refused_and_make_no_job(server, path, content, status, code):
    before = server.get(f"{OPENEO}/jobs", headers=server.as_user()).json()["jobs"]
    headers = server.as_user() | {"Content-Type": "application/json"}
    answer = server.client.post(OPENEO + path, content=content, headers=headers)
    assert read_error(answer) == (status, code)
    assert server.get(f"{OPENEO}/jobs", headers=server.as_user()).json()["jobs"] == before


def list_json_routes(server):
    """Return the method and an address of every route that says that it takes JSON."""
    paths = server.get("/openapi.json").json()["paths"]
    found = [
        (method, re.sub(r"{\w+}", "j-1", path))
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    ]
    assert {("post", f"{OPENEO}/jobs"), ("patch", f"{OPENEO}/services/j-1")} <= set(found)
    return found


def test_a_body_that_is_said_not_to_be_json_is_refused_wherever_json_is_wanted(server):
    routes = list_json_routes(server)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx; charset=utf-8"):
        headers = server.as_user() | {"Content-Type": kind}
        for method, path in routes:
            answer = server.client.request(method, path, content=b"{}", headers=headers)
            found = (answer.status_code, answer.json()["code"])
            assert found == (415, "ContentTypeInvalid"), (method, path, kind)
            assert "application/json" in answer.json()["message"]


def test_no_body_of_json_is_read_to_its_end_however_long_it_is(server):
    for method, path in list_json_routes(server):
        headers = server.as_user() | {"Content-Type": "application/json"}
        answer = server.client.request(method, path, content=b" " * (5 << 20), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "FileSizeExceeded"), (method, path)


@pytest.mark.parametrize(
    "kind", [None, "application/json", "Application/JSON; charset=utf-8", "application/geo+json"]
)
def test_a_body_that_is_said_to_be_json_or_nothing_is_read(server, kind):
    headers = {"Content-Type": kind} if kind else {}
    graph = b'{"process_graph": {"a": {"process_id": "pi", "arguments": {}, "result": true}}}'
    answer = server.client.post(f"{OPENEO}/validation", content=graph, headers=headers)
    assert answer.json() == {"errors": []}


@pytest.mark.parametrize(
    "path", ["/jobs", "/me", "/services", "/jobs/j-1", "/jobs/j-1/results", "/jobs/j-1/logs"]
)
@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (None, 401, "AuthenticationRequired"),
        ("Bearer basic//wrong", 403, "TokenInvalid"),
        ("Bearer wrong", 403, "AuthenticationSchemeInvalid"),
        ("Bearer oidc/other/token", 403, "AuthenticationSchemeInvalid"),
        ("Basic eDp5", 403, "AuthenticationSchemeInvalid"),
    ],
)
def test_wrong_tokens_open_nothing(server, path, header, status, code):
    headers = {"Authorization": header} if header else {}
    assert read_error(server.get(OPENEO + path, headers=headers)) == (status, code)


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (None, 401, "AuthenticationRequired"),
        ("Basic " + base64.b64encode(b"eocene:wrong").decode(), 403, "CredentialsInvalid"),
        ("Basic " + base64.b64encode(b"nobody:wrong").decode(), 403, "CredentialsInvalid"),
        ("Basic %%%", 403, "CredentialsInvalid"),
        ("Bearer basic//x", 403, "AuthenticationSchemeInvalid"),
    ],
)
def test_wrong_passwords_open_nothing(server, header, status, code):
    headers = {"Authorization": header} if header else {}
    assert read_error(server.get(f"{OPENEO}/credentials/basic", headers=headers)) == (status, code)


def test_another_users_job_does_not_exist(server, workspace):
    body = {
        "process": {
            "process_graph": {"a": {"process_id": "add", "arguments": {"x": 1, "y": 1}, "result": True}}
        }
    }
    home = server.post(f"{OPENEO}/jobs", body).headers["Location"]
    users = Users(workspace)
    users.set_password("mallory", "a long password")
    headers = {"Authorization": f"Bearer basic//{users.issue_token('mallory')}"}
    users.close()
    calls = [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/logs"), ("GET", "/estimate")]
    calls += [("GET", "/results"), ("POST", "/results"), ("DELETE", "/results")]
    for method, rest in calls:
        content = {"json": {"title": "mine"}} if method == "PATCH" else {}
        answer = server.client.request(method, home + rest, headers=headers, **content)
        assert read_error(answer) == (404, "JobNotFound"), (method, rest)
    assert server.client.delete(home, headers=server.as_user()).status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "NotFound"),
        ("GET", "/../../etc/passwd", 404, "NotFound"),
        ("GET", "/assets/%2e%2e/%2e%2e/app.py", 404, "NotFound"),
        ("GET", "/openeo/0.4/collections", 404, "UnsupportedApiVersion"),
        ("GET", "/openeo/1.2/nothing", 404, "NotFound"),
        ("POST", "/health", 405, "FeatureUnsupported"),
        ("GET", "/models/nothing", 404, None),
        ("GET", "/layers/nothing", 404, "ServiceNotFound"),
    ],
)
def test_wrong_addresses_are_told(server, method, path, status, code):
    found, named = read_error(server.client.request(method, path))
    assert found == status
    assert code in (None, named)


def test_an_unexpected_error_is_internal_with_an_id_and_no_path(workspace, monkeypatch, caplog):
    app, _ = start_app(workspace, workers=0)

    def explode():
        raise RuntimeError(f"secret of {workspace.root}")

    monkeypatch.setattr(app.state.rooms.archive.catalogue, "collections", explode)
    with run_server(app) as url:
        answer = httpx.get(f"{url}/health", timeout=30)
    assert read_error(answer) == (500, "Internal")
    assert str(workspace.root) not in answer.text
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json()["id"] in caplog.text
    assert "secret of" in caplog.text


def test_a_result_that_is_too_large_is_for_a_batch_job(workspace, extent):
    app, _ = start_app(workspace, workers=0, sync_limit=1000)
    token = app.state.rooms.users.issue_token("eocene")
    with run_server(app) as url:
        answer = httpx.post(
            f"{url}{OPENEO}/result",
            json={"process": {"process_graph": make_ndvi(extent)}},
            headers={"Authorization": f"Bearer basic//{token}"},
            timeout=30,
        )
    assert read_error(answer) == (400, "ProcessGraphComplexity")
    assert "batch job" in answer.json()["message"]


def test_a_folder_that_is_no_workspace_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not a workspace"):
        create_app(Layout(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


ADD = {"add": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}
MONDAYS = {"kind": "schedule", "cron": "0 6 * * 1"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/openeo/1.2/jobs", {"process": {"process_graph": {"add": ADD["add"] | {"namespace": False}}}}),
        ("/openeo/1.2/jobs", {"process": {"process_graph": ADD, "experimental": {}}}),
        ("/openeo/1.2/result", {"process": {"process_graph": ADD}, "log_level": "loud"}),
        ("/rules", {"when": None}),
        ("/rules", {"when": {"kind": []}}),
        ("/rules", {"when": MONDAYS, "tell": [{"kind": {}}]}),
        (
            "/rules",
            {"when": MONDAYS, "run": {"process": {"process_graph": ADD, "parameters": [{"name": {}}]}}},
        ),
        ("/rules", {"when": MONDAYS, "run": {"process": {"process_graph": {"a": {"process_id": 1}}}}}),
        ("/stac/search", {"intersects": {"type": "MultiPoint", "coordinates": [[False, 0]]}}),
        ("/stac/search", {"intersects": {"type": "Point", "coordinates": ["1", "2"]}}),
        ("/stac/search", {"sortby": {}}),
        ("/stac/search", {"ids": False}),
        ("/stac/search", {"fields": {"exclude": {}}}),
        ("/account/tokens", {"title": "\x1d"}),
        ("/account/projects", {"name": "Wässer"}),
    ],
)
def test_what_a_fuzzer_once_got_through_is_refused(server, path, body):
    answer = server.post(path, body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] != "Internal"


def test_an_address_says_which_methods_it_has(server):
    for method, path, allowed in (
        ("PUT", "/openeo/1.2/jobs", "GET, POST"),
        ("GET", "/openeo/1.2/result", "POST"),
        ("POST", "/layers", "GET"),
    ):
        answer = server.client.request(method, path)
        assert read_error(answer) == (405, "FeatureUnsupported")
        assert answer.headers["allow"] == allowed
    assert read_error(server.client.put("/nowhere")) == (404, "NotFound")


def test_a_name_that_is_taken_is_a_conflict(server):
    assert server.post("/account/projects", {"name": "taken"}).status_code == 201
    assert read_error(server.post("/account/projects", {"name": "taken"})) == (409, "Conflict")
