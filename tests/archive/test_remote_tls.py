"""The certificate is held to the name, the connection to the address that was checked."""

from __future__ import annotations

import ssl

import numpy as np
import pytest
import trustme

from eocene.archive.fetch import Door, Limits, Policy, addresses
from eocene.archive.fetch.connection import tls_context
from eocene.archive.fetch.connections import shared_connections
from eocene.archive.fetch.urls import parse_url
from eocene.model import DamageError, InputError
from eocene.testing.faults import FaultServer


@pytest.fixture
def authority(monkeypatch, tmp_path):
    """A certificate authority that this process trusts during a test."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    tls_context.cache_clear()
    yield made
    tls_context.cache_clear()


@pytest.fixture
def server(authority, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("data.example", "ranges.example").configure_cert(context)
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "a.bin").write_bytes(bytes(100))
    with FaultServer(tmp_path / "served", tls=context) as running:
        yield running


def door_to(name, server):
    prefix = parse_url(f"https://{name}:{server.port}/")
    return Door((), Policy((prefix,), frozenset({name})), Limits(attempts=2))


def test_a_host_is_resolved_once_and_its_certificate_is_that_of_its_name(server, monkeypatch):
    asked = []
    monkeypatch.setattr(addresses, "resolve_host", lambda host, port: asked.append(host) or ["127.0.0.1"])
    content = door_to("data.example", server).open(f"https://data.example:{server.port}/a.bin")
    assert content.read(0, 10) == bytes(10)
    assert content.size == 100
    assert asked == ["data.example"]
    assert server.seen[0].headers["Host"] == f"data.example:{server.port}"


def test_many_ranges_come_whole_and_a_connection_that_stands_is_used_again(server, monkeypatch):
    data = np.random.default_rng(2).integers(0, 256, 2_000_000, dtype=np.uint8).tobytes()
    (server.folder / "scene.tif").write_bytes(data)
    monkeypatch.setattr(addresses, "resolve_host", lambda *_: ["127.0.0.1"])
    content = door_to("ranges.example", server).open(f"https://ranges.example:{server.port}/scene.tif")
    ranges = [(300_000 * number, 120_000) for number in range(6)]
    assert content.read_many(ranges) == [data[offset : offset + length] for offset, length in ranges]
    monkeypatch.setattr(shared_connections().threads, "submit", lambda *_: pytest.fail("a thread was asked"))
    for offset, length in ranges:
        assert content.read(offset, length) == data[offset : offset + length]


def test_another_name_than_that_of_the_certificate_is_refused(server, monkeypatch):
    monkeypatch.setattr(addresses, "resolve_host", lambda *_: ["127.0.0.1"])
    with pytest.raises(DamageError, match="no secure connection"):
        door_to("other.example", server).open(f"https://other.example:{server.port}/a.bin")
    assert server.requests == 0


def test_an_unknown_authority_is_refused(server, monkeypatch):
    monkeypatch.setattr(addresses, "resolve_host", lambda *_: ["127.0.0.1"])
    monkeypatch.delenv("SSL_CERT_FILE")
    tls_context.cache_clear()
    with pytest.raises(DamageError, match="no secure connection"):
        door_to("data2.example", server).open(f"https://data2.example:{server.port}/a.bin")
    assert server.requests == 0


def test_a_name_that_later_leads_elsewhere_is_not_followed_there(server, monkeypatch):
    """DNS rebinding: the second answer of the resolver is never asked for, or is checked like the first."""
    answers = [["127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"]]
    monkeypatch.setattr(addresses, "resolve_host", lambda *_: answers.pop(0))
    door = door_to("rebind.example", server)
    for _ in range(2):
        with pytest.raises(DamageError):  # its certificate is for another name; the address stays the first
            door.open(f"https://rebind.example:{server.port}/a.bin")
    assert len(answers) == 2
    shared_connections().forget(parse_url(f"https://rebind.example:{server.port}/"))
    with pytest.raises(InputError, match=r"169\.254"):
        door.open(f"https://rebind.example:{server.port}/a.bin")
