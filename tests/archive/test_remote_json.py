"""Documents of APIs: asked politely, bounded, and with secrets told to nobody else."""

from __future__ import annotations

import json

import pytest

from eocene.archive.fetch import Door, Limits, Policy
from eocene.archive.fetch.urls import parse_url
from eocene.model import DamageError, InputError
from eocene.testing.faults import Fault, Faults, FaultServer
from eocene.testing.faults.handler import Answer


@pytest.fixture
def api(tmp_path):
    def search(method, target, body):
        answer = {"method": method, "target": target, "body": json.loads(body) if body else None}
        return Answer(200, json.dumps(answer).encode(), {"Content-Type": "application/geo+json"})

    with FaultServer(tmp_path, route=search) as server:
        yield server


def test_a_search_is_posted_and_answered_through_faults(api):
    api.faults = Faults([Fault("status", status=502), Fault("reset", after=0.0), Fault("truncate")])
    body = {"collections": ["sentinel-2-l2a"], "limit": 10}
    answer = api.door().get_json(f"{api.url}/search?x=1", "POST", body)
    assert answer == {"method": "POST", "target": "/search?x=1", "body": body}


def test_what_is_no_json_or_too_large_is_an_error(api):
    (api.folder / "page.html").write_text("<html>")
    (api.folder / "deep.json").write_text("[" * 200_000)
    api.route = None
    for name in ("page.html", "deep.json"):
        with pytest.raises(DamageError, match="no JSON"):
            api.door().get_json(f"{api.url}/{name}")
    with pytest.raises(DamageError, match="larger"):
        api.door(document_bytes=100_000).get_json(f"{api.url}/deep.json")
    api.faults = Faults(always=Fault("endless"))
    with pytest.raises(DamageError, match="larger"):
        api.door().get_json(f"{api.url}/deep.json")


def test_a_redirect_is_followed_where_it_is_allowed_and_tells_no_secret(api, tmp_path):
    with FaultServer(tmp_path, route=api.route) as other:
        prefixes = (parse_url(f"{api.url}/"), parse_url(f"{other.url}/open/"))
        door = Door((), Policy(prefixes, frozenset({api.host, other.host})), Limits())
        api.faults = Faults(always=Fault("redirect", 302, {"Location": f"{other.url}/open/a"}))
        found = door.get_json(f"{api.url}/a", headers={"Authorization": "Bearer SECRET", "X-Key": "SECRET"})
        assert found["target"] == "/open/a"
        assert "SECRET" in str(api.seen[-1].headers)
        assert "SECRET" not in str(other.seen[-1].headers)
        for place in (
            f"{other.url}/closed/a",
            f"{other.url}/open/../closed/a",
            "//evil.example/open/",
            "ftp://x/",
        ):
            api.faults = Faults(always=Fault("redirect", 307, {"Location": place}))
            with pytest.raises(InputError):
                door.get_json(f"{api.url}/a")
        assert other.requests == 1


def test_redirects_in_a_circle_end(api):
    api.faults = Faults(always=Fault("redirect", 302, {"Location": "/a"}))
    with pytest.raises(DamageError, match="redirects more than 5 times"):
        api.door().get_json(f"{api.url}/a")
    assert api.requests == 6


def test_what_is_posted_is_not_repeated_elsewhere_nor_as_a_get(api, tmp_path):
    with FaultServer(tmp_path, route=api.route) as other:
        prefixes = (parse_url(f"{api.url}/"), parse_url(f"{other.url}/"))
        door = Door((), Policy(prefixes, frozenset({api.host, other.host})), Limits())
        for status, place in ((302, "/b"), (307, f"{other.url}/b"), (308, f"{other.url}/b")):
            api.faults = Faults(always=Fault("redirect", status, {"Location": place}))
            with pytest.raises(InputError, match="POST"):
                door.get_json(f"{api.url}/a", "POST", b"client_secret=SECRET")
        assert other.requests == 0
    api.faults = Faults([Fault("redirect", 308, {"Location": "/b"})])
    assert api.door().get_json(f"{api.url}/a", "POST", {"limit": 1})["body"] == {"limit": 1}


def test_a_proxy_of_the_environment_is_not_used(api, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert api.door().get_json(f"{api.url}/a")["target"] == "/a"
