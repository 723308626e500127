"""Whether a server lives and is ready, told with what is wrong."""

from __future__ import annotations

import shutil
import threading

import httpx
import pytest
from tests.serve.conftest import run_server, start_app

from eocene.model import DamageError
from eocene.serve import health


@pytest.fixture(scope="module")
def own(server, workspace):
    """A second server of the workspace, which may be harmed."""
    app, _ = start_app(workspace, workers=0)
    with run_server(app) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield app, client


def test_a_server_that_is_well_says_so(own):
    _, client = own
    assert client.get("/health/live").json() == {"status": "ok"}
    answer = client.get("/health")
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["faults"], body["workers"]) == ("ok", {}, 0)
    assert body["collections"] > 0


def test_a_catalogue_that_cannot_be_read_is_named_without_telling_where_it_lies(own, monkeypatch):
    app, client = own
    root = app.state.rooms.layout.root

    def fail():
        raise DamageError(f"The catalogue {root}/catalogue.sqlite is damaged.", "Restore it.")

    monkeypatch.setattr(app.state.rooms.archive.catalogue, "collections", fail)
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["faults"] == {
        "catalogue": "The catalogue <workspace>/catalogue.sqlite is damaged. Restore it."
    }
    assert client.get("/health/live").status_code == 200


def test_a_full_disk_is_named(own, monkeypatch):
    _, client = own
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: usage._replace(free=5 << 20))
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["faults"]) == (503, {"disk": "only 5 MiB are free"})


def test_workers_that_do_not_live_are_named(own, monkeypatch):
    app, client = own
    monkeypatch.setattr(app.state, "workers", [threading.Thread()] * 2)
    answer = client.get("/health")
    assert answer.status_code == 503
    assert answer.json()["faults"] == {"workers": "none of 2 worker processes lives"}
