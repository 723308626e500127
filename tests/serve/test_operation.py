"""What operators and browsers see: CORS, metrics, docs, the page, health, linked data, models."""

from __future__ import annotations

import re

import httpx
import pytest
from tests.serve.conftest import read_error, run_server, start_app

from eocene.serve import page
from eocene.serve.server import is_loopback

SPARQL = {"Content-Type": "application/sparql-query"}


@pytest.mark.parametrize("path", ["/openeo/1.2/jobs", "/openeo/1.2/", "/stac/search", "/nothing"])
def test_preflights_are_answered_as_openeo_asks(server, path):
    answer = server.client.options(
        path, headers={"Origin": "http://elsewhere", "Access-Control-Request-Method": "POST"}
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert {"GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"} <= set(
        answer.headers["access-control-allow-methods"].split(", ")
    )


@pytest.mark.parametrize("path", ["/openeo/1.2/", "/openeo/1.2/jobs", "/nothing", "/stac/search"])
def test_answers_of_openeo_and_stac_can_be_read_from_other_origins(server, path):
    headers = server.get(path).headers
    assert headers["access-control-allow-origin"] == "*"
    assert {"Link", "Location", "OpenEO-Costs", "OpenEO-Identifier"} <= set(
        headers["access-control-expose-headers"].split(", ")
    )


def test_metrics_count_requests_by_route_and_jobs_by_state(server):
    server.get("/stac/collections/sentinel-2-l2a")
    text = server.get("/metrics").text
    route = r'route="/stac/collections/\{collection_id\}"'
    count = re.search(rf'eocene_requests_total\{{method="GET",{route},status="200"\}} (\d+)', text)
    assert int(count[1]) >= 1
    server.get("/stac/collections/sentinel-2-l2a")
    assert f"{count[0].rpartition(' ')[0]} {int(count[1]) + 1}" in server.get("/metrics").text
    assert "sentinel-2-l2a" not in text
    for line in text.splitlines():
        assert line.startswith("# ") or re.fullmatch(
            r"[a-z_]+(\{[^{}]*(\{[^{}]*\}[^{}]*)*\})? [\d.e+-]+", line
        ), line


def test_the_documentation_asks_nobody_else_for_anything(server):
    text = server.get("/docs").text
    addresses = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert addresses
    for address in addresses:
        assert address.startswith("/"), address
        assert server.get(address).status_code == 200
    paths = server.get("/openapi.json").json()["paths"]
    assert {
        "/openeo/1.2/jobs",
        "/stac/search",
        "/tiles/{layer_id}/{z}/{x}/{y}",
        "/sparql",
    } <= paths.keys()


def test_without_a_built_page_the_root_says_how_to_build_it(server, monkeypatch, tmp_path):
    monkeypatch.setattr(page, "FOLDER", tmp_path)
    answer = server.get("/")
    assert answer.status_code == 200
    assert "make web" in answer.text


def test_a_built_page_is_served_with_its_files_and_no_others(server, monkeypatch, tmp_path):
    folder = tmp_path / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>built</title>")
    (folder / "assets" / "a-1234.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    monkeypatch.setattr(page, "FOLDER", folder)
    assert "built" in server.get("/").text
    script = server.get("/assets/a-1234.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]
    assert "default-src 'self'" in script.headers["content-security-policy"]
    assert read_error(server.get("/%2e%2e/secret.txt"))[0] == 404


def test_health_looks_into_the_stores(server):
    body = server.get("/health").json()
    assert body["status"] == "ok"
    assert body["collections"] > 0
    assert body["workers"] == 1


def test_sparql_answers_by_get_form_and_body(server):
    pytest.importorskip("pyoxigraph")
    question = "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }"
    answers = [
        server.get("/sparql", params={"query": question}),
        server.client.post("/sparql", data={"query": question}),
        server.client.post("/sparql", content=question, headers=SPARQL),
    ]
    for answer in answers:
        assert answer.headers["content-type"] == "application/sparql-results+json"
        (row,) = answer.json()["results"]["bindings"]
        assert row["n"]["value"] == "0"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"method": "GET", "params": {}}, 400),
        ({"method": "GET", "params": {"query": "SELECT * WHERE {"}}, 400),
        ({"method": "GET", "params": {"query": "DROP ALL"}}, 400),
        ({"method": "POST", "content": b"\xff", "headers": SPARQL}, 400),
        ({"method": "POST", "content": b"x", "headers": {"Content-Type": "text/plain"}}, 415),
    ],
)
def test_wrong_questions_are_refused(server, request_, status):
    pytest.importorskip("pyoxigraph")
    assert read_error(server.client.request(url="/sparql", **request_))[0] == status


def test_models_are_listed(server):
    assert server.get("/models").json()["models"] == []


def test_data_that_is_not_public_needs_a_login(workspace):
    app, password = start_app(workspace, workers=0, public_data=False)
    assert password == ""
    with run_server(app) as url:
        for path in ("/layers", "/tiles/x/0/0/0.png", "/series/x?lon=0&lat=0", "/sparql?query=x", "/models"):
            assert read_error(httpx.get(url + path, timeout=30))[0] == 401
        assert httpx.get(f"{url}/stac/collections", timeout=30).status_code == 200


def test_data_that_is_open_here_is_closed_to_pages_of_others(server, workspace):
    paths = ("/layers", "/series/x?lon=0&lat=0", "/sparql?query=x", "/models", "/tiles/x/0/0/0.png")
    app, _ = start_app(workspace, workers=0, share_data=True)
    with run_server(app) as url:
        for path in paths:
            assert "access-control-allow-origin" not in server.get(path).headers
            assert httpx.get(url + path, timeout=30).headers["access-control-allow-origin"] == "*"


def test_a_server_is_called_by_its_own_name_only(workspace):
    app, _ = start_app(workspace, workers=0, hosts=("127.0.0.1",))
    with run_server(app) as url:
        assert httpx.get(f"{url}/health", timeout=30).status_code == 200
        answer = httpx.get(f"{url}/health", headers={"Host": "evil.example:8080"}, timeout=30)
    assert read_error(answer) == (400, "HostUnknown")


def test_only_loopback_addresses_are_open_by_default():
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert is_loopback("localhost")
    assert not is_loopback("0.0.0.0")  # noqa: S104
    assert not is_loopback("eocene.example")
