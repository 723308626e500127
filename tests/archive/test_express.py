"""Ranges that are asked for without waiting: one thread sees to those whose connections stand."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from eocene.archive.fetch import Door, Limits, Policy
from eocene.archive.fetch.connections import MOST_CONNECTIONS, shared_connections
from eocene.archive.fetch.urls import parse_url
from eocene.model import DamageError
from eocene.testing.faults import Fault, Faults, FaultServer

DATA = np.random.default_rng(8).integers(0, 256, 3_000_000, dtype=np.uint8).tobytes()
RANGES = [(40_000 + 200_000 * number, 50_000) for number in range(14)]


@pytest.fixture
def server(tmp_path):
    (tmp_path / "scene.tif").write_bytes(DATA)
    with FaultServer(tmp_path) as running:
        yield running


def opened(server, **limits):
    return server.door(**limits).open(f"{server.url}/scene.tif")


def count_descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def is_right(parts):
    return parts == [DATA[offset : offset + length] for offset, length in RANGES]


def test_asking_does_not_wait_and_what_comes_is_right(server):
    content = opened(server)
    server.latency_s = 0.5
    start = time.monotonic()
    parts = content.ask_many(RANGES)
    assert time.monotonic() - start < 0.4
    assert is_right([part() for part in parts])
    assert is_right([part() for part in reversed(parts)][::-1])


def test_a_connection_that_stands_is_used_again_and_no_thread_waits_for_it(server, monkeypatch):
    content = opened(server)
    monkeypatch.setattr(shared_connections().threads, "submit", lambda *_: pytest.fail("a thread was asked"))
    assert is_right([content.read(*one) for one in RANGES])


def test_more_than_there_are_connections_wait_for_each_other(server):
    content = opened(server)
    content.read_many(RANGES)
    server.latency_s = 0.05
    ranges = [(40_000 + 140_000 * (number % 20) + number, 10) for number in range(4 * MOST_CONNECTIONS)]
    parts = [content.ask_many([one])[0] for one in ranges]
    assert [part() for part in parts] == [DATA[o : o + n] for o, n in ranges]
    slots = [shared_connections().slots.acquire(timeout=10) for _ in range(MOST_CONNECTIONS)]
    for _ in filter(None, slots):
        shared_connections().slots.release()
    assert all(slots), "what was held is given back"


@pytest.mark.parametrize("kind", ["reset", "truncate", "stall", "no answer", "wrong range", "no ranges"])
def test_what_fails_now_and_then_is_asked_again(server, kind):
    content = opened(server, stall_s=0.4)
    content.read_many(RANGES)
    server.faults = Faults(rate=0.3, drawn=[Fault(kind, seconds=1.0)])
    assert is_right(content.read_many(RANGES))


def test_what_always_fails_is_told_by_each_that_waits(server):
    content = opened(server, stall_s=0.3, total_s=2.0, attempts=2)
    content.read_many(RANGES)
    server.faults = Faults(always=Fault("reset"))
    for part in content.ask_many(RANGES[:3]):
        for _ in range(2):
            with pytest.raises(DamageError, match=r"scene\.tif"):
                part()


def test_a_body_that_drips_is_given_up_in_time(server):
    content = opened(server, stall_s=5.0, total_s=1.5, attempts=2)
    content.read_many(RANGES[:1])
    server.faults = Faults(always=Fault("drip", seconds=0.2))
    start = time.monotonic()
    with pytest.raises(DamageError, match=r"scene\.tif"):
        content.read(*RANGES[0])
    assert time.monotonic() - start < 8  # on a busy machine


def test_what_is_begun_is_opened_with_the_same_request(server):
    door = server.door()
    for _ in range(3):
        door.begin(f"{server.url}/scene.tif")
    assert door.open(f"{server.url}/scene.tif").read(0, 9) == DATA[:9]
    assert server.requests == 1


def test_what_could_not_be_opened_is_tried_anew(server):
    door = server.door(attempts=1)
    server.faults = Faults([Fault("status", status=404)])
    door.begin(f"{server.url}/scene.tif")
    with pytest.raises(DamageError, match=r"scene\.tif"):
        door.open(f"{server.url}/scene.tif")
    assert door.open(f"{server.url}/scene.tif").read(0, 9) == DATA[:9]


def test_beginning_what_may_not_be_opened_asks_nobody(server):
    door = server.door()
    door.begin("http://10.0.0.1/secret.tif")
    door.begin("file:///etc/passwd")
    with pytest.raises(Exception, match=r"10\.0\.0\.1|secret"):
        door.open("http://10.0.0.1/secret.tif")
    assert server.requests == 0


def test_a_host_that_sends_elsewhere_is_not_asked_twice_for_each_range(server, tmp_path):
    with FaultServer(tmp_path) as front:
        prefixes = (parse_url(f"{front.url}/"), parse_url(f"{server.url}/"))
        door = Door((), Policy(prefixes, frozenset({front.host, server.host})), Limits())
        front.faults = Faults(always=Fault("redirect", 302, {"Location": f"{server.url}/scene.tif"}))
        content = door.open(f"{front.url}/scene.tif")
        content.read(*RANGES[0])
        before = front.requests
        assert is_right([content.read(*one) for one in RANGES])
        assert front.requests - before == len(RANGES)


def test_connections_to_hosts_of_long_ago_are_closed(server, tmp_path):
    content = opened(server)
    content.read_many(RANGES)
    before = count_descriptors()
    for _ in range(24):
        with FaultServer(tmp_path) as other:
            opened(other).read_many(RANGES[:4])
    assert count_descriptors() < before + 24 * 4
    assert is_right(content.read_many(RANGES))


def test_a_child_process_has_an_express_of_its_own(server):
    content = opened(server)
    content.read_many(RANGES)
    child = os.fork()
    if not child:
        os._exit(0 if is_right(content.read_many(RANGES)) else 1)
    assert is_right(content.read_many(RANGES))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_many_threads_ask_at_once(server):
    content, right = opened(server), []

    def read():
        right.append(sum(is_right(content.read_many(RANGES)) for _ in range(15)))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert right == [15] * 8
