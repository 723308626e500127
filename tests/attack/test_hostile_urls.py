"""No URL, however it is spelled, makes this process ask anybody whom the operator did not allow."""

from __future__ import annotations

import pytest

import eocene
from eocene.archive.fetch import Door, Limits, Policy, addresses
from eocene.archive.fetch.urls import parse_url
from eocene.model import EoceneError, InputError
from eocene.testing.faults import Fault, Faults, FaultServer
from tests.attack.entries import make_entries, refuses
from tests.attack.spellings import CONFUSING, PRIVATE, REDIRECTS, spellings_of
from tests.attack.watching import watch_python


@pytest.fixture
def canary(tmp_path):
    """A server on the loopback address that nobody is allowed to ask."""
    (tmp_path / "canary").mkdir()
    (tmp_path / "canary" / "a.tif").write_bytes(bytes(1000))
    with FaultServer(tmp_path / "canary") as server:
        yield server


@pytest.fixture
def allowed(tmp_path):
    """A server of which the operator allows the folder ``open``, with a secret beside it."""
    for name in ("open", "open-not", "secret"):
        (tmp_path / "allowed" / name).mkdir(parents=True)
        (tmp_path / "allowed" / name / "a.tif").write_bytes(bytes(1000))
    with FaultServer(tmp_path / "allowed") as server:
        yield server


@pytest.fixture
def names(monkeypatch):
    """Host names and their addresses; all others do not exist. Nobody else is asked for names."""
    known: dict[str, list[str]] = {}

    def resolve(host, _port):
        if host in known:
            return known[host]
        try:
            return [str(addresses.ip_address(host))]
        except ValueError as error:
            raise OSError("no such host") from error

    monkeypatch.setattr(addresses, "resolve_host", resolve)
    return known


def test_no_spelling_leads_outside_through_any_entry(canary, allowed, names, tmp_path, monkeypatch):
    monkeypatch.setenv("EOCENE_REMOTE", f"{allowed.url}/open/, https://data.example/sentinel/")
    monkeypatch.setenv("EOCENE_REMOTE_PRIVATE", allowed.host)
    urls = spellings_of(canary.host, allowed.host, allowed.port)
    assert len(urls) == len(set(urls)) >= 100
    with eocene.open(tmp_path / "workspace") as workspace, watch_python() as seen:
        entries = make_entries(workspace, tmp_path / "products")
        taken = [(name, url) for name, enter in entries.items() for url in urls if not refuses(enter, url)]
    assert taken == []
    assert canary.requests == allowed.requests == 0
    assert seen.connected == seen.resolved == seen.started == []
    secret = ("/etc/passwd", "/proc/self/environ", "/dev", str(canary.folder), str(allowed.folder))
    assert [path for path in seen.opened if path.startswith(secret)] == []


def test_a_prefix_ends_at_its_host_and_its_folder(names):
    names["data.example"] = ["127.0.0.1"]
    policy = Policy((parse_url("https://data.example/sentinel"),))
    for url in CONFUSING:
        with pytest.raises(InputError):
            policy.admit(url)
    for url in ("https://data.example/sentinel", "HTTPS://DATA.example:443/sentinel/a%20b.tif?x=..%2f"):
        assert policy.admit(url).host == "data.example"


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_to_an_address_inside_is_not_connected_to(names, address):
    """Also where the name is allowed, and where only one of its addresses is not public."""
    for host, found in (("one.example", [address]), ("two.example", ["93.184.215.14", address])):
        names[host] = found
        door = Door((), Policy((parse_url(f"http://{host}/"),)), Limits(attempts=1, connect_s=0.2))
        with watch_python() as seen, pytest.raises(InputError):
            door.open(f"http://{host}/a.tif")
        assert seen.connected == []
        forget(host)


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1", "224.0.0.1", "::", "::ffff:169.254.169.254"]
)
def test_what_keeps_the_credentials_of_clouds_is_never_connected_to(names, address):
    names["inner.example"] = [address]
    door = Door(
        (), Policy((parse_url("http://inner.example/"),), frozenset({"inner.example"})), Limits(attempts=1)
    )
    with watch_python() as seen, pytest.raises(InputError):
        door.open("http://inner.example/a.tif")
    assert seen.connected == []
    forget("inner.example")


def forget(host):
    from eocene.archive.fetch.connections import shared_connections

    shared_connections().forget(parse_url(f"http://{host}/"))


def test_a_name_that_changes_its_address_between_check_and_connection_gains_nothing(
    canary, allowed, monkeypatch
):
    """DNS rebinding: the resolver answers once; what it would answer next is nobody's business."""
    answers = iter([["127.0.0.1"], ["127.0.0.1"], ["10.0.0.1"]])
    asked = []
    monkeypatch.setattr(addresses, "resolve_host", lambda *host: asked.append(host) or next(answers))
    host = f"rebind.example:{allowed.port}"
    public = Door((), Policy((parse_url(f"http://{host}/"),)), Limits(attempts=1))
    private = Door((), Policy((parse_url(f"http://{host}/open/"),), frozenset({host})), Limits(attempts=1))
    with pytest.raises(InputError):
        public.open(f"http://{host}/open/a.tif")
    assert private.open(f"http://{host}/open/a.tif").read(0, 4) == bytes(4)
    assert asked == [("rebind.example", allowed.port)]
    assert canary.requests == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_leads_outside(canary, allowed, names, status):
    parts = {"c": canary.host, "a": allowed.host, "p": canary.port}
    policy = Policy((parse_url(f"{allowed.url}/open/"),), frozenset({allowed.host}))
    for place in REDIRECTS:
        target = place.format(**parts)
        allowed.faults = Faults(always=Fault("redirect", status, {"Location": target}))
        with pytest.raises(EoceneError):
            Door((), policy, Limits(attempts=1)).open(f"{allowed.url}/open/{status}.tif")
    assert canary.requests == 0
    assert {seen.target.split("/")[1] for seen in allowed.seen} == {"open"}


def test_a_header_cannot_be_smuggled_in(allowed):
    for value in ("x\r\nHost: evil.example", "x\nX-Evil: 1"):
        with pytest.raises((EoceneError, ValueError)):
            allowed.door(attempts=1).get_json(f"{allowed.url}/open/a.tif", headers={"Authorization": value})
    assert allowed.requests == 0
