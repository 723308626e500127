"""What lies on a server is read as if it lay here: the same bytes, or an error that names it."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eocene.archive.fetch import ContentStream, MissingError
from eocene.archive.fetch.connections import shared_connections
from eocene.archive.fetch.ranges import join_ranges
from eocene.model import DamageError, UnavailableError
from eocene.testing.faults import Fault, Faults, FaultServer

DATA = np.random.default_rng(5).integers(0, 256, 1_500_000, dtype=np.uint8).tobytes()


@pytest.fixture
def server(tmp_path):
    (tmp_path / "scene.tif").write_bytes(DATA)
    with FaultServer(tmp_path) as running:
        yield running


def opened(server, **limits):
    return server.door(**limits).open(f"{server.url}/scene.tif")


def test_ranges_are_the_bytes_of_the_file(server):
    content = opened(server)
    assert content.size == len(DATA)
    for offset, length in (
        (0, 10),
        (40_000, 5),
        (len(DATA) - 3, 100),
        (len(DATA) + 5, 10),
        (7, 0),
        (0, 2**40),
    ):
        assert content.read(offset, length) == DATA[offset : offset + length]


def test_opening_takes_one_request_and_brings_the_header(server):
    content = opened(server)
    content.read(0, 16)
    content.read(1000, 30_000)
    assert server.requests == 1


def test_an_object_that_is_open_is_not_asked_for_again(server):
    door = server.door()
    assert door.open(f"{server.url}/scene.tif") is door.open(f"{server.url}/scene.tif")
    assert server.requests == 1


def test_a_known_identity_saves_the_first_request_and_still_notices_a_change(server):
    known = opened(server).identity
    server.seen.clear()
    content = server.door(total_s=99.0).open(f"{server.url}/scene.tif", known=known)
    assert server.requests == 0
    assert content.read(50_000, 9) == DATA[50_000:50_009]
    (server.folder / "scene.tif").write_bytes(DATA[::-1])
    with pytest.raises(DamageError, match="replaced"):
        content.read(50_000, 9)


def test_what_was_found_replaced_is_opened_anew_at_once(server):
    door = server.door()
    content = door.open(f"{server.url}/scene.tif")
    (server.folder / "scene.tif").write_bytes(DATA[::-1])
    with pytest.raises(DamageError, match="replaced"):
        content.read(50_000, 9)
    assert door.open(f"{server.url}/scene.tif").read(50_000, 9) == DATA[::-1][50_000:50_009]


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 900)), max_size=30), st.integers(0, 500),
       st.integers(1, 3000))  # fmt: skip
def test_joined_ranges_cover_each_and_are_few(pairs, gap, longest):
    ranges = [(start, start + length) for start, length in pairs]
    joined = join_ranges(ranges, gap, longest)
    for start, stop in ranges:
        assert start == stop or any(first <= start and stop <= last for first, last in joined)
    assert all(a[1] <= b[0] for a, b in pairwise(joined))
    wanted = {byte for start, stop in ranges for byte in range(start, stop)}
    for first, last in joined:  # nothing is read beyond what is wanted but gaps
        inside = sorted(wanted & set(range(first, last)))
        assert inside[0] == first
        assert inside[-1] == last - 1
        assert all(b - a - 1 <= gap for a, b in pairwise(inside))


def test_neighbours_are_fetched_together_and_answers_come_in_order(server):
    content = opened(server)
    server.seen.clear()
    near = [(100_000 + 3_000 * i, 2_000) for i in range(20)]
    far = [(500_000, 10), (900_000, 10), (900_005, 20), (3, 4)]
    ranges = [*far, *reversed(near)]
    assert content.read_many(ranges) == [DATA[o : o + n] for o, n in ranges]
    assert server.requests == 3


def test_requests_run_at_the_same_time_and_never_more_than_the_pool_holds(server):
    content = opened(server)
    server.latency_s, server.seen[:] = 0.1, []
    running, most, lock = [0], [0], threading.Lock()
    note = server.note

    def count(seen):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        note(seen)
        with lock:
            running[0] -= 1

    server.note = count
    ranges = [(40_000 + 200_000 * (i % 7), 10 + i) for i in range(7)]
    start = time.monotonic()
    with ThreadPoolExecutor(12) as threads:
        for parts in threads.map(lambda _: content.read_many(ranges), range(12)):
            assert parts == [DATA[o : o + n] for o, n in ranges]
    assert server.requests == 84
    assert 8 <= most[0] <= 32
    assert time.monotonic() - start < 84 * 0.1 / 2


PASSING = [
    Fault("reset"), Fault("reset", after=0.0), Fault("truncate"), Fault("no answer"), Fault("wrong range"),
    Fault("no ranges"), Fault("stall", seconds=1.0), Fault("status", status=503),
    Fault("status", status=429, headers={"Retry-After": "0"}),
]  # fmt: skip


@pytest.mark.parametrize(
    "fault", PASSING, ids=lambda f: f"{f.kind} {f.after if f.kind != 'status' else f.status}"
)
def test_a_fault_that_passes_is_not_noticed(server, fault):
    content = opened(server, stall_s=0.4)
    server.faults = Faults([fault, fault])
    assert content.read(100_000, 50_000) == DATA[100_000:150_000]


@pytest.mark.parametrize("kind", ["reset", "truncate", "stall", "no answer", "wrong range", "no ranges",
                                  "drip", "slow headers", "endless"])  # fmt: skip
def test_a_fault_that_stays_is_an_error_that_names_the_url_within_the_time(server, kind):
    content = opened(server, stall_s=0.3, total_s=1.5, attempts=2)
    server.faults = Faults(always=Fault(kind, seconds=0.2))
    start = time.monotonic()
    with pytest.raises(DamageError, match=r"scene\.tif"):
        content.read(100_000, 50_000)
    assert time.monotonic() - start < 8  # on a busy machine


def test_a_server_that_asks_to_wait_is_waited_for(server):
    content = opened(server)
    server.faults = Faults([Fault("status", status=429, headers={"Retry-After": "1"})])
    start = time.monotonic()
    content.read(100_000, 5)
    assert time.monotonic() - start >= 1.0


def test_a_server_that_asks_to_wait_for_longer_than_there_is_time_is_given_up_at_once(server):
    content = opened(server, total_s=5.0)
    server.faults = Faults(always=Fault("status", status=429, headers={"Retry-After": "3600"}))
    start = time.monotonic()
    with pytest.raises(DamageError, match="3600 s"):
        content.read(100_000, 5)
    assert time.monotonic() - start < 4


def test_what_is_replaced_while_it_is_read_is_noticed(server):
    content = opened(server)
    server.faults = Faults(always=Fault("replaced"))
    with pytest.raises(DamageError, match="replaced"):
        content.read(100_000, 5)


@pytest.mark.parametrize("kind", ["packed", "many headers"])
def test_answers_in_a_form_that_was_not_asked_for_are_errors(server, kind):
    server.faults = Faults(always=Fault(kind))
    with pytest.raises(DamageError):
        opened(server, attempts=2)


def test_a_server_without_ranges_serves_what_is_small(server):
    server.faults = Faults(always=Fault("no ranges"))
    assert opened(server).read(1_000_000, 77) == DATA[1_000_000:1_000_077]
    assert server.requests == 1
    with pytest.raises(UnavailableError, match="Download"):
        opened(server, whole_bytes=1_000_000)


def test_what_is_not_there_or_not_for_us_is_said_at_once(server):
    with pytest.raises(MissingError, match=r"none\.tif"):
        server.door().open(f"{server.url}/none.tif")
    assert server.requests == 1
    server.faults = Faults(always=Fault("status", status=403))
    with pytest.raises(DamageError, match="403"):
        server.door().open(f"{server.url}/other.tif")
    assert server.requests == 2


def test_an_empty_object_has_no_bytes(server):
    (server.folder / "empty").write_bytes(b"")
    content = server.door().open(f"{server.url}/empty")
    assert (content.size, content.read(0, 10), content.read_many([(0, 5)])) == (0, b"", [b""])


def test_secrets_of_a_query_are_in_no_name_and_no_error(server):
    server.faults = Faults(always=Fault("status", status=403))
    with pytest.raises(DamageError) as error:
        server.door().open(
            f"{server.url}/scene.tif?page=2&sig=TOPSECRET&X-Amz-Signature=TOPSECRET&token=TOPSECRET"
        )
    assert "TOPSECRET" not in str(error.value)
    assert "page=2" in str(error.value)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(-50, 1_600_000), st.integers(-1, 600_000)), max_size=8)
)
def test_a_stream_reads_as_a_file_does(tmp_path_factory, moves):
    class Memory:
        name, identity, size = "memory", ("memory", len(DATA), 0), len(DATA)

        def read(self, offset, length):
            return DATA[offset : offset + length]

    path = tmp_path_factory.getbasetemp() / "stream.bin"
    if not path.exists():
        path.write_bytes(DATA)
    with path.open("rb") as file, ContentStream(Memory()) as stream:
        for whence, offset, size in moves:
            target = offset if whence == os.SEEK_SET else -offset
            positions = []
            for one in (file, stream):
                try:
                    one.seek(target, whence)
                except (ValueError, OSError):
                    positions.append("refused")
                    continue
                positions.append((one.tell(), one.read(size)))
            assert positions[0] == positions[1]


def test_a_process_that_is_forked_uses_connections_of_its_own(server):
    content = opened(server)
    before = shared_connections()
    child = os.fork()
    if child == 0:  # pragma: no cover (another process)
        fine = shared_connections() is not before and content.read(90_000, 9) == DATA[90_000:90_009]
        os._exit(0 if fine else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
