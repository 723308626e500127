"""The audit log holds who did what with what outcome, and nothing that strangers could fill it with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.command import call
from tests.serve.conftest import run_server, start_app

from eocene.jobs import Quota
from eocene.model import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

OPENEO = "/openeo/1.2"
PROCESS = {"process_graph": {"a": {"process_id": "add", "arguments": {"x": 1, "y": 1}, "result": True}}}


@pytest.fixture
def app(tmp_path):
    layout = Layout(tmp_path)
    layout.marker.write_text("{}")
    return start_app(layout, workers=0, oidc=(), quota=Quota())[0]


@pytest.fixture
def client(app) -> Iterator[httpx.Client]:
    app.state.rooms.users.set_password("ada", "long enough")
    with run_server(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def read_log(app) -> list[dict]:
    return list(reversed(list(app.state.rooms.accounts.audit.read())))


def test_logins_changes_and_refusals_are_noted_with_person_and_outcome(app, client):
    client.get(f"{OPENEO}/credentials/basic", auth=("ada", "wrong"))
    answer = client.get(f"{OPENEO}/credentials/basic", auth=("ada", "long enough"))
    ada = {"Authorization": f"Bearer basic//{answer.json()['access_token']}"}
    home = client.post(f"{OPENEO}/jobs", json={"process": PROCESS}, headers=ada).headers["Location"]
    client.get(home, headers=ada)
    client.post(f"{home}/results", headers=ada)
    client.delete(home, headers=ada)
    client.post("/stac/collections", json={}, headers=ada)
    assert [(e.get("actor"), e["action"], e["status"]) for e in read_log(app)] == [
        (None, f"GET {OPENEO}/credentials/basic", 403),
        ("ada", f"GET {OPENEO}/credentials/basic", 200),
        ("ada", f"POST {OPENEO}/jobs", 201),
        ("ada", f"POST {OPENEO}/jobs/{{job_id}}/results", 202),
        ("ada", f"DELETE {OPENEO}/jobs/{{job_id}}", 204),
        ("ada", "POST /stac/collections", 403),
    ]
    assert read_log(app)[4]["target"] in home
    assert all(entry["address"] == "127.0.0.1" for entry in read_log(app))
    assert "long enough" not in str(read_log(app))


def test_who_works_in_a_project_is_named(app, client):
    accounts = app.state.rooms.accounts
    project = accounts.projects.create("water", "ada")["id"]
    token, _ = accounts.tokens.create("ada", "work", scope="write", project=project)
    client.post(f"{OPENEO}/jobs", json={"process": PROCESS}, headers={"Authorization": f"Bearer {token}"})
    (entry,) = read_log(app)
    assert (entry["actor"], entry["account"]) == ("ada", project)


def test_strangers_leave_no_trace_that_could_fill_the_disk(app, client):
    for _ in range(5):
        client.post(f"{OPENEO}/jobs", json={}, headers={"Authorization": "Bearer basic//wrong"})
        client.post(f"{OPENEO}/jobs", json={})
        client.get(f"{OPENEO}/collections")
    assert read_log(app) == []


def test_the_operator_manages_users_by_command_and_reads_it_in_the_log(tmp_path):
    (tmp_path / "eocene.json").write_text("{}")

    def run(*arguments: str) -> object:
        return call(*arguments, "-w", tmp_path).json

    made = run("users", "add", "bert")
    assert len(made["password"]) >= 12
    assert call("users", "add", "bert", "-w", tmp_path).code == 2
    assert run("users", "quota", "bert", "jobs=2", "requests=null")["quota"] == {"jobs": 2}
    assert call("users", "quota", "bert", "speed=2", "-w", tmp_path).code == 2
    assert run("users", "roles", "bert", "editor")["roles"] == ["editor"]
    token = run("tokens", "create", "bert", "script", "--scope", "write")
    assert [listed["id"] for listed in run("tokens", "list", "bert")] == [token["id"]]
    assert run("tokens", "revoke", "bert", token["id"]) == {"revoked": token["id"]}
    assert run("users", "remove", "bert") == {"closed": "bert"}
    assert [(user["name"], user["closed"]) for user in run("users", "list")] == [("bert", True)]
    noted = [json.loads(line) for line in call("audit", "-w", tmp_path).out.splitlines()]
    assert [entry["action"] for entry in reversed(noted)] == [
        "users add", "users quota", "users roles", "tokens create", "tokens revoke", "users remove",
    ]  # fmt: skip
    assert all(entry["actor"].startswith("operator:") for entry in noted)
    assert made["password"] not in str(noted)
